"""Baselines: what the simplest models predict, learned from the same rows as the network."""

from typing import Any

import numpy as np

from micrograd.files.table import Table
from micrograd.neuralnet import MLP
from micrograd.optim import Adam
from micrograd.schedules import CosineDecay
from micrograd.tables.prepare import Prepared
from micrograd.tables.table_model import TableModel
from micrograd.tables.targets import Classes, Target
from micrograd.training.fit import fit

STEPS, BATCH = 4_000, 32
RATE, L2 = 0.05, 1e-3

Array = np.ndarray[Any, Any]


def baselines(prepared: Prepared, table: Table) -> dict[str, Array]:
    """The outputs, for these rows, of a linear model and of the constant that is best."""
    X, y = prepared.part(prepared.sampled())
    target = prepared.target
    if isinstance(target, Classes):
        counts = np.bincount(y, minlength=target.outputs)
        constant = np.log(np.maximum(counts, 0.5) / len(y))
        names = "logistic regression", "the majority class"
    else:
        constant = np.zeros(1)
        names = "linear regression", "the mean"
    linear = TableModel(_linear(X, y, target), prepared.inputs, target).outputs(table)
    return dict(zip(names, (linear, np.broadcast_to(constant, linear.shape))))


def _linear(X: Array, y: Array, target: Target) -> MLP:
    """A network without hidden layers, trained until its loss no longer falls."""
    model = MLP(X.shape[1], [target.outputs], seed=0)
    batches = -(-len(X) // BATCH)
    epochs = -(-STEPS // batches)
    optimizer = Adam(CosineDecay(RATE, epochs * batches))
    history = fit(
        model, X, y, loss=target.loss, optimizer=optimizer, epochs=epochs, batch_size=BATCH, l2=L2,
        progress=False,
    )  # fmt: skip
    if history.interrupted:
        raise KeyboardInterrupt
    return model
