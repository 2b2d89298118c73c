"""Fingerprint: what tells a program from all others, and this compiler from another one.

Machine code is kept on disk under a name that is made of both: so a program that was compiled once
is known again when it is rolled, before it is differentiated, scheduled and written as text.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import micrograd
from micrograd import ops
from micrograd.compiler.program.ir import Block, Gather, Map, Program
from micrograd.ops import Op


def of_program(program: Program) -> str | None:
    """A hash of all that decides what the program computes, but for names that nobody reads.

    None where it uses an operation that is not this package's own: what a user's means is not known
    by its name.
    """
    numbers: dict[Block, int] = {}
    parts: list[Any] = [program.unguarded, [value.hex() for value in program.constant_values]]
    digest = hashlib.sha256()

    def number(block: Block) -> int:
        if block not in numbers:
            numbers[block] = len(numbers)
            parts.append((block.size, block.varying, block.boolean))
        return numbers[block]

    def read(gathers: list[Gather]) -> list[Any]:
        for gather in gathers:
            digest.update(gather.index.tobytes())
        return [(number(gather.block), gather.index.shape) for gather in gathers]

    for block in (*program.inputs, program.parameters, program.constants, program.seed):
        number(block)
    for instruction in program.instructions:
        op: Op = instruction.op if isinstance(instruction, Map) else instruction.combine
        if getattr(ops, op.name, None) is not op:
            return None
        written = number(instruction.out), instruction.start, len(instruction)
        gathers = read(instruction.gathers())
        if isinstance(instruction, Map):
            parts.append((op.name, written, gathers))
        else:
            factors = [len(product) for product in instruction.products]
            parts.append((op.name, written, gathers, factors, instruction.over_examples))
    parts += [(name, read(gathers)) for name, gathers in program.outputs.items()]
    digest.update(repr((len(program.inputs), parts)).encode())
    return digest.hexdigest()


@cache
def of_compiler() -> str:
    """A hash of the package's source: whoever changes a line of it compiles anew."""
    digest = hashlib.sha256(micrograd.__version__.encode())
    package = Path(micrograd.__file__).parent
    sources = *package.glob("*.py"), *package.glob("compiler/**/*.py"), *package.glob("**/*.ll")
    for path in sorted(sources):
        digest.update(f"{path.relative_to(package)}".encode() + path.read_bytes())
    return digest.hexdigest()
