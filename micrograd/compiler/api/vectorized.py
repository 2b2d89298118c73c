"""Vectorized: a function for all examples in one call."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from micrograd.annotations import Function, Tree
from micrograd.compiler.api.arguments import Array, arranged, broadcast, check_names, spread
from micrograd.compiler.api.axes import Each, check_each, differ_by_reading, shared_leaves
from micrograd.compiler.api.compiled import Compiled
from micrograd.compiler.api.sample import first
from micrograd.compiler.api.specialization import Specialization
from micrograd.compiler.runtime.building import collector_paused
from micrograd.compiler.runtime.kernel import Call
from micrograd.compiler.trace.broadcasting import CHOOSE, ambiguous, formula
from micrograd.compiler.trace.called import Shape
from micrograd.compiler.trace.errors import TraceError
from micrograd.errors import ArgumentError, NumPyError, ShapeError
from micrograd.structure import Structure


class Vectorized(Compiled):
    """All examples in one call. A function of numbers broadcasts; one of rows takes the first axis
    as that of the examples."""

    _single = False

    def __init__(
        self,
        function: Function,
        dtype: DTypeLike,
        threads: int,
        exact: bool,
        each: Each | None = None,
        in_axes: Tree = 0,
    ) -> None:
        super().__init__(function, dtype, threads, exact)
        check_each(each)
        self.in_axes = in_axes
        self.each = "row" if each is None and in_axes != 0 else each

    def __reduce__(self) -> Any:
        found = super().__reduce__()
        return (
            found if isinstance(found, str) else (*found[:1], (*found[1], self.each, self.in_axes))
        )

    def _takes_quick_calls(self) -> bool:
        return self.in_axes == 0

    def _call_of(self, args: tuple[Array, ...]) -> Call:
        n = len(args[0])
        return Call(n, args, (n,))

    def _arranged(self, tree: Any) -> Any:
        return arranged(tree)

    def _fitted(
        self, structure: Structure, arrays: list[Array]
    ) -> tuple[Specialization, Call, bool]:
        shapes, shared = [array.shape for array in arrays], self.shared(structure)
        examples = [shape for k, shape in enumerate(shapes) if k not in shared]

        def of_numbers() -> Call:
            shape = broadcast(examples)
            if shape is None:
                raise self._unfit(shapes, by="number")
            return Call(math.prod(shape), spread(arrays, shape, shared), shape, shared)

        it = self._of_numbers(structure, shapes, shared, of_numbers)
        if isinstance(it, Specialization):
            call = of_numbers()
            if self.each is None and differ_by_reading(examples):
                raise self._unclear(shapes)
            return it, call, len(call.shape) < 2
        lengths = {shape[0] for shape in examples if shape} - {1}
        if len(lengths) > 1:
            raise self._unfit(shapes, by="row")
        rows = [shape if k in shared else shape[1:] for k, shape in enumerate(shapes)]
        shape = (lengths.pop() if lengths else 1,) if any(examples) else ()
        inputs = [*map(np.ascontiguousarray, arrays)]
        call = Call(math.prod(shape), inputs, shape, shared)
        it = self._one_example(structure, [row or None for row in rows], lambda: call, it)
        return it, call, True

    def shared(self, structure: Structure) -> tuple[int, ...]:
        return () if self.in_axes == 0 else shared_leaves(self.in_axes, structure)

    def _of_numbers(
        self,
        structure: Structure,
        shapes: list[tuple[int, ...]],
        shared: tuple[int, ...],
        call: Callable[[], Call],
    ) -> Specialization | Exception | None:
        """The function as one of numbers; if it is not, None or the error that explains why."""
        axes = [max(len(shape) - 1, 0) for shape in shapes]
        if self.each == "row":
            return None
        if self.each == "number" or not any(axes):  # no example is an array
            whole = [(shapes[k] or None) if k in shared else None for k in range(len(shapes))]
            return self._one_example(structure, whole, call)
        key = structure, tuple(map(len, shapes))
        known = self._cache.elementwise.get(key)
        return known or self._cache.elementwise.keep(key, self._decided(structure, axes, call))

    def _decided(
        self, structure: Structure, axes: list[int], call: Callable[[], Call]
    ) -> Specialization | Exception:
        check_names(self._function, structure, self)
        numbers: list[Shape] = [None] * len(axes)
        with collector_paused():
            found = formula(self._function, structure, axes, partial(first, call, numbers))
        if isinstance(found, Exception):
            return found.with_traceback(None)
        return self._kept(structure, numbers, found, call)

    def _one_example(
        self,
        structure: Structure,
        shapes: list[Shape],
        call: Callable[[], Call],
        reason: Exception | None = None,
    ) -> Specialization:
        """The function for one example of these shapes; `reason` says why they are not numbers."""
        try:
            return self._traced_for(structure, shapes, call)
        except Exception as error:
            if isinstance(reason, TraceError):
                error.add_note(
                    "Rows were passed, because the function does not work on numbers: "
                    f"{reason}. If need be, {CHOOSE}."
                )
            ours = isinstance(error, (TraceError, NumPyError, ShapeError))
            if ours or "'Symbol' object" not in str(error):
                raise
            raise ArgumentError(
                f"{self!r} passes one example, of the shapes "
                f"{', '.join('a number' if s is None else str(s) for s in shapes)}: {error}. An "
                "argument that all examples share is passed whole by in_axes, as in "
                "micrograd.vectorize(f, in_axes=(0, None))"
            ) from error

    def _unclear(self, shapes: list[tuple[int, ...]]) -> ArgumentError:
        return ambiguous(
            f"arrays of the shapes {', '.join(map(str, shapes))} fit by their last axes, as in "
            "NumPy, and by their first, which count rows. Give all as many axes, by x[:, None] or "
            "x[None, :]"
        )

    def _unfit(self, shapes: list[tuple[int, ...]], by: Each) -> ShapeError:
        came = f"{self!r} got arrays of the shapes {', '.join(map(str, shapes))}. "
        if by == "number":
            return ShapeError(
                f"{came}It is a function of numbers: they must broadcast, as in a NumPy ufunc. "
                "Insert axes of length 1 where a number is the same for a whole row, as x[:, None] "
                'does; the first axis counts examples only of a function of rows (each="row")'
            )
        return ShapeError(
            f"{came}It is a function of rows: the first axis counts the examples and must agree in "
            "all. Pass equally many examples in each, and what all share by in_axes, as in "
            "vectorize(f, in_axes=(0, None)); or write it in operations on single numbers, and "
            "arrays will broadcast"
        )

    def _shaped(self, rows: Array, shape: Shape, call: Call) -> Any:
        if shape is None and len(call.shape) == 1:
            return rows[:, 0]
        return rows.reshape((*call.shape, *(shape or ())))[()]  # a number, if there are no axes
