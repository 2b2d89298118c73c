"""Fingerprint: what tells one run from another, and is the same in every process.

Numbers and text are what they are, and an array is its numbers; a file, its size and three of its
blocks. A function is its code, with the values that it captures and those of its module that it
reads; an object is its class and its attributes: never its place in memory, and not its name alone.
A network is its structure: what a `Value` holds is what training changes. And what the code itself
changes, a log or a count of calls, is no part of it.
"""

import dis
import functools
import hashlib
import re
import sys
from argparse import Namespace
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from fractions import Fraction
from inspect import getattr_static
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np

from micrograd.engine import Value
from micrograd.files.table_file import TableFile
from micrograd.module import Module
from micrograd.neuralnet import MLP
from micrograd.training.pieces import InMemory

PACKAGE = __name__.partition(".")[0]
PYTHON = sys.stdlib_module_names
BLOCK = 1 << 20  # bytes of a file that are read at once

PLAIN = (type(None), bool, int, float, complex, str, bytes)
TEXT = {str, type(None)}
GROWING = (list, dict, set, deque, bytearray, np.ndarray)

MAKING = {"__init__", "__post_init__", "__new__", "__setstate__"}  # methods that set up an object
MUTATORS = {
    "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop",
    "popitem", "popleft", "remove", "reverse", "setdefault", "sort", "update",
}  # fmt: skip

SETS = {
    f"{does}_{what}" for does in ("STORE", "DELETE") for what in ("GLOBAL", "DEREF", "ATTR")
}  # fmt: skip
SUBSCRIPTS = {"STORE_SUBSCR", "DELETE_SUBSCR"}
FRESH = ("BUILD_", "LIST_", "SET_", "DICT_", "CALL", "BINARY_OP", "LOAD_CONST")
UNWRAPPED = {
    staticmethod: "__func__", classmethod: "__func__", property: "fget",
    functools.cached_property: "func",
}  # fmt: skip

Changes = tuple[frozenset[str], frozenset[str]]  # names that are set; of what is mutated
NOTHING: Changes = (frozenset(), frozenset())
ANY = "*"  # the name of what may be anything

Description = Mapping[str, tuple[str, str]]  # by name: words for people, and a fingerprint


@dataclass(frozen=True, repr=False)
class Named:
    """A thing with a name for people, which makes no difference."""

    name: str
    thing: Any

    def __repr__(self) -> str:
        return self.name


def described(**parts: Any) -> Description:
    """Each part in words, and its fingerprint.

    >>> described(seed=0)["seed"][0]
    '0'
    """
    return {name: (words(part), fingerprint(part)) for name, part in parts.items()}


def words(x: Any) -> str:
    """`x` for people, who do not want to know its place in memory.

    >>> words(words)
    '<function words>'
    """
    try:
        shown = repr(x.item() if isinstance(x, np.generic) else x)
    except Exception:  # of the user's own
        return type(x).__qualname__
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", shown)


def fingerprint(x: Any) -> str:
    """A hash of its content, and of that of all that it holds and reads."""
    return _mark(x, Things())


class Things:
    """All there is to describe, in the order in which it was met: each once, by its number."""

    def __init__(self, sets: bool = True):
        self.sets = sets  # whether to look into sets
        self.met: list[Any] = []  # which keeps them: no other thing gets their place in memory
        self.numbers: dict[int, int] = {}

    def part(self, x: Any) -> Any:
        """`x` within a description: plain values as they are, of other things the number."""
        if type(x) in PLAIN:
            return x
        if isinstance(x, (tuple, frozenset, np.generic)):  # which cannot hold themselves
            return content(x, self)
        if id(x) not in self.numbers:
            self.numbers[id(x)] = len(self.met)
            self.met.append(x)
        return (self.numbers[id(x)],)

    def parts(self, named: Mapping[Any, Any]) -> list[Any]:
        return [[self.part(name), self.part(x)] for name, x in named.items()]


def _mark(x: Any, things: Things) -> str:
    def mark(x: Any) -> str:
        return _hash(repr(x).encode(errors="surrogatepass"))

    first = things.part(x)
    return mark([first, *[mark(content(each, things)) for each in things.met]])  # met on the way


# What matters of a thing: text and numbers in lists.


