"""Tracer: a function, traced for each structure and shape of its arguments, and on more paths as
examples take them.
"""

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from micrograd.annotations import Function, Tree
from micrograd.compiler.api.arguments import (
    Array,
    check_names,
    converted,
    float_type,
    is_row,
    numbers,
    unlisted,
)
from micrograd.compiler.api.call_cache import CallCache
from micrograd.compiler.api.parameters import Parameters
from micrograd.compiler.api.sample import MOST, MOST_AT_ONCE, examples_of, first, sample
from micrograd.compiler.api.specialization import Specialization
from micrograd.compiler.llvm.level import check_level
from micrograd.compiler.runtime.building import collector_paused, one_builder
from micrograd.compiler.runtime.extension import layouts
from micrograd.compiler.runtime.kernel import Call
from micrograd.compiler.trace.called import Shape, trace
from micrograd.compiler.trace.columns import Examples, Rows
from micrograd.compiler.trace.errors import NotRolled
from micrograd.compiler.trace.known import Known
from micrograd.compiler.trace.merged import Merged
from micrograd.compiler.trace.paths import Groups, Paths
from micrograd.compiler.trace.questions import Questions
from micrograd.compiler.trace.recurrence import Loops
from micrograd.compiler.trace.trace import Trace
from micrograd.engine import Value
from micrograd.lazy import cached_property
from micrograd.structure import Structure, flatten


def _graph(known: Known, before: tuple[Value, ...] = ()) -> Trace:
    """All paths of a specialization as one graph; without outputs, if there are too many."""
    return known.paths.as_graph(before) if known.paths.are_many else Merged(known, before)


