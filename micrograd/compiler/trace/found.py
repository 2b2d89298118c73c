"""Found: the loops that Python ran while a function was traced, as recurrences.

A loop is a run whose body depends on its own results of earlier trips, in more than a sum: sums are
reductions already. Where parallel members look like a recurrence, at the distance of their number,
the trip is that many bodies.
"""

from collections.abc import Iterator

import numpy as np

from micrograd import ops
from micrograd.compiler.trace.body import Body, Edge
from micrograd.compiler.trace.components import components
from micrograd.compiler.trace.periods import Run, runs
from micrograd.compiler.trace.recurrence import Recurrence
from micrograd.compiler.trace.words import COMPUTED, Graph, Words, words_of
from micrograd.ops import Op

TRIPS, NODES = 8, 1000  # what a loop has at least: fewer are quick enough as they are written
LOOKED_AT = 32  # runs, from the longest one

SUMS = {ops.add, ops.sub, ops.sum, ops.dot}


def recurrences(graph: Graph) -> list[Recurrence]:
    """The loops in a graph, in its order."""
    if len(graph.nodes) < NODES:
        return []
    return [found for _, found in sorted(_Finder(words_of(graph)).found(), key=lambda x: x[0])]


class _Finder:
    def __init__(self, words: Words):
        self.words = words
        self.free = np.ones(words.count, bool)  # of the nodes, those in no loop
        self.reads = np.bincount(  # of each node, by its first word
            np.concatenate([words.value[words.kind == COMPUTED], words.shown]),
            minlength=words.head[-1],
        )

    def found(self) -> Iterator[tuple[Run, Recurrence]]:
        """Of the longest stretches first, each by its smallest period."""
        some = sorted(
            runs(self.words, TRIPS, NODES), key=lambda run: (run.start - run.stop, run.period)
        )
        for whole in some[:LOOKED_AT]:
            if self.free[whole.start : whole.stop].sum() < 3 * whole.period:
                continue
            rivals = [run for run in some if _covers(run, whole)]
            for run in sorted(rivals, key=lambda run: run.period):
                found = self._loop(run)
                if found is not None:
                    yield run, found
                    break

    def _loop(self, run: Run) -> Recurrence | None:
        """The loop of a run, if it is one that gains."""
        body = self._sequential(run)
        if body is None:
            return None
        run = self._unclaimed(body.best().run)
        if not _gains(run):
            return None
        found = Body(self.words, run).recurrence()
        if found is None or not _gains(run._replace(stop=run.start + found.trips * run.period)):
            return None
        self.free[run.stop - found.trips * run.period : run.stop] = False
        return found

    def _sequential(self, run: Run) -> Body | None:
        """The body that a later trip depends on an earlier one by, in more than a sum."""
        while _gains(run):
            body = Body(self.words, run)
            if not body.ago[body.inner].any() or not all(map(_may_repeat, body.operations)):
                return None
            distance = self._distance(body)
            if distance < 2:
                return body if distance else None
            run = run._replace(period=run.period * distance)
        return None

    def _distance(self, body: Body) -> int:
        """The smallest distance, in trips, at which a number depends on itself; 0: at none."""
        sources: list[list[int]] = [[] for _ in body.operations]
        for reader, node, _ in body.edges:
            sources[reader].append(node)
        component = components(sources)
        within = [edge for edge in body.edges if component[edge[0]] == component[edge[1]]]
        of_component: dict[int, list[Edge]] = {}
        for edge in within:
            of_component.setdefault(component[edge[0]], []).append(edge)
        cores = [edges for edges in of_component.values() if not self._is_sum(body, edges)]
        return min((ago for edges in cores for _, _, ago in edges if ago), default=0)

    def _is_sum(self, body: Body, edges: list[Edge]) -> bool:
        """Whether a cycle is one sum, or one maximum, whose parts nothing else reads."""
        nodes = {reader for reader, _, _ in edges}
        operations = {body.operations[node] for node in nodes}
        largest = operations == {ops.maximum} and len(nodes) == 1
        heads = body.begin + body.width + body.head[[*nodes]]
        once = len(edges) == len(nodes) and (self.reads[heads] == 1).all()
        return bool((largest or operations <= SUMS) and once)

    def _unclaimed(self, run: Run) -> Run:
        """Without the trips at both ends that belong to another loop."""
        start, stop, period = run.start, run.start + run.trips * run.period, run.period
        while start < stop and not self.free[start : start + period].all():
            start += period
        while start < stop and not self.free[stop - period : stop].all():
            stop -= period
        claimed = not self.free[start:stop].all()
        return Run(start, start if claimed else stop, period)


def _covers(run: Run, other: Run) -> bool:
    """Whether a run repeats as often or oftener, on the same stretch."""
    if run.period > other.period:
        return False
    return run.start <= other.start + other.period and run.stop >= other.stop - other.period


def _gains(run: Run) -> bool:
    return run.trips >= TRIPS and run.trips * run.period > NODES


def _may_repeat(op: Op) -> bool:
    return op is not ops.norm and op.iteration is None and not op.opaque
