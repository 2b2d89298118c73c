"""Symbol: a number that is not known yet, a node of the graph that a trace records."""

import sys
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, NoReturn, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from micrograd import elementary, ops
from micrograd.caller import is_of_user
from micrograd.compiler.trace.errors import (
    DIGITS,
    FLOAT,
    KEY,
    TEXT,
    TraceError,
    asked_for,
    foreign,
    frozen,
    met_an_array,
)
from micrograd.compiler.trace.unseen import check_identity, text
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar

Node: TypeAlias = "Symbol | float"

MANY = 16  # operands: from here on an array of their numbers is quicker than Python


class Recorder(Protocol):
    """The part of a trace that its symbols use."""

    count: int  # of all nodes
    nodes: list["Symbol"]  # those that are computed, in the order of their making
    numbers_only: bool  # a symbol that meets an array raises TraceError
    questions: Any  # None: the function has returned, or may not ask

    def holds(self, x: "Symbol") -> bool: ...

    def integer(self, x: "Symbol") -> int: ...

    def of_user(self, op: Op, operands: tuple[Any, ...]) -> "Symbol": ...

    def node(self, op: Op, operands: tuple[Any, ...]) -> "Symbol": ...

    def symbols(self, operands: tuple[Any, ...]) -> tuple[Node, ...]: ...

    def formula_of_norm(self, operands: tuple[Node, ...]) -> Node: ...


class Symbol(Scalar):
    """A number that is not known yet, in a graph of such.

    A leaf has no `op`: it is an input (`source` is its argument and place) or a parameter (`source`
    is the Value whose number it stands for). The `source` of a norm is its formula.
    """

    __slots__ = ("number", "op", "operands", "source", "trace")
    rank = 1
    op: Op | None
    operands: tuple[Node, ...]
    source: Any
    trace: Recorder
    number: int  # how many were made before it in its trace

    def __init__(
        self, trace: Recorder, op: Op | None, operands: tuple[Node, ...], source: Any = None
    ):
        self.trace = trace
        self.op = op
        self.operands = operands
        self.source = (
            trace.formula_of_norm(operands) if op is ops.norm and source is None else source
        )
        self.number = trace.count
        trace.count += 1
        if op is not None:
            trace.nodes.append(self)

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        if kinds <= {Symbol, float}:
            return _record
        return _record_conditions if Condition in kinds else _record_mixed

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if self.trace.numbers_only and (method != "__call__" or any(map(_has_axes, inputs))):
            known = hasattr(np, ufunc.__name__)
            raise met_an_array(f"np.{ufunc.__name__}" if known else "an operation with an array")
        return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if self.trace.numbers_only:
            raise met_an_array(f"np.{function.__name__}")
        return super().__array_function__(function, types, args, kwargs)

    def __hash__(self) -> int:
        if self.trace.questions is not None and is_of_user(sys._getframe(1)):
            raise asked_for(*KEY)
        return object.__hash__(self)

    def __reduce_ex__(self, protocol: Any) -> str:
        return "the number itself"  # to `copy`; `pickle` raises, as no name is that text

    def __format__(self, spec: str) -> str:
        raise asked_for(*TEXT)

    def __bool__(self) -> bool:
        return self.trace.holds(ops.not_equal(self, 0.0))

    def __float__(self) -> NoReturn:
        raise asked_for(*FLOAT)

    def __int__(self) -> int:
        return self.trace.integer(ops.where(self < 0.0, -ops.floor(-self), ops.floor(self)))

    def __floor__(self) -> int:
        return self.trace.integer(ops.floor(self))

    def __ceil__(self) -> int:
        return self.trace.integer(elementary.ceil(self))

    def __round__(self, digits: Any = None) -> int:
        if digits is not None:
            raise asked_for(*DIGITS)
        return self.trace.integer(elementary.round(self))

    __trunc__ = __int__

    def __index__(self) -> NoReturn:
        raise frozen(
            "a traced number was used as an index or a length",
            "write micrograd.take(values, index)",
        )

    @property
    def data(self) -> NoReturn:
        raise frozen(
            "`.data` of a traced number was asked for: it has none yet",
            "compute with the number itself, micrograd.stop_gradient(x) to stop the gradient",
        )

    @property
    def grad(self) -> NoReturn:
        raise frozen(
            "`.grad` of a traced number was asked for", "call micrograd.grad(f), inside or outside"
        )

    def backward(self) -> NoReturn:
        raise frozen(
            "backward() was called on a traced number",
            "return the number, and call .backward or .value_and_grad of the compiled function",
        )

    def no_number(self, name: str) -> TraceError:
        return frozen(
            f"a traced number was written into the {name} of a Value",
            "compute with it as it is; or return the number, and write it where the compiled "
            "function is called",
        )

    def __repr__(self) -> str:
        return text(sys._getframe(1))


