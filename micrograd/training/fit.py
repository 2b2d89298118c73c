"""fit: train a model on examples.

>>> import micrograd as mg
>>> X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
>>> model = mg.MLP(2, [8, 1], activation="tanh", seed=0)
>>> history = mg.fit(model, X, [-1, 1, 1, -1], loss="hinge", optimizer=mg.Adam(0.05), epochs=60)
>>> [model(x)[0].data > 0 for x in X]
[False, True, True, False]
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from micrograd.compiler.llvm.level import check_level
from micrograd.losses import Loss, loss_function
from micrograd.names import did_you_mean, names_keywords, unknown
from micrograd.optim import SGD, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSprop
from micrograd.training.data.data import Data, Validation, refuse_for_files, share_or_examples
from micrograd.training.data.examples import ClassWeight
from micrograd.training.options import amount, each, several, whole
from micrograd.training.run.checkpoint import Checkpoint
from micrograd.training.run.history import History
from micrograd.training.run.interrupt import watched
from micrograd.training.run.loop import Loop
from micrograd.training.run.metrics import Score, metric_of
from micrograd.training.run.progress import Progress
from micrograd.training.run.record import Patient
from micrograd.training.run.run import Callback, DivergenceError, Limits, Run, monitored
from micrograd.training.run.run_identity import (
    of_examples,
    of_loss,
    of_model,
    of_optimizer,
    written,
)
from micrograd.training.run.saved import load
from micrograd.training.steps.compiled_step import NativeStep
from micrograd.training.steps.eager import EagerStep
from micrograd.training.steps.lbfgs import minimise
from micrograd.training.steps.objective import Dropout, Objective, Penalties

__all__ = ["DivergenceError", "fit"]


@names_keywords(
    lr="the learning rate is the optimizer's: optimizer=mg.Adam(learning_rate=0.01)",
    learning_rate="it is the optimizer's: optimizer=mg.Adam(learning_rate=0.01)",
)
def fit(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    loss: str | Loss,
    optimizer: Optimizer | Literal["lbfgs"] | None = None,
    epochs: int = 100,
    batch_size: int | None = 32,
    validation: Validation | None = None,
    seed: int | None = 0,
    progress: bool | None = None,
    metric: str | Score | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    dropout: float = 0.0,
    sample_weight: Any = None,
    class_weight: ClassWeight | None = None,
    patience: int | None = None,
    monitor: str | None = None,
    time_limit: float | None = None,
    callbacks: Callback | Sequence[Callback] = (),
    checkpoint: str | Path | None = None,
    every: int | None = None,
    resume: bool = False,
    engine: Literal["native", "eager"] = "native",
    dtype: Any = "float64",
    threads: int = 1,
) -> History:
    """Trains `model` to minimise the mean `loss` of the examples; returns the history of the run.

    `X` has the shape (examples, features), and `y` has one target per example; both are arrays or
    nested lists. Or `X` is a CSV or Parquet file, which may be larger than memory, and `y` is the
    name of its target column; all other columns must be numeric. A file is read in pieces, in
    order, and each piece is shuffled.

    `loss` is a name ("mse", "mae", "huber", "hinge", "bce_with_logits", "cross_entropy") or a
    function of one example's outputs and target. `optimizer` defaults to Adam; `fit` trains with a
    fresh copy of it, so that the same call gives the same model. "lbfgs" is SciPy's L-BFGS-B, which
    uses all examples at every step, as `batch_size=None` does.

    `validation` is the fraction of the examples to hold out, or a tuple (X, y) or (X, y, weights).
    From a file at most 100,000 rows are held out: the fraction is halved until it fits. `metric`
    scores outputs against targets, higher is better: "accuracy" (with several labels per example,
    the fraction of correct labels), "r2" or a function. `seed` determines the held-out examples,
    the order of the batches and the dropout masks; None draws new ones every time. `progress` shows
    a progress bar; None shows it in a terminal or a notebook.

    `l1` and `l2` are the coefficients of the sum of the parameters' magnitudes and of their
    squares; the losses in the history exclude both. `dropout` is the probability that a step drops
    a hidden unit of an MLP. `sample_weight` is a weight for each example, `class_weight` a weight
    for each class or "balanced".

    Training stops early if `monitor` ("loss", "validation_loss" or the metric) has not improved for
    `patience` epochs; the model then gets the weights of the best epoch. Training also stops after
    `time_limit` seconds, on Ctrl-C, and if one of `callbacks`, functions of the history that are
    called after each epoch, returns True; the model then keeps its current weights. A callback may
    change the weights.

    `checkpoint` is a file that is written after each epoch, each minute of a long epoch, and at the
    end; with `every`, each `every` steps instead. With `resume`, training continues from that file
    and ends bit for bit where an uninterrupted run would; if there is no file, it starts from the
    beginning. All arguments that affect the result must be unchanged; `epochs`, `patience`,
    `time_limit`, `callbacks`, `every` and `threads` may differ.

    `engine="eager"` trains on Values, in Python, for models that cannot be compiled. `dtype` and
    `threads` apply to native code.

    Raises ShapeError, TypeError or ValueError for invalid examples or arguments, IndexError for a
    class without an output, CheckpointError for a file that is not a checkpoint of this run, and
    DivergenceError if a loss or a weight becomes NaN or infinite; the model then has the last good
    weights.

    >>> import micrograd as mg
    >>> model = mg.MLP(1, [1], seed=0)
    >>> mg.fit(model, [[0.0], [1.0]], [1.0, 3.0], loss="mse", optimizer="lbfgs", epochs=20).stopped
    ''
    >>> round(model([10.0])[0].data, 3)
    21.0
    """
    begun = time.monotonic()
    check_level()
    _check(model, loss, optimizer, engine)
    epochs = whole("epochs", epochs)
    seed = None if seed is None else whole("seed", seed, least=0)
    batch_size, patience, every = each(whole, batch_size=batch_size, patience=patience, every=every)
    l1, l2, dropout, time_limit = each(amount, l1=l1, l2=l2, dropout=dropout, time_limit=time_limit)
    validation = share_or_examples(validation)
    callbacks = several(callbacks)
    if checkpoint is None and (resume or every):
        raise ValueError("resume and every need checkpoint=, the path of a file")
    saver = None if checkpoint is None else Checkpoint(checkpoint, every)
    if saver and not resume:
        saver.check_replaceable()
    saved = load(saver) if saver and resume else None
    random = np.random.default_rng(seed)
    if saved:  # hold out the same examples as in the saved run
        random.bit_generator.state = saved[1]["random_first"]
    first = random.bit_generator.state
    data = Data.of(X, y, validation, random, sample_weight, class_weight)
    weighted, penalties = data.training.weights is not None, Penalties(l1, l2)
    objective = Objective(model, loss_function(loss), weighted, dropout, penalties)
    objective.try_out(data.training, data.labels, "y")
    if data.held_out:
        objective.try_out(data.held_out, data.held_out.targets, data.called)
    name, score = metric_of(metric, loss)
    history = History(metric=name if data.held_out else "")
    history.patient = Patient(model, data.training)
    monitor = monitored(monitor, data.held_out, history.metric)
    step = _step(objective, optimizer, engine, dtype, threads)
    run = {
        "step": step, "history": history, "held_out": data.held_out, "score": score,
        "limits": Limits(epochs, begun, time_limit, patience, monitor, callbacks),
    }  # fmt: skip
    if optimizer == "lbfgs":
        _check_lbfgs(l1, dropout, checkpoint)
        refuse_for_files(**{'optimizer="lbfgs"': data.pieces is not None})
        with watched() as pressed, Progress(epochs, 1, progress) as bar:
            minimise(Run(**run), data.training, bar, pressed)
        return history
    batches = data.batches(batch_size, step.dtype)
    if saver:  # everything that must be unchanged on resume
        parts = written(
            batch_size=batches.size, seed=seed, engine=engine, dtype=str(np.dtype(dtype)),
            metric=score, monitor=monitor, l1=l1, l2=l2, dropout=dropout,
        )  # fmt: skip
        parts |= {
            "model": of_model(model, data.training), "loss": of_loss(objective, data.training),
            "optimizer": of_optimizer(step.optimizer), "data": of_examples(data.training),
            "validation": of_examples(data.held_out), "table": data.table,
        }  # fmt: skip
        saver.belong(parts, saved)
    masks = Dropout(model, dropout, batches.size, step.dtype) if dropout else None
    with watched() as pressed:
        loop = Loop(
            **run, batches=batches, random=random, dropout=masks, checkpoint=saver,
            random_first=first,
        )  # fmt: skip
        if saved:
            loop.go_on(saved)
        done = history.epochs * batches.count + loop.position
        with Progress(epochs, batches.count, progress, done) as bar:
            loop.run(bar, pressed)
    return history


def _step(
    objective: Objective, optimizer: Any, engine: str, dtype: Any, threads: int
) -> EagerStep | NativeStep:
    """The step of the chosen engine, with a fresh copy of the optimiser."""
    fresh = (optimizer if isinstance(optimizer, Optimizer) else Adam()).fresh()
    if engine == "eager":
        return EagerStep(objective, fresh)
    return NativeStep(objective, fresh, dtype, threads)


def _check(model: Any, loss: Any, optimizer: Any, engine: Any) -> None:
    loss_function(loss)
    if not callable(getattr(model, "parameters", None)):
        raise TypeError(f"expected a model with parameters(), such as mg.MLP, got {model!r:.60}")
    if not (optimizer is None or optimizer == "lbfgs" or isinstance(optimizer, Optimizer)):
        names = [kind.__name__ for kind in (SGD, Momentum, Nesterov, RMSprop, Adam, AdamW)]
        named = did_you_mean(optimizer, names) if isinstance(optimizer, str) else ""
        raise TypeError(
            f'expected an optimizer, such as mg.Adam(1e-3), or "lbfgs", got {optimizer!r:.60}'
            + ("; " * bool(named) + named)
        )
    if engine not in ("native", "eager"):
        raise ValueError(unknown("engine", engine, ["native", "eager"]))


def _check_lbfgs(l1: float, dropout: float, checkpoint: Any) -> None:
    for name, given in (("l1", l1), ("dropout", dropout), ("checkpoint", checkpoint)):
        if given:
            raise ValueError(f'optimizer="lbfgs" does not support {name}; leave it out')
