"""Pictures: their contents, atomic writes, and no need for a display."""

import sys
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import plots
from micrograd.training.run.history import History

PNG = b"\x89PNG\r\n\x1a\n"


def test_the_loss_curve_shows_both_losses(tmp_path):
    path = tmp_path / "loss.png"
    history = History(loss=[2.0, 0.5, 0.1], validation_loss=[2.0, 1.0, 0.6])
    (axes,) = history.plot(path).axes
    legend = axes.get_legend()
    assert legend
    assert [text.get_text() for text in legend.get_texts()] == ["training", "held out"]
    assert np.asarray(axes.lines[0].get_ydata()).tolist() == [2.0, 0.5, 0.1]
    assert axes.get_yscale() == "log"
    assert path.read_bytes().startswith(PNG)


def test_losses_may_be_an_array_and_not_finite():
    figure = plots.loss_curve(np.array([2.0, np.nan, np.inf]), np.array([]), scores=np.ones(3))
    assert figure.axes[0].lines[0].get_ydata()[0] == 2.0


def test_a_history_draws_itself_also_into_axes_that_are_given(ax):
    history = History(loss=[2.0, 0.5, 0.1])
    with pytest.raises(TypeError, match=r"history\.plot\(\)"):
        plots.loss_curve(history)  # type: ignore[arg-type]
    assert history.plot(ax=ax) is ax.figure


def test_a_notebook_shows_a_figure_without_pyplot():
    formatters = pytest.importorskip("IPython.core.formatters")
    shown, _ = formatters.DisplayFormatter().format(plots.loss_curve([2.0, 1.0]))
    assert shown["image/png"].startswith(PNG)


def test_a_loss_that_hardly_falls_or_is_negative_has_a_linear_axis():
    assert plots.loss_curve([2.0, 1.0]).axes[0].get_yscale() == "linear"
    assert plots.loss_curve([2.0, -1.0]).axes[0].get_yscale() == "linear"


@pytest.mark.parametrize(("outputs", "labels"), [(1, [-1, 1]), (1, [0, 1]), (2, [0, 1])])
def test_the_boundary_lies_where_the_model_changes_its_mind(outputs, labels):
    def model(point):  # the boundary is x1 = 0.5
        score = 4 * (point[0] - 0.5)
        return [mg.Value(score)] if outputs == 1 else [mg.Value(0.0), mg.Value(score)]

    X = np.array([[0.0, 0.0], [1.0, 1.0]])
    figure = plots.decision_boundary(model, X, labels, resolution=21)
    (axes,) = figure.axes
    lines = [path for c in axes.collections if hasattr(c, "levels") for path in c.get_paths()]
    vertices = np.concatenate([path.vertices for path in lines])
    np.testing.assert_allclose(vertices[:, 0], 0.5, atol=1e-6)
    blue, orange = (axes.images[0].get_array()[10, side] for side in (0, -1))
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]


def test_three_classes_by_name(tmp_path):
    model = mg.MLP(2, [3], seed=0)
    X, y = np.random.default_rng(0).normal(size=(9, 2)), [0, 1, 2] * 3
    figure = plots.decision_boundary(
        model, X, y, tmp_path / "b.svg", classes=["a", "b", "c"], resolution=9
    )
    legend = figure.axes[0].get_legend().get_texts()
    assert [text.get_text() for text in legend] == ["a", "b", "c"]
    assert b"<svg" in (tmp_path / "b.svg").read_bytes()


