"""Every function of the package that takes numbers refuses what is no real number.

A mask, an imaginary part or a text is never dropped: the function raises an error that shows what
it was given, whatever it was called with before. Real numbers of any type and in any memory layout
give the answers of floats.
"""

import warnings
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value

FLOATS = [0.5, 1.5, 2.5]
TIMES = [1.0, 2.0, 3.0]


def square(x: Any) -> Any:
    return x * x * 3.0 + x


def total(v: Any) -> Any:
    return mg.sum(square(a) for a in v)


def each(v: Any) -> Any:
    return [square(a) for a in v]


def line(t: Any, a: Any) -> Any:
    return a * t


def an_array(x: Any) -> Any:
    return x if isinstance(x, np.ndarray) else np.array(x, object)


def capturing() -> Any:
    weights = [Value(0.1), Value(0.2), Value(0.3)]
    f = mg.compile(lambda x: mg.sum(a * b for a, b in zip(weights, x)))
    f(np.ones(3))
    return f


def trained(**data: Any) -> list[float]:
    model = mg.MLP(1, [1], seed=0)
    given: dict[str, Any] = {"X": np.array(TIMES)[:, None], "y": FLOATS} | data
    mg.fit(model, **given, loss="mse", epochs=1, batch_size=3)
    return [p.data for p in model.parameters()]


def curve(**data: Any) -> Any:
    given: dict[str, Any] = {"x": TIMES, "y": [1.0, 2.0, 3.5], "p0": [1.0]} | data
    return mg.curve_fit(line, **given).values


def loaded(x: Any) -> list[float]:
    model = mg.MLP(3, [1], seed=0)
    model.load_state_dict({"layers.0.weights": [x], "layers.0.bias": [0.0]})
    return [p.data for p in model.parameters()]


# Each makes a function of three numbers.
DOORS: dict[str, Callable[[], Callable[[Any], Any]]] = {
    "compile": lambda: mg.compile(total),
    "exact": lambda: mg.compile(total, exact=True),
    "float32": lambda: mg.vectorize(square, dtype="float32"),
    "vectorize": lambda: mg.vectorize(square),
    "a keyword": lambda: lambda x: mg.vectorize(lambda a, b: a * b)(1.0, b=x),
    "a row": lambda: lambda x: mg.vectorize(total, each="row")(an_array(x)[None]),
    "shared": lambda: (
        lambda x: mg.vectorize(lambda a, q: a * mg.sum(q), in_axes=(0, None))(np.ones(2), x)
    ),
    "value_and_grad": lambda: mg.compile(total).value_and_grad,
    "theta": lambda: lambda x: capturing().gradient(an_array(x), np.ones(3)),
    "grad": lambda: mg.grad(total),
    "hessian": lambda: mg.hessian(total),
    "jacobian": lambda: mg.jacobian(each),
    "jvp": lambda: lambda x: mg.jvp(each)(x, TIMES),
    "a tangent": lambda: lambda x: mg.jvp(each)(TIMES, x),
    "a weight": lambda: lambda x: mg.vjp(each)(TIMES, x),
    "hvp": lambda: lambda x: mg.hvp(total)(TIMES, x),
    "compiled grad": lambda: mg.compile(mg.grad(total)),
    "sum": lambda: mg.sum,
    "mean": lambda: mg.mean,
    "norm": lambda: mg.norm,
    "softmax": lambda: mg.softmax,
    "dot": lambda: lambda x: mg.dot([Value(1.0), Value(2.0), Value(3.0)], x),
    "take": lambda: lambda x: [mg.take(x, k) for k in range(3)],
    "sort": lambda: mg.sort,
    "exp": lambda: lambda x: mg.exp(an_array(x)),
    "maximum": lambda: lambda x: mg.maximum(an_array(x), Value(1.0)),
    "where": lambda: lambda x: mg.where(Value(1.0) > 0.0, an_array(x), 1.0),
    "times a Value": lambda: lambda x: Value(2.0) * an_array(x),
    "array": lambda: lambda x: mg.array(x) * Value(2.0),
    "dot in NumPy": lambda: lambda x: np.dot(mg.array([Value(1.0)] * 3), an_array(x)),
    "a constant": lambda: lambda x: mg.compile(lambda y: mg.dot(x, [y, y, y]))(2.0),
    "model": lambda: mg.MLP(3, [2, 1], seed=0),
    "Predictor": lambda: mg.Predictor(mg.MLP(3, [2, 1], seed=0)),
    "load_state_dict": lambda: loaded,
    "scan": lambda: lambda x: mg.scan(lambda s, u: (s + u, s * u), 1.0, x),
    "compiled scan": lambda: mg.compile(lambda x: mg.scan(lambda s, u: (s + u, s * u), 1.0, x)),
    "root": lambda: lambda x: mg.root(lambda y, a: y * y - a[1], 1.0, x),
    "solve": lambda: lambda x: mg.solve([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]], x),
    "interp": lambda: lambda x: mg.interp(1.7, [0.0, 1.0, 2.0], x),
    "fit, targets": lambda: lambda x: trained(y=x),
    "fit, inputs": lambda: lambda x: trained(X=an_array(x)[:, None]),
    "fit, weights": lambda: lambda x: trained(sample_weight=x),
    "curve_fit, x": lambda: lambda x: curve(x=x),
    "curve_fit, y": lambda: lambda x: curve(y=x),
    "curve_fit, sigma": lambda: lambda x: curve(sigma=x),
    "curve_fit, bounds": lambda: lambda x: curve(p0=[3.0], bounds=(an_array(x)[1:2], [np.inf])),
    "curve_fits": lambda: lambda x: mg.curve_fits(line, TIMES, [x], [1.0]).values,
    "minimize_many": lambda: lambda x: mg.minimize_many(lambda v, a: (v - a) ** 2, 1.0, x).x,
}
SCIPY: dict[str, Callable[[], Callable[[Any], Any]]] = {
    "minimize": lambda: lambda x: mg.minimize(lambda v: mg.sum((a - 1.0) ** 2 for a in v), x).x,
    "least_squares": lambda: lambda x: mg.least_squares(lambda v: [a - 1.0 for a in v], x).x,
    "sparse_jacobian": lambda: lambda x: mg.sparse_jacobian(each)(x).toarray(),
}

