"""Kernel: a program ready to run on arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from micrograd.compiler.program.ir import Program
from micrograd.compiler.runtime.buffers import Array


@dataclass(slots=True)
class Call:
    """The arguments of one call, ready for a kernel: an array for each input, of n examples."""

    n: int
    inputs: Sequence[Array]
    shape: tuple[int, ...] = ()  # of the examples, as the caller sees them
    shared: tuple[int, ...] = ()  # the inputs that are the same for all examples

    def share(self, sizes: list[int]) -> None:
        """Sets `shared`: the inputs that are the same for all examples."""
        if self.n > 1:
            pairs = enumerate(zip(self.inputs, sizes))
            alike = {k for k, (x, size) in pairs if x.size != self.n * size}
            self.shared = tuple(sorted(alike | {*self.shared}))

    def of(self, rows: NDArray[np.int64]) -> "Call":
        """The call on some of its examples."""
        parts = [
            x if k in self.shared else x.reshape(self.n, -1)[rows]
            for k, x in enumerate(self.inputs)
        ]
        return Call(len(rows), parts, (len(rows),), self.shared)


Answer = Array | float


class Kernel(Protocol):
    """Runs a program on a call, with these parameters and seed; returns its outputs, in order.

    An input is an array of n times size numbers, or of size numbers that all examples share. A
    varying output has the shape (n, members), a uniform one (members,); the first is a float if it
    is one uniform number. The second result says whether an output after the first holds a NaN;
    in a program without guards, whether any output does.
    """

    dtype: np.dtype[Any]

    @property
    def program(self) -> Program: ...

    def __call__(self, call: Call, parameters: Array, seed: float) -> tuple[list[Answer], bool]: ...

    def prepared(
        self, call: Call, parameters: Array, answers: list[Array], rows: Array | None = None,
        placed: int = 0,
    ) -> Callable[[int, float], bool]:  # fmt: skip
        """For loops: a function `run(n, seed)` that repeats the call on the first n examples.

        `run` returns whether an output after the first holds a NaN. It writes the outputs into
        `answers`; these, the inputs and the parameters must not move. If each number depends on
        the inputs of its own example only, an answer may be an input.

        With `rows`, 64-bit integers, the first `placed` inputs are arrays of any length, and
        example k is in row rows[k] of each. Writing other integers into `rows` selects a batch.
        """
        ...

    def scalars(self) -> Callable[..., Any] | None:
        """The program as a function of floats, if all its inputs and outputs are numbers and it has
        no parameters; else None. It returns the value, or the value and its gradient: a tuple, if
        there are several; and None for other arguments, or after a NaN."""
        ...
