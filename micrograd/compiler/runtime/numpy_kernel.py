"""The kernel in NumPy, for machines without llvmlite."""

from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd.compiler.program.evaluate import evaluate
from micrograd.compiler.program.ir import Map, Program
from micrograd.compiler.runtime.buffers import Array
from micrograd.compiler.runtime.kernel import Answer, Call
from micrograd.compiler.schedule.cost import cost


class NumPyKernel:
    """Evaluates the program in NumPy, if llvmlite is missing."""

    def __init__(self, program: Program, dtype: Any, exact: bool = False):
        self.program, self.dtype, self._exact = program, dtype, exact
        for instruction in program.computations:
            if isinstance(instruction, Map):  # raises TraceError as machine code would
                cost(instruction.op, len(instruction.operands))

    def __call__(self, call: Call, parameters: Array, seed: float) -> tuple[list[Answer], bool]:
        wide = [
            np.broadcast_to(
                x.reshape(-1 if block.size else 1, block.size),
                (call.n if block.varying else 1, block.size),
            )
            for x, block in zip(call.inputs, self.program.inputs)
        ]
        seeds = np.full(call.n, seed)
        answers = evaluate(self.program, wide, parameters, seeds, self._exact).values()
        first, *others = (x.astype(self.dtype) for x in answers)
        watched = [first, *others] if self.program.unguarded else others
        nan = any(bool(np.isnan(x).any()) for x in watched)
        return [first.item() if first.shape == (1,) else first, *others], nan

    def prepared(
        self, call: Call, parameters: Array, answers: list[Array], rows: Array | None = None,
        placed: int = 0,
    ) -> Callable[[int, float], bool]:  # fmt: skip
        """See `Kernel`."""

        def again(n: int, seed: float) -> bool:
            chosen = slice(n) if rows is None else rows[:n]
            inputs = [x[chosen if k < placed else slice(n)] for k, x in enumerate(call.inputs)]
            part = Call(n, inputs)
            outputs, nan = self(part, parameters, seed)
            for answer, x in zip(answers, outputs):
                answer[: n if np.ndim(x) == 2 else None] = np.ravel(x)
            return nan

        return again

    def scalars(self) -> None:
        """See `Kernel`: there is no C function."""
