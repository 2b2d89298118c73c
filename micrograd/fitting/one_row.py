"""OneRow: the step of a single row, repeated in memory of its own, so that Python does little."""

from typing import Any

import numpy as np

from micrograd.compiler.api.function import CompiledOne
from micrograd.compiler.runtime.kernel import Call

Array = np.ndarray[Any, Any]


class OneRow:
    """A compiled step of one row, ready to be repeated; by one thread at a time.

    `compaction.repeat` does the same for many rows, and for steps that `is_simple` refuses.
    """

    def __init__(self, step: CompiledOne, state: Array, inputs: list[Array]):
        it, _ = step.specialize(state, *inputs)
        kernel, nothing = step.kernel(it), np.zeros(0)
        self.step, self.inputs = step, [np.empty_like(x) for x in inputs]
        self.states = np.empty((2, len(state)))
        rows = [x[None] for x in self.inputs]
        self.halves = [
            (kernel.prepared(Call(1, [old[None], *rows]), nothing, [new[None]]), old, new)
            for old, new in (self.states, self.states[::-1])
        ]

    @staticmethod
    def is_simple(step: CompiledOne, state: Array, inputs: list[Array]) -> bool:
        """Whether the step is one program, which reads nothing but its arguments."""
        it, _ = step.specialize(state, *inputs)
        return not (it.is_apart or it.parameters or it.roots or it.trace.path is not None)

    def __call__(self, state: Array, inputs: list[Array], most: int) -> tuple[Array, int]:
        """The final state, whose last number is not 0, or that after `most` steps; their number."""
        self.states[0] = state
        for own, given in zip(self.inputs, inputs):
            own[:] = given
        count, new = 0, self.states[0]
        while count < most:
            run, old, new = self.halves[count % 2]
            if run(1, 1.0):  # a NaN, which may be 0 * inf: with guards
                new[:] = self.step(old, *self.inputs)
            count += 1
            if new[-1] != 0.0:
                break
        return new.copy(), count
