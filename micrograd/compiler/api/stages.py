"""Stages: which scalars became which block, which array operation, and which loops."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from micrograd.compiler.api.explain import Page
from micrograd.compiler.program.ir import Computation
from micrograd.compiler.program.roll import places
from micrograd.compiler.schedule.plan import LoopNest, Nest, Nests, Plan, Step
from micrograd.compiler.trace.symbol import Symbol
from micrograd.compiler.trace.trace import Trace


@dataclass(frozen=True)
class Stage:
    """An instruction of the rolled program: its scalars in the trace, and its loops in the plan.

    `scalars` counts the operations of the trace that it stands for, by name: none, if the
    instruction belongs to the gradient. `loops` is the place of its nest in `Stages.loops`; None
    where the plan computes it as it is read or delivered.
    """

    scalars: dict[str, int]
    block: str
    array: str
    loops: int | None


@dataclass(frozen=True)
class Stages:
    """A compiled function at every stage: a row for each instruction, and the loops of the plan."""

    title: str
    rows: tuple[Stage, ...]
    loops: tuple[str, ...]


def stages(page: Page, trace: Trace, exact: bool) -> Stages:
    """The stages of the plan that `page` explains, which was made from `trace`."""
    scalars = _scalars(trace, exact)
    nests = [*page.plan.before, *page.plan.examples, *page.plan.after]
    at = _nests_by_target(nests)
    rows = [
        Stage(
            _counted(scalars, i), f"{i.out.name} = {was}", became, at.get((i.out.name, i.start))
        )
        for i in page.plan.program.computations
        for was, became in [page.was_and_became(i)]
    ]  # fmt: skip
    return Stages(page.head(), tuple(rows), tuple([_loops(nest, page.plan) for nest in nests]))


def _scalars(trace: Trace, exact: bool) -> dict[tuple[str, int], Counter[str]]:
    """The operations that each member of a block stands for: its own, and what merged into it."""
    _, known = places(trace, exact)
    users: dict[Symbol, tuple[str, int]] = {}
    counts: dict[tuple[str, int], Counter[str]] = {}
    for node in reversed(trace.computed(trace.outputs)):
        place = known.get(node.number) or users.get(node)
        if place is None or node.op is None:
            continue
        counts.setdefault(place, Counter())[node.op.name] += 1
        users |= {x: place for x in node.operands if isinstance(x, Symbol) and x not in users}
    return counts


def _counted(scalars: dict[tuple[str, int], Counter[str]], i: Computation) -> dict[str, int]:
    total = Counter[str]()
    for place in range(i.start, i.start + len(i)):
        total.update(scalars.get((i.out.name, place), {}))
    return dict(total)


def _nests_by_target(nests: Nests) -> dict[tuple[str, int], int]:
    """The nest that computes the member of a block at which an instruction starts."""
    found: dict[tuple[str, int], int] = {}
    for k, nest in enumerate(nests):
        for step in _steps(nest.steps):
            first = step.target.at((0,) * len(step.target.axes))
            found.setdefault((step.target.block.name, first), k)
    return found


def _steps(steps: list[Step]) -> Iterator[Step]:
    """The steps, and those that are computed as operands of others, each once."""
    stack = [*reversed(steps)]
    seen: set[int] = set()
    while stack:
        step = stack.pop()
        if id(step) in seen:
            continue
        seen.add(id(step))
        yield step
        stack += [x for x in step.reads() if isinstance(x, Step)]


def _loops(nest: Nest | LoopNest, plan: Plan) -> str:
    text = str(nest).partition("\n")[0].replace(": ", ", ").strip(" ,:")
    total = isinstance(nest, Nest) and nest.over_examples
    per_example = nest in plan.examples and not total
    parts = [text] if text else []
    at_once = "1 example at a time" if plan.lanes == 1 else f"{plan.lanes} examples at once"
    parts += [at_once] if per_example else []
    return ", ".join(parts) or "once"
