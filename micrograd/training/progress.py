"""Progress: a bar on stderr, or in a notebook, with both losses and any metric."""

import sys
from typing import Any, Self

from micrograd.training.history import History


class Progress:
    """A bar of `epochs` × `batches` steps, `done` of them before; `show` None: where it is seen."""

    def __init__(self, epochs: int, batches: int, show: bool | None = None, done: int = 0):
        self.epochs, self.batches, self.show, self.done = epochs, batches, show, done
        self.bar: Any = None

    def __enter__(self) -> Self:
        notebook = "ipykernel" in sys.modules
        if self.show or (self.show is None and (notebook or sys.stderr.isatty())):
            if notebook:
                from tqdm.notebook import tqdm
            else:
                from tqdm import tqdm
            self.bar = tqdm(
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
        """One epoch is done, and its losses are the last of the history."""
        if self.bar is not None:
            self.bar.set_description(f"epoch {history.epochs}/{self.epochs}", refresh=False)
            curves = {"loss": history.loss, "validation": history.validation_loss}
            curves |= {history.metric: history.scores} if history.metric else {}
            shown = {name: f"{numbers[-1]:.4g}" for name, numbers in curves.items() if numbers}
            self.bar.set_postfix(shown, refresh=history.epochs == self.epochs)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
