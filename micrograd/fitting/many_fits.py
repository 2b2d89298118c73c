"""Fits: the results of many fits, as arrays with a row for each data set."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.annotations import Tree
from micrograd.compiler.api.function import vectorize
from micrograd.fitting.covariance import columns_of, inverses
from micrograd.fitting.kernels import Kernels
from micrograd.fitting.measurements import Measurements, inputs_of
from micrograd.fitting.one_fit import Fit, check_errors
from micrograd.fitting.parameter_set import Parameters
from micrograd.fitting.profile import intervals
from micrograd.fitting.solution import CONVERGED, MESSAGES, Solution
from micrograd.lazy import cached_property
from micrograd.names import unknown
from micrograd.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Fits:
    """The result of `curve_fits`: arrays with a row for each of the n data sets.

    `fits["a"]` holds the parameter a of all fits; `fits[k]` is the Fit of data set k, and
    `fits[fits.converged]` are the Fits of some. If `status[k]` is not 1, fit k has not converged,
    and `message(k)` says why.

    >>> import numpy as np
    >>> import micrograd as mg
    >>> x = np.array([0.0, 1.0, 2.0])
    >>> y = [[1.0, 3.0, 5.0], [0.0, 1.0, 2.0]]
    >>> fits = mg.curve_fits(lambda x, a, b: a + b * x, x, y, [1, 1])
    >>> fits["b"].round(9), fits.status
    (array([2., 1.]), array([1, 1]))
    >>> fits.names, fits.values.shape, fits.errors.shape, fits.covariance.shape
    (('a', 'b'), (2, 2), (2, 2), (2, 2, 2))
    >>> fits.converged.tolist(), fits.message(0), fits.messages[1], fits.iterations.shape
    ([True, True], 'converged', 'converged', (2,))
    >>> fits.chi2.round(9), fits.dof, fits.reduced_chi2.round(9)
    (array([0., 0.]), array([1, 1]), array([0., 0.]))
    >>> fits.predict([10.0]).round(6).tolist(), fits.residuals.shape
    ([[21.0], [10.0]], (2, 3))
    >>> [round(fit["a"], 6) + 0.0 for fit in fits], fits[0].converged
    ([1.0, 0.0], True)
    >>> figure = fits.plot([1])
    """

    parameters: Parameters
    kernels: Kernels
    data: Measurements
    solution: Solution
    absolute_sigma: bool
    loss_scale: float

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in the order of the columns of `values`."""
        return self.parameters.names

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Fit]:
        return map(self._fit, range(len(self)))

    def __getitem__(self, which: Any) -> Any:
        if isinstance(which, str):
            if which not in self.names:
                raise KeyError(unknown("parameter", which, self.names))
            return self.values[:, self.names.index(which)]
        if isinstance(which, slice) or np.ndim(which):
            rows = np.arange(len(self))[which]
            parts = {"data": self.data.take(rows), "solution": self.solution.take(rows)}
            return replace(self, **parts)
        k = index(which)
        if not -len(self) <= k < len(self):
            raise IndexError(f"there are {len(self)} fits, so no fit {k}")
        return self._fit(k % len(self))

    def _fit(self, k: int) -> Fit:
        return Fit(self, k)

    # The parameters.

    @cached_property
    def values(self) -> Array:
        """The parameters of each fit, fixed and tied ones included: (n, parameters)."""
        values = np.empty((len(self), len(self.names)))
        for k, x in enumerate(self.parameters.whole([*self.solution.free.T])):
            values[:, k] = x
        return values

    @cached_property
    def covariance(self) -> Array:
        """Covariances, as `scipy.optimize.curve_fit` returns them: (n, parameters, parameters).

        They are infinite where the data do not determine all parameters. The variance of a fixed
        parameter is 0; that of a tied one follows from the parameters in its expression.
        """
        variance = 1.0 if self.absolute_sigma else self.reduced_chi2[:, None, None]
        with np.errstate(invalid="ignore"):
            inverse = inverses(self.kernels, self.data, self.solution)
            covariance = inverse * (variance / self.loss_scale**2)
            if (lost := np.isnan(covariance)).any():
                covariance[lost.any((1, 2)) & ~np.isnan(self.chi2)] = np.inf
        return self._of_all(covariance)

    def _of_all(self, covariance: Array) -> Array:
        """The covariance of all parameters, given that of the free ones."""
        if self.names == self.parameters.free:
            return covariance
        slopes = self._slopes()
        infinite = np.asarray(np.isinf(covariance).any((1, 2)))
        covariance = np.where(infinite[:, None, None], 0.0, covariance)
        whole = slopes @ covariance @ slopes.transpose(0, 2, 1)
        moves = np.asarray((slopes != 0.0).any(2))
        whole[infinite[:, None, None] & moves[:, :, None] & moves[:, None, :]] = np.inf
        return whole

    def _slopes(self) -> Array:
        """The derivatives of all parameters by the free ones."""
        from micrograd.calculus import jacobian

        whole = self.parameters.whole
        rows = vectorize(
            lambda *free: [
                s + 0.0 * free[0]
                for row in jacobian(lambda q: [x + 0.0 * q[0] for x in whole(q)])([*free])
                for s in row
            ],
            each="number",
        )(*self.solution.free.T)
        return np.stack(rows, axis=1).reshape(len(self), len(self.names), self.kernels.m)

    @cached_property
    def errors(self) -> Array:
        """Standard errors of the parameters: the roots of the variances."""
        return np.sqrt(np.einsum("nii->ni", self.covariance))

    def interval(self, name: str, errors: float = 1.0) -> Array:
        """The intervals of a free parameter by the profile likelihood of each fit: (n, 2).

        `Fit.interval` describes them. NaN for fits that have not converged or have no degrees of
        freedom. Raises KeyError for another name.

        >>> import numpy as np
        >>> import micrograd as mg
        >>> x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([5.0, 3.1, 2.1, 1.1])
        >>> fits = mg.curve_fits(lambda x, a, b: a * mg.exp(-b * x), x, [y, 2.0 * y], [4.0, 1.0])
        >>> (fits.interval("b", 2.0) - fits["b"][:, None]).round(3)
        array([[-0.051,  0.054],
               [-0.051,  0.054]])
        """
        free = self.parameters.free
        if name not in free:
            raise KeyError(unknown("free parameter", name, free))
        check_errors(errors)
        variance = np.ones(len(self)) if self.absolute_sigma else self.reduced_chi2
        rows = np.flatnonzero(self.converged & (variance > 0.0))
        ends = np.full((len(self), 2), np.nan)
        ends[rows] = intervals(self, rows, free.index(name), variance, errors)
        return ends

    # The fits.

    @property
    def chi2(self) -> Array:
        """χ²: the sum of squares of residuals / sigma; with a robust loss, of the losses."""
        return self.solution.chi2 * self.loss_scale**2

    @property
    def dof(self) -> Array:
        """Degrees of freedom: the number of points that were not left out, minus the number of free
        parameters."""
        return self.data.counts - self.kernels.m

    @property
    def reduced_chi2(self) -> Array:
        """χ² / degrees of freedom; NaN where there are none."""
        dof = self.dof
        return np.divide(self.chi2, dof, out=np.full(len(self), np.nan), where=dof > 0)

    @property
    def status(self) -> Array:
        """1 for a fit that has converged; `message` explains any other number."""
        return self.solution.status

    @property
    def converged(self) -> Array:
        """Whether each fit has converged."""
        return self.status == CONVERGED

    @property
    def iterations(self) -> Array:
        """Evaluations of the model at all points of a data set."""
        return self.solution.iterations

    def message(self, k: int) -> str:
        """Whether fit k has converged, and if not, why and what to do."""
        return MESSAGES[int(self.status[k])]

    @property
    def messages(self) -> list[str]:
        """The message of each fit."""
        return [MESSAGES[code] for code in self.status.tolist()]

    # Curves.

    def predict(self, x: Tree = None) -> Array:
        """The curves at `x`, by default at the measured points: (n, points)."""
        inputs = self.data.inputs if x is None else inputs_of(x, self.data.several, len(self))
        return self.kernels.curve(*columns_of(self.solution.free), *inputs)

    @cached_property
    def residuals(self) -> Array:
        """y minus the curve, not divided by sigma: (n, points); NaN where a point was left out."""
        out = self.data.y - self.predict()
        if self.data.weights is not None:
            out = np.where(self.data.weights == 0.0, np.nan, out)
        return out

    def __repr__(self) -> str:
        good = int(self.converged.sum())
        return f"<{len(self)} fits of {', '.join(self.names)}: {good} converged>"

    def summary(self) -> Report:
        """A page of text: how many fits converged, and quantiles of the parameters.

        >>> import micrograd as mg
        >>> mg.curve_fits(lambda x, a: a * x, [1.0, 2.0], [[2.0, 4.5]], [1.0]).summary()
        1 fit of 2 points: 1 converged
        <BLANKLINE>
        parameter          5 %      median        95 %  median error
        a                  2.2         2.2         2.2           0.1
        """
        n, good = len(self), self.converged
        lines = [f"{n:,} fit{'s' * (n != 1)} of {self.data.y.shape[1]} points: "
                 f"{int(good.sum()):,} converged"]  # fmt: skip
        for code, count in sorted(Counter(self.status[~good].tolist()).items()):
            first = int(np.flatnonzero(self.status == code)[0])
            lines.append(f"{count:,} {MESSAGES[code]} (the first is fit {first})")
        if good.any():
            lines += [
                "",
                f"{'parameter':<12}{'5 %':>10}{'median':>12}{'95 %':>12}{'median error':>14}",
            ]
            low, middle, high = np.quantile(self.values[good], [0.05, 0.5, 0.95], axis=0)
            errors = np.median(self.errors[good], axis=0)
            for row in zip(self.names, low, middle, high, errors):
                lines.append("{:<12}{:>10.5g}{:>12.5g}{:>12.5g}{:>14.3g}".format(*row))
        return Report("\n".join(lines))

    def plot(self, which: Iterable[int] | None = None, path: str | Path | None = None) -> "Figure":
        """A matplotlib Figure of the fits with the indices `which`, by default the first 12.

        Raises PlotError if matplotlib is not installed.
        """
        from micrograd.plots.fits import fit_curves

        chosen = range(min(len(self), 12)) if which is None else which
        return fit_curves([self[k] for k in chosen], path)
