"""Run identity: marks that tell one run from another and are the same in every process.

Data are identified by their numbers, a file by its size and three of its blocks. Models, losses and
optimisers are identified by their outputs on fixed probe inputs, bit for bit: so everything that
they compute with counts, and the text of their source does not.
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.engine import Value, numbers_of, write_numbers
from micrograd.files.table import Table
from micrograd.losses import as_scalars
from micrograd.optim import Optimizer
from micrograd.schedules import schedule
from micrograd.training.data.examples import Examples
from micrograd.training.steps.objective import Objective

BLOCK = 1 << 20  # bytes of a file read at once
STEPS = 0, 1, 2, 3, 10, 100, 1_000, 10_000, 100_000  # at which a learning rate is probed
SCALES = 0.1, 1.0, 10.0  # of the probe inputs

Mark = tuple[str, str]  # a readable description, and a hash
Description = Mapping[str, Mark]


def written(**parts: Any) -> dict[str, Mark]:
    """Marks of parts that are identified by their text.

    >>> written(seed=0)
    {'seed': ('0', '0')}
    """
    return {name: (words(part), words(part)) for name, part in parts.items()}


def words(x: Any) -> str:
    """The text of `x` without memory addresses, which differ between processes.

    >>> words(words)
    '<function words>'
    """
    try:
        return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(x))
    except Exception:  # a user's __repr__ may raise anything
        return type(x).__qualname__


# Data.


def of_examples(examples: Examples | None) -> Mark:
    """The mark of all numbers."""
    arrays = [] if examples is None else examples.arrays
    return words(examples), _hash(*[part for a in arrays for part in _parts(a)])


def of_file(path: Path) -> Mark:
    """The mark of a file's size and its first, middle and last block; its folder does not count."""
    size, blocks = path.stat().st_size, []
    with open(path, "rb") as file:
        for start in (0, (size - BLOCK) // 2, size - BLOCK):
            file.seek(max(start, 0))
            blocks.append(file.read(BLOCK))
    return path.name, _hash(str(size).encode(), *blocks)


def of_table(table: Table) -> Mark:
    """The mark of all columns."""
    columns = table.columns.values()
    parts = [part for c in columns for part in (c.name.encode(), *_parts(c.values))]
    return "table", _hash(*parts)


def _parts(array: np.ndarray) -> tuple[bytes, Any]:
    shape = f"{array.dtype.str}{array.shape}".encode()
    if array.dtype.hasobject:
        return shape, repr(array.tolist()).encode(errors="surrogatepass")
    return shape, np.ascontiguousarray(array).reshape(-1).view(np.uint8)


# Computations.


def of_model(model: Any, examples: Examples) -> Mark:
    """The mark of a model's outputs for the first examples, with probe weights."""
    answers: list[Any] = [len(model.parameters())]
    for scale, x in zip(SCALES, cycle(examples.inputs[:2].tolist())):
        with _made(model.parameters(), scale):
            answers.append(_answer(model, x))
    return words(model), _hash(repr(answers).encode())


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
    return words(objective.loss), _hash(repr(answers).encode())


def of_optimizer(optimizer: Optimizer) -> Mark:
    """The mark of the learning rates at some steps, and of the rule's results for some inputs."""
    rate, memory = schedule(optimizer.learning_rate), tuple(_numbers(len(optimizer.memory), 0.5))
    rule = [
        optimizer.rule(scale, 0.7 * scale, tuple(map(abs, memory)), rate=0.01, step=step)
        for scale, step in zip(SCALES, STEPS[1:])
    ]
    numbers = [[float(new), *map(float, state)] for new, state in rule]
    clips, rates = (optimizer.clip_norm, optimizer.clip_value), [float(rate(k)) for k in STEPS]
    return words(optimizer), _hash(repr((optimizer.memory, clips, rates, numbers)).encode())


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


def _hash(*parts: Any) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
