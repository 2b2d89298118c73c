"""C: loops become C99, for machines that have neither Python nor LLVM.

The nests of the plan, in order, as readable code. A varying block is an array of rows of LANES
examples; a uniform block is an array of numbers. A composite operation becomes a function above the
program, printed from its row of the table.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import reduce
from typing import Any

from micrograd import ops
from micrograd.compiler.c.expression import Expression, Printer
from micrograd.compiler.c.layout import places
from micrograd.compiler.program.ir import Block, Gather
from micrograd.compiler.schedule.access import Access, copies
from micrograd.compiler.schedule.plan import INLINE_TERMS, Nest, Plan, Step

_KEYWORDS = """auto break case char const continue default do double else enum extern float for goto
if inline int long main register restrict return short signed sizeof static struct switch typedef
union unsigned void volatile while"""


def source(
    plan: Plan, double: bool = True, name: str = "program", parameters: Sequence[str] = ()
) -> str:
    """The plan as a C99 file with one function. The first comment says how to call it, and gives
    the index of each of the `parameters`, by name.

    The plan must be scheduled with delivers=False: each output has rows of its own.
    """
    assert all(nest.output is None for nest in plan.examples)
    return _File(plan, double, _identifier(name), parameters).text()


def _identifier(name: str) -> str:
    """A valid name in C: neither a keyword nor a function of math.h.

    >>> _identifier("loss"), _identifier("<lambda>"), _identifier("exp")
    ('loss', 'lambda', 'exp_program')
    """
    name = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_")
    if name in _KEYWORDS.split() or name in ops.TABLE or not name[:1].isalpha():
        return f"{name}_program" if name[:1].isalpha() else f"program{name and '_'}{name}"
    return name


class _File:
    def __init__(self, plan: Plan, double: bool, name: str, parameters: Sequence[str]):
        self.plan, self.program, self.name = plan, plan.program, name
        self.parameters = parameters
        self.printer = Printer(double)
        self.number = self.printer.number
        self.many = plan.lanes > 1
        self.lines: list[str] = []
        self.depth = 1
        self.tables: dict[bytes, tuple[str, str]] = {}  # the name of each, and its text
        self.names: dict[Block, str] = {}
        self.met: Counter[str] = Counter()  # the number of blocks so far, by their program's name
        self.used: dict[Block, None] = {}  # in order of first use

    # The file.

    def text(self) -> str:
        self._body()
        parts = [self._comment(), "#include <math.h>"]
        parts += [f"#define LANES {self.plan.lanes} /* examples at once */"] * self.many
        parts += [text for _, text in self.tables.values()]
        if self.program.constants in self.used:
            numbers = map(self.printer.literal, self.program.constant_values)
            parts.append(_array(f"static const {self.number} c", [*numbers]))
        parts += self.printer.functions.values()
        arguments = [declaration for declaration, _ in self._arguments() if declaration]
        declared = ",".join(f"\n    {x}" for x in arguments)
        body = "\n".join([*self._declarations(), *self.lines])
        for argument in re.findall(r"\w+$", "\n".join(arguments), re.MULTILINE):
            if not re.search(rf"\b{argument}\b", body):
                body += f"\n    (void){argument};"
        parts.append(f"void {self.name}({declared})\n{{\n{body}\n}}\n")
        return "\n\n".join(parts)

    def _comment(self) -> str:
        arguments = self._arguments()
        width = max(len(declaration) for declaration, _ in arguments)
        return "\n".join(
            [
                f"/* {self.name}, written by MicroGrad.",
                " *",
                *[f" *     {declaration:{width}}  {what}" for declaration, what in arguments],
                " *",
                f" * cc -std=c99 -O2 -ffp-contract=off -c {self.name}.c; link with -lm.",
                " */",
            ]
        )

    def _arguments(self) -> list[tuple[str, str]]:
        """The declaration of each argument, and its description."""
        program, each = self.program, " for each example" * self.many
        rows = []
        if program.parameters.size:
            size = program.parameters.size
            rows.append((f"const {self.number} *w", f"in: {_numbers(size)}, the parameters"))
            rows += [("", f"    {line}") for line in places(self.parameters)]
        rows += [
            (f"const {self.number} *{x.name}", f"in: {_numbers(x.size)}{each * x.varying}")
            for x in program.inputs
        ]
        if self.many:
            rows.append((f"{self.number} seed", "in: what an example counts, 1.0 / n for a mean"))
            rows.append(("long n", "in: how many examples"))
        for name, gathers in program.outputs.items():
            what = _numbers(sum(map(len, gathers))) + each * _varies(gathers)
            rows.append((f"{self.number} *{_word(name)}", f"out: {what}"))
        memory = self.plan.uniform + self.plan.rows * self.plan.lanes
        return [*rows, (f"{self.number} *memory", f"{_numbers(memory)} to compute in")]

    def _declarations(self) -> list[str]:
        """Pointers to the blocks in memory."""
        plan, program = self.plan, self.program
        elsewhere = {program.parameters, program.constants, program.seed}
        elsewhere.update(x for x in program.inputs if not (self.many and x.varying))
        lines = [f"    typedef {self.number} row[LANES];"] * self.many
        for block in self.used:
            if block in elsewhere:
                continue
            place = f"memory + {plan.offset[block] + plan.uniform * block.varying}"
            kind = self.number
            if block.varying and self.many:
                kind, place = "row", f"(row *)(memory + {plan.uniform}) + {plan.offset[block]}"
            lines.append(f"    {kind} *const {self._name(block)} = {place};")
        return lines

    # The phases.

    def _body(self) -> None:
        for nest in self.plan.before:
            self._nest(nest, False)
        if self.plan.reduced:
            with self._axes((self.plan.reduced,)) as places:
                self._line(f"memory[{_index(places, (1,))}] = 0;")
        if self.many:
            with self._block("for (long first = 0; first < n; first += LANES)"):
                self._line("const int lanes = n - first < LANES ? (int)(n - first) : LANES;")
                start = len(self.lines)
                self._examples()
                self.lines[start:start] = self._loads()
        else:
            self._examples()
        for nest in self.plan.after:
            self._nest(nest, False)
        self._outputs(False)

    def _examples(self) -> None:
        for nest in self.plan.examples:
            self._nest(nest, True)
        self._outputs(True)

    def _loads(self) -> list[str]:
        """Loads the inputs that are used: transposes a row per example to a row per number."""
        lines, self.lines = self.lines, []
        for x in self.program.inputs:
            if x in self.used and x.varying:
                with self._axes((x.size,)) as places, self._lanes():
                    i = _index(places, (1,))
                    at = _index(["first + e", i], (x.size, 1))
                    self._line(f"{self._name(x)}[{i}][e] = {x.name}[{at}];")
        loads, self.lines = self.lines, lines
        return loads

    def _outputs(self, varying: bool) -> None:
        for name, gathers in self.program.outputs.items():
            if _varies(gathers) == varying:
                example = sum(map(len, gathers)) if varying and self.many else 0
                for _, source, target in copies(gathers, lambda block: (block, 0)):
                    with self._axes(source.axes) as places, self._lanes(varying):
                        at = _index(["first + e", self._at(target, places)], (example, 1))
                        number = self.printer.text(self._read(source, places))
                        self._line(f"{_word(name)}[{at}] = {number};")

    # Nests.

    def _nest(self, nest: Nest, varying: bool) -> None:
        first, in_lanes = nest.steps[0], varying and self.many
        elementwise = not nest.over_examples and not (nest.opens_with_sum and in_lanes)
        loops = max(nest.axes) > 1 or (elementwise and in_lanes)
        with nullcontext() if loops else self._block(""), self._axes(nest.axes) as places:
            if elementwise:
                with self._lanes(varying):
                    self._steps(nest.steps, places)
            elif nest.over_examples:
                self._line(f"{self.number} total = 0;")
                with self._lanes():
                    self._accumulate("total", first, places)
                self._line(f"{self._place(first.target, places)} += total;")
            else:
                self._sum_in_lanes(first, places)
                with self._lanes():
                    self._line(f"const {self.number} r0 = total[e];")
                    self._store(first, places)
                    self._steps(nest.steps[1:], places)

    def _sum_in_lanes(self, step: Step, places: list[str]) -> None:
        """A long sum for all lanes at once, in loops that a C compiler can vectorise."""
        self._line(f"{self.number} total[LANES];")
        with self._lanes():
            self._line(f"total[e] = {self._start(step)};")
        for terms, factors in step.products:
            with self._axes((terms,), "t") as (t,), self._lanes():
                self._add("total[e]", step, self._product(factors, places, t))

    def _steps(self, steps: list[Step], places: list[str]) -> None:
        read = _read_by_others(steps)
        for step in [x for x in steps if x.stored or x in read]:
            name, value = f"r{step.number}", self._value(step, places)
            if value is None:
                self._line(f"{self.number} {name} = {self._start(step)};")
                self._accumulate(name, step, places)
            elif step in read:
                kind = "int" if step.op is not None and step.op.boolean else self.number
                self._line(f"const {kind} {name} = {self.printer.text(value)};")
            self._store(step, places, None if value is None or step in read else value)

    def _value(self, step: Step, places: list[str]) -> Any:
        """The value of a step as an expression; None if it needs a loop."""
        if step.op is not None:
            return Expression(step.op, [self._read(x, places) for x in step.operands])
        if not step.combine.linear or sum(n for n, _ in step.products) > INLINE_TERMS:
            return None
        terms = [
            self._product(factors, places, str(t)) for n, factors in step.products for t in range(n)
        ]
        return reduce(ops.add, terms) if terms else 0.0

    def _accumulate(self, total: str, step: Step, places: list[str]) -> None:
        for terms, factors in step.products:
            with self._axes((terms,), "t") as (t,):
                self._add(total, step, self._product(factors, places, t))

    def _add(self, total: str, step: Step, term: Any) -> None:
        op = step.combine.op
        if op.symbol:
            self._line(f"{total} {op.symbol}= {self.printer.text(term)};")
        else:
            combined = self.printer.text(op(Expression.named(total), term))
            self._line(f"{total} = {combined};")

    def _start(self, step: Step) -> str:
        """What has no terms yet."""
        identity = step.combine.identity
        return self.printer.literal(identity) if identity else "0"

    def _store(self, step: Step, places: list[str], value: Any = None) -> None:
        """Stores a value, or the register that holds it."""
        if step.stored:
            number = f"r{step.number}" if value is None else self.printer.text(value)
            self._line(f"{self._place(step.target, places)} = {number};")

    # Operands.

    def _product(self, factors: list[Access | Step], places: list[str], t: str) -> Any:
        return reduce(ops.mul, [self._read(factor, places, t) for factor in factors])

    def _read(self, operand: Access | Step, places: list[str], t: str = "0") -> Any:
        if isinstance(operand, Step):
            boolean = operand.op is not None and operand.op.boolean
            return Expression.named(f"r{operand.number}", boolean)
        if operand.block is self.program.seed:
            return Expression.named("seed") if self.many else 1.0
        place = self._at(operand, places, t)
        if operand.block is self.program.constants and place.isdigit():
            return self.program.constant_values[int(place)]
        return Expression.named(self._place(operand, places, t))

    def _place(self, access: Access, places: list[str], t: str = "0") -> str:
        """The element that an access reads or writes."""
        self.used[access.block] = None
        lane = "[e]" if access.block.varying and self.many else ""
        return f"{self._name(access.block)}[{self._at(access, places, t)}]{lane}"

    def _at(self, access: Access, places: list[str], t: str = "0") -> str:
        if access.table is None:
            return _index([*places, t], (*access.strides, access.term), access.base)
        at = "0"
        for i, n in zip((*places, t), (*access.axes, access.table.shape[1])):
            at = _index([at, i], (n, 1))
        return f"{self._table(access.table)}[{at}]"

    def _table(self, index: Any) -> str:
        key = index.tobytes()
        if key not in self.tables:
            name = f"table{len(self.tables)}"
            numbers = [*map(str, index.ravel().tolist())]
            self.tables[key] = name, _array(f"static const int {name}", numbers)
        return self.tables[key][0]

    def _name(self, block: Block) -> str:
        """A unique name: rematerialised comparisons share one name in the program."""
        if block in self.program.inputs and self.many and block.varying:
            return f"{block.name}_rows"
        if block not in self.names:
            name = block.name.replace("%", "b")
            self.names[block] = f"{name}_{self.met[name]}" if self.met[name] else name
            self.met[name] += 1
        return self.names[block]

    # Lines.

    def _line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def _block(self, head: str) -> Iterator[None]:
        self._line(f"{head} {{".lstrip())
        self.depth += 1
        yield
        self.depth -= 1
        self._line("}")

    @contextmanager
    def _axes(self, extents: tuple[int, ...], letters: str = "ijklpqrs") -> Iterator[list[str]]:
        """Loops around the block, none for an extent of 1; yields the loop indices."""
        with ExitStack() as loops:
            for i, n in zip(letters, extents):
                if n > 1:
                    loops.enter_context(self._block(f"for (int {i} = 0; {i} < {n}; {i}++)"))
            yield [i if n > 1 else "0" for i, n in zip(letters, extents)]

    def _lanes(self, varying: bool = True) -> Any:
        in_lanes = varying and self.many
        return self._block("for (int e = 0; e < lanes; e++)") if in_lanes else nullcontext()


def _index(places: list[str], strides: tuple[int, ...], base: int = 0) -> str:
    """The sum of loop indices times strides, and a base.

    >>> _index(["i", "t"], (16, -1), 9)
    '16 * i + 9 - t'
    >>> _index(["i", "2"], (0, 5))
    '10'
    """
    base += sum(int(i) * stride for i, stride in zip(places, strides) if i.isdigit())
    terms = [(stride, i) for i, stride in zip(places, strides) if stride and not i.isdigit()]
    plus, minus = [], []
    for stride, i in terms:
        i = f"({i})" if " " in i and abs(stride) > 1 else i
        (plus if stride > 0 else minus).append(i if abs(stride) == 1 else f"{abs(stride)} * {i}")
    plus += [str(base)] * bool(base or not plus)
    return " - ".join([" + ".join(plus), *minus])


def _read_by_others(steps: list[Step]) -> set[Step]:
    """The steps whose result another step needs, to compute a stored value."""
    read: set[Step] = set()
    for step in reversed(steps):
        if step.stored or step in read:
            factors = [factor for _, factors in step.products for factor in factors]
            read.update(x for x in [*step.operands, *factors] if isinstance(x, Step))
    return read


def _varies(gathers: list[Gather]) -> bool:
    return any(gather.block.varying for gather in gathers)


def _numbers(n: int) -> str:
    return f"{n:,} number{'s' * (n != 1)}"


def _word(name: str) -> str:
    return name.replace(" ", "_")


def _array(declaration: str, numbers: list[str]) -> str:
    lines = [", ".join(numbers[k : k + 16]) for k in range(0, len(numbers), 16)]
    return f"{declaration}[{len(numbers)}] = {{\n    " + ",\n    ".join(lines) + "\n};"
