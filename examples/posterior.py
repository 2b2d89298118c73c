"""A posterior, drawn by a sampler with compiled gradients, and compared with the exact one.

A straight line through data whose noise is unknown. For normal errors and this prior the posterior
is known, so that the draws of mici's No-U-Turn sampler can be checked. It prints:

    intercept  exact 0.675 ± 0.029
    slope      exact 0.396 ± 0.020
    noise²     exact 0.026 ± 0.007
    of 2,000 draws, the means are within 0.15 of these deviations: True
    and the deviations within 15 %: True
"""

import mici
import numpy as np

import micrograd as mg

WIDTH, SHAPE, RATE = 10.0, 2.0, 0.02  # line / noise ~ N(0, WIDTH²), noise⁻² ~ Gamma(SHAPE, RATE)

random = np.random.default_rng(0)
x = np.linspace(-2.5, 2.5, 30)
y = 0.7 + 0.4 * x + random.normal(0.0, 0.2, 30)


def energy(theta, x, y):
    """The negative logarithm of the density of intercept, slope and the logarithm of the noise."""
    intercept, slope, log_noise = theta
    squares = mg.sum((v - intercept - slope * u) ** 2 for u, v in zip(x, y))
    squares = squares + (intercept**2 + slope**2) / WIDTH**2
    size = len(y) + 2 + 2 * SHAPE
    return mg.exp(-2.0 * log_noise) * (0.5 * squares + RATE) + size * log_noise


compiled = mg.compile(mg.value_and_grad(energy, argnums=0))


def value(theta):
    return compiled(theta, x, y)[0]


def gradient_and_value(theta):
    value, gradient = compiled(theta, x, y)
    return gradient, value


system = mici.systems.EuclideanMetricSystem(value, grad_neg_log_dens=gradient_and_value)
integrator = mici.integrators.LeapfrogIntegrator(system)
sampler = mici.samplers.DynamicMultinomialHMC(system, integrator, random)
adapters = [
    mici.adapters.DualAveragingStepSizeAdapter(),
    mici.adapters.OnlineVarianceMetricAdapter(),
]
chains = sampler.sample_chains(
    300, 1000, [np.zeros(3)] * 2, adapters=adapters, display_progress=False
)  # fmt: skip
draws = np.concatenate(chains.traces["pos"])
draws[:, 2] = np.exp(2.0 * draws[:, 2])

# The exact posterior: the line is Student's t, noise² an inverse Gamma.
columns = np.stack([np.ones_like(x), x], axis=1)
precision = columns.T @ columns + np.eye(2) / WIDTH**2
line = np.linalg.solve(precision, columns.T @ y)
shape, rate = SHAPE + len(x) / 2, RATE + (y @ y - line @ precision @ line) / 2
noise = rate / (shape - 1)
means = np.array([*line, noise])
deviations = np.sqrt([*np.diag(np.linalg.inv(precision)) * noise, noise**2 / (shape - 2)])

for name, mean, deviation in zip(["intercept", "slope", "noise²"], means, deviations):
    print(f"{name:10} exact {mean:.3f} ± {deviation:.3f}")
near = np.abs(draws.mean(0) - means) < 0.15 * deviations
print(f"of {len(draws):,} draws, the means are within 0.15 of these deviations: {near.all()}")
alike = np.abs(draws.std(0) / deviations - 1.0) < 0.15
print(f"and the deviations within 15 %: {alike.all()}")
