"""Run identity: marks that distinguish runs, and are the same in every process.

Models, losses and optimisers are identified by their outputs on fixed probe inputs, bit for bit: so
everything that they compute with counts, and the text of their source does not. `data/marks.py` has
those of data.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import Any

from micrograd.engine import Value, numbers_of, write_numbers
from micrograd.losses import as_scalars
from micrograd.optim import Optimizer
from micrograd.schedules import schedule
from micrograd.training.data.examples import Examples
from micrograd.training.data.marks import Mark, hashed, words
from micrograd.training.steps.objective import Objective

STEPS = 0, 1, 2, 3, 10, 100, 1_000, 10_000, 100_000  # at which a learning rate is probed
SCALES = 0.1, 1.0, 10.0  # of the probe inputs


def of_model(model: Any, examples: Examples) -> Mark:
    """The mark of a model's outputs for the first examples, with probe weights."""
    answers: list[Any] = [len(model.parameters())]
    for scale, x in zip(SCALES, cycle(examples.inputs[:2].tolist())):
        with _made(model.parameters(), scale):
            answers.append(_answer(model, x))
    return words(model), hashed(repr(answers).encode())


def of_loss(objective: Objective, examples: Examples) -> Mark:
    """The mark of the losses of probe outputs, for the first, smallest and largest target."""
    model, y = objective.model, examples.targets
    targets = [y[0], y.min(), y.max()] if y.ndim == 1 else [y[0]]
    outputs = len(as_scalars(model(examples.inputs[0].tolist())))

    with _made(model.parameters(), 1.0):
        answers = [
            _answer(objective.of, [Value(x) for x in _numbers(outputs, scale)], target.tolist())
            for target in targets
            for scale in SCALES
        ]
    return words(objective.loss), hashed(repr(answers).encode())


def of_optimizer(optimizer: Optimizer) -> Mark:
    """The mark of the learning rates at some steps, and of the rule's results for some inputs."""
    rate, memory = schedule(optimizer.learning_rate), tuple(_numbers(len(optimizer.memory), 0.5))
    rule = [
        optimizer.rule(scale, 0.7 * scale, tuple(map(abs, memory)), rate=0.01, step=step)
        for scale, step in zip(SCALES, STEPS[1:])
    ]
    numbers = [[float(new), *map(float, state)] for new, state in rule]
    clips, rates = (optimizer.clip_norm, optimizer.clip_value), [float(rate(k)) for k in STEPS]
    return words(optimizer), hashed(repr((optimizer.memory, clips, rates, numbers)).encode())


def _answer(compute: Callable[..., Any], *given: Any) -> Any:
    """The resulting numbers, or the error's name: probe inputs may be outside of the domain."""
    try:
        return numbers_of(as_scalars(compute(*given)))
    except Exception as error:  # a user's function may raise anything
        return type(error).__name__


@contextmanager
def _made(parameters: Sequence[Value], scale: float) -> Iterator[None]:
    """Sets the parameters to probe values for the length of a block."""
    before = numbers_of(parameters)
    write_numbers(parameters, _numbers(len(parameters), scale))
    try:
        yield
    finally:
        write_numbers(parameters, before)


def _numbers(count: int, scale: float) -> list[float]:
    return [scale * math.sin(k + 1.0) for k in range(count)]
