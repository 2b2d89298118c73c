"""The demos: train on bundled data, and draw the result."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.files.table import Table
from micrograd.names import unknown
from micrograd.tables.inputs import Quantity
from micrograd.tables.prepare import Prepared
from micrograd.tables.targets import Classes, Measure
from micrograd.tables.train import Trained, train_table

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Demo:
    """A table, its target, and how to train on it."""

    doc: str
    table: Callable[[], Table | Path]
    target: str
    options: dict[str, Any]


def moons(rows: int = 200, noise: float = 0.12, seed: int = 0) -> Table:
    """Two interleaving half circles: `x1`, `x2` and the class `moon`.

    >>> len(moons(10))
    10
    """
    random = np.random.default_rng(seed)
    angle = random.uniform(0, np.pi, rows)
    lower = np.arange(rows) % 2
    x1 = np.where(lower, 1 - np.cos(angle), np.cos(angle)) + random.normal(0, noise, rows)
    x2 = np.where(lower, 0.5 - np.sin(angle), np.sin(angle)) + random.normal(0, noise, rows)
    return Table.of({"x1": x1, "x2": x2, "moon": np.where(lower, "lower", "upper")})


def sine(rows: int = 200, noise: float = 0.1, seed: int = 0) -> Table:
    """`y`, the sine of `x` plus noise, for `x` from -π to π.

    >>> len(sine(10))
    10
    """
    random = np.random.default_rng(seed)
    x = random.uniform(-np.pi, np.pi, rows)
    return Table.of({"x": x, "y": np.sin(x) + random.normal(0, noise, rows)})


# fmt: off
DEMOS = {
    "iris":   Demo("150 flowers of three species, by four lengths (real)", lambda: DATA / "iris.csv", "species", {}),  # noqa: E501
    "digits": Demo("1,797 handwritten digits of 8 × 8 pixels (real)", lambda: DATA / "digits.csv.gz", "digit", {"epochs": 10}),  # noqa: E501
    "moons":  Demo("two half circles in the plane (synthetic)", moons, "moon", {}),
    "sine":   Demo("a sine with noise (synthetic)", sine, "y", {"activation": "tanh", "learning_rate": 0.03, "epochs": 200}),  # noqa: E501
}
# fmt: on


def files_of(name: str, directory: str | Path) -> list[Path]:
    """The files that `demonstrate` may write: the model, its loss curve, and its picture."""
    kinds = ".safetensors", "-loss.png", "-boundary.png", "-curve.png"
    return [Path(directory) / f"{name}{kind}" for kind in kinds]


def demonstrate(
    name: str,
    directory: str | Path,
    *,
    epochs: int | None = None,
    progress: bool | None = None,
    announce: Callable[[Prepared], None] = lambda prepared: None,
    callbacks: Any = (),
) -> tuple[Trained, list[Path]]:
    """Trains on the demo `name`, and writes the model and pictures, as `micrograd demo` does.

    Creates the directory if necessary. Raises ValueError for an unknown name.
    """
    if name not in DEMOS:
        raise ValueError(unknown("demo", name, DEMOS))
    from micrograd import plots

    demo, directory = DEMOS[name], Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    plots.new_figure("", "", "")  # raises PlotError now instead of after training
    options: dict[str, Any] = demo.options | ({} if epochs is None else {"epochs": epochs})
    paths = files_of(name, directory)[:2]
    trained = train_table(
        demo.table(), demo.target, members=1,  # so that a page can show its weights
        progress=progress, output=paths[0], announce=announce, callbacks=callbacks, **options,
    )  # fmt: skip
    trained.history.plot(paths[1])
    return trained, [*paths, *_surface(name, trained, directory)]


def _surface(name: str, trained: Trained, directory: Path) -> list[Path]:
    """The picture of a model of one or two numbers, in the units of its table; [] for others."""
    from micrograd import plots

    model, table = trained.model, trained.prepared.training
    columns = [column for column in model.inputs.columns if isinstance(column, Quantity)]
    names = [column.name for column in columns]
    X = np.column_stack([table[column].values for column in names])

    def outputs(point: list[float]) -> list[Any]:
        return model.network([column.standardised(x) for column, x in zip(columns, point)])

    if len(names) == 2 and isinstance(model.target, Classes):
        path = files_of(name, directory)[2]
        y = model.target.encode(table[model.target.name])
        plots.decision_boundary(outputs, X, y, path, names=names, classes=model.target.classes)
        return [path]
    if len(names) == 1 and isinstance(model.target, Measure):
        path = files_of(name, directory)[3]
        mean, scale, y = model.target.mean, model.target.scale, table[model.target.name].values
        names = [*names, model.target.name]
        plots.fitted_curve(lambda x: outputs(x)[0] * scale + mean, X, y, path, names=names)
        return [path]
    return []
