"""fit_table: a formula, fitted to columns of a table, for all rows or for each group of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.errors import ArgumentError
from micrograd.files.faults import finite_numbers
from micrograd.files.table import Table, TableError
from micrograd.files.table_file import read_table
from micrograd.fitting.curve_fit import curve_fits
from micrograd.fitting.guess import guesses
from micrograd.fitting.many_fits import Fits
from micrograd.fitting.measurements import measurements
from micrograd.fitting.parameter_set import from_vector
from micrograd.fitting.task import Task
from micrograd.lazy import cached_property
from micrograd.parser import Expression

SHOWN = 5  # groups whose fit failed: the first ones are named

Array = np.ndarray[Any, Any]


class Formula:
    """An expression as a model: a function of x and of its parameters, in order of appearance.

    `column` is the name of x in the expression, if the expression reads it; otherwise the name is
    x.

    >>> formula = Formula("height * exp(-rate * t)", "t")
    >>> formula.parameters, formula(0.0, 2.0, 1.0)
    (('height', 'rate'), 2.0)
    """

    def __init__(self, text: str, column: str):
        self.expression = Expression(text)
        names = self.expression.names
        known = [name for name in dict.fromkeys([column, "x"]) if name in names]
        if len(known) != 1:
            raise ArgumentError(
                f"the model must read either x or {column}, the column of x; it reads "
                f"{' and '.join(known) or 'neither'}"
            )
        (self.x,) = known
        written = dict.fromkeys(re.findall(r"\w+", text))
        self.parameters = tuple(name for name in written if name in names and name != self.x)
        if not self.parameters:
            raise ArgumentError(f"the model {text!r} has no parameters: there is nothing to fit")
        kind = Parameter.POSITIONAL_ONLY
        arguments = [Parameter(name, kind) for name in (self.x, *self.parameters)]
        self.__signature__ = Signature(arguments)

    def __call__(self, x: Any, *parameters: Any) -> Any:
        return self.expression({self.x: x, **dict(zip(self.parameters, parameters))})


@dataclass(frozen=True)
class TableFits:
    """What `fit_table` found: `fits`, one for each group, and the `starts` of their parameters."""

    fits: Fits
    starts: Array
    by: str | None
    groups: tuple[str, ...]
    left_out: int  # rows with a missing value

    @property
    def failure(self) -> str:
        """What to say if no fit converged; else ""."""
        if self.fits.converged.any():
            return ""
        if self.by is None:
            return f"the fit failed: {self.fits.message(0).split(': ', 1)[1]}"
        return f"none of the {len(self.fits):,} fits converged"

    @property
    def notes(self) -> list[str]:
        """Which rows were left out, and which of several fits failed."""
        notes = []
        if self.left_out:
            notes.append(f"{self.left_out:,} rows with a missing value were left out")
        failed = np.flatnonzero(~self.fits.converged & (self.by is not None))
        notes += [
            f"{self.by} {self.groups[k]}: {self.fits.message(k)}" for k in failed[:SHOWN].tolist()
        ]
        if len(failed) > SHOWN:
            notes.append(f"{len(failed) - SHOWN:,} more of {len(self.fits):,} fits failed")
        return notes

    def __str__(self) -> str:
        page = self.fits[0].summary() if self.by is None else self.fits.summary()
        return f"{self._start()}\n{page}"

    def _start(self) -> str:
        """The start; of several, the median."""
        middle = np.median(self.starts, axis=0)
        numbers = ", ".join(f"{name} = {x:.3g}" for name, x in zip(self.fits.names, middle))
        return f"start      {numbers}{' (medians)' * (len(self.starts) > 1)}"

    @cached_property
    def header(self) -> list[str]:
        """The names of the columns of the answers."""
        names = [n for name in self.fits.names for n in (name, f"{name}_error")]
        return [*([] if self.by is None else [self.by]), "points", *names, "chi2", "dof", "message"]

    def rows(self) -> Iterator[bytes]:
        """The answers as CSV, a row for each group."""
        yield _line(self.header)
        counts = self.fits.dof + len(self.fits.names)
        both = np.stack([self.fits.values, self.fits.errors], axis=2).reshape(len(self.fits), -1)
        for k, numbers in enumerate(both.tolist()):
            group = [] if self.by is None else [self.groups[k]]
            end = [self.fits.chi2[k].item(), int(self.fits.dof[k]), self.fits.message(k)]
            yield _line([*group, int(counts[k]), *numbers, *end])

    def plot(self, path: str | Path, x: str, y: str) -> None:
        """Draws the fit, or the first twelve."""
        from micrograd.plots.fits import fit_curve, fit_curves

        if self.by is None:
            fit_curve(self.fits[0], path, x, y)
        else:
            titles = [f"{self.by} {group}" for group in self.groups[:12]]
            fit_curves([self.fits[k] for k in range(len(titles))], path, titles)


def fit_table(
    table: Table | str | Path, model: str, x: str, y: str, by: str | None = None,
    sigma: str | None = None, start: Mapping[str, float] | None = None,
    progress: bool | None = False,
) -> TableFits:  # fmt: skip
    """Fits `model`, an expression of x (or of the column's name) and of parameters, to two columns
    of a table; with `by`, for each value of that column.

    `sigma` is the column of the standard deviations of y. Starts that are not in `start` are
    guessed from the data. Rows in which a value is missing are left out. Raises ValueError for a
    model that is no expression, ArgumentError for one that does not fit, and TableError for columns
    that are not there or hold no numbers.

    >>> table = Table.of({"x": [0.0, 1.0, 2.0, 3.0], "y": [1.0, 3.0, 5.0, 7.0]})
    >>> fit_table(table, "a + b * x", "x", "y").fits["b"].round(9)
    array([2.])
    """
    formula = Formula(model, x)
    if not isinstance(table, Table):
        table = read_table(table, [by] if by else [])
    columns = [finite_numbers(table[name]) for name in (x, y, *([sigma] if sigma else []))]
    labels = np.array(["" if v is None else v for v in table[by].texts()]) if by else None
    known = np.asarray(~np.isnan(columns).any(0))
    if labels is not None:
        known &= labels != ""
    if not known.any():
        raise TableError(
            f"no row has a value in each of {', '.join(filter(None, (x, y, sigma, by)))}"
        )
    groups, places = _places(known, labels)
    filled = [_filled(column[known], places) for column in columns]
    weights = _filled(np.ones(known.sum()), places, padding=0.0)
    errors = filled[2] if sigma else None
    given = _given(formula, start or {})
    data = measurements(filled[0], filled[1], errors, weights, "raise", single=False)
    starts = guesses(_kernels(formula, data), data, given) if np.isnan(given).any() else given[None]
    fits = curve_fits(
        formula, filled[0], filled[1], starts, errors, absolute_sigma=sigma is not None,
        weights=weights, progress=progress,
    )  # fmt: skip
    return TableFits(fits, starts, by, groups, int((~known).sum()))


def _kernels(formula: Formula, data: Any) -> Any:
    parameters = from_vector(formula.parameters, None)
    return Task(formula).kernels_of(parameters, data, np.ones(len(formula.parameters)))


def _given(formula: Formula, start: Mapping[str, float]) -> Array:
    if unread := start.keys() - {*formula.parameters}:
        raise ArgumentError(
            f"the model has no parameter {', '.join(sorted(unread))}; it has "
            f"{', '.join(formula.parameters)}"
        )
    return np.array([start.get(name, np.nan) for name in formula.parameters])


def _places(known: Array, labels: Array | None) -> tuple[tuple[str, ...], tuple[Array, Array]]:
    """The groups in order of appearance; for each row its group, and its position in the group."""
    n = int(known.sum())
    if labels is None:
        return ("",), (np.zeros(n, int), np.arange(n))
    names, first, group = np.unique(labels[known], return_index=True, return_inverse=True)
    order = first.argsort()
    group = order.argsort()[group]
    rows = group.argsort(kind="stable")
    starts = np.searchsorted(group[rows], np.arange(len(names)))
    place = np.empty(n, int)
    place[rows] = np.arange(n) - starts[group[rows]]
    return tuple(names[order].tolist()), (group, place)


def _filled(column: Array, places: tuple[Array, Array], padding: float | None = None) -> Array:
    """A row for each group: its numbers, then `padding`, or its first number again."""
    group, place = places
    array = np.empty((group.max() + 1, place.max() + 1))
    array[:] = padding if padding is not None else column[place == 0][:, None]
    array[group, place] = column
    return array


def _line(cells: list[Any]) -> bytes:
    return (",".join(map(_cell, cells)) + "\n").encode()


def _cell(value: Any) -> str:
    text = repr(value) if isinstance(value, float) else str(value)
    return '"' + text.replace('"', '""') + '"' if re.search(r'[",\r\n]', text) else text
