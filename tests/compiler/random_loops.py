"""Random programs with loops over a state, run by Python or by `scan`: `Loops(seed, scanned)`."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import micrograd as mg
from micrograd import Value, ops

State = list[Any]
Formula = Callable[..., Any]  # of the state, of all states before (newest last), and of an item
Outside = Callable[..., Any]  # of the trip, of x, and of the states of the loop before: in an item

UNARY: list[Formula] = [
    mg.tanh, mg.sin, mg.cos, mg.sigmoid, mg.abs, mg.relu, lambda x: -x, lambda x: x * x,
    lambda x: mg.exp(-x * x), lambda x: mg.sqrt(1.0 + x * x), lambda x: 1.0 / (2.0 + mg.sin(x)),
    lambda x: mg.softplus(x) - 0.5, lambda x: 0.3 * x, lambda x: mg.log(1.5 + mg.cos(x)),
]  # fmt: skip
BINARY: list[Formula] = [
    lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, mg.maximum, mg.minimum,
    lambda x, y: mg.where(x > y, x * 0.5, y), lambda x, y: x / (1.0 + y * y),
    lambda x, y: mg.sum([x, y, 0.1]), lambda x, y: ops.dot(x, y, 0.5, y, -0.2),
]  # fmt: skip


class Loops:
    """One or two loops, one after the other, each of a random step."""

    def __init__(self, seed: int, scanned: bool = False):
        self.random, self.scanned = random.Random(seed), scanned
        pick = self.random
        self.trips = pick.randint(18, 24)
        self.weights = [Value(pick.uniform(-0.9, 0.9)) for _ in range(4)]
        self.rows = [Value(pick.uniform(-0.5, 0.5)) for _ in range(self.trips + 3)]
        self.table = [pick.uniform(-1, 1) for _ in self.rows]
        self.order = pick.sample(range(len(self.rows)), len(self.rows))
        self.columns = pick.randint(1, 2)
        self.loops = [self._loop(first=True)]
        if pick.random() < 0.4:
            self.loops.append(self._loop(first=False))
        self.end = pick.randrange(5)

    def examples(self, count: int) -> NDArray[np.float64]:
        shape = count, len(self.rows), self.columns
        return np.random.default_rng(self.trips).uniform(-1, 1, size=shape)

    def __call__(self, x: Any) -> Any:
        before: list[State] = []
        total = 0.1 * x[0][0]
        for loop in self.loops:
            before, last = loop(x, before)
            total = total + self._number(before, last)
        return total

    def _number(self, seen: list[State], last: State) -> Any:
        """Of the states after each trip, and the last one."""
        if self.end == 0:
            return mg.sum(last)
        if self.end == 1:
            return mg.sum([mg.tanh(v) for row in seen for v in row]) / len(seen)
        if self.end == 2:
            return seen[3][0] * seen[-1][-1] + seen[-2][0]
        if self.end == 3:
            total: Any = 0.0
            for row in seen[::2]:
                total = total + row[0] * row[0]
            return total * 0.1 + last[-1]
        return mg.softmax([row[0] for row in seen])[2] * last[0]

    def _loop(self, first: bool) -> Callable[[Any, list[State]], tuple[list[State], State]]:
        pick = self.random
        width = pick.randint(1, 3)
        begin = [pick.randrange(5) for _ in range(width)]
        outside: list[Outside] = []
        step = self._step(width, first, outside)
        trips = range(pick.choice([0, 0, 1, 2]), self.trips)
        order = trips[:: pick.choice([1, 1, -1])]

        def run(x: Any, before: list[State]) -> tuple[list[State], State]:
            leaves = [0.0, 0.7, x[0][0], self.weights[0], self.weights[1] / (2 - self.weights[2])]
            state: State = [leaves[k] for k in begin]
            items = [[f(t, x, before) for f in outside] for t in order]
            if self.scanned:
                return self._scanned(step, state, items)
            seen = [state]
            for t, item in zip(order, items):
                seen.append(step(t, seen[-1], seen, item))
            return seen[1:], seen[-1]

        return run

    def _scanned(self, step: Any, state: State, items: list[Any]) -> tuple[list[State], State]:
        def one(carry: State, item: Any) -> tuple[State, State]:
            new = step(0, carry, [carry], item)
            return new, new

        last, seen = mg.scan(one, state, [item or [0.0] for item in items])
        return [*zip(*seen)], last  # type: ignore[list-item]

    def _step(self, width: int, first: bool, outside: list[Outside]) -> Callable[..., State]:
        pick = self.random
        formulas, others = (
            [self._formula(pick.randint(2, 4), width, first, outside) for _ in range(width)]
            for _ in range(2)
        )
        kinds = ["plain"] * 5 + ["inner", "in turn", "derivative"]
        kind = pick.choice(kinds if self.scanned else [*kinds, "alternating", "once"])
        gain, at = pick.uniform(0.2, 0.9), self.trips // 2

        def step(t: int, state: State, seen: list[State], item: Any) -> State:
            new = [*state]
            for k, f in enumerate(others if kind == "alternating" and t % 2 else formulas):
                read = new if kind == "in turn" else state
                new[k] = gain * f(read, seen, item) + 0.2 * state[k]
            if kind == "inner":
                for _ in range(3):
                    new[0] = new[0] + 0.1 * mg.sin(new[-1])
            if kind == "once" and t == at:
                new[0] = new[0] * 2.0 + 1.0
            if kind == "derivative":
                new[-1] = new[-1] - 0.1 * mg.grad(lambda v: mg.sin(v * self.weights[1]) * v)(new[0])
            return new

        return step

    def _formula(self, depth: int, width: int, first: bool, outside: list[Outside]) -> Formula:
        pick = self.random
        if depth == 0 or pick.random() < 0.15:
            return self._leaf(width, first, outside)
        if pick.random() < 0.4:
            f, a = pick.choice(UNARY), self._formula(depth - 1, width, first, outside)
            return lambda *known: f(a(*known))
        g = pick.choice(BINARY)
        a, b = (self._formula(depth - 1, width, first, outside) for _ in range(2))
        return lambda *known: g(a(*known), b(*known))

    def _leaf(self, width: int, first: bool, outside: list[Outside]) -> Formula:
        pick, k, ago = self.random, self.random.randrange(width), self.random.randint(1, 3)
        w, number = pick.choice(self.weights), pick.uniform(-1, 1)
        if pick.random() < 0.45:
            outside.append(self._outside(first))
            place = len(outside) - 1
            return lambda state, seen, item: item[place]
        inside: list[Formula] = [
            lambda state, seen, item: state[k],
            lambda state, seen, item: state[k] * w,
            lambda state, seen, item: state[k] * 0.9,
            lambda state, seen, item: w,
            lambda state, seen, item: number,
        ]
        if not self.scanned:
            inside += [
                lambda state, seen, item: seen[-ago][k] if len(seen) >= ago else state[k],
                lambda state, seen, item: seen[0][k],
            ]
        return pick.choice(inside)

    def _outside(self, first: bool) -> Outside:
        """Something that a trip reads."""
        pick, c, w = self.random, self.random.randrange(self.columns), self.weights[2]
        choices: list[Outside] = [
            lambda t, x, before: x[t][c],
            lambda t, x, before: x[t + 2][c] - x[t][0],
            lambda t, x, before: x[self.order[t]][c],
            lambda t, x, before: x[1][c],
            lambda t, x, before: w * x[t][c],
            lambda t, x, before: 0.1 * t - 0.4,
            lambda t, x, before: self.table[t],
            lambda t, x, before: self.rows[t],
            lambda t, x, before: 0.5 if t % 3 else x[t][0],
        ]
        if not first:
            choices += [
                lambda t, x, before: before[t % len(before)][0],
                lambda t, x, before: before[-1][0],
                lambda t, x, before: before[(len(before) - 1 - t) % len(before)][-1],
            ]
        return pick.choice(choices)
