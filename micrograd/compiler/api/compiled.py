"""Compiled: a function that runs as native code, its gradients, and a look at every stage."""

import sys
from typing import Any

import numpy as np

from micrograd.annotations import Tree
from micrograd.caller import warn
from micrograd.compiler.api.arguments import Array
from micrograd.compiler.api.parameters import GRADIENT_OF, Theta
from micrograd.compiler.api.specialization import Gradient, Specialization
from micrograd.compiler.api.specializer import Specializer
from micrograd.compiler.api.stages import Stages
from micrograd.compiler.api.view import View
from micrograd.compiler.runtime.kernel import Call
from micrograd.compiler.trace.called import Shape
from micrograd.engine import Value, numbers_of, write_numbers
from micrograd.errors import ArgumentError
from micrograd.report import Report


class Compiled(Specializer):
    """A function in native code: `compile` runs one example per call, `vectorize` runs many.

    It is traced and compiled once for each structure and shape of its arguments; the newest 64 of
    these are kept. Arguments and results are numbers, arrays, and lists, tuples and dicts of them.
    Leaf Values that the function captures are its parameters: their numbers are read at each call.
    So the function must not read them in Python while it is traced, by `if w > 0` or `w.data`: that
    is a TraceError.

    Numbers are all that a Value takes (an int, a Fraction, a Decimal, ...), and arrays of these;
    anything else, complex and masked numbers too, is an ArgumentError at every call.

    >>> import micrograd as mg
    >>> w = Value(2.0, name="w")
    >>> f = mg.vectorize(lambda x: w * x)
    >>> f([1.0, 3.0])
    array([2., 6.])
    >>> f.value_and_grad([1.0, 3.0])
    (array([2., 6.]), array([2., 2.]))
    >>> f.backward([1.0, 3.0]), w.grad
    (4.0, 2.0)
    >>> f.unpack(f.pack() + 1.0)
    >>> f.parameters
    (Value(data=3.0, grad=2.0, name='w'),)
    >>> print(f.source("program"))
    program of x0[n, 1], w[1]
      %1[n, 1] = mul(w[0], x0[0])
      value = %1[0]
    >>> print(f.explain().splitlines()[0])
    <lambda>(x): 1 operation on scalars became 1 block
    """

    # The captured parameters.

    @property
    def parameters(self) -> tuple[Value, ...]:
        """The leaf Values that the function captures: weights first, in the order of the sums in
        which they occur; then all others, in order of first use. This is not the order in which
        they were made, nor that of `model.parameters()`: take arrays from `pack`, or name the
        parameters in a dict.

        Raises RuntimeError before the first call. A call on arguments of another shape may append
        further parameters; the index of a parameter never changes.
        """
        self._check_called()
        return self._captured.values

    def pack(self) -> Array:
        """The numbers of the parameters as one array, in the order of `parameters`.

        `gradient` and `unpack` take such an array, and cannot notice one in another order.

        >>> import micrograd as mg
        >>> slope, offset = Value(2.0), Value(1.0)
        >>> f = mg.vectorize(lambda x: offset + slope * x)
        >>> _ = f([1.0])
        >>> f.pack()
        array([2., 1.])
        """
        self._check_called()
        return self._captured.pack()

    def unpack(self, theta: Theta) -> None:
        """Writes `theta`, an array as `pack` gives it, back into the parameters.

        `theta` may also be a dict {parameter: number} of some of them. Raises ArgumentError, or
        ShapeError.
        """
        self._check_called()
        numbers = self._captured.numbers(theta, self)
        write_numbers(self._captured.values, numbers.tolist())

    def _check_called(self) -> None:
        if not self._cache.specializations:
            raise RuntimeError(
                f"the parameters of {self!r} are known once it was called: call it on an example "
                "first"
            )

    def _packed(self, it: Specialization) -> Array:
        if not it.parameters:
            return self._nothing
        return np.array(numbers_of(it.parameters), self.dtype)

    # Calls.

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        """The results, for each example.

        Raises ArgumentError for arguments that the function does not take, ShapeError if their
        shapes do not fit, and TraceError if the function cannot be compiled.
        """
        it, call = self.specialize(*args, **kwargs)
        it, (value,) = self.answers(it, "value", call, self._packed(it))
        return self._results(it, self.for_each(value, call.n), call)

    def value_and_grad(self, *args: Tree, **kwargs: Tree) -> tuple[Tree, Tree]:
        """The value and its gradient with respect to the arguments: a tuple, if there are several.

        Raises TypeError if the function does not return one number per example.
        """
        it, call = self.specialize(*args, **kwargs)
        it, (value, *gradients) = self.answers(it, "arguments", call, self._packed(it))
        shared = self.shared(it.structure)
        shaped = [
            self._total(x, shape, call.n)
            if k in shared
            else self._shaped(self.for_each(x, call.n), shape, call)
            for k, (x, shape) in enumerate(zip(gradients, it.shapes))
        ]
        gradient = tuple(shaped) if it.is_flat else it.arranged(shaped)
        value = self._results(it, self.for_each(value, call.n), call)
        return value, gradient[0] if len(gradient) == 1 else gradient

    def gradient(self, theta: Theta, *args: Tree, **kwargs: Tree) -> tuple[float, Tree]:
        """The mean over the examples and its gradient, at the parameters `theta`.

        `theta` is an array in the order of `parameters`, as `pack` returns it; or a dict of numbers
        by parameter; or a list of parameters, with their own numbers. The gradient has the
        structure of `theta`. An array in any other order cannot be noticed: a dict, which names the
        parameters, is safe. For no examples the mean is NaN and the gradient zero, with a
        RuntimeWarning. Raises the errors of `value_and_grad`, and ArgumentError for a list of
        several numbers.

        >>> import micrograd as mg
        >>> slope, offset = Value(2.0), Value(1.0)
        >>> f = mg.vectorize(lambda x: offset + slope * x)
        >>> mean, gradient = f.gradient([offset, slope], [1.0, 3.0])
        >>> mean, gradient
        (5.0, array([1., 2.]))
        >>> f.gradient({slope: 10.0}, [1.0, 3.0])[0]
        21.0
        >>> f.gradient(f.pack(), [1.0, 3.0])[1]
        array([2., 1.])
        """
        try:
            it, call = self.specialize(*args, **kwargs)
        except ArgumentError as error:
            raise ArgumentError(f"{error}. {GRADIENT_OF}") from None
        whole = self._captured.numbers(theta, self)
        it, mean, gradient = self._mean(it, call, whole[it.places])
        return mean, self._captured.like(theta, self._captured.whole(it.places, gradient))

    def backward(self, *args: Tree, **kwargs: Tree) -> float:
        """Returns the mean over the examples, and sets `grad` of the parameters to its gradient.

        Raises TypeError if the function does not return one number per example.
        """
        it, call = self.specialize(*args, **kwargs)
        it, mean, gradient = self._mean(it, call, self._packed(it))
        for parameter, x in zip(it.parameters, gradient.tolist()):
            parameter.grad = x
        return mean

    def _mean(self, it: Specialization, call: Call, theta: Array) -> Any:
        if call.n == 0:
            warn(f"{self!r} was called on no examples, and their mean is NaN", RuntimeWarning)
            return it, float("nan"), np.zeros(len(it.parameters), self.dtype)
        it, (mean, gradient) = self.answers(it, "parameters", call, theta, 1.0 / call.n)
        return it, mean, gradient

    # Views of the pipeline.

    def source(
        self, stage: str = "program", *args: Tree, gradient: Gradient | None = None, **kwargs: Tree
    ) -> Report:
        """The function at one stage: "trace", "paths" (of a function that asks questions, such as
        `if x > 0`), "program", "plan", "llvm", "assembly" or "c".

        It is the specialization for the arguments passed; without arguments, that of all calls so
        far, if there is only one. With `gradient`, "arguments" or "parameters", it is the program
        of the value and that gradient. Raises ValueError for another stage, ArgumentError if there
        are several specializations.
        """
        view = self._view(args, kwargs, gradient)
        names = [p.name or f"parameters[{k}]" for k, p in enumerate(self._captured.values)]
        return Report(view.source(stage, np.array(names, object)[view.it.places].tolist()))

    def explain(self, *args: Tree, gradient: Gradient | None = None, **kwargs: Tree) -> Report:
        """A report of what became of the scalars, with costs. See `source` for the arguments.

        It names long loops over a state by their lines, for which the function is called again.
        """
        return Report(self._view(args, kwargs, gradient).explain())

    def stages(self, *args: Tree, gradient: Gradient | None = None, **kwargs: Tree) -> Stages:
        """Which scalars became which block, array operation and loops: `micrograd.draw` shows it.

        See `source` for the arguments.

        >>> import micrograd as mg
        >>> f = mg.compile(lambda x, y: mg.tanh(x * y))
        >>> f.stages(1.0, 2.0).rows[0].block
        '%1 = 1 product'
        """
        return self._view(args, kwargs, gradient).stages()

    def _view(self, args: Any, kwargs: Any, gradient: Gradient | None) -> View:
        it, shared = self._viewed(args, kwargs)
        return View(self, self._function, it, shared, gradient, lanes=1 if self._single else 8)

    def _viewed(self, args: Any, kwargs: Any) -> tuple[Specialization, tuple[int, ...]]:
        """The specialization to show, and the inputs that all examples share."""
        if args or kwargs:
            it, call = self.specialize(*args, **kwargs)
            return it, call.shared
        self._check_called()
        known = [(it, shared) for it in self.specializations for shared in it.shared]
        if len(known) > 1:
            raise ArgumentError(
                f"{self!r} was called on arguments of {len(known)} structures or shapes; say which "
                "by an example of them: source(stage, *arguments), explain(*arguments)"
            )
        return known[0]

    def for_each(self, answer: Array | float, n: int) -> Array:
        """An answer of a kernel with one row per example, even if it is uniform.

        >>> import micrograd as mg
        >>> mg.vectorize(lambda x: x).for_each(np.array([1.0, 2.0]), 3)
        array([[1., 2.],
               [1., 2.],
               [1., 2.]])
        """
        rows = np.asarray(answer, self.dtype)
        return rows if rows.ndim == 2 else np.tile(rows.reshape(1, -1), (n, 1))

    def _total(self, sums: Array, shape: Shape, n: int) -> Any:
        """The gradient of a shared argument: the sum over the n examples."""
        total = sums if n else np.zeros(shape or (), self.dtype)
        return total.reshape(shape or ())[()]

    def _results(self, it: Specialization, value: Array, call: Call) -> Any:
        result = it.trace
        if it.is_single:
            return self._shaped(value, result.output_shapes[0], call)
        leaves, start = [], 0
        for shape in result.output_shapes:
            size = 1 if shape is None else int(np.prod(shape))
            leaves.append(self._shaped(value[:, start : start + size], shape, call))
            start += size
        return result.output_structure.build(iter(leaves))

    def __reduce__(self) -> Any:
        """Copies and pickles are compiled anew; a decorated function of a module is pickled by its
        name, as functions are."""
        name = getattr(self, "__qualname__", "")
        if getattr(sys.modules.get(self.__module__), name, None) is self:
            return name
        return type(self), (self._function, self.dtype, self.threads, self.exact)

    def __get__(self, instance: Any, owner: Any = None) -> "Compiled":
        if instance is None:
            return self
        name, verb = getattr(self, "__name__", "f"), "compile" if self._single else "vectorize"
        raise TypeError(
            f"{self!r} is an attribute of the class {owner.__name__}, whose objects differ: write, "
            f"in `__init__`, self.{name} = micrograd.{verb}(self.method); or staticmethod(...), "
            "for a function without `self`"
        )

    def _shaped(self, rows: Array, shape: Shape, call: Call) -> Any:
        """The rows of all examples in the shape that the caller gets."""
        raise NotImplementedError
