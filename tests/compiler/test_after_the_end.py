"""Threads that outlive the main thread: since Python 3.12 they may not start others."""

import _thread
import os
import subprocess
import sys
from pathlib import Path

import pytest

import micrograd as mg

pytestmark = pytest.mark.native

AFTER_THE_END = """
import threading
import micrograd as mg

known = mg.compile(lambda x: x + 1.0)
known(1.0)

def later():
    threading.main_thread().join()
    print(known(2.0))
    try:
        print(mg.compile(lambda x: x * x + 3.0)(2.0))
    except RuntimeError as error:
        print(error)

threading.Thread(target=later).start()
"""
MESSAGE = "nothing can be compiled any more: the main thread has ended"


def test_a_thread_that_outlives_the_main_thread_calls_what_is_compiled(tmp_path: Path) -> None:
    """It compiles, too, or says why it cannot."""
    program = [sys.executable, "-c", AFTER_THE_END]
    environment = {"MICROGRAD_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(program, capture_output=True, text=True, env=os.environ | environment)
    first, second = done.stdout.splitlines()
    assert first == "3.0"
    assert second == "7.0" or (second.startswith(MESSAGE) and sys.version_info >= (3, 12))
    assert done.stderr == ""


def test_where_no_thread_can_be_started_the_message_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    f = mg.compile(lambda x: x * x * 5.5 - 0.25)
    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    with pytest.raises(RuntimeError, match=MESSAGE):
        f(2.0)
    monkeypatch.undo()
    assert f(2.0) == 21.75
