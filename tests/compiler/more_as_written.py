"""More programs with a loop of T steps: each a function and its shapes."""

import numpy as np
from as_written import M, P, V

import micrograd as mg
from micrograd import ops


def captured_arrays(T):  # a series that is captured, not passed
    series = np.random.default_rng(1).normal(size=T).tolist()

    def f(a):
        h = a
        for t in range(T):
            h = mg.tanh(a * h + series[t])
        return h

    return f, [None]


def numpy_state(T):  # the state is an array
    A = np.random.default_rng(2).normal(size=(4, 4)) * 0.3

    def f(x):
        h = np.zeros(4)
        for t in range(T):
            h = np.tanh(A @ h + x[t])
        return np.sum(h)

    return f, [(T, 4)]


def dictionary(T):  # a state of names
    k = V(0.1)

    def f(x):
        s = {"position": x[0], "velocity": x[1]}
        for _ in range(T):
            force = -mg.sin(s["position"])
            s = {
                "position": s["position"] + 0.1 * s["velocity"],
                "velocity": s["velocity"] * (1 - k) + 0.1 * force,
            }
        return s["position"]

    return f, [(2,)]


def volatility(T):  # its state begins with a number that is known late: of parameters only
    omega, alpha, beta = V(0.1), V(0.1), V(0.8)

    def f(r):
        h, terms = omega / (1 - alpha - beta), []
        for t in range(T):
            h, term = omega + alpha * r[t] * r[t] + beta * h, mg.log(h) + r[t] * r[t] / h
            terms.append(term)
        return np.sum(terms)

    return f, [(T,)]


def every_third(T):  # a body of three steps
    a = V(0.3)

    def f(x):
        h = 0.1 * x[0]
        for t in range(T):
            h = mg.exp(-a * h) if t % 3 == 0 else mg.sin(h + x[t])
        return h

    return f, [(T,)]


def delayed(T):  # what was three steps ago
    a = V(0.4)

    def f(x):
        h = [x[0], x[1], x[2]]
        for t in range(3, T):
            h.append(mg.tanh(a * h[-3] + x[t]) + 0.1 * h[-1])
        return h[-1]

    return f, [(T,)]


def leapfrog(T):  # two halves that alternate
    k = V(1.1)

    def f(q, p):
        for _ in range(T):
            p = p - 0.01 * k * mg.sin(q)
            q = q + 0.01 * p / k
        return q

    return f, [None, None]


def product(T):  # not a sum: a chain of factors
    def f(x):
        s = x[0]
        for t in range(1, T):
            s = s * mg.cos(x[t])
        return s

    return f, [(T,)]


def running_maximum(T):  # a reduction that each step reads
    w = V(0.2)

    def f(x):
        best, loss = x[0], 0.0
        for t in range(1, T):
            best = mg.maximum(best, w * x[t])
            loss = loss + mg.tanh(best - x[t])
        return loss

    return f, [(T,)]


def ema_of_ema(T):  # one loop, two filters
    a = V(0.3)

    def f(x):
        fast, slow, loss = x[0], x[0], 0.0
        for t in range(1, T):
            fast = fast + a * (x[t] - fast)
            slow = slow + 0.1 * a * (fast - slow)
            loss = loss + mg.abs(fast - slow)
        return loss

    return f, [(T,)]


def two_series(T):  # forwards in one, backwards in another
    a = V(0.5)

    def f(x, y):
        h = 0.0
        for t in range(T):
            h = mg.tanh(a * h + x[t] * y[T - 1 - t])
        return h

    return f, [(T,), (T,)]


def strided(T):  # every second input
    a = V(0.5)

    def f(x):
        h = 0.0
        for t in range(T):
            h = mg.sigmoid(a * h + x[2 * t])
        return h

    return f, [(2 * T,)]


def branches(T):  # `where` in the state
    a = V(0.5)

    def f(x):
        h = 0.0
        for t in range(T):
            h = mg.where(x[t] > 0.0, a * h + x[t], h * 0.5)
        return h

    return f, [(T,)]


def momentum(T):  # gradient descent on a quadratic form
    A = np.random.default_rng(5).normal(size=(3, 3)).tolist()

    def f(w):
        w, m = list(w), [0.0, 0.0, 0.0]
        for _ in range(T):
            g = [mg.sum(A[i][j] * w[j] for j in range(3)) for i in range(3)]
            m = [0.9 * m[i] + g[i] for i in range(3)]
            w = [w[i] - 0.01 * m[i] for i in range(3)]
        return mg.sum(v * v for v in w)

    return f, [(3,)]


def chain_of_layers(T):  # one layer of arrays, again and again
    layer = mg.Layer(6, 6, activation="tanh", seed=0)

    def f(x):
        h = list(x)
        for _ in range(T):
            h = layer(h)
        return mg.sum(h)

    return f, [(6,)]


def polynomial(T):  # Horner's scheme, of few coefficients
    c = P(20, 3)

    def f(x):
        s = 0.0
        for k in c:
            s = s * x + k
        return s

    return f, [None]


def parallel(T):  # T independent short chains
    w = V(0.3)

    def f(x):
        total = 0.0
        for t in range(T):
            h = x[t]
            for _ in range(4):
                h = mg.tanh(w * h)
            total = total + h * h
        return total

    return f, [(T,)]


def softmax_of_many(T):
    def f(x):
        return mg.sum(p * p for p in mg.softmax([mg.sin(x[t]) for t in range(T)]))

    return f, [(T,)]


def distances(T):  # all pairs
    n = int(np.sqrt(T)) + 1

    def f(x):
        return mg.sum(mg.sqrt(1.0 + (x[i] - x[j]) ** 2) for i in range(n) for j in range(i))

    return f, [(n,)]


def batch(T):  # a network on T examples in one graph
    model = mg.MLP(2, [4, 1], activation="tanh", seed=0)

    def f(x):
        return mg.mean([(model(x[t])[0] - 0.5) ** 2 for t in range(T)])

    return f, [(T, 2)]


def gammas(T):
    def f(x):
        return mg.sum(mg.lgamma(1.0 + x[t] * x[t]) for t in range(T))

    return f, [(T,)]


def matrix_power(T):  # a uniform core
    A = M(3, 3, 7)

    def f(x):
        h = A
        for _ in range(T):
            h = [
                [ops.dot(*h[i], *[A[k][j] for k in range(3)], 0.0) for j in range(3)]
                for i in range(3)
            ]
        return mg.sum(h[i][i] for i in range(3)) * x

    return f, [None]


def transformer(T):  # attention of all to all, heads in layers
    d, n, layers = 4, 6, 3
    Q, K, W = (M(d, d, s) for s in (1, 2, 3))

    def f(x):
        h = [list(x[t]) for t in range(n)]
        for _ in range(layers):
            q = [[ops.dot(*row, *v, 0.0) for row in Q] for v in h]
            k = [[ops.dot(*row, *v, 0.0) for row in K] for v in h]
            new = []
            for t in range(n):
                a = mg.softmax([ops.dot(*q[t], *k[s], 0.0) for s in range(t + 1)])
                c = [mg.sum(a[s] * h[s][i] for s in range(t + 1)) for i in range(d)]
                new.append([h[t][i] + mg.relu(ops.dot(*W[i], *c, 0.0)) for i in range(d)])
            h = new
        return mg.sum(mg.sum(v) for v in h)

    return f, [(n, d)]
