"""Second derivatives, against those of NIST's regression sets that others derived by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

import micrograd as mg
from micrograd.parser import Expression

DATA = Path(__file__).parent
NIST = json.loads((DATA / "nist.json").read_text(encoding="utf-8"))
HESSIANS = json.loads((DATA / "nist_hessians.json").read_text(encoding="utf-8"))["sets"]


def hessian_of(name):
    """The Hessian of a set's formula by its parameters, as a function of (parameters, x)."""
    expression = Expression(NIST[name]["formula"])
    names = [f"b{k + 1}" for k in range(len(NIST[name]["values"]))]
    return mg.hessian(lambda p, x: expression({"x": x, **dict(zip(names, p))}), argnums=0)


def test_each_set_has_a_hessian():
    assert HESSIANS.keys() == NIST.keys()


@pytest.mark.parametrize("name", HESSIANS)
def test_hessians_of_nist_are_equal_to_ten_digits(name):
    hessian, values = hessian_of(name), np.array(NIST[name]["values"])
    compiled, upper = mg.compile(hessian), np.triu_indices(len(values))
    for k, expected in zip(HESSIANS[name]["points"], HESSIANS[name]["triangles"]):
        x = NIST[name]["x"][k]
        for found in (hessian([*values], x), compiled(values, x)):
            matrix = np.array(found, float)
            np.testing.assert_allclose(matrix[upper], expected, rtol=1e-10)
            np.testing.assert_allclose(matrix.T[upper], expected, rtol=1e-10)
