"""backward_steps: the sweep one operation at a time, and the arithmetic that it shows."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd as mg
from micrograd.working import label, shown


def program(x: mg.Value, y: mg.Value) -> mg.Value:
    """Each kind of operation: infix, composite, of many operands, with constants."""
    return (
        x * y + mg.tanh(x) + mg.gelu(x) + x**2 + mg.relu(-y) + mg.lgamma(x) + mg.maximum(x, y)
        + x / 3 - 1 / y + mg.dot([x, y], [1.0, x], 0.5) + mg.sum([x, y, x]) + mg.softmax([x, y])[0]
    )  # fmt: skip


def test_the_steps_leave_the_gradients_of_backward():
    a, b = [[mg.Value(2.0), mg.Value(-3.0)] for _ in range(2)]
    program(*a).backward()
    root = program(*b)
    for step in mg.backward_steps(root):
        assert step.gradient == step.value.grad
    assert [x.grad for x in b] == [x.grad for x in a]


def test_called_twice_they_add_to_leaves_only():
    x = mg.Value(3.0)
    y = (x * x).exp()
    list(mg.backward_steps(y))
    steps = [*mg.backward_steps(y)]
    assert x.grad == 2 * 6 * math.exp(9)
    assert steps[0].gradient == 1.0


def test_the_terms_of_the_steps_add_up_to_the_gradients():
    x, y = mg.Value(2.0), mg.Value(-3.0)
    gained = {x: 0.0, y: 0.0}
    for step in mg.backward_steps(program(x, y)):
        for term in step.terms:
            gained[term.operand] = gained.get(term.operand, 0.0) + term.gain
    assert (gained[x], gained[y]) == (x.grad, y.grad)


@pytest.mark.parametrize(("make", "said"), [
    (lambda w, x: w * x, "∂L/∂w += ∂L/∂L · x = 1.0 × (−3.0) = −3.0"),
    (lambda w, x: w - x, "∂L/∂x += −∂L/∂L = −1.0"),
    (lambda w, x: w / x, "∂L/∂x += −∂L/∂L · L / x = −1.0 × (−0.6667) / (−3.0) = −0.2222"),
    (lambda w, x: w**3, "∂L/∂w += ∂L/∂L · 3.0 · w ** (3.0 − 1)"),
    (lambda w, x: w**3, " = 1.0 × 3.0 × 2.0 ** (3.0 − 1) = 12.0"),
    (lambda w, x: mg.relu(x), "∂L/∂x += 0.0"),
    (lambda w, x: mg.maximum(w, x), "∂L/∂w += ∂L/∂L = 1.0"),
    (lambda w, x: mg.dot([w], [x], 1.0), "∂L/∂x += ∂L/∂L · w = 1.0 × 2.0 = 2.0"),
    (lambda w, x: mg.lgamma(w), "∂L/∂w += ∂L/∂L · lgamma′(w) = 0.4228"),
])  # fmt: skip
def test_the_chain_rule_in_symbols_and_in_numbers(make, said):
    (step,) = mg.backward_steps(make(mg.Value(2.0, name="w"), mg.Value(-3.0, name="x")))
    assert said in str(step)


def test_an_operation_whose_derivative_is_no_formula_is_named():
    @mg.op(derivative=lambda g, z, x: g * math.cos(float(x)), name="my_sine")
    def my_sine(x):
        return mg.sin(x)

    (step,) = mg.backward_steps(my_sine(mg.Value(0.0, name="x")))
    assert step.lines[1] == "∂L/∂x += ∂L/∂L · my_sine′(x) = 1.0"


def test_a_gradient_of_zero_passes_nothing_on():
    x = mg.Value(-1.0)
    steps = [*mg.backward_steps(mg.relu(x) * mg.log(mg.relu(x)))]
    assert any("nothing to pass on" in str(step) for step in steps)
    assert x.grad == 0.0


def test_many_operands_are_counted():
    values = [mg.Value(float(k)) for k in range(100)]
    (step,) = mg.backward_steps(mg.sum(values))
    assert step.lines[-1] == "and 94 more"
    assert len(step.terms) == 100


def test_what_is_no_value_is_refused():
    with pytest.raises(TypeError, match=r"\(out,\) = model\(x\)"):
        mg.backward_steps(mg.MLP(2, [1], seed=0)([1.0, 2.0]))  # type: ignore[arg-type]


def test_backward_of_one_value_as_in_the_lecture():
    a, b = mg.Value(2.0), mg.Value(-3.0)
    c = a * b
    d = c.tanh()
    d.grad = 1.0
    d._backward()
    assert c.grad == 1 - d.data**2
    assert a.grad == 0.0
    c._backward()
    a._backward()
    assert (a.grad, b.grad) == (-3.0 * c.grad, 2.0 * c.grad)


@given(st.floats(-1e300, 1e300))
def test_a_number_is_shown_near_to_it(x):
    text = shown(x).replace("−", "-")
    assert abs(float(text) - x) <= (5.1e-5 if 1e-3 <= abs(x) < 1e6 else 5.1e-3 * abs(x))
    assert len(text) <= 13


@given(st.text(min_size=1))
def test_a_label_is_short_and_on_one_line(name):
    assert len(label(name)) <= 24
    assert len(label(name).splitlines()) <= 1
