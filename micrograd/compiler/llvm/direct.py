"""Direct: short straight-line code on the caller's arrays, without rows in between.

Vectors of examples are loaded and transposed, computed, transposed back and stored in one loop, so
that the processor overlaps all of these. The examples must lie one behind the other, and fill whole
vectors; others go by way of rows, to the same bits.
"""

import math
from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from micrograd.compiler.llvm import interleaving
from micrograd.compiler.llvm.addressing import Body, Memory
from micrograd.compiler.llvm.builder import POINTER, Builder
from micrograd.compiler.llvm.call_table import CallTable
from micrograd.compiler.llvm.control_flow import I64, plus, times
from micrograd.compiler.llvm.loop_nests import LoopNests
from micrograd.compiler.llvm.marshalling import Marshalling
from micrograd.compiler.llvm.module import Module
from micrograd.compiler.program.ir import Gather
from micrograd.compiler.schedule.plan import Plan, Stretch

SHUFFLES = 24  # of an input or output, at most: as many as for 8 numbers


def function_of(module: Module, plan: Plan, parts: Sequence[Any]) -> ir.Function | None:
    """direct(w, u, r, d, table, seed, start, vectors) for these examples, where it pays off."""
    if len(parts) != 1 or not isinstance(parts[0], list) or not _pays(plan):
        return None
    function = module.define("direct", [*[POINTER] * 5, module.number, I64, I64])
    function.attributes.add("optnone")
    *pointers, pointer, seed, start, vectors = function.args
    b = Builder(function.append_basic_block())
    body = Body(module, plan, b, Memory(*pointers, vectors=vectors), True)
    Direct(body, CallTable(b, pointer, len(plan.program.inputs)), start).emit(parts[0], seed)
    b.ret_void()
    return function


def _pays(plan: Plan) -> bool:
    """Whether all inputs and outputs are a few numbers per example, and not all are single ones,
    which lie in columns anyway."""
    sizes = [block.size for block in plan.program.inputs if block.varying]
    sizes += [sum(map(len, gathers)) for gathers in plan.program.outputs.values()]
    few = all(interleaving.shuffles(size) <= SHUFFLES for size in sizes)
    return few and not plan.starts and math.prod(sizes) > 1


def applies(marshalling: Marshalling, table: CallTable, apart: ir.Value) -> ir.Value:
    """Whether a chunk is whole, and its inputs lie one behind the other, apart from outputs."""
    b, result = marshalling.b, marshalling.b.and_(apart, marshalling.is_whole())
    for k, block in enumerate(marshalling.body.plan.program.inputs):
        if block.varying:
            near = b.icmp_signed("==", table.stride(k), I64(block.size))
            result = b.and_(result, near)
    return result


class Direct:
    """Emits a stretch into a function, for whole vectors of examples from `start` on."""

    def __init__(self, body: Body, table: CallTable, start: ir.Value):
        self.body, self.b, self.table, self.start = body, body.b, table, start
        self.program = body.plan.program

    def emit(self, stretch: Stretch, seed: ir.Value) -> None:
        body, table, outputs = self.body, self.table, self.program.outputs
        given = [(block, table.input(k)) for k, block in enumerate(self.program.inputs)]
        out = [table.output(k) for k in range(len(outputs))]
        plain, watching = Marshalling(body), Marshalling(body)
        plain.start = watching.start = self.start
        with watching.watching(table), body.over_vectors() as e, body.straight_line():
            for block, array in given:
                if block.varying:
                    self._load(block, array, plus(self.b, self.start, e))
            body.keep(self.program.seed, 0, body.lanes.broadcast(seed))
            LoopNests(body).members(stretch)
            for k, gathers in enumerate(outputs.values()):
                if any(gather.block.varying for gather in gathers):
                    marshalling = watching if self.program.watches(k) else plain
                    marshalling.store_few(self._columns(gathers), out[k], e)

    def _load(self, block: Any, array: ir.Value, example: ir.Value) -> None:
        at = times(self.b, example, I64(block.size))
        for k, column in enumerate(interleaving.loaded(self.body, array, at, block.size)):
            self.body.keep(block, k, column)

    def _columns(self, gathers: list[Gather]) -> interleaving.Vectors:
        places = [(gather.block, int(k)) for gather in gathers for k in gather.index.ravel()]
        return [self.body.number(*place) for place in places]
