"""The rolled program: blocks of alike scalars, and instructions that compute them.

A block is an array of scalars that were computed in the same way. An instruction computes a run of
a block's members at once; its operands are gathers, which say for each member which scalar of
another block it reads. `Map` applies an operation of the table to each member, `Sum` adds up
products of one or two factors, or subtracts them. A matrix product is a `Sum` whose gathers repeat
in rows and columns. A `Loop` repeats a body of such instructions; in it gathers may move by a step
from trip to trip. `Branches` computes for each example the path that it takes.

A block varies when its numbers differ from example to example; else it is uniform, computed once.
It holds numbers or truths. The print says both: `%1[n, 6]` varies over n examples, `%2[6]: truth`
is uniform.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from micrograd.compiler.program.branching import Tree
from micrograd.compiler.program.indices import Index, describe, moving
from micrograd.compiler.program.monoid import SUM, Monoid
from micrograd.ops import Op


@dataclass(eq=False)
class Block:
    """`size` scalars of one kind: given (an input, parameters, constants, the seed) or computed."""

    name: str
    size: int
    varying: bool
    given: Literal["input", "parameters", "constants", "seed", ""] = ""
    boolean: bool = False

    def __repr__(self) -> str:
        return self.name


@dataclass(eq=False)
class Gather:
    """For each member (and term) the place in `block` that is read: of shape (m,) or (m, T).

    In the body of a loop it moves by `step` from trip to trip; `index` is that of the first.
    """

    block: Block
    index: Index
    step: int = 0

    def __len__(self) -> int:
        return len(self.index)

    def at(self, trip: int) -> Index:
        return self.index + trip * self.step if self.step else self.index

    def __repr__(self) -> str:
        place = f"{describe(self.index)}{moving(self.step)}"
        return f"{self.block.name}[{place.removeprefix('0 + ')}]"


# One or two factors, each of shape (m, T). A product of two that is subtracted begins with a third
# one, the constant -1.
Product = tuple[Gather, ...]


@dataclass(eq=False)
class Map:
    """out[start + i] = op(operand[i], ...); in trip s of a loop, out[start + s * step + i]."""

    out: Block
    start: int
    op: Op
    operands: list[Gather]
    step: int = 0

    def __len__(self) -> int:
        return len(self.operands[0].index)

    def gathers(self) -> list[Gather]:
        return self.operands

    def __repr__(self) -> str:
        return f"{target(self)} = {self.op.name}({', '.join(map(repr, self.operands))})"


@dataclass(eq=False)
class Sum:
    """out[start + i] = the sum over products, terms t (and examples) of factor[i, t] * ..."""

    out: Block
    start: int
    products: list[Product]
    over_examples: bool = False
    members: int = 0  # of a sum without products, which is zero
    combine: Monoid = SUM

    def __len__(self) -> int:
        return len(self.products[0][0].index) if self.products else self.members

    def gathers(self) -> list[Gather]:
        return [factor for product in self.products for factor in product]

    def __repr__(self) -> str:
        terms = [_product(product) for product in self.products] or ["0"]
        over = " over all examples" if self.over_examples else ""
        combined = self.combine.separator.join(terms)
        return f"{target(self)} = {self.combine.name}{over} of {combined}"


@dataclass(eq=False)
class Branches:
    """out[j] = result j of the path of `tree` that each example takes. The leaves of the tree are
    the numbers of the gathers, in order."""

    out: Block
    tree: Tree
    operands: list[Gather]
    start = 0

    def __len__(self) -> int:
        return self.out.size

    def gathers(self) -> list[Gather]:
        return self.operands

    def __repr__(self) -> str:
        return f"{target(self)} = one of {self.tree} on {', '.join(map(repr, self.operands))}"


Computation = Map | Sum | Branches


@dataclass(eq=False)
class Loop:
    """for s < trips: the instructions of the body, then the updates of what it carries. If it runs
    `backwards`, s counts down.

    The blocks of the body are computed anew in each trip; after the loop they hold the numbers of
    the last trip. Only sums over the examples continue from trip to trip, and no trip reads them.
    Carried blocks are computed before the loop, read by the body, and overwritten by the updates,
    none of which reads another. A `Map` with a step writes other members in each trip. `origin` is
    text that determines the derivative.
    """

    trips: int
    body: list[Computation]
    updates: list[Map]
    backwards: bool = False
    origin: str = ""

    @property
    def trip_numbers(self) -> Iterable[int]:
        return range(self.trips)[:: -1 if self.backwards else 1]

    def __repr__(self) -> str:
        down = f"s from {self.trips - 1} down to 0"
        return f"loop for {down if self.backwards else f's < {self.trips}'}"

    @property
    def computations(self) -> list[Computation]:
        return [*self.body, *self.updates]

    @property
    def varying(self) -> bool:
        return any(i.out.varying for i in self.computations)

    def gathers(self) -> list[Gather]:
        return [gather for i in self.computations for gather in i.gathers()]


Instruction = Computation | Loop


def computations(instructions: Iterable[Instruction]) -> Iterator[Computation]:
    """The instructions, and those of loops in place of these."""
    for instruction in instructions:
        if isinstance(instruction, Loop):
            yield from instruction.computations
        else:
            yield instruction


@dataclass(eq=False)
class Program:
    """Blocks in the order in which they are computed, and the outputs.

    Each of the `outputs` has a name, and is the concatenation of its gathers. In an `unguarded`
    program, guards against `0 * inf` are left out or paths are unknown: then outputs may be NaN.
    """

    inputs: list[Block]
    parameters: Block
    constants: Block
    seed: Block
    constant_values: list[float] = field(default_factory=list[float])
    instructions: list[Instruction] = field(default_factory=list[Instruction])
    outputs: dict[str, list[Gather]] = field(default_factory=dict[str, list[Gather]])
    unguarded: bool = False
    names: Iterator[int] = field(default_factory=lambda: iter(range(1, 1 << 60)))
    places: dict[str, int] = field(default_factory=dict[str, int])  # of the constants

    def new_block(self, size: int, varying: bool, boolean: bool = False) -> Block:
        return Block(f"%{next(self.names)}", size, varying, boolean=boolean)

    def constant(self, value: float) -> int:
        """The place of a number among the constants."""
        place = self.places.setdefault(value.hex(), len(self.constant_values))
        if place == len(self.constant_values):
            self.constant_values.append(value)
            self.constants.size = len(self.constant_values)
        return place

    def watches(self, output: int) -> bool:
        """Whether native code records a NaN in this output: in every one but the first, and in that
        of programs without guards."""
        return output > 0 or self.unguarded

    @property
    def computations(self) -> list[Computation]:
        """The instructions, and those of loops in place of these."""
        return [*computations(self.instructions)]

    def __str__(self) -> str:
        given = [_shape(b, str(b.size)) for b in (*self.inputs, self.parameters) if b.size]
        lines = [f"program of {', '.join(given) or 'nothing'}"]
        for i in self.instructions:
            is_loop = isinstance(i, Loop)
            lines += [f"  {i}:"] if is_loop else []
            lines += [f"  {'  ' * is_loop}{self._show(each)}" for each in computations([i])]
        for name, gathers in self.outputs.items():
            lines.append(f"  {name} = {', '.join(map(self._show, gathers)) or 'nothing'}")
        return "\n".join(lines)

    def _show(self, thing: Computation | Gather) -> str:
        """Its text, with constants that are the same for all members in place of gathers."""
        text = repr(thing)
        for gather in [thing] if isinstance(thing, Gather) else thing.gathers():
            if gather.block is self.constants and not gather.step and np.ptp(gather.index) == 0:
                text = text.replace(
                    repr(gather), f"{self.constant_values[gather.index.flat[0]]:.12g}"
                )
        return text


def target(instruction: Computation) -> str:
    """The members that an instruction computes."""
    out, start, stop = instruction.out, instruction.start, instruction.start + len(instruction)
    if isinstance(instruction, Map) and instruction.step:
        move = moving(instruction.step).removeprefix(" + ")
        return _shape(out, f"{move}{f' + {start}' if start else ''} : +{len(instruction)}")
    return _shape(out, str(out.size) if stop - start == out.size else f"{start}:{stop}")


def _shape(block: Block, members: str) -> str:
    """`%1[4]` is uniform, `%1[n, 4]` varies over n examples; truths are marked.

    >>> _shape(Block("%1", 4, varying=True, boolean=True), "0:2")
    '%1[n, 0:2]: truth'
    """
    examples, kind = "n, " * block.varying, ": truth" * block.boolean
    return f"{block.name}[{examples}{members}]{kind}"


def _product(product: Product) -> str:
    terms = product[0].index.shape[1]
    return " * ".join(map(repr, product)) + (f" (t < {terms})" if terms > 1 else "")


def weighted_total(program: Program, gather: Gather) -> Gather:
    """Appends the sum over all examples of seed times value, for each member of a gather."""
    n = len(gather)
    seed = Gather(program.seed, np.zeros((n, 1), np.int64))
    product = (seed, Gather(gather.block, gather.index[:, None]))
    total = program.new_block(n, False)
    program.instructions.append(Sum(total, 0, [product], over_examples=True))
    return Gather(total, np.arange(n))


def is_subtracted(program: Program, product: Product) -> bool:
    """Whether a product of three factors begins with -1, which is no multiplication."""
    sign = product[0]
    return (
        len(product) == 3
        and sign.block is program.constants
        and {program.constant_values[int(k)] for k in np.unique(sign.index)} <= {-1.0}
    )
