"""Predictor: a model compiled to native code; one row takes microseconds, many rows one call."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from micrograd.annotations import Model
from micrograd.compiler.api.arguments import float_type, numbers
from micrograd.compiler.api.function import Compiled, CompiledOne, Vectorized
from micrograd.engine import numbers_of
from micrograd.errors import ShapeError
from micrograd.names import names_keywords


@names_keywords()
class Predictor:
    """The outputs of `model`: shape (outputs,) for one row, (rows, outputs) for several.

    The weights are read at the first call, and again after `refresh()`. Raises TypeError if the
    model is not callable.

    >>> import micrograd as mg
    >>> predict = Predictor(mg.MLP(2, [3, 1], seed=0))
    >>> predict([1.0, 2.0]).shape, predict([[1.0, 2.0], [0.0, 0.0]]).shape
    ((1,), (2, 1))
    >>> predict.model.parameters()[-1].data = 5.0  # the bias of the output
    >>> predict.refresh()
    >>> predict([0.0, 0.0])
    array([5.])
    """

    def __init__(self, model: Model, *, dtype: DTypeLike = "float64", threads: int = 1):
        if not callable(model):
            raise TypeError(f"expected a model to call, such as mg.MLP, got {model!r:.60}")
        self.model, self.dtype, self.threads = model, float_type(dtype), threads
        self._one = CompiledOne(self._outputs, dtype, 1, False)
        self._many = Vectorized(self._outputs, dtype, threads, False, each="row")
        self.refresh()

    def __reduce__(self) -> Any:
        """Copies and pickles are recreated from the model: native code cannot be copied."""
        return partial(Predictor, dtype=self.dtype.str, threads=self.threads), (self.model,)

    def __repr__(self) -> str:
        return f"Predictor({self.model!r})"

    def _outputs(self, inputs: Any) -> Any:
        outputs = self.model(inputs)
        return np.array(outputs if isinstance(outputs, list) else [outputs], dtype=object)

    def refresh(self) -> None:
        """Reads the weights of the model again."""
        self._theta: dict[Compiled, Any] = {}

    def __call__(self, X: ArrayLike) -> np.ndarray:
        """The outputs. Raises ShapeError unless `X` is one row or a matrix of rows."""
        array = numbers(X, self.dtype, self)
        if array.ndim not in (1, 2):
            raise ShapeError(
                f"expected one row or several, an array of one or two dimensions, got the shape "
                f"{array.shape}"
            )
        array = np.ascontiguousarray(array)
        compiled = self._one if array.ndim == 1 else self._many
        it, call = compiled.specialize(array)
        if compiled not in self._theta:
            self._theta[compiled] = np.array(numbers_of(it.parameters), self.dtype)
        _, (answer,) = compiled.answers(it, "value", call, self._theta[compiled])
        if array.ndim == 1:
            return np.asarray(answer).reshape(-1)
        return compiled.for_each(answer, call.n)
