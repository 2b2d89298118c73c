"""Iteration: the meaning of an operation that repeats a step until it is done.

It is written as four formulas in plain arithmetic, which run on floats, on arrays, on registers and
as text. Each back end repeats the step in its own way: Python and C in a `while`, NumPy on the
examples that are not done, native code until all lanes are done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

State = Sequence[Any]  # the numbers that a step replaces


@dataclass(frozen=True, eq=False)
class Iteration:
    """`start(*operands)` is the first state, `step(state, operands)` the next one; it is repeated
    while `goes_on(state)` holds, and then `result(state)` is the result."""

    start: Callable[..., State]
    step: Callable[[State, Sequence[Any]], State]
    goes_on: Callable[[State], Any]
    result: Callable[[State], Any]

    def __call__(self, *operands: Any) -> Any:
        """The result, of floats or of arrays."""
        if any(hasattr(x, "ndim") for x in operands):
            return self._on_arrays(operands)
        state = self.start(*operands)
        while self.goes_on(state):
            state = self.step(state, operands)
        return self.result(state)

    def _on_arrays(self, operands: Sequence[Any]) -> Any:
        """On the examples that are not done: these become fewer."""
        import numpy as np

        shape = np.broadcast_shapes(*map(np.shape, operands))
        columns = [np.broadcast_to(np.asarray(x, float), shape).ravel() for x in operands]
        size = len(columns[0])
        state = [np.broadcast_to(np.asarray(x, float), size) for x in self.start(*columns)]
        results = np.empty(size)
        rows = np.arange(size)  # of the examples that are left
        while True:
            more = np.broadcast_to(self.goes_on(state), len(rows))
            if not more.all():
                done = [x[~more] for x in state]
                results[rows[~more]] = self.result(done)
                rows = rows[more]
                state, columns = [x[more] for x in state], [x[more] for x in columns]
            if not len(rows):
                return results.reshape(shape)
            stepped = self.step(state, columns)
            state = [np.broadcast_to(np.asarray(x, float), len(rows)) for x in stepped]
