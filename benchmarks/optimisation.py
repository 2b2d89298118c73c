"""What do exact derivatives save a search?

SciPy's searches as `micrograd` calls them, with compiled derivatives, and as people call them,
without any: Rosenbrock's function of 100 unknowns; a bundle adjustment, 3,500 observations of 300
points by 20 cameras, with a sparse Jacobian; and a million problems of one unknown, for which SciPy
has a loop over `minimize_scalar`. All sides find the same minima.
"""

import itertools
import sys

import side_by_side
from side_by_side import Below, Faster

# isort: split
import numpy as np
from scipy import optimize, sparse

import micrograd as mg

random = np.random.default_rng(0)


# Rosenbrock's function.


def valley(x):
    return mg.sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x))


def rosenbrock() -> bool:
    start = np.tile([-1.2, 1.0], 50)
    compiled = mg.compile(valley)
    sides = {
        "micrograd.minimize": lambda: mg.minimize(compiled, start),
        "scipy.optimize.minimize, BFGS, derivatives by hand": (
            lambda: optimize.minimize(optimize.rosen, start, jac=optimize.rosen_der)
        ),
        "scipy.optimize.minimize, BFGS": (
            lambda: optimize.minimize(optimize.rosen, start, options={"gtol": 1e-4})
        ),
    }
    for name, side in sides.items():
        assert side().fun < 4.0, name  # there is a second valley, of 3.99
    bars = {"scipy.optimize.minimize, BFGS": (Faster(3),)}
    return side_by_side.compare(
        "Rosenbrock of 100 unknowns, a search", sides, bars, unit="ms", rounds=5
    )


# Bundle adjustment.

CAMERAS, POINTS, SEEN = 20, 300, 3500
FOCUS = 800.0  # pixels


def turned(m, r, x):
    """x, turned by the rotation vector r: Rodrigues' formula; `m` is the module of functions."""
    angle = m.sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2] + 1e-12)
    c, s = m.cos(angle), m.sin(angle) / angle
    k = (1 - c) / (angle * angle) * (r[0] * x[0] + r[1] * x[1] + r[2] * x[2])
    cross = r[1] * x[2] - r[2] * x[1], r[2] * x[0] - r[0] * x[2], r[0] * x[1] - r[1] * x[0]
    return [c * x[i] + s * cross[i] + k * r[i] for i in range(3)]


def seen(m, camera, point):
    """Where a camera, three angles and a place, sees a point: in pixels."""
    x, y, z = (a + b for a, b in zip(turned(m, camera[:3], point), camera[3:]))
    return FOCUS * x / z, FOCUS * y / z


def scene():
    cameras = np.hstack([random.normal(0, 0.2, (CAMERAS, 3)), random.normal(0, 0.3, (CAMERAS, 3))])
    cameras[:, 5] += 6.0
    points = random.uniform(-1, 1, (POINTS, 3))
    which = random.choice(CAMERAS * POINTS, SEEN, replace=False)
    camera, point = which // POINTS, which % POINTS
    pixels = np.stack(seen(np, cameras[camera].T, points[point].T)) + random.normal(
        0, 0.5, (2, SEEN)
    )
    truth = np.concatenate([cameras.ravel(), points.ravel()])
    return camera, point, pixels, truth + random.normal(0, 0.05, truth.shape)


def bundle() -> bool:
    camera, point, pixels, start = scene()

    def residuals(q):
        cameras, points = q[: 6 * CAMERAS].reshape(-1, 6), q[6 * CAMERAS :].reshape(-1, 3)
        return [
            a - b
            for k, (i, j) in enumerate(zip(camera, point))
            for a, b in zip(seen(mg, cameras[i], points[j]), pixels[:, k])
        ]

    def in_numpy(q):
        cameras, points = q[: 6 * CAMERAS].reshape(-1, 6), q[6 * CAMERAS :].reshape(-1, 3)
        return (np.stack(seen(np, cameras[camera].T, points[point].T)) - pixels).T.ravel()

    rows = np.repeat(np.arange(2 * SEEN), 9)
    of_camera = 6 * camera[:, None] + np.arange(6)
    of_point = 6 * CAMERAS + 3 * point[:, None] + np.arange(3)
    columns = np.repeat(np.hstack([of_camera, of_point]), 2, axis=0).ravel()
    pattern = sparse.csr_array((np.ones(len(rows)), (rows, columns)))
    options = {"x_scale": "jac", "ftol": 1e-6}
    compiled = mg.compile(residuals)
    sides = {
        "micrograd.least_squares": lambda: mg.least_squares(compiled, start, **options),
        "scipy.optimize.least_squares, pattern by hand": (
            lambda: optimize.least_squares(in_numpy, start, jac_sparsity=pattern, **options)
        ),
    }
    costs = [side().cost for side in sides.values()]
    side_by_side.agree("the costs", costs[0], costs[1], 1e-3)
    bars = {"scipy.optimize.least_squares, pattern by hand": (Faster(1),)}
    title = "7,000 residuals, 1,020 unknowns, a search"
    met = side_by_side.compare(title, sides, bars, unit="ms", rounds=3)
    matrix = mg.sparse_jacobian(residuals)
    differences = optimize._numdiff.approx_derivative  # what least_squares uses
    groups = optimize._numdiff.group_columns(pattern)
    sides = {
        "micrograd.sparse_jacobian": lambda: matrix(start),
        "by differences of columns in groups": (
            lambda: differences(in_numpy, start, "2-point", sparsity=(pattern, groups))
        ),
    }
    ours, theirs = [side().toarray() for side in sides.values()]
    side_by_side.agree("the Jacobian", ours, theirs, 1e-5)
    bars = {"by differences of columns in groups": (Faster(1),)}
    return met & side_by_side.compare("its Jacobian", sides, bars, unit="ms", rounds=15)


# One unknown.

MANY, FEW = 1_000_000, 500


def loss(q, demand, cost):
    return cost * q * q - demand * mg.log1p(q)


def one_unknown() -> bool:
    demand = random.uniform(1, 9, MANY)
    few = demand[:FEW].tolist()

    def loop():
        found = [
            optimize.minimize_scalar(lambda q, d=d: 0.5 * q * q - d * np.log1p(q), bounds=(0, 99))
            for d in few
        ]
        return np.array([each.x for each in found])

    def ours():
        return mg.minimize_many(loss, 1.0, demand, 0.5, bounds=(0.0, 99.0)).x

    exact = 0.5 * (np.sqrt(1 + 4 * demand) - 1)
    side_by_side.agree("our minima", ours(), exact, 1e-9)
    side_by_side.agree("SciPy's minima", loop(), exact[:FEW], 1e-4)
    seconds = {
        "micrograd.minimize_many": side_by_side.medians({"": ours}, 5)[""] / MANY,
        "scipy.optimize.minimize_scalar in a loop": side_by_side.medians({"": loop}, 3)[""] / FEW,
    }
    bars = {
        "micrograd.minimize_many": (Below(1000, "ns"),),
        "scipy.optimize.minimize_scalar in a loop": (Faster(100),),
    }
    return side_by_side.table("a million minima, one of them", seconds, bars, unit="ns")


def main() -> bool:
    side_by_side.header("scipy")
    side_by_side.stages()
    return all([rosenbrock(), bundle(), one_unknown()])


if __name__ == "__main__":
    sys.exit(not main())
