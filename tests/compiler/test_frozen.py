"""What would freeze a number into the program: an error with the line, the name and the repair."""

import copy
import inspect
import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import TraceError, Value
from micrograd.watch import watching

# The line that would freeze the program is marked, and the message names it.


def as_float(x: Any) -> Any:
    return float(x) + 1  # here


def of_math(x: Any) -> Any:
    return math.exp(x)  # here


def in_float_array(x: Any) -> Any:
    a = np.zeros(3)
    a[0] = x  # here
    return a


def as_index(x: Any) -> Any:
    return [1.0, 2.0, 3.0][x]  # here


def as_length(x: Any) -> Any:
    total = 0.0
    for _ in range(x):  # here
        total += x
    return total


def rounded_to_digits(x: Any) -> Any:
    return round(x, 2)  # here


def data(x: Any) -> Any:
    return x.data * 2  # here


def gradient(x: Any) -> Any:
    return x.grad  # here


def backwards(x: Any) -> Any:
    y = x * x
    y.backward()  # here
    return y


p = Value(1.0)


def written(x: Any) -> Any:
    p.data = x * 2  # here
    return p


def written_in_place(x: Any) -> Any:
    p.data -= 0.1 * x  # here
    return p * x


def written_gradient(x: Any) -> Any:
    p.grad = x  # here
    return x


def captured_as_float(x: Any) -> Any:
    return x * math.exp(p)  # here


def data_of_captured(x: Any) -> Any:
    return x * p.data  # here


def data_of_what_depends_on_captured(x: Any) -> Any:
    return x * (p * 2).data  # here


def gradient_of_captured(x: Any) -> Any:
    return x * p.grad  # here


scaled = mg.compile(lambda x: p * x)


def compiled_with_captured(x: Any) -> Any:
    return x * scaled(3.0)  # here


def captured_copied(x: Any) -> Any:
    return copy.deepcopy(p) * x  # here


FROZEN: dict[Callable[..., Any], str] = {
    as_float: "micrograd",
    of_math: "micrograd.exp",
    in_float_array: "object array",
    as_index: "take",
    as_length: "take",
    rounded_to_digits: "floor",
    data: "stop_gradient",
    gradient: "micrograd.grad",
    backwards: "value_and_grad",
    written: "return the number",
    written_in_place: "return the number",
    written_gradient: "return the number",
    captured_as_float: "micrograd.exp",
    data_of_captured: "stop_gradient",
    data_of_what_depends_on_captured: "stop_gradient",
    gradient_of_captured: "micrograd.grad",
    compiled_with_captured: "stop_gradient",
    captured_copied: "stop_gradient",
}


@pytest.mark.parametrize("make", [mg.compile, mg.vectorize])
@pytest.mark.parametrize("function", FROZEN, ids=lambda f: f.__name__)
def test_what_would_freeze_the_program(function: Callable[..., Any], make: Any) -> None:
    source, start = inspect.getsourcelines(function)
    line = next(k for k, text in enumerate(source, start) if "# here" in text)
    with pytest.raises(TraceError) as caught:
        make(function)(1.0)
    message = str(caught.value)
    assert f"{__file__}:{line}" in message
    assert "Instead" in message
    assert FROZEN[function] in message.split("Instead")[1]


def test_where_asks_a_captured_value_at_each_call() -> None:
    w = Value(2.0)
    f = mg.compile(lambda x: mg.where((w > 1) & (x < 5), w * x, -x))
    assert f(3.0) == 6.0
    w.data = 0.5
    assert f(3.0) == -3.0


def test_a_constant_made_in_the_function_is_known_there() -> None:
    def f(x: Any) -> Any:
        half = Value(0.5)
        return x * math.exp(half) if half * 2 == 1 else x

    assert mg.compile(f)(2.0) == 2 * math.exp(0.5)


def test_a_captured_value_may_be_shown_while_it_is_traced() -> None:
    w, shown = Value(2.0, name="w"), []
    mg.compile(lambda x: shown.append(f"{w}") or w * x)(3.0)
    assert shown == ["Value(data=2.0, grad=0.0, name='w')"]


@pytest.mark.parametrize("text", ["{:.2f}".format, lambda w: "%.2f" % w])  # noqa: UP031
@pytest.mark.parametrize("computed", [False, True])
def test_the_text_of_a_captured_value_would_freeze_its_number(text: Any, computed: bool) -> None:
    w = Value(2.0)

    def f(x: Any) -> Any:
        return x * float(text(2 * w if computed else w))

    with pytest.raises(mg.TraceError, match=r"formatted as text.*test_frozen\.py"):
        mg.compile(f)(3.0)
    assert f(3.0) == (12.0 if computed else 6.0)
    assert mg.compile(lambda x: x * float(text(Value(2.0))))(3.0) == 6.0


def test_other_threads_may_ask_while_one_traces() -> None:
    w, answers = Value(2.0), []

    def ask() -> None:
        answers.append((w > 1, float(w), bool(w)))

    def f(x: Any) -> Any:
        other = threading.Thread(target=ask)
        other.start()
        other.join()
        return w * x

    assert mg.compile(f)(3.0) == 6.0
    assert answers == [(True, 2.0, True)]


def test_the_line_is_that_of_the_user_within_layers_of_the_library() -> None:
    def activation(x: Any) -> Any:
        return math.exp(x)  # the line

    model = mg.MLP(2, [3, 1], activation=activation, seed=0)
    line = activation.__code__.co_firstlineno + 1
    with pytest.raises(TraceError, match=f"test_frozen.py:{line}"):
        mg.vectorize(lambda x: model(x)[0])(np.ones((4, 2)))


def test_the_line_is_that_of_the_user_within_numpy() -> None:
    def f(x: Any) -> Any:
        return np.asarray_chkfinite([x[0]], float)[0]

    line = f.__code__.co_firstlineno + 1
    with pytest.raises(TraceError, match=f"test_frozen.py:{line}"):
        mg.compile(f)(np.ones(3))


def test_a_failed_trace_leaves_nothing_behind() -> None:
    with pytest.raises(TraceError):
        mg.compile(as_float)(1.0)
    assert watching() is None
    with pytest.raises(TraceError):
        mg.compile(written)(1.0)
    assert (p.data, p.grad) == (1.0, 0.0)
    assert mg.compile(lambda x: x * 2)(1.0) == 2.0
