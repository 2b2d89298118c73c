"""Rosenbrock's valley in 1,000 dimensions, minimised by SciPy with a compiled gradient.

`value_and_grad` of a compiled function is what `scipy.optimize.minimize` wants with `jac=True`. The
5,000 scalars of the valley become four instructions. It prints:

    as SciPy's own: True True
    the minimum, at ones: True True
    program of x0[n, 1000]
      %1[n, 999] = sum of -1 * x0[i] * x0[i] + x0[i + 1]
      %2[n, 999] = mul(%1[i], %1[i])
      %3[n, 999] = sum of -1 * x0[i] + 1
      %4[n, 1] = sum of 100 * %2[t] (t < 999) + %3[t] * %3[t] (t < 999)
      value = %4[0]
"""

from itertools import pairwise

import numpy as np
from scipy.optimize import minimize, rosen, rosen_der

import micrograd as mg


def valley(x):
    """Zero at (1, 1, ...), at the end of a long bend."""
    return mg.sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


f = mg.compile(valley)
x0 = np.tile([-1.2, 1.0], 500)
value, gradient = f.value_and_grad(x0)
print("as SciPy's own:", np.isclose(value, rosen(x0)), np.allclose(gradient, rosen_der(x0)))

found = minimize(
    f.value_and_grad, np.zeros(1000), jac=True, method="L-BFGS-B", options={"maxiter": 10_000}
)
print("the minimum, at ones:", found.success, np.allclose(found.x, 1, atol=1e-3))

f = mg.compile(valley)
f(x0)
print(f.source())
