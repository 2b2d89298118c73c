"""A compiled function as a picture: which scalars became which blocks, arrays and loops."""

from micrograd.compiler.api.stages import Stage, Stages
from micrograd.pictures.scene import Arrow, Box, Scene

LONGEST = 60  # characters of a line
MOST = 100  # blocks; the others are counted


def scene_of_stages(stages: Stages) -> Scene:
    """Four columns: scalars of the trace, blocks, operations on arrays, loops.

    >>> stages = Stages("f", (Stage({"mul": 4}, "%1 = 4 products", "x · w", 0),), ("for i < 4",))
    >>> [box.title for box in scene_of_stages(stages).boxes]
    ['for i < 4', '4 mul', '%1 = 4 products', 'x · w']
    """
    rows = stages.rows[:MOST]
    more = len(stages.rows) - len(rows)
    used = [*stages.loops] if not more else stages.loops[: 1 + max(row.loops or 0 for row in rows)]
    boxes = [Box("root", _cut(text), "loops") for text in used]
    arrows: list[Arrow] = []
    for row in rows:
        several = _row(row)
        first = len(boxes)
        boxes += several
        places = [*range(first, len(boxes)), *([] if row.loops is None else [row.loops])]
        arrows += [Arrow(start, end) for start, end in zip(places, places[1:])]  # noqa: RUF007
    if more:
        boxes.append(Box("group", f"… {more:,} more blocks", "print the picture to see all"))
    return Scene(boxes, arrows)


def _row(row: Stage) -> list[Box]:
    scalars = ", ".join(f"{n:,} {name}" for name, n in row.scalars.items())
    return [
        Box("leaf", _cut(scalars), "scalars") if scalars else Box("leaf", "chain rule", "gradient"),
        Box("group", _cut(row.block), "block"),
        Box("operation", _cut(row.array), "arrays", name=row.array),
    ]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
