"""The errors that more than one file raises; each is also one of Python's own."""


class ShapeError(ValueError):
    """Sizes that do not fit: of an input, a target, or the saved weights of a model."""


class ArgumentError(ShapeError, TypeError):
    """Arguments of another kind or number than a compiled function takes."""


class NumPyError(TypeError):
    """A function of NumPy's that takes no Values, and no numbers that are being traced."""
