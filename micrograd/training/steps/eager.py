"""EagerStep: training steps on Values, one example at a time. It has NativeStep's interface."""

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
    """Forward pass, backward pass and update by `optimizer`, in Python."""

    dtype = None  # keep the dtype of the examples

    def __init__(self, objective: Objective, optimizer: Optimizer):
        self.objective, self.optimizer = objective, optimizer
        self.parameters: list[Value] = objective.model.parameters()
        self.gradient_norm = math.nan

    @property
    def steps(self) -> int:
        """The number of steps so far."""
        return self.optimizer.steps

    def on(
        self, arrays: list[np.ndarray], rows: np.ndarray | None = None, masks: Any = ()
    ) -> Callable[[int], float]:
        """A step on the first n examples in `arrays`, or on the first n of these `rows`.

        The masks are in the order of the batch. If the loss is not finite, the parameters are left
        unchanged.
        """

        def step(n: int) -> float:
            chosen = slice(n) if rows is None else rows[:n]
            mean = self._slope([*[a[chosen] for a in arrays], *masks], n)
            if math.isfinite(mean):
                self.optimizer.step(self.parameters)
            return mean

        return step

    def start(self, arrays: list[np.ndarray]) -> np.ndarray:
        """The initial weights."""
        return self.weights()

    def slope(self, arrays: list[np.ndarray], n: int) -> tuple[float, float, np.ndarray]:
        """The mean loss of the first n examples, the penalty, and the gradient of both."""
        mean = self._slope(arrays, n)
        penalty = self.objective.penalties.of(self.weights())
        return mean, penalty, np.array([p.grad for p in self.parameters])

    def _slope(self, arrays: list[np.ndarray], n: int) -> float:
        """The mean loss of the first n examples; sets each `grad`, with penalties."""
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
        """The mean loss, and the outputs, of shape (examples, outputs)."""
        losses, rows = [], []
        for inputs, target in zip(examples.inputs.tolist(), examples.targets.tolist()):
            outputs = self.objective.model(inputs)
            losses.append(self.objective.of(outputs, target).data)
            rows.append(numbers_of(as_scalars(outputs)))
        return float(np.average(losses, weights=examples.weights)), np.array(rows)

    # The state that training changes.

    def weights(self) -> np.ndarray:
        """A copy of the parameters."""
        return np.array(numbers_of(self.parameters))

    def restore(self, weights: np.ndarray) -> None:
        """Sets the parameters to a copy that `weights` returned."""
        write_numbers(self.parameters, weights.tolist())

    def write(self) -> None:
        """Does nothing: the parameters are the model's Values."""

    def read(self) -> None:
        """Does nothing: the parameters are the model's Values."""

    def memory(self) -> dict[str, np.ndarray]:
        """The optimiser's state: by name, an array with one number for each parameter."""
        state = self.optimizer.state_dict()
        return {name: np.array(state[name], float) for name in self.optimizer.memory}

    def remember(self, steps: int, memory: dict[str, np.ndarray]) -> None:
        """Restores the optimiser's state from `memory` after `steps` steps."""
        self.optimizer.load_state_dict(
            {"steps": steps, **{name: memory[name].tolist() for name in self.optimizer.memory}}
        )
