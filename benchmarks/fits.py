"""How many curves are fitted in a second?

An exponential decay of three parameters to 50 noisy points, float64: 100,000 data sets by
`curve_fits`, alone and with bounds that hold most of them; JAX, with the same method of Levenberg
and Marquardt in one compiled loop for all; SciPy's `curve_fit`, a data set a call. Then one data
set a call, and the memory of a million. Every side computes the covariances as well.
"""

import subprocess
import sys
from functools import partial

import side_by_side
from side_by_side import Below, Faster

# isort: split
import jax
import jax.numpy as jnp
import numpy as np
from scipy import optimize

import micrograd as mg

FITS, FEW = 100_000, 200
START = 1.0, 1.0, 0.0
HELD = (0.0, 0.0, 0.0), (10.0, 10.0, 0.3)  # bounds; the last one holds most fits
POINTS = 50

random = np.random.default_rng(0)
x = np.linspace(0.0, 4.0, POINTS)
truth = random.uniform([1.0, 0.5, 0.2], [3.0, 2.0, 0.7], (FITS, 3))
y = truth[:, :1] * np.exp(-truth[:, 1:2] * x) + truth[:, 2:] + random.normal(0.0, 0.05, (FITS, 50))

MEMORY = """
import numpy as np
import micrograd as mg
from micrograd import exp
def peak():  # in MB; ru_maxrss would be at least that of the process that started this one
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024
y = np.empty((1_000_000, 50))
random, x = np.random.default_rng(0), np.linspace(0.0, 4.0, 50)
for k in range(0, len(y), 10_000):
    y[k : k + 10_000] = 2.0 * np.exp(-x) + 0.5 + random.normal(0.0, 0.05, (10_000, 50))
decay = lambda x, a, b, c: a * exp(-b * x) + c
mg.curve_fits(decay, x, y[:1000], [1.0, 1.0, 0.0]).errors
before = peak()
fits = mg.curve_fits(decay, x, y, [1.0, 1.0, 0.0])
assert fits.converged.all()
fits.covariance
print(peak() - before)
"""


def decay(x, a, b, c, m=mg):
    return a * m.exp(-b * x) + c


in_numpy = partial(decay, m=np)


def ours(y, bounds=None):
    fits = mg.curve_fits(decay, x, y, START, bounds=bounds)
    return fits.values, fits.covariance


def scipys(y, **options):
    names = lambda x, a, b, c: in_numpy(x, a, b, c)  # noqa: E731
    found = [optimize.curve_fit(names, x, row, START, **options) for row in y]
    return np.array([values for values, _ in found]), np.array([c for _, c in found])


def in_jax():
    """The method of `micrograd/fitting/levenberg_marquardt.py`, without its bounds."""
    model = partial(decay, m=jnp)

    def equations(p, y):
        r, j = y - model(x, *p), jax.jacfwd(lambda p: model(x, *p))(p)
        return r @ r, j.T @ r, j.T @ j

    def body(state):
        p, (chi2, g, a), damping, growth, predicted, trial, y, _ = state
        new = equations(trial, y)
        better = new[0] <= chi2 * (1 + 1e-14)
        gain = (chi2 - new[0]) / predicted
        slower = jnp.maximum(1 / 3, 1 - (2 * gain - 1) ** 3)
        less = jnp.maximum(damping * jnp.where(gain > 0.9, 0.1, slower), 1e-16)
        damping, growth = (
            jnp.where(better, less, damping * growth), jnp.where(better, 2.0, 2 * growth)
        )  # fmt: skip
        p, chi2, g, a = jax.tree.map(
            lambda x, y: jnp.where(better, x, y), (trial, *new), (p, chi2, g, a)
        )
        damped = a + damping * jnp.diag(jnp.diag(a))
        step = jax.scipy.linalg.solve(damped, g, assume_a="pos")
        predicted = step @ (2 * g - a @ step)
        done = (
            g @ jax.scipy.linalg.solve(a, g, assume_a="pos")
            <= jnp.where(better, 1e-16, 1e-8) * chi2
        )
        return p, (chi2, g, a), damping, growth, predicted, p + step, y, done | (damping > 1e20)

    def fit(y):
        p = jnp.array(START)
        start = equations(p, y)
        state = p, (start[0] * 2, *start[1:]), 1e-3, 2.0, start[0], p, y, False
        p, (chi2, _, a), *_ = jax.lax.while_loop(lambda state: ~state[-1], body, state)
        return p, jnp.linalg.inv(a) * chi2 / (POINTS - 3)

    all_ = jax.jit(jax.vmap(fit))
    return lambda: jax.block_until_ready(all_(y))


def many() -> bool:
    sides = {
        "micrograd.curve_fits": lambda: ours(y),
        "micrograd.curve_fits, bounds hold most of them": lambda: ours(y, HELD),
        "jax.jit(jax.vmap(...)), the same method": in_jax(),
    }
    values, covariance = ours(y)
    theirs = sides["jax.jit(jax.vmap(...)), the same method"]()
    side_by_side.agree("JAX's parameters", values, theirs[0], 1e-6)
    side_by_side.agree("JAX's covariances", covariance, theirs[1], 1e-5)
    held = ours(y, HELD)[0][:, 2] == HELD[1][2]
    assert 0.5 < held.mean() < 1.0, held.mean()
    loops = {
        "scipy.optimize.curve_fit": lambda: scipys(y[:FEW]),
        "scipy.optimize.curve_fit, with these bounds": lambda: scipys(y[:FEW], bounds=HELD),
    }
    side_by_side.agree(
        "SciPy's parameters", values[:FEW], loops["scipy.optimize.curve_fit"]()[0], 1e-5
    )
    bounded = loops["scipy.optimize.curve_fit, with these bounds"]()[0]
    side_by_side.agree("SciPy's within bounds", ours(y[:FEW], HELD)[0], bounded, 1e-3)
    seconds = {k: s / FITS for k, s in side_by_side.medians(sides, 5).items()}
    seconds |= {k: s / FEW for k, s in side_by_side.medians(loops, 3).items()}
    bars = {
        "micrograd.curve_fits": (Below(1 / 0.15, "µs"),),
        "micrograd.curve_fits, bounds hold most of them": (Below(10, "µs"),),
        "jax.jit(jax.vmap(...)), the same method": (Faster(8),),
        "scipy.optimize.curve_fit": (Faster(60),),
    }
    return side_by_side.table(f"{FITS:,} data sets, a fit", seconds, bars)


def one() -> bool:
    def single():
        fit = mg.curve_fit(decay, x, y[0], START)
        return fit.values, fit.covariance

    sides = {
        "micrograd.curve_fit": single,
        "scipy.optimize.curve_fit": lambda: scipys(y[:1]),
    }
    bars = {"micrograd.curve_fit": (Below(150, "µs"),)}
    return side_by_side.compare("one data set a call", sides, bars)


def memory() -> bool:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], check=True, capture_output=True, text=True
    )
    megabytes = float(done.stdout)
    print(f"a million data sets, 400 MB: {megabytes:,.0f} MB beyond them", end="")
    met = side_by_side.verdict(Below(1000, "MB"), megabytes)
    print()
    return met


def main() -> bool:
    side_by_side.header("scipy", "jax")
    side_by_side.stages()
    return all([many(), one(), memory()])


if __name__ == "__main__":
    sys.exit(not main())
