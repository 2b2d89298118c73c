"""Roll: a graph of scalars becomes a program of blocks.

First, sums are flattened: an addition that is used once joins its user, a product that is used once
becomes a term. Then every node gets a colour, bottom-up: the kind of a leaf, or the operation and the
colours of its operands. How many terms a sum has is not part of its colour. The nodes of one colour
become one block.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.compiler.program import Block, Gather, Index, Instruction, Map, Program, Sum
from micrograd.compiler.trace import Symbol, Trace
from micrograd.ops import Op

Node = Symbol | float


@dataclass(slots=True)
class Terms:
    """A flattened sum: products left[k] * right[k], and single terms."""

    left: list[Node] = field(default_factory=list)
    right: list[Node] = field(default_factory=list)
    single: list[Node] = field(default_factory=list)

    def join(self, other: "Terms") -> None:
        self.left += other.left
        self.right += other.right
        self.single += other.single


@dataclass(slots=True)
class Kind:
    """What the nodes of one colour have in common, and those nodes."""

    op: Op | None  # None: a sum
    groups: tuple[Any, ...] = ()  # of a sum: the colours of the factors of its products
    nodes: list[Symbol] = field(default_factory=list)


def roll(trace: Trace) -> Program:
    """The program that computes the outputs of `trace`, under the name "value"."""
    return _Roller(trace).program


class _Roller:
    def __init__(self, trace: Trace):
        self.order = trace.computed()
        self.program = Program(
            inputs=[
                Block(f"x{k}", len(leaf), True, "input") for k, leaf in enumerate(trace.inputs)
            ],
            parameters=Block("w", len(trace.parameters), False, "parameters"),
            constants=Block("c", 0, False, "constants"),
            seed=Block("seed", 1, True, "seed"),
        )
        self.colours: dict[Any, int] = {
            "constant": 0,
            "parameter": 1,
        }  # of each kind, by its description
        self.kinds: dict[int, Kind] = {}
        self.colour: dict[Symbol, int] = {}
        self.block: dict[int, Block] = {0: self.program.constants, 1: self.program.parameters}
        self.place: dict[Symbol, int] = {}
        self._leaves(trace)
        self.terms: dict[Symbol, Terms] = {}
        self.maps: dict[Symbol, tuple[Op, tuple[Node, ...]]] = {}
        self.outputs = trace.outputs
        self._flatten(Counter())
        self._colour()
        for colour, kind in self.kinds.items():
            self._emit(colour, kind)
        self.program.outputs["value"] = self._output(self.outputs)

    def _leaves(self, trace: Trace) -> None:
        for place, symbol in enumerate(trace.parameters.values()):
            self.colour[symbol], self.place[symbol] = 1, place
        for argument, symbols in enumerate(trace.inputs):
            colour = self.colours[argument] = len(self.colours)
            self.block[colour] = self.program.inputs[argument]
            for place, symbol in enumerate(symbols):
                self.colour[symbol], self.place[symbol] = colour, place

    # Flatten: which nodes are sums, and of what.

    def _flatten(self, uses: Counter[Symbol]) -> None:
        same: dict[Node, Node] = {}  # what a node is another name of
        rows = []
        for node in self.order:
            op, operands = _simplified(node)
            operands = tuple([same.get(x, x) for x in operands]) if same else operands
            if op is ops.identity:
                same[node] = operands[0]
            else:
                rows.append((node, op, operands))
                uses.update([x for x in operands if x.__class__ is Symbol])
        self.outputs = [same.get(x, x) for x in self.outputs]
        uses.update([x for x in self.outputs if x.__class__ is Symbol])
        for node, op, operands in rows:
            if op in (ops.add, ops.sub, ops.sum, ops.dot):
                self.terms[node] = self._sum(op, operands, uses)
            else:
                self.maps[node] = op, operands

    def _sum(self, op: Op, operands: tuple[Node, ...], uses: Counter[Symbol]) -> Terms:
        first = operands[0] if op in (ops.add, ops.sub, ops.sum) else None
        if (
            first in self.terms and uses[first] == 1
        ):  # a left spine grows in place: linear, not quadratic
            terms, operands = self.terms.pop(first), operands[1:]
        else:
            terms, operands = Terms(), operands
            if op is ops.sub:
                self._term(terms, operands[0], uses)
                operands = operands[1:]
        if op is ops.dot:
            n = len(operands) // 2
            terms.left += operands[:n]
            terms.right += operands[n:-1]
            operands = operands[-1:]
        elif op is ops.sub:
            terms.left.append(-1.0)
            terms.right.append(operands[0])
            return terms
        for x in operands:
            self._term(terms, x, uses)
        return terms

    def _term(self, terms: Terms, x: Node, uses: Counter[Symbol]) -> None:
        if x.__class__ is float:
            if x != 0:
                terms.single.append(x)
        elif uses[x] == 1 and x in self.terms:
            terms.join(self.terms.pop(x))
        elif uses[x] == 1 and x in self.maps and self.maps[x][0] is ops.mul:
            left, right = self.maps.pop(x)[1]
            terms.left.append(left)
            terms.right.append(right)
        else:
            terms.single.append(x)

    # Colour: which nodes are alike.

    def _colour(self) -> None:
        for node in self.order:
            if node in self.maps:
                op, operands = self.maps[node]
                key: Any = (op.name, *[self._colour_of(x) for x in operands])
                if op is ops.pow and isinstance(operands[1], float):
                    key = (*key, operands[1])  # the machine has short ways for some exponents
                self._add(node, key, op, ())
            elif node in self.terms:
                groups = self._groups(self.terms[node])
                self._add(node, groups, None, groups)

    def _colour_of(self, x: Node) -> int:
        return 0 if x.__class__ is float else self.colour[x]  # type: ignore[index]

    def _groups(self, terms: Terms) -> tuple[Any, ...]:
        """The distinct colours of a sum's terms, sorted; products with the lower colour at the left."""
        colour = self._colour_of
        pairs = list(zip(map(colour, terms.left), map(colour, terms.right)))
        distinct = set(pairs)
        if any(a > b for a, b in distinct):
            for k, (a, b) in enumerate(pairs):
                if a > b:
                    terms.left[k], terms.right[k] = terms.right[k], terms.left[k]
            distinct = {(min(pair), max(pair)) for pair in distinct}
        return (*sorted(distinct), *sorted({(colour(x),) for x in terms.single}))

    def _add(self, node: Symbol, key: Any, op: Op | None, groups: tuple[Any, ...]) -> None:
        colour = self.colours.setdefault(key, len(self.colours))
        self.colour[node] = colour
        if colour not in self.kinds:
            self.kinds[colour] = Kind(op, groups)
        self.kinds[colour].nodes.append(node)

    # Emit: a block for each colour, an instruction for each run of its members.

    def _emit(self, colour: int, kind: Kind) -> None:
        runs = [kind.nodes] if kind.op else self._runs(kind)
        first = kind.nodes[0]
        operands = self.maps[first][1] if kind.op else [x for group in kind.groups for x in group]
        varying = any(self._block_of(x).varying for x in operands)
        boolean = kind.op is not None and kind.op.boolean
        out = self.block[colour] = self.program.new_block(len(kind.nodes), varying, boolean)
        start = 0
        for nodes in runs:
            for place, node in enumerate(nodes, start):
                self.place[node] = place
            self.program.instructions.append(self._instruction(kind, out, start, nodes))
            start += len(nodes)

    def _block_of(self, x: Any) -> Block:
        return self.block[x if x.__class__ is int else self._colour_of(x)]

    def _runs(self, kind: Kind) -> list[list[Symbol]]:
        """The members of a block of sums, those with equally many terms of each group together."""
        runs: dict[Any, list[Symbol]] = {}
        for node in kind.nodes:
            runs.setdefault(self._lengths(node, kind.groups), []).append(node)
        return [runs[lengths] for lengths in sorted(runs)]

    def _lengths(self, node: Symbol, groups: tuple[Any, ...]) -> tuple[int, ...]:
        terms = self.terms[node]
        pairs = sum(len(group) == 2 for group in groups)
        if pairs <= 1 and len(groups) - pairs <= 1:
            return len(terms.left), len(terms.single)
        count = Counter(zip(map(self._colour_of, terms.left), map(self._colour_of, terms.right)))
        count.update((self._colour_of(x),) for x in terms.single)
        return tuple([count[group] for group in groups])

    def _instruction(self, kind: Kind, out: Block, start: int, nodes: list[Symbol]) -> Instruction:
        if kind.op is not None:
            columns = zip(*[self.maps[node][1] for node in nodes])
            return Map(out, start, kind.op, [self._gather(column) for column in columns])
        products = [self._product(group, kind.groups, nodes) for group in kind.groups]
        return Sum(out, start, products, members=len(nodes))

    def _product(self, group: tuple[int, ...], groups: tuple[Any, ...], nodes: list[Symbol]) -> Any:
        """The gathers of all terms of one group, in the shape (members, terms)."""
        alone = sum(len(other) == len(group) for other in groups) == 1
        sides: list[list[Node]] = [[] for _ in group]
        for node in nodes:
            terms = self.terms[node]
            columns = (terms.left, terms.right) if len(group) == 2 else (terms.single,)
            if alone:
                for side, column in zip(sides, columns):
                    side += column
            else:
                for factors in zip(*columns):
                    if tuple(map(self._colour_of, factors)) == group:
                        for side, x in zip(sides, factors):
                            side.append(x)
        shape = len(nodes), len(sides[0]) // len(nodes)
        return tuple(
            Gather(self.block[colour], self._places(side).reshape(shape))
            for colour, side in zip(group, sides)
        )

    def _gather(self, nodes: Any) -> Gather:
        return Gather(self._block_of(nodes[0]), self._places(nodes))

    def _places(self, nodes: Any) -> Index:
        place, constant = self.place, self.program.constant
        return np.array(
            [constant(x) if x.__class__ is float else place[x] for x in nodes], dtype=np.int64
        )

    def _output(self, outputs: list[Node]) -> list[Gather]:
        """The outputs, neighbours of one block together."""
        gathers: list[Gather] = []
        start = 0
        for stop in range(1, len(outputs) + 1):
            last = stop == len(outputs)
            if last or self._block_of(outputs[stop]) is not self._block_of(outputs[start]):
                gathers.append(self._gather(outputs[start:stop]))
                start = stop
        return gathers


def _simplified(node: Symbol) -> tuple[Op, tuple[Node, ...]]:
    """The operation of `node`, powers with small exponents as products."""
    assert node.op is not None
    if node.op is ops.pow and node.operands[1] == 2.0:
        return ops.mul, (node.operands[0], node.operands[0])
    if node.op is ops.pow and node.operands[1] == -1.0:
        return ops.div, (1.0, node.operands[0])
    return node.op, node.operands
