"""Branching: the paths of a function as a tree of questions, in the numbers of one example.

`roll` makes one program of all paths, which computes each of them for all examples. A tree
evaluates the conditions first, and computes only the path that an example takes, one example after
another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from micrograd.operation import elementwise
from micrograd.ops import Op

Ref: TypeAlias = "int | float"  # the number of a leaf or a node; or a constant, as a float
Results = tuple[Ref, ...]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fork:
    """A question: the node of its condition, and the places of its two answers."""

    condition: int
    yes: int
    no: int


Node = tuple[Op, tuple[Ref, ...]]  # an operation, and its operands
Place = Fork | Results


@dataclass(eq=False)
class Tree:
    """`leaves` are the numbers that an example is given, numbered from 0; the nodes follow them,
    each after its operands. The first place is the root."""

    leaves: int
    width: int  # the number of results
    nodes: list[Node] = field(default_factory=list[Node])
    places: list[Place] = field(default_factory=list[Place])

    def operands(self, number: Ref) -> tuple[Ref, ...]:
        """The operands of a node; a leaf and a constant have none."""
        if isinstance(number, float) or number < self.leaves:
            return ()
        return self.nodes[number - self.leaves][1]

    def order(self, wanted: Sequence[Ref], known: object = ()) -> Iterator[int]:
        """The leaves and nodes on which some depend, each after its operands, but for those in
        `known`, a container. Each must be added to it before the next one is requested."""
        for x in wanted:
            stack = [x]
            while stack:
                node = stack[-1]
                if isinstance(node, float) or node in known:  # type: ignore[operator]
                    stack.pop()
                    continue
                missing = [
                    y for y in self.operands(node)
                    if not isinstance(y, float) and y not in known  # type: ignore[operator]
                ]  # fmt: skip
                if missing:
                    stack += missing
                else:
                    yield node
                    stack.pop()

    @property
    def paths(self) -> int:
        return sum(not isinstance(place, Fork) for place in self.places)

    def __str__(self) -> str:
        questions = len(self.places) - self.paths
        return f"{self.paths} paths of {questions} questions"


class Numbers:
    """The numbers of nodes for the examples at a place, each computed on demand; those that are
    known at the place above are selected."""

    def __init__(
        self, tree: Tree, leaves: Sequence[NDArray[np.float64]], exact: bool,
        above: "Numbers | None" = None, chosen: Rows | None = None,
    ):  # fmt: skip
        self.tree, self.exact, self.above, self.chosen = tree, exact, above, chosen
        self.known = dict(enumerate(leaves))

    def __contains__(self, x: int) -> bool:
        return self._found(x) is not None

    def of(self, x: Ref) -> NDArray[np.float64]:
        """The numbers of a node: one for each example, or one for all."""
        if isinstance(x, float):
            return np.array([x])
        for node in self.tree.order([x], self):
            op, operands = self.tree.nodes[node - self.tree.leaves]
            self.known[node] = self._computed(op, [*map(self._known, operands)])
        return self._known(x)

    def _computed(self, op: Op, operands: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        if self.exact and not op.boolean:
            return np.atleast_1d(np.asarray(elementwise(op, tuple(operands)), float))
        return np.atleast_1d(op(*operands))

    def _known(self, x: Ref) -> NDArray[np.float64]:
        found = np.array([x]) if isinstance(x, float) else self._found(x)
        assert found is not None
        return found

    def _found(self, x: int) -> NDArray[np.float64] | None:
        """The numbers if they are known here, or at a place above."""
        here: Numbers | None = self
        passed: list[Numbers] = []
        while here is not None and x not in here.known:
            passed.append(here)
            here = here.above
        if here is None:
            return None
        numbers = here.known[x]
        for below in reversed(passed):
            if len(numbers) > 1 and below.chosen is not None:
                numbers = numbers[below.chosen]
            below.known[x] = numbers
        return numbers


def evaluate(
    tree: Tree, leaves: Sequence[NDArray[np.float64]], examples: int, exact: bool
) -> NDArray[np.float64]:
    """The results of each example, of shape (width, examples), in NumPy: the examples are sorted by
    path. `leaves` have a number for each example, or one for all."""
    results = np.empty((tree.width, examples))
    stack = [(0, np.arange(examples), Numbers(tree, leaves, exact))]
    with np.errstate(all="ignore"):
        while stack:
            place, rows, numbers = stack.pop()
            content = tree.places[place]
            if not isinstance(content, Fork):
                for k, x in enumerate(content):
                    results[k, rows] = numbers.of(x)
                continue
            holds = np.broadcast_to(numbers.of(content.condition).astype(bool), len(rows))
            for below, chosen in ((content.no, ~holds), (content.yes, holds)):
                some = np.flatnonzero(chosen)
                if len(some):
                    stack.append((below, rows[some], Numbers(tree, (), exact, numbers, some)))
    return results
