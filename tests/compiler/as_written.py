"""Programs with a loop of T steps, as users write them: each a function and its shapes."""

import numpy as np

import micrograd as mg
from micrograd import ops

V = mg.Value


def P(n, seed=0, s=0.3):
    r = np.random.default_rng(seed)
    return [V(float(x)) for x in r.normal(size=n) * s]


def M(n, m, seed=0, s=0.3):
    w = P(n * m, seed, s)
    return [w[i * m : (i + 1) * m] for i in range(n)]


def rnn_dot(T, H=16, D=4):
    Wx, Wh, b = M(H, D, 1), M(H, H, 2), P(H, 3)

    def f(x):
        h = [0.0] * H
        for t in range(T):
            h = [mg.tanh(ops.dot(*Wh[i], *h, ops.dot(*Wx[i], *x[t], b[i]))) for i in range(H)]
        return mg.sum(v * v for v in h)

    return f, [(T, D)]


def rnn_plain(T, H=16, D=4):
    Wx, Wh, b = M(H, D, 1), M(H, H, 2), P(H, 3)

    def f(x):
        h = [0.0] * H
        for t in range(T):
            new = []
            for i in range(H):
                s = b[i]
                for j in range(D):
                    s = s + Wx[i][j] * x[t][j]
                for j in range(H):
                    s = s + Wh[i][j] * h[j]
                new.append(mg.tanh(s))
            h = new
        return sum(v * v for v in h)

    return f, [(T, D)]


def rk4(T):
    g, L, c = V(9.81), V(1.3), V(0.1)

    def f(q, v):
        dt = 0.01

        def rhs(q, v):
            return v, -(g / L) * mg.sin(q) - c * v

        for _ in range(T):
            a1, b1 = rhs(q, v)
            a2, b2 = rhs(q + 0.5 * dt * a1, v + 0.5 * dt * b1)
            a3, b3 = rhs(q + 0.5 * dt * a2, v + 0.5 * dt * b2)
            a4, b4 = rhs(q + dt * a3, v + dt * b3)
            q = q + dt / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
            v = v + dt / 6 * (b1 + 2 * b2 + 2 * b3 + b4)
        return q * q + v * v

    return f, [None, None]


def kalman(T):
    F, q, r = M(2, 2, 5, 0.5), V(0.1), V(0.5)

    def f(y):
        m0, m1, p00, p01, p11 = 0.0, 0.0, 1.0, 0.0, 1.0
        ll = 0.0
        (a, b), (c, d) = F
        for t in range(T):
            n0, n1 = a * m0 + b * m1, c * m0 + d * m1
            u00, u01, u10, u11 = (
                a * p00 + b * p01,
                a * p01 + b * p11,
                c * p00 + d * p01,
                c * p01 + d * p11,
            )
            q00, q01, q11 = u00 * a + u01 * b + q, u00 * c + u01 * d, u10 * c + u11 * d + q
            s = q00 + r
            e = y[t] - n0
            k0, k1 = q00 / s, q01 / s
            m0, m1 = n0 + k0 * e, n1 + k1 * e
            p00, p01, p11 = q00 - k0 * q00, q01 - k0 * q01, q11 - k1 * q01
            ll = ll - 0.5 * (mg.log(s) + e * e / s)
        return ll

    return f, [(T,)]


def hmm(T, S=5):
    A, mu = M(S, S, 7), P(S, 8, 1.0)

    def f(y):
        logA = [[w - mg.logsumexp(row) for w in row] for row in A]
        al = [-0.5 * (y[0] - m) * (y[0] - m) for m in mu]
        for t in range(1, T):
            al = [
                mg.logsumexp([al[i] + logA[i][j] for i in range(S)])
                - 0.5 * (y[t] - mu[j]) * (y[t] - mu[j])
                for j in range(S)
            ]
        return mg.logsumexp(al)

    return f, [(T,)]


def garch(T):
    om, al, be = V(0.1), V(0.1), V(0.8)

    def f(r):
        h, ll = om / (1 - al - be), 0.0
        for t in range(T):
            ll = ll + mg.log(h) + r[t] * r[t] / h
            h = om + al * r[t] * r[t] + be * h
        return ll

    return f, [(T,)]


def cumsum(T):
    w = V(0.9)

    def f(x):
        s, out = 0.0, []
        for t in range(T):
            s = s + w * x[t]
            out.append(s)
        return sum(mg.tanh(o) for o in out)

    return f, [(T,)]


def newton(T):
    d = V(0.9)

    def f(a):
        x = a
        for _ in range(T):
            x = x - d * (x * x - a) / (2 * x)
        return x

    return f, [None]


def biquad(T):
    b0, b1, b2, a1, a2 = P(5, 9, 0.2)

    def f(x):
        x1 = x2 = y1 = y2 = 0.0
        loss = 0.0
        for t in range(T):
            y = b0 * x[t] + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
            x2, x1, y2, y1 = x1, x[t], y1, y
            loss = loss + y * y
        return loss

    return f, [(T,)]


def carry60(T, N=60):
    w = P(N, 11, 0.3)
    u = P(N, 12, 0.3)

    def f(x):
        c = [0.1] * N
        for t in range(T):
            m = mg.tanh(x[t])
            c = [
                0.9 * c[i]
                + w[i] * mg.tanh(c[(i + 1) % N] * u[i] + m)
                + 0.05 * c[i] * c[(i + 7) % N]
                for i in range(N)
            ]
        return mg.sum(v * v for v in c)

    return f, [(T,)]


def encdec(T):
    Wa, Wb, Wc = M(4, 4, 1), M(4, 4, 2), M(4, 4, 3)

    def f(x):
        h, hs = [0.0] * 4, []
        for t in range(T):
            h = [mg.tanh(ops.dot(*Wa[i], *h, x[t])) for i in range(4)]
            hs.append(h)
        g = h
        for t in range(T):
            g = [mg.tanh(ops.dot(*Wb[i], *g, ops.dot(*Wc[i], *hs[t], 0.0))) for i in range(4)]
        return mg.sum(v * v for v in g)

    return f, [(T,)]


def nested(T, S=8):
    k, c = V(1.0), V(0.2)

    def f(y):
        q, v, loss = 0.5, 0.0, 0.0
        for t in range(T):
            for _ in range(S):
                v = v - 0.01 * (k * q + c * v)
                q = q + 0.01 * v
            e = q - y[t]
            loss = loss + e * e
        return loss

    return f, [(T,)]


def positional(T):
    pos, w = P(T, 1), V(0.7)

    def f(x):
        h, loss = 0.0, 0.0
        for t in range(T):
            h = mg.tanh(w * h + x[t] + pos[t])
            loss = loss + h
        return loss

    return f, [(T,)]
