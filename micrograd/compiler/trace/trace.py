"""Trace: the graph that a Python function becomes, called once on symbols."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from micrograd import graph, ops
from micrograd.compiler.trace.errors import (
    ASKED,
    INTEGER,
    TRUTH,
    TraceError,
    asked_for,
    foreign,
)
from micrograd.compiler.trace.parameter_order import in_order
from micrograd.compiler.trace.questions import Questions, as_computed
from micrograd.compiler.trace.recurrence import Loops, Recurrence
from micrograd.compiler.trace.scan import rolled, shown
from micrograd.compiler.trace.symbol import (
    MANY,
    Node,
    Symbol,
    as_number,
    compared,
    numbers_of,
)
from micrograd.compiler.trace.words import Words, words_of
from micrograd.engine import Value
from micrograd.ops import Op
from micrograd.real import number
from micrograd.structure import Structure
from micrograd.watch import Watch, watches

Guards = dict[Op, slice]  # which operands of each are needed
# What Python may ask of a captured Value: its symbol decides.
DECIDED: dict[str, Callable[[Any], Any]] = {
    "truth": bool, "int": int, "round": round, "floor": math.floor, "ceil": math.ceil,
}  # fmt: skip


class Trace(Watch):
    """The graph of one call: its inputs, the parameters that it captured, its results.

    Leaf Values that are made in the call are constants of the program. The numbers of all others
    are not known yet: to compare them gives a symbol, and Python cannot ask for them.
    """

    no_answer = TraceError

    def __init__(
        self, numbers_only: bool = False, questions: Questions | None = None, loops: Loops = ""
    ) -> None:
        super().__init__()
        self.loops: Loops = loops
        self.has_loops = False
        self.written: list[Recurrence] = []  # the loops of Python that are nodes
        self.gradients: Callable[[Any, list[Any]], list[Any]] = graph.gradients
        self.has_failed = False  # a loop cannot be a node: see NotRolled
        self.numbers_only = numbers_only  # a symbol that meets an array raises TraceError
        self.questions = questions  # None: they raise TraceError
        self.conditions: list[Node] = []  # of questions: computed as they are written
        self.path: Node | None = None  # which unknown path an example takes; None: all are known
        self.count = 0  # of all nodes
        self.of_norms: set[int] = set()  # the numbers of the nodes of their formulas
        self.nodes: list[Symbol] = []  # those that are computed, in the order of their making
        self.inputs: list[list[Symbol]] = []  # a list for each leaf of the arguments
        self.met: dict[Value, Symbol] = {}  # the parameters, as they were met
        self.parameters: tuple[Value, ...] = ()  # in their order, once that is known
        self.parameter_numbers = np.empty(0, np.int64)  # of their symbols
        self.outputs: list[Node] = []
        self.output_shapes: list[tuple[int, ...] | None] = []  # of arrays; None: a number
        self.output_structure: Structure
        self.unknowns: list[Symbol] = []  # of equations, which no example knows
        self._computed: dict[Value, Node] = {}
        self._walked: set[Value] = set()  # all below the computed Values that are in this graph
        self._asked: set[Value] = set()  # all below the Values that Python asked about
        self._captured: set[Value] = set()  # those among them that depend on a captured one
        self._numbers: dict[Symbol, NDArray[np.int64]] = {}  # of the operands of nodes with many

    def __str__(self) -> str:
        """The graph, a line for each node: an operation of the nodes before it."""
        names: dict[Symbol, str] = {}
        for k, symbols in enumerate(self.inputs):
            names |= {symbol: f"x{k}[{place}]" for place, symbol in enumerate(symbols)}
        for place, value in enumerate(self.parameters):
            names[self.met[value]] = value.name or f"w[{place}]"

        def show(x: Any) -> str:
            return f"{x:.12g}" if x.__class__ is float else names[x]

        lines = [f"trace of {len(self.inputs)} inputs and {len(self.parameters)} parameters"]
        for k, node in enumerate(self.computed(self.outputs), start=1):
            names[node] = f"n{k}"
            lines.append(f"  n{k} = {shown(node, [*map(show, node.operands)])}")
        return "\n".join([*lines, f"  value = {', '.join(map(show, self.outputs))}"])

    def formula_of_norm(self, operands: tuple[Any, ...]) -> Any:
        """A norm in smaller operations, which compute it. The norm itself is differentiated."""
        before = self.count
        formula = ops.norm.meaning(*operands)
        self.of_norms.update(range(before, self.count))
        return formula

    def computed(self, *outputs: list[Node], guards: Guards | None = None) -> list[Symbol]:
        """The computed nodes that the outputs depend on, each after its operands.

        Of a guard only some operands may count: `guards` says which; then norms are formulas.
        """
        formulas, guards = guards is not None, guards or {}
        needed = bytearray(self.count + 1)  # the last stands for all floats: they are number -1
        array = np.frombuffer(needed, np.uint8)
        for nodes in outputs:
            array[numbers_of(nodes)] = True
        for node in reversed(self.nodes):
            if not needed[node.number]:
                continue
            operands = node.operands
            if formulas and node.op is ops.norm:
                needed[node.source.number] = True
            elif len(operands) > MANY:
                array[self.numbers(node)] = True
            else:
                if node.op in guards:
                    operands = operands[guards[node.op]]
                for x in operands:
                    if type(x) is not float:  # `__class__` of a condition is slow
                        needed[x.number] = True  # type: ignore[union-attr]
        return [node for node in self.nodes if needed[node.number]]

    def numbers(self, node: Symbol) -> NDArray[np.int64]:
        """Those of the operands of `node`; of a float, -1."""
        known = self._numbers.get(node)
        if known is None:
            known = self._numbers[node] = numbers_of(node.operands)
        return known

    def order_parameters(self, before: tuple[Value, ...] = (), words: Words | None = None) -> None:
        """First those `before`, then the others, as `in_order` has them. `words` are those of this
        graph, if they are known."""
        values, numbers = [*self.met], numbers_of([*self.met.values()])
        first = np.searchsorted(numbers, numbers_of([self.met[value] for value in before]))
        order = in_order(words or words_of(self), numbers, first)
        self.parameter_numbers = numbers[order]
        self.parameters = tuple([values[k] for k in order.tolist()])

    def symbol(self, x: Any) -> Any:
        """`x` in this graph: symbols and numbers as they are, a Value with all it depends on."""
        if isinstance(x, Symbol):
            if x.trace is not self:
                raise foreign()
            return x
        if x.__class__ is Value and not x.operands:
            return self._leaf(x)
        if not isinstance(x, Value):
            return x if x.__class__ is float else number(x)
        for node in graph.topological_order(x, seen=self._walked):
            operands = tuple([self._known(y) for y in node.operands])
            self._computed[node] = Symbol(self, node.op, operands)
        return self._computed[x]

    def number_of(self, value: Value) -> int:
        """The number of the symbol of a computed Value that is in this graph."""
        return self._computed[value].number  # type: ignore[union-attr]

    def scan(self, step: Any, carry: Any, items: Any, differentiated: bool = False) -> Any:
        """The results of `micrograd.scan`, where it can be a node; a loop within its step is
        unrolled."""
        if self.loops != "everywhere" and (differentiated or self.loops != "values"):
            return None
        with self.without_loops():
            results = rolled(self, step, carry, items)
        self.has_loops |= results is not None
        return results

    @contextmanager
    def without_loops(self) -> Iterator[None]:
        """Within this block, each `micrograd.scan` is unrolled."""
        loops, self.loops = self.loops, ""
        try:
            yield
        finally:
            self.loops = loops

    def node(self, op: Op, operands: tuple[Any, ...]) -> Symbol:
        """The symbol of an operation on symbols, Values and numbers; conditions among them count
        as numbers, but where the operation asks for a condition."""
        known = self.symbols(operands)
        known = (*known[: op.conditions], *map(as_number, known[op.conditions :]))
        return compared(self, op, known) if op.boolean else Symbol(self, op, known)

    def _known(self, x: Any) -> Any:
        return x if x.__class__ is float else self._computed[x] if x.operands else self._leaf(x)

    def symbols(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        """`symbol` of each, written out for what most operands of a network are: parameters, known
        or new, and symbols."""
        met, constants, new, symbols = self.met, self.made, Symbol.__new__, []
        for x in operands:
            if x.__class__ is Value:
                symbol: Any = met.get(x)
                if symbol is None and x.op is None and x not in constants:
                    met[x] = symbol = new(Symbol)
                    symbol.trace, symbol.op, symbol.operands, symbol.source = self, None, (), x
                    symbol.number = self.count
                    self.count += 1
            else:
                symbol = x if x.__class__ is Symbol and x.trace is self else None
            symbols.append(self.symbol(x) if symbol is None else symbol)
        return tuple(symbols)

    def _leaf(self, x: Value) -> Any:
        if graph.is_truth(x):  # of a derivative: which branch it took, once for all
            return x._data
        known = self.met.get(x)
        if known is not None:
            return known
        if x in self.made:  # a node: `grad` may ask for the derivative with respect to it
            if x not in self._computed:
                self._computed[x] = Symbol(self, ops.identity, (x._data,))
            return self._computed[x]
        symbol = self.met[x] = Symbol(self, None, (), x)
        return symbol

    def unknown(self) -> Symbol:
        self.unknowns.append(Symbol(self, None, ()))
        return self.unknowns[-1]

    # Questions.

    def on_each_path(self, of: Callable[[list[Node]], list[Node]]) -> list[Node]:
        """`of(outputs)`; if there are several paths, on the path that an example takes."""
        return of(self.outputs)

    def holds(self, x: Symbol) -> bool:
        """Whether a condition holds. Raises TraceError where that cannot be asked."""
        return self._asking(TRUTH).holds(x)

    def integer(self, x: Symbol) -> int:
        """The integer that x is."""
        return self._asking(INTEGER).integer(x)

    def _asking(self, what: tuple[str, str]) -> Questions:
        innermost = next((watch for watch in watches() if isinstance(watch, Trace)), None)
        if self.questions is None or innermost is not self:
            raise asked_for(*what)
        return self.questions

    def of_user(self, op: Op, operands: tuple[Any, ...]) -> Symbol:
        """The node of a user's operation. One whose meaning asks is computed by what that did on
        this path, and differentiated by its row."""
        questions = self.questions
        if questions is not None and not op.opaque and op.iteration is None:
            before = len(questions.asked)
            try:
                formula = op.meaning(*operands)
            except Exception:  # of the numbers on this path; else the back ends will say so
                if len(questions.asked) > before:
                    raise
            else:
                if len(questions.asked) > before:
                    return Symbol(self, as_computed(op), (formula, *operands))
        return Symbol(self, op, operands)

    # What Python asks of Values meanwhile.

    def asked(self, value: Value, how: str) -> Any:
        if not self._is_captured(value):
            return None
        if how in DECIDED and self.questions is not None:
            return DECIDED[how](self.symbol(value))
        raise asked_for(*ASKED[how], "a captured Value")

    def compared(self, op: Op, operands: tuple[Any, ...], holds: bool) -> Any:
        captured = any(map(self._is_captured, operands))
        return self.node(op, operands) if captured else holds

    def _is_captured(self, value: Any) -> bool:
        """Whether it is, or was computed from, a Value that the function did not make itself."""
        for node in graph.topological_order(value, seen=self._asked):
            if any(map(self._depends, node.operands)):
                self._captured.add(node)
        return self._depends(value)

    def _depends(self, x: Any) -> bool:
        """`_is_captured`, once all below x is known."""
        if x.__class__ is float:
            return False
        return x in self._captured or (x.op is None and x not in self.made)
