"""Exponential decays with noise, to be fitted."""

import numpy as np

import micrograd as mg

X = np.linspace(0.0, 4.0, 50)


def decay(x, a, b, c):
    return a * mg.exp(-b * x) + c


def decays(n, noise=0.05, seed=0):
    random = np.random.default_rng(seed)
    p = random.uniform([1.0, 0.5, 0.0], [3.0, 2.0, 1.0], (n, 3))
    y = p[:, :1] * np.exp(-p[:, 1:2] * X) + p[:, 2:]
    return p, y + random.normal(0.0, noise, y.shape)
