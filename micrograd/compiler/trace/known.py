"""Known: the trie of a function's paths at one time.

Its order does not depend on when each path was found: so a new process, which meets examples in
another order, makes the same program.
"""

from collections.abc import Collection
from dataclasses import dataclass

from micrograd.compiler.trace.paths import Branch, Leaf, Paths, Place
from micrograd.compiler.trace.symbol import Node, Symbol


@dataclass(eq=False, slots=True)
class Spot:
    """A place of the trie, which may grow, and what was there."""

    place: Place
    condition: Symbol | None = None  # of a question: the places if it holds, and if it does not
    yes: "Spot | None" = None
    no: "Spot | None" = None
    leaf: Leaf | None = None  # of a known path


class Known:
    """The known paths. `spots` begin with the root; each comes before those below it."""

    def __init__(self, paths: Paths, left_out: Collection[Place] = ()):
        self._left_out = left_out
        assert paths.first is not None
        self.paths = paths
        self.count = paths.count
        self.width = len(paths.first.outputs)  # the number of results
        self.root = self._spot(paths.root)
        self.spots: list[Spot] = []
        stack = [self.root]
        while stack:
            spot = stack.pop()
            self.spots.append(spot)
            if isinstance(spot.place.content, Branch):
                self._open(spot, spot.place.content)
                stack += [x for x in (spot.no, spot.yes) if x is not None]
        self.unknown = [x.place for x in self.spots if x.condition is None and x.leaf is None]

    def rare(self, share: float) -> set[Place]:
        """The places of paths that a smaller share of the examples take."""
        leaves = [(spot.place, spot.leaf.count) for spot in self.spots if spot.leaf is not None]
        total = sum(count for _, count in leaves)
        return {place for place, count in leaves if count < share * total}

    def without(self, places: set[Place]) -> "Known":
        """The same trie, in which some paths count as unknown."""
        return Known(self.paths, places)

    def _spot(self, place: Place) -> Spot:
        known = isinstance(place.content, Leaf) and place not in self._left_out
        return Spot(place, leaf=place.content if known else None)  # type: ignore[arg-type]

    def _open(self, spot: Spot, branch: Branch) -> None:
        """Enters what is below. Questions which integer a number is were asked in the order of the
        examples; here they are in the order of the integers."""
        if spot.condition is not None:  # below a question of that kind, which has entered it
            return
        asked, place = [branch], branch.no
        while isinstance(place.content, Branch) and _same_number(branch, place.content):
            asked.append(place.content)
            place = place.content.no
        if branch.integer is not None:
            asked.sort(key=lambda each: each.integer or 0)
        for each in asked[:-1]:
            spot.condition, spot.yes = each.condition, self._spot(each.yes)
            spot.no = spot = Spot(spot.place)
        spot.condition, spot.yes = asked[-1].condition, self._spot(asked[-1].yes)
        spot.no = self._spot(place)


def _same_number(one: Branch, other: Branch) -> bool:
    """Whether both ask which integer the same number is."""
    return (
        one.integer is not None
        and other.integer is not None
        and one.condition.operands[0] is other.condition.operands[0]
    )


def results_of(leaf: Leaf) -> tuple[object, ...]:
    """A key: paths with equal keys have the same results."""
    return tuple([_key(x) for x in leaf.outputs])


def _key(x: Node) -> object:
    return x.number if isinstance(x, Symbol) else float(x).hex()
