"""Fingerprint: hashes that identify a program, and the version of the compiler.

Machine code is stored on disk under a name made of both. So a program that was compiled before is
recognised once it is rolled, before it is differentiated, scheduled and written as text.
"""

import hashlib
import os
import struct
from functools import cache
from importlib.util import cache_from_source

import micrograd
from micrograd import installation
from micrograd.compiler.program.branching import Fork, Ref, Tree
from micrograd.compiler.program.ir import (
    Block,
    Branches,
    Computation,
    Gather,
    Loop,
    Map,
    Program,
)
from micrograd.ops import Op


def of_program(program: Program) -> str | None:
    """A hash of everything that determines what the program computes; names of blocks do not.

    None if it uses an operation of the user, whose name does not determine its meaning.
    """
    numbers: dict[Block, int] = {}
    parts: list[object] = [program.unguarded, [value.hex() for value in program.constant_values]]
    digest = hashlib.sha256()

    def number(block: Block) -> int:
        if block not in numbers:
            numbers[block] = len(numbers)
            parts.append((block.size, block.varying, block.boolean))
        return numbers[block]

    def read(gathers: list[Gather]) -> list[tuple[int, tuple[int, ...], int]]:
        for gather in gathers:
            digest.update(gather.index.tobytes())
        return [(number(gather.block), gather.index.shape, gather.step) for gather in gathers]

    for block in (*program.inputs, program.parameters, program.constants, program.seed):
        number(block)
    for k, each in enumerate(program.instructions):
        if isinstance(each, Loop):
            parts.append((k, repr(each), len(each.body), len(each.updates), each.origin))
    for instruction in program.computations:
        if not all(op.library for op in _operations(instruction)):
            return None
        written = number(instruction.out), instruction.start, len(instruction)
        parts.append((written, read(instruction.gathers()), _kind(instruction)))
    parts += [(name, read(gathers)) for name, gathers in program.outputs.items()]
    digest.update(repr((len(program.inputs), parts)).encode())
    return digest.hexdigest()


def _operations(instruction: Computation) -> list[Op]:
    if isinstance(instruction, Branches):
        return [op for op, _ in instruction.tree.nodes]
    return [instruction.op if isinstance(instruction, Map) else instruction.combine.op]


def _kind(instruction: Computation) -> object:
    """What an instruction computes from its operands."""
    if isinstance(instruction, Map):
        return instruction.op.identifier, instruction.step
    if isinstance(instruction, Branches):
        return _of_tree(instruction.tree)
    factors = [len(product) for product in instruction.products]
    return instruction.combine.op.name, factors, instruction.over_examples


def _of_tree(tree: Tree) -> object:
    nodes = [(op.identifier, *map(_of_ref, refs)) for op, refs in tree.nodes]
    places = [
        (x.condition, x.yes, x.no) if isinstance(x, Fork) else [*map(_of_ref, x)]
        for x in tree.places
    ]
    return tree.leaves, nodes, places


def _of_ref(x: Ref) -> object:
    return x.hex() if isinstance(x, float) else x


def of_compiler() -> str | None:
    """A hash of the package's source: after a change of any line, programs are compiled again.

    None if the files have changed since they were imported, so that other code may be running.
    """
    try:
        digest = _of_sources()
    except OSError:  # one was removed
        return None
    return digest if installation.unchanged() and not _stale() else None


@cache
def _of_sources() -> str:
    digest = hashlib.sha256(micrograd.__version__.encode())
    for path in installation.sources():
        with open(path, "rb") as source:
            digest.update(path.removeprefix(installation.ROOT).encode() + source.read())
    return digest.hexdigest()


@cache
def _stale() -> bool:
    """Whether Python runs the code of an earlier file: one of the same size and the same second."""
    return any(_is_older(cache_from_source(path), os.stat(path)) for path in installation.sources())


def _is_older(bytecode: str, source: os.stat_result) -> bool:
    """Whether bytecode was made before its source was last written, and yet counts as its own."""
    try:
        if os.stat(bytecode).st_mtime_ns >= source.st_mtime_ns:
            return False
        with open(bytecode, "rb") as file:
            _, flags, second, size = struct.unpack("<4I", file.read(16))
    except (OSError, struct.error):
        return False
    return not flags and (second, size) == (int(source.st_mtime) & _WORD, source.st_size & _WORD)


_WORD = 0xFFFFFFFF
