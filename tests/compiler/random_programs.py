"""Random programs: the lines of a program, their meaning, and the numbers to run it on."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

import micrograd as mg
from micrograd import ops
from micrograd.ops import TABLE, Op

EXAMPLES = 5  # fewer than lanes, so that some of these are padding
M = 3  # the length of a vector

own = {row for row in TABLE.values() if row.library}
TRUTHS = [row.name for row in own if row.boolean and row.arity == 2]
UNARY = sorted(row.name for row in own if row.arity == 1 and not row.boolean)
BINARY = sorted(
    row.name for row in own if row.arity == 2 and not row.boolean
)  # leaky_relu and elu among them

Statement = tuple[Any, ...]
place = st.integers(0, 30)

# What a line of a program may be. Places count the vectors, or the scalars, that are there by then.
statements = st.one_of(
    st.tuples(st.just("each"), st.sampled_from(UNARY), place),
    st.tuples(st.just("each"), st.sampled_from(BINARY), place, place),
    st.tuples(st.just("scaled"), st.sampled_from(["add", "sub", "mul", "div"]), place, place),
    st.tuples(st.just("one"), st.sampled_from(UNARY), place),
    st.tuples(st.just("one"), st.sampled_from(BINARY), place, place),
    st.tuples(st.just("dot"), place, place, place),
    st.tuples(st.just("pluses"), place, place),
    st.tuples(st.just("sum"), place),
    st.tuples(st.just("mean"), place),
    st.tuples(st.just("norm"), place),
    st.tuples(st.just("clip"), place, place, place),
    st.tuples(st.just("matrix"), place, st.booleans()),
    st.tuples(st.just("prefixes"), place),
    st.tuples(st.just("choose"), st.sampled_from(TRUTHS), place, place, place, place),
    st.tuples(
        st.just("masked"), st.sampled_from(TRUTHS), *[st.sampled_from(UNARY)] * 2, *[place] * 4
    ),
    st.tuples(st.just("both"), *[st.sampled_from(TRUTHS)] * 2, *[place] * 4),
    st.tuples(st.just("counted"), st.sampled_from(TRUTHS), *[place] * 3),
    st.tuples(st.just("take"), place, place),
    st.tuples(st.just("softmax"), place),
    st.tuples(st.just("largest"), place),
    st.tuples(st.just("power"), st.sampled_from([2, -1, 3, 0.5, -2.0, 0, 1]), place),
    st.tuples(st.just("number"), st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.1, 2.5, 1e-3]), place),
)
programs = st.lists(statements, min_size=1, max_size=12)


def call(name: str) -> Op:
    return TABLE[name]


def run(lines: list[Statement], x: Any, y: Any, weights: Any) -> list[Any]:
    """All that a program computes. `x` is a vector, `y` a number, `weights` M + 1 vectors."""
    vectors: list[list[Any]] = [list(x), list(weights[0])]
    scalars: list[Any] = [y, x[0], weights[1][0], 0.5]

    def vector(place: int) -> list[Any]:
        return vectors[place % len(vectors)]

    def scalar(place: int) -> Any:
        return scalars[place % len(scalars)]

    for kind, *rest in lines:
        if kind == "each":
            name, *places = rest
            vectors.append([call(name)(*column) for column in zip(*map(vector, places))])
        elif kind == "scaled":
            name, a, b = rest
            vectors.append([call(name)(v, scalar(b)) for v in vector(a)])
        elif kind == "one":
            name, *places = rest
            scalars.append(call(name)(*map(scalar, places)))
        elif kind == "dot":
            a, b, c = rest
            scalars.append(mg.dot(vector(a), vector(b), scalar(c)))
        elif kind == "pluses":
            scalars.append(sum(v * w for v, w in zip(vector(rest[0]), vector(rest[1]))))
        elif kind == "clip":
            v, low, high = rest
            vectors.append([mg.clip(a, scalar(low), scalar(high)) for a in vector(v)])
        elif kind in ("sum", "mean", "norm"):
            scalars.append(getattr(mg, kind)(vector(rest[0])))
        elif kind == "matrix":
            v, loops = vector(rest[0]), rest[1]
            rows = weights[1 : M + 1]
            if loops:
                vectors.append([sum((w * a for w, a in zip(row, v)), row[0]) for row in rows])
            else:
                vectors.append([mg.dot(row, v) for row in rows])
        elif kind == "prefixes":
            v = vector(rest[0])
            vectors.append([mg.sum(v[: k + 1]) for k in range(M)])
        elif kind == "choose":
            name, *places = rest
            columns = zip(*map(vector, places))
            vectors.append([mg.where(call(name)(a, b), c, d) for a, b, c, d in columns])
        elif kind == "masked":  # a branch that is not taken may be infinite, or not differentiable
            name, f, g, *places = rest
            columns = zip(*map(vector, places))
            vectors.append(
                [mg.where(call(name)(a, b), call(f)(c), call(g)(d)) for a, b, c, d in columns]
            )
        elif kind == "both":
            first, second, *places = rest
            columns = [*zip(*map(vector, places))]
            joined = [
                ops.logical_and(call(first)(a, b), call(second)(c, d)) for a, b, c, d in columns
            ]
            vectors.append([mg.where(z, a * c, b) for z, (a, b, c, _) in zip(joined, columns)])
        elif kind == "counted":
            name, *places = rest
            vectors.append([call(name)(a, b) * c + c for a, b, c in zip(*map(vector, places))])
        elif kind == "take":
            index = mg.sigmoid(scalar(rest[1])) * (M - 1e-9)
            index = mg.where(index >= 0, index, 0.0)  # NaN is no place
            scalars.append(mg.take(vector(rest[0]), mg.floor(index)))
        elif kind == "softmax":
            vectors.append(mg.softmax(vector(rest[0])))
        elif kind == "largest":
            scalars.append(mg.logsumexp(vector(rest[0])))
        elif kind == "power":
            vectors.append([v ** rest[0] for v in vector(rest[1])])
        elif kind == "number":
            scalars.append(scalar(rest[1]) * rest[0] - rest[0])
    return [z for v in vectors[2:] for z in v] + scalars[4:]


def data() -> tuple[Any, Any, Any]:
    random = np.random.default_rng(1)
    x = random.uniform(-2, 2, (EXAMPLES, M))
    x[0, 0], x[1, 1], x[2] = 0.0, x[1, 2], 1.0  # kinks and ties
    return x, random.uniform(-2, 2, EXAMPLES), random.uniform(-1, 1, (M + 1, M))


X, Y, W = data()
EDGES = [0.0, -0.0, 1.0, -1.0, 2.5, np.inf, -np.inf, np.nan, 1e308, -1e200, 5e-324, -1e-310, 710.0]


def edges() -> tuple[Any, Any]:
    """Rows for the same programs: extreme floats among ordinary ones."""
    random = np.random.default_rng(2)
    x = random.choice(EDGES, (11, M))
    x[:4] = np.where(random.random((4, M)) < 0.5, x[:4], random.uniform(-2, 2, (4, M)))
    return x, random.choice([*EDGES, 0.5, -1.5, 0.25], 11)


# First the ordinary ones; as many as two vectors of lanes hold, so that nothing is padding.
ALL_X, ALL_Y = (np.concatenate(both) for both in zip((X, Y), edges()))


def matrix_of(kind: Callable[[float], Any], numbers: Any) -> Any:
    return [[kind(float(w)) for w in row] for row in numbers]
