"""Random programs with branches: their second derivatives are those of the branches taken.

The oracle is mpmath on the taken branches only: floats decide which these are, and no other branch
is computed.
"""

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import pytest
from hypothesis import assume, given, seed, settings
from hypothesis import strategies as st
from pipeline import traced

import micrograd as mg
from micrograd.compiler.program.evaluate import evaluate
from micrograd.compiler.program.roll import roll

# Our function, mpmath's function, and the condition under which that is smooth.
UNARY: dict[str, tuple[Any, Any, Callable[[Any], bool]]] = {
    "log": (mg.log, mp.ln, lambda x: x > 0.01),
    "sqrt": (mg.sqrt, mp.sqrt, lambda x: x > 0.01),
    "reciprocal": (lambda x: 1 / x, lambda x: 1 / x, lambda x: abs(x) > 0.01),
    "power": (lambda x: x**1.5, lambda x: mp.power(x, 1.5), lambda x: x > 0.01),
    "asin": (mg.asin, mp.asin, lambda x: abs(x) < 0.99),
    "lgamma": (mg.lgamma, mp.loggamma, lambda x: 0.1 < x < 50),
    "exp": (mg.exp, mp.exp, lambda x: x < 20),
    "sin": (mg.sin, mp.sin, lambda x: abs(x) < 1e3),
    "tanh": (mg.tanh, mp.tanh, lambda _: True),
    "square": (lambda x: x * x, lambda x: x * x, lambda _: True),
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y, "mul": lambda x, y: x * y, "sub": lambda x, y: x - y,
}  # fmt: skip
place = st.integers(0, 30)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([*UNARY]), place),
        st.tuples(st.sampled_from([*BINARY]), place, place),
        st.tuples(st.just("where"), place, st.sampled_from([-0.5, 0.0, 1.0]), place, place),
        st.tuples(st.just("maximum"), place, place),
        st.tuples(st.just("relu"), place),
    ),
    min_size=2,
    max_size=9,
)


def program(lines: list[Any], x: Any) -> Any:
    nodes = [x]
    for name, *rest in lines:
        if name == "where":
            c, border, a, b = rest
            c, a, b = (nodes[k % len(nodes)] for k in (c, a, b))
            nodes.append(mg.where(c > border, a, b))
        else:
            operands = [nodes[k % len(nodes)] for k in rest]
            ours = UNARY[name][0] if name in UNARY else BINARY.get(name) or getattr(mg, name)
            nodes.append(ours(*operands))
    return nodes[-1] * x


def taken(lines: list[Any], at: float) -> Callable[[Any], Any]:
    """The program with only the branches taken at a point; raises at a kink."""
    with mp.workdps(30):
        values, way = [mp.mpf(at)], list[Any]([None])  # of each node: which one it is, or its step
        for name, *rest in lines:
            places = [
                k % len(values) for k in (rest if name != "where" else (*rest[:1], *rest[2:]))
            ]
            operands = [values[k] for k in places]
            if name in UNARY:
                _, theirs, smooth = UNARY[name]
                fits = mp.im(operands[0]) == 0 and operands[0] == operands[0]
                fits = fits and smooth(operands[0])
                values.append(theirs(operands[0]) if fits else mp.nan)
                way.append((theirs, places))
                continue
            if name in BINARY:
                values.append(BINARY[name](*operands))
                way.append((BINARY[name], places))
                continue
            if name == "where":
                same = places[1] if operands[0] > rest[1] else places[2]
                near = operands[0] != operands[0] or 0 < abs(operands[0] - rest[1]) < 1e-6
            elif name == "relu":
                same = places[0] if operands[0] > 0 else None
                near = not abs(operands[0]) > 1e-6
            else:
                same = places[0] if operands[0] > operands[1] else places[1]
                near = not abs(operands[0] - operands[1]) > 1e-6 and places[0] != places[1]
            value = mp.mpf(0) if same is None else values[same]
            values.append(mp.nan if near else value)
            way.append(same if same is not None else (lambda: mp.mpf(0), []))
    assume(mp.isfinite(values[-1]) and abs(values[-1]) < 1e6)

    def run(x: Any) -> Any:
        known: dict[int, Any] = {0: x}

        def node(k: int) -> Any:
            if k not in known:
                step = way[k]
                known[k] = node(step) if isinstance(step, int) else step[0](*map(node, step[1]))
            return known[k]

        return node(len(way) - 1) * x

    return run


def wanted(lines: list[Any], x: float) -> float:
    branch = taken(lines, x)
    with mp.workdps(60):
        bend = mp.diff(branch, mp.mpf(x), 2)
    assume(mp.im(bend) == 0 and abs(bend) < 1e8)
    return float(bend)


def bend(lines: list[Any]) -> Callable[[Any], Any]:
    return mg.grad(mg.grad(lambda x: program(lines, x)))


POINTS = st.sampled_from([-2.0, -0.5, 0.0, 0.25, 1.0, 2.5])


@settings(max_examples=120, deadline=None)
@seed(3)
@given(steps, POINTS)
def test_second_derivatives_are_those_of_the_branches_taken(lines: list[Any], x: float) -> None:
    want = pytest.approx(wanted(lines, x), rel=1e-6, abs=1e-6)
    assert bend(lines)(x) == want
    graph = traced(bend(lines), None)
    answer = evaluate(roll(graph, guarded=True), [[[x]]], [])  # type: ignore[list-item]
    assert float(answer["value"].ravel()[0]) == want


@settings(max_examples=12, deadline=None)
@seed(4)
@given(steps.filter(lambda lines: any(name == "where" for name, *_ in lines)), POINTS)
def test_and_those_of_native_code(lines: list[Any], x: float) -> None:
    want = pytest.approx(wanted(lines, x), rel=1e-6, abs=1e-6)
    assert mg.compile(bend(lines))(x) == want
    slope = mg.grad(lambda x: program(lines, x))
    assert mg.compile(slope).value_and_grad(x)[1] == want
    exact = mg.compile(bend(lines), exact=True)(x)
    assert exact == want
    assert math.isfinite(exact)
