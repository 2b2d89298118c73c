"""History: the losses and metrics of a training run, epoch by epoch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd.training.run.diagnosis import Diagnosis, diagnose
from micrograd.training.run.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(repr=False)
class History(Record):
    """The training loss of each epoch, and the validation loss if examples were held out.

    `metric` names the `scores` of the held-out examples, such as "accuracy" or "r2"; it is "" if
    there are none. `gradient_norms` and `rates` are the gradient norm and the learning rate of each
    epoch's last step. `stopped` is the reason why the run ended before its last epoch:
    "interrupted" (Ctrl-C), "time", "patience" or "callback". `diverged` describes the divergence
    that ended the run. With early stopping, `best_epoch` is the epoch whose weights the model has.

    >>> history = History(loss=[0.9, 0.5], validation_loss=[0.8, 0.6])
    >>> history
    History(epochs=2, loss=0.5, validation_loss=0.6)
    >>> history.epochs, history.interrupted, history.curve("validation_loss")
    (2, False, [0.8, 0.6])
    >>> history.diagnose()
    no problems found
    """

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles hold the numbers, without the model and its examples."""
        return {**vars(self), "patient": None}

    @property
    def epochs(self) -> int:
        """How many epochs were completed."""
        return len(self.loss)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the run."""
        return self.stopped == "interrupted"

    def curve(self, name: str) -> list[float]:
        """One number for each epoch: "loss", "validation_loss", or else the metric."""
        return {"loss": self.loss, "validation_loss": self.validation_loss}.get(name, self.scores)

    def plot(self, path: str | Path | None = None, *, ax: "Axes | None" = None) -> "Figure":
        """A matplotlib Figure of the losses and any metric, written to `path` if one is given.

        `ax` are matplotlib axes to draw into.
        Raises PlotError if matplotlib is not installed.

        >>> len(History(loss=[0.9, 0.5]).plot().axes)
        1
        """
        from micrograd.plots import loss_curve  # matplotlib is optional, and slow to import

        return loss_curve(
            self.loss, self.validation_loss, scores=self.scores, metric=self.metric,
            best_epoch=self.best_epoch, path=path, ax=ax,
        )  # fmt: skip

    def diagnose(self) -> Diagnosis:
        """The problems of the run and the model, each with evidence and a remedy."""
        return diagnose(self)

    def __repr__(self) -> str:
        shown = [f"epochs={self.epochs}"]
        last = {
            "loss": self.loss,
            "validation_loss": self.validation_loss,
            self.metric: self.scores,
        }
        shown += [f"{name}={numbers[-1]:.4g}" for name, numbers in last.items() if numbers]
        shown += [f"stopped={self.stopped!r}"] if self.stopped else []
        return f"History({', '.join(shown)})"
