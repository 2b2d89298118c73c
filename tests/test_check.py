"""check_finite: the operation, its operands, and the line of the user's program."""

import gc
import math
from collections.abc import Callable

import numpy as np
import pytest

import micrograd as mg
from micrograd import NonFiniteError, Value, engine, graph


def line_of(function: Callable[[], object], offset: int = 0) -> str:
    """Where a line of a function is, in the words of an error."""
    return f"{__file__}:{function.__code__.co_firstlineno + offset}"


def checked(program: Callable[[], object]) -> pytest.ExceptionInfo[NonFiniteError]:
    with pytest.raises(NonFiniteError) as caught, mg.check_finite():
        program()
    return caught


def test_it_names_operation_operands_and_line() -> None:
    def program() -> object:
        return mg.log(Value(0.0, name="rate"))

    message = f"log(rate=0.0) is -inf, at {line_of(program, 1)}"
    assert str(checked(program).value) == message


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (lambda: 1 / Value(0.0), "div(1.0, 0.0) is inf"),
        (lambda: Value(1e308) * 10, "mul(1e+308, 10.0) is inf"),
        (lambda: Value(-8.0) ** (1 / 3), "pow(-8.0, 0.3333333333333333) is nan"),
        (lambda: Value(1e308) + Value(1e308), "add(1e+308, 1e+308) is inf"),
        (lambda: Value(math.nan, name="x") * 2, "mul(x=nan, 2.0) is nan"),
        (lambda: Value(1000.0).exp(), "exp(1000.0) is inf"),
        (lambda: mg.sum([Value(1e308)] * 9), "sum(" + "1e+308, " * 8 + "...) is inf"),
        (lambda: mg.dot([Value(1e308)], [Value(10.0)]), "dot(1e+308, 10.0, 0.0) is inf"),
        (lambda: np.log(np.array([Value(0.0)])), "log(0.0) is -inf"),
        (lambda: np.sum(np.array([Value(1e308)] * 2)), "add(1e+308, 1e+308) is inf"),
    ],
)
def test_every_way_to_an_infinity(program: Callable[[], object], message: str) -> None:
    assert str(checked(program).value) == f"{message}, at {line_of(program)}"


def test_gradients_are_checked_too() -> None:
    def program() -> None:
        x = Value(0.0, name="x")
        y = mg.sqrt(x)
        (3 * y).backward()

    message = "the gradient of sqrt(x=0.0) with respect to x=0.0 makes inf, at "
    assert str(checked(program).value) == message + line_of(program, 2)


def test_a_graph_from_before_has_no_line() -> None:
    y = mg.sqrt(Value(0.0))
    assert "at a line outside of check_finite" in str(checked(y.backward).value)


def test_dots_of_a_network_are_checked() -> None:
    def program() -> None:
        w = [Value(1e200), Value(0.0)]
        mg.dot(w, [Value(0.0), Value(1e200)], Value(0.0)).backward()
        (mg.dot(w, [Value(0.0), 1.0]) * 1e200 * Value(0.0)).backward()
        (mg.dot([Value(1e200)], [Value(0.0)]) * 1e200).backward()

    assert "the gradient of dot(1e+200, 0.0, 0.0)" in str(checked(program).value)


def test_what_is_finite_is_as_without() -> None:
    def program() -> tuple[float, float]:
        x = Value(0.5)
        y = mg.MLP(1, [3, 1], activation="tanh", seed=0)([x])[0] / mg.norm([x, 2.0])
        y.backward()
        return y.data, x.grad

    with mg.check_finite():
        within = program()
    assert within == program()


def test_it_ends_with_its_block_and_nests() -> None:
    before = (engine._node, graph._pass_on, graph._pass_on_dot)
    with mg.check_finite():
        with mg.check_finite():
            pass
        with pytest.raises(NonFiniteError):
            mg.log(Value(0.0))
    assert (engine._node, graph._pass_on, graph._pass_on_dot) == before
    checked(lambda: 1 / Value(0.0))
    assert (1 / Value(0.0)).data == math.inf


def test_it_holds_no_values_in_memory() -> None:
    gc.collect()
    with mg.check_finite():
        x = Value(1.0)
        before = sum(type(thing) is Value for thing in gc.get_objects())
        for _ in range(100):
            x = Value(x.data + (x * 2.0).data * 1e-3)
        assert sum(type(thing) is Value for thing in gc.get_objects()) == before


def test_the_error_is_one_of_pythons_own() -> None:
    assert issubclass(NonFiniteError, ArithmeticError)