NO_NUMBERS: dict[str, Callable[[], Any]] = {
    "complex": lambda: np.array([0.5, 1.5 + 1j, 2.5]),
    "complex in a list": lambda: [0.5, 1.5 + 1j, 2.5],
    "masked": lambda: np.ma.masked_array(FLOATS, [False, True, False]),
    "masked objects": lambda: np.ma.masked_array(
        [0.5, Fraction(3, 2), 2.5], [False, True, False], dtype=object
    ),
    "masked in a list": lambda: [0.5, np.ma.masked, 2.5],
    "text": lambda: np.array(["0.5", "1.5", "2.5"]),
    "text in a list": lambda: [0.5, "1.5", 2.5],
    "text as objects": lambda: np.array(["0.5", "1.5", "2.5"], object),
    "durations": lambda: np.array([1, 2, 3], "m8[s]"),
}
NUMBERS: dict[str, Any] = {
    "fractions": [Fraction(1, 2), Fraction(3, 2), Fraction(5, 2)],
    "decimals": [Decimal("0.5"), Decimal("1.5"), Decimal("2.5")],
    "objects": np.array(FLOATS, object),
    "half precision": np.array(FLOATS, "f2"),
    "big-endian": np.array(FLOATS, ">f8"),
    "reversed": np.array(FLOATS[::-1])[::-1],
    "a column": np.array([FLOATS, FLOATS]).T.copy()[:, 1],
    "not aligned": np.frombuffer(b"x" + np.array(FLOATS).tobytes(), offset=1),
    "no mask": np.ma.masked_array(FLOATS, [False, False, False]),
}

# Where Python's own arithmetic, which does not add a Decimal to a float, comes first.
PYTHON_FIRST = {"softmax", "scan", "solve", "interp"}


def scalars(result: Any) -> list[float]:
    if isinstance(result, (list, tuple)):
        return [x for part in result for x in scalars(part)]
    if isinstance(result, np.ndarray):
        return [x for part in result.ravel().tolist() for x in scalars(part)]
    return [result.data if isinstance(result, Value) else float(result)]


def doors(scipy: bool) -> list[Any]:
    marked = [pytest.param(name, id=name) for name in DOORS]
    return marked + ([pytest.param(name, id=name) for name in SCIPY] if scipy else [])


@pytest.mark.parametrize("door", doors(scipy=True))
@pytest.mark.parametrize("later", [False, True], ids=["first call", "later call"])
def test_what_is_no_real_number_is_an_error(door: str, later: bool) -> None:
    make, taken = _made(door), list[str]()
    for name, given in NO_NUMBERS.items():
        f = make()
        if later:
            f(np.array(FLOATS))
        if not _refuses(f, given()):
            taken.append(name)
    assert taken == []


@pytest.mark.parametrize("door", doors(scipy=True))
def test_real_numbers_of_any_type_and_layout_are_those_of_floats(door: str) -> None:
    make = _made(door)
    expected = scalars(make()(np.array(FLOATS)))
    for name, given in NUMBERS.items():
        if name == "decimals" and door in PYTHON_FIRST:
            continue
        np.testing.assert_array_equal(scalars(make()(given)), expected, err_msg=name)


def test_the_bias_of_a_dot_is_not_written_to() -> None:
    """A masked array has an attribute `_data`, as a Value has."""
    bias = np.ma.masked_array(FLOATS, False)
    weights, inputs = [Value(1.0), Value(2.0)], [3.0, 4.0]
    result = mg.dot(weights, inputs, bias)
    assert (
        scalars(result) == scalars(mg.dot(weights, inputs, np.array(FLOATS))) == [11.5, 12.5, 13.5]
    )
    assert bias.tolist() == FLOATS


def _refuses(f: Callable[[Any], Any], given: Any) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Warning: converting a masked element")
            f(given)
    except (TypeError, ValueError):
        return True
    return False


def _made(door: str) -> Callable[[], Callable[[Any], Any]]:
    if door in SCIPY:
        pytest.importorskip("scipy")
    return (DOORS | SCIPY)[door]
