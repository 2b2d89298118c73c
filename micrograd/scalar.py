"""Scalars: classes that stand for a number. Their arithmetic and methods are rows of the table.

`Value`, the compiler's symbols and its registers are scalars. Each defines how it runs an
operation, and inherits all operators and methods.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, Self, TypeVar, cast, overload

from micrograd import beta_function, elementary, gammas, ops, special
from micrograd.annotations import Result
from micrograd.arrays.formulas import METHODS, formula_of
from micrograd.ops import Interpreter, Op

S = TypeVar("S", bound="Scalar")
S_co = TypeVar("S_co", bound="Scalar", covariant=True)


class _Bound(Protocol[S_co]):
    """A bound operator or method: with numbers it returns a scalar of the same class."""

    @overload
    def __call__(self, *others: "float | Scalar") -> S_co: ...
    @overload
    def __call__(self, *others: Any) -> Any: ...  # an array, beside an array


class _Method(Protocol):
    """The type of an operator or method in a class, for type checkers."""

    def __get__(self, scalar: S, kind: type[S] | None = None) -> _Bound[S]: ...


def operators(op: Op) -> tuple[_Method, _Method]:
    """The methods of an operator: x + y, and the reflected one, for a number on the left."""

    def method(self: "Scalar", other: Any) -> Any:
        return op(self, other)

    def reflected(self: "Scalar", other: Any) -> Any:
        return op(other, self)

    return cast(_Method, method), cast(_Method, reflected)


def comparisons(op: Op) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The methods of `x < y` and `x > y`."""
    return cast(Any, operators(op))


def function(op: Op) -> _Method:
    """The method that applies `op` to the scalar, and to the operands that follow."""

    def method(self: "Scalar", *others: Any) -> Any:
        return op(self, *others)

    method.__name__, method.__doc__ = op.name, op.doc
    return cast(_Method, method)


# The ufuncs behind the operators of NumPy's scalars.
_UFUNCS = {
    "add": ops.add, "subtract": ops.sub, "multiply": ops.mul, "divide": ops.div, "power": ops.pow,
    "less": ops.less, "less_equal": ops.less_equal, "equal": ops.equal, "not_equal": ops.not_equal,
}  # fmt: skip


class Scalar:
    """An operand that stands for a number."""

    __slots__ = ()
    rank: ClassVar[int] = 0  # of operands of several classes, the highest rank runs the operation

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        """The interpreter of operations on operands of these types."""
        raise NotImplementedError

    def no_number(self, name: str) -> TypeError:
        """The error for `p.data = x`, or another attribute `name`, if `x` is this scalar."""
        return TypeError(
            f"the {name} of a Value: expected one real number, got {type(self).__name__} "
            f"{self!r:.60}. Instead, use it as it is; or its number, x.data, as in p.data -= 0.1 * "
            "p.grad"
        )

    def truth(self, condition: Result) -> Result:
        """A condition of an operation, as the formulas of derivatives are passed it."""
        return condition

    # Written out, because the protocols in the type of the built-in `sum` require methods.

    @overload
    def __add__(self, other: "float | Scalar", /) -> Self: ...
    @overload
    def __add__(self, other: Any, /) -> Any: ...
    def __add__(self, other: Any, /) -> Any:
        return ops.add(self, other)

    @overload
    def __radd__(self, other: "float | Scalar", /) -> Self: ...
    @overload
    def __radd__(self, other: Any, /) -> Any: ...
    def __radd__(self, other: Any, /) -> Any:
        return ops.add(other, self)

    __sub__, __rsub__ = operators(ops.sub)
    __mul__, __rmul__ = operators(ops.mul)
    __truediv__, __rtruediv__ = operators(ops.div)
    __pow__, __rpow__ = operators(ops.pow)
    __mod__, __rmod__ = operators(elementary.mod)
    __floordiv__, __rfloordiv__ = operators(elementary.floor_divide)

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Any, Any]:
        return other // self, other % self

    __lt__, __gt__ = comparisons(ops.less)
    __le__, __ge__ = comparisons(ops.less_equal)

    def __eq__(self, other: object) -> Any:
        try:
            return ops.equal(self, cast(Any, other))
        except TypeError:  # not a number at all
            return NotImplemented

    def __ne__(self, other: object) -> Any:
        try:
            return ops.not_equal(self, cast(Any, other))
        except TypeError:
            return NotImplemented

    __hash__ = object.__hash__  # the node, not its number

    def __neg__(self) -> Self:
        return ops.neg(self)

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Self:
        return ops.abs(self)

    def conjugate(self) -> Self:
        """The scalar itself, as it is real; NumPy's `var` calls this."""
        return self

    exp, expm1, log, log1p = map(function, (ops.exp, ops.expm1, ops.log, ops.log1p))
    sqrt, abs, sign, floor = map(function, (ops.sqrt, ops.abs, ops.sign, ops.floor))
    sin, cos, tan = map(function, (ops.sin, ops.cos, ops.tan))
    asin, acos, atan, atan2 = map(function, (ops.asin, ops.acos, ops.atan, ops.atan2))
    sinh, cosh, tanh = map(function, (ops.sinh, ops.cosh, ops.tanh))
    erf, erfc, lgamma = map(function, (ops.erf, ops.erfc, special.lgamma))
    beta, gammainc = map(function, (beta_function.beta, gammas.gammainc))
    sigmoid, softplus, relu = map(function, (ops.sigmoid, ops.softplus, ops.relu))
    leaky_relu, elu, silu, gelu = map(function, (ops.leaky_relu, ops.elu, ops.silu, ops.gelu))
    maximum, minimum = map(function, (ops.maximum, ops.minimum))

    # NumPy calls these by its own names on arrays of objects.
    arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
    fabs = absolute = abs

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """NumPy's ufuncs on scalars: the same formulas as on arrays of scalars."""
        op = _UFUNCS.get(ufunc.__name__) if method == "__call__" and not kwargs else None
        from micrograd.arrays import array, ufuncs

        if op is not None and not any(map(ufuncs.is_array, inputs)):
            return op(*inputs)  # operands are scalars and NumPy's numbers
        return array.wrapped(ufuncs.call(ufunc, method, inputs, kwargs))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from micrograd.arrays import array

        return array.call(function, args, kwargs)


def _method(formula: Callable[..., Any] | None) -> Any:
    assert formula is not None

    def method(self: Scalar, *others: Any) -> Any:
        return formula(self, *others)

    return method


def add_methods() -> None:
    """Makes a method of each row of the package that has none. Those above are written out for
    type checkers."""
    for name, row in ops.TABLE.items():
        of_numbers = row.arity and not (row.symbol or row.boolean or row.conditions)
        if row.library and of_numbers and not hasattr(Scalar, name):
            setattr(Scalar, name, function(row))


for _name in METHODS:
    setattr(Scalar, _name, _method(formula_of(_name)))
add_methods()


def operands_by_hand(children: Any) -> tuple[Any, ...]:
    """The operands of a Value that is made by hand, as in karpathy's lecture."""
    several = hasattr(children, "__iter__") and not isinstance(children, (str, bytes))
    operands: tuple[Any, ...] = tuple(children) if several else (children,)
    for x in operands:
        if not isinstance(x, Scalar):
            name = ". A name is passed as name='a'" if isinstance(x, str) else ""
            raise TypeError(
                "the operands of a Value are Values, as in Value(data, (a, b), '+'); got "
                f"{type(x).__name__} {x!r:.60}{name}"
            )
    return operands
