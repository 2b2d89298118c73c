"""History: what a training run was like, epoch by epoch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from micrograd.training.run.diagnosis import Diagnosis, Patient


@dataclass(repr=False)
class History:
    """Losses by epoch, and where examples were held out, the same for them.

    `metric` names what `scores` are: accuracy or R², say, of the examples held out; "" for none.
    `gradient_norms` are those of each epoch's last step, `rates` its learning rates. `stopped` says
    why the run ended before its last epoch: "interrupted" (Ctrl-C), "time", "patience" or
    "callback"; `diverged`, how a DivergenceError ended it. `best_epoch` is, under early stopping,
    the one whose weights the model has.

    >>> History(loss=[0.9, 0.5], validation_loss=[0.8, 0.6])
    History(epochs=2, loss=0.5, validation_loss=0.6)
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    metric: str = ""
    scores: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    stopped: str = ""
    diverged: str = ""
    best_epoch: int | None = None
    patient: "Patient | None" = None  # what `diagnose` examines

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
        """The losses, and any metric, as a matplotlib Figure, written to `path` if one is given."""
        from micrograd.draw import loss_curve

        return loss_curve(self, path)

    def diagnose(self) -> "Diagnosis":
        """What there is to see in the run and the model, with evidence and remedy."""
        from micrograd.training.run.diagnosis import diagnose

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
