"""EagerStep: one training step on the engine of Values, an example at a time.

What stands in `fit` for an engine: called on a batch it takes one step and gives the mean loss;
`evaluate` gives the mean loss and the outputs, and changes nothing.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd.engine import Value
from micrograd.training.examples import Examples


class EagerStep:
    """Forward, backward and update of `model` by `optimizer`, in Python."""

    def __init__(self, model: Any, loss: Callable[[Any, Any], Any], optimizer: Any):
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.parameters = model.parameters()

    def __call__(self, batch: Examples) -> float:
        """Takes one step down the gradient of the batch's mean loss, which is the answer.

        Where that is not finite, the parameters stay as they are.
        """
        for parameter in self.parameters:
            parameter.grad = 0.0
        mean = 0.0
        for inputs, target in _scalars(batch):  # one graph at a time: memory for one example
            share = _scalar(self.loss(self.model(inputs), target)) / len(batch)
            share.backward()
            mean += share.data
        if math.isfinite(mean):
            self.optimizer.step(self.parameters)
        return mean

    def evaluate(self, examples: Examples) -> tuple[float, np.ndarray]:
        """The mean loss, and the outputs: shape (examples, outputs)."""
        total, rows = 0.0, []
        for inputs, target in _scalars(examples):
            outputs = self.model(inputs)
            total += _scalar(self.loss(outputs, target)).data
            rows.append([*map(float, outputs if isinstance(outputs, list) else [outputs])])
        return total / len(examples), np.array(rows)


def _scalars(examples: Examples) -> zip:
    return zip(examples.inputs.tolist(), examples.targets.tolist())


def _scalar(loss: Any) -> Value:
    if not isinstance(loss, Value):
        raise TypeError(
            f"the loss must be one scalar that depends on the outputs, got {type(loss).__name__} "
            f"{loss!r:.60}"
        )
    return loss
