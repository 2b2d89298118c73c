"""Objective: the loss of one example, and the penalties on the parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.annotations import Model
from micrograd.caller import nothing_returned
from micrograd.engine import Value
from micrograd.losses import Loss, as_scalars, loss_name
from micrograd.neuralnet import MLP
from micrograd.scalar import Scalar
from micrograd.training.data.examples import Examples
from micrograd.training.data.labels import check_labels


@dataclass(frozen=True)
class Penalties:
    """l1 times the sum of the parameters' magnitudes, plus l2 times the sum of their squares."""

    l1: float = 0.0
    l2: float = 0.0

    def slope(self, p: Any, g: Any) -> Any:
        """The gradient `g` of parameter `p` plus that of its penalties; arithmetic only, as in
        `Optimizer.rule`."""
        if self.l2:
            g = g + 2.0 * self.l2 * p
        if self.l1:
            g = g + self.l1 * ops.sign(p)
        return g

    def of(self, weights: np.ndarray) -> float:
        """The penalties of these parameters."""
        return float(self.l1 * np.sum(np.abs(weights)) + self.l2 * np.sum(np.square(weights)))


@dataclass(frozen=True)
class Objective:
    """The loss of the model's outputs for one example, as a scalar to differentiate.

    The arguments of a call are inputs and target, then the example's weight if `weighted`, then its
    mask if `dropout` is above 0. The result excludes the penalties.
    """

    model: Model
    loss: Loss
    weighted: bool = False
    dropout: float = 0.0
    penalties: Penalties = Penalties()

    def __call__(self, inputs: Any, target: Any, *more: Any) -> Any:
        weight = more[0] if self.weighted else None
        if self.dropout:
            outputs = masked(self.model, inputs, more[-1])
        else:
            outputs = self.model(inputs)
        loss = self.of(outputs, target)
        return loss if weight is None else weight * loss

    def try_out(self, examples: Examples, labels: np.ndarray, name: str) -> None:
        """Checks all labels, and runs the loss once for the smallest and the largest target.

        Native code would not notice a class without an output. `labels` are all targets, or the
        distinct ones, and `name` is their name in messages.
        """
        model, inputs = self.model, examples.inputs[0].tolist()
        if type(model) is MLP and len(inputs) == model.nin:  # only the number of outputs matters
            outputs: Any = [Value(0.0) for _ in range(model.layers[-1].nout)]
        else:
            outputs = model(inputs)
        targets = examples.targets
        check_labels(loss_name(self.loss), labels, len(as_scalars(outputs)), name)
        few = (targets.min(), targets.max()) if targets.ndim == 1 else targets[:1]
        for target in few:
            self.of(outputs, target.tolist())

    def of(self, outputs: Any, target: Any) -> Any:
        """The loss of these outputs. Raises TypeError if it does not depend on them."""
        loss = self.loss(outputs, target)
        if loss is None:
            raise TypeError(nothing_returned(self.loss))
        if not isinstance(loss, Scalar):
            raise TypeError(
                "the loss must be a single scalar computed from the outputs, got "
                f"{type(loss).__name__} {loss!r:.60}"
            )
        return loss


def masked(model: MLP, inputs: Any, mask: Sequence[Any]) -> list[Any]:
    """The outputs of a network with each hidden activation multiplied by its element of `mask`."""
    signals, start = inputs, 0
    for layer in model.layers[:-1]:
        signals = [s * m for s, m in zip(layer(signals), mask[start : start + layer.nout])]
        start += layer.nout
    return model.layers[-1](signals)


def hidden_units(model: MLP) -> int:
    """The number of hidden activations, and so the length of a mask."""
    return sum(layer.nout for layer in model.layers[:-1])


class Dropout:
    """Masks of the hidden units: each element is 0 with probability `rate`, else 1 / (1 - rate).

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014;
    "inverted": scaled in training, so that prediction uses the network unchanged.
    """

    def __init__(self, model: Any, rate: float, size: int, dtype: Any = float):
        if not (isinstance(rate, Real) and 0 < rate < 1):
            raise ValueError(f"dropout must be in [0, 1), got {rate!r}")
        if not isinstance(model, MLP):
            raise TypeError(
                f"dropout needs an mg.MLP, got {type(model).__name__}; in your own model, pass "
                "masks as inputs"
            )
        units = hidden_units(model)
        if not units:
            raise ValueError("dropout needs a hidden layer; add one, or leave dropout out")
        self.rate = float(rate)
        self.mask = np.empty((size, units), dtype)

    def draw(self, n: int, random: np.random.Generator) -> None:
        """Draws new masks for n examples."""
        kept = random.random((n, self.mask.shape[1])) >= self.rate
        np.multiply(kept, 1 / (1 - self.rate), out=self.mask[:n])
