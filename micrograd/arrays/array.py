"""ScalarArray: a NumPy array of Values or traced numbers, on which NumPy works as on floats."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from micrograd.annotations import Tree
from micrograd.arrays import ufuncs
from micrograd.arrays.functions import FUNCTIONS, TRACED, chosen, sort
from micrograd.arrays.instead import INSTEAD
from micrograd.errors import NumPyError
from micrograd.real import check_masks
from micrograd.structure import flatten


class ScalarArray(np.ndarray):
    """An array of objects whose comparisons, choices and functions are formulas of its elements."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.get("out")
        if out is not None:
            kwargs["out"] = tuple(map(plain, out))
        result = ufuncs.call(ufunc, method, tuple(map(plain, inputs)), kwargs)
        if out is None:
            return wrapped(result)
        results = result if isinstance(result, tuple) else (result,)
        given = [wrapped(x) if o is None else o for x, o in zip(results, out)]
        return given[0] if len(given) == 1 else tuple(given)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call(function, args, kwargs)

    def __getitem__(self, key: Any) -> Any:
        try:
            return super().__getitem__(key)
        except IndexError:
            if not _is_mask(key):
                raise
        raise NumPyError(
            "how many elements x[mask] has is not known while a function is traced. Instead, write "
            "np.where(mask, x, 0.0), or x * mask"
        )

    def __setitem__(self, key: Any, x: Any) -> None:
        if not _is_mask(key):
            super().__setitem__(key, x)
        elif np.ndim(x) == 0:
            super().__setitem__(..., chosen(key, x, self))
        else:
            raise NumPyError("with a mask, only one number can be written: x[mask] = 0.0")

    def argmax(self, axis: Any = None, out: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]
        return np.argmax(self, axis, **kwargs)

    def argmin(self, axis: Any = None, out: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]
        return np.argmin(self, axis, **kwargs)

    def sort(self, axis: Any = -1, *_: Any, **__: Any) -> None:
        self[...] = sort(self, axis)

    def partition(self, kth: Any, /, axis: Any = -1, *_: Any, **__: Any) -> None:
        self[...] = sort(self, axis)


def _is_mask(key: Any) -> bool:
    """Whether the key is an array of conditions that are not known yet."""
    return isinstance(key, ScalarArray)


def array(values: Tree) -> Tree:
    """An array of Values or traced numbers, on which NumPy's functions work as on floats.

    `np.array` makes an array too, but NumPy converts comparisons of its elements to bool, which a
    traced number refuses. Numbers, lists of them and arrays of floats become ordinary arrays.

    >>> import numpy as np
    >>> from micrograd import Value
    >>> x = array([Value(-1.0), Value(0.0), Value(2.0)])
    >>> loss = np.maximum(x, 0.0).sum()
    >>> loss.backward()
    >>> [v.grad for v in x]
    [0.0, 0.5, 1.0]
    """
    check_masks(values)
    return wrapped(np.array(values))


def plain(x: Any) -> Any:
    check_masks(x)
    return x.view(np.ndarray) if isinstance(x, ScalarArray) else x


def wrapped(x: Any) -> Any:
    """Arrays of objects as ScalarArrays; anything else unchanged."""
    if x.__class__ is np.ndarray:
        return x.view(ScalarArray) if x.dtype == object else x
    if isinstance(x, (tuple, list)) and any(isinstance(part, np.ndarray) for part in x):
        parts = [*map(wrapped, x)]
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    return x


def call(function: Any, args: Any, kwargs: Any) -> Any:
    """A NumPy function of arrays, with our scalars among its arguments."""
    check_masks([*args, *kwargs.values()])
    kwargs = {key: x for key, x in kwargs.items() if x is not np._NoValue}  # NumPy's "not given"
    own = FUNCTIONS.get(function.__name__)
    if function.__name__ in TRACED and _are_traced(args):
        own = TRACED[function.__name__]
    if own is not None:
        return wrapped(own(*args, **kwargs))
    name = f"{function.__module__}.{function.__name__}".replace("numpy", "np")
    args, kwargs = tuple(map(_of_no_axes, args)), {key: _of_no_axes(x) for key, x in kwargs.items()}
    try:
        result = _ANY.__array_function__(function, (np.ndarray,), args, kwargs)
    except NumPyError as error:  # of a function that it is made of
        if function.__name__ in INSTEAD:
            raise NumPyError(ufuncs.unsupported(name)) from error
        raise
    except (TypeError, AttributeError, ValueError, IndexError) as error:
        if isinstance(error, (ValueError, IndexError)) and not _of_objects(error):
            raise  # shapes that do not fit, say
        ours = type(error).__module__.startswith("micrograd")  # a number was asked for, in a trace
        if ours and function.__name__ not in INSTEAD:
            raise
        raise NumPyError(ufuncs.unsupported(name)) from error
    if _lost(result) and _hold_scalars(args, kwargs) and not name.endswith("_like"):
        raise NumPyError(ufuncs.unsupported(name))
    return wrapped(result)


def _of_objects(error: Exception) -> bool:
    """Whether NumPy says that it needs numbers, or integers, and got objects."""
    return any(word in str(error) for word in ("object_", "dtype('O')", "must be of integer"))


_ANY = np.empty(0)


def _of_no_axes(x: Any) -> Any:
    """A scalar as a ScalarArray without axes: NumPy itself would make an ordinary array."""
    return np.array(x, object).view(ScalarArray) if hasattr(type(x), "interpreter") else x


def _scalars(trees: Any) -> Iterator[Any]:
    for leaf in flatten(trees)[0]:
        for x in leaf.flat if isinstance(leaf, np.ndarray) else [leaf]:
            if hasattr(type(x), "interpreter"):
                yield x


def _are_traced(*trees: Any) -> bool:
    """Whether some of the numbers are not known yet."""
    return any(x.rank > 0 for x in _scalars(trees))


def _hold_scalars(*trees: Any) -> bool:
    """Whether there are scalars in these; an array of objects may hold floats only, if a choice
    took these everywhere."""
    return any(True for _ in _scalars(trees))


def _lost(result: Any) -> bool:
    """Whether the result of a call on scalars holds floats, which have lost the derivative."""
    parts = result if isinstance(result, (tuple, list)) else [result]
    kinds = [getattr(part, "dtype", np.dtype(type(part))).kind for part in parts]
    return "f" in kinds and "O" not in kinds
