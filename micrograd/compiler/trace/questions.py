"""Questions: what Python asks of a traced number, answered for one example.

`if x > 0` asks whether a condition holds; `int(x)` asks which integer a number is, as a chain of
questions "is it k?". Each answer is recorded, so that a program can ask the same for all examples.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from micrograd import ops
from micrograd.caller import line_of_the_user
from micrograd.compiler.trace.errors import TRUTH, asked_for, asks_for_ever, not_rolled
from micrograd.compiler.trace.recurrence import LOOP
from micrograd.compiler.trace.symbol import Symbol
from micrograd.lazy import cached_property
from micrograd.ops import Op

MOST = 10_000  # questions of one example

# An answer: whether it holds, and the integer that it is about; None: it is a condition.
Given = tuple[bool, int | None]


@dataclass(frozen=True, slots=True)
class Example:
    """The numbers of one example: of each input, and of parameters that differ from their own."""

    inputs: Sequence[Sequence[float]]
    parameters: Mapping[Any, float]

    def number(self, source: Any) -> float:
        if isinstance(source, tuple):
            argument, place = source
            return float(self.inputs[argument][place])
        known = self.parameters.get(source)
        return source._data if known is None else known


@dataclass(frozen=True, slots=True)
class Question:
    """A condition of the graph, and the answer of this example."""

    condition: Symbol
    holds: bool
    integer: int | None
    line: str


class Questions:
    """The questions of one trace, in order. The first answers are given; the others are those of
    the example, computed on floats as the engine does."""

    def __init__(self, example: Callable[[], Example], given: Sequence[Given] = ()):
        self._example, self.given = example, given
        self.asked: list[Question] = []
        self._known: dict[int, Any] = {}  # the numbers of nodes, for this example
        self._answers: dict[Any, bool] = {}  # by the operation of a condition, and its operands

    @cached_property
    def example(self) -> Example:
        """Made at the first question: most functions have none."""
        return self._example()

    def holds(self, condition: Symbol) -> bool:
        """Whether a condition holds."""
        operands = [
            x.number if isinstance(x, Symbol) else float(x).hex() for x in condition.operands
        ]
        key = (condition.op, *operands)
        known = self._answers.get(key)
        if known is not None:
            return known  # it was asked before on this path
        place = len(self.asked)
        if place < len(self.given):
            answer = self.given[place][0]
        else:
            answer = bool(self._number_of(condition))
        self._note(condition, answer, None)
        self._answers[key] = answer
        return answer

    def integer(self, x: Symbol) -> int:
        """The integer that x is. Raises, for NaN and infinity, what Python raises."""
        excluded: set[int] = set()
        while True:
            place = len(self.asked)
            if place < len(self.given):
                answer, k = self.given[place]
                k = 0 if k is None else k  # of another question: the trie will notice
            else:
                answer, k = True, int(self._number_of(x))
                while k in excluded:  # the compiled program was on the other side of a tie
                    k += 1
            self._note(ops.equal(x, float(k)), answer, k)
            if answer:
                return k
            excluded.add(k)

    def _note(self, condition: Any, holds: bool, integer: int | None) -> None:
        if len(self.asked) >= MOST:
            raise asks_for_ever(len(self.asked))
        self.asked.append(Question(condition, holds, integer, line_of_the_user()))

    def _number_of(self, x: Symbol) -> Any:
        """The number of a node for the example: only what it depends on is computed."""
        known, stack = self._known, [x]
        while stack:
            node = stack[-1]
            missing = [y for y in node.operands if isinstance(y, Symbol) and y.number not in known]
            if missing:
                stack += missing
                continue
            stack.pop()
            if node.number in known:
                continue
            if node.op is LOOP:
                raise not_rolled(node.trace)
            if node.op is None:
                if node.source is None:  # the unknown of an equation
                    raise asked_for(*TRUTH)
                known[node.number] = self.example.number(node.source)
            else:
                operands = [known[y.number] if isinstance(y, Symbol) else y for y in node.operands]
                known[node.number] = node.op(*operands)
        return known[x.number]


@cache
def as_computed(op: Op) -> Op:
    """A user's operation whose first operand is its result: only its derivative is used."""

    def meaning(z: Any, *operands: Any) -> Any:
        return z

    def derivative(g: Any, result: Any, z: Any, *operands: Any) -> Any:
        assert op.derivative is not None
        return [0.0, *op.derivative(g, z, *operands)]

    return Op(op.name, None, meaning, derivative, op.doc)