@functools.singledispatch
def content(x: Any, things: Things) -> Any:
    """What matters of `x`, by its type.

    >>> content((1, 2.5, np.sin), Things())
    [1, 2.5, (0,)]
    >>> content(np.sin, Things())
    'numpy.sin'
    """
    if isinstance(x, PLAIN):  # of a class of one's own
        plain: Any = next(kind for kind in PLAIN if isinstance(x, kind))
        return [_name(type(x)), plain.__repr__(x)]
    held = _attributes(x)
    if "__wrapped__" in held:  # a decorated function
        return [things.part(held["__wrapped__"])]
    return _object(x, things) if _matters(x) else _name(type(x))


@dataclass(frozen=True)
class Partly:
    """A class or an object, but for what a function changes that reads it."""

    thing: Any
    by: Changes


@content.register
def _(x: Partly, things: Things) -> Any:
    return (_class if isinstance(x.thing, type) else _object)(x.thing, things, x.by)


@content.register
def _(x: np.generic, things: Things) -> Any:
    return things.part(x.item()) if type(x.item()) in PLAIN else repr(x)


@content.register
def _(x: np.ndarray, things: Things) -> Any:
    if x.dtype.hasobject:  # text, say, which may be much
        each = x.tolist()
        return _hash(repr(each).encode()) if {*map(type, each)} <= TEXT else things.part(each)
    return [x.dtype.str, x.shape, _hash(np.ascontiguousarray(x).reshape(-1).view(np.uint8))]


@content.register(list)
@content.register(tuple)
@content.register(deque)
def _(x: Any, things: Things) -> Any:
    kinds = {*map(type, x)}
    if kinds == {Value}:  # a row of weights
        return ["Value", len(x)]
    if kinds == {float}:  # of which there may be many
        return ["float", len(x), _hash(np.array([*x]))]
    return [*x] if kinds <= {*PLAIN} else [things.part(each) for each in x]


@content.register(set)
@content.register(frozenset)
def _(x: Any, things: Things) -> Any:
    """Its elements in the order of what they are by themselves."""
    if {*map(type, x)} <= {*PLAIN}:
        return sorted(map(repr, x))
    if not things.sets:
        return len(x)
    return [things.part(each) for each in sorted(x, key=lambda x: _mark(x, Things(sets=False)))]


@content.register
def _(x: dict, things: Things) -> Any:
    return things.parts(x)


@content.register
def _(x: Named, things: Things) -> Any:
    return things.part(x.thing)


