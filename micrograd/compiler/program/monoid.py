"""Monoids: an operation that combines many terms into one number, and its result for none."""

import math
from dataclasses import dataclass

from micrograd import ops
from micrograd.ops import Op


@dataclass(frozen=True)
class Monoid:
    """An operation on two numbers, and its identity."""

    op: Op
    identity: float
    name: str
    separator: str  # between terms, in print
    linear: bool  # terms may be products, have gradients, and may be combined in any order


SUM = Monoid(ops.add, -0.0, "sum", " + ", linear=True)  # 0 + x is not x where that is -0
LARGEST = Monoid(ops.maximum, -math.inf, "largest", ", ", linear=False)  # of stop_gradient only
