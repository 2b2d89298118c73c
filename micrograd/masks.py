"""Masks: the condition under which a gradient may be other than zero, as its formula shows it.

A condition is one of Python's truths, or a symbol where it is not known yet. `x` is a multiple of
the gradient `g`; where it passes through a branch that is not taken, it is a zero that `where` has
chosen.
"""

from typing import Any

from micrograd import ops


def of(x: Any, g: Any) -> Any:
    """The condition under which x is not masked, if g is not."""
    if x.__class__ is float:
        return x != 0
    if x is g or x.op is not ops.where:
        return True
    c, a, b = x.operands
    if c.__class__ is float or not c.op or not c.op.boolean:
        c = c != 0.0
    return either(both(c, of(a, g)), both(_neither(c), of(b, g)))


def under(condition: Any, x: Any) -> Any:
    """x under a condition, else 0."""
    if condition is True:
        return x
    return 0.0 if condition is False else ops.under(condition, x)


def passed(condition: Any, g: Any, x: Any) -> Any:
    """x, on guard against `0 * inf`: see `ops.passed`."""
    if x is g or x.__class__ is float or g.__class__ is float:
        return x
    return ops.passed(float(condition) if condition.__class__ is bool else condition, g, x)


def is_surely_nonzero(g: Any) -> bool:
    """Whether g is known now, and not zero: a number, or that of a Value."""
    return g.__class__ is float or (g.rank == 0 and g._data != 0.0)


def both(a: Any, b: Any) -> Any:
    if a is True or b is False:
        return b
    return a if b is True or a is False else ops.logical_and(a, b)


def either(a: Any, b: Any) -> Any:
    if a is False or b is True:
        return b
    return a if b is False or a is True else ops.logical_or(a, b)


def _neither(a: Any) -> Any:
    return not a if a.__class__ is bool else ops.logical_not(a)
