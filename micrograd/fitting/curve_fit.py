"""`curve_fit` and `curve_fits`: fit the parameters of a formula to one data set, or to many."""

from micrograd.annotations import Function, Tree
from micrograd.errors import ArgumentError
from micrograd.fitting.many_fits import Fits
from micrograd.fitting.measurements import measurements
from micrograd.fitting.one_fit import Fit
from micrograd.fitting.task import ITERATIONS, Task, hashable
from micrograd.names import names_keywords

IN_SCIPY = {
    "maxfev": "it is called iterations", "max_nfev": "it is called iterations",
    "f_scale": "it is called loss_scale", "jac": "the derivatives are exact",
    "method": "there is one method, Levenberg and Marquardt's",
    "nan_policy": "it is called nan", "check_finite": "nan='omit' leaves such points out",
}  # fmt: skip


@names_keywords(**IN_SCIPY, weights="pass sigma=1 / weights")
def curve_fit(
    model: Function, x: Tree, y: Tree, p0: Tree, sigma: Tree = None, absolute_sigma: bool = False,
    bounds: Tree = None, loss: str = "linear", nan: str = "raise", *,
    loss_scale: float = 1.0, iterations: int = ITERATIONS,
) -> Fit:  # fmt: skip
    """Fits the parameters of `model(x, a, b, ...)` to y, by least squares.

    `model` takes a number x and the parameters, and returns one number, computed with operations of
    this package. It is differentiated exactly and compiled. For a model of several inputs pass x as
    a tuple of arrays: the model is passed a tuple of numbers.

    `p0` holds the starts of the parameters. It is a sequence; a function of (x, y) that returns a
    sequence; or a dict with an entry for each name: a start, (start, low, high),
    (start, low, high, fixed), or an expression of other parameters, as text.

    `sigma` holds the standard deviations of y. They count as absolute with `absolute_sigma`, and as
    relative otherwise, as in `scipy.optimize.curve_fit`. `bounds` is (low, high), each a number or
    one for each parameter; or SciPy's Bounds. `loss` is "linear", "soft_l1", "huber", "cauchy" or
    "arctan", as in `scipy.optimize.least_squares`; `loss_scale` is called `f_scale` there. With
    nan="omit", points with a NaN are left out.

    A fit that does not converge raises no exception: look at `converged` and `message`. Raises
    ArgumentError and ShapeError for unsuitable arguments, and for fewer points than free
    parameters, and TraceError for a model that cannot be compiled.

    >>> import micrograd as mg
    >>> x, y = [0.0, 1.0, 2.0, 3.0], [5.0, 3.1, 2.1, 1.6]
    >>> fit = curve_fit(lambda x, a, b, c: a * mg.exp(-b * x) + c, x, y, [4.0, 1.0, 1.0])
    >>> fit
    <fit: a = 3.95 ± 0.027, b = 0.658 ± 0.01, c = 1.05 ± 0.028; converged>
    >>> tied = curve_fit(
    ...     lambda x, a, b, c: a * mg.exp(-b * x) + c, x, y,
    ...     {"a": "5 - c", "b": (1.0, 0.0, 10.0), "c": 1.0},
    ... )
    >>> tied["a"] + tied["c"]
    5.0
    """
    data = measurements(x, y, sigma, None, nan, single=True)
    task = Task(hashable(model), absolute_sigma, loss, loss_scale, iterations)
    fits = task.fits(data, (x, y), p0, bounds)
    if fits.dof[0] < 0:
        raise ArgumentError(
            f"expected at least {fits.kernels.m} points, one for each free parameter, got "
            f"{fits.data.counts[0]}; fix some parameters, or add points"
        )
    return fits[0]


@names_keywords(**IN_SCIPY)
def curve_fits(
    model: Function, x: Tree, y: Tree, p0: Tree, sigma: Tree = None, absolute_sigma: bool = False,
    bounds: Tree = None, loss: str = "linear", nan: str = "raise", *, weights: Tree = None,
    loss_scale: float = 1.0, iterations: int = ITERATIONS, threads: int = 1,
    progress: bool | None = False,
) -> Fits:  # fmt: skip
    """Fits `model` to each row of y, of shape (n, points), in native code.

    x, `sigma` and `weights` have the shape (points,), or a row for each data set. Points of weight
    0 are left out, so that data sets may have different numbers of points; other weights multiply
    1 / sigma. `p0` may have a row for each data set; in a dict, a start may be an array with a
    number for each. A callable `p0` is called for each data set.
    `curve_fit` describes the other arguments.

    A fit that does not converge raises no exception: see `status` and `message`. Ctrl-C returns the
    fits that are done; the others have the status 5. `progress=True` shows a progress bar on
    stderr; None does so in a terminal or a notebook.

    >>> import numpy as np
    >>> import micrograd as mg
    >>> t = np.linspace(0.0, 4.0, 20)
    >>> rates = np.array([[0.5], [1.0], [2.0]])
    >>> fits = curve_fits(lambda x, a, b: a * mg.exp(-b * x), t, 3.0 * np.exp(-rates * t), [1, 1])
    >>> fits["b"].round(6), fits.converged.all()
    (array([0.5, 1. , 2. ]), np.True_)
    """
    data = measurements(x, y, sigma, weights, nan, single=False)
    task = Task(hashable(model), absolute_sigma, loss, loss_scale, iterations, threads, progress)
    return task.fits(data, (x, y), p0, bounds)
