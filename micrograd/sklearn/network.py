"""Network: a multilayer perceptron with its weights in one array, and its gradient in native code.

scikit-learn holds a matrix `coefs_[l]` of shape (inputs, units) and a vector `intercepts_[l]` for
each layer; the native code reads one flat array, in the order in which the loss meets the weights.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from micrograd.compiler.api.vectorized import Vectorized
from micrograd.compiler.runtime.kernel import Call
from micrograd.compiler.trace.errors import TraceError
from micrograd.losses import Loss
from micrograd.neuralnet import MLP, Activation
from micrograd.training.steps.objective import Objective
from micrograd.training.steps.traced import traceable

Array = np.ndarray


@dataclass(frozen=True)
class Design:
    """Everything that the native code of a network depends on; the number of examples is not.

    `units` are the numbers of inputs, hidden units and outputs. A target is one number, or has
    `columns` of them. `weighted` losses take a weight for each example, and `masked` ones a mask of
    the hidden units.
    """

    units: tuple[int, ...]
    activation: Activation
    loss: Loss
    columns: int | None
    weighted: bool
    masked: bool
    dtype: np.dtype


class Network:
    """A network of one design. Its methods take the weights as an argument and keep none.

    >>> from micrograd.losses import mse
    >>> network = Network(Design((1, 1), "identity", mse, None, False, False, np.dtype(float)))
    >>> theta = network.flat([np.array([[2.0]])], [np.array([1.0])])
    >>> network.outputs(np.array([[3.0], [4.0]]), theta)
    array([[7.],
           [9.]])
    """

    def __init__(self, design: Design):
        self.design = design
        first, *sizes = design.units
        self.model = model = MLP(first, sizes, design.activation, seed=0)
        rate = 0.5 if design.masked else 0.0  # any rate: the masks are arguments
        objective = Objective(model, design.loss, design.weighted, rate)
        self._loss = Vectorized(traceable(objective), design.dtype, 1, False, each="row")
        self._outputs = Vectorized(traceable(model), design.dtype, 1, False, each="row")
        met = self._loss.specialize(*self._examples(2))[0].parameters
        self._order = {parameter: k for k, parameter in enumerate(met)}
        self.coefs = [self._places([n.weights for n in x.neurons]).T for x in model.layers]
        self.intercepts = [self._places([n.bias for n in x.neurons]) for x in model.layers]
        self.is_coef = np.zeros(len(met), design.dtype)  # 1.0 at the places of the matrices
        for places in self.coefs:
            self.is_coef[places] = 1.0

    def _places(self, parameters: Sequence[Any]) -> Array:
        """The indices in the flat array of these parameters, or of these rows of parameters."""
        return np.array(
            [
                [self._order[w] for w in p] if isinstance(p, tuple) else self._order[p]
                for p in parameters
            ]
        )

    def _examples(self, n: int) -> list[Array]:
        """Arrays of n examples as the loss takes them: inputs, targets, weights, masks."""
        design, dtype = self.design, self.design.dtype
        inputs, hidden = design.units[0], sum(design.units[1:-1])
        targets = (n,) if design.columns is None else (n, design.columns)
        shapes = [(n, inputs), targets, *[(n,)] * design.weighted, *[(n, hidden)] * design.masked]
        return [np.zeros(shape, dtype) for shape in shapes]

    def flat(self, coefs: Sequence[Array], intercepts: Sequence[Array]) -> Array:
        """The weights of all layers as one array."""
        theta = np.empty(len(self.is_coef), self.design.dtype)
        for places, array in zip(self.coefs + self.intercepts, [*coefs, *intercepts]):
            theta[places] = array
        return theta

    def layered(self, theta: Array) -> tuple[list[Array], list[Array]]:
        """The matrices and the vectors of the layers, as copies, of the flat array `theta`."""
        return [theta[p] for p in self.coefs], [theta[p] for p in self.intercepts]

    def gradient_on(
        self, arrays: Sequence[Array], rows: Array | None, masks: Sequence[Array], theta: Array,
        g: Array,
    ) -> Callable[[int, float], float]:  # fmt: skip
        """A function of n and a scale, which returns the sum of n losses times the scale.

        It writes the gradient to `g`. The examples are the first n of `arrays` or, with `rows`,
        those whose indices are the first n of these. `masks` are in the order of the batch.
        """
        size = len(arrays[0] if rows is None else rows)
        it, _ = self._loss.specialize(*[a[:size] for a in (*arrays, *masks)])
        if it.paths is not None:
            raise TraceError(
                "the loss or the activation has branches (if, while, max, ...), which the "
                "estimators do not support: write mg.where or mg.maximum, or train with mg.fit"
            )
        kernel, total = self._loss.kernel(it, "parameters"), np.zeros(1, g.dtype)
        given = Call(size, [*arrays, *masks]), theta, [total, g], rows, len(arrays)
        run, item = kernel.prepared(*given), total.item

        def gradient(n: int, scale: float) -> float:
            if run(n, scale):  # a NaN, perhaps from 0 * inf: repeat in the guarded kernel
                self._loss.kernel(it, "parameters", guarded=True).prepared(*given)(n, scale)
            return item()

        return gradient

    def outputs(self, X: Array, theta: Array) -> Array:
        """The outputs before their activation, of shape (examples, outputs)."""
        it, call = self._outputs.specialize(np.ascontiguousarray(X, self.design.dtype))
        own = theta[self._places(it.parameters)]
        _, (answer,) = self._outputs.answers(it, "value", call, own)
        return self._outputs.for_each(answer, call.n)


@lru_cache(32)
def network_of(design: Design) -> Network:
    """The network of a design, compiled once in a process."""
    return Network(design)
