"""The working of one operation: its arithmetic forward and backward, in symbols and in numbers.

>>> from micrograd import Value
>>> w, x = Value(0.5, name="w"), Value(2.0, name="x")
>>> names = {w: "w", x: "x"}
>>> forward(w * x, "s", names)
's = w · x = 0.5 × 2.0 = 1.0'
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any, NamedTuple
from unicodedata import category

from micrograd import graph, machine, ops
from micrograd.engine import Value
from micrograd.formula import Formula, operand_names
from micrograd.ops import Op

FEW = 6  # operands that are shown; the others are counted
LONG = 90  # characters of a formula; a longer one is named
_INFIX = {
    "less": ("<", 0), "less_equal": ("≤", 0), "equal": ("=", 0), "not_equal": ("≠", 0),
    "add": ("+", 1), "sub": ("−", 1), "mul": ("·", 2), "div": ("/", 2), "pow": ("**", 4),
}  # fmt: skip
_TIGHT = 3  # the precedence of a sign
Names = Mapping[Value, str]


def shown(x: float, digits: int = 4) -> str:
    """A number as a reader wants it: few digits, and the minus sign of print.

    >>> shown(0.5), shown(-2), shown(2 / 3), shown(1.25e-7), shown(float("inf"))
    ('0.5', '−2.0', '0.6667', '1.25e−7', 'inf')
    """
    if x != x:
        return "nan"
    if x in (machine.inf, -machine.inf):
        return "inf" if x > 0 else "−inf"
    if x and not 1e-3 <= abs(x) < 1e6:
        return _scientific(x, max(digits - 2, 1))
    rounded = Decimal(x).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    whole, _, fraction = f"{rounded:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}".replace("-", "−")


def _scientific(x: float, digits: int) -> str:
    exact = Decimal(x)
    exponent = exact.adjusted()
    scale = Decimal(1).scaleb(-digits)
    mantissa = exact.scaleb(-exponent).quantize(scale, ROUND_HALF_UP)
    if abs(mantissa) >= 10:
        mantissa, exponent = (mantissa / 10).quantize(scale), exponent + 1
    return f"{mantissa:f}e{exponent}".replace("-", "−")


def label(name: object, longest: int = 24) -> str:
    """A name on one line: white space as a blank, other control characters as �, cut if long.

    >>> label("two\\nlines"), label("layers.0.neurons.1.weights[2]")
    ('two lines', 'layers.0.neu…weights[2]')
    """
    text = " ".join(str(name).split())
    text = "".join("\ufffd" if category(c)[0] == "C" else c for c in text)
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]}…{text[-(longest // 2 - 2) :]}"


class Numbered(NamedTuple):
    """A graph in the order of the sweep: its leaves, and what is computed from them."""

    leaves: list[Value]
    computed: list[Value]  # the last of them is the root
    names: dict[Value, str]

    @property
    def root(self) -> Value:
        return self.computed[-1] if self.computed else self.leaves[0]


def numbered(root: Value) -> Numbered:
    """The graph below `root`, with a name for each of its values: its own or `v1`, `n1`, `L`."""
    computed = graph.order_of_values(root)
    operands = dict.fromkeys([x for v in computed for x in v.operands if isinstance(x, Value)])
    leaves = [x for x in operands if not x.operands] or [root]
    names = {x: f"v{k}" for k, x in enumerate(leaves, 1)}
    names |= {x: f"n{k}" for k, x in enumerate(computed, 1)} | {root: "L"}
    names |= {x: label(x.name) for x in names if x.name}
    return Numbered(leaves, computed, names)


def title(value: Value, names: Names) -> str:
    """The operation of a value, with its constants; the name of a leaf.

    >>> from micrograd import Value
    >>> title(2 * Value(3.0), {}), title(Value(3.0) ** 2, {}), title(Value(1.0).tanh(), {})
    ('2.0 ·', '** 2.0', 'tanh')
    """
    operands = value.operands
    if value.op is None or not operands:
        return names[value]
    sign = _INFIX.get(value.op.name, (value.op.symbol or value.op.name, 0))[0]
    if len(operands) != 2 or value.op.name not in _INFIX:
        return sign
    left, right = [shown(x) if isinstance(x, float) else "" for x in operands]
    return " ".join(filter(None, [left, sign, right]))


def heading(value: Value, names: Names) -> str:
    """The name of a value, and its operation.

    >>> from micrograd import Value
    >>> x = Value(1.0).tanh()
    >>> heading(x, {x: "n1"})
    'n1 = tanh'
    """
    called = title(value, names)
    return f"{names[value]} = {called}" if value.operands else called


def forward(value: Value, called: str, names: Names) -> str:
    """The formula of a computed value, in symbols and in numbers."""
    assert value.op is not None
    symbols = _call(value.op, [_symbol(x, names) for x in value.operands], "·")
    data = [x._data if isinstance(x, Value) else x for x in value.operands]
    numbers = _call(value.op, [*map(shown, data)], "×")
    parts = [called, symbols, numbers, shown(value._data)]
    return " = ".join(_without_repeats(parts))


def _without_repeats(parts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(parts))


def _symbol(x: Value | float, names: Names) -> str:
    return names[x] if isinstance(x, Value) else shown(x)


def _enclosed(text: str) -> str:
    """A negative number in parentheses, beside an operator."""
    return f"({text})" if text.startswith("−") else text


def _call(op: Op, operands: Sequence[str], times: str) -> str:
    """An operation on operands that are text already."""
    if op is ops.dot:
        weights, inputs, bias = ops.weighted(operands)
        products = zip(map(_enclosed, weights), map(_enclosed, inputs))
        terms = [f"{w} {times} {x}" for w, x in products]
        return _listed([*terms, _enclosed(bias)] if bias != "0.0" else terms, " + ")
    if op is ops.sum:
        return _listed([*map(_enclosed, operands)], " + ")
    sign = times if op is ops.mul else _INFIX.get(op.name, (op.symbol, 0))[0]
    if len(operands) == 2 and sign:
        return f"{_enclosed(operands[0])} {sign} {_enclosed(operands[1])}"
    if op is ops.neg:
        return f"−{_enclosed(operands[0])}"
    return f"{op.name}({_listed(operands, ', ')})"


def _listed(parts: Sequence[str], between: str) -> str:
    few = [*parts[:FEW], "…"] if len(parts) > FEW + 1 else parts
    return between.join(few)


class Term(NamedTuple):
    """The term that an operand's gradient gains from a value, as text and as a number."""

    operand: Value
    symbols: str
    numbers: str
    gain: float

    def line(self, root: str, names: Names) -> str:
        gained = shown(self.gain)
        parts = _without_repeats(filter(None, [self.symbols, self.numbers, gained]))
        return f"∂{root}/∂{names[self.operand]} += {' = '.join(parts)}"


