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


def alternating(T):
    a, b = V(0.7), V(0.3)

    def f(x):
        h = 0.0
        for t in range(T):
            h = mg.tanh(a * h + x[t]) if t % 2 else mg.sin(b * h * x[t])
        return h

    return f, [(T,)]


def attention(T):
    wq, wk, wv = P(3, 4)

    def f(x):
        out = 0.0
        for t in range(T):
            sc = [mg.exp(wq * x[t] * wk * x[s]) for s in range(t + 1)]
            z = mg.sum(sc)
            out = out + mg.sum(a * wv * x[s] for s, a in enumerate(sc)) / z
        return out

    return f, [(T,)]


def fullhist(T):  # h_t of all earlier ones: no constant body
    w = V(0.1)

    def f(x):
        hs = []
        for t in range(T):
            hs.append(mg.tanh(x[t] + w * mg.sum(hs)))
        return hs[-1]

    return f, [(T,)]


def lstm(T, H=6):
    W = [M(H, H, 20 + k) for k in range(4)]
    U = [P(H, 30 + k) for k in range(4)]
    B = [P(H, 40 + k) for k in range(4)]

    def f(x):
        h, c = [0.0] * H, [0.0] * H
        for t in range(T):
            z = [
                [ops.dot(*W[k][i], *h, U[k][i] * x[t] + B[k][i]) for i in range(H)]
                for k in range(4)
            ]
            i_, f_, o_ = ([mg.sigmoid(v) for v in z[k]] for k in range(3))
            g_ = [mg.tanh(v) for v in z[3]]
            c = [f_[j] * c[j] + i_[j] * g_[j] for j in range(H)]
            h = [o_[j] * mg.tanh(c[j]) for j in range(H)]
        return mg.sum(h)

    return f, [(T,)]


def mlp(T):  # nothing sequential over T: T outputs, one layer: not a loop
    W, b = M(T, 8, 1), P(T, 2)

    def f(x):
        return mg.sum(mg.tanh(ops.dot(*W[i], *x, b[i])) for i in range(T))

    return f, [(8,)]


def deep(T):  # T layers, each with its own weights
    W = [M(6, 6, 50 + t) for t in range(T)]

    def f(x):
        h = list(x)
        for t in range(T):
            h = [mg.tanh(ops.dot(*W[t][i], *h, 0.0)) for i in range(6)]
        return mg.sum(h)

    return f, [(6,)]


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


def gru(T, H=5):
    W = [M(H, H, 60 + k) for k in range(3)]
    U = [P(H, 70 + k) for k in range(3)]

    def f(x):
        h, out = [0.0] * H, []
        for t in range(T):
            z = [mg.sigmoid(ops.dot(*W[0][i], *h, U[0][i] * x[t])) for i in range(H)]
            r = [mg.sigmoid(ops.dot(*W[1][i], *h, U[1][i] * x[t])) for i in range(H)]
            rh = [r[i] * h[i] for i in range(H)]
            n = [mg.tanh(ops.dot(*W[2][i], *rh, U[2][i] * x[t])) for i in range(H)]
            h = [z[i] * h[i] + (1 - z[i]) * n[i] for i in range(H)]
            out.append(mg.sum(h))
        return mg.sum(o * o for o in out)

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


def embedding(T):  # a table of parameters, by Python integers
    tok = np.random.default_rng(3).integers(0, 7, T).tolist()
    E = M(7, 3, 90)
    W = M(3, 3, 91)

    def f(x0):
        h = [x0, x0, x0]
        for t in range(T):
            h = [mg.tanh(ops.dot(*W[i], *h, E[tok[t]][i])) for i in range(3)]
        return mg.sum(h)

    return f, [None]


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


def bidirectional(T):
    w, u, v = V(0.5), V(0.3), V(0.7)

    def f(x):
        a, fw = 0.0, []
        for t in range(T):
            a = mg.tanh(w * a + x[t])
            fw.append(a)
        b, loss = 0.0, 0.0
        for t in reversed(range(T)):
            b = mg.tanh(u * b + x[t])
            e = v * fw[t] * b
            loss = loss + e * e
        return loss

    return f, [(T,)]


def seq2seq(T, S=6):
    W, Q = M(3, 3, 92), M(3, 3, 93)

    def f(x):
        enc = [[mg.tanh(x[s] * W[i][0] + W[i][1]) for i in range(3)] for s in range(S)]
        h, out = enc[-1], 0.0
        for t in range(T):
            q = [ops.dot(*Q[i], *h, 0.0) for i in range(3)]
            sc = mg.softmax([ops.dot(*q, *enc[s], 0.0) for s in range(S)])
            c = [mg.sum(sc[s] * enc[s][i] for s in range(S)) for i in range(3)]
            h = [mg.tanh(h[i] + c[i] + x[S + t]) for i in range(3)]
            out = out + h[0] * h[0]
        return out

    return f, [(T + S,)]


def adam(T):
    lr = V(0.05)

    def f(w, a):
        m = v = 0.0
        for t in range(1, T + 1):
            g = 2 * (w - a) * w
            m = 0.9 * m + 0.1 * g
            v = 0.999 * v + 0.001 * g * g
            w = w - lr * (m / (1 - 0.9**t)) / (mg.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return (w - a) ** 2

    return f, [None, None]


def deepsame(T):  # a fixed point of one layer
    W, b = M(8, 8, 95), P(8, 96)

    def f(x):
        z = [0.0] * 8
        for _ in range(T):
            z = [mg.tanh(ops.dot(*W[i], *z, x[i] + b[i])) for i in range(8)]
        return mg.sum(z)

    return f, [(8,)]


def conv(T):  # no recurrence: windows
    w = P(3, 97)

    def f(x):
        return mg.sum(
            mg.tanh(w[0] * x[t] + w[1] * x[t + 1] + w[2] * x[t + 2]) for t in range(T - 2)
        )

    return f, [(T,)]
