"""Optimisers: update rules for one parameter, given its gradient.

A rule is arithmetic on scalars: the parameter, its gradient, and the optimiser's state for it. An
optimiser applies its rule to all parameters:

>>> import micrograd as mg
>>> x = mg.Value(5.0)
>>> optimizer = mg.SGD(0.1)
>>> for _ in range(100):
...     x.grad = 0.0
...     ((x - 3) ** 2).backward()
...     optimizer.step([x])
>>> round(x.data, 6)
3.0
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from inspect import Signature, signature
from operator import is_
from typing import Any, ClassVar, Self

from micrograd.annotations import Result, Tree
from micrograd.engine import Value, numbers_of, write_numbers
from micrograd.errors import ShapeError
from micrograd.names import check_keywords
from micrograd.ops import sqrt
from micrograd.real import number
from micrograd.schedules import Schedule, hold_plain_numbers, plain, require_positive, schedule

State = tuple[Result, ...]  # the optimiser's state for one parameter


class _OfTheConstructor:
    """The signature of an optimiser: `__new__`, which takes anything, hides that of `__init__`."""

    def __get__(self, optimizer: Any, kind: type) -> Signature:
        _, *parameters = signature(kind.__init__).parameters.values()
        return Signature(parameters)


@dataclass(repr=False, eq=False)
class Optimizer:
    """The base class: a learning rate (a number or a schedule), gradient clipping, and state.

    `clip_value` limits the magnitude of each gradient, `clip_norm` the Euclidean norm of all of
    them (Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks",
    2013, algorithm 1). An optimiser is bound to the parameters of its first step.

    A subclass names its state variables for a parameter in `memory`, and defines `rule`.

    Raises ValueError for a rate or a limit that is not positive, TypeError for parameters in place
    of a rate.

    >>> from micrograd import Momentum
    >>> p = Value(1.0)
    >>> p.grad = 4.0
    >>> optimizer = Momentum(0.1, clip_norm=1.0)
    >>> optimizer.step([p])
    >>> p.data, optimizer.state_dict()
    (0.9, {'steps': 1, 'velocity': [1.0]})
    >>> optimizer.clip([3.0, 4.0])
    [0.6, 0.8]
    >>> other = optimizer.fresh()
    >>> other.load_state_dict(optimizer.state_dict())
    >>> other.steps, optimizer.rule(1.0, 2.0, (0.5,), rate=0.1, step=2)
    (1, (0.755, (2.45,)))
    """

    __signature__ = _OfTheConstructor()

    learning_rate: float | Schedule
    _: KW_ONLY
    clip_norm: float | None = None
    clip_value: float | None = None
    memory: ClassVar[tuple[str, ...]] = ()

    steps: int = field(default=0, init=False)  # taken so far
    state: list[State] = field(default_factory=list, init=False)  # one for each parameter
    _served: tuple[Value, ...] = field(default=(), init=False)

    def __new__(cls, *args: object, **options: object) -> Self:
        check_keywords(cls.__init__, f"{cls.__name__}()", options, {})
        return super().__new__(cls)

    def __post_init__(self) -> None:
        rate: Any = self.learning_rate
        if not isinstance(rate, str) and hasattr(rate, "__iter__"):
            raise TypeError(
                "pass parameters to step(): "
                f"optimizer = {type(self).__name__}(learning_rate=0.01), "
                "then optimizer.step(model.parameters())"
            )
        hold_plain_numbers(self)
        schedule(self.learning_rate)
        for name in ("clip_norm", "clip_value"):
            if getattr(self, name) is not None:
                require_positive(**{name: getattr(self, name)})

    def rule(
        self, p: Result, g: Result, state: State, rate: Result, step: Result
    ) -> tuple[Result, State]:
        """The parameter `p` and its state after a step, given its gradient `g`.

        `rate` is the learning rate, and `step` counts from 1. A rule contains only arithmetic, so
        that it runs on floats, arrays and the compiler's symbols.
        """
        raise NotImplementedError

    def step(self, parameters: Iterable[Value]) -> None:
        """Updates the data of `parameters`, given their gradients.

        Raises ValueError if these are not the parameters of the first step, ShapeError if they are
        more or fewer than those of the loaded state, TypeError if they are not Values.
        """
        values = _values(parameters)
        self._serve(values)
        rate, step = plain(schedule(self.learning_rate)(self.steps)), self.steps + 1
        gradients = self.clip([p.grad for p in values])
        rows = zip(numbers_of(values), gradients, self.state)
        changed = [self.rule(p, g, state, rate, step) for p, g, state in rows]
        memory = [numbers_of(column) for column in zip(*[state for _, state in changed])]
        write_numbers(values, numbers_of(new for new, _ in changed))
        self.state = [*zip(*memory)] if memory else self.state
        self.steps = step

    def clip(self, gradients: Sequence[float]) -> Sequence[float]:
        """The gradients of all parameters, clipped to `clip_value` and `clip_norm`."""
        if self.clip_value is not None:
            gradients = clip_by_value(gradients, self.clip_value)
        if self.clip_norm is not None:
            gradients = clip_by_norm(gradients, self.clip_norm)
        return gradients

    def fresh(self) -> Self:
        """A copy of this optimiser before its first step."""
        fresh = object.__new__(type(self))  # a subclass's __init__ may have other arguments
        vars(fresh).update(vars(self), steps=0, state=[], _served=())
        return fresh

    def state_dict(self) -> dict[str, Tree]:
        """The number of steps and, for each name in `memory`, a list of numbers, by parameter."""
        columns = {name: [row[i] for row in self.state] for i, name in enumerate(self.memory)}
        return {"steps": self.steps, **columns}

    def load_state_dict(self, state: Mapping[str, Tree]) -> None:
        """Restores a `state_dict()`. Raises ShapeError for that of another kind of optimiser."""
        expected = ["steps", *self.memory]
        if sorted(state) != sorted(expected):
            raise ShapeError(
                f"the state of {type(self).__name__} must have the keys {', '.join(expected)}, got "
                f"{', '.join(state) or 'none'}"
            )
        columns = [[number(x) for x in state[name]] for name in self.memory]
        if len(set(map(len, columns))) > 1:
            raise ShapeError(f"{', '.join(self.memory)} must have the same length")
        self.steps, self.state, self._served = int(state["steps"]), [*zip(*columns)], ()

    def _serve(self, values: tuple[Value, ...]) -> None:
        """Binds the state to the parameters of the first step. Raises ValueError for others."""
        if not self._served:
            if not (self.steps and self.memory):
                self.state = [(0.0,) * len(self.memory)] * len(values)
            if len(self.state) != len(values):
                raise ShapeError(
                    f"the state has {len(self.state)} parameters, got {len(values)}; load the "
                    "state of this model"
                )
            self._served = values
        if len(values) != len(self._served) or not all(map(is_, values, self._served)):
            raise ValueError(
                "expected the parameters of the optimiser's first step, got others; make another "
                f"{type(self).__name__} for them, or call fresh()"
            )

    def __repr__(self) -> str:
        names = [f for f in fields(self) if f.init and f.name != "learning_rate"]
        changed = [
            (f.name, getattr(self, f.name)) for f in names if getattr(self, f.name) != f.default
        ]
        shown = [repr(self.learning_rate), *(f"{name}={x!r}" for name, x in changed)]
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(repr=False, eq=False)
class SGD(Optimizer):
    """Gradient descent: p - rate * g.

    >>> SGD().rule(1.0, 2.0, (), rate=0.1, step=1)
    (0.8, ())
    """

    learning_rate: float | Schedule = 0.01

    def rule(
        self, p: Result, g: Result, state: State, rate: Result, step: Result
    ) -> tuple[Result, State]:
        """Gradient descent; there is no state."""
        return p - rate * g, ()


@dataclass(repr=False, eq=False)
class Momentum(Optimizer):
    """Gradient descent with momentum: gradients accumulate in a velocity that decays.

    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964. Raises
    ValueError for a momentum outside [0, 1).

    >>> Momentum().rule(1.0, 2.0, (1.0,), rate=0.1, step=1)
    (0.71, (2.9,))
    """

    learning_rate: float | Schedule = 0.01
    _: KW_ONLY
    momentum: float = 0.9
    memory = ("velocity",)

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_fraction(momentum=self.momentum)

    def rule(
        self, p: Result, g: Result, state: State, rate: Result, step: Result
    ) -> tuple[Result, State]:
        """Moves along the velocity; the state is `(v,)`."""
        (v,) = state
        v = self.momentum * v + g
        return p - rate * v, (v,)


@dataclass(repr=False, eq=False)
class Nesterov(Momentum):
    """Nesterov momentum: the gradient is taken at the point to which the velocity leads.

    Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
    learning", 2013, eqs. 3 and 4; the parameters are that point, where the gradient is known.

    >>> p, (velocity,) = Nesterov(momentum=0.5).rule(1.0, 2.0, (1.0,), rate=0.1, step=1)
    >>> round(p, 3), velocity
    (0.675, 2.5)
    """

    def rule(
        self, p: Result, g: Result, state: State, rate: Result, step: Result
    ) -> tuple[Result, State]:
        """Moves along the velocity after the next step; the state is `(v,)`."""
        (v,) = state
        v = self.momentum * v + g
        return p - rate * (g + self.momentum * v), (v,)


@dataclass(repr=False, eq=False)
class RMSprop(Optimizer):
    """Gradients divided by a running root mean square, separately for each parameter.

    Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5, 2012. Raises
    ValueError for a decay outside [0, 1), and for an epsilon that is not positive.

    >>> p, (square,) = RMSprop().rule(1.0, 2.0, (4.0,), rate=0.1, step=1)
    >>> round(p, 3), round(square, 3)
    (0.9, 4.0)
    """

    learning_rate: float | Schedule = 0.001
    _: KW_ONLY
    decay: float = 0.9
    epsilon: float = 1e-8
    memory = ("square",)

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_fraction(decay=self.decay)
        require_positive(epsilon=self.epsilon)

    def rule(
        self, p: Result, g: Result, state: State, rate: Result, step: Result
    ) -> tuple[Result, State]:
        """Divides by the root mean square; the state is the mean square, `(s,)`."""
        (s,) = state
        s = self.decay * s + (1 - self.decay) * g * g
        return p - rate * g / (sqrt(s) + self.epsilon), (s,)


@dataclass(repr=False, eq=False)
class Adam(Optimizer):
    """Momentum and RMSprop combined, with bias correction, since both start at zero.

    Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1. Raises
    ValueError for a beta outside [0, 1), and for an epsilon that is not positive.

    >>> Adam(1e-3, beta2=0.99)
    Adam(0.001, beta2=0.99)
    """

    learning_rate: float | Schedule = 0.001
    _: KW_ONLY
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    memory = ("mean", "square")

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_fraction(beta1=self.beta1, beta2=self.beta2)
        require_positive(epsilon=self.epsilon)

    def rule(
        self, p: Result, g: Result, state: State, rate: Result, step: Result
    ) -> tuple[Result, State]:
        """Divides the mean by the root mean square; the state is `(m, s)`."""
        m, s = state
        m = self.beta1 * m + (1 - self.beta1) * g
        s = self.beta2 * s + (1 - self.beta2) * g * g
        mean = m / (1 - self.beta1**step)
        square = s / (1 - self.beta2**step)
        return p - rate * mean / (sqrt(square) + self.epsilon), (m, s)


@dataclass(repr=False, eq=False)
class AdamW(Adam):
    """Adam with decoupled weight decay: each parameter also shrinks by rate * weight_decay * p.

    Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, algorithm 2. Raises
    ValueError for a weight decay that is negative or infinite.

    >>> AdamW(1e-3, weight_decay=0.1)
    AdamW(0.001, weight_decay=0.1)
    """

    _: KW_ONLY
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay must be at least 0, got {self.weight_decay!r}")

    def rule(
        self, p: Result, g: Result, state: State, rate: Result, step: Result
    ) -> tuple[Result, State]:
        """Adam's rule, after the weight decay."""
        return super().rule(p - rate * self.weight_decay * p, g, state, rate, step)


