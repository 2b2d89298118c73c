"""NumPy's public functions, on floats, on Values and on traced numbers: equal, or a clear error.

The oracle is NumPy on floats, with finite differences for gradients. A function that is not in
WORKS may raise NumPyError or TraceError, which say what to write; anything else is a bug.
"""

import inspect
import warnings
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from ways import OneInNumPy

import micrograd as mg
from micrograd import NumPyError, TraceError, Value
from micrograd.engine import numbers_of

X = np.array([0.3, -0.7, 1.9, 0.35, -0.23, 0.8])
Y = np.array([0.5, 0.4, -1.2, 0.9, 0.1, -0.3])
M = np.arange(9.0).reshape(3, 3) % 4 - 1.3 + 3 * np.eye(3)
ARGUMENTS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "x": lambda x, y, m: (x,),
    "x, y": lambda x, y, m: (x, y),
    "x, 1": lambda x, y, m: (x, 1),
    "x, 0.5": lambda x, y, m: (x, 0.5),
    "m": lambda x, y, m: (m,),
    "m, m": lambda x, y, m: (m, m),
    "x, -0.5, 0.5": lambda x, y, m: (x, -0.5, 0.5),
    "[x, y]": lambda x, y, m: ([x, y],),
    "x > 0, x, y": lambda x, y, m: (x > 0, x, y),
    "x, numbers, y": lambda x, y, m: (x, np.arange(6.0) - 3, y),
}
# Functions of other arguments than these.
CALLS: dict[str, Callable[..., Any]] = {
    "apply_along_axis": lambda x, y, m: np.apply_along_axis(lambda v: v.sum(), 0, m),
    "apply_over_axes": lambda x, y, m: np.apply_over_axes(np.sum, m, [0]),
    "bitwise_and": lambda x, y, m: np.bitwise_and(x > 0, y > 0),
    "bitwise_or": lambda x, y, m: np.bitwise_or(x > 0, y > 0),
    "bitwise_xor": lambda x, y, m: np.bitwise_xor(x > 0, y > 0),
    "bitwise_not": lambda x, y, m: np.bitwise_not(x > 0),
    "invert": lambda x, y, m: np.invert(x > 0),
    "broadcast_to": lambda x, y, m: np.broadcast_to(x, (2, 6)),
    "digitize": lambda x, y, m: np.digitize(x, [0.0, 1.0]),
    "einsum": lambda x, y, m: np.einsum("ij,jk->ik", m, m),
    "insert": lambda x, y, m: np.insert(x, 1, 5.0),
    "moveaxis": lambda x, y, m: np.moveaxis(m, 0, 1),
    "piecewise": lambda x, y, m: np.piecewise(x, [x < 0, x >= 0], [lambda v: -v, lambda v: 2 * v]),
    "polyfit": lambda x, y, m: np.polyfit(x, y, 1),
    "reshape": lambda x, y, m: np.reshape(m, (1, 9)),
    "rollaxis": lambda x, y, m: np.rollaxis(m, 1),
    "swapaxes": lambda x, y, m: np.swapaxes(m, 0, 1),
    "take_along_axis": lambda x, y, m: np.take_along_axis(m, np.array([[0], [1], [2]]), 1),
    "vsplit": lambda x, y, m: np.vsplit(m, 3),
    "dsplit": lambda x, y, m: np.dsplit(np.reshape(x, (1, 1, 6)), 2),
    "full": lambda x, y, m: np.full((2, 6), x),
    "linalg.matrix_power": lambda x, y, m: np.linalg.matrix_power(m, 3),
    "linalg.multi_dot": lambda x, y, m: np.linalg.multi_dot([m, m, m]),
    "linalg.cholesky": lambda x, y, m: np.linalg.cholesky(m @ m.T),
    "linalg.tensorinv": lambda x, y, m: np.linalg.tensorinv(m, 1),
    "linalg.tensorsolve": lambda x, y, m: np.linalg.tensorsolve(m, y[:3]),
    "linspace": lambda x, y, m: np.linspace(x[0], x[2], 5),
    "percentile": lambda x, y, m: np.percentile(x, [25.0, 60.0]),
    "quantile": lambda x, y, m: np.quantile(x, [0.25, 0.6]),
    "argmax": lambda x, y, m: np.argmax(m, axis=1),
    "argmin": lambda x, y, m: np.argmin(m, axis=0),
    "count_nonzero": lambda x, y, m: np.count_nonzero(m > 0, axis=1),
}
# They read or write files, print, modify their arguments, or return a type.
NO_FORMULAS = """
array2string array_repr array_str asmatrix base_repr binary_repr bmat common_type copyto empty
empty_like fill_diagonal format_float_positional format_float_scientific frombuffer fromfile
fromfunction fromiter frompyfunc fromregex fromstring from_dlpack genfromtxt get_include
get_printoptions getbufsize geterr geterrcall info isdtype issubdtype ix_ load loadtxt
may_share_memory meshgrid min_scalar_type mintypecode nested_iters place printoptions promote_types
put put_along_axis putmask require result_type roots save savetxt savez savez_compressed
set_printoptions setbufsize seterr seterrcall shares_memory show_config show_runtime sort_complex
test typename
"""
WORKS = {
    "x": """
abs absolute amax amin arcsin arccos arctan arcsinh arctanh around cbrt ceil cos cosh cumprod cumsum
deg2rad diff exp exp2 expm1 fabs fix flip floor isfinite isinf isnan max mean median min modf
nan_to_num negative nonzero prod ptp rad2deg ravel reciprocal rint round sign signbit sin sinc sinh
sort sqrt square std sum tan tanh trunc var linalg.norm log log10 log1p log2 positive
""",
    "x, y": """
add arctan2 copysign divide dot equal fmax fmin greater hypot inner less logaddexp logaddexp2
maximum minimum multiply not_equal outer power subtract heaviside convolve correlate trapezoid kron
polyval logical_and logical_or logical_xor vdot divmod float_power floor_divide fmod mod remainder
""",
    "m": "diagonal linalg.norm linalg.inv linalg.det trace transpose tril triu max min sort",
    "m, m": "linalg.solve dot matmul inner tensordot maximum",
    "x, -0.5, 0.5": "clip",
    "[x, y]": "concatenate stack hstack vstack column_stack",
    "x > 0, x, y": "where",
    "x, numbers, y": "interp",
}
DECIDED = {"nonzero"}  # its result depends on numbers that a trace does not know


