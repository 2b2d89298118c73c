"""Functions to functions: grad, value_and_grad, jacobian, hessian, jvp, vjp, hvp.

Each takes a function of numbers, arrays and structures of them (lists, tuples, dicts), and returns
a function that computes its derivatives. They nest to any depth, since each runs on scalars of any
class: on Values now, on the symbols of a traced program in `compile` and `vectorize`.

A derivative has the structure of its argument; for several arguments it is a tuple, with one for
each. Keyword arguments are passed on and not differentiated. `argnums` selects positional
arguments: an index from 0 for a single derivative, or a tuple of indices. So data need no
derivatives:

>>> error = lambda w, x, y: (w * x - y) ** 2
>>> grad(error, argnums=0)(2.0, 3.0, 5.0), grad(error)(2.0, x=3.0, y=5.0)
(6.0, 6.0)

The numbers of a derivative are floats; but Values if they depend on one of the caller's Values,
captured or passed, so that they can be differentiated further. Values that are made during the call
do not count.

`math.exp(x)` or `float(x)` would lose the derivative: a LostGradientError names the line and what
to write instead.
"""

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from micrograd import graph, modes, ops, watch
from micrograd.engine import Value
from micrograd.errors import ShapeError
from micrograd.operation import is_real
from micrograd.ops import number
from micrograd.scalar import Scalar
from micrograd.structure import Structure, flatten
from micrograd.watch import Watch

Function = Callable[..., Any]
MANY = 16  # comparisons: more look like a search, not like a choice between formulas


class Derivative(Protocol):
    """The type of `grad` and similar transformations."""

    def __call__(self, f: Function, argnums: int | Sequence[int] | None = None) -> Function: ...


def _by_chosen(by_all: Callable[[Function], Function]) -> Derivative:
    """Extends a transformation that differentiates by all arguments with `argnums`."""

    @functools.wraps(by_all)
    def transformation(f: Function, argnums: int | Sequence[int] | None = None) -> Function:
        derivative_by_all = by_all(f)

        def derivative(*args: Any, **keywords: Any) -> Any:
            if argnums is None and not keywords:
                return derivative_by_all(*args)
            places = _places(argnums, len(args))

            def of_chosen(*chosen: Any) -> Any:
                given = dict(enumerate(args)) | dict(zip(places, chosen))
                return f(*given.values(), **keywords)

            return by_all(of_chosen)(*[args[place] for place in places])

        return derivative

    return transformation


def _with_keywords(transformation: Callable[[Function], Function]) -> Callable[..., Function]:
    """Extends a transformation of positional arguments: keyword arguments are passed on."""

    @functools.wraps(transformation)
    def transformed(f: Function) -> Function:
        of_positional = transformation(f)

        def derivative(*args: Any, **keywords: Any) -> Any:
            if not keywords:
                return of_positional(*args)
            return transformation(functools.partial(f, **keywords))(*args)

        return derivative

    return transformed


def _places(argnums: int | Sequence[int] | None, count: int) -> list[int]:
    """The indices of the positional arguments to differentiate by."""
    every = [*range(count)]
    try:
        chosen = every if argnums is None else _indices(argnums)
    except TypeError:
        raise TypeError(
            f"argnums must be the place of an argument, 0 for the first, or a tuple of places, got "
            f"{argnums!r:.60}"
        ) from None
    if not chosen or not all(-count <= place < count for place in chosen):
        raise TypeError(
            f"nothing to differentiate by: argnums is {argnums}, and there are {count} positional "
            "arguments; keywords are passed on as they are"
        )
    if len({every[place] for place in chosen}) < len(chosen):
        raise TypeError(f"argnums names one argument twice: {argnums}")
    return [every[place] for place in chosen]


def _indices(argnums: Any) -> list[int]:
    return [
        operator.index(place) for place in (argnums if hasattr(argnums, "__iter__") else [argnums])
    ]


@_by_chosen
def grad(f: Function) -> Function:
    """The gradient of `f`, which returns one number.

    Raises TypeError if `f` returns anything else.

    >>> grad(lambda x: x**3)(2.0)
    12.0
    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    >>> grad(lambda x, y: x * y)(2.0, 5.0)
    (5.0, 2.0)
    """
    both = value_and_grad(f)

    def gradient(*args: Any) -> Any:
        return both(*args)[1]

    return gradient


@_by_chosen
def value_and_grad(f: Function) -> Function:
    """The value of `f`, which returns one number, and its gradient.

    >>> value_and_grad(lambda p: p["a"] * p["b"])({"a": 2.0, "b": 3.0})
    (6.0, {'a': 3.0, 'b': 2.0})
    """

    def value_and_gradient(*args: Any) -> Any:
        point = _Point(args)
        value = _one_number(point.run(f, *point.args))
        return point.number(value), point.of_arguments(point.gradient(value))

    return value_and_gradient


