"""C expressions, and the functions that composite operations become: a back end that emits text.

An operation on expressions is an expression. It is printed once it is complete, with as few
parentheses as possible; subexpressions that are used twice get a name.
"""

import inspect
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from micrograd.compiler.trace.errors import TraceError, chosen_by_if, formula
from micrograd.iteration import Iteration
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar

# The precedence of operators: names and calls bind tightest, the conditional operator least.
_ATOM, _UNARY, _SUM, _CHOICE = 9, 8, 6, 1
_STRENGTHS = {
    "*": 7, "/": 7, "+": _SUM, "-": _SUM, "<": 5, "<=": 5, "==": 4, "!=": 4, "&&": 3, "||": 2,
}  # fmt: skip
_LONG = 60  # characters: a longer subexpression gets a name


class Expression(Scalar):
    """An operation and its operands, which are expressions or floats; or a name, without one."""

    __slots__ = ("boolean", "name", "op", "operands")
    rank = 3

    def __init__(self, op: Op | None, operands: Any, name: str = "", boolean: bool = False):
        self.op, self.operands, self.name = op, tuple(operands), name
        self.boolean = boolean if op is None else op.boolean

    @classmethod
    def named(cls, name: str, boolean: bool = False) -> "Expression":
        return cls(None, (), name, boolean)

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        return cls

    def __bool__(self) -> NoReturn:
        raise chosen_by_if()


