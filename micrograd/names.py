"""Unknown names, and the error messages for them: did you mean ...?"""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Never, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

# Names in other libraries.
ELSEWHERE = {
    "lr": "learning_rate", "alpha": "learning_rate", "eps": "epsilon", "wd": "weight_decay",
    "optim": "optimizer", "criterion": "loss", "iterations": "epochs", "label": "name",
    "crossentropy": "cross_entropy", "binary_crossentropy": "bce_with_logits", "l2": "mse",
    "bce": "bce_with_logits", "l1": "mae", "swish": "silu", "linear": "identity",
    "gammaln": "lgamma", "loggamma": "lgamma", "psi": "digamma", "expit": "sigmoid",
    "remainder": "mod", "norm_cdf": "ndtr", "normcdf": "ndtr", "brentq": "root", "newton": "root",
    "fsolve": "root", "slogdet": "det", "logdet": "det", "select": "where", "cond": "where",
}  # fmt: skip


def did_you_mean(name: Any, known: Iterable[str]) -> str:
    """The question "did you mean ...?", or "" if no known name is similar.

    >>> did_you_mean("Relu", ["relu", "tanh"]), did_you_mean("lr", ["learning_rate"])
    ("did you mean 'relu'?", "did you mean 'learning_rate'?")
    """
    from difflib import get_close_matches

    folded, wanted = {other.lower(): other for other in reversed([*known])}, str(name).lower()
    elsewhere = ELSEWHERE.get(wanted, "")
    near = [elsewhere] if elsewhere in folded else []
    near += [other for other in folded if sorted(other) == sorted(wanted)]
    near += get_close_matches(wanted, folded, n=1)
    near += [other for other in folded if wanted and other.startswith(wanted)]
    return f"did you mean {folded[near[0]]!r}?" if near else ""


def unknown(what: str, name: object, known: Iterable[str], remedy: str = "choose ") -> str:
    """The error message for a `name` that is not `known`.

    >>> unknown("loss", "MSE", ["mse", "mae"])
    "there is no loss 'MSE'; did you mean 'mse'? Choose one of: mse, mae"
    """
    known = [*known]
    question = did_you_mean(name, known)
    remedy = f"{question} {remedy[0].upper()}{remedy[1:]}" if question else remedy
    return f"there is no {what} {name!r:.60}; {remedy}one of: {', '.join(known)}"


def check_keywords(
    function: Callable[..., Any], called: str, given: Iterable[str], reasons: Mapping[str, str]
) -> None:
    """Raises TypeError for a keyword that a function does not take; `reasons` explain some."""
    parameters = _parameters(function)
    if parameters is None:
        return
    for name in given:
        if name not in parameters:
            hint = reasons.get(name) or did_you_mean(name, parameters)
            hint = hint or f"it takes {', '.join(parameters)}"
            raise TypeError(f"{called} has no argument {name!r}; {hint}")


@functools.cache
def _parameters(function: Callable[..., Any]) -> tuple[str, ...] | None:
    """The names of a function's arguments; None if it takes any keyword."""
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD and p.annotation is not Never for p in parameters):
        return None
    shown = [p.name for p in parameters if p.name != "self" and p.kind is not p.VAR_KEYWORD]
    return tuple([name for name in shown if not name.startswith("_")])


def names_keywords(**reasons: str) -> Callable[[F], F]:
    """Decorates a function or a class: the error for an unknown keyword names those it takes."""

    def decorate(function: F) -> F:
        if isinstance(function, type):
            made: Any = function
            made.__init__ = names_keywords(**reasons)(made.__init__)
            return made
        called = f"{function.__qualname__.removesuffix('.__init__')}()"

        @functools.wraps(function)
        def checked(*args: Any, **options: Any) -> Any:
            if options:
                check_keywords(function, called, options, reasons)
            return function(*args, **options)

        return checked  # type: ignore[return-value]

    return decorate
