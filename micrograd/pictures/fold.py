"""Fold: groups the scalars of a large graph, so that a picture shows each group as one box.

The groups are the blocks of the compiler, and each index in a block is a member. A scalar that the
compiler merged into a sum belongs to the value that uses it. Leaves are grouped by their names up
to a bracket; leaves without names, by the operations that read them and their position there.
Blocks that repeat, such as the steps of a recurrence, form one group whose members are the
repetitions. If more than a hundred groups are left, as in an irregular graph, neighbouring groups
are merged.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from micrograd import ops
from micrograd.engine import Value
from micrograd.working import Numbered, label

MANY = 40  # a graph with fewer computed values is not folded, nor are repeats of fewer groups
MOST = 100  # boxes: more values are grouped, more groups are merged


@dataclass
class Folding:
    """The groups of a graph: the title of each, and for each value its group and its member."""

    titles: list[str] = field(default_factory=list[str])
    group: dict[Value, int] = field(default_factory=dict[Value, int])
    member: dict[Value, int] = field(default_factory=dict[Value, int])

    def put(self, value: Value, group: int, member: int) -> None:
        self.group[value], self.member[value] = group, member


def fold(graph: Numbered) -> Folding | None:
    """The groups of a large graph. None for a small graph, and without NumPy."""
    if len(graph.computed) < MANY and len(graph.computed) + len(graph.leaves) <= MOST:
        return None
    try:
        blocks = _blocks(graph)
    except ModuleNotFoundError:  # the compiler needs NumPy
        return None
    folding = Folding()
    _put_computed(graph, *blocks, folding)
    _put_leaves(graph, folding)
    return _renumbered(_parts(graph, _repeats(graph, folding)))


Place = tuple[str, int]  # a block, and an index in it


def _blocks(graph: Numbered) -> tuple[dict[Value, Place], dict[str, str]]:
    """The block and the index of each computed value, and the title of each block."""
    from micrograd.compiler.program.roll import places
    from micrograd.compiler.trace.trace import Trace

    trace = Trace()
    trace.outputs = [trace.symbol(graph.root)]
    trace.order_parameters()
    program, known = places(trace)
    numbers = [(v, trace.number_of(v)) for v in graph.computed]
    titles = {i.out.name: _title(i) for i in program.computations}
    return {v: known[n] for v, n in numbers if n in known}, titles


def _title(instruction: Any) -> str:
    """What the members of a block are, in words.

    >>> from micrograd.compiler.program.ir import Block, Gather, Map
    >>> import numpy as np
    >>> x, y = Block("x", 3, False), Block("y", 3, False)
    >>> _title(Map(y, 0, ops.tanh, [Gather(x, np.arange(3))]))
    'tanh'
    """
    from micrograd.compiler.program.ir import Map

    if isinstance(instruction, Map):
        return instruction.op.name
    lengths = Counter[bool]()
    for product in instruction.products:
        lengths[len(product) > 1] += product[0].index.shape[1]
    if lengths[True] > 1:
        return f"dot of {lengths[True]:,}" + " + bias" * (lengths[False] > 0)
    terms = lengths.total()
    return f"{instruction.combine.name} of {terms:,}" if terms > 1 else "product"


def _put_computed(
    graph: Numbered, places: dict[Value, Place], titles: dict[str, str], folding: Folding
) -> None:
    groups: dict[str, int] = {}
    users: dict[Value, Value] = {}
    for value in reversed(graph.computed):
        place = places.get(value)
        if place is None:  # it was merged into its only user
            user = users.get(value, graph.root)
            folding.put(value, folding.group.get(user, 0), folding.member.get(user, 0))
        else:
            group = groups.setdefault(place[0], len(groups))
            if group == len(folding.titles):
                folding.titles.append(titles[place[0]])
            folding.put(value, group, place[1])
        for x in value.operands:
            if isinstance(x, Value):
                users.setdefault(x, value)


def _put_leaves(graph: Numbered, folding: Folding) -> None:
    roles: dict[Value, set[Hashable]] = {x: set() for x in graph.leaves}
    for value in graph.computed:
        for role, x in _roles(value):
            if x in roles:
                roles[x].add((folding.group[value], role))
    names = {x: label(str(x.name).partition("[")[0]) for x in graph.leaves if x.name}
    if len({*names.values()}) > MANY:
        names = {}
    known: dict[Hashable, int] = {}
    size = Counter[int]()
    for x in graph.leaves:
        named = names.get(x, "")
        group = known.setdefault(named or frozenset(roles[x]), len(folding.titles))
        if group == len(folding.titles):
            folding.titles.append(named or "number")
        folding.put(x, group, size[group])
        size[group] += 1


def _roles(value: Value) -> Iterator[tuple[Hashable, Any]]:
    """The role of each operand: a weight, an input or the bias of a dot; else its position."""
    assert value.op is not None
    if value.op is ops.dot:
        for role, several in zip("wxb", [*ops.weighted(value.operands)[:2], value.operands[-1:]]):
            yield from ((role, x) for x in several)
    elif value.op.arity is None:
        yield from ((value.op, x) for x in value.operands)
    else:
        yield from (((value.op, k), x) for k, x in enumerate(value.operands))


def _repeats(graph: Numbered, folding: Folding) -> Folding:
    """The longest run of groups that repeat becomes one group."""
    computed = list(dict.fromkeys([folding.group[v] for v in reversed(graph.computed)]))[::-1]
    if len(computed) < MANY:
        return folding
    reads = _reads(graph, folding, computed)
    kinds = [_kind(group, reads, folding.titles) for group in computed]
    start, period, count = _longest_run(kinds)
    if not count:
        return folding
    part = {computed[start + k]: k // period for k in range(period * count)}
    part |= _read_in_one(reads, part)
    repeated = len(folding.titles)
    folding.titles.append(f"repetition of {period} blocks" if period > 1 else "repetition")
    for value, group in [*folding.group.items()]:
        if group in part:
            folding.put(value, repeated, part[group])
    return folding


def _reads(graph: Numbered, folding: Folding, computed: Iterable[int]) -> dict[int, set[int]]:
    """The groups that each of these groups reads; itself, too, if its values read each other."""
    reads: dict[int, set[int]] = {group: set() for group in computed}
    for value in graph.computed:
        group = folding.group[value]
        reads[group].update([folding.group[x] for x in value.operands if isinstance(x, Value)])
    return reads


def _parts(graph: Numbered, folding: Folding) -> Folding:
    """Merges neighbours, with the leaves that they read first, if there are too many groups."""
    if len({*folding.group.values()}) <= MOST:
        return folding
    reads = _reads(graph, folding, [folding.group[v] for v in graph.computed])
    order = _sorted(reads)
    place = {group: k for k, group in enumerate(order)}
    for group in order:
        for leaf in reads[group]:
            place.setdefault(leaf, place[group])
    size = -(-len(order) // MANY)
    first = len(folding.titles)
    folding.titles += ["block"] * MANY
    for value, group in [*folding.group.items()]:
        part, member = divmod(place[group], size)
        folding.put(value, first + part, member)
    return folding


def _sorted(reads: dict[int, set[int]]) -> list[int]:
    """The groups, each after those that it reads; in the given order if they read each other."""
    before = {group: others - {group} for group, others in reads.items()}
    try:
        return [group for group in TopologicalSorter(before).static_order() if group in reads]
    except CycleError:
        return [*reads]


def _kind(group: int, reads: dict[int, set[int]], titles: list[str]) -> Hashable:
    """The title of a group, and those of the groups that it reads; "" for leaves."""
    read = [titles[other] if other in reads else "" for other in reads[group] - {group}]
    return titles[group], tuple(sorted(read))


def _longest_run(kinds: list[Hashable]) -> tuple[int, int, int]:
    """The start, the period and the number of the repetitions that cover most, if at least three.

    >>> _longest_run([*"abcbcbcbcd"])
    (1, 2, 4)
    >>> _longest_run([*"xaabbaabbaabbaabb"])
    (1, 4, 4)
    >>> _longest_run([*"abcd"])
    (0, 0, 0)
    """
    best = (0, 0, 0)
    for period in _periods(kinds):
        run = 0
        for k in range(period, len(kinds) + 1):
            if k < len(kinds) and kinds[k] == kinds[k - period]:
                run += 1
                continue
            count = run // period + 1
            if count > 2 and count * period > best[1] * best[2]:
                best = (k - run - period, period, count)
            run = 0
    return best


def _periods(kinds: list[Hashable]) -> list[int]:
    """The candidates for a period: the most frequent distances between equal stretches of 1, 2, 4,
    ... kinds. In a run, the next copy of a stretch of one period begins one period later."""
    known: dict[Hashable, int] = {}
    stretches = [known.setdefault(kind, len(known)) for kind in kinds]
    found: set[int] = set()
    size = 1
    while 3 * size <= 2 * len(kinds):
        last: dict[int, int] = {}
        gaps = Counter[int]()
        for k, stretch in enumerate(stretches):
            gaps[k - last.get(stretch, k)] += 1
            last[stretch] = k
        del gaps[0]
        if not gaps:
            break
        found.update([gap for gap, _ in gaps.most_common(3)])
        longer: dict[tuple[int, int], int] = {}
        pairs = zip(stretches, stretches[size:])
        stretches = [longer.setdefault(pair, len(longer)) for pair in pairs]
        size *= 2
    return sorted(found)


def _read_in_one(reads: dict[int, set[int]], part: dict[int, int]) -> dict[int, int]:
    """The leaves that only one repetition reads; they become part of it."""
    readers: dict[int, set[int | None]] = {}
    for group, others in reads.items():
        for other in [other for other in others if other not in reads]:
            readers.setdefault(other, set()).add(part.get(group))
    only = {other: next(iter(where)) for other, where in readers.items() if len(where) == 1}
    return {other: where for other, where in only.items() if where is not None}


def _renumbered(folding: Folding) -> Folding:
    """The folding without empty groups, and with the number of members in each title."""
    members: dict[int, set[int]] = {}
    for value, group in folding.group.items():
        members.setdefault(group, set()).add(folding.member[value])
    number = {group: k for k, group in enumerate(sorted(members))}
    titles = [_counted(folding.titles[group], len(members[group])) for group in number]
    return Folding(titles, {v: number[g] for v, g in folding.group.items()}, folding.member)


def _counted(title: str, count: int) -> str:
    """A title with a number.

    >>> _counted("dot of 16 + bias", 1600), _counted("tanh", 1)
    ('1,600 × dot of 16 + bias', 'tanh')
    """
    return f"{count:,} × {title}" if count > 1 else title
