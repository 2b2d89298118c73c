"""Do fits end where SciPy's end?

Ten formulas, 1,000 random data sets each, from starts that are off by up to a factor of 1.5: by
`curve_fits`, and by `scipy.optimize.curve_fit` with derivatives that were written by hand and the
smallest tolerances, then by `scipy.optimize.root` on the slope of χ². Prints the largest difference
between parameters where both found the same minimum, relative to the parameter or its standard
error, and how often either found none, or one that is worse than the other's. The tests run a few
sets of each formula.
"""

import sys

import numpy as np

import micrograd as mg

SETS, POINTS, NOISE = 1000, 40, 0.03
SAME, WORSE = 1e-7, 1e-6  # of the parameters; of χ²
EPSILON = float(np.finfo(float).eps)
TIGHT = {"ftol": EPSILON, "xtol": EPSILON, "gtol": EPSILON, "maxfev": 2000}

x = np.linspace(0.2, 4.0, POINTS)


# A formula, which takes the module of its functions; its derivatives; the range of its parameters.


def decay(m, x, a, b, c):
    return a * m.exp(-b * x) + c


def decay_slopes(x, a, b, c):
    e = np.exp(-b * x)
    return e, -a * x * e, 1.0


def two_decays(m, x, a, b, c, d):
    return a * m.exp(-b * x) + c * m.exp(-d * x)


def two_decays_slopes(x, a, b, c, d):
    e, f = np.exp(-b * x), np.exp(-d * x)
    return e, -a * x * e, f, -c * x * f


def saturation(m, x, v, k):
    return v * x / (k + x)


def saturation_slopes(x, v, k):
    return x / (k + x), -v * x / (k + x) ** 2


def logistic(m, x, a, k, c):
    return a / (1.0 + m.exp(-k * (x - c)))


def logistic_slopes(x, a, k, c):
    s = 1.0 / (1.0 + np.exp(-k * (x - c)))
    t = a * s * (1.0 - s)
    return s, t * (x - c), -t * k


def peak_on_line(m, x, a, c, s, d, e):
    return a * m.exp(-(((x - c) / s) ** 2)) + d + e * x


def peak_on_line_slopes(x, a, c, s, d, e):
    u = (x - c) / s
    g = np.exp(-u * u)
    return g, 2.0 * a * g * u / s, 2.0 * a * g * u * u / s, 1.0, x


def lorentzian(m, x, a, c, w):
    return a / (1.0 + ((x - c) / w) ** 2)


def lorentzian_slopes(x, a, c, w):
    u = (x - c) / w
    q = 1.0 / (1.0 + u * u)
    return q, 2.0 * a * q * q * u / w, 2.0 * a * q * q * u * u / w


def power(m, x, a, b, c):
    return a * x**b + c


def power_slopes(x, a, b, c):
    p = x**b
    return p, a * p * np.log(x), 1.0


def wave(m, x, a, w, p, d):
    return a * m.exp(-d * x) * m.sin(w * x + p)


def wave_slopes(x, a, w, p, d):
    e, s, c = np.exp(-d * x), np.sin(w * x + p), np.cos(w * x + p)
    return e * s, a * e * c * x, a * e * c, -a * e * s * x


def dose(m, x, t, k, h):
    return t / (1.0 + (k / x) ** h)


def dose_slopes(x, t, k, h):
    q = (k / x) ** h
    r = -t * q / (1.0 + q) ** 2
    return 1.0 / (1.0 + q), r * h / k, r * np.log(k / x)


def step(m, x, a, b, c, d):
    return a * m.tanh(b * (x - c)) + d


def step_slopes(x, a, b, c, d):
    t = np.tanh(b * (x - c))
    r = a * (1.0 - t * t)
    return t, r * (x - c), -r * b, 1.0


MODELS = {
    "decay": (decay, decay_slopes, [1.0, 0.5, 0.2], [3.0, 2.0, 1.0]),
    "two decays": (two_decays, two_decays_slopes, [1.0, 0.2, 1.0, 2.0], [3.0, 0.5, 3.0, 5.0]),
    "saturation": (saturation, saturation_slopes, [1.0, 0.3], [4.0, 3.0]),
    "logistic": (logistic, logistic_slopes, [1.0, 1.5, 1.0], [4.0, 5.0, 3.0]),
    "gauss + line": (
        peak_on_line, peak_on_line_slopes, [1.0, 1.0, 0.3, 0.2, -0.5], [3.0, 3.0, 0.8, 1.0, 0.5],
    ),
    "lorentzian": (lorentzian, lorentzian_slopes, [1.0, 1.0, 0.3], [3.0, 3.0, 1.0]),
    "power": (power, power_slopes, [0.5, 0.5, 0.2], [3.0, 1.5, 1.0]),
    "damped wave": (wave, wave_slopes, [1.0, 2.0, 0.2, 0.1], [2.0, 4.0, 3.0, 0.5]),
    "dose": (dose, dose_slopes, [1.0, 0.5, 1.0], [3.0, 2.0, 3.0]),
    "step": (step, step_slopes, [1.0, 1.0, 1.0, -0.5], [2.0, 3.0, 3.0, 0.5]),
}  # fmt: skip


