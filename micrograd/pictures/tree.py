"""A graph as a tree of text, for a terminal. A value that is read twice is shown once in full."""

from collections.abc import Iterator

from micrograd.engine import Value
from micrograd.working import Names, heading, local_derivatives, numbered, shown

MOST = 200  # lines


def tree(root: Value) -> str:
    """The graph below `root`, each value above its operands, with the local derivatives.

    >>> x = Value(2.0, name="x")
    >>> y = x.exp()
    >>> print(tree(y * y))
    L = · : 54.5982, ∂ 0.0
    ├─ n1 = exp : 7.3891, ∂ 0.0   × 7.3891
    │  └─ x : 2.0, ∂ 0.0   × 7.3891
    └─ n1 = exp : 7.3891, ∂ 0.0, as above   × 7.3891
    """
    graph = numbered(root)
    lines: list[str] = []
    for line in _lines(root, graph.names):
        if len(lines) == MOST:
            total = f"{len(graph.leaves) + len(graph.computed):,}"
            lines.append(f"… the graph has {total} values; save a picture to see all")
            break
        lines.append(line)
    return "\n".join(lines)


def _lines(root: Value, names: Names) -> Iterator[str]:
    stack: list[tuple[Value | float, str, str, str]] = [(root, "", "", "")]
    seen: set[Value] = set()
    while stack:
        x, before, below, slope = stack.pop()
        if not isinstance(x, Value):
            yield f"{before}{shown(x)}"
            continue
        again = x in seen and x.op is not None
        yield before + _text(x, names) + ", as above" * again + slope
        if again:
            continue
        seen.add(x)
        branches = [
            (operand, f"{below}├─ ", f"{below}│  ", f"   × {shown(slope)}")
            for operand, slope in zip(x.operands, local_derivatives(x))
        ]
        if branches:
            operand, _, _, slope = branches[-1]
            branches[-1] = (operand, f"{below}└─ ", f"{below}   ", slope)
        stack += reversed(branches)


def _text(x: Value, names: Names) -> str:
    return f"{heading(x, names)} : {shown(x.data)}, ∂ {shown(x.grad)}"
