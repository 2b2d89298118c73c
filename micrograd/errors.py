"""The errors that more than one file raises; each is also one of Python's own."""


class ShapeError(ValueError):
    """Sizes that do not fit: of an input, a target, or the saved weights of a model.

    >>> import micrograd as mg
    >>> mg.MLP(2, [1])([1.0, 2.0, 3.0])
    Traceback (most recent call last):
    micrograd.errors.ShapeError: expected 2 inputs, got 3
    """


class ArgumentError(ShapeError, TypeError):
    """Arguments of another kind or number than a compiled function takes.

    >>> import micrograd as mg
    >>> mg.compile(lambda x, y: x * y)(1.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    micrograd.errors.ArgumentError: ...missing a required argument: 'y'...
    """


class NumPyError(TypeError):
    """A function of NumPy's that takes no Values, and no numbers that are being traced.

    >>> import micrograd as mg
    >>> import numpy as np
    >>> np.linalg.inv(mg.array([[mg.Value(1.0)]]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    micrograd.errors.NumPyError: ...
    """


class LostGradientError(TypeError):
    """Python took the number of a Value on which a derivative depends, which would miss it.

    Raised within `grad`, `value_and_grad`, `jacobian`, `hessian`, `jvp`, `vjp` and `hvp`, by
    `float(x)`, `int(x)`, functions of `math`, and entries of float arrays. `x.data` is no error: it
    says that the number is meant.

    >>> import math
    >>> import micrograd as mg
    >>> mg.grad(lambda x: math.exp(x))(1.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    micrograd.errors.LostGradientError: ...micrograd.exp...
    """


class LostGradientWarning(UserWarning):
    """Python took the number of a computed Value, which `backward()` does not pass.

    By what LostGradientError names, in a graph that was built by hand. `float(x.data)` says that it
    is meant. Texts and pictures (`f"{x:.2f}"`, `"%.2f" % x`, `round(x, 2)`, matplotlib) may ask.

    >>> import math
    >>> import warnings
    >>> import micrograd as mg
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     _ = math.sqrt(mg.Value(2.0) * 2.0)
    >>> caught[0].category.__name__
    'LostGradientWarning'
    """
