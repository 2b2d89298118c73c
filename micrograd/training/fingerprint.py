"""Fingerprint: what tells one run from another, and is the same in every process.

Numbers and text are what they are, and an array is its numbers; a file, its size and three of its
blocks. A function is its code, with the values that it captures and those of its module that it
reads: never its place in memory, and not its name alone. A network is its structure: what a `Value`
holds is what training changes.
"""

import dis
import functools
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from micrograd.engine import Value
from micrograd.files.table_file import TableFile
from micrograd.module import Module
from micrograd.neuralnet import MLP
from micrograd.training.pieces import InMemory

PACKAGE = __name__.partition(".")[0]
BLOCK = 1 << 20  # bytes of a file that are read at once

TEXT = {str, type(None)}

Description = Mapping[str, tuple[str, str]]  # by name: words for people, and a fingerprint
Met = dict[int, Any]  # what was described already, by its identity


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
    shown = repr(x.item() if isinstance(x, np.generic) else x)
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", shown)


def fingerprint(x: Any) -> str:
    """A hash of its content."""
    return _hash(repr(content(x, {})).encode())


# What matters of a thing: text and numbers in lists.


@functools.singledispatch
def content(x: Any, met: Met) -> Any:
    """What matters of `x`, by its type.

    >>> content((1, 2.5, np.sin), {})
    [1, 2.5, 'numpy.sin']
    """
    if isinstance(x, (type(None), bool, int, float, complex, str, bytes)):
        return x
    if hasattr(x, "__wrapped__"):  # a decorated function
        return content(x.__wrapped__, met)
    if is_dataclass(x):
        held = {f.name: getattr(x, f.name) for f in fields(x) if f.init}
    elif isinstance(x, Module) or callable(x) or hasattr(x, "parameters"):
        held = getattr(x, "__dict__", {})
    else:  # a lock, a file, a log: what is in it is no part of a run
        return _name(type(x))
    return _once(x, met, lambda: [content(type(x), met), content(held, met)])


@content.register
def _(x: np.generic, met: Met) -> Any:
    return x.item()


@content.register
def _(x: np.ndarray, met: Met) -> Any:
    if x.dtype.hasobject:  # text, say, which may be much
        each = x.tolist()
        return _hash(repr(each).encode()) if {*map(type, each)} <= TEXT else content(each, met)
    return [x.dtype.str, x.shape, _hash(np.ascontiguousarray(x).reshape(-1).view(np.uint8))]


@content.register(list)
@content.register(tuple)
def _(x: Any, met: Met) -> Any:
    if {*map(type, x)} == {Value}:  # a row of weights
        return ["Value", len(x)]
    return [content(each, met) for each in x]


@content.register(set)
@content.register(frozenset)
def _(x: Any, met: Met) -> Any:
    return sorted(repr(content(each, met)) for each in x)


@content.register
def _(x: dict, met: Met) -> Any:
    return [[content(key, met), content(each, met)] for key, each in x.items()]


@content.register
def _(x: Named, met: Met) -> Any:
    return content(x.thing, met)


@content.register
def _(x: TableFile, met: Met) -> Any:
    """Its size, and its first, middle and last block, wherever it lies."""
    size = x.path.stat().st_size
    with open(x.path, "rb") as file:
        blocks = []
        for start in (0, (size - BLOCK) // 2, size - BLOCK):
            file.seek(max(start, 0))
            blocks.append(_hash(file.read(BLOCK)))
    return [size, blocks]


@content.register
def _(x: InMemory, met: Met) -> Any:
    return content(x.table, met)


@content.register
def _(x: Value, met: Met) -> Any:
    return "Value"


@content.register
def _(x: MLP, met: Met) -> Any:
    """But for the seed: what its weights were in the beginning makes no difference."""
    held = {name: each for name, each in vars(x).items() if name != "seed"}
    return _once(x, met, lambda: [content(type(x), met), content(held, met)])


@content.register(ModuleType)
@content.register(BuiltinFunctionType)
@content.register(np.ufunc)
def _(x: Any, met: Met) -> Any:
    return _name(x)


@content.register
def _(x: type, met: Met) -> Any:
    """Its methods and those of its bases, but for classes of this package and of Python."""
    bases = [base for base in x.__mro__ if not _is_known(base)]
    return _once(x, met, lambda: [_name(x), *[content(_methods(base), met) for base in bases]])


@content.register
def _(x: MethodType, met: Met) -> Any:
    return [content(x.__func__, met), content(x.__self__, met)]


@content.register
def _(x: functools.partial, met: Met) -> Any:
    return [content(each, met) for each in (x.func, x.args, x.keywords)]


@content.register
def _(x: FunctionType, met: Met) -> Any:
    """Its code, and what that reads. Of a function of this package its name says enough."""
    captured = [_held(cell) for cell in x.__closure__ or ()]
    read = [x.__defaults__, x.__kwdefaults__, captured]
    if not _is_known(x):
        read += [x.__code__, _globals(x)]
    return _once(x, met, lambda: [_name(x), *[content(each, met) for each in read]])


@content.register
def _(x: CodeType, met: Met) -> Any:
    return [x.co_code, x.co_names, content(x.co_consts, met)]


def _once(x: Any, met: Met, describe: Any) -> Any:
    """Its description; its name where it has been described before, or is about to be."""
    if id(x) in met:
        return _name(x)
    met[id(x)] = x  # which keeps it: no other thing gets this number
    return describe()


def _name(x: Any) -> str:
    """Of a function or class of the user's own without its module, which may be `__main__`."""
    name = getattr(x, "__qualname__", None) or getattr(x, "__name__", type(x).__qualname__)
    module = getattr(x, "__module__", None)
    return f"{module}.{name}" if _is_known(x) and module else name


def _is_known(x: Any) -> bool:
    """Whether it is of this package, of NumPy or of Python itself: its name says what it is."""
    module = getattr(x, "__module__", None) or ""
    return module.partition(".")[0] in (PACKAGE, "numpy", "builtins")


def _methods(kind: type) -> dict[str, Any]:
    functions = {n: getattr(f, "__func__", getattr(f, "fget", f)) for n, f in vars(kind).items()}
    return {name: f for name, f in functions.items() if isinstance(f, FunctionType)}


def _held(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet
        return None


def _globals(function: FunctionType) -> dict[str, Any]:
    """The globals that a function reads and does not set; of other modules', the names only."""
    code, found = function.__code__, {}
    for name in sorted(_names(code, "LOAD_GLOBAL") - _names(code, "STORE_GLOBAL")):
        each = function.__globals__.get(name)
        ours = getattr(each, "__module__", None) == function.__module__
        other = isinstance(each, (FunctionType, type)) and not ours
        found[name] = _name(each) if other else each
    return found


def _names(code: CodeType, operation: str) -> set[str]:
    """Those with which an operation occurs in the code, and in the functions within it."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname == operation}
    inner = [_names(each, operation) for each in code.co_consts if isinstance(each, CodeType)]
    return names.union(*inner)


def _hash(data: Any) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
