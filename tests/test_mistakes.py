"""docs/errors.md: each mistake brings its message, and each repair works."""

import sys
from typing import Any

import mistakes
import pytest
import reference
from mistakes import MISTAKES
from programs_with_mistakes import Mistake, message_of, repaired

from micrograd.compiler.trace import symbol, trace
from micrograd.compiler.trace.errors import TraceError

EACH = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.title)


def test_the_page_shows_the_messages_of_today() -> None:
    """Otherwise: `python tests/mistakes.py` writes it."""
    assert mistakes.PAGE.read_text(encoding="utf-8") == mistakes.page()


@EACH
def test_a_repair_works(mistake: Mistake) -> None:
    repaired(mistake)


def test_every_error_class_has_a_mistake() -> None:
    classes = {kind.__name__ for kind in reference.error_classes()}
    assert classes == {mistake.error for mistake in MISTAKES}


def test_every_way_to_a_trace_error_has_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the functions of these two files that were running when one was made."""
    met = set()
    made = TraceError.__init__

    def recorded(self: Any, *args: object) -> None:
        frame: Any = sys._getframe()
        while frame:
            if frame.f_code.co_filename in (symbol.__file__, trace.__file__):
                met.add(frame.f_code.co_name)
            frame = frame.f_back
        made(self, *args)

    monkeypatch.setattr(TraceError, "__init__", recorded)
    for mistake in MISTAKES:
        if mistake.error == "TraceError":
            message_of(mistake)
    makers = [reference.functions_that_raise(file, "TraceError") for file in (symbol, trace)]
    assert set.union(*makers) - met == {
        "__array_ufunc__", "__array_function__",  # `vectorize` catches these, and passes rows
    }  # fmt: skip
