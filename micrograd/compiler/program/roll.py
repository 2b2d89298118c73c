"""Roll: a graph of scalars becomes a program of blocks.

First, sums are flattened: an addition that is used once joins its user, a product that is used once
becomes a term. Then every node gets a colour, bottom-up: the kind of a leaf, or the operation and
the colours of its operands. How many terms a sum has is not part of its colour. The nodes of one
colour become one block.

A node is known by its number in the trace here, and a float by a negative one: so what is to be
found out of many of them, the colours of a neuron's weights, is one look into an array.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.compiler.program.ir import (
    Block,
    Gather,
    Index,
    Instruction,
    Map,
    Product,
    Program,
    Sum,
)
from micrograd.compiler.trace.symbol import Symbol
from micrograd.compiler.trace.trace import MANY, Guards, Trace
from micrograd.ops import Op

Node = Any  # a Symbol or a float, told apart by its class: here time is spent
Colours = tuple[int, ...]  # of the factors of a term
Numbers = Any  # of nodes: a list, or an array of integers where there are many

# Where the factors of a term are: by how many they are, with the -1 of what is taken off.
_COLUMNS = {1: ("single",), 2: ("left", "right"), 3: ("less_left", "less_right")}

# Which operands of a guard are needed. No guards: what shall be a number, or else a NaN shows it.
# For values: when a gradient is zero, too. All: and under which condition, to differentiate again.
NONE: Guards = {ops.passed: slice(2, 3), ops.under: slice(1, 2), ops.extended: slice(1, 3)}
VALUES: Guards = {ops.passed: slice(1, 3)}
ALL: Guards = {}

CONSTANT, PARAMETER = 0, 1  # the colours of leaves; those of the inputs follow


@dataclass(slots=True)
class Terms:
    """A flattened sum: products left[k] * right[k], others that are taken off, single terms."""

    left: Numbers = field(default_factory=list)
    right: Numbers = field(default_factory=list)
    less_left: Numbers = field(default_factory=list)
    less_right: Numbers = field(default_factory=list)
    single: Numbers = field(default_factory=list)
    combine: Op = ops.add  # or maximum: the largest of single terms
    runs: list[tuple[Colours, int]] = field(default_factory=list)  # terms of one colour, how many

    def join(self, other: "Terms") -> None:
        self.left.extend(other.left)
        self.right.extend(other.right)
        self.less_left.extend(other.less_left)
        self.less_right.extend(other.less_right)
        self.single.extend(other.single)


@dataclass(slots=True)
class Kind:
    """What the nodes of one colour have in common, and those nodes."""

    op: Op | None  # None: a sum
    groups: tuple[Colours, ...] = ()  # of a sum: the colours of its runs of terms
    combine: Op = ops.add
    nodes: list[int] = field(default_factory=list)


def roll(
    trace: Trace,
    outputs: dict[str, list[Node]] | None = None,
    exact: bool = False,
    shared: tuple[int, ...] = (),
    guarded: bool = False,
) -> Program:
    """The program that computes `outputs`, nodes of `trace`: by default its own, named "value".

    The inputs that are `shared`, by number, are the same for all examples: they do not vary.
    `exact` keeps every operation and its order: sums are not flattened, only those that were
    written as one are summed in one.

    A gradient within the function passes nothing on where it is zero, not even to what is infinite:
    `guarded` and `exact` see to it. Without, 0 * inf shows as a NaN in the outputs, and who finds
    one asks again; but where a comparison might hide the NaN, guards stay.
    """
    outputs = outputs or {"value": trace.outputs}
    guards = VALUES if exact else ALL
    if not guarded and not exact:
        order = trace.computed(*outputs.values(), guards=NONE)
        guards = ALL if _may_hide_nan(order, trace.count, trace.of_norms) else NONE
    return _Roller(trace, outputs, exact, shared, guards).program


class _Roller:
    def __init__(
        self,
        trace: Trace,
        outputs: dict[str, list[Node]],
        exact: bool,
        shared: tuple[int, ...],
        guards: Guards,
    ):
        self.trace, self.exact, self.guards = trace, exact, guards
        self.program = Program(
            inputs=[
                Block(f"x{k}", len(x), k not in shared, "input") for k, x in enumerate(trace.inputs)
            ],
            parameters=Block("w", len(trace.parameters), False, "parameters"),
            constants=Block("c", 0, False, "constants"),
            seed=Block("seed", 1, True, "seed"),
        )
        self.floats: list[float] = []  # the last of them is number -1 - its place
        self.colour, self.colours = _integers(trace.count)  # of each node
        self.place, self.places = _integers(trace.count)  # of each node in the block of its colour
        self.block = {CONSTANT: self.program.constants, PARAMETER: self.program.parameters}
        self._leaves(PARAMETER, self.program.parameters, trace.parameter_numbers)
        for colour, symbols in enumerate(trace.inputs, start=PARAMETER + 1):
            numbers = np.array([x.number for x in symbols], np.int64)
            self._leaves(colour, self.program.inputs[colour - PARAMETER - 1], numbers)
        self.terms: dict[int, Terms] = {}
        self.maps: dict[int, tuple[Op, Numbers]] = {}
        self.kinds: dict[int, Kind] = {}
        order = trace.computed(*outputs.values(), guards=guards)
        answers = self._flatten(order, outputs)
        self._colour()
        for colour, kind in self.kinds.items():
            self._emit(colour, kind)
        for name, numbers in answers.items():
            self.program.outputs[name] = self._output(numbers)

    def _leaves(self, colour: int, block: Block, numbers: Index) -> None:
        self.block[colour] = block
        self.colours[numbers] = colour
        self.places[numbers] = np.arange(block.size)

    # Flatten: which nodes are sums, and of what.

    def _flatten(self, order: list[Symbol], outputs: dict[str, list[Node]]) -> dict[str, list[int]]:
        same: dict[int, Any] = {}  # what a node is another name of
        rows: list[tuple[int, Op, Numbers]] = []
        for node in order:
            op, operands = _as_written(node) if self.exact else _simplified(node)
            if op in ops.GUARDS:
                op, operands = self._guard(op, operands)
            numbers = self._numbers(operands, node)
            if same:
                numbers = [same.get(x, x) for x in numbers]
            if op is ops.identity:
                same[node.number] = numbers[0]
            else:
                rows.append((node.number, op, numbers))
        answers = {
            name: [same.get(x, x) for x in self._numbers(nodes)] for name, nodes in outputs.items()
        }
        uses = _counts([*answers.values(), *[numbers for _, _, numbers in rows]], self.trace.count)
        sums = {ops.sum, ops.dot} if self.exact else {ops.sum, ops.dot, ops.add, ops.sub}
        for number, op, operands in rows:
            if op is ops.stop_gradient and not self.exact:
                self.terms[number] = Terms(
                    single=self._maxima(operands[0], uses), combine=ops.maximum
                )
            elif op in sums:
                self.terms[number] = self._sum(op, operands, uses)
            else:
                self.maps[number] = op, operands
        return answers

    def _guard(self, op: Op, operands: tuple[Node, ...]) -> tuple[Op, tuple[Node, ...]]:
        """What a gradient passes on, with the guards that are asked for."""
        self.program.unguarded |= self.guards is NONE
        needed = operands[self.guards.get(op, slice(None))]
        if len(needed) == len(operands):
            return op, operands
        if len(needed) == 1:
            return ops.identity, needed
        return op, (1.0 if op is ops.passed else float("nan"), *needed)

    def _numbers(self, nodes: Sequence[Node], whose: Symbol | None = None) -> Numbers:
        """What nodes and floats are known by here."""
        if len(nodes) > MANY and whose is not None:
            numbers = self.trace.numbers(whose).copy()
            for k in np.flatnonzero(numbers < 0).tolist():
                numbers[k] = self._float(nodes[k])
            return array("q", numbers.tobytes())
        return [self._float(x) if x.__class__ is float else x.number for x in nodes]

    def _float(self, x: float) -> int:
        self.floats.append(x)
        return -len(self.floats)

    def _sum(self, op: Op, operands: Numbers, uses: list[int]) -> Terms:
        if op is ops.dot:
            n = len(operands) // 2
            terms = Terms(operands[:n], operands[n:-1])
            self._add(terms, operands[-1], uses)
            return terms
        first = operands[0] if len(operands) else self._float(0.0)
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

    def _add(self, terms: Terms, x: int, uses: list[int]) -> None:
        if self._is_sum(x, uses):
            terms.join(self.terms.pop(x))
        elif self._is_product(x, uses):
            left, right = self.maps.pop(x)[1]
            terms.left.append(left)
            terms.right.append(right)
        elif x >= 0 or self.floats[-1 - x] != 0 or self.exact:
            terms.single.append(x)

    def _subtract(self, terms: Terms, x: int, uses: list[int]) -> None:
        if self._is_product(x, uses):
            left, right = self.maps.pop(x)[1]
            terms.less_left.append(left)
            terms.less_right.append(right)
        else:
            terms.left.append(self._float(-1.0))
            terms.right.append(x)

    def _is_product(self, x: int, uses: list[int]) -> bool:
        return self._is_only_used_here(x, uses, self.maps) and self.maps[x][0] is ops.mul

    def _is_sum(self, x: int, uses: list[int]) -> bool:
        return self._is_only_used_here(x, uses, self.terms) and self.terms[x].combine is ops.add

    def _maxima(self, x: int, uses: list[int]) -> list[int]:
        """What x is the largest of: softmax takes the largest of its scores out, as a constant."""
        leaves: list[int] = []
        stack = [x]
        while stack:
            x = stack.pop()
            if self._is_only_used_here(x, uses, self.maps) and self.maps[x][0] is ops.maximum:
                stack += reversed(self.maps.pop(x)[1])
            else:
                leaves.append(x)
        return leaves

    def _is_only_used_here(self, x: int, uses: list[int], among: dict[int, Any]) -> bool:
        return not self.exact and x >= 0 and uses[x] == 1 and x in among

    # Colour: which nodes are alike.

    def _colour(self) -> None:
        known: dict[Any, int] = {}
        for number in sorted([*self.maps, *self.terms]):  # in the order in which they were made
            if number in self.maps:
                op, operands = self.maps[number]
                key: Any = (op, *map(self._colour_of, operands))
                if op is ops.pow and operands[1] < 0:
                    key = (*key, self.floats[-1 - operands[1]])  # some exponents have short ways
                kind = Kind(op)
            else:
                terms = self.terms[number]
                self._arrange(terms)
                groups = tuple([colours for colours, _ in terms.runs])
                key, kind = (terms.combine, groups), Kind(None, groups, terms.combine)
            colour = known.setdefault(key, len(self.block) + len(known))
            self.colour[number] = colour
            self.kinds.setdefault(colour, kind).nodes.append(number)

    def _colour_of(self, x: int) -> int:
        return CONSTANT if x < 0 else self.colour[x]

    def _arrange(self, terms: Terms) -> None:
        """Finds the runs of terms of one colour; brings terms of one colour together, unless exact.

        Products have the factor of the lower colour at the left: parameters before what they weigh.
        """
        terms.left, terms.right, products = self._in_order(terms.left, terms.right)
        singles = [(colour,) for colour in self._colours_of(terms.single)]
        if self.exact:
            terms.runs = [*_runs(singles), *products]
            return
        if len(set(singles)) > 1:
            terms.single = sorted(terms.single, key=self._colour_of)
            singles.sort()
        if terms.less_left:
            terms.less_left, terms.less_right, less = self._in_order(
                terms.less_left, terms.less_right
            )
            products += [((CONSTANT, *colours), n) for colours, n in less]
        terms.runs = [*products, *_runs(singles)]

    def _in_order(
        self, left: Numbers, right: Numbers
    ) -> tuple[Numbers, Numbers, list[tuple[Colours, int]]]:
        """Both factors of some products, sorted as `_arrange` says, and their runs."""
        a, b = self._colours_of(left), self._colours_of(right)
        if not a:
            return left, right, []
        n = len(a)
        if a.count(a[0]) == n == b.count(b[0]):  # as in a neuron
            if a[0] > b[0] and not self.exact:
                return right, left, [((b[0], a[0]), n)]
            return left, right, [((a[0], b[0]), n)]
        pairs = list(zip(a, b))
        if self.exact:
            return left, right, _runs(pairs)
        for k, (x, y) in enumerate(pairs):
            if x > y:
                pairs[k] = y, x
                left[k], right[k] = right[k], left[k]
        if len(set(pairs)) > 1:
            order = sorted(range(n), key=pairs.__getitem__)
            pairs, left, right = ([column[k] for k in order] for column in (pairs, left, right))
        return left, right, _runs(pairs)

    def _colours_of(self, numbers: Numbers) -> list[int]:
        if len(numbers) <= MANY:
            return [CONSTANT if x < 0 else self.colour[x] for x in numbers]
        return _of_nodes(np.asarray(numbers, np.int64), self.colours, CONSTANT).tolist()

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

    def _block_of(self, x: int) -> Block:
        return self.block[self._colour_of(x)]

    def _members_of_equal_length(self, kind: Kind) -> list[list[int]]:
        """The members of a block of sums, those with equally many terms in each run together."""
        alike: dict[Any, list[int]] = {}
        for node in kind.nodes:
            alike.setdefault(tuple([n for _, n in self.terms[node].runs]), []).append(node)
        return [alike[lengths] for lengths in sorted(alike)]

    def _instruction(self, kind: Kind, out: Block, start: int, nodes: list[int]) -> Instruction:
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

    def _product(self, colours: Colours, nodes: list[int], start: int, stop: int) -> Product:
        """The gathers of one run of terms, in the shape (members, terms)."""
        indices = []
        for column in _COLUMNS[len(colours)]:
            parts = [getattr(self.terms[node], column)[start:stop] for node in nodes]
            many = stop - start > MANY
            factors = np.concatenate(parts) if many else [*chain.from_iterable(parts)]
            indices.append(self._places(factors).reshape(len(nodes), stop - start))
        if stop - start > 1 and not self.exact:  # the terms in the order of memory
            order = np.argsort(indices[0][0], kind="stable")
            if (order[1:] < order[:-1]).any():
                indices = [index[:, order] for index in indices]
        if len(colours) == 3:
            indices.insert(0, np.full_like(indices[0], self.program.constant(-1.0)))
        return tuple(Gather(self.block[c], index) for c, index in zip(colours, indices))

    def _gather(self, numbers: Numbers) -> Gather:
        return Gather(self._block_of(numbers[0]), self._places(numbers))

    def _places(self, numbers: Numbers) -> Index:
        place = self.place
        if len(numbers) <= MANY:
            few = [self._constant(x) if x < 0 else place[x] for x in numbers]
            return np.array(few, np.int64)
        many = np.asarray(numbers, np.int64)
        places = _of_nodes(many, self.places, 0)
        for k in np.flatnonzero(many < 0).tolist():
            places[k] = self._constant(int(many[k]))
        return places

    def _constant(self, x: int) -> int:
        return self.program.constant(self.floats[-1 - x])

    def _output(self, numbers: list[int]) -> list[Gather]:
        """Output nodes as gathers, neighbours of one block together."""
        return [self._gather(list(run)) for _, run in groupby(numbers, self._block_of)]


def _integers(n: int) -> tuple[Any, Index]:
    """So many zeros, to be read and written one by one, and the same memory as an array."""
    numbers = array("q", bytes(8 * n))
    return numbers, np.frombuffer(numbers, np.int64)


def _of_nodes(numbers: Index, entries: Index, of_floats: int) -> Index:
    """The entry of each node in an array; a float has none there."""
    result = np.full(len(numbers), of_floats)
    nodes = numbers >= 0
    result[nodes] = entries[numbers[nodes]]
    return result


def _counts(columns: list[Numbers], n: int) -> list[int]:
    """How often each of the numbers 0 ... n - 1 is there."""
    numbers = array("q")
    for column in columns:
        numbers.extend(column)
    read = np.frombuffer(numbers, np.int64)
    return np.bincount(read[read >= 0], minlength=n).tolist()


def _runs(colours: list[Colours]) -> list[tuple[Colours, int]]:
    if not colours:
        return []
    if len(set(colours)) == 1:
        return [(colours[0], len(colours))]
    return [(colour, len(list(run))) for colour, run in groupby(colours)]


def _may_hide_nan(order: list[Symbol], count: int, of_norms: set[int]) -> bool:
    """Whether a comparison, perhaps one within a user's operation, reads what depends on a guard:
    then a NaN might come in which no output shows. Those of norms do not hide it."""
    depends = bytearray(count)
    for node in order:
        op, operands = _as_written(node)
        if op in ops.GUARDS:
            depends[node.number] = True
        elif any(isinstance(x, Symbol) and depends[x.number] for x in operands):
            if (op.boolean and node.number not in of_norms) or not op.library:
                return True
            depends[node.number] = True
    return False


def _as_written(node: Symbol) -> tuple[Op, tuple[Node, ...]]:
    assert node.op is not None
    if node.op is ops.norm:
        return ops.identity, (node.source,)
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
