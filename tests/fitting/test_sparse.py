"""Sparse Jacobians and Hessians: their numbers and their patterns, against the dense ones."""

import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd.fitting.matrices import Derivatives
from micrograd.fitting.pattern import Pattern

sparse = pytest.importorskip("scipy.sparse")
RANDOM = np.random.default_rng(0)
WEIGHT = mg.Value(0.7)
EDGES = RANDOM.integers(0, 30, (60, 2))
DATA = RANDOM.normal(size=60)


def broyden(x):
    """Three formulas: the first row, the last, and all between."""
    n = len(x)
    rows = []
    for k in range(n):
        row = (3 - 2 * x[k]) * x[k] + 1
        row = row - x[k - 1] if k else row
        rows.append(row - 2 * x[k + 1] if k < n - 1 else row)
    return rows


def springs(x):
    """Rows that read two unknowns anywhere, a constant of their own, and a captured Value."""
    return [WEIGHT * mg.exp(x[i] * x[j]) - y for (i, j), y in zip(EDGES, DATA)]


def ragged(x):
    """Sums of different lengths."""
    return [mg.sum(mg.sin(y) for y in x[: 1 + k % 3]) + x[k] ** 2 for k in range(len(x))]


def shared(x):
    """All rows read one number that is computed from all unknowns."""
    size = mg.norm(x)
    return [y / size for y in x]


def chain(x):
    """Each row is computed from the one before."""
    rows = [x[0]]
    for y in x[1:]:
        rows.append(mg.tanh(rows[-1]) * y)
    return rows


def chosen(x):
    return [mg.where(a > 0, a * b, mg.abs(b)) + mg.maximum(a, b) for a, b in pairwise(x)]


def flat(x):
    """Derivatives that are zero for all unknowns are not in the pattern, nor are constant rows."""
    return [mg.floor(a) + b for a, b in pairwise(x)] + [3.0, 0 * x[0]]


def rooted(x):
    return [mg.root(lambda z, a=a, b=b: z + mg.exp(z) - a * b, 0.0) for a, b in pairwise(x)]


def in_gradient(x):
    return [mg.grad(lambda a, b=b: mg.exp(a * b) + a**3)(a) for a, b in pairwise(x)]


def asked(x):
    return [a * b if a > b else 2 * b for a, b in pairwise(x)]


ROWS = [broyden, springs, ragged, shared, chain, chosen, flat, rooted, in_gradient]


def at(n: int, seed: int) -> Any:
    return np.random.default_rng(seed).uniform(0.3, 2.0, n)


@pytest.mark.parametrize("n", [30, 100])
@pytest.mark.parametrize("f", ROWS, ids=lambda f: f.__name__)
def test_a_sparse_jacobian_has_the_numbers_and_the_zeros_of_the_dense_one(f: Any, n: int) -> None:
    """The pattern is that of the derivatives that are not zero at one of three points."""
    if f in (shared, chain) and n > 30:
        return
    found, dense = mg.sparse_jacobian(f), mg.jacobian(f)
    nonzero, matrix = 0, sparse.csr_array((0, 0))
    for seed in range(3):
        matrix, expected = found(at(n, seed)), dense(at(n, seed))
        np.testing.assert_allclose(matrix.toarray(), expected, rtol=1e-11, atol=1e-13)
        nonzero = nonzero | (expected != 0)
    assert isinstance(matrix, sparse.csr_array)
    assert matrix.nnz == np.sum(nonzero)


