"""Lanes, branches, or lanes for most examples and branches for the others: the same numbers."""

from typing import Any

import numpy as np
import pytest
from branching import CASES, Case
from test_paths import check_exact, close, columns, eager, gradients_of, same

import micrograd as mg
from micrograd import Value
from micrograd.compiler.api import own_paths
from micrograd.compiler.api.ways import ALL_LANES, NO_LANES, Way, choose

pytestmark = pytest.mark.native

MIXED = Way(0.15)  # paths that fewer examples take have left the lanes


def by(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """Computes all functions in this way."""

    def chosen(known: Any, gradient: bool, width: int, in_parts: bool) -> Way:
        mixed = 0 < way.rare < 1
        some_left = len(known.rare(way.rare)) < known.count
        return ALL_LANES if mixed and not (in_parts and some_left) else way

    monkeypatch.setattr(own_paths, "choose", chosen)


@pytest.mark.parametrize("way", [NO_LANES, MIXED], ids=["branches", "mixed"])
@pytest.mark.parametrize("case", CASES[::2], ids=repr)
def test_each_way_has_the_numbers_of_the_engine(
    case: Case, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    by(way, monkeypatch)
    check_exact(case)


@pytest.mark.parametrize("way", [NO_LANES, MIXED], ids=["branches", "mixed"])
@pytest.mark.parametrize("case", CASES[::4], ids=repr)
def test_each_way_takes_the_paths_of_the_engine_in_fast_programs(
    case: Case, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    by(way, monkeypatch)
    f = mg.vectorize(case.function, threads=2)
    value, gradient = gradients_of(f, case)
    expected = [eager(case, arguments) for arguments in case.arguments]
    close(f(*columns(case)), [value for value, _, _ in expected])
    close(value, [value for value, _, _ in expected])
    close(gradient, [gradient for _, gradient, _ in expected])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("way", [ALL_LANES, NO_LANES, MIXED], ids=["lanes", "branches", "mixed"])
def test_each_way_meets_new_paths_and_parameters(
    way: Way, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by(way, monkeypatch)
    a, b = Value(2.0), Value(3.0)
    f = mg.vectorize(lambda x: a * x if x > 1 else b * x * x if x < -1 else -x, dtype=dtype)
    for x in ([2.0, 3.0, 0.5], [0.5, 2.0], [-2.0, 0.5, 3.0], [-2.0, 0.5, 3.0], [np.nan, -3.0]):
        value, slope = f.value_and_grad(x)
        same(value, [2 * y if y > 1 else 3 * y * y if y < -1 else -y for y in x])
        same(slope, [2 if y > 1 else 6 * y if y < -1 else -1 for y in x])
    assert f.gradient({a: 1.0, b: 1.0}, [2.0, -2.0]) == (3.0, {a: 1.0, b: 2.0})


def known_of(function: Any, *arguments: Any) -> Any:
    it, _ = mg.vectorize(function, each="number").specialize(*arguments)
    return it.known


def descent(x: Any) -> Any:
    while x > 1.0:
        x = x - 0.02 - 0.005 * mg.exp(-x)
    return x


def seldom_long(x: Any) -> Any:
    y = mg.exp(-x) * mg.sin(x) + mg.log(1 + x * x)
    while y > 3.0:
        y = y - 0.1 * mg.exp(-0.1 * y)
    return y * x


RANDOM = np.random.default_rng(0)
SMALL = RANDOM.uniform(0.0, 1.0, 4000)
FEW_LARGE = np.where(RANDOM.random(4000) < 0.01, RANDOM.uniform(4.0, 9.0, 4000), SMALL)
FEW_ABOVE = np.where(RANDOM.random(4000) < 0.01, RANDOM.uniform(1.0, 3.0, 4000), SMALL)


@pytest.mark.parametrize(
    ("function", "x", "width", "way"),
    [
        (lambda x: mg.sin(x) if x > 0.5 else x * x, SMALL, 8, ALL_LANES),
        (lambda x: max(x, 0.5), SMALL, 1, ALL_LANES),
        (descent, FEW_ABOVE, 8, NO_LANES),
        (descent, FEW_ABOVE, 1, NO_LANES),
        (seldom_long, FEW_LARGE, 8, Way(0.005)),
    ],
    ids=["cheap", "cheaper than a question", "long", "one example", "seldom long"],
)
def test_the_rule_chooses_by_the_work_of_the_paths(
    function: Any, x: Any, width: int, way: Way
) -> None:
    known = known_of(function, x)
    assert choose(known, False, width, True) == way
    assert choose(known, False, width, False) in (ALL_LANES, NO_LANES)


def test_explain_says_which_paths_have_left_the_lanes() -> None:
    f = mg.vectorize(seldom_long)
    f(FEW_LARGE)
    assert " paths through " in str(f.explain())
    g = mg.compile(descent)
    g(1.5)
    assert "each example computes its own" in str(g.explain())


@pytest.mark.parametrize("way", [ALL_LANES, NO_LANES, MIXED], ids=["lanes", "branches", "mixed"])
def test_a_condition_may_be_the_result_of_a_path(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    by(way, monkeypatch)
    f = mg.vectorize(lambda x: [x > 3.0 if x > 0.0 else 2.0, x > -2.0 if x > 0.0 else x < -2.0])
    for _ in range(2):
        first, second = f([4.0, 1.0, -1.0, -4.0])
        assert first.tolist() == [1.0, 0.0, 2.0, 2.0]
        assert second.tolist() == [1.0, 1.0, 0.0, 1.0]
