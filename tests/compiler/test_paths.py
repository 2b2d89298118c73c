"""Control flow as written: each example takes its own path, with the eager engine as the oracle."""

from typing import Any

import numpy as np
import pytest
from branching import CASES, NAN, Case, slope, turn
from ways import OneInNumPy, in_numpy

import micrograd as mg
from micrograd import Value

CAPTURED = [slope, turn]


def eager(case: Case, arguments: tuple[Any, ...]) -> tuple[float, list[float], list[float]]:
    """The value, and the gradients of the arguments and of the captured Values."""
    for value in CAPTURED:
        value.grad = 0.0
    leaves = [[Value(x) for x in np.ravel(a)] for a in arguments]
    result = case.function(
        *[mg.array(xs) if np.ndim(a) else xs[0] for xs, a in zip(leaves, arguments)]
    )
    if isinstance(result, Value):
        result.backward()
    gradient = [x.grad for xs in leaves for x in xs]
    return float(getattr(result, "data", result)), gradient, [v.grad for v in CAPTURED]


def columns(case: Case) -> list[Any]:
    return [np.array(column) for column in zip(*case.arguments)]


def same(a: Any, b: Any) -> None:
    """Equal floats: NaN is NaN, and a zero may have either sign."""
    np.testing.assert_array_equal(np.asarray(a, float), np.asarray(b, float))


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=1e-12, atol=1e-12)


def gradients_of(f: Any, case: Case) -> tuple[Any, Any]:
    """The values, and the gradients of the arguments, a row for each example."""
    value, gradient = f.value_and_grad(*columns(case))
    parts = gradient if isinstance(gradient, tuple) else (gradient,)
    return value, np.concatenate([np.reshape(g, (len(value), -1)) for g in parts], axis=1)


def captured_gradient(f: Any, case: Case) -> list[float]:
    theta = f.pack()
    _, gradient = f.gradient(theta, *columns(case))
    found = dict(zip(f.parameters, gradient.tolist()))
    return [found.get(v, 0.0) for v in CAPTURED]


def check_exact(case: Case) -> None:
    """Compares an exact function with the engine, bit by bit."""
    f = mg.vectorize(case.function, exact=True)
    value, gradient = gradients_of(f, case)
    expected = [eager(case, arguments) for arguments in case.arguments]
    same(f(*columns(case)), [value for value, _, _ in expected])
    same(value, [value for value, _, _ in expected])
    same(gradient, [gradient for _, gradient, _ in expected])


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_exact_values_and_gradients_are_those_of_the_engine(case: Case) -> None:
    check_exact(case)


@pytest.mark.parametrize("make", [mg.vectorize, in_numpy])
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_fast_values_and_gradients_take_the_same_paths(case: Case, make: Any) -> None:
    f = make(case.function)
    value, gradient = gradients_of(f, case)
    expected = [eager(case, arguments) for arguments in case.arguments]
    close(f(*columns(case)), [value for value, _, _ in expected])
    close(value, [value for value, _, _ in expected])
    close(gradient, [gradient for _, gradient, _ in expected])
    if f.parameters:
        mean = np.mean([captured for _, _, captured in expected], axis=0)
        close(captured_gradient(f, case), mean)


@pytest.mark.parametrize("make", [mg.compile, OneInNumPy])
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_one_example_a_call_finds_its_paths_one_by_one(case: Case, make: Any) -> None:
    f = make(case.function, "float64", 1, False) if make is OneInNumPy else make(case.function)
    for arguments in case.arguments:
        value, gradient = f.value_and_grad(*arguments)
        parts = gradient if isinstance(gradient, tuple) else (gradient,)
        expected, slopes, _ = eager(case, arguments)
        close(value, expected)
        close(f(*arguments), expected)
        close(np.concatenate([np.ravel(g) for g in parts]), slopes)


class Tree(mg.Module):
    """A model whose parameters lie on different paths; the third one on a rare one."""

    def __init__(self) -> None:
        self.left, self.right, self.rare = Value(1.0), Value(0.5), Value(-1.0)

    def __call__(self, x: Any) -> Any:
        if x[0] <= 0:
            return self.left * x[1]
        return self.rare * x[1] if x[1] > 2.5 else self.right * x[0]


RANDOM = np.random.default_rng(0)
POINTS = RANDOM.normal(size=(400, 2)).clip(-2.4, 2.4)
POINTS[399] = 1.0, 3.0  # the only one
TARGETS = np.where(POINTS[:, 0] <= 0, 3 * POINTS[:, 1], 2 * POINTS[:, 0])


