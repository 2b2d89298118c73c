"""Counts the checks that each test makes, and fails those that make none.

    PYTHONPYCACHEPREFIX=$(mktemp -d) PYTHONPATH=tests \\
        python -m pytest -p checks -o enable_assertion_pass_hook=true

The directory is for the bytecode of the tests, which must not be that of earlier runs.

A check is an `assert` that passes, an assertion of NumPy, `pytest.raises` or `warns`. A test
without one cannot fail: its cases are skipped by a `continue`, or its loop runs over nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

count = 0  # of the test that runs


def counted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function; a call of it is a check."""

    def check(*args: Any, **keywords: Any) -> Any:
        pytest_assertion_pass()
        return function(*args, **keywords)

    return check


def pytest_assertion_pass() -> None:
    """Pytest calls this hook after an `assert`."""
    global count
    count += 1


for owner, names in (np.testing, dir(np.testing)), (pytest, ("raises", "warns")):
    for name in names:
        if name.startswith(("assert_", "raises", "warns")):
            setattr(owner, name, counted(getattr(owner, name)))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    global count
    count = 0
    result = yield
    if not count:
        pytest.fail(f"{pyfuncitem.nodeid} makes no check", pytrace=False)
    return result
