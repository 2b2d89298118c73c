"""Found: finds the loops that Python ran while a function was traced, as recurrences.

A loop is a run whose body depends on its own results of earlier trips. A running sum alone is not
such a loop: it becomes a reduction anyway. If a number depends only on the result of d trips
earlier, for example because d chains are interleaved, then d bodies form one trip.
"""

from collections.abc import Iterator

import numpy as np

from micrograd import ops
from micrograd.compiler.trace.body import Body, Edge
from micrograd.compiler.trace.components import components
from micrograd.compiler.trace.periods import Run, runs
from micrograd.compiler.trace.recurrence import Recurrence, may_repeat
from micrograd.compiler.trace.words import COMPUTED, Words

TRIPS, NODES = 8, 1000  # of a loop, at least: shorter ones are fast enough when unrolled
EXAMINED = 32  # runs, the longest ones

SUMS = {ops.add, ops.sub, ops.sum, ops.dot}


def recurrences(words: Words) -> list[Recurrence]:
    """The loops in a graph, in its order."""
    if words.count < NODES:
        return []
    return [found for _, found in sorted(_Finder(words).found(), key=lambda x: x[0])]


class _Finder:
    """Chooses among the runs of a graph those that are loops."""

    def __init__(self, words: Words):
        self.words = words
        self.free = np.ones(words.count, bool)  # whether each node is in no loop
        self.reads = np.bincount(  # how often each node is read, by its first word
            np.concatenate([words.value[words.kind == COMPUTED], words.shown]),
            minlength=words.head[-1],
        )

    def found(self) -> Iterator[tuple[Run, Recurrence]]:
        """The loops: the longest stretches first, each with the smallest period that is a loop."""
        some = sorted(
            runs(self.words, TRIPS, NODES), key=lambda run: (run.start - run.stop, run.period)
        )
        for whole in some[:EXAMINED]:
            if self.free[whole.start : whole.stop].sum() < 3 * whole.period:
                continue
            rivals = [run for run in some if _covers(run, whole)]
            for run in sorted(rivals, key=lambda run: run.period):
                found = self._loop(run)
                if found is not None:
                    yield run, found
                    break

    def _loop(self, run: Run) -> Recurrence | None:
        """The loop of a run; None if it is none, or too short."""
        body = self._sequential(run)
        if body is None:
            return None
        run = self._unclaimed(body.best().run)
        if not _is_long(run):
            return None
        found = Body(self.words, run).recurrence()
        if found is None or not _is_long(run._replace(stop=run.start + found.trips * run.period)):
            return None
        self.free[run.stop - found.trips * run.period : run.stop] = False
        return found

    def _sequential(self, run: Run) -> Body | None:
        """The body of which a trip depends on the trip before, not only by a sum; or None."""
        while _is_long(run):
            body = Body(self.words, run)
            if not body.ago[body.inner].any() or not all(map(may_repeat, body.operations)):
                return None
            distance = self._distance(body)
            if distance < 2:
                return body if distance else None
            run = run._replace(period=run.period * distance)
        return None

    def _distance(self, body: Body) -> int:
        """The smallest number of trips after which a number depends on itself; 0 if none does."""
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
        """Whether a cycle is one sum or one maximum, whose partial results nothing else reads."""
        nodes = {reader for reader, _, _ in edges}
        operations = {body.operations[node] for node in nodes}
        largest = operations == {ops.maximum} and len(nodes) == 1
        heads = body.begin + body.width + body.head[[*nodes]]
        once = len(edges) == len(nodes) and (self.reads[heads] == 1).all()
        return bool((largest or operations <= SUMS) and once)

    def _unclaimed(self, run: Run) -> Run:
        """The run without the trips at both ends that belong to another loop."""
        start, stop, period = run.start, run.start + run.trips * run.period, run.period
        while start < stop and not self.free[start : start + period].all():
            start += period
        while start < stop and not self.free[stop - period : stop].all():
            stop -= period
        claimed = not self.free[start:stop].all()
        return Run(start, start if claimed else stop, period)


def _covers(run: Run, other: Run) -> bool:
    """Whether `run` covers the stretch of `other` with an equal or smaller period."""
    if run.period > other.period:
        return False
    return run.start <= other.start + other.period and run.stop >= other.stop - other.period


def _is_long(run: Run) -> bool:
    return run.trips >= TRIPS and run.trips * run.period > NODES
