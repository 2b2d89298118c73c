"""Traced: the losses of a model in native code, kept from one `fit` to the next.

To trace a network takes as long as some hundred steps of training. So what was traced is kept as
long as its model lives, and used again while the model is what it was: a network of this package,
with the same scalars and functions, and a loss of this package. What cannot be seen to be the same,
a function of the user's that may look at anything, is traced again each time.
"""

from dataclasses import dataclass, replace
from operator import is_
from typing import Any
from weakref import WeakKeyDictionary, proxy

import numpy as np

from micrograd import ops
from micrograd.compiler.api.function import CompiledOne, Vectorized
from micrograd.compiler.trace.errors import TraceError
from micrograd.engine import Value
from micrograd.losses import LOSSES
from micrograd.neuralnet import MLP, Layer
from micrograd.training.steps.objective import Objective


class Losses:
    """Of many examples, of one a call, and with the outputs, as the model predicts."""

    def __init__(self, objective: Objective, dtype: Any, threads: int):
        self.many = Vectorized(traceable(objective), dtype, threads, False)
        self.one = CompiledOne(traceable(objective), dtype, 1, False)
        self.judge = Vectorized(traceable(_Judge(objective)), dtype, threads, False)
        self._met: tuple[Value, ...] | None = None
        self._laid_out: tuple[tuple[Value, ...], np.ndarray] = (), np.empty(0, np.int64)

    def laid_out(self, met: tuple[Value, ...], model: Any) -> tuple[tuple[Value, ...], np.ndarray]:
        """The parameters that a loss has met, then those of the model that it has not; and the
        places of those that are not the model's."""
        if met is not self._met:
            own = model.parameters()
            others, rest = set(met).difference(own), set(own).difference(met)
            places = [i for i, p in enumerate(met) if p in others] if others else []
            parameters = (*met, *[p for p in own if p in rest]) if rest else met
            self._met, self._laid_out = met, (parameters, np.array(places, np.int64))
        return self._laid_out


@dataclass
class _Known:
    """What a model looked like, and its losses since then."""

    parts: list[Any]
    losses: dict[Any, Losses]


_known: WeakKeyDictionary[Any, _Known] = WeakKeyDictionary()


def losses_of(objective: Objective, dtype: Any, threads: int) -> Losses:
    """The losses of an objective, those of an earlier one where they are the same."""
    model = objective.model
    parts = _parts(model)
    if parts is None or objective.loss not in LOSSES.values():
        return Losses(objective, dtype, threads)
    known = _known.get(model)
    if known is None or len(known.parts) != len(parts) or not all(map(is_, known.parts, parts)):
        known = _known[model] = _Known(parts, {})
    key = objective.loss, objective.weighted, objective.dropout > 0, dtype, threads
    if key not in known.losses:  # which must not keep the model alive
        known.losses[key] = Losses(replace(objective, model=proxy(model)), dtype, threads)
    return known.losses[key]


def _parts(model: Any) -> list[Any] | None:
    """All that the outputs of a network depend on; None where that is not known."""
    if type(model) is not MLP or any(type(layer) is not Layer for layer in model.layers):
        return None
    parts: list[Any] = [model.nin]
    for layer in model.layers:
        name = layer.activation
        if not isinstance(name, str) or getattr(ops, name, None) is not ops.TABLE.get(name):
            return None
        parts.append(layer.function)
        for neuron in layer.neurons:
            parts += neuron.weights, neuron.bias
    return parts


class _Judge:
    """The loss of one example, and the outputs, of the model as it predicts."""

    def __init__(self, objective: Objective):
        self.objective = objective

    def __call__(self, inputs: Any, target: Any) -> list[Any]:
        outputs = self.objective.model(inputs)
        listed = outputs if isinstance(outputs, list) else [outputs]
        return [self.objective.of(outputs, target), *listed]


def traceable(function: Any) -> Any:
    """The function; where it cannot be compiled, its error says that there is another engine."""

    def traced(*args: Any) -> Any:
        try:
            return function(*args)
        except TraceError as error:
            error.add_note('or pass engine="eager" to fit, which runs Python as it is, but slowly')
            raise

    return traced
