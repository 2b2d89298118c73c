"""Losses: the error of one example's outputs against its target, as a scalar to differentiate.

Each takes the outputs of a model (a sequence of scalars, or one scalar) and the target, and returns
the mean over the outputs. All are written in the package's own functions, without branches, so that
they run on floats and on `Value`s, and can be compiled.
"""

from collections.abc import Callable
from typing import Any

from micrograd import ops, real
from micrograd.annotations import Function, Number, Numbers, Result
from micrograd.errors import ShapeError
from micrograd.functions import logsumexp, mean, take
from micrograd.names import unknown
from micrograd.scalar import Scalar

Loss = Function  # of one example's outputs and its target


def mse(outputs: Number | Numbers, target: Number | Numbers) -> Result:
    """The squared error.

    >>> mse([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    return _mean_of(lambda y, t: (y - t) * (y - t), outputs, target)


def mae(outputs: Number | Numbers, target: Number | Numbers) -> Result:
    """The absolute error.

    >>> mae([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    return _mean_of(lambda y, t: ops.abs(y - t), outputs, target)


def huber(outputs: Number | Numbers, target: Number | Numbers, delta: float = 1.0) -> Result:
    """Half the squared error up to an error of `delta`, and linear beyond (Huber, 1964).

    Raises ValueError if `delta` is not positive.

    >>> huber(0.5, 0.0), huber(10.0, 0.0)
    (0.125, 9.5)
    """
    if not delta > 0:
        raise ValueError(f"the delta of a Huber loss must be positive, got {delta!r}")

    def term(y: Any, t: Any) -> Any:
        error = ops.abs(y - t)
        return ops.where(error <= delta, 0.5 * error * error, delta * (error - 0.5 * delta))

    return _mean_of(term, outputs, target)


def hinge(outputs: Number | Numbers, target: Number | Numbers) -> Result:
    """max(0, 1 - target * output), which is zero beyond the margin. Targets are -1 or 1.

    Raises ValueError for another number; targets that are traced are not known yet.

    >>> hinge(0.25, 1), hinge(-3.0, -1)
    (0.75, 0.0)
    """

    def term(y: Any, t: Any) -> Any:
        if t.__class__ is float and abs(t) != 1.0:
            raise ValueError(
                f"the targets of a hinge loss are -1 and 1, got {t:g}. From 0 and 1, write "
                "2 * target - 1"
            )
        return ops.relu(1.0 - t * y)

    return _mean_of(term, outputs, target)


def bce_with_logits(outputs: Number | Numbers, target: Number | Numbers) -> Result:
    """The binary cross entropy of the probability sigmoid(output), computed without overflow.

    Targets are 0 or 1, or probabilities between them. Raises ValueError for another number.

    >>> round(bce_with_logits(0.0, 1), 6), bce_with_logits(1000.0, 0)
    (0.693147, 1000.0)
    """

    def term(y: Any, t: Any) -> Any:
        if t.__class__ is float and not 0.0 <= t <= 1.0:
            raise ValueError(
                f"the targets of bce_with_logits are from 0 to 1, got {t:g}. From -1 and 1, write "
                "(target + 1) / 2"
            )
        return t * ops.softplus(-y) + (1.0 - t) * ops.softplus(y)

    return _mean_of(term, outputs, target)


def cross_entropy(outputs: Number | Numbers, target: Number) -> Result:
    """The negative logarithm of softmax(outputs)[target], computed without overflow.

    `target` is a class index, from 0; in a compiled program it may be an input. Raises ShapeError
    for fewer than two outputs, and IndexError for a class without an output.

    >>> cross_entropy([1000.0, 0.0], 1)
    1000.0
    """
    logits = as_scalars(outputs)
    if len(logits) < 2:
        raise ShapeError("cross_entropy needs one output per class, so at least two, got one")
    return logsumexp(logits) - take(logits, target)


LOSSES: dict[str, Loss] = {
    "mse": mse, "mae": mae, "huber": huber, "hinge": hinge,
    "bce_with_logits": bce_with_logits, "cross_entropy": cross_entropy,
}  # fmt: skip


def loss_function(loss: str | Loss) -> Loss:
    """The loss with this name; a function is returned unchanged. Raises ValueError for other names.

    >>> loss_function("hinge")(0.0, 1)
    1.0
    """
    if callable(loss):
        return loss
    if loss not in LOSSES:
        raise ValueError(unknown("loss", loss, LOSSES, "pass a function, or "))
    return LOSSES[loss]


def loss_name(loss: str | Loss) -> str:
    """The name of a loss of this package, given its name or the function; "" for other functions.

    >>> loss_name(mse), loss_name(lambda outputs, target: 0.0)
    ('mse', '')
    """
    return next((name for name, known in LOSSES.items() if loss is known or loss == name), "")


def as_scalars(values: Number | Numbers) -> list[Result]:
    """Outputs or targets (a sequence, an array or one scalar) as a list of scalars and floats."""
    scalars: Any = values
    if hasattr(values, "ravel"):
        scalars = scalars.ravel()
    elif not hasattr(values, "__iter__"):
        scalars = [values]
    return [x if isinstance(x, Scalar) else real.number(x) for x in scalars]


def _mean_of(term: Callable[[Any, Any], Any], outputs: Any, target: Any) -> Any:
    """The mean of `term(output, target)` over the outputs."""
    outputs, targets = as_scalars(outputs), as_scalars(target)
    if len(outputs) != len(targets) or not outputs:
        raise ShapeError(f"expected one target per output, got {len(targets)} for {len(outputs)}")
    terms = [term(y, t) for y, t in zip(outputs, targets)]
    return terms[0] if len(terms) == 1 else mean(terms)