def numbers_of(nodes: Sequence[Node]) -> NDArray[np.int64]:
    """The numbers of nodes; of a float, -1."""
    try:
        return np.fromiter(map(attrgetter("number"), nodes), np.int64, len(nodes))
    except AttributeError:  # floats among them
        return np.array([x.number if isinstance(x, Symbol) else -1 for x in nodes], np.int64)


def _has_axes(x: Any) -> bool:
    return isinstance(x, (list, tuple)) or getattr(x, "ndim", 0) > 0


class Condition(Symbol):
    """Whether a comparison holds, which is not known yet. In arithmetic it is 1.0 or 0.0."""

    __slots__ = ()

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # none writes
        """For `isinstance(x > 0, bool)` in the user's program, which holds for Values."""
        return bool if is_of_user(sys._getframe(1)) else type(self)

    def __bool__(self) -> bool:
        return self.trace.holds(self)

    def __int__(self) -> int:
        return int(self.trace.holds(self))

    __index__: Any = __int__
    __trunc__ = __floor__ = __ceil__ = __int__

    def __and__(self, other: Any) -> Any:
        return ops.logical_and(self, other)

    def __or__(self, other: Any) -> Any:
        return ops.logical_or(self, other)

    def __invert__(self) -> NoReturn:
        raise frozen(
            "`~` was applied to a condition, which for Values is Python's bool, where ~True is -2",
            "write micrograd.logical_not(condition), exchange the branches of `where`, or turn the "
            "comparison round",
        )

    __rand__, __ror__ = __and__, __or__


def as_number(x: Any) -> Any:
    """A node as an operand or a result that is a number: a condition is 1.0 or 0.0."""
    return Symbol(x.trace, ops.where, (x, 1.0, 0.0)) if isinstance(x, Condition) else x


def _record(op: Op, operands: tuple[Any, ...]) -> Symbol:
    trace: Any = None
    for x in operands:
        if x.__class__ is Symbol and x.trace is not trace:
            if trace is not None:
                raise foreign()
            trace = x.trace
    if not op.library:
        return trace.of_user(op, operands)
    return compared(trace, op, operands) if op.boolean else Symbol(trace, op, operands)


def _record_mixed(op: Op, operands: tuple[Any, ...]) -> Symbol:
    trace = next(x.trace for x in reversed(operands) if isinstance(x, Symbol))
    if not op.library:
        return trace.of_user(op, trace.symbols(operands))
    known = trace.symbols(operands)
    return compared(trace, op, known) if op.boolean else Symbol(trace, op, known)


def _record_conditions(op: Op, operands: tuple[Any, ...]) -> Symbol:
    if op is ops.where:  # written out for what most choices are: a condition, and numbers
        condition, x, y = operands
        if type(condition) is Condition:
            trace: Any = condition.trace
            of_trace = type(x) is float or (type(x) is Symbol and x.trace is trace)
            if of_trace and (type(y) is float or (type(y) is Symbol and y.trace is trace)):
                return Symbol(trace, op, operands)
    trace = next(x.trace for x in reversed(operands) if isinstance(x, Symbol))
    return trace.node(op, operands)


def compared(trace: Any, op: Op, operands: tuple[Any, ...]) -> Condition:
    """A new comparison. Raises TraceError if the user's program compares it by `is`."""
    if trace.questions is not None:
        check_identity()
    return Condition(trace, op, operands)
