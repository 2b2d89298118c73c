"""Roots: against mpmath, SciPy and closed forms; each found or marked."""

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from rooted import COMPILER, EPS, WAYS, each, in_silence, polynomial

import micrograd as mg

# Found, or marked.


@pytest.mark.parametrize("degree", range(1, 10))
def test_a_root_of_a_random_polynomial_is_found_to_rounding_or_is_nan(degree: int) -> None:
    random = np.random.default_rng(degree)
    n = 60
    of_roots = [np.poly(random.uniform(-3, 3, degree)) for _ in range(n)]
    of_numbers = random.normal(size=(n, degree + 1))
    table = np.array([*of_roots, *of_numbers])
    guesses = random.uniform(-5, 5, 2 * n)
    found = in_silence(mg.vectorize(lambda a, x: mg.root(polynomial, x, a)), table, guesses)
    for coefficients, x in zip(table, found):
        if np.isnan(x):
            continue
        rounding = 8 * degree * EPS * np.polyval(abs(coefficients), abs(x))
        assert abs(np.polyval(coefficients, x)) <= rounding
    assert not np.isnan(found[:n]).any()  # as these have real roots
    assert degree % 2 == 0 or not np.isnan(found).any()


TRANSCENDENTAL: dict[str, tuple[Callable[..., Any], Callable[..., Any], float, float, float]] = {
    # name: f(x, a), the same in mpmath, the least and the largest a, the guess
    "x exp(x)": (lambda x, a: x * mg.exp(x) - a, lambda x, a: x * mp.exp(x) - a, 0.1, 1e6, 1.0),
    "Kepler": (lambda x, a: x - 0.9 * mg.sin(x) - a, lambda x, a: x - 0.9 * mp.sin(x) - a, 0, 6, 0),
    "cos": (lambda x, a: mg.cos(x) - a * x, lambda x, a: mp.cos(x) - a * x, 0.1, 30, 4.0),
    "far": (lambda x, a: mg.tanh(x - a), lambda x, a: mp.tanh(x - a), -99, 99, 0.0),
    "log": (lambda x, a: mg.log(x) + x * x - a, lambda x, a: mp.log(x) + x * x - a, -9, 99, 30.0),
    "steep": (lambda x, a: mg.exp(x) - a, lambda x, a: mp.exp(x) - a, 1e-9, 1e9, -20.0),
    "far down": (lambda x, a: mg.exp(x) - a, lambda x, a: mp.exp(x) - a, 1e-9, 1e9, 600.0),
    "domain": (lambda x, a: mg.log(x) - a, lambda x, a: mp.log(x) - a, -9, 9, 1e9),
    "decay": (lambda x, a: mg.exp(-x) - a, lambda x, a: mp.exp(-x) - a, 1e-12, 1.0, 0.0),
    "flat": (lambda x, a: mg.atan(x) - a, lambda x, a: mp.atan(x) - a, -1.5, 1.5, 3.0),
    "power": (lambda x, a: x**7 - a, lambda x, a: x**7 - a, -1e6, 1e6, 1.0),
    "small": (lambda x, a: x**9 - a, lambda x, a: x**9 - a, 1e-31, 1e-30, 5.0),
}


@pytest.mark.parametrize("name", TRANSCENDENTAL)
def test_a_root_of_a_transcendental_equation_is_that_of_mpmath(name: str) -> None:
    f, exact, least, most, guess = TRANSCENDENTAL[name]
    a = np.random.default_rng(3).uniform(least, most, 60)
    found = mg.vectorize(lambda a: mg.root(f, guess, a))(a)
    assert not np.isnan(found).any()
    for x, parameter in zip(found.tolist(), a.tolist()):
        with mp.workdps(50):
            best = mp.findroot(lambda y, parameter=parameter: exact(y, mp.mpf(parameter)), x)
        assert abs(best - x) <= 1e-13 * max(abs(x), 1.0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * x + 1.0,
        lambda x: mg.exp(x) + 1e-3,
        lambda x: 1.0 / x,  # a pole changes the sign, too
        lambda x: mg.where(x > 0.3, 1.0, -1.0) + 0.1 * x,  # and so does a jump
        lambda x: 0.0 * x + 1.0,
        lambda x: mg.log(-mg.abs(x) - 1.0),
    ],
)
def test_without_a_root_the_result_is_nan_and_a_warning_says_so(
    way: str, f: Callable[..., Any]
) -> None:
    with pytest.warns(mg.ConvergenceWarning, match="did not converge"):
        assert np.isnan(WAYS[way](lambda a: mg.root(f, a))(1.0))


@pytest.mark.parametrize("way", WAYS)
def test_at_a_double_root_the_value_is_close_or_nan_and_the_slope_is_no_small_number(
    way: str,
) -> None:
    def double(a: Any) -> Any:  # 1 + sqrt(a), for a = 0
        return mg.root(lambda x: (x - 1.0) * (x - 1.0) - a, 3.0)

    x = in_silence(WAYS[way](double), 0.0)
    assert np.isnan(x) or x == pytest.approx(1.0, rel=1e-7)
    assert not abs(in_silence(WAYS[way](mg.grad(double)), 0.0)) < 1e6


