"""Update: an optimiser's rule for one parameter, compiled to one native call for all of them.

>>> from micrograd.optim import Momentum
>>> theta, velocity = np.array([1.0, 2.0]), np.zeros(2)
>>> rule = rule_of(Momentum(), Penalties(), theta.dtype)
>>> update = rule.on(theta, np.ones(2), [velocity], fixed=np.array([], int))
>>> update(0.5, 1)
>>> theta, velocity
(array([0.5, 1.5]), array([1., 1.]))
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any

import numpy as np

from micrograd import ops, optim
from micrograd.compiler.api.function import Vectorized
from micrograd.compiler.program.roll import roll
from micrograd.compiler.program.verify import checked
from micrograd.compiler.runtime.kernel import Call
from micrograd.engine import Value, numbers_of
from micrograd.optim import Optimizer
from micrograd.training.steps.objective import Penalties
from micrograd.training.steps.traced import traceable

ALONE = 10_000  # the most numbers of which BLAS computes a dot product without its threads


class Rule:
    """The compiled rule of an optimiser, including penalties and clipping."""

    def __init__(self, optimizer: Optimizer, penalties: Penalties, dtype: Any):
        self.norm, limit = optimizer.clip_norm, optimizer.clip_value
        rate, step, scale = Value(1.0), Value(1.0), Value(1.0)

        def clipped(p: Any, g: Any) -> list[Any]:
            return [_within(penalties.slope(p, g), limit)]

        def rule(p: Any, g: Any, *state: Any) -> list[Any]:
            (slope,) = [scale * g] if self.norm else clipped(p, g)
            new, memory = optimizer.rule(p, slope, state, rate, step)
            return [new, *memory]

        self.rule = Elementwise(rule, 2 + len(optimizer.memory), dtype)
        self.clip = Elementwise(clipped, 2, dtype) if self.norm else None
        place = {value: k for k, value in enumerate(self.rule.captured)}
        self.places = [place.get(value) for value in (rate, step, scale)]

    def on(
        self, theta: np.ndarray, g: np.ndarray, state: Sequence[np.ndarray], fixed: np.ndarray
    ) -> Callable[[float, int], None]:
        """An in-place update of these arrays, called with the rate and the step, counted from 1.

        The elements at the indices `fixed` do not change, and do not count in the norm.
        """
        slope = np.empty_like(g) if self.clip else g
        run, numbers = self.rule.on([theta, slope, *state], [theta, *state])
        clip = self.clip and self.clip.on([theta, g], [slope])[0]
        n, norm, (at_rate, at_step, at_scale) = len(theta), self.norm, self.places

        def update(rate: float, step: int) -> None:
            if at_rate is not None:
                numbers[at_rate] = rate
            if at_step is not None:
                numbers[at_step] = step
            if clip and norm:
                clip(n, 1.0)
                slope[fixed] = 0.0
                long = length(slope)
                numbers[at_scale] = norm / long if long > norm else 1.0
            kept = theta[fixed] if len(fixed) else None
            run(n, 1.0)
            if kept is not None:
                theta[fixed] = kept

        return update


def rule_of(optimizer: Optimizer, penalties: Penalties, dtype: Any) -> Rule:
    """The compiled rule of an optimiser, cached for the optimisers of this package.

    The rule of a user's optimiser may depend on anything, so it is compiled each time.
    """
    kind = type(optimizer)
    if kind.__module__ != optim.__name__:
        return Rule(optimizer, penalties, dtype)
    names = [f.name for f in fields(optimizer) if f.init and f.name != "learning_rate"]
    options = tuple([(name, getattr(optimizer, name)) for name in names])
    return _kept(kind, kind.rule, options, penalties, dtype)


@lru_cache(32)
def _kept(kind: Any, rule: Any, options: Any, penalties: Penalties, dtype: Any) -> Rule:
    return Rule(kind(1.0, **dict(options)), penalties, dtype)


class Elementwise:
    """A function of scalars, compiled to run elementwise on flat arrays, also in place.

    `captured` are the Values that the function captures.
    """

    def __init__(self, function: Callable[..., list[Any]], inputs: int, dtype: Any):
        compiled = Vectorized(traceable(function), dtype, 1, False, each="number")
        compiled.may_ask = False  # its kernel is bound once, to all paths
        it, _ = compiled.specialize(*[np.zeros(2)] * inputs)
        program = roll(it.trace, {f"output{k}": [x] for k, x in enumerate(it.trace.outputs)})
        self.captured: tuple[Value, ...] = it.parameters
        self.dtype, self.kernel = dtype, compiled.kernel_of(checked(program))

    def on(
        self, inputs: list[np.ndarray], outputs: list[np.ndarray]
    ) -> tuple[Callable[[int, float], bool], np.ndarray]:
        """A function that runs it on the first n elements of these arrays; and the array of the
        captured numbers, which may be set between runs."""
        numbers = np.array(numbers_of(self.captured), self.dtype)
        return self.kernel.prepared(Call(len(inputs[0]), inputs), numbers, outputs), numbers


def length(g: np.ndarray) -> float:
    """The Euclidean norm; infinite on overflow, as in a run that diverges."""
    if len(g) <= ALONE:
        return math.sqrt(g.dot(g))
    with np.errstate(over="ignore"):
        return math.sqrt(np.add.reduce(np.square(g)))


def _within(g: Any, limit: float | None) -> Any:
    """The gradient, clipped to magnitude `limit`; NaN stays NaN."""
    if limit is None:
        return g
    return ops.where(g > limit, limit, ops.where(g < -limit, -limit, g))
