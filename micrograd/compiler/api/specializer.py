"""Specializer: the kernels of a traced function, and their answers."""

from typing import Any

import numpy as np

from micrograd import ops
from micrograd.annotations import Result
from micrograd.caller import warn
from micrograd.compiler.api.arguments import Array
from micrograd.compiler.api.own_paths import OwnPaths, completed, no_gradient
from micrograd.compiler.api.sample import examples_of
from micrograd.compiler.api.specialization import Answer, Specialization
from micrograd.compiler.api.ways import ALL_LANES
from micrograd.compiler.program.adjoint import add_adjoint
from micrograd.compiler.program.exact_adjoint import exact_program
from micrograd.compiler.program.ir import Map, Program
from micrograd.compiler.program.roll import roll
from micrograd.compiler.program.verify import checked
from micrograd.compiler.runtime.building import collector_paused, one_builder
from micrograd.compiler.runtime.kernel import Call, Kernel
from micrograd.compiler.trace import taken
from micrograd.compiler.trace.merged import Merged
from micrograd.errors import ConvergenceWarning


def _mended(answers: list[Any], guarded: list[Any]) -> list[Any]:
    """The answers, with NaN replaced by what is guarded. Where a value is NaN, all gradients of the
    example are replaced: the comparisons of their formulas may have hidden a NaN."""
    value, *gradients = answers
    lost = np.isnan(value).reshape(-1, np.shape(value)[-1] if np.ndim(value) else 1)
    lost = lost.any(axis=1, keepdims=True)
    whole = [lost if np.ndim(x) == 2 else lost.any() for x in gradients]
    return [_replaced(*each) for each in zip(answers, guarded, [False, *whole])]


def _replaced(x: Any, y: Any, whole: Any) -> Any:
    """x, with y where it is NaN, and where it is to be replaced as a whole."""
    if x.__class__ is float:
        return y if x != x else x
    return np.where(np.isnan(x) | whole, y, x)


class Specializer(OwnPaths):
    """A function, traced and compiled for each structure and shape of its arguments."""

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
        if answer in ("arguments", "parameters") and it.trace.output_shapes != [None]:
            raise no_gradient(it.trace, self)
        way = self.way(it, answer)
        if not way.has_lanes:
            return self.kernel_of(self.branches(it, answer, shared))
        if answer in ("roots", "indices"):
            takes = taken.takes_of(it.trace)
            found = it.roots if answer == "roots" else [x.operands[-1] for x in takes]
            return self.kernel_of(checked(roll(it.trace, {"value": [*found]}, self.exact, shared)))
        graph = it.trace
        if way.rare and it.known is not None:
            graph = Merged(it.known.without(it.known.rare(way.rare)), it.parameters)
        if self.exact and answer != "value":
            summed = self.shared(it.structure)
            exactly = exact_program(graph, answer == "arguments", shared, summed, guarded)
            return self.kernel_of(checked(exactly))
        outputs = {"value": graph.outputs}
        if guarded and graph.path is not None:
            outputs["path"] = [graph.path]
        program = checked(roll(graph, outputs, exact=self.exact, shared=shared, guarded=guarded))
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
        if not self.way(it, answer).has_lanes:
            return self.branches(it, answer, shared)
        summed = self.shared(it.structure)
        graph = it.trace
        if self.exact and answer != "value":
            return checked(exact_program(graph, answer == "arguments", shared, summed))
        for guarded in (False, True):
            program = roll(graph, exact=self.exact, shared=shared, guarded=guarded)
            if answer != "value":
                add_adjoint(program, answer == "arguments", guarded, summed)
            choices = program.computations
            if not any(isinstance(i, Map) and i.op is ops.where for i in choices):
                break
        return checked(program)

    def answers(
        self, it: Specialization, answer: Answer, call: Call, theta: Array, seed: float = 1.0
    ) -> tuple[Specialization, list[Result]]:
        """The value and gradients; and the specialization, which is another one if the examples
        took unknown paths. Its parameters begin with those of `it`.

        After a NaN, which may be 0 * inf or an unknown path, retries with guards.
        """
        if call.n == 0 and answer == "arguments":
            self.kernel(it, answer, call.shared)  # raises, if there is no gradient
            return it, [np.zeros((0, size), self.dtype) for size in (1, *it.sizes)]
        it, answers = self._answers(it, answer, call, theta, seed)
        if it.roots and np.isnan(answers[0]).any():
            self._warn_of_roots(it, call, completed(theta, it), answers[0])
        return it, answers

    def _answers(
        self, it: Specialization, answer: Answer, call: Call, theta: Array, seed: float
    ) -> tuple[Specialization, list[Result]]:
        while True:
            theta = completed(theta, it)
            if self.way(it, answer) is not ALL_LANES:
                return self.answers_of_own_paths(it, answer, call, theta, seed)
            answers, nan = self.kernel(it, answer, call.shared)(call, theta, seed)
            if it.takes and (it.hides_takes or np.isnan(answers[0]).any()):
                self._check_indices(it, call, theta)
            if not nan or (self.exact and not it.may_be_unknown):
                return it, answers
            kernel = self.kernel(it, answer, call.shared, guarded=True)
            (value, *guarded), _ = kernel(call, theta, seed)
            known = it
            if it.trace.path is not None:
                it = self.explored(it, call, theta, guarded.pop(0))
            if it is known:
                return it, _mended(answers, [value, *guarded])

    def _check_indices(self, it: Specialization, call: Call, theta: Array) -> None:
        """Raises IndexError, as the engine does, if an index of `take` is out of range."""
        (found,), _ = self.kernel(it, "indices", call.shared)(call, theta, 1.0)
        indices = np.atleast_2d(found)
        rows = taken.rows_outside(it.trace, indices)
        if it.paths is None:
            taken.check(it.trace, indices)
        elif len(rows):  # perhaps not on the paths of these examples
            rows = rows if len(indices) == call.n else np.arange(call.n)
            given = dict(zip(it.parameters, theta.tolist()))
            examples = examples_of(call, it.shapes, rows, given)
            taken.check_on_paths(it.paths, examples, rows, self.exact)

    def _warn_of_roots(self, it: Specialization, call: Call, theta: Array, value: Any) -> None:
        """Warns of the examples in which an iteration did not converge on their own path."""
        (roots,), _ = self.kernel(it, "roots", call.shared)(call, theta, 1.0)
        rows = np.atleast_2d(roots)
        lost = np.isnan(rows).any(axis=1)
        if np.ndim(value) == 2 and len(value) == len(rows):
            lost &= np.isnan(value).any(axis=1)
        if count := lost.sum():
            examples = f"{count} of {call.n} examples" if len(rows) == call.n else "any example"
            found = {node.op.name for node in it.roots if node.op}
            what = "root" if "newton" in found else ", ".join(sorted(found))
            warn(f"{what} did not converge for {examples}: it is NaN there", ConvergenceWarning)
