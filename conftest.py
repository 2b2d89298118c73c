"""What every test and every docstring's example is run with."""

import os
import signal
from collections.abc import Iterator

import hypothesis
import pytest

from micrograd.compiler.program import ir as program
from micrograd.ops import TABLE

program.always_verify = True

# Time is the machine's affair. On a build server the examples are the same in every run.
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("server", deadline=None, derandomize=True)
hypothesis.settings.load_profile("server" if "CI" in os.environ else "here")


@pytest.fixture(autouse=True)
def table_as_it_was() -> Iterator[None]:
    """Forgets the operations that a test has added."""
    rows = dict(TABLE)
    yield
    TABLE.clear()
    TABLE.update(rows)


@pytest.fixture(scope="session", autouse=True)
def compile_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled code of the tests stays among them: the user's own cache is left alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MICROGRAD_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, also in children, where the parent ignores it (`make test &`)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
