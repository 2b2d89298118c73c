"""EagerStep: training steps on the engine of Values, an example at a time.

What stands in `fit` for an engine: `on` some arrays, and then called with the number of examples in
them, it takes one step and gives the mean loss.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd.engine import Value, numbers_of, write_numbers
from micrograd.losses import as_scalars
from micrograd.optim import Optimizer
from micrograd.training.data.examples import Examples
from micrograd.training.steps.objective import Objective


class EagerStep:
    """Forward, backward and update of the model by `optimizer`, in Python."""

    dtype = None  # of the examples: as they come

    def __init__(self, objective: Objective, optimizer: Optimizer):
        self.objective, self.optimizer = objective, optimizer
        self.parameters: list[Value] = objective.model.parameters()
        self.gradient_norm = math.nan

    @property
    def steps(self) -> int:
        """How many were made so far."""
        return self.optimizer.steps

    def on(
        self, arrays: list[np.ndarray], rows: np.ndarray | None = None, masks: Any = ()
    ) -> Callable[[int], float]:
        """The step on the first so many examples in `arrays`, or in these `rows` of them.

        The masks are in the order of the examples. Where the loss is not finite, the parameters
        stay as they are.
        """

        def step(n: int) -> float:
            chosen = slice(n) if rows is None else rows[:n]
            mean = self._slope([*[a[chosen] for a in arrays], *masks], n)
            if math.isfinite(mean):
                self.optimizer.step(self.parameters)
            return mean

        return step

    def start(self, arrays: list[np.ndarray]) -> np.ndarray:
        """The weights at which training on such arrays begins."""
        return self.weights()

    def slope(self, arrays: list[np.ndarray], n: int) -> tuple[float, float, np.ndarray]:
        """The mean loss of the first n examples, the penalty, and the gradient of both."""
        mean = self._slope(arrays, n)
        penalty = self.objective.penalties.of(self.weights())
        return mean, penalty, np.array([p.grad for p in self.parameters])

    def _slope(self, arrays: list[np.ndarray], n: int) -> float:
        """The mean loss of the first n examples; its gradient, with penalties, is in `grad`."""
        for p in self.parameters:
            p.grad = 0.0
        mean = 0.0
        for example in zip(*(array[:n].tolist() for array in arrays)):  # one graph at a time
            share = self.objective(*example) / n
            share.backward()
            mean += share.data
        self.gradient_norm = math.hypot(*(p.grad for p in self.parameters))
        for p in self.parameters:
            p.grad = self.objective.penalties.slope(p.data, p.grad)
        return mean

    def evaluate(self, examples: Examples) -> tuple[float, np.ndarray]:
        """The mean loss, and the outputs: shape (examples, outputs)."""
        losses, rows = [], []
        for inputs, target in zip(examples.inputs.tolist(), examples.targets.tolist()):
            outputs = self.objective.model(inputs)
            losses.append(self.objective.of(outputs, target).data)
            rows.append(numbers_of(as_scalars(outputs)))
        return float(np.average(losses, weights=examples.weights)), np.array(rows)

    # The numbers that training changes.

    def weights(self) -> np.ndarray:
        """A copy of the parameters' numbers."""
        return np.array(numbers_of(self.parameters))

    def restore(self, weights: np.ndarray) -> None:
        """Sets the parameters to what `weights` gave."""
        write_numbers(self.parameters, weights.tolist())

    def write(self) -> None:
        """Makes the Values hold the numbers: here they do."""

    def read(self) -> None:
        """Takes the numbers from the Values: here they are there."""

    def memory(self) -> dict[str, np.ndarray]:
        """What the optimiser remembers: a number for each parameter, by its name."""
        state = self.optimizer.state_dict()
        return {name: np.array(state[name], float) for name in self.optimizer.memory}

    def remember(self, steps: int, memory: dict[str, np.ndarray]) -> None:
        """Goes on where `memory` was asked for."""
        self.optimizer.load_state_dict(
            {"steps": steps, **{name: memory[name].tolist() for name in self.optimizer.memory}}
        )
