"""Task: computes the result of a fit from its arguments, and keeps the kernels for the next fit."""

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from numbers import Integral
from typing import Any

import numpy as np

from micrograd.engine import Value
from micrograd.errors import ArgumentError, ShapeError
from micrograd.fitting.kernels import Kernels
from micrograd.fitting.many_fits import Fits
from micrograd.fitting.measurements import Measurements, real_numbers
from micrograd.fitting.parameter_set import KEPT, Parameters, from_dict, from_vector, names_of
from micrograd.fitting.refinement import refine
from micrograd.fitting.robust import loss_named
from micrograd.fitting.solution import solve
from micrograd.graph import is_truth
from micrograd.real import is_real, number
from micrograd.report import in_notebook
from micrograd.scalar import Scalar

ITERATIONS = 1000

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Task:
    """The model and the settings of a fit."""

    model: Callable[..., Any]
    absolute_sigma: bool = False
    loss: str = "linear"
    loss_scale: float = 1.0
    iterations: int = ITERATIONS
    threads: int = 1
    progress: bool | None = False

    def __post_init__(self) -> None:
        loss_named(self.loss)
        if not callable(self.model):
            raise ArgumentError(f"expected a model f(x, a, b, ...), got {self.model!r:.60}")
        if not (is_real(type(self.loss_scale)) and 0.0 < self.loss_scale < math.inf):
            raise ArgumentError(
                f"loss_scale must be a number greater than 0, got {self.loss_scale!r:.40}"
            )
        for name, count in {"iterations": self.iterations, "threads": self.threads}.items():
            if not isinstance(count, Integral) or count < 1:
                raise ArgumentError(
                    f"{name} must be a whole number of at least 1, got {count!r:.40}"
                )

    def fits(self, data: Measurements, given: Any, p0: Any, bounds: Any) -> Fits:
        """The fits of these measurements. `given` is the user's (x, y), for a callable p0."""
        parameters, starts = started(self.model, data, given, p0, bounds)
        if self.loss_scale != 1.0:
            weights = np.ones((1, data.y.shape[1])) if data.weights is None else data.weights
            data = replace(data, weights=weights / self.loss_scale)
        kernels = self.kernels_of(parameters, data, starts[0])
        limits = [np.array([x]) for x in (parameters.low, parameters.high) if parameters.bounded]
        with _progress(self.progress, len(data)) as done:
            solution = solve(kernels, data, starts, limits, self.iterations, done)
        if self.loss == "linear":
            refine(kernels, data, solution, limits)
        return Fits(parameters, kernels, data, solution, self.absolute_sigma, self.loss_scale)

    def kernels_of(self, parameters: Parameters, data: Measurements, start: Array) -> Kernels:
        formula = _Formula(self.model, parameters, len(data.inputs), data.several)
        first = [array[0, 0].item() for array in data.inputs], start.tolist()
        kept = _kept(formula, self.loss, data.weights is not None, parameters.bounded, self.threads)
        return kept.kernels(first)


# A model may read numbers besides its arguments, such as globals. In its trace these are constants.
# So the kernels are used again only if the model still returns the same number at one point.


@dataclass(frozen=True)
class _Formula:
    """A model, of x and the free parameters."""

    model: Callable[..., Any]
    parameters: Parameters
    inputs: int
    several: bool

    def __call__(self, x: Any, free: list[Any]) -> Any:
        whole = self.parameters.whole(free)
        result = self.model(x, *whole[: self.parameters.taken])
        if is_truth(result) if isinstance(result, Scalar) else isinstance(result, (bool, np.bool_)):
            raise ArgumentError("expected one number from the model, got a truth value")
        if result is None:
            raise ArgumentError(
                "expected one number from the model, got None; is a `return` missing?"
            )
        if hasattr(result, "__len__") and getattr(result, "shape", None) != ():
            raise ShapeError(f"expected one number from the model, got {result!r:.60}")
        return result

    def at(self, point: Any) -> float | None:
        """The number at a point, computed in Python; None if Python raises an error."""
        x, free = point
        try:
            result = self(tuple(x) if self.several else x[0], free)
            return float(result.data if isinstance(result, Value) else number(result))
        except (ArithmeticError, ValueError, TypeError):
            return None


class _Kept:
    """The kernels of a formula, and its value at one point, which shows a change of the model."""

    def __init__(self, formula: _Formula, *options: Any):
        self.formula, self.options = formula, options
        self.point: Any = None
        self.made: Kernels | None = None

    def kernels(self, point: Any) -> Kernels:
        if self.made is not None:
            now = self.formula.at(self.point)
            if now == self.number or (now != now and self.number != self.number):
                return self.made
        f = self.formula
        self.point, self.number = point, f.at(point)
        free = len(f.parameters.free)
        self.made = Kernels(f, free, f.inputs, f.several, *self.options)
        return self.made


