"""Loop: a run in steps, batch by batch, that can be saved at any step and taken up again."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from micrograd.schedules import schedule
from micrograd.training.checkpoint import Checkpoint, State
from micrograd.training.examples import Batches
from micrograd.training.objective import Dropout
from micrograd.training.pieces import PieceBatches
from micrograd.training.progress import Progress
from micrograd.training.run import DivergenceError, Run


@dataclass(kw_only=True)
class Loop(Run):
    """A run on batches, whose order and masks `random` draws."""

    batches: Batches | PieceBatches
    random: np.random.Generator
    dropout: Dropout | None = None
    checkpoint: Checkpoint | None = None

    position: int = 0  # batches of this epoch that are done
    total: float = 0.0  # the sum of their losses
    seen: int = 0  # the number of their examples
    lowest: float = math.inf  # mean loss of an epoch
    random_first: Any = None  # the state of `random` before anything was held out
    random_before: Any = None  # before it drew the order of this epoch
    good: np.ndarray = field(init=False)  # the weights with which the lowest epoch began
    before: np.ndarray = field(init=False)  # and this one

    def __post_init__(self) -> None:
        masks = [self.dropout.mask] if self.dropout else []
        self.take = self.step.on(self.batches.arrays, self.batches.rows, masks)
        self.rate = schedule(self.step.optimizer.learning_rate)
        self.before = self.good = self.step.weights()
        self.start()

    def run(self, bar: Progress) -> None:
        """Trains until there is a reason to stop; the Values hold the result then.

        Raises DivergenceError where the loss becomes NaN or infinite. The Values then hold the
        weights with which the epoch of the lowest loss began.
        """
        history = self.history
        try:
            with _watched() as pressed:
                while history.epochs < self.limits.epochs and not history.stopped:
                    history.stopped = self._epoch(bar, pressed)
            if self.checkpoint:
                self._save(self.checkpoint)
        except KeyboardInterrupt:
            history.stopped = "interrupted"
        except DivergenceError:
            self.step.restore(self.good)
            raise
        finally:
            self.step.write()
        self.end()

    def _epoch(self, bar: Progress, pressed: list[int]) -> str:
        """The rest of an epoch; why the run should end now, or ""."""
        if self.position == 0:
            self._begin()
        batches, take, dropout = self.batches, self.take, self.dropout
        every = self.checkpoint.every if self.checkpoint else None
        while self.position < batches.count:
            n = batches.load(self.position)
            if dropout:
                dropout.draw(n, self.random)
            mean = take(n)
            if not math.isfinite(mean):
                raise self._divergence(mean)
            self.total += mean * n
            self.seen += n
            self.position += 1
            if bar.bar is not None:
                bar.bar.update()
            if self.position == batches.count:
                break
            if self.checkpoint and every and self.step.steps % every == 0:
                self._save(self.checkpoint)
            if pressed:
                return "interrupted"
            if self.deadline < math.inf and time.monotonic() >= self.deadline:
                return "time"
        reason = self._finish(bar)
        return "interrupted" if pressed else reason

    def _begin(self) -> None:
        self.before = self.step.weights()
        if self.checkpoint:
            self.random_before = self.random.bit_generator.state
        self.batches.shuffle(self.random)

    def _finish(self, bar: Progress) -> str:
        mean = self.total / self.seen
        self.position, self.total, self.seen = 0, 0.0, 0
        if mean < self.lowest:
            self.lowest, self.good = mean, self.before
        reason = self.finish_epoch(mean, self.rate(self.step.steps - 1), bar)
        every = self.checkpoint.every if self.checkpoint else 0
        if self.checkpoint and (every is None or self.step.steps % every == 0):
            self._save(self.checkpoint)
        return reason

    def _divergence(self, mean: float) -> DivergenceError:
        rate = self.rate(self.step.steps)
        return DivergenceError(
            f"the loss became {mean} in epoch {self.history.epochs + 1}, step "
            f"{self.step.steps + 1}; try a smaller learning rate (it was {rate:.3g}), "
            "clip_norm=1.0 in the optimizer, or inputs of a smaller scale. The model has the last "
            "weights that were good",
            self.history,
        )

    # Checkpoints.

    def _save(self, checkpoint: Checkpoint) -> None:
        arrays = {"weights": self.step.weights(), **{name: getattr(self, name) for name in WEIGHTS}}
        arrays |= {f"memory.{name}": array for name, array in self.step.memory().items()}
        state = {name: getattr(self, name) for name in PLACE}
        state |= {name: getattr(self.history, name) for name in CURVES}
        state |= {"steps": self.step.steps, "random": self.random.bit_generator.state}
        checkpoint.save(arrays, state)

    def go_on(self, saved: State) -> None:
        """Stands where the run stood when it was saved."""
        arrays, state = saved
        self.step.restore(arrays["weights"])
        memory = {k[7:]: array for k, array in arrays.items() if k.startswith("memory.")}
        self.step.remember(state["steps"], memory)
        for name in WEIGHTS:
            setattr(self, name, arrays[name])
        for name in PLACE:
            setattr(self, name, state[name])
        for name in CURVES:
            setattr(self.history, name, state[name])
        if self.position:
            self.random.bit_generator.state = self.random_before
            self.batches.shuffle(self.random)
        self.random.bit_generator.state = state["random"]
        if self._waited_enough():
            self.history.stopped = "patience"


# What a checkpoint holds besides the weights, by the names of the attributes.
WEIGHTS = "before", "good", "best"
PLACE = "position", "total", "seen", "waited", "lowest", "top", "random_first", "random_before"
CURVES = "loss", "validation_loss", "scores", "gradient_norms", "rates", "best_epoch"


@contextmanager
def _watched() -> Iterator[list[int]]:
    """A list that is empty until Ctrl-C is pressed: the step is finished first.

    Pressed again, it interrupts at once.
    """
    pressed: list[int] = []

    def press(number: int, frame: Any) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    ours = threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