def test_the_fitted_curve_is_the_model(tmp_path):
    (axes,) = plots.fitted_curve(lambda x: [2 * x[0]], [0, 1], [0, 2], tmp_path / "c.png").axes
    x, y = axes.lines[0].get_data()
    np.testing.assert_allclose(y, 2 * x)
    assert (tmp_path / "c.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("X", "y", "options", "said"),
    [
        (np.zeros((0, 2)), [], {}, r"shape \(examples, 2\)"),
        ([[0.0, 0.0]], [[1]], {}, r"shape \(examples,\)"),
        ([[np.nan, 0.0]], [1], {}, "finite"),
        ([[np.inf, 0.0]], [1], {}, "finite"),
        ([[0.0, 0.0]], ["a"], {}, "a label must be an integer from 0 to 1, or -1 and 1, got 'a'"),
        ([[0.0, 0.0]], [0.5], {}, "a label must be an integer"),
        ([[0.0, 0.0]], [2], {}, "from 0 to 1, or -1 and 1, got 2"),
        ([[0.0, 0.0]], [1], {"classes": ["a"]}, "the names of 2 classes, got 1"),
        ([[0.0, 0.0]], [1], {"resolution": 1}, "resolution must be at least 2"),
    ],
)
def test_what_no_boundary_can_be_drawn_of_is_a_clear_error(X, y, options, said):
    model = mg.MLP(2, [1], seed=0)
    with pytest.raises(ValueError, match=said):
        plots.decision_boundary(model, X, y, **{"resolution": 3, **options})


def test_one_class_is_drawn():
    model = mg.MLP(2, [1], seed=0)
    for labels in ([1, 1], [-1, -1], [True, True]):
        axes = plots.decision_boundary(model, [[0, 0], [0, 0]], labels, resolution=3).axes[0]
        assert len(axes.get_legend().get_texts()) == 1


def test_a_curve_without_points_is_a_clear_error():
    for x, said in (([], "at least one"), ([np.nan], "finite")):
        with pytest.raises(ValueError, match=said):
            plots.fitted_curve(lambda x: x, x, x)


def test_shapes_are_checked():
    model = mg.MLP(2, [1], seed=0)
    with pytest.raises(mg.ShapeError, match=r"\(examples, 2\)"):
        plots.decision_boundary(model, np.zeros((3, 4)), [0, 1, 0])
    with pytest.raises(mg.ShapeError, match="same length"):
        plots.fitted_curve(model, [0, 1], [0])


def test_without_matplotlib_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(plots.PlotError, match=r"pip install 'micrograd-native\[plot\]'"):
        plots.loss_curve([1.0])


@pytest.fixture
def ax():
    return plots.new_figure("", "", "")[1]


@pytest.fixture
def trained():
    model = mg.MLP(2, [4, 1], activation="tanh", seed=0)
    mg.mean([(model(p)[0] - 1) ** 2 for p in ([0.0, 1.0], [1.0, 0.0])]).backward()
    return model


def test_gradient_flow_shows_the_mean_and_the_largest_of_each_array(trained):
    axes = plots.gradient_flow(trained).axes[0]
    sizes = [abs(v.grad) for row in trained.arrays()["layers.0.weights"] for v in row]
    assert axes.patches[0].get_height() == pytest.approx(np.mean(sizes))
    assert axes.collections[0].get_offsets()[0][1] == pytest.approx(max(sizes))
    assert axes.get_yscale() == "log"


def test_a_model_without_gradients_has_no_bars():
    axes = plots.gradient_flow(mg.MLP(2, [1], seed=0)).axes[0]
    assert all(np.isnan(bar.get_height()) for bar in axes.patches)


def test_histograms_count_every_weight(trained):
    axes = plots.weight_histograms(trained, bins=5).axes[0]
    assert len(axes.patches) == 4


def test_numbers_that_are_not_finite_are_counted(trained):
    first, second, *_ = trained.parameters()
    first.data, first.grad, second.grad = np.nan, np.inf, np.nan
    labels = plots.gradient_flow(trained).axes[0].get_xticklabels()
    assert labels[0].get_text() == "layers.0.weights, 2 not finite"
    legend = plots.weight_histograms(trained).axes[0].get_legend()
    assert legend.get_texts()[0].get_text() == "layers.0.weights, 1 not finite"
    for parameter in trained.parameters():
        parameter.data = parameter.grad = np.nan
    assert plots.gradient_flow(trained)
    assert plots.weight_histograms(trained)


