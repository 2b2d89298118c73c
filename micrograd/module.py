"""Module: a model whose parameters can be named, counted, saved and loaded."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from micrograd.annotations import Tree
from micrograd.engine import Value, write_numbers
from micrograd.errors import ShapeError
from micrograd.real import number
from micrograd.report import Report


class Module:
    """A model: its parameters are the `Value`s in its attributes, including those of submodules.

    Your own model only needs attributes and `__call__`:

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    ...
    ...     def __call__(self, x):
    ...         return self.slope * x + self.offset
    >>> Line().state_dict()
    {'slope': 2.0, 'offset': 1.0}
    >>> line = Line()
    >>> line.load_state_dict({"slope": 3.0, "offset": -1.0})
    >>> line(2.0).backward()
    >>> [p.grad for p in line.parameters()]
    [2.0, 1.0]
    >>> line.zero_grad()
    >>> line.name_parameters()
    >>> line.arrays()["slope"]
    Value(data=3.0, grad=0.0, name='slope')
    """

    def arrays(self) -> dict[str, Tree]:
        """The parameters by attribute name: a `Value`, or a (nested) list of Values."""
        return dict(_arrays(vars(self)))

    def parameters(self) -> list[Value]:
        """All parameters, in the order of `arrays()`."""
        values: list[Value] = []
        for array in self.arrays().values():
            _gather(array, values)
        return values

    def zero_grad(self) -> None:
        """Sets all gradients to zero, since `backward()` adds to them."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def name_parameters(self) -> None:
        """Names each parameter after its position, such as `layers.0.weights[3,1]`."""
        for name, array in self.arrays().items():
            for place, value in _elements(array):
                value.name = name + (f"[{','.join(map(str, place))}]" if place else "")

    def state_dict(self) -> dict[str, Tree]:
        """The numbers of `arrays()`, to save, and to pass to `load_state_dict`.

        >>> from micrograd.neuralnet import Neuron
        >>> Neuron(2, seed=0).state_dict().keys()
        dict_keys(['weights', 'bias'])
        """
        return {name: _numbers(array) for name, array in self.arrays().items()}

    def load_state_dict(self, state: Mapping[str, Tree]) -> None:
        """Sets the parameters from `state`: lists or arrays, as in `state_dict()`.

        Raises ShapeError if names or shapes differ, and TypeError for elements that are not
        numbers; the model is then unchanged.
        """
        arrays = self.arrays()
        if not isinstance(state, Mapping):
            raise TypeError(
                "expected a state, a dict of arrays as state_dict() returns it, got "
                f"{type(state).__name__} {state!r:.60}"
            )
        if arrays.keys() != state.keys():
            raise ShapeError(
                f"expected a state with the arrays {', '.join(arrays)}, got "
                f"{', '.join(state) or 'none'}; load it into the model that it was saved from"
            )
        loaded = []
        for name, array in arrays.items():
            expected, came = _shape(array), _shape(state[name])
            if expected != came:
                raise ShapeError(
                    f"{name} must have the shape {expected}, as in this model, got {came}"
                )
            loaded += zip(_elements(array), _elements(state[name]), strict=True)
        numbers = [number(x) for _, (_, x) in loaded]
        write_numbers([value for (_, value), _ in loaded], numbers)

    def summary(self) -> Report:
        """A table of the parameters, one line per array, and their total.

        >>> from micrograd.neuralnet import MLP
        >>> print(MLP(2, [16, 1], seed=0).summary())
        array              shape  parameters
        layers.0.weights  16 × 2          32
        layers.0.bias         16          16
        layers.1.weights  1 × 16          16
        layers.1.bias          1           1
        total                             65
        """
        rows = [("array", "shape", "parameters")]
        for name, array in self.arrays().items():
            shape = _shape(array)
            rows.append((name, " × ".join(map(str, shape)), f"{math.prod(shape):,}"))
        rows.append(("total", "", f"{len(self.parameters()):,}"))
        name, shape, count = (max(map(len, column)) for column in zip(*rows))
        return Report("\n".join(f"{a:<{name}}  {b:>{shape}}  {c:>{count}}" for a, b, c in rows))


# An array is a number, or a sequence of arrays of one shape.


def _arrays(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The arrays of Values in `attributes`, including those of submodules."""
    for name, attribute in attributes.items():
        if isinstance(attribute, Module):
            yield from ((f"{name}.{inner}", array) for inner, array in attribute.arrays().items())
        elif isinstance(attribute, (list, tuple)) and any(isinstance(x, Module) for x in attribute):
            yield from _arrays({f"{name}.{i}": module for i, module in enumerate(attribute)})
        elif isinstance(next(_elements(attribute), ((), None))[1], Value):
            yield name, attribute


def _gather(array: Any, values: list[Value]) -> None:
    """Appends the elements to `values`, in row-major order."""
    if not _is_sequence(array):
        values.append(array)
    elif {*map(type, array)} == {Value}:  # a row of weights
        values.extend(array)
    else:
        for part in array:
            _gather(part, values)


def _elements(array: Any, place: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Any]]:
    """The index and the value of each element, in row-major order."""
    if not _is_sequence(array):
        yield place, array
        return
    for i, part in enumerate(array):
        yield from _elements(part, (*place, i))


def _shape(array: Any) -> tuple[int, ...]:
    if not _is_sequence(array):
        return ()
    shapes = {_shape(part) for part in array}
    if len(shapes) > 1:
        raise ShapeError("the rows of an array differ in length")
    return (len(array), *(shapes.pop() if shapes else ()))


def _numbers(array: Any) -> Any:
    return [_numbers(part) for part in array] if _is_sequence(array) else array.data


def _is_sequence(array: Any) -> bool:
    """Whether `array` is a list, a tuple, or an array of at least one dimension."""
    return isinstance(array, (list, tuple)) or getattr(array, "ndim", 0) > 0
