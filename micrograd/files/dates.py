"""Dates: text that denotes a day, a time, or both, with day, month and year in a given order.

ISO's order is `ymd`: 2024-01-31, 2024/01/31 10:30, 2024-01. The others are `dmy`, as in 31.01.2024,
and `mdy`, as in 01/31/2024. A time of day, or a day whose month is a word, is valid in every order.
"""

import re
from datetime import date, datetime, time, timedelta
from functools import cache

ORDERS = ("ymd", "dmy", "mdy")
DAY = 86_400e6  # microseconds
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_TIME = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?\s*(?P<zone>Z|[-+]\d\d(?::?\d\d)?)?"
)
_DAYS = {
    "ymd": r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d\d?)(?P=mark)(?P<day>\d\d?)",
    "dmy": r"(?P<day>\d\d?)(?P<mark>[-/.])(?P<month>\d\d?)(?P=mark)(?P<year>\d{4})",
    "mdy": r"(?P<month>\d\d?)(?P<mark>[-/])(?P<day>\d\d?)(?P=mark)(?P<year>\d{4})",
}
_ANY = (  # the same in every order
    r"(?P<day>\d\d?)[- ](?P<word>[A-Za-z]{3,9})\.?,?[- ](?P<year>\d{4})",
    r"(?P<word>[A-Za-z]{3,9})\.? (?P<day>\d\d?),? (?P<year>\d{4})",
)


@cache
def _forms(order: str) -> tuple[re.Pattern[str], ...]:
    days = (_DAYS[order], *_ANY)
    month = (r"(?P<year>\d{4})[-/](?P<month>\d\d?)",) * (order == "ymd")
    forms = (*(rf"{day}(?:(?:T|\s+){_TIME})?" for day in days), *month, _TIME)
    return tuple(map(re.compile, forms))


def microseconds(text: str, order: str) -> int | None:
    """The time that a text denotes, since 1970 or, without a day, since midnight; or None.

    >>> microseconds("31.01.1970", "dmy") == microseconds("1970-01-31T00:00", "ymd") == 30 * DAY
    True
    >>> microseconds("31.01.1970", "mdy"), microseconds("00:00:01", "mdy")
    (None, 1000000)
    """
    if not text[:1].isalnum() or not any(map(str.isdigit, text)):
        return None
    for form in _forms(order):
        if found := form.fullmatch(text):
            try:
                return _counted({name: part for name, part in found.groupdict().items() if part})
            except ValueError:  # such as a day 32
                return None
    return None


def _counted(parts: dict[str, str]) -> int:
    whole = timedelta()
    if "year" in parts:
        day = date(int(parts["year"]), _month(parts), int(parts.get("day", 1)))
        whole += day - date(1970, 1, 1)
    if "hour" in parts:
        clock = time(_hour(parts), int(parts["minute"]), int(parts.get("second", 0)))
        whole += datetime.combine(date.min, clock) - datetime.min
        whole += timedelta(microseconds=int(parts.get("part", "0").ljust(6, "0")[:6]))
        whole -= _zone(parts.get("zone", "Z"))
    return whole // timedelta(microseconds=1)


def _month(parts: dict[str, str]) -> int:
    word = parts.get("word", "").lower()
    if not word:
        return int(parts["month"])
    fits = [n for n, full in enumerate(_MONTHS, 1) if word in (full, full[:3], full[:4])]
    if not fits:
        raise ValueError(word)
    return fits[0]


def _hour(parts: dict[str, str]) -> int:
    hour, half = int(parts["hour"]), parts.get("half", "").lower()
    if half and not 1 <= hour <= 12:
        raise ValueError(hour)
    return hour % 12 + 12 * (half == "p") if half else hour


def _zone(zone: str) -> timedelta:
    """The offset of a time zone such as Z, +02:00 or -0530."""
    digits = re.sub(r"\D", "", zone).ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if zone[0] == "-" else offset
