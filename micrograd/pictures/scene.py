"""Scene: the content of a picture: boxes with text, and arrows between them.

A box is a scalar with its name, operation, data and gradient; or a group of scalars, with the
ranges of their data and gradients. The label of an arrow is a local derivative: that of the value
at its head with respect to the value at its tail.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from micrograd.engine import Value
from micrograd.pictures.fold import Folding, fold
from micrograd.pictures.placement import Placed, layout
from micrograd.working import Numbered, heading, local_derivatives, numbered, shown

LETTER, LINE, PADDING = 7.4, 15.0, 18.0  # the width of a letter, and heights
MANY_ARROWS = 8  # if more arrows enter a box, they have no labels


@dataclass(frozen=True)
class Box:
    """A box: a title in bold, numbers below it, and the whole name for a tooltip."""

    kind: Literal["leaf", "operation", "root", "group"]
    title: str
    data: str
    gradient: str = ""
    name: str = ""
    arrows: int = 0  # the number of arrows that end here

    @property
    def lines(self) -> list[str]:
        gradient = [f"∂ {self.gradient}"] if self.gradient else []
        return [self.title, self.data, *gradient]

    @property
    def size(self) -> tuple[float, float]:
        width = max([96.0, *[LETTER * len(line) + PADDING for line in self.lines]])
        labelled = self.arrows if self.arrows <= MANY_ARROWS else 0
        return width, max(len(self.lines) * LINE + PADDING / 2, LINE * (labelled + 1))


@dataclass(frozen=True)
class Arrow:
    """An arrow from one box to another; `label` is the derivative beside its head, if any."""

    start: int
    end: int
    label: str = ""
    weight: int = 1  # the number of scalars that it stands for


@dataclass(frozen=True)
class Scene:
    """The boxes and arrows of a picture, which have no coordinates yet."""

    boxes: list[Box]
    arrows: list[Arrow]

    def placed(self) -> Placed:
        """The coordinates of the boxes and arrows."""
        gap = 64.0 if any(arrow.label for arrow in self.arrows) else 40.0
        ends = [(arrow.start, arrow.end) for arrow in self.arrows]
        return layout([box.size for box in self.boxes], ends, (gap, 14.0))


def scene(root: Value) -> Scene:
    """The scene of the graph below `root`. In a large graph, each group of scalars is one box.

    >>> x = Value(2.0, name="x")
    >>> picture = scene(x * x)
    >>> [box.title for box in picture.boxes], picture.arrows[1]
    (['x', 'L = ·'], Arrow(start=0, end=1, label='×2.0', weight=1))
    """
    graph = numbered(root)
    folding = fold(graph)
    return _scalars(graph) if folding is None else _groups(graph, folding)


def _scalars(graph: Numbered) -> Scene:
    values = [*graph.leaves, *graph.computed]
    place = {v: k for k, v in enumerate(values)}
    arrows = [
        Arrow(place[x], place[v], f"×{shown(slope, 3)}")
        for v in graph.computed
        for x, slope in zip(v.operands, local_derivatives(v))
        if isinstance(x, Value)
    ]
    ends = Counter(arrow.end for arrow in arrows)
    boxes = [_scalar(v, graph, ends[place[v]]) for v in values]
    return Scene(boxes, [_labelled(arrow, ends[arrow.end]) for arrow in arrows])


def _labelled(arrow: Arrow, ends: int) -> Arrow:
    return arrow if ends <= MANY_ARROWS else Arrow(arrow.start, arrow.end)


def _scalar(value: Value, graph: Numbered, arrows: int) -> Box:
    kind = "leaf" if not value.operands else "root" if value is graph.root else "operation"
    numbers = shown(value.data), shown(value.grad)
    return Box(kind, heading(value, graph.names), *numbers, str(value.name or ""), arrows)


def _groups(graph: Numbered, folding: Folding) -> Scene:
    values = [*graph.leaves, *graph.computed]
    members: list[list[Value]] = [[] for _ in folding.titles]
    for value in values:
        members[folding.group[value]].append(value)
    between = Counter[tuple[int, int]]()
    for value in graph.computed:
        end = folding.group[value]
        between.update([(folding.group[x], end) for x in value.operands if isinstance(x, Value)])
    arrows = [Arrow(a, b, weight=n) for (a, b), n in between.items() if a != b]
    boxes = [
        _scalar(some[0], graph, 0) if len(some) == 1 else _group(name, _last(some, folding))
        for name, some in zip(folding.titles, members)
    ]
    return Scene(boxes, arrows)


def _last(values: list[Value], folding: Folding) -> list[Value]:
    """The last scalar of each member of a group: those merged into it are not shown."""
    return [*{folding.member[v]: v for v in values}.values()]


def _group(called: str, values: list[Value]) -> Box:
    kind = "group" if values[0].operands else "leaf"
    return Box(kind, called, _range([v.data for v in values]), _range([v.grad for v in values]))


def _range(numbers: list[float]) -> str:
    low, high = min(numbers), max(numbers)
    return shown(low, 3) if low == high else f"{shown(low, 3)} … {shown(high, 3)}"
