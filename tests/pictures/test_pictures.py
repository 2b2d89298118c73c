"""Pictures of graphs: what they show, where it lies, and that names are text in every format."""

import json
import random
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from drawn import NASTY, moons, small

import micrograd as mg
from micrograd.pictures.dot import dot_text
from micrograd.pictures.fold import Folding, fold
from micrograd.pictures.fold import _parts as parts  # pyright: ignore[reportPrivateUsage]
from micrograd.pictures.placement import layout
from micrograd.pictures.scene import scene
from micrograd.pictures.svg import svg
from micrograd.working import numbered

QUOTED = r'"(?:[^"\\]|\\.)*"'
DOT_LINE = re.compile(
    rf"digraph {{|  rankdir=LR|  n\w+ \[(\w+=({QUOTED}|\w+) ?)*\]"
    rf"|  n\d+ -> n\d+ \[label={QUOTED}\]|}}"
)
SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[str]:
    return ["".join(x.itertext()) for x in ET.fromstring(picture).iter(f"{SVG}text")]


def test_a_picture_shows_names_operations_data_gradients_and_local_derivatives():
    said = texts(svg(scene(small())))
    assert {"w", "2.0", "∂ 0.0353", "n1 = ·", "n2 = +", "L = tanh", "0.964", "∂ 1.0"} <= {*said}
    assert {"×0.5", "×2.0", "×1.0", "×0.071"} <= {*said}


def test_an_operand_that_is_read_twice_has_two_arrows():
    x = mg.Value(3.0)
    arrows = scene(x * x).arrows
    assert [(a.start, a.end, a.label) for a in arrows] == [(0, 1, "×3.0")] * 2
    first, second = scene(x * x).placed().arrows
    assert first[-1] != second[-1]


def test_a_label_may_be_a_number():
    y = mg.Value(2.0, name=7) * mg.Value(3.0, name=0)  # type: ignore[arg-type]
    picture = mg.draw(y)
    assert "├─ 7 : 2.0" in str(picture)
    assert picture.svg
    assert picture.page


def test_the_graph_of_a_derivative_is_a_picture():
    """It has known conditions among its leaves."""
    x = mg.Value(2.0, name="x")
    slope = mg.grad(mg.grad(lambda x: mg.relu(x) * x**3))(x)
    slope.backward()
    picture = mg.draw(slope)
    assert picture.svg.count("<rect") == len(picture.scene.boxes) + 1
    assert str(picture)
    assert picture.page


def test_a_leaf_alone_is_a_picture():
    assert [box.title for box in scene(mg.Value(1.0, name="x")).boxes] == ["x"]


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("suffix", ["svg", "dot", "png", "pdf"])
def test_any_name_is_text_in_every_format(name, suffix, tmp_path):
    pytest.importorskip("matplotlib")
    x = mg.Value(1.0, name=name)
    y = x * 2.0
    y.name = name
    path = tmp_path / f"graph.{suffix}"
    mg.draw(y).save(path)
    written = path.read_bytes()
    assert written.startswith(
        {"svg": b"<svg", "dot": b"digraph", "png": b"\x89PNG", "pdf": b"%PDF"}[suffix]
    )
    if suffix == "svg":
        tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(written).iter()}
        assert tags <= {"svg", "title", "rect", "path", "g", "text"}
        assert len(written) < 10_000
    if suffix == "dot":
        lines = written.decode().splitlines()
        assert [line for line in lines if not DOT_LINE.fullmatch(line)] == []


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match=r"expected the suffix \.html"):
        mg.draw(small()).save("graph.gif")


def test_what_is_no_value_is_refused():
    with pytest.raises(TypeError, match=r"\(out,\) = model\(x\)"):
        mg.draw(mg.MLP(2, [1], seed=0)([1.0, 2.0]))  # type: ignore[arg-type]


def test_a_notebook_shows_the_picture_and_a_terminal_the_tree():
    bundle = mg.draw(small())._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["text/plain"].startswith("L = tanh : 0.964, ∂ 1.0\n└─ n2 = +")


def test_a_large_tree_ends_with_the_number_of_values():
    lines = str(mg.draw(moons())).splitlines()
    assert len(lines) == 201
    assert re.fullmatch(r"… the graph has [\d,]+ values; save a picture to see all", lines[-1])


def test_a_deep_graph_is_drawn():
    x = mg.Value(1.0)
    y = x
    for _ in range(5_000):
        y = mg.sin(y)
    picture = mg.draw(y)
    assert str(picture).startswith("L = sin")
    assert len(scene(y).boxes) < 100


# Layout.


def graphs(seed: int) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    draw = random.Random(seed)
    n = draw.randrange(2, 60)
    sizes = [(draw.uniform(40, 140), draw.uniform(20, 80)) for _ in range(n)]
    ends = [draw.randrange(1, n) for _ in range(2 * n)]
    return sizes, [(draw.randrange(end), end) for end in ends]


