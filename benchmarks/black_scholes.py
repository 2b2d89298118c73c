"""How long does the price of an option with five sensitivities take, for a million at once?

The Black-Scholes formula for European calls, float64, against JAX, PyTorch and hand-written C.
"""

import sys

import side_by_side
from side_by_side import Faster, Within, addresses, agree, by_hand

# isort: split
import jax
import numpy as np
import torch

import micrograd as mg

OPTIONS = 1_000_000
ROOT_HALF = 0.5**0.5

random = np.random.default_rng(0)
bounds = (80, 120), (80, 120), (0.1, 2), (0.0, 0.06), (0.1, 0.5)  # S, K, T, r, vol
market = tuple(random.uniform(low, high, OPTIONS) for low, high in bounds)


def black_scholes(S, K, T, r, vol, m=mg):
    """The price of a call, for numbers or arrays; `m` is the module of functions."""

    def normal(x):
        return 0.5 + 0.5 * m.erf(x * ROOT_HALF)

    deviation = vol * m.sqrt(T)
    d1 = (m.log(S / K) + r * T) / deviation + 0.5 * deviation
    return S * normal(d1) - K * m.exp(-r * T) * normal(d1 - deviation)


def ours():
    price = mg.vectorize(black_scholes)
    return lambda: price.value_and_grad(*market)


def by_hand_into_new_arrays():
    price, inputs = by_hand("black_scholes").price, addresses(*market)

    def call():
        outputs = [np.empty(OPTIONS) for _ in range(6)]
        price(OPTIONS, *inputs, *addresses(*outputs))
        return outputs[0], outputs[1:]

    return call


def by_hand_into_its_own():
    outputs = [np.zeros(OPTIONS) for _ in range(6)]
    price, places = by_hand("black_scholes").price, addresses(*market, *outputs)

    def call():
        price(OPTIONS, *places)
        return outputs[0], outputs[1:]

    return call


class JaxFunctions:
    erf, sqrt, log, exp = jax.scipy.special.erf, jax.numpy.sqrt, jax.numpy.log, jax.numpy.exp


def in_jax():
    def total(*market):
        prices = black_scholes(*market, m=JaxFunctions)
        return prices.sum(), prices

    step = jax.jit(jax.grad(total, argnums=range(5), has_aux=True))
    arrays = [jax.numpy.array(x) for x in market]

    def call():
        gradients, prices = jax.block_until_ready(step(*arrays))
        return prices, gradients

    return call


def in_torch():
    tensors = [torch.tensor(x, requires_grad=True) for x in market]

    def call():
        prices = black_scholes(*tensors, m=torch)
        return prices.detach(), torch.autograd.grad(prices.sum(), tensors)

    return call


def main() -> bool:
    side_by_side.header("g++", "jax", "torch")
    sides = {
        "micrograd, in scalars": ours(),
        "C by hand, vector mathematics": by_hand_into_new_arrays(),
        "C by hand, results into its own arrays": by_hand_into_its_own(),
        "jax.jit, with arrays": in_jax(),
        "PyTorch eager, with arrays": in_torch(),
    }
    (_, ours_), *peers = sides.items()
    prices, gradients = ours_()
    for name, side in peers:
        theirs, slopes = side()
        agree(f"{name}: prices", prices, theirs)
        for letter, slope, own in zip("SKTrv", slopes, gradients, strict=True):
            agree(f"{name}: d{letter}", own, slope)
    bars = {
        "C by hand, vector mathematics": (Within(1.5),),
        "jax.jit, with arrays": (Faster(2), Faster(7)),
    }
    title = "price and 5 sensitivities, an option"
    return side_by_side.compare(title, sides, bars, per=OPTIONS, unit="ns", rounds=9)


if __name__ == "__main__":
    sys.exit(not main())
