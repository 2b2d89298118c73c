"""Specializer: a function, traced and compiled for each structure and shape of its arguments."""

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from micrograd import ops
from micrograd.caller import warn
from micrograd.compiler.api.arguments import Array, check_names, float_type, numbers
from micrograd.compiler.api.call_cache import CallCache
from micrograd.compiler.api.parameters import Parameters
from micrograd.compiler.api.specialization import Answer, Specialization
from micrograd.compiler.llvm.level import check_level
from micrograd.compiler.program import fingerprint
from micrograd.compiler.program.adjoint import add_adjoint
from micrograd.compiler.program.exact_adjoint import exact_program
from micrograd.compiler.program.ir import Map, Program
from micrograd.compiler.program.roll import roll
from micrograd.compiler.program.verify import checked
from micrograd.compiler.runtime.building import collector_paused, one_builder
from micrograd.compiler.runtime.extension import layouts
from micrograd.compiler.runtime.kernel import Call, Kernel
from micrograd.compiler.runtime.native_kernel import NativeKernel
from micrograd.compiler.runtime.numpy_kernel import NumPyKernel
from micrograd.compiler.trace.trace import Shape, Trace, trace
from micrograd.errors import ConvergenceWarning
from micrograd.structure import Structure, flatten

try:
    import llvmlite
except ImportError:  # then programs run in NumPy
    llvmlite = None


def _mended(x: Any, y: Any) -> Any:
    """x, with NaN replaced by y."""
    if x.__class__ is float:
        return y if x != x else x
    return np.where(np.isnan(x), y, x)


def _no_gradient(result: Trace, function: Any) -> TypeError:
    returned = f"{len(result.outputs)} numbers"
    instead = "compile micrograd.jacobian(f)"
    if len(result.outputs) == 1:
        returned = f"an array of shape {result.output_shapes[0]}"
        instead = "return its one element, as in result[0]"
    return TypeError(
        f"only a function that returns one number has a gradient; {function!r} returns {returned}. "
        f"Instead, {instead}"
    )


