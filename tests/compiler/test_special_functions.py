"""The special functions in compiled programs, against mpmath."""

from typing import Any

import numpy as np
import pytest
import special_functions as special
from elementary import compiled


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", special.EXACT)
def test_the_error_is_that_of_some_units_of_the_operands(name: str, dtype: Any) -> None:
    operands = special.points(name, dtype, 90)
    _, errors = special.errors(name, compiled(name, dtype)(*operands), *operands)
    worst = errors.argmax()
    assert errors[worst] <= special.BOUND, [x[worst] for x in operands]


def test_lgamma_is_precise_between_its_series() -> None:
    """It was a difference of two logarithms there, each forty times as large."""
    x = np.linspace(2.2, 9.0, 120)
    errors, _ = special.errors("lgamma", compiled("lgamma", np.float64)(x), x)
    assert errors.max() <= 4.0
