"""Written: how a table is written, if that is given and not inferred."""

import codecs
from collections.abc import Iterable
from dataclasses import dataclass

from micrograd.files.numerals import check_mark


@dataclass(frozen=True)
class Written:
    """The decimal mark, the words for missing values and the encoding; "" or None means inferred.

    Raises ValueError for a mark other than a point or a comma, and for an unknown encoding.

    >>> Written.of(decimal=",", missing=["unknown"])
    Written(decimal=',', missing=('unknown',), encoding='')
    """

    decimal: str = ""
    missing: tuple[str, ...] | None = None
    encoding: str = ""

    def __post_init__(self) -> None:
        check_mark(self.decimal)
        try:
            codecs.lookup(self.encoding or "utf-8")
        except LookupError:
            raise ValueError(
                f"encoding must be one that Python knows, such as 'latin-1', got {self.encoding!r}"
            ) from None

    @classmethod
    def of(
        cls, decimal: str = "", missing: str | Iterable[str] | None = None, encoding: str = ""
    ) -> "Written":
        """From one word for missing values, or several."""
        words = [missing] if isinstance(missing, str) else missing
        return cls(decimal, None if words is None else (*words,), encoding)


INFERRED = Written()
