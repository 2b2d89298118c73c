"""Traced: the losses of a model in native code, cached from one `fit` to the next.

Tracing a network takes as long as some hundred training steps, so the result is cached for the
lifetime of the model. It is reused while the model is an unmodified network of this package (the
same scalars and functions) with a loss of this package. A user's function may depend on anything,
so it is traced again each time.
"""

from dataclasses import dataclass, replace
from operator import is_
from typing import Any
from weakref import WeakKeyDictionary, proxy

import numpy as np

from micrograd.compiler.api.function import CompiledOne, Vectorized
from micrograd.compiler.trace.errors import TraceError
from micrograd.engine import Value
from micrograd.losses import LOSSES
from micrograd.neuralnet import MLP, Layer
from micrograd.ops import TABLE
from micrograd.training.steps.objective import Objective


class Losses:
    """The compiled losses: `many` for a batch, `one` for a single example, `judge` with outputs."""

    def __init__(self, objective: Objective, dtype: Any, threads: int):
        self.many = Vectorized(traceable(objective), dtype, threads, False, each="row")
        self.one = CompiledOne(traceable(objective), dtype, 1, False)
        self.judge = Vectorized(traceable(_Judge(objective)), dtype, threads, False, each="row")
        self._met: tuple[Value, ...] | None = None
        self._laid_out: tuple[tuple[Value, ...], np.ndarray] = (), np.empty(0, np.int64)

    def laid_out(self, met: tuple[Value, ...], model: Any) -> tuple[tuple[Value, ...], np.ndarray]:
        """The parameters that a loss reads, then the model's other ones; and the indices of those
        that do not belong to the model."""
        if met is not self._met:
            own = model.parameters()
            others, rest = set(met).difference(own), set(own).difference(met)
            places = [i for i, p in enumerate(met) if p in others] if others else []
            parameters = (*met, *[p for p in own if p in rest]) if rest else met
            self._met, self._laid_out = met, (parameters, np.array(places, np.int64))
        return self._laid_out


@dataclass
class _Known:
    """The parts of a model when it was traced, and its losses."""

    parts: list[Any]
    losses: dict[Any, Losses]


_known: WeakKeyDictionary[Any, _Known] = WeakKeyDictionary()


def losses_of(objective: Objective, dtype: Any, threads: int) -> Losses:
    """The losses of an objective, from the cache if they are known."""
    model = objective.model
    parts = _parts(model)
    if parts is None or objective.loss not in LOSSES.values():
        return Losses(objective, dtype, threads)
    known = _known.get(model)
    if known is None or len(known.parts) != len(parts) or not all(map(is_, known.parts, parts)):
        known = _known[model] = _Known(parts, {})
    key = objective.loss, objective.weighted, objective.dropout > 0, dtype, threads
    if key not in known.losses:  # a proxy: the cache must not keep the model alive
        known.losses[key] = Losses(replace(objective, model=proxy(model)), dtype, threads)
    return known.losses[key]


def _parts(model: Any) -> list[Any] | None:
    """Everything that the outputs of a network depend on; None if that cannot be known."""
    if type(model) is not MLP or any(type(layer) is not Layer for layer in model.layers):
        return None
    parts: list[Any] = [model.nin]
    for layer in model.layers:
        name = layer.activation
        if not isinstance(name, str) or (name in TABLE and not TABLE[name].library):
            return None
        parts.append(layer.function)
        for neuron in layer.neurons:
            parts += neuron.weights, neuron.bias
    return parts


class _Judge:
    """The loss and the outputs of one example, without dropout and weights."""

    def __init__(self, objective: Objective):
        self.objective = objective

    def __call__(self, inputs: Any, target: Any) -> list[Any]:
        outputs = self.objective.model(inputs)
        listed = outputs if isinstance(outputs, list) else [outputs]
        return [self.objective.of(outputs, target), *listed]


def traceable(function: Any) -> Any:
    """The function; its TraceErrors get a note about `engine="eager"`."""

    def traced(*args: Any) -> Any:
        try:
            return function(*args)
        except TraceError as error:
            error.add_note('or pass engine="eager" to fit, which runs in plain Python, but slowly')
            raise

    return traced
