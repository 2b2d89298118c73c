"""Roll: a graph of scalars becomes a program of blocks.

After sums are flattened, values are numbered. A value number stands for the kind of a leaf, or for
an operation and the value numbers of its operands: hash-based value numbering, bottom-up, in which
all leaves of one kind count as equal. How many terms a sum has is not part of its value number. On
a graph without cycles this one pass finds what partition refinement finds: the fewest classes such
that members of one class read members of the same classes. Each class becomes one block.
"""

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby

import numpy as np

from micrograd import ops
from micrograd.compiler.program.flatten import Flat, Loop, flatten
from micrograd.compiler.program.guards import later_may_hide_nan
from micrograd.compiler.program.indices import Index
from micrograd.compiler.program.ir import Block, Gather, Instruction, Map, Product, Program, Sum
from micrograd.compiler.program.monoid import SUM, Monoid
from micrograd.compiler.program.policy import AsWritten, Flatten, Policy
from micrograd.compiler.program.roll_loop import LoopRoller
from micrograd.compiler.program.terms import (
    COLUMNS,
    CONSTANT,
    PARAMETER,
    Numbers,
    ValueNumbers,
    of_nodes,
    zeros,
)
from micrograd.compiler.trace.symbol import MANY, Node
from micrograd.compiler.trace.trace import Trace
from micrograd.ops import Op


@dataclass(slots=True)
class Kind:
    """What the nodes of one value number have in common, and those nodes."""

    op: Op | None  # None: a sum
    groups: tuple[ValueNumbers, ...] = ()  # of a sum: the value numbers of its runs of terms
    combine: Monoid = SUM
    nodes: Numbers = field(default_factory=list[int])


def roll(
    trace: Trace,
    outputs: dict[str, list[Node]] | None = None,
    exact: bool = False,
    shared: tuple[int, ...] = (),
    guarded: bool = False,
) -> Program:
    """The program that computes `outputs`, nodes of `trace`: by default its own, named "value".

    The inputs that are `shared`, by number, are the same for all examples: they do not vary.
    `exact` keeps every operation and its order.

    Where a gradient within the function is zero, it contributes nothing, even if it is multiplied
    by infinity: `guarded` and `exact` keep the guards that ensure it. Without them, 0 * inf shows
    as a NaN in the outputs, and the caller runs a guarded program instead; where a comparison might
    hide the NaN, the guards stay.
    """
    outputs = outputs or {"value": trace.outputs}
    policy: Policy = AsWritten() if exact else Flatten(guarded)
    program = empty_program(trace, shared, len(trace.parameters))
    return _Roller(trace, flatten(trace, outputs, policy), policy, program).roll()


def places(trace: Trace, exact: bool = False) -> tuple[Program, dict[int, tuple[str, int]]]:
    """The program of `roll`, and the block and place of each node of the trace. Nodes that were
    merged into a sum have none.
    """
    policy: Policy = AsWritten() if exact else Flatten()
    flat = flatten(trace, {"value": trace.outputs}, policy)
    roller = _Roller(trace, flat, policy, empty_program(trace, (), len(trace.parameters)))
    program = roller.roll()
    known = {
        node: (roller.block[value_number].name, roller.place[node])
        for value_number, kind in roller.kinds.items()
        for node in kind.nodes
    }
    return program, known | {x: known[y] for x, y in flat.repeats.items() if y in known}


def empty_program(trace: Trace, shared: tuple[int, ...], parameters: int) -> Program:
    """A program with the inputs of `trace`, and so many parameters."""
    return Program(
        inputs=[
            Block(f"x{k}", len(x), k not in shared, "input") for k, x in enumerate(trace.inputs)
        ],
        parameters=Block("w", parameters, False, "parameters"),
        constants=Block("c", 0, False, "constants"),
        seed=Block("seed", 1, True, "seed"),
    )


