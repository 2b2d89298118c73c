"""NativeStep: training steps in native code, on flat arrays of parameters.

The loss is traced for one example, the optimiser's rule for one parameter; each becomes one call of
native code a step. What these read and write stays in the same memory from the first step to the
last; nothing passes through Values in between.
"""

from collections.abc import Callable
from operator import attrgetter
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

AT_ONCE = 16_384  # examples that are judged in one call


class NativeStep:
    """Forward, backward and update of the model by `optimizer`, in native code.

    `on` some arrays, and then called with the number of examples in them, it takes one step and
    gives the mean loss. The parameters lie in `theta` in the order in which the loss meets them,
    those that it never meets at the end.
    """

    def __init__(self, objective: Objective, optimizer: Optimizer, dtype: Any, threads: int):
        self.objective, self.optimizer = objective, optimizer
        self.dtype, self.threads = float_type(dtype), threads
        self.losses = losses_of(objective, self.dtype, threads)
        self.steps = 0
        self.parameters: tuple[Value, ...] = ()

    @property
    def gradient_norm(self) -> float:
        """Of the last step, before penalties and clipping."""
        return length(self.g)

    def on(
        self, arrays: list[np.ndarray], rows: np.ndarray | None = None, masks: Any = ()
    ) -> Callable[[int], float]:
        """The step on the first so many examples in `arrays`, or in these `rows` of them.

        The masks are in the order of the examples. Where the loss is not finite, the parameters
        stay as they are.
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
        """The weights at which training on such arrays begins."""
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
        """Mean loss of the first n examples of `arrays`, and its gradient, into `g`."""
        size = len(arrays[0] if rows is None else rows)
        some = [a[:size] for a in (*arrays, *masks)]
        alone = size == 1  # then its numbers lie in the lanes, not the examples
        loss = self.losses.one if alone else self.losses.many
        it, _ = loss.specialize(*(a[0, ...] for a in some) if alone else some)
        call = Call(size, [*arrays, *masks])
        self._meet(it.parameters)
        kernel = loss.kernel(it, "parameters")
        mean, met = np.zeros(1, self.dtype), len(it.parameters)
        theta, g = self.theta[:met], self.g[:met]
        given = call, theta, [mean, g], rows, len(arrays)
        run, item = kernel.prepared(*given), mean.item
        others, frozen = self.others, len(self.others) > 0

        def slope(n: int) -> float:
            if run(n, 1.0 / n):  # NaN, perhaps 0 * inf: on guard against that
                guarded = loss.kernel(it, "parameters", guarded=True)
                guarded.prepared(*given)(n, 1.0 / n)
            if frozen:
                self.g[others] = 0.0
            return item()

        return slope

    def _meet(self, met: tuple[Value, ...]) -> None:
        """Lays out the parameters, once it is known which the loss meets."""
        if self.parameters:
            return
        self.parameters, self.others = self.losses.laid_out(met, self.objective.model)
        numbers = map(attrgetter("data"), self.parameters)
        self.theta = np.fromiter(numbers, self.dtype, len(self.parameters))
        self.g = np.zeros_like(self.theta)
        self.state = [np.zeros_like(self.theta) for _ in self.optimizer.memory]

    def _update(self) -> Callable[[], None]:
        """One step of the optimiser, from `g`, on `theta` and `state` in their place."""
        rule = rule_of(self.optimizer, self.objective.penalties, self.dtype)
        run = rule.on(self.theta, self.g, self.state, fixed=self.others)
        rate = schedule(self.optimizer.learning_rate)

        def update() -> None:
            run(rate(self.steps), self.steps + 1)

        return update

    def evaluate(self, examples: Examples) -> tuple[float, np.ndarray]:
        """The mean loss, and the outputs: shape (examples, outputs)."""
        losses, rows = [], []
        for start in range(0, len(examples), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            arrays = examples.inputs[part], examples.targets[part]
            it, call = self.losses.judge.specialize(*arrays)
            theta = self._theta_of(it.parameters)
            (answer,) = self.losses.judge.answers(it, "value", call, theta)
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
        return self.theta[[place[p] for p in parameters]]

    # The numbers that training changes.

    def weights(self) -> np.ndarray:
        """A copy of the parameters' numbers."""
        return self.theta.copy()

    def restore(self, weights: np.ndarray) -> None:
        """Sets the parameters to what `weights` gave."""
        self.theta[:] = weights

    def write(self) -> None:
        """Makes the Values hold the numbers."""
        write_numbers(self.parameters, self.theta.tolist())

    def read(self) -> None:
        """Takes the numbers from the Values: somebody may have changed them."""
        self.theta[:] = numbers_of(self.parameters)

    def memory(self) -> dict[str, np.ndarray]:
        """What the optimiser remembers: a number for each parameter, by its name."""
        return {name: array.copy() for name, array in zip(self.optimizer.memory, self.state)}

    def remember(self, steps: int, memory: dict[str, np.ndarray]) -> None:
        """Goes on where `memory` was asked for."""
        self.steps = steps
        for name, array in zip(self.optimizer.memory, self.state):
            array[:] = memory[name]
