"""The programs that `paired.py` compares: our sides of `make bench`, and some that are not there.

Each is prepared by a function, which imports what it needs, and returns one call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import micrograd as mg

Call = Callable[[], Any]


@dataclass(frozen=True)
class Repeated:
    """A program whose calls are measured."""

    prepare: Callable[[], Call]
    per: float = 1.0  # the number of items in one call


@dataclass(frozen=True)
class Once(Repeated):
    """A program whose first call is measured, in a new process."""


# Calls.


def formula(x: Any, y: Any, z: Any) -> Any:
    return x * y + z


def numbers(gradient: bool) -> Call:
    f = mg.compile(formula)
    f(2.0, 3.0, 4.0)
    return lambda: (f.value_and_grad if gradient else f)(2.0, 3.0, 4.0)


def array(gradient: bool) -> Call:
    f, x = mg.compile(lambda v: formula(*v)), np.array([2.0, 3.0, 4.0])
    g = f.value_and_grad if gradient else f
    return lambda: g(x)


def one_example(gradient: bool) -> Call:
    f, x = mg.vectorize(formula), np.array([2.0])
    g = f.value_and_grad if gradient else f
    return lambda: g(x, x, x)


def of_list() -> Call:
    f, x = mg.compile(lambda x: mg.sum(a * a for a in x)), [1.0] * 400
    return lambda: f.value_and_grad(x)


def integer_columns() -> Call:
    f, x = mg.vectorize(lambda x, k: mg.where(k > 2, x, 2 * x)), np.linspace(0, 1, 1000)
    k = np.arange(1000) % 5
    return lambda: f.value_and_grad(x, k)


def table_of_numbers() -> Call:
    table, k = np.linspace(0, 1, 1024).tolist(), np.arange(4096) % 1024
    f = mg.vectorize(lambda k: mg.take(table, k))
    return lambda: f(k)


# The eager engine.


def eager_demo(problem: str) -> Call:
    import eager

    return eager.step_of(getattr(eager, problem)())


def chain() -> Call:
    def run() -> None:
        x = total = mg.Value(1.0)
        for _ in range(10_000):
            total = total + x
        total.backward()

    return run


def clipped() -> Call:
    """Comparisons, integers and choices."""
    values = [mg.Value(k / 100) for k in range(-100, 100)]
    return lambda: mg.sum(mg.maximum(v, 0) * 2 + v for v in values if v <= 0.5).backward()


def eager_hessian() -> Call:
    f, x = mg.hessian(energy), np.random.default_rng(0).normal(size=12)
    return lambda: f(x)


# Steps.


def demo_step() -> Call:
    from demo_step import ours

    return ours


def images(hidden: int, dtype: str) -> Call:
    from mlp import Network, ours

    return ours(Network(hidden), dtype)[0]


def name(count: int) -> Call:
    from microgpt import loss, names

    step, letters = (mg.compile(loss), names[0]) if count == 1 else (mg.vectorize(loss), names)
    step(letters)
    theta = step.pack()
    return lambda: step.gradient(theta, letters)


def options() -> Call:
    from black_scholes import ours

    return ours()


def determinant(way: str) -> Call:
    import determinant

    return determinant.ours(getattr(determinant, way))


def per_sample() -> Call:
    from per_sample import ours

    return ours()


def softplus_network() -> Call:
    model, random = mg.MLP(16, [16, 16, 1], activation="softplus", seed=0), np.random.default_rng(0)
    step = mg.vectorize(lambda x, y: (model(x)[0] - y) ** 2)
    x, y = random.normal(size=(128, 16)), random.normal(size=128)
    step(x, y)
    theta = step.pack()
    return lambda: step.gradient(theta, x, y)


def norm(gradient: bool) -> Call:
    f, x = mg.vectorize(lambda x: mg.norm(x)), np.random.default_rng(0).normal(size=(1000, 100))
    g = f.value_and_grad if gradient else f
    return lambda: g(x)


def valley() -> Call:
    from itertools import pairwise

    f = mg.compile(lambda x: mg.sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x)))
    x = np.tile([-1.2, 1.0], 500)
    return lambda: f.value_and_grad(x)


def examples(n: int) -> Call:
    from growth import of_examples

    return of_examples(n, threads=1)


# Training and compile time.


def fit(epochs: int) -> Call:
    from sklearn.datasets import make_moons

    x, y = make_moons(n_samples=100, noise=0.1, random_state=1)
    model, rule = mg.MLP(2, [16, 16, 1], activation="relu", seed=0), mg.SGD(0.5)

    def call() -> None:
        mg.fit(
            model, x, y * 2 - 1, loss="hinge", optimizer=rule, l2=1e-4, epochs=epochs,
            batch_size=None, progress=False,
        )  # fmt: skip

    return call


def digits() -> Call:
    from sklearn.datasets import load_digits
    from training_peers import Task, in_scalars

    data = load_digits()
    x, y = (data.data / 16).astype(np.float32), data.target.astype(np.int64)
    return in_scalars(Task(x, y, [64, 10], batch=64, epochs=5, adam=True, rate=1e-3))


def first_call(program: str) -> Call:
    from compile_time import PROGRAMS

    return PROGRAMS[program][1]()


def energy(x: Any) -> Any:
    """The potential energy of four bodies."""
    bodies = [x[3 * k : 3 * k + 3] for k in range(4)]
    return mg.sum(
        -1 / mg.sqrt(mg.sum((a - b) ** 2 for a, b in zip(bodies[i], bodies[j])))
        for i in range(4)
        for j in range(i)
    )


def hessian(compiled: bool) -> Call:
    f, x = mg.compile(mg.hessian(energy)), np.random.default_rng(0).normal(size=12)
    if compiled:
        f(x)
    return lambda: f(x)


PROGRAMS: dict[str, Repeated] = {
    "call: three numbers": Repeated(partial(numbers, False)),
    "call: three numbers, gradient": Repeated(partial(numbers, True)),
    "call: array of three": Repeated(partial(array, False)),
    "call: array of three, gradient": Repeated(partial(array, True)),
    "call: vectorized, one example": Repeated(partial(one_example, False)),
    "call: vectorized, one example, gradient": Repeated(partial(one_example, True)),
    "call: list of 400 numbers, gradient": Repeated(of_list),
    "call: a column of 1,000 integers": Repeated(integer_columns),
    "call: take from 1,024 numbers, 4,096 rows": Repeated(table_of_numbers),
    "eager: demo step": Repeated(partial(eager_demo, "by_our_models")),
    "eager: demo step with + and *": Repeated(partial(eager_demo, "by_hand")),
    "eager: 10,000 additions": Repeated(chain),
    "eager: clipped and chosen": Repeated(clipped),
    "eager: hessian of 4 bodies": Repeated(eager_hessian),
    "demo step": Repeated(demo_step),
    "784-128-10, float64": Repeated(partial(images, 128, "float64")),
    "784-128-10, float32": Repeated(partial(images, 128, "float32")),
    "784-512-10, float64": Repeated(partial(images, 512, "float64")),
    "microgpt, a name": Repeated(partial(name, 1)),
    "microgpt, 32 names, a name": Repeated(partial(name, 32), 32),
    "black-scholes, an option": Repeated(options, 1e6),
    "determinant by minors, a matrix": Repeated(partial(determinant, "by_minors"), 1e3),
    "determinant by elimination, a matrix": Repeated(partial(determinant, "by_elimination"), 1e3),
    "gradients of each example, an example": Repeated(per_sample, 1e3),
    "rosenbrock in 1,000 dimensions": Repeated(valley),
    "network of softplus, 128 examples": Repeated(softplus_network),
    "norm of 100 numbers, an example": Repeated(partial(norm, False), 1e3),
    "norm of 100 numbers, gradient, an example": Repeated(partial(norm, True), 1e3),
    "hessian of 4 bodies": Repeated(partial(hessian, True)),
    "growth: 10,000 examples": Repeated(partial(examples, 10_000)),
    "fit: demo, 100 steps": Repeated(partial(fit, 100)),
    "fit: digits, 5 epochs": Repeated(digits),
    "first call: demo": Once(partial(first_call, "demo")),
    "first call: 784-128-10": Once(partial(first_call, "128")),
    "first call: 20,000 irregular operations": Once(partial(first_call, "20000")),
    "first call: jacobian of 250 rows": Once(partial(first_call, "jacobian")),
    "first call: determinant by minors": Once(partial(determinant, "by_minors")),
    "first call: hessian of 4 bodies": Once(partial(hessian, False)),
}
