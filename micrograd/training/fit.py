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
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import numpy as np

from micrograd.engine import Value
from micrograd.errors import ShapeError
from micrograd.losses import Loss, as_scalars, loss_function, loss_name
from micrograd.neuralnet import MLP
from micrograd.optim import Adam, Optimizer
from micrograd.training.arguments import amount, each, whole
from micrograd.training.checkpoint import Checkpoint
from micrograd.training.diagnosis import Patient
from micrograd.training.eager import EagerStep
from micrograd.training.examples import Batches, ClassWeight, Examples
from micrograd.training.fingerprint import Named, described
from micrograd.training.history import History
from micrograd.training.interrupt import watched
from micrograd.training.labels import check_labels
from micrograd.training.lbfgs import minimise
from micrograd.training.loop import Loop
from micrograd.training.metrics import Score, metric_of
from micrograd.training.native import NativeStep
from micrograd.training.objective import Dropout, Objective, Penalties
from micrograd.training.pieces import PieceBatches, Pieces, numbers_in
from micrograd.training.progress import Progress
from micrograd.training.run import Callback, DivergenceError, Limits, Run

__all__ = ["DivergenceError", "fit"]

Validation = float | tuple[Any, Any] | tuple[Any, Any, Any]


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
    callbacks: Sequence[Callback] = (),
    checkpoint: str | Path | None = None,
    every: int | None = None,
    resume: bool = False,
    engine: Literal["native", "eager"] = "native",
    dtype: Any = "float64",
    threads: int = 1,
) -> History:
    """Trains `model` to make the mean `loss` of the examples small, and tells how that went.

    `X` has the shape (examples, features), `y` one target for each example: arrays or nested lists.
    Or `X` is a CSV or Parquet file, perhaps larger than memory, and `y` the name of its target; all
    other columns must be numbers. It is read in pieces, in their order, and each is shuffled.

    `loss` is a name ("mse", "mae", "huber", "hinge", "bce_with_logits", "cross_entropy") or a
    function of one example's outputs and target. `optimizer` is Adam unless another is given; a
    fresh one like it does the work, so that the same call gives the same model. "lbfgs" is SciPy's
    L-BFGS-B, on all examples at once. `batch_size` None, too, means all examples at each step.

    `validation` is the share of the examples to hold out (of a file, 100,000 rows at most), or a
    tuple (X, y), or (X, y, weights); `metric` a score of outputs and targets, the higher the
    better: "accuracy" (where each example has several labels, the share of labels), "r2" or a
    function.
    `seed` decides what is held out, the order of the batches and what drops out; with None they
    differ every time. `progress` shows a bar; None shows it where somebody watches.

    `l1` and `l2` weigh the sum of the parameters' magnitudes and of their squares, which are not
    part of the losses that the history tells. `dropout` is the probability with which a hidden
    signal of an MLP is left out of a step. `sample_weight` says how much each example counts,
    `class_weight` each class: a number for each, or "balanced".

    Training ends early where what `monitor` names ("loss", "validation_loss" or the metric) has
    not improved for `patience` epochs: the model then has the weights of the best one. It ends
    after `time_limit` seconds, when one of `callbacks`, functions of the history, returns True
    after an epoch, and at Ctrl-C: the model stays as it is then. A callback may change the weights.

    `checkpoint` is a file that is written after each epoch and, in a long one, each minute; or
    `every` so many steps; and at the end. With `resume` a run goes on where the file says, to the
    very same bits as one that never stopped; without a file it begins. What bears on those bits
    must be as it was; `epochs`, `patience`, `time_limit`, `callbacks`, `every` and `threads` may
    be others.

    `engine` "eager" trains on Values, in Python: for models that cannot be compiled. `dtype` and
    `threads` are those of native code.

    Raises ShapeError, TypeError and ValueError for examples and numbers that do not fit, IndexError
    for a class that has no output, CheckpointError for a file that is no checkpoint of this run,
    and DivergenceError where a loss or a weight becomes NaN or infinite: the model then has the
    last weights that were good.
    """
    begun = time.monotonic()
    _check(model, loss, optimizer, engine)
    epochs = whole("epochs", epochs)
    seed = None if seed is None else whole("seed", seed, least=0)
    batch_size, patience, every = each(whole, batch_size=batch_size, patience=patience, every=every)
    l1, l2, dropout, time_limit = each(amount, l1=l1, l2=l2, dropout=dropout, time_limit=time_limit)
    validation = _validation(validation)
    if checkpoint is None and (resume or every):
        raise ValueError("resume and every need checkpoint=, the path of a file")
    pieces = _pieces(X, y, validation)
    if pieces is not None:
        _check_pieces({
            "sample_weight": sample_weight is not None, "class_weight": class_weight is not None,
            "batch_size=None": batch_size is None, 'optimizer="lbfgs"': optimizer == "lbfgs",
        })  # fmt: skip
        examples = pieces.first()
    else:
        examples = Examples.of(X, y, sample_weight).weighted(class_weight)
    weighted = examples.weights is not None
    objective = Objective(model, loss_function(loss), weighted, dropout, Penalties(l1, l2))
    random = np.random.default_rng(seed)
    saver = None if checkpoint is None else Checkpoint(checkpoint, every)
    saved = saver.load() if saver and resume else None
    if saved:  # what is held out is drawn as it was then
        random.bit_generator.state = saved[1]["random_first"]
    first = random.bit_generator.state
    if pieces is not None and not isinstance(validation, tuple):
        training, held_out = examples, pieces.held_out()
    else:
        training, held_out = _parts(examples, validation, class_weight, random)
    _try_out(objective, training)
    if held_out:
        given = isinstance(validation, tuple)
        _try_out(objective, held_out, "the y of validation" if given else "y")
    name, score = metric_of(metric, loss)
    history = History(metric=name if held_out else "")
    monitor = _monitored(monitor, held_out, history.metric)
    run = {
        "step": _step(objective, optimizer, engine, dtype, threads), "history": history,
        "limits": Limits(epochs, begun, time_limit, patience, monitor, callbacks),
        "held_out": held_out, "score": score,
    }  # fmt: skip
    history.patient = Patient(model, training)
    if optimizer == "lbfgs":
        _check_lbfgs(l1, dropout, checkpoint)
        with watched() as pressed, Progress(epochs, 1, progress) as bar:
            minimise(Run(**run), training, bar, pressed)
        return history
    size = len(training) if batch_size is None else batch_size
    if saver:  # all that must be the same where the run goes on
        saver.belong(
            described(
                model=model, loss=objective.loss, optimizer=run["step"].optimizer, batch_size=size,
                seed=seed, engine=engine, dtype=str(np.dtype(dtype)), metric=score, monitor=monitor,
                l1=l1, l2=l2, dropout=dropout, data=training, validation=held_out,
                table=pieces and Named(_name(pieces), [pieces.source, pieces.counts]),
            ),
            saved,
        )  # fmt: skip
    if pieces is not None:
        batches = PieceBatches(pieces, size, run["step"].dtype, training)
    else:
        batches = Batches(training, size, run["step"].dtype)
    masks = Dropout(model, dropout, batches.size, run["step"].dtype) if dropout else None
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


