"""Placement: coordinates for boxes, so that arrows run from left to right with few crossings.

Boxes are assigned to layers by longest paths, and then moved as close to their first reader as
possible. An arrow that skips layers has a bend in each of them. The order within a layer follows
the barycentres of the neighbours, in several sweeps; the order with the fewest crossings is kept.
The coordinates within a layer are as near as possible to those of the neighbours, without overlap:
a least-squares problem, solved by pooling adjacent violators.

`page/src/placement.ts` does the same in a browser; a test compares the coordinates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

SWEEPS, PULLS = 12, 16  # rounds that improve the order, and the coordinates
THIN = 6.0  # the height of an arrow in a layer that it skips

Point = tuple[float, float]


@dataclass
class Placed:
    """The upper left corners of the boxes, and the points of each arrow."""

    boxes: list[Point]
    arrows: list[list[Point]]
    width: float
    height: float


@dataclass
class _Layered:
    """Boxes, and points at which arrows bend, in layers."""

    heights: list[float]
    layer: list[int]
    above: list[list[int]] = field(default_factory=list[list[int]])  # neighbours one layer before
    below: list[list[int]] = field(default_factory=list[list[int]])  # and one layer after
    bends: list[list[int]] = field(default_factory=list[list[int]])  # of each arrow

    def layers(self) -> list[list[int]]:
        rows: list[list[int]] = [[] for _ in range(max(self.layer, default=-1) + 1)]
        for node, layer in enumerate(self.layer):
            rows[layer].append(node)
        return rows


def layout(
    sizes: Sequence[Point], arrows: Sequence[tuple[int, int]], gap: Point = (70.0, 14.0)
) -> Placed:
    """Places boxes of these sizes, with arrows between them.

    >>> placed = layout([(10, 10), (10, 10), (10, 10)], [(0, 2), (1, 2)], gap=(30, 10))
    >>> placed.boxes, placed.arrows[0]
    ([(0.0, 0.0), (0.0, 20.0), (40.0, 10.0)], [(10.0, 5.0), (40.0, 13.333333333333334)])
    """
    graph = _layered(sizes, arrows)
    layers = _ordered(graph)
    middle = _middles(graph, layers, gap[1])
    spans = _spans(sizes, layers, gap[0])
    boxes: list[Point] = []
    for v, (w, h) in enumerate(sizes):
        left, right = spans[graph.layer[v]]
        boxes.append((left + (right - left - w) / 2, middle[v] - h / 2))
    bends = [
        [(x, middle[bend]) for bend in several for x in spans[graph.layer[bend]]]
        for several in graph.bends
    ]
    lows = [y + h / 2 for y, h in zip(middle, graph.heights)]
    right = spans[-1][1] if spans else 0.0
    return Placed(boxes, _ports(sizes, arrows, boxes, bends), right, max(lows, default=0.0))


def _spans(
    sizes: Sequence[Point], layers: list[list[int]], gap: float
) -> list[tuple[float, float]]:
    """The left and the right edge of each layer, in which arrows that skip it are horizontal."""
    spans: list[tuple[float, float]] = []
    left = 0.0
    for row in layers:
        right = left + max([sizes[v][0] for v in row if v < len(sizes)], default=0.0)
        spans.append((left, right))
        left = right + gap
    return spans


def _layered(sizes: Sequence[Point], arrows: Sequence[tuple[int, int]]) -> _Layered:
    layer = _layers_of(len(sizes), arrows)
    graph = _Layered([h for _, h in sizes], layer)
    graph.above, graph.below = [[] for _ in sizes], [[] for _ in sizes]
    for start, end in arrows:
        before, bends = start, list[int]()
        for between in range(layer[start] + 1, layer[end]):
            bend = len(graph.layer)
            graph.layer.append(between)
            graph.heights.append(THIN)
            graph.above.append([before])
            graph.below.append([])
            graph.below[before].append(bend)
            bends.append(bend)
            before = bend
        graph.below[before].append(end)
        graph.above[end].append(before)
        graph.bends.append(bends)
    return graph


def _layers_of(n: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    readers: list[list[int]] = [[] for _ in range(n)]
    waiting = [0] * n
    for start, end in arrows:
        readers[start].append(end)
        waiting[end] += 1
    order = [v for v in range(n) if not waiting[v]]
    layer = [0] * n
    for v in order:  # grows
        for u in readers[v]:
            layer[u] = max(layer[u], layer[v] + 1)
            waiting[u] -= 1
            if not waiting[u]:
                order.append(u)
    for v in reversed(order):
        if readers[v]:
            layer[v] = max(layer[v], min([layer[u] for u in readers[v]]) - 1)
    return layer


def _ordered(graph: _Layered) -> list[list[int]]:
    """The layers, each in an order with few crossings."""
    layers = graph.layers()
    place = [0.0] * len(graph.layer)
    for row in layers:
        _number(row, place)
    best, fewest = [[*row] for row in layers], _crossings(graph, layers, place)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        upwards = sweep % 2 == 1
        near = graph.below if upwards else graph.above
        for row in reversed(layers[:-1]) if upwards else layers[1:]:
            centre = {v: _mean([place[u] for u in near[v]], place[v]) for v in row}
            row.sort(key=lambda v, centre=centre: (centre[v], place[v]))
            _number(row, place)
        crossings = _crossings(graph, layers, place)
        if crossings < fewest:
            best, fewest = [[*row] for row in layers], crossings
    return best


def _number(row: list[int], place: list[float]) -> None:
    for k, v in enumerate(row):
        place[v] = float(k)


def _mean(numbers: list[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise


def _crossings(graph: _Layered, layers: list[list[int]], place: list[float]) -> int:
    """The number of crossings of arrows, counted with a Fenwick tree for each layer."""
    count = 0
    for before, row in pairwise(layers):
        tree, total = [0] * (len(before) + 1), 0
        for v in row:
            places = [int(place[u]) + 1 for u in graph.above[v]]
            for k in places:
                while k > 0:
                    count -= tree[k]
                    k -= k & -k
            count += total * len(places)
            for k in places:
                total += 1
                while k < len(tree):
                    tree[k] += 1
                    k += k & -k
    return count


def _middles(graph: _Layered, layers: list[list[int]], gap: float) -> list[float]:
    """The vertical coordinate of each node; the smallest is 0."""
    middle = [0.0] * len(graph.layer)
    for row in layers:
        y = 0.0
        for v in row:
            middle[v] = y + graph.heights[v] / 2
            y += graph.heights[v] + gap
    for pull in range(PULLS):
        upwards = pull % 2 == 1
        for row in reversed(layers) if upwards else layers:
            _pull(row, _neighbours(graph, pull, upwards), graph.heights, middle, gap)
    top = min([middle[v] - graph.heights[v] / 2 for v in range(len(middle))], default=0.0)
    return [y - top for y in middle]


def _neighbours(graph: _Layered, pull: int, upwards: bool) -> Callable[[int], list[int]]:
    if pull >= PULLS - 2:
        return lambda v: graph.above[v] + graph.below[v]
    return (graph.below if upwards else graph.above).__getitem__


def _pull(
    row: list[int],
    near: Callable[[int], list[int]],
    heights: list[float],
    middle: list[float],
    gap: float,
) -> None:
    """Moves the nodes of a layer as near to their neighbours as possible without overlap.

    The sizes of the nodes before it are subtracted from each wanted position. Then the nodes do not
    overlap if these numbers do not decrease: numbers that would decrease are replaced by their
    mean.
    """
    shifts: list[float] = []
    sums: list[float] = []
    counts: list[int] = []
    shift = 0.0
    for k, v in enumerate(row):
        if k:
            shift += (heights[row[k - 1]] + heights[v]) / 2 + gap
        shifts.append(shift)
        sums.append(_mean([middle[u] for u in near(v)], middle[v]) - shift)
        counts.append(1)
        while len(sums) > 1 and sums[-2] / counts[-2] >= sums[-1] / counts[-1]:
            last, count = sums.pop(), counts.pop()
            sums[-1] += last
            counts[-1] += count
    k = 0
    for total, count in zip(sums, counts):
        for _ in range(count):
            middle[row[k]] = total / count + shifts[k]
            k += 1


def _ports(
    sizes: Sequence[Point],
    arrows: Sequence[tuple[int, int]],
    boxes: list[Point],
    bends: list[list[Point]],
) -> list[list[Point]]:
    """The points of each arrow. Arrows that enter a box end at different points of its side, in the
    order of their last bends."""
    paths: list[list[Point]] = []
    entering: list[list[int]] = [[] for _ in sizes]
    for k, (start, end) in enumerate(arrows):
        (x, y), (w, h) = boxes[start], sizes[start]
        paths.append([(x + w, y + h / 2), *bends[k]])
        entering[end].append(k)
    for end, several in enumerate(entering):
        several.sort(key=lambda k: paths[k][-1][1])
        (x, y), (_, h) = boxes[end], sizes[end]
        for place, k in enumerate(several, 1):
            paths[k].append((x, y + h * place / (len(several) + 1)))
    return paths
