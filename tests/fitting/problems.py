"""Test problems of Moré, Garbow and Hillstrom, 1981, with the minima that they name."""

import numpy as np

import micrograd as mg

# Moré, Garbow and Hillstrom, "Testing unconstrained optimization software", 1981: residuals, start,
# and the smallest sum of squares that the paper names.

BARD = np.array(
    [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39]
)
KOWALIK = np.array(
    [0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246]
)
DOSES = np.array([4, 2, 1, .5, .25, .167, .125, .1, .0833, .0714, .0625])  # fmt: skip


def rosenbrock(x):
    return [10 * (x[1] - x[0] ** 2), 1 - x[0]]


def freudenstein_roth(x):
    return [
        -13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1],
        -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1],
    ]


def beale(x):
    return [y - x[0] * (1 - x[1] ** k) for k, y in enumerate((1.5, 2.25, 2.625), start=1)]


def powell_singular(x):
    return [
        x[0] + 10 * x[1], 5**0.5 * (x[2] - x[3]), (x[1] - 2 * x[2]) ** 2,
        10**0.5 * (x[0] - x[3]) ** 2,
    ]  # fmt: skip


def bard(x):
    u = np.arange(1.0, 16.0)
    v = 16 - u
    return BARD - (x[0] + u / (v * x[1] + np.minimum(u, v) * x[2]))


def kowalik_osborne(x):
    return KOWALIK - x[0] * (DOSES**2 + DOSES * x[1]) / (DOSES**2 + DOSES * x[2] + x[3])


def wood(x):
    return [
        10 * (x[1] - x[0] ** 2), 1 - x[0], 90**0.5 * (x[3] - x[2] ** 2), 1 - x[2],
        10**0.5 * (x[1] + x[3] - 2), (x[1] - x[3]) / 10**0.5,
    ]  # fmt: skip


def box(x):
    t = 0.1 * np.arange(1.0, 11.0)
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


def trigonometric(x):
    n = len(x)
    total = mg.sum(mg.cos(y) for y in x)
    return [n - total + k * (1 - mg.cos(y)) - mg.sin(y) for k, y in enumerate(x, start=1)]


PROBLEMS = {
    "rosenbrock": (rosenbrock, [-1.2, 1.0], 0.0),
    "freudenstein and roth": (freudenstein_roth, [0.5, -2.0], 48.98425),
    "beale": (beale, [1.0, 1.0], 0.0),
    "powell singular": (powell_singular, [3.0, -1.0, 0.0, 1.0], 0.0),
    "bard": (bard, [1.0, 1.0, 1.0], 8.21487e-3),
    "kowalik and osborne": (kowalik_osborne, [0.25, 0.39, 0.415, 0.39], 3.07505e-4),
    "wood": (wood, [-3.0, -1.0, -3.0, -1.0], 0.0),
    "box": (box, [0.0, 10.0, 20.0], 0.0),
    "trigonometric": (trigonometric, [0.1] * 10, 2.79506e-5),
}


def of_squares(residuals):
    return lambda x: mg.sum(r * r for r in residuals(x))
