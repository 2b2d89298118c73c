"""The two walks over any graph: topological order, and the reverse sweep of the chain rule.

A node has an `op` and `operands`, which are nodes and floats. A `Value` also has `_data` and
`_grad`, and its operands as `first` and `second`. No walk recurses, so that a graph may be as deep
as memory allows; all are linear in nodes and edges.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial, reduce
from itertools import chain, filterfalse
from operator import add
from typing import Any

from micrograd import machine, masks, ops


def topological_order(*roots: Any, seen: set[Any] | None = None) -> list[Any]:
    """The computed nodes that `roots` depend on, themselves included, each after its operands.

    The walk ends at the nodes in `seen`, and adds those that it meets: several walks with one set
    meet each node once. Truth values are leaves for every walk: they have no derivative, and Values
    keep no node for them.
    """
    order: list[Any] = []
    seen = set() if seen is None else seen
    stack: list[Any] = [*reversed(roots)]
    while stack:
        node = stack.pop()
        if node is None:  # all operands of the node below it are in order
            order.append(stack.pop())
        elif node not in seen:
            seen.add(node)
            operands = () if node.__class__ is float or is_truth(node) else node.operands
            if not seen.issuperset(operands):
                stack += (node, None, *filterfalse(seen.__contains__, operands))
            elif operands:
                order.append(node)
    return order


def is_truth(node: Any) -> bool:
    return node.op is not None and node.op.boolean


def order_of_values(root: Any) -> list[Any]:
    """`topological_order` of Values: uses `first` and `second`, which avoids a tuple per node."""
    order: list[Any] = []
    stack: list[Any] = [root]
    seen, shared = set[Any](), set[int]()  # shared: ids of tuples whose elements are all in order
    pop, see, knows, share, dot = stack.pop, seen.add, seen.__contains__, shared.add, ops.dot
    while stack:
        node = pop()
        if node is None:
            node = pop()
            order.append(node)
            if node.op is dot:
                weights, inputs, _ = node.first
                share(id(weights))
                share(id(inputs))
        elif node not in seen:
            see(node)
            if node.__class__ is float:
                continue
            x, y = node.first, node.second
            if node.op is dot:
                weights, inputs, bias = x
                new: list[Any] = []
                for operands in (weights, inputs):
                    if id(operands) not in shared:  # neurons, and examples, share tuples
                        new += filterfalse(knows, operands)
                if bias not in seen:
                    new.append(bias)
                if new:
                    stack += (node, None, *new)
                else:
                    order.append(node)
            elif x.__class__ is tuple:
                if not seen.issuperset(x):
                    stack += (node, None, *filterfalse(knows, x))
                elif x:
                    order.append(node)
            elif x in seen and (y is None or y in seen):
                order.append(node)
            else:
                stack += (node, None, x) if y is None else (node, None, x, y)
    return order


def sweep(root: Any) -> None:
    """Adds the gradient of `root`, in numbers, to the `grad` of every leaf below it.

    The `grad` of computed nodes is reset. A zero gradient is not passed on: so a branch that
    `where` has masked never makes a NaN out of `0 * inf`.
    """
    order = order_of_values(root)
    for node in order:
        node._grad = 0.0
    root._grad += 1.0
    dot = ops.dot
    for node in reversed(order):
        if node._grad:
            (_pass_on_dot if node.op is dot else _pass_on)(node)


def pass_on(node: Any) -> None:
    """The step of `sweep` at one node, which adds to the gradients of its operands."""
    if node._grad and node.op is not None:
        (_pass_on_dot if node.op is ops.dot else _pass_on)(node)


def _pass_on(node: Any) -> None:
    """The chain rule at one node: adds to the gradients of its operands.

    The cases of one and two operands are written out: that is twice as fast as the general loop.
    """
    x, y, g, z = node.first, node.second, node._grad, node._data
    derivative = node.op.derivative
    try:
        if y is None:
            if x.__class__ is tuple:
                _pass_on_to_all(node, derivative)
            else:
                (dx,) = derivative(g, z, x._data)
                x._grad += dx
        elif x.__class__ is float:
            _, dy = derivative(g, z, x, y._data)
            y._grad += dy
        elif y.__class__ is float:
            dx, _ = derivative(g, z, x._data, y)
            x._grad += dx
        else:
            dx, dy = derivative(g, z, x._data, y._data)
            x._grad += dx
            y._grad += dy
    except (ZeroDivisionError, OverflowError):  # before anything was added
        _pass_on_to_all(node, partial(_run_again, derivative))


def _run_again(derivative: Any, *numbers: float) -> Any:
    return machine.run(derivative, numbers)


def _pass_on_to_all(node: Any, derivative: Any) -> None:
    data = [x if x.__class__ is float else x._data for x in node.operands]
    for operand, gradient in zip(node.operands, derivative(node._grad, node._data, *data)):
        if operand.__class__ is not float:
            operand._grad += gradient


def _pass_on_dot(node: Any) -> None:
    """`_pass_on` for a dot, written out: most edges of a network end in one."""
    (weights, inputs, bias), g = node.first, node._grad
    for w, x in zip(weights, inputs):
        try:
            if x.__class__ is float:
                w._grad += g * x
            else:
                w._grad += g * x._data
                x._grad += g * w._data
        except AttributeError:  # w is a float: nothing was added
            if x.__class__ is not float:
                x._grad += g * w
    if bias.__class__ is not float:
        bias._grad += g


def gradients(root: Any, inputs: list[Any], again: bool = True) -> list[Any]:
    """The gradient of `root` with respect to each of `inputs`, as differentiable scalars.

    The chain rule of `sweep`, in its order, on nodes instead of their numbers. In `sweep` the zero
    of a masked branch is a number; here it is a condition, perhaps not known yet: `reached[node]`,
    under which a taken branch depends on the node, which passes its gradient on through
    `ops.passed`. Gradients that are not differentiated `again` need no conditions: zeros suffice.
    """
    return pulled_back({root: 1.0}, inputs, again)


def pulled_back(known: Any, inputs: Any, again: bool = True, reached: Any = None) -> list[Any]:
    """As `gradients`, of several nodes, whose own gradients are `known`; `reached` is filled."""
    order = dependents([*known], inputs)
    wanted, computed = {*inputs, *order}, {*order}
    equal = _equal_norms([*known], order) if again else {}
    gradient, reached = {**known}, dict[Any, Any]() if reached is None else reached
    reached.update(dict.fromkeys(known, True))
    for node in reversed(order):
        g = gradient.get(node, 0.0)
        if _is_zero(g):
            continue
        above, nonzero = reached[node], masks.is_surely_nonzero(g)
        for operand, more in _contributions(node, g, equal, wanted):
            if operand.__class__ is float or operand not in wanted or _is_zero(more):
                continue
            condition = masks.both(above, masks.of(more, g)) if again else True
            if node in equal:
                more = masks.under(condition, more)
            elif condition is not True or not nonzero:
                more = masks.passed(condition, g, more)
            if operand not in gradient:
                gradient[operand], reached[operand] = more, condition
            else:
                gradient[operand] = gradient[operand] + more
                if operand in computed:
                    reached[operand] = masks.either(reached[operand], condition)
    return [gradient.get(x, 0.0) for x in inputs]


def below(*roots: Any, passing: bool = False) -> Iterator[Any]:
    """The roots and the nodes below them, each once; if `passing`, only those that get a gradient
    from a root."""
    seen: set[Any] = set()
    stack = [*roots]
    while stack:
        node = stack.pop()
        if node in seen or node.__class__ is float:
            continue
        seen.add(node)
        yield node
        if not (passing and node.op is not None and is_flat(node.op)):
            stack += node.operands


@lru_cache(1024)  # operations that are made while a program runs do not stay for ever
def is_flat(op: Any) -> bool:
    """Whether the derivative is 0 for all operands, as that of `floor`."""
    anything = object()
    try:
        gradients = op.derivative(anything, anything, *[anything] * (op.arity or 1))
    except Exception:
        return False
    return all(g.__class__ is float and g == 0 for g in gradients)


def _is_zero(x: Any) -> bool:
    return x.__class__ is float and x == 0


def _contributions(node: Any, g: Any, norms: Any, wanted: Any) -> Iterable[tuple[Any, Any]]:
    """Pairs of an operand and a term of its gradient, in the order in which `sweep` adds them."""
    if node in norms:
        return zip(node.operands, _slopes_of_norm(node, g, norms[node]))
    operands = node.operands
    if node.op is ops.dot:
        return _of_dot(g, *ops.weighted(operands), wanted)
    numbers = _with_conditions(node, operands) if node.op.conditions else operands
    return zip(operands, machine.run(node.op.derivative, (g, node, *numbers)))


def _with_conditions(node: Any, operands: tuple[Any, ...]) -> list[Any]:
    """The operands; the first ones, which are conditions, as truths of the node's graph."""
    count = node.op.conditions
    return [*map(node.truth, operands[:count]), *operands[count:]]


