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
    step, arrays = run.step, Batches(examples, len(examples), run.step.dtype).arrays
    means: dict[bytes, float] = {}  # mean loss at each point that was tried, by the point's bytes

    def loss_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
        step.restore(theta)
        mean, penalty, gradient = step.slope(arrays, len(examples))
        means[theta.tobytes()] = mean
        return mean + penalty, gradient

    def after(intermediate_result: Any) -> None:
        theta = intermediate_result.x
        if theta.tobytes() not in means:
            loss_and_gradient(theta)
        mean, accepted[:] = means[theta.tobytes()], theta
        step.restore(accepted)
        means.clear()
        if bar.bar is not None:
            bar.bar.update()
        reason = run.finish_epoch(mean, 1.0, bar)
        run.history.stopped = "interrupted" if pressed else reason
        if run.history.stopped:
            raise StopIteration

    accepted = step.start(arrays)
    if not np.isfinite(loss_and_gradient(accepted)[0]):
        run.history.diverged = "the initial loss is not finite"
        raise DivergenceError(run.history.diverged, run.history)
    run.start()
    try:
        limits = {"maxiter": run.limits.epochs, "maxfun": 20 * run.limits.epochs}
        minimize(
            loss_and_gradient, accepted.copy(), jac=True, method="L-BFGS-B",
            callback=after, options=limits,
        )  # fmt: skip
    except KeyboardInterrupt:
        run.history.stopped = "interrupted"
    finally:
        step.restore(accepted)  # not the last point that was tried
        step.write()
    run.end()
