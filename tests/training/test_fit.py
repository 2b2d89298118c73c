"""fit: it learns, is reproducible, reports errors, and stops on request."""

import io
import math
import sys
import types
import warnings

import numpy as np
import pytest
import tqdm.notebook

import micrograd as mg
from micrograd.training.run import progress
from micrograd.training.run.metrics import accuracy, r2

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 2))
LINE = X @ [2.0, -1.0] + 0.5
ABOVE = (LINE > 0).astype(int)


def model(outputs: int = 1) -> mg.MLP:
    return mg.MLP(2, [6, outputs], activation="tanh", seed=0)


@pytest.mark.parametrize(
    ("loss", "outputs", "y"),
    [
        ("mse", 1, LINE), ("mae", 1, LINE), ("huber", 1, LINE),
        ("hinge", 1, 2 * ABOVE - 1), ("bce_with_logits", 1, ABOVE), ("cross_entropy", 2, ABOVE),
        ("mse", 2, np.column_stack([LINE, -LINE])),
    ],
)  # fmt: skip
def test_every_loss_is_learned(loss, outputs, y):
    history = mg.fit(
        model(outputs), X, y, loss=loss, optimizer=mg.Adam(0.03), epochs=25, validation=0.25
    )
    assert history.epochs == len(history.validation_loss) == len(history.scores) == 25
    assert history.loss[-1] < 0.5 * history.loss[0]
    assert history.scores[-1] > 0.85
    assert history.metric == ("r2" if loss in ("mse", "mae", "huber") else "accuracy")


def test_a_loss_may_be_a_function_and_one_step_is_gradient_descent():
    line = mg.MLP(1, [1], seed=0)
    weight, bias = line.parameters()
    weight.data, bias.data = 2.0, 0.0
    history = mg.fit(
        line, [[1.0], [3.0]], [1.0, 3.0],
        loss=lambda outputs, target: (outputs[0] - target) ** 2,
        optimizer=mg.SGD(0.01), epochs=1,
    )  # fmt: skip
    assert history.loss == [(1 + 9) / 2]
    assert weight.data == pytest.approx(2.0 - 0.01 * (2 * 1 * 1 + 2 * 3 * 3) / 2)
    assert bias.data == pytest.approx(-0.01 * (2 * 1 + 2 * 3) / 2)


def test_the_last_batch_may_be_smaller_and_no_example_is_lost():
    still = model()
    seen = []

    def loss(outputs, target):
        seen.append(target)
        return (outputs[0] - target) ** 2

    y = np.arange(60.0)
    mg.fit(still, X, y, loss=loss, epochs=1, optimizer=mg.SGD(1e-9), engine="eager")
    del seen[:2]  # two examples were tried out first
    assert sorted(seen) == list(range(60))
    assert seen != sorted(seen)


def test_the_seed_decides_everything():
    def run(seed: int) -> tuple[list[float], dict]:
        net = model()
        history = mg.fit(net, X, LINE, loss="mse", epochs=3, validation=0.2, seed=seed)
        return history.validation_loss, net.state_dict()

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_an_optimizer_that_has_worked_starts_afresh():
    optimizer = mg.Adam(0.01)
    first, second = (
        mg.fit(model(), X, LINE, loss="mse", optimizer=optimizer, epochs=2).loss for _ in range(2)
    )
    assert first == second


def test_validation_may_be_given():
    history = mg.fit(model(), X, LINE, loss="mse", epochs=2, validation=(X[:5], LINE[:5]))
    assert len(history.validation_loss) == 2
    assert mg.fit(model(), X, LINE, loss="mse", epochs=2).validation_loss == []


# fmt: off
BAD = {
    "one dimension": ({"X": X[:, 0]}, mg.ShapeError, "reshape"),
    "lengths": ({"y": LINE[:5]}, mg.ShapeError, "60 examples, but y has 5"),
    "empty": ({"X": np.empty((0, 2)), "y": []}, mg.ShapeError, "X must not be empty"),
    "ragged": ({"X": [[1, 2], [3]], "y": [1, 2]}, mg.ShapeError, "rows of X differ"),
    "cube": ({"y": np.zeros((60, 1, 1))}, mg.ShapeError, "shape .examples,. or"),
    "text": ({"y": ["a"] * 60}, TypeError, "real numbers"),
    "complex": ({"X": X * 1j}, TypeError, "real numbers"),
    "nan": ({"X": np.where(X > 1, np.nan, X)}, ValueError, "NaN or infinite, the first at"),
    "infinite target": ({"y": LINE * np.inf}, ValueError, "y has 60 values"),
    "inputs": ({"X": X[:, :1]}, mg.ShapeError, "expected 2 inputs, got 1"),
    "outputs": ({"y": np.zeros((60, 3))}, mg.ShapeError, "got 3 for 1"),
    "loss": ({"loss": "mze"}, ValueError, "no loss 'mze'"),
    "a loss that is a number": ({"loss": lambda o, t: 1.0}, TypeError, "a single scalar"),
    "epochs": ({"epochs": 0}, ValueError, "epochs must be an integer of at least 1, got 0"),
    "batch size": ({"batch_size": 2.5}, ValueError, "batch_size must be"),
    "share": ({"validation": 2}, ValueError, r"validation must be in \(0, 1\), or"),
    "too few": ({"X": X[:1], "y": LINE[:1], "validation": 0.5}, ValueError, "too few"),
    "validation": ({"validation": (X[:, :1], LINE)}, mg.ShapeError, "features=1"),
    "model": ({"model": lambda x: x}, TypeError, "parameters"),
    "optimizer": ({"optimizer": "adam"}, TypeError, "mg.Adam"),
}
# fmt: on


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said(case):
    changed, error, message = BAD[case]
    arguments = {"model": model(), "X": X, "y": LINE, "loss": "mse", "epochs": 1} | changed
    with pytest.raises(error, match=message):
        mg.fit(**arguments)