def function_of(name: str) -> Callable[..., Any]:
    return getattr(np.linalg, name[7:]) if name.startswith("linalg.") else getattr(np, name)


def names() -> list[str]:
    public = [name for name in dir(np) if not name.startswith("_")]
    found = [name for name in public if name not in NO_FORMULAS.split()]
    found += [f"linalg.{name}" for name in np.linalg.__all__]
    return [n for n in found if callable(function_of(n)) and not inspect.isclass(function_of(n))]


def can_take(name: str, label: str) -> bool:
    """Whether the function takes these operands, none of them `out`, and NumPy dispatches to us:
    from a list it makes an array itself, except in functions of several arrays."""
    function = function_of(name)
    if isinstance(function, np.ufunc) or name == "fix":
        return label.count(",") + 1 == getattr(function, "nin", 1) and label != "[x, y]"
    return label != "[x, y]" or name in WORKS[label].split()


def values(numbers: Any) -> Any:
    return mg.array([Value(x) for x in numbers.ravel()]).reshape(numbers.shape)


def agrees(answer: Any, expected: Any) -> bool:
    if isinstance(expected, (tuple, list)):
        return len(answer) == len(expected) and all(map(agrees, answer, expected))
    expected = np.asarray(expected)
    if expected.dtype.kind not in "fiub":
        return False
    numbers = np.array(numbers_of(np.ravel(np.asarray(answer)))).reshape(np.shape(answer))
    return numbers.shape == expected.shape and np.allclose(
        numbers, expected.astype(float), rtol=1e-9, atol=1e-12, equal_nan=True
    )


def results(name: str, arguments: Callable[..., tuple[Any, ...]]) -> Any:
    """NumPy's result on floats, and a thunk for each other way to run; None if it has no result."""
    function = function_of(name)
    return results_of(lambda x, y, m: function(*arguments(x, y, m)))


def results_of(run: Callable[..., Any]) -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = run(X.copy(), Y.copy(), M.copy())
        except Exception:  # a wrong number or type of arguments
            return None
    if expected is None or expected is NotImplemented:
        return None
    on_values = lambda: run(values(X), values(Y), values(M))  # noqa: E731
    return expected, {
        "Values": on_values,
        "traced": lambda: OneInNumPy(run, "float64", 1, False)(X, Y, M),
    }


