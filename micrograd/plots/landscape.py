"""loss_landscape: the loss around the weights of a model, along random directions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.engine import Value, numbers_of, write_numbers
from micrograd.plots.figures import COLOURS, check_resolution, finished, new_figure

Loss = Callable[[], Any]


def loss_landscape(
    loss: Loss, model: Any, path: str | Path | None = None, *, dimensions: int = 2,
    span: float = 1.0, resolution: int = 25, seed: int = 0, title: str = "Loss landscape",
    ax: Any = None,
) -> Any:  # fmt: skip
    """A matplotlib Figure of the loss along one or two random directions from the weights.

    `loss` takes no argument and returns a number or a Value, for the numbers that the parameters
    hold. A direction is normalised by filters, as in Li et al., "Visualizing the Loss Landscape of
    Neural Nets" (2018): for each neuron it is as long as its weights, and biases stay. So pictures
    of different models can be compared. The directions reach `span` times that length to each side,
    in `resolution` points. `seed` chooses them. The parameters keep their numbers. `ax` are
    matplotlib axes to draw into.

    Raises ValueError unless `dimensions` is 1 or 2 and `resolution` at least 2, TypeError if `loss`
    is no function or the model has no weights, and PlotError without matplotlib.

    >>> import micrograd as mg
    >>> model = mg.MLP(2, [4, 1], seed=0)
    >>> loss = lambda: (model([1.0, 2.0])[0] - 1) ** 2
    >>> loss_landscape(loss, model, dimensions=1, resolution=5).axes[0].get_xlabel()
    'step along a random direction'
    """
    if not callable(loss) or hasattr(loss, "parameters"):
        raise TypeError(
            f"expected a loss without arguments, then its model, got {type(loss).__name__} first"
        )
    if dimensions not in (1, 2):
        raise ValueError(f"dimensions must be 1 or 2, got {dimensions!r:.60}")
    check_resolution(resolution)
    parameters, neurons = model.parameters(), neurons_of(model)
    random = np.random.default_rng(seed)
    directions = [direction(parameters, neurons, random) for _ in range(dimensions)]
    steps = np.linspace(-span, span, resolution)
    step = "step along a random direction"
    if dimensions == 1:
        losses = _losses(loss, parameters, directions, [(a,) for a in steps])
        figure, axes = new_figure(title, step, "loss", ax)
        axes.plot(steps, losses, color=COLOURS[0], linewidth=1.8)
        axes.axvline(0, color=COLOURS[-1], linestyle=":")
        axes.grid(alpha=0.25)
        return finished(figure, path)
    points = [(a, b) for b in steps for a in steps]
    losses = np.reshape(_losses(loss, parameters, directions, points), (resolution, resolution))
    figure, axes = new_figure(title, step, "step along another", ax)
    drawn = axes.contourf(steps, steps, losses, levels=20, cmap="viridis")
    axes.contour(steps, steps, losses, levels=20, colors="white", linewidths=0.4)
    axes.plot(0, 0, "o", color="white", markeredgecolor="black")
    axes.figure.colorbar(drawn, ax=axes, label="loss")
    return finished(figure, path)


def neurons_of(model: Any) -> list[list[Value]]:
    """The weights of each neuron, without its bias.

    >>> import micrograd as mg
    >>> [len(weights) for weights in neurons_of(mg.MLP(2, [3, 1], seed=0))]
    [2, 2, 2, 3]
    """
    neurons = [
        [*getattr(neuron, "weights", getattr(neuron, "w", ()))]
        for layer in getattr(model, "layers", [model])
        for neuron in getattr(layer, "neurons", [layer])
    ]
    if not any(neurons):
        raise TypeError(f"expected a model of layers with weights, got {type(model).__name__}")
    return neurons


def direction(parameters: list[Value], neurons: list[list[Value]], random: Any) -> Any:
    """A random direction in the space of the parameters, for each neuron as long as its weights."""
    place = {parameter: k for k, parameter in enumerate(parameters)}
    result = np.zeros(len(parameters))
    for weights in neurons:
        drawn = random.normal(size=len(weights))
        scale = np.linalg.norm(numbers_of(weights)) / np.linalg.norm(drawn)
        result[[place[w] for w in weights]] = scale * drawn
    return result


def _losses(loss: Loss, parameters: list[Value], directions: list[Any], points: Any) -> list[float]:
    start = np.array(numbers_of(parameters))
    with _kept(parameters):
        losses: list[float] = []
        for point in points:
            moved = start + sum(a * d for a, d in zip(point, directions))
            write_numbers(parameters, moved.tolist())
            losses += numbers_of([loss()])
        return losses


@contextmanager
def _kept(parameters: list[Value]) -> Iterator[None]:
    """Restores the numbers of the parameters at the end."""
    numbers = numbers_of(parameters)
    try:
        yield
    finally:
        write_numbers(parameters, numbers)
