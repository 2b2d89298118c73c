"""Derivatives: a function of the unknowns, and the derivatives that searches need, in native code.

Each derivative is compiled when it is first needed. If the user passes a compiled function
(`mg.compile(f)`), its derivatives are kept for the next search.
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from micrograd import ops
from micrograd.annotations import Function
from micrograd.calculus import hessian, hvp, value_and_grad
from micrograd.compiler.api.arguments import Array
from micrograd.compiler.api.compiled import Compiled
from micrograd.compiler.api.function import compile
from micrograd.fitting.matrices import Derivatives
from micrograd.fitting.unknowns import Unknowns
from micrograd.lazy import cached_property

# Operations whose derivatives jump, or are zero nearly everywhere.
KINKED = {
    "abs", "maximum", "minimum", "relu", "leaky_relu", "elu", "clip", "where", "sign", "floor",
    "ceil", "round", "mod", "fmod", "floor_divide", "take",
}  # fmt: skip

_kept: WeakKeyDictionary[Compiled, dict[Any, Any]] = WeakKeyDictionary()


def kept(f: Function, kind: type, unknowns: Unknowns) -> Any:
    """`kind(f, unknowns)`. If `f` is compiled, the same object for the same kind and unknowns."""
    if not isinstance(f, Compiled):
        return kind(f, unknowns)
    known, key = _kept.setdefault(f, {}), (kind, unknowns.key)
    if key not in known:
        known[key] = kind(f.__wrapped__, unknowns)  # type: ignore[attr-defined]
    return known[key]


class Objective:
    """A function of the vector of unknowns and other arguments, which returns one number."""

    def __init__(self, f: Function, unknowns: Unknowns) -> None:
        self._f = unknowns.of_vector(f)
        self._one = compile(self._f)

    @cached_property
    def _by_unknowns(self) -> Function:
        return compile(value_and_grad(self._f, argnums=0))

    def value_and_gradient(self, x: Array, *args: Any) -> tuple[float, Array]:
        return self._by_unknowns(x, *args) if args else self._one.value_and_grad(x)

    @cached_property
    def hessian(self) -> Derivatives:
        return Derivatives(self._f, order=2)

    @cached_property
    def _product(self) -> Function:
        def product(x: Array, p: Array, *args: Any) -> Any:
            return hvp(lambda y: self._f(y, *args))(x, p)

        return compile(product)

    def product(self, x: Array, p: Array, *args: Any) -> Array:
        """The Hessian times p."""
        if self.hessian.by_rows(x, *args):
            return self.hessian.matrix(x, *args).times(p)
        return self._product(x, p, *args)

    def is_smooth(self, x: Array, *args: Any) -> bool:
        """Whether it has second derivatives everywhere."""
        it, _ = self._one.specialize(x, *args)
        graph = self._one.unrolled(it)
        names = {node.op.name for node in graph.computed(graph.outputs) if node.op}
        return it.paths is None and names.isdisjoint(KINKED)


class Results(Derivatives):
    """A function that returns several numbers, in one vector."""

    def __init__(self, f: Function, unknowns: Unknowns) -> None:
        super().__init__(unknowns.results_of(f))

    @cached_property
    def weighted_hessian(self) -> Callable[..., Array]:
        """`weighted_hessian(x, v, *args)`: the sum of `v[k]` times the Hessian of result k."""

        def weighted(x: Array, v: Array, *args: Any) -> Any:
            return ops.sum(*[w * y for w, y in zip(v, self._f(x, *args))])

        return compile(hessian(weighted, argnums=0))
