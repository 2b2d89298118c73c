"""View: a compiled function, as text and as a table, at each stage of the pipeline."""

from dataclasses import dataclass
from typing import Any

from micrograd.compiler.api import source
from micrograd.compiler.api.explain import Page, page
from micrograd.compiler.api.loop_report import loops
from micrograd.compiler.api.path_report import drawn, summary
from micrograd.compiler.api.specialization import Answer, Gradient, Specialization
from micrograd.compiler.api.specializer import Specializer
from micrograd.compiler.api.stages import Stages, stages
from micrograd.compiler.runtime.kernel import Kernel


@dataclass(frozen=True)
class View:
    """One program of a compiled function: for some arguments, and with a gradient or without."""

    compiled: Specializer
    function: Any
    it: Specialization
    shared: tuple[int, ...]  # the inputs that are the same for all examples
    gradient: Gradient | None
    lanes: int  # in C, and in plans of programs that run in NumPy

    def source(self, stage: str, parameters: list[str]) -> str:
        """The program at one stage. `parameters` are the names of the parameters in C."""
        it = self.it
        if stage == "trace":
            return str(it.trace)
        if stage == "paths":
            return "one path, without questions" if it.paths is None else drawn(it.paths)
        if stage == "c":
            program = self.compiled.program(it, self._answer, self.shared)
            dtype, exact = self.compiled.dtype, self.compiled.exact
            name = getattr(self.function, "__name__", "program")
            return source.in_c(program, dtype, self.lanes, name, parameters, exact)
        return source.of(self._kernel, stage)

    def explain(self) -> str:
        """A report of what became of the scalars."""
        it = self.it
        text = self._page().text()
        if it.paths is None:
            more = loops(self.function, it)
        else:
            more = summary(it.paths, self.compiled.way(it, self._answer))
        return f"{text}\n\n{more}" if more else text

    def stages(self) -> Stages:
        """Which scalars became which block, array operation and loops."""
        return stages(self._page(), self.it.trace, self.compiled.exact)

    def _page(self) -> Page:
        it, plan = self.it, source.plan_of(self._kernel, self.lanes)
        itemsize = self.compiled.dtype.itemsize
        return page(plan, it.parameters, self.function, it.structure, itemsize)

    @property
    def _kernel(self) -> Kernel:
        return self.compiled.kernel(self.it, self._answer, self.shared)

    @property
    def _answer(self) -> Answer:
        if self.gradient not in (None, "arguments", "parameters"):
            raise ValueError(f'gradient must be "arguments" or "parameters", got {self.gradient!r}')
        return self.gradient or "value"
