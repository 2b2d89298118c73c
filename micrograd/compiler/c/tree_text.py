"""Branches in C: a function of the numbers of one example, which returns at the end of its path.

Of two answers, the one with fewer paths below it is a block, and the code of the other follows: so
blocks are nested in one another at most as often as paths can be halved.
"""

from collections import Counter

from micrograd.compiler.c.expression import Expression, Printer
from micrograd.compiler.program.branching import Fork, Ref, Tree


class TreeText:
    """The text of a function `name(x, r)`: the leaves in x, the results in r."""

    def __init__(self, tree: Tree, printer: Printer, name: str):
        self.tree, self.printer, self.name = tree, printer, name
        self.lines: list[str] = []
        self.known: dict[int, Expression] = {}
        self.made: list[int] = []  # the keys of `known`, in order
        self.paths = [1] * len(tree.places)  # below each place
        used = [ref for _, refs in tree.nodes for ref in refs]
        for k, place in reversed([*enumerate(tree.places)]):
            if isinstance(place, Fork):
                self.paths[k] = self.paths[place.yes] + self.paths[place.no]
                used.append(place.condition)
            else:
                used += place
        self.uses = Counter(used)

    def text(self) -> str:
        self._place(0, 1)
        number = self.printer.number
        head = f"static void {self.name}(const {number} *x, {number} *r)"
        body = "\n".join(self.lines)
        unused = "    (void)x;\n" if "x[" not in body else ""
        return f"{head}\n{{\n{unused}{body}\n}}"

    def _place(self, place: int, depth: int) -> None:
        content = self.tree.places[place]
        while isinstance(content, Fork):
            block, rest = content.yes, content.no
            condition = self._condition(content.condition, depth)
            if self.paths[block] > self.paths[rest]:
                block, rest = rest, block
                condition = f"!({condition})"
            self._line(depth, f"if ({condition}) {{")
            before = len(self.made)
            self._place(block, depth + 1)
            while len(self.made) > before:
                del self.known[self.made.pop()]
            self._line(depth, "}")
            content = self.tree.places[rest]
        for j, x in enumerate(content):
            self._line(depth, f"r[{j}] = {self.printer.text(self._number(x, depth))};")
        if depth > 1:
            self._line(depth, "return;")

    def _condition(self, number: int, depth: int) -> str:
        """A condition that is used once needs no name."""
        if self.uses[number] > 1 or number in self.known:
            return self.printer.text(self._number(number, depth))
        op, refs = self.tree.nodes[number - self.tree.leaves]
        return self.printer.text(Expression(op, [self._number(x, depth) for x in refs]))

    def _number(self, x: Ref, depth: int) -> Expression | float:
        """The name of a node, which is declared if it is new."""
        if isinstance(x, float):
            return x
        for number in self.tree.order([x], self.known):
            if number < self.tree.leaves:
                self.known[number] = Expression.named(f"x[{number}]")
            else:
                op, refs = self.tree.nodes[number - self.tree.leaves]
                operands = [y if isinstance(y, float) else self.known[y] for y in refs]
                text, kind = self._expression(op, operands)
                self._line(depth, f"const {kind} n{number} = {text};")
                self.known[number] = Expression.named(f"n{number}", op.boolean)
            self.made.append(number)
        return self.known[x]

    def _expression(self, op: object, operands: list[Expression | float]) -> tuple[str, str]:
        expression = Expression(op, operands)  # type: ignore[arg-type]
        kind = "int" if expression.boolean else self.printer.number
        return self.printer.text(expression), kind

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)
