"""The errors that more than one file raises; each is also a built-in error."""


class ShapeError(ValueError):
    """Sizes that do not fit: of an input, a target, or the saved weights of a model.

    >>> import micrograd as mg
    >>> mg.MLP(2, [1])([1.0, 2.0, 3.0])
    Traceback (most recent call last):
    micrograd.errors.ShapeError: expected 2 inputs, got 3
    """


class ArgumentError(ShapeError, TypeError):
    """Arguments that a compiled function does not take: a wrong type, or a wrong number of them.

    >>> import micrograd as mg
    >>> mg.compile(lambda x, y: x * y)(1.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    micrograd.errors.ArgumentError: ...missing a required argument: 'y'...
    """


class NumPyError(TypeError):
    """A NumPy function that takes neither Values nor traced numbers.

    >>> import micrograd as mg
    >>> import numpy as np
    >>> np.linalg.svd(mg.array([[mg.Value(1.0)]]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    micrograd.errors.NumPyError: ...
    """


class LostGradientError(TypeError):
    """A Value was converted to a plain number, so that its derivative would be lost.

    Raised within `grad`, `value_and_grad`, `jacobian`, `hessian`, `jvp`, `vjp` and `hvp`, by
    `float(x)`, `int(x)`, functions of `math`, and entries of float arrays. `x.data` raises nothing:
    it asks for the number explicitly.

    >>> import math
    >>> import micrograd as mg
    >>> mg.grad(lambda x: math.exp(x))(1.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    micrograd.errors.LostGradientError: ...micrograd.exp...
    """


class LostGradientWarning(UserWarning):
    """A part of a gradient is lost where a Value leaves its graph.

    Issued for the conversions that LostGradientError lists, outside these functions. Write
    `float(x.data)` if it is intended. Text and plots (`f"{x:.2f}"`, `"%.2f" % x`, `round(x, 2)`,
    matplotlib) are exempt. Also issued where NumPy compares equal Values in an array that it made,
    as `np.maximum` does, and passes the whole gradient to one of them.

    >>> import math
    >>> import warnings
    >>> import micrograd as mg
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     _ = math.sqrt(mg.Value(2.0) * 2.0)
    >>> caught[0].category.__name__
    'LostGradientWarning'
    """


class ConvergenceWarning(UserWarning):
    """An iteration, such as that of `root`, did not converge; its result is NaN.

    >>> import warnings
    >>> import micrograd as mg
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     x = mg.root(lambda x: x * x + 1.0, 1.0)
    >>> x, caught[0].category
    (nan, <class 'micrograd.errors.ConvergenceWarning'>)
    """
