"""The operands of a C program: blocks, tables, and the elements that an access reads or writes."""

from collections import Counter
from functools import reduce

from micrograd import ops
from micrograd.compiler.c.expression import Expression
from micrograd.compiler.c.lines import array, index
from micrograd.compiler.program.ir import Block, Index, Program
from micrograd.compiler.schedule.access import Access
from micrograd.compiler.schedule.plan import Step

Number = Expression | float


class Operands:
    """Names blocks and tables as they are used."""

    def __init__(self, program: Program, many: bool):
        self.program, self.many = program, many
        self.tables: dict[bytes, tuple[str, str]] = {}  # the name of each, and its text
        self.used: dict[Block, None] = {}  # in order of first use
        self._names: dict[Block, str] = {}
        self._met: Counter[str] = Counter()  # the number of blocks so far, by their program's name

    def product(self, factors: list[Access | Step], indices: list[str], t: str) -> Number:
        return reduce(ops.mul, [self.read(factor, indices, t) for factor in factors])

    def read(self, operand: Access | Step, indices: list[str], t: str = "0") -> Number:
        if isinstance(operand, Step):
            boolean = operand.op is not None and operand.op.boolean
            return Expression.named(f"r{operand.number}", boolean)
        if operand.block is self.program.seed:
            return Expression.named("seed") if self.many else 1.0
        place = self.at(operand, indices, t)
        if operand.block is self.program.constants and place.isdigit():
            return self.program.constant_values[int(place)]
        return Expression.named(self.element(operand, indices, t))

    def element(self, access: Access, indices: list[str], t: str = "0") -> str:
        """The element that an access reads or writes."""
        self.used[access.block] = None
        lane = "[e]" if access.block.varying and self.many else ""
        return f"{self.name(access.block)}[{self.at(access, indices, t)}]{lane}"

    def at(self, access: Access, indices: list[str], t: str = "0") -> str:
        """The index of that element in its block."""
        if access.table is None:
            strides = *access.strides, access.term, access.step
            return index([*indices, t, "s"], strides, access.base)
        at = "0"
        for i, n in zip((*indices, t), (*access.axes, access.table.shape[1])):
            at = index([at, i], (n, 1))
        entry = f"{self._table(access.table)}[{at}]"
        return index([entry, "s"], (1, access.step)) if access.step else entry

    def _table(self, table: Index) -> str:
        key = table.tobytes()
        if key not in self.tables:
            name = f"table{len(self.tables)}"
            numbers = [*map(str, table.ravel().tolist())]
            self.tables[key] = name, array(f"static const int {name}", numbers)
        return self.tables[key][0]

    def name(self, block: Block) -> str:
        """A unique name: rematerialised comparisons share one name in the program."""
        if block in self.program.inputs and self.many and block.varying:
            return f"{block.name}_rows"
        if block not in self._names:
            name = block.name.replace("%", "b")
            self._names[block] = f"{name}_{self._met[name]}" if self._met[name] else name
            self._met[name] += 1
        return self._names[block]