def _of_dot(g: Any, weights: Any, inputs: Any, bias: Any, wanted: Any) -> list[tuple[Any, Any]]:
    """The pairs of a dot: a weight, its input, the next weight, ..., the bias; those wanted."""
    pairs = chain.from_iterable(zip(zip(weights, inputs), zip(inputs, weights)))
    terms = [(x, g * y) for x, y in pairs if x.__class__ is not float and x in wanted]
    return [*terms, (bias, g)]


def _slopes_of_norm(z: Any, g: Any, equal: list[Any]) -> list[Any]:
    """The gradient g x / z of a vector x of length z. If z is 0, and the result is smooth in the
    square of z, g is 0 too, and the limit of g / z is the derivative of g by z (L'Hôpital), that is
    by all norms that are `equal` to z. Their gradients need to be 0 only in sum: then the limits
    are right in sum."""
    known = z.rank == 0  # the number of a Value
    terms = [masks.passed(True, g, g * (x / z)) for x in z.operands]
    if known and z._data != 0:
        return terms
    limit = 0.0 if g.__class__ is float else reduce(add, gradients(g, equal))
    limits = [limit * x for x in z.operands]
    return limits if known else [ops.extended(y, z, term) for y, term in zip(limits, terms)]


def _equal_norms(roots: list[Any], order: list[Any]) -> dict[Any, list[Any]]:
    """For each norm in `order`, all of them that have the same formula below the roots."""
    norms = [node for node in order if node.op is ops.norm]
    if len(norms) < 2:
        return dict.fromkeys(norms, norms)
    names: dict[Any, Any] = {}  # of a node that is computed: the first one of its formula
    first: dict[Any, Any] = {}  # of a formula: its operation, and the names of its operands
    for node in topological_order(*roots):
        formula = node.op, *[names.get(x, x) for x in node.operands]
        names[node] = first.setdefault(formula, node)
    classes: dict[Any, list[Any]] = {}
    for norm in norms:
        classes.setdefault(names[norm], []).append(norm)
    return {norm: classes[names[norm]] for norm in norms}


def dependents(roots: list[Any], inputs: list[Any]) -> list[Any]:
    """The nodes between `inputs` and `roots` that depend on an input, in topological order."""
    reached = set(inputs)
    order: list[Any] = []
    for node in topological_order(*roots, seen=set(inputs)):
        if not reached.isdisjoint(node.operands):
            reached.add(node)
            order.append(node)
    return order
