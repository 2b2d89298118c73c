"""A thermometer's calibration: a thermistor in a bath, with four constants of sizes 1e-7 to 200.

Steinhart and Hart's equation gives the temperature from the resistance; the current heats the
sensor above the bath. Four readings are wrong: a robust loss finds the constants nevertheless.

It prints:

    a        0.001129 ± 2e-07, off by 1.0 errors
    b        0.0002341 ± 3e-08, off by -1.1 errors
    c        8.797e-08 ± 2e-10, off by 1.1 errors
    heating  209.8 ± 0.9, off by -0.2 errors
    robust: 10 kΩ is 25.0249 °C ± 0.7 mK, off by 0.3 mK
    plain: 10 kΩ is 25.0215 °C ± 0.4 mK, off by -3.1 mK
"""

import numpy as np

import micrograd as mg

A, B, C, HEATING = 1.129e-3, 2.341e-4, 8.78e-8, 210.0
NOISE = 0.002  # K, of the bath


def bath(reading, a, b, c, heating):
    """The temperature of the bath in K, from resistance in ohm and current in A."""
    resistance, current = reading
    log = mg.log(resistance)
    return 1.0 / (a + b * log + c * log**3) - heating * current**2 * resistance


# What was measured: thirty resistances with a small and a large current; four readings are wrong.
random = np.random.default_rng(0)
resistance = np.tile(np.geomspace(700.0, 30e3, 30), 2)
current = np.repeat([20e-6, 300e-6], 30)
temperature = mg.vectorize(bath)((resistance, current), A, B, C, HEATING)
temperature = temperature + random.normal(0.0, NOISE, 60)
temperature[[3, 17, 40, 55]] += [0.3, -0.1, 0.2, -0.5]

start = [1e-3, 2e-4, 1e-7, 100.0]
how = {"sigma": NOISE, "absolute_sigma": True}
plain = mg.curve_fit(bath, (resistance, current), temperature, start, **how)
# A robust loss has other minima, where most readings count as wrong: start at the plain fit.
fit = mg.curve_fit(bath, (resistance, current), temperature, plain.values, **how, loss="cauchy")
for name, true, error in zip(fit.names, [A, B, C, HEATING], fit.errors):
    print(f"{name:8} {fit[name]:.4g} ± {error:.1g}, off by {(fit[name] - true) / error:.1f} errors")

# What it is for: the temperature that a reading means, without the heating.
reading = np.array([10e3]), np.array([0.0])
true = 1.0 / (A + B * np.log(10e3) + C * np.log(10e3) ** 3)
for name, it in {"robust": fit, "plain": plain}.items():
    found, error = it.predict(reading)[0], it.band(reading)[0]
    print(f"{name}: 10 kΩ is {found - 273.15:.4f} °C ± {1e3 * error:.1f} mK, "
          f"off by {1e3 * (found - true):.1f} mK")  # fmt: skip
