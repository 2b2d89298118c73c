"""Loop nests: loops over members, examples and terms, and their bodies."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from micrograd.compiler.llvm.abi import LOST
from micrograd.compiler.llvm.addressing import Body, Indices
from micrograd.compiler.llvm.arithmetic import Axis, Register, apply
from micrograd.compiler.llvm.builder import POINTER
from micrograd.compiler.llvm.control_flow import I64, ZERO, integer, plus, times
from micrograd.compiler.llvm.look_up import is_look_up, look_up
from micrograd.compiler.llvm.outer_products import OuterProducts
from micrograd.compiler.schedule.plan import Member, Nest, Step, Stretch
from micrograd.compiler.schedule.schedule import REDUCE_TILE, TILE, VECTOR_TILE

COLUMN = 128  # members that Python is called with at once

# A partial sum: the added terms and the subtracted terms. They are two independent chains, which
# the processor overlaps.
Chains = tuple[ir.Value | None, ir.Value | None]


class LoopNests:
    """Emits a nest into a function."""

    def __init__(self, body: Body):
        self.body, self.b, self.lanes = body, body.b, body.lanes

    def elementwise(self, nest: Nest) -> None:
        def tile(members: list[Indices]) -> None:
            for member in members:
                self._steps(nest.steps, {}, member)

        self._members(nest, 1, tile)

    def opaque(self, nest: Nest) -> None:
        """Calls Python for whole columns: of the chunk's examples, or of members. The columns of
        the operands, and that of the results, follow each other; behind them is a word that
        Python sets once it has answered."""
        (step,), b, body = nest.steps, self.b, self.body
        assert step.op is not None
        length = body.plan.lanes if body.examples else COLUMN
        size = (len(step.operands) + 1) * length
        columns = b.alloca(body.module.number, I64(size + 1))
        callback = body.module.callback(step.op)

        def place(k: int, at: ir.Value) -> ir.Value:
            return plus(b, at, I64(k * length))

        def fill(at: ir.Value, member: Indices) -> None:
            for k, operand in enumerate(step.operands):
                body.store(columns, place(k, at), body.read(operand, {}, member, ZERO))

        def take(at: ir.Value, member: Indices) -> None:
            body.write(step, body.load(columns, place(len(step.operands), at)), member)

        def column(outer: Indices, first: ir.Value, members: int) -> None:
            count = times(b, body.memory.vectors, I64(body.step)) if body.examples else I64(members)
            self._each(outer, first, members, fill)
            body.store_number(columns, I64(size), body.module.splat(0.0, body.module.number))
            b.call_pointer(b.load(callback, typ=POINTER), [columns, I64(length), count])
            answered = body.load_number(columns, I64(size))
            lost = b.fcmp_ordered("==", answered, body.module.splat(0.0, body.module.number))
            with b.if_then(lost):
                b.store(I64(1), body.module.ir.globals[LOST])
            self._each(outer, first, members, take)

        tile = 1 if body.examples else COLUMN
        body.loops.axes(
            nest.axes[:-1],
            lambda outer: body.loops.tiled(
                nest.axes[-1], tile, lambda first, members: column(outer, first, members)
            ),
        )

    def _each(
        self, outer: Indices, first: ir.Value, members: int,
        action: Callable[[ir.Value, Indices], None],
    ) -> None:  # fmt: skip
        """action(place, member) for all examples of a member, or for all members."""
        with self.body.over_vectors() as at:
            if self.body.examples:
                action(at, [*outer, first])
                return
            with self.body.loops.loop(I64(members)) as i:
                action(i, [*outer, plus(self.b, first, i)])

    def straight_line(self, stretch: Stretch) -> None:
        """Members without loops: they share the registers of what one of them loads or stores."""
        with self.body.over_vectors(), self.body.straight_line():
            self.members(stretch)

    def members(self, stretch: Stretch) -> None:
        """The members of a stretch, in order."""
        for tile in stretch:
            first, _ = tile[0]
            sums = self._side_by_side(tile) if first.opens_with_sum else [None]
            for (nest, member), total in zip(tile, sums):
                known = {} if total is None else {nest.steps[0]: total}
                self._steps(nest.steps, known, list(map(integer, member)))

    def _side_by_side(self, tile: list[Member]) -> list[ir.Value]:
        """The long sums of a tile, interleaved, so that terms with the same load are neighbours."""
        indices = [list(map(integer, member)) for _, member in tile]
        terms = [
            (k, factors, t)
            for k, (nest, _) in enumerate(tile)
            for n, factors in nest.steps[0].products
            for t in range(n)
        ]

        def last_read(term: tuple[int, list[Any], int]) -> tuple[str, int]:
            k, factors, t = term
            return factors[-1].block.name, factors[-1].at(tile[k][1], t)

        if not self.body.module.exact:
            terms.sort(key=last_read)
        totals: list[Chains] = [(None, None)] * len(tile)
        for k, factors, t in terms:
            read = [self.body.read(factor, {}, indices[k], integer(t)) for factor in factors]
            totals[k] = self._add(tile[k][0].steps[0], totals[k], read)
        return [self.lanes.difference(*total) for total in totals]

    def _add(self, step: Step, total: Chains, factors: list[ir.Value]) -> Chains:
        """The sum with one more term."""
        added, subtracted = total
        if self.lanes.is_subtracted(factors):
            return added, self.lanes.combine(step, subtracted, factors[1:])
        return self.lanes.combine(step, added, factors), subtracted

    def long_sum(self, nest: Nest) -> None:
        first = nest.steps[0]

        def tile(members: list[Indices]) -> None:
            totals = self._total(first, [self.lanes.start(first) for _ in members], members)
            for member, total in zip(members, totals):
                self.body.write(first, total, member)
                self._steps(nest.steps[1:], {first: total}, member)

        self._members(nest, TILE, tile)

    def _members(self, nest: Nest, tile: int, action: Callable[[list[Indices]], None]) -> None:
        """action(members) for all members, a tile at a time; in vectors if they are contiguous."""
        outer, n, width = nest.axes[:-1], nest.axes[-1], self.body.module.width
        vectors = n // width if not self.body.examples and nest.is_contiguous else 0

        def at(indices: Indices) -> None:
            def members(first: ir.Value, count: int, apart: int = 1) -> None:
                at = [plus(self.b, first, I64(k * apart)) for k in range(count)]
                with self.body.over_vectors():
                    action([[*indices, i] for i in at])

            if vectors:
                with self.lanes.lanes_along(Axis.MEMBERS):
                    self.body.loops.tiled(
                        vectors,
                        min(tile, VECTOR_TILE),
                        lambda i, count: members(times(self.b, i, I64(width)), count, width),
                    )
            self.body.loops.tiled(n, tile, members, start=vectors * width)

        self.body.loops.axes(outer, at)

    def _total(self, step: Step, totals: list[ir.Value], members: list[Indices]) -> list[ir.Value]:
        """The totals of a tile of members, with all terms of the sum added."""
        for terms, factors in step.products:
            start = 0
            if self._terms_in_lanes(step, terms, factors):
                start = terms // self.body.module.width * self.body.module.width
                with self.lanes.lanes_along(Axis.TERMS):
                    parts = self._add_terms(
                        step, [self.lanes.zero() for _ in members], members, factors, 0, start
                    )
                    sums = [self.lanes.sum_of_lanes(part) for part in parts]
                totals = [self.b.fadd(x, y) for x, y in zip(totals, sums)]
            totals = self._add_terms(step, totals, members, factors, start, terms)
        return totals

    def _terms_in_lanes(self, step: Step, terms: int, factors: list[Any]) -> bool:
        """Whether the terms are neighbours in memory, and may be added in any order."""
        free = self.lanes.axis is Axis.NONE and not self.body.module.exact
        free = free and step.combine.linear
        near = all(f.table is None and f.term in (0, 1) for f in factors)
        return free and near and terms >= self.body.module.width

    def _add_terms(
        self,
        step: Step,
        totals: list[Any],
        members: list[Indices],
        factors: Any,
        start: int,
        stop: int,
    ) -> list[ir.Value]:
        def add(totals: list[ir.Value], t: ir.Value) -> list[ir.Value]:
            read: dict[Any, ir.Value] = {}  # loads that do not depend on the member are shared
            return [
                self.lanes.combine(step, total, self._factors(read, factors, member, t))
                for total, member in zip(totals, members)
            ]

        return self.body.loops.accumulate(
            totals,
            I64(stop),
            add,
            I64(start),
            self.lanes.width if self.lanes.axis is Axis.TERMS else 1,
        )

    def _factors(
        self, read: dict[Any, ir.Value], factors: Any, member: Indices, t: ir.Value
    ) -> list[ir.Value]:
        """The factors of a term. Where the seed is 0, the example is padding: it must add 0, even
        if it is infinite."""
        numbers = [self._shared(read, factor, member, t) for factor in factors]
        if self.body.examples and factors[0].block is self.body.plan.program.seed:
            seed, *others = numbers
            zero = self.lanes.constant(0.0).value
            counts = self.b.fcmp_ordered("!=", seed, zero)
            return [seed, *[self.b.select(counts, x, zero) for x in others]]
        return numbers

    def _shared(
        self, read: dict[Any, ir.Value], factor: Any, member: Indices, t: ir.Value
    ) -> ir.Value:
        moving = [id(i) for i, stride in zip(member, factor.strides) if stride]
        key = id(factor), *(map(id, member) if factor.table is not None else moving)
        if key not in read:
            read[key] = self.body.read(factor, {}, member, t)
        return read[key]

    def reduce(self, nest: Nest) -> None:
        """Sums over examples, for tiles of rows and columns; the lanes are added up at the end."""
        (step,) = nest.steps
        if nest.factors:
            OuterProducts(self.body).sum(nest, *nest.factors)
            return
        if not self.body.examples:  # one example: its terms, in vectors of members
            self._members(nest, TILE, lambda members: self._reduce_tile(step, members))
            return
        *outer, rows, columns = (1, *nest.axes)

        def at(indices: Indices) -> None:
            def row(i: ir.Value, height: int) -> None:
                def tile(j: ir.Value, breadth: int) -> None:
                    members = [
                        [*indices, plus(self.b, i, I64(p)), plus(self.b, j, I64(q))]
                        for p in range(height)
                        for q in range(breadth)
                    ]
                    self._reduce_tile(step, [m[-len(nest.axes) :] for m in members])

                self.body.loops.tiled(columns, REDUCE_TILE, tile)

            self.body.loops.tiled(rows, REDUCE_TILE, row)

        self.body.loops.axes(tuple(outer), at)

    def _reduce_tile(self, step: Step, members: list[Indices]) -> None:
        def at(totals: list[ir.Value], x: ir.Value) -> list[ir.Value]:
            self.body.enter_vector(x)
            return self._total(step, totals, members)

        count = self.body.memory.vectors if self.body.examples else I64(1)
        totals = self.body.loops.accumulate([self.lanes.zero() for _ in members], count, at)
        align = self.body.module.bytes
        for member, total in zip(members, totals):
            if self.body.examples:
                total = self.lanes.sum_of_lanes(total)
            if self.body.examples or self.body.memory.trip is not None:
                so_far = self.b.load(
                    self.body.sum_place(step, member), align=self.body.module.bytes, typ=total.type
                )
                zero = ir.Constant(total.type, 0.0)
                total = self.b.fadd(self.b.select(self.body.memory.first, zero, so_far), total)
            self.b.store(total, self.body.sum_place(step, member), align=align)

    def _steps(self, steps: list[Step], known: dict[Step, ir.Value], indices: Indices) -> None:
        with self.body.straight_line():
            for step in steps:
                if step not in known:
                    known[step] = self._value(step, known, indices)
                self.body.write(step, known[step], indices)

    def _value(self, step: Step, known: dict[Step, ir.Value], indices: Indices) -> ir.Value:
        if is_look_up(step):
            return look_up(self.body, step, known, indices)
        if step.op is not None:
            operands = [self.body.read(o, known, indices, ZERO) for o in step.operands]
            return apply(
                step.op, tuple([Register(self.lanes, operand) for operand in operands])
            ).value
        total: Chains = (None, None)
        for terms, factors in step.products:
            for t in range(terms):
                read = [self.body.read(f, known, indices, integer(t)) for f in factors]
                total = self._add(step, total, read)
        return self.lanes.difference(*total)
