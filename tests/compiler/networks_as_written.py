"""Networks with a loop of T steps, as users write them: each a function and its shapes."""

import numpy as np
from as_written import M, P, V

import micrograd as mg
from micrograd import ops


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


def lstm_of_14(T):  # where its body begins, as many numbers are carried as at many other places
    return lstm(T, 14)
