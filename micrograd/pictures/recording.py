"""Recording: a training run, epoch by epoch, as a page to watch and to scroll through."""

import base64
import json
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.annotations import RunHistory, Tree
from micrograd.compiler.api.function import vectorize
from micrograd.compiler.trace.errors import TraceError
from micrograd.engine import numbers_of
from micrograd.files.whole_file import write_whole
from micrograd.losses import as_scalars
from micrograd.pictures.plane import SIDE, Plane, plane
from micrograd.plots.networks import parameter_arrays
from micrograd.report import in_notebook

PAUSE = 1.0  # seconds between two views in a notebook
HEIGHT = 560  # pixels of the page in a notebook
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'">
<title>MicroGrad: a training run</title>
<style>{style}</style>
</head>
<body>
<div id="app"></div>
<script type="application/json" id="run">{run}</script>
<script>{script}</script>
</body>
</html>
"""  # noqa: E501


class Recording:
    """A callback of `fit` that records the losses, the weights and the decision surface.

    It records one epoch in `every`. A notebook displays it while `fit` runs, updated once a second,
    and afterwards at the end of a cell; `save` writes it as one page of HTML. The decision surface
    is recorded for models of two inputs: the predicted class and its probability, or the output if
    the targets are numbers.

    Raises ValueError unless `every` is at least 1.

    >>> import micrograd as mg
    >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [-1, 1, 1, -1]
    >>> recording = mg.Recording()
    >>> model = mg.MLP(2, [4, 1], activation="tanh", seed=0)
    >>> history = mg.fit(model, X, y, loss="hinge", epochs=3, callbacks=recording)
    >>> [frame["epoch"] for frame in recording.frames]
    [1, 2, 3]
    >>> recording.run(first=2)["frames"][0]["epoch"], recording.page()[:15]
    (3, '<!doctype html>')
    >>> recording
    <recording of 3 epochs; save it: .save('run.html')>
    >>> recording.save("run.html")  # doctest: +SKIP
    """

    def __init__(self, *, every: int = 1, title: str = "A training run"):
        if not (isinstance(every, int) and every >= 1):
            raise ValueError(f"every must be an integer of at least 1, got {every!r:.60}")
        self.every, self.title = every, title
        self.frames: list[dict[str, Any]] = []
        self.about: dict[str, Any] = {"title": title, "arrays": [], "points": [], "extent": None}
        self.about["classes"] = 0
        self._plane: Plane | None = None
        self._outputs: Any = None  # the outputs of the model, as a function of points
        self._shown: Any = None  # the display of a notebook
        self._next = 0.0  # the time of the next update

    def __repr__(self) -> str:
        epochs = f"{len(self.frames):,} epochs" if self.frames else "no epoch yet"
        return f"<recording of {epochs}; save it: .save('run.html')>"

    def __call__(self, history: RunHistory) -> None:
        """Records an epoch. `fit` calls it after each."""
        if (history.epochs - 1) % self.every:
            return
        patient = history.patient
        model = patient.model
        arrays = parameter_arrays(model)
        if not self.frames:
            self.about["arrays"] = [
                [name, len(values), _columns(model, name)] for name, values in arrays.items()
            ]
            self._plane = plane(patient.examples.inputs, patient.examples.targets, patient.loss)
            self._outputs = _outputs_of(model)
        weights = [v.data for values in arrays.values() for v in values]
        frame = {"epoch": history.epochs, "loss": _last(history.loss)}
        frame |= {"validation": _last(history.validation_loss), "score": _last(history.scores)}
        frame |= {"metric": history.metric, "weights": _packed(array("f", weights))}
        if self._plane:
            frame["surface"] = self._surface(self._plane)
        self.frames.append(frame)
        if in_notebook() and time.monotonic() >= self._next:
            self._show()

    def _show(self) -> None:
        from IPython.display import display

        if self._shown is None:
            self._shown = display(self, display_id=True)
            sys.modules["IPython"].get_ipython().events.register("post_run_cell", self._show_last)
        else:
            self._shown.update(self)
        self._next = time.monotonic() + PAUSE

    def _show_last(self, *_: Any) -> None:
        """Shows all epochs once the cell of the notebook has ended."""
        sys.modules["IPython"].get_ipython().events.unregister("post_run_cell", self._show_last)
        self._shown.update(self)
        self._shown = None

    def _surface(self, where: Plane) -> str:
        """The output of the model at each point of the grid, as a byte."""
        outputs = self._outputs(where.grid())
        if not self.about["extent"]:
            count = outputs.shape[1]
            self.about |= {"extent": where.extent, "classes": count if count > 2 else 0}
            self.about["points"] = where.points(count)
        return _packed(array("B", where.seen(outputs).tolist()))

    def run(self, first: int = 0, live: bool = False) -> dict[str, Tree]:
        """The data of a page: the run, from frame `first` on."""
        return {**self.about, "side": SIDE, "live": live, "frames": self.frames[first:]}

    def page(self, live: bool = False) -> str:
        """The page. A `live` page requests new frames from its server."""
        folder = files("micrograd.pictures")
        run = json.dumps(self.run(live=live), separators=(",", ":"))
        return PAGE.format(
            style=(folder / "run.css").read_text(encoding="utf-8"),
            script=(folder / "run.js").read_text(encoding="utf-8"),
            run=run.replace("<", "\\u003c"),
        )

    def save(self, path: str | Path) -> None:
        """Writes the run as one page of HTML, which works offline. Raises OSError if it cannot."""
        write_whole(path, self.page().encode())

    def _repr_html_(self) -> str:
        """The page in a frame without access to the notebook."""
        return (
            f'<iframe srcdoc="{escape(self.page())}" sandbox="allow-scripts" '
            f'style="width: 100%; height: {HEIGHT}px; border: 1px solid #d0d7de" '
            'title="a training run"></iframe>'
        )


def _last(numbers: Sequence[float]) -> float | None:
    """The last number; None if there is none, or if it is not finite, which JSON cannot hold."""
    return float(numbers[-1]) if numbers and np.isfinite(numbers[-1]) else None


def _packed(numbers: "array[Any]") -> str:
    return base64.b64encode(numbers.tobytes()).decode()


def _outputs_of(model: Any) -> Callable[[list[list[float]]], Any]:
    """A function from many points to the outputs of the model; compiled if possible."""
    compiled = vectorize(lambda point: [*as_scalars(model(point))], each="row")

    def outputs(points: list[list[float]]) -> Any:
        try:
            return np.column_stack(compiled(np.array(points)))
        except TraceError:
            return np.array([numbers_of(as_scalars(model(point))) for point in points])

    return outputs


def _columns(model: Any, name: str) -> int:
    """The columns of a matrix of parameters; 0 of what is no matrix."""
    values = getattr(model, "arrays", dict[str, Any])().get(name)
    row = values[0] if isinstance(values, Sequence) and values else None
    return len(row) if isinstance(row, Sequence) and row else 0