class Printer:
    """Prints expressions; `functions` collects the functions that they call, callees first.

    >>> printer = Printer(double=True)
    >>> x = Expression.named("x")
    >>> printer.text((x + 1) * -x)
    '(x + 1.0) * -x'
    """

    def __init__(self, double: bool):
        self.number, self.suffix = ("double", "") if double else ("float", "f")
        self.functions: dict[str, str] = {}
        self._names: dict[tuple[Op, int], str] = {}  # of the functions of composite operations

    def literal(self, x: float) -> str:
        with np.errstate(over="ignore"):
            text = repr(float(x)) if not self.suffix else str(np.float32(x))
        if x != x or text[-1] == "f":
            return "NAN" if x != x else text.replace("inf", "INFINITY")
        return text + self.suffix

    def text(self, x: Any, strength: int = 0, names: dict[Expression, str] | None = None) -> str:
        """x, in parentheses if it binds less tightly than `strength`; named parts by their name."""
        if not isinstance(x, Expression):
            text = self.literal(x)
            return f"({text})" if text.startswith("-") and strength > _UNARY else text
        if names and x in names:
            return names[x]
        if x.op is None:
            return x.name
        own, text = self._operation(x.op, x.operands, names)
        return f"({text})" if own < strength else text

    def _operation(self, op: Op, operands: Any, names: Any) -> tuple[int, str]:
        """The precedence of the operation, and its text."""
        name = op.c or op.symbol or op.name
        if name in _STRENGTHS and len(operands) == 2:
            own = _STRENGTHS[name]
            sides = own if own >= _SUM else _SUM  # parentheses around a comparison in another one
            left, right = operands
            if own >= _SUM:
                left, right = self._number(left, names), self._number(right, names)
            return (
                own,
                f"{self.text(left, sides, names)} {name} {self.text(right, sides + 1, names)}",
            )
        if op.primitive and not name.isidentifier():
            return _UNARY, name + self.text(operands[0], _ATOM, names)
        if op.name == "where":
            c, x, y = operands
            choice = f"{self.text(c, 2, names)} ? {self.text(x, 2, names)}"
            return _CHOICE, f"{choice} : {self.text(y, _CHOICE, names)}"
        if op.name == "take":
            *values, index = operands
            at = self.text(index, _SUM, names)
            choices = [f"{at} == {k} ? {self.text(x, 2, names)} : " for k, x in enumerate(values)]
            return _CHOICE, "".join(choices) + "NAN"
        arguments = ", ".join(self.text(x, 0, names) for x in operands)
        if op.primitive:
            return _ATOM, f"{name}{self.suffix}({arguments})"
        return _ATOM, f"{self._function(op, len(operands))}({arguments})"

    def _number(self, x: Any, names: Any) -> Any:
        """A truth value, cast to a number: in C it is an int, and ints divide differently."""
        if isinstance(x, Expression) and x.boolean:
            return Expression.named(f"({self.number}){self.text(x, _ATOM, names)}")
        return x

    def _function(self, op: Op, count: int) -> str:
        """The name of a composite operation's function, which is printed on first use."""
        if op.opaque:
            raise TraceError(
                f"C cannot call back into Python, where the opaque operation {op.name} runs. Write "
                "its meaning in arithmetic and functions of micrograd, without opaque=True"
            )
        name = self._names.get((op, count))
        if name is None:
            name = f"mg_{op.name}" + (f"_{count}" if op.arity is None else "")
            name += f"_{len(self.functions)}" * (
                name in self._names.values()
            )  # defined again since
            self._names[op, count] = name
            parameters = _parameters(op, count)
            operands = [*map(Expression.named, parameters)]
            if op.iteration is None:
                (result,), lines = self._declared([formula(op, operands)])
                lines.append(f"return {result};")
            else:
                lines = self._loop(op.iteration, operands)
            used = set(re.findall(r"\w+", " ".join(lines)))
            lines = [f"(void){x};" for x in parameters if x not in used] + lines
            arguments = ", ".join(f"{self.number} {x}" for x in parameters)
            body = "\n".join(f"    {line}" for line in lines)
            self.functions[name] = f"static {self.number} {name}({arguments})\n{{\n{body}\n}}"
        return name

    def _loop(self, iteration: Iteration, operands: list[Expression]) -> list[str]:
        """The statements of a loop, which replaces its state until it is done."""
        first, before = self._declared(iteration.start(*operands))
        names = [f"s{k}" for k in range(len(first))]
        state = [*map(Expression.named, names)]
        following, inside = self._declared(iteration.step(state, operands))
        (result,), after = self._declared([iteration.result(state)])
        return [
            *before,
            *[f"{self.number} {name} = {text};" for name, text in zip(names, first)],
            f"while ({self.text(iteration.goes_on(state))}) {{",
            *[f"    {line}" for line in inside],
            *[f"    const {self.number} n{k} = {text};" for k, text in enumerate(following)],
            *[f"    {name} = n{k};" for k, name in enumerate(names)],
            "}",
            *after,
            f"return {result};",
        ]

    def _declared(self, results: Sequence[Any]) -> tuple[list[str], list[str]]:
        """The texts of `results`, and the declarations of the names in them."""
        order = _postorder(results)
        read = [x for node in order for x in node.operands]
        uses = Counter(x for x in (*read, *results) if isinstance(x, Expression))
        once = {x for x in results if isinstance(x, Expression) and uses[x] == 1}
        names: dict[Expression, str] = {}
        lines = []
        for node in order:
            if node.op is not None and node not in once:
                text = self.text(node, 0, names)
                if uses[node] > 1 or len(text) > _LONG:
                    kind = "int" if node.boolean else self.number
                    names[node] = f"t{len(names)}"
                    lines.append(f"const {kind} {names[node]} = {text};")
        return [self.text(x, 0, names) for x in results], lines


def _parameters(op: Op, count: int) -> list[str]:
    """The parameters of the operation's meaning if they are single letters, else x0, x1, ..."""
    names = [*inspect.signature(op.meaning).parameters]
    letters = len(names) == count and all(len(name) == 1 and name.isascii() for name in names)
    return names if letters else [f"x{k}" for k in range(count)]


def _postorder(results: Sequence[Any]) -> list[Expression]:
    """The expressions in `results`, each once, operands first."""
    order: dict[Expression, None] = {}

    def visit(x: Any) -> None:
        if isinstance(x, Expression) and x not in order:
            for operand in x.operands:
                visit(operand)
            order[x] = None

    for x in results:
        visit(x)
    return [*order]
