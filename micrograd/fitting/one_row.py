"""OneRow: repeats the step of a single row without allocating memory."""

from typing import Any

import numpy as np

from micrograd.compiler.api.function import CompiledOne
from micrograd.compiler.runtime.kernel import Call

Array = np.ndarray[Any, Any]


class OneRow:
    """A compiled step of one row, and its memory. Only one thread may use it at a time.

    `compaction.repeat` is for many rows, and for steps that are not `is_simple`.
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
        """Whether the step is one program that reads only its arguments."""
        it, _ = step.specialize(state, *inputs)
        return not (it.parameters or it.roots or it.may_be_unknown)

    def __call__(self, state: Array, inputs: list[Array], most: int) -> tuple[Array, int]:
        """The state after `most` steps, or earlier if its last number is not 0; and the number of
        steps."""
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
