"""Value: arithmetic now, a graph to differentiate.

>>> a = Value(2.0)
>>> b = Value(-3.0)
>>> c = a * b + a**2
>>> c.backward()
>>> c.data, a.grad, b.grad
(-2.0, 1.0, 2.0)
"""

# The functions that make nodes write `_data` and `_grad`, as the methods of Value do.
# pyright: reportPrivateUsage=false

import math
from collections.abc import Callable, Iterable
from typing import Any, Never

from micrograd import copies, graph, machine, names, ops, watch
from micrograd.annotations import Number, Numbers, Result
from micrograd.errors import ShapeError
from micrograd.ops import TABLE, Interpreter, Op
from micrograd.real import instead_of, number
from micrograd.scalar import Scalar, operands_by_hand
from micrograd.watch import watching


class Value(Scalar):
    """A number that remembers how it was computed.

    `data` is a 64-bit float; `grad` is the derivative, with respect to this value, of the value on
    which `backward()` was called; `op` is a row of the table and `operands` are its operands, in
    order: `Value`s, and floats for constants. A leaf was not computed and has neither. `name` is
    for the reader.

    Raises TypeError if `data` is not one real number.

    >>> x = Value(3.0, name="x")
    >>> y = 2 * x
    >>> y
    Value(data=6.0, grad=0.0)
    >>> y.op, y.operands
    (<op mul>, (2.0, Value(data=3.0, grad=0.0, name='x')))
    >>> y.backward()
    >>> x.label, x.data, x.grad
    ('x', 3.0, 2.0)
    """

    __slots__ = ("_data", "_grad", "op", "first", "second", "name")
    _data: float  # the number itself, for inner loops, which bypass the watch
    _grad: float
    op: Op | None
    first: "Value | float | tuple[Value | float, ...]"  # the first operand, or a tuple of all
    second: "Value | float | None"  # the second, if there are two
    name: str | None

    def __init__(
        self, data: Number, _children: Iterable["Value"] = (), _op: str = "",
        label: str | None = None, *, name: str | None = None, **unknown: Never,
    ):  # fmt: skip
        if unknown:
            names.check_keywords(Value.__init__, "Value()", unknown, {})
        self._data = data if data.__class__ is float else _real(data, "data")  # pyright: ignore
        self._grad = 0.0
        self.op = None
        self.first, self.second = (), None
        self.name = label if name is None else name
        if _children:
            self.op, self.first = ops.label(_op), operands_by_hand(_children)
        if watching() is not None:
            watch.made(self)

    @property
    def data(self) -> float:
        """The number. Raises TypeError if it is set to anything but one real number."""
        if watching() is not None:
            watch.asked(self, "data")
        return self._data

    @data.setter
    def data(self, x: Number) -> None:
        self._data = x if x.__class__ is float else _real(x, "data")  # pyright: ignore

    @property
    def grad(self) -> float:
        """The derivative, by this value, of the value on which `backward()` was called."""
        if watching() is not None:
            watch.asked(self, "grad")
        return self._grad

    @grad.setter
    def grad(self, x: Number) -> None:
        self._grad = x if x.__class__ is float else _real(x, "grad")  # pyright: ignore

    def backward(self) -> None:
        """Fills `grad` by the chain rule: the derivative of this value by every node below it.

        Gradients of leaves accumulate from call to call; those of computed values are reset.

        >>> x = Value(3.0)
        >>> (x * x).backward()
        >>> x.grad
        6.0
        """
        graph.sweep(self)

    @property
    def operands(self) -> tuple["Value | float", ...]:
        """The operands of `op`, in order. One or two are stored in the node itself, not in a tuple:
        that halves the objects that the garbage collector scans, which takes most of the time."""
        first, second = self.first, self.second
        if self.op is ops.dot:
            weights, inputs, bias = first  # type: ignore[misc]  # as ops.weighted gave them
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
        """The operands as in karpathy/micrograd: a set, of Values only."""
        return {x if isinstance(x, Value) else Value(x) for x in self.operands}

    @property
    def _op(self) -> str:
        """The operation as karpathy/micrograd writes it: '+', '*', '**2', 'ReLU', '' for a leaf."""
        if self.op is None:
            return ""
        if self.op is ops.pow and isinstance(self.operands[1], float):
            return f"**{self.operands[1]:g}"
        return "ReLU" if self.op is ops.relu else self.op.symbol or self.op.name

    def _backward(self) -> None:
        """The step of `backward()` at this value alone, as in karpathy's lecture: adds to the
        gradients of its operands. Where its own gradient is zero, nothing."""
        graph.pass_on(self)

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        return _record if kinds <= {Value, float} else _record_numbers

    def __float__(self) -> float:
        if self.op is not None or watching() is not None:
            watch.left(self)
        return self._data

    # Truths and integers are steps: their derivative is 0, so that none is lost.

    def _asked(self, how: str, of_number: Callable[[float], Any]) -> Any:
        answer = None if watching() is None else watch.asked(self, how)
        return of_number(self._data) if answer is None else answer

    def __int__(self) -> int:
        return self._asked("int", int)

    def __floor__(self) -> int:
        return self._asked("floor", math.floor)

    def __ceil__(self) -> int:
        return self._asked("ceil", math.ceil)

    def __round__(self, digits: int | None = None) -> float:
        if digits is None:
            return self._asked("round", round)
        if watching() is not None:
            watch.asked(self, "round to digits")
        return round(self._data, digits)

    def __bool__(self) -> bool:
        return self._asked("truth", bool)

    __trunc__ = __int__

    def truth(self, condition: Result) -> Result:
        """A known condition as a Value without operands: so the formula of a derivative becomes the
        same graph as in a trace, where conditions are not known.

        >>> Value(2.0).truth(True).data
        1.0
        """
        known = condition.__class__ in (bool, float)
        return _node(1.0 if condition else 0.0, ops.not_equal, ()) if known else condition

    def __reduce_ex__(self, protocol: Any) -> Any:
        if watching() is not None:
            watch.asked(self, "copy")
            if watch.is_missed(self):
                return "the Value itself"  # to `copy`; `pickle` raises, as no name is that text
        return copies.reduced(self, super().__reduce_ex__(protocol))

    def __setstate__(self, state: Any) -> None:
        """Restores a copy or a pickle."""
        for part in filter(None, state):
            for name, x in part.items():
                setattr(self, name, x)
        if watching() is not None:
            watch.made(self)

    def __format__(self, spec: str) -> str:
        if spec and watching() is not None:
            watch.asked(self, "text")
        return format(self._data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        named = "" if self.name is None else f", name={self.name!r}"
        return f"Value(data={self._data}, grad={self._grad}{named})"


def _real(x: Any, name: str) -> float:
    """`x` as the `data` or the `grad` of a Value. Floats are not passed here, which is faster;
    pyright does not know that `x.__class__ is float` makes x a float."""
    if isinstance(x, Scalar):
        raise x.no_number(name)
    try:
        return number(x)
    except TypeError as error:
        raise TypeError(f"the {name} of a Value: {error}. Instead, {instead_of(x)}") from None


def _node(data: float, op: Op, first: Any, second: Any = None) -> Value:
    """A computed Value. `op` was applied to one operand, two operands, or a tuple of them."""
    node = _new(Value)
    node._data = data
    node._grad = 0.0
    node.op = op
    node.first = first
    node.second = second
    node.name = None
    return node


def _record(op: Op, operands: tuple[Any, ...]) -> Any:
    """Runs `op` on Values and floats, and records it as a node."""
    data = [x if x.__class__ is float else x._data for x in operands]
    try:
        result = op.meaning(*data)
    except (ZeroDivisionError, OverflowError):
        result = machine.run(op.meaning, data)
    if op.boolean:
        if op is ops.less_equal and not (data[0] < data[1] or data[0] > data[1]):
            watch.undecided()
        watcher = watching()
        return result if watcher is None else watcher.compared(op, operands, result)
    if op is ops.dot:
        return _node(result, op, ops.weighted(operands))
    return _node(result, op, *operands) if op.arity in (1, 2) else _node(result, op, operands)


def _record_numbers(op: Op, operands: tuple[Any, ...]) -> Any:
    return _record(op, tuple([x if isinstance(x, Value) else number(x) for x in operands]))


def numbers_of(values: Iterable[Any]) -> list[float]:
    """The numbers of many Values and numbers: faster than the `data` of each."""
    if watching() is None:
        return [
            x._data if x.__class__ is Value else x if x.__class__ is float else _number(x)
            for x in values
        ]
    return [*map(_number, values)]


def write_numbers(values: Iterable[Value], numbers: Iterable[float]) -> None:
    """Sets the `data` of each Value to its number."""
    for value, x in zip(values, numbers):
        value._data = x if x.__class__ is float else _real(x, "data")


def _number(x: Any) -> float:
    return x.data if isinstance(x, Value) else number(x)


def direct(op: Op) -> Callable[[Any], Any]:
    """`op` without the dispatch for Values, which takes most of its time."""
    if op.arity != 1:
        return op
    meaning = op.on_floats or op.meaning

    def function(x: Any) -> Any:
        if x.__class__ is not Value:
            return op(x)
        try:
            result = meaning(x._data)
        except (ZeroDivisionError, OverflowError):
            result = machine.run(meaning, (x._data,))
        return _node(result, op, x)

    function.__name__, function.__doc__ = op.name, op.doc
    return function


def _operators(op: Op) -> tuple[Any, Any]:
    """Like `scalar.operators`, without the dispatch for Values and floats."""
    meaning = op.meaning

    def method(self: Value, other: Any) -> Any:
        if other.__class__ is Value:
            return _node(meaning(self._data, other._data), op, self, other)
        if other.__class__ is int:
            other = number(other)
        if other.__class__ is float:
            return _node(meaning(self._data, other), op, self, other)
        return op(self, other)

    def reflected(self: Value, other: Any) -> Any:
        if other.__class__ is int:
            other = number(other)
        if other.__class__ is float:
            return _node(meaning(other, self._data), op, other, self)
        return op(other, self)

    return method, reflected


_new = Value.__new__
Value.__add__, Value.__radd__ = _operators(ops.add)
Value.__sub__, Value.__rsub__ = _operators(ops.sub)
Value.__mul__, Value.__rmul__ = _operators(ops.mul)
Value.__truediv__, Value.__rtruediv__ = _operators(ops.div)
Value.__pow__, Value.__rpow__ = _operators(ops.pow)
for _name in vars(Scalar):
    _row = TABLE.get(_name.strip("_"))
    if _row is not None and _row.arity == 1:
        setattr(Value, _name, direct(_row))


def dot(weights: Numbers, inputs: Numbers, bias: Number = 0.0) -> Result:
    """The weighted sum `bias + weights[0] * inputs[0] + weights[1] * inputs[1] + ...`, as one node.

    Raises TypeError unless `weights` and `inputs` are sequences, ShapeError unless of one length.

    >>> w, x = [Value(2.0), Value(3.0)], [Value(5.0), Value(7.0)]
    >>> y = dot(w, x, bias=1.0)
    >>> y.backward()
    >>> y.data, w[0].grad, x[1].grad
    (32.0, 5.0, 3.0)
    """
    try:
        left: Any = tuple(weights)  # `tuple` of a tuple makes no copy
        right: Any = tuple(inputs)
    except TypeError:
        raise TypeError(
            f"dot takes two sequences of numbers, got {weights!r:.60} and {inputs!r:.60}"
        ) from None
    if len(left) != len(right):
        raise ShapeError(f"expected as many inputs as weights, {len(left)}; got {len(right)}")
    start: Any = bias
    try:
        total = start._data
        if right and right[0].__class__ is float:
            for w, x in zip(left, right):
                if x.__class__ is not float:
                    return ops.dot(*left, *right, start)
                total = total + w._data * x  # not in place: it may be an array of the caller's
        else:
            for w, x in zip(left, right):
                total = total + w._data * x._data
    except (AttributeError, TypeError):  # not all are Values: symbols, for example
        return ops.dot(*left, *right, start)
    if total.__class__ is not float:  # attributes `_data` of masked arrays, for example
        return ops.dot(*left, *right, start)
    return _node(total, ops.dot, (left, right, start))
