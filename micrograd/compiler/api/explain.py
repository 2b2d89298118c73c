"""Explain: what the scalars of a program were and became, in terms of the user's program.

Each instruction is a line, with its cost. Flops count additions, multiplications and every other
operation of the table as one each; bytes count each number that it reads or writes once. "share" is
the weight of an example in the result: 1/n for a mean.
"""

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.compiler.api.argument_names import argument_names
from micrograd.compiler.program.ir import (
    Block,
    Branches,
    Computation,
    Gather,
    Loop,
    Map,
    Product,
    Program,
    Sum,
    computations,
    is_subtracted,
)
from micrograd.compiler.schedule.plan import Plan
from micrograd.engine import Value
from micrograd.structure import Structure

_WORDS = {
    ops.add: "sum", ops.sub: "difference", ops.mul: "product", ops.div: "quotient",
    ops.logical_and: "conjunction", ops.logical_or: "disjunction",
}  # fmt: skip


def page(
    plan: Plan,
    parameters: tuple[Value, ...],
    function: Callable[..., Any],
    structure: Structure,
    number_bytes: int,
) -> "Page":
    """The page for a function of arguments in `structure`, which captures `parameters`."""
    arguments = argument_names(function, structure)
    title = f"{getattr(function, '__name__', 'function')}({', '.join(arguments)})"
    names = [parameter.name or "" for parameter in parameters]
    return Page(plan, title, arguments, names, number_bytes)


