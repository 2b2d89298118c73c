"""Compaction: repeats a compiled step on many rows until each row is done.

The results of rows that are done are stored. Once these rows are many, the others are copied
together, so that later steps compute only these.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

DROPPED = 0.3  # the part of the rows that must be done before the others are copied together

Array = np.ndarray[Any, Any]


def repeat(
    step: Callable[..., Array], state: Array, inputs: list[Array], most: int
) -> tuple[Array, Array]:
    """The final states of all rows, and the number of steps that each took.

    `step(state, *inputs)` returns the next state of all rows; its last column is 0 for rows that
    are not done. An input has a row for each row of the state, or one row for all. A row that is
    not done after `most` steps keeps its last state.

    >>> halve = lambda x: np.column_stack([x[:, 0] / 2, x[:, 0] <= 2.0])
    >>> repeat(halve, np.array([[8.0, 0.0], [1.0, 0.0]]), [], 10)
    (array([[1. , 1. ],
           [0.5, 1. ]]), array([3, 1]))
    """
    final, taken = np.empty_like(state), np.full(len(state), most)
    rows, going = np.arange(len(state)), np.ones(len(state), bool)
    for count in range(1, most + 1):
        state = step(state, *inputs)
        done = going & (state[:, -1] != 0.0)
        if np.count_nonzero(done):
            final[rows[done]], taken[rows[done]] = state[done], count
            going &= ~done
            left = np.count_nonzero(going)
            if left == 0:
                return final, taken
            if left <= (1.0 - DROPPED) * len(rows):
                rows, state = rows[going], state[going]
                inputs = [x[going] if len(x) > 1 else x for x in inputs]
                going = np.ones(left, bool)
    final[rows[going]] = state[going]
    return final, taken
