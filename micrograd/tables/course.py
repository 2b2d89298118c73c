"""learn: trains the network of a prepared table along a course, and stops early."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd.files.column import TableError
from micrograd.losses import Loss, loss_function
from micrograd.names import unknown
from micrograd.neuralnet import MLP
from micrograd.optim import Adam
from micrograd.schedules import CosineDecay
from micrograd.tables.members import Members, OfMembers
from micrograd.tables.prepare import Prepared
from micrograd.tables.split import parts_of
from micrograd.tables.targets import Classes, Target
from micrograd.training.data.examples import Examples
from micrograd.training.fit import fit
from micrograd.training.options import amount
from micrograd.training.run.history import History
from micrograd.training.run.record import Patient

STEPS = 2_000  # the approximate number of steps, unless `epochs` is given
PENALTY = 3.0  # l2 times the number of rows: as of a prior, it weighs less beside many rows
PARTS = 5  # of the training rows: a single network learns all but one, which chooses its epoch

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Course:
    """How a network learns; `train_table` documents the fields."""

    epochs: int | None
    batch_size: int
    learning_rate: float
    l2: float | None
    dropout: float
    loss: str | Loss | None
    class_weight: str | Mapping[str, float] | None
    patience: int | None
    seed: int

    def epochs_of(self, prepared: Prepared) -> int:
        """The number of epochs: by default about 2,000 steps, but 10 epochs in memory."""
        least = 10 if prepared.pieces is None else 1
        return self.epochs or max(math.ceil(STEPS / self.batches(prepared)), least)

    def batches(self, prepared: Prepared) -> int:
        return math.ceil(prepared.rows / self.batch_size)

    def options(self, prepared: Prepared) -> dict[str, Any]:
        """Arguments of `fit`, for this network and for simpler ones."""
        epochs = self.epochs_of(prepared)
        rate = CosineDecay(self.learning_rate, max(epochs * self.batches(prepared), 1))
        return {
            "epochs": epochs, "batch_size": self.batch_size, "seed": self.seed,
            "optimizer": Adam(rate), "loss": loss_of(self.loss, prepared.target),
        }  # fmt: skip


def learn(prepared: Prepared, course: Course, **run: Any) -> tuple[MLP, History]:
    """The trained network, and the history of its training; `run` are more arguments of `fit`."""
    network, options = prepared.network, course.options(prepared) | run
    assert network is not None
    l2 = PENALTY / prepared.rows if course.l2 is None else course.l2
    options |= {"l2": l2, "dropout": course.dropout}
    options["patience"] = options["epochs"] if course.patience is None else course.patience
    if prepared.pieces is not None:
        if course.class_weight is not None:
            raise TableError("a table that is read in pieces cannot have class weights")
        return network, _fit(network, prepared.pieces, None, prepared.judges(), options)
    X, y = prepared.part(prepared.training)
    examples: tuple[Array, ...] = X, y
    if course.class_weight is not None:
        examples = X, y, class_weights(course.class_weight, prepared.target, y)
    count = network.count if isinstance(network, Members) else PARTS
    parts = parts_of(y, min(count, len(y)), np.random.default_rng(course.seed))
    if not isinstance(network, Members):
        return network, _single(network, examples, parts, options)
    history = _members(network, examples, parts, options)
    mean = network.mean()
    history.patient = Patient(mean, Examples.of(X, y), loss_function(options["loss"]))
    return mean, history


def _single(
    network: MLP, examples: tuple[Array, ...], parts: Array, options: dict[str, Any]
) -> History:
    """Trains on all parts but the first, which chooses the epoch."""
    first = (parts == 0) & parts.any()
    X, y, *weights = (array[~first] for array in examples)
    judges = tuple(array[first] for array in examples) if first.any() else None
    return _fit(network, X, y, judges, options | {"sample_weight": weights[0] if weights else None})


def _members(
    members: Members, examples: tuple[Array, ...], parts: Array, options: dict[str, Any]
) -> History:
    """Trains each member on all parts but its own, which together choose the epoch of all."""
    X, y, *given = examples
    weights = given[0] if given else np.ones(len(y))
    own = parts[:, None] == np.arange(members.count)
    learned = np.where(own, 0.0, weights[:, None] / max(members.count - 1, 1))
    judged = np.where(own, weights[:, None], 0.0)
    options = options | {
        "loss": OfMembers(loss_function(options["loss"]), members.count),
        "l2": options["l2"] / members.count,  # of one member: the loss is the mean of all
    }
    judges = X, np.column_stack([y, judged])
    return _fit(members, X, np.column_stack([y, learned]), judges, options)


def _fit(network: MLP, X: Any, y: Any, judges: Any, options: dict[str, Any]) -> History:
    if judges is None:
        options = options | {"patience": None}
    return fit(network, X, y, validation=judges, **options)


def loss_of(loss: str | Loss | None, target: Target) -> str | Loss:
    """The loss, by default that of the target. Raises ValueError for one of another task."""
    if loss is None:
        return target.loss
    if isinstance(loss, str) and loss not in target.losses:
        raise ValueError(unknown(f"loss for {target.kind}", loss, target.losses))
    return loss


def class_weights(given: str | Mapping[str, float], target: Target, y: Array) -> Array:
    """The weight of each row, 1 on the average: by its class, or inverse to the class's size."""
    if not isinstance(target, Classes):
        raise TableError(f"class_weight needs classes, but {target.name!r} is a number")
    if given == "balanced":
        of_class = 1 / np.bincount(y, minlength=target.outputs)
    elif not isinstance(given, Mapping):
        raise ValueError(f"class_weight must be 'balanced' or weights by class, got {given!r}")
    else:
        of_class = np.ones(target.outputs)
        for name, weight in given.items():
            if name not in target.classes:
                raise TableError(unknown("class", name, target.classes))
            weight = amount(f"the weight of class {name!r}", weight)
            of_class[target.classes.index(name)] = weight
    weights = of_class[y]
    if not weights.any():
        raise ValueError("at least one class needs a weight above 0")
    return weights / weights.mean()