@content.register
def _(x: TableFile, things: Things) -> Any:
    """Its size, and its first, middle and last block, wherever it lies."""
    size = x.path.stat().st_size
    with open(x.path, "rb") as file:
        blocks = []
        for start in (0, (size - BLOCK) // 2, size - BLOCK):
            file.seek(max(start, 0))
            blocks.append(_hash(file.read(BLOCK)))
    return [size, blocks]


@content.register
def _(x: InMemory, things: Things) -> Any:
    return things.part(x.table)


@content.register
def _(x: Value, things: Things) -> Any:
    return "Value"


@content.register
def _(x: MLP, things: Things) -> Any:
    """But for the seed: what its weights were in the beginning makes no difference."""
    return _object(x, things, (frozenset({"seed"}), frozenset()))


@content.register(Fraction)
@content.register(Decimal)
def _(x: Any, things: Things) -> Any:
    return str(x)


@content.register(ModuleType)
@content.register(MethodDescriptorType)
@content.register(WrapperDescriptorType)
@content.register(np.ufunc)
def _(x: Any, things: Things) -> Any:
    return _name(x)


@content.register
def _(x: BuiltinFunctionType, things: Things) -> Any:
    return [_name(x), things.part(x.__self__)]


@content.register
def _(x: type, things: Things) -> Any:
    return _class(x, things)


@content.register
def _(x: MethodType, things: Things) -> Any:
    return [things.part(x.__func__), things.part(x.__self__)]


@content.register
def _(x: functools.partial, things: Things) -> Any:
    return [things.part(each) for each in (x.func, x.args, x.keywords)]


@content.register
def _(x: FunctionType, things: Things) -> Any:
    """Its code, and what that reads. Of a function of this package its name says enough."""
    read, code, changes = _defaults(x) | _captured(x), x.__code__, _changes(x.__code__)
    if _is_known(x):
        return [_name(x), things.parts(_unchanged(read, changes))]
    read |= _globals(x)
    each = [things.parts(_seen_by(r, changes)) for r in (read, *_of_modules(x, read.values()))]
    return [_name(x), things.part(code), each]


@content.register
def _(x: CodeType, things: Things) -> Any:
    """Its instructions, and the constants that they load: a docstring is none of these."""
    steps = [(i.opcode, _argument(i)) for i in dis.get_instructions(x)]
    constants = [i.argval for i in dis.get_instructions(x) if i.opcode in dis.hasconst]
    return [steps, things.part((*constants,))]


def _argument(i: dis.Instruction) -> Any:
    return i.argval if i.opcode in dis.hasname else None if i.opcode in dis.hasconst else i.arg


# Classes and objects.


def _class(x: type, things: Things, by: Changes = NOTHING) -> Any:
    """Its name, and its attributes; then its bases. Some classes are known by their names."""
    changes = _both(_changes_by(x), by)
    return [
        [_name(base)]
        if _is_known(base)
        else [_name(base), things.parts(_unchanged(_own(base), changes))]
        for base in x.__mro__
    ]


def _object(x: Any, things: Things, by: Changes = NOTHING) -> Any:
    """Its class, and the attributes that its methods do not change."""
    changes = _both(_changes_by(type(x)), by)
    return [things.part(type(x)), things.parts(_unchanged(_attributes(x), changes))]


def _matters(x: Any) -> bool:
    """Not of a lock, a file, a log: what is in those of other packages is no part of a run."""
    kind = type(x)
    if _package(kind) in PYTHON:
        return isinstance(x, (Namespace, SimpleNamespace))
    computes = is_dataclass(kind) or isinstance(x, Module) or callable(x)
    return computes or not _is_known(kind) or getattr_static(kind, "parameters", None) is not None


def _attributes(x: Any) -> dict[str, Any]:
    """What it was given, in slots or in its `__dict__`: found without a question to `x` itself."""
    kind, held, found = type(x), {}, set()
    for name, each in [pair for base in reversed(kind.__mro__) for pair in vars(base).items()]:
        if isinstance(each, MemberDescriptorType) and not _is_known(each.__objclass__):
            with suppress(AttributeError):  # an empty slot
                held[name] = each.__get__(x)
        elif isinstance(each, functools.cached_property):
            found.add(name)
    with suppress(AttributeError):
        held |= object.__getattribute__(x, "__dict__")
    if is_dataclass(kind):
        found |= {field.name for field in fields(kind) if not field.init}
    return {name: held[name] for name in held if name not in found}


def _own(kind: type) -> dict[str, Any]:
    """The attributes of a class: its methods, as functions, and the values that it defines."""
    found = {}
    for name, x in vars(kind).items():
        x = getattr(x, UNWRAPPED[type(x)]) if type(x) in UNWRAPPED else x
        if isinstance(x, FunctionType) or not (name.startswith("__") and name.endswith("__")):
            found[name] = x
    return found


# Functions: what they read.


def _defaults(x: FunctionType) -> dict[str, Any]:
    code, given = x.__code__, x.__defaults__ or ()
    names = code.co_varnames[code.co_argcount - len(given) : code.co_argcount]
    return {**dict(zip(names, given)), **(x.__kwdefaults__ or {})}


def _captured(x: FunctionType) -> dict[str, Any]:
    return {n: _held(cell) for n, cell in zip(x.__code__.co_freevars, x.__closure__ or ())}


def _held(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet
        return None


def _globals(x: FunctionType) -> dict[str, Any]:
    names = sorted(_names(x.__code__, "LOAD_GLOBAL"))
    return {name: x.__globals__[name] for name in names if name in x.__globals__}


def _of_modules(x: FunctionType, read: Iterable[Any]) -> list[dict[str, Any]]:
    """What it may read of each of the user's own modules, and of the modules in these."""
    modules = [each for each in read if isinstance(each, ModuleType) and not _is_known(each)]
    names, found = sorted(_names(x.__code__, "LOAD_ATTR", "LOAD_METHOD")), []
    for module in modules:  # which grow on the way
        found.append({name: vars(module)[name] for name in names if name in vars(module)})
        for each in found[-1].values():
            if isinstance(each, ModuleType) and not _is_known(each) and each not in modules:
                modules.append(each)
    return found


def _names(code: CodeType, *operations: str) -> set[str]:
    """Those with which operations occur in the code, and in the functions within it."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname in operations}
    return names.union(*[_names(each, *operations) for each in _inner(code)])


def _inner(code: CodeType) -> list[CodeType]:
    return [each for each in code.co_consts if isinstance(each, CodeType)]


# And what they change.


def _unchanged(read: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    sets, mutates = changes
    return {
        name: x
        for name, x in read.items()
        if name not in sets and not (isinstance(x, GROWING) and not mutates.isdisjoint({name, ANY}))
    }


def _seen_by(read: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """What a function reads and does not change: of objects and classes, that part."""

    def is_open(x: Any) -> bool:
        kind = x if isinstance(x, type) else type(x)
        whole = kind is type(x) and content.dispatch(kind) is not content.dispatch(object)
        return not whole and (kind in (Namespace, SimpleNamespace) or not _is_known(kind))

    kept = _unchanged(read, changes)
    if changes == NOTHING:
        return kept
    return {name: Partly(x, changes) if is_open(x) else x for name, x in kept.items()}


def _changes_by(kind: type) -> Changes:
    """What the methods of a class change, but for those that make an object."""
    changes = NOTHING
    for base in kind.__mro__:
        if _package(base) not in {*PYTHON, PACKAGE, "numpy"}:
            for name, x in _own(base).items():
                if isinstance(x, FunctionType) and name not in MAKING:
                    changes = _both(changes, _changes(x.__code__))
    return changes


def _both(one: Changes, other: Changes) -> Changes:
    return one[0] | other[0], one[1] | other[1]


@functools.lru_cache(1000)
def _changes(code: CodeType) -> Changes:
    """The names that code sets, and those of the lists, dicts and sets that it mutates.

    A list that it has made itself is its own, whatever becomes of it.
    """
    steps = [i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"]
    sets, mutates = set(), set()
    local = {name: {name} for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]}
    for two, one, i in zip([*steps[:2], *steps], [*steps[:1], *steps], steps):
        if i.opname in SETS:
            sets.add(i.argval)
        elif i.opname == "STORE_FAST":
            local.setdefault(i.argval, set()).update(_origin(one, local))
        elif i.opname in ("LOAD_METHOD", "LOAD_ATTR") and i.argval in MUTATORS:
            mutates |= {ANY} if one.opname == "CALL" else _origin(one, local)
        elif i.opname in SUBSCRIPTS:
            mutates |= _origin(two, local) if one.opname.startswith("LOAD_") else {ANY}
    changes = frozenset(sets), frozenset(mutates)
    return functools.reduce(_both, map(_changes, _inner(code)), changes)


def _origin(step: dis.Instruction, local: Mapping[str, set[str]]) -> set[str]:
    """The names under which others know what a step of the code gives."""
    if step.opname == "LOAD_FAST":
        return local.get(step.argval, set())
    if step.opname in ("LOAD_GLOBAL", "LOAD_DEREF", "LOAD_ATTR"):
        return {step.argval}
    return set() if step.opname.startswith(FRESH) else {ANY}


# Names.


def _name(x: Any) -> str:
    """Of a function or class of the user's own without its module, which may be `__main__`."""
    name = getattr(x, "__qualname__", None) or getattr(x, "__name__", type(x).__qualname__)
    return f"{_module(x)}.{name}" if _is_known(x) and not isinstance(x, ModuleType) else name


def _is_known(x: Any) -> bool:
    """Whether it is of this package, of Python or installed: its name says what it is."""
    if _package(x) in {*PYTHON, PACKAGE, "numpy"}:
        return True
    if _module(x) == "__main__":  # the user's own, even where an installed program began
        return False
    file = getattr(sys.modules.get(_module(x)), "__file__", None) or ""
    return not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)


def _package(x: Any) -> str:
    return _module(x).partition(".")[0]


def _module(x: Any) -> str:
    """The name of the module where a function, a class or the like is defined, or of a module."""
    if isinstance(x, FunctionType):  # a wrapper bears the name of what it wraps
        return str(x.__globals__.get("__name__"))
    return str(getattr(x, "__name__" if isinstance(x, ModuleType) else "__module__", ""))


def _hash(data: Any) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
