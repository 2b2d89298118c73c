"""How long does the implied volatility of an option take, for a million at once?

`micrograd.root` of the Black-Scholes formula, float64, alone and with its gradient by price and
market; Newton's method written out in Numba, and SciPy's on arrays, both with vega by hand; SciPy's
`brentq` in a loop.
"""

import math
import sys

import side_by_side
from side_by_side import Below, Faster

# isort: split
import numba
import numpy as np
from scipy import optimize, special

import micrograd as mg

OPTIONS = 1_000_000
FEW = 2_000  # for brentq
GUESS = 0.3

random = np.random.default_rng(0)
bounds = (90, 110), (90, 110), (0.3, 2), (0.0, 0.06), (0.15, 0.6)  # S, K, T, r, vol
*market, volatility = (random.uniform(low, high, OPTIONS) for low, high in bounds)


def price(S, K, T, r, vol, ndtr=mg.ndtr, m=mg):
    """The price of a call, for numbers or arrays; `m` is the module of functions."""
    deviation = vol * m.sqrt(T)
    d1 = (m.log(S / K) + r * T) / deviation + 0.5 * deviation
    return S * ndtr(d1) - K * m.exp(-r * T) * ndtr(d1 - deviation)


def vega(S, K, T, r, vol):
    deviation = vol * np.sqrt(T)
    d1 = (np.log(S / K) + r * T) / deviation + 0.5 * deviation
    return S * np.sqrt(T) * np.exp(-0.5 * d1 * d1) / math.sqrt(2 * math.pi)


prices = mg.vectorize(price)(*market, volatility)


def implied(price_, S, K, T, r):
    return mg.root(lambda vol: price(S, K, T, r, vol) - price_, GUESS)


def by_newton():
    def excess(vol, price_, *market):
        return price(*market, vol, special.ndtr, np) - price_

    def slope(vol, price_, *market):
        return vega(*market, vol)

    guess = np.full(OPTIONS, GUESS)
    return lambda: optimize.newton(excess, guess, slope, (prices, *market), tol=1e-13)


def by_brentq():
    few = [x[:FEW].tolist() for x in (prices, *market)]

    def excess(vol, price_, *market):
        return price(*market, vol, special.ndtr, math) - price_

    return lambda: [optimize.brentq(excess, 1e-3, 5.0, row, xtol=1e-13) for row in zip(*few)]


def in_numba():
    @numba.njit
    def one(price_, S, K, T, r):
        vol, root_t, log = GUESS, math.sqrt(T), math.log(S / K) + r * T
        discounted = K * math.exp(-r * T)
        for _ in range(50):
            deviation = vol * root_t
            d1 = log / deviation + 0.5 * deviation
            near, far = math.erfc(-d1 * 0.5**0.5), math.erfc(-(d1 - deviation) * 0.5**0.5)
            excess = 0.5 * (S * near - discounted * far) - price_
            slope = S * root_t * math.exp(-0.5 * d1 * d1) / math.sqrt(2 * math.pi)
            vol -= excess / slope
            if abs(excess) <= 1e-14 * price_:
                break
        return vol

    all_ = numba.vectorize(nopython=True)(one)
    return lambda: all_(prices, *market)


def main() -> bool:
    side_by_side.header("scipy", "numba")
    root = mg.vectorize(implied)
    sides = {
        "micrograd.root": lambda: root(prices, *market),
        "micrograd.root, and its gradient by 5 numbers": (
            lambda: root.value_and_grad(prices, *market)
        ),
        "Numba, Newton's method and vega by hand": in_numba(),
        "scipy.optimize.newton on arrays, vega by hand": by_newton(),
    }
    error = np.abs(sides["micrograd.root"]() - volatility).max()
    met = side_by_side.verdict(Below(1e-12, "the largest error"), error)
    print(f" ({error:.1e})\n")
    value, gradient = root.value_and_grad(prices, *market)
    side_by_side.agree("the value beside its gradient", value, volatility)
    side_by_side.agree("the slope by the price", gradient[0], 1 / vega(*market, volatility))
    for name, side in [*sides.items()][2:]:
        side_by_side.agree(name, side(), volatility)
    bars = {
        "micrograd.root": (Below(600, "ns"),),
        "micrograd.root, and its gradient by 5 numbers": (Below(1800, "ns"),),
        "Numba, Newton's method and vega by hand": (Faster(1),),
        "scipy.optimize.newton on arrays, vega by hand": (Faster(2),),
    }
    title = "implied volatility, an option"
    met &= side_by_side.compare(title, sides, bars, per=OPTIONS, unit="ns", rounds=5)
    loop = by_brentq()
    side_by_side.agree("brentq", loop(), volatility[:FEW])
    seconds = side_by_side.medians({"scipy.optimize.brentq in a loop": loop}, 3)
    side_by_side.table(f"the same, of {FEW:,} options", seconds, {}, per=FEW, unit="ns")
    return met


if __name__ == "__main__":
    sys.exit(not main())
