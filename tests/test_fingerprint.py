"""Fingerprints: what a run does, not where it lies in memory, nor what it notes on the way."""

import argparse
import functools
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest

import micrograd as mg
from micrograd.training.fingerprint import described, fingerprint, words


def reading(thing: Any) -> Callable[..., Any]:
    """A loss that captures it."""
    return lambda outputs, target: thing and outputs[0] - target


# Nothing that a loss captures ends in an error.


class Endless:
    """It has all attributes, and each is another of its kind."""

    def __getattr__(self, name: str) -> "Endless":
        return Endless()

    def __call__(self, outputs: Any, target: Any) -> Any:
        return outputs[0] - target


class Refusing(Endless):
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")


class Unspeakable(Endless):
    def __repr__(self) -> str:
        raise RuntimeError("no words")


class Level(IntEnum):
    LOW = 1
    HIGH = 2


def cyclic(kind: type) -> Any:
    x = kind()
    x.append(x) if kind is list else x.update(x=x)
    return x


def deep(levels: int) -> list[Any]:
    x: list[Any] = []
    for _ in range(levels):
        x = [x]
    return x


def linked(links: int) -> Any:
    x = None
    for _ in range(links):
        x = SimpleNamespace(next=x)
    return x


@pytest.mark.parametrize(
    "thing",
    [
        cyclic(list), cyclic(dict), deep(5000), linked(5000), Endless(), Refusing(), Unspeakable(),
        MagicMock(), MagicMock, Level.LOW, Level, Fraction(1, 3), np.mean, np.float64(1), "\udc80",
        np.longdouble(1), np.datetime64("2020-01-01"), {Endless, cyclic}, str.upper, {}.get,
    ],
    ids=lambda thing: type(thing).__name__,
)  # fmt: skip
def test_anything_can_be_captured(thing):
    assert fingerprint(reading(thing)) == fingerprint(reading(thing))
    described(loss=thing)


def test_without_words_there_is_the_name_of_the_type():
    assert words(Unspeakable()) == "Unspeakable"


# Another run.


class Weighing:
    def __init__(self, weight: float):
        self.weight = weight

    def compute(self, outputs: Any, target: Any) -> Any:
        return self.weight * (outputs[0] - target)


class Slotted:
    __slots__ = ("empty", "weight")

    def __init__(self, weight: float):
        self.weight = weight

    def __call__(self, outputs: Any, target: Any) -> Any:
        return self.weight * (outputs[0] - target)


class Gained(mg.SGD):
    def __init__(self, gain: float):
        super().__init__(0.1)
        self.gain = gain

    def rule(self, p: Any, g: Any, state: Any, rate: Any, step: Any) -> Any:
        return p - self.gain * rate * g, ()


class Activated(mg.Module):
    """It gathers its outputs in a list, and counts its calls."""

    def __init__(self, *activations: Any):
        self.activations, self.calls = [*activations], 0
        self.weight = mg.Value(1.0)

    def __call__(self, inputs: Any) -> Any:
        self.calls += 1
        outputs = []
        for activation, x in zip(self.activations, inputs):
            outputs.append(activation(self.weight * x))
        return outputs


class Depth:
    d, sizes = 1, (1, 2)


def read_by_class(d: Any) -> Any:
    kind = type("Depth", (), {"d": d})
    return reading(kind)


square, cube = lambda x: x * x, lambda x: x * x * x


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (reading(SimpleNamespace(d=1)), reading(SimpleNamespace(d=5))),
        (reading(argparse.Namespace(d="a")), reading(argparse.Namespace(d="b"))),
        (read_by_class(1), read_by_class(5)),
        (read_by_class((1, 2)), read_by_class((1, 3))),
        (reading(Weighing(1.0)), reading(Weighing(5.0))),
        (Weighing(1.0).compute, Weighing(5.0).compute),
        (Slotted(1.0), Slotted(5.0)),
        (Gained(1.0), Gained(5.0)),
        (Activated(square, cube, square), Activated(square, cube, cube)),
        (reading([1.0, 2.0]), reading([1.0, 3.0])),
        (reading([1, "a"]), reading([1, "b"])),
        (reading(Level.LOW), reading(Level.HIGH)),
        (reading({square}), reading({cube})),
        ({0: 0.1}.get, {0: 0.2}.get),
    ],
)
def test_another_run_has_another_fingerprint(one, other):
    assert fingerprint(one) != fingerprint(other)


def test_so_has_one_whose_class_of_settings_was_changed(monkeypatch):
    def loss(outputs: Any, target: Any) -> Any:
        return Depth.d * (outputs[0] - target)

    before = fingerprint(loss)
    monkeypatch.setattr(Depth, "d", 5)
    assert fingerprint(loss) != before


