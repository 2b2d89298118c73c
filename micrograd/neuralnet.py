"""Neuron, Layer, MLP: models made of Values.

>>> model = MLP(2, [3, 1], activation="tanh", seed=0)
>>> (output,) = model([1.0, -2.0])
>>> output.backward()
>>> len(model.parameters()), model.layers[1].neurons[0].bias.grad
(13, 1.0)
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

from micrograd import ops
from micrograd.annotations import Function, Number, Result, Tree
from micrograd.engine import Value, direct, dot
from micrograd.errors import ShapeError
from micrograd.module import Module
from micrograd.names import names_keywords, unknown
from micrograd.real import number
from micrograd.scalar import Scalar

Activation = str | Function


class _Activated(Module):
    """A module with an activation. Copies and pickles look its function up by name again."""

    activation: Activation
    function: Function | None

    def __getstate__(self) -> dict[str, Any]:
        return {name: x for name, x in vars(self).items() if name != "function"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.function = activation_function(self.activation)


@names_keywords()
class Neuron(_Activated):
    """The activation of a weighted sum of `nin` inputs plus a bias, as a scalar.

    `activation` is the name of an operation of one operand, or a function. `initial_weights` draws
    the weights; the bias is 0. `seed` is an integer or a `random.Random`; None gives other weights
    every time. `fan_out` is the number of neurons with the same inputs.

    Raises ValueError for an unknown activation, and unless `nin` is an integer of at least 1. A
    call raises ShapeError for another number of inputs.

    >>> Neuron(2, "relu", seed=0)
    Neuron(2, activation='relu')
    >>> Neuron(2, seed=0)([0.0, 0.0]).data
    0.0
    """

    def __init__(
        self,
        nin: int,
        activation: Activation = "identity",
        *,
        seed: int | Random | None = None,
        fan_out: int = 1,
    ):
        self.activation = activation
        self.function = activation_function(activation)
        numbers = initial_weights(activation, nin, fan_out, _random(seed))
        self.weights = tuple([Value(w) for w in numbers])
        self.bias = Value(0.0)
        self.name_parameters()

    def __call__(self, inputs: Sequence[Number]) -> Result:
        """The scalar for `nin` inputs."""
        weighted = dot(self.weights, inputs, self.bias)
        return weighted if self.function is None else self.function(weighted)

    def __repr__(self) -> str:
        return f"Neuron({len(self.weights)}, activation={_called(self.activation)})"


@names_keywords()
class Layer(_Activated):
    """`nout` neurons with the same `nin` inputs. A call returns the list of their outputs.

    Raises ValueError for an unknown activation, and unless the sizes are integers of at least 1. A
    call raises ShapeError for another number of inputs.

    >>> layer = Layer(2, 3, "tanh", seed=0)
    >>> layer([0.0, 0.0])[0].data
    0.0
    >>> len(layer.outputs([0.0, 0.0]))
    3
    """

    def __init__(
        self,
        nin: int,
        nout: int,
        activation: Activation = "identity",
        *,
        seed: int | Random | None = None,
    ):
        _positive("the number of a layer's inputs", nin)
        _positive("the number of its neurons", nout)
        random = _random(seed)
        self.nin, self.nout, self.activation = nin, nout, activation
        self.function = activation_function(activation)
        self.neurons = [Neuron(nin, activation, seed=random, fan_out=nout) for _ in range(nout)]
        self.name_parameters()

    def arrays(self) -> dict[str, Tree]:
        """A matrix of weights, one row per neuron, and a vector of biases."""
        return {
            "weights": [neuron.weights for neuron in self.neurons],
            "bias": [neuron.bias for neuron in self.neurons],
        }

    def __call__(self, inputs: Sequence[Number]) -> list[Result]:
        """The list of `nout` scalars for `nin` inputs."""
        return Outputs(self.outputs(_scalars(inputs, self.nin)))

    def outputs(self, scalars: list[Number]) -> list[Result]:
        """The output of each neuron, computed without calling each one."""
        shared = tuple(scalars)  # the nodes share this tuple
        sums = [dot(neuron.weights, shared, neuron.bias) for neuron in self.neurons]
        return sums if self.function is None else [self.function(weighted) for weighted in sums]

    def __repr__(self) -> str:
        return f"Layer({self.nin}, {self.nout}, activation={_called(self.activation)})"


@names_keywords()
class MLP(Module):
    """A multilayer perceptron with `nin` inputs and layers of `sizes` neurons.

    `activation` is that of the hidden layers: one for all, or a list with one for each layer. The
    output layer is linear unless `output_activation` is given. A call takes a sequence of `nin`
    numbers or scalars, and returns the list of outputs.

    Raises TypeError or ValueError unless `sizes` is a list of integers of at least 1, ValueError
    for an unknown activation, and ShapeError unless there is one activation per hidden layer. A
    call raises ShapeError for another number of inputs.

    >>> MLP(2, [16, 16, 1], activation="relu", seed=0)
    MLP(2, [16, 16, 1], activation='relu', seed=0)
    >>> (output,) = MLP(2, [16, 1], seed=0)([0.0, 0.0])
    >>> output.data
    0.0
    """

    def __init__(
        self,
        nin: int,
        sizes: Sequence[int],
        activation: Activation | Sequence[Activation] = "relu",
        *,
        output_activation: Activation = "identity",
        seed: int | Random | None = None,
    ):
        if isinstance(sizes, str) or not hasattr(sizes, "__len__"):
            raise TypeError(
                f"sizes must be a list with one size per layer, as in MLP(2, [16, 1]), got "
                f"{sizes!r:.60}"
            )
        if not len(sizes):
            raise ValueError("an MLP needs at least one layer, as in MLP(2, [16, 1])")
        self.nin, self.sizes, self.seed = nin, list(sizes), seed
        self.activation, self.output_activation = activation, output_activation
        activations = [*_hidden(activation, len(sizes) - 1), output_activation]
        random = _random(seed)
        self.layers = [
            Layer(nin, nout, function, seed=random)
            for (nin, nout), function in zip(pairwise([nin, *sizes]), activations)
        ]
        self.name_parameters()

    def __call__(self, inputs: Sequence[Number]) -> list[Result]:
        """The list of outputs for `nin` inputs."""
        signals = _scalars(inputs, self.nin)
        for layer in self.layers:
            signals = layer.outputs(signals)
        return Outputs(signals)

    def __repr__(self) -> str:
        shown = [f"{self.nin}, {self.sizes}, activation={_called(self.activation)}"]
        if self.output_activation != "identity":
            shown.append(f"output_activation={_called(self.output_activation)}")
        if self.seed is not None:
            shown.append(f"seed={self.seed!r}")
        return f"MLP({', '.join(shown)})"


def _unless_list(operator: Any) -> Any:
    """An operator of lists that raises the error of `Outputs` beside anything else."""

    def method(outputs: "Outputs", other: Any) -> Any:
        if isinstance(other, list):
            return operator(outputs, other)
        if hasattr(other, "ndim"):
            return NotImplemented
        raise outputs.no_number()

    return method


class Outputs(list[Any]):
    """The outputs of a layer: a list whose errors, if it is used as a number, name the remedy."""

    def no_number(self) -> TypeError:
        """The error for a model's outputs in place of a number."""
        return TypeError(_a_list(len(self)))

    def _raise(self, other: Any = None) -> Any:
        if hasattr(other, "ndim"):  # an array handles lists itself
            return NotImplemented
        raise self.no_number()

    __sub__ = __rsub__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = _raise
    __mul__ = __rmul__ = __mod__ = __floordiv__ = __abs__ = __float__ = __radd__ = _raise
    __add__, __lt__, __gt__ = map(_unless_list, (list.__add__, list.__lt__, list.__gt__))
    __le__, __ge__ = map(_unless_list, (list.__le__, list.__ge__))

    def __bool__(self) -> bool:
        raise TypeError(f"{_a_list(len(self))}; the truth of a list says nothing of its numbers")

    def __getattr__(self, name: str) -> Any:
        if name in ("data", "grad", "backward") or name in ops.TABLE:
            raise AttributeError(_a_list(len(self)), name=name, obj=self)
        raise AttributeError(f"'list' object has no attribute {name!r}", name=name, obj=self)