class Page:
    """The report on each instruction of a plan, in the names of the user's program."""

    def __init__(
        self, plan: Plan, title: str, arguments: list[str], parameters: list[str], number_bytes: int
    ):
        self.plan, self.program, self.title = plan, plan.program, title
        self.arguments, self.parameters, self.number_bytes = arguments, parameters, number_bytes
        loops = [i for i in self.program.instructions if isinstance(i, Loop)]
        self.trips = {i: loop.trips for loop in loops for i in loop.computations}

    def text(self) -> str:
        value = _ancestors(self.program)
        lines = [self.head()]
        for title, forward in (("forward", True), ("backward", False)):
            for when, varying in (("once", False), ("for each example", True)):
                lines += self._part(
                    f"{title}, {when}",
                    [i for i in self.program.computations
                     if (i.out in value) == forward and _is_per_example(i) == varying],
                )  # fmt: skip
        return "\n".join([*lines, "", *self._totals()])

    def head(self) -> str:
        instructions = self.program.computations
        scalars = _count(sum(map(self._flops, instructions)), "operation") + " on scalars"
        blocks = _count(len({i.out for i in instructions}), "block")
        return f"{self.title}: {scalars} became {blocks}"

    def _part(self, title: str, instructions: list[Computation]) -> list[str]:
        if not instructions:
            return []
        rows = [(i, i.out.name, *self._in_words(i)) for i in instructions]
        name, was = (max(len(row[k]) for row in rows) for k in (1, 2))
        return ["", f"{'flops':>9} {'bytes':>9}  {title}"] + [
            f"{self._flops(i):9,} {self._bytes(i):9,}  {a:{name}} = {b:{was}} → {c}"
            for i, a, b, c in rows
        ]

    def _totals(self) -> Iterator[str]:
        plan, instructions = self.plan, self.program.computations
        for when, varying in (("for each example", True), ("once", False)):
            some = [i for i in instructions if _is_per_example(i) == varying]
            if some:
                work, read = (sum(map(count, some)) for count in (self._flops, self._bytes))
                yield f"{work:9,} {read:9,}  in all, {when}"
        rows = f"{_count(plan.rows, 'number')} of {_count(plan.lanes, 'example')}"
        yield f"{'':9} {plan.rows * plan.lanes * self.number_bytes:9,}  hold {rows} at once"
        if plan.uniform:
            shared = f"{_count(plan.uniform, 'number')} that all examples share"
            yield f"{'':9} {plan.uniform * self.number_bytes:9,}  hold {shared}"

    def _flops(self, instruction: Computation) -> int:
        return flops(instruction) * self.trips.get(instruction, 1)

    def _bytes(self, instruction: Computation) -> int:
        """The bytes read and written, each number counted once."""
        read: dict[Block, set[int]] = {}
        for gather in instruction.gathers():
            if gather.block is not self.program.constants:
                read.setdefault(gather.block, set()).update(np.unique(gather.index).tolist())
        return self.number_bytes * (len(instruction) + sum(map(len, read.values())))

    def _in_words(self, instruction: Computation) -> tuple[str, str]:
        was, became = self.was_and_became(instruction)
        trips = self.trips.get(instruction)
        return was, became if trips is None else f"{became}, {trips:,} times"

    # A line for each instruction: what it was in scalars, and what it became.

    def was_and_became(self, instruction: Computation) -> tuple[str, str]:
        if isinstance(instruction, Sum):
            return self._was(instruction), self._sum(instruction)
        if isinstance(instruction, Branches):
            tree = instruction.tree
            return f"{tree}", f"one path, of {len(tree.nodes):,} operations in all"
        op, n = instruction.op, len(instruction)
        operands = self._operands(instruction)
        if op is ops.neg:
            return f"{n:,} neg", f"-{operands[0]}"
        if not (op.symbol and len(operands) == 2):
            return f"{n:,} {op.name}", f"{op.name}({', '.join(operands)})"
        symbol = "·" if op is ops.mul else op.symbol
        word = _WORDS.get(op, "comparison" if op.boolean else "power")
        return _count(n, word), f"{operands[0]} {symbol} {operands[1]}"

    def _operands(self, instruction: Map) -> list[str]:
        """The names of the operands; more than two neighbours from one block share a name."""
        names = []
        for block, some in groupby(instruction.operands, key=lambda g: g.block):
            gathers = [*some]
            if len(gathers) > 2 and block is not self.program.constants:
                names.append(self._name(Gather(block, np.concatenate([g.index for g in gathers]))))
            else:
                names += map(self._name, gathers)
        return names

    def _was(self, instruction: Sum) -> str:
        """The sum in terms of scalars."""
        n = len(instruction)
        dots, rest = (
            sum(p[0].index.shape[1] for p in instruction.products if (len(p) > 1) == several)
            for several in (True, False)
        )
        if instruction.over_examples:
            return _count(n, "sum") + " over all examples"
        if not instruction.combine.linear:
            return f"the {instruction.combine.name} of {rest}" + f", {n:,} times" * (n > 1)
        if dots > 1:
            added = [p[0].block for p in instruction.products if len(p) == 1]
            bias = "a bias" if added == [self.program.parameters] else f"{rest:,} more"
            return f"{_count(n, 'dot')} of {dots:,}" + f" and {bias}" * (rest > 0)
        return f"{_count(n, 'sum')} of {dots + rest:,}" if dots + rest > 1 else _count(n, "product")

    def _sum(self, instruction: Sum) -> str:
        if not instruction.products:
            return "0"
        if not instruction.combine.linear:
            return f"the {instruction.combine.name} of {self._name(instruction.products[0][0])}"
        products = sorted(instruction.products, key=lambda product: -min(len(product), 2))
        text = " + ".join(map(self._product, products))
        return text.replace(" + - ", " - ")

    def _product(self, product: Product) -> str:
        if is_subtracted(self.program, product):
            return f"- {self._product(product[1:])}"
        if len(product) == 1:
            name = self._name(product[0])
            return name + _added(*product[0].index.shape)
        left, right = product
        x, y = self._name(left), self._name(right)
        if left.block is right.block and (left.index == right.index).all():
            return f"squares of {x}" + _added(*left.index.shape)
        kind, shape, other_shape = factored(left, right)
        return f"{kind}{x}{shape} · {y}{other_shape}"

    # Names.

    def _name(self, gather: Gather) -> str:
        """The user's name for what a gather reads."""
        block, places = gather.block, np.unique(gather.index)
        if block is self.program.constants:
            values = {self.program.constant_values[k] for k in places.tolist()}
            return f"{values.pop():.6g}" if len(values) == 1 else f"{len(values)} constants"
        if block is self.program.parameters:
            return self._parameters(places.tolist())
        if block is self.program.seed:
            return "share"
        name = block.name
        if block in self.program.inputs:
            name = self.arguments[self.program.inputs.index(block)]
        if len(places) == block.size:
            return name
        if len(places) == 1:
            return f"{name}[{places[0]}]"
        return f"{len(places):,} of {name}"

    def _parameters(self, places: list[int]) -> str:
        names = [self.parameters[k] for k in places]
        if len(names) == 1 or not all(names):
            return names[0] or f"{_count(len(names), 'parameter')}"
        arrays = list(dict.fromkeys(re.sub(r"\[.*", "", name) for name in names))
        if len(arrays) > 2:
            return f"{_count(len(names), 'parameter')}"
        return " and ".join(arrays)


