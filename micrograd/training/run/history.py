"""History: what a training run was like, epoch by epoch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from micrograd.training.run.diagnosis import Diagnosis, diagnose
from micrograd.training.run.record import Record


@dataclass(repr=False)
class History(Record):
    """Losses by epoch, and where examples were held out, the same for them.

    `metric` names what `scores` are: accuracy or R², say, of the examples held out; "" for none.
    `gradient_norms` are those of each epoch's last step, `rates` its learning rates. `stopped` says
    why the run ended before its last epoch: "interrupted" (Ctrl-C), "time", "patience" or
    "callback"; `diverged`, how a DivergenceError ended it. `best_epoch` is, under early stopping,
    the one whose weights the model has.

    >>> history = History(loss=[0.9, 0.5], validation_loss=[0.8, 0.6])
    >>> history
    History(epochs=2, loss=0.5, validation_loss=0.6)
    >>> history.epochs, history.interrupted, history.curve("validation_loss")
    (2, False, [0.8, 0.6])
    >>> history.diagnose()
    nothing to see: the run looks healthy
    """

    def __getstate__(self) -> dict[str, Any]:
        """What is copied and pickled: the numbers, without the model and its examples."""
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
        """The numbers of each epoch: "loss", "validation_loss", or those of the metric."""
        return {"loss": self.loss, "validation_loss": self.validation_loss}.get(name, self.scores)

    def plot(self, path: str | Path | None = None) -> Any:
        """The losses, and any metric, as a matplotlib Figure, written to `path` if one is given.

        Raises PlotError if matplotlib is not installed.

        >>> len(History(loss=[0.9, 0.5]).plot().axes)
        1
        """
        from micrograd.draw import loss_curve  # matplotlib is an extra, and slow to import

        return loss_curve(
            self.loss, self.validation_loss, scores=self.scores, metric=self.metric,
            best_epoch=self.best_epoch, path=path,
        )  # fmt: skip

    def diagnose(self) -> Diagnosis:
        """What there is to see in the run and the model, with evidence and remedy."""
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
