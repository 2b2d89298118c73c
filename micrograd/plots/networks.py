"""gradient_flow, weight_histograms: the gradients and the weights of a model, array by array."""

from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.engine import Value
from micrograd.plots.figures import COLOURS, finished, new_figure
from micrograd.structure import flatten


def gradient_flow(
    model: Any, path: str | Path | None = None, *, title: str = "Gradient flow", ax: Any = None
) -> Any:
    """A matplotlib Figure of the size of the gradients: the mean and the largest of each array.

    Call `backward()` before. Where the bars shrink from the last layer to the first, gradients
    vanish; where they grow, they explode. The axis is logarithmic; an array whose gradients are all
    0 has no bar. The name says how many gradients are not finite. `ax` are matplotlib axes to draw
    into. Raises TypeError if `model` has no parameters, and PlotError without matplotlib.

    >>> import micrograd as mg
    >>> model = mg.MLP(2, [4, 1], seed=0)
    >>> model([1.0, 2.0])[0].backward()
    >>> axes = gradient_flow(model).axes[0]
    >>> [label.get_text() for label in axes.get_xticklabels()][:2]
    ['layers.0.weights', 'layers.0.bias']
    """
    arrays = parameter_arrays(model)
    numbers = {name: [v.grad for v in values] for name, values in arrays.items()}
    sizes = [np.abs(x) for x in _finite(numbers).values()]
    figure, axes = new_figure(title, "", "|gradient|", ax)
    places = np.arange(len(sizes))
    axes.bar(places, [_mean(x) for x in sizes], 0.8, color=COLOURS[0], label="mean")
    axes.scatter(
        places, [x.max(initial=0.0) for x in sizes], color=COLOURS[1], label="largest", zorder=3
    )
    if any(x.max(initial=0.0) > 0 for x in sizes):
        axes.set_yscale("log")
    axes.set_xticks(places, [*_finite(numbers)], rotation=30, ha="right")
    axes.legend(frameon=False)
    return finished(figure, path)


def weight_histograms(
    model: Any, path: str | Path | None = None, *, title: str = "Weights", bins: int = 40,
    ax: Any = None,
) -> Any:  # fmt: skip
    """A matplotlib Figure of how the numbers of each array of parameters are distributed.

    The legend says how many numbers are not finite. `ax` are matplotlib axes to draw into. Raises
    TypeError if `model` has no parameters, and PlotError without matplotlib.

    >>> import micrograd as mg
    >>> len(weight_histograms(mg.MLP(2, [4, 1], seed=0)).axes[0].get_legend().get_texts())
    4
    """
    arrays = parameter_arrays(model).items()
    finite = _finite({name: [v.data for v in values] for name, values in arrays})
    figure, axes = new_figure(title, "weight", "count", ax)
    edges = np.histogram_bin_edges([x for numbers in finite.values() for x in numbers], bins)
    for k, (name, numbers) in enumerate(finite.items()):
        style = {"color": COLOURS[k % len(COLOURS)], "label": name}
        axes.hist(numbers, edges, histtype="step", linewidth=1.6, **style)
    axes.legend(frameon=False, fontsize="small")
    return finished(figure, path)


def parameter_arrays(model: Any) -> dict[str, list[Value]]:
    """The parameters of a model by array; of the models of `micrograd.nn`, by layer.

    >>> from micrograd import nn
    >>> [*parameter_arrays(nn.MLP(2, [4, 1]))]
    ['layers.0', 'layers.1']
    """
    if hasattr(model, "arrays"):
        arrays = {name: _values(array) for name, array in model.arrays().items()}
    elif hasattr(model, "layers"):
        arrays = {f"layers.{k}": layer.parameters() for k, layer in enumerate(model.layers)}
    else:
        arrays = {"parameters": model.parameters()} if hasattr(model, "parameters") else {}
    if not any(arrays.values()):
        raise TypeError(f"expected a model with parameters, got {type(model).__name__}")
    return arrays


def _values(array: Any) -> list[Value]:
    return flatten(array)[0]


def _finite(arrays: dict[str, list[float]]) -> dict[str, list[float]]:
    """The finite numbers by name, which says how many are not.

    >>> _finite({"a": [1.0, float("nan")], "b": [2.0]})
    {'a, 1 not finite': [1.0], 'b': [2.0]}
    """
    found: dict[str, list[float]] = {}
    for name, numbers in arrays.items():
        finite = [x for x in numbers if isfinite(x)]
        missing = len(numbers) - len(finite)
        found[f"{name}, {missing:,} not finite" if missing else name] = finite
    return found


def _mean(sizes: Any) -> float:
    return float(sizes.mean()) if sizes.max(initial=0.0) > 0 else float("nan")
