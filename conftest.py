"""Configuration of all tests and doctests."""

import os
import random
import signal
from collections.abc import Generator, Iterator

import hypothesis
import pytest

from micrograd.compiler.program import verify
from micrograd.compiler.runtime.extension import layouts
from micrograd.ops import TABLE

verify.always_verify = True

try:
    import llvmlite  # noqa: F401
except ModuleNotFoundError as error:
    no_machine_code = f"no machine code is made: {error}"
else:
    no_machine_code = ""

# Modules that need llvmlite. Tests that need it are marked `native`.
ABOUT_MACHINE_CODE = [
    "micrograd/compiler/llvm/*", "micrograd/compiler/runtime/jit.py",
    "tests/compiler/test_builder.py", "tests/compiler/elementary.py",
    "tests/compiler/special_functions.py", "tests/compiler/test_special_functions.py",
    "tests/compiler/test_vectormath.py",
]  # fmt: skip
# Not collected for doctests: several modules named conftest cannot be imported.
collect_ignore_glob = [
    "tests/without/*", "tests/*/conftest.py", *(ABOUT_MACHINE_CODE if no_machine_code else []),
]  # fmt: skip

# No deadlines, since machines differ in speed. On a build server the examples are fixed.
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("server", deadline=None, derandomize=True)
hypothesis.settings.load_profile("server" if "CI" in os.environ else "here")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds an option for a random order of tests."""
    parser.addoption("--shuffle", type=int, metavar="SEED", help="take the tests in another order")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffles the tests if requested."""
    seed = config.getoption("shuffle")
    if seed is not None:
        random.Random(seed).shuffle(items)


def pytest_report_header() -> str:
    """Reports the modules that are left out."""
    return no_machine_code and f"{no_machine_code}; left out: {', '.join(ABOUT_MACHINE_CODE)}"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Skips tests that need llvmlite if it is not installed."""
    if no_machine_code and item.get_closest_marker("native"):
        item.add_marker(pytest.mark.skip(reason=no_machine_code))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, object, object]:
    """Removes the operations that a file of tests adds: files read later test all rows."""
    rows = dict(TABLE)
    try:
        return (yield)
    finally:
        TABLE.clear()
        TABLE.update(rows)


@pytest.fixture(autouse=True)
def table_as_it_was() -> Iterator[None]:
    """Removes the operations that a test has added."""
    rows = dict(TABLE)
    yield
    TABLE.clear()
    TABLE.update(rows)


@pytest.fixture(scope="session", autouse=True)
def compile_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Gives the tests a compile cache of their own, so that the user's cache is not touched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MICROGRAD_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        layouts(single=True)  # compiles the extension, which thus is no entry of a test's own cache
        yield


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Enables Ctrl-C, also in child processes, even if the parent ignores it (`make test &`)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
