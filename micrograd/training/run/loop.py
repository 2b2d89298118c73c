"""Loop: a run in steps, batch by batch, that can be saved and resumed at any step."""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from micrograd.schedules import schedule
from micrograd.training.data.examples import Batches
from micrograd.training.data.pieces import PieceBatches
from micrograd.training.run.checkpoint import Checkpoint, State
from micrograd.training.run.progress import Progress
from micrograd.training.run.run import DivergenceError, Run
from micrograd.training.run.saved import Saved, check_arrays, damage_in
from micrograd.training.steps.objective import Dropout

STRETCH = 100  # the most steps over which losses are averaged to choose the last good weights
MINUTE = 60.0  # the most seconds between two checkpoints, unless `every` is given


@dataclass(kw_only=True)
class Loop:
    """Takes the steps of a run on batches; `random` draws their order and the dropout masks."""

    run: Run
    batches: Batches | PieceBatches
    random: np.random.Generator
    dropout: Dropout | None = None
    checkpoint: Checkpoint | None = None

    position: int = 0  # finished batches of this epoch
    total: float = 0.0  # the sum of the losses of their examples
    seen: int = 0  # the number of their examples
    total_before: float = 0.0  # `total` and `seen` at the start of this stretch of steps
    seen_before: int = 0
    lowest: float = math.inf  # the lowest mean loss of a stretch
    random_first: Any = None  # the state of `random` before any examples were held out
    random_before: Any = None  # its state before it drew the order of this epoch
    good: np.ndarray = field(init=False)  # the weights at the start of the stretch of lowest loss
    before: np.ndarray = field(init=False)  # the weights at the start of this stretch

    def __post_init__(self) -> None:
        self.step, self.history = self.run.step, self.run.history
        masks = [self.dropout.mask] if self.dropout else []
        self.take = self.step.on(self.batches.arrays, self.batches.rows, masks)
        self.rate = schedule(self.step.optimizer.learning_rate)
        self.before = self.good = self.step.weights()
        self.saved = time.monotonic()
        self.run.start()

    def train(self, bar: Progress, pressed: list[int]) -> None:
        """Trains until a limit is reached, then writes the weights to the Values.

        Raises DivergenceError if the loss or a weight becomes NaN or infinite. The Values then hold
        the weights from the start of the stretch with the lowest loss.
        """
        history = self.history
        try:
            while history.epochs < self.run.limits.epochs and not history.stopped:
                history.stopped = self._epoch(bar, pressed)
            self._check_weights()
            if self.checkpoint:
                self._save(self.checkpoint)
        except KeyboardInterrupt:
            history.stopped = "interrupted"
        except DivergenceError:
            self.step.restore(self.good)
            raise
        finally:
            self.step.write()
        self.run.end()

    def _epoch(self, bar: Progress, pressed: list[int]) -> str:
        """Runs the rest of an epoch; returns the reason to end the run, or ""."""
        if self.position == 0:
            self._begin()
        batches, take, dropout = self.batches, self.take, self.dropout
        while self.position < batches.count:
            n = batches.load(self.position)
            if dropout:
                dropout.draw(n, self.random)
            mean = take(n)
            if not math.isfinite(mean):
                where = self.history.epochs + 1, self.step.steps + 1
                raise self.run.divergence("the loss", mean, *where, self.rate(self.step.steps))
            self.total += mean * n
            self.seen += n
            self.position += 1
            if bar.bar is not None:
                bar.bar.update()
            if self.position % STRETCH == 0 or self.position == batches.count:
                self._end_stretch()
            if self.position == batches.count:
                break
            if self.checkpoint and self._is_due(self.checkpoint):
                self._save(self.checkpoint)
            if pressed:
                return "interrupted"
            if self.run.deadline < math.inf and time.monotonic() >= self.run.deadline:
                return "time"
        reason = self._finish(bar)
        return "interrupted" if pressed else reason

    def _begin(self) -> None:
        self.before = self.step.weights()
        if self.checkpoint:
            self.random_before = self.random.bit_generator.state
        self.batches.shuffle(self.random)

    def _end_stretch(self) -> None:
        """Keeps the weights from the start of this stretch if its loss is the lowest so far."""
        mean = (self.total - self.total_before) / (self.seen - self.seen_before)
        if mean < self.lowest:
            self.lowest, self.good = mean, self.before
        if self.position < self.batches.count:
            self.total_before, self.seen_before = self.total, self.seen
            self.before = self.step.weights()

    def _finish(self, bar: Progress) -> str:
        mean = self.total / self.seen
        self.position, self.total, self.seen = 0, 0.0, 0
        self.total_before, self.seen_before = 0.0, 0
        reason = self.run.finish_epoch(mean, self.rate(self.step.steps - 1), bar)
        if self.checkpoint and self._is_due(self.checkpoint):
            self._save(self.checkpoint)
        return reason

    def _check_weights(self) -> None:
        """Checks the weights: if the last step diverges, no later loss shows it."""
        weights = self.step.weights()
        if not np.isfinite(weights).all():
            bad, step = weights[~np.isfinite(weights)], self.step.steps
            epoch = self.history.epochs + (self.position > 0)
            raise self.run.divergence("a weight", bad[0], epoch, step, self.rate(step - 1))

    # Checkpoints.

    def _is_due(self, checkpoint: Checkpoint) -> bool:
        """True after `every` steps; without `every`, after each epoch and each minute of one."""
        if checkpoint.every is not None:
            return self.step.steps % checkpoint.every == 0
        return self.position == 0 or time.monotonic() >= self.saved + MINUTE

    def _save(self, checkpoint: Checkpoint) -> None:
        arrays = {"weights": self.step.weights(), **self._attributes(WEIGHTS)}
        arrays |= {f"memory.{name}": array for name, array in self.step.memory().items()}
        state = self._attributes(PLACE)
        state |= {"steps": self.step.steps, "random": self.random.bit_generator.state}
        checkpoint.save(arrays, state)
        self.saved = time.monotonic()

    def _attributes(self, names: dict[str, str]) -> dict[str, Any]:
        return {name: getattr(self._holder(of), name) for name, of in names.items()}

    def _holder(self, of: str) -> object:
        return {"loop": self, "run": self.run, "history": self.history}[of]

    def go_on(self, saved: State) -> None:
        """Restores the saved state. Raises CheckpointError if it is not a state of this run."""
        arrays, state = saved
        memory = {f"memory.{name}" for name in self.step.optimizer.memory}
        judged = bool(self.run.held_out)
        curves = {"validation_loss": judged, "scores": judged and bool(self.run.score)}
        assert self.checkpoint is not None
        with damage_in(self.checkpoint.path):
            check_arrays(arrays, {"weights", *WEIGHTS, *memory}, len(self.step.weights()))
            Saved(**state).check_fits(self.batches.count, curves)
        self.step.restore(arrays["weights"])
        memory = {k[7:]: array for k, array in arrays.items() if k.startswith("memory.")}
        self.step.remember(state["steps"], memory)
        for name, of in (WEIGHTS | PLACE).items():
            setattr(self._holder(of), name, arrays[name] if name in WEIGHTS else state[name])
        if self.position:
            self.random.bit_generator.state = self.random_before
            self.batches.shuffle(self.random)
        self.random.bit_generator.state = state["random"]
        if (
            self.run.limits.patience is None
        ):  # without early stopping the model keeps the last weights
            self.history.best_epoch = None
        if self.run.waited_enough():
            self.history.stopped = "patience"


# The attributes that a checkpoint holds besides the weights, and what they are attributes of.
WEIGHTS = {"before": "loop", "good": "loop", "best": "run"}
PLACE = {
    "position": "loop", "total": "loop", "seen": "loop", "total_before": "loop",
    "seen_before": "loop", "waited": "run", "lowest": "loop", "top": "run",
    "random_first": "loop", "random_before": "loop",
    "loss": "history", "validation_loss": "history", "scores": "history",
    "gradient_norms": "history", "rates": "history", "best_epoch": "history",
}  # fmt: skip
