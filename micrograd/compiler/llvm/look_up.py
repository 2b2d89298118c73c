"""Look-up: `take` from a long table in memory, by one load for each lane.

If the table is short, or its numbers are in registers, `take` is a chain of selects instead.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from llvmlite import ir

from micrograd import ops
from micrograd.compiler.llvm.addressing import Body, Indices
from micrograd.compiler.llvm.arithmetic import Axis, Register
from micrograd.compiler.llvm.control_flow import I32, I64, ZERO, integer, plus, times
from micrograd.compiler.program.ir import Index
from micrograd.compiler.schedule.access import Access
from micrograd.compiler.schedule.plan import Step

LONG = 16  # rows: a chain of more selects is slower than the loads


def is_look_up(step: Step) -> bool:
    """Whether a step takes from a long table that lies in one block, the same for all examples."""
    if step.op is not ops.take or len(step.operands) <= LONG:
        return False
    rows = [x for x in step.operands[:-1] if isinstance(x, Access)]
    first = rows[0].block if rows else None
    return len(rows) == len(step.operands) - 1 and all(
        x.block is first and not x.block.varying and not x.block.boolean for x in rows
    )


def look_up(body: Body, step: Step, known: dict[Step, ir.Value], indices: Indices) -> ir.Value:
    """The table's number at the index of each lane; NaN if the index is invalid."""
    b, lanes = body.b, body.lanes
    index = lanes.number_of(Register(lanes, body.read(step.operands[-1], known, indices, ZERO)))
    rows = [x for x in step.operands[:-1] if isinstance(x, Access)]
    valid = _is_valid(body, index, len(rows))
    safe = b.select(valid, index, lanes.constant(0.0).value)
    place = _place_of(body, rows, indices)
    vector = lanes.vector if isinstance(lanes.vector, ir.VectorType) else None
    whole = b.fptosi(safe, I64 if vector is None else ir.VectorType(I64, vector.count))
    if vector is None:
        result = body.load_number(*body.uniform(rows[0].block, place(whole, 0)))
    else:
        result = ir.Constant(vector, ir.Undefined)
        for lane in range(vector.count):
            at = place(b.extract_element(whole, I32(lane)), lane)
            number = body.load_number(*body.uniform(rows[0].block, at))
            result = b.insert_element(result, number, I32(lane))
    return b.select(valid, result, lanes.constant(float("nan")).value)


def _is_valid(body: Body, index: ir.Value, rows: int) -> ir.Value:
    """Whether the numbers are integers from 0 to `rows` - 1; false for NaN."""
    b, lanes = body.b, body.lanes
    is_whole = b.fcmp_ordered("==", index, lanes.primitive(ops.floor, [index]))
    is_high = b.fcmp_ordered(">=", index, lanes.constant(0.0).value)
    is_low = b.fcmp_ordered("<", index, lanes.constant(float(rows)).value)
    return b.and_(is_whole, b.and_(is_high, is_low))


def _place_of(
    body: Body, rows: list[Access], indices: Indices
) -> Callable[[ir.Value, int], ir.Value]:
    """A function that returns the index in the block of row k, for a lane."""
    b, places = body.b, _places(rows)
    first, apart = rows[0], places[0] - places[0, 0]
    if (places != places[:, :1] + apart).any():
        member = _member(body, indices, first.axes)
        start = times(b, member, integer(len(rows)))
        return lambda k, lane: _entry(body, places, b.add(start, k))
    start = body.place(first, indices, None)
    stride = int(apart[1])
    is_affine = (apart == stride * np.arange(len(rows))).all()

    def place(k: ir.Value, lane: int) -> ir.Value:
        beside = lane * first.strides[-1] if body.lanes.axis is Axis.MEMBERS else 0
        row = times(b, k, integer(stride)) if is_affine else _entry(body, apart, k)
        return plus(b, plus(b, start, row), integer(beside))

    return place


def _places(rows: list[Access]) -> Index:
    """The index in the block that each member reads in each row, of shape (members, rows)."""
    axes = rows[0].axes
    members = np.indices(axes).reshape(len(axes), -1)
    columns = [
        x.base + np.array(x.strides) @ members if x.table is None else x.table[:, 0] for x in rows
    ]
    return np.stack(columns, axis=1)


def _member(body: Body, indices: Indices, axes: tuple[int, ...]) -> ir.Value:
    at: ir.Value = I64(0)
    for i, n in zip(indices, axes):
        at = plus(body.b, times(body.b, at, I64(n)), i)
    return at


def _entry(body: Body, table: Index, at: ir.Value) -> ir.Value:
    entry = body.b.gep(body.module.table(table), [at], source_etype=I32)
    return body.b.sext(body.b.load(entry, typ=I32), I64)
