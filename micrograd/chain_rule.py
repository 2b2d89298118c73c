"""backward_steps: the reverse sweep of the chain rule, one operation at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

from micrograd import graph
from micrograd.engine import Value
from micrograd.working import FEW, Numbered, Term, forward, numbered, shown, terms


@dataclass(frozen=True, repr=False)
class Step:
    """A step of `backward()`: the gradient of one value is complete, and goes to its operands.

    `value` is that value and `gradient` its gradient; `terms` are what its operands gain: each has
    an `operand`, the text of its `symbols` and `numbers`, and its number `gain`. `str(step)` shows
    the arithmetic: `headline` the operation, `lines` the chain rule.

    >>> import micrograd as mg
    >>> w, x = mg.Value(0.5, name="w"), mg.Value(2.0, name="x")
    >>> (step,) = mg.backward_steps(w * x)
    >>> step
    <step of backward: L = w · x = 0.5 × 2.0 = 1.0>
    >>> step.gradient, [term.gain for term in step.terms]
    (1.0, [2.0, 0.5])
    >>> step.headline, step.lines[1]
    ('L = w · x = 0.5 × 2.0 = 1.0', '∂L/∂w += ∂L/∂L · x = 1.0 × 2.0 = 2.0')
    """

    value: Value
    gradient: float
    terms: tuple[Term, ...]
    graph: Numbered

    def __repr__(self) -> str:
        return f"<step of backward: {self.headline}>"

    def __str__(self) -> str:
        return "\n".join([self.headline, *[f"  {line}" for line in self.lines]])

    @property
    def headline(self) -> str:
        """The operation, forward."""
        return forward(self.value, self.graph.names[self.value], self.graph.names)

    @property
    def lines(self) -> list[str]:
        """The gradient of the value, and what each operand gains."""
        names = self.graph.names
        root = names[self.graph.root]
        own = f"∂{root}/∂{names[self.value]} = {shown(self.gradient)}"
        if not self.gradient:
            return [f"{own}: nothing to pass on"]
        lines = [own, *[term.line(root, names) for term in self.terms[:FEW]]]
        more = len(self.terms) - FEW
        return [*lines, f"and {more:,} more"] if more > 0 else lines


def backward_steps(value: Value) -> Iterator[Step]:
    """The steps of `value.backward()`, one operation at a time, as they are made.

    A step is printed in symbols and in numbers. After the last one all gradients are those that
    `value.backward()` gives: those of leaves have grown, those of computed values are new.

    Raises TypeError if `value` is not a Value.

    >>> import micrograd as mg
    >>> w, x = mg.Value(0.5, name="w"), mg.Value(2.0, name="x")
    >>> for step in mg.backward_steps(mg.tanh(w * x)):
    ...     print(step)
    L = tanh(n1) = tanh(1.0) = 0.7616
      ∂L/∂L = 1.0
      ∂L/∂n1 += ∂L/∂L · (1 − L · L) = 1.0 × (1 − 0.7616 × 0.7616) = 0.42
    n1 = w · x = 0.5 × 2.0 = 1.0
      ∂L/∂n1 = 0.42
      ∂L/∂w += ∂L/∂n1 · x = 0.42 × 2.0 = 0.8399
      ∂L/∂x += ∂L/∂n1 · w = 0.42 × 0.5 = 0.21
    >>> w.grad, x.grad == 0.25 * w.grad
    (0.8399486832280523, True)
    """
    if not isinstance(value, Value):
        raise TypeError(
            f"backward_steps takes a Value, got {type(value).__name__} {value!r:.60}; "
            "a model returns a list: take one element, (out,) = model(x)"
        )
    return _steps(numbered(value))


def _steps(known: Numbered) -> Iterator[Step]:
    names = known.names
    for node in known.computed:
        node.grad = 0.0
    known.root.grad += 1.0
    for node in reversed(known.computed):
        g = node.grad
        passed = terms(node, g, f"∂{names[known.root]}/∂{names[node]}", names) if g else []
        graph.pass_on(node)
        yield Step(node, g, tuple(passed), known)
