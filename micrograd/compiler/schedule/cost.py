"""Cost: about how many instructions of the machine an operation takes.

A primitive costs what its row in the table says. What is composed of others costs what its formula
applies: the formula is run on scalars that count, as it is run on registers to emit it.
"""

from functools import cache
from typing import NoReturn

from micrograd.compiler.trace.errors import chosen_by_if, formula
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar

OPAQUE = 1_000  # a call of Python takes longer than all that is decided by cost
QUICK = 5  # instructions: to compute so few again takes no longer than to store and load the result

ROUNDS = 8  # of an iteration: few are enough for most examples


class Counted(Scalar):
    """No number: every operation on it adds its cost to the `total`."""

    __slots__ = ("total",)
    rank = 3

    def __init__(self, total: list[int]):
        self.total = total

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        return _count

    def __bool__(self) -> NoReturn:
        raise chosen_by_if()


def _count(op: Op, operands: tuple[Counted | float, ...]) -> Counted:
    counted = next(x for x in operands if isinstance(x, Counted))
    counted.total[0] += cost(op, len(operands))
    return counted


@cache
def cost(op: Op, operands: int) -> int:
    """About how many instructions `op` takes, given so many operands.

    >>> from micrograd import ops
    >>> cost(ops.mul, 2), cost(ops.exp, 1), cost(ops.relu, 1), cost(ops.sigmoid, 1)
    (1, 25, 2, 31)
    """
    if op.primitive:
        return op.cost
    if op.opaque:
        return OPAQUE
    total = [0]
    counted = [Counted(total) for _ in range(operands)]
    if op.iteration is not None:
        op.iteration.step(op.iteration.start(*counted), counted)
        return ROUNDS * total[0]
    formula(op, counted)
    return max(total[0], 1)  # what does nothing is a copy
