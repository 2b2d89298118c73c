"""Small matrices: against NumPy, with each example's own pivots, and derivatives of two orders."""

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import micrograd as mg

RANDOM = np.random.default_rng(0)
SYMMETRIC = np.array([[4.0, 1.0, -0.5], [1.0, 3.0, 0.25], [-0.5, 0.25, 2.0]])
WEIGHTS = np.cos(np.arange(36.0)).reshape(6, 6)
WAYS: dict[str, Callable[..., Any]] = {"eager": lambda f: f, "compiled": mg.compile}


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("zeros", [False, True])
def test_solve_inverse_and_determinant_are_those_of_numpy(n: int, zeros: bool) -> None:
    a, b = RANDOM.normal(size=(n, n)), RANDOM.normal(size=(n, 2))
    if zeros and n > 1:  # no pivot on the diagonal
        a -= np.diag(np.diag(a))
    np.testing.assert_allclose(mg.solve(a, b), np.linalg.solve(a, b), rtol=1e-9)
    np.testing.assert_allclose(mg.solve(a, b[:, 0]), np.linalg.solve(a, b[:, 0]), rtol=1e-9)
    np.testing.assert_allclose(mg.inv(a), np.linalg.inv(a), rtol=1e-9, atol=1e-12)
    assert mg.det(a) == pytest.approx(np.linalg.det(a), rel=1e-10)
    np.testing.assert_allclose(mg.cholesky(a @ a.T), np.linalg.cholesky(a @ a.T), rtol=1e-7)


def test_each_example_has_its_own_pivots() -> None:
    a = RANDOM.normal(size=(9, 4, 4))
    a[3, 0, 0] = a[5, 1, 1] = 0.0
    a[7, :2, :2] = 0.0
    solved = mg.vectorize(lambda a: mg.solve(a, [1.0, 2.0, 3.0, 4.0]))(a)
    want = [np.linalg.solve(x, np.arange(1.0, 5.0)) for x in a]
    np.testing.assert_allclose(
        np.transpose(solved) if np.shape(solved) == (4, 9) else solved, want, rtol=1e-9
    )
    singular = a.copy()
    singular[2] = 0.0
    others = np.arange(9) != 2
    found = np.array(mg.vectorize(lambda a: mg.solve(a, [1.0, 2.0, 3.0, 4.0])[0])(singular))
    np.testing.assert_allclose(found[others], np.array(want)[others, 0], rtol=1e-9)
    assert not np.isfinite(found[2])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("n", [2, 4])
def test_gradients_are_those_of_matrix_calculus(n: int, way: str) -> None:
    a, w = RANDOM.normal(size=(n, n)), WEIGHTS[:n, :n]
    a[0, 0] = 0.0
    inverse = np.linalg.inv(a)
    slope = WAYS[way](mg.grad(mg.det))(a)
    np.testing.assert_allclose(slope, np.linalg.det(a) * inverse.T, rtol=1e-8, atol=1e-12)

    def total(a: Any) -> Any:
        return mg.sum(x * y for row, ws in zip(mg.inv(a), w.tolist()) for x, y in zip(row, ws))

    slope = WAYS[way](mg.grad(total))(a)
    np.testing.assert_allclose(slope, -inverse.T @ w @ inverse.T, rtol=1e-8, atol=1e-10)


def test_the_determinant_has_its_gradient_at_singular_matrices_or_none() -> None:
    """The gradient is the transposed adjugate; from four rows on, it may be NaN, never wrong."""
    np.testing.assert_allclose(
        mg.grad(mg.det)(np.array([[0.0, 1.0], [0.0, 1.0]])), [[1, 0], [-1, 0]]
    )
    a = np.eye(4)
    a[3, 3] = 0.0  # of rank 3, and the last pivot shows it
    np.testing.assert_allclose(mg.grad(mg.det)(a), np.diag([0.0, 0.0, 0.0, 1.0]))
    a = np.eye(4)
    a[0, 0], a[1, 0] = 0.0, 0.0
    assert mg.det(a) == 0.0
    assert np.isnan(mg.grad(mg.det)(a)).any()


def test_the_logarithm_of_a_determinant_twice_differentiated() -> None:
    """d² log det A = -tr(A⁻¹ dA A⁻¹ dA), by the factor of Cholesky's."""

    def log_det(t: Any) -> Any:
        rows = [
            [x + t * y for x, y in zip(r, d)]
            for r, d in zip(SYMMETRIC.tolist(), (SYMMETRIC @ SYMMETRIC).tolist())
        ]
        lower = mg.cholesky(rows)
        return 2.0 * mg.sum(mg.log(lower[k][k]) for k in range(3))

    assert log_det(0.0) == pytest.approx(np.log(np.linalg.det(SYMMETRIC)))
    assert mg.grad(log_det)(0.0) == pytest.approx(np.trace(SYMMETRIC))
    assert mg.grad(mg.grad(log_det))(0.0) == pytest.approx(-np.trace(SYMMETRIC @ SYMMETRIC))


