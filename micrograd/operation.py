"""An operation as an object, and its dispatch on floats, arrays and other scalars.

An operation is one row of the table in `ops.py`: a name, a meaning, a derivative. Meaning and
derivative are formulas in plain arithmetic over other operations, so that one row serves all
interpreters: the engine runs them on floats, higher derivatives on `Value`s, the compiler on
symbols, NumPy on arrays.

A derivative is passed `g`, the gradient of the result; `z`, the result; and the operands. It
returns the term that each operand's gradient gains, in the order of the operands. A zero written as
a float stops the chain rule there.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Any, cast

from micrograd import machine
from micrograd.annotations import Number, Result
from micrograd.iteration import Iteration
from micrograd.real import check_masks, may_be_masked, number, real_array

INSTRUCTION, FUNCTION = 1, 25  # the cost of a primitive, in machine instructions


class _Described:
    """An attribute that `formula.py` computes for a row when it is read; the class has its own."""

    def __init__(self, function: str, of_class: str | None = None):
        self.function, self.of_class = function, of_class

    def __get__(self, row: "Op | None", kind: type) -> Any:
        if row is not None:
            from micrograd import formula  # needs the whole table, and the scalars

            return getattr(formula, self.function)(row)
        if self.of_class is None:
            raise AttributeError
        return self.of_class


@dataclass(frozen=True, eq=False, repr=False)
class Op:
    """One row of the table: an operation on numbers, and its derivative.

    On numbers it returns a float, on NumPy arrays an array, on `Value`s a `Value`.

    >>> import micrograd as mg
    >>> mg.sqrt(2.25)
    1.5
    >>> mg.tanh, mg.tanh.arity
    (<op tanh>, 1)

    `help(mg.tanh)` shows its operands, its derivative, and an example.
    """

    __doc__ = _Described("description", __doc__)  # pyright: ignore[reportAssignmentType]
    __signature__ = _Described("signature")

    name: str
    arity: int | None  # None: any number of operands
    meaning: Callable[..., Any]
    derivative: Callable[..., Any] | None
    doc: str
    _: KW_ONLY
    symbol: str = ""  # of an infix operator
    primitive: bool = False  # every back end implements it, by name
    boolean: bool = False  # the result is a truth value, which has no derivative
    conditions: int = 0  # how many of the first operands are truth values
    defaults: tuple[float, ...] = ()  # of the last operands, if they are optional
    on_floats: Callable[..., float] | None = None  # a faster equivalent of `meaning`
    library: bool = False  # of this package: known by name, and NaN if an operand is NaN
    iteration: Iteration | None = None  # the meaning, if it is a loop
    variant: str = ""  # tells operations of one name apart, which are not in the table
    made_by: tuple[Any, ...] = ()  # of these, a function and its arguments, for copies
    c: str = ""  # of a primitive: its operator or function in C, if it is not the symbol or name
    cost: int = INSTRUCTION  # of a primitive; that of a composite follows from its formula
    opaque: bool = False  # its meaning is a function of numbers and cannot be traced

    def __post_init__(self) -> None:
        if not (callable(self.meaning) and (self.boolean or callable(self.derivative))):
            raise TypeError(f"operation {self.name!r} needs a meaning and a derivative")

    def __call__(self, *operands: Number) -> Result:
        if len(operands) != self.arity is not None:
            operands = self._completed(operands)
        return INTERPRETERS[frozenset(map(type, operands))](self, operands)

    def _completed(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        missing = cast(int, self.arity) - len(operands)
        if not 0 < missing <= len(self.defaults):
            count = f"{self.arity} operand{'s' * (self.arity != 1)}"
            raise TypeError(f"{self.name} takes {count}, got {len(operands)}")
        return operands + self.defaults[-missing:]

    def __copy__(self) -> "Op":
        return self

    def __deepcopy__(self, memo: Any) -> "Op":
        """Copies are the row itself, whatever is called by its name now."""
        return self

    def __reduce__(self) -> Any:
        """A pickle names the row, or how it was made."""
        if self.made_by:
            return self.made_by[0], self.made_by[1:]
        return _row, (self.name, UNLISTED.get(self.name) is self)

    @property
    def identifier(self) -> str:
        """The name, and what distinguishes it from others of that name."""
        return f"{self.name}_{self.variant}" if self.variant else self.name

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def _row(name: str, unlisted: bool = False) -> Op:
    return (UNLISTED if unlisted else TABLE).get(name) or label(name)


# The dispatch: the types of the operands decide which interpreter runs an operation.

Interpreter = Callable[[Op, tuple[Result, ...]], Result]


class _Interpreters(dict[frozenset[type], Interpreter]):
    """The interpreter for operands of these types: that of arrays, that of the scalar with the
    highest rank, or the machine."""

    def __missing__(self, kinds: frozenset[type]) -> Interpreter:
        run: Interpreter
        scalars: list[Any] = [kind for kind in kinds if hasattr(kind, "interpreter")]
        if any("ndarray" in [base.__name__ for base in kind.__mro__] for kind in kinds):
            run = elementwise if scalars else on_arrays
        elif scalars:
            run = max(scalars, key=lambda kind: kind.rank).interpreter(kinds)
        elif machine.Float in kinds:
            run = on_machine_floats
        else:
            run = on_floats if kinds == frozenset({float}) else on_numbers
        if run is not elementwise and any(map(_is_list, kinds)):
            run = _on_a_list
        if any(map(_may_be_integer, kinds)):
            run = partial(_with_checked_conditions, run)
        if any(map(may_be_masked, kinds)):
            run = partial(_without_masks, run)
        self[kinds] = run
        return run


def _is_list(kind: type) -> bool:
    return issubclass(kind, (list, tuple))


def _on_a_list(op: Op, operands: tuple[Any, ...]) -> Any:
    if any(hasattr(x, "dtype") for x in operands):
        return on_arrays(op, tuple(real_array(x) if _is_list(x.__class__) else x for x in operands))
    called = f"micrograd.{op.name}" if op.library else op.name
    listed = next(x for x in operands if _is_list(x.__class__))
    if hasattr(listed, "no_number"):
        raise listed.no_number()
    instead = f"[{called}(x) for x in values], or {called}(micrograd.array(values))"
    raise TypeError(
        f"{op.name}: expected one real number, got {type(listed).__name__} {listed!r:.60}. For "
        f"several, write {instead if op.arity == 1 else 'micrograd.array(values)'}"
    )


def _without_masks(run: Interpreter, op: Op, operands: tuple[Any, ...]) -> Any:
    for x in operands:
        check_masks(x)
    return run(op, tuple(x.data if may_be_masked(x.__class__) else x for x in operands))


def _may_be_integer(kind: type) -> bool:
    return kind is int or hasattr(kind, "dtype")


def _with_checked_conditions(run: Interpreter, op: Op, operands: tuple[Any, ...]) -> Any:
    if op.conditions:
        for x in operands[: op.conditions]:
            check_condition(x, op.name)
    return run(op, operands)


def check_condition(c: Any, where: str) -> None:
    """Raises TypeError for an integer, or an array of them, that is neither 0 nor 1."""
    kind = getattr(c, "dtype", None)
    if kind is None and c.__class__ is int:
        wrong = c not in (0, 1)
    elif kind is not None and kind.kind in "iu":
        wrong = bool(((c != 0) & (c != 1)).any())
    else:
        return
    if wrong:
        raise TypeError(
            f"{where} expects a condition, got {c!r:.60}. `~` of a comparison is the integer -1 or "
            "-2, not a truth. Instead, write micrograd.logical_not(x > 0), or x <= 0"
        )


INTERPRETERS = _Interpreters()


def on_floats(op: Op, operands: tuple[Any, ...]) -> float | bool:
    return op.meaning(*operands) if op.primitive else machine.run(op.meaning, operands)


def on_numbers(op: Op, operands: tuple[Any, ...]) -> float | bool:
    return on_floats(op, tuple(map(number, operands)))


def on_machine_floats(op: Op, operands: tuple[Any, ...]) -> float | bool:
    """Within a formula that `machine.run` repeats on Floats, where nothing may raise."""
    result = op.meaning(*[machine.Float(number(x)) for x in operands])
    return result if op.boolean else machine.Float(result)


def elementwise(op: Op, operands: tuple[Any, ...]) -> Any:
    import numpy as np

    return np.frompyfunc(op, len(operands), 1)(*operands)


def on_arrays(op: Op, operands: tuple[Any, ...]) -> Any:
    import numpy as np

    kinds = [getattr(x, "dtype", np.dtype(float)).kind for x in operands]
    if "O" in kinds:  # objects, such as Values
        return elementwise(op, operands)
    if other := [x for x, kind in zip(operands, kinds) if kind not in "fiub"]:
        raise TypeError(f"{op.name}: expected real numbers, got {other[0]!r:.60}")
    truths = [k < op.conditions and kind == "b" for k, kind in enumerate(kinds)]
    arrays = [x if truth else np.asarray(x, float) for x, truth in zip(operands, truths)]
    with np.errstate(all="ignore"):
        if op.primitive:
            return machine.on_arrays(op.name)(*arrays)
        try:
            return op.meaning(*arrays)
        except (TypeError, ValueError):  # a user's meaning may contain `if x > 0`
            return np.asarray(elementwise(op, operands), float)[()]


# The table, and functions that add a row to it.

TABLE: dict[str, Op] = {}
UNLISTED: dict[str, Op] = {}  # rows that only the chain rule uses


def enter(row: Op) -> Op:
    """Adds `row` to the table. A user's row may replace another one of the user's, as a cell of a
    notebook runs again: graphs and programs keep the row that they were made with. Raises
    ValueError for the name of a row of this package."""
    known = TABLE.get(row.name)
    if known is not None and (known.library or row.library):
        raise ValueError(
            f"micrograd has an operation called {row.name!r} already; choose another name"
        )
    TABLE[row.name] = row
    return row


def primitive(
    name: str, doc: str, derivative: Callable[..., Any], symbol: str = "", **columns: Any
) -> Op:
    """A primitive operation: its meaning is the function of that name in `machine.py`."""
    meaning, code = getattr(machine, name), derivative.__code__
    arity = None if code.co_flags & inspect.CO_VARARGS else code.co_argcount - len("gz")
    return enter(
        Op(name, arity, meaning, derivative, doc,
           symbol=symbol, primitive=True, library=True, **columns)
    )  # fmt: skip


def function(
    name: str, doc: str, derivative: Callable[..., Any], symbol: str = "", **columns: Any
) -> Op:
    """A primitive that takes many machine instructions: a function of the C library."""
    return primitive(name, doc, derivative, symbol, cost=FUNCTION, **columns)


def truth(name: str, arity: int, doc: str, symbol: str = "", **columns: Any) -> Op:
    """A primitive comparison or connective: its result is a truth value."""
    return enter(
        Op(name, arity, getattr(machine, name), None, doc,
           symbol=symbol, primitive=True, library=True, boolean=True, **columns)
    )  # fmt: skip


def composed(
    derivative: Callable[..., Any],
    name: str = "",
    on_floats: Callable[..., float] | None = None,
    conditions: int = 0,
    listed: bool = True,
    library: bool = True,
    opaque: bool = False,
) -> Callable[[Callable[..., Any]], Op]:
    """A composite operation: decorates its meaning, whose docstring describes the operation."""

    def enter_row(meaning: Callable[..., Any]) -> Op:
        parameters = list(inspect.signature(meaning).parameters.values())
        defaults = tuple(p.default for p in parameters if p.default is not p.empty)
        arity = None if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(parameters)
        doc = inspect.getdoc(meaning) or f"{meaning.__name__}, added by its user"
        title = doc.splitlines()[0].rstrip(".")
        called = name or meaning.__name__.rstrip("_")
        row = Op(
            called, arity, meaning, derivative, title,
            defaults=defaults, on_floats=on_floats, conditions=conditions, library=library,
            opaque=opaque,
        )  # fmt: skip
        return enter(row) if listed else UNLISTED.setdefault(called, row)

    return enter_row


def label(name: str) -> Op:
    """An operation that was computed elsewhere: it has a name, and passes no gradient on."""

    def meaning(*operands: float) -> float:
        return math.nan

    def derivative(g: Any, z: Any, *operands: Any) -> list[float]:
        return [0.0] * len(operands)

    return Op(name, None, meaning, derivative, name, symbol=name)