def test_a_run_that_diverges_stops_with_its_history():
    with pytest.raises(mg.DivergenceError, match="smaller learning rate") as caught:
        mg.fit(model(), X, LINE, loss="mse", optimizer=mg.SGD(1e200), epochs=50, batch_size=60)
    assert 0 < caught.value.history.epochs < 50


def test_ctrl_c_gives_the_history_so_far():
    calls = 0

    def loss(outputs, target):
        nonlocal calls
        calls += 1
        if calls > 150:
            raise KeyboardInterrupt
        return (outputs[0] - target) ** 2

    net = model()
    before = net.state_dict()
    history = mg.fit(net, X, LINE, loss=loss, epochs=10, engine="eager")
    assert history.interrupted
    assert "interrupted" in repr(history)
    assert history.epochs == 2
    assert net.state_dict() != before


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "progress", "shown"),
    [(Terminal, None, True), (io.StringIO, None, False), (io.StringIO, True, True),
     (Terminal, False, False)],
)  # fmt: skip
def test_progress_shows_both_losses_where_somebody_watches(monkeypatch, stream, progress, shown):
    monkeypatch.setattr(sys, "stderr", stream())
    mg.fit(model(), X, LINE, loss="mse", epochs=2, validation=0.2, progress=progress)
    bar = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert ("epoch 2/2" in bar and "loss=" in bar and "validation=" in bar) == shown
    assert bool(bar) == shown


@pytest.fixture
def in_a_notebook(monkeypatch):
    """A stand-in for Jupyter's kernel."""
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    jupyter = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", jupyter)


def test_progress_in_a_notebook_is_a_widget(monkeypatch):
    bars = []

    class Widget(tqdm.notebook.tqdm):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            bars.append(self)

    monkeypatch.setattr(tqdm.notebook, "tqdm", Widget)
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    stop = [lambda history: history.epochs == 3]
    history = mg.fit(model(), X, LINE, loss="mse", epochs=9, validation=0.2, callbacks=stop)
    (bar,) = bars
    before, widget, after = bar.container.children
    assert before.value.replace("\u2007", " ").startswith("epoch 3/9")
    assert widget.bar_style == "success"  # a red bar means failure; early stopping is none
    for name, numbers in (
        ("loss", history.loss),
        ("validation", history.validation_loss),
        ("r2", history.scores),
    ):
        assert f"{name}={numbers[-1]:.4g}" in after.value


def test_progress_in_a_notebook_without_widgets_is_text(monkeypatch, in_a_notebook, capsys):
    monkeypatch.setattr(tqdm.notebook, "IProgress", None)
    with warnings.catch_warnings(action="error"):
        mg.fit(model(), X, LINE, loss="mse", epochs=2, validation=0.2)
    bar = capsys.readouterr().err
    assert all(part in bar for part in ("epoch 2/2", "loss=", "validation=", "r2="))


def test_a_history_reads_well():
    history = mg.fit(model(), X, LINE, loss="mse", epochs=2, validation=0.2)
    assert repr(history).startswith("History(epochs=2, loss=")
    assert "validation_loss=" in repr(history)
    assert "r2=" in repr(history)


def test_metrics_agree_with_scikit_learn():
    from sklearn import metrics

    outputs, classes = RANDOM.normal(size=(50, 3)), RANDOM.integers(3, size=50)
    expected = metrics.accuracy_score(classes, outputs.argmax(axis=1))
    assert accuracy(outputs, classes) == pytest.approx(expected)
    assert accuracy(outputs[:, :1], np.sign(outputs[:, 0])) == 1
    y = RANDOM.normal(size=50)
    assert r2(outputs[:, :1], y) == pytest.approx(metrics.r2_score(y, outputs[:, 0]))
    assert math.isnan(r2(outputs[:, :1], np.ones(50)))
