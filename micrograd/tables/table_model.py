"""TableModel: a network with the encoding of its inputs and outputs; predictions for a table."""

import csv
import io
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.files import fields
from micrograd.files.column import TableError
from micrograd.files.containers import Columns
from micrograd.files.faults import Places
from micrograd.files.survey import rows_of
from micrograd.files.table import Table, enumerated
from micrograd.files.table_file import read_table
from micrograd.files.written import INFERRED, Written
from micrograd.lazy import cached_property
from micrograd.names import names_keywords
from micrograd.neuralnet import MLP
from micrograd.tables import targets
from micrograd.tables.inputs import Category, Inputs
from micrograd.tables.model_file import ModelFileError, load_model, save_model
from micrograd.tables.targets import Classes, Target
from micrograd.training.predictor import Predictor


@dataclass(frozen=True)
class _Network:
    """A network in JSON, without its weights."""

    nin: int
    sizes: list[int]
    activation: str | list[str]


@dataclass(frozen=True)
class _Stored:
    """A model in JSON; `Inputs` and `targets` read the rest."""

    network: _Network
    inputs: Any
    target: Any
    missing: tuple[str, ...] | None


@dataclass(frozen=True)
class Predictions:
    """One prediction per row, in the unit of the target or as a class name.

    `name` is that of the target. `probabilities` has the shape (rows, classes), and is None for
    regression. `notes` are remarks on the data, such as the number of missing values.
    """

    name: str
    values: np.ndarray
    classes: tuple[str, ...]
    probabilities: np.ndarray | None
    notes: tuple[str, ...]

    def as_csv(self, probabilities: bool = False, header: bool = True) -> str:
        """One line per row, with optional header and optional probabilities of the classes.

        Raises ValueError for probabilities of a regression.
        """
        if probabilities and self.probabilities is None:
            raise ValueError(
                f"{self.name!r} is a number, not a class; it has no class probabilities"
            )
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        extra = self.probabilities if probabilities else None
        if header:
            classes = self.classes if probabilities else ()
            writer.writerow([self.name, *(f"probability_{c}" for c in classes)])
        rows = np.empty((len(self.values), 0)) if extra is None else extra
        writer.writerows([v, *row] for v, row in zip(self.values.tolist(), rows.tolist()))
        return text.getvalue()


@dataclass(frozen=True)
class TableModel:
    """A trained network, the columns that it reads and the target that it predicts.

    `missing` are the words for missing values, if they are not the usual ones.

    >>> import micrograd as mg
    >>> from tempfile import TemporaryDirectory
    >>> table = {"size": [1.0, 2.0, 8.0, 9.0] * 10, "kind": ["small", "small", "big", "big"] * 10}
    >>> model = mg.train_table(table, "kind", hidden=(4,), epochs=20).model
    >>> predictions = model.predict({"size": [0.0, 10.0]})
    >>> predictions.values.tolist(), predictions.probabilities.shape
    (['small', 'big'], (2, 2))
    >>> model.outputs(Table.of({"size": [0.0, 10.0]})).shape, model.categories()
    ((2, 2), [])
    >>> model.finite_outputs(Table.of({"size": [0.0, 10.0]})).argmax(axis=1).tolist()
    [1, 0]
    >>> with TemporaryDirectory() as directory:
    ...     model.save(f"{directory}/kind.safetensors")
    ...     again = mg.TableModel.load(f"{directory}/kind.safetensors")
    >>> again.predict_from(0, Table.of({"size": [10.0]})).values.tolist()
    ['big']
    """

    network: MLP
    inputs: Inputs
    target: Target
    missing: tuple[str, ...] | None = None

    def predict(
        self, table: Table | Columns | str | Path, *, decimal: str = "", encoding: str = ""
    ) -> Predictions:
        """Predicts the target of each row; ignores columns that are not inputs.

        Missing values, and categories not seen in training, are filled in as in training. `decimal`
        and `encoding` are those of `train_table`. Raises TableError for an absent column, for text
        in a numeric column, for several rows with no category that training saw, and for a row so
        far from the training data that the network's outputs are not finite.
        """
        made = as_table(table, self.categories(), Written(decimal, self.missing, encoding))
        self.inputs.check(made)
        self.inputs.check_seen(self.inputs.seen(made))
        return self.predict_from(0, made)

    def predict_from(self, start: int, table: Table) -> Predictions:
        """The same for a part of a table that begins `start` rows below its header."""
        outputs = self.finite_outputs(table, start)
        classes = self.target if isinstance(self.target, Classes) else None
        return Predictions(
            self.target.name,
            self.target.decode(outputs),
            classes.classes if classes else (),
            classes.probabilities(outputs) if classes else None,
            (*noted(self.inputs.missing(table), self.inputs.unseen(table)),),
        )

    def finite_outputs(self, table: Table, start: int = 0) -> np.ndarray:
        """The network's outputs, for a part of a table that begins `start` rows below its header.

        Raises TableError for a row so far from the training data that they are not finite.
        """
        outputs = self.outputs(table)
        bad = np.flatnonzero(~self.target.decided(outputs))
        if not len(bad):
            return outputs
        strange = self.inputs.strangest(table, int(bad[0]))
        where = Places(len(bad), start + int(bad[0]) + 1)
        raise TableError(
            f"the outputs of the network are not finite in {where}"
            + (f", where {strange[0].name!r} is {strange[1]:g}" if strange else "")
            + "; correct or leave out values that are far from the training data"
        )

    def categories(self) -> list[str]:
        """The columns to be read as text."""
        return [c.name for c in self.inputs.columns if isinstance(c, Category)]

    def outputs(self, table: Table) -> np.ndarray:
        """The network's outputs, of shape (rows, outputs)."""
        rows, count = np.arange(len(table)), rows_of(self.inputs.width)
        parts = [table.take(rows[i : i + count]) for i in range(0, len(table), count)]
        return np.concatenate([self._forward(self.inputs.encode(part)) for part in parts])

    @cached_property
    def _forward(self) -> Predictor:
        return Predictor(self.network)

    def save(self, path: str | Path) -> None:
        """Writes the model to one .safetensors file. Raises OSError if that fails."""
        description = {
            "network": {
                "nin": self.network.nin,
                "sizes": self.network.sizes,
                "activation": self.network.activation,
            },
            "inputs": self.inputs.as_json(),
            "target": targets.as_json(self.target),
            "missing": self.missing,
        }
        save_model(path, self.network.state_dict(), description)

    @classmethod
    def load(cls, path: str | Path) -> "TableModel":
        """Reads a model that `save` wrote. Raises ModelFileError for any other file."""
        arrays, description = load_model(path)
        try:
            stored = fields.read(_Stored, description, "the description")
            inputs = Inputs.from_json(stored.inputs)
            target = targets.from_json(stored.target)
            if stored.network.nin != inputs.width or stored.network.sizes[-1:] != [target.outputs]:
                raise ValueError("the network does not fit its inputs and outputs")
            network = _network(arrays, stored.network)
        except ValueError as error:
            raise ModelFileError(f"the model in {path} is damaged ({error})") from None
        return cls(network, inputs, target, stored.missing)


