"""Paths: a function that asks questions, as a trie of the paths that its examples take.

A place of the trie is a question, the results of a path, or unknown: no example has reached it yet.
All paths are merged into one graph, in which equal nodes are one; so each question of the trie is
one condition. A path is traced by answering the questions above its place as the trie says, never
by asking again: near a tie, a program in other precision may answer otherwise.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.compiler.trace.called import Shape, trace
from micrograd.compiler.trace.columns import Columns, Examples, Rows
from micrograd.compiler.trace.errors import TraceError, differs, too_many_paths
from micrograd.compiler.trace.questions import Example, Given, Questions
from micrograd.compiler.trace.symbol import Condition, Node, Symbol
from micrograd.compiler.trace.trace import Trace
from micrograd.engine import Value
from micrograd.graph import gradients, topological_order
from micrograd.structure import Structure

MOST_PATHS, MOST_NODES = 6_000, 400_000
IN_LANES, NODES_IN_LANES = 256, 20_000  # beyond either, the examples of each path run apart

Groups = list[tuple["Leaf", Rows]]  # the paths that were taken, and by which examples


@dataclass(eq=False, slots=True)
class Branch:
    """A question, and the places after it: one if it holds, one if it does not."""

    condition: Symbol
    integer: int | None  # that a number was compared with; None: the condition was asked for
    line: str
    yes: "Place"
    no: "Place"


@dataclass(eq=False, slots=True)
class Leaf:
    """The results of a path."""

    outputs: list[Node]
    example: Example  # on which it was traced
    number: int  # of paths found before
    count: int = 0  # of the examples seen here, before the program was compiled
    slopes: dict[Any, Node] | None = None  # of the one output, by inputs and parameters
    takes: list[Symbol] = field(default_factory=list[Symbol])  # each `take` of the path


@dataclass(eq=False, slots=True)
class Place:
    above: "tuple[Place, bool] | None" = None  # the place of the question before, and the answer
    content: Branch | Leaf | None = None  # None: unknown

    def given(self) -> list[Given]:
        """The answers that lead here."""
        answers: list[Given] = []
        place = self
        while place.above is not None:
            place, holds = place.above
            assert isinstance(place.content, Branch)
            answers.append((holds, place.content.integer))
        return answers[::-1]


@dataclass
class Paths:
    """The known paths of a function, for arguments of one structure and shape."""

    function: Callable[..., Any]
    structure: Structure
    shapes: list[Shape]
    numbers_only: bool
    locked: Callable[[], AbstractContextManager[Any]]  # while paths are merged, not while traced
    root: Place = field(default_factory=Place)
    graph: Trace = field(default_factory=Trace)
    first: Trace | None = None  # the path that was traced first
    count: int = 0  # of paths found
    debt: float = 0.0  # seconds spent on paths that are not compiled: see `apart`
    _same: dict[Any, Symbol] = field(default_factory=dict[Any, Symbol])

    def start(self, path: Trace) -> None:
        """Adds the first path."""
        self.first = path
        for symbols in path.inputs:
            self.graph.inputs.append([Symbol(self.graph, None, (), x.source) for x in symbols])
        with self.locked():
            self._add(path, [])

    @property
    def are_many(self) -> bool:
        """Whether they are too many to compute all of them for each example."""
        return self.count > IN_LANES or len(self._same) > NODES_IN_LANES

    def explore(
        self, places: list[tuple[Place, Rows]], examples: Examples, exact: bool = False
    ) -> Groups:
        """Traces the paths of these examples, from the places that they have reached, and says
        which examples take which path.

        Raises TraceError if the function answers another question than before: it depends on more
        than its arguments.
        """
        found: list[Place] = []
        try:
            groups = self._explore(places, Columns(self.graph, examples, exact), found)
            if found or self.count == 1:
                self._check_again()
        except BaseException:  # what was found is in doubt
            for place in found:
                place.content = None
            self.count -= len(found)
            raise
        return groups

    def _explore(
        self, work: list[tuple[Place, Rows]], columns: Columns, found: list[Place]
    ) -> Groups:
        groups: Groups = []
        while work:
            place, rows = work.pop()
            if not len(rows):
                continue
            content = place.content
            if isinstance(content, Branch):
                holds = columns.of(content.condition)[rows].astype(bool)
                work += [(content.no, rows[~holds]), (content.yes, rows[holds])]
            elif isinstance(content, Leaf):
                content.count += len(rows)
                groups.append((content, rows))
            else:
                path = self._traced(place.given(), columns.examples.example(int(rows[0])))
                with self.locked():
                    if place.content is None:  # no other thread was quicker
                        self._add(path, found)
                work.append((place, rows))
        return groups

    def _traced(self, given: list[Given], example: Example) -> Trace:
        questions = Questions(lambda: example, given)
        try:
            return trace(self.function, self.structure, self.shapes, self.numbers_only, questions)
        except Exception as error:
            error.add_note(f"This happens on the example {shown(example)}.")
            raise

    def _add(self, path: Trace, found: list[Place]) -> None:
        assert path.questions is not None
        assert self.first is not None
        outputs, takes, place = self._followed(path)
        if place.content is not None:
            raise differs(self.function)
        expected = self.first.output_structure, self.first.output_shapes
        if (path.output_structure, path.output_shapes) != expected:
            raise TraceError(
                f"{name_of(self.function)} returns results of different structures or shapes, by "
                "the numbers of the example. Instead, always return equally many"
            )
        found.append(place)
        self.count += 1
        place.content = Leaf(outputs, path.questions.example, self.count, takes=takes)
        if self.count > MOST_PATHS or len(self._same) > MOST_NODES:
            raise too_many_paths(name_of(self.function), self.count - 1, self.lines())

    def _followed(self, path: Trace) -> tuple[list[Node], list[Symbol], Place]:
        """Of a path in the merged graph: outputs, takes, place. New questions are added."""
        assert path.questions is not None
        known, place = self._merged(path), self.root
        for question in path.questions.asked:
            condition = known[question.condition.number]
            if place.content is None:
                yes, no = Place((place, True)), Place((place, False))
                place.content = Branch(condition, question.integer, question.line, yes, no)
            branch = place.content
            if (
                not isinstance(branch, Branch)
                or branch.condition is not condition
                or branch.integer != question.integer
            ):
                raise differs(self.function)
            place = branch.yes if question.holds else branch.no
        takes = [known[node.number] for node in path.nodes if node.op is ops.take]
        return [_of(known, x) for x in path.outputs], takes, place

    def _check_again(self) -> None:
        """Traces the oldest and the newest path once more: all must be as before."""
        leaves = self.leaves
        for place in {leaves[0], leaves[-1]}:
            leaf = place.content
            assert isinstance(leaf, Leaf)
            path = self._traced(place.given(), leaf.example)
            with self.locked():
                outputs, _, found = self._followed(path)
            if found is not place or not all(map(alike, outputs, leaf.outputs)):
                raise differs(self.function)

    def _merged(self, path: Trace) -> dict[int, Symbol]:
        """The nodes of a path in the merged graph, by number. What a path computes twice stays two
        nodes, so that no NaN cancels."""
        graph, times = self.graph, dict[Any, int]()
        known = {
            x.number: mine
            for symbols, own in zip(path.inputs, graph.inputs)
            for x, mine in zip(symbols, own)
        }
        for value, symbol in path.met.items():
            known[symbol.number] = graph.symbol(value)
        for k, symbol in enumerate(path.unknowns):
            if k == len(graph.unknowns):
                graph.unknown()
            known[symbol.number] = graph.unknowns[k]
        for node in path.nodes:
            operands = tuple([_of(known, x) for x in node.operands])
            key = node.op, *[x.number if isinstance(x, Symbol) else x.hex() for x in operands]
            times[key] = times.get(key, 0) + 1
            found = self._same.get((key, times[key]))
            if found is None:
                source = None if node.source is None else _of(known, node.source)
                kind = Condition if isinstance(node, Condition) else Symbol
                found = kind(graph, node.op, operands, source)
                if node.number in path.of_norms:
                    graph.of_norms.add(found.number)
                self._same[key, times[key]] = found
            known[node.number] = found
        return known

    def as_graph(self, before: tuple[Value, ...] = ()) -> Trace:
        """The graph of all nodes. It has no outputs: those are of each path."""
        assert self.first is not None
        self.graph.output_structure = self.first.output_structure
        self.graph.output_shapes = self.first.output_shapes
        self.graph.order_parameters(before)
        return self.graph

    def slopes(self, leaf: Leaf) -> dict[Any, Node]:
        """The derivatives of the one output of a path, by the sources of the numbers that it
        depends on; added up as the engine does."""
        with self.locked():
            if leaf.slopes is None:
                (root,) = leaf.outputs
                nodes = [x for node in topological_order(root) for x in (*node.operands, node)]
                known = {x for x in [root, *nodes] if isinstance(x, Symbol) and x.op is None}
                inputs = sorted(known, key=lambda x: x.number)
                found = gradients(root, inputs, again=False) if inputs else []
                leaf.slopes = {x.source: 0.0 + g for x, g in zip(inputs, found)}
        return leaf.slopes

    @property
    def leaves(self) -> list[Place]:
        """The places of known paths, in the order in which these were found."""
        return sorted(
            [place for place in self.places() if isinstance(place.content, Leaf)],
            key=lambda place: place.content.number,  # type: ignore[union-attr]
        )

    def places(self) -> Iterator[Place]:
        """All places, each before those below it; where a question holds, first."""
        stack = [self.root]
        while stack:
            place = stack.pop()
            yield place
            if isinstance(place.content, Branch):
                stack += place.content.no, place.content.yes

    def lines(self) -> dict[str, int]:
        """The lines that ask, and how many questions of the trie each has asked."""
        counts: dict[str, int] = {}
        for place in self.places():
            if isinstance(place.content, Branch):
                counts[place.content.line] = counts.get(place.content.line, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: -item[1]))


def alike(x: Node, y: Node) -> bool:
    """Whether two nodes are one, or two floats have the same bits."""
    if isinstance(x, float) and isinstance(y, float):
        return x.hex() == y.hex()
    return x is y


def name_of(function: Any) -> str:
    return getattr(function, "__name__", None) or repr(function)


def shown(example: Example) -> str:
    """The numbers of an example, as far as they fit."""
    inputs = [np.asarray(x).tolist() for x in example.inputs]
    return f"{', '.join(str(x[0] if len(x) == 1 else x) for x in inputs):.200}"


def _of(known: dict[int, Symbol], x: Node) -> Any:
    return known[x.number] if isinstance(x, Symbol) else x
