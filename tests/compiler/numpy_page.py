"""NumPy's functions on Values and in compiled programs: `python tests/compiler/numpy_page.py`
writes docs/numpy.md."""

import re
import sys
import warnings
from functools import cache
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import test_numpy_functions as survey

PAGE = Path(__file__).parents[2] / "docs" / "numpy.md"
VERSION = ".".join(np.__version__.split(".")[:2])

# They take integers, dates, shapes or names.
OF_NO_NUMBERS = """
arange astype bartlett bincount bitwise_count bitwise_invert bitwise_left_shift bitwise_right_shift
blackman broadcast_shapes busday_count busday_offset can_cast datetime_as_string datetime_data
diag_indices einsum_path eye gcd hamming hanning identity indices is_busday isnat kaiser lcm
left_shift mask_indices ones packbits ravel_multi_index right_shift tri tril_indices triu_indices
unpackbits unravel_index zeros
"""
TEXT = """# NumPy, function by function

The functions of NumPy {version} on arrays of Values, as `mg.array` makes them, and on
traced numbers in `mg.compile` and `mg.vectorize`. A function that works has the values of NumPy on
floats, and derivatives. Any other raises an error that says what to write instead.

| function | Values | compiled | instead |
| --- | --- | --- | --- |
{rows}

Not in the table are functions that read or write files, print, modify their arguments or return a
type, and those of integers, dates, shapes or names: {others}.

`python tests/compiler/numpy_page.py` writes this page; the tests compare it with what happens.
"""


def ways_of(name: str) -> list[dict[str, str]]:
    """For each kind of arguments that the function takes, the outcome of each way to run it."""
    runs = [survey.results_of(survey.CALLS[name])] if name in survey.CALLS else []
    for label, arguments in survey.ARGUMENTS.items():
        if survey.can_take(name, label):
            runs.append(survey.results(name, arguments))
    return [
        {way: survey.outcome(run)[1] or "" for way, run in found[1].items()}
        for found in runs
        if found is not None
    ]


@cache
def rows() -> dict[str, tuple[str, str, str]]:
    """By the name of a function: whether it works on Values, compiled, and what to write."""
    table = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in survey.names():
            outcomes = ways_of(name)
            if not outcomes:
                continue
            works = {way: any(not o[way] for o in outcomes) for way in ("Values", "traced")}
            errors = [o[way] for way, good in works.items() if not good for o in outcomes]
            shown = ["yes" if good else "no" for good in works.values()]
            table[name] = (*shown, instead(errors[0]) if errors else "")
    return table


def instead(error: str) -> str:
    text = error.partition("Instead, ")[2] or error
    text = re.sub(r"; and make arrays.*|; if the derivative.*", "", text).rstrip(".")
    text = text.removeprefix("write ").replace("|", "or")
    return re.sub(
        r"\s*it in operations of micrograd, or add it with", "an operation of your own:", text
    )


def page() -> str:
    lines = [
        f"| `{name}` | {' | '.join(row)} |".replace("|  |", "| |") for name, row in rows().items()
    ]
    others = [f"`{name}`" for name in OF_NO_NUMBERS.split()]
    return TEXT.format(version=VERSION, rows="\n".join(lines), others=", ".join(others))


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
