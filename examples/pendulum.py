"""A pendulum, simulated by Runge and Kutta's method, and its length and friction found from data.

The simulation is a plain loop over time on scalars; the derivative goes through all of it, to the
parameters and to the first swing. It prints:

    a guess:  length 1.00 m, friction 0.00/s, error 0.1874
    gradient: -1.322, -0.258
    found:    length 1.30 m, friction 0.20/s, error 0.0004
"""

import numpy as np
from scipy.optimize import minimize

import micrograd as mg

H, STEPS = 0.06, 50  # seconds a step, three seconds in all

length, friction = mg.Value(1.0, name="length"), mg.Value(0.0, name="friction")


def slope(angle, speed):
    """Of angle and speed, in time."""
    return speed, -9.81 / length * mg.sin(angle) - friction * speed


def runge_kutta(angle, speed):
    """Angle and speed, a time H later."""
    a1, s1 = slope(angle, speed)
    a2, s2 = slope(angle + H / 2 * a1, speed + H / 2 * s1)
    a3, s3 = slope(angle + H / 2 * a2, speed + H / 2 * s2)
    a4, s4 = slope(angle + H * a3, speed + H * s3)
    return angle + H / 6 * (a1 + 2 * a2 + 2 * a3 + a4), speed + H / 6 * (s1 + 2 * s2 + 2 * s3 + s4)


def swing(angle):
    """The angles at all times, of a pendulum that is let go at `angle`."""
    angles, speed = [], 0.0
    for _ in range(STEPS):
        angle, speed = runge_kutta(angle, speed)
        angles.append(angle)
    return angles


def error(angle, measured):
    return mg.mean((a - m) ** 2 for a, m in zip(swing(angle), measured))


# What was measured: a pendulum of 1.3 m with friction 0.2, let go at ten angles, with noise.
length.data, friction.data = 1.3, 0.2
starts = np.linspace(0.3, 2.5, 10)
random = np.random.default_rng(0)
angles = np.array(mg.vectorize(swing)(starts)).T
measured = angles + random.normal(0, 0.02, angles.shape)

length.data, friction.data = 1.0, 0.0
loss = mg.vectorize(error)
print(f"a guess:  length {length.data:.2f} m, friction {friction.data:.2f}/s, "
      f"error {loss.backward(starts, measured):.4f}")  # fmt: skip
print(f"gradient: {length.grad:.3f}, {friction.grad:.3f}")
found = minimize(loss.gradient, loss.pack(), args=(starts, measured), jac=True, method="L-BFGS-B")
loss.unpack(found.x)
print(f"found:    length {length.data:.2f} m, friction {friction.data:.2f}/s, "
      f"error {found.fun:.4f}")  # fmt: skip