@_with_keywords
def vjp(f: Function) -> Function:
    """`vjp(f)(*args, cotangent)`: the value of `f`, and the gradient of value times cotangent.

    `cotangent` has the structure of the value. Raises TypeError if no cotangent is passed.

    >>> vjp(lambda x: [x * x, 3 * x])(2.0, [1.0, 10.0])
    ([4.0, 6.0], 34.0)
    """

    def value_and_product(*args: Any) -> Any:
        if not args:
            raise TypeError("vjp takes the arguments, and last the cotangent; got nothing")
        cotangent = args[-1]
        point = _Point(args[:-1])
        value = point.run(f, *point.args)
        product = _inner(value, cotangent)
        return point.numbers(value), point.of_arguments(point.gradient(product))

    return value_and_product


@_with_keywords
def jvp(f: Function) -> Function:
    """`jvp(f)(*args, *tangents)`: the value of `f`, and its directional derivative.

    There is no forward mode: the vjp times the tangents is linear in the cotangent, and its
    gradient is the result (the "double backward trick", J. Townsend, 2017).

    >>> jvp(lambda x, y: x * y)(2.0, 5.0, 1.0, 0.0)
    (10.0, 5.0)
    """

    def value_and_derivative(*args: Any) -> Any:
        half = len(args) // 2
        point = _Point(args[:half])
        value = point.run(f, *point.args)
        outputs, structure, shapes = _scalars(value)
        weights = [Value(1.0) for _ in outputs]
        point.made.update(weights)
        product = ops.sum(*[w * z for w, z in zip(weights, outputs)])
        gradient = _gradients(product, point.variables)
        along = _inner(gradient, args[half:])
        rates = _gradients(along, weights) if isinstance(along, Scalar) else [0.0] * len(weights)
        return point.numbers(value), _arranged([*map(point.number, rates)], structure, shapes)

    return value_and_derivative


@_with_keywords
def hvp(f: Function) -> Function:
    """`hvp(f)(*args, *vectors)`: the product of the Hessian of `f` with a vector.

    >>> hvp(lambda x: x[0] ** 2 * x[1])([3.0, 5.0], [1.0, 0.0])
    [10.0, 6.0]
    """
    gradient = grad(f)

    def product(*args: Any) -> Any:
        half = len(args) // 2
        vectors = args[half] if half == 1 else args[half:]
        return grad(lambda *x: _inner(gradient(*x), vectors))(*args[:half])

    return product


@_by_chosen
def jacobian(f: Function) -> Function:
    """The matrix of the derivatives of all results of `f` with respect to its argument.

    An array of shape (*shape of the result, *shape of the argument). Raises TypeError if the
    argument or the result is not a number, an array, or nested lists of numbers.

    >>> jacobian(lambda x: [x[0] * x[1], x[0]])([2.0, 5.0])
    array([[5., 2.],
           [1., 0.]])
    >>> jacobian(lambda a, t: [a * t, a * t * t], argnums=0)(2.0, 3.0)
    array([3., 9.])
    """

    def matrix(*args: Any) -> Any:
        point = _Point(args)
        shapes = [_regular(arg).shape for arg in args]
        value = _regular(point.run(f, *point.args))
        rows = point.jacobian([*value.ravel()])
        parts, start = [], 0
        for shape in shapes:
            stop = start + math.prod(shape)
            parts.append(_array([x for row in rows for x in row[start:stop]], value.shape + shape))
            start = stop
        return parts[0] if len(parts) == 1 else tuple(parts)

    return matrix


