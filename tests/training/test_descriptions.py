"""Forged files with a correct checksum: each field is validated as it is read."""

import copy
import json
import math
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd.files.column import TableError
from micrograd.tables.model_file import MODEL, ModelFileError, load_model
from micrograd.tables.table_model import TableModel
from micrograd.training.run.checkpoint import CHECKPOINT

BAD: list[Any] = [
    None, True, 0, -1, 3, 10**40, 1e308, math.nan, -math.inf, "", "no", [], {}, [1], {"a": 1},
]  # fmt: skip


def mutations(tree: Any) -> Iterator[tuple[str, Any]]:
    """Copies of a JSON value with one change each, and the location of the change."""
    for path in places(tree):
        for bad in BAD:
            yield f"{path} = {bad!r}", changed(tree, path, partial(put, bad))
        yield f"{path} left out", changed(tree, path, lambda parent, key: parent.pop(key))
        yield f"{path} twice", changed(tree, path, again)


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The locations in a JSON value; in lists, only the first two."""
    keys = [*tree] if isinstance(tree, dict) else [*range(len(tree))][:2]
    for key in keys:
        yield (*path, key)
        if isinstance(tree[key], (dict, list)):
            yield from places(tree[key], (*path, key))


def changed(tree: Any, path: tuple[Any, ...], change: Any) -> Any:
    tree = parent = copy.deepcopy(tree)
    for key in path[:-1]:
        parent = parent[key]
    change(parent, path[-1])
    return tree


def put(x: Any, parent: Any, key: Any) -> None:
    parent[key] = x


def again(parent: Any, key: Any) -> None:
    if isinstance(key, int):
        parent.insert(key, parent[key])
    else:
        parent[f"{key}2"] = parent[key]


# Models.

ROWS = {"size": [0.5, None, 4.0], "colour": ["red", "green", None], "when": [1.0, 2.0, 3.0]}


@pytest.fixture(scope="module", params=["kind", "price"])
def model(request, tmp_path_factory) -> Path:
    """A classifier and a regression: gaps, categories, rare ones, columns left out."""
    random, n = np.random.default_rng(0), 120
    table = {
        "size": np.where(np.arange(n) % 7 == 0, np.nan, random.normal(size=n)),
        "colour": np.array(["red", "white", *(f"c{i}" for i in range(60))])[np.arange(n) % 62],
        "when": random.normal(size=n), "same": np.zeros(n),
        "kind": np.where(random.normal(size=n) > 0, "big", "small"), "price": random.normal(size=n),
    }  # fmt: skip
    path = tmp_path_factory.mktemp("model") / "m"
    drop = [{"kind": "price", "price": "kind"}[request.param]]
    mg.train_table(table, request.param, hidden=(3, 2), epochs=1, drop=drop, output=path)
    return path


def judge(path: Path, what: str) -> bool:
    """The file is rejected, or its predictions are known classes or finite numbers."""
    try:
        loaded = TableModel.load(path)
    except ModelFileError:
        return True
    try:
        values = loaded.predict(ROWS).values
    except TableError:
        return False
    known = getattr(loaded.target, "classes", ())
    assert all(v in known if known else math.isfinite(v) for v in values), what
    return False


def test_a_model_with_any_field_changed_is_refused_or_predicts(model, tmp_path):
    arrays, description = load_model(model)
    path, refused = tmp_path / "changed", []
    for what, mutated in mutations(description):
        path.write_bytes(MODEL.pack(arrays, mutated))
        refused.append(judge(path, what))
    assert len(refused) > 500
    assert sum(refused) > 0.7 * len(refused)


NO_NUMBERS = [math.nan, math.inf, "1", None, [1.0]]
BAD_FIELDS = [("scale", x) for x in [0.0, -1.0, *NO_NUMBERS]] + [("mean", x) for x in NO_NUMBERS]


@pytest.mark.parametrize(("field", "bad"), BAD_FIELDS)
def test_a_scale_that_is_none_is_refused_by_name(model, tmp_path, field, bad):
    arrays, description = load_model(model)
    description["inputs"]["columns"][0][field] = bad
    (tmp_path / "changed").write_bytes(MODEL.pack(arrays, description))
    with pytest.raises(ModelFileError, match=rf"is damaged \(column.*{field}"):
        TableModel.load(tmp_path / "changed")


def test_a_model_with_any_array_changed_is_refused(model, tmp_path):
    arrays, description = load_model(model)
    for name, array in arrays.items():
        wrong: list[Any] = [
            None, array[:-1], array[None], array.astype(np.float32), array.astype(int),
            array * np.nan, array > 0, np.zeros((0, 3)), array.astype(np.complex64),
        ]  # fmt: skip
        for bad in wrong:
            others = {**arrays, name: bad} if bad is not None else dict(arrays)
            if bad is None:
                del others[name]
            (tmp_path / "changed").write_bytes(MODEL.pack(others, description))
            with pytest.raises(ModelFileError):
                TableModel.load(tmp_path / "changed")
    more = {**arrays, "more": np.zeros(2)}
    (tmp_path / "changed").write_bytes(MODEL.pack(more, description))
    with pytest.raises(ModelFileError, match="sizes of the network"):
        TableModel.load(tmp_path / "changed")


def test_a_description_that_is_deep_or_no_description_is_refused(model, tmp_path):
    from safetensors.numpy import save_file

    arrays, _ = load_model(model)
    deep = "[" * 200_000 + "]" * 200_000
    for text in (deep, '{"version": ' + deep + "}", '{"version": 1, "a": ' + deep + "}",
                 '{"a": {"a":' * 9_000, "1" * 10_000, "null"):  # fmt: skip
        save_file(arrays, tmp_path / "changed", {MODEL.key: text})
        with pytest.raises(ModelFileError, match="damaged"):
            TableModel.load(tmp_path / "changed")
    description = load_model(model)[1]
    description["inputs"]["ignored"] = json.loads("[" * 500 + "]" * 500)
    (tmp_path / "changed").write_bytes(MODEL.pack(arrays, description))
    with pytest.raises(ModelFileError, match=r"inputs\.ignored"):
        TableModel.load(tmp_path / "changed")


# Checkpoints.

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(20, 2))


def train(path: Path, **options: Any) -> mg.History:
    settings: dict[str, Any] = {
        "loss": "mse", "optimizer": mg.Adam(0.01), "epochs": 3, "batch_size": 4, "engine": "eager",
        "validation": 0.2, "patience": 5, "metric": "r2", "resume": True,
    }  # fmt: skip
    return mg.fit(mg.MLP(2, [1], seed=0), X, X[:, 0], checkpoint=path, **settings | options)


@pytest.fixture(scope="module", params=["in an epoch", "after an epoch"])
def checkpoint(request, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("run") / "run"
    if request.param == "in an epoch":
        train(path, every=1, time_limit=1e-9)
    else:
        train(path, callbacks=lambda history: True)
    return path


ALIKE = "('run', ", "('random_first', ", "('random_before', "  # 'model' and 'random' stand for all


def goes_on(path: Path) -> bool:
    """Whether a run resumes from the file; otherwise it is rejected."""
    try:
        history = train(path)
    except mg.CheckpointError:
        return False
    except mg.DivergenceError:
        return True
    assert history.epochs == len(history.rates) == len(history.validation_loss)
    return True


def test_a_checkpoint_with_any_field_changed_is_refused_or_goes_on(checkpoint, tmp_path):
    arrays, description = CHECKPOINT.read(checkpoint)
    path, kept = tmp_path / "run", []
    for what, mutated in islice(mutations(description), None, None, 2):
        if what.startswith(ALIKE) and "'model'" not in what:
            continue
        path.write_bytes(CHECKPOINT.pack(arrays, mutated))
        kept.append(goes_on(path))
    assert len(kept) > 100
    assert 0 < sum(kept) < 0.4 * len(kept)


def test_a_checkpoint_with_any_array_changed_is_refused(checkpoint, tmp_path):
    arrays, description = CHECKPOINT.read(checkpoint)
    path = tmp_path / "run"
    for name, array in arrays.items():
        for bad in (None, array[:-1], array[:1], array[None], array.astype(int), array > 0):
            others = {k: x for k, x in arrays.items() if k != name}
            path.write_bytes(
                CHECKPOINT.pack(others if bad is None else {**others, name: bad}, description)
            )
            assert not goes_on(path)
