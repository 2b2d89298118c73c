"""Roll: a graph of scalars becomes a program of blocks.

First, sums are flattened: an addition that is used once joins its user, a product that is used once
becomes a term. Then every node gets a colour, bottom-up: the kind of a leaf, or the operation and
the colours of its operands. How many terms a sum has is not part of its colour. The nodes of one
colour become one block.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.compiler.program import Block, Gather, Index, Instruction, Map, Product, Program, Sum
from micrograd.compiler.trace import Symbol, Trace
from micrograd.ops import Op

Node = Any  # a Symbol or a float, told apart by its class: here time is spent
Colours = tuple[int, ...]  # of the factors of a term

# Where the factors of a term are: by how many they are, with the -1 of what is taken off.
_COLUMNS = {1: ("single",), 2: ("left", "right"), 3: ("less_left", "less_right")}

CONSTANT, PARAMETER = 0, 1  # the colours of leaves; those of the inputs follow


@dataclass(slots=True)
class Terms:
    """A flattened sum: products left[k] * right[k], others that are taken off, single terms."""

    left: list[Node] = field(default_factory=list)
    right: list[Node] = field(default_factory=list)
    less_left: list[Node] = field(default_factory=list)
    less_right: list[Node] = field(default_factory=list)
    single: list[Node] = field(default_factory=list)
    combine: Op = ops.add  # or maximum: the largest of single terms
    runs: list[tuple[Colours, int]] = field(default_factory=list)  # terms of one colour, how many

    def join(self, other: "Terms") -> None:
        self.left += other.left
        self.right += other.right
        self.less_left += other.less_left
        self.less_right += other.less_right
        self.single += other.single


@dataclass(slots=True)
class Kind:
    """What the nodes of one colour have in common, and those nodes."""

    op: Op | None  # None: a sum
    groups: tuple[Colours, ...] = ()  # of a sum: the colours of its runs of terms
    combine: Op = ops.add
    nodes: list[Symbol] = field(default_factory=list)


def roll(
    trace: Trace, outputs: dict[str, list[Node]] | None = None, exact: bool = False
) -> Program:
    """The program that computes `outputs`, nodes of `trace`: by default its own, named "value".

    `exact` keeps every operation and its order: sums are not flattened, only those that were
    written as one are summed in one.
    """
    return _Roller(trace, outputs or {"value": trace.outputs}, exact).program


class _Roller:
    def __init__(self, trace: Trace, outputs: dict[str, list[Node]], exact: bool):
        self.exact = exact
        self.program = Program(
            inputs=[Block(f"x{k}", len(x), True, "input") for k, x in enumerate(trace.inputs)],
            parameters=Block("w", len(trace.parameters), False, "parameters"),
            constants=Block("c", 0, False, "constants"),
            seed=Block("seed", 1, True, "seed"),
        )
        self.colour: dict[Symbol, int] = {}  # of each node
        self.place: dict[Symbol, int] = {}  # of each node in the block of its colour
        self.block = {CONSTANT: self.program.constants, PARAMETER: self.program.parameters}
        for place, symbol in enumerate(trace.parameters.values()):
            self.colour[symbol], self.place[symbol] = PARAMETER, place
        for colour, (block, symbols) in enumerate(
            zip(self.program.inputs, trace.inputs), start=PARAMETER + 1
        ):
            self.block[colour] = block
            for place, symbol in enumerate(symbols):
                self.colour[symbol], self.place[symbol] = colour, place
        self.terms: dict[Symbol, Terms] = {}
        self.maps: dict[Symbol, tuple[Op, tuple[Node, ...]]] = {}
        self.kinds: dict[int, Kind] = {}
        outputs = self._flatten(trace.computed(*outputs.values()), outputs)
        self._colour()
        for colour, kind in self.kinds.items():
            self._emit(colour, kind)
        for name, nodes in outputs.items():
            self.program.outputs[name] = self._output(nodes)

    # Flatten: which nodes are sums, and of what.

    def _flatten(
        self, order: list[Symbol], outputs: dict[str, list[Node]]
    ) -> dict[str, list[Node]]:
        same: dict[Symbol, Node] = {}  # what a node is another name of
        rows: list[tuple[Symbol, Op, tuple[Node, ...]]] = []
        for node in order:
            op, operands = _as_written(node) if self.exact else _simplified(node)
            if same:
                operands = tuple([same.get(x, x) if x.__class__ is Symbol else x for x in operands])
            if op is ops.identity:
                same[node] = operands[0]
            else:
                rows.append((node, op, operands))
        outputs = {
            name: [same.get(x, x) if isinstance(x, Symbol) else x for x in nodes]
            for name, nodes in outputs.items()
        }
        uses = Counter(x for nodes in outputs.values() for x in nodes if isinstance(x, Symbol))
        for _, _, operands in rows:
            uses.update([x for x in operands if x.__class__ is Symbol])
        sums = {ops.sum, ops.dot} if self.exact else {ops.sum, ops.dot, ops.add, ops.sub}
        for node, op, operands in rows:
            if op is ops.stop_gradient and not self.exact:
                self.terms[node] = Terms(
                    single=self._maxima(operands[0], uses), combine=ops.maximum
                )
            elif op in sums:
                self.terms[node] = self._sum(op, operands, uses)
            else:
                self.maps[node] = op, operands
        return outputs

    def _sum(self, op: Op, operands: tuple[Node, ...], uses: Counter[Symbol]) -> Terms:
        if op is ops.dot:
            n = len(operands) // 2
            terms = Terms([*operands[:n]], [*operands[n:-1]])
            self._add(terms, operands[-1], uses)
            return terms
        first: Node = operands[0] if operands else 0.0
        if self._is_sum(first, uses):
            terms = self.terms.pop(first)  # a long chain grows in place: linear, not quadratic
        else:
            terms = Terms()
            self._add(terms, first, uses)
        for x in operands[1:]:
            if op is ops.sub:
                self._subtract(terms, x, uses)
            else:
                self._add(terms, x, uses)
        return terms

    def _add(self, terms: Terms, x: Node, uses: Counter[Symbol]) -> None:
        if self._is_sum(x, uses):
            terms.join(self.terms.pop(x))
        elif self._is_product(x, uses):
            left, right = self.maps.pop(x)[1]
            terms.left.append(left)
            terms.right.append(right)
        elif x.__class__ is Symbol or x != 0 or self.exact:
            terms.single.append(x)

    def _subtract(self, terms: Terms, x: Node, uses: Counter[Symbol]) -> None:
        if self._is_product(x, uses):
            left, right = self.maps.pop(x)[1]
            terms.less_left.append(left)
            terms.less_right.append(right)
        else:
            terms.left.append(-1.0)
            terms.right.append(x)

    def _is_product(self, x: Node, uses: Counter[Symbol]) -> bool:
        return self._is_only_used_here(x, uses, self.maps) and self.maps[x][0] is ops.mul

    def _is_sum(self, x: Node, uses: Counter[Symbol]) -> bool:
        return self._is_only_used_here(x, uses, self.terms) and self.terms[x].combine is ops.add

    def _maxima(self, x: Node, uses: Counter[Symbol]) -> list[Node]:
        """What x is the largest of: softmax takes the largest of its scores out, as a constant."""
        leaves: list[Node] = []
        stack = [x]
        while stack:
            x = stack.pop()
            if self._is_only_used_here(x, uses, self.maps) and self.maps[x][0] is ops.maximum:
                stack += reversed(self.maps.pop(x)[1])
            else:
                leaves.append(x)
        return leaves

    def _is_only_used_here(self, x: Any, uses: Counter[Symbol], among: dict[Symbol, Any]) -> bool:
        return not self.exact and x.__class__ is Symbol and uses[x] == 1 and x in among

    # Colour: which nodes are alike.

    def _colour(self) -> None:
        known: dict[Any, int] = {}
        for node in self.colour_order():
            if node in self.maps:
                op, operands = self.maps[node]
                key: Any = (op, *[self._colour_of(x) for x in operands])
                if op is ops.pow and isinstance(operands[1], float):
                    key = (*key, operands[1])  # some exponents have short ways
                kind = Kind(op)
            else:
                terms = self.terms[node]
                self._arrange(terms)
                groups = tuple([colours for colours, _ in terms.runs])
                key, kind = (terms.combine, groups), Kind(None, groups, terms.combine)
            colour = known.setdefault(key, len(self.block) + len(known))
            self.colour[node] = colour
            self.kinds.setdefault(colour, kind).nodes.append(node)

    def colour_order(self) -> list[Symbol]:
        """All nodes that are left, in the order in which they were made."""
        return sorted([*self.maps, *self.terms], key=lambda node: node.number)

    def _colour_of(self, x: Node) -> int:
        return CONSTANT if x.__class__ is float else self.colour[x]  # type: ignore[index]

    def _arrange(self, terms: Terms) -> None:
        """Finds the runs of terms of one colour; brings terms of one colour together, unless exact.

        Products have the factor of the lower colour at the left: parameters before what they weigh.
        """
        singles = [(self._colour_of(x),) for x in terms.single]
        pairs = self._arrange_pairs(terms.left, terms.right)
        if self.exact:
            terms.runs = [*_runs(singles), *_runs(pairs)]
            return
        less = self._arrange_pairs(terms.less_left, terms.less_right)
        if len(set(singles)) > 1:
            terms.single.sort(key=self._colour_of)
            singles.sort()
        terms.runs = [
            *_runs(pairs),
            *_runs([(CONSTANT, *pair) for pair in less]),
            *_runs(singles),
        ]

    def _arrange_pairs(self, left: list[Node], right: list[Node]) -> list[Colours]:
        """The colours of products, whose factors change places in their lists."""
        pairs = list(zip(map(self._colour_of, left), map(self._colour_of, right)))
        kinds = set() if self.exact else set(pairs)
        if any(a > b for a, b in kinds):
            for k, (a, b) in enumerate(pairs):
                if a > b:
                    pairs[k] = b, a
                    left[k], right[k] = right[k], left[k]
        if len(kinds) > 1:
            order = sorted(range(len(pairs)), key=pairs.__getitem__)
            for column in (pairs, left, right):
                column[:] = [column[k] for k in order]
        return pairs

    # Emit: a block for each colour, an instruction for each run of its members.

    def _emit(self, colour: int, kind: Kind) -> None:
        first = kind.nodes[0]
        if kind.op is not None:
            runs = [kind.nodes]
            varying = any(self._block_of(x).varying for x in self.maps[first][1])
        else:
            runs = self._members_of_equal_length(kind)
            varying = any(self.block[c].varying for group in kind.groups for c in group)
        boolean = kind.op is not None and kind.op.boolean
        out = self.block[colour] = self.program.new_block(len(kind.nodes), varying, boolean)
        start = 0
        for nodes in runs:
            for place, node in enumerate(nodes, start):
                self.place[node] = place
            self.program.instructions.append(self._instruction(kind, out, start, nodes))
            start += len(nodes)

    def _block_of(self, x: Node) -> Block:
        return self.block[self._colour_of(x)]

    def _members_of_equal_length(self, kind: Kind) -> list[list[Symbol]]:
        """The members of a block of sums, those with equally many terms in each run together."""
        alike: dict[Any, list[Symbol]] = {}
        for node in kind.nodes:
            alike.setdefault(tuple([n for _, n in self.terms[node].runs]), []).append(node)
        return [alike[lengths] for lengths in sorted(alike)]

    def _instruction(self, kind: Kind, out: Block, start: int, nodes: list[Symbol]) -> Instruction:
        if kind.op is not None:
            columns = zip(*[self.maps[node][1] for node in nodes])
            return Map(out, start, kind.op, [self._gather(column) for column in columns])
        at = dict.fromkeys(_COLUMNS, 0)  # where the next run begins, among terms so long
        products: list[Product] = []
        for colours, count in self.terms[nodes[0]].runs:
            first = at[len(colours)]
            products.append(self._product(colours, nodes, first, first + count))
            at[len(colours)] += count
        return Sum(out, start, products, members=len(nodes), combine=kind.combine)

    def _product(self, colours: Colours, nodes: list[Symbol], start: int, stop: int) -> Product:
        """The gathers of one run of terms, in the shape (members, terms)."""
        indices = []
        for column in _COLUMNS[len(colours)]:
            factors = [x for node in nodes for x in getattr(self.terms[node], column)[start:stop]]
            indices.append(self._places(factors).reshape(len(nodes), stop - start))
        if not self.exact:  # the terms in the order of memory
            order = np.argsort(indices[0][0], kind="stable")
            indices = [index[:, order] for index in indices]
        if len(colours) == 3:
            indices.insert(0, np.full_like(indices[0], self.program.constant(-1.0)))
        return tuple(Gather(self.block[c], index) for c, index in zip(colours, indices))

    def _gather(self, nodes: Any) -> Gather:
        return Gather(self._block_of(nodes[0]), self._places(nodes))

    def _places(self, nodes: Any) -> Index:
        place, constant = self.place, self.program.constant
        places = [constant(x) if x.__class__ is float else place[x] for x in nodes]
        return np.array(places, dtype=np.int64)

    def _output(self, nodes: list[Node]) -> list[Gather]:
        """Output nodes as gathers, neighbours of one block together."""
        return [self._gather(list(run)) for _, run in groupby(nodes, self._block_of)]


def _runs(colours: list[Colours]) -> list[tuple[Colours, int]]:
    if not colours:
        return []
    if len(set(colours)) == 1:
        return [(colours[0], len(colours))]
    return [(colour, len(list(run))) for colour, run in groupby(colours)]


def _as_written(node: Symbol) -> tuple[Op, tuple[Node, ...]]:
    assert node.op is not None
    return node.op, node.operands


def _simplified(node: Symbol) -> tuple[Op, tuple[Node, ...]]:
    """The operation of `node`, powers with small exponents as products."""
    op, operands = _as_written(node)
    if op is ops.pow and operands[1].__class__ is float:
        if operands[1] == 2.0:
            return ops.mul, (operands[0], operands[0])
        if operands[1] == -1.0:
            return ops.div, (1.0, operands[0])
    return op, operands
