"""Parameters: the leaf Values that a function captures, in one order for arguments of all shapes.

Each specialization orders its parameters so that the weights of a layer are neighbours. The first
one determines the order of the function; later ones append new parameters at the end, so that no
call changes the index of a parameter.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from micrograd.annotations import Number
from micrograd.compiler.api.arguments import Array, numbers
from micrograd.compiler.runtime.extension import layouts
from micrograd.engine import Value, numbers_of
from micrograd.errors import ArgumentError, ShapeError
from micrograd.real import number

Theta = ArrayLike | Mapping[Value, Number] | Sequence[Value]
Places = slice | Array


class Parameters:
    """The parameters of a function, and arrays of their numbers.

    >>> w, b = Value(2.0), Value(1.0)
    >>> both = Parameters(np.dtype(float))
    >>> both.meet((w, b))
    slice(None, 2, None)
    >>> both.numbers({b: 5.0}, "f"), both.like({b: 5.0}, np.array([10.0, 20.0]))
    (array([2., 5.]), {Value(data=1.0, grad=0.0): 20.0})
    """

    def __init__(self, dtype: np.dtype[Any]):
        self.dtype = dtype
        self._place: dict[Value, int] = {}
        self.values: tuple[Value, ...] = ()
        self._layout: bytes | None = None  # of an array of all

    def meet(self, met: tuple[Value, ...]) -> Places:
        """The indices of these parameters; new ones are appended first."""
        for value in met:
            self._place.setdefault(value, len(self._place))
        if len(self._place) > len(self.values):
            self.values, self._layout = tuple(self._place), None
        if met == self.values[: len(met)]:
            return slice(len(met))
        return np.array([self._place[value] for value in met])

    def pack(self) -> Array:
        """The numbers of all parameters, in order."""
        return np.array(numbers_of(self.values), self.dtype)

    def numbers(self, theta: Theta, taker: Any) -> Array:
        """The numbers of all parameters, in order, with those in `theta` replaced: an array of
        all, a dict of some, or Values, whose own numbers count. Raises ArgumentError."""
        if self._is_packed(theta):
            return theta  # type: ignore[return-value]
        if isinstance(theta, Mapping):
            changed = self.pack()
            for value, x in theta.items():
                changed[self._place_of(value)] = number(x)
            return changed
        if _values(theta) is not None:
            return self.pack()
        self._check_order(theta)
        array = np.ascontiguousarray(numbers(theta, self.dtype, taker))
        if array.shape != (len(self.values),):
            raise self._of_another_shape(np.shape(array))
        return array

    def _is_packed(self, theta: Theta) -> bool:
        """Whether it is an array as `pack` makes them, which loops pass: a quick look is enough."""
        layout = layouts(single=True)
        if self._layout is None:
            self._layout = layout(np.empty(len(self.values), self.dtype))
        return self._layout is not None and layout(theta) == self._layout

    def like(self, theta: Theta, gradient: Array) -> Any:
        """A gradient with the structure of `theta`."""
        if theta.__class__ is np.ndarray:
            return gradient
        if isinstance(theta, Mapping):
            return {value: gradient[self._place_of(value)].item() for value in theta}
        values = _values(theta)
        return gradient if values is None else gradient[[self._place_of(v) for v in values]]

    def whole(self, places: Places, gradient: Array) -> Array:
        """The gradient of all parameters: `gradient` at these places, zero elsewhere."""
        if len(gradient) == len(self.values) and isinstance(places, slice):
            return gradient
        result = np.zeros(len(self.values), self.dtype)
        result[places] = gradient
        return result

    def _place_of(self, value: Any) -> int:
        if not isinstance(value, Value):
            raise ArgumentError(
                f"theta must be a dict of numbers by Value, or a list of Values, got {value!r:.60}"
            )
        if value not in self._place:
            raise ArgumentError(f"the function does not capture {value!r:.80}; see `parameters`")
        return self._place[value]

    def _check_order(self, theta: Any) -> None:
        """Refuses lists of several numbers: their order is not known to be that of `parameters`."""
        if isinstance(theta, (list, tuple)) and len(theta) == len(self.values) > 1:
            raise ArgumentError(
                "theta is a list of numbers, whose order may be another: pass the array of "
                "pack(), in the order of `parameters`; or a dict {parameter: number}; or a list "
                "of the Values themselves"
            )

    def _of_another_shape(self, shape: tuple[int, ...]) -> ShapeError:
        n = len(self.values)
        return ShapeError(
            f"theta must have the shape ({n},), a number for each parameter as pack() gives them; "
            f"got {shape}. {GRADIENT_OF}"
        )


GRADIENT_OF = (
    "The first argument of `gradient` is theta, the numbers of the Values that the function "
    "captures; value_and_grad differentiates with respect to the arguments"
)


def _values(theta: Theta) -> Sequence[Any] | None:
    """Theta, if it is a list of Values."""
    listed = isinstance(theta, (list, tuple)) and any(isinstance(x, Value) for x in theta)
    return theta if listed else None  # type: ignore[return-value]
