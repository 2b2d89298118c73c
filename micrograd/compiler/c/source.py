"""C: loops become C99, for machines that have neither Python nor LLVM.

The nests of the plan, in order, as readable code. A varying block is an array of rows of LANES
examples; a uniform block is an array of numbers. A composite operation becomes a function above the
program, printed from its row of the table.
"""

import re
from collections.abc import Sequence

from micrograd import ops
from micrograd.compiler.c.expression import Printer
from micrograd.compiler.c.layout import layout
from micrograd.compiler.c.lines import Lines, array, index
from micrograd.compiler.c.nests import Nests
from micrograd.compiler.c.operands import Operands
from micrograd.compiler.program.ir import Gather
from micrograd.compiler.schedule.access import copies
from micrograd.compiler.schedule.plan import Plan

_KEYWORDS = """auto break case char const continue default do double else enum extern float for goto
if inline int long main register restrict return short signed sizeof static struct switch typedef
union unsigned void volatile while"""


# A C compiler evaluates functions of constants itself, to other last bits than its library.
EXACT = " -fno-builtin"


def source(
    plan: Plan, double: bool = True, name: str = "program", parameters: Sequence[str] = (),
    exact: bool = False,
) -> str:  # fmt: skip
    """The plan as a C99 file with one function. The first comment says how to call it, and gives
    the index of each of the `parameters`, by name.

    The plan must be scheduled with native=False: each output has rows of its own.
    """
    assert all(nest.output is None for nest in plan.examples)
    return _File(plan, double, _identifier(name), parameters, exact).text()


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
    def __init__(self, plan: Plan, double: bool, name: str, parameters: Sequence[str], exact: bool):
        self.flags = f"-std=c99 -O2 -ffp-contract=off{EXACT * exact}"
        self.plan, self.program, self.name = plan, plan.program, name
        self.parameters = parameters
        self.many = plan.lanes > 1
        self.printer = Printer(double)
        self.number = self.printer.number
        self.out = Lines(self.printer, self.many)
        self.operands = Operands(self.program, self.many)
        self.nests = Nests(self.out, self.operands)

    # The file.

    def text(self) -> str:
        self._body()
        parts = [self._comment(), "#include <math.h>"]
        parts += [f"#define LANES {self.plan.lanes} /* examples at once */"] * self.many
        parts += [text for _, text in self.operands.tables.values()]
        if self.program.constants in self.operands.used:
            numbers = map(self.printer.literal, self.program.constant_values)
            parts.append(array(f"static const {self.number} c", [*numbers]))
        parts += self.printer.functions.values()
        arguments = [declaration for declaration, _ in self._arguments() if declaration]
        declared = ",".join(f"\n    {x}" for x in arguments)
        body = "\n".join([*self._declarations(), *self.out.text])
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
                f" * cc {self.flags} -c {self.name}.c; link with -lm.",
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
            rows += [("", f"    {line}") for line in layout(self.parameters)]
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
        lines: list[str] = []
        for block in self.operands.used:
            if block in elsewhere:
                continue
            place = f"memory + {plan.offset[block] + plan.uniform * block.varying}"
            kind = self.number
            if block.varying and self.many:
                kind, place = "row", f"(row *)(memory + {plan.uniform}) + {plan.offset[block]}"
            lines.append(f"    {kind} *const {self.operands.name(block)} = {place};")
        rows = any(line.lstrip().startswith("row ") for line in lines)
        return [f"    typedef {self.number} row[LANES];"] * rows + lines

    # The phases.

    def _body(self) -> None:
        for nest in self.plan.before:
            self.nests.each(nest, False)
        if self.plan.reduced:
            with self.out.axes((self.plan.reduced,)) as indices:
                self.out.line(f"memory[{index(indices, (1,))}] = 0;")
        if self.many:
            self._chunks()
        else:
            self._examples()
        for nest in self.plan.after:
            self.nests.each(nest, False)
        self._outputs(False)

    def _chunks(self) -> None:
        """The loop over the examples, LANES at once; none if no answer depends on them."""
        begin = len(self.out.text)
        with self.out.block("for (long first = 0; first < n; first += LANES)"):
            self.out.line("const int lanes = n - first < LANES ? (int)(n - first) : LANES;")
            start = len(self.out.text)
            self._examples()
            used = len(self.out.text) > start
            self.out.text[start:start] = self._loads()
        if not used:
            del self.out.text[begin:]

    def _examples(self) -> None:
        for nest in self.plan.examples:
            self.nests.each(nest, True)
        self._outputs(True)

    def _loads(self) -> list[str]:
        """Loads the inputs that are used: transposes a row per example to a row per number."""
        lines, self.out.text = self.out.text, []
        for x in self.program.inputs:
            if x in self.operands.used and x.varying:
                with self.out.axes((x.size,)) as indices, self.out.lanes():
                    i = index(indices, (1,))
                    at = index(["first + e", i], (x.size, 1))
                    self.out.line(f"{self.operands.name(x)}[{i}][e] = {x.name}[{at}];")
        loads, self.out.text = self.out.text, lines
        return loads

    def _outputs(self, varying: bool) -> None:
        for name, gathers in self.program.outputs.items():
            if _varies(gathers) == varying:
                example = sum(map(len, gathers)) if varying and self.many else 0
                for _, source, target in copies(gathers, lambda block: (block, 0)):
                    with self.out.axes(source.axes) as indices, self.out.lanes(varying):
                        at = index(["first + e", self.operands.at(target, indices)], (example, 1))
                        number = self.printer.text(self.operands.read(source, indices))
                        self.out.line(f"{_word(name)}[{at}] = {number};")


def _varies(gathers: list[Gather]) -> bool:
    return any(gather.block.varying for gather in gathers)


def _numbers(n: int) -> str:
    return f"{n:,} number{'s' * (n != 1)}"


def _word(name: str) -> str:
    return name.replace(" ", "_")
