"""Ten thousand dose-response curves: a logistic of four parameters, fitted to each compound.

Each compound is measured at eleven doses, twice; some are inactive, and some measurements fail. All
fits run in one native program. It prints:

    10,000 fits; of the active ones 6000 converged
    active:   6000 of 6000 found, 0 of 4000 others
    log EC50: off by 1.01 standard errors (root mean square)
    intervals of two standard errors hold the truth in 95% of them
"""

import numpy as np

import micrograd as mg

random = np.random.default_rng(0)
COMPOUNDS, NOISE = 10_000, 4.0
dose = np.repeat(np.linspace(-3.0, 2.0, 11), 2)  # in log10 of µM


def response(dose, bottom, top, log_ec50, slope):
    return bottom + (top - bottom) / (1 + mg.exp(slope * (log_ec50 - dose)))


# What was measured: 6,000 active compounds and 4,000 others, with 2 % of the wells empty.
active = np.arange(COMPOUNDS) < 6000
truth = random.uniform(-1.5, 0.5, COMPOUNDS)
slope = random.uniform(2.0, 4.0, COMPOUNDS)
top = np.where(active, random.uniform(70.0, 100.0, COMPOUNDS), 0.0)
curves = mg.vectorize(response, each="number")(
    dose, 0.0, top[:, None], truth[:, None], slope[:, None]
)
measured = curves + random.normal(0.0, NOISE, curves.shape)
measured[random.random(measured.shape) < 0.02] = np.nan

start = {"bottom": (0.0, -20.0, 20.0), "top": 80.0, "log_ec50": (-0.5, -4.0, 3.0)}
fits = mg.curve_fits(
    response, dose, measured, {**start, "slope": (3.0, 0.5, 8.0)}, sigma=NOISE,
    absolute_sigma=True, nan="omit",
)  # fmt: skip
print(f"{len(fits):,} fits; of the active ones {fits.converged[active].sum()} converged")

# A compound is active if its curve is better than a constant by more than chance explains.
constant = measured - np.nanmean(measured, axis=1, keepdims=True)
gain = np.nansum((constant / NOISE) ** 2, axis=1) - fits.chi2
found = fits.converged & (gain > 30.0)
print(f"active:   {found[active].sum()} of 6000 found, {found[~active].sum()} of 4000 others")

error = ((fits["log_ec50"] - truth) / fits.errors[:, 2])[found & active]
print(f"log EC50: off by {np.sqrt((error**2).mean()):.2f} standard errors (root mean square)")
print(f"intervals of two standard errors hold the truth in {(abs(error) < 2).mean():.0%} of them")