@_by_chosen
def hessian(f: Function) -> Function:
    """The matrix of the second derivatives of `f`, which returns one number, of one argument.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    return jacobian(grad(f))


class _Point(Watch):
    """The arguments of one call as new variables, detached from the caller's graph.

    A result that depends only on these variables, and on Values made during the call, is a number.
    """

    def __init__(self, args: tuple[Any, ...]):
        super().__init__()
        scalars, self.structure, self.shapes = _scalars(args)
        self.variables = [ops.identity(x) if isinstance(x, Scalar) else Value(x) for x in scalars]
        self.args = _arranged(self.variables, self.structure, self.shapes)
        self._comparisons = 0

    def misses(self, value: Any) -> bool:
        own = set(self.variables)
        return any(x in own for x in graph.below(value, passing=True))

    def compared(self, op: Any, operands: tuple[Any, ...], holds: bool) -> Any:
        self._comparisons += 1
        return super().compared(op, operands, holds)

    def gradient(self, z: Any) -> list[Any]:
        """The derivatives of z: numbers, or scalars if z depends on more than the variables."""
        if self._comparisons >= MANY and not (isinstance(z, Scalar) and self.misses(z)):
            watch.warn_of_choices(self._comparisons)
        if not isinstance(z, Scalar):
            return [0.0] * len(self.variables)
        if not self.closed(z):
            return _gradients(z, self.variables)
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
            return [self.gradient(z) for z in outputs]
        weights = [Value(1.0) for _ in outputs]
        product = ops.sum(*[w * z for w, z in zip(weights, outputs)])
        columns = _Point(())  # the derivatives of a gradient that is linear in the weights
        columns.variables, columns.made = weights, self.made.union(self.variables)
        found = [columns.gradient(x) for x in _gradients(product, self.variables)]
        return [list(row) for row in zip(*found)]

    def closed(self, z: Any) -> bool:
        """Whether z depends on none of the caller's Values, so that its number suffices."""
        if not isinstance(z, Value):
            return not isinstance(z, Scalar)
        own = self.made.union(self.variables)
        return all(
            x.__class__ is float or x.operands or x in own
            for node in [*graph.topological_order(z), z]
            for x in (node.operands or (node,))
        )

    def number(self, z: Any) -> Any:
        if not self.closed(z):
            return z
        return z.data if isinstance(z, Value) else float(z)

    def numbers(self, value: Any) -> Any:
        scalars, structure, shapes = _scalars(value)
        return _arranged([self.number(z) for z in scalars], structure, shapes)

    def of_arguments(self, derivatives: list[Any]) -> Any:
        parts = _arranged(derivatives, self.structure, self.shapes)
        return parts[0] if len(parts) == 1 else parts


def _gradients(z: Scalar, variables: list[Any]) -> list[Any]:
    """Like `graph.gradients`; in a graph of symbols, Values are replaced by their symbols."""
    trace = getattr(z, "trace", None)
    counts = [(point, point._comparisons) for point in watch.watches() if isinstance(point, _Point)]
    found = graph.gradients(z, variables if trace is None else [trace.symbol(x) for x in variables])
    for point, count in counts:  # comparisons in formulas of derivatives do not count
        point._comparisons = count
    return found


def _scalars(tree: Any) -> tuple[list[Any], Structure, list[tuple[int, ...] | None]]:
    """The scalars of a structure and of its arrays; `_arranged` is the inverse."""
    leaves, structure = flatten(tree)
    scalars: list[Any] = []
    shapes: list[tuple[int, ...] | None] = []
    for leaf in leaves:
        shape = getattr(leaf, "shape", None)
        shapes.append(shape or None)  # an array without axes is a number
        scalars += [leaf] if shape is None else leaf.ravel().tolist()
    return [x if isinstance(x, Scalar) else number(x) for x in scalars], structure, shapes


def _arranged(scalars: list[Any], structure: Structure, shapes: list[Any]) -> Any:
    leaves, start = [], 0
    for shape in shapes:
        if shape is None:
            leaves.append(scalars[start])
            start += 1
        else:
            size = math.prod(shape)
            leaves.append(_array(scalars[start : start + size], shape))
            start += size
    return structure.build(iter(leaves))


def _array(scalars: list[Any], shape: tuple[int, ...]) -> Any:
    import numpy as np

    from micrograd.arrays.array import wrapped

    symbolic = any(isinstance(x, Scalar) for x in scalars)
    array = np.empty(len(scalars), dtype=object if symbolic else float)
    array[:] = scalars
    return wrapped(array.reshape(shape))


def _regular(tree: Any) -> Any:
    """A number, an array or nested lists, as an array of objects."""
    import numpy as np

    array = np.asarray(tree, dtype=object)
    if all(isinstance(x, Scalar) or is_real(type(x)) for x in array.ravel()):
        return array
    raise TypeError(
        "jacobian and hessian take and give numbers, arrays and nested lists of them; "
        f"got {type(tree).__name__} {tree!r:.60}. Elsewhere, grad takes structures"
    )


def _inner(value: Any, cotangent: Any) -> Any:
    """The sum of the products of two structures' scalars."""
    left, right = _scalars(value)[0], _scalars(cotangent)[0]
    if len(left) != len(right):
        raise ShapeError(
            f"expected {len(left)} numbers, as many as the result has, got {len(right)}"
        )
    return ops.sum(*[x * y for x, y in zip(left, right)])


def _one_number(value: Any) -> Any:
    if getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, Scalar) or not hasattr(value, "__len__"):
        return value if isinstance(value, Scalar) else number(value)
    raise TypeError(
        f"only a function that returns one number has a gradient; this one returned "
        f"{value!r:.60}. jacobian takes functions that return several"
    )