def _a_list(count: int) -> str:
    if count > 1:
        return f"a model returns a list, here of {count} outputs; take one, as in model(x)[0]"
    return (
        "a model returns a list, here of one output; unpack it: (out,) = model(x). The models of "
        "micrograd.nn return the output itself"
    )


# Activations and initial weights.

# The activations that error messages list; any operation of one operand is valid.
ACTIVATIONS = (
    *("relu", "leaky_relu", "elu", "silu", "gelu", "softplus", "tanh", "sigmoid", "sin"),
    "identity",
)
_BUILT_IN = frozenset(ops.TABLE)

# These are about zero for half of their inputs.
_RECTIFIERS = {"relu", "leaky_relu", "elu", "silu", "gelu", "softplus"}


def initial_weights(activation: Activation, nin: int, nout: int, random: Random) -> list[float]:
    """`nin` weights of a neuron in a layer of `nout`, of a variance that preserves the signals'.

    Before a rectifier: normal, of variance 2 / nin (He, Zhang, Ren and Sun, "Delving deep into
    rectifiers", 2015, eq. 10). Otherwise: uniform, of variance 2 / (nin + nout) (Glorot and Bengio,
    "Understanding the difficulty of training deep feedforward neural networks", 2010, eq. 16).
    """
    _positive("the number of a neuron's inputs", nin)
    if getattr(activation, "name", activation) in _RECTIFIERS:
        deviation = math.sqrt(2 / nin)
        return [random.gauss(0.0, deviation) for _ in range(nin)]
    bound = math.sqrt(6 / (nin + nout))
    return [random.uniform(-bound, bound) for _ in range(nin)]


