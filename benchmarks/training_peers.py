"""The same training in PyTorch, scikit-learn, skorch and hand-written NumPy, for `training.py`.

Each side is a function of a task. It trains once, and returns the mean loss of the last epoch and a
function that predicts.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import skorch
import torch
from sklearn.neural_network import MLPClassifier, MLPRegressor

import micrograd as mg

torch.set_num_threads(1)

Trained = tuple[float, Callable[[Any], Any]]  # loss, and outputs of rows


@dataclass
class Task:
    """Data and how to train on them: relu networks, cross-entropy or squared error."""

    X: np.ndarray
    y: np.ndarray
    sizes: list[int]
    batch: int
    epochs: int = 1
    adam: bool = False
    rate: float = 0.05
    dtype: str = "float32"
    seed: int = 0  # of the order of the batches and, on some sides, of the weights

    @property
    def classes(self) -> bool:
        return self.y.dtype.kind == "i"


# Ours.


def in_scalars(task: Task, **options: Any) -> Callable[[], Trained]:
    model = mg.MLP(task.X.shape[1], task.sizes, activation="relu", seed=task.seed)
    start = [p.data for p in model.parameters()]

    def train() -> Trained:
        for p, x in zip(model.parameters(), start):
            p.data = x
        history = mg.fit(
            model, task.X, task.y, loss="cross_entropy" if task.classes else "mse",
            optimizer=(mg.Adam if task.adam else mg.SGD)(task.rate), epochs=task.epochs,
            batch_size=task.batch, dtype=task.dtype, seed=task.seed, progress=False, **options,
        )  # fmt: skip
        return history.loss[-1], mg.Predictor(model, dtype=task.dtype)

    return train


# PyTorch.


def network(task: Task) -> Any:
    """A network with the initial weights of our model."""
    torch.manual_seed(task.seed)
    sizes = [task.X.shape[1], *task.sizes]
    layers: list[Any] = []
    for nin, nout in pairwise(sizes):
        layers += [torch.nn.Linear(nin, nout), torch.nn.ReLU()]
    state = mg.MLP(sizes[0], task.sizes, activation="relu", seed=task.seed).state_dict()
    with torch.no_grad():
        for k in range(len(task.sizes)):
            layers[2 * k].weight.copy_(torch.tensor(state[f"layers.{k}.weights"]))
            layers[2 * k].bias.copy_(torch.tensor(state[f"layers.{k}.bias"]))
    return torch.nn.Sequential(*layers[:-1]).to(getattr(torch, task.dtype))


def of_torch(task: Task, start: Any) -> tuple[Any, Any, Any, Any, Any]:
    model = copy.deepcopy(start)
    kind = torch.optim.Adam if task.adam else torch.optim.SGD
    optimizer = kind(model.parameters(), lr=task.rate)
    x = torch.from_numpy(task.X.astype(task.dtype))
    if task.classes:
        return model, optimizer, torch.nn.CrossEntropyLoss(), x, torch.from_numpy(task.y)
    y = torch.from_numpy(task.y.astype(task.dtype))[:, None]
    return model, optimizer, torch.nn.MSELoss(), x, y


def torch_slices(task: Task) -> Callable[[], Trained]:
    start = network(task)

    def train() -> Trained:
        model, optimizer, loss, x, y = of_torch(task, start)

        def batches():
            order = torch.randperm(len(x))
            for first in range(0, len(x), task.batch):
                rows = order[first : first + task.batch]
                yield x[rows], y[rows]

        return torch_loop(task, model, optimizer, loss, batches)

    return train


def torch_loader(task: Task) -> Callable[[], Trained]:
    start = network(task)

    def train() -> Trained:
        model, optimizer, loss, x, y = of_torch(task, start)
        data = torch.utils.data.TensorDataset(x, y)
        loader = torch.utils.data.DataLoader(data, batch_size=task.batch, shuffle=True)
        return torch_loop(task, model, optimizer, loss, lambda: loader)

    return train


def torch_loop(task: Task, model: Any, optimizer: Any, loss: Any, batches: Any) -> Trained:
    total = 0.0
    for _ in range(task.epochs):
        total = 0.0
        for x, y in batches():
            optimizer.zero_grad()
            mean = loss(model(x), y)
            mean.backward()
            optimizer.step()
            total += mean.item() * len(x)

    def outputs(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model(torch.from_numpy(rows.astype(task.dtype))).numpy()

    return total / len(task.X), outputs


def in_skorch(task: Task) -> Callable[[], Trained]:
    X, y, start = task.X.astype(task.dtype), task.y, network(task)

    def train() -> Trained:
        net = skorch.NeuralNetClassifier(
            copy.deepcopy(start), max_epochs=task.epochs, lr=task.rate, batch_size=task.batch,
            optimizer=torch.optim.Adam if task.adam else torch.optim.SGD,
            criterion=torch.nn.CrossEntropyLoss, train_split=None, verbose=0,
            iterator_train__shuffle=True,
        )  # fmt: skip
        net.fit(X, y)
        return net.history[-1, "train_loss"], net.predict_proba

    return train


# scikit-learn.


def in_sklearn(task: Task) -> Callable[[], Trained]:
    X, y = task.X.astype(task.dtype), task.y

    def train() -> Trained:
        kind = MLPClassifier if task.classes else MLPRegressor
        model = kind(
            hidden_layer_sizes=tuple(task.sizes[:-1]), batch_size=task.batch,
            max_iter=task.epochs, alpha=0.0,
            solver="adam" if task.adam else "sgd", learning_rate_init=task.rate, momentum=0.0,
            nesterovs_momentum=False, n_iter_no_change=10**6, random_state=task.seed,
        )  # fmt: skip
        model.fit(X, y)
        return model.loss_, model.predict_proba if task.classes else model.predict

    return train


def sklearn_like(task: Task, model: mg.MLP) -> Callable[[Any], Any]:
    """The prediction of a scikit-learn network with our weights."""
    _, predict = in_sklearn(task)()
    network, state = predict.__self__, model.state_dict()
    layers = range(len(task.sizes))
    network.coefs_ = [np.array(state[f"layers.{k}.weights"], task.dtype).T for k in layers]
    network.intercepts_ = [np.array(state[f"layers.{k}.bias"], task.dtype) for k in layers]
    return predict


# NumPy by hand: one hidden layer, classes, gradient descent.


def numpy_by_hand(task: Task) -> Callable[[], Trained]:
    X = task.X.astype(task.dtype)
    model = mg.MLP(X.shape[1], task.sizes, activation="relu", seed=task.seed)
    first = [np.array(array, task.dtype) for array in model.state_dict().values()]

    def train() -> Trained:
        random = np.random.default_rng(task.seed)
        w1, b1, w2, b2 = (np.ascontiguousarray(array.T) for array in first)
        rate, total = np.dtype(task.dtype).type(task.rate), 0.0
        for _ in range(task.epochs):
            order, total = random.permutation(len(X)), 0.0
            for start in range(0, len(X), task.batch):
                rows = order[start : start + task.batch]
                x, y = X[rows], task.y[rows]
                h = np.maximum(x @ w1 + b1, 0)
                scores = h @ w2 + b2
                scores -= scores.max(axis=1, keepdims=True)
                d = np.exp(scores)
                sums = d.sum(axis=1, keepdims=True)
                places = np.arange(len(rows)), y
                total += float((np.log(sums[:, 0]) - scores[places]).sum())
                d /= sums
                d[places] -= 1
                d /= np.dtype(task.dtype).type(len(rows))
                d1 = d @ w2.T
                d1[h <= 0] = 0
                w2 -= rate * (h.T @ d)
                b2 -= rate * d.sum(axis=0)
                w1 -= rate * (x.T @ d1)
                b1 -= rate * d1.sum(axis=0)

        def outputs(rows: np.ndarray) -> np.ndarray:
            return np.maximum(rows.astype(task.dtype) @ w1 + b1, 0) @ w2 + b2

        return total / len(X), outputs

    return train
