"""Of paths: the trie of a function becomes a program of one instruction, `Branches`.

Each path has its own derivatives, added up as the eager engine does: so the numbers are those of
the engine, bit by bit, if the functions are those of the C library.
"""

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from micrograd import ops
from micrograd.compiler.program.branching import Fork, Ref, Results, Tree
from micrograd.compiler.program.guards import as_written
from micrograd.compiler.program.ir import Block, Branches, Gather, Program, weighted_total
from micrograd.compiler.program.roll import empty_program
from micrograd.compiler.trace.known import Known, results_of
from micrograd.compiler.trace.paths import Leaf
from micrograd.compiler.trace.symbol import Node, Symbol
from micrograd.engine import Value

Answer = Literal["value", "arguments", "parameters"]
Source: TypeAlias = "tuple[int, int] | Value"  # of a number: an argument and a place; a parameter


def tree_program(
    known: Known, parameters: Sequence[Value], answer: Answer,
    shared: tuple[int, ...] = (), summed: tuple[int, ...] = (),
) -> Program:  # fmt: skip
    """The value of the known paths, and the gradient by the arguments or the parameters.

    On an unknown path they are NaN. `shared` and `summed` are as in `roll` and `add_adjoint`.
    """
    graph = known.paths.graph
    program = empty_program(graph, shared, len(parameters))
    inputs = [(a, k) for a, symbols in enumerate(graph.inputs) for k in range(len(symbols))]
    wanted: Sequence[Source] = inputs if answer == "arguments" else parameters
    tree = _Builder(known, [*inputs, *parameters]).tree_of(() if answer == "value" else wanted)
    blocks = [*program.inputs, program.parameters]
    operands = [Gather(x, np.arange(x.size)) for x in blocks if x.size]
    out = program.new_block(tree.width, True)
    program.instructions.append(Branches(out, tree, operands))
    program.unguarded = bool(known.unknown)
    values = known.width
    program.outputs["value"] = [_part(out, 0, values)] if values else []
    if answer == "arguments":
        start = values
        for k, block in enumerate(program.inputs):
            gradient = [_part(out, start, block.size)] if block.size else []
            gradient = [weighted_total(program, g) if k in summed else g for g in gradient]
            program.outputs[f"gradient {k}"] = gradient
            start += block.size
    if answer == "parameters":
        gradient = [_part(out, values, len(parameters))] if parameters else []
        for name, gathers in (("value", program.outputs["value"]), ("gradient", gradient)):
            program.outputs[name] = [weighted_total(program, g) for g in gathers]
    return program


def _part(out: Block, start: int, size: int) -> Gather:
    return Gather(out, np.arange(start, start + size))


class _Builder:
    """Copies nodes of the paths' graph into a tree. `sources` are what its leaves stand for."""

    def __init__(self, known: Known, sources: Sequence[Source]):
        self.known, self.leaves = known, {source: k for k, source in enumerate(sources)}
        self.tree = Tree(len(sources), 0)
        self.numbers: dict[int, Ref] = {}  # of the nodes, by those in the paths' graph
        self.alike: dict[tuple[object, ...], Results] = {}  # the results of paths, by their key

    def tree_of(self, wanted: Sequence[Source]) -> Tree:
        """The results of each path, and their derivatives by what is wanted."""
        self.tree.width = self.known.width + len(wanted)
        unknown: Results = (math.nan,) * self.tree.width
        place = {id(spot): k for k, spot in enumerate(self.known.spots)}
        for spot in self.known.spots:
            if spot.condition is not None:
                condition = self._copied(spot.condition)
                assert isinstance(condition, int)
                self.tree.places.append(Fork(condition, place[id(spot.yes)], place[id(spot.no)]))
            else:
                results = unknown if spot.leaf is None else self._results(spot.leaf, wanted)
                self.tree.places.append(results)
        return self.tree

    def _results(self, leaf: Leaf, wanted: Sequence[Source]) -> Results:
        key = results_of(leaf)
        if key not in self.alike:
            slopes = self.known.paths.slopes(leaf) if wanted else {}
            nodes = [*leaf.outputs, *[slopes.get(source, 0.0) for source in wanted]]
            self.alike[key] = tuple(map(self._copied, nodes))
        return self.alike[key]

    def _copied(self, x: Node) -> Ref:
        if not isinstance(x, Symbol):
            return float(x)
        known, stack = self.numbers, [x]
        while stack:
            node = stack[-1]
            if node.number in known:
                stack.pop()
                continue
            if node.op is None:
                known[node.number] = self.leaves[node.source]
                continue
            op, operands = as_written(node)
            missing = [y for y in operands if isinstance(y, Symbol) and y.number not in known]
            if missing:
                stack += missing
                continue
            refs = tuple([known[y.number] if isinstance(y, Symbol) else float(y) for y in operands])
            if op is ops.identity:
                known[node.number] = refs[0]
            else:
                known[node.number] = self.tree.leaves + len(self.tree.nodes)
                self.tree.nodes.append((op, refs))
        return known[x.number]
