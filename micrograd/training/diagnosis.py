"""diagnose: what a training run and its model suffer from, each with its evidence and remedy."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd.neuralnet import MLP, activation_function
from micrograd.training.eager import EagerStep
from micrograd.training.examples import Examples
from micrograd.training.history import History
from micrograd.training.native import NativeStep

SAMPLE = 1_000  # examples that the network is watched on
SATURATED = {"tanh": 0.98, "sigmoid": 0.98, "erf": 0.98}  # of the way to where it is flat


@dataclass
class Patient:
    """What is examined: the engine with the model, and the examples that it learned from."""

    step: EagerStep | NativeStep
    examples: Examples


@dataclass(frozen=True)
class Finding:
    """One thing that is seen: what it is, by which numbers, and what to try."""

    name: str
    evidence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.name}: {self.evidence}.\n  Try {self.remedy}."


@dataclass(frozen=True)
class Diagnosis:
    """All findings; none means that nothing of what is looked for was seen."""

    findings: tuple[Finding, ...]

    @property
    def names(self) -> list[str]:
        """What was found."""
        return [finding.name for finding in self.findings]

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or "nothing to see: the run looks healthy"

    __repr__ = __str__


def diagnose(history: History) -> Diagnosis:
    """Examines the curves of a run, its inputs, and the signals and gradients of its model.

    >>> print(diagnose(History(loss=[1.0, 0.4, 0.2, 0.19, 0.19])))
    nothing to see: the run looks healthy
    """
    found = [*_curves(history), *_rate(history)]
    if history.patient is not None:
        sample = history.patient.examples.take(
            np.arange(min(SAMPLE, len(history.patient.examples)))
        )
        model = history.patient.step.objective.model
        found += _inputs(sample.inputs)
        if isinstance(model, MLP):
            found += [*_units(model, sample.inputs), *_vanishing(model, history.patient, sample)]
    return Diagnosis(tuple(found))


# The curves.


def _curves(history: History) -> Iterator[Finding]:
    loss, validation = history.loss, history.validation_loss
    if len(validation) >= 5:
        lowest = int(np.argmin(validation))
        rise = validation[-1] / validation[lowest] - 1 if validation[lowest] > 0 else 0.0
        if rise > 0.1 and loss[-1] < loss[lowest] and history.best_epoch is None:
            yield Finding(
                "over-fitting",
                f"the validation loss was lowest in epoch {lowest + 1} ({validation[lowest]:.4g}) "
                f"and is {rise:.0%} above that now, while the training loss fell from "
                f"{loss[lowest]:.4g} to {loss[-1]:.4g}",
                "patience=5 to stop in time, more examples, l2=1e-4, dropout=0.2, or a smaller "
                "network",
            )
    norms = history.gradient_norms
    for epoch in range(2, len(norms)):
        usual = float(np.median(norms[:epoch]))
        if norms[epoch] > 100 * usual > 0:
            yield Finding(
                "exploding gradients",
                f"the length of the gradient was {norms[epoch]:.3g} in epoch {epoch + 1}, and "
                f"mostly about {usual:.3g} before",
                "clip_norm=1.0 in the optimizer, and a smaller learning rate",
            )
            return


def _rate(history: History) -> Iterator[Finding]:
    loss, rates = history.loss, history.rates
    if len(loss) < 5:
        return
    changes = np.diff(loss)
    noise = 1e-3 * abs(loss[0])  # rises below it are nothing to worry about
    rises = int((changes > 0.02 * np.abs(loss[:-1]) + noise).sum())
    rate = f" (it was {rates[0]:.3g} at first)" if rates else ""
    if loss[-1] > 1.5 * min(loss) + 10 * noise or rises > 0.3 * len(changes):
        yield Finding(
            "learning rate too high",
            f"the training loss rose in {rises} of {len(changes)} epochs, and is {loss[-1]:.4g} "
            f"after {min(loss):.4g} at its lowest",
            f"a third of the learning rate{rate}, or a schedule such as mg.CosineDecay",
        )
        return
    late = loss[len(loss) // 2 :]
    fallen = 1 - loss[-1] / loss[0] if loss[0] > 0 else 0.0
    steady = np.all(np.diff(late) < 0) and late[0] - late[-1] > 0.4 * (loss[0] - loss[-1])
    if 0 < fallen < 0.5 and steady:
        yield Finding(
            "learning rate too low",
            f"the training loss fell by only {fallen:.1%} in {len(loss)} epochs, and as fast in "
            "the second half as in the first",
            f"three times the learning rate{rate}, or more epochs",
        )


# The inputs and the network.


def _inputs(X: np.ndarray) -> Iterator[Finding]:
    mean, deviation = np.abs(X.mean(axis=0)), X.std(axis=0)
    varying = deviation > 0
    if not varying.any():
        return
    size = np.maximum(mean, deviation)
    largest = int(size.argmax())
    spread = deviation[varying].max() / deviation[varying].min()
    if size[largest] > 10 or size[varying].max() < 0.01 or spread > 1e3:
        yield Finding(
            "unscaled inputs",
            f"feature {largest} has the mean {X[:, largest].mean():.3g} and the deviation "
            f"{deviation[largest]:.3g}; the deviations of all features span a factor of "
            f"{spread:.3g}",
            "(X - X.mean(axis=0)) / X.std(axis=0), with both of the training part",
        )


def _units(model: MLP, X: np.ndarray) -> Iterator[Finding]:
    """Hidden units that do nothing, or next to nothing, for any example."""
    for number, (layer, before, after) in enumerate(_signals(model, X)):
        if number == len(model.layers) - 1:
            return
        name = getattr(layer.activation, "name", layer.activation)
        where = f"of layer {number} ({layer.nout} units, {name})"
        dead = int(np.all(after == 0, axis=0).sum()) if name == "relu" else 0
        if dead > 0.1 * layer.nout:
            yield Finding(
                "dead relus",
                f"{dead} {where} are 0 for all of {len(X)} examples, so their gradients are 0, too",
                'a smaller learning rate, activation="leaky_relu", or another seed',
            )
        if name in SATURATED:
            low, high = (0.0, 1.0) if name == "sigmoid" else (-1.0, 1.0)
            way = np.abs(after - (low + high) / 2) / ((high - low) / 2)
            stuck = int((np.mean(way > SATURATED[name], axis=0) > 0.9).sum())
            if stuck > 0.1 * layer.nout:
                yield Finding(
                    "saturated units",
                    f"{stuck} {where} are in the flat part of {name} for 90% of {len(X)} examples; "
                    f"the weighted sums reach {np.abs(before).max():.3g}",
                    "scaled inputs, a smaller learning rate, or l2=1e-4",
                )


def _vanishing(model: MLP, patient: Patient, sample: Examples) -> Iterator[Finding]:
    """Gradients that get lost on their way back through the layers."""
    if len(model.layers) < 3:
        return
    slopes = patient.step.gradients(sample)
    sizes = [
        math.sqrt(np.mean([slopes[w] ** 2 for neuron in layer.neurons for w in neuron.weights]))
        for layer in model.layers
    ]
    if 0 <= sizes[0] < 1e-3 * sizes[-1]:
        yield Finding(
            "vanishing gradients",
            f"a typical gradient of a weight is {sizes[0]:.2g} in the first layer and "
            f"{sizes[-1]:.2g} in the last",
            'activation="relu", fewer layers, or scaled inputs',
        )


def _signals(model: MLP, X: np.ndarray) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
    """Each layer, with its weighted sums and its outputs for all rows of X."""
    for layer in model.layers:
        state = {name: np.array(numbers) for name, numbers in layer.state_dict().items()}
        before = X @ state["weights"].T + state["bias"]
        function = activation_function(layer.activation)
        X = before if function is None else function(before)
        yield layer, before, X
