"""draw of a compiled function: which scalars became which block, array operation and loops."""

import xml.etree.ElementTree as ET
from collections import Counter
from typing import Any

import numpy as np
import pytest
from drawn import NASTY

import micrograd as mg

model = mg.MLP(2, [4, 4, 1], "relu", seed=0)
X = np.random.default_rng(0).normal(size=(10, 2))
Y = np.sign(X[:, 0])


def loss(x: Any, y: Any) -> Any:
    (score,) = model(x)
    return mg.relu(1 - y * score)


def written(x: Any) -> Any:
    """A neuron as in the lecture: products and sums."""
    return mg.tanh(sum((0.5 * a * b for a, b in zip(x, x)), mg.Value(1.0)))


def test_each_scalar_of_the_trace_is_in_one_block() -> None:
    f = mg.vectorize(loss)
    rows = f.stages(X, Y).rows
    total: Counter[str] = Counter()
    for row in rows:
        total.update(row.scalars)
    assert total == {"dot": 9, "relu": 9, "mul": 1, "sub": 1}
    assert rows[0].scalars == {"dot": 4}
    assert rows[0].block == "%1 = 4 dots of 2 and a bias"
    assert rows[0].array.startswith("matrix · vector: layers.0.weights (4 × 2) · x (2)")


def test_what_merged_into_a_sum_is_counted_there() -> None:
    f = mg.compile(written)
    (dot,) = [row for row in f.stages([1.0, 2.0, 3.0]).rows if "dot" in row.block]
    assert dot.scalars == {"add": 3, "mul": 3, "identity": 1}
    assert f.source("trace", [1.0, 2.0, 3.0]).count("\n  n") == sum(
        sum(row.scalars.values()) for row in f.stages([1.0, 2.0, 3.0]).rows
    )


def test_the_gradient_is_the_chain_rules() -> None:
    f = mg.vectorize(loss)
    rows = f.stages(X, Y, gradient="parameters").rows
    forward = [row for row in rows if row.scalars]
    assert 0 < len(forward) < len(rows)
    assert any(row.array.startswith("outer product") for row in rows)


@pytest.mark.parametrize("gradient", [None, "parameters", "arguments"])
@pytest.mark.parametrize("exact", [False, True])
def test_every_block_is_computed_in_a_nest_of_loops(gradient: Any, exact: bool) -> None:
    stages = mg.vectorize(loss, exact=exact).stages(X, Y, gradient=gradient)
    assert all(row.loops is None or row.loops < len(stages.loops) for row in stages.rows)
    assert {row.loops for row in stages.rows} - {None} == {*range(len(stages.loops))}


def test_the_picture_shows_all_four(tmp_path: Any) -> None:
    f = mg.vectorize(loss)
    f(X, Y)
    picture = mg.draw(f)  # there is one program
    for suffix in ("svg", "html", "dot"):
        picture.save(tmp_path / f"f.{suffix}")
    text = "".join(ET.fromstring((tmp_path / "f.svg").read_text(encoding="utf-8")).itertext())
    for part in ("4 dot", "%1 = 4 dots of 2 and a bias", "matrix · vector", "examples at once"):
        assert part in text
    page = (tmp_path / "f.html").read_text(encoding="utf-8")
    assert "operations on scalars became 7 blocks" in page
    assert "<script" not in page
    assert str(picture) == f.explain()


def test_of_very_many_blocks_the_first_are_shown() -> None:
    """Each squares the one before: as a tree, they would be 2**50 operations."""

    def chain(x: Any) -> Any:
        for k in range(150):
            x = mg.tanh(x) if k % 3 else mg.sin(x * x)
        return x

    f = mg.compile(chain)
    picture = mg.draw(f, 0.5)
    blocks = len(f.stages(0.5).rows)
    assert blocks > 150
    assert len(picture.scene.boxes) < 320
    assert f"… {blocks - 100:,} more blocks" in picture.svg
    assert f"%{blocks}" in str(picture)


@pytest.mark.parametrize("name", NASTY)
def test_any_name_of_a_function_is_text(name: str, tmp_path: Any) -> None:
    def f(x: Any) -> Any:
        return x * x

    f.__name__ = name
    for title in ("", name):
        picture = mg.draw(mg.compile(f), 2.0, title=title)
        ET.fromstring(picture.svg)
        picture.save(tmp_path / "f.html")
        page = (tmp_path / "f.html").read_text(encoding="utf-8")
        assert "<script" not in page
        assert page.count("<svg") == page.count("</svg>") == 1


def test_what_belongs_to_the_other_kind_of_picture_is_refused() -> None:
    value, f = mg.Value(1.0) * 2.0, mg.compile(lambda x: x * x)
    with pytest.raises(TypeError, match="without arguments"):
        mg.draw(value, 1.0)
    with pytest.raises(TypeError, match="without arguments"):
        mg.draw(value, gradient="arguments")
    with pytest.raises(TypeError, match="lines= belongs to the picture of a Value"):
        mg.draw(f, 1.0, lines={})  # pyright: ignore[reportCallIssue, reportArgumentType]
    for what in (value, f):
        with pytest.raises(TypeError, match="title must be text, got int 5"):
            mg.draw(what, title=5)  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_what_is_neither_value_nor_compiled_is_refused() -> None:
    with pytest.raises(TypeError, match="a Value, or a compiled function"):
        mg.draw(loss)


def test_reports_show_themselves_in_a_notebook() -> None:
    f = mg.compile(lambda x: x * x)
    f(2.0)
    for report in (model.summary(), f.explain(), f.source("program")):
        assert repr(report) == str(report)
        assert report._repr_html_().startswith("<pre")
    assert "&lt;lambda&gt;" in f.explain()._repr_html_()