def _pieces(X: Any, y: Any, validation: Any) -> Pieces | None:
    """The examples in a file, if X is one."""
    if isinstance(X, Pieces):
        return X
    if not isinstance(X, (str, Path)):
        return None
    if not isinstance(y, str):
        raise TypeError(f"y must be the name of a column of {X}, got {y!r:.60}")
    share = None if isinstance(validation, tuple) else validation
    return numbers_in(X, y, share)


def _check_pieces(given: dict[str, bool]) -> None:
    for name, is_given in given.items():
        if is_given:
            raise ValueError(f"a file that is read in pieces cannot be trained on with {name}")


def _name(pieces: Pieces) -> str:
    return getattr(pieces.source, "path", Path("table")).name


def _parts(
    examples: Examples,
    validation: Validation | None,
    class_weight: ClassWeight | None,
    random: np.random.Generator,
) -> tuple[Examples, Examples | None]:
    """The examples to train on, and those held out, if any."""
    if validation is None:
        return examples.normalised(), None
    if not isinstance(validation, tuple):
        training, held_out = examples.split(validation, random)
        return training.normalised(), held_out
    held_out = Examples.of(*validation).weighted(class_weight)
    if held_out.inputs.shape[1] != examples.inputs.shape[1]:
        raise ShapeError(f"X is {examples}, but the X of validation {held_out}")
    return examples.normalised(), held_out


