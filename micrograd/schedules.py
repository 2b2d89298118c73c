"""Schedules: the learning rate as a function of how many steps were made before.

Wherever an optimiser takes a learning rate, it takes one of these, or any function of that number:

>>> import micrograd as mg
>>> mg.Adam(mg.WarmUp(100, then=mg.CosineDecay(1e-3, steps=900)))
Adam(WarmUp(steps=100, then=CosineDecay(initial=0.001, steps=900, final=0.0)))
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

Schedule = Callable[[int], float]


@dataclass(frozen=True)
class Constant:
    """The same rate at every step.

    >>> Constant(0.1)(1000)
    0.1
    """

    rate: float

    def __call__(self, step: int) -> float:
        """The rate after so many steps."""
        return self.rate


@dataclass(frozen=True)
class StepDecay:
    """`initial`, multiplied by `factor` after every so many steps.

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
        """The rate after so many steps."""
        return self.initial * self.factor ** (step // self.every)


@dataclass(frozen=True)
class CosineDecay:
    """From `initial` to `final` in `steps`, along half a cosine; `final` from there on.

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
        """The rate after so many steps."""
        done = min(step / self.steps, 1.0)
        return self.final + (self.initial - self.final) * (1 + math.cos(math.pi * done)) / 2


@dataclass(frozen=True)
class WarmUp:
    """A straight line from zero in `steps`, up to where `then`, a rate or a schedule, begins.

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
        """The rate after so many steps."""
        then = schedule(self.then)
        if step < self.steps:
            return then(0) * (step + 1) / self.steps
        return then(step - self.steps)


def schedule(rate: float | Schedule) -> Schedule:
    """A schedule as it is; a number as the schedule that is always that.

    Raises ValueError for a number that is not positive.
    """
    if callable(rate):
        return rate
    require_positive(learning_rate=rate)
    return Constant(plain(rate))


def require_positive(**numbers: float) -> None:
    """Raises ValueError that names the first of `numbers` that is not positive and finite."""
    for name, number in numbers.items():
        if not (isinstance(number, Real) and 0 < number < math.inf):
            raise ValueError(f"{name} must be a positive number, got {number!r:.60}")


def plain(number: Any) -> Any:
    """A number as Python's own, NumPy's say; what is none, as it is.

    Arithmetic with a float32 of NumPy's would be in 32 bits.
    """
    if isinstance(number, bool) or not isinstance(number, Real):
        return number
    return int(number) if isinstance(number, Integral) else float(number)


def hold_plain_numbers(record: Any) -> None:
    """Makes the fields of a dataclass that are numbers Python's own."""
    for field in fields(record):
        if field.init:
            object.__setattr__(record, field.name, plain(getattr(record, field.name)))