def test_shapes() -> None:
    with pytest.raises(mg.ShapeError, match="det expects a square matrix, got rows of"):
        mg.det([[1.0, 2.0]])
    with pytest.raises(mg.ShapeError, match="solve expects 1 rows in b, got 2"):
        mg.solve([[1.0]], [1.0, 2.0])
    with pytest.raises(mg.ShapeError, match=r"rows of one length in b, got rows of \[1, 2\]"):
        mg.solve(np.eye(2), [[1.0], [1.0, 2.0]])
    with pytest.raises(TypeError, match=r"solve expects a sequence of numbers, got 3\.0"):
        mg.solve([[2.0]], 3.0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(
        TypeError, match=r"inv expects a square matrix, as rows of numbers, got 3\.0"
    ):
        mg.inv(3.0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="expected one real number, got str 'a'"):
        mg.det([["a"]])  # pyright: ignore[reportArgumentType]
    with pytest.raises(mg.ShapeError, match=r"shape \(5, 2, 2\); for many matrices write"):
        mg.det(np.ones((5, 2, 2)))
    assert np.isnan(mg.cholesky([[1.0, 2.0], [2.0, 1.0]])[1][1])


def test_results_of_arrays_are_numbers_of_python() -> None:
    rows = [*mg.inv(np.eye(2)), mg.solve(np.eye(2), np.ones(2)), *mg.cholesky(np.eye(2))]
    assert {type(x) for row in rows for x in row} == {float}
    assert {type(x) for x in mg.sort(np.array([2.0, 1.0]))} == {float}


def _weighted(rows: Any, flat: Any) -> Any:
    entries = [x for row in rows for x in (row if hasattr(row, "__len__") else [row])]
    return mg.sum(w * x for w, x in zip(flat, entries))


FIFTY_DIGITS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "solve": (lambda a: mg.solve(a, [1.0, -2.0, 0.5]), lambda a: mp.lu_solve(a, [1, -2, 0.5])),
    "inv": (mg.inv, lambda a: a**-1),
    "det": (lambda a: [mg.det(a)], lambda a: mp.matrix([mp.det(a)])),
    "cholesky": (mg.cholesky, lambda a: mp.cholesky(_lower(a))),
}


def _lower(a: Any) -> Any:
    """The symmetric matrix with this lower triangle, which is all that `cholesky` reads."""
    n = a.rows
    return mp.matrix([[a[max(i, j), min(i, j)] for j in range(n)] for i in range(n)])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FIFTY_DIGITS)
def test_gradients_and_hessians_are_those_of_differences_in_fifty_digits(
    name: str, way: str
) -> None:
    ours, theirs = FIFTY_DIGITS[name]
    flat = np.cos(1.0 + np.arange(9.0)).tolist()

    def total(v: Any) -> Any:
        return _weighted(ours([v[0:3], v[3:6], v[6:9]]), flat)

    def exactly(v: list[Any]) -> Any:
        result = theirs(mp.matrix(3, 3) + mp.matrix([v[0:3], v[3:6], v[6:9]]))
        return mp.fsum(w * x for w, x in zip(flat, result))

    point = SYMMETRIC.ravel()
    gradient, hessian = WAYS[way](mg.grad(total))(point), WAYS[way](mg.hessian(total))(point)
    with mp.workdps(50):
        h, x = mp.mpf(10) ** -12, [mp.mpf(y) for y in point]

        def at(*steps: tuple[int, int]) -> Any:
            moved = [*x]
            for k, times in steps:
                moved[k] += times * h
            return exactly(moved)

        for k in range(9):
            slope = (at((k, 1)) - at((k, -1))) / (2 * h)
            assert gradient[k] == pytest.approx(float(slope), rel=1e-12, abs=1e-14)
            j = (2 * k + 1) % 9
            mixed = at((k, 1), (j, 1)) - at((k, 1), (j, -1)) - at((k, -1), (j, 1))
            mixed += at((k, -1), (j, -1))
            assert hessian[k][j] == pytest.approx(float(mixed / (4 * h * h)), rel=1e-11, abs=1e-13)


def _positive(n: int) -> np.ndarray:
    a = np.cos(np.arange(n * n)).reshape(n, n)
    return a @ a.T / n + 1.5 * np.eye(n)


LARGER: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    **FIFTY_DIGITS,
    "solve": (
        lambda a: mg.solve(a, [float(k) for k in range(len(a))]),
        lambda a: mp.lu_solve(a, [*range(a.rows)]),
    ),
}


@pytest.mark.parametrize("n", [4, 6, 12])
@pytest.mark.parametrize("name", LARGER)
def test_larger_ones_are_those_of_differences_in_fifty_digits(name: str, n: int) -> None:
    """The gradients up to 12 x 12, the Hessians up to 6 x 6; of both, every seventh entry or so."""
    ours, theirs = LARGER[name]
    flat = np.cos(1.0 + np.arange(float(n * n))).tolist()
    point = _positive(n).ravel()
    entries = [*range(0, n * n, 1 + n * n // 7)]

    def total(v: Any) -> Any:
        return _weighted(ours([v[n * k : n * k + n] for k in range(n)]), flat)

    def exactly(steps: dict[int, int]) -> Any:
        v = [mp.mpf(x) + steps.get(k, 0) * mp.mpf(10) ** -12 for k, x in enumerate(point)]
        result = theirs(mp.matrix([v[n * k : n * k + n] for k in range(n)]))
        return mp.fsum(w * x for w, x in zip(flat, result))

    gradients = [mg.grad(total)(point)]
    if n == 6:
        gradients.append(mg.compile(mg.grad(total))(point))
    with mp.workdps(50):
        for k in entries:
            slope = float((exactly({k: 1}) - exactly({k: -1})) * mp.mpf(10) ** 12 / 2)
            for gradient in gradients:
                assert gradient[k] == pytest.approx(slope, rel=1e-12, abs=1e-13)
        if n > 6:
            return
        hessian = mg.hessian(total)(point)
        for k, j in zip(entries, [*entries[1:], 1]):
            mixed = exactly({k: 1, j: 1}) - exactly({k: 1, j: -1})
            mixed += exactly({k: -1, j: -1}) - exactly({k: -1, j: 1})
            want = float(mixed * mp.mpf(10) ** 24 / 4)
            assert hessian[k][j] == pytest.approx(want, rel=1e-11, abs=1e-13)
