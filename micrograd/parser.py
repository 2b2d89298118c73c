"""An expression as text becomes a graph, or a function: parsed, never evaluated by Python."""

import ast
import math
import unicodedata
import warnings
from collections.abc import Mapping
from typing import Any

from micrograd import elementary, ops
from micrograd.engine import Value
from micrograd.names import did_you_mean
from micrograd.ops import TABLE
from micrograd.real import number

_OPERATORS = {
    ast.Add: ops.add, ast.Sub: ops.sub, ast.Mult: ops.mul, ast.Div: ops.div, ast.Pow: ops.pow,
    ast.Mod: elementary.mod, ast.FloorDiv: elementary.floor_divide,
}  # fmt: skip
_CONSTANTS = {"pi": math.pi}
_LONGEST = 10_000  # characters


def numbers_by_name(text: str) -> dict[str, float]:
    """Numbers such as `w=2, x=0.5`. Raises ValueError if it is not so written.

    >>> numbers_by_name("w=2, x=0.5")
    {'w': 2.0, 'x': 0.5}
    """
    numbers: dict[str, float] = {}
    for part in filter(str.strip, text.split(",")):
        name, _, written = map(str.strip, part.partition("="))
        name = unicodedata.normalize("NFKC", name)  # as Python reads it: the sign µ is the letter μ
        try:
            x = float(written)
        except ValueError:
            raise ValueError(f"expected numbers such as w=2,x=0.5, got {part.strip()!r}") from None
        if not name.isidentifier() or name in numbers:
            why = "twice" if name in numbers else "which is no name"
            raise ValueError(f"expected numbers such as w=2,x=0.5, got {name!r}, {why}")
        numbers[name] = x
    return numbers


def parse(expression: str, numbers: Mapping[str, float]) -> Value:
    """The Value of an expression: names, numbers, operators, and operations of the table.

    Each name is a leaf, with its number in `numbers`. Raises ValueError for anything else, and
    for a name without a number, or a number without a name.

    >>> parse("tanh(w*x + b)", {"w": 2, "x": 0.5, "b": 1}).data == ops.tanh(2.0)
    True
    >>> parse("__import__('os')", {})
    Traceback (most recent call last):
    ValueError: there is no operation '__import__'; `micrograd ops` lists them
    """
    written = Expression(expression)
    missing = sorted(written.names - numbers.keys() - TABLE.keys())
    known = {**numbers, **dict.fromkeys(missing, 1)}
    result = written({name: Value(x, name=name) for name, x in known.items()})
    if missing:
        have = "has" if len(missing) == 1 else "have"
        given = ",".join(f"{name[:60]}={x:g}" for name, x in known.items())
        names = ", ".join(name[:60] for name in missing)
        raise ValueError(f"{names} {have} no number; write --at {given}")
    if unread := numbers.keys() - written.names - _CONSTANTS.keys():
        raise ValueError(f"the expression does not read {', '.join(sorted(unread))}")
    if isinstance(result, bool):
        raise ValueError("the expression is a truth value; a picture needs a number")
    return result if isinstance(result, Value) else Value(result)


class Expression:
    """An expression, parsed: called with anything that stands for numbers, by name.

    `pi` is a number, unless a name says otherwise. Raises ValueError for what is no expression.

    >>> Expression("a * x + b").names == {"a", "x", "b"}
    True
    >>> Expression("2 * x")({"x": 1.5})
    3.0
    """

    def __init__(self, text: str):
        self.text = _checked(text)
        try:
            self._body = _body(self.text)
            self.names = _names(self._body)
        except (SyntaxError, MemoryError) as error:
            raise ValueError(f"{text!r:.80} is no expression: {_reason(error)}") from None
        except RecursionError:
            raise ValueError("the expression is nested too deeply") from None

    def __repr__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __call__(self, leaves: Mapping[str, Any]) -> Any:
        try:
            return _Parser(self.text, {**_CONSTANTS, **leaves}).graph(self._body)
        except RecursionError:
            raise ValueError("the expression is nested too deeply") from None


def _body(text: str) -> ast.expr:
    """The expression; what Python warns of, such as `1if x`, is a SyntaxError."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return ast.parse(text, mode="eval").body


def _names(body: ast.expr) -> set[str]:
    """The names that an expression reads, without those of the operations that it calls."""
    called = {id(node.func) for node in ast.walk(body) if isinstance(node, ast.Call)}
    return {
        node.id
        for node in ast.walk(body)
        if isinstance(node, ast.Name) and id(node) not in called and node.id not in _CONSTANTS
    }


def _checked(expression: str) -> str:
    if len(expression) > _LONGEST:
        raise ValueError(
            f"the expression has {len(expression):,} characters; {_LONGEST:,} are too many"
        )
    if "\0" in expression:
        raise ValueError("the expression has a null character")
    return expression.strip()


def _reason(error: Exception) -> str:
    if isinstance(error, SyntaxError) and error.msg:
        return f"{error.msg.partition(': ')[0]}, at character {error.offset or 1}"
    return "it is nested too deeply"


class _Parser:
    def __init__(self, expression: str, leaves: Mapping[str, Any]):
        self.expression, self.leaves = expression, leaves

    def graph(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=int() | float() as x) if not isinstance(x, bool):
                return number(x)
            case ast.Name(id=name):
                return self._leaf(name)
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
                return _OPERATORS[type(sign)](self.graph(left), self.graph(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return ops.neg(self.graph(operand))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.graph(operand)
            case ast.Call(func=ast.Name(id=name), args=operands, keywords=[]):
                return self._call(name, operands)
            case ast.BinOp(op=ast.BitXor()):
                raise ValueError(f"{self._text(node)}: a power is written x**2")
        raise ValueError(
            f"{self._text(node)} is not allowed in an expression; it may have names, numbers, "
            "+ - * / // % **, and operations such as tanh(x)"
        )

    def _leaf(self, name: str) -> Any:
        if name not in self.leaves:
            what = f"the operation {name} is called: {name}(x)" if name in TABLE else ""
            raise ValueError(what or f"{name[:60]} has no number")
        return self.leaves[name]

    def _call(self, name: str, operands: list[ast.expr]) -> Any:
        if name not in TABLE:
            hint = did_you_mean(name, TABLE) or "`micrograd ops` lists them"
            raise ValueError(f"there is no operation {name!r}; {hint}")
        try:
            return TABLE[name](*map(self.graph, operands))
        except (TypeError, IndexError) as error:
            raise ValueError(str(error)) from None

    def _text(self, node: ast.expr) -> str:
        return repr(ast.get_source_segment(self.expression, node) or self.expression)[:60]