@pytest.mark.parametrize(
    ("f", "by_rows"),
    [(broyden, True), (springs, True), (ragged, True), (shared, False), (chain, False)],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_alike_rows_are_examples_of_one_formula(f: Any, by_rows: bool) -> None:
    def of_vector(x):
        return mg.array(f(x))

    assert Derivatives(of_vector).by_rows(at(80, 0)) == by_rows


def test_rows_that_ask_questions_have_the_nonzeros_of_the_point() -> None:
    found = mg.sparse_jacobian(asked)
    for seed in range(3):
        expected = mg.jacobian(asked)(at(6, seed))
        np.testing.assert_allclose(found(at(6, seed)).toarray(), expected)
        assert found(at(6, seed)).nnz == np.sum(expected != 0)


# Second derivatives.


def rosenbrock(x):
    return mg.sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def weighted(x):
    """A mean, within products with data and a captured Value; linear terms; a quotient."""
    mean = mg.mean(mg.exp(x[i] * x[j]) * y for (i, j), y in zip(EDGES, DATA))
    return 3 * (mean * WEIGHT - mg.sum(x) / 7) / DATA[0] + mg.sum(a * b for a, b in pairwise(x))


def of_all(x):
    """No sum: the Hessian is dense."""
    return mg.sqrt(mg.sum(y * y for y in x))


def a_difference(x):
    return -mg.sum(mg.log(y) for y in x) - x[0] * x[1] / x[2]


def linear(x):
    return mg.sum(x) * 2 - x[0]


def kinked(x):
    return mg.sum(mg.maximum(a * a, b * b) + mg.abs(a) for a, b in pairwise(x))


SUMS = [rosenbrock, weighted, of_all, a_difference, linear, kinked]


@pytest.mark.parametrize("n", [3, 30])
@pytest.mark.parametrize("f", SUMS, ids=lambda f: f.__name__)
def test_a_sparse_hessian_has_the_numbers_and_the_zeros_of_the_dense_one(f: Any, n: int) -> None:
    if f is weighted and n < 30:
        return
    found, dense = mg.sparse_hessian(f), mg.hessian(f)
    nonzero, matrix = 0, sparse.csr_array((0, 0))
    for seed in range(3):
        matrix, expected = found(at(n, seed)), dense(at(n, seed))
        np.testing.assert_allclose(matrix.toarray(), expected, rtol=1e-10, atol=1e-11)
        nonzero = nonzero | (expected != 0)
    assert matrix.nnz >= np.sum(nonzero)
    if f is not kinked:  # a branch has zeros of its own
        assert matrix.nnz == np.sum(nonzero)


def test_the_terms_of_a_sum_are_examples_of_one_formula() -> None:
    assert Derivatives(rosenbrock, order=2).by_rows(at(80, 0))
    assert not Derivatives(of_all, order=2).by_rows(at(80, 0))
    x = at(3000, 0)
    hessian = mg.sparse_hessian(rosenbrock)(x)
    optimize = pytest.importorskip("scipy.optimize")
    np.testing.assert_allclose(
        hessian @ x, optimize.rosen_hess_prod(x, x), rtol=1e-10, atol=1e-8 * abs(hessian).max()
    )


def test_a_hessian_times_a_vector_is_that_of_the_matrix() -> None:
    f = Derivatives(rosenbrock, order=2)
    x, p = at(50, 0), at(50, 1)
    filled = f.matrix(x)
    np.testing.assert_allclose(filled.times(p), filled.dense() @ p, rtol=1e-12)


# Arguments.


def test_the_columns_are_the_numbers_of_the_chosen_arguments_in_order() -> None:
    def f(p, q, scale, shift=0.0):
        return {"a": scale * p["x"] * q[0] + shift, "b": [p["y"] * q[1]] * 2}

    p, q = {"x": np.array([1.0, 2.0]), "y": 3.0}, [5.0, 7.0]
    found = mg.sparse_jacobian(f, argnums=(0, 1))(p, q, 10.0, shift=1.0)
    expected = [[50, 0, 0, 10, 0], [0, 50, 0, 20, 0], [0, 0, 7, 0, 3], [0, 0, 7, 0, 3]]
    assert found.toarray().tolist() == expected
    assert found.nnz == 8
    by_all = mg.sparse_jacobian(f)(p, q, 10.0, shift=1.0)
    assert by_all.toarray()[:, :5].tolist() == expected
    assert by_all.toarray()[:, 5].tolist() == [5, 10, 0, 0]
    by_last = mg.sparse_jacobian(f, argnums=-1)(p, q, 10.0)
    assert by_last.toarray().ravel().tolist() == [5, 10, 0, 0]
    assert mg.sparse_jacobian(f, argnums=0)(p, q, 1.0, shift=mg.Value(2.0).data).shape == (4, 3)


def test_data_and_captured_values_are_read_at_each_call() -> None:
    weight = mg.Value(2.0)

    def f(x, data):
        return [weight * z * a * b for (a, b), z in zip(pairwise(x), data)]

    found, x = mg.sparse_jacobian(f, argnums=0), np.ones(51)
    assert found(x, np.full(50, 3.0)).data.tolist() == [6.0] * 100
    assert found(x, np.full(50, 4.0)).data.tolist() == [8.0] * 100
    weight.data = 10.0
    assert found(x, np.full(50, 4.0)).data.tolist() == [40.0] * 100
    assert found(np.ones(11), np.full(10, 1.0)).shape == (10, 11)


def test_values_at_one_place_are_added_up() -> None:
    rows, columns = np.array([2, 0, 2, 0]), np.array([1, 3, 1, 0])
    values = np.array([1.0, 2.0, 10.0, 5.0])
    pattern = Pattern(rows, columns, (3, 4))
    expected = sparse.coo_array((values, (rows, columns)), (3, 4)).toarray()
    np.testing.assert_array_equal(pattern.dense(values), expected)
    np.testing.assert_array_equal(pattern.sparse(values, sparse).toarray(), expected)
    np.testing.assert_array_equal(pattern.times(values, np.arange(4.0)), expected @ np.arange(4.0))


# Bundle adjustment: cameras and points, each observation reads 6 + 3 of the unknowns.

CAMERAS, POINTS = 6, 40
SEEN = [(c, p) for c in range(CAMERAS) for p in range(POINTS) if (c + p) % 3]


def project(camera, point):
    """A pinhole camera: a rotation vector, and a translation."""
    w, t = camera[:3], camera[3:]
    angle = mg.sqrt(mg.sum(a * a for a in w))
    k, turned = w / angle, []
    along = mg.sum(a * b for a, b in zip(k, point))
    for i in range(3):
        a, b = (i + 1) % 3, (i + 2) % 3
        cross = k[a] * point[b] - k[b] * point[a]
        turned.append(
            point[i] * mg.cos(angle) + cross * mg.sin(angle)
            + k[i] * along * (1 - mg.cos(angle)) + t[i]
        )  # fmt: skip
    return [turned[0] / turned[2], turned[1] / turned[2]]


def reprojection(p, observed):
    return [
        a - b
        for (c, q), seen in zip(SEEN, observed)
        for a, b in zip(project(p["cameras"][c], p["points"][q]), seen)
    ]


def test_bundle_adjustment_takes_a_sparse_jacobian_by_itself() -> None:
    random = np.random.default_rng(0)
    cameras = np.hstack([random.normal(0, 0.2, (CAMERAS, 5)), np.full((CAMERAS, 1), 6.0)])
    truth = {"cameras": cameras, "points": random.normal(0, 1, (POINTS, 3))}
    observed = np.array(reprojection(truth, np.zeros((len(SEEN), 2)))).reshape(-1, 2)
    start = {name: x + random.normal(0, 0.01, x.shape) for name, x in truth.items()}
    f = mg.compile(reprojection)
    found = mg.least_squares(f, start, args=observed, x_scale="jac", gtol=1e-12)
    assert sparse.issparse(found.jac)
    assert found.jac.nnz == 2 * len(SEEN) * 8  # 9, but x reads no y of the camera, nor y an x
    assert found.cost < 1e-15
    exact = mg.least_squares(f, start, args=observed, tr_solver="exact", max_nfev=1)
    dense = mg.compile(mg.jacobian(lambda v: np.array(reprojection(exact_of(v), observed))))
    np.testing.assert_allclose(exact.jac, dense(exact.vector), rtol=1e-9, atol=1e-11)


def exact_of(vector):
    cameras = vector[: 6 * CAMERAS].reshape(CAMERAS, 6)
    return {"cameras": cameras, "points": vector[6 * CAMERAS :].reshape(POINTS, 3)}


# Mistakes.


def test_a_mistake_says_what_to_do() -> None:
    with pytest.raises(TypeError, match="sparse_jacobian takes a function"):
        mg.sparse_jacobian(3.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="nothing to differentiate by: argnums is 2"):
        mg.sparse_jacobian(broyden, argnums=2)(np.ones(3))
    with pytest.raises(TypeError, match="only a function that returns one number has a gradient"):
        mg.sparse_hessian(broyden)(np.ones(3))
    with pytest.raises(mg.TraceError, match="traced"):
        mg.sparse_jacobian(lambda x: [float(x[0])])(np.ones(3))


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'micrograd-native\[optimize\]'"):
        mg.sparse_jacobian(broyden)(np.ones(3))
