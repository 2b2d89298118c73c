"""NativeStep: training steps in native code, on flat arrays of parameters.

The loss is traced for one example, and the optimiser's rule for one parameter. A step makes one
native call for each. Both work in place: parameters and state stay in the same arrays throughout
training and do not pass through Values.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd.compiler.api.arguments import float_type
from micrograd.compiler.runtime.kernel import Call
from micrograd.engine import Value, numbers_of, write_numbers
from micrograd.optim import Optimizer
from micrograd.schedules import schedule
from micrograd.training.data.examples import Examples
from micrograd.training.steps.objective import Objective
from micrograd.training.steps.traced import losses_of
from micrograd.training.steps.update import length, rule_of

AT_ONCE = 16_384  # examples evaluated in one call


@dataclass(frozen=True)
class Batch:
    """The memory of a batch: the first `placed` inputs are read by the numbers in `rows`."""

    call: Call
    rows: np.ndarray | None
    placed: int

    def first(self, n: int) -> Call:
        """A call on its first n examples."""
        chosen = slice(n) if self.rows is None else self.rows[:n]
        inputs = [
            x[chosen if k < self.placed else slice(n)] for k, x in enumerate(self.call.inputs)
        ]
        return Call(n, [*map(np.ascontiguousarray, inputs)])


class NativeStep:
    """Forward pass, backward pass and update by `optimizer`, in native code.

    `on(arrays)` binds a step to the memory of a batch; called with the number of examples in it,
    the step updates the parameters and returns the mean loss. `theta` holds the parameters in the
    order in which the loss first reads them, followed by those that it never reads.
    """

    def __init__(self, objective: Objective, optimizer: Optimizer, dtype: Any, threads: int):
        self.objective, self.optimizer = objective, optimizer
        self.dtype, self.threads = float_type(dtype), threads
        self.losses = losses_of(objective, self.dtype, threads)
        self.steps = 0
        self.parameters: tuple[Value, ...] = ()

    @property
    def gradient_norm(self) -> float:
        """The norm of the last step's gradient, before penalties and clipping."""
        return length(self.g)

    def on(
        self, arrays: list[np.ndarray], rows: np.ndarray | None = None, masks: Any = ()
    ) -> Callable[[int], float]:
        """A step on the first n examples in `arrays`, or on the first n of these `rows`.

        The masks are in the order of the batch. If the loss is not finite, the parameters are left
        unchanged.
        """
        slope = self._slope(arrays, rows, masks)
        update = self._update()

        def step(n: int) -> float:
            mean = slope(n)
            if mean - mean == 0.0:  # finite
                update()
                self.steps += 1
            return mean

        return step

    def start(self, arrays: list[np.ndarray]) -> np.ndarray:
        """The initial weights, once the layout of the parameters for such arrays is known."""
        self._slope(arrays)
        return self.weights()

    def slope(self, arrays: list[np.ndarray], n: int) -> tuple[float, float, np.ndarray]:
        """The mean loss of the first n examples, the penalty, and the gradient of both."""
        mean = self._slope(arrays)(n)
        slope = np.array(self.objective.penalties.slope(self.theta, self.g))
        slope[self.others] = 0.0
        return mean, self.objective.penalties.of(self.theta), slope

    def _slope(
        self, arrays: list[np.ndarray], rows: np.ndarray | None = None, masks: Any = ()
    ) -> Callable[[int], float]:
        """A function that returns the mean loss of n examples and writes its gradient to `g`."""
        size = len(arrays[0] if rows is None else rows)
        gathered = rows is not None and not len(masks)  # then all examples show their paths
        some = arrays if gathered else [a[:size] for a in (*arrays, *masks)]
        alone = size == 1  # vectorised within the one example, not across examples
        loss = self.losses.one if alone else self.losses.many
        it, _ = loss.specialize(*(a[0, ...] for a in some) if alone else some)
        call = Call(size, [*arrays, *masks])
        self._meet(it.parameters)
        mean = np.zeros(1, self.dtype)
        batch, item = Batch(call, rows, len(arrays)), mean.item
        run = self._bound(loss, it, batch, mean)
        others, frozen = self.others, len(self.others) > 0

        def slope(n: int) -> float:
            nonlocal it, run
            if run(n, 1.0 / n):  # a NaN, perhaps from 0 * inf, or from a path that is not known yet
                if it.paths is None and not it.takes:
                    self._bound(loss, it, batch, mean, guarded=True)(n, 1.0 / n)
                else:
                    known, it = it, self._explored(loss, it, batch.first(n), mean)
                    run = run if it is known else self._bound(loss, it, batch, mean)
            if frozen:
                self.g[others] = 0.0
            return item()

        return slope

    def _bound(
        self, loss: Any, it: Any, batch: "Batch", mean: np.ndarray, guarded: bool = False
    ) -> Callable[[int, float], bool]:
        """A function that runs the kernel on the first n examples of a batch: writes `mean`, `g`.

        A path may have met parameters that are elsewhere in `theta`: then nothing is bound, and
        each step asks for the answers; also if an index of `take` is to be checked.
        """
        met = len(it.parameters)
        if it.parameters != self.parameters[:met] or it.hides_takes:
            return lambda n, seed: True
        answers = [mean, self.g[:met]]
        kernel = loss.kernel(it, "parameters", guarded=guarded)
        return kernel.prepared(batch.call, self.theta[:met], answers, batch.rows, batch.placed)

    def _explored(self, loss: Any, it: Any, call: Call, mean: np.ndarray) -> Any:
        """Writes `mean` and `g`; returns the specialization that knows the examples' paths."""
        it, (mean[0], gradient) = loss.answers(
            it, "parameters", call, self._theta_of(it.parameters), 1.0 / call.n
        )
        place = {p: k for k, p in enumerate(self.parameters)}
        self.g[:] = 0.0
        for parameter, x in zip(it.parameters, gradient.tolist()):
            if parameter in place:  # others are constants of this training
                self.g[place[parameter]] = x
        return it

    def _meet(self, met: tuple[Value, ...]) -> None:
        """Lays out the parameters, given those that the loss reads."""
        if self.parameters:
            return
        self.parameters, self.others = self.losses.laid_out(met, self.objective.model)
        numbers = numbers_of(self.parameters)
        self.theta = np.fromiter(numbers, self.dtype, len(numbers))
        self.g = np.zeros_like(self.theta)
        self.state = [np.zeros_like(self.theta) for _ in self.optimizer.memory]

    def _update(self) -> Callable[[], None]:
        """One step of the optimiser: reads `g`, updates `theta` and `state` in place."""
        rule = rule_of(self.optimizer, self.objective.penalties, self.dtype)
        run = rule.on(self.theta, self.g, self.state, fixed=self.others)
        rate = schedule(self.optimizer.learning_rate)

        def update() -> None:
            run(rate(self.steps), self.steps + 1)

        return update

    def evaluate(self, examples: Examples) -> tuple[float, np.ndarray]:
        """The mean loss, and the outputs, of shape (examples, outputs)."""
        losses, rows = [], []
        for start in range(0, len(examples), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            arrays = examples.inputs[part], examples.targets[part]
            it, call = self.losses.judge.specialize(*arrays)
            theta = self._theta_of(it.parameters)
            _, (answer,) = self.losses.judge.answers(it, "value", call, theta)
            numbers = np.asarray(answer)
            losses.append(numbers[:, 0])
            rows.append(numbers[:, 1:])
        mean = np.average(np.concatenate(losses), weights=examples.weights)
        return float(mean), np.concatenate(rows)

    def _theta_of(self, parameters: tuple[Value, ...]) -> np.ndarray:
        if not self.parameters:
            return np.array(numbers_of(parameters), self.dtype)
        if parameters == (*self.parameters[: len(parameters)],):
            return self.theta[: len(parameters)]
        place = {p: i for i, p in enumerate(self.parameters)}
        numbers = [self.theta[place[p]] if p in place else p.data for p in parameters]
        return np.array(numbers, self.dtype)

    # The state that training changes.

    def weights(self) -> np.ndarray:
        """A copy of the parameters."""
        return self.theta.copy()

    def restore(self, weights: np.ndarray) -> None:
        """Sets the parameters to a copy that `weights` returned."""
        self.theta[:] = weights

    def write(self) -> None:
        """Copies the parameters to the model's Values."""
        write_numbers(self.parameters, self.theta.tolist())

    def read(self) -> None:
        """Copies the parameters from the model's Values, which a callback may have changed."""
        self.theta[:] = numbers_of(self.parameters)

    def memory(self) -> dict[str, np.ndarray]:
        """The optimiser's state: by name, an array with one number for each parameter."""
        return {name: array.copy() for name, array in zip(self.optimizer.memory, self.state)}

    def remember(self, steps: int, memory: dict[str, np.ndarray]) -> None:
        """Restores the optimiser's state from `memory` after `steps` steps."""
        self.steps = steps
        for name, array in zip(self.optimizer.memory, self.state):
            array[:] = memory[name]
