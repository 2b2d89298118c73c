"""Progress: a bar on stderr, or in a notebook, with both losses."""

import sys
from typing import Any, Self

from micrograd.training.history import History


class Progress:
    """A bar of `epochs` × `batches` steps; `show` None means where somebody watches: a terminal."""

    def __init__(self, epochs: int, batches: int, show: bool | None = None):
        self.epochs, self.batches, self.show = epochs, batches, show
        self.bar: Any = None

    def __enter__(self) -> Self:
        notebook = "ipykernel" in sys.modules
        if self.show or (self.show is None and (notebook or sys.stderr.isatty())):
            if notebook:
                from tqdm.notebook import tqdm
            else:
                from tqdm import tqdm
            self.bar = tqdm(
                total=self.epochs * self.batches, file=sys.stderr, unit="step", dynamic_ncols=True
            )
            self.bar.set_description(f"epoch 1/{self.epochs}", refresh=False)
        return self

    def step(self) -> None:
        """One batch is done."""
        if self.bar is not None:
            self.bar.update()

    def epoch(self, history: History) -> None:
        """One epoch is done, and its losses are the last of the history."""
        if self.bar is not None:
            self.bar.set_description(f"epoch {history.epochs}/{self.epochs}", refresh=False)
            losses = {"loss": history.loss, "validation": history.validation_loss}
            shown = {name: f"{numbers[-1]:.4g}" for name, numbers in losses.items() if numbers}
            self.bar.set_postfix(shown, refresh=history.epochs == self.epochs)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
