"""Copies of graphs: copied and pickled at any depth, in any thread, and shared as before."""

import copy
import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import pytest

import micrograd as mg
from micrograd import Value


def pickled(protocol: int, thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing, protocol))


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_have_the_same_operations(twin: Any) -> None:
    x = Value(0.5, name="x")
    y = twin(mg.tanh(x) * 2.0)
    assert y.op is mg.mul
    assert y.operands[0].op is mg.tanh
    y.backward()
    assert y.operands[0].operands[0].grad == 2 * (1 - math.tanh(0.5) ** 2)
    assert x.grad == 0.0
    assert twin(Value(1.0, (x,), "o"))._op == "o"


@dataclass
class Scale:
    factor: Any


COPIES: list[Any] = [
    copy.copy,
    copy.deepcopy,
    lambda x: copy.deepcopy({"x": [x]})["x"][0],
    lambda x: asdict(Scale(x))["factor"],
    lambda x: copy.deepcopy(x * 2.0) / 2.0,
]


@pytest.mark.parametrize("twin", COPIES)
def test_a_copy_loses_no_derivative(twin: Any) -> None:
    def f(x: Any) -> Any:
        return twin(x) * x

    w = Value(3.0)
    assert mg.grad(f)(3.0) == 6.0
    assert mg.grad(lambda x: f(w) * x)(3.0) == 9.0
    assert mg.hessian(f)(3.0) == 2.0
    assert mg.grad(lambda a: mg.root(lambda x: f(x) - a, 1.0))(9.0) == pytest.approx(1 / 6)
    for compiled in (mg.compile(f), mg.compile(f, exact=True), mg.vectorize(f)):
        assert compiled.value_and_grad(3.0) == (9.0, 6.0)
    assert mg.compile(mg.grad(f))(3.0) == 6.0


def test_a_number_of_a_derivative_is_not_pickled() -> None:
    for derivative in (mg.grad, mg.compile):
        with pytest.raises((pickle.PicklingError, mg.TraceError)):
            derivative(lambda x: pickle.loads(pickle.dumps(x)) * x)(3.0)


TWINS = [copy.deepcopy, *(partial(pickled, protocol) for protocol in range(2, 6))]


@pytest.mark.parametrize(
    ("twin", "depth"), [(TWINS[0], 20_000), (TWINS[1], 20_000), (TWINS[-1], 100_000)]
)
def test_copies_of_deep_graphs_do_not_recurse(twin: Any, depth: int) -> None:
    x = Value(1.0)
    y = x
    for _ in range(depth):
        y = y + x
    first, second = twin([y, x])
    first.backward()
    assert (first.data, second.grad, x.grad) == (depth + 1.0, depth + 1.0, 0.0)


def test_pythons_own_pickler_does_not_recurse_either() -> None:
    y = Value(1.0)
    for _ in range(5_000):
        y = mg.sin(y) * 2.0
    assert pickle._loads(pickle._dumps(y)).data == y.data  # type: ignore[attr-defined]


@pytest.mark.parametrize("twin", TWINS)
def test_copies_share_what_was_shared(twin: Any) -> None:
    x = Value(0.5, name="x")
    a = mg.tanh(x)
    b = a * a + mg.dot([x, a], [a, 2.0], x)
    model = mg.MLP(1, [3, 1], seed=0)
    (out,) = model([b])
    things: Any = {"list": [b, a, x, b], "model": model, "out": out, "end": mg.sum([a, b, x])}
    made = twin(things)
    B, A, X, again = made["list"]
    assert B is again
    assert (X.name, B.data, A.op) == ("x", b.data, mg.tanh)
    assert A.operands[0] is X
    assert B.operands[0].operands == (A, A)
    assert made["end"].operands == (A, B, X)
    made["out"].backward()
    out.backward()
    assert X.grad == x.grad != 0.0
    mine, theirs = model.parameters(), made["model"].parameters()
    assert [p.grad for p in theirs] == [p.grad for p in mine]
    assert {*map(id, theirs)}.isdisjoint(map(id, mine))


def test_a_shallow_copy_has_the_same_operands() -> None:
    x = Value(0.5)
    y = mg.tanh(x * 2) + 1
    twin = copy.copy(y)
    assert twin is not y
    assert twin.operands[0] is y.operands[0]


def test_a_copy_that_is_given_up_does_not_disturb_the_next() -> None:
    x = y = Value(1.0)
    for _ in range(3_000):
        y = y + x
    for _ in range(2):
        with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
            pickle.dumps([y, lambda: None, y * 2])
    assert pickle.loads(pickle.dumps([y * 2])).pop().data == 6_002.0


def test_threads_copy_one_graph_at_once() -> None:
    x = y = Value(1.0)
    for _ in range(3_000):
        y = y + x
    with ThreadPoolExecutor(4) as threads:
        twins = [*threads.map(copy.deepcopy, [y] * 8)]
    assert [twin.data for twin in twins] == [y.data] * 8
