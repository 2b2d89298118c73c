"""Fit: the result of one fit."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from micrograd.annotations import Tree
from micrograd.errors import ArgumentError
from micrograd.fitting.measurements import inputs_of
from micrograd.fitting.profile import intervals
from micrograd.names import unknown
from micrograd.real import is_real
from micrograd.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray


def check_errors(errors: Any) -> None:
    """Raises ArgumentError for a number of standard errors that is not above 0."""
    if not (is_real(type(errors)) and 0.0 < errors < math.inf):
        raise ArgumentError(f"errors must be a number greater than 0, got {errors!r:.40}")


@dataclass(frozen=True, eq=False)
class Fit:
    """The result of `curve_fit`, or of data set `k` of `curve_fits`.

    `fit["a"]` is the parameter a. If `status` is not 1, the fit has not converged, and `message`
    says why.

    >>> import numpy as np
    >>> import micrograd as mg
    >>> fit = mg.curve_fit(lambda x, a, b: a + b * x, [0.0, 1.0, 2.0], [1.0, 3.0, 6.0], [1.0, 1.0])
    >>> fit
    <fit: a = 0.833 ± 0.37, b = 2.5 ± 0.29; converged>
    >>> round(fit["b"], 6), round(fit.chi2, 9)
    (2.5, 0.166666667)
    >>> fit.names, fit.parameters == dict(zip(fit.names, fit.values.tolist()))
    (('a', 'b'), True)
    >>> np.allclose(fit.errors, np.sqrt(np.diag(fit.covariance)))
    True
    >>> fit.dof, fit.reduced_chi2 == fit.chi2 / fit.dof
    (1, True)
    >>> fit.status, fit.converged, fit.message, fit.iterations < 10
    (1, True, 'converged', True)
    >>> fit.residuals.round(6)
    array([ 0.166667, -0.333333,  0.166667])
    >>> fit.predict([10.0]).round(6), fit.band([10.0]).round(3)  # the curve, and its error
    (array([25.833333]), array([2.609]))
    >>> figure = fit.plot()
    """

    all: Any  # the Fits that it belongs to
    k: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in the order of `values`."""
        return self.all.names

    def __iter__(self) -> Never:
        raise TypeError(
            "a fit is no pair of values and covariance: write fit.values and fit.covariance"
        )

    def __getitem__(self, name: str) -> float:
        if name not in self.names:
            raise KeyError(unknown("parameter", name, self.names))
        return float(self.values[self.names.index(name)])

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters by name."""
        return dict(zip(self.names, self.values.tolist()))

    @property
    def values(self) -> Array:
        """The parameters, fixed and tied ones included."""
        return self.all.values[self.k]

    @property
    def errors(self) -> Array:
        """Standard errors of the parameters."""
        return self.all.errors[self.k]

    @property
    def covariance(self) -> Array:
        """The covariance of the parameters: see `Fits.covariance`."""
        return self.all.covariance[self.k]

    @property
    def chi2(self) -> float:
        """χ²: the sum of squares of residuals / sigma; with a robust loss, of the losses."""
        return float(self.all.chi2[self.k])

    @property
    def dof(self) -> int:
        """Degrees of freedom: the number of points that were not left out, minus the number of free
        parameters."""
        return int(self.all.dof[self.k])

    @property
    def reduced_chi2(self) -> float:
        """χ² / degrees of freedom; NaN if there are none."""
        return float(self.all.reduced_chi2[self.k])

    @property
    def status(self) -> int:
        """1 if the fit has converged; `message` explains any other number."""
        return int(self.all.status[self.k])

    @property
    def converged(self) -> bool:
        """Whether the fit has converged."""
        return bool(self.all.converged[self.k])

    @property
    def message(self) -> str:
        """Whether the fit has converged, and if not, why and what to do."""
        return self.all.message(self.k)

    @property
    def iterations(self) -> int:
        """Evaluations of the model at all points."""
        return int(self.all.iterations[self.k])

    @property
    def residuals(self) -> Array:
        """y minus the curve, not divided by sigma; NaN at points that were left out."""
        return self.all.residuals[self.k]

    def _free(self) -> list[Any]:
        return self.all.solution.free[self.k].tolist()

    def _inputs(self, x: Any) -> tuple[Array, ...]:
        data = self.all.data
        if x is None:
            return tuple(a[self.k if len(a) > 1 else 0] for a in data.inputs)
        return tuple(a[0] for a in inputs_of(x, data.several, 1))

    def predict(self, x: Tree = None) -> Array:
        """The curve at `x`, by default at the measured points."""
        return self.all.kernels.curve(*self._free(), *self._inputs(x))

    def band(self, x: Tree = None) -> Array:
        """The standard error of the curve at `x`, from the covariance of the parameters."""
        _, *slopes = self.all.kernels.slopes(*self._free(), *self._inputs(x))
        free = [self.names.index(name) for name in self.all.parameters.free]
        covariance = self.covariance[np.ix_(free, free)]
        j = np.stack(np.broadcast_arrays(*slopes), axis=-1)
        with np.errstate(invalid="ignore"):
            variance = np.einsum("...i,ij,...j->...", j, covariance, j)
        return np.sqrt(np.where(np.isinf(covariance).any(), np.inf, variance))

    def interval(self, name: str, errors: float = 1.0) -> tuple[float, float]:
        """The interval of a free parameter by its profile likelihood.

        Within it χ², minimised over all other parameters, is above its minimum by at most the
        square of `errors`, in units of the reduced χ² (with `absolute_sigma`, of 1). For a linear
        model this is value ± `errors` standard errors; else the interval need not be symmetric. It
        ends at a bound, or is infinite, if χ² does not grow so much. Raises KeyError for another
        name, and ArgumentError for a fit that has not converged or has no degrees of freedom.
        `Fits.interval` computes those of many fits at once.

        >>> import micrograd as mg
        >>> x, y = [0.0, 1.0, 2.0, 3.0], [5.0, 3.1, 2.1, 1.1]
        >>> fit = mg.curve_fit(lambda x, a, b: a * mg.exp(-b * x), x, y, [4.0, 1.0])
        >>> [round(end - fit["b"], 3) for end in fit.interval("b", 2.0)]
        [-0.051, 0.054]
        """
        free = self.all.parameters.free
        if name not in free:
            raise KeyError(unknown("free parameter", name, free))
        variance = 1.0 if self.all.absolute_sigma else self.reduced_chi2
        check_errors(errors)
        if not (self.converged and variance > 0.0):
            raise ArgumentError(
                "an interval needs a fit that has converged, with degrees of freedom and a χ² "
                f"above 0; got {self.dof} degrees of freedom, χ² {self.chi2:g}, and: {self.message}"
            )
        variances = np.full(len(self.all), variance)
        ends = intervals(self.all, np.array([self.k]), free.index(name), variances, errors)[0]
        return ends[0].item(), ends[1].item()

    def __repr__(self) -> str:
        numbers = ", ".join(
            f"{name} = {x:.3g}" + (f" ± {e:.2g}" if e else "")
            for name, x, e in zip(self.names, self.values, self.errors)
        )
        return f"<fit: {numbers}; {self.message.split(':')[0]}>"

    def summary(self) -> Report:
        """A page of text: the message, the parameters with their errors, χ² and correlations.

        >>> import micrograd as mg
        >>> fit = mg.curve_fit(lambda x, a, b: a + b * x, [0.0, 1.0, 2.0], [1.0, 3.0, 6.0], [1, 1])
        >>> print("\\n".join(fit.summary().splitlines()[1:]))
        <BLANKLINE>
        parameter         value       error
        a              0.833333       0.373
        b                   2.5       0.289
        <BLANKLINE>
        χ²             0.166667
        reduced χ²     0.166667  (1 degree of freedom)
        <BLANKLINE>
        correlations: a, b -0.77
        """
        lines = [f"{self.message}, after {self.iterations} evaluations", ""]
        lines.append(f"{'parameter':<11}{'value':>12}{'error':>12}")
        for name, x, e in zip(self.names, self.values, self.errors):
            lines.append(f"{name:<11}{x:>12.6g}{self._error(name, e):>12}")
        degrees = f"({self.dof} degree{'s' * (self.dof != 1)} of freedom)"
        lines += ["", f"{'χ²':<11}{self.chi2:>12.6g}"]
        lines.append(f"{'reduced χ²':<11}{self.reduced_chi2:>12.6g}  {degrees}")
        if pairs := self._correlations():
            lines += ["", "correlations: " + "; ".join(pairs)]
        return Report("\n".join(lines))

    def _error(self, name: str, error: float) -> str:
        parameters = self.all.parameters
        if name in dict(parameters.fixed):
            return "fixed"
        tied = dict(parameters.tied)
        return f"{error:.3g}" + (f"  = {tied[name]}" if name in tied else "")

    def _correlations(self) -> list[str]:
        """The ten largest correlations between free parameters."""
        free = [self.names.index(name) for name in self.all.parameters.free]
        with np.errstate(invalid="ignore", divide="ignore"):
            c = self.covariance / np.outer(self.errors, self.errors)
        pairs = [(c[i, j], self.names[i], self.names[j]) for i in free for j in free if i < j]
        known = sorted([p for p in pairs if np.isfinite(p[0])], key=lambda p: -abs(p[0]))
        return [f"{a}, {b} {x:.2f}" for x, a, b in known[:10]]

    def plot(self, path: str | Path | None = None) -> "Figure":
        """A matplotlib Figure of the data, the curve with its band, and the residuals.

        Raises PlotError if matplotlib is not installed.
        """
        from micrograd.plots.fits import fit_curve

        return fit_curve(self, path)
