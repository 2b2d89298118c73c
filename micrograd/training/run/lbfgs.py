"""minimise: SciPy's L-BFGS on all examples at once, for small data, with our gradients.

Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound constrained optimization", 1995.
"""

from typing import Any

import numpy as np

from micrograd.training.data.examples import Batches, Examples
from micrograd.training.run.progress import Progress
from micrograd.training.run.run import DivergenceError, Run


def minimise(run: Run, examples: Examples, bar: Progress, pressed: list[int]) -> None:
    """Trains until L-BFGS converges or a limit of the run is reached; one iteration is one epoch.

    Raises ModuleNotFoundError without SciPy, and DivergenceError if the initial loss is not finite.
    """
    try:
        from scipy.optimize import minimize
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "optimizer=\"lbfgs\" needs SciPy: pip install 'micrograd-native[lbfgs]'"
        ) from None
    search = _Search(run, examples, bar, pressed)
    try:
        limits = {"maxiter": run.limits.epochs, "maxfun": 20 * run.limits.epochs}
        minimize(
            search.loss_and_gradient, search.accepted.copy(), jac=True, method="L-BFGS-B",
            callback=search.after, options=limits,
        )  # fmt: skip
    except KeyboardInterrupt:
        run.history.stopped = "interrupted"
    finally:
        run.step.restore(search.accepted)  # not the last point that was tried
        run.step.write()
    run.end()


class _Search:
    """The functions that SciPy calls: the loss at a point, and the end of an iteration."""

    def __init__(self, run: Run, examples: Examples, bar: Progress, pressed: list[int]):
        self.run, self.step, self.bar, self.pressed = run, run.step, bar, pressed
        self.arrays, self.n = (
            Batches(examples, len(examples), self.step.dtype).arrays,
            len(examples),
        )
        self.means: dict[bytes, float] = {}  # mean loss at each point that was tried, by its bytes
        self.accepted = self.step.start(self.arrays)
        if not np.isfinite(self.loss_and_gradient(self.accepted)[0]):
            run.history.diverged = "the initial loss is not finite"
            raise DivergenceError(run.history.diverged, run.history)
        run.start()

    def loss_and_gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        self.step.restore(theta)
        mean, penalty, gradient = self.step.slope(self.arrays, self.n)
        self.means[theta.tobytes()] = mean
        return mean + penalty, gradient

    def after(self, intermediate_result: Any) -> None:
        """An iteration, which is an epoch. Its parameter has the name that SciPy looks for."""
        theta = intermediate_result.x
        if theta.tobytes() not in self.means:
            self.loss_and_gradient(theta)
        mean, self.accepted[:] = self.means[theta.tobytes()], theta
        self.step.restore(self.accepted)
        self.means.clear()
        if self.bar.bar is not None:
            self.bar.bar.update()
        reason = self.run.finish_epoch(mean, 1.0, self.bar)
        self.run.history.stopped = "interrupted" if self.pressed else reason
        if self.run.history.stopped:
            raise StopIteration
