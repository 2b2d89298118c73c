"""What may be written into a Value: real numbers, which become floats, and nothing else."""

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

from micrograd import Value


@pytest.mark.parametrize("name", ["data", "grad"])
@pytest.mark.parametrize(
    ("x", "instead"),
    [
        ("3", "float(x)"),
        (None, "write a number"),
        (1j, "write a number"),
        (np.ones(2), "one number for each Value"),
        ([1.0], "one number for each Value"),
        (Value(1.0) - 0.1 * Value(2.0).grad, "p.data -= 0.1 * p.grad"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_what_is_no_number_is_not_written(name: str, x: Any, instead: str) -> None:
    p = Value(1.0)
    with pytest.raises(TypeError, match=f"the {name} of a Value: expected one real number, got"):
        setattr(p, name, x)
    with pytest.raises(TypeError) as caught:
        setattr(p, name, x)
    assert instead in str(caught.value)
    assert (p.data, p.grad) == (1.0, 0.0)


@pytest.mark.parametrize("x", [3, True, np.float32(3.0), np.int64(3), 10**400])
def test_every_real_number_is_written_as_a_float(x: Any) -> None:
    p = Value(1.0)
    p.data = p.grad = x
    assert type(p.data) is type(p.grad) is float
    assert p.data == p.grad == (3.0 if x == 3 else 1.0 if x == 1 else math.inf)


def test_copies_and_pickles_hold_the_numbers() -> None:
    p = Value(2.0, name="p")
    p.grad = 3.0
    for q in (copy.copy(p), copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert (q.data, q.grad, q.name, q.op, q.operands) == (2.0, 3.0, "p", None, ())
    old = Value.__new__(Value)  # as 0.1 wrote it, whose slots were called data and grad
    names = {"data": 2.0, "grad": 3.0, "op": None, "first": (), "second": None, "name": "p"}
    old.__setstate__((None, names))
    assert repr(old) == repr(p)
