"""The two walks over a graph."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

import micrograd as mg
from micrograd import Value, graph, ops
from micrograd.engine import numbers_of


def chain(n: int) -> tuple[Value, Value]:
    x = y = Value(1.0)
    for _ in range(n):
        y = y + 1.0
    return x, y


def test_operands_come_before_what_is_computed_of_them() -> None:
    a, b = Value(2.0), Value(3.0)
    c = a * b
    d = c + a
    e = d * c
    assert [id(node) for node in graph.topological_order(e)] == [id(c), id(d), id(e)]


def test_dots_that_share_their_inputs() -> None:
    """The inner one comes after the inputs, though the outer one met them first."""
    x, w, b = Value(0.5), Value(2.0), Value(0.0)
    inputs = (mg.tanh(x),)
    inner = mg.dot([w], inputs, b)
    outer = mg.dot([inner], inputs, b)
    outer.backward()
    t = inputs[0].data
    assert x.grad == pytest.approx(4 * t * (1 - t * t), rel=1e-14)


@pytest.mark.parametrize("seed", range(5))
def test_both_walks_have_one_order(seed: int) -> None:
    """Gradients of symbols are added in the same order as those of numbers, bit for bit."""
    model = mg.MLP(3, [4, 4, 2], activation="tanh", seed=seed)
    x = [Value(0.5), Value(-1.0), Value(2.0)]
    p, q = model(x)
    root = mg.dot([p, q, x[0]], (q, p, p * q), p) + mg.sum(model([q, p, 1.0])) / q
    names = [id(node) for node in graph.order_of_values(root)]
    assert names == [id(node) for node in graph.topological_order(root)]


def test_every_node_once() -> None:
    x = y = Value(1.5)
    for _ in range(60):  # 2⁶⁰ paths
        y = y + y
    assert len(graph.topological_order(y)) == 60
    y.backward()
    assert x.grad == 2.0**60


def test_several_roots() -> None:
    x = Value(2.0)
    y, z = x * x, x + 1.0
    assert {id(node) for node in graph.topological_order(y, z, y)} == {id(y), id(z)}
    assert graph.topological_order(x) == []


def test_a_leaf_as_root_and_a_constant_as_operand() -> None:
    x = Value(2.0)
    assert graph.gradients(x, [x]) == [1.0]
    assert graph.gradients(x * 3.0, [x, Value(1.0)]) == [3.0, 0.0]


def lines_of(function: Callable[[], Any]) -> int:
    """How many lines of Python a call executes."""
    count = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def test_the_walk_is_linear() -> None:
    """Ten times the nodes take ten times the lines."""
    few, many = (lines_of(chain(n)[1].backward) for n in (300, 3_000))
    assert few > 300
    assert many < 10.1 * few


def test_gradients_are_scalars_that_differentiate_again() -> None:
    x, y = Value(2.0), Value(3.0)
    z = x**3 * y
    zx, zy = graph.gradients(z, [x, y])
    assert (zx.data, zy.data) == (36.0, 8.0)
    assert numbers_of(graph.gradients(zx, [x, y])) == [36.0, 12.0]
    assert (x.grad, y.grad) == (0.0, 0.0)  # nothing is filled


def test_both_walks_apply_one_chain_rule() -> None:
    x, y = Value(0.3), Value(-1.7)
    z = mg.atan2(x * y, mg.exp(x)) + mg.dot([x, y, 2.0], [y, 3.0, x], mg.gelu(y)) / mg.sigmoid(x)
    z.backward()
    assert numbers_of(graph.gradients(z, [x, y])) == pytest.approx([x.grad, y.grad], 1e-14)


def test_between_inputs_and_root() -> None:
    a, b = Value(2.0), Value(3.0)
    c = a * 2.0
    d = b * 2.0
    e = c + d
    assert [id(node) for node in graph.dependents([e], [a])] == [id(c), id(e)]


@pytest.mark.parametrize("row", [ops.add, ops.mul, ops.dot, ops.sum])
def test_an_operand_that_comes_twice_gets_both(row: Any) -> None:
    x = Value(3.0)
    operands = [x, x, x] if row.arity is None else [x, x]
    row(*operands).backward()
    assert x.grad == {"add": 2.0, "mul": 6.0, "dot": 7.0, "sum": 3.0}[row.name]