def activation_function(activation: Activation) -> Function | None:
    """The function that `activation` names; None for the identity, which needs no node.

    Raises ValueError for an unknown name, and for an operation of more than one operand.

    >>> activation_function("tanh")(0.0)
    0.0
    """
    row = ops.TABLE.get(activation) if isinstance(activation, str) else activation
    if isinstance(row, ops.Op) and _is_activation(row):
        return None if row is ops.identity else direct(row)
    if callable(row) and not isinstance(row, ops.Op):
        return row
    usual = *ACTIVATIONS, *(ops.TABLE.keys() - _BUILT_IN)
    raise ValueError(unknown("activation", activation, usual, "pass a function, or "))


def _is_activation(row: ops.Op) -> bool:
    return not row.boolean and row.arity is not None and row.arity - len(row.defaults) == 1


def _hidden(activation: Activation | Sequence[Activation], layers: int) -> Sequence[Activation]:
    if isinstance(activation, str) or not isinstance(activation, Sequence):
        activation_function(activation)  # raises, also if there is no hidden layer
        return [activation] * layers
    if len(activation) != layers:
        raise ShapeError(
            f"expected {layers} activations, one per hidden layer, got {len(activation)}; pass "
            "that of the output layer as output_activation"
        )
    return activation


def _called(activation: Any) -> str:
    """An activation as it was passed, for `repr`."""
    if isinstance(activation, str):
        return repr(activation)
    if callable(activation):
        return getattr(activation, "name", None) or getattr(
            activation, "__name__", repr(activation)
        )
    return f"[{', '.join(map(_called, activation))}]"


# Inputs.


def _scalars(inputs: Sequence[Number], nin: int) -> list[Any]:
    """The inputs as scalars and floats, `nin` of them."""
    if not hasattr(inputs, "__len__") or not hasattr(inputs, "__iter__"):
        raise TypeError(f"expected a sequence of {nin} inputs, got {inputs!r:.60}")
    if len(inputs) != nin:
        raise _rows(inputs, nin) or ShapeError(f"expected {nin} inputs, got {len(inputs)}")
    try:
        return [x if isinstance(x, Scalar) else number(x) for x in inputs]
    except TypeError as error:
        raise _rows(inputs, nin) or error from None


def _rows(inputs: Sequence[Any], nin: int) -> ShapeError | None:
    """The error for several examples at once; None if `inputs` is anything else."""
    lengths = {len(x) for x in inputs if isinstance(x, (list, tuple)) or getattr(x, "ndim", 0)}
    if not lengths:
        return None
    shape = getattr(inputs, "shape", (len(inputs), *lengths))
    return ShapeError(
        f"expected one example of {nin} inputs, got rows of shape {shape}. For rows, write "
        "[model(row) for row in X], or mg.Predictor(model)(X) for native code"
    )


def _positive(what: str, number: Any) -> None:
    if isinstance(number, bool) or not hasattr(number, "__index__") or number < 1:
        raise ValueError(f"{what} must be an integer of at least 1, got {number!r}")


def _random(seed: int | Random | None) -> Random:
    return seed if isinstance(seed, Random) else Random(seed)
