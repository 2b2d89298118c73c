"""What the tests of HIPS autograd ask of NumPy's functions, asked of ours: the same gradient.

A question is a function of a NumPy module and of arrays; the answer is that of HIPS autograd, with
its own NumPy. `NOT_ASKED` lists what its tests ask that does not apply here.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ways import OneInNumPy

import micrograd as mg

autograd = pytest.importorskip("autograd")
anp = pytest.importorskip("autograd.numpy")

R = np.random.default_rng(0).normal
V, W, M, N = R(size=6), R(size=6), R(size=(3, 4)), R(size=(3, 4))
S, T, P = R(size=(4, 4)), R(size=(2, 3, 4)), np.abs(R(size=(2, 3))) + 0.5
POSITIVE = np.eye(4) * 3.0 + S @ S.T

QUESTIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "dot of a matrix and a vector": (lambda n, a, b: n.dot(a, b), (M, R(size=4))),
    "dot of two matrices": (lambda n, a, b: n.dot(a, b.T), (M, N)),
    "dot of two vectors": (lambda n, a, b: n.dot(a, b), (V, W)),
    "dot of a vector and a matrix": (lambda n, a, b: n.dot(a, b), (R(size=3), M)),
    "dot with a number": (lambda n, a: n.dot(a, 1.5) + n.dot(0.3, a), (M,)),
    "dot of slices": (lambda n, a: n.dot(a[:3], a[3:]), (V,)),
    "matmul": (lambda n, a, b: n.matmul(a, b), (M, R(size=(4, 2)))),
    "inner": (lambda n, a, b: n.inner(a, b), (M, N)),
    "outer": (lambda n, a, b: n.outer(a, b), (V, W)),
    "tensordot": (lambda n, a, b: n.tensordot(a, b, axes=2), (T, M)),
    "tensordot by axes": (lambda n, a, b: n.tensordot(a, b, axes=[(2,), (1,)]), (T, M)),
    "kron": (lambda n, a, b: n.kron(a, b), (P, S[:2, :2])),
    "einsum, transposed": (lambda n, a: n.einsum("ij->ji", a), (M,)),
    "einsum, a product": (lambda n, a, b: n.einsum("ij,kj->ik", a, b), (M, N)),
    "einsum, three operands": (lambda n, a: n.einsum("ij,ij,ij->i", a, a, N), (M,)),
    "einsum, with an ellipsis": (lambda n, a, b: n.einsum("...jk,...lk->...jl", a, b), (T, T)),
    "cross": (lambda n, a, b: n.cross(a, b), (V[:3], W[:3])),
    "max": (lambda n, a: n.max(a), (M,)),
    "max along an axis": (lambda n, a: n.max(a, axis=1), (T,)),
    "max, dimensions kept": (lambda n, a: n.max(a, axis=1, keepdims=True), (T,)),
    "min": (lambda n, a: n.min(a), (M,)),
    "min along an axis": (lambda n, a: n.min(a, axis=1, keepdims=True), (T,)),
    "sum": (lambda n, a: n.sum(a), (M,)),
    "sum along axes": (lambda n, a: n.sum(a, axis=(1, 2)), (T,)),
    "sum by Python": (lambda n, a, b: sum([a, b]), (M, N)),
    "mean": (lambda n, a: n.mean(a, axis=0, keepdims=True), (M,)),
    "prod": (lambda n, a: n.prod(a), (P,)),
    "prod along an axis": (lambda n, a: n.prod(a, axis=0, keepdims=True), (P,)),
    "var": (lambda n, a: n.var(a, axis=1, ddof=1), (M,)),
    "std": (lambda n, a: n.std(a, axis=None, ddof=1), (M,)),
    "std along an axis": (lambda n, a: n.std(a, axis=0, keepdims=True), (M,)),
    "cumsum": (lambda n, a: n.cumsum(a), (M,)),
    "cumsum along an axis": (lambda n, a: n.cumsum(a, axis=1), (M,)),
    "diff": (lambda n, a: n.diff(a, axis=1), (M,)),
    "sort": (lambda n, a: n.sort(a), (V,)),
    "partition": (lambda n, a: n.sort(n.partition(a, 3)), (V,)),
    "flipud, fliplr, rot90": (lambda n, a: n.flipud(a) + n.fliplr(a) + n.rot90(a, 2), (M,)),
    "an element": (lambda n, a: a[1, 0, 2], (T,)),
    "slices": (lambda n, a: a[::-1, 1:3, :], (T,)),
    "lists of indices": (lambda n, a: a[[0, 1, 0]], (V,)),
    "an index twice": (lambda n, a: n.sum(a[[0, 0]]) + a[1], (V,)),
    "indices of several kinds": (lambda n, a: a[1, 1:, [1, 3]], (T,)),
    "slices of slices": (lambda n, a: a[1:5][1:3], (V,)),
    "reshape": (lambda n, a: n.reshape(a, (4, 6)) + a.reshape(4, 6) + a.reshape((4, 6)), (T,)),
    "ravel and flatten": (lambda n, a: n.ravel(a) + a.ravel() + a.flatten(), (M,)),
    "transpose": (lambda n, a: a.T + n.transpose(a), (M,)),
    "transpose of axes": (lambda n, a: n.transpose(a, [2, 0, 1]), (T,)),
    "swapaxes and moveaxis": (lambda n, a: n.swapaxes(a, 0, 1) + n.moveaxis(a, 0, 1), (T,)),
    "append": (lambda n, a, b: n.append(a, b), (V, 4.0)),
    "concatenate": (lambda n, a, b: n.concatenate((b, a, b)), (M, N)),
    "concatenate along an axis": (lambda n, a, b: n.concatenate((b, a), 1), (M, N)),
    "stack": (lambda n, a, b: n.stack([a, b], axis=1), (M, N)),
    "vstack and hstack": (lambda n, a, b: n.vstack([a, b]) + n.hstack([a, b])[:, 1:5][[0]], (M, N)),
    "split": (lambda n, a: n.split(a, 2)[0], (V,)),
    "array_split": (lambda n, a: n.array_split(a, 4)[1], (V,)),
    "an array of numbers": (lambda n, x: n.array([[x, x * 1.0], [x**2, x / 2.0]]), (3.0,)),
    "an array of arrays": (lambda n, a: n.array([[2 * a, a + 1], [a, a]]), (P,)),
    "trace": (lambda n, a: n.trace(a, offset=1), (M,)),
    "diag": (lambda n, a: n.diag(a), (S,)),
    "diag of a vector": (lambda n, a: n.diag(a), (V,)),
    "diagonal": (lambda n, a: n.diagonal(a, axis1=-1, axis2=-2), (R(size=(3, 4, 4)),)),
    "triu and tril": (lambda n, a: n.triu(a, k=1) + n.tril(a, k=-1), (S,)),
    "roll": (lambda n, a: n.roll(a, 2, axis=1) + n.roll(a, 1), (M,)),
    "repeat": (lambda n, a: n.repeat(a, 2, axis=1), (T,)),
    "tile": (lambda n, a: n.tile(a, (2, 2)), (M,)),
    "pad": (lambda n, a: n.pad(a, 1, "constant"), (M,)),
    "squeeze and expand_dims": (lambda n, a: n.squeeze(n.expand_dims(a, 1)), (M,)),
    "atleast_1d, 2d, 3d": (lambda n, a: n.atleast_3d(n.atleast_2d(n.atleast_1d(a))), (V,)),
    "broadcast_to": (lambda n, a: n.broadcast_to(a, (3, 4)), (M[:1],)),
    "clip": (lambda n, a: n.clip(a, 0.1, 1.1), (S,)),
    "where": (lambda n, a, b: n.where(N > 0, a, b), (M, R(size=(3, 4)))),
    "nan_to_num": (lambda n, a: n.sin(n.nan_to_num(a + np.array([0.0] * 5 + [np.inf]))), (V,)),
    "maximum and minimum": (lambda n, a, b: n.maximum(a, b) * n.minimum(a[0], b), (M, N)),
    "fmax and fmin": (lambda n, a, b: n.fmax(a, b) * n.fmin(a, b), (M, N)),
    "abs, fabs, sign": (lambda n, a: n.abs(a) * n.fabs(a) + n.sign(a), (M,)),
    "ceil and floor": (lambda n, a: n.ceil(a) + n.floor(a), (M,)),
    "circular functions": (lambda n, a: n.sin(a) * n.cos(a) + n.tan(a), (M,)),
    "arc functions": (lambda n, a: n.arcsin(a / 4) + n.arccos(a / 4) * n.arctan(a), (M,)),
    "arctan2 and hypot": (lambda n, a, b: n.arctan2(a, b) * n.hypot(a, b), (M, N)),
    "hyperbolic functions": (lambda n, a: n.sinh(a) + n.cosh(a) * n.tanh(a), (M,)),
    "their inverses": (lambda n, a: n.arcsinh(a) + n.arccosh(1.5 + a * a) + n.arctanh(a / 4), (M,)),
    "exponentials": (lambda n, a: n.exp(a) + n.exp2(a) * n.expm1(a), (M,)),
    "logarithms": (lambda n, a: n.log(a) + n.log10(a) * n.log1p(a) + n.log2(a), (P,)),
    "logaddexp": (lambda n, a, b: n.logaddexp(a, b) + n.logaddexp2(a, b), (M, N)),
    "roots and powers": (lambda n, a: n.sqrt(a) + n.square(a) + n.power(a, 1.7) + a**-2, (P,)),
    "a power of an array": (lambda n, a, b: n.power(a, b), (P, M[:2, :3])),
    "degrees and radians": (
        lambda n, a: n.deg2rad(a) + n.degrees(a) + n.radians(n.rad2deg(a)),
        (M,),
    ),
    "remainder": (lambda n, a, b: n.remainder(a, b) + n.mod(a, b) + a % b, (M, P[0, 0] + N * N)),
    "true_divide and reciprocal": (
        lambda n, a, b: n.true_divide(a, b) + n.reciprocal(b),
        (M, 1 + N * N),
    ),
    "sinc": (lambda n, a: n.sinc(a), (M,)),
    "solve": (lambda n, a, b: n.linalg.solve(a, b), (POSITIVE, R(size=4))),
    "solve with several sides": (lambda n, a, b: n.linalg.solve(a, b), (POSITIVE, R(size=(4, 2)))),
    "inv": (lambda n, a: n.linalg.inv(a), (POSITIVE,)),
    "det": (lambda n, a: n.linalg.det(a), (POSITIVE,)),
    "cholesky": (lambda n, a: n.linalg.cholesky((a + a.T) / 2), (POSITIVE,)),
    "norm": (lambda n, a: n.linalg.norm(a), (M,)),
    "norm along an axis": (lambda n, a: n.linalg.norm(a, axis=1), (M,)),
}
NOT_ASKED = {
    "complex numbers, fft, real, imag, conj, angle": "a Value is a real number",
    "eig, eigh, svd, pinv, slogdet, other norms": "raise NumPyError, which says what to write",
    "gradient": "raises NumPyError: differences of slices",
    "int64(x), astype": "raise LostGradientError: the derivative would be lost",
    "r_, c_": "make an array of floats and objects; np.concatenate does the same",
    "make_diagonal, vspaces, boxes, check_grads, random": "are autograd's own",
    "cupy, gpu": "other arrays",
    "identical arguments of maximum": "half each here, as in autograd: test_numpy.py asks it",
}


def total(question: Callable[..., Any], module: Any, *arguments: Any) -> Any:
    """One number that depends on each element of the answer."""
    answer = question(module, *arguments)
    shape = np.shape(answer)
    if not shape:
        return answer
    weights = np.cos(1.0 + np.arange(np.prod(shape))).reshape(shape)
    return module.sum(answer * weights)


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_gradient_is_that_of_hips_autograd(name: str) -> None:
    question, arguments = QUESTIONS[name]
    places = tuple(range(len(arguments)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = autograd.grad(lambda *x: total(question, anp, *x), places)(*arguments)
        ours = mg.grad(lambda *x: total(question, np, *x), argnums=places)(*arguments)
        compiled = OneInNumPy(lambda *x: total(question, np, *x), "float64", 1, False)
        traced = compiled.value_and_grad(*arguments)[1]
    if len(arguments) == 1:
        ours, traced = (ours,), (traced,)
    for k, answer in enumerate(want):
        np.testing.assert_allclose(ours[k], answer, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(traced[k], answer, rtol=1e-9, atol=1e-12)


def test_what_is_not_asked_has_a_reason() -> None:
    assert all(NOT_ASKED.values())
