"""Which Values a derivative watches: those of its call, in its thread, while it runs."""

import asyncio
import contextvars
import copy
import math
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from interrupts import storm

import micrograd as mg
from micrograd import TraceError, Value
from micrograd.watch import watching


def rosenbrock(a: Any, b: Any) -> Any:
    return (Value(1.0) - a) ** 2 + Value(100.0) * (b - a * a) ** 2


def test_a_value_that_is_made_in_the_call_is_nobody_elses() -> None:
    answers = [
        mg.grad(lambda x: Value(0.0) + x * x)(2.0),
        mg.value_and_grad(lambda x: Value(3.0) * x)(2.0)[0],
        mg.grad(mg.grad(lambda x: Value(1.0) * x**3))(2.0),
        mg.grad(lambda x: x * mg.grad(lambda y: x * y * y)(2.0))(5.0),
        mg.grad(lambda x: x * mg.grad(lambda y: Value(2.0) * y)(2.0))(5.0),
        mg.jvp(lambda x: Value(4.0) * x)(2.0, 1.0)[1],
        mg.vjp(lambda x: Value(4.0) * x)(2.0, 1.0)[1],
        mg.hvp(lambda x: Value(4.0) * x * x)(2.0, 1.0),
        mg.grad(lambda x: copy.deepcopy(Value(4.0)) * x)(2.0),
    ]
    assert [(type(x), x) for x in answers] == [
        (float, x) for x in (4.0, 6.0, 12.0, 40.0, 2.0, 4.0, 4.0, 8.0, 4.0)
    ]
    assert mg.hessian(lambda p: rosenbrock(*p))([1.0, 1.0]).dtype == float
    assert mg.jacobian(lambda x: [Value(1.0) * x[0], x[1]])([1.0, 2.0]).dtype == float


def test_its_own_gradient_is_left_alone() -> None:
    made: list[Value] = []

    def f(x: Any) -> Any:
        made.append(Value(3.0))
        return made[-1] * x

    assert mg.grad(f)(2.0) == 3.0
    assert made[0].grad == 0.0


def test_what_the_caller_can_ask_for_remains_a_value() -> None:
    w = Value(3.0)
    captured, passed = mg.grad(lambda x: w * x * x)(2.0), mg.grad(lambda x: x * x)(w)
    captured.backward()
    assert (captured.data, w.grad, passed.data) == (12.0, 4.0, 6.0)
    assert type(mg.grad(lambda x: w * mg.grad(lambda y: x * y)(1.0))(2.0)) is Value


def in_a_thread(work: Callable[[], Any]) -> Any:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(work()))
    thread.start()
    thread.join()
    return answers[0]


def test_a_value_that_another_thread_makes_is_no_constant_of_the_trace() -> None:
    weights: list[Value] = []

    def f(x: Any) -> Any:
        if not weights:
            weights.append(in_a_thread(lambda: Value(2.0)))
        return weights[0] * x

    compiled = mg.compile(f)
    assert compiled(3.0) == 6.0
    weights[0].data = 5.0
    assert compiled(3.0) == 15.0
    assert compiled.parameters == (weights[0],)


def test_another_thread_does_as_it_likes_with_a_captured_value() -> None:
    w = Value(2.0)

    def work() -> list[Any]:
        z = w * 3.0
        z.backward()
        w.data += 0.0
        return [z > 5, bool(z), z.data, w.grad, round(z), pickle.loads(pickle.dumps(w)).data]

    seen: list[Any] = []

    def f(x: Any) -> Any:
        seen.append(in_a_thread(work))
        return w * x

    assert mg.compile(f)(3.0) == 6.0
    assert seen[0] == [True, True, 6.0, 3.0, 6, 2.0]
    assert mg.grad(lambda x: (in_a_thread(work), x * x)[1])(3.0) == 6.0


def test_two_tasks_that_differentiate_in_turns() -> None:
    async def derivative(x: float) -> float:
        await asyncio.sleep(0)
        answer = mg.grad(lambda y: Value(1.0) * y**3)(x)
        await asyncio.sleep(0)
        return answer

    async def both() -> Any:
        return await asyncio.gather(derivative(1.0), derivative(2.0))

    assert [*asyncio.run(both())] == [3.0, 12.0]


def test_a_generator_that_outlives_the_derivative_is_watched_no_more() -> None:
    kept: list[Iterator[Any]] = []

    def numbers(x: Any) -> Iterator[Any]:
        yield x * x
        yield bool(x * x)

    def f(x: Any) -> Any:
        kept.append(numbers(x))
        return next(kept[0])

    assert mg.grad(f)(3.0) == 6.0
    assert next(kept[0]) is True
    assert watching() is None


def test_a_failing_function_leaves_no_watch() -> None:
    for run in (mg.grad(math.exp), mg.compile(math.exp), mg.hessian(math.exp)):
        with pytest.raises(TypeError):
            run(1.0)
        assert watching() is None


def test_what_the_function_sets_in_its_context_stays() -> None:
    mine: contextvars.ContextVar[int] = contextvars.ContextVar("mine", default=0)

    def f(x: Any) -> Any:
        mine.set(7)
        return x * x

    mg.grad(f)(1.0)
    assert mine.get() == 7


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers that interrupt")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # in a finaliser
def test_an_interrupt_leaves_no_watch() -> None:
    w = Value(2.0)

    def action() -> None:
        for _ in range(3):
            mg.grad(lambda x: mg.grad(lambda y: w * x * y)(1.0))(2.0)

    compiled = mg.compile(lambda x: w * math.exp(w))

    def trace() -> None:
        with pytest.raises(TraceError):
            compiled(1.0)

    for interrupted, times in ((action, 500), (trace, 150)):
        for _ in storm(interrupted, times):
            assert watching() is None
    assert (w > 0) is True
    assert float(w) == w.data == 2.0
