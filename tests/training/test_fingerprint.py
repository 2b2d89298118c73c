"""Run identity depends on what a run computes, not on its source text or its side effects."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd.optim import Optimizer
from micrograd.training.data.examples import Examples
from micrograd.training.data.marks import of_examples, words
from micrograd.training.run.run_identity import of_loss, of_model, of_optimizer
from micrograd.training.steps.objective import Objective

EXAMPLES = Examples.of([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]], [1.0, -1.0])


def mark(x: Any) -> str:
    """The mark of a loss, a model or an optimiser."""
    if isinstance(x, Optimizer):
        return of_optimizer(x)[1]
    if isinstance(x, mg.Module):
        return of_model(x, EXAMPLES)[1]
    return of_loss(Objective(mg.MLP(3, [1], seed=0), x), EXAMPLES)[1]


def reading(settings: Any) -> Callable[..., Any]:
    """A loss that reads a number."""
    return lambda outputs, target: settings.weight * (outputs[0] - target) ** 2


class Weighing:
    def __init__(self, weight: float):
        self.weight = weight

    def compute(self, outputs: Any, target: Any) -> Any:
        return self.weight * (outputs[0] - target)


class Slotted(Weighing):
    __slots__ = ("empty",)

    def __call__(self, outputs: Any, target: Any) -> Any:
        return self.compute(outputs, target)


class Gained(mg.SGD):
    def __init__(self, gain: float, rate: Any = 0.1, **options: Any):
        super().__init__(rate, **options)
        self.gain = gain

    def rule(self, p: Any, g: Any, state: Any, rate: Any, step: Any) -> Any:
        return p - self.gain * rate * g, ()


class Activated(mg.Module):
    def __init__(self, *activations: Any):
        self.activations, self.weight = [*activations], mg.Value(1.0)
        self.calls = 0

    def __call__(self, inputs: Any) -> Any:
        self.calls += 1
        return [f(self.weight * x) for f, x in zip(self.activations, inputs)]


def square(x: Any) -> Any:
    return x * x


def cube(x: Any) -> Any:
    return x * x * x


def weighted(weights: list[float]) -> Any:
    return lambda outputs, target: sum(w * outputs[0] for w in weights) - target


def late(step: float) -> float:
    return 0.1 if step < 5_000 else 0.01


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (reading(SimpleNamespace(weight=1)), reading(SimpleNamespace(weight=5))),
        (reading(type("Depth", (), {"weight": 1})), reading(type("Depth", (), {"weight": 5}))),
        (Weighing(1.0).compute, Weighing(5.0).compute),
        (Slotted(1.0), Slotted(5.0)),
        (weighted([1.0, 2.0]), weighted([1.0, 3.0])),
        (mg.losses.huber, mg.losses.mae),
        (Gained(1.0), Gained(5.0)),
        (Gained(1.0), Gained(1.0, clip_norm=1.0)),
        (Gained(1.0), Gained(1.0, late)),
        (mg.SGD(0.1), mg.Momentum(0.1, momentum=0.0)),
        (Activated(square, cube, square), Activated(square, cube, cube)),
        (mg.MLP(3, [4, 1], "relu"), mg.MLP(3, [4, 1], "tanh")),
        (mg.MLP(3, [4, 1], "relu"), mg.MLP(3, [5, 1], "relu")),
        (mg.MLP(3, [4, 1], "relu"), mg.MLP(3, [4, 2], "relu")),
    ],
)
def test_another_run_has_another_fingerprint(one, other):
    assert mark(one) != mark(other)


@pytest.mark.parametrize("kind", [mg.SGD, mg.Momentum, mg.Nesterov, mg.RMSprop, mg.Adam, mg.AdamW])
def test_every_number_of_an_optimiser_counts(kind):
    options = ["momentum", "decay", "beta1", "beta2", "epsilon", "weight_decay", "clip_norm",
               "clip_value", "learning_rate"]  # fmt: skip
    own = [{name: 0.5} for name in options if name in kind.__dataclass_fields__]
    marks = {of_optimizer(kind(**each))[1] for each in ({}, *own)}
    assert len(marks) == len(own) + 1


def test_so_has_one_whose_helper_in_another_module_was_edited(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    marks = []
    for power in (2, 2, 4):
        (tmp_path / "helpers_of_mine.py").write_text(f"def near(x): return x ** {power}")
        sys.modules.pop("helpers_of_mine", None)
        importlib.invalidate_caches()
        near = importlib.import_module("helpers_of_mine").near
        marks.append(mark(lambda y, t, near=near: near(y[0] - t)))
    assert marks[0] == marks[1] != marks[2]


# The same run, later.

LOG: list[Any] = []


def logged(outputs: Any, target: Any) -> Any:
    """State that it records makes no difference, and neither does this docstring."""
    LOG.append(target)
    return 2.0 * (outputs[0] - target)


def particular(outputs: Any, target: Any) -> Any:
    assert abs(outputs[0].data) < 1, "no such output"
    return outputs[0] - target


class Endless:
    """It has all attributes, and each is another of its kind."""

    def __getattr__(self, name: str) -> "Endless":
        return Endless()

    def __call__(self, outputs: Any, target: Any) -> Any:
        return outputs[0] - target


class Unspeakable(Endless):
    def __repr__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "thing",
    [logged, particular, Endless(), Unspeakable(), Activated(square), mg.MLP(3, [2, 1], "gelu")],
)
def test_what_a_run_notes_itself_is_no_part_of_it(thing):
    assert mark(thing) == mark(thing)


def test_a_model_and_its_gradients_are_left_as_they_were():
    net = mg.MLP(3, [2, 1], seed=0)
    before = [(p.data, p.grad) for p in net.parameters()]
    first = mark(net)
    of_loss(Objective(net, mg.losses.mse), EXAMPLES)
    assert [(p.data, p.grad) for p in net.parameters()] == before
    for p in net.parameters():
        p.data += 1.0
    assert mark(net) == first


def test_without_words_there_is_the_name_of_the_type():
    assert words(Unspeakable()) == "Unspeakable"


@pytest.mark.parametrize("change", [(0, 0, 1e-300), (1, 2, 5.0)])
def test_every_number_of_the_examples_counts(change):
    row, column, x = change
    other = EXAMPLES.inputs.copy()
    other[row, column] += x if x > 1 else np.spacing(other[row, column])
    assert of_examples(Examples.of(other, EXAMPLES.targets)) != of_examples(EXAMPLES)


THINGS = """
import test_fingerprint as t, micrograd as mg
print(*map(t.mark, [
    t.logged, t.Activated(t.square, t.cube, t.square), t.Gained(1.0), mg.MLP(3, [4, 1], "silu"),
    lambda y, t: y[0] - t * len({"a", "b"}),
]))
"""


def test_fingerprints_are_the_same_in_every_process():
    def printed(seed: int) -> bytes:
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        command = [sys.executable, "-c", f"[0] * {seed}\n{THINGS}"]
        return subprocess.check_output(command, cwd=Path(__file__).parent, env=environment)

    assert len({printed(seed) for seed in range(1, 4)}) == 1
