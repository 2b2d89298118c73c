"""Growth: twice the steps are twice the work, in calls and in bytes, not in seconds."""

import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from pipeline import traced

import micrograd as mg
from micrograd import Value
from micrograd.compiler.program.adjoint import add_adjoint
from micrograd.compiler.program.roll import roll
from micrograd.compiler.trace.called import Shape
from micrograd.compiler.trace.found import recurrences
from micrograd.compiler.trace.words import words_of

LINEAR = 2.5  # for twice the steps, where a square makes 4


def calls(work: Callable[[], Any]) -> int:
    """How many functions `work` calls, those that are written in C included."""
    count = 0

    def called(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def most_bytes(work: Callable[[], Any]) -> int:
    """The memory that `work` needs at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def a_growing_value(steps: int) -> tuple[Callable[..., Any], list[Shape]]:
    """A captured Value grows apart from the input, and meets it at each step."""
    w = Value(0.9)

    def f(x: Any) -> Any:
        h = total = w
        for t in range(steps):
            h = w * h
            total = total + h * x[t]
        return total

    return f, [(steps,)]


def a_covariance(steps: int) -> tuple[Callable[..., Any], list[Shape]]:
    """Values that the function makes itself, and meets again."""

    def f(x: Any) -> Any:
        p, m = Value(1.0), 0.0
        for t in range(steps):
            p = p * 0.9 + 0.1
            gain = p / (p + 0.5)
            p = p - gain * p
            m = m + gain * (x[t] - m)
        return m

    return f, [(steps,)]


def comparisons(steps: int) -> tuple[Callable[..., Any], list[Shape]]:
    """Values are compared: the graph below each says whether its number is known."""
    w = Value(0.9)

    def f(x: Any) -> Any:
        own, h, total = Value(1.0), w, x
        for _ in range(steps):
            own, h = own * 0.9, h * 0.9
            total = total + mg.where(h > 0.5, x, 1.0)
            if own < 0.5:
                own = own + 1.0
        return total

    return f, [None]


def read_at_other_steps(steps: int) -> tuple[Callable[..., Any], list[Shape]]:
    """Each step's state is read in another instruction: a gradient of many notes."""
    a, b = Value(0.1), Value(0.8)

    def f(x: Any) -> Any:
        h = total = a
        for t in range(steps):
            total = total + mg.log(h) + x[t] * x[t] / h
            h = a + b * h * x[t]
        return total

    return f, [(steps,)]


def a_dense_layer(steps: int) -> tuple[Callable[..., Any], list[Shape]]:
    model = mg.MLP(4, [steps, 1], activation="tanh", seed=0)
    return lambda x: model(x)[0], [(4,)]


PROGRAMS = [a_growing_value, a_covariance, comparisons, read_at_other_steps, a_dense_layer]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_trace_is_linear(program: Any) -> None:
    def work(steps: int) -> int:
        f, shapes = program(steps)
        return calls(lambda: traced(f, *shapes))

    assert work(400) < LINEAR * work(200)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_and_its_gradient_are_linear(program: Any) -> None:
    def work(steps: int) -> int:
        f, shapes = program(steps)
        trace = traced(f, *shapes)
        return calls(lambda: add_adjoint(roll(trace), per_example=False))

    assert work(200) < LINEAR * work(100)


def test_the_memory_of_a_gradient_is_linear_where_each_member_is_read_in_another_place() -> None:
    def work(steps: int) -> int:
        f, shapes = read_at_other_steps(steps)
        program = roll(traced(f, *shapes))
        return most_bytes(lambda: add_adjoint(program, per_example=True))

    assert work(800) < LINEAR * work(400)


@pytest.mark.parametrize("measure", [calls, most_bytes])
@pytest.mark.parametrize("program", [a_growing_value, a_covariance, read_at_other_steps])
def test_the_search_for_loops_is_linear(program: Any, measure: Any) -> None:
    def work(steps: int) -> int:
        f, shapes = program(steps)
        trace = traced(f, *shapes)
        return measure(lambda: recurrences(words_of(trace)))

    assert work(1600) < LINEAR * work(800)
