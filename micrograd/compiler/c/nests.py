"""Loop nests in C: a loop for each axis, a loop over lanes, and an assignment for each step."""

from contextlib import nullcontext
from functools import reduce

from micrograd import ops
from micrograd.compiler.c.expression import Expression
from micrograd.compiler.c.lines import Lines, index
from micrograd.compiler.c.operands import Number, Operands
from micrograd.compiler.c.tree_text import TreeText
from micrograd.compiler.schedule.access import Access
from micrograd.compiler.schedule.plan import INLINE_TERMS, LoopNest, Nest, Step


class Nests:
    def __init__(self, out: Lines, operands: Operands):
        self.out, self.operands = out, operands
        self.number, self.printer = out.number, out.printer

    def each(self, nest: Nest | LoopNest, varying: bool) -> None:
        """A nest; or the nests of a loop, trip after trip."""
        if isinstance(nest, Nest):
            self.nest(nest, varying)
            return
        up, down = f"s = 0; s < {nest.trips}; s++", f"s = {nest.trips - 1}; s >= 0; s--"
        with self.out.block(f"for (long {down if nest.backwards else up})"):
            for inner in nest.nests:
                self.nest(inner, varying)

    def _tree(self, nest: Nest, varying: bool) -> None:
        """Calls a function of the numbers of one example, for one after the other."""
        (step,) = nest.steps
        assert step.tree is not None
        name, tree = f"branches{len(self.printer.functions)}", step.tree
        self.printer.functions[name] = TreeText(tree, self.printer, name).text()
        with self.out.lanes(varying) if self.out.many else self.out.block():
            self.out.line(f"{self.number} x[{max(tree.leaves, 1)}], r[{tree.width}];")
            start = 0
            for access in step.operands:
                assert isinstance(access, Access)
                with self.out.axes(access.axes) as indices:
                    number = self.printer.text(self.operands.read(access, indices))
                    self.out.line(f"x[{index(indices, (1,), start)}] = {number};")
                start += access.axes[0]
            self.out.line(f"{name}(x, r);")
            with self.out.axes(nest.axes) as indices:
                place = self.operands.element(step.target, indices)
                self.out.line(f"{place} = r[{index(indices, (1,))}];")

    def nest(self, nest: Nest, varying: bool) -> None:
        if nest.is_tree:
            self._tree(nest, varying)
            return
        first, in_lanes = nest.steps[0], varying and self.out.many
        elementwise = not nest.over_examples and not (nest.opens_with_sum and in_lanes)
        loops = max(nest.axes) > 1 or (elementwise and in_lanes)
        with nullcontext() if loops else self.out.block(), self.out.axes(nest.axes) as indices:
            if elementwise:
                with self.out.lanes(varying):
                    self._steps(nest.steps, indices)
            elif nest.over_examples:
                self.out.line(f"{self.number} total = 0;")
                with self.out.lanes():
                    self._accumulate("total", first, indices)
                self.out.line(f"{self.operands.element(first.target, indices)} += total;")
            else:
                self._sum_in_lanes(first, indices)
                with self.out.lanes():
                    self.out.line(f"const {self.number} r0 = total[e];")
                    self._store(first, indices)
                    self._steps(nest.steps[1:], indices)

    def _sum_in_lanes(self, step: Step, indices: list[str]) -> None:
        """A long sum for all lanes at once, in loops that a C compiler can vectorise."""
        self.out.line(f"{self.number} total[LANES];")
        with self.out.lanes():
            self.out.line(f"total[e] = {self._start(step)};")
        for terms, factors in step.products:
            with self.out.axes((terms,), "t") as (t,), self.out.lanes():
                self._add("total[e]", step, self.operands.product(factors, indices, t))

    def _steps(self, steps: list[Step], indices: list[str]) -> None:
        read = _read_by_others(steps)
        for step in [x for x in steps if x.stored or x in read]:
            name, value = f"r{step.number}", self._value(step, indices)
            if value is None:
                self.out.line(f"{self.number} {name} = {self._start(step)};")
                self._accumulate(name, step, indices)
            elif step in read:
                kind = "int" if step.op is not None and step.op.boolean else self.number
                self.out.line(f"const {kind} {name} = {self.printer.text(value)};")
            self._store(step, indices, None if value is None or step in read else value)

    def _value(self, step: Step, indices: list[str]) -> Number | None:
        """The value of a step as an expression; None if it needs a loop."""
        if step.op is not None:
            return Expression(step.op, [self.operands.read(x, indices) for x in step.operands])
        if not step.combine.linear or sum(n for n, _ in step.products) > INLINE_TERMS:
            return None
        terms = [
            self.operands.product(factors, indices, str(t))
            for n, factors in step.products
            for t in range(n)
        ]
        return reduce(ops.add, terms) if terms else 0.0

    def _accumulate(self, total: str, step: Step, indices: list[str]) -> None:
        for terms, factors in step.products:
            with self.out.axes((terms,), "t") as (t,):
                self._add(total, step, self.operands.product(factors, indices, t))

    def _add(self, total: str, step: Step, term: Number) -> None:
        op = step.combine.op
        if op.symbol:
            self.out.line(f"{total} {op.symbol}= {self.printer.text(term)};")
        else:
            combined = self.printer.text(op(Expression.named(total), term))
            self.out.line(f"{total} = {combined};")

    def _start(self, step: Step) -> str:
        """A sum without terms."""
        identity = step.combine.identity
        return self.printer.literal(identity) if identity else "0"

    def _store(self, step: Step, indices: list[str], value: Number | None = None) -> None:
        """Stores a value, or the register that holds it."""
        if step.stored:
            number = f"r{step.number}" if value is None else self.printer.text(value)
            self.out.line(f"{self.operands.element(step.target, indices)} = {number};")


def _read_by_others(steps: list[Step]) -> set[Step]:
    """The steps whose result another step needs, to compute a stored value."""
    read: set[Step] = set()
    for step in reversed(steps):
        if step.stored or step in read:
            factors = [factor for _, factors in step.products for factor in factors]
            read.update(x for x in [*step.operands, *factors] if isinstance(x, Step))
    return read
