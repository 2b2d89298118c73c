"""The point at which a function is differentiated: its arguments, as variables of their own."""

import math
from typing import Any

from micrograd import graph, modes, ops, watch
from micrograd.engine import Value
from micrograd.real import number
from micrograd.scalar import Scalar
from micrograd.structure import Structure, flatten
from micrograd.watch import Variables, Watch

MANY = 16  # comparisons: more look like a search, not like a choice between formulas


class Point(Variables):
    """The arguments of one call as new variables, detached from the caller's graph.

    A result that depends only on these variables, and on Values made during the call, is a number.
    """

    def __init__(self, args: tuple[Any, ...]):
        scalars, self.structure, self.shapes = scalars_of(args)
        super().__init__([ops.identity(x) if isinstance(x, Scalar) else Value(x) for x in scalars])
        self.args = arranged(self.variables, self.structure, self.shapes)
        self.comparisons = 0

    def compared(self, op: Any, operands: tuple[Any, ...], holds: bool) -> Any:
        self.comparisons += 1
        return super().compared(op, operands, holds)

    def scan(self, step: Any, carry: Any, items: Any, differentiated: bool = False) -> Any:
        if self.outer is None or not any(map(_is_symbolic, (carry, *items))):
            return None
        return self.outer.scan(step, carry, items, True)

    def gradient(self, z: Any, closed: bool | None = None) -> list[Any]:
        """The derivatives of z: numbers, or scalars if z depends on more than the variables."""
        if self.comparisons >= MANY and not (isinstance(z, Scalar) and self.misses(z)):
            watch.warn_of_choices(self.comparisons)
        if not isinstance(z, Scalar):
            return [0.0] * len(self.variables)
        if not (self.closed(z) if closed is None else closed):
            return gradients(z, self.variables)
        before = [(x, x.grad) for x in self.made]
        for x in self.variables:
            x.grad = 0.0
        graph.sweep(z)
        for x, known in before:
            x.grad = known
        return [x.grad for x in self.variables]

    def jacobian(self, outputs: list[Any]) -> list[list[Any]]:
        """The derivatives of each output, as rows; computed by rows or columns, as `modes` says."""
        if not modes.by_columns(outputs, self.variables):
            closed = self.closed(*outputs) or None  # all in one walk, or each alone
            return [self.gradient(z, closed) for z in outputs]
        weights = [Value(1.0) for _ in outputs]
        product = ops.sum(*[w * z for w, z in zip(weights, outputs)])
        columns = Point(())  # the derivatives of a gradient that is linear in the weights
        columns.variables, columns.made = weights, self.made.union(self.variables)
        found = [columns.gradient(x) for x in gradients(product, self.variables)]
        return [list(row) for row in zip(*found)]

    def closed(self, *roots: Any) -> bool:
        """Whether the roots depend on none of the caller's Values, so that numbers suffice."""
        scalars = [z for z in roots if isinstance(z, Scalar)]
        if not all(isinstance(z, Value) for z in scalars):
            return False
        own = self.made.union(self.variables)
        return all(x.operands or x in own or graph.is_truth(x) for x in graph.below(*scalars))

    def number(self, z: Any, closed: bool | None = None) -> Any:
        if not (self.closed(z) if closed is None else closed):
            return z
        return z.data if isinstance(z, Value) else float(z)

    def numbers(self, value: Any) -> Any:
        scalars, structure, shapes = scalars_of(value)
        closed = self.closed(*scalars) or None
        return arranged([self.number(z, closed) for z in scalars], structure, shapes)

    def of_arguments(self, derivatives: list[Any]) -> Any:
        parts = arranged(derivatives, self.structure, self.shapes)
        return parts[0] if len(parts) == 1 else parts


class _Formulas(Watch):
    """The formulas of derivatives. A comparison of Values is a truth of their graph."""

    def compared(self, op: Any, operands: tuple[Any, ...], holds: bool) -> Any:
        found = super().compared(op, operands, holds)
        value = next(x for x in operands if isinstance(x, Value))
        return value.truth(found)


def gradients(z: Scalar, variables: list[Any]) -> list[Any]:
    """Like `graph.gradients`; in a graph of symbols, Values are replaced by their symbols."""
    trace = getattr(z, "trace", None)
    counts = [(point, point.comparisons) for point in watch.watches() if isinstance(point, Point)]
    inputs = variables if trace is None else [trace.symbol(x) for x in variables]
    found = _Formulas().run(graph.gradients if trace is None else trace.gradients, z, inputs)
    for point, count in counts:  # comparisons in formulas of derivatives do not count
        point.comparisons = count
    return found


def _is_symbolic(tree: Any) -> bool:
    return tree is not None and any(hasattr(x, "trace") for x in scalars_of(tree)[0])


def scalars_of(tree: Any) -> tuple[list[Any], Structure, list[tuple[int, ...] | None]]:
    """The scalars of a structure and of its arrays; `arranged` is the inverse."""
    leaves, structure = flatten(tree)
    scalars: list[Any] = []
    shapes: list[tuple[int, ...] | None] = []
    for leaf in leaves:
        shape = getattr(leaf, "shape", None)
        shapes.append(shape or None)  # an array without axes is a number
        if shape is not None and not hasattr(leaf, "ravel"):  # a Series of pandas
            leaf = leaf.to_numpy()
        scalars += [leaf] if shape is None else leaf.ravel().tolist()
    return [x if isinstance(x, Scalar) else number(x) for x in scalars], structure, shapes


def arranged(scalars: list[Any], structure: Structure, shapes: list[Any]) -> Any:
    leaves, start = [], 0
    for shape in shapes:
        if shape is None:
            leaves.append(scalars[start])
            start += 1
        else:
            size = math.prod(shape)
            leaves.append(array_of(scalars[start : start + size], shape))
            start += size
    return structure.build(iter(leaves))


def array_of(scalars: list[Any], shape: tuple[int, ...]) -> Any:
    import numpy as np

    from micrograd.arrays.array import wrapped

    symbolic = any(isinstance(x, Scalar) for x in scalars)
    array = np.empty(len(scalars), dtype=object if symbolic else float)
    array[:] = scalars
    return wrapped(array.reshape(shape))
