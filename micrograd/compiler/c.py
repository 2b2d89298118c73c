"""C: loops become C99, for a program that is to run where there is neither Python nor LLVM.

The same nests as in native code, in the same order, to be read: a block that varies is an array of
rows with a place for each of LANES examples, one that does not is an array of numbers. Composed
operations become functions above the program, each printed from its row of the table.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from micrograd import ops
from micrograd.compiler.program import Block, Gather, Index
from micrograd.compiler.schedule import INLINE_TERMS, Access, Nest, Plan, Step, access
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar

LETTERS = "ijklmnop"  # of the axes of a nest, as in its plan

# How tightly an expression holds together; the name of a function, a place and a number most.
_ATOM, _UNARY, _TRUTH, _CHOICE = 9, 8, 5, 1
_INFIX = {
    "mul": ("*", 7), "div": ("/", 7), "add": ("+", 6), "sub": ("-", 6),
    "less": ("<", 5), "less_equal": ("<=", 5), "equal": ("==", 4), "not_equal": ("!=", 4),
    "logical_and": ("&&", 3), "logical_or": ("||", 2),
}  # fmt: skip
_RESERVED = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline "
    "int long main register restrict return short signed sizeof static struct switch typedef union "
    "unsigned void volatile while".split()
)


class Text(Scalar):
    """An expression of C: the algebra in which composed operations are printed."""

    __slots__ = ("code", "op", "operands", "strength")
    rank = 3
    op: Op | None
    operands: tuple["Text", ...]

    def __init__(self, code: str, strength: int = _ATOM, op: Op | None = None, operands: Any = ()):
        self.code, self.strength, self.op, self.operands = code, strength, op, operands

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        return _apply

    def __bool__(self) -> bool:
        raise TypeError("an operation that chooses by `if` has no C; write it with micrograd.where")

    @property
    def boolean(self) -> bool:
        return self.op is not None and self.op.boolean


def _apply(op: Op, operands: tuple[Any, ...]) -> Text:
    """An expression that is not yet printed: what is used twice gets a name first."""
    texts = tuple([x if isinstance(x, Text) else Text(literal(float(x))) for x in operands])
    if op.primitive:
        return Text("", op=op, operands=texts)
    result = op.meaning(*texts)
    return result if isinstance(result, Text) else Text(literal(float(result)))


def literal(x: float) -> str:
    """A number as C writes it.

    >>> literal(0.1), literal(float("-inf"))
    ('0.1', '-INFINITY')
    """
    if x != x:
        return "NAN"
    return repr(x).replace("inf", "INFINITY")


def source(plan: Plan, double: bool = True, name: str = "program") -> str:
    """The plan as a file of C99 with one function; its first comment says how to call it."""
    return _Printer(plan, double, _identifier(name)).file()


def _identifier(name: str) -> str:
    name = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or "program"
    taken = name in _RESERVED or name in ops.TABLE or not name[0].isalpha()
    return f"{name}_program" if taken else name


class _Printer:
    def __init__(self, plan: Plan, double: bool, name: str):
        self.plan, self.program, self.name = plan, plan.program, name
        self.number, self.suffix = ("double", "") if double else ("float", "f")
        self.lines: list[str] = []
        self.depth = 1
        self.functions: dict[str, str] = {}  # of composed operations
        self.tables: dict[bytes, str] = {}
        self.used: dict[Block, None] = {}  # in the order in which the text comes to them
        self.many = plan.lanes > 1

    # The file.

    def file(self) -> str:
        self._body()
        parts = [self._comment(), "#include <math.h>\n"]
        parts += [f"#define LANES {self.plan.lanes}\n"] * self.many
        parts += self._data()
        parts += self.functions.values()
        body = "\n".join([*self._declarations(), *self.lines])
        parts.append(f"void {self.name}({', '.join(self._arguments())})\n{{\n{body}\n}}\n")
        return "\n".join(parts)

    def _arguments(self) -> list[str]:
        return [declaration for declaration, _ in self._signature()]

    def _signature(self) -> list[tuple[str, str]]:
        """Each argument as it is declared, and what it is."""
        each = "for each example, " if self.many else ""
        rows = []
        if self.program.parameters.size:
            rows.append(
                (f"const {self.number} *w", _count(self.program.parameters.size, "parameter"))
            )
        for block in self.program.inputs:
            if block in self.used:
                rows.append((f"const {self.number} *{block.name}", each + _count(block.size)))
        if self.many:
            if self.program.seed in self.used:
                rows.append((f"{self.number} seed", "what each example counts, 1.0 / n for a mean"))
            rows.append(("long n", "how many examples"))
        for output, gathers in self.program.outputs.items():
            varying = any(g.block.varying for g in gathers)
            what = f"result: {each if varying else ''}{_count(sum(map(len, gathers)))}"
            rows.append((f"{self.number} *{_place(output)}", what))
        rows.append((f"{self.number} *memory", f"{self._memory():,} numbers to compute in"))
        return rows

    def _memory(self) -> int:
        return self.plan.uniform + self.plan.rows * self.plan.lanes

    def _comment(self) -> str:
        rows = self._signature()
        width = max(len(declaration) for declaration, _ in rows)
        return "\n".join(
            [
                f"/* {self.name}: written by MicroGrad. Every number and array is the caller's:",
                " *",
                *[f" *     {declaration:<{width}}  {what}" for declaration, what in rows],
                " *",
                f" * cc -std=c99 -O2 -ffp-contract=off -c {self.name}.c, and link it with -lm.",
                " */",
            ]
        )

    def _data(self) -> list[str]:
        parts = [text for text in self.tables.values()]
        if self.program.constants in self.used:
            numbers = [self._literal(x) for x in self.program.constant_values]
            parts.append(_array(f"static const {self.number} c", numbers))
        return parts

    def _declarations(self) -> list[str]:
        """Where the blocks lie in memory."""
        lines, plan = [], self.plan
        given = {self.program.parameters, self.program.constants, self.program.seed}
        blocks = [b for b in self.used if b not in given]
        if not self.many:
            blocks = [b for b in blocks if b not in self.program.inputs]
            return [self._pointer(b, plan.offset[b] + plan.uniform * b.varying) for b in blocks]
        lines += ["    typedef " + self.number + " row[LANES];"]
        for block in blocks:
            if block.varying:
                place = f"(row *)(memory + {plan.uniform}) + {plan.offset[block]}"
                lines.append(f"    row *const {self._name(block)} = {place};")
            else:
                lines.append(self._pointer(block, plan.offset[block]))
        return lines

    def _pointer(self, block: Block, offset: int) -> str:
        return f"    {self.number} *const {self._name(block)} = memory + {offset};"

    # The program.

    def _body(self) -> None:
        plan = self.plan
        for nest in plan.before:
            self._nest(nest, False)
        if plan.reduced:
            with self._loop("i", plan.reduced):
                self._line("memory[i] = 0.0;")
        if self.many:
            with self._block("for (long first = 0; first < n; first += LANES)"):
                self._line("const int m = n - first < LANES ? (int)(n - first) : LANES;")
                start = len(self.lines)
                self._examples()
                self.lines[start:start] = self._loaded()
        else:
            self._examples()
        for nest in plan.after:
            self._nest(nest, False)
        self._outputs(varying=False)

    def _examples(self) -> None:
        for nest in self.plan.examples:
            self._nest(nest, True)
        self._outputs(varying=True)

    def _loaded(self) -> list[str]:
        """The inputs that are used, from an example a row to a number a row."""
        lines, self.lines = self.lines, []
        for block in self.program.inputs:
            if block in self.used:
                with self._axes((block.size,)) as places, self._lanes():
                    place = places[0] or "0"
                    at = f"(first + e) * {block.size} + {place}" if block.size > 1 else "first + e"
                    self._line(f"{self._name(block)}[{place}][e] = {block.name}[{at}];")
        loaded, self.lines = self.lines, lines
        return loaded

    def _outputs(self, varying: bool) -> None:
        for output, gathers in self.program.outputs.items():
            if any(g.block.varying for g in gathers) != varying:
                continue
            members, start = sum(map(len, gathers)), 0
            for gather in gathers:
                self._output(_place(output), gather, members, start, varying)
                start += len(gather)

    def _output(self, name: str, gather: Gather, members: int, start: int, varying: bool) -> None:
        read = access(gather, (len(gather),))
        with self._axes(read.axes) as places, self._lanes(varying):
            at = _sum(f"(first + e) * {members}" if varying and self.many else "", *places, start)
            self._line(f"{name}[{at}] = {self._read(read, places, '')};")

    # Nests.

    def _nest(self, nest: Nest, varying: bool) -> None:
        with self._axes(nest.axes) as places:
            if nest.over_examples:
                self._over_examples(nest.steps[0], places)
            elif nest.opens_with_sum and varying and self.many:
                self._sums_of_lanes(nest.steps[0], places)
                with self._lanes():
                    self._line(f"const {self.number} r0 = total[e];")
                    self._stored(nest.steps[0], places)
                    self._steps(nest.steps[1:], places)
            else:
                with self._lanes(varying):
                    self._steps(nest.steps, places)

    def _over_examples(self, step: Step, places: list[str]) -> None:
        self._line(f"{self.number} total = 0.0;")
        with self._lanes():
            self._accumulated("total", step, places)
        place = self._read(step.target, places, "")
        self._line(f"{place} += total;")

    def _sums_of_lanes(self, step: Step, places: list[str]) -> None:
        """A long sum, of all lanes at once: so a compiler can use vectors."""
        self._line(f"{self.number} total[LANES];")
        with self._lanes():
            self._line(f"total[e] = {self._start(step)};")
        for terms, factors in step.products:
            with self._loop("t", terms), self._lanes():
                term = self._product(factors, places, "t" if terms > 1 else "")
                self._line(self._added("total[e]", step, term))

    def _steps(self, steps: list[Step], places: list[str]) -> None:
        for step in steps:
            name = f"r{step.number}"
            if step.op is not None:
                operands = tuple([self._operand(o, places) for o in step.operands])
                kind = "int" if step.op.boolean else self.number
                self._line(f"const {kind} {name} = {self._call(step.op, operands)};")
            elif sum(n for n, _ in step.products) > INLINE_TERMS or step.combine is not ops.add:
                self._line(f"{self.number} {name} = {self._start(step)};")
                self._accumulated(name, step, places)
            else:
                terms = [
                    self._product(factors, places, str(t))
                    for n, factors in step.products
                    for t in range(n)
                ]
                self._line(f"const {self.number} {name} = {' + '.join(terms) or '0.0'};")
            self._stored(step, places)

    def _accumulated(self, total: str, step: Step, places: list[str]) -> None:
        for terms, factors in step.products:
            with self._loop("t", terms):
                term = self._product(factors, places, "t" if terms > 1 else "")
                self._line(self._added(total, step, term))

    def _start(self, step: Step) -> str:
        return "0.0" if step.combine is ops.add else "-INFINITY"

    def _added(self, total: str, step: Step, term: str) -> str:
        if step.combine is ops.add:
            return f"{total} += {term};"
        return f"{total} = {self._call(step.combine, (Text(total), Text(term)))};"

    def _stored(self, step: Step, places: list[str]) -> None:
        if step.stored:
            self._line(f"{self._read(step.target, places, '')} = r{step.number};")

    def _product(self, factors: list[Access | Step], places: list[str], t: str) -> str:
        return " * ".join(self._print(self._operand(f, places, t), 7) for f in factors)

    # Places.

    def _operand(self, operand: Access | Step, places: list[str], t: str = "") -> Text:
        if isinstance(operand, Step):
            return Text(f"r{operand.number}", op=operand.op if operand.op else None)
        code = self._read(operand, places, t)
        if operand.block.boolean:
            return _apply(ops.not_equal, (Text(code), 0.0))
        return Text(code, _UNARY if code.startswith("-") else _ATOM)

    def _read(self, read: Access, places: list[str], t: str) -> str:
        """The number that an access reads, or the place that it names."""
        block, constants = read.block, self.program.constants
        fixed = read.table is None and not any(read.strides) and (not read.term or t.isdigit())
        if block is constants and fixed:
            return self._literal(self.program.constant_values[read.base + read.term * int(t or 0)])
        if block is self.program.seed:
            self.used[block] = None
            return "seed" if self.many else "1.0"
        self.used[block] = None
        at = self._index(read, places, t)
        if block.varying and self.many:
            return f"{self._name(block)}[{at}][e]"
        return f"{self._name(block)}[{at}]"

    def _index(self, read: Access, places: list[str], t: str) -> str:
        if read.table is None:
            strides = zip((*places, t), (*read.strides, read.term), strict=True)
            return _sum(*[_times(i, stride) for i, stride in strides], read.base)
        terms = read.table.shape[1]
        place = ""
        for i, n in zip(places, read.axes):
            place = _sum(_times(place, n), i)
        at = _sum(_times(place, terms), t)
        return f"{self._table(read.table)}[{at}]"

    def _table(self, index: Index) -> str:
        key = index.tobytes()
        name = f"table{list(self.tables).index(key)}" if key in self.tables else ""
        if not name:
            name = f"table{len(self.tables)}"
            numbers = [str(k) for k in index.ravel().tolist()]
            self.tables[key] = _array(f"static const int {name}", numbers)
        return name

    def _name(self, block: Block) -> str:
        if block in self.program.inputs and self.many:
            return f"b_{block.name}"
        return block.name.replace("%", "b")

    # Expressions.

    def _call(self, op: Op, operands: tuple[Text, ...]) -> str:
        if op.primitive:
            return self._print(Text("", op=op, operands=operands), 0)
        name = f"mg_{_place(op.name)}" + (f"_{len(operands)}" if op.arity is None else "")
        if name not in self.functions:
            self.functions[name] = ""  # its place: above those that it needs not
            self.functions[name] = self._function(name, op, len(operands))
        return f"{name}({', '.join(self._print(x, 0) for x in operands)})"

    def _function(self, name: str, op: Op, count: int) -> str:
        parameters = [f"x{k}" for k in range(count)]
        result = _apply(op, tuple(map(Text, parameters)))
        named: dict[Text, str] = {}
        lines = []
        for x in _in_order(result):
            if x.operands and x is not result:
                code = self._print(x, 0, named)
                kind = "int" if x.boolean else self.number
                named[x] = f"t{len(named)}"
                lines.append(f"    const {kind} {named[x]} = {code};\n")
        lines.append(f"    return {self._print(result, 0, named)};\n")
        arguments = ", ".join(f"{self.number} {x}" for x in parameters)
        return f"static {self.number} {name}({arguments})\n{{\n{''.join(lines)}}}\n"

    def _print(self, x: Text, outer: int, named: dict[Text, str] | None = None) -> str:
        """An expression, in parentheses where `outer` would take it apart."""
        raise NotImplementedError

    def _literal(self, x: float) -> str:
        text = literal(x)
        return text + self.suffix if text[-1].isdigit() else text

    # Lines.

    def _line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def _block(self, head: str) -> Iterator[None]:
        self._line(f"{head} {{")
        self.depth += 1
        yield
        self.depth -= 1
        self._line("}")


def _in_order(x: Text) -> list[Text]: ...
