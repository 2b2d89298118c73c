"""Loops over grids and over other loops, as users write them: each a function and its shapes."""

import numpy as np
from as_written import P, V

import micrograd as mg


def alternating(T):
    a, b = V(0.7), V(0.3)

    def f(x):
        h = 0.0
        for t in range(T):
            h = mg.tanh(a * h + x[t]) if t % 2 else mg.sin(b * h * x[t])
        return h

    return f, [(T,)]


def fullhist(T):  # h_t of all earlier ones: no constant body
    w = V(0.1)

    def f(x):
        hs = []
        for t in range(T):
            hs.append(mg.tanh(x[t] + w * mg.sum(hs)))
        return hs[-1]

    return f, [(T,)]


def heat(T, N=20):
    k = V(0.2)

    def f(u):
        u = list(u)
        for _t in range(T):
            u = (
                [u[0]]
                + [u[i] + k * (u[i - 1] - 2 * u[i] + u[i + 1]) for i in range(1, N - 1)]
                + [u[-1]]
            )
        return mg.sum(v * v for v in u)

    return f, [(N,)]


def dtw(T):
    w = V(1.0)

    def f(x, y):
        big = 1e9
        D = [0.0] + [big] * T
        for i in range(T):
            new = [big]
            for j in range(T):
                c = w * (x[i] - y[j]) * (x[i] - y[j])
                new.append(c + mg.minimum(D[j + 1], mg.minimum(new[j], D[j])))
            D = new
        return D[-1]

    return f, [(T,), (T,)]


def backwards(T):
    g = V(0.95)

    def f(r, v):
        adv, loss = 0.0, 0.0
        for t in reversed(range(T)):
            nxt = v[t + 1]
            adv = r[t] + g * nxt - v[t] + g * 0.9 * adv
            loss = loss + adv * adv
        return loss

    return f, [(T,), (T + 1,)]


def timetable(T):
    a = V(0.3)

    def f(y0):
        y = y0
        for t in range(T):
            y = y + 0.01 * (mg.sin(0.01 * t + y) - a * y)
        return y

    return f, [None]


def plainsum(T):  # no loop: a reduction
    w = V(0.3)

    def f(x):
        s = 0.0
        for t in range(T):
            e = mg.tanh(w * x[t])
            s = s + e * e
        return s

    return f, [(T,)]


def ar2(T):
    a, b = V(0.5), V(0.2)

    def f(x):
        y = [x[0], x[1]]
        for t in range(2, T):
            y.append(mg.tanh(a * y[t - 1] + b * y[t - 2]) + 0.1 * x[t])
        return sum(v * v for v in y)

    return f, [(T,)]


def bilevel(T):  # gradient descent inside, by mg.grad within the trace
    lr = V(0.1)

    def inner(w, x):
        e = mg.tanh(w * x) - 0.5
        return e * e

    d = mg.grad(inner)

    def f(w, x):
        for _ in range(T):
            w = w - lr * d(w, x)[0] if isinstance(d(w, x), tuple) else w - lr * d(w, x)
        return inner(w, x)

    return f, [None, None]


def ema_two(T):  # two loops with a different count of steps, different bodies
    a, b = V(0.3), V(0.4)

    def f(x):
        s, ss = 0.0, []
        for t in range(T):
            s = a * s + (1 - a) * x[t]
            ss.append(s)
        m, loss = 1.0, 0.0
        for t in range(T // 2):
            m = mg.maximum(b * m, ss[2 * t] * ss[2 * t + 1])
            loss = loss + mg.exp(-m)
        return loss

    return f, [(T,)]


def thomas(
    T,
):  # tridiagonal solve: elimination, then back substitution that reads what was stored, backwards
    k = V(0.3)

    def f(d):
        c, e = [], []
        for i in range(T):
            m = 2 + k * k - (k * c[-1] if c else 0.0 * k)
            c.append(k / m)
            e.append((d[i] - (k * e[-1] if e else 0.0 * k)) / m)
        x = e[-1]
        loss = x * x
        for i in reversed(range(T - 1)):
            x = e[i] - c[i] * x
            loss = loss + x * x
        return loss

    return f, [(T,)]


def binomial(T):  # the body shrinks with t: no loop of constant body over t, but over...
    u = V(1.01)

    def f(s):
        v = [mg.relu(s * u ** (2 * i - T) - 1.0) for i in range(T + 1)]
        for _t in range(T):
            v = [0.5 * (v[i] + v[i + 1]) for i in range(len(v) - 1)]
        return v[0]

    return f, [None]


def horner(T):
    c = P(T, 80)

    def f(x):
        s = 0.0
        for a in c:
            s = s * x + a
        return s

    return f, [None]


def special5(T):
    w = V(0.5)

    def f(x):
        h = 0.0
        for t in range(T):
            h = mg.tanh(w * h + x[t])
            if t == T // 2:
                h = h * 2.0 + 1.0
        return h

    return f, [(T,)]


def shuffled(T):  # inputs in a random order, by Python integers
    p = np.random.default_rng(3).permutation(T).tolist()
    w = V(0.5)

    def f(x):
        h = 0.0
        for t in range(T):
            h = mg.tanh(w * h + x[p[t]])
        return h

    return f, [(T,)]


def cholesky(T):  # triangular: no constant body
    k = V(0.5)

    def f(x):
        n = T // 2
        A = [
            [
                mg.exp(-k * (x[i] - x[j]) * (x[i] - x[j])) + (1.0 if i == j else 0.0)
                for j in range(n)
            ]
            for i in range(n)
        ]
        Lo = [[0.0] * n for _ in range(n)]
        for j in range(n):
            s = A[j][j]
            for q in range(j):
                s = s - Lo[j][q] * Lo[j][q]
            Lo[j][j] = mg.sqrt(s)
            for i in range(j + 1, n):
                s = A[i][j]
                for q in range(j):
                    s = s - Lo[i][q] * Lo[j][q]
                Lo[i][j] = s / Lo[j][j]
        return mg.sum(mg.log(Lo[i][i]) for i in range(n))

    return f, [(T,)]
