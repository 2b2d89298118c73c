"""The functions of `control_flow.py` without `if`: by `where` and fixed loops, in any of MicroGrad,
NumPy and JAX (`m`); and by JAX's own loops."""


def piecewise(m, x):
    return m.where(x > 1, x * x, m.where(x < -1, -3 * x, m.sin(x)))


def largest(m, x, y, z):
    return m.maximum(m.maximum(x, y), z)


def newton(m, a, rounds=7):
    x = a
    for _ in range(rounds):
        x = m.where(abs(x * x - a) > 1e-9 * a, 0.5 * (x + a / x), x)
    return x


def barrier(m, s, level):
    total, alive = 0.0 * s, 0.0 * s == 0.0
    for _ in range(50):
        s = s * 1.01 - 0.3
        alive = alive & (s >= level)
        total = m.where(alive, total + s, total)
    return total


def kepler(m, M, e, rounds=7):
    E, last = M, 0.0 * M + 1.0
    for _ in range(rounds):
        d = (E - e * m.sin(E) - M) / (1 - e * m.cos(E))
        go = abs(last) >= 1e-10
        E, last = m.where(go, E - d, E), m.where(go, d, last)
    return E


def exchanged(m, v, pairs):
    v = [*v]
    for i, j in pairs:
        v[i], v[j] = m.minimum(v[i], v[j]), m.maximum(v[i], v[j])
    return v


FIVE = [(0, 3), (1, 4), (0, 2), (1, 3), (0, 1), (2, 4), (1, 2), (3, 4), (2, 3)]
SEVEN = [(0, 6), (2, 3), (4, 5), (0, 2), (1, 4), (3, 6), (0, 1), (2, 5), (3, 4), (1, 2), (4, 6),
         (2, 3), (4, 5), (1, 2), (3, 4), (5, 6)]  # fmt: skip


def fifth(m, *v):
    s = exchanged(m, v, FIVE)
    return s[0] + 2 * s[1] + 3 * s[2] + 4 * s[3] + 5 * s[4]


def joined(m, a, b, c):
    total = 0.0 * a
    for _ in range(2):
        for x in (a, b, c):
            total = m.where(x > total, total + 0.5 * x, total - 0.25 * x)
    return total


def tree(m, a, b, c, depth=6):
    numbers = {"a": a, "b": b, "c": c}

    def node(level, low, high):
        if not level:
            x, y = (numbers["abc"[int(k) % 3]] for k in (low * 7, high * 5))
            return float(f"{low - 0.5:.3f}") * x + float(f"{high - 0.5:.3f}") * y
        middle = 0.5 * (low + high)
        yes, no = node(level - 1, low, middle), node(level - 1, middle, high)
        return m.where(numbers["abc"[level % 3]] < float(f"{4 * middle - 2:.4f}"), yes, no)

    return node(depth, 0.0, 1.0)


def median(m, *v):
    return exchanged(m, v, SEVEN)[3]


def volatility(m, price, strike, erf=None, rounds=6):
    erf = erf or m.erf
    v, last = 0.5 + 0.0 * price, 1.0 + 0.0 * price
    for _ in range(rounds):
        d = m.log(1 / strike) / v + 0.5 * v
        error = 0.5 * (1 + erf(0.7071067811865476 * d)) - price
        error = error - 0.5 * strike * (1 + erf(0.7071067811865476 * (d - v)))
        step = error / (0.3989422804014327 * m.exp(-0.5 * d * d))
        go = abs(last) >= 1e-8
        v, last = m.where(go, v - step, v), m.where(go, step, last)
    return v


WHERE = {f.__name__: f for f in (
    piecewise, largest, newton, barrier, kepler, fifth, tree, joined, median, volatility
)}  # fmt: skip


def in_jax(jax):
    """Each function as a user of JAX writes it: a loop without a fixed number of rounds is a
    `while_loop` of each example."""
    jnp, loop = jax.numpy, jax.lax.while_loop
    found = {name: lambda *x, f=f: f(jnp, *x) for name, f in WHERE.items()}

    def newton(a):
        return loop(lambda x: abs(x * x - a) > 1e-9 * a, lambda x: 0.5 * (x + a / x), a)

    def kepler(M, e):
        def step(state):
            E, _ = state
            d = (E - e * jnp.sin(E) - M) / (1 - e * jnp.cos(E))
            return E - d, d

        return loop(lambda state: abs(state[1]) >= 1e-10, step, (M, 1.0))[0]

    def volatility(price, strike):
        erf = jax.scipy.special.erf

        def step(state):
            v, _ = state
            d = jnp.log(1 / strike) / v + 0.5 * v
            error = 0.5 * (1 + erf(0.7071067811865476 * d)) - price
            error = error - 0.5 * strike * (1 + erf(0.7071067811865476 * (d - v)))
            change = error / (0.3989422804014327 * jnp.exp(-0.5 * d * d))
            return v - change, change

        return loop(lambda state: abs(state[1]) >= 1e-8, step, (0.5, 1.0))[0]

    found |= {"newton": newton, "kepler": kepler, "volatility": volatility}
    return {name: jax.jit(jax.vmap(f)) for name, f in found.items()}
