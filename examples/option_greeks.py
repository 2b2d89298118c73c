"""The price of a European call by Black and Scholes, and its sensitivities, from one formula.

The formula is written once, in scalars; `backward()` gives delta, vega and rho, and a second
derivative gives gamma. It prints:

    price   10.4506
    delta    0.6368
    gamma    0.0188
    vega    37.5240
    rho     53.2325
"""

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
