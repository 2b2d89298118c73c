"""loss_curve: the losses of a training run, and any metric, epoch by epoch."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from micrograd.plots.figures import COLOURS, finished, new_figure


def loss_curve(
    loss: Iterable[float], validation_loss: Iterable[float] = (), *,
    scores: Iterable[float] = (), metric: str = "", best_epoch: int | None = None,
    path: str | Path | None = None, title: str = "Loss", ax: Any = None,
) -> Any:  # fmt: skip
    """A matplotlib Figure of the training loss and, if there is one, the validation loss.

    The scores of the metric have their own axis; a line marks the epoch whose weights were kept.
    The loss axis is logarithmic if the losses span more than a factor of ten. The figure is written
    to `path` if one is given; `ax` are matplotlib axes to draw into.
    Raises TypeError for a History, which has `plot`, and PlotError if matplotlib is not installed.

    >>> loss_curve([1.0, 0.5, 0.3]).axes[0].get_xlabel()
    'epoch'
    """
    if hasattr(loss, "validation_loss"):
        raise TypeError("expected the loss of each epoch, got a History: write history.plot()")
    loss, validation_loss, scores = [*loss], [*validation_loss], [*scores]
    figure, axes = new_figure(title, "epoch", "mean loss", ax)
    curves = {"training": loss, "held out": validation_loss}
    for colour, (label, losses) in zip(COLOURS, curves.items()):
        if losses:
            axes.plot(range(1, len(losses) + 1), losses, color=colour, label=label, linewidth=1.8)
            axes.plot(len(losses), losses[-1], "o", color=colour, markersize=5)
    everything = [*loss, *validation_loss]
    if everything and 0 < 10 * min(everything) < max(everything):
        axes.set_yscale("log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.25)
    if best_epoch:
        axes.axvline(best_epoch, color=COLOURS[-1], linestyle=":", label="best")
    if scores:
        _scores(axes, scores, metric)
    if axes.get_legend_handles_labels()[0]:  # the legend is above the plot, to cover no curve
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
        axes.set_title(title, pad=28)
    return finished(figure, path)


def _scores(axes: Any, scores: list[float], metric: str) -> None:
    """Draws the metric on a right axis, and adds it to the legend of the losses."""
    right = axes.twinx()
    right.spines["top"].set_visible(False)
    right.set_ylabel(metric)
    epochs = range(1, len(scores) + 1)
    right.plot(epochs, scores, color=COLOURS[2], linewidth=1.2)
    axes.plot([], [], color=COLOURS[2], linewidth=1.2, label=metric)