def test_a_triple_root_is_found_by_its_sign() -> None:
    assert mg.root(lambda x: (x - 1.0) ** 3, 7.0) == pytest.approx(1.0, rel=1e-14)


def test_a_guess_that_is_the_root_stays() -> None:
    root = mg.vectorize(lambda a, x: mg.root(lambda x: x * x - a, x))
    np.testing.assert_array_equal(root([4.0, 9.0, 0.25], [2.0, -3.0, 0.5]), [2.0, -3.0, 0.5])
    _, (slope, by_guess) = root.value_and_grad([4.0, 9.0], [2.0, -3.0])
    np.testing.assert_allclose(slope, [1 / 4, -1 / 6])
    np.testing.assert_array_equal(by_guess, [0.0, 0.0])


def test_a_warning_counts_the_examples() -> None:
    root = mg.vectorize(lambda a: mg.root(lambda x: x * x - a, 1.0))
    with pytest.warns(mg.ConvergenceWarning, match="2 of 5 examples"):
        found = root([4.0, -1.0, 9.0, -2.0, 1.0])
    np.testing.assert_allclose(found, [2.0, np.nan, 3.0, np.nan, 1.0])


def test_a_warning_shows_the_line_of_the_user() -> None:
    in_lanes = mg.vectorize(lambda a: mg.root(lambda x: x * x + a, 1.0))
    for f in (lambda a: mg.root(lambda x: x * x + a, 1.0), in_lanes):
        with pytest.warns(mg.ConvergenceWarning) as caught:
            f(1.0)
        assert [warning.filename for warning in caught] == [__file__]


def test_an_example_without_a_root_does_not_change_the_others() -> None:
    a = np.random.default_rng(0).uniform(0.1, 9.0, 37)
    root = mg.vectorize(lambda a: mg.root(lambda x: x * x - a, 1.0))
    alone = root(a)
    a[5::7] = -1.0
    found = in_silence(root, a)
    kept = a > 0
    np.testing.assert_array_equal(found[kept], alone[kept])
    assert np.isnan(found[~kept]).all()


def test_words_of_other_libraries_and_a_missing_return_are_told() -> None:
    with pytest.raises(TypeError, match=r"root\(\) has no argument 'args'; pass the parameters"):
        mg.root(mg.sin, 1.0, args=(2.0,))  # pyright: ignore[reportCallIssue]
    for solve in (mg.root, mg.fixed_point):
        with pytest.raises(TypeError, match=r"returned None, .* is a `return` missing"):
            solve(lambda x: None, 1.0)  # pyright: ignore[reportArgumentType]


# The same everywhere.


