"""Random programs with loops over a state, as Python runs them: `program(seed)`."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np

import micrograd as mg
from micrograd import Value, ops

Step = Callable[[int, list[Any], list[list[Any]]], list[Any]]  # trip, state, all states before

UNARY: list[Callable[[Any], Any]] = [
    mg.tanh, mg.sin, mg.cos, mg.sigmoid, mg.abs, mg.relu, lambda x: -x, lambda x: x * x,
    lambda x: mg.exp(-x * x), lambda x: mg.sqrt(1.0 + x * x), lambda x: 1.0 / (2.0 + mg.sin(x)),
    lambda x: mg.softplus(x) - 0.5, lambda x: 0.3 * x, lambda x: mg.log(1.5 + mg.cos(x)),
]  # fmt: skip
BINARY: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, mg.maximum, mg.minimum,
    lambda x, y: mg.where(x > y, x * 0.5, y), lambda x, y: x / (1.0 + y * y),
    lambda x, y: mg.sum([x, y, 0.1]), lambda x, y: ops.dot(x, y, 0.5, y, -0.2),
]  # fmt: skip


class Loops:
    """A random program: one or two loops, one after the other, of random steps."""

    def __init__(self, seed: int, smooth: bool = False):
        self.random = random.Random(seed)
        pick = self.random
        self.trips = pick.randint(12, 16)
        self.weights = [Value(pick.uniform(-0.9, 0.9)) for _ in range(4)]
        self.rows = [Value(pick.uniform(-0.5, 0.5)) for _ in range(self.trips + 3)]
        self.table = [pick.uniform(-1, 1) for _ in range(self.trips + 3)]
        self.order = pick.sample(range(self.trips + 3), self.trips + 3)
        self.columns = pick.randint(1, 2)
        self.shape = self.trips + 3, self.columns
        self.unary = [f for f in UNARY if not smooth or f not in (mg.abs, mg.relu)]
        self.binary = [f for k, f in enumerate(BINARY) if not smooth or k not in (3, 4, 5)]
        self.parts = [self._loop(first=True)]
        if pick.random() < 0.4:
            self.parts.append(self._loop(first=False))
        self.end = pick.randrange(5)

    def __call__(self, x: Any) -> Any:
        seen: list[list[Any]] = []
        total: Any = 0.0
        for part in self.parts:
            seen, state = part(x, seen)
            total = total + self._result(seen, state)
        return total

    def _result(self, seen: list[list[Any]], state: list[Any]) -> Any:
        """Of the states of all trips, and the last one: a number."""
        if self.end == 0:
            return mg.sum(state)
        if self.end == 1:
            return mg.sum([mg.tanh(v) for row in seen for v in row]) / len(seen)
        if self.end == 2:
            return seen[3][0] * seen[-1][-1] + seen[-2][0]
        if self.end == 3:
            total: Any = 0.0
            for row in seen[::2]:
                total = total + row[0] * row[0]
            return total * 0.1 + state[-1]
        return mg.softmax([row[0] for row in seen])[2] * state[0]

    def _loop(self, first: bool) -> Callable[[Any, list[list[Any]]], Any]:
        pick = self.random
        width = pick.randint(1, 3)
        begin = [pick.choice([0, 1, 2, 3]) for _ in range(width)]
        step = self._step(width, first)
        reverse = pick.random() < 0.3
        start = pick.choice([0, 0, 1, 2])

        def run(x: Any, before: list[list[Any]]) -> Any:
            leaves = [0.0, 0.7, x[0][0], self.weights[0]]
            state: list[Any] = [leaves[k] for k in begin]
            seen = [state]
            trips = range(start, self.trips)
            for t in reversed(trips) if reverse else trips:
                state = step(t, state, seen, x, before)
                seen.append(state)
            return seen[1:], state

        return run

    def _step(self, width: int, first: bool) -> Callable[..., list[Any]]:
        pick = self.random
        formulas = [self._formula(width, first) for _ in range(width)]
        others = [self._formula(width, first) for _ in range(width)]
        kind = pick.choice(
            ["plain"] * 5 + ["alternating", "once", "inner", "in turn", "derivative"]
        )
        at = self.trips // 2
        gain = pick.uniform(0.2, 0.9)

        def step(t: int, state: list[Any], *rest: Any) -> list[Any]:
            chosen = others if kind == "alternating" and t % 2 else formulas
            new = [*state]
            for k, formula in enumerate(chosen):
                value = formula(t, new if kind == "in turn" else state, *rest)
                new[k] = gain * value + 0.2 * state[k]
            if kind == "inner":
                for _ in range(3):
                    new[0] = new[0] + 0.1 * mg.sin(new[-1])
            if kind == "once" and t == at:
                new[0] = new[0] * 2.0 + 1.0
            if kind == "derivative":
                new[-1] = new[-1] - 0.1 * mg.grad(lambda v: mg.sin(v * self.weights[1]) * v)(new[0])
            return new

        return step

    def _formula(self, width: int, first: bool) -> Callable[..., Any]:
        """A function of the trip and of what it may read."""
        pick = self.random
        return self._either(pick.randint(2, 4), width, first)

    def _either(self, depth: int, width: int, first: bool) -> Callable[..., Any]:
        pick = self.random
        if depth == 0 or pick.random() < 0.15:
            return self._leaf(width, first)
        if pick.random() < 0.4:
            f, a = pick.choice(self.unary), self._either(depth - 1, width, first)
            return lambda *known: f(a(*known))
        g = pick.choice(self.binary)
        a, b = (self._either(depth - 1, width, first) for _ in range(2))
        return lambda *known: g(a(*known), b(*known))

    def _leaf(self, width: int, first: bool) -> Callable[..., Any]:
        pick, k, c = self.random, self.random.randrange(width), self.random.randrange(self.columns)
        w, ago, number = pick.choice(self.weights), pick.randint(1, 3), pick.uniform(-1, 1)
        choices: list[Callable[..., Any]] = [
            lambda t, s, seen, x, before: s[k],
            lambda t, s, seen, x, before: s[k] * w,
            lambda t, s, seen, x, before: s[k],
            lambda t, s, seen, x, before: x[t][c],
            lambda t, s, seen, x, before: x[t + 2][c] - x[t][0],
            lambda t, s, seen, x, before: x[self.order[t]][c],
            lambda t, s, seen, x, before: x[1][c],
            lambda t, s, seen, x, before: w,
            lambda t, s, seen, x, before: w * x[t][c],
            lambda t, s, seen, x, before: number,
            lambda t, s, seen, x, before: 0.1 * t - 0.4,
            lambda t, s, seen, x, before: self.table[t],
            lambda t, s, seen, x, before: self.rows[t] * s[k],
            lambda t, s, seen, x, before: seen[-ago][k] if len(seen) >= ago else s[k],
            lambda t, s, seen, x, before: seen[0][k],
        ]
        if not first:
            choices += [
                lambda t, s, seen, x, before: before[t % len(before)][0],
                lambda t, s, seen, x, before: before[-1][0],
                lambda t, s, seen, x, before: before[(len(before) - 1 - t) % len(before)][-1],
            ]
        return pick.choice(choices)


def examples(loops: Loops, count: int, seed: int) -> Any:
    return np.random.default_rng(seed).uniform(-1, 1, size=(count, *loops.shape))
