"""The lines of a C function: blocks, loops, and sums of loop indices."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

from micrograd.compiler.c.expression import Printer


class Lines:
    """Statements, indented by the blocks that are open."""

    def __init__(self, printer: Printer, many: bool):
        self.printer, self.many = printer, many  # whether there are lanes
        self.number = printer.number
        self.text: list[str] = []
        self.depth = 1

    def line(self, text: str) -> None:
        self.text.append("    " * self.depth + text)

    @contextmanager
    def block(self, head: str = "") -> Iterator[None]:
        self.line(f"{head} {{".lstrip())
        self.depth += 1
        yield
        self.depth -= 1
        self.line("}")

    @contextmanager
    def axes(self, extents: tuple[int, ...], letters: str = "ijklpqrs") -> Iterator[list[str]]:
        """Loops around the block, none for an extent of 1; yields the loop indices."""
        with ExitStack() as loops:
            for i, n in zip(letters, extents):
                if n > 1:
                    loops.enter_context(self.block(f"for (int {i} = 0; {i} < {n}; {i}++)"))
            yield [i if n > 1 else "0" for i, n in zip(letters, extents)]

    def lanes(self, varying: bool = True) -> AbstractContextManager[None]:
        """The loop over the examples of a row."""
        in_lanes = varying and self.many
        return self.block("for (int e = 0; e < lanes; e++)") if in_lanes else nullcontext()


def index(indices: list[str], strides: tuple[int, ...], base: int = 0) -> str:
    """The sum of loop indices times strides, and a base.

    >>> index(["i", "t"], (16, -1), 9)
    '16 * i + 9 - t'
    >>> index(["i", "2"], (0, 5))
    '10'
    """
    base += sum(int(i) * stride for i, stride in zip(indices, strides) if i.isdigit())
    terms = [(stride, i) for i, stride in zip(indices, strides) if stride and not i.isdigit()]
    plus, minus = [], []
    for stride, i in terms:
        i = f"({i})" if " " in i and abs(stride) > 1 else i
        (plus if stride > 0 else minus).append(i if abs(stride) == 1 else f"{abs(stride)} * {i}")
    plus += [str(base)] * bool(base or not plus)
    return " - ".join([" + ".join(plus), *minus])


def array(declaration: str, numbers: list[str]) -> str:
    """An array with its numbers, 16 a line."""
    lines = [", ".join(numbers[k : k + 16]) for k in range(0, len(numbers), 16)]
    return f"{declaration}[{len(numbers)}] = {{\n    " + ",\n    ".join(lines) + "\n};"