@pytest.mark.parametrize("seed", range(20))
def test_no_two_boxes_overlap_and_no_arrow_crosses_a_box(seed):
    sizes, arrows = graphs(seed)
    placed = layout(sizes, arrows)
    boxes = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(placed.boxes, sizes)]
    for k, (left, top, right, bottom) in enumerate(boxes):
        assert left >= -1e-6
        assert right <= placed.width + 1e-6
        assert top >= -1e-6
        assert bottom <= placed.height + 1e-6
        for x0, y0, x1, y1 in boxes[:k]:
            assert (
                right <= x0 + 1e-6 or x1 <= left + 1e-6 or bottom <= y0 + 1e-6 or y1 <= top + 1e-6
            )
    for (start, end), points in zip(arrows, placed.arrows):
        assert boxes[start][2] <= points[-1][0]
        for (x0, y0), (x1, y1) in pairwise(points):
            level = abs(y0 - y1) < 1e-9
            for k, (left, top, right, bottom) in enumerate(boxes):
                if level and k not in (start, end) and x0 < right - 1e-6 and left + 1e-6 < x1:
                    assert y0 <= top + 1e-6 or bottom - 1e-6 <= y0


def test_a_tree_is_drawn_without_crossings():
    arrows = [(2 * k + side, k) for k in range(1, 16) for side in (0, 1)]
    random.Random(1).shuffle(arrows)
    placed = layout([(50.0, 30.0)] * 32, arrows)
    for depth in (1, 2, 4, 8):
        ends = [
            (placed.boxes[a][1], placed.boxes[b][1]) for a, b in arrows if depth <= b < 2 * depth
        ]
        assert [b for _, b in sorted(ends)] == sorted(b for _, b in ends)


# Folding.


def test_a_large_graph_is_folded_into_the_blocks_of_the_compiler():
    titles = [box.title for box in scene(moons()).boxes]
    assert {"80 × dot of 4 + bias", "80 × dot of 2 + bias", "20 × relu"} <= {*titles}
    assert {"8 × layers.0.weights", "4 × layers.2.weights"} <= {*titles}
    assert len(titles) < 25


def test_every_value_belongs_to_one_group_and_one_member():
    graph = numbered(moons())
    folding = fold(graph)
    assert folding is not None
    assert folding.group.keys() == folding.member.keys() == {*graph.leaves, *graph.computed}
    assert {*folding.group.values()} == {*range(len(folding.titles))}


def test_the_steps_of_a_recurrence_are_one_group():
    h = [mg.Value(0.0, name=f"h[{k}]") for k in range(3)]
    w = [[mg.Value(0.1 * (i + j), name=f"w[{i},{j}]") for i in range(3)] for j in range(3)]
    for _ in range(100):
        h = [mg.tanh(mg.dot(row, h)) for row in w]
    titles = [box.title for box in scene(mg.sum(h)).boxes]
    assert any("repetition of 2 blocks" in title for title in titles)
    assert len(titles) < 12


def irregular(operations: int) -> mg.Value:
    draw = random.Random(0)
    nodes = [mg.Value(draw.gauss(0, 1), name=f"x{k}") for k in range(50)]
    for _ in range(operations):
        x, y = draw.choice(nodes[-20:]), draw.choice(nodes)
        nodes.append(draw.choice([mg.tanh(x), mg.sin(x), x * y, x + y, abs(x)]))
    return mg.sum(nodes[-3:])


@pytest.mark.parametrize(
    "make",
    [
        lambda: irregular(2000),
        lambda: mg.sum([mg.Value(1.0, name=f"x{k}") for k in range(1000)]),
        lambda: mg.Neuron(784, "tanh", seed=0)([0.5 + mg.Value(float(k)) for k in range(784)]),
        lambda: mg.Neuron(784, "tanh", seed=0)([mg.Value(float(k)) for k in range(784)]),
    ],
)  # fmt: skip
def test_a_picture_never_has_more_than_a_hundred_boxes(make):
    value = make()
    graph = numbered(value)
    folding = fold(graph)
    assert folding is not None
    assert folding.group.keys() == {*graph.leaves, *graph.computed}
    assert len(folding.titles) <= 100
    arrows = scene(value).arrows
    assert all(arrow.start != arrow.end for arrow in arrows)


def test_parts_of_an_irregular_graph_read_only_parts_before_them():
    value = irregular(500)
    folding = fold(numbered(value))
    assert folding is not None
    assert len(folding.titles) > 20
    between = {(arrow.start, arrow.end) for arrow in scene(value).arrows}
    assert between
    assert all(start < end for start, end in between)


def test_groups_that_read_each_other_are_parts_as_well():
    value = mg.Value(1.0)
    for _ in range(300):
        value = mg.tanh(value)
    graph = numbered(value)
    group = {v: k % 150 for k, v in enumerate([*graph.leaves, *graph.computed])}
    folding = parts(graph, Folding(["tanh"] * 150, group, dict.fromkeys(group, 0)))
    assert len({*folding.group.values()}) <= 40


@pytest.mark.parametrize("step", [mg.tanh, lambda x: mg.sin(mg.tanh(abs(x)))])
def test_a_long_chain_is_folded(step):
    x = mg.Value(0.5)
    for _ in range(8_000):  # in quadratic time it takes minutes
        x = step(x)
    folding = fold(numbered(x))
    assert folding is not None
    assert len(folding.titles) < 10


def test_a_small_graph_is_shown_scalar_by_scalar():
    assert fold(numbered(small())) is None
    assert len(scene(small()).boxes) == 6


def test_the_dot_file_names_each_node_once():
    text = dot_text(scene(small()))
    assert len(re.findall(r"^  n\d+ \[", text, re.MULTILINE)) == 6
    assert text.count("->") == 5
    assert json.loads(re.findall(r"label=(\".*?\") fill", text)[0]) == "w\n2.0\n∂ 0.0353"
