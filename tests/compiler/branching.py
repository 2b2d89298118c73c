"""Functions with control flow as people write it, and arguments at which they take all paths."""

import bisect
import heapq
import itertools
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import micrograd as mg
from micrograd import Value

INF, NAN = math.inf, math.nan
# Numbers at, and on both sides of, all that the functions compare with; and halves, for rounding.
LINE = [-2.5, -2.0, -1.0, -0.5, -0.0, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.7]
FEW = [-1.0, 0.0, 0.5, 1.0, 2.0]


@dataclass(frozen=True)
class Case:
    function: Callable[..., Any]
    arguments: list[tuple[Any, ...]]  # of one example each

    def __repr__(self) -> str:
        return self.function.__name__


CASES: list[Case] = []


def on(*arguments: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds a function to the table, with its arguments."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        CASES.append(Case(function, [a if isinstance(a, tuple) else (a,) for a in arguments]))
        return function

    return add


PAIRS = [*itertools.product(FEW, FEW)]
ROWS = [(np.array(row),) for row in itertools.product([-1.0, 0.0, 2.0, 0.5], repeat=3)]


@on(*LINE, INF, -INF, NAN)
def if_elif_else(x: Any) -> Any:
    if x > 1:
        return x * x
    elif x < -1:  # noqa: RET505
        return -3 * x
    else:
        return mg.sin(x)


@on(*PAIRS)
def conditional_expression(x: Any, y: Any) -> Any:
    return (x * y if x <= y else x - y) * (2.0 if x == y else 1.0)


@on(*LINE)
def while_loop(x: Any) -> Any:
    while abs(x) > 0.1:
        x = x * x / 4.0 - 0.05
    return x


@on(*LINE)
def for_with_break(x: Any) -> Any:
    total = 0.0
    for k in range(6):
        total = total + x * k
        if total > 3:
            break
    else:
        total = total - 1.0
    return total


@on(*PAIRS)
def connectives(x: Any, y: Any) -> Any:
    if (x > 0 and y > 0) or not (x < 1):
        return x * y
    return mg.exp(x) - y


@on(*PAIRS, (NAN, 1.0), (1.0, NAN))
def truth_of_numbers(x: Any, y: Any) -> Any:
    return (x and y + 1.0) + (x or y * y)


@on(*LINE, NAN)
def chained_comparison(x: Any) -> Any:
    return x * x if 0 <= x < 2 else -x


@on(*PAIRS, (NAN, 1.0), (1.0, NAN))
def smallest_and_largest(x: Any, y: Any) -> Any:
    return max(x, 0.0, y * y) * 2 + min(x, y, 1.0) + max([x, y], key=lambda v: -v)


@on(*ROWS)
def sorts(v: Any) -> Any:
    low, middle, high = sorted(v)
    return low + 2 * middle * high - sorted(v, key=lambda x: x * x, reverse=True)[0]


@on(*ROWS)
def counts_and_filters(v: Any) -> Any:
    positive = [x for x in v if x > 0]
    mean = sum(positive) / len(positive) if positive else 0.0
    return mean + sum(1 for x in v if x >= 0.5) + v[0] * 0


@on(*ROWS)
def generates(v: Any) -> Any:
    def descending() -> Any:
        last = v[0]
        for x in v:
            if x > last:
                return
            yield x
            last = x

    return sum(x * (k + 1) for k, x in enumerate(descending()))


class Negative(Exception):
    pass


@on(*LINE)
def exceptions(x: Any) -> Any:
    def root(y: Any) -> Any:
        if y < 0:
            raise Negative
        return mg.sqrt(y)

    try:
        return root(x - 1.0) + 1.0
    except Negative:
        return x * x


@on(*PAIRS)
def is_in(x: Any, y: Any) -> Any:
    return x * y if x in (0.5, y, 3.0) else x + y


TABLE = [0.0, 1.0, 2.5, 4.0]


@on(*LINE)
def bisects(x: Any) -> Any:
    k = bisect.bisect_right(TABLE, x)
    return x * k + (TABLE[k - 1] if k else -1.0)


@on(*ROWS)
def medians(v: Any) -> Any:
    return statistics.median(v) * v[1] + statistics.median([v[0], v[1]])


@on(*ROWS)
def heaps(v: Any) -> Any:
    heap = [*v]
    heapq.heapify(heap)
    return heapq.heappop(heap) * 2 + heapq.heappop(heap) + heapq.nlargest(1, v)[0]


@on(*LINE)
def integers(x: Any) -> Any:
    return int(x) * x + math.floor(x) + math.ceil(x) * 0.5 + round(x) * 0.25 + math.trunc(x)


@on(0.0, 0.3, 1.0, 1.7, 2.2, 3.9)
def looks_up(x: Any) -> Any:
    names = {0: 2.0, 1: -1.0, 2: 0.5, 3: 7.0}
    return x * TABLE[int(x)] + names[math.floor(x)]


@on(0.0, 0.5, 1.0, 2.5, 3.0)
def repeats(x: Any) -> Any:
    product = 1.0
    for _ in range(int(x) + 1):
        product = product * x
    return product


@on(*ROWS)
def arrays(v: Any) -> Any:
    clipped = np.clip(v, 0.0, 1.0)
    if clipped.sum() > 1:
        return np.where(v > 0, v, v * v).sum()
    return np.maximum(v, 0.25).sum() + np.sort(v)[0] * v[int(np.argmax(v))] + np.median(v)


@on(*ROWS)
def masks(v: Any) -> Any:
    w = v * 2.0
    w[v < 0] = 0.5
    return w.sum() * v[0]


@on(*LINE)
def derivatives_within(x: Any) -> Any:
    def inner(y: Any) -> Any:
        return y**3 if y > 1 else y * y

    slope = mg.grad(inner)(x)
    return slope * x if slope > 1.5 else mg.grad(mg.grad(inner))(x) + x


@on(*PAIRS)
def nested(x: Any, y: Any) -> Any:
    z = x
    for k in range(3):
        if z > y:
            z = z - 0.5 * y if z > 1 else z * z + k
        else:
            z = z + 0.25
    return z


slope, turn = Value(2.0), Value(0.5)


@on(*LINE)
def captures(x: Any) -> Any:
    if turn > 0.25 and x > turn:
        return slope * x
    return x if turn else slope


@on(*LINE)
def only_on_one_path(x: Any) -> Any:
    return x * turn if x > 1 else slope * slope * x


@on((0.1, 0.3), (3.0, 0.9), (0.0, 0.0), (1.0, 0.5))
def kepler(m: Any, e: Any) -> Any:
    a = m
    for _ in range(50):
        d = (a - e * mg.sin(a) - m) / (1 - e * mg.cos(a))
        a = a - d
        if abs(d) < 1e-10:
            break
    return a


@mg.op(derivative=lambda g, z, x: g / (mg.exp(z) * (1 + z)), name="lambert_of_branching")
def lambert(x: Any) -> Any:
    w = mg.log(1 + x)
    while True:
        d = (w * mg.exp(w) - x) / (mg.exp(w) * (w + 1))
        w = w - d
        if abs(d) < 1e-14:
            return w


@on(0.0, 0.5, 1.0, 7.0)
def own_operation(x: Any) -> Any:
    return lambert(x) * x


@on(*LINE)
def norms(x: Any) -> Any:
    length = mg.norm([x, 1.0 - x])
    return length if length > 1 else length * length


@on(*PAIRS)
def ties(x: Any, y: Any) -> Any:
    """A comparison that rounding decides."""
    return x if (x + y / 3.0) - y / 3.0 == x else x * x + 0.3 * y


@on(*LINE)
def equal_paths(x: Any) -> Any:
    return x * 2 if x > 0 else x * 2  # noqa: RUF034


@on(*LINE)
def constants(x: Any) -> Any:
    return 1 if x > 1 else 0.5 if x > 0 else False


@on(*LINE)
def negation(x: Any) -> Any:
    return 1.0 if not x else (not x > 1) * x


@on(*LINE)
def captured_in_python(x: Any) -> Any:
    bound = max(turn, 2 * turn) * int(2 * slope) + round(slope * slope)
    return x * bound if turn and slope else x
