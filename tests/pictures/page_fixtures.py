"""What the script of the page must agree with: `python tests/pictures/page_fixtures.py` writes it.

Graphs as a page carries them, with the text of each step in Python; places of boxes; numbers and
how they are shown. The tests in `page/test/` read the file, and `test_page.py` compares it with
what the package gives now.
"""

import base64
import gzip
import json
import random
from pathlib import Path
from typing import Any

import micrograd as mg
from micrograd.chain_rule import Step
from micrograd.operation import TABLE, Op
from micrograd.pictures.page import contents
from micrograd.pictures.placement import layout
from micrograd.pictures.rows import Table
from micrograd.working import forward, numbered, shown

FILE = Path(__file__).parents[2] / "page/test/fixtures.json"
NUMBERS = [
    0.0, -0.0, 1.0, -2.0, 0.5, 2 / 3, -0.03125, 0.00005, 999.99995, 1e-3, 9.995e-4, 1e6, 123456.789,
    -1.25e-7, 9.999e99, 5e-324, 1.7e308, float("inf"), -float("inf"), float("nan"),
]  # fmt: skip


def programs() -> dict[str, mg.Value]:
    """Graphs that use every operation of the table, and names of every kind."""
    w, x, b = mg.Value(2.0, name="w"), mg.Value(0.5, name="x"), mg.Value(1.0, name="b")
    left, large = mg.Value(-1e300, name="left"), mg.Value(1e300, name="large")
    made = {
        "line": mg.tanh(w * x + b),
        "shared": (w * w - 3 * w / x) * mg.exp(-w) + 2**x + x**2 + w**x,
        "dot": mg.relu(mg.dot([w, x], [x, 3.0], b)) + mg.dot([w, w], [x, b]),
        "many": mg.sum([mg.Value(0.1 * k) * w for k in range(9)]) + mg.norm([w, x, b]),
        "choices": mg.maximum(w, x) + mg.minimum(w, x) + mg.relu(x - w) + mg.take([w, x, b], 1),
        "far": mg.erfc(left) + mg.gelu(large) * 0.0 + mg.ndtr(large) + mg.log_ndtr(large),
        "own": own_operations(w, x),
        "names": mg.Value(1.0, name="</script><b>" + "y" * 50) * mg.Value(2.0, name="a\nb").sin(),
    }
    for name, row in TABLE.items():
        if row.arity and not row.boolean and not row.conditions and _has_program(row):
            numbers = (1.25, 0.4, 0.9) if name == "acosh" else (0.7, 0.4, 0.9)
            values = [mg.Value(v, name=c) for v, c in zip(numbers, "xyz")][: row.arity]
            made[f"op {name}"] = 0.5 * row(*values)
    return made


def own_operations(x: mg.Value, y: mg.Value) -> mg.Value:
    """A user's: of any name, with any names of operands, and defined again."""

    def scaled(by: float) -> Any:
        return mg.op(derivative=lambda g, z, x: by * g, name="scaled")(lambda x: by * x)

    @mg.op(derivative=lambda g, z, a: 2 * g * a, name="constructor")
    def square(z):
        return z * z

    @mg.op(derivative=lambda z, g, a: 3 * z * a * a, name="tan:1")
    def cube(g):
        return g * g * g

    return scaled(2.0)(x) * scaled(5.0)(y) + square(x) * cube(y)


def _has_program(row: Op) -> bool:
    """Whether the page can evaluate it: an operation of the package that needs no loop."""
    return row.library and Table([(row, row.arity or 0)]).complete


def graph(value: mg.Value) -> dict[str, Any]:
    for x in numbered(value).leaves:  # some graphs share leaves
        x.grad = 0.0
    value.backward()
    known = numbered(value)
    head, numbers = contents(known, {}, "")
    for x in known.leaves:
        x.grad = 0.0
    steps: list[Step] = [*mg.backward_steps(value)]
    return {
        "head": head,
        "numbers": base64.b64encode(gzip.compress(numbers, mtime=0)).decode(),
        "forward": [forward(v, known.names[v], known.names) for v in known.computed],
        "backward": [step.lines for step in steps],
    }


def places() -> list[dict[str, Any]]:
    draw, made = random.Random(0), []
    for n in (1, 2, 5, 12, 30):
        sizes = [(draw.randrange(40, 140), draw.randrange(20, 80)) for _ in range(n)]
        ends = [draw.randrange(1, n) for _ in range(2 * n)] if n > 1 else []
        arrows = [(draw.randrange(end), end) for end in ends]
        placed = layout(sizes, arrows, (40, 10))
        made.append(
            {
                "sizes": sizes, "arrows": arrows, "boxes": placed.boxes, "points": placed.arrows,
                "size": (placed.width, placed.height),
            }
        )  # fmt: skip
    return made


def dot_in_order() -> mg.Value:
    """Its gradient is 0; if the weights were passed theirs before the inputs, it would be 1."""
    x = mg.Value(1.0)
    return mg.dot([x, 1.0, x], [1e16, x, -1e16])


def fixtures() -> dict[str, Any]:
    return {
        "graphs": {name: graph(value) for name, value in programs().items()},
        "order": graph(dot_in_order()),
        "places": places(),
        "shown": [[repr(x), shown(x), shown(x, 3)] for x in NUMBERS],
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(fixtures(), ensure_ascii=False) + "\n", encoding="utf-8")