def _try_out(objective: Objective, examples: Examples, name: str = "y") -> None:
    """All targets, and one example with the least and the greatest: what is wrong is said at once.

    Native code would not notice a class that has no output.
    """
    model, inputs = objective.model, examples.inputs[0].tolist()
    if type(model) is MLP and len(inputs) == model.nin:  # which outputs does not matter
        outputs: Any = [Value(0.0) for _ in range(model.layers[-1].nout)]
    else:
        outputs = model(inputs)
    targets = examples.targets
    check_labels(loss_name(objective.loss), targets, len(as_scalars(outputs)), name)
    few = (targets.min(), targets.max()) if targets.ndim == 1 else targets[:1]
    for target in few:
        objective.of(outputs, target.tolist())


def _step(
    objective: Objective, optimizer: Any, engine: str, dtype: Any, threads: int
) -> EagerStep | NativeStep:
    """The engine behind the steps; of an optimiser, a fresh one."""
    fresh = (optimizer if isinstance(optimizer, Optimizer) else Adam()).fresh()
    if engine == "eager":
        return EagerStep(objective, fresh)
    return NativeStep(objective, fresh, dtype, threads)


def _monitored(monitor: str | None, held_out: Examples | None, metric: str) -> str:
    """What early stopping looks at."""
    if monitor is None:
        return "validation_loss" if held_out else "loss"
    curves = ["loss", *(["validation_loss"] if held_out else []), *([metric] if metric else [])]
    if monitor not in curves:
        hint = "" if held_out else "; hold examples out with validation= for more"
        raise ValueError(f"monitor must be one of {', '.join(curves)}{hint}; got {monitor!r}")
    return monitor


def _check(model: Any, loss: Any, optimizer: Any, engine: Any) -> None:
    loss_function(loss)
    if not callable(getattr(model, "parameters", None)):
        raise TypeError(f"expected a model with parameters(), such as mg.MLP, got {model!r:.60}")
    if not (optimizer is None or optimizer == "lbfgs" or isinstance(optimizer, Optimizer)):
        raise TypeError(
            f'expected an optimizer, such as mg.Adam(1e-3), or "lbfgs", got {optimizer!r:.60}'
        )
    if engine not in ("native", "eager"):
        raise ValueError(f'engine must be "native" or "eager", got {engine!r}')


def _check_lbfgs(l1: float, dropout: float, checkpoint: Any) -> None:
    for name, given in (("l1", l1), ("dropout", dropout), ("checkpoint", checkpoint)):
        if given:
            raise ValueError(f'optimizer="lbfgs" works without {name}; leave it out')


def _validation(validation: Any) -> Validation | None:
    """A share as a float of Python's own; examples as they are."""
    if isinstance(validation, Real):
        return float(validation)
    if validation is None or (isinstance(validation, tuple) and len(validation) in (2, 3)):
        return validation
    raise TypeError(
        "validation must be a share between 0 and 1, or a tuple (X, y) or (X, y, weights); got "
        f"{type(validation).__name__} {validation!r:.60}"
    )