def factored(left: Gather, right: Gather) -> tuple[str, str, str]:
    """The kind of product that two gathers form, and the shape of each factor.

    If every row of one is combined with every row of the other, it is a matrix product.

    >>> a, b = Block("a", 6, True), Block("b", 3, True)
    >>> rows = np.arange(6).reshape(2, 3)
    >>> factored(Gather(a, rows), Gather(b, np.array([[0, 1, 2]] * 2)))
    ('matrix · vector: ', ' (2 × 3)', ' (3)')
    """
    members, terms = left.index.shape
    rows, columns = (len(np.unique(g.index, axis=0)) for g in (left, right))
    if rows * columns != members:  # some combinations may be duplicates
        members = len(np.unique(np.hstack([left.index, right.index]), axis=0))
    groups, rest = divmod(rows * columns, members)
    if rest or rows % groups or columns % groups:
        return "dots by tables: " if terms > 1 else "", "", ""
    rows, columns = rows // groups, columns // groups
    times = f"{groups:,} × " if groups > 1 else ""
    if terms == 1:
        if rows > 1 and columns > 1:
            return f"{times}outer product: ", f" ({rows:,})", f" ({columns:,})"
        return "", "", ""
    if rows == columns == 1:
        return f"{times}dot product: ", f" ({terms:,})", f" ({terms:,})"
    kind = "matrix product" if rows > 1 and columns > 1 else "matrix · vector"
    kind = "vector · matrix" if rows == 1 else kind
    return f"{times}{kind}: ", _shape(rows, terms), _shape(terms, columns)


def _added(members: int, terms: int) -> str:
    return "" if terms == 1 else f", {terms:,} a sum" if members > 1 else ", added up"


def _shape(*sizes: int) -> str:
    return f" ({' × '.join(f'{n:,}' for n in sizes if n > 1)})"


def flops(instruction: Computation) -> int:
    """Additions and multiplications; any other operation counts as one."""
    if isinstance(instruction, Map):
        return len(instruction)
    if isinstance(instruction, Branches):
        return len(instruction.tree.nodes)
    terms = [(p[0].index.shape[1], len(p)) for p in instruction.products]
    adds = sum(n for n, _ in terms) - (not instruction.over_examples)
    times = sum(n for n, factors in terms if factors > 1)  # -1 costs nothing
    return len(instruction) * (max(adds, 0) + times)


def _is_per_example(instruction: Computation) -> bool:
    return instruction.out.varying or (isinstance(instruction, Sum) and instruction.over_examples)


def _ancestors(program: Program) -> set[Block]:
    """The blocks from which the value is computed: the forward part."""
    blocks = {gather.block for gather in program.outputs["value"]}
    for instruction in reversed(program.instructions):
        computed = computations([instruction])
        if any(i.out in blocks for i in computed):  # a loop as a whole
            blocks.update(gather.block for gather in instruction.gathers())
            blocks.update(i.out for i in computations([instruction]))
    return blocks


def _count(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'s' * (n != 1)}"
