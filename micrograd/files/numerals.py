"""Numerals: text that denotes numbers, as people write it: `$1,300`, `(12.50)`, `45 %`, `1.299,99`.

A text may be read with a decimal point or with a decimal comma. All values of a column must be read
in the same way; if both ways are possible, an error asks the user.
"""

import re
from dataclasses import dataclass
from functools import cache

MARKS = {".": ",", ",": "."}  # the decimal mark, and the mark between thousands
UNITS = "$€£¥₹%"
INFINITE = {"inf", "infinity", "+inf", "+infinity"}
_PLAIN = str.maketrans({"\N{MINUS SIGN}": "-", "\xa0": " ", "\u202f": " ", "\u2009": " "})
_AROUND = re.compile(rf"([-+]?)\s*([{UNITS}]?)\s*([-+]?)\s*([\d.,' ]*\d[.,]?)([eEdD][-+]?\d+)?\s*"
                     rf"([{UNITS}]?)")  # fmt: skip


@dataclass(frozen=True)
class Numeral:
    """A number as it was written: its value, its unit, the digits after its mark, its grouping."""

    value: float
    unit: str = ""
    decimals: str = ""
    grouped: bool = False
    large: bool = False  # four digits or more before the mark


@cache
def _digits(mark: str) -> re.Pattern[str]:
    """The digits of a number, in groups or not: the groups, the whole part, the decimals."""
    m, g = re.escape(mark), f"[{re.escape(MARKS[mark])}' ]"
    return re.compile(rf"(?:([1-9]\d{{0,2}}(?:({g})\d{{3}})(?:\2\d{{3}})*)|(\d*))(?:{m}(\d*))?")


def numeral(text: str, mark: str = ".") -> Numeral | None:
    """The number that a text denotes if `mark` separates its decimals, or None.

    >>> [n.value for n in map(numeral, ("$1,300", "(12.50)", "45 %", "1.2D4")) if n]
    [1300.0, -12.5, 45.0, 12000.0]
    >>> numeral("1.299,99", ",").value, numeral("1.299,99")
    (1299.99, None)
    """
    if text.isalpha() and text.lower() not in INFINITE:
        return None
    text = text.translate(_PLAIN).strip()
    sign = 1.0
    if text[:1] == "(" and text[-1:] == ")":
        sign, text = -1.0, text[1:-1].strip()
    found = _AROUND.fullmatch(text)
    if not found:
        bare = text.lower()
        endless = bare in INFINITE or (bare[:1] == "-" and bare[1:] in INFINITE)
        return Numeral(sign * float(bare)) if endless else None
    minus, before, second, digits, power, after = found.groups()
    parts = _digits(mark).fullmatch(digits)
    if not parts or (minus and second) or (before and after):
        return None
    grouped, _, bare, decimals = parts.groups()
    whole = re.sub(r"\D", "", grouped or bare)
    exponent = (power or "").replace("d", "e").replace("D", "e")
    value = float(f"{whole or '0'}.{decimals or '0'}{exponent}")
    if "-" in (minus, second):
        sign = -sign
    return Numeral(sign * value, before or after, decimals or "", bool(grouped), len(whole) > 3)


def check_mark(mark: str) -> None:
    """Raises ValueError for anything but a decimal mark, or "" for one to be inferred."""
    if mark not in ("", *MARKS):
        raise ValueError(f"decimal must be '.' or ',', got {mark!r}")


def is_plain(text: str) -> bool:
    """Whether Python reads a text as a number.

    >>> is_plain("1234.5"), is_plain("1,234.5")
    (True, False)
    """
    try:
        float(text)
    except ValueError:
        return False
    return True


def in_the_way(text: str) -> str:
    """What keeps a text from being a number: the characters around its digits, or "".

    >>> in_the_way("~12.5"), in_the_way("12 kg"), in_the_way("a12b3")
    ('~', 'kg', '')
    """
    found = re.fullmatch(r"([^\d]*?)\s*([-+]?[\d.,' ]*\d)\s*([^\d]*)", text.translate(_PLAIN))
    if not found or not (numeral(found[2]) or numeral(found[2], ",")):
        return ""
    return " and ".join(part.strip() for part in (found[1], found[3]) if part.strip())
