"""The price of a European call by Black and Scholes, and its sensitivities, from one formula.

The formula is written once, in scalars. On Values, `backward()` gives delta, vega and rho; a second
derivative gives gamma; vectorized, it prices a million options and differentiates each. It prints:

    price   10.4506
    delta    0.6368
    gamma    0.0188
    vega    37.5240
    rho     53.2325
    1000000 options; the one above: 10.4506 0.6368 37.5240 53.2325
    gamma of the first and the last: 0.0068 0.0170
"""

import numpy as np

import micrograd as mg


def normal(x):
    """The normal distribution function."""
    return 0.5 * mg.erfc(-x / 2**0.5)


def call(S, K, T, r, sigma):
    """The price of the right to buy at K, in T years, what costs S now."""
    d1 = (mg.log(S / K) + (r + sigma * sigma / 2) * T) / (sigma * T**0.5)
    d2 = d1 - sigma * T**0.5
    return S * normal(d1) - K * mg.exp(-r * T) * normal(d2)


S, r, sigma = mg.Value(100.0), mg.Value(0.05), mg.Value(0.2)
price = call(S, 100.0, 1.0, r, sigma)
price.backward()
gamma = mg.grad(mg.grad(lambda S: call(S, 100.0, 1.0, 0.05, 0.2)))(100.0)

for name, number in [
    ("price", price.data),
    ("delta", S.grad),
    ("gamma", gamma),
    ("vega", sigma.grad),
    ("rho", r.grad),
]:
    print(f"{name:6}{number:9.4f}")

strikes = np.linspace(80.0, 120.0, 1_000_000)
strikes[500_000] = 100.0
prices, (delta, _, _, rho, vega) = mg.vectorize(call).value_and_grad(100.0, strikes, 1.0, 0.05, 0.2)
one = " ".join(f"{x[500_000]:.4f}" for x in (prices, delta, vega, rho))
print(f"{len(prices)} options; the one above: {one}")

gammas = mg.vectorize(lambda K: mg.grad(mg.grad(lambda S: call(S, K, 1.0, 0.05, 0.2)))(100.0))
print("gamma of the first and the last:", *[f"{g:.4f}" for g in gammas(strikes)[[0, -1]]])
