"""Fields: JSON descriptions, checked against types as they are read."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from reprlib import repr as short
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints


def read(kind: Any, stored: Any, name: str) -> Any:
    """The JSON value `stored` as a `kind`: a type, or a dataclass with such fields.

    Raises ValueError with the field's `name` for a value of another type.

    >>> read(tuple[float, ...], [1, 2.5], "means")
    (1.0, 2.5)
    >>> read(int, "many", "epochs")
    Traceback (most recent call last):
    ValueError: epochs should be int, but is 'many'
    """
    if kind is float and _is(float, stored):
        return float(stored)
    origin, kinds = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _record(kind, stored, name)
    if origin is UnionType:
        return _one_of(kinds, stored, name)
    if origin in (list, tuple) and isinstance(stored, list):
        if origin is list or kinds[1:] == (...,):
            kinds = kinds[:1] * len(stored)
        if len(kinds) == len(stored):
            places = enumerate(zip(kinds, stored))
            return origin([read(kind, x, f"{name}[{i}]") for i, (kind, x) in places])
    if origin is dict and isinstance(stored, dict):
        return {key: read(kinds[1], x, f"{name}.{key}") for key, x in stored.items()}
    if kind is Any or (origin is None and _is(kind, stored)):
        return stored
    raise ValueError(f"{name} should be {_called(kind)}, but is {short(stored)}")


def read_kind(kinds: Mapping[str, Any], stored: Any, name: str) -> Any:
    """The dataclass named by the field `kind`, made from all other fields. Raises ValueError."""
    others = dict(stored) if isinstance(stored, dict) else {}
    kind = others.pop("kind", None)
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"{name}.kind should be one of {', '.join(kinds)}, but is {short(kind)}")
    return read(kinds[kind], others, name)


def _is(kind: type, stored: Any) -> bool:
    if kind is float:
        return isinstance(stored, float) or (_is(int, stored) and abs(stored) < 1 << 53)
    return isinstance(stored, kind) and (kind is bool or not isinstance(stored, bool))


def _one_of(kinds: tuple[Any, ...], stored: Any, name: str) -> Any:
    for kind in kinds:
        try:
            return read(kind, stored, name)
        except ValueError:
            continue
    wanted = " or ".join(map(_called, kinds))
    raise ValueError(f"{name} should be {wanted}, but is {short(stored)}")


def _record(kind: Any, stored: Any, name: str) -> Any:
    kinds = _kinds(kind)
    if not isinstance(stored, dict) or stored.keys() != kinds.keys():
        raise ValueError(f"{name} should have {', '.join(kinds)}, but is {short(stored)}")
    return kind(**{key: read(kinds[key], stored[key], f"{name}.{key}") for key in kinds})


@cache
def _kinds(kind: Any) -> dict[str, Any]:
    """The types of a dataclass's fields, by name."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _called(kind: Any) -> str:
    return "null" if kind is NoneType else getattr(kind, "__name__", str(kind))