@pytest.mark.parametrize("batch_size", [1, 32, None])
def test_fit_learns_on_all_paths_as_the_eager_engine_does(batch_size: Any) -> None:
    trees = Tree(), Tree()
    for tree, engine in zip(trees, ("native", "eager")):
        optimizer = mg.Momentum(0.02)
        options: dict[str, Any] = {"epochs": 2, "batch_size": batch_size, "seed": 0}
        mg.fit(tree, POINTS, TARGETS, loss="mse", optimizer=optimizer, engine=engine, **options)
    learned = [[p.data for p in tree.parameters()] for tree in trees]
    np.testing.assert_allclose(*learned, rtol=1e-9)
    assert trees[0].rare.data != -1.0


def test_a_predictor_meets_new_paths_and_parameters() -> None:
    predict = mg.Predictor(Tree())
    assert predict([1.0, 0.0]) == [0.5]
    assert predict([-1.0, 4.0]) == [4.0]
    assert predict([[1.0, 3.0], [-1.0, 4.0]]).tolist() == [[-3.0], [4.0]]
    assert predict([1.0, 3.0]) == [-3.0]


def test_a_path_that_was_not_in_the_sample() -> None:
    """More examples than are looked at before the program is compiled."""
    x = np.zeros(100_000)
    x[[777, 99_999]] = 2.0, -3.0
    f = mg.vectorize(lambda x: x * x if x > 1 else -x if x < -1 else x + 1.0)
    value, gradient = f.value_and_grad(x)
    same(value[[0, 777, 99_999]], [1.0, 4.0, 3.0])
    same(gradient[[0, 777, 99_999]], [1.0, 4.0, -1.0])
    assert value.sum() == 99_998 + 7


def test_new_parameters_come_last_and_have_their_own_number() -> None:
    a, b = Value(2.0, name="a"), Value(5.0, name="b")
    f = mg.vectorize(lambda x: b * x if x > 1 else a * x)
    f([0.5])
    assert f.parameters == (a,)
    assert f.gradient([a], [0.5, 2.0])[0] == (1.0 + 10.0) / 2
    assert f.parameters == (a, b)
    mean, gradient = f.gradient({a: 4.0, b: 1.0}, [0.5, 2.0])
    assert (mean, gradient) == (2.0, {a: 0.25, b: 1.0})


def test_a_question_about_a_parameter_is_asked_at_each_call() -> None:
    w = Value(2.0)
    f = mg.vectorize(lambda x: w * x if w > 1 else -x)
    assert f([3.0]).tolist() == [6.0]
    w.data = 0.5
    assert f([3.0]).tolist() == [-3.0]
    assert f.gradient({w: 4.0}, [3.0]) == (12.0, {w: 3.0})
    assert f.gradient({w: 0.0}, [3.0, 1.0]) == (-2.0, {w: 0.0})


def test_an_example_on_which_the_function_raises_is_named() -> None:
    f = mg.vectorize(lambda x: [1.0, 2.0, 3.0][int(x)])
    with pytest.raises(IndexError) as caught:
        f([0.0, 1.0, 7.0])
    assert "7.0" in "".join(caught.value.__notes__)
    with pytest.raises(ValueError, match="NaN") as unknown:
        f([0.0, NAN])
    assert "nan" in "".join(unknown.value.__notes__)
    assert f([0.0, 1.0, 2.0]).tolist() == [1.0, 2.0, 3.0]


def test_the_trie_and_the_shares_are_shown() -> None:
    def f(x: Any) -> Any:
        if x > 1:
            return x * x
        return -x if x < -1 else x

    g = mg.vectorize(f)
    g([2.0, 3.0, -3.0, 4.0])
    line = f.__code__.co_firstlineno
    assert str(g.source("paths")) == (
        f"test_paths.py:{line + 1}  if x > 1:\n"
        "  yes: path 1, 75 % of the examples\n"
        f"  no: test_paths.py:{line + 3}  return -x if x < -1 else x\n"
        "    yes: path 2, 25 % of the examples\n"
        "    no: not taken yet"
    )
    assert "2 paths through 2 questions, taken by 75 %, 25 %" in str(g.explain())
    assert str(mg.compile(lambda x: x).source("paths", 1.0)) == "one path, without questions"
