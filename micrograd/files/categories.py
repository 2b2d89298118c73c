"""Categories: names that are the same in all spellings: `1` and `1.0`, `true` and `True`."""

import re
from collections.abc import Iterable

_PLAIN = re.compile(r"([-+]?)(0|[1-9]\d*)(?:\.(\d*))?")
_TRUTH = {"true": "1", "false": "0"}


def same(text: str) -> str:
    """The canonical form of a category, the same for all ways to write it.

    >>> same("1.0"), same("+1.50"), same("TRUE"), same("007"), same("yes")
    ('1', '1.5', 'true', '007', 'yes')
    """
    if text.lower() in _TRUTH:
        return text.lower()
    found = _PLAIN.fullmatch(text)
    if not found:
        return text
    sign, whole, decimals = found[1].strip("+"), found[2], (found[3] or "").rstrip("0")
    number = f"{whole}.{decimals}" if decimals else whole
    return number if number == "0" else sign + number


def known(categories: Iterable[str]) -> dict[str, int]:
    """The index of each category by its canonical form. True and false may be written as 1 and 0.

    >>> known(["True", "False"])
    {'true': 0, 'false': 1, '1': 0, '0': 1}
    """
    places = {same(text): place for place, text in enumerate(categories)}
    if places.keys() <= _TRUTH.keys():
        places |= {_TRUTH[text]: place for text, place in places.items()}
    elif places.keys() <= {*_TRUTH.values()}:
        places |= {text: places[digit] for text, digit in _TRUTH.items() if digit in places}
    return places


def one_form(texts: Iterable[str | None]) -> dict[str, str]:
    """For each distinct text, the most frequent text that denotes the same category.

    >>> one_form(["1", "1.0", "1", "2.0"])
    {'1': '1', '1.0': '1', '2.0': '2.0'}
    """
    counts: dict[str, int] = {}
    for text in texts:
        if text is not None:
            counts[text] = counts.get(text, 0) + 1
    best = {same(text): text for text in sorted(counts, key=lambda t: (counts[t], -len(t), t))}
    return {text: best[same(text)] for text in counts}


def alike(names: Iterable[str]) -> list[list[str]]:
    """Groups of names that differ only in case or in blanks.

    >>> alike(["yes", "Yes", "no", "new york", "New  York"])
    [['New  York', 'new york'], ['Yes', 'yes']]
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault("".join(name.lower().split()), []).append(name)
    return [group for group in groups.values() if len(group) > 1]
