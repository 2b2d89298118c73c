"""Indices: an index array as text, a formula of the member, the term and the trip."""

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


def describe(index: Index) -> str:
    """An index array as a formula of the member i and the term t, where it is one.

    >>> describe(np.array([[0, 1], [2, 3], [4, 5]]))
    '2i + t'
    >>> describe(np.array([7, 7]))
    '7'
    >>> describe(np.array([0, 0, 0, 1, 1, 1]))
    'i // 3'
    >>> describe(np.array([3, 1, 4]))
    'table of 3'
    """
    if index.ndim == 2 and index.shape[1] == 1:
        index = index[:, 0]
    if index.ndim == 1:
        return _along(index, "i") or f"table of {index.size}"
    i, t = _along(index[:, 0] - index[0, 0], "i"), _along(index[0] - index[0, 0], "t")
    if i and t and (index == index[:, :1] + index[:1] - index[0, 0]).all():
        parts = [x for x in (i, t) if x != "0"] + [str(index[0, 0])] * bool(index[0, 0])
        return " + ".join(parts).replace("+ -", "- ") or "0"
    return f"table of {index.shape[0]} x {index.shape[1]}"


def _along(index: Index, letter: str) -> str:
    """The formula of an index along one axis, as in `describe`; empty if there is none."""
    first, n = int(index[0]), len(index)
    plus = f" + {first}" if first else ""
    if n == 1 or ((step := int(index[1]) - first) == 0 and np.ptp(index) == 0):
        return str(first)
    places = np.arange(n)
    if (index == first + step * places).all():
        return f"{_times(step)}{letter}{plus}"
    changes = np.flatnonzero(np.diff(index))
    run = int(changes[0]) + 1 if len(changes) else n
    if run > 1 and (index == first + places // run * (index[run] - first)).all():
        step = int(index[run]) - first
        return f"{'' if step == 1 else f'{step} '}{letter} // {run}{plus}"
    wraps = np.flatnonzero(index == first)
    period = int(wraps[1]) if len(wraps) > 1 else n
    if period < n and (index == index[places % period]).all():
        inner = _along(index[:period], letter)
        return inner and f"({inner} of i % {period})" if letter == "i" else ""
    return ""


def _times(step: int) -> str:
    return {1: "", -1: "-"}.get(step, str(step))


def moving(step: int) -> str:
    """The last term of an index that moves by `step` from trip to trip of a loop."""
    return f" {'+' if step > 0 else '-'} {_times(abs(step))}s" if step else ""
