"""Extension: native functions that Python calls directly.

ctypes converts each argument, and asks an array for its address in a microsecond: that takes longer
than a small program runs. These functions read the fields of arrays at each call, by the layouts
that all extension modules are compiled for.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from micrograd.compiler.llvm import abi
from micrograd.lazy import importing

CONTIGUOUS = 0x0101  # NumPy's flags: C-contiguous, and aligned
MOST = 64  # words of a layout

_FUNCTIONS = {
    abi.Python.AS_DOUBLE: "PyFloat_AsDouble", abi.Python.BUILD_VALUE: "Py_BuildValue",
    abi.Python.BOOL: "PyBool_FromLong", abi.Python.BYTES: "PyBytes_FromStringAndSize",
    abi.Python.DEC_REF: "Py_DecRef",
    abi.Python.ERR_CLEAR: "PyErr_Clear", abi.Python.ERR_OCCURRED: "PyErr_Occurred",
    abi.Python.ERR_SET_STRING: "PyErr_SetString", abi.Python.IS_SUBTYPE: "PyType_IsSubtype",
    abi.Python.RESTORE_THREAD: "PyEval_RestoreThread",
    abi.Python.SAVE_THREAD: "PyEval_SaveThread", abi.Python.TYPE_OF: "PyObject_Type",
}  # fmt: skip
_OBJECTS = {
    abi.Python.FLOAT: float, abi.Python.INT: int, abi.Python.FLOAT64: np.float64,
    abi.Python.ARRAY: np.ndarray, abi.Python.TYPE_ERROR: TypeError,
    abi.Python.DOUBLE: np.dtype(np.float64), abi.Python.SINGLE: np.dtype(np.float32),
}  # fmt: skip


class _Method(ctypes.Structure):
    """Python's description of a native function."""

    _fields_ = (
        ("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )  # fmt: skip


_FASTCALL = 0x0080  # the arguments are passed as an array of objects


@cache
def _maker() -> Any:
    types = ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object
    return ctypes.PYFUNCTYPE(*types)(("PyCFunction_NewEx", ctypes.pythonapi))


def builtin(address: int, words: np.ndarray, owner: Any) -> Callable[..., Any]:
    """The native function at this address, to which `words` belong. Keeps `owner` alive."""
    method = _Method(b"native", address, _FASTCALL, None)
    return _maker()(ctypes.addressof(method), words, (owner, method))


@cache
def python_words() -> np.ndarray:
    """The words of `abi.Python`."""
    words = np.zeros(len(abi.Python), np.int64)
    for word, name in _FUNCTIONS.items():
        function = getattr(ctypes.pythonapi, name)
        words[word] = ctypes.cast(function, ctypes.c_void_p).value or 0
    for word, object_ in _OBJECTS.items():
        words[word] = id(object_)
    return words


@cache
def _native() -> Any:
    with importing():
        from micrograd.compiler.runtime.jit import Native

    return Native(None, _module, (0, 0))  # so little code is fast enough as it is written


def _module() -> tuple[str, None]:
    with importing():
        from micrograd.compiler.llvm.target import header

    names = {
        **{word.name: int(word) for word in (*abi.Call, *abi.Python)},
        "header": abi.HEADER, "contiguous": CONTIGUOUS, "most": MOST, "room": MOST - 2,
        "table": abi.TABLE, "long": f"i{8 * ctypes.sizeof(ctypes.c_long)}",
    }  # fmt: skip
    code = Path(__file__).with_suffix(".ll").read_text(encoding="utf-8")
    return f"{header()}\n{Template(code).substitute(names)}", None


@cache
def layouts(single: bool) -> Callable[..., bytes | None]:
    """A function of arrays: their dtypes and shapes, as a key; None if it takes arguments other
    than contiguous arrays of floats.

    If not `single`, the first axes must be equally long, and their length is not part of the key.
    Without llvmlite it is always None.
    """
    try:
        with importing():
            import llvmlite  # noqa: F401
    except ImportError:
        return lambda *_: None
    name = "layout_of_one" if single else "layout_of_many"
    return builtin(_native().address(name), python_words(), _native())


def caller(words: np.ndarray, run: bool) -> Callable[..., Any]:
    """A function of the parameters, the inputs and the outputs of a call, whose words these are:
    see `abi.Call`. It writes their addresses into the words; None leaves a word as it is.

    If `run`, it runs the program, without Python's lock, and returns whether that saw a NaN;
    without arguments, it runs on the arrays of the last call.
    """
    return builtin(_native().address("call" if run else "place"), words, _native())