@lru_cache(KEPT)
def _kept(formula: _Formula, loss: str, weighted: bool, bounded: bool, threads: int) -> _Kept:
    return _Kept(formula, loss, weighted, bounded, threads)


def hashable(model: Callable[..., Any]) -> Callable[..., Any]:
    """The model, or one that is hashed by identity: its kernels are kept for this fit only."""
    try:
        hash(model)
    except TypeError:
        return partial(model)
    return model


def started(
    model: Callable[..., Any], data: Measurements, given: Any, p0: Any, bounds: Any
) -> tuple[Parameters, Array]:
    """The parameters, and the starts of the free ones: a row for each data set, or one for all."""
    if isinstance(p0, Mapping):
        if bounds is not None:
            raise ArgumentError(
                "expected no bounds beside a dict p0: write {name: (start, low, high)} there"
            )
        parameters, given_starts = from_dict(names_of(model, None), p0)
        for name, start in zip(parameters.free, given_starts):
            if start.shape not in ((), (len(data),)):
                raise ShapeError(
                    f"expected for {name} a start for each of {len(data)} data sets, got the "
                    f"shape {start.shape}"
                )
        starts = np.stack(np.broadcast_arrays(*given_starts), axis=-1)
        return parameters, _checked(np.atleast_2d(starts), parameters, data)
    if p0 is None:
        names = ", ".join(names_of(model, None))
        raise ArgumentError(f"expected p0, a start for each of {names}; got None")
    if callable(p0) and not len(data):  # there is nothing to call it with
        p0 = np.ones(len(names_of(model, None)))
    starts = _called(p0, data, *given) if callable(p0) else real_numbers("p0", p0)
    if not starts.ndim:
        starts = starts[None]
    if starts.ndim > 2 or (starts.ndim == 2 and len(starts) not in (1, len(data))):
        raise ShapeError(
            f"expected p0 as a vector, or with a row for each of {len(data)} data sets; got the "
            f"shape {starts.shape}"
        )
    starts = starts.reshape(-1, starts.shape[-1]) if starts.size else np.ones((1, starts.shape[-1]))
    parameters = from_vector(names_of(model, starts.shape[1]), bounds)
    return parameters, _checked(starts, parameters, data)


def _called(p0: Callable[..., Any], data: Measurements, x: Any, y: Any) -> Array:
    """The starts that a function of x and y returns for each data set."""
    ys = np.atleast_2d(np.asarray(y, float))

    def of(array: Any, k: int) -> Array:
        array = np.asarray(array, float)
        return array[k] if array.ndim == 2 and array.shape == data.y.shape else array

    starts = [
        real_numbers("what p0 returns", p0(_each(x, lambda a, k=k: of(a, k)), row))
        for k, row in enumerate(ys)
    ]
    for k, start in enumerate(starts):
        if start.ndim != 1 or start.shape != starts[0].shape:
            raise ShapeError(
                f"p0 must return a start for each parameter, as many for each data set; for data "
                f"set {k} it returned numbers of shape {start.shape}"
            )
    return np.array(starts)


def _each(x: Any, of: Callable[[Any], Any]) -> Any:
    """The inputs of a data set: one, or a tuple."""
    return tuple(map(of, x)) if isinstance(x, tuple) else of(x)


def _checked(starts: Array, parameters: Parameters, data: Measurements) -> Array:
    """The starts, clipped to the bounds. A start for all data sets must be within them already."""
    low, high = parameters.low, parameters.high
    if len(starts) > 1 or not len(data):
        return np.clip(starts, low, high)
    for name, x, a, b in zip(parameters.free, starts[0].tolist(), low, high):
        if not math.isfinite(x):
            raise ArgumentError(f"the start of {name} is {x}")
        if not a <= x <= b:
            raise ArgumentError(f"the start of {name}, {x:g}, is not within [{a:g}, {b:g}]")
    return starts


@contextmanager
def _progress(show: bool | None, n: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr, if `show` is true, or None in a terminal or notebook."""
    if not (show or (show is None and (in_notebook() or sys.stderr.isatty()))):
        yield lambda count: None
        return
    from tqdm import tqdm

    with tqdm(total=n, file=sys.stderr, unit="fit", unit_scale=True, dynamic_ncols=True) as bar:

        def done(count: int) -> None:
            bar.update(count - bar.n)

        yield done
