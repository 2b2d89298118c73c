"""Loops that are written out, trip by trip, and loops within other programs: the same numbers."""

from typing import Any

import numpy as np
import pytest
from loops_as_written import U, W, assert_close, in_one, number, numbers, written
from ways import WAYS

import micrograd as mg
from micrograd import Value


def test_all_states_as_a_result(short: None) -> None:
    def f(x: Any) -> Any:
        h, states = x[0], []
        for t in range(1, 30):
            h = mg.tanh(W * h + x[t])
            states.append(h)
        return {"states": states, "squares": np.array([h * h for h in states])}

    x = np.random.default_rng(0).normal(size=30)
    g = in_one(f)
    found, expected = g(x), f(x)
    assert_close(found["states"], numbers(expected["states"]))
    assert_close(found["squares"], numbers(expected["squares"]))
    assert str(g.source("program")).count("loop for") == 1
    jacobian = in_one(mg.jacobian(lambda x: f(x)["states"][::7]))
    assert_close(jacobian(x), numbers(mg.jacobian(lambda x: f(x)["states"][::7])(x)))


def test_each_state_of_a_body_of_one_operation_as_a_result() -> None:
    def f(x: Any) -> Any:
        products = [x[0]]
        for t in range(1, 1100):
            products.append(products[-1] * x[t])
        return products

    x = np.random.default_rng(0).uniform(0.9, 1.1, size=1100)
    g = in_one(f)
    np.testing.assert_allclose(g(x), np.cumprod(x), rtol=1e-12)
    assert "loop for s < 1099" in str(g.source("program"))


def test_fit_trains_a_module_with_a_loop_on_sequences_of_different_lengths(short: None) -> None:
    class Recurrent(mg.Module):
        def __init__(self) -> None:
            self.w, self.u, self.v = Value(0.1), Value(0.2), Value(0.3)

        def __call__(self, x: Any) -> Any:  # its first number is its length
            h = 0.0
            for t in range(1, len(x)):
                new = mg.tanh(self.w * h + self.u * x[t])
                h = mg.where(x[0] >= t, new, h)
            return [self.v * h]

    random = np.random.default_rng(0)
    lengths, x = random.integers(1, 20, 60), random.normal(size=(60, 20))
    y = np.array([np.tanh(row[:n].sum()) for row, n in zip(x, lengths)])
    model = Recurrent()
    inputs = np.concatenate([lengths[:, None], x], axis=1)
    history = mg.fit(model, inputs, y, loss="mse", optimizer=mg.Adam(0.05), epochs=30)
    assert history.loss[-1] < 0.5 * history.loss[0]
    g = mg.compile(lambda x: model(x)[0])
    assert g(inputs[0]) == pytest.approx(number(model(inputs[0])[0]), rel=1e-12)
    assert "loop for s < 1" in str(g.source("program"))


# What is no loop.


def chain(x: Any, step: Any) -> Any:
    h = x[0]
    for t in range(1, 40):
        h = step(h, x[t])
    return h


def programs_without() -> dict[str, Any]:
    @mg.op(derivative=lambda g, z, x: [g * z], opaque=True)
    def opaque(x: Any) -> float:
        return float(np.exp(x))

    def truths(x: Any) -> Any:  # a truth is carried
        above, h = [x[0] > 0.0, x[1] > 0.0], x[0]
        for t in range(1, 40):
            h = mg.where(above[-2], h * 0.5, mg.sin(h))
            above.append(h > x[t])
        return h

    def truths_outside(x: Any) -> Any:  # a truth is read behind the loop
        h, last = x[0], x[0] > 0.0
        for t in range(1, 40):
            h = mg.tanh(h + x[t])
            last = h > x[t]
            h = mg.where(last, h, h * 0.5)
        return mg.where(last, h, -h)

    return {
        "take": lambda x: chain(x, lambda h, x: mg.take([h, x, 1.0], 1.0) * mg.sin(h)),
        "norm": lambda x: chain(x, lambda h, x: mg.norm([h, x]) * 0.5),
        "opaque": lambda x: chain(x, lambda h, x: opaque(mg.sin(h)) * x),
        "root": lambda x: chain(x, lambda h, x: mg.root(lambda v: v * v * v + v - h, 0.5)),
        "question": lambda x: chain(x, lambda h, x: mg.sin(h) if h > x else h * 0.5),
        "truths": truths,
        "truths outside": truths_outside,
    }


@pytest.mark.parametrize("name", programs_without())
def test_loops_that_are_written_out(name: str, short: None) -> None:
    f = programs_without()[name]
    x = np.random.default_rng(3).uniform(-1, 1, size=40)
    g = in_one(f)
    value, gradient = g.value_and_grad(x)
    assert value == pytest.approx(number(f(x)), rel=1e-12)
    assert_close(gradient, numbers(mg.grad(f)(x)))
    assert "loop for" not in str(g.source("program"))


def masked(x: Any) -> Any:  # its trips read truths of two blocks
    above = [(mg.cos if t % 2 else mg.sin)(v) > 0.1 for t, v in enumerate(x)]
    h, first = x[0], x[1] > 0.0
    for t in range(1, 40):
        h = mg.where(above[t], mg.sin(h) + x[t], mg.where(first, h * x[t], h))
    return h


@pytest.mark.parametrize("way", WAYS)
def test_trips_that_read_truths(way: str, short: None) -> None:
    make, tolerance = WAYS[way]
    x = np.random.default_rng(3).normal(size=(20, 40))
    g = make(masked, each="row")
    value, gradient = g.value_and_grad(x)
    assert "loop for" in str(g.source("program"))
    assert_close(value, [number(masked(row)) for row in x], tolerance)
    expected = [numbers(mg.grad(masked)(row)) for row in x]
    assert_close(gradient, expected, 100 * tolerance)


def test_a_norm_of_states() -> None:
    def f(x: Any) -> Any:
        h, states = x[0], []
        for t in range(1, 400):
            h = mg.tanh(W * h + x[t] * U)
            states.append(h)
        return mg.norm(states) + mg.norm([states[3], states[-1]])

    x = np.random.default_rng(3).uniform(-1, 1, size=400)
    g = in_one(f)
    value, gradient = g.value_and_grad(x)
    assert "loop for" in str(g.source("program"))
    assert value == pytest.approx(number(f(x)), rel=1e-12)
    assert_close(gradient, numbers(mg.grad(f)(x)))


def test_exact_programs_keep_their_trips_and_say_so() -> None:
    f, (x,) = written("garch", 400)
    g = mg.compile(f, exact=True)
    assert g(x) == number(f(x))
    assert "loop for" not in str(g.source("program"))
    assert (
        "1 loop over a state is written out, trip by trip, since exact=True keeps each operation:"
        in str(g.explain())
    )
