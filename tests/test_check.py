"""check_finite: the operation, its operands, and the line of the user's program."""

import asyncio
import gc
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from interrupts import storm

import micrograd as mg
from micrograd import NonFiniteError, Value, engine, graph


def line_of(function: Callable[[], object], offset: int = 0) -> str:
    """A line of a function as FILE:LINE, as in an error message."""
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

    message = "the gradient of sqrt(x=0.0) with respect to x=0.0 is inf, at "
    assert str(checked(program).value) == message + line_of(program, 2)


def test_a_graph_from_before_has_no_line() -> None:
    y = mg.sqrt(Value(0.0))
    assert "at a line outside check_finite" in str(checked(y.backward).value)


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


def is_checked() -> bool:
    try:
        mg.log(Value(0.0))
    except NonFiniteError:
        return True
    return False


def test_blocks_of_two_generators_end_in_the_order_in_which_they_began() -> None:
    def block() -> Iterator[None]:
        with mg.check_finite():
            yield

    before = (engine._node, graph._pass_on, graph._pass_on_dot)
    first, second = block(), block()
    next(first)
    next(second)
    assert is_checked()
    next(first, None)
    assert is_checked()
    next(second, None)
    assert not is_checked()
    assert (engine._node, graph._pass_on, graph._pass_on_dot) == before


def test_a_block_may_end_in_another_thread_than_it_began_in() -> None:
    def block() -> Iterator[None]:
        with mg.check_finite():
            yield

    checked = block()
    next(checked)
    thread = threading.Thread(target=lambda: next(checked, None))
    thread.start()
    thread.join()
    assert not is_checked()


def test_threads_are_checked_each_for_itself() -> None:
    """Two blocks; the second begins within the first and ends after it."""
    steps = [threading.Barrier(2) for _ in range(4)]
    seen: dict[str, list[bool]] = {"first": [], "second": []}

    def first() -> None:
        with mg.check_finite():
            steps[0].wait()
            steps[1].wait()
            seen["first"].append(is_checked())
        seen["first"].append(is_checked())
        steps[2].wait()
        steps[3].wait()

    def second() -> None:
        steps[0].wait()
        seen["second"].append(is_checked())
        with mg.check_finite():
            steps[1].wait()
            steps[2].wait()
            seen["second"].append(is_checked())
        seen["second"].append(is_checked())
        steps[3].wait()

    before = engine._node
    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"first": [True, False], "second": [False, True, False]}
    assert engine._node is before


def test_tasks_are_checked_each_for_itself() -> None:
    async def checking(before: int, within: int) -> list[bool]:
        for _ in range(before):
            await asyncio.sleep(0)
        with mg.check_finite():
            for _ in range(within):
                await asyncio.sleep(0)
            inside = is_checked()
        return [inside, is_checked()]

    async def plain() -> list[bool]:
        seen = []
        for _ in range(9):
            await asyncio.sleep(0)
            seen.append(is_checked())
        return seen

    async def all_at_once() -> Any:
        return await asyncio.gather(checking(0, 4), checking(2, 5), plain())

    before = engine._node
    assert asyncio.run(all_at_once()) == [[True, False], [True, False], [False] * 9]
    assert engine._node is before


def test_a_block_that_is_dropped_ends() -> None:
    def block() -> Iterator[None]:
        with mg.check_finite():
            yield

    dropped = block()
    next(dropped)
    del dropped
    gc.collect()
    assert not is_checked()


def test_what_an_interrupt_leaves_behind_repairs_itself() -> None:
    before = engine._node
    with mg.check_finite():
        left = engine._node
    engine._node = left  # as if it had come between the end of the block and this
    assert not is_checked()
    assert engine._node is before


def test_many_threads_that_begin_and_end_blocks_leave_the_engine_as_it_was() -> None:
    before = (engine._node, graph._pass_on, graph._pass_on_dot)
    wrong: list[str] = []

    def work() -> None:
        for _ in range(200):
            with mg.check_finite():
                if not is_checked():
                    wrong.append("within")
            if is_checked():
                wrong.append("after")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
    assert (engine._node, graph._pass_on, graph._pass_on_dot) == before


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers that interrupt")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # in a finaliser
def test_an_interrupt_leaves_no_block() -> None:
    before = (engine._node, graph._pass_on, graph._pass_on_dot)

    def action() -> None:
        with mg.check_finite(), mg.check_finite():
            (Value(2.0) * 3.0).backward()

    for _ in storm(action, 500):
        assert not is_checked()
        assert (engine._node, graph._pass_on, graph._pass_on_dot) == before


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