def terms(value: Value, g: float, of: str, names: Names) -> list[Term]:
    """The chain rule at a value whose gradient is `g`, called `of`."""
    assert value.op is not None
    assert value.op.derivative is not None
    operands = value.operands
    data = [x._data if isinstance(x, Value) else x for x in operands]
    gains = machine.run(value.op.derivative, (g, value._data, *data))
    texts = _Texts(value, g, data, of, names)
    return [
        Term(x, *texts.of(k), gain)
        for k, (x, gain) in enumerate(zip(operands, gains))
        if isinstance(x, Value)
    ]


def local_derivatives(value: Value) -> list[float]:
    """The derivative of a value by each of its operands."""
    if value.op is None or value.op.derivative is None:
        return []
    data = [x._data if isinstance(x, Value) else x for x in value.operands]
    return [*machine.run(value.op.derivative, (1.0, value._data, *data))]


class _Texts:
    """The terms of one value as text: its derivative, run on formulas."""

    def __init__(self, value: Value, g: float, data: list[float], of: str, names: Names):
        op = value.op
        assert op is not None
        self.value, self.data, self.of_g, self.names = value, data, of, names
        self.g, self.symbols = g, [_symbol(x, names) for x in value.operands]
        self.formulas, leaves = _derivative(op, len(data)) if op is not ops.dot else ((), ())
        self.numbers = dict(zip(leaves, [g, value._data, *data]))
        called = [of, names.get(value, "z"), *self.symbols]
        self.texts = dict(zip(leaves, called))

    def of(self, k: int) -> tuple[str, str]:
        """In symbols and in numbers, what operand `k` gains."""
        if self.value.op is ops.dot:
            return self._of_dot(k)
        if not self.formulas:  # the derivative is no formula
            return self._named(), ""
        symbols = self._show(self.formulas[k], 0, False)
        if symbols == "0":
            return "", ""
        if len(symbols) > LONG:
            return self._named(), ""
        return symbols, self._show(self.formulas[k], 0, True)

    def _named(self) -> str:
        assert self.value.op is not None
        return f"{self.of_g} · {self.value.op.name}′({_listed(self.symbols, ', ')})"

    def _of_dot(self, k: int) -> tuple[str, str]:
        n = len(self.data) // 2
        if k == 2 * n:
            return self.of_g, shown(self.g)
        other = k + n if k < n else k - n
        numbers = f"{_enclosed(shown(self.g))} × {_enclosed(shown(self.data[other]))}"
        return f"{self.of_g} · {self.symbols[other]}", numbers

    def _number_of(self, x: Any) -> Any:
        if not isinstance(x, Formula):
            return x
        if x not in self.numbers:
            assert x.op is not None
            self.numbers[x] = x.op(*map(self._number_of, x.operands))
        return self.numbers[x]

    def _show(self, x: Any, around: int, numbers: bool) -> str:
        """A formula, in parentheses if the operation around it binds tighter."""
        if not isinstance(x, Formula) or (numbers and x.op is None):
            text = _constant(x) if not isinstance(x, Formula) else shown(self.numbers[x])
            return _enclosed(text) if around else text
        if x.op is None:
            return self.texts[x]
        name = x.op.name
        if name == "where":  # the branch that was taken
            return self._show(
                x.operands[1 if self._number_of(x.operands[0]) else 2], around, numbers
            )
        if name == "neg":
            return _tight(f"−{self._show(x.operands[0], _TIGHT, numbers)}", _TIGHT, around)
        if name not in _INFIX:
            return f"{name}({', '.join([self._show(y, 0, numbers) for y in x.operands])})"
        sign, own = _INFIX[name]
        left, right = [self._show(y, own + k, numbers) for k, y in enumerate(x.operands)]
        sign = "×" if name == "mul" and numbers else sign
        return _tight(f"{left} {sign} {right}", own, around)


def _tight(text: str, own: int, around: int) -> str:
    """In parentheses if the operation around it binds tighter."""
    return f"({text})" if own < around else text


def _constant(x: float) -> str:
    return f"{int(x)}".replace("-", "−") if float(x).is_integer() else shown(x)


@cache
def _derivative(op: Op, count: int) -> tuple[tuple[Any, ...], tuple[Formula, ...]]:
    """The derivative by each of `count` operands as a formula, and its leaves: g, z, operands."""
    letters = operand_names(op) if op.arity else [f"x{k}" for k in range(count)]
    made: dict[Any, Formula] = {}
    leaves = tuple([Formula(made, None, (), name) for name in ["g", "z", *letters]])
    try:
        return tuple(op.derivative(*leaves) if op.derivative else ()), leaves
    except Exception:  # a user's derivative may need numbers
        return (), leaves
