"""An operation in words: its signature, its derivative as a formula, an example that runs.

The formula is not stored: the derivative in the table is run on `Formula`s, and its result is
printed. So a user's own operation is described as those of the package are.
"""

import inspect
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from micrograd.operation import UNLISTED
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar
from micrograd.special import digamma

# The precedence of an expression in Python.
_ATOM, _POWER, _SIGN, _PRODUCT, _SUM, _AND, _OR, _COMPARISON = 9, 8, 7, 6, 5, 4, 3, 2
_STRENGTHS = {"**": _POWER, "*": _PRODUCT, "/": _PRODUCT, "+": _SUM, "-": _SUM, "&": _AND, "|": _OR}
_BY_NAME = "gammainc_by_"  # rows that no reader knows, but too long to read
_LONG = 12  # characters: what is longer and used twice gets a name of its own
_READABLE = 1_500  # characters of a derivative; a longer one is a series
_SAMPLES = (0.5, 0.25, 0.75, 0.125, 0.875)  # numbers of an example


class Formula(Scalar):
    """An operation and its operands, or a name. What is computed twice is one formula."""

    __slots__ = ("made", "name", "op", "operands")
    rank = 3

    def __init__(self, made: dict[Any, "Formula"], op: Op | None, operands: Any, name: str = ""):
        self.made, self.op, self.operands, self.name = made, op, operands, name

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        return _applied

    def __bool__(self) -> NoReturn:
        raise TypeError("a formula holds for some numbers, and not for others")


def _applied(op: Op, operands: tuple[Any, ...]) -> Formula:
    if op.name in UNLISTED and not op.name.startswith(_BY_NAME):  # rows that no reader knows
        return op.meaning(*operands)
    made = next(x.made for x in operands if isinstance(x, Formula))
    key = op, *[id(x) if isinstance(x, Formula) else repr(x) for x in operands]
    return made.setdefault(key, Formula(made, op, operands))


def operand_names(op: Op) -> list[str]:
    """The letters of its formula; of any number of operands, the first three.

    >>> from micrograd import ops
    >>> operand_names(ops.atan2), operand_names(ops.sum)
    (['y', 'x'], ['x1', 'x2', 'x3'])
    """
    if op.arity is None:
        return ["x1", "x2", "x3"]
    return [*signature(op).parameters]


def signature(op: Op) -> inspect.Signature:
    """The operands by name.

    >>> from micrograd import ops
    >>> print(signature(ops.leaky_relu), signature(ops.sum))
    (x, a=0.01, /) (*x)
    """
    kind = inspect.Parameter.POSITIONAL_ONLY
    if op.arity is None:
        return inspect.Signature([inspect.Parameter("x", inspect.Parameter.VAR_POSITIONAL)])
    written = op.derivative if op.primitive and op.derivative else op.meaning
    names = [*inspect.signature(written).parameters][-op.arity :]
    defaults = [inspect.Parameter.empty] * (op.arity - len(op.defaults)) + [*op.defaults]
    return inspect.Signature(
        [inspect.Parameter(name, kind, default=x) for name, x in zip(names, defaults)]
    )


def derivative(op: Op) -> tuple[dict[str, str], dict[str, str]]:
    """The term that each operand's gradient gains, and the common expressions by their names.

    In them `g` is the gradient of the result `z`. Empty if the operation has no derivative, or if
    that cannot be run on formulas.

    >>> from micrograd import ops
    >>> derivative(ops.tanh)
    ({'x': 'g * (1 - z * z)'}, {})
    >>> derivative(ops.mul)
    ({'x': 'g * y', 'y': 'g * x'}, {})
    """
    names, made = operand_names(op), {}
    g, z, *operands = [Formula(made, None, (), name) for name in ["g", "z", *names]]
    try:
        gradients = op.derivative(g, z, *operands) if op.derivative else ()
    except Exception:  # a user's derivative may need numbers: `math.exp(x)`, `if x > 0`
        gradients = ()
    known = {digamma(x): f"digamma({x.name})" for x in operands}  # a series, too long to read
    texts, shared = _texts(gradients, known, {"g", "z", *names})
    return dict(zip(names, texts)), shared


def _texts(
    results: Iterable[Any], known: dict[Formula, str], taken: set[str]
) -> tuple[list[str], dict[str, str]]:
    """The results as text, and by name what is long and used more than once in them."""
    results = [*results]
    order = _postorder(results, known)
    uses = Counter(x for node in order for x in node.operands if isinstance(x, Formula))
    uses.update(x for x in results if isinstance(x, Formula))
    letters = (c for c in "abcdefhijklmnopqrstuvw" if c not in taken)
    names, shared = dict(known), {}
    for node in order:
        text = _text(node, 0, names)
        if uses[node] > 1 and len(text) > _LONG:
            names[node] = next(letters, f"t{len(shared)}")
            shared[names[node]] = text
    return [_text(x, 0, names) for x in results], shared