class _Roller:
    def __init__(self, trace: Trace, flat: Flat, policy: Policy, program: Program) -> None:
        self.policy, self.program, self.flat = policy, program, flat
        self.terms, self.maps = flat.terms, flat.maps
        self.unknown = trace.path is not None
        self.value_number, self.value_numbers = zeros(trace.count)  # of each node
        self.place, self.places = zeros(trace.count)  # of each node in its block
        self.block = {CONSTANT: program.constants, PARAMETER: program.parameters}
        self._leaves(PARAMETER, program.parameters, trace.parameter_numbers)
        for k, symbols in enumerate(trace.inputs):
            numbers = np.array([x.number for x in symbols], np.int64)
            self._leaves(PARAMETER + 1 + k, program.inputs[k], numbers)
        self.kinds: dict[int, Kind] = {}

    def roll(self) -> Program:
        """Loops stay in place: no block has members both before and after one."""
        numbers = sorted([*self.maps, *self.terms])  # in the order in which they were made
        for loop in self.flat.loops.values():
            end = bisect_right(numbers, loop.after)
            self._emit_all(numbers[:end])
            numbers = numbers[end:]
            self._emit_loop(loop)
        self._emit_all(numbers)
        for name, numbers in self.flat.outputs.items():
            self.program.outputs[name] = self._output(numbers)
        self.program.unguarded = self.flat.unguarded or self.unknown
        return self.program

    def _leaves(self, value_number: int, block: Block, numbers: Index) -> None:
        self.block[value_number] = block
        self.value_numbers[numbers] = value_number
        self.places[numbers] = np.arange(block.size)

    def _emit_all(self, numbers: Numbers) -> None:
        kinds = self._number_values(numbers)
        for value_number, kind in kinds.items():
            self._emit(value_number, kind)
        self.kinds |= kinds

    def _emit_loop(self, loop: Loop) -> None:
        roller = LoopRoller(self.program, self._place_of, self._body)
        value_numbers: dict[Block, int] = {}
        for number, (block, place) in roller.roll(loop).items():
            if block not in value_numbers:
                value_numbers[block] = len(self.block)
                self.block[len(self.block)] = block
            self.value_number[number], self.place[number] = value_numbers[block], place

    def _place_of(self, number: int) -> tuple[Block, int] | float:
        x = self.flat.same[number]
        if x < 0:
            return self.flat.floats[-1 - x]
        return self.block[self.value_number[x]], self.place[x]

    def found(self, number: int) -> tuple[Block, int] | None:
        """Where a node is; None if it was merged into a sum, or is a constant."""
        x = self.flat.same[number]
        known = x >= 0 and self.value_number[x] != CONSTANT
        return (self.block[self.value_number[x]], self.place[x]) if known else None

    def _body(self, trace: Trace, outputs: dict[str, list[Node]], varying: bool) -> "_Roller":
        """One trip of a loop, with the constants and the names of this program. Guards of a
        gradient in it stay where a later trip might hide the NaN."""
        outer = self.program
        inputs = [Block("", len(x), varying, "input") for x in trace.inputs]
        inner = Program(
            inputs, Block("", 0, False), outer.constants, outer.seed,
            outer.constant_values, names=outer.names, places=outer.places,
        )  # fmt: skip
        policy = self.policy
        if isinstance(policy, Flatten) and later_may_hide_nan(trace, *outputs.values()):
            policy = Flatten(guarded=True)
        roller = _Roller(trace, flatten(trace, outputs, policy), policy, inner)
        roller.roll()
        self.flat.unguarded |= roller.flat.unguarded
        return roller

    # Number values: which nodes are alike.

    def _number_values(self, numbers: Numbers) -> dict[int, Kind]:
        known: dict[Hashable, int] = {}
        kinds: dict[int, Kind] = {}
        for number in numbers:
            key = self._key_of_map(number) if number in self.maps else self._key_of_sum(number)
            value_number = known.get(key)
            if value_number is None:
                value_number = known[key] = len(self.block) + len(known)
                kinds[value_number] = self._kind(number)
            self.value_number[number] = value_number
            kinds[value_number].nodes.append(number)
        return kinds

    def _key_of_map(self, number: int) -> Hashable:
        op, operands = self.maps[number]
        key = (op, *self._value_numbers_of(operands))
        if op is ops.pow and operands[1] < 0:
            return key, self.flat.floats[-1 - operands[1]]  # perhaps a product
        return key

    def _key_of_sum(self, number: int) -> Hashable:
        terms = self.terms[number]
        self.policy.arrange(terms, self._value_numbers_of)
        return terms.combine.name, *[value_numbers for value_numbers, _ in terms.runs]

    def _kind(self, number: int) -> Kind:
        if number in self.maps:
            return Kind(self.maps[number][0])
        terms = self.terms[number]
        groups = tuple([value_numbers for value_numbers, _ in terms.runs])
        return Kind(None, groups, terms.combine)

    def _value_number_of(self, x: int) -> int:
        return CONSTANT if x < 0 else self.value_number[x]

    def _value_numbers_of(self, numbers: Numbers) -> list[int]:
        if len(numbers) <= MANY:
            known = self.value_number
            return [CONSTANT if x < 0 else known[x] for x in numbers]
        return of_nodes(np.asarray(numbers, np.int64), self.value_numbers, CONSTANT).tolist()

    # Emit: a block for each value number, an instruction for each run of its members.

    def _emit(self, value_number: int, kind: Kind) -> None:
        first = kind.nodes[0]
        if kind.op is not None:
            runs = [kind.nodes]
            varying = any(self._block_of(x).varying for x in self.maps[first][1])
        else:
            runs = self._members_of_equal_length(kind)
            varying = any(self.block[c].varying for group in kind.groups for c in group)
        boolean = kind.op is not None and kind.op.boolean
        out = self.block[value_number] = self.program.new_block(len(kind.nodes), varying, boolean)
        start = 0
        for nodes in runs:
            for place, node in enumerate(nodes, start):
                self.place[node] = place
            self.program.instructions.append(self._instruction(kind, out, start, nodes))
            start += len(nodes)

    def _block_of(self, x: int) -> Block:
        return self.block[self._value_number_of(x)]

    def _members_of_equal_length(self, kind: Kind) -> list[Numbers]:
        """The members of a block of sums, those with equally many terms in each run together."""
        alike: dict[tuple[int, ...], Numbers] = {}
        for node in kind.nodes:
            alike.setdefault(tuple([n for _, n in self.terms[node].runs]), []).append(node)
        return [alike[lengths] for lengths in sorted(alike)]

    def _instruction(self, kind: Kind, out: Block, start: int, nodes: Numbers) -> Instruction:
        if kind.op is not None:
            columns = zip(*[self.maps[node][1] for node in nodes])
            return Map(out, start, kind.op, [self._gather(column) for column in columns])
        at = dict.fromkeys(COLUMNS, 0)  # where the next run begins, among terms so long
        products: list[Product] = []
        for value_numbers, count in self.terms[nodes[0]].runs:
            first = at[len(value_numbers)]
            products.append(self._product(value_numbers, nodes, first, first + count))
            at[len(value_numbers)] += count
        return Sum(out, start, products, members=len(nodes), combine=kind.combine)

    def _product(
        self, value_numbers: ValueNumbers, nodes: Numbers, start: int, stop: int
    ) -> Product:
        """The gathers of one run of terms, in the shape (members, terms)."""
        indices: list[Index] = []
        for column in COLUMNS[len(value_numbers)]:
            parts = [getattr(self.terms[node], column)[start:stop] for node in nodes]
            many = stop - start > MANY
            factors = np.concatenate(parts) if many else [*chain.from_iterable(parts)]
            indices.append(self._places(factors).reshape(len(nodes), stop - start))
        if stop - start > 1:
            indices = self.policy.in_memory_order(indices)
        if len(value_numbers) == 3:
            indices.insert(0, np.full_like(indices[0], self.program.constant(-1.0)))
        return tuple(Gather(self.block[c], index) for c, index in zip(value_numbers, indices))

    def _gather(self, numbers: Sequence[int]) -> Gather:
        return Gather(self._block_of(numbers[0]), self._places(numbers))

    def _places(self, numbers: Sequence[int] | Index) -> Index:
        place = self.place
        if len(numbers) <= MANY:
            few = [self._constant(x) if x < 0 else place[x] for x in numbers]
            return np.array(few, np.int64)
        many = np.asarray(numbers, np.int64)
        places = of_nodes(many, self.places, 0)
        constants = many[many < 0].tolist()
        known = {x: self._constant(x) for x in dict.fromkeys(constants)}
        places[many < 0] = [known[x] for x in constants]
        return places

    def _constant(self, x: int) -> int:
        return self.program.constant(self.flat.floats[-1 - x])

    def _output(self, numbers: list[int]) -> list[Gather]:
        """Output nodes as gathers, neighbours of one block together."""
        return [self._gather(list(run)) for _, run in groupby(numbers, self._block_of)]
