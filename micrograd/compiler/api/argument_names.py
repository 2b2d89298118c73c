"""The name of each number that is passed to a function, from its signature."""

import inspect
from collections.abc import Callable, Iterator

from micrograd.structure import Structure


def argument_names(function: Callable[..., object], structure: Structure) -> list[str]:
    """The name of each leaf of the arguments; `structure` is that of (args, kwargs).

    >>> from micrograd.structure import flatten
    >>> _, structure = flatten(((1.0, {"b": [2.0, 3.0]}), {"scale": 4.0}))
    >>> argument_names(lambda x, p, scale: x, structure)
    ['x', 'p.b[0]', 'p.b[1]', 'scale']
    """
    positional, named = structure.children
    try:
        parameters = [*inspect.signature(function).parameters.values()]
    except (TypeError, ValueError):  # some functions in C have no signature
        parameters = []
    names = []
    for k in range(len(positional.children)):
        parameter = parameters[min(k, len(parameters) - 1)] if parameters else None
        if parameter is None:
            names.append(f"x{k}")
        elif parameter.kind is parameter.VAR_POSITIONAL:
            names.append(f"{parameter.name}[{k - len(parameters) + 1}]")
        else:
            names.append(parameter.name)
    roots = [*zip(names, positional.children), *zip(named.keys, named.children)]
    return [leaf for name, part in roots for leaf in _leaves(str(name), part)]


def _leaves(name: str, structure: Structure) -> Iterator[str]:
    if structure.kind is None:
        yield name
    elif structure.kind is dict:
        for key, child in zip(structure.keys, structure.children):
            yield from _leaves(f"{name}.{key}", child)
    else:
        for k, child in enumerate(structure.children):
            yield from _leaves(f"{name}[{k}]", child)
