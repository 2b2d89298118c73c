"""Quasi-Newton: a fit with `solver="lbfgs"`, SciPy's L-BFGS-B on all examples at once.

Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound constrained optimization", 1995.
"""

import warnings
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from micrograd.sklearn.batches import Batches
from micrograd.sklearn.network import Network

Array = np.ndarray


class Whole:
    """The loss of all examples, with its penalty, at any weights."""

    def __init__(self, estimator: Any, network: Network, examples: list[Any]):
        self.theta = network.flat(estimator.coefs_, estimator.intercepts_)
        self.g, self.is_coef = np.zeros_like(self.theta), network.is_coef
        batches = Batches(examples[0], examples[1:], examples[0].shape[0], self.theta.dtype)
        self.n = batches.load(0)
        self.weight = batches.weight(self.n, examples[2] if len(examples) > 2 else None)
        self.penalty = estimator.alpha / self.weight
        self.gradient = network.gradient_on(batches.arrays, None, [], self.theta, self.g)

    def parts(self, x: Array) -> tuple[float, float, Array]:
        """The mean loss, the penalty, and the gradient of both."""
        self.theta[:] = x
        mean, coefs = self.gradient(self.n, 1.0 / self.weight), self.theta * self.is_coef
        return mean, 0.5 * self.penalty * float(coefs.dot(coefs)), self.g + self.penalty * coefs

    def __call__(self, x: Array) -> tuple[float, Array]:
        """The loss, and its gradient. Of several outputs, the loss is the sum."""
        mean, penalty, gradient = self.parts(x)
        return mean + penalty, gradient


def minimise(estimator: Any, network: Network, examples: list[Any]) -> None:
    """Trains the weights of an estimator; warns if `max_iter` or `max_fun` comes first."""
    it, whole = estimator, Whole(estimator, network, examples)
    limits = {"maxfun": it.max_fun, "maxiter": it.max_iter, "gtol": it.tol}
    if it.verbose:
        print(f"lbfgs: loss = {whole(whole.theta.copy())[0]:.8f} at the start")
    found = minimize(whole, whole.theta.copy(), method="L-BFGS-B", jac=True, options=limits)
    mean, penalty, _ = whole.parts(found.x)
    it.n_iter_, it.loss_ = min(found.nit, it.max_iter), it._share() * mean + penalty
    if it.verbose:
        print(f"lbfgs: loss = {found.fun:.8f} after {found.nit} iterations. {found.message}")
    if found.status:
        warnings.warn(
            f"lbfgs failed to converge after {found.nit} iteration(s) (status={found.status}):\n"
            f"{found.message}\n\nIncrease max_iter, or scale the data",
            ConvergenceWarning,
            stacklevel=4,
        )
    it.coefs_, it.intercepts_ = network.layered(found.x.astype(whole.theta.dtype))