def noted(missing: dict[str, int], unseen: dict[str, list[str]]) -> list[str]:
    """Notes about missing values, and about categories not seen in training."""
    notes = [
        f"column {name!r} has categories not seen in training, taken as missing: "
        + enumerated(categories)
        for name, categories in unseen.items()
        if categories
    ]
    if any(missing.values()):
        where = enumerated(f"{name} {count:,}" for name, count in missing.items() if count)
        notes.append(f"{sum(missing.values()):,} missing values are filled in: {where}")
    return notes


def _network(arrays: dict[str, np.ndarray], stored: _Network) -> MLP:
    nin, sizes, shapes = stored.nin, stored.sizes, {}
    for i, (inputs, outputs) in enumerate(pairwise([nin, *sizes])):
        shapes[f"layers.{i}.weights"], shapes[f"layers.{i}.bias"] = (outputs, inputs), (outputs,)
    if {name: array.shape for name, array in arrays.items()} != shapes:
        raise ValueError("the weights do not have the sizes of the network")
    if not all(array.dtype == float and np.isfinite(array).all() for array in arrays.values()):
        raise ValueError("the weights are not finite numbers of 64 bits")
    network = MLP(nin, sizes, activation=stored.activation)
    network.load_state_dict(arrays)
    return network


def as_table(
    table: Table | Columns | str | Path, texts: list[str], written: Written = INFERRED
) -> Table:
    """A file or columns in memory as a Table. Raises TableError if there are no rows."""
    if isinstance(table, (str, Path)):
        made, named = read_table(table, texts, written), str(table)
    else:
        made, named = table if isinstance(table, Table) else Table.of(table, written), "the table"
    if not len(made):
        raise TableError(f"{named} has no rows{' below its header' if made.columns else ''}")
    return made


@names_keywords()
def predict_table(
    model: TableModel | str | Path, table: Table | Columns | str | Path,
    *, decimal: str = "", encoding: str = "",
) -> Predictions:  # fmt: skip
    """The predictions of a model, or a model file, for a table, as in `micrograd predict`.

    Raises ModelFileError for a file that is not a model, and the TableErrors of
    `TableModel.predict`.

    >>> import micrograd as mg
    >>> table = {"size": [1.0, 2.0, 8.0, 9.0] * 10, "kind": ["small", "small", "big", "big"] * 10}
    >>> model = mg.train_table(table, "kind", hidden=(4,), epochs=20).model
    >>> mg.predict_table(model, {"size": [0.0, 10.0]}).values.tolist()
    ['small', 'big']
    """
    loaded = model if isinstance(model, TableModel) else TableModel.load(model)
    return loaded.predict(table, decimal=decimal, encoding=encoding)
