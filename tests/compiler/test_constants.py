"""Constants: any number of constants among the scalars of a program, at any position."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pipeline import eager
from ways import in_numpy

import micrograd as mg

NUMBERS = np.arange(1.0, 41.0) / 3.0  # all different

# Of x, a number, and c, constants: more of these than there are nodes.
PROGRAMS: dict[str, Callable[[Any, Any], Any]] = {
    "products": lambda x, c: mg.sum(k * (x + j) for k, j in zip(c, c[::-1])),
    "differences": lambda x, c: mg.sum(x - j - k for j, k in zip(c, c[::-1])),
    "a sum with one node": lambda x, c: mg.sum([*c, x]),
    "a sum of numbers and a product": lambda x, c: mg.sum([*c, x * x]),
    "weights": lambda x, c: mg.dot(c, [x, *c[1:]], c[0]),
    "inputs": lambda x, c: mg.dot([x, *c[1:]], c, x),
    "two of each": lambda x, c: mg.dot(c, c) + mg.sum(c) * x,
    "a table": lambda x, c: mg.take(list(c), 0.0 * x) - mg.take([x, *c], 0.0 * x),
    "largest": lambda x, c: mg.logsumexp([x, *c]),
    "powers": lambda x, c: mg.sum(x**k for k in c / 9),
    "places": lambda x, c: mg.sum(mg.where(x > k, k, x) for k in c),
    "results": lambda x, c: [x, *c, x * x, *c],
    "only numbers": lambda x, c: [*c],
    "concatenated": lambda x, c: np.concatenate([[x], c]).sum() * np.array(c),
}


@pytest.mark.parametrize("count", [1, 2, 16, 17, 18, 40])
@pytest.mark.parametrize("name", PROGRAMS)
def test_any_number_of_constants(name: str, count: int) -> None:
    program, c = PROGRAMS[name], NUMBERS[:count]

    def f(x: Any) -> Any:
        return program(x, c)

    (expected,) = eager(f, np.array([2.0]))
    for make in (in_numpy, mg.compile, lambda f: mg.compile(f, exact=True)):
        np.testing.assert_allclose(np.ravel(make(f)(2.0)), expected, rtol=1e-14)
