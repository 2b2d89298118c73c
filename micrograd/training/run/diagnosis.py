"""diagnose: the problems of a training run and its model, each with evidence and a remedy."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd.neuralnet import MLP, activation_function
from micrograd.training.run.finding import Finding
from micrograd.training.run.record import Record
from micrograd.training.run.scales import unscaled_inputs, unscaled_targets

SAMPLE = 1_000  # examples on which the network is examined
STEP = 1e-6  # of the finite differences that estimate an activation's slope
SATURATED = {"tanh": 0.98, "sigmoid": 0.98, "erf": 0.98}  # fraction of the way to the asymptote


@dataclass(frozen=True)
class Diagnosis:
    """All findings. No findings means that none of the known problems was seen."""

    findings: tuple[Finding, ...]

    @property
    def names(self) -> list[str]:
        """The names of the findings."""
        return [finding.name for finding in self.findings]

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or "no problems found"

    __repr__ = __str__


def diagnose(history: Record) -> Diagnosis:
    """Examines the curves of a run, its inputs, and the activations and gradients of its model.

    >>> print(diagnose(Record(loss=[1.0, 0.4, 0.2, 0.19, 0.19])))
    no problems found
    """
    with np.errstate(all="ignore"):  # after a divergence these computations may overflow, too
        return Diagnosis((*_findings(history),))


def _findings(history: Record) -> Iterator[Finding]:
    """What the examples and the units show comes before guesses about the learning rate."""
    scales = [*_scales(history)]
    yield from (*_divergence(history), *scales, *_over_fitting(history), *_cliffs(history))
    if history.patient is not None and isinstance(model := history.patient.model, MLP):
        signals = _signals(model, history.patient.examples.inputs[:SAMPLE])
        yield from (*_units(signals[:-1]), *_depth(signals))
    if not scales:  # they explain a loss that falls slowly, or jumps
        yield from _rate(history)


def _scales(history: Record) -> Iterator[Finding]:
    if history.patient is not None:
        examples = history.patient.examples
        yield from unscaled_inputs(examples.inputs[:SAMPLE])
        yield from unscaled_targets(history, examples.targets[:SAMPLE], history.patient.loss)


# The curves.


def _divergence(history: Record) -> Iterator[Finding]:
    if history.diverged:
        yield Finding(
            "divergence",
            history.diverged,
            "a smaller learning rate, clip_norm=1.0 in the optimizer, inputs of a smaller scale, "
            "or smaller initial weights",
        )


def _over_fitting(history: Record) -> Iterator[Finding]:
    loss, validation = history.loss, history.validation_loss
    if len(validation) < 5 or history.best_epoch is not None:
        return
    lowest = int(np.argmin(validation))
    late = min(validation[-max(3, len(validation) // 5) :])  # one bad epoch is not a trend
    rise = late - validation[lowest]
    if rise > 0.1 * _heights(validation).min() and loss[-1] < loss[lowest]:
        yield Finding(
            "over-fitting",
            f"the validation loss was lowest in epoch {lowest + 1} ({validation[lowest]:.4g}) "
            f"and at best {late:.4g} in the last epochs, while the training loss fell from "
            f"{loss[lowest]:.4g} to {loss[-1]:.4g}",
            "patience=5 for early stopping, more examples, l2=1e-4, dropout=0.2, or a smaller "
            "network",
        )


def _cliffs(history: Record) -> Iterator[Finding]:
    norms = history.gradient_norms
    for epoch in range(2, len(norms)):
        usual = max(norms[0], float(np.median(norms[:epoch])))  # the median alone may be near 0
        if norms[epoch] > 100 * usual > 0:
            yield Finding(
                "exploding gradients",
                f"the norm of the gradient was {norms[epoch]:.3g} in epoch {epoch + 1}, and "
                f"about {usual:.3g} before",
                "clip_norm=1.0 in the optimizer, and a smaller learning rate",
            )
            return


def _rate(history: Record) -> Iterator[Finding]:
    loss, rates = history.loss, history.rates
    if len(loss) < 5 or history.diverged:
        return
    lowest, fallen, heights, changes = min(loss), loss[0] - loss[-1], _heights(loss), np.diff(loss)
    rises = int((changes > 0.1 * heights[:-1]).sum())
    rate = f" (initially {rates[0]:.3g})" if rates else ""
    if loss[-1] - lowest > 0.5 * heights.min() or rises > 0.25 * len(changes):
        yield Finding(
            "learning rate too high",
            f"the training loss rose by more than a tenth in {rises} of {len(changes)} epochs, and "
            f"is now {loss[-1]:.4g}; the lowest was {lowest:.4g}",
            f"a third of the learning rate{rate}, or a schedule such as mg.CosineDecay",
        )
        return
    late = loss[len(loss) // 2 :]
    steady = np.all(np.diff(late) < 0) and late[0] - late[-1] > 0.4 * fallen
    if lowest > 0 and 0 < fallen < 0.5 * loss[0] and steady:
        yield Finding(
            "learning rate too low",
            f"the training loss fell by only {fallen / loss[0]:.1%} in {len(loss)} epochs, and "
            "no slower in the second half than in the first",
            f"three times the learning rate{rate}, or more epochs",
        )


def _heights(curve: list[float]) -> np.ndarray:
    """The scale against which a rise of the loss after each epoch is judged.

    For a positive loss: the loss itself, plus 2% of the initial loss, so that noise in a tiny loss
    does not count. For a loss that reaches 0 or less: its total fall.
    """
    lowest = min(curve)
    if lowest > 0:
        return np.array(curve) + 0.02 * curve[0]
    return np.full(len(curve), curve[0] - lowest or 1.0)


# The network.


@dataclass(frozen=True)
class Signals:
    """A layer and its weights, with its weighted sums and its outputs for all examples."""

    layer: Any
    weights: np.ndarray
    sums: np.ndarray
    outputs: np.ndarray

    def slope(self) -> np.ndarray:
        """The slope of the activation at each weighted sum."""
        function = activation_function(self.layer.activation)
        if function is None:
            return np.ones_like(self.sums)
        return (function(self.sums + STEP) - function(self.sums - STEP)) / (2 * STEP)


def _signals(model: MLP, X: np.ndarray) -> list[Signals]:
    signals = []
    for layer in model.layers:
        state = {name: np.array(numbers) for name, numbers in layer.state_dict().items()}
        sums = X @ state["weights"].T + state["bias"]
        function = activation_function(layer.activation)
        X = sums if function is None else function(sums)
        signals.append(Signals(layer, state["weights"], sums, X))
    return signals


def _units(hidden: list[Signals]) -> Iterator[Finding]:
    """Hidden units whose gradient is zero, or almost zero, for (almost) all examples."""
    for number, signals in enumerate(hidden):
        layer, outputs = signals.layer, signals.outputs
        name = getattr(layer.activation, "name", layer.activation)
        where = f"of layer {number} ({layer.nout} units, {name})"
        dead = int(np.all(outputs == 0, axis=0).sum()) if name == "relu" else 0
        if dead > 0.25 * layer.nout:
            yield Finding(
                "dead relus",
                f"{dead} {where} are 0 for all {len(outputs)} examples, and so are their gradients",
                'a smaller learning rate, activation="leaky_relu", or another seed',
            )
        if name in SATURATED:
            low, high = (0.0, 1.0) if name == "sigmoid" else (-1.0, 1.0)
            way = np.abs(outputs - (low + high) / 2) / ((high - low) / 2)
            stuck = int((np.mean(way > SATURATED[name], axis=0) > 0.9).sum())
            if stuck > 0.1 * layer.nout:
                yield Finding(
                    "saturated units",
                    f"{stuck} {where} are in the flat part of {name} for 90% of {len(outputs)} "
                    f"examples; the weighted sums reach {np.abs(signals.sums).max():.3g}",
                    "scaled inputs, a smaller learning rate, or l2=1e-4",
                )


def _depth(signals: list[Signals]) -> Iterator[Finding]:
    """Gradients that vanish or explode on their way back through the hidden layers."""
    if len(signals) < 3:
        return
    ratio = _reach(signals)
    evidence = (
        f"a change of a weighted sum in the first layer moves the outputs {ratio:.2g} times as far "
        "as one in the last hidden layer"
    )
    if ratio < 1e-3:
        remedy = 'activation="relu", fewer layers, or scaled inputs'
        yield Finding("vanishing gradients", evidence, remedy)
    if ratio > 100:
        remedy = "smaller initial weights, fewer layers, or clip_norm=1.0 in the optimizer"
        yield Finding("exploding gradients", evidence, remedy)


def _reach(signals: list[Signals]) -> float:
    """The outputs' sensitivity to the first layer's sums, relative to the last hidden layer's.

    This is how gradients grow or shrink between these layers, independent of the current loss. It
    is the root mean square over all units and examples, for one random combination of the outputs.
    """
    random = np.random.default_rng(0)
    moved = signals[-1].slope() * random.choice([-1.0, 1.0], signals[-1].sums.shape[1])
    sizes = []
    for above, below in zip(signals[:0:-1], signals[-2::-1]):
        moved = moved @ above.weights * below.slope()
        sizes.append(float(np.sqrt(np.mean(moved**2))))
    return sizes[-1] / sizes[0] if sizes[0] else 0.0
