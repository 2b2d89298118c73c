"""scan: its meaning is that of a loop in Python."""

from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import ShapeError, Value


def test_scan_is_the_loop_in_python() -> None:
    xs = [0.3, -1.2, 2.0]
    carry, ys = mg.scan(lambda h, x: (h * 0.5 + x, h - x), 1.0, xs)
    h, expected = 1.0, []
    for x in xs:
        expected.append(h - x)
        h = h * 0.5 + x
    assert carry == h
    assert ys.tolist() == expected


def test_carry_xs_and_outputs_are_structures_of_numbers_and_arrays() -> None:
    def step(carry: Any, x: Any) -> Any:
        return {"h": carry["h"] @ x["m"], "n": carry["n"] + x["t"]}, (carry["n"], carry["h"])

    m = np.arange(12.0).reshape(3, 2, 2)
    start = {"h": np.ones(2), "n": 0.5}
    carry, (n, h) = mg.scan(step, start, {"m": m, "t": [1.0, 2.0, 3.0]})
    assert carry["n"] == 6.5
    assert n.tolist() == [0.5, 1.5, 3.5]
    assert np.array_equal(carry["h"], np.ones(2) @ m[0] @ m[1] @ m[2])
    assert np.array_equal(h, [np.ones(2), np.ones(2) @ m[0], np.ones(2) @ m[0] @ m[1]])


def test_values_get_the_gradients_of_the_loop() -> None:
    w, x = Value(0.7), [Value(0.1 * t) for t in range(5)]
    (h, _), ys = mg.scan(lambda c, x: ((mg.tanh(w * c[0] + x), c[0]), c[1]), (0.0, 1.0), x)
    (h * h + mg.sum(ys)).backward()
    found = [v.grad for v in (w, *x)]
    w, x = Value(0.7), [Value(0.1 * t) for t in range(5)]
    h, before, total = 0.0, 1.0, Value(0.0)
    for v in x:
        total = total + before
        h, before = mg.tanh(w * h + v), h
    (h * h + total).backward()
    assert found == pytest.approx([v.grad for v in (w, *x)], rel=1e-13)


def test_without_xs_the_step_runs_length_times() -> None:
    assert mg.scan(lambda n, _: (n * 2, None), 1.0, length=5) == (32.0, None)
    assert mg.scan(lambda n, _: (n * 2, n), 1.0, length=0) == (1.0, None)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((1.0,), TypeError, "expected xs, or the length"),
        ((1.0, 3.0), TypeError, "xs must be an array or a list"),
        ((1.0, ([1.0], [1.0, 2.0])), ShapeError, r"equally long, got lengths \[1, 2\]"),
        ((1.0, [1.0], 2), ShapeError, "length is 2, but xs has 1 element"),
        ((1.0, None, -1), TypeError, "length must be a whole number"),
    ],
)
def test_wrong_arguments_are_named(arguments: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        mg.scan(lambda c, x: (c, x), *arguments)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("step", "error", "message"),
    [
        (0.0, TypeError, r"expected a function step\(carry, x\).*, got float 0.0"),
        (lambda c, x: c, TypeError, r"must return a pair \(carry, y\)"),
        (lambda c, x: ([c, c], x), ShapeError, "a carry of the structure that it is passed"),
        (lambda c, x: (np.ones(2) * c, x), ShapeError, r"the shape \(\), and has the shape \(2,\)"),
    ],
)
def test_wrong_steps_are_named(compiled: bool, step: Any, error: Any, message: str) -> None:
    def f(x: Any) -> Any:
        return mg.scan(step, x, [1.0, 2.0])[0]

    with pytest.raises(error, match=message):
        (mg.compile(f) if compiled else f)(1.0)


def test_outputs_of_different_shapes_are_an_error() -> None:
    with pytest.raises(ShapeError, match="same structure and shapes in each step"):
        mg.scan(lambda c, x: (c + 1, [c] if c else c), 0.0, length=2)
