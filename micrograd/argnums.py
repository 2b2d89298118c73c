"""The arguments to differentiate by: `argnums` selects positional ones; keywords are passed on."""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from micrograd.annotations import Function, P, Tree
from micrograd.names import names_keywords

F = TypeVar("F", bound=Callable[..., object])


class Derivative(Protocol):
    """The type of `grad` and similar transformations."""

    def __call__(
        self, f: Callable[P, Tree], argnums: int | Sequence[int] | None = None
    ) -> Callable[P, Tree]: ...


def named_after(function: Callable[..., object]) -> Callable[[F], F]:
    """As `functools.wraps`, but the signature stays that of the wrapper, which takes more."""

    def named(wrapper: F) -> F:
        functools.update_wrapper(
            wrapper, function, ("__module__", "__name__", "__qualname__", "__doc__")
        )
        del wrapper.__wrapped__  # type: ignore[attr-defined]
        return wrapper

    return named


def by_chosen(by_all: Callable[[Function], Function]) -> Derivative:
    """Extends a transformation that differentiates by all arguments with `argnums`."""

    @named_after(by_all)
    def transformation(f: Function, argnums: int | Sequence[int] | None = None) -> Function:
        check_function(f, by_all)
        derivative_by_all = by_all(f)

        def derivative(*args: Any, **keywords: Any) -> Any:
            if argnums is None and not keywords:
                return derivative_by_all(*args)
            places = places_of(argnums, len(args))

            @functools.wraps(f, updated=())
            def of_chosen(*chosen: Any) -> Any:
                given = dict(enumerate(args)) | dict(zip(places, chosen))
                return f(*given.values(), **keywords)

            return by_all(of_chosen)(*[args[place] for place in places])

        return derivative

    return names_keywords()(transformation)


def with_keywords(transformation: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Extends a transformation of positional arguments: keyword arguments are passed on."""

    @named_after(transformation)
    def transformed(f: Function) -> Function:
        check_function(f, transformation)
        of_positional = transformation(f)

        def derivative(*args: Any, **keywords: Any) -> Any:
            if not keywords:
                return of_positional(*args)
            return transformation(functools.partial(f, **keywords))(*args)

        return derivative

    return transformed


def check_function(f: Any, transformation: Function) -> None:
    if not callable(f):
        name = transformation.__name__
        raise TypeError(
            f"{name} takes a function and returns its derivative, as in {name}(f)(x); got "
            f"{type(f).__name__} {f!r:.60}"
        )


def places_of(argnums: int | Sequence[int] | None, count: int) -> list[int]:
    """The indices of the positional arguments to differentiate by."""
    every = [*range(count)]
    try:
        chosen = every if argnums is None else _indices(argnums)
    except TypeError:
        raise TypeError(
            f"argnums must be the place of an argument, 0 for the first, or a tuple of places, got "
            f"{argnums!r:.60}"
        ) from None
    if not chosen or not all(-count <= place < count for place in chosen):
        raise TypeError(
            f"nothing to differentiate by: argnums is {argnums}, and there are {count} positional "
            "arguments; keywords are passed on as they are"
        )
    if len({every[place] for place in chosen}) < len(chosen):
        raise TypeError(f"argnums names one argument twice: {argnums}")
    return [every[place] for place in chosen]


def _indices(argnums: Any) -> list[int]:
    return [
        operator.index(place) for place in (argnums if hasattr(argnums, "__iter__") else [argnums])
    ]
