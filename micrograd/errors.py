"""The errors that more than one file raises; each is also one of Python's own."""


class ShapeError(ValueError):
    """Sizes that do not fit: of an input, a target, or the saved weights of a model."""


class ArgumentError(ShapeError, TypeError):
    """Arguments of another kind or number than a compiled function takes."""


class NumPyError(TypeError):
    """A function of NumPy's that takes no Values, and no numbers that are being traced."""


class LostGradientError(TypeError):
    """Python took the number of a Value on which a derivative depends, which would miss it.

    Raised within `grad`, `value_and_grad`, `jacobian`, `hessian`, `jvp`, `vjp` and `hvp`, by
    `float(x)`, `int(x)`, functions of `math`, and entries of float arrays. `x.data` is no error: it
    says that the number is meant.
    """


class LostGradientWarning(UserWarning):
    """Python took the number of a computed Value, which `backward()` does not pass.

    By what LostGradientError names, in a graph that was built by hand. `float(x.data)` says that it
    is meant. Texts and pictures (`f"{x:.2f}"`, `"%.2f" % x`, `round(x, 2)`, matplotlib) may ask.
    """
