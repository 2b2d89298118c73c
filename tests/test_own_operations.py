"""Operations that users add: defined again, as in a notebook; opaque ones, whose meaning Python
runs."""

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value, ops
from micrograd.ops import TABLE


def scaled_by(k: float) -> Any:
    """What a cell of a notebook defines, before and after it was edited."""

    @mg.op(derivative=lambda g, z, x: k * g, name="of_a_cell")
    def of_a_cell(x):
        return k * x

    return of_a_cell


def test_an_own_operation_may_be_defined_again_and_old_graphs_keep_the_old_meaning() -> None:
    first = scaled_by(2.0)
    x = Value(3.0)
    old = first(x)
    second = scaled_by(5.0)
    assert TABLE["of_a_cell"] is second
    old.backward()
    assert (old.data, x.grad) == (6.0, 2.0)
    assert second(x).data == 15.0
    of_copy = copy.deepcopy(old)
    of_copy.backward()
    assert of_copy.operands[0].grad == 4.0  # that of the leaf, copied with its 2.0
    assert copy.copy(first) is first


@pytest.mark.native
def test_compiled_programs_keep_the_old_meaning() -> None:
    first = scaled_by(2.0)
    one, many = mg.compile(first), mg.vectorize(lambda x: first(x) + 1.0)
    assert (one(3.0), many([3.0]).tolist()) == (6.0, [7.0])
    second = scaled_by(5.0)
    assert (one(3.0), many([3.0]).tolist()) == (6.0, [7.0])
    assert one.value_and_grad(3.0) == (6.0, 2.0)
    assert mg.compile(second).value_and_grad(3.0) == (15.0, 5.0)


def test_both_meanings_can_be_in_one_program_of_c() -> None:
    first, second = scaled_by(2.0), scaled_by(5.0)
    f = mg.compile(lambda x: first(x) + second(x))
    source = f.source("c", 3.0)
    assert source.count("static double mg_of_a_cell") == 2
    assert f(3.0) == 21.0


def test_a_pickle_names_its_operation() -> None:
    scaled_by(2.0)
    second = scaled_by(5.0)
    assert pickle.loads(pickle.dumps(second)) is second
    leg = mg.op(derivative=lambda g, z, x: g, name="leg")(
        lambda x: x
    )  # also a row of ours, unlisted
    assert pickle.loads(pickle.dumps(ops.leg)) is ops.leg
    assert pickle.loads(pickle.dumps(leg)) is leg


@pytest.mark.parametrize("name", ["tanh", "less", "softplus"])
def test_one_of_ours_may_not(name: str) -> None:
    with pytest.raises(ValueError, match=f"has an operation called '{name}' already"):
        mg.op(derivative=lambda g, z, x: g, name=name)(lambda x: x)
    assert TABLE[name].library


def test_an_activation_follows_its_name_but_a_model_does_not_change() -> None:
    scaled_by(2.0)
    old = mg.MLP(1, [1, 1], activation="of_a_cell", seed=0)
    before = old([1.0])[0].data
    scaled_by(5.0)
    assert old([1.0])[0].data == before
    assert mg.MLP(1, [1, 1], activation="of_a_cell", seed=0)([1.0])[0].data != before


# Opaque operations.


def gamma_of(calls: list[Any], takes_arrays: bool = False) -> Any:
    @mg.op(derivative=lambda g, z, x: g * z * mg.digamma(x), opaque=True, name="opaque_gamma")
    def opaque_gamma(x):
        calls.append(np.shape(x))
        return np.vectorize(math.gamma)(x) if takes_arrays else math.gamma(x)

    return opaque_gamma


def test_opaque_operations_run_on_numbers_and_differentiate_by_their_rule() -> None:
    gamma = gamma_of([])
    assert (gamma(5.0), gamma(5)) == (24.0, 24.0)
    x = Value(3.5)
    gamma(x).backward()
    assert x.grad == pytest.approx(math.gamma(3.5) * mg.digamma(3.5), rel=1e-15)
    mg.check_gradient(gamma, 3.5)


def test_a_function_of_arrays_is_passed_columns_and_another_one_numbers() -> None:
    calls: list[Any] = []
    X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    want = [[1.0, 1.0, 2.0], [6.0, 24.0, 120.0]]
    assert gamma_of(calls, takes_arrays=True)(X).tolist() == want
    assert calls == [(6,), (), (), ()]  # the first column is checked by three numbers
    calls.clear()
    assert gamma_of(calls)(X).tolist() == want
    assert set(calls[1:]) == {()}


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x - np.mean(x) + np.mean(x**2) / np.max(x),  # runs, and means something else
        lambda x: float(np.sum(x)),  # another shape
        lambda x: x if x > 0 else -x,
        lambda x: complex(x).real,
    ],
)
def test_a_function_that_treats_an_array_otherwise_is_not_passed_one(f: Any) -> None:
    own = mg.op(derivative=lambda g, z, x: g, opaque=True, name="no_arrays")(f)
    X = [0.5, 2.0, 3.0]
    assert own(np.array(X)).tolist() == [own(x) for x in X]


def test_a_function_of_math_that_we_have_not_is_not_recommended() -> None:
    own = mg.op(derivative=lambda g, z, x: g, name="gamma")(lambda x: math.gamma(x))
    with pytest.raises(TypeError) as caught:
        mg.compile(own)(1.5)
    assert "mg.gamma" not in str(caught.value)


def test_functions_of_libraries_are_wrapped_or_taken_as_they_are() -> None:
    of_c = mg.op(opaque=True, name="of_c")(math.gamma)
    assert of_c(5.0) == 24.0
    of_numpy = mg.op(opaque=True, name="of_numpy")(lambda x: np.asarray(x) * 2.0)
    assert of_numpy(5.0) == 10.0  # NumPy's arrays without axes are numbers
    with pytest.raises(TypeError, match=r"any must take a fixed number .* lambda x: function\(x\)"):
        mg.op(opaque=True, name="any")(np.exp)


def test_what_the_function_does_to_its_columns_does_not_matter() -> None:
    def f(x):
        x *= 2.0
        return x

    own = mg.op(derivative=lambda g, z, x: 2 * g, opaque=True, name="in_place")(f)
    X = np.array([1.0, 2.0, 3.0])
    assert own(X).tolist() == [2.0, 4.0, 6.0]
    assert X.tolist() == [1.0, 2.0, 3.0]


def test_without_a_derivative_it_can_be_computed_only() -> None:
    own = mg.op(opaque=True, name="no_rule")(lambda x: math.gamma(x))
    assert own(Value(5.0)).data == 24.0
    with pytest.raises(TypeError, match=r"no_rule is opaque and has no derivative; give it one"):
        mg.grad(own)(5.0)


def test_a_derivative_that_needs_numbers_has_one_order_and_says_so() -> None:
    own = mg.op(derivative=lambda g, z, x: g * math.exp(x), opaque=True, name="one_order")(math.exp)
    assert mg.grad(own)(1.0) == math.exp(1.0)
    with pytest.raises(TypeError) as caught:
        mg.grad(mg.grad(own))(1.0)
    notes = getattr(caught.value, "__notes__", [])
    assert any("in the derivative of one_order" in note for note in notes)
