"""Solvers: the rules of scikit-learn's `solver="adam"` and `"sgd"`, compiled; and L-BFGS.

A rule is written for one weight. Its numbers (rates, decays, the penalty) are Values that each step
sets, so that all estimators share one compiled program for each rule.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.engine import Value
from micrograd.training.steps.update import Elementwise

Array = np.ndarray

LEAST_RATE = 1e-6  # an adaptive rate below this ends the training


@lru_cache
def _compiled(kind: type["Solver"], dtype: np.dtype) -> tuple[Elementwise, dict[str, int]]:
    """The rule of a solver, and the places of its numbers among the captured ones."""
    values = {name: Value(1.0, name=name) for name in kind.numbers}

    def rule(p: Any, g: Any, is_coef: Any, *state: Any) -> list[Any]:
        slope = g + values["penalty"] * is_coef * p
        return kind.rule(p, slope, state, values)

    compiled = Elementwise(rule, 3 + kind.states, dtype)
    names = {value: name for name, value in values.items()}
    return compiled, {names[value]: k for k, value in enumerate(compiled.captured)}


class Solver(ABC):
    """Takes steps on a flat array of weights. `state` holds what lasts from one fit to the next.

    `rate` is the learning rate, `steps` the number of steps so far, and `memory` the state of each
    weight. A copy or a pickle has all of these, but is not bound to any weights.
    """

    numbers: Sequence[str]  # of the rule
    states: int  # for each weight

    def __init__(self, size: int, dtype: np.dtype, rate: float):
        self.rate, self.steps = rate, 0
        self.memory = [np.zeros(size, dtype) for _ in range(self.states)]

    @staticmethod
    @abstractmethod
    def rule(p: Any, g: Any, state: Sequence[Any], at: dict[str, Value]) -> list[Any]:
        """The new weight and its new state, from its gradient."""

    @abstractmethod
    def constants(self) -> dict[str, float]:
        """The numbers of the rule, in the next step."""

    def end_epoch(self, examples: int) -> None:
        """Adapts the learning rate, after so many examples in all."""
        return

    def slow_down(self) -> bool:
        """Reduces the learning rate when the loss stops improving; False ends the training."""
        return False

    def on(self, theta: Array, g: Array, is_coef: Array) -> Callable[[float], None]:
        """A function that takes a step on `theta`. Its argument is the coefficient of the L2
        penalty, whose gradient is that times the weight."""
        rule, places = _compiled(type(self), theta.dtype)
        run, numbers = rule.on([theta, g, is_coef, *self.memory], [theta, *self.memory])
        size = len(theta)

        def step(penalty: float) -> None:
            self.steps += 1
            for name, number in {**self.constants(), "penalty": penalty}.items():
                numbers[places[name]] = number
            run(size, 1.0)

        return step


class Adam(Solver):
    """Kingma and Ba, "Adam: a method for stochastic optimization", 2015, in the form at the end of
    its section 2: epsilon is added to the root before its correction."""

    numbers, states = ("penalty", "rate", "beta_1", "rest_1", "beta_2", "rest_2", "epsilon"), 2

    def __init__(
        self, size: int, dtype: np.dtype, rate: float, beta_1: float, beta_2: float, epsilon: float
    ):
        super().__init__(size, dtype, rate)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    @staticmethod
    def rule(p: Any, g: Any, state: Sequence[Any], at: dict[str, Value]) -> list[Any]:
        m = at["beta_1"] * state[0] + at["rest_1"] * g
        v = at["beta_2"] * state[1] + at["rest_2"] * (g * g)
        return [p - at["rate"] * m / (ops.sqrt(v) + at["epsilon"]), m, v]

    def constants(self) -> dict[str, float]:
        t, b1, b2 = self.steps, self.beta_1, self.beta_2
        rate = self.rate * math.sqrt(1 - b2**t) / (1 - b1**t)
        return {
            "rate": rate, "beta_1": b1, "rest_1": 1 - b1, "beta_2": b2, "rest_2": 1 - b2,
            "epsilon": self.epsilon,
        }  # fmt: skip


class SGD(Solver):
    """Gradient descent with momentum, or Nesterov's, and a schedule of the rate: "constant",
    "invscaling" or "adaptive"."""

    numbers, states = ("penalty", "rate", "momentum", "ahead", "straight"), 1

    def __init__(
        self, size: int, dtype: np.dtype, rate: float, schedule: str, momentum: float,
        nesterov: bool, power_t: float,
    ):  # fmt: skip
        super().__init__(size, dtype, rate)
        self.schedule, self.momentum, self.nesterov = schedule, momentum, nesterov
        self.first_rate, self.power_t = rate, power_t

    @staticmethod
    def rule(p: Any, g: Any, state: Sequence[Any], at: dict[str, Value]) -> list[Any]:
        velocity = at["momentum"] * state[0] - at["rate"] * g
        return [p + at["ahead"] * velocity - at["straight"] * g, velocity]

    def constants(self) -> dict[str, float]:
        ahead, straight = (self.momentum, self.rate) if self.nesterov else (1.0, 0.0)
        return {
            "rate": self.rate, "momentum": self.momentum, "ahead": ahead, "straight": straight,
        }  # fmt: skip

    def end_epoch(self, examples: int) -> None:
        if self.schedule == "invscaling":
            self.rate = self.first_rate / (examples + 1) ** self.power_t

    def slow_down(self) -> bool:
        if self.schedule != "adaptive" or self.rate <= LEAST_RATE:
            return False
        self.rate /= 5.0
        return True
