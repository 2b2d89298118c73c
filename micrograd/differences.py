"""Finite differences: the slopes of a function of one number, each with an estimate of its error.

Differences over steps that shrink are extrapolated to a step of 0, as in C. J. F. Ridders, Accurate
computation of F'(x) and F'(x) F''(x), Advances in Engineering Software 4 (1982). An estimate is how
far neighbouring extrapolations are apart, and never below the effect of rounding.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FIRST, RATIO = 0.11, 2.1  # no power of two: steps must not fall together with a period
LEVELS, MOST = 18, 70  # steps; with more where x is near 0, perhaps beside the end of a domain
COLUMNS = 6  # of the table of extrapolations
EPS = 2.0**-52


@dataclass(frozen=True)
class Slope:
    """A derivative by finite differences, with its error; `left` and `right` of the point alone.

    The three are the same within their errors, unless there is a kink or the end of a domain.
    `size` is the slope that a function of such numbers may be expected to have.
    """

    value: float
    error: float
    left: float
    right: float
    size: float

    @property
    def is_kink(self) -> bool:
        """Whether the slopes on the two sides exist, and differ."""
        return math.isnan(self.value) and not math.isnan(self.left + self.right)


def slopes(f: Callable[[float], Sequence[float]], x: float) -> list[Slope]:
    """The slope at x of each number that `f` returns. NaN if the differences do not converge."""
    steps = _steps(x)
    here, above, below = (_table(f, [x + s * h for h in steps]) for s in (0, 1, -1))
    up = np.array([[(x + h) - x] for h in steps])
    down = np.array([[x - (x - h)] for h in steps])
    noise = EPS * np.fmax(abs(here), np.fmax(abs(above), abs(below)))
    with np.errstate(all="ignore"):
        central = _extrapolated((above - below) / (up + down), noise / up, 2)
        right = _extrapolated((above - here) / up, 2 * noise / up, 1)
        left = _extrapolated((here - below) / down, 2 * noise / down, 1)
    size = np.max(noise, axis=0, initial=0.0, where=np.isfinite(noise)) / EPS / max(abs(x), 1.0)
    return [_slope(*sides) for sides in zip(zip(*central), zip(*left), zip(*right), size)]


def _steps(x: float) -> list[float]:
    near = math.log(1.0 / abs(x), RATIO) if 0 < abs(x) < 1 else 0.0
    first = FIRST * max(abs(x), 1.0)
    return [first / RATIO**k for k in range(min(LEVELS + int(near), MOST))]


def _table(f: Callable[[float], Sequence[float]], points: list[float]) -> Array:
    """A row for each point."""
    known = {x: f(x) for x in dict.fromkeys(points)}
    return np.array([known[x] for x in points], float)


def _extrapolated(differences: Array, noise: Array, power: int) -> tuple[Array, Array]:
    """The limits of differences whose errors are a series in step**power, and their errors."""
    best = np.full(differences.shape[1], np.nan)
    least = np.full(differences.shape[1], np.inf)
    known = differences
    for column in range(1, COLUMNS):
        weight = RATIO ** (power * column)
        better = (weight * known[1:] - known[:-1]) / (weight - 1.0)
        apart = np.maximum(abs(better - known[1:]), abs(better - known[:-1]))[1:]
        apart = np.maximum(apart, abs(better[1:] - better[:-1])) + noise[column + 1 :]
        for row, error in zip(better[1:], _largest_of_three(apart)):
            chosen = error < least
            best, least = np.where(chosen, row, best), np.where(chosen, error, least)
        known = better
    return best, least


def _largest_of_three(rows: Array) -> Array:
    """The largest of each row and its neighbours: two rows may be near each other by chance."""
    padded = np.concatenate([rows[:1], rows, rows[-1:]])
    return np.maximum(rows, np.maximum(padded[:-2], padded[2:]))


def _slope(central: Any, left: Any, right: Any, size: float) -> Slope:
    """The central slope if both one-sided slopes exist and agree; the only one if one exists."""
    (l, left_error), (r, right_error) = left, right  # noqa: E741  (left and right)
    if math.isnan(l) or math.isnan(r):
        value, error = right if math.isnan(l) else left
    elif abs(r - l) > 10.0 * (left_error + right_error):
        value, error = math.nan, math.inf
    else:
        value, error = central
    return Slope(float(value), float(error), float(l), float(r), float(size))