@pytest.mark.parametrize(
    "head", ["from helpers_of_mine import near as n", "import helpers_of_mine as h; n = h.near"]
)
@pytest.mark.parametrize("call", ["n(y[0] - t)", "helpers_of_mine.near(y[0] - t)"])
def test_so_has_one_whose_helper_in_another_module_was_edited(tmp_path, monkeypatch, head, call):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    marks = []
    for power in (2, 2, 4):
        (tmp_path / "helpers_of_mine.py").write_text(f"def near(x): return x ** {power}")
        sys.modules.pop("helpers_of_mine", None)
        importlib.invalidate_caches()
        scope: dict[str, Any] = {"__name__": "__main__"}
        exec(f"{head}; import helpers_of_mine\ndef loss(y, t): return {call}", scope)
        marks.append(fingerprint(scope["loss"]))
    assert marks[0] == marks[1] != marks[2]


# The same run, later: what the code itself changes is no part of it.

LOG: list[Any] = []
NOTES: dict[str, list[Any]] = {"all": []}
STATE = SimpleNamespace(calls=0, weight=2.0)


def logged(outputs: Any, target: Any) -> Any:
    LOG.append(target)
    NOTES["all"].append(target)
    NOTES[str(len(LOG))] = []
    STATE.calls += 1
    return STATE.weight * (outputs[0] - target)


def by_default(outputs: Any, target: Any, log: list[Any] = []) -> Any:  # noqa: B006
    log.append(target)
    return outputs[0] - target


def capturing() -> Callable[..., Any]:
    log, calls = [], 0

    def loss(outputs: Any, target: Any) -> Any:
        nonlocal calls
        calls += 1
        log.append(target)
        return outputs[0] - target

    return loss


class Remembering:
    calls = 0

    def __init__(self):
        self.history, self.counts, self.last = [], {}, None

    def __call__(self, outputs: Any, target: Any) -> Any:
        self.last = target
        Remembering.calls += 1
        self.counts[target] = self.counts.get(target, 0) + 1
        self.note(target)
        return outputs[0] - target

    def note(self, target: Any) -> None:
        history = self.history
        history.append(target)
        self.noted = True


@pytest.mark.parametrize(
    "loss",
    [logged, by_default, capturing(), Remembering(), Remembering().__call__, Activated(square)],
)
def test_what_a_run_notes_itself_is_no_part_of_it(loss):
    before = fingerprint(loss)
    loss([1.0], *[2.0][: not isinstance(loss, Activated)])
    assert fingerprint(loss) == before


def test_but_what_it_only_reads_is(monkeypatch):
    before = fingerprint(logged)
    monkeypatch.setattr(STATE, "weight", 3.0)
    assert fingerprint(logged) != before


def test_lists_that_a_loss_makes_do_not_hide_those_that_it_reads():
    def loss(weights: list[float]) -> Any:
        def loss(outputs: Any, target: Any) -> Any:
            errors = []
            for w, y in zip(weights, outputs):
                errors.append(w * (y - target))
            return errors

        return loss

    assert fingerprint(loss([1.0, 2.0])) != fingerprint(loss([1.0, 3.0]))


def test_a_docstring_is_no_part():
    def without() -> Any:
        def metric(outputs: Any, targets: Any) -> Any:
            LOG.append(1)

        return metric

    def with_one() -> Any:
        def metric(outputs: Any, targets: Any) -> Any:
            """What it is."""
            LOG.append(1)

        return metric

    one, other = without(), with_one()
    other.__qualname__ = one.__qualname__
    assert fingerprint(one) == fingerprint(other)


def test_a_cached_property_is_no_part():
    class Cached(Weighing):
        @functools.cached_property
        def half(self) -> float:
            return self.weight / 2

    loss = Cached(1.0)
    before = fingerprint(loss)
    assert loss.half == 0.5
    assert fingerprint(loss) == before


# Everywhere the same, and soon.

THINGS = """
import test_fingerprint as t
from micrograd.training.fingerprint import fingerprint
print(*map(fingerprint, [
    t.reading({"a", "b", "c"}), t.reading({t.square, t.cube, t.deep, t.Endless}), t.logged,
    t.Activated(t.square, t.cube, t.square), t.Remembering(), t.reading([0.5] * 100), t.Gained(1.0),
    t.reading(t.Level.LOW), t.reading(frozenset({("a", t.cube), ("b", t.square)})), t.Refusing(),
    t.reading(t.cyclic(dict)), lambda y, t: y in {"a", "b"},
]))
"""


def test_fingerprints_are_the_same_in_every_process():
    def printed(seed: int) -> bytes:
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        command = [sys.executable, "-c", f"[0] * {seed}\n{THINGS}"]
        return subprocess.check_output(command, cwd=Path(__file__).parent, env=environment)

    assert len({printed(seed) for seed in range(1, 4)}) == 1


@pytest.mark.parametrize("number", [0.5, 7, True, "text"])
def test_a_long_list_is_described_at_once(number):
    begun = time.perf_counter()
    numbers = [number] * 10**6
    before = fingerprint(reading(numbers))
    assert time.perf_counter() - begun < 0.5
    numbers[-1] = type(number)(0)
    assert fingerprint(reading(numbers)) != before