class Tracer:
    """A function and its specializations. Subclasses define what one example is."""

    _single: bool
    may_ask = True  # whether Python may ask for the truth of a condition, or for an integer

    def __init__(self, function: Function, dtype: DTypeLike, threads: int, exact: bool) -> None:
        if not callable(function):
            raise TypeError(f"expected a function to compile, got {type(function).__name__}")
        check_level()
        self.dtype = float_type(dtype)
        if not hasattr(threads, "__index__"):
            raise TypeError(f"threads must be a whole number, got {threads!r}")
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        if exact and self.dtype != np.float64:
            raise ValueError(
                "exact=True gives the bits of Values, so dtype must be float64, got "
                f"{self.dtype}. Leave out one of the two"
            )
        self.threads, self.exact = threads, exact
        self._function = function
        self._cache = CallCache()
        self._captured = Parameters(self.dtype)
        self._nothing = np.zeros(0, self.dtype)  # the parameters of a function without any
        made: Any = self
        update_wrapper(made, function, updated=())

    @property
    def specializations(self) -> tuple[Specialization, ...]:
        """The specializations for all structures and shapes of arguments, the oldest first."""
        return tuple(self._cache.specializations.values())

    def specialize(self, *args: Tree, **kwargs: Tree) -> tuple[Specialization, Call]:
        """The specialization for these arguments, and the arguments as its kernels take them.

        >>> import micrograd as mg
        >>> f = mg.compile(lambda x: mg.sum(x * x))
        >>> it, call = f.specialize(np.array([1.0, 2.0]))
        >>> it.shapes, call.n
        ([(2,)], 1)
        >>> (value,), has_nan = f.kernel(it, "value")(call, np.zeros(0), seed=1.0)
        >>> value
        array([[5.]])
        """
        key = None
        if args and not kwargs:
            key = self._key(*args)
            if key not in self._cache.by_layout:
                args = converted(args, self.dtype)
                key = self._key(*args)
            it = self._cache.by_layout.get(key)
            if it is not None:
                return it, self._call_of(args)  # type: ignore[arg-type]
        tree = self._arranged(args), kwargs and self._arranged(kwargs)
        leaves, structure = flatten(tree, lambda part: is_row(part) and part is not tree[0])
        arrays = [numbers(unlisted(leaf), self.dtype, self) for leaf in leaves]
        it, call, settled = self._fitted(structure, arrays)
        call.share(it.sizes)
        as_they_are = len(args) == len(arrays) and all(a is b for a, b in zip(args, call.inputs))
        if key is not None and settled and as_they_are:
            self._cache.by_layout.keep(key, it)
        return it, call

    @cached_property
    def _key(self) -> Callable[..., bytes | None]:
        """Identifies the layout of arrays that need no conversion: see `layouts`."""
        return layouts(self._single) if self._takes_quick_calls() else lambda *_: None

    def _traced_for(
        self, structure: Structure, shapes: list[Shape], call: Callable[[], Call]
    ) -> Specialization:
        """The specialization for this structure and these shapes; traced, if it is new. `call`
        gives the examples, for functions that ask questions.

        No lock is held while the function is traced: it may wait for a thread that compiles.
        """
        it = self._cache.specializations.get((structure, tuple(shapes)))
        if it is None:
            check_names(self._function, structure, self)
            with collector_paused():
                result = self._traced(structure, shapes, call)
            it = self._kept(structure, shapes, result, call)
        return it

    def _traced(self, structure: Structure, shapes: list[Shape], call: Callable[[], Call]) -> Trace:
        """The graph, with as many loops as can be. Those of a function that asks questions are
        written out, as each trip may have another answer."""

        def traced(loops: Loops) -> Trace:
            questions = Questions(partial(first, call, shapes)) if self.may_ask else None
            return trace(self._function, structure, shapes, False, questions, loops=loops)

        some: list[Loops] = [""] if self.exact else ["everywhere", "values", "written"]
        for loops in some[:-1]:
            try:
                result = traced(loops)
            except NotRolled:
                continue
            asked = result.questions is not None and result.questions.asked
            if not (asked and result.has_loops):
                return result
            break
        return traced(some[-1])

    def unrolled(self, it: Specialization) -> Trace:
        """The graph of a specialization, with each trip of its loops written out."""
        if it.trace.has_loops and it.unrolled is None:
            with collector_paused():
                graph = trace(self._function, it.structure, it.shapes)
            graph.order_parameters(it.parameters)
            it.unrolled = graph
        return it.unrolled or it.trace

    def _kept(
        self, structure: Structure, shapes: list[Shape], result: Trace, call: Callable[[], Call]
    ) -> Specialization:
        if result.questions is None or not result.questions.asked:
            result.questions = None  # which holds the arguments
            return self._specialization(structure, shapes, result)
        paths = Paths(self._function, structure, shapes, result.numbers_only, one_builder)
        rows = sample(call().n)
        examples = examples_of(call(), shapes, rows)
        with collector_paused():
            paths.start(result)
            result.questions = None
            paths.explore([(paths.root, np.arange(len(rows)))], examples)
            if paths.are_many:  # more than can be found in so few
                rows = np.arange(min(call().n, MOST_AT_ONCE))
                examples = examples_of(call(), shapes, rows)
                paths.explore([(paths.root, rows)], examples)
            known = Known(paths)
            graph = _graph(known)
        return self._specialization(structure, shapes, graph, known)

    def _specialization(
        self, structure: Structure, shapes: list[Shape], graph: Trace, known: Known | None = None
    ) -> Specialization:
        parameters = tuple(graph.parameters)
        with one_builder():
            places = self._captured.meet(parameters)
        it = Specialization(structure, shapes, graph, parameters, places, known)
        return self._cache.specializations.keep((structure, tuple(shapes)), it)

    def explored(
        self, it: Specialization, call: Call, theta: Array, path: Array | float
    ) -> Specialization:
        """A specialization that knows the paths of these examples; `it`, if it knows them all.

        `path` has a negative number for each example on an unknown path, as `Merged` says.
        """
        known = it.known
        assert known is not None
        path = np.broadcast_to(np.ravel(path), (call.n,))
        rows = np.flatnonzero(path < 0)[:MOST]
        if not len(rows):
            return it
        given = dict(zip(it.parameters, theta.tolist()))
        numbers = path[rows].astype(np.int64)
        places = [
            (known.unknown[-1 - k], np.flatnonzero(numbers == k))
            for k in np.unique(numbers).tolist()
        ]
        with collector_paused():
            known.paths.explore(places, examples_of(call, it.shapes, rows, given))
            with one_builder():
                return self.renewed(it, known.paths)

    def explored_apart(
        self, it: Specialization, call: Call, theta: Array, rows: Rows
    ) -> tuple[Specialization, Groups, Examples]:
        """These examples of a call by path, and a specialization with the parameters of all paths;
        its kernels may know fewer paths."""
        paths = it.paths
        assert paths is not None
        examples = examples_of(call, it.shapes, rows, dict(zip(it.parameters, theta.tolist())))
        with collector_paused():
            groups = paths.explore([(paths.root, np.arange(len(rows)))], examples, exact=True)
            if len(paths.graph.met) > len(it.parameters):
                with one_builder():
                    it = self.renewed(it, paths)
        return it, groups, examples

    def renewed(self, it: Specialization, paths: Paths) -> Specialization:
        """The specialization of all paths that are known now."""
        newest = self._cache.specializations.get((it.structure, tuple(it.shapes)), it)
        if newest.paths is not paths:  # it was dropped from the cache
            newest = it
        if newest.known is not None and newest.known.count == paths.count:
            return newest
        known = Known(paths)
        graph = _graph(known, newest.parameters)
        places = self._captured.meet(graph.parameters)
        new = Specialization(it.structure, it.shapes, graph, graph.parameters, places, known)
        self._cache.replace(newest, new)
        return new

    def _arranged(self, tree: Any) -> Any:
        """The arguments as a structure of numbers and arrays."""
        return tree

    def __repr__(self) -> str:
        name = getattr(self._function, "__name__", repr(self._function))
        return f"<{'compiled' if self._single else 'vectorized'} {name}>"

    # What one example is.

    def shared(self, structure: Structure) -> tuple[int, ...]:
        """The indices of the argument leaves that the user declared shared: their gradient is the
        sum over the examples."""
        return ()

    def _takes_quick_calls(self) -> bool:
        """Whether arrays with a known key need no further look."""
        return True

    def _call_of(self, args: tuple[Array, ...]) -> Call:
        """The call on arrays that need no conversion."""
        raise NotImplementedError

    def _fitted(
        self, structure: Structure, arrays: list[Array]
    ) -> tuple[Specialization, Call, bool]:
        """The specialization for these arrays, the call, and whether the key of the arrays
        determines it."""
        raise NotImplementedError
