"""Ways: whether all paths are computed in lanes, or each example branches and takes its own.

In lanes, all paths are computed for all examples, in vectors, and `where` chooses. With branches,
an example computes its own path alone, and the processor predicts the branches. Paths that few
examples take may be left out of the lanes: these examples are computed with branches afterwards.

The estimates count instructions of the machine (`cost`), on the examples whose paths are known.
Their constants were fitted to `benchmarks/control_flow.py`.
"""

from dataclasses import dataclass

from micrograd.compiler.program.guards import as_written
from micrograd.compiler.schedule.cost import cost
from micrograd.compiler.trace.known import Known, Spot
from micrograd.compiler.trace.paths import alike
from micrograd.compiler.trace.symbol import Node, Symbol
from micrograd.lazy import cached_property

MISS = 24.0  # instructions that a mispredicted branch costs
IN_LANES = 0.55  # of the time of one after the other: neighbours in lanes do not wait for another
GRADIENT_IN_LANES, GRADIENT_IN_BRANCHES = 2.3, 1.8  # times the work of the value: that of both
ONE_MORE = 80.0  # instructions: an example that is gathered, computed in branches and put back
LOOK = 4.0  # instructions: a test whether an example is one of these
LONGEST = 30_000  # operations of all branches: more code takes long to compile
SHARES = (0.001, 0.005, 0.02, 0.05)  # paths that fewer examples take may be left out of the lanes
GAIN = 0.7  # of the time: two programs take twice as long to compile


@dataclass(frozen=True)
class Way:
    """How a function with paths is computed: paths that a smaller share than `rare` of the examples
    take are left out of the lanes; all are if it is 1."""

    rare: float = 0.0

    @property
    def has_lanes(self) -> bool:
        return self.rare < 1


ALL_LANES, NO_LANES = Way(), Way(1.0)


class Estimate:
    """The work of the known paths."""

    def __init__(self, known: Known):
        self.known = known
        self.examples = {id(spot): 0 for spot in known.spots}
        for spot in reversed(known.spots):
            if spot.leaf is not None:
                self.examples[id(spot)] = spot.leaf.count
            for below in (spot.yes, spot.no):
                if below is not None:
                    self.examples[id(spot)] += self.examples[id(below)]
        self.total = max(self.examples[id(known.root)], 1)
        self.opaque = False
        self.own: dict[int, float] = {}  # the work that an example does at each place
        self.code = 0.0  # of all branches
        self._walk()

    def share(self, spot: Spot) -> float:
        return self.examples[id(spot)] / self.total

    def _walk(self) -> None:
        """Finds which nodes are first needed at each place."""
        known: set[int] = set()
        made: list[int] = []
        stack = [(self.known.root, 0)]
        while stack:
            spot, before = stack.pop()
            while len(made) > before:
                known.discard(made.pop())
            wanted: list[Node] = spot.leaf.outputs if spot.leaf else []
            wanted = wanted if spot.condition is None else [spot.condition]
            self.own[id(spot)] = self._work(wanted, known, made)
            self.code += self.own[id(spot)]
            stack += [(x, len(made)) for x in (spot.no, spot.yes) if x is not None]

    def _work(self, wanted: list[Node], known: set[int], made: list[int]) -> float:
        """The work of nodes that are not known yet; they are added."""
        total, stack = 0.0, [x for x in wanted if isinstance(x, Symbol)]
        while stack:
            node = stack.pop()
            if node.op is None or node.number in known:
                continue
            known.add(node.number)
            made.append(node.number)
            op, operands = as_written(node)
            self.opaque |= op.opaque
            total += cost(op, len(operands))
            stack += [x for x in operands if isinstance(x, Symbol)]
        return total

    @cached_property
    def misses(self) -> float:
        """The mispredicted branches of an example."""
        forks = [spot for spot in self.known.spots if spot.yes is not None and spot.no is not None]
        return sum(min(self.share(x.yes), self.share(x.no)) for x in forks)  # type: ignore[arg-type]

    def branches(self, gradient: bool) -> float:
        """The work of an example that branches."""
        work = sum(self.share(x) * self.own[id(x)] for x in self.known.spots)
        return work * (GRADIENT_IN_BRANCHES if gradient else 1.0) + MISS * self.misses

    def lanes(self, rare: float, gradient: bool) -> float:
        """The work of all paths but those that a smaller share of the examples take."""
        known: set[int] = set()
        work, results = 0.0, dict[int, list[Node] | None]()
        for spot in reversed(self.known.spots):
            if spot.yes is None or spot.no is None:
                kept = spot.leaf is not None and self.share(spot) >= rare
                results[id(spot)] = spot.leaf.outputs if spot.leaf and kept else None
                work += self._work(results[id(spot)] or [], known, [])
                continue
            yes, no = results[id(spot.yes)], results[id(spot.no)]
            results[id(spot)] = yes if no is None else no
            if yes is not None or no is not None:
                assert spot.condition is not None
                work += self._work([spot.condition], known, [])
                chosen = [alike(x, y) for x, y in zip(yes or [], no or [])]
                work += len(chosen) - sum(chosen) if yes and no else len(yes or no or [])
        return work * (GRADIENT_IN_LANES if gradient else 1.0)

    def rest(self, rare: float, gradient: bool) -> float:
        """The mean work of an example on paths that are not in the lanes."""
        times, work, total = GRADIENT_IN_BRANCHES if gradient else 1.0, dict[int, float](), 0.0
        for spot in self.known.spots:
            here = work.get(id(spot), 0.0) + self.own[id(spot)]
            for below in (spot.yes, spot.no):
                work[id(below)] = here
            if spot.leaf is not None and self.share(spot) < rare:
                total += self.share(spot) * (ONE_MORE + 2 * MISS + here * times)
        return LOOK + total


def choose(known: Known, gradient: bool, width: int, in_parts: bool) -> Way:
    """The way that takes the least time, for vectors of `width` numbers. Unless `in_parts`, paths
    are not divided between lanes and branches: the answer is a sum over the examples."""
    it = Estimate(known)
    if it.opaque or it.code * (GRADIENT_IN_BRANCHES if gradient else 1.0) > LONGEST:
        return ALL_LANES
    scale = IN_LANES / width if width > 1 else 1.0
    in_lanes, in_branches = scale * it.lanes(0.0, gradient), it.branches(gradient)
    best, time = (NO_LANES, in_branches) if in_branches < in_lanes else (ALL_LANES, in_lanes)
    for rare in SHARES if in_parts and width > 1 else ():
        some = scale * it.lanes(rare, gradient) + it.rest(rare, gradient)
        if some < min(time, GAIN * in_lanes, GAIN * in_branches):
            best, time = Way(rare), some
    return best
