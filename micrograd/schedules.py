"""Schedules: the learning rate as a function of the number of steps so far.

The learning rate of an optimiser may be a schedule, or any function of that number:

>>> import micrograd as mg
>>> mg.Adam(mg.WarmUp(100, then=mg.CosineDecay(1e-3, steps=900)))
Adam(WarmUp(steps=100, then=CosineDecay(initial=0.001, steps=900, final=0.0)))
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

from micrograd.names import names_keywords

Schedule = Callable[[int], float]


@names_keywords()
@dataclass(frozen=True)
class Constant:
    """The same rate at every step.

    >>> Constant(0.1)(1000)
    0.1
    """

    rate: float

    def __call__(self, step: int) -> float:
        """The learning rate of the next step, after `step` steps."""
        return self.rate


@names_keywords()
@dataclass(frozen=True)
class StepDecay:
    """`initial`, multiplied by `factor` after each `every` steps.

    Raises ValueError if one of the three is not positive.

    >>> [StepDecay(1.0, every=10, factor=0.5)(step) for step in (0, 9, 10, 20)]
    [1.0, 1.0, 0.5, 0.25]
    """

    initial: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        hold_plain_numbers(self)
        require_positive(initial=self.initial, every=self.every, factor=self.factor)

    def __call__(self, step: int) -> float:
        """The learning rate of the next step, after `step` steps."""
        return self.initial * self.factor ** (step // self.every)


@names_keywords()
@dataclass(frozen=True)
class CosineDecay:
    """From `initial` to `final` in `steps` steps, along half a cosine; then constant.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, eq. 5.
    Raises ValueError if `initial` or `steps` is not positive.

    >>> [round(CosineDecay(1.0, steps=4)(step), 3) for step in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    initial: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        hold_plain_numbers(self)
        require_positive(initial=self.initial, steps=self.steps)

    def __call__(self, step: int) -> float:
        """The learning rate of the next step, after `step` steps."""
        done = min(step / self.steps, 1.0)
        return self.final + (self.initial - self.final) * (1 + math.cos(math.pi * done)) / 2


@names_keywords()
@dataclass(frozen=True)
class WarmUp:
    """Linear from zero to the initial rate of `then` in `steps` steps; then `then`.

    `then` is a rate or a schedule.

    Raises ValueError if `steps` or the rate is not positive.

    >>> [WarmUp(4, then=1.0)(step) for step in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    steps: int
    then: float | Schedule

    def __post_init__(self) -> None:
        hold_plain_numbers(self)
        require_positive(steps=self.steps)
        schedule(self.then)

    def __call__(self, step: int) -> float:
        """The learning rate of the next step, after `step` steps."""
        then = schedule(self.then)
        if step < self.steps:
            return then(0) * (step + 1) / self.steps
        return then(step - self.steps)


def schedule(rate: float | Schedule) -> Schedule:
    """A schedule unchanged, or a number as a constant schedule.

    Raises ValueError for a number that is not positive.
    """
    if callable(rate):
        return rate
    require_positive(learning_rate=rate)
    return Constant(plain(rate))


def require_positive(**numbers: float) -> None:
    """Raises ValueError, with its name, for the first number that is not positive and finite."""
    for name, number in numbers.items():
        if not (isinstance(number, Real) and 0 < number < math.inf):
            raise ValueError(f"{name} must be a positive number, got {number!r:.60}")


def plain(number: Any) -> Any:
    """A number, such as NumPy's, as a Python number; any other object unchanged.

    Arithmetic with a NumPy float32 would round to 32 bits.
    """
    if isinstance(number, bool) or not isinstance(number, Real):
        return number
    return int(number) if isinstance(number, Integral) else float(number)


def hold_plain_numbers(record: Any) -> None:
    """Converts the numeric fields of a dataclass to Python numbers."""
    for field in fields(record):
        if field.init:
            object.__setattr__(record, field.name, plain(getattr(record, field.name)))
