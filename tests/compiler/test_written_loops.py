"""Loops that Python runs become loops of the program, with the numbers of the loop in Python."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import as_written
import more_as_written
import numpy as np
import pytest
from compiled_c import COMPILER, CompiledC
from random_loops import Loops
from test_found import EXPECTED
from ways import WAYS, OneInNumPy, in_numpy

import micrograd as mg
from micrograd import Value
from micrograd.compiler.trace import found

QUOTED = Path(__file__).parent / "written_loops.txt"
W, U = Value(0.4), Value(0.7)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short loops count as well."""
    monkeypatch.setattr(found, "NODES", 30)


def written(name: str, steps: int) -> tuple[Callable[..., Any], list[Any]]:
    """A program, and arguments for it."""
    module = as_written if hasattr(as_written, name) else more_as_written
    function, shapes = getattr(module, name)(steps)
    random = np.random.default_rng(1)
    return function, [random.uniform(0.1, 0.9, size=shape) for shape in shapes]


def in_one(f: Any) -> OneInNumPy:
    return OneInNumPy(f, "float64", 1, False)


def number(x: Any) -> float:
    return x.data if isinstance(x, Value) else float(x)


def numbers(x: Any) -> Any:
    return np.array([*map(number, np.ravel(np.asarray(x, object)))])


def by_value(f: Any, arguments: list[Any]) -> tuple[float, list[Any]]:
    """The value and the gradient by the arguments, of the loop in Python."""
    values: list[Any] = [
        np.vectorize(Value, otypes=[object])(x) if np.ndim(x) else Value(float(x))
        for x in arguments
    ]
    result = f(*values)
    result.backward()
    return result.data, [np.array([v.grad for v in np.ravel(x)]) for x in values]


def by_parameters(f: Any, g: Any, arguments: list[Any]) -> tuple[list[float], list[float]]:
    """The gradients that backward() of a compiled function leaves, and those of the engine."""
    g.backward(*arguments)
    ours = [p.grad for p in g.parameters]
    for p in g.parameters:
        p.grad = 0.0
    result = f(*arguments)
    if isinstance(result, Value):
        result.backward()
    expected = [p.grad for p in g.parameters]
    for p in g.parameters:
        p.grad = 0.0
    return ours, expected


def assert_close(ours: Any, expected: Any, tolerance: float = 1e-10) -> None:
    ours, expected = np.ravel(ours), np.ravel(expected)
    size = np.max(np.abs(expected), initial=1e-3)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance * size)


# Programs of the design, and others.


def loops_of(program: str) -> str:
    """The loops in the print of a program."""
    lines = program.splitlines()
    return "\n".join(
        line.removeprefix("  ")
        for line in lines
        if line.startswith("  loop for") or line.startswith("    ")
    )


def quote(name: str, steps: int) -> str:
    f, arguments = written(name, steps)
    g = in_one(f)
    g(*arguments)
    return f"{name}, {steps} steps:\n{loops_of(str(g.source('program'))) or 'no loop'}"


@pytest.mark.parametrize(("name", "steps"), EXPECTED)
def test_programs_print_their_loops(name: str, steps: int) -> None:
    """`python tests/compiler/test_written_loops.py` writes the file anew."""
    assert quote(name, steps) in QUOTED.read_text(encoding="utf-8").strip().split("\n\n")


@pytest.mark.parametrize("name", [name for name, _ in EXPECTED])
def test_programs_and_their_gradients_are_those_of_the_engine(name: str, short: None) -> None:
    f, arguments = written(name, 20)
    g = in_one(f)
    value, gradients = g.value_and_grad(*arguments)
    expected, by_argument = by_value(f, arguments)
    assert value == pytest.approx(expected, rel=1e-11)
    for ours, slopes in zip(gradients if len(arguments) > 1 else [gradients], by_argument):
        assert_close(ours, slopes)
    assert_close(*by_parameters(f, g, arguments))


# Random programs.


def assert_as_in_python(f: Loops) -> int:
    """The number of loops in the program of f."""
    g, x = in_numpy(f, each="row"), f.examples(2)
    assert_close(g(x), [number(f(row)) for row in x])
    assert_close(g.value_and_grad(x)[1], [numbers(mg.grad(f)(row)) for row in x])
    g.backward(x)
    ours = [p.grad for p in g.parameters]
    for p in g.parameters:
        p.grad = 0.0
    mean = sum((f(row) for row in x), Value(0.0)) / len(x)
    mean.backward()
    assert_close(ours, [p.grad for p in g.parameters])
    return str(g.source("program")).count("loop for")


@pytest.mark.parametrize("scanned", [False, True], ids=["written", "scan"])
def test_random_loops_are_those_of_python(scanned: bool, short: None) -> None:
    loops = [assert_as_in_python(Loops(seed, scanned)) for seed in range(12)]
    assert len([n for n in loops if n]) > 6


@pytest.mark.parametrize("scanned", [False, True], ids=["written", "scan"])
def test_second_derivatives_of_random_loops(scanned: bool, short: None) -> None:
    for seed in range(40, 43):
        f = Loops(seed, scanned)
        (x,) = f.examples(1)
        slope = lambda x, f=f: mg.sum(v * v for row in mg.grad(f)(x) for v in row)  # noqa: E731
        value, gradient = in_one(slope).value_and_grad(x)
        assert value == pytest.approx(number(slope(x)), rel=1e-10)
        assert_close(gradient, numbers(mg.grad(slope)(x)), 1e-9)


# Modes, results, sizes.


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["rnn_dot", "kalman", "thomas"])
def test_loops_in_other_modes(name: str, way: str, short: None) -> None:
    f, arguments = written(name, 20)
    make, tolerance = WAYS[way]
    g = make(f, in_axes=0)
    rows = [np.stack([x, 0.5 * x]) for x in arguments]
    answer = g.value_and_grad(*rows)
    assert "loop for" in str(g.source("program"))
    expected = [by_value(f, [row[k] for row in rows]) for k in range(2)]
    assert_close(answer[0], [value for value, _ in expected], tolerance)
    assert_close(answer[1], [slope for _, (slope,) in expected], 100 * tolerance)


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
def test_loops_in_c(tmp_path: Path) -> None:
    f, (x,) = written("lstm", 60)
    g = mg.vectorize(f, each="row")
    assert_close(g(x[None]), number(f(x)))
    text = str(g.source("c"))
    assert "for (long s = 0; s < 60; s++)" in text
    assert_close(CompiledC(text, tmp_path)(g.pack(), x[None])["value"], number(f(x)))


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


@pytest.mark.parametrize("gradient", [None, "parameters"])
def test_code_does_not_grow_with_the_trips(gradient: Any) -> None:
    def text(steps: int) -> str:
        f, arguments = written("garch", steps)
        g = mg.compile(f)
        text = str(g.source("program", *arguments, gradient=gradient))
        return text.replace(str(steps - 2), "T-2").replace(str(steps - 1), "T-1")

    long = text(3000).replace("[n, 3000]", "[n, T]").replace("3000", "T")
    assert text(400).replace("[n, 400]", "[n, T]").replace("400", "T") == long


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
    assert "1 loop over a state is written out, trip by trip" in str(g.explain())


if __name__ == "__main__":
    sys.setrecursionlimit(10_000)
    text = "\n\n".join(quote(*each) for each in EXPECTED)
    QUOTED.write_text(f"{text}\n", encoding="utf-8")
