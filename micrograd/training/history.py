"""History: what a training run was like, epoch by epoch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(repr=False)
class History:
    """Losses by epoch, and where examples were held out, the same for them.

    `metric` names what `scores` are: accuracy or R², of the examples held out; "" for none.
    `interrupted` says whether Ctrl-C ended the run.

    >>> History(loss=[0.9, 0.5], validation_loss=[0.8, 0.6])
    History(epochs=2, loss=0.5, validation_loss=0.6)
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    metric: str = ""
    scores: list[float] = field(default_factory=list)
    interrupted: bool = False

    @property
    def epochs(self) -> int:
        """How many epochs were completed."""
        return len(self.loss)

    def plot(self, path: str | Path | None = None) -> Any:
        """The losses as a matplotlib Figure, written to `path` if one is given."""
        from micrograd.draw import loss_curve

        return loss_curve(self, path)

    def __repr__(self) -> str:
        shown = [f"epochs={self.epochs}"]
        last = {
            "loss": self.loss,
            "validation_loss": self.validation_loss,
            self.metric: self.scores,
        }
        shown += [f"{name}={numbers[-1]:.4g}" for name, numbers in last.items() if numbers]
        return f"History({', '.join(shown)}{', interrupted=True' * self.interrupted})"
