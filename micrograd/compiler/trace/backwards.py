"""Backwards: the gradient of a recurrence, which is a recurrence from its last trip to its first.

A backward trip reads the gradients of the numbers that the forward trip passed on, and passes on
the gradients of those with which that trip began. It recomputes the forward results that it needs,
except those that are stored: results that were passed on, and those that cost more to compute than
to read.
"""

from collections.abc import Callable
from dataclasses import dataclass

from micrograd import graph, ops
from micrograd.compiler.trace.recurrence import (
    Carried,
    Kept,
    Operand,
    Read,
    Recurrence,
    Same,
    Slope,
    Source,
)
from micrograd.compiler.trace.symbol import Condition, Node, Symbol
from micrograd.compiler.trace.trace import Trace

Slot = tuple[int, int]  # the result of an operation, so many trips ago

# Operations that are computed again: to do so costs no more than to read the result.
CHEAP = {ops.add, ops.sub, ops.mul, ops.neg, ops.identity, ops.where, *ops.GUARDS}
FEW = 9  # operands of a sum or a dot that is cheap


@dataclass(eq=False)
class Backwards:
    """The recurrence, and which of its operations computes what.

    `of_slot`: the gradients of the initial state, after the last trip. `of_read`, by the identity
    of the source: the contribution of each trip to its gradient, as a sum.
    """

    recurrence: Recurrence
    of_slot: dict[Slot, int]
    of_read: dict[int, int]
    source: dict[int, Source]  # all that the loop reads, by their identity


def backwards(
    forward: Recurrence, late: set[int], each: set[int], known: Callable[[int], bool],
    wanted: Callable[[Source], bool], again: bool = False,
) -> Backwards | None:  # fmt: skip
    """The gradient of a loop in which the results of the operations `late` have gradients after the
    last trip, and those of `each` in each trip. `known` returns whether the result of an operation
    can be stored, `wanted` whether the gradient of a source is needed. With `again` it will be
    differentiated itself, and is None if it depends on the branch that a trip takes."""
    pass_ = _Backwards(forward, known, wanted)
    always = pass_.differentiate(late, each, again)
    return pass_.written(late) if always or not again else None


