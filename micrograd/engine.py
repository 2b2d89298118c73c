"""Value: arithmetic now, a graph to differentiate.

>>> a = Value(2.0)
>>> b = Value(-3.0)
>>> c = a * b + a**2
>>> c.backward()
>>> c.data, a.grad, b.grad
(-2.0, 1.0, 2.0)
"""

from collections.abc import Callable
from typing import Any

from micrograd import graph, machine, ops
from micrograd.errors import ShapeError
from micrograd.ops import TABLE, Interpreter, Op, number
from micrograd.scalar import Scalar


class Value(Scalar):
    """A number that remembers how it was computed.

    `data` is a float of 64 bits; `grad` is the derivative of the last `backward()` with respect
    to this value; `op` is a row of the table and `operands` what it was applied to, in order:
    `Value`s, and floats for constants. A leaf, which was not computed, has neither. `name` is for
    the reader.

    Raises TypeError if `data` is anything else than one real number.

    >>> x = Value(3.0, name="x")
    >>> y = 2 * x
    >>> y
    Value(data=6.0, grad=0.0)
    >>> y.op, y.operands
    (<op mul>, (2.0, Value(data=3.0, grad=0.0, name='x')))
    """

    __slots__ = ("data", "grad", "op", "first", "second", "name")
    data: float
    grad: float
    op: Op | None
    first: "Value | float | tuple[Value | float, ...]"  # the first operand, or a tuple of all
    second: "Value | float | None"  # the second, if there are two
    name: str | None

    def __init__(
        self, data: Any, _children: Any = (), _op: str = "", label: str | None = None, *,
        name: str | None = None,
    ):  # fmt: skip
        self.data = data if data.__class__ is float else _checked(data)
        self.grad = 0.0
        self.op = None
        self.first = ()
        self.second = None
        self.name = label if name is None else name
        if _children:
            self.op, self.first = ops.label(_op), tuple(_children)

    def backward(self) -> None:
        """Fills `grad` by the chain rule: the derivative of this value by every node under it.

        The gradients of leaves add up from call to call, those of computed values are made anew.

        >>> x = Value(3.0)
        >>> (x * x).backward()
        >>> x.grad
        6.0
        """
        graph.sweep(self)

    @property
    def operands(self) -> tuple["Value | float", ...]:
        """What `op` was applied to, in order. One and two lie in the node itself, without a tuple:
        that halves what the garbage collector walks through, which takes most of the time."""
        first, second = self.first, self.second
        if self.op is ops.dot:
            weights, inputs, bias = first  # type: ignore[misc]
            return (*weights, *inputs, bias)  # type: ignore[misc]
        if second is not None:
            return (first, second)  # type: ignore[return-value]
        return first if first.__class__ is tuple else (first,)  # type: ignore[return-value]

    @property
    def label(self) -> str | None:
        """The name, as karpathy's lecture calls it."""
        return self.name

    @label.setter
    def label(self, name: str | None) -> None:
        self.name = name

    @property
    def _prev(self) -> set["Value"]:
        """The operands as karpathy/micrograd has them, under its name: a set, of Values only."""
        return {x if isinstance(x, Value) else Value(x) for x in self.operands}

    @property
    def _op(self) -> str:
        """The operation as karpathy/micrograd writes it: '+', '*', '**2', 'ReLU', '' for a leaf."""
        if self.op is None:
            return ""
        if self.op is ops.pow and isinstance(self.operands[1], float):
            return f"**{self.operands[1]:g}"
        return "ReLU" if self.op is ops.relu else self.op.symbol or self.op.name

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        return _record if kinds <= {Value, float} else _record_numbers

    @staticmethod
    def _decided(op: Op, operands: tuple[Any, ...], result: bool) -> Any:
        """What a comparison gives: here, where all numbers are known, whether it holds."""
        return result

    def __float__(self) -> float:
        return self.data

    def __int__(self) -> int:
        return int(self.data)

    def __round__(self, digits: int | None = None) -> float:
        return round(self.data, digits)

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __bool__(self) -> bool:
        return self.data != 0

    def __reduce_ex__(self, protocol: Any) -> Any:
        return super().__reduce_ex__(protocol)

    def __repr__(self) -> str:
        named = "" if self.name is None else f", name={self.name!r}"
        return f"Value(data={self.data}, grad={self.grad}{named})"


