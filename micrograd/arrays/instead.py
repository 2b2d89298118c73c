"""What to write in place of a function of NumPy that needs the numbers themselves."""

_PLACES = "micrograd.sort(x) for the numbers in order; their places are not known in a trace"
_CHOICE = "a choice, as np.where(condition, x, 0.0)"
_MASKED = "the function without `nan` on np.where(np.isnan(x), y, x), with y in place of NaN"
_SETS = "x == y; which numbers are equal is not known in a trace"
_COUNT = "np.where(edges <= x, 1.0, 0.0).sum(), which counts the edges up to x"
_FACTORS = "np.linalg.solve, inv, det or cholesky; or each number by @micrograd.op(opaque=True)"

INSTEAD = {
    "argsort": _PLACES, "argpartition": _PLACES, "nanargmax": "np.argmax", "nanargmin": "np.argmin",
    "argwhere": _CHOICE, "nonzero": _CHOICE, "flatnonzero": _CHOICE, "extract": _CHOICE,
    "compress": _CHOICE, "trim_zeros": _CHOICE, "choose": "micrograd.take(choices, k)",
    "allclose": "np.abs(x - y) <= tolerance", "array_equiv": "x == y",
    "array_equal": "x == y",
    "cov": "(x - x.mean()) @ (y - y.mean()) / (len(x) - 1)",
    "corrcoef": "(x - x.mean()) @ (y - y.mean()) / (len(x) * x.std() * y.std())",
    "geomspace": "np.exp(np.linspace(np.log(start), np.log(stop), n))",
    "logspace": "10.0 ** np.linspace(start, stop, n)",
    "gradient": "differences of slices, as (y[2:] - y[:-2]) / (x[2:] - x[:-2])",
    "unwrap": "x - 2.0 * np.pi * np.round(x / (2.0 * np.pi))",
    "polymul": "np.convolve(p, q)", "polydiv": "the division step by step",
    "histogram": _COUNT, "histogram2d": _COUNT, "histogramdd": _COUNT, "searchsorted": _COUNT,
    "histogram_bin_edges": _COUNT, "bincount": _COUNT, "digitize": _COUNT,
    "nanmax": _MASKED, "nanmin": _MASKED, "nanmean": _MASKED, "nanmedian": _MASKED,
    "nanpercentile": _MASKED, "nanquantile": _MASKED, "nanstd": _MASKED, "nanvar": _MASKED,
    "nansum": _MASKED, "nanprod": _MASKED,
    "unique": _SETS, "unique_all": _SETS, "unique_counts": _SETS, "unique_inverse": _SETS,
    "unique_values": _SETS, "union1d": _SETS, "intersect1d": _SETS, "setdiff1d": _SETS,
    "setxor1d": _SETS, "isin": _SETS,
    "piecewise": "np.where(condition, f(x), g(x))",
    "polyfit": "np.linalg.solve(a.T @ a, a.T @ y), where a is np.vander(x, n + 1)",
    "tensorsolve": "np.linalg.solve of the reshaped arrays",
    "tensorinv": "np.linalg.inv of the reshaped array",
    "slogdet": "np.log(np.abs(np.linalg.det(a)))",
    "i0": "scipy.special.i0 by @micrograd.op(opaque=True)",
    "ldexp": "x * 2.0**n", "frexp": "x / 2.0 ** np.floor(np.log2(np.abs(x)))",
    "spacing": "the number itself: it has no slope", "nextafter": "the number itself",
    "eig": _FACTORS, "eigh": _FACTORS, "eigvals": _FACTORS, "eigvalsh": _FACTORS,
    "svd": _FACTORS, "svdvals": _FACTORS, "qr": _FACTORS, "cond": _FACTORS,
    "matrix_rank": _FACTORS, "pinv": "np.linalg.inv(a.T @ a) @ a.T",
    "lstsq": "np.linalg.solve(a.T @ a, a.T @ b)",
}  # fmt: skip