class _Backwards:
    def __init__(
        self, forward: Recurrence, known: Callable[[int], bool], wanted: Callable[[Source], bool]
    ):
        self.forward, self.known, self.wanted, self.trace = forward, known, wanted, Trace()
        slots = [(j, d) for j, n in forward.carried().items() for d in range(1, n + 1)]
        self.begin = {slot: self._leaf() for slot in slots}
        # Each leaf: a number to read, or a result of the trip before.
        self.read: dict[Symbol, Operand] = {x: Read(Kept(*s)) for s, x in self.begin.items()}
        self.passed: dict[Symbol, Symbol] = {}
        self.sources: dict[int, Symbol] = {}  # by their identity
        self.source: dict[int, Source] = {}
        self.nodes: list[Symbol] = []  # the operations of the forward loop
        for op, operands in zip(forward.ops, forward.operands):
            kind = Condition if op.boolean else Symbol
            self.nodes.append(kind(self.trace, op, tuple(map(self._forward, operands))))
        self.number = {node: j for j, node in enumerate(self.nodes)}

    def _leaf(self, read: Operand | None = None) -> Symbol:
        leaf = Symbol(self.trace, None, ())
        if read is not None:
            self.read[leaf] = read
        return leaf

    def _forward(self, x: Operand) -> Node:
        """An operand of the forward loop."""
        if isinstance(x, Same):
            return self.nodes[x.node]
        if isinstance(x, Carried):
            return self.begin[x.node, x.distance]
        if isinstance(x.source, float):
            return x.source
        if id(x.source) not in self.sources:
            self.sources[id(x.source)], self.source[id(x.source)] = self._leaf(x), x.source
        return self.sources[id(x.source)]

    def differentiate(self, late: set[int], each: set[int], again: bool) -> bool:
        """Appends the chain rule to the operations of the forward loop. Returns whether it does not
        depend on the branches that are taken."""
        gradient: dict[Symbol, Symbol] = {}
        live = {*self.forward.live(late | each)}
        arrives = {slot: self._leaf() for slot in self.begin if slot[0] in live}
        self.late = {j: self._leaf() for j in sorted(late) if (j, 1) not in arrives}
        ends = {s: self.begin[s[0], s[1] - 1] if s[1] > 1 else self.nodes[s[0]] for s in arrives}
        pairs = [
            *((ends[slot], g) for slot, g in arrives.items()),
            *((self.nodes[j], g) for j, g in self.late.items()),
            *((self.nodes[j], self._leaf(Read(Slope(j)))) for j in sorted(each)),
        ]
        for node, g in pairs:
            gradient[node] = gradient[node] + g if node in gradient else g
        gradient = dict(reversed(gradient.items()))  # so the chain rule meets the first one first
        inputs = [*self.begin.values(), *self.sources.values()]
        reached: dict[Symbol, object] = {}
        found = dict(zip(inputs, graph.pulled_back(gradient, inputs, again, reached)))
        self.of_slot = {slot: self._named(found[self.begin[slot]]) for slot in arrives}
        self.passed |= {g: self.of_slot[slot] for slot, g in arrives.items()}
        self.passed |= {g: self._named(0.0) for g in self.late.values()}
        self.of_source = {
            key: Symbol(self.trace, ops.sum, (found[x],))
            for key, x in self.sources.items()
            if isinstance(found[x], Symbol) and self.wanted(self.source[key])
        }
        return all(reached.get(x, True) is True for x in inputs)

    def _named(self, x: Node) -> Symbol:
        return Symbol(self.trace, ops.identity, (x,))

    def written(self, late: set[int]) -> Backwards:
        needed = self._needed()
        nodes = [node for node in self.trace.nodes if node in needed]
        self.place = {node: k for k, node in enumerate(nodes)}
        of_slot = {slot: self.place[x] for slot, x in self.of_slot.items()}
        initial: dict[Slot, int | float | Slope]
        initial = {(self.place[x], 1): 0.0 for x in self.passed.values()}
        for j in late:
            end = self.of_slot[j, 1] if (j, 1) in of_slot else self.passed[self.late[j]]
            initial[self.place[end], 1] = Slope(j)
        recurrence = Recurrence(
            self.forward.trips,
            [node.op for node in nodes if node.op is not None],
            [[self._operand(x) for x in node.operands] for node in nodes],
            initial,
            backwards=not self.forward.backwards,
        )
        of_read = {key: self.place[x] for key, x in self.of_source.items()}
        return Backwards(recurrence, of_slot, of_read, self.source)

    def _needed(self) -> set[Symbol]:
        """The operations to compute. Stored results become numbers to read."""
        needed = set[Symbol]()
        stack: list[Node] = [*self.of_slot.values(), *self.passed.values()]
        stack += self.of_source.values()
        while stack:
            x = stack.pop()
            if not isinstance(x, Symbol) or x.op is None or x in needed or x in self.read:
                continue
            if x in self.number and self._is_kept(x):
                self.read[x] = Read(Kept(self.number[x], 0))
                continue
            needed.add(x)
            stack += x.operands
        return needed

    def _is_kept(self, node: Symbol) -> bool:
        j, op = self.number[node], node.op
        if (j, 1) in self.begin:
            return True
        few = op in (ops.sum, ops.dot) and len(node.operands) <= FEW
        return not (few or node.op in CHEAP or isinstance(node, Condition)) and self.known(j)

    def _operand(self, x: Node) -> Operand:
        if not isinstance(x, Symbol):
            return Read(x)
        if x in self.place:
            return Same(self.place[x])
        if x in self.passed:
            return Carried(self.place[self.passed[x]], 1)
        if x in self.read:
            return self.read[x]
        return Read(float(x.source.data))  # a Value that a user's derivative captured