def outcome(run: Callable[[], Any]) -> tuple[Any, str | None]:
    """The result of a function, or the error that says what to write."""
    try:
        return run(), None
    except (NumPyError, TraceError) as error:
        return None, str(error)


@pytest.mark.parametrize("name", [name for name in CALLS if name in names()])
def test_a_function_of_other_arguments_equals_numpy_or_raises_a_clear_error(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, ways = results_of(CALLS[name])
        for way, run in ways.items():
            answer, error = outcome(run)
            assert agrees(answer, expected) if error is None else "Instead, " in error, (way, error)


@pytest.mark.parametrize("name", names())
def test_a_function_of_numpy_equals_numpy_or_raises_a_clear_error(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for label, arguments in ARGUMENTS.items():
            found = results(name, arguments) if can_take(name, label) else None
            if found is None:
                continue
            expected, ways = found
            needed = name in WORKS.get(label, "").split()
            for way, run in ways.items():
                answer, error = outcome(run)
                if error is None:
                    assert agrees(answer, expected), (label, way, answer, expected)
                else:
                    assert not needed or (way == "traced" and name in DECIDED), (label, way, error)
                    assert "Instead, " in error or "takes" in error


def test_all_that_is_needed_is_there() -> None:
    assert {name for row in WORKS.values() for name in row.split()} <= set(names())


def weighted(function: Callable[..., Any], arguments: Any) -> Callable[[Any], Any]:
    """A single number made of all results of a function, as a function of x."""

    def number(x: Any) -> Any:
        answer = function(*arguments(x, Y, M))
        parts = answer if isinstance(answer, tuple) else (answer,)
        return sum((np.ravel(part) * np.cos(1 + np.arange(np.size(part)))).sum() for part in parts)

    return number


SMOOTH = {label: row for label, row in WORKS.items() if label not in ("m", "m, m")}


@pytest.mark.parametrize(("label", "name"), [(k, n) for k in SMOOTH for n in SMOOTH[k].split()])
def test_the_gradient_is_that_of_finite_differences(label: str, name: str) -> None:
    number = weighted(function_of(name), ARGUMENTS[label])
    x = np.abs(X) if name in ("sqrt", "power", "log", "log2", "log10", "arccosh") else X.copy()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        expected = [(number(x + h) - number(x - h)) / 2e-6 for h in 1e-6 * np.eye(6)]
        known = ~np.isnan(expected)
        if name in DECIDED or not known.any():
            pytest.skip("integers, or outside of where it is defined")
        answers = mg.grad(number)(x), OneInNumPy(number, "float64", 1, False).value_and_grad(x)[1]
    for answer in answers:
        np.testing.assert_allclose(answer[known], np.array(expected)[known], rtol=1e-6, atol=1e-6)


def test_the_page_says_what_happens() -> None:
    """docs/numpy.md, of the NumPy that it names; other ones have other functions."""
    import numpy_page

    text = numpy_page.PAGE.read_text(encoding="utf-8")
    if f"NumPy {numpy_page.VERSION}" not in text:
        pytest.skip("the page is of another NumPy")
    assert text == numpy_page.page()


def test_every_function_of_numpy_is_on_the_page() -> None:
    import numpy_page

    listed = {*numpy_page.rows(), *NO_FORMULAS.split(), *numpy_page.OF_NO_NUMBERS.split()}
    assert {*names()} <= listed


def test_quantiles_and_ranges_at_their_edges() -> None:
    x = values(X)
    for q in (0.0, 0.35, 1.0, [0.1, 0.9]):
        assert agrees(np.quantile(x, q), np.quantile(X, q))
        assert agrees(np.quantile(values(M), q, axis=0), np.quantile(M, q, axis=0))
    with_nan = values(np.array([1.0, np.nan, 2.0]))
    assert agrees(np.quantile(with_nan, 0.5), np.nan)
    first, last, linspace = Value(0.1), Value(0.7), cast(Any, np.linspace)
    for keywords in ({"num": 4}, {"num": 3, "endpoint": False}, {"num": 1}):
        got = OneInNumPy(lambda a, b, k=keywords: linspace(a, b, **k), "float64", 1, False)
        assert agrees(got(0.1, 0.7), linspace(0.1, 0.7, **keywords))
        assert agrees(linspace(first, last, **keywords), linspace(0.1, 0.7, **keywords))
