"""Kernels: the computations of a fit, as compiled functions in which each row is a data set.

The equations of few points are part of the kernel of the step. Many points are cut into pieces: one
kernel sums the equations of a piece, and another one makes the step from these sums. So the time to
compile does not grow with the number of points.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.calculus import value_and_grad
from micrograd.compaction import repeat
from micrograd.compiler.api.function import CompiledOne, compile, vectorize
from micrograd.compiler.runtime.buffers import popped
from micrograd.fitting import levenberg_marquardt
from micrograd.fitting.levenberg_marquardt import Equations, State, size, symmetric
from micrograd.fitting.one_row import OneRow
from micrograd.fitting.robust import loss_named
from micrograd.lazy import cached_property

FUSED = 64  # points, at most, of a data set that is not cut into pieces
PIECE = 32  # points of a piece, about
LEAST_CURVATURE = 2.0**-52  # of a robust loss, as in SciPy

Array = np.ndarray[Any, Any]
Formula = Callable[[Any, list[Any]], Any]  # of x and the free parameters


@dataclass(frozen=True, eq=False)
class Kernels:
    """The compiled functions of one formula with `m` free parameters, each made at its first use.

    The formula is passed a number x, or a tuple of `inputs` numbers if `several` is true.
    """

    formula: Formula
    m: int
    inputs: int
    several: bool
    loss: str
    weighted: bool
    bounded: bool
    threads: int

    def repeat(self, states: Array, arrays: list[Array], most: int) -> tuple[Array, Array]:
        """The final states of all rows, and how many steps each took, at most `most`. The arrays
        are [low, high], y, [weights], and the inputs."""
        if arrays[2 * self.bounded].shape[1] > FUSED:
            return repeat(self._in_pieces, states, arrays, most)
        if len(states) > 1:
            return repeat(self._fused, states, arrays, most)
        state, inputs = states[0], [array[0] for array in arrays]
        ready = self._ready.setdefault(len(inputs[-1]), [])
        row = popped(ready)
        if row is None:
            if not OneRow.is_simple(self._single, state, inputs):
                return repeat(self._one_row, states, arrays, most)
            row = OneRow(self._single, state, inputs)
        state, taken = row(state, inputs, most)
        ready.append(row)
        return state[None], np.array([taken])

    def _one_row(self, *arrays: Array) -> Array:
        return self._single(*[array[0] for array in arrays])[None]

    @cached_property
    def _ready(self) -> dict[int, list[OneRow]]:
        """By the number of points: steps of one row that no thread is using."""
        return {}

    def with_input(self, k: int) -> "Kernels":
        """The kernels of the formula whose free parameter k is its last input instead."""
        return self._with_inputs.setdefault(k, self._with_input(k))

    def _with_input(self, k: int) -> "Kernels":
        def formula(x: Any, others: list[Any]) -> Any:
            *inputs, number = x
            free = [*others[:k], number, *others[k:]]
            return self.formula(tuple(inputs) if self.several else inputs[0], free)

        return replace(
            self, formula=formula, m=self.m - 1, inputs=self.inputs + 1, several=True,
            bounded=self.bounded and self.m > 1,
        )  # fmt: skip

    @cached_property
    def _with_inputs(self) -> dict[int, "Kernels"]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles, which compile anew."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def _single(self) -> CompiledOne:
        return compile(self._step)

    @cached_property
    def _fused(self) -> Callable[..., Array]:
        return vectorize(self._step, each="row", threads=self.threads)

    def _step(self, columns: Array, *rest: Array) -> Array:
        state, bounds, (y, *others) = self._read(columns, rest)
        weights = others.pop(0) if self.weighted else None
        return self._next(state, self._equations(state.trial, y, weights, others), bounds)

    def _read(self, columns: Array, rest: tuple[Array, ...]) -> tuple[State, Any, Any]:
        state = State.of([*columns], self.m)
        bounds = rest[:2] if self.bounded else (None, None)
        return state, bounds, rest[2 * self.bounded :]

    def _next(self, state: State, equations: Equations, bounds: Any) -> Array:
        return packed(levenberg_marquardt.step(state, equations, *bounds).columns())

    # The equations, in scalars.

    def _equations(self, free: Any, y: Array, weights: Array | None, inputs: Any) -> Equations:
        value_and_slopes = value_and_grad(lambda p, x: self.formula(x, p), argnums=0)
        rho = loss_named(self.loss)
        m = self.m
        chi2: Any = 0.0
        g: list[Any] = [0.0] * m
        a: list[list[Any]] = [[0.0] * m for _ in range(m)]
        weighted: list[Any] = [] if rho is None else [0.0] * m
        for k in range(len(y)):
            x = tuple(array[k] + 0.0 for array in inputs)
            f, slopes = value_and_slopes([*free], x if self.several else x[0])
            r = y[k] - f
            if weights is not None:
                r, slopes = r * weights[k], [s * weights[k] for s in slopes]
            curved = slopes
            if rho is None:
                chi2 = chi2 + r * r
            else:
                z = r * r
                value, slope, second = rho(z)
                chi2, r = chi2 + value, r * slope
                curvature = ops.maximum(slope + 2.0 * second * z, LEAST_CURVATURE)
                curved = [s * curvature for s in slopes]
                weighted = [w + slope * s * s for w, s in zip(weighted, slopes)]
            for i in range(m):
                g[i] = g[i] + slopes[i] * r
                for j in range(i, m):
                    a[i][j] = a[j][i] = a[i][j] + slopes[i] * curved[j]
        return Equations(chi2, g, a, weighted)

    # Many points.

    def _in_pieces(self, columns: Array, *rest: Array) -> Array:
        n, m = len(columns), self.m
        bounds, (y, *others) = rest[: 2 * self.bounded], rest[2 * self.bounded :]
        weights = others.pop(0) if self.weighted else np.ones((1, y.shape[1]))
        pieces = -(-y.shape[1] // PIECE)
        cut = [_cut(y, pieces, n), _cut(weights, pieces, n, 0.0)]
        cut += [_cut(array, pieces, n) for array in others]
        trial = np.repeat(columns[:, m : 2 * m], pieces, axis=0)
        sums = self._piece(trial, *cut).reshape(n, pieces, -1).sum(1)
        return self._advance(columns, sums, *bounds)

    @cached_property
    def _piece(self) -> Callable[..., Array]:
        def piece(free: Array, y: Array, weights: Array, *inputs: Array) -> Array:
            e = self._equations([*free], y, weights, inputs)
            triangle = [x for k, row in enumerate(e.a) for x in row[k:]]
            return packed([e.chi2, *e.g, *e.weighted, *triangle])

        return vectorize(piece, each="row", threads=self.threads)

    @cached_property
    def _advance(self) -> Callable[..., Array]:
        def advance(columns: Array, sums: Array, *rest: Array) -> Array:
            state, bounds, _ = self._read(columns, rest)
            m, robust = self.m, loss_named(self.loss) is not None
            chi2, g, others = sums[0], [*sums[1 : m + 1]], [*sums[m + 1 :]]
            weighted = [others.pop(0) for _ in range(m if robust else 0)]
            return self._next(state, Equations(chi2, g, symmetric(others, m), weighted), bounds)

        return vectorize(advance, each="row", threads=self.threads)

    # Point by point.

    @cached_property
    def curve(self) -> Callable[..., Array]:
        """The formula on arrays that broadcast: the free parameters, then the inputs."""
        return vectorize(self._curve, each="number", threads=self.threads)

    def _curve(self, *arguments: Any) -> Any:
        x = arguments[self.m :]
        return self.formula(x if self.several else x[0], [*arguments[: self.m]]) + 0.0

    @cached_property
    def slopes(self) -> Callable[..., tuple[Array, ...]]:
        """The formula and its derivatives by the free parameters, on arrays that broadcast."""
        value_and_slopes = value_and_grad(lambda p, x: self.formula(x, p), argnums=0)

        def slopes(*arguments: Any) -> Any:
            x = tuple(t + 0.0 for t in arguments[self.m :])
            f, gradient = value_and_slopes([*arguments[: self.m]], x if self.several else x[0])
            return (f + 0.0, *[s + 0.0 for s in gradient])

        return vectorize(slopes, each="number", threads=self.threads)


def _cut(array: Array, pieces: int, n: int, padding: float | None = None) -> Array:
    """Each row cut into `pieces` rows of equal length, padded with its last point or a number."""
    missing = -array.shape[1] % pieces
    if missing:
        last = array[:, -1:] if padding is None else np.full((len(array), 1), padding)
        array = np.concatenate([array, np.repeat(last, missing, axis=1)], axis=1)
    length = array.shape[1] // pieces
    return np.broadcast_to(array, (n, array.shape[1])).reshape(n * pieces, length)


def packed(numbers: list[Any]) -> Array:
    array = np.empty(len(numbers), object)
    array[:] = numbers
    return array


def first_states(starts: Array, m: int, floor: Array, damping: float) -> Array:
    """The states before the first step, a row for each number of `floor`."""
    states = np.zeros((len(floor), size(m)))
    states[:, :m] = states[:, m : 2 * m] = starts
    states[:, -6:-1] = np.inf, damping, 2.0, 1.0, 0.0
    states[:, -2] = floor
    return states