def _postorder(roots: Iterable[Any], known: dict[Formula, str]) -> list[Formula]:
    """The computed nodes, each after its operands."""
    order: dict[Formula, None] = {}
    stack = [(x, False) for x in roots]
    while stack:
        x, ready = stack.pop()
        if not isinstance(x, Formula) or x.op is None or x in order or x in known:
            continue
        if ready:
            order[x] = None
        else:
            stack += [(x, True), *((operand, False) for operand in x.operands)]
    return [*order]


def _text(x: Any, around: int, names: dict[Formula, str]) -> str:
    """x, in parentheses if the operation around it binds tighter."""
    if not isinstance(x, Formula):
        text = f"{x:.6g}"
        own = _SIGN if text.startswith("-") else _ATOM
    elif x in names or x.op is None:
        return names.get(x, x.name)
    else:
        text, own = _operation(x.op, x.operands, names)
    return f"({text})" if own < around else text


def _operation(op: Op, operands: Any, names: dict[Formula, str]) -> tuple[str, int]:
    """The text, and its precedence."""
    if op.name == "neg":
        return f"-{_text(operands[0], _SIGN, names)}", _SIGN
    if op.symbol:
        own = _STRENGTHS.get(op.symbol, _COMPARISON)
        left, right = (own, own + 1) if own != _POWER else (_ATOM, _SIGN)
        if own == _COMPARISON:
            left = right  # not a < b < c, which is another thing
        x, y = operands
        return f"{_text(x, left, names)} {op.symbol} {_text(y, right, names)}", own
    return f"{op.name}({', '.join([_text(x, 0, names) for x in operands])})", _ATOM


def derivative_line(op: Op) -> str:
    """The derivative in a line; empty if there is none.

    >>> from micrograd import ops
    >>> derivative_line(ops.div)
    'g / y, -g * z / y'
    """
    gradients, shared = derivative(op)
    if not _is_readable(gradients, shared):
        return f"see {_place(op)}"
    named = "; ".join(f"{name} = {text}" for name, text in shared.items())
    return ", ".join(gradients.values()) + (f"; {named}" if named else "")


def _is_readable(*texts: dict[str, str]) -> bool:
    return sum(len(text) for part in texts for text in part.values()) <= _READABLE


def _place(op: Op) -> str:
    """The function and the module that contain the derivative."""
    written: Any = op.derivative
    return f"{written.__name__} in {written.__module__}"


def description(op: Op) -> str:
    """The text of `help(op)`.

    >>> from micrograd import ops
    >>> print(description(ops.tanh).partition(">>>")[0])
    tanh(x): the hyperbolic tangent of x
    <BLANKLINE>
    Derivative, where `g` is the gradient of the result `z`:
    <BLANKLINE>
        x: g * (1 - z * z)
    <BLANKLINE>
    <BLANKLINE>
    """
    shown = str(signature(op)).replace(", /)", ")")
    parts = [f"{op.name}{shown}: {op.doc}", *_derivative(op), _example(op)]
    return "\n\n".join(filter(None, parts))


def _derivative(op: Op) -> Iterator[str]:
    gradients, shared = derivative(op)
    if op.boolean:
        yield "A truth, which has no derivative."
    elif not _is_readable(gradients, shared):
        yield f"Its derivative, a long formula, is {_place(op)}."
    elif gradients:
        yield "Derivative, where `g` is the gradient of the result `z`:"
        rows = [f"    {name}: {text}" for name, text in gradients.items()]
        yield "\n".join(rows + [f"    with {name} = {text}" for name, text in shared.items()])
    else:
        yield "Its derivative is a function that cannot be shown as a formula."


def _example(op: Op) -> str:
    """A program and its output; nothing where the operation takes other operands than numbers."""
    import micrograd

    if op.boolean or op.arity is None:
        return ""
    called = f"mg.{op.name}" if getattr(micrograd, op.name, None) is op else op.name
    names = operand_names(op)[: op.arity - len(op.defaults)]
    truths, numbers = names[: op.conditions], names[op.conditions :]
    values = [micrograd.Value(x) for x, _ in zip(_SAMPLES, numbers, strict=False)]
    try:
        z = op(*[True] * op.conditions, *values)
        if z.data != z.data:  # outside of the domain: further to the right
            values = [micrograd.Value(1.0 + x.data) for x in values]
            z = op(*[True] * op.conditions, *values)
        z.backward()
    except Exception:  # a user's operation may refuse these numbers
        return ""
    gave = tuple([round(x, 4) for x in [z.data, *[value.grad for value in values]]])
    program = [
        "import micrograd as mg",
        *[f"{name} = True" for name in truths],
        *[f"{name} = mg.Value({value.data})" for name, value in zip(numbers, values)],
        f"z = {called}({', '.join(names)})",
        "z.backward()",
        ", ".join(["round(z.data, 4)", *[f"round({name}.grad, 4)" for name in numbers]]),
    ]
    return "\n".join([*[f">>> {line}" for line in program], repr(gave)])
