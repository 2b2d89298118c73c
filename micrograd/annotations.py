"""The types in public signatures; each that is `Any` by another name, with its reason.

`tests/test_annotations.py` checks that no public signature has an `Any` that is not listed here.
"""

from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, Protocol, SupportsFloat

P = ParamSpec("P")  # the parameters of a user's function


class Interpreted(Protocol):
    """A scalar of another interpreter than the engine: a symbol, a formula that prints."""

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Callable[..., object]: ...


Number = SupportsFloat | Interpreted  # a float, an integer, a Fraction, a NumPy number, a Value
Numbers = Iterable[Number]

# What Python's types cannot say. Each is `Any` for one reason.

Result = Any
"""The number that an operation returns: a float of floats, a Value of Values, a symbol of symbols,
an array of arrays. A union would make `(x * y).backward()` an error."""

Tree = Any
"""A number, an array, or a list, tuple or dict of trees. As a recursive type it would refuse
`list[float]`: lists are invariant."""

Model = Any
"""What is called with the inputs of one example, and has `parameters()`, a list of Values: a
protocol would refuse a class whose `__call__` takes other types than the protocol's."""

RunHistory = Any
"""A `History`, in rooms on which training is built: these cannot import it."""

Found = Any
"""A result of a search by SciPy, which is optional: its OptimizeResult."""

Function = Callable[..., Any]
"""A user's function of numbers: it returns what its operations do, a `Result` or a `Tree`."""
