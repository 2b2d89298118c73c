"""Cost: about how many instructions of the machine operations take.

A primitive costs what its row in the table says. What is composed of others costs what its formula
applies: the formula is run on scalars that count, as it is run on registers to emit it. They have
value numbers, so that what occurs again is counted once, as LLVM computes it once.
"""

from collections.abc import Hashable
from functools import cache
from typing import NoReturn

from micrograd.compiler.trace.errors import chosen_by_if, formula
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar

OPAQUE = 1_000  # a call of Python takes longer than all that is decided by cost
QUICK = 5  # instructions: to compute so few again takes no longer than to store and load the result

ROUNDS = 8  # of an iteration: few are enough for most examples


class Work:
    """The cost of operations that are computed together.

    >>> from micrograd import ops
    >>> work = Work()
    >>> x = work.scalar("x")
    >>> _ = ops.softplus(x)
    >>> work.total
    58
    >>> _ = ops.sigmoid(x)  # uses the same exp
    >>> work.total
    62
    """

    def __init__(self) -> None:
        self.total = 0
        self._known: dict[Hashable, Counted] = {}

    def scalar(self, key: Hashable, cost: int = 0) -> "Counted":
        """The scalar of this key, which costs so much if it is new."""
        known = self._known.get(key)
        if known is None:
            self.total += cost
            known = self._known[key] = Counted(self, f"#{len(self._known)}")
        return known


class Counted(Scalar):
    """No number: an operation on it adds its cost to the work."""

    __slots__ = ("name", "work")
    rank = 3

    def __init__(self, work: Work, name: str):
        self.work, self.name = work, name

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        return _count

    def __bool__(self) -> NoReturn:
        raise chosen_by_if()


def _count(op: Op, operands: tuple[Counted | float, ...]) -> object:
    if not (op.primitive or op.opaque or op.iteration is not None):
        return formula(op, operands)
    counted = next(x for x in operands if isinstance(x, Counted))
    names = [x.name if isinstance(x, Counted) else x for x in operands]
    return counted.work.scalar((op, *names), cost(op, len(operands)))


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
    work = Work()
    scalars = [work.scalar(k) for k in range(operands)]
    if op.iteration is not None:
        op.iteration.step(op.iteration.start(*scalars), scalars)
        return ROUNDS * work.total
    formula(op, scalars)
    return max(work.total, 1)  # what does nothing is a copy
