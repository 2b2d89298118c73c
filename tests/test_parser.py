"""Expressions as text: the graph that Python would build, or a clear error."""

import re

import pytest

import micrograd as mg
from micrograd.parser import numbers_by_name, parse


def test_an_expression_is_the_graph_that_python_would_build():
    numbers = {"w": 2.0, "x": 0.5, "b": 1.0}
    w, x, b = [mg.Value(v) for v in numbers.values()]
    for text, value in [
        ("tanh(w*x + b)", mg.tanh(w * x + b)), ("-w**2 / +x - b", -(w**2) / x - b),
        ("leaky_relu(-x) + 7 % w // b", mg.leaky_relu(-x) + 7 % w // b),
        ("where(less(w, x), 1.5e2, b) + 2**-x + w", mg.where(w < x, 150.0, b) + 2**-x + w),
    ]:  # fmt: skip
        read = {name: v for name, v in numbers.items() if name in re.findall(r"\w+", text)}
        assert parse(text, read).data == value.data


@pytest.mark.parametrize(("text", "numbers", "said"), [
    ("__import__('os')", "", "there is no operation '__import__'"),
    ("x.__class__", "x=1", "'x.__class__' is not allowed"),
    ("[x for x in y]", "x=1", "is not allowed"),
    ("lambda: 1", "", "is not allowed"),
    ("f'{x}'", "x=1", "is not allowed"),
    ("x if x else y", "x=1", "is not allowed"),
    ("x @ x", "x=1", "is not allowed"),
    ("'a' * 10", "", "\"'a'\" is not allowed"),
    ("True", "", "'True' is not allowed"),
    ("x = 1", "x=1", "is no expression: invalid syntax"),
    ("(x", "x=1", "is no expression"),
    ("", "", "is no expression"),
    ("x\0", "x=1", "null character"),
    ("x y", "x=1", "is no expression"),
    ("tanh(x, x)", "x=1", "tanh takes 1 operand, got 2"),
    ("tanh(x=x)", "x=1", "is not allowed"),
    ("tanh(*x)", "x=1", "is not allowed"),
    ("tan_h(x)", "x=1", "did you mean 'tanh'?"),
    ("x(1)", "x=1", "there is no operation 'x'"),
    ("tanh", "", "the operation tanh is called: tanh(x)"),
    ("x + y", "x=1.5", "y has no number; write --at x=1.5,y=1"),
    ("a*b + c", "", "a, b, c have no number; write --at a=1,b=1,c=1"),
    ("2*(x^2)", "x=1", "'x^2': a power is written x**2"),
    ("x", "x=1,y=2", "does not read y"),
    ("less(x, 2)", "x=1", "truth value"),
    ("take(x, 7)", "x=1", "take expects an integer"),
    ("x + 1" * 10_000, "x=1", "too many"),
    ("(" * 4000 + "x" + ")" * 4000, "x=1", "nested"),
    ("-" * 9000 + "x", "x=1", "nested"),
    ("x", "x=one", "expected numbers such as w=2,x=0.5"),
    ("x", "x=1,x=2", "twice"),
    ("x", "2=1", "which is no name"),
    ("x", "\u00b5=1,\u03bc=2", "twice"),
    ("y" * 5000, "", f"{'y' * 60} has no number; write --at {'y' * 60}=1"),
    ("1if x else x", "x=1", "is no expression: invalid decimal literal"),
    ("'\\d'", "", "is no expression: invalid escape sequence"),
    ("9" * 5000, "", "is no expression: Exceeds the limit (4300"),
])  # fmt: skip
def test_everything_else_in_an_expression_is_a_clear_error(text, numbers, said):
    with pytest.raises(ValueError, match=r"\w") as raised:
        parse(text, numbers_by_name(numbers))
    assert said in str(raised.value)


def test_a_name_is_the_one_that_python_reads():
    """The micro sign of a keyboard is the Greek letter, as in Python."""
    assert parse("\u00b5 * 2", numbers_by_name("\u00b5=3")).data == 6.0
    assert parse("\u03bc * 2", numbers_by_name("\u00b5=3")).data == 6.0


def test_numbers_follow_ieee_754():
    assert parse("1/x + 9**9**9", {"x": 0.0}).data == float("inf")