def test_a_direction_is_as_long_as_the_weights_of_each_neuron(trained):
    from micrograd.plots.landscape import direction, neurons_of

    parameters, neurons = trained.parameters(), neurons_of(trained)
    moved = direction(parameters, neurons, np.random.default_rng(0))
    for weights in neurons:
        part = [d for p, d in zip(parameters, moved) if any(p is w for w in weights)]
        expected = np.linalg.norm([w.data for w in weights])
        assert np.linalg.norm(part) == pytest.approx(expected)
    biases = [d for p, d in zip(parameters, moved) if "bias" in p.name]
    assert biases == [0.0] * 5


@pytest.mark.parametrize("dimensions", [1, 2])
def test_the_middle_of_a_landscape_is_the_loss_and_the_weights_stay(trained, dimensions):
    def loss():
        return (trained([0.5, -0.5])[0] - 1) ** 2

    before = [p.data for p in trained.parameters()]
    axes = plots.loss_landscape(loss, trained, dimensions=dimensions, resolution=3).axes[0]
    assert [p.data for p in trained.parameters()] == before
    if dimensions == 1:
        assert axes.lines[0].get_ydata()[1] == pytest.approx(loss().data)


def test_a_landscape_restores_the_weights_after_an_error(trained):
    before, calls = [p.data for p in trained.parameters()], []

    def loss():
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("broken")
        return 1.0

    with pytest.raises(RuntimeError, match="broken"):
        plots.loss_landscape(loss, trained, resolution=3)
    assert [p.data for p in trained.parameters()] == before
    with pytest.raises(ValueError, match="1 or 2"):
        plots.loss_landscape(loss, trained, dimensions=3)
    with pytest.raises(ValueError, match="at least 2"):
        plots.loss_landscape(loss, trained, resolution=1)
    with pytest.raises(TypeError, match="a loss without arguments, then its model, got MLP first"):
        plots.loss_landscape(trained, loss)


def test_each_plot_draws_into_axes_that_are_given(trained, ax):
    X, y = np.array([[0.0, 0.0], [1.0, 1.0]]), [-1, 1]
    for draw in (
        lambda: plots.loss_curve([1.0, 0.5], ax=ax),
        lambda: plots.decision_boundary(trained, X, y, resolution=3, ax=ax),
        lambda: plots.fitted_curve(lambda x: x, [0, 1], [0, 1], resolution=3, ax=ax),
        lambda: plots.gradient_flow(trained, ax=ax),
        lambda: plots.weight_histograms(trained, ax=ax),
        lambda: plots.loss_landscape(lambda: 1.0, trained, dimensions=1, resolution=3, ax=ax),
    ):
        assert draw() is ax.figure


def test_what_is_no_axes_in_a_figure_is_refused():
    from matplotlib.figure import Figure

    removed = Figure().add_subplot()
    removed.remove()
    for ax in (5, Figure(), removed, Figure().subplots(2)):
        with pytest.raises(TypeError, match="ax must be matplotlib axes in a figure"):
            plots.loss_curve([1.0], ax=ax)


def test_axes_of_a_part_of_a_figure_are_written_with_the_whole(tmp_path):
    from matplotlib.figure import Figure

    figure: Any = Figure()
    part = figure.subfigures()
    path = tmp_path / "part.png"
    assert plots.loss_curve([1.0], ax=part.subplots(), path=path) is figure
    assert path.read_bytes().startswith(PNG)


def test_what_has_no_parameters_is_refused():
    with pytest.raises(TypeError, match="a model with parameters"):
        plots.gradient_flow(len)
    with pytest.raises(TypeError, match="layers with weights"):
        plots.loss_landscape(lambda: 1.0, mg.neuralnet.Module())
