"""scan in compiled functions: one loop, whose results are those of the loop in Python."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiled_c import COMPILER, CompiledC

import micrograd as mg
from micrograd import Value, ops

RANDOM = np.random.default_rng(0)
W = [[Value(x) for x in row] for row in RANDOM.normal(size=(8, 7)) * 0.4]
A, B, C = Value(0.1), Value(0.2), Value(0.7)
TABLE = RANDOM.permutation(1000)


def garch(x: Any) -> Any:
    def step(h: Any, r: Any) -> Any:
        return A + B * r * r + C * h, mg.log(h) + r * r / h

    return np.sum(mg.scan(step, A / (1 - B - C), x[:, 0])[1])


def rnn(x: Any) -> Any:
    def step(h: Any, x: Any) -> Any:
        return [mg.tanh(ops.dot(*W[i][:6], *h, *x, W[i][6])) for i in range(4)], None

    h, _ = mg.scan(step, [0.0] * 4, x)
    return mg.sum(v * v for v in h)


def lstm(x: Any) -> Any:
    def step(s: Any, x: Any) -> Any:
        h, c = s["h"], s["c"]
        z = [ops.dot(*W[i][:4], *h, *x, W[i][4]) for i in range(8)]
        i, f, o, g = ([z[2 * k], z[2 * k + 1]] for k in range(4))
        c = [mg.sigmoid(f[k]) * c[k] + mg.sigmoid(i[k]) * mg.tanh(g[k]) for k in range(2)]
        h = [mg.sigmoid(o[k]) * mg.tanh(c[k]) for k in range(2)]
        return {"h": h, "c": c}, h

    last, h = mg.scan(step, {"h": [0.0, 0.0], "c": [0.0, 0.1]}, x)
    return last["c"][0] + np.sum(h[0] * h[1])


def filtered(x: Any) -> Any:  # what is carried moves from slot to slot
    def step(s: Any, x: Any) -> Any:
        x1, x2, y1, y2 = s
        y = 0.3 * x + A * x1 + B * x2 - 0.4 * y1 - 0.2 * y2
        return (x, x1, y, y1), (y, x2)

    (a, b, c, d), (y, late) = mg.scan(step, (0.0, x[0][1], 0.0, 1.0), x[:, 0])
    return a + b * c - d + np.sum(y * y) + np.sum(late)


def pendulum(x: Any) -> Any:
    def rhs(q: Any, v: Any) -> Any:
        return v, -(B / C) * mg.sin(q) - A * v

    def step(s: Any, _: Any) -> Any:
        q, v = s
        a1, b1 = rhs(q, v)
        a2, b2 = rhs(q + 0.05 * a1, v + 0.05 * b1)
        return (q + 0.1 * a2, v + 0.1 * b2), None

    (q, v), _ = mg.scan(step, (x[0][0], x[0][1]), length=len(x))
    return q * q + v


def looked_up(x: Any) -> Any:  # inputs and constants in an order without a formula
    order = [t for t in TABLE.tolist() if t < len(x)]

    def step(h: Any, item: Any) -> Any:
        return mg.where(h > item[0], h * 0.5, h + item[1] * C), h

    h, hs = mg.scan(step, 0.1, ([x[t][0] for t in order], [0.1 * (t % 7) for t in order]))
    return h + hs[0] * hs[-1]


def within(x: Any) -> Any:  # loops after and inside each other; a constant carry, an unused input
    def outer(s: Any, x: Any) -> Any:
        inner, _ = mg.scan(lambda h, _: (mg.tanh(A * h + x[0]), None), s, length=3)
        return inner, inner

    last, hs = mg.scan(outer, 0.0, x)
    (total, one), _ = mg.scan(lambda c, h: ((c[0] + h * last, 1.0), None), (x[0][0], 0.0), hs)
    return total * one


def momentum(x: Any) -> Any:  # a derivative in the step
    slope = mg.grad(lambda w: mg.tanh(w * A) * w)

    def step(s: Any, x: Any) -> Any:
        w, m = s
        m = 0.9 * m + slope(w) - x[0]
        return (w - 0.1 * m, m), None

    (w, _), _ = mg.scan(step, (0.5, 0.0), x)
    return w


PROGRAMS: list[Callable[[Any], Any]] = [
    garch, rnn, lstm, filtered, pendulum, looked_up, within, momentum,
]  # fmt: skip


def number(x: Any) -> float:
    return x.data if isinstance(x, Value) else float(x)


@pytest.mark.parametrize("trips", [1, 2, 50])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_compiled_loops_are_those_of_python(program: Any, trips: int) -> None:
    x = np.random.default_rng(trips).normal(size=(3, trips, 2))
    f = mg.vectorize(program, each="row")
    found = f(x)
    assert ("loop for s" in str(f.source("program"))) == (trips > 1 or program is within)
    np.testing.assert_allclose(found, [number(program(row)) for row in x], rtol=1e-12, atol=1e-14)
    assert mg.compile(program)(x[0]) == pytest.approx(number(program(x[0])), rel=1e-12)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_gradients_are_those_of_the_loop_in_python(program: Any) -> None:
    x = np.random.default_rng(5).normal(size=(2, 7, 2))
    f = mg.vectorize(program, each="row")
    value, by_x = f.value_and_grad(x)
    expected = [[number(v) for v in np.ravel(mg.grad(program)(row))] for row in x]
    np.testing.assert_allclose(by_x.reshape(2, -1), expected, rtol=1e-10, atol=1e-13)
    f.backward(x)
    found = [p.grad for p in f.parameters]
    for p in f.parameters:
        p.grad = 0.0
    loss = (program(x[0]) + program(x[1])) / 2
    if isinstance(loss, Value):
        loss.backward()
    assert found == pytest.approx([p.grad for p in f.parameters], rel=1e-10, abs=1e-13)
    np.testing.assert_allclose(value, f(x), rtol=1e-12, atol=1e-14)


def test_the_program_shows_the_loop() -> None:
    f = mg.compile(rnn)
    f(np.ones((20, 2)))
    assert (
        str(f.source("program"))
        == """program of x0[n, 40], w[28]
  %1[n, 4] = identity(0)
  loop for s < 20:
    %2[n, 4] = sum of %1[t] * w[7i + t] (t < 4) + w[7i + t + 4] * x0[t + 2s] (t < 2) + w[7i + 6]
    %3[n, 4] = tanh(%2[i])
    %1[n, 4] = identity(%3[i])
  %5[n, 1] = sum of %3[t] * %3[t] (t < 4)
  value = %5[0]"""
    )


def test_the_program_does_not_grow_with_the_trips() -> None:
    def decay(x: Any) -> Any:
        return mg.scan(lambda h, _: (h - 0.001 * mg.sin(h) * C, None), x, length=length)[0]

    length = 10
    f = mg.compile(decay)
    f(1.0)
    short = str(f.source("program"))
    length = 100_000
    f = mg.compile(decay)
    f(1.0)
    assert str(f.source("program")) == short.replace("s < 10", "s < 100000")
    h = 1.0
    for _ in range(length):
        h -= 0.001 * np.sin(h) * C.data
    assert f(1.0) == pytest.approx(h, rel=1e-9)


@pytest.mark.parametrize("options", [{"dtype": "float32"}, {"threads": 2}, {"exact": True}])
@pytest.mark.parametrize("program", [rnn, filtered], ids=lambda f: f.__name__)
def test_loops_in_other_modes(program: Any, options: dict[str, Any]) -> None:
    x = np.random.default_rng(1).normal(size=(70, 9, 2))
    found = mg.vectorize(program, each="row", **options)(x)
    expected = [number(program(row)) for row in x]
    if "exact" in options:
        assert found.tolist() == expected
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-5 if "dtype" in options else 1e-12)


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
@pytest.mark.parametrize("program", [rnn, looked_up], ids=lambda f: f.__name__)
def test_loops_in_c(program: Any, tmp_path: Path) -> None:
    x = np.random.default_rng(1).normal(size=(11, 9, 2))
    f = mg.vectorize(program, each="row")
    expected = f(x)
    text = str(f.source("c"))
    assert "for (long s = 0; s < 9; s++)" in text
    found = CompiledC(text, tmp_path)(f.pack(), x.reshape(11, -1))
    np.testing.assert_allclose(found["value"][:, 0], expected, rtol=1e-13)


def test_a_loop_that_all_examples_share_runs_once() -> None:
    def f(x: Any, path: Any) -> Any:
        h, hs = mg.scan(lambda h, p: (mg.tanh(C * h + p), h), 0.0, path)
        return x * h + hs[1]

    path = np.linspace(-1, 1, 6)
    g = mg.vectorize(f, in_axes=(0, None))
    found = g(np.array([1.0, 2.0, 3.0]), path)
    np.testing.assert_allclose(found, [number(f(x, path)) for x in (1.0, 2.0, 3.0)], rtol=1e-14)


def test_a_step_that_asks_takes_its_own_path_in_each_trip() -> None:
    def f(x: Any) -> Any:
        return mg.scan(lambda h, x: (h + x if h < 1 else h * 0.5, h), 0.0, x)[0]

    x = np.random.default_rng(2).uniform(size=(20, 5))
    found = mg.vectorize(f, each="row")(x)
    np.testing.assert_allclose(found, [number(f(row)) for row in x], rtol=1e-14)


def test_second_derivatives_and_derivatives_of_scans() -> None:
    def f(x: Any) -> Any:
        return mg.scan(lambda h, x: (mg.tanh(C * h * x), None), 0.5, x)[0]

    x = np.array([0.3, 0.8, -0.4, 1.2])
    np.testing.assert_allclose(mg.compile(mg.grad(f))(x), mg.grad(f)(x), rtol=1e-12)
    numbers = [[number(v) for v in row] for row in mg.hessian(f)(x)]
    np.testing.assert_allclose(mg.compile(mg.hessian(f))(x), numbers, rtol=1e-10, atol=1e-14)


def test_an_index_out_of_range_is_an_error_in_whichever_trip() -> None:
    def f(x: Any) -> Any:
        step = lambda h, x: (mg.relu(h + mg.take([1.0, h, 3.0], x)), None)  # noqa: E731
        return mg.scan(step, 0.0, x)[0]

    g = mg.vectorize(f, each="row")
    assert g([[0.0, 1.0, 2.0]]) == [5.0]
    with pytest.raises(IndexError):
        g([[0.0, 1.0, 2.0], [0.0, 3.0, 0.0]])

    def before(x: Any) -> Any:  # a NaN that the loop would lose
        first = mg.take([1.0, 2.0, 3.0], x[0])
        return mg.scan(lambda h, _: (mg.where(h + first > 2.0, h * 0.5, h), None), 1.0, x)[0]

    g = mg.vectorize(before, each="row")
    with pytest.raises(IndexError):
        g([[0.0, 1.0, 2.0], [4.0, 3.0, 0.0]])


def test_the_equation_of_a_root_is_written_out() -> None:
    def f(a: Any) -> Any:
        last = lambda x: mg.scan(lambda h, _: (h * a + x, None), 0.0, length=3)[0]  # noqa: E731
        return mg.root(lambda x: last(x) - 1.0, 0.5) + mg.root(lambda x: x * x - last(a), 0.5)

    expected = mg.value_and_grad(f)(0.5)
    assert mg.compile(f).value_and_grad(0.5) == pytest.approx(expected, rel=1e-12)


def test_fit_trains_a_recurrent_module() -> None:
    class Recurrent(mg.Module):
        def __init__(self) -> None:
            self.w, self.u, self.v = Value(0.1), Value(0.2), Value(0.3)

        def __call__(self, x: Any) -> Any:
            step = lambda h, x: (mg.tanh(self.w * h + self.u * x), None)  # noqa: E731
            return [self.v * mg.scan(step, 0.0, x)[0]]

    x = np.random.default_rng(0).normal(size=(60, 5))
    y = np.tanh(x.sum(axis=1))
    model = Recurrent()
    history = mg.fit(model, x, y, loss="mse", optimizer=mg.Adam(0.05), epochs=20)
    assert history.loss[-1] < 0.5 * history.loss[0]


def test_explain_counts_each_trip() -> None:
    f = mg.compile(rnn)
    f(np.ones((20, 2)))
    text = str(f.explain())
    assert "tanh(%2), 20 times" in text
    assert "backward" not in text
    assert "loop on" in str(f.source("trace"))
    assert any("loop for s < 20" in text for text in f.stages().loops)
