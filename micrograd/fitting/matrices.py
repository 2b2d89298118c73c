"""Matrices: the Jacobian or Hessian of a function of a vector, without the entries that are zero.

If many rows have the same formula, one small kernel computes all of these. Otherwise one program
computes the whole matrix.
"""

from typing import Any

import numpy as np

from micrograd.annotations import Function
from micrograd.calculus import hessian, jacobian
from micrograd.compiler.api.arguments import Array
from micrograd.compiler.api.function import compile
from micrograd.compiler.api.specialization import Specialization
from micrograd.compiler.program.ir import Block, Index, Program
from micrograd.compiler.program.roll import roll
from micrograd.compiler.runtime.kernel import Call
from micrograd.compiler.trace.trace import Trace
from micrograd.engine import numbers_of
from micrograd.fitting.groups import Group
from micrograd.fitting.pattern import Filled, Pattern
from micrograd.fitting.row_formulas import Reading, RowFormula, row_formulas
from micrograd.fitting.summands import summands
from micrograd.point import array_of
from micrograd.scalar import Scalar

# Rows are computed by their formulas if these have at most so many steps together, if a formula
# computes at least so many rows on average, and if this multiplies the program's work by less than
# the last number.
MOST_STEPS = 4000
LEAST_ROWS = 16
MOST_WORK = 8
KEPT = 64  # specializations whose formulas are kept


class Derivatives:
    """The results of `f(vector, *args)`, and their derivatives by the vector.

    Of order 1, the Jacobian; of order 2, the Hessian of a single result.
    """

    def __init__(self, f: Function, order: int = 1) -> None:
        self.order = order
        self._f = f
        self._one = compile(f)
        self._methods: dict[int, tuple[Specialization, ByRows | Whole]] = {}

    def results(self, x: Array, *args: Any) -> Array:
        """The results at x."""
        it, call = self._one.specialize(x, *args)
        return self._method(it, len(x)).results(it, call, x, *args)

    def matrix(self, x: Array, *args: Any) -> Filled:
        """The derivatives at x."""
        it, call = self._one.specialize(x, *args)
        return self._method(it, len(x)).matrix(it, call, x, *args)

    def by_rows(self, x: Array, *args: Any) -> bool:
        """Whether the rows are computed by their formulas."""
        it, _ = self._one.specialize(x, *args)
        return isinstance(self._method(it, len(x)), ByRows)

    def _method(self, it: Specialization, n: int) -> "ByRows | Whole":
        known = self._methods.get(id(it))
        if known is not None:
            return known[1]
        if len(self._methods) > KEPT:
            self._methods.clear()
        if self.order == 2 and it.trace.output_shapes != [None]:
            self._one.kernel(it, "arguments")  # raises: only one number has a gradient
        found = None if it.paths is not None else formulas_of(self._one.unrolled(it), self.order)
        method = (
            Whole(self._f, self.order, it.paths is None)
            if found is None
            else ByRows(*found, n, self.order)
        )
        self._methods[id(it)] = it, method
        return method


def formulas_of(graph: Trace, order: int) -> tuple[Program, list[RowFormula]] | None:
    """The formulas of the rows, or of the summands; None if the whole matrix is less work."""
    program = roll(graph, guarded=True)
    (unknowns, *_) = program.inputs
    products = results(program) if order == 1 else summands(program, unknowns)
    formulas = row_formulas(program, products, MOST_STEPS)
    if not formulas or len(formulas) * LEAST_ROWS > sum(len(x.rows) for x in formulas):
        return None
    work = sum(len(x) for i in program.computations for x in i.gathers())
    return (program, formulas) if sum(x.work for x in formulas) <= MOST_WORK * work else None


def results(program: Program) -> list[tuple[Index, list[Reading]]]:
    """The results that are members of each block, with their row numbers."""
    parts: dict[Block, list[Index]] = {}
    numbers: dict[Block, list[Index]] = {}
    start = 0
    for gather in program.outputs["value"]:
        parts.setdefault(gather.block, []).append(gather.index)
        numbers.setdefault(gather.block, []).append(np.arange(start, start + len(gather)))
        start += len(gather)
    return [
        (np.concatenate(numbers[block]), [Reading(block, np.concatenate(index))])
        for block, index in parts.items()
    ]