def test_in_exact_mode_the_bits_are_those_of_the_eager_engine() -> None:
    def root(a: Any) -> Any:
        return mg.root(lambda x: x * mg.exp(x) + mg.sin(a * x) - a, 1.0)

    a = np.random.default_rng(5).uniform(0.1, 9.0, 23)
    value, gradient = mg.vectorize(root, exact=True).value_and_grad(a)
    np.testing.assert_array_equal(value, each(root, a))
    np.testing.assert_array_equal(gradient, each(mg.grad(root), a))


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
def test_printed_c_finds_the_same_root(tmp_path: Path) -> None:
    def nested(a: Any) -> Any:
        return mg.root(lambda x: mg.root(lambda y: y * mg.exp(y) - x - a, 1.0) - 2.0 * a, 1.0)

    f = mg.compile(nested, exact=True)
    want = f(1.5)
    file, library = tmp_path / "f.c", tmp_path / "f.so"
    file.write_text(f.source("c"))
    flags = ["-std=c99", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-shared"]
    command = [str(COMPILER), *flags, "-fPIC", str(file), "-o", str(library), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    x, value, memory = (ctypes.c_double * 1)(1.5), (ctypes.c_double * 1)(), (ctypes.c_double * 99)()
    ctypes.CDLL(str(library)).nested(x, value, memory)
    assert value[0] == want


def test_in_float32_the_root_is_found_to_its_precision() -> None:
    a = np.linspace(0.5, 50.0, 40)
    f = mg.vectorize(lambda a: mg.root(lambda x: x * mg.exp(x) - a, 1.0), dtype="float32")
    want = [float(mp.lambertw(x).real) for x in a]
    np.testing.assert_allclose(f(a), want, rtol=1e-6)


def test_a_fixed_point() -> None:
    assert mg.fixed_point(mg.cos, 1.0) == pytest.approx(
        float(mp.findroot(lambda x: mp.cos(x) - x, 0.7))
    )
    slope = mg.grad(lambda a: mg.fixed_point(lambda x: mg.cos(a * x), 1.0))(1.0)
    with mp.workdps(30):
        want = mp.diff(lambda a: mp.findroot(lambda x: mp.cos(a * x) - x, 0.7), 1.0)
    assert slope == pytest.approx(float(want), rel=1e-12)
    pair = mg.fixed_point(lambda v: [0.5 * mg.cos(v[1]), 0.5 * mg.sin(v[0]) + 1.0], [0.0, 0.0])
    assert pair[0] == pytest.approx(0.5 * np.cos(pair[1]), rel=1e-14)


def equilibrium(h: Any, x: Any, w: Any, u: Any) -> Any:
    return mg.tanh(w * h + u * x) - h


def test_threads_find_the_same_bits() -> None:
    def f(x: Any) -> Any:
        return mg.root(equilibrium, 0.0, x, 0.5, 0.7)

    x = np.random.default_rng(2).normal(size=20_000)
    np.testing.assert_array_equal(mg.vectorize(f, threads=2)(x), mg.vectorize(f)(x))


def test_a_model_that_contains_a_root_trains() -> None:
    class Equilibrium(mg.Module):
        def __init__(self) -> None:
            self.w, self.u = mg.Value(0.1), mg.Value(1.0)

        def __call__(self, x: Any) -> list[Any]:
            return [mg.root(equilibrium, 0.0, x[0], self.w, self.u)]

    x = np.linspace(-2.0, 2.0, 32)
    targets = mg.vectorize(lambda x: mg.root(equilibrium, 0.0, x, 0.5, 0.7))(x)
    model = Equilibrium()
    mg.fit(model, x[:, None], targets, loss="mse", optimizer=mg.Adam(0.05), epochs=120)
    assert [p.data for p in model.parameters()] == pytest.approx([0.5, 0.7], abs=1e-3)


def test_implied_volatilities_are_those_that_made_the_prices() -> None:
    def price(spot: Any, strike: Any, time: Any, volatility: Any) -> Any:
        spread = volatility * mg.sqrt(time)
        d = mg.log(spot / strike) / spread + 0.5 * spread
        return spot * mg.ndtr(d) - strike * mg.ndtr(d - spread)

    random = np.random.default_rng(11)
    spot, strike = np.full(500, 100.0), random.uniform(80, 120, 500)
    time, volatility = random.uniform(0.3, 2.0, 500), random.uniform(0.15, 0.8, 500)
    prices, slopes = mg.vectorize(price).value_and_grad(spot, strike, time, volatility)
    implied = mg.vectorize(lambda c, s, k, t: mg.root(lambda v: price(s, k, t, v) - c, 0.3))
    found, gradient = implied.value_and_grad(prices, spot, strike, time)
    np.testing.assert_allclose(found, volatility, rtol=0, atol=1e-12)
    np.testing.assert_allclose(gradient[0], 1.0 / slopes[3], rtol=1e-9)
    np.testing.assert_allclose(gradient[2], -slopes[1] / slopes[3], rtol=1e-9)


def test_a_comparison_in_f_chooses_at_each_step() -> None:
    def f(x: Any, a: Any) -> Any:
        return mg.where(x > 1.0, x * x, 2.0 * x - 1.0) - a

    a = np.array([0.5, 1.0, 4.0, 9.0])
    value, gradient = mg.vectorize(lambda a: mg.root(f, 5.0, a)).value_and_grad(a)
    np.testing.assert_allclose(value, [0.75, 1.0, 2.0, 3.0], rtol=1e-15)
    np.testing.assert_allclose(gradient[[0, 2, 3]], [0.5, 0.25, 1 / 6], rtol=1e-14)


@pytest.mark.parametrize("way", WAYS)
def test_numpy_in_f_counts_as_functions_of_numbers(way: str) -> None:
    def f(a: Any) -> Any:
        return mg.root(lambda x: np.where(x > 1.0, x * x, 2.0 * x - 1.0) - np.sqrt(a), 5.0)

    assert WAYS[way](f)(81.0) == pytest.approx(3.0, rel=1e-15)
    assert WAYS[way](mg.grad(f))(81.0) == pytest.approx(1 / 108, rel=1e-13)


@pytest.mark.parametrize("way", WAYS)
def test_an_equation_may_contain_where(way: str) -> None:
    def f(a: Any) -> Any:
        return mg.root(lambda x: mg.where(x > 0.0, x * x - a, x - 1.0), 1.0)

    assert WAYS[way](mg.grad(f))(4.0) == pytest.approx(0.25, rel=1e-13)
    assert WAYS[way](mg.grad(mg.grad(f)))(4.0) == pytest.approx(-1 / 32, rel=1e-13)


def test_an_eager_equation_may_contain_if() -> None:
    def f(x: Any, a: Any) -> Any:
        return x * x - a if x > 1.0 else 2.0 * x - 1.0 - a

    assert mg.root(f, 5.0, 0.5) == 0.75
    assert mg.grad(lambda a: mg.root(f, 0.0, a))(4.0) == 0.25
