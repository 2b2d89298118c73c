"""Own paths: each example evaluates its conditions first, and computes only its own path.

There is machine code for some paths: all of them as branches, or frequent ones in lanes and the
others as branches. A path without machine code is computed in NumPy, and compiled at a later call.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from micrograd.annotations import Result
from micrograd.compiler.api import apart
from micrograd.compiler.api.arguments import Array
from micrograd.compiler.api.sample import examples_of
from micrograd.compiler.api.specialization import Answer, Specialization
from micrograd.compiler.api.tracer import Tracer
from micrograd.compiler.api.ways import ALL_LANES, NO_LANES, Way, choose
from micrograd.compiler.program import fingerprint
from micrograd.compiler.program.branching import Tree
from micrograd.compiler.program.ir import Branches, Program
from micrograd.compiler.program.of_paths import tree_program
from micrograd.compiler.program.verify import checked
from micrograd.compiler.runtime.building import collector_paused, one_builder
from micrograd.compiler.runtime.kernel import Call, Kernel
from micrograd.compiler.runtime.native_kernel import NativeKernel
from micrograd.compiler.runtime.numpy_kernel import NumPyKernel
from micrograd.compiler.trace import taken
from micrograd.compiler.trace.trace import Trace
from micrograd.engine import numbers_of

try:
    import llvmlite
except ImportError:  # then programs run in NumPy
    llvmlite = vector_bytes = None
else:  # all that a first call needs: a fork waits for this import, not for one within a call
    from micrograd.compiler.llvm.target import vector_bytes


def completed(theta: Array, it: Specialization) -> Array:
    """The numbers of all parameters of `it`; those that are new have their own."""
    if len(theta) == len(it.parameters):
        return theta
    new = numbers_of(it.parameters[len(theta) :])
    return np.concatenate([theta, np.array(new, theta.dtype)])


def no_gradient(result: Trace, function: Any) -> TypeError:
    returned = f"{len(result.outputs)} numbers"
    instead = "compile micrograd.jacobian(f)"
    if result.output_shapes and len(result.output_shapes) == 1:
        returned = f"an array of shape {result.output_shapes[0]}"
        instead = "return its one element, as in result[0]"
    return TypeError(
        f"only a function that returns one number has a gradient; {function!r} returns {returned}. "
        f"Instead, {instead}"
    )


def _trees(program: Program) -> list[Tree]:
    return [i.tree for i in program.instructions if isinstance(i, Branches)]


def _calls_python_in_tree(program: Program) -> bool:
    """Whether an example may call Python on its path, which machine code cannot do."""
    return any(op.opaque for tree in _trees(program) for op, _ in tree.nodes)


class OwnPaths(Tracer):
    """The answers of functions whose examples do not all run in lanes."""

    _single: bool

    def kernel(
        self, it: Specialization, answer: Answer = "value", shared: tuple[int, ...] = (),
        guarded: bool = False,
    ) -> Kernel:  # fmt: skip
        raise NotImplementedError

    def way(self, it: Specialization, answer: Answer) -> Way:
        """How the paths of a function are computed for an answer."""
        if it.known is None or answer in ("roots", "indices"):
            return ALL_LANES
        if it.has_no_lanes:
            return NO_LANES
        way = it.ways.get(answer)
        if way is None:
            way = ALL_LANES
            if vector_bytes is not None and not it.takes:
                width = 1 if self._single else vector_bytes() // self.dtype.itemsize
                in_parts = answer != "parameters" and not self.shared(it.structure)
                way = choose(it.known, answer != "value", width, in_parts)
            it.ways[answer] = way
        return way

    def branches(self, it: Specialization, answer: Answer, shared: tuple[int, ...] = ()) -> Program:
        """The program in which each example computes its own path."""
        assert it.known is not None
        assert answer not in ("roots", "indices")
        summed = self.shared(it.structure)
        return checked(tree_program(it.known, it.parameters, answer, shared, summed))

    def kernel_of(
        self, program: Program, made: Callable[[], Program] | None = None, how: str = ""
    ) -> Kernel:
        """The kernel of `program`, or of the program that `made` derives from it; `how` identifies
        the derivation in the disk cache."""
        make = made or (lambda: program)
        exact = self.exact or (bool(_trees(program)) and self.dtype == np.float64)
        if llvmlite is None or _calls_python_in_tree(program):
            return NumPyKernel(make(), self.dtype, exact)
        known = fingerprint.of_program(program)
        key = None if known is None else (known, how)
        return NativeKernel(make, key, self.dtype, self.threads, exact, self._single)

    def answers_of_own_paths(
        self, it: Specialization, answer: Answer, call: Call, theta: Array, seed: float
    ) -> tuple[Specialization, list[Result]]:
        """The answers. Each example is computed by the first of these that has its path: lanes,
        branches, NumPy."""
        assert it.known is not None
        paths = it.known.paths
        due = paths.debt + apart.cost(min(paths.count, call.n), call.n) > apart.price(paths)
        due |= not paths.are_many
        if due and it.known.count < paths.count:
            it, paths.debt = self.renewed(it, paths), 0.0
            theta = completed(theta, it)
        in_parts = answer != "parameters" and not self.shared(it.structure)
        lost, answers = np.arange(call.n), list[Any]()
        for kernel in self._kernels(it, answer, call.shared, due):
            part = call if len(lost) == call.n else call.of(lost)
            found, nan = kernel(part, theta, seed)
            if it.takes:
                taken.check_on_paths(paths, self._examples(it, part, theta), lost, exact=True)
            if in_parts:
                found = [np.broadcast_to(x, (part.n, np.shape(x)[-1])) for x in found]
            answers = _placed(answers, found, lost)
            if not nan or (self.way(it, answer) is NO_LANES and not it.may_be_unknown):
                return it, answers
            if in_parts:
                lost = lost[np.any([np.isnan(x).any(axis=1) for x in found], axis=0)]
        it, found = self._apart(it, answer, call, theta, seed, lost)
        return it, _placed(answers if len(lost) < call.n else [], found, lost)

    def _kernels(
        self, it: Specialization, answer: Answer, shared: tuple[int, ...], due: bool
    ) -> Iterator[Kernel]:
        """The kernels of the known paths. One that is not compiled yet is left out, unless it is
        due."""
        if due or (answer, False, shared) in it.kernels:
            yield self.kernel(it, answer, shared)
        if self.way(it, answer).has_lanes:
            yield self._rest(it, answer, shared)

    def _rest(self, it: Specialization, answer: Answer, shared: tuple[int, ...]) -> Kernel:
        """The kernel of the examples whose paths are not in the lanes."""
        key = answer, shared
        kernel = it.rest.get(key)
        if kernel is None:
            with one_builder(), collector_paused():
                kernel = it.rest.get(key)
                if kernel is None:
                    program = self.branches(it, answer, shared)
                    kernel = it.rest[key] = self.kernel_of(program)
        return kernel

    def _examples(self, it: Specialization, call: Call, theta: Array) -> Any:
        given = dict(zip(it.parameters, theta.tolist()))
        return examples_of(call, it.shapes, np.arange(call.n), given)

    def _apart(
        self, it: Specialization, answer: Answer, call: Call, theta: Array, seed: float, rows: Any
    ) -> tuple[Specialization, list[Any]]:
        """The answers for some examples, each path in NumPy."""
        if answer != "value" and it.trace.output_shapes != [None]:
            raise no_gradient(it.trace, self)
        it, groups, examples = self.explored_apart(it, call, theta, rows)
        assert it.paths is not None
        it.paths.debt += apart.cost(len(groups), len(rows))
        if it.takes:
            taken.check_on_paths(it.paths, examples, rows, exact=True)
        found = apart.answers(it, groups, examples, answer, seed)
        if answer == "arguments":
            for k in self.shared(it.structure):
                found[1 + k] = found[1 + k].sum(axis=0)
        return it, [x if isinstance(x, float) else x.astype(self.dtype) for x in found]


def _placed(answers: list[Any], found: list[Any], rows: Any) -> list[Any]:
    """The answers, with what was found for some examples."""
    if not answers:
        return [x if isinstance(x, float) or x.flags.writeable else x.copy() for x in found]
    for whole, part in zip(answers, found):
        whole[rows] = part
    return answers
