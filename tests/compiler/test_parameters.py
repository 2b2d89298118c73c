"""Parameters: one order for all calls, and no number assigned to the wrong parameter."""

from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value

MAKERS = [mg.compile, mg.vectorize]


def two_orders() -> tuple[Any, Value, Value, Value]:
    """A function that, for a longer row, reads its parameters in another order, and one more."""
    a, b, c = Value(2.0, name="a"), Value(3.0, name="b"), Value(5.0, name="c")

    def f(x: Any) -> Any:
        if len(x) == 1:
            return a * x[0] + b * x[0] ** 2
        return b * x[0] + a * x[1] + c

    return mg.vectorize(f), a, b, c


def test_the_order_does_not_change_with_the_last_call() -> None:
    f, a, b, c = two_orders()
    short, long = np.array([[1.0]]), np.array([[1.0, 10.0]])
    f(short)
    assert f.parameters == (a, b)
    f(long)
    assert f.parameters == (a, b, c)
    f(short)
    assert f.parameters == (a, b, c)
    theta = f.pack()
    assert theta.tolist() == [2.0, 3.0, 5.0]
    assert f.gradient(theta, short)[1].tolist() == [1.0, 1.0, 0.0]
    assert f.gradient(theta, long)[1].tolist() == [10.0, 1.0, 1.0]
    assert f.gradient(theta * [1, 2, 3], long)[0] == 10 * 2.0 + 6.0 + 15.0
    f.unpack(theta + 1)
    assert [p.data for p in (a, b, c)] == [3.0, 4.0, 6.0]
    assert f(long).tolist() == [40.0]
    f.backward(long)
    assert [p.grad for p in (a, b, c)] == [10.0, 1.0, 1.0]


# As many models write a line, and the gradient of each by (a, b) at x = 3.
a, b = Value(2.0, name="a"), Value(1.0, name="b")
MODELS: list[tuple[Any, tuple[float, float]]] = [
    (lambda x: a * x + b, (3, 1)), (lambda x: b + a * x, (3, 1)), (lambda x: a + b * x, (1, 3)),
    (lambda x: mg.exp(a) * b * x, (3 * np.exp(2), 3 * np.exp(2))),
    (lambda x: mg.tanh(a) + x * b, (1 - np.tanh(2) ** 2, 3)), (lambda x: (a - x) * b, (1, -1)),
    (lambda x: a / b + x * b, (1, 3 - 2)), (lambda x: b * (x - a) ** 2, (-2, 1)),
]  # fmt: skip


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("model", range(len(MODELS)))
def test_a_dict_and_a_list_of_values_say_whose_a_number_is(model: int, make: Any) -> None:
    function, expected = MODELS[model]
    f = make(function)
    mean, gradient = f.gradient([a, b], 3.0)
    assert mean == pytest.approx(function(3.0).data)
    assert gradient == pytest.approx(expected)
    assert f.gradient((b, a), 3.0)[1] == pytest.approx(expected[::-1])
    assert f.gradient({b: 1.0}, 3.0) == (pytest.approx(mean), {b: pytest.approx(expected[1])})
    elsewhere = f.gradient({a: 4.0, b: -1.5}, 3.0)[0]
    packed = np.array([4.0 if p is a else -1.5 for p in f.parameters])
    assert elsewhere == f.gradient(packed, 3.0)[0]
    with pytest.raises(mg.ShapeError, match="whose order may be another: pass the array of pack"):
        f.gradient([2.0, 1.0], 3.0)


def test_theta_of_other_kinds_is_refused() -> None:
    f = mg.vectorize(lambda x: a * x + b)
    f(1.0)
    wrong: list[tuple[Any, str]] = [
        (np.array([1j, 2.0]), "takes numbers"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), "masked"),
        (np.array(["1", "2"]), "takes numbers"),
        (np.ones(3), r"theta must have the shape \(2,\).*got \(3,\)"),
        ({Value(1.0): 2.0}, "does not capture Value"),
        ({"a": 2.0}, "a dict of numbers by Value"),
        ([a, 2.0], "a list of Values, got 2.0"),
        ([a, a * 2.0], "does not capture Value"),
    ]
    for theta, message in wrong:
        with pytest.raises(mg.ShapeError, match=message):
            f.gradient(theta, 3.0)
    with pytest.raises(mg.ShapeError, match="takes numbers"):
        f.unpack(np.array([1j, 2.0]))
    f.unpack({a: 2.0})
    assert f.pack().tolist() == [2.0, 1.0]


@pytest.mark.parametrize("make", MAKERS)
def test_the_gradient_of_arguments_is_another_method(make: Any) -> None:
    f = make(lambda a, b: a * b)
    for call in (lambda: f.gradient(2.0, 3.0), lambda: f.gradient(2.0, 3.0, 4.0)):
        with pytest.raises(mg.ShapeError, match="value_and_grad differentiates with respect to"):
            call()


# Views, which answer for the arguments given.


def test_views_do_not_change_with_the_last_call() -> None:
    f = mg.vectorize(lambda x: mg.tanh(a * x[0]) + mg.sum(x))
    row, longer = np.ones((4, 2)), np.ones((4, 3))
    f(row)
    page, program = f.explain(), f.source("program")
    f.backward(row)
    f.value_and_grad(row)
    assert (f.explain(), f.source("program")) == (page, program)
    f(longer)
    assert (f.explain(row), f.source("program", row)) == (page, program)
    for view in (f.explain, f.source):
        with pytest.raises(mg.ShapeError, match="2 structures or shapes; say which"):
            view()
    with pytest.raises(RuntimeError, match="call it on an example first"):
        mg.vectorize(lambda x: x).source()


def test_the_gradient_is_asked_for_by_name() -> None:
    f = mg.compile(lambda x: mg.tanh(a * x))
    assert "gradient" not in f.source("program", 1.0)
    for gradient in ("arguments", "parameters"):
        assert "gradient" in f.source("program", 1.0, gradient=gradient)
        assert "backward" in f.explain(1.0, gradient=gradient)
    wrong: Any = "everything"
    with pytest.raises(ValueError, match='must be "arguments" or "parameters", got \'everything\''):
        f.source("program", 1.0, gradient=wrong)


def test_c_names_each_array_of_parameters_and_its_place() -> None:
    model = mg.MLP(2, [3, 1], seed=0)
    f = mg.vectorize(lambda x: model(x)[0] * a)
    text = f.source("c", np.ones((1, 2)))
    lines = [line.strip(" *") for line in text.splitlines() if "w[" in line][:4]
    assert lines == [
        "w[0] to w[5]: layers.0.weights[0,0] to layers.0.weights[2,1]",
        "w[6] to w[8]: layers.1.weights[0,0] to layers.1.weights[0,2]",
        "w[9]: a",
        "w[10] to w[12]: layers.0.bias[0] to layers.0.bias[2]",
    ]
    names = [p.name for p in f.parameters]
    assert names[5] == "layers.0.weights[2,1]"
    assert names[9] == "a"


@pytest.mark.parametrize("make", MAKERS)
def test_the_branches_of_a_captured_derivative_are_no_parameters(make: Any) -> None:
    w = Value(3.0)
    v = mg.grad(lambda x: mg.clip(x * w, 0.0, 20.0) * w)(2.0)  # w²
    f = make(lambda x: x * v)
    assert f(2.0) == 18.0
    assert f.parameters == (w,)
    f.backward(2.0)
    assert w.grad == 12.0
    w.data = 4.0
    assert f(2.0) == 32.0
