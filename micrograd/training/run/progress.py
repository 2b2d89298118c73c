"""Progress: a bar on stderr or in a notebook, with both losses and any metric."""

import sys
from typing import Any, Self

from micrograd.report import in_notebook
from micrograd.training.run.history import History


class Progress:
    """A bar of `epochs` × `batches` steps, starting at `done`.

    `show=None` shows it in a terminal or a notebook.
    """

    def __init__(self, epochs: int, batches: int, show: bool | None = None, done: int = 0):
        self.epochs, self.batches, self.show, self.done = epochs, batches, show, done
        self.bar: Any = None

    def __enter__(self) -> Self:
        if self.show or (self.show is None and (in_notebook() or sys.stderr.isatty())):
            self.bar = _kind()(
                total=self.epochs * self.batches,
                initial=self.done,
                file=sys.stderr,
                unit="step",
                dynamic_ncols=True,
            )
            first = self.done // self.batches + 1
            self.bar.set_description(f"epoch {first}/{self.epochs}", refresh=False)
        return self

    def epoch(self, history: History) -> None:
        """Shows the last losses of the history, after each epoch."""
        if self.bar is not None:
            self.bar.set_description(f"epoch {history.epochs}/{self.epochs}", refresh=False)
            curves = {"loss": history.loss, "validation": history.validation_loss}
            curves |= {history.metric: history.scores} if history.metric else {}
            shown = {name: f"{numbers[-1]:.4g}" for name, numbers in curves.items() if numbers}
            self.bar.set_postfix(shown, refresh=history.epochs == self.epochs)

    def __exit__(self, error: object, *_: object) -> None:
        if self.bar is not None:
            if error is None:
                self.bar.total = self.bar.n  # a full bar, also after a run that stopped early
            self.bar.close()


def _kind() -> Any:
    """The notebook widget; the text bar elsewhere, and in a notebook without ipywidgets."""
    from tqdm import tqdm

    if in_notebook():
        from tqdm import notebook

        if notebook.IProgress is not None:  # type: ignore[attr-defined]
            return notebook.tqdm
    return tqdm