class ByRows:
    """A kernel for each formula, which computes all rows or summands of this formula."""

    def __init__(self, program: Program, formulas: list[RowFormula], n: int, order: int) -> None:
        given = [*program.inputs, program.parameters, program.constants]
        starts: dict[Block, int] = {}
        for block in given:
            starts[block] = sum(x.size for x in given[: len(starts)])
        self.constants = np.array(program.constant_values)
        self.order, self.n = order, n
        unknowns = program.inputs[0]
        self.groups = [Group(x, unknowns, starts, program.constants, program.constant_values, order)
                       for x in formulas]  # fmt: skip
        self.count = sum(len(x.rows) for x in formulas)
        self.pattern: Pattern | None = None
        self.latest = np.zeros(0), [np.zeros((0, 1))]  # the inputs, and the results

    def results(self, it: Specialization, call: Call, x: Array, *args: Any) -> Array:
        results = np.empty(self.count)
        for group, values in zip(self.groups, self._computed(it, call)):
            results[group.rows] = values[:, 0]
        return results

    def matrix(self, it: Specialization, call: Call, x: Array, *args: Any) -> Filled:
        found = self._computed(it, call)
        if self.pattern is None:
            self.pattern = self._pattern()
        return Filled(self.pattern, np.concatenate([values[:, 1:].ravel() for values in found]))

    def _computed(self, it: Specialization, call: Call) -> list[Array]:
        """The results and derivatives of each group, kept because a search needs both."""
        captured = np.array(numbers_of(it.parameters), float)
        numbers = np.concatenate([*map(np.ravel, call.inputs), captured, self.constants])
        known, found = self.latest
        if not np.array_equal(known, numbers):
            found = [group(numbers) for group in self.groups]
            self.latest = numbers, found
        return found

    def _pattern(self) -> Pattern:
        """The rows and columns of the derivatives, which are known once the groups are traced."""
        rows, columns = [], []
        for group in self.groups:
            by = np.array(group.entries, np.int64).reshape(-1, self.order)
            columns.append(group.places[:, by[:, -1]].ravel())
            rows.append(
                np.repeat(group.rows, len(by))
                if self.order == 1
                else group.places[:, by[:, 0]].ravel()
            )
        height = self.count if self.order == 1 else self.n
        return Pattern(np.concatenate(rows), np.concatenate(columns), (height, self.n))


class Whole:
    """One program for all derivatives, without those that are zero everywhere.

    If the function has several paths (`if`), each path has other zeros. Then the pattern is not
    `exact`: it is that of the numbers at each point.
    """

    def __init__(self, f: Function, order: int, exact: bool) -> None:
        self.exact = exact
        self.values = compile(f)
        self.places = np.zeros((0, 2), np.int64)
        self.pattern: Pattern | None = None
        self.shape = (0, 0)
        derivative = (jacobian if order == 1 else hessian)(f, argnums=0)

        def nonzero(x: Any, *args: Any) -> Any:
            matrix = np.asarray(derivative(x, *args)).reshape(-1, len(x))
            places = [
                (i, j)
                for i, row in enumerate(matrix.tolist())
                for j, z in enumerate(row)
                if isinstance(z, Scalar) or z != 0.0
            ]
            self.places = np.array(places, np.int64).reshape(-1, 2)
            self.shape = len(matrix), len(x)
            return array_of([matrix[place] for place in places], (len(places),))

        self.derivatives = compile(nonzero if exact else derivative)

    def results(self, it: Specialization, call: Call, x: Array, *args: Any) -> Array:
        return np.ravel(self.values(x, *args))

    def matrix(self, it: Specialization, call: Call, x: Array, *args: Any) -> Filled:
        numbers = self.derivatives(x, *args)
        if not self.exact:
            matrix = numbers.reshape(-1, len(x))
            rows, columns = np.nonzero(matrix)
            return Filled(Pattern(rows, columns, (len(matrix), len(x))), matrix[rows, columns])
        if self.pattern is None:
            self.pattern = Pattern(self.places[:, 0], self.places[:, 1], self.shape)
        return Filled(self.pattern, numbers)