# The same curve with other parameters: mirrored widths, exchanged terms, shifted phases.


def ordered(p):
    return np.where((p[1] > p[3])[None], p[[2, 3, 0, 1]], p)


def positive_width(p):
    return np.stack([*p[:2], np.abs(p[2]), *p[3:]])


def positive_slope(p):
    sign = np.sign(p[1])
    return np.stack([p[0] * sign, p[1] * sign, *p[2:]])


def positive_wave(p):
    sign = np.sign(p[1])
    a, w, phase = p[:3] * sign
    return np.stack([np.abs(a), w, (phase + np.pi * (a < 0.0)) % (2.0 * np.pi), p[3]])


UNIQUE = {
    "two decays": ordered, "gauss + line": positive_width, "lorentzian": positive_width,
    "step": positive_slope, "damped wave": positive_wave,
}  # fmt: skip


def data_of(name, sets):
    """Data sets of a formula, and starts."""
    formula, _, low, high = MODELS[name]
    random = np.random.default_rng(0)
    truth = random.uniform(low, high, (sets, len(low)))
    y = formula(np, x, *truth.T[:, :, None]) + random.normal(0.0, NOISE, (sets, POINTS))
    return y, truth * 1.5 ** random.uniform(-1.0, 1.0, truth.shape)


def ours(name, y, starts):
    """Parameters and χ² of each data set; an infinite χ² where no minimum was found."""
    fits = mg.curve_fits(lambda x, *p: MODELS[name][0](mg, x, *p), x, y, starts)
    return fits.values, np.where(fits.converged, fits.chi2, np.inf)


def scipys(name, y, starts):
    """The same by SciPy, and the standard errors."""
    from scipy import optimize

    formula, slopes, *_ = MODELS[name]
    f = lambda x, *p: formula(np, x, *p)  # noqa: E731
    jacobian = lambda x, *p: np.stack(np.broadcast_arrays(*slopes(x, *p)), axis=1)  # noqa: E731
    values, errors = np.ones((2, *starts.shape))
    chi2 = np.full(len(y), np.inf)
    for k, (row, start) in enumerate(zip(y, starts)):
        try:
            start, covariance = optimize.curve_fit(f, x, row, start, jac=jacobian, **TIGHT)
        except RuntimeError:  # too many iterations
            continue
        # Where residuals are large it stops early, for χ² hides short steps. Its slope does not.
        slope = lambda p, row=row: jacobian(x, *p).T @ (row - f(x, *p))  # noqa: E731
        values[k] = optimize.root(slope, start, tol=EPSILON).x
        errors[k] = np.sqrt(np.diag(covariance))
        chi2[k] = ((row - f(x, *values[k])) ** 2).sum()
    return values, chi2, errors


def compared(name, sets):
    """The largest difference of parameters; how many of our fits are worse, and of SciPy's."""
    y, starts = data_of(name, sets)
    with np.errstate(all="ignore"):
        p, chi2 = ours(name, y, starts)
        q, other, errors = scipys(name, y, starts)
    worse, better = chi2 > other * (1.0 + WORSE), other > chi2 * (1.0 + WORSE)
    same = np.isfinite(chi2) & np.isfinite(other) & ~worse & ~better
    unique = UNIQUE.get(name, lambda p: p)
    p, q = unique(p.T), unique(q.T)
    difference = np.abs(p - q) / np.maximum(np.abs(q), errors.T)
    return difference[:, same].max(), int(worse.sum()), int(better.sum())


def main() -> bool:
    import side_by_side

    side_by_side.header("scipy", how="not a question of time")
    print(
        f"{f'{SETS:,} sets each':16}{'largest difference':>20}{'ours worse':>12}"
        f"{'SciPys worse':>14}"
    )
    met = True
    for name in MODELS:
        difference, worse, better = compared(name, SETS)
        print(f"{name:16}{difference:20.1e}{worse:12}{better:14}", flush=True)
        met &= difference <= SAME and worse <= better
    print(f"differences ≤ {SAME:g}, no more worse than SciPy's: {'met' if met else 'NOT MET'}")
    return met


if __name__ == "__main__":
    sys.exit(not main())
