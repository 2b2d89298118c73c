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

import math
from typing import Any

from micrograd import ops
from micrograd.argnums import Function, by_chosen, with_keywords
from micrograd.engine import Value
from micrograd.errors import ShapeError
from micrograd.point import Point, arranged, array_of, gradients, scalars_of
from micrograd.real import is_real, number
from micrograd.scalar import Scalar


@by_chosen
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


@by_chosen
def value_and_grad(f: Function) -> Function:
    """The value of `f`, which returns one number, and its gradient.

    >>> value_and_grad(lambda p: p["a"] * p["b"])({"a": 2.0, "b": 3.0})
    (6.0, {'a': 3.0, 'b': 2.0})
    """

    def value_and_gradient(*args: Any) -> Any:
        point = Point(args)
        value = _one_number(point.run(f, *point.args))
        closed = point.closed(value)
        return point.number(value, closed), point.of_arguments(point.gradient(value, closed))

    return value_and_gradient


@with_keywords
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
        point = Point(args[:-1])
        value = point.run(f, *point.args)
        product = _inner(value, cotangent)
        return point.numbers(value), point.of_arguments(point.gradient(product))

    return value_and_product


@with_keywords
def jvp(f: Function) -> Function:
    """`jvp(f)(*args, *tangents)`: the value of `f`, and its directional derivative.

    There is no forward mode: the vjp times the tangents is linear in the cotangent, and its
    gradient is the result (the "double backward trick", J. Townsend, 2017).

    >>> jvp(lambda x, y: x * y)(2.0, 5.0, 1.0, 0.0)
    (10.0, 5.0)
    """

    def value_and_derivative(*args: Any) -> Any:
        half = len(args) // 2
        point = Point(args[:half])
        value = point.run(f, *point.args)
        outputs, structure, shapes = scalars_of(value)
        weights = [Value(1.0) for _ in outputs]
        point.made.update(weights)
        product = ops.sum(*[w * z for w, z in zip(weights, outputs)])
        gradient = gradients(product, point.variables)
        along = _inner(gradient, args[half:])
        rates = gradients(along, weights) if isinstance(along, Scalar) else [0.0] * len(weights)
        return point.numbers(value), arranged([*map(point.number, rates)], structure, shapes)

    return value_and_derivative


@with_keywords
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


@by_chosen
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
        point = Point(args)
        shapes = [_regular(arg).shape for arg in args]
        value = _regular(point.run(f, *point.args))
        rows = point.jacobian([*value.ravel()])
        parts, start = [], 0
        for shape in shapes:
            stop = start + math.prod(shape)
            parts.append(
                array_of([x for row in rows for x in row[start:stop]], value.shape + shape)
            )
            start = stop
        return parts[0] if len(parts) == 1 else tuple(parts)

    return matrix


@by_chosen
def hessian(f: Function) -> Function:
    """The matrix of the second derivatives of `f`, which returns one number, of one argument.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    return jacobian(grad(f))


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
    left, right = scalars_of(value)[0], scalars_of(cotangent)[0]
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
    alone = not isinstance(value, str) and getattr(value, "size", len(value)) == 1
    instead = "return its one element, as in result[0]; or call" if alone else "call"
    raise TypeError(
        f"only a function that returns one number has a gradient; this one returned "
        f"{type(value).__name__} {value!r:.60}. Instead, {instead} jacobian, which takes functions "
        "that return several"
    )
