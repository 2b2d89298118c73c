"""NIST's set Lanczos1, whose residuals are as small as 1e-14 of its data.

NIST computed the certified standard deviations with 128 bits, from decimal numbers. Rounded to
floats, the data are others: their deviations, computed with 60 digits, agree with the certified
ones to 3.4 digits. So no program that is passed these floats can find five. It can if the data are
given as differences from a curve, computed in decimals: these need few digits.
"""

import json
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

import micrograd as mg

NIST = json.loads((Path(__file__).parent / "nist.json").read_text(encoding="utf-8"))
DATA = NIST["Lanczos1"]
CURVE = "0.0951", "1", "0.8607", "3", "1.5576", "5"  # near the best one


def digits(found, certified):
    return -np.log10(np.abs(np.array(found, float) / np.array(certified) - 1.0).max())


def deviations(x, y):
    """The standard deviations of the parameters, by Gauss-Newton steps with 60 digits."""
    with mp.workdps(60):
        p, r, inverse = mp.matrix(DATA["values"]), mp.matrix(1), mp.matrix(1)
        for _ in range(6):
            decays = [[mp.exp(-p[k] * t) for k in (1, 3, 5)] for t in x]
            curve = [sum(p[2 * k] * e for k, e in enumerate(row)) for row in decays]
            slopes = mp.matrix(
                [
                    [s for k, e in enumerate(row) for s in (e, -p[2 * k] * t * e)]
                    for t, row in zip(x, decays)
                ]
            )
            r, inverse = mp.matrix(y) - mp.matrix(curve), (slopes.T * slopes) ** -1
            p += inverse * (slopes.T * r)
        variance = (r.T * r)[0] / (len(y) - len(p))
        return [mp.sqrt(variance * inverse[k, k]) for k in range(len(p))]


def test_floats_are_too_coarse_for_five_digits_of_its_deviations():
    rounded = [[mp.mpf(v) for v in DATA[name]] for name in ("x", "y")]
    with mp.workdps(60):
        exact = [[mp.mpf(repr(v)) for v in DATA[name]] for name in ("x", "y")]
    assert digits(deviations(*exact), DATA["errors"]) > 10
    assert 3 < digits(deviations(*rounded), DATA["errors"]) < 4


@pytest.mark.native
def test_its_certified_deviations_are_found_from_differences_that_floats_can_hold():
    with mp.workdps(60):
        b = [mp.mpf(v) for v in CURVE]
        x, y = ([mp.mpf(repr(v)) for v in DATA[name]] for name in ("x", "y"))
        curve = [sum(b[k] * mp.exp(-b[k + 1] * t) for k in (0, 2, 4)) for t in x]
        y = [float(a - c) for a, c in zip(y, curve)]
    near = np.array(CURVE, float)

    def difference(x, *p):
        """The curve at near + p, minus the one at `near`."""
        return mg.sum(
            mg.exp(-near[k + 1] * x) * (p[k] + (near[k] + p[k]) * mg.expm1(-p[k + 1] * x))
            for k in (0, 2, 4)
        )

    starts = np.array(DATA["starts"]) - near
    fits = mg.curve_fits(difference, DATA["x"], [y, y], starts, iterations=10_000)
    assert fits.converged.all()
    for values, errors in zip(fits.values, fits.errors):
        assert digits(near + values, DATA["values"]) > 10
        assert digits(errors, DATA["errors"]) > 7
    np.testing.assert_allclose(fits.chi2, DATA["chi2"], rtol=1e-8)