class Specializer:
    """A function and its compiled specializations. Subclasses define what one example is."""

    _single: bool

    def __init__(
        self, function: Callable[..., Any], dtype: DTypeLike, threads: int, exact: bool
    ) -> None:
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
        made: Any = self
        update_wrapper(made, function, updated=())

    @property
    def specializations(self) -> tuple[Specialization, ...]:
        """What is compiled, for each structure and shapes of arguments, oldest first."""
        return tuple(self._cache.specializations.values())

    def specialize(self, *args: Any, **kwargs: Any) -> tuple[Specialization, Call]:
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
            it = self._cache.by_layout.get(key)
            if it is not None:
                return it, self._call_of(args)
        leaves, structure = flatten((self._arranged(args), kwargs and self._arranged(kwargs)))
        arrays = [numbers(leaf, self.dtype, self) for leaf in leaves]
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

    def _traced_for(self, structure: Structure, shapes: list[Shape]) -> Specialization:
        """The specialization for this structure and these shapes; traced, if it is new.

        No lock is held while the function is traced: it may wait for a thread that compiles.
        """
        it = self._cache.specializations.get((structure, tuple(shapes)))
        if it is None:
            check_names(self._function, structure, self)
            with collector_paused():
                traced = trace(self._function, structure, shapes)
            it = self._kept(structure, shapes, traced)
        return it

    def _kept(self, structure: Structure, shapes: list[Shape], result: Trace) -> Specialization:
        parameters = tuple(result.parameters)
        with one_builder():
            places = self._captured.meet(parameters)
        it = Specialization(structure, shapes, result, parameters, places)
        return self._cache.specializations.keep((structure, tuple(shapes)), it)

    def _arranged(self, tree: Any) -> Any:
        """The arguments as a structure of numbers and arrays."""
        return tree

    def kernel(
        self,
        it: Specialization,
        answer: Answer = "value",
        shared: tuple[int, ...] = (),
        guarded: bool = False,
    ) -> Kernel:
        """The kernel of a specialization for an answer, compiled at its first use.

        `shared` lists the inputs that are the same for all examples, as `call.shared` does. A
        guarded kernel passes no gradient on where it is zero, which avoids a NaN from 0 * inf.
        Raises TypeError for the gradient of a function that returns more than one number.
        """
        key = answer, guarded, shared
        kernel = it.kernels.get(key)
        if kernel is None:
            with one_builder(), collector_paused():
                kernel = it.kernels.get(key)
                if kernel is None:
                    kernel = it.kernels[key] = self._build(it, *key)
        return kernel

    def _build(
        self, it: Specialization, answer: Answer, guarded: bool, shared: tuple[int, ...]
    ) -> Kernel:
        if answer == "roots":
            return self.kernel_of(
                checked(roll(it.trace, {"value": [*it.roots]}, self.exact, shared))
            )
        if answer != "value" and it.trace.output_shapes != [None]:
            raise _no_gradient(it.trace, self)
        if self.exact and answer != "value":
            summed = self.shared(it.structure)
            exactly = exact_program(it.trace, answer == "arguments", shared, summed)
            return self.kernel_of(checked(exactly))
        program = checked(roll(it.trace, exact=self.exact, shared=shared, guarded=guarded))
        if answer == "value":
            return self.kernel_of(program)

        def differentiated() -> Program:
            add_adjoint(program, answer == "arguments", guarded, summed)
            return checked(program)

        summed = self.shared(it.structure)
        how = f"gradient of {answer}, {guarded=}, {summed=}"
        return self.kernel_of(program, differentiated, how)

    def program(self, it: Specialization, answer: Answer, shared: tuple[int, ...] = ()) -> Program:
        """The program of a kernel, with guards if it has branches. For C, which cannot retry."""
        summed = self.shared(it.structure)
        if self.exact and answer != "value":
            return checked(exact_program(it.trace, answer == "arguments", shared, summed))
        for guarded in (False, True):
            program = roll(it.trace, exact=self.exact, shared=shared, guarded=guarded)
            if answer != "value":
                add_adjoint(program, answer == "arguments", guarded, summed)
            if not any(isinstance(i, Map) and i.op is ops.where for i in program.instructions):
                break
        return checked(program)

    def answers(
        self, it: Specialization, answer: Answer, call: Call, theta: Array, seed: float = 1.0
    ) -> list[Any]:
        """The value and gradients. After a NaN, which may be 0 * inf, retries with guards."""
        if call.n == 0 and answer == "arguments":
            self.kernel(it, answer, call.shared)  # raises, if there is no gradient
            return [np.zeros((0, size), self.dtype) for size in (1, *it.sizes)]
        answers, nan = self.kernel(it, answer, call.shared)(call, theta, seed)
        if it.roots and np.isnan(answers[0]).any():
            self._warn_of_roots(it, call, theta)
        if nan and not self.exact:
            guarded, _ = self.kernel(it, answer, call.shared, guarded=True)(call, theta, seed)
            return [_mended(x, y) for x, y in zip(answers, guarded)]
        return answers

    def _warn_of_roots(self, it: Specialization, call: Call, theta: Array) -> None:
        """Counts the examples in which an iteration did not converge."""
        (roots,), _ = self.kernel(it, "roots", call.shared)(call, theta, 1.0)
        rows = np.atleast_2d(roots)
        if count := np.isnan(rows).any(axis=1).sum():
            examples = f"{count} of {call.n} examples" if len(rows) == call.n else "any example"
            warn(f"root did not converge for {examples}: it is NaN there", ConvergenceWarning)

    def kernel_of(
        self, program: Program, made: Callable[[], Program] | None = None, how: str = ""
    ) -> Kernel:
        """The kernel of `program`, or of the program that `made` derives from it; `how` identifies
        the derivation in the disk cache."""
        make = made or (lambda: program)
        if llvmlite is None:
            return NumPyKernel(make(), self.dtype, self.exact)
        known = fingerprint.of_program(program)
        key = None if known is None else (known, how)
        return NativeKernel(make, key, self.dtype, self.threads, self.exact, self._single)

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
