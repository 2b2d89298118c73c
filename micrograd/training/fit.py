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
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from micrograd.annotations import Model
from micrograd.compiler.llvm.level import check_level
from micrograd.losses import Loss, loss_function
from micrograd.names import names_keywords
from micrograd.optim import Adam, Optimizer
from micrograd.training.data.data import Data, Source, Targets, Validation, refuse_for_files
from micrograd.training.data.examples import ClassWeight
from micrograd.training.data.marks import Description, of_examples, written
from micrograd.training.options import several
from micrograd.training.run.history import History
from micrograd.training.run.interrupt import watched
from micrograd.training.run.lbfgs import minimise
from micrograd.training.run.loop import Loop
from micrograd.training.run.metrics import Score, metric_of
from micrograd.training.run.progress import Progress
from micrograd.training.run.record import Patient
from micrograd.training.run.run import Callback, DivergenceError, Limits, Run, monitored
from micrograd.training.run.run_identity import of_loss, of_model, of_optimizer
from micrograd.training.run.settings import Settings, Start
from micrograd.training.steps.compiled_step import NativeStep
from micrograd.training.steps.eager import EagerStep
from micrograd.training.steps.objective import Dropout, Objective, Penalties

__all__ = ["DivergenceError", "fit"]


@names_keywords(
    lr="the learning rate is the optimizer's: optimizer=mg.Adam(learning_rate=0.01)",
    learning_rate="it is the optimizer's: optimizer=mg.Adam(learning_rate=0.01)",
)
def fit(
    model: Model,
    X: Source,
    y: Targets = None,
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
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight | None = None,
    patience: int | None = None,
    monitor: str | None = None,
    time_limit: float | None = None,
    callbacks: Callback | Sequence[Callback] = (),
    checkpoint: str | Path | None = None,
    every: int | None = None,
    resume: bool = False,
    engine: Literal["native", "eager"] = "native",
    dtype: DTypeLike = "float64",
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
    if not callable(getattr(model, "parameters", None)):
        raise TypeError(f"expected a model with parameters(), such as mg.MLP, got {model!r:.60}")
    settings = Settings(
        loss=loss, optimizer=optimizer, epochs=epochs, batch_size=batch_size, validation=validation,
        seed=seed, progress=progress, metric=metric, l1=l1, l2=l2, dropout=dropout,
        patience=patience, monitor=monitor, time_limit=time_limit, callbacks=callbacks,
        checkpoint=checkpoint, every=every, resume=resume, engine=engine, dtype=dtype,
        threads=threads, begun=begun,
    )  # fmt: skip
    start = Start.of(settings)
    data = Data.of(X, y, settings.validation, start.random, sample_weight, class_weight)
    objective = _objective(model, data, settings)
    step = _step(objective, settings)
    run = _run(step, data, settings)
    if optimizer == "lbfgs":
        _minimise(run, data, settings)
    else:
        _loop(run, data, settings, start)
    return run.history


def _objective(model: Model, data: Data, settings: Settings) -> Objective:
    """The loss, tried out on the smallest and the largest target."""
    weighted, penalties = data.training.weights is not None, Penalties(settings.l1, settings.l2)
    loss = loss_function(settings.loss)
    objective = Objective(model, loss, weighted, settings.dropout, penalties)
    objective.try_out(data.training, data.labels, "y")
    if data.held_out:
        objective.try_out(data.held_out, data.held_out.targets, data.called)
    return objective


def _step(objective: Objective, settings: Settings) -> EagerStep | NativeStep:
    """The engine of the steps, with a fresh copy of the optimizer."""
    given = settings.optimizer
    fresh = (given if isinstance(given, Optimizer) else Adam()).fresh()
    if settings.engine == "eager":
        return EagerStep(objective, fresh)
    return NativeStep(objective, fresh, settings.dtype, settings.threads)


def _run(step: EagerStep | NativeStep, data: Data, settings: Settings) -> Run:
    """The run before its first step."""
    name, score = metric_of(settings.metric, settings.loss)
    history = History(metric=name if data.held_out else "")
    history.patient = Patient(step.objective.model, data.training, step.objective.loss)
    monitor = monitored(settings.monitor, data.held_out, history.metric)
    limits = Limits(
        settings.epochs, settings.begun, settings.time_limit, settings.patience, monitor,
        several(settings.callbacks),
    )  # fmt: skip
    return Run(step, limits, data.held_out, score, history)


def _minimise(run: Run, data: Data, settings: Settings) -> None:
    """Runs L-BFGS on all examples at once."""
    settings.check_lbfgs()
    refuse_for_files(**{'optimizer="lbfgs"': data.pieces is not None})
    with watched() as pressed, Progress(settings.epochs, 1, settings.progress) as bar:
        minimise(run, data.training, bar, pressed)


def _loop(run: Run, data: Data, settings: Settings, start: Start) -> None:
    """Runs the optimizer, batch by batch."""
    step, rate = run.step, settings.dropout
    batches = data.batches(settings.batch_size, step.dtype)
    if start.checkpoint:
        parts = _identity(run, data, settings, batches.size)
        start.checkpoint.belong(parts, start.saved)
    masks = Dropout(step.objective.model, rate, batches.size, step.dtype) if rate else None
    with watched() as pressed:
        loop = Loop(
            run=run, batches=batches, random=start.random, dropout=masks,
            checkpoint=start.checkpoint, random_first=start.random_first,
        )  # fmt: skip
        if start.saved:
            loop.go_on(start.saved)
        done = run.history.epochs * batches.count + loop.position
        with Progress(settings.epochs, batches.count, settings.progress, done) as bar:
            loop.train(bar, pressed)


def _identity(run: Run, data: Data, settings: Settings, batch_size: int) -> Description:
    """Everything that must be unchanged on resume."""
    objective = run.step.objective
    parts = written(
        batch_size=batch_size, seed=settings.seed, engine=settings.engine,
        dtype=str(np.dtype(settings.dtype)), metric=run.score, monitor=run.limits.monitor,
        l1=settings.l1, l2=settings.l2, dropout=settings.dropout,
    )  # fmt: skip
    return parts | {
        "model": of_model(objective.model, data.training),
        "loss": of_loss(objective, data.training),
        "optimizer": of_optimizer(run.step.optimizer), "data": of_examples(data.training),
        "validation": of_examples(data.held_out), "table": data.table,
    }  # fmt: skip