def _checked(data: Any) -> float:
    try:
        return number(data)
    except TypeError as error:
        raise TypeError(f"the data of a Value: {error}") from None


_new = Value.__new__


def _node(data: float, op: Op, first: Any, second: Any = None) -> Value:
    """The Value that was computed by `op`, of one operand, of two, or of a tuple of them."""
    node = _new(Value)
    node.data = data
    node.grad = 0.0
    node.op = op
    node.first = first
    node.second = second
    node.name = None
    return node


def _record(op: Op, operands: tuple[Any, ...]) -> Any:
    """Runs `op` on Values and floats: the number now, and how it came about."""
    data = [x if x.__class__ is float else x.data for x in operands]
    try:
        result = op.meaning(*data)
    except (ZeroDivisionError, OverflowError):
        result = machine.run(op.meaning, data)
    if op.boolean:
        return Value._decided(op, operands, result)
    if op is ops.dot:
        n = len(operands) // 2
        return _node(result, op, (operands[:n], operands[n:-1], operands[-1]))
    return _node(result, op, *operands) if op.arity in (1, 2) else _node(result, op, operands)


def _record_numbers(op: Op, operands: tuple[Any, ...]) -> Any:
    return _record(op, tuple([x if isinstance(x, Value) else number(x) for x in operands]))


def direct(op: Op) -> Callable[[Any], Any]:
    """`op`, which does not ask the table who runs it on a Value: that takes longest."""
    if op.arity != 1:
        return op
    meaning = op.on_floats or op.meaning

    def function(x: Any) -> Any:
        if x.__class__ is not Value:
            return op(x)
        try:
            result = meaning(x.data)
        except (ZeroDivisionError, OverflowError):
            result = machine.run(meaning, (x.data,))
        return _node(result, op, x)

    function.__name__, function.__doc__ = op.name, op.doc
    return function


def _operators(op: Op) -> tuple[Any, Any]:
    """As `scalar.operators`, without asking the table for what is almost always the case."""
    meaning = op.meaning

    def method(self: Value, other: Any) -> Any:
        if other.__class__ is Value:
            return _node(meaning(self.data, other.data), op, self, other)
        if other.__class__ is int:
            other = number(other)
        if other.__class__ is float:
            return _node(meaning(self.data, other), op, self, other)
        return op(self, other)

    def reflected(self: Value, other: Any) -> Any:
        if other.__class__ is int:
            other = number(other)
        if other.__class__ is float:
            return _node(meaning(other, self.data), op, other, self)
        return op(other, self)

    return method, reflected


Value.__add__, Value.__radd__ = _operators(ops.add)
Value.__sub__, Value.__rsub__ = _operators(ops.sub)
Value.__mul__, Value.__rmul__ = _operators(ops.mul)
Value.__truediv__, Value.__rtruediv__ = _operators(ops.div)
Value.__pow__, Value.__rpow__ = _operators(ops.pow)
for _name in vars(Scalar):
    _row = TABLE.get(_name.strip("_"))
    if _row is not None and _row.arity == 1:
        setattr(Value, _name, direct(_row))


def dot(weights: Any, inputs: Any, bias: Any = 0.0) -> Any:
    """The weighted sum `bias + weights[0] * inputs[0] + weights[1] * inputs[1] + ...`, as one node.

    `weights` and `inputs` are sequences of one length. Raises ShapeError if they are not.

    >>> w, x = [Value(2.0), Value(3.0)], [Value(5.0), Value(7.0)]
    >>> y = dot(w, x, bias=1.0)
    >>> y.backward()
    >>> y.data, w[0].grad, x[1].grad
    (32.0, 5.0, 3.0)
    """
    weights, inputs = tuple(weights), tuple(inputs)  # what is a tuple already is shared
    if len(weights) != len(inputs):
        raise ShapeError(f"expected as many inputs as weights, {len(weights)}; got {len(inputs)}")
    try:
        total = bias.data
        if inputs and inputs[0].__class__ is float:
            for w, x in zip(weights, inputs):
                if x.__class__ is not float:
                    return ops.dot(*weights, *inputs, bias)
                total += w.data * x
        else:
            for w, x in zip(weights, inputs):
                total += w.data * x.data
    except (AttributeError, TypeError):  # not Values all: symbols, say, which have no number
        return ops.dot(*weights, *inputs, bias)
    return _node(total, ops.dot, (weights, inputs, bias))
