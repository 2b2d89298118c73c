"""loss_curve: the losses of a training run, and any metric, epoch by epoch."""

from pathlib import Path
from typing import Any

from micrograd.draw.figures import COLOURS, finished, new_figure
from micrograd.training.run.history import History


def loss_curve(history: History, path: str | Path | None = None, *, title: str = "Loss") -> Any:
    """The training loss and, where examples were held out, theirs: a matplotlib Figure.

    Their metric, if there is one, has an axis of its own; a line marks the epoch whose weights were
    kept. The axis is logarithmic where the losses span more than a factor of ten. Written to `path`
    if one is given. Raises PlotError where matplotlib is not installed.

    >>> loss_curve(History(loss=[1.0, 0.5, 0.3])).axes[0].get_xlabel()
    'epoch'
    """
    figure, axes = new_figure(title, "epoch", "mean loss")
    curves = {"training": history.loss, "held out": history.validation_loss}
    for colour, (label, losses) in zip(COLOURS, curves.items()):
        if losses:
            axes.plot(range(1, len(losses) + 1), losses, color=colour, label=label, linewidth=1.8)
            axes.plot(len(losses), losses[-1], "o", color=colour, markersize=5)
    everything = history.loss + history.validation_loss
    if everything and 0 < 10 * min(everything) < max(everything):
        axes.set_yscale("log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.25)
    if history.best_epoch:
        axes.axvline(history.best_epoch, color=COLOURS[-1], linestyle=":", label="best")
    if history.scores:
        _scores(axes, history)
    if axes.get_legend_handles_labels()[0]:  # above the curves, which may be anywhere
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
        axes.set_title(title, pad=28)
    return finished(figure, path)


def _scores(axes: Any, history: History) -> None:
    """The metric, on the right; in the legend of the losses as well."""
    right = axes.twinx()
    right.spines["top"].set_visible(False)
    right.set_ylabel(history.metric)
    epochs = range(1, len(history.scores) + 1)
    right.plot(epochs, history.scores, color=COLOURS[2], linewidth=1.2)
    axes.plot([], [], color=COLOURS[2], linewidth=1.2, label=history.metric)
