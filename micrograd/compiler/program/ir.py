"""The rolled program: blocks of alike scalars, and instructions that compute them.

A block is an array of scalars that were computed in the same way. An instruction computes a run of
a block's members at once; its operands are gathers, which say for each member which scalar of
another block it reads. There are two kinds: `Map` applies an operation of the table to each member,
`Sum` adds up products of one or two factors, or takes them off. A matrix product is a `Sum` whose
gathers repeat in rows and columns.

A block varies when its numbers differ from example to example; else it is uniform, computed once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from micrograd import ops
from micrograd.operation import elementwise
from micrograd.ops import Op

Index = NDArray[np.int64]


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
    """For each member (and term) the place in `block` that is read: of shape (m,) or (m, T)."""

    block: Block
    index: Index

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"{self.block.name}[{describe(self.index)}]"


# One or two factors, each of shape (m, T). Before two factors may stand constants, which are -1.
Product = tuple[Gather, ...]


@dataclass(eq=False)
class Map:
    """out[start + i] = op(operand[i], ...)"""

    out: Block
    start: int
    op: Op
    operands: list[Gather]

    def __len__(self) -> int:
        return len(self.operands[0])

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
    combine: Op = ops.add  # or maximum: then it is the largest of single terms

    def __len__(self) -> int:
        return len(self.products[0][0]) if self.products else self.members

    def gathers(self) -> list[Gather]:
        return [factor for product in self.products for factor in product]

    def __repr__(self) -> str:
        terms = [_product(product) for product in self.products] or ["0"]
        if self.combine is ops.maximum:
            return f"{target(self)} = largest of {', '.join(terms)}"
        over = " over all examples" if self.over_examples else ""
        return f"{target(self)} = sum{over} of {' + '.join(terms)}"


Instruction = Map | Sum


@dataclass(eq=False)
class Program:
    """Blocks in the order in which they are computed, and what the program answers.

    `outputs` names each answer; an answer is the concatenation of its gathers. Where guards against
    `0 * inf` were left out, that may show as a NaN.
    """

    inputs: list[Block]
    parameters: Block
    constants: Block
    seed: Block
    constant_values: list[float] = field(default_factory=list)
    instructions: list[Instruction] = field(default_factory=list)
    outputs: dict[str, list[Gather]] = field(default_factory=dict)
    unguarded: bool = False
    names: Iterator[int] = field(default_factory=lambda: iter(range(1, 1 << 60)))
    _places: dict[str, int] = field(default_factory=dict)

    def new_block(self, size: int, varying: bool, boolean: bool = False) -> Block:
        return Block(f"%{next(self.names)}", size, varying, boolean=boolean)

    def constant(self, value: float) -> int:
        """The place of a number among the constants."""
        place = self._places.setdefault(value.hex(), len(self.constant_values))
        if place == len(self.constant_values):
            self.constant_values.append(value)
            self.constants.size = len(self.constant_values)
        return place

    def __str__(self) -> str:
        given = [f"{b.name}[{b.size}]" for b in (*self.inputs, self.parameters) if b.size]
        lines = [f"program of {', '.join(given) or 'nothing'}"]
        lines += [f"  {self._show(i)}" for i in self.instructions]
        for name, gathers in self.outputs.items():
            lines.append(f"  {name} = {', '.join(map(self._show, gathers)) or 'nothing'}")
        return "\n".join(lines)

    def _show(self, thing: Any) -> str:
        """Its text, with constants that are the same for all members in place of gathers."""
        text = repr(thing)
        for gather in thing.gathers() if not isinstance(thing, Gather) else [thing]:
            if gather.block is self.constants and np.ptp(gather.index) == 0:
                text = text.replace(
                    repr(gather), f"{self.constant_values[gather.index.flat[0]]:.12g}"
                )
        return text


def target(instruction: Instruction) -> str:
    out, start, stop = instruction.out, instruction.start, instruction.start + len(instruction)
    return f"{out.name}[{out.size}]" if stop - start == out.size else f"{out.name}[{start}:{stop}]"


def _product(product: Product) -> str:
    terms = product[0].index.shape[1]
    return " * ".join(map(repr, product)) + (f" (t < {terms})" if terms > 1 else "")


def describe(index: Index) -> str:
    """An index array as a formula of the member i and the term t, where it is one.

    >>> describe(np.array([[0, 1], [2, 3], [4, 5]]))
    '2i + t'
    >>> describe(np.array([7, 7]))
    '7'
    >>> describe(np.array([0, 0, 0, 1, 1, 1]))
    'i // 3'
    >>> describe(np.array([3, 1, 4]))
    'table of 3'
    """
    if index.ndim == 2 and index.shape[1] == 1:
        index = index[:, 0]
    if index.ndim == 1:
        return _along(index, "i") or f"table of {index.size}"
    i, t = _along(index[:, 0] - index[0, 0], "i"), _along(index[0] - index[0, 0], "t")
    if i and t and (index == index[:, :1] + index[:1] - index[0, 0]).all():
        parts = [x for x in (i, t) if x != "0"] + [str(index[0, 0])] * bool(index[0, 0])
        return " + ".join(parts).replace("+ -", "- ") or "0"
    return f"table of {index.shape[0]} x {index.shape[1]}"


def _along(index: Index, letter: str) -> str:
    """As `describe`, along one axis; empty where there is no formula."""
    first, n = int(index[0]), len(index)
    plus = f" + {first}" if first else ""
    if n == 1 or ((step := int(index[1]) - first) == 0 and np.ptp(index) == 0):
        return str(first)
    places = np.arange(n)
    if (index == first + step * places).all():
        return f"{_times(step)}{letter}{plus}"
    changes = np.flatnonzero(np.diff(index))
    run = int(changes[0]) + 1 if len(changes) else n
    if run > 1 and (index == first + places // run * (index[run] - first)).all():
        step = int(index[run]) - first
        return f"{'' if step == 1 else f'{step} '}{letter} // {run}{plus}"
    wraps = np.flatnonzero(index == first)
    period = int(wraps[1]) if len(wraps) > 1 else n
    if period < n and (index == index[places % period]).all():
        inner = _along(index[:period], letter)
        return inner and f"({inner} of i % {period})" if letter == "i" else ""
    return ""


def _times(step: int) -> str:
    return {1: "", -1: "-"}.get(step, str(step))


def is_taken_off(program: Program, product: Product) -> bool:
    """Whether a product of three factors begins with -1, which is no multiplication."""
    sign = product[0]
    return (
        len(product) == 3
        and sign.block is program.constants
        and all(program.constant_values[k] == -1 for k in np.unique(sign.index))
    )


always_verify = False  # between all passes; it takes time that only tests have


def verify(program: Program) -> None:
    """Asserts what each pass promises to the next: no member is read before it is computed, none is
    computed twice, gathers stay within their blocks, and nothing uniform reads what varies."""
    written: dict[Block, NDArray[np.bool_]] = {}
    given = [*program.inputs, program.parameters, program.constants, program.seed]
    for block in given:
        written[block] = np.ones(block.size, bool)
    assert len(program.constant_values) == program.constants.size
    for instruction in program.instructions:
        n = len(instruction)
        for gather in instruction.gathers():
            assert gather.index.shape[0] == n > 0, f"{instruction}: {gather} has another length"
            _verify_gather(gather, written)
        varying = any(gather.block.varying for gather in instruction.gathers())
        reduces = isinstance(instruction, Sum) and instruction.over_examples
        assert not (reduces and instruction.out.varying), f"{instruction}: varying?"
        assert reduces or instruction.out.varying >= varying, (
            f"{instruction} is uniform, its operands vary"
        )
        assert instruction.out not in given, f"{instruction} writes what is given"
        if isinstance(instruction, Sum):
            for product in instruction.products:
                _, *factors = product if is_taken_off(program, product) else (None, *product)
                assert len({factor.index.shape for factor in product}) == 1 <= len(factors) <= 2
                assert all(factor.index.ndim == 2 for factor in product)
        else:
            assert all(operand.index.ndim == 1 for operand in instruction.operands)
            assert instruction.out.boolean == instruction.op.boolean
        members = written.setdefault(instruction.out, np.zeros(instruction.out.size, bool))
        run = slice(instruction.start, instruction.start + n)
        assert run.stop <= len(members), f"{instruction} writes beyond its block"
        assert not members[run].any(), f"{instruction} computes a member twice"
        members[run] = True
    for gathers in program.outputs.values():
        for gather in gathers:
            _verify_gather(gather, written)


def checked(program: Program) -> Program:
    """The program, verified if `always_verify` says so."""
    if always_verify:
        verify(program)
    return program


def _verify_gather(gather: Gather, written: dict[Block, Any]) -> None:
    assert gather.block in written, f"{gather} is read before it is computed"
    assert gather.index.size == 0 or (
        gather.index.min() >= 0 and gather.index.max() < gather.block.size
    ), f"{gather} reaches beyond {gather.block.size}"
    assert written[gather.block][gather.index].all(), f"{gather} is read before it is computed"


def evaluate(
    program: Program,
    inputs: list[NDArray[Any]],
    parameters: NDArray[Any],
    seed: Any = 1.0,
    exact: bool = False,
) -> dict[str, NDArray[Any]]:
    """Runs the program in NumPy: the reference of the back ends, the fallback where none is.

    `inputs`: an array of shape (examples, size) for each input; `parameters`: (size,); `seed`: a
    number or one for each example, what the gradient of each example counts. Answers an array of
    shape (examples, members), or (members,) where nothing varies, for each output.

    `exact` computes each number as the eager engine does: some functions of NumPy's differ from the
    C library's in the last bit, and its sums are in another order.
    """
    examples = len(seed) if np.ndim(seed) else len(inputs[0]) if inputs else 1
    numbers: dict[Block, NDArray[Any]] = {
        block: np.asarray(array if block.varying else array[:1], float).T
        for block, array in zip(program.inputs, inputs, strict=True)
    }
    numbers[program.parameters] = np.asarray(parameters, float)[:, None]
    numbers[program.constants] = np.array(program.constant_values, float)[:, None]
    numbers[program.seed] = np.broadcast_to(np.asarray(seed, float), (1, examples))
    with np.errstate(all="ignore"):
        for instruction in program.instructions:
            out = instruction.out
            if out not in numbers:
                dtype = bool if out.boolean else float
                numbers[out] = np.zeros((out.size, examples if out.varying else 1), dtype)
            run = slice(instruction.start, instruction.start + len(instruction))
            numbers[out][run] = _compute(instruction, numbers, examples, exact)
    return {name: _answer(gathers, numbers, examples) for name, gathers in program.outputs.items()}


def _compute(
    instruction: Instruction, numbers: dict[Block, Any], examples: int, exact: bool
) -> Any:
    if isinstance(instruction, Map):
        operands = tuple([numbers[g.block][g.index] for g in instruction.operands])
        in_numpy = not exact or instruction.op is ops.take  # which raises on single numbers
        return instruction.op(*operands) if in_numpy else elementwise(instruction.op, operands)
    if instruction.combine is ops.maximum:
        largest = [numbers[g.block][g.index].max(axis=1) for (g,) in instruction.products]
        return reduce(np.maximum, largest)
    total: Any = np.full((len(instruction), 1), -0.0)  # -0 + x is x to the bit
    for product in instruction.products:
        factors = [numbers[g.block][g.index] for g in product]  # (m, T, examples or 1)
        terms = reduce(np.multiply, factors)
        total = reduce(np.add, terms.swapaxes(0, 1), total) if exact else total + terms.sum(axis=1)
    total = total if instruction.products else total + 0.0
    if instruction.over_examples:
        count = examples if total.shape[1] == 1 else 1  # uniform terms count once for each example
        return total.sum(axis=1, keepdims=True) * count
    return total


def _answer(gathers: list[Gather], numbers: dict[Block, Any], examples: int) -> NDArray[Any]:
    parts = [numbers[g.block][g.index].astype(float) for g in gathers]
    if not any(g.block.varying for g in gathers):
        return np.concatenate([part[:, 0] for part in parts]) if parts else np.zeros(0)
    wide = [np.broadcast_to(part, (len(part), examples)) for part in parts]
    return np.concatenate(wide).T
