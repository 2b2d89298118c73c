"""Readings: the ways in which the texts of a column can be read, as numbers or as dates.

All values of a column must be read in the same way. If two ways are possible,
the column is ambiguous.
"""

from dataclasses import dataclass, field

from micrograd.files.dates import DAY, ORDERS, microseconds
from micrograd.files.numerals import MARKS, Numeral, numeral

WAYS = (*MARKS, *ORDERS)  # the mark before decimals, or the order of day, month and year
MOST = 1_000  # distinct texts that are remembered, of values and of words each
GAPS = ("-", ".", "?")  # missing values among numbers or dates; ordinary words among words


def read(text: str, way: str) -> Numeral | None:
    """The number, or the days since 1970, that a text denotes if it is read in this way, or None.

    >>> read("1,5", ",").value, read("02.01.1970", "dmy").value, read("1,5", "ymd")
    (1.5, 1.0, None)
    """
    if way in MARKS:
        return numeral(text, way)
    found = microseconds(text, way)
    return None if found is None else Numeral(found / DAY)


@dataclass
class Reading:
    """The texts of a column, read in one way: those that are values, and the others, the words.

    At most 1,000 distinct texts of each are remembered.
    """

    way: str
    values: dict[str, Numeral] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)

    def add(self, text: str) -> Numeral | None:
        """The value of a text, or None; remembers which."""
        found = read(text, self.way)
        if found is None:
            if len(self.words) < MOST:
                self.words.add(text)
        elif len(self.values) < MOST:
            self.values[text] = found
        return found

    @property
    def what(self) -> str:
        return "numbers" if self.way in MARKS else "dates"

    def is_consistent(self) -> bool:
        """Whether the numbers are written consistently: with a fixed number of decimals or without
        trailing zeros, and with thousands separators in all large numbers or in none."""
        decimals = {number.decimals for number in self.values.values()}
        fixed = len({*map(len, decimals)}) <= 1
        large = {n.grouped for n in self.values.values() if n.large}
        return (fixed or not any(d.endswith("0") for d in decimals)) and len(large) < 2

    @property
    def units(self) -> dict[str, str]:
        """The first number in each unit, such as $ and %, by unit; "" for none."""
        return {n.unit: text for text, n in reversed(self.values.items())}

    def mostly_values(self) -> bool:
        """Whether half of the distinct texts, or more, are values."""
        return len(self.values) > 0 and len(self.values) >= len(self.words)


@dataclass
class Readings:
    """The texts of a column, read in every way."""

    ways: dict[str, Reading] = field(default_factory=lambda: {way: Reading(way) for way in WAYS})

    @property
    def settled(self) -> bool:
        """Whether there are so many words that this is certainly a column of words."""
        return all(len(r.words) >= MOST > len(r.values) for r in self.ways.values())

    def add(self, text: str) -> dict[str, Numeral | None]:
        """The value of a text, by way."""
        return {way: reading.add(text) for way, reading in self.ways.items()}

    def best(self, hint: str = "") -> Reading:
        """The reading with the fewest words. If there are several, one that is written
        consistently is preferred, and then the way `hint`."""
        return min(
            self.ways.values(),
            key=lambda r: (len(r.words), not r.is_consistent(), r.way != (hint or ".")),
        )

    def doubt(self, hint: str = "") -> tuple[str, float, float] | None:
        """A text that may denote two values, and both, if the column is ambiguous; or None."""
        one = self.best(hint)
        if hint == one.way or (hint in MARKS and one.way in MARKS):
            return None
        for other in self.ways.values():
            if other.words != one.words or one.is_consistent() != other.is_consistent():
                continue
            for text, value in one.values.items():
                if text in other.values and other.values[text].value != value.value:
                    return text, value.value, other.values[text].value
        return None
