"""Branches: a tree of questions in native code, one example at a time.

A node is computed where it is first needed, and its register holds below that place. Paths with the
same results share their code, which is emitted at the last question above all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from llvmlite import ir

from micrograd.compiler.llvm.addressing import Body
from micrograd.compiler.llvm.arithmetic import Axis, Register, apply
from micrograd.compiler.llvm.control_flow import I64, plus, times
from micrograd.compiler.program.branching import Fork, Ref, Results, Tree
from micrograd.compiler.schedule.access import Access
from micrograd.compiler.schedule.plan import Nest
from micrograd.compiler.trace.errors import formula


@dataclass
class _Shared:
    """The code of paths with the same results."""

    results: Results
    block: ir.Block | None = None


@dataclass
class _Places:
    """What is known of each place of a tree before code is emitted."""

    tree: Tree
    shared: list[_Shared | None] = field(init=False)  # of each path
    ends: dict[int, list[_Shared]] = field(init=False)  # by the last question above all of them

    def __post_init__(self) -> None:
        above, depth = [-1] * len(self.tree.places), [0] * len(self.tree.places)
        for k, place in enumerate(self.tree.places):
            if isinstance(place, Fork):
                for below in (place.yes, place.no):
                    above[below], depth[below] = k, depth[k] + 1
        groups: dict[object, list[int]] = {}
        for k, place in enumerate(self.tree.places):
            if not isinstance(place, Fork):
                groups.setdefault(tuple(map(_key, place)), []).append(k)
        self.shared, self.ends = [None] * len(above), {}
        for some in groups.values():
            results, end, last = self.tree.places[some[0]], some[0], some[-1]
            shared = _Shared(results)  # type: ignore[arg-type]
            for k in some:
                self.shared[k] = shared
            while end != last:  # places are in pre-order: what is above both is above all
                if depth[end] >= depth[last]:
                    end = above[end]
                else:
                    last = above[last]
            self.ends.setdefault(end, []).append(shared)


def _key(x: Ref) -> object:
    return x.hex() if isinstance(x, float) else x


class TreeEmitter:
    """Emits the nest of a tree into a function."""

    def __init__(self, body: Body, nest: Nest):
        (self.step,) = nest.steps
        assert self.step.tree is not None
        self.body, self.b, self.tree = body, body.b, self.step.tree
        self.leaves: list[tuple[Access, int]] = [
            (x, k) for x in self.step.operands if isinstance(x, Access) for k in range(x.axes[0])
        ]
        self.example: ir.Value = I64(0)
        self.known: dict[int, Register] = {}
        self.made: list[int] = []  # the keys of `known`, in order

    def emit(self) -> None:
        with self.body.lanes.lanes_along(Axis.NONE), self._each_example() as example:
            self.example = example
            self._emit_tree()

    @contextmanager
    def _each_example(self) -> Iterator[ir.Value]:
        if not self.body.examples:
            yield I64(0)
            return
        count = times(self.b, self.body.memory.vectors, I64(self.body.step))
        with self.body.loops.loop(count) as e:
            yield e

    def _emit_tree(self) -> None:
        b, places = self.b, _Places(self.tree)
        end = b.append_basic_block("end")
        work: list[tuple[int, ir.Block | None, int]] = [(0, b.block, 0)]
        while work:
            place, block, before = work.pop()
            if block is None:  # all below this place is emitted
                self._forget(before)
                for shared in places.ends.get(place, ()):
                    self._emit_results(shared, end)
                continue
            self._forget(before)
            b.position_at_end(block)
            content = self.tree.places[place]
            if isinstance(content, Fork):
                truth = self.body.lanes.truth_of(self._register(content.condition))
                known = len(self.made)
                yes, no = b.append_basic_block("yes"), b.append_basic_block("no")
                work += [(place, None, known), (content.no, no, known), (content.yes, yes, known)]
                b.cbranch(truth, yes, no)
                continue
            shared = places.shared[place]
            assert shared is not None
            if shared.block is None:
                shared.block = b.append_basic_block("path")
            b.branch(shared.block)
            if place in places.ends:  # it is the only one with these results
                self._emit_results(shared, end)
        b.position_at_end(end)

    def _emit_results(self, shared: _Shared, end: ir.Block) -> None:
        before = len(self.made)
        self.b.position_at_end(shared.block)
        for j, x in enumerate(shared.results):
            number = self.body.lanes.number_of(self._register(x))
            self.body.store_lane(self.step.target.block, I64(j), self.example, number)
        self.b.branch(end)
        self._forget(before)

    def _forget(self, count: int) -> None:
        """Keeps only the first registers: the others are not valid on all ways to the next
        block."""
        while len(self.made) > count:
            del self.known[self.made.pop()]

    def _register(self, x: Ref) -> Register:
        if isinstance(x, float):
            return self.body.lanes.constant(x)
        for number in self.tree.order([x], self.known):
            self.known[number] = self._computed(number)
            self.made.append(number)
        return self.known[x]

    def _computed(self, number: int) -> Register:
        lanes = self.body.lanes
        if number < self.tree.leaves:
            access, k = self.leaves[number]
            place = plus(self.b, I64(access.base), I64(k))
            return Register(lanes, self.body.load_lane(access.block, place, self.example))
        op, refs = self.tree.nodes[number - self.tree.leaves]
        if not refs:
            return lanes.register(formula(op, ()))
        return lanes.register(apply(op, tuple([self._operand(x) for x in refs])))

    def _operand(self, x: Ref) -> Register:
        return self.body.lanes.constant(x) if isinstance(x, float) else self.known[x]
