"""The robust losses of `scipy.optimize.least_squares`: ρ of a squared residual."""

from collections.abc import Callable
from typing import Any

from micrograd import ops
from micrograd.names import unknown

Rho = Callable[[Any], tuple[Any, Any, Any]]  # ρ(z), ρ'(z), ρ''(z)


def _soft_l1(z: Any) -> tuple[Any, Any, Any]:
    root = ops.sqrt(1.0 + z)
    slope = 1.0 / root
    return 2.0 * (root - 1.0), slope, -0.5 * slope / (1.0 + z)


def _huber(z: Any) -> tuple[Any, Any, Any]:
    inside = z <= 1.0
    root = ops.sqrt(ops.where(inside, 1.0, z))
    slope = 1.0 / root
    return (
        ops.where(inside, z, 2.0 * root - 1.0), slope,
        ops.where(inside, 0.0, -0.5 * slope / (root * root)),
    )  # fmt: skip


def _cauchy(z: Any) -> tuple[Any, Any, Any]:
    slope = 1.0 / (1.0 + z)
    return ops.log1p(z), slope, -slope * slope


def _arctan(z: Any) -> tuple[Any, Any, Any]:
    slope = 1.0 / (1.0 + z * z)
    return ops.atan(z), slope, -2.0 * z * slope * slope


LOSSES: dict[str, Rho | None] = {
    "linear": None, "soft_l1": _soft_l1, "huber": _huber, "cauchy": _cauchy, "arctan": _arctan,
}  # fmt: skip


def loss_named(name: str) -> Rho | None:
    """The loss of this name; None if it is linear. Raises ValueError for another name."""
    if not isinstance(name, str) or name not in LOSSES:
        raise ValueError(unknown("loss", name, LOSSES))
    return LOSSES[name]