def _values(parameters: Any) -> tuple[Value, ...]:
    values: tuple[Any, ...] = (*parameters,) if hasattr(parameters, "__iter__") else (None,)
    if not all(isinstance(p, Value) for p in values):
        raise TypeError(
            f"step takes Values, such as model.parameters(), got {type(parameters).__name__} "
            f"{parameters!r:.60}"
        )
    return values


def clip_by_value(gradients: Sequence[float], limit: float) -> list[float]:
    """The gradients, clipped to magnitude `limit`; NaN stays NaN.

    >>> clip_by_value([0.5, -3.0], 1.0)
    [0.5, -1.0]
    """
    return [limit if g > limit else -limit if g < -limit else g for g in gradients]


def clip_by_norm(gradients: Sequence[float], limit: float) -> list[float]:
    """The gradients, scaled down to the Euclidean norm `limit` if theirs is larger.

    >>> clip_by_norm([3.0, 4.0], 1.0)
    [0.6, 0.8]
    """
    norm = math.hypot(*gradients)
    return [g / norm * limit for g in gradients] if norm > limit else [*gradients]


def _require_fraction(**numbers: float) -> None:
    for name, x in numbers.items():
        if not (isinstance(x, (int, float)) and 0 <= x < 1):
            raise ValueError(f"{name} must be in [0, 1), got {x!r}")
