"""Paths in printed C99, and in the disk cache."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiled_c import COMPILER, CompiledC

import micrograd as mg
from micrograd import Value
from micrograd.compiler.api import own_paths
from micrograd.compiler.api.ways import ALL_LANES, NO_LANES, Way

SLOPE = Value(0.7, name="slope")


def branching(x: Any, y: Any) -> Any:
    low, high = sorted([x, y])
    if high - low > 1.0:
        return SLOPE * high * low
    while abs(low) > 0.3:
        low = 0.5 * low
    return low + int(high) * x


X, Y = np.random.default_rng(0).normal(0.0, 1.5, (2, 300))


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
@pytest.mark.parametrize("exact", [False, True])
def test_printed_c_takes_the_known_paths(tmp_path: Path, exact: bool) -> None:
    f = mg.vectorize(branching, exact=exact)
    value, gradient = f.value_and_grad(X, Y)
    outputs = CompiledC(str(f.source("c", gradient="arguments")), tmp_path)(f.pack(), X, Y)
    by_name = [outputs[name][:, 0] for name in sorted(outputs)]
    np.testing.assert_allclose(by_name, [*gradient, value], rtol=1e-12)


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
def test_printed_c_gives_nan_on_a_path_that_was_not_known(tmp_path: Path) -> None:
    f = mg.vectorize(lambda x: x * x if x > 0 else -x)
    f([1.0, 2.0])
    (value,) = CompiledC(str(f.source("c")), tmp_path)(f.pack(), np.array([3.0, -1.0])).values()
    np.testing.assert_array_equal(value[:, 0], [9.0, np.nan])


def settled(x: Any, y: Any) -> Any:
    low, high = sorted([x, y])
    if high - low > 1.0:
        return high * low
    return max(low, 0.5) if low * high > 0.2 else -high


@pytest.mark.native
@pytest.mark.parametrize("way", [ALL_LANES, NO_LANES, Way(0.02)])
@pytest.mark.parametrize("f", [settled, branching])
def test_the_disk_cache_knows_paths_again_in_whatever_order_examples_come(
    f: Any, way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_paths, "choose", lambda *known: way)
    monkeypatch.setenv("MICROGRAD_CACHE_DIR", str(tmp_path))
    first = mg.vectorize(f)(X, Y)
    files = {file.name for file in tmp_path.rglob("*") if file.is_file()}
    again = mg.vectorize(f)(X[::-1], Y[::-1])[::-1]
    np.testing.assert_array_equal(first, again)
    assert files
    assert {file.name for file in tmp_path.rglob("*") if file.is_file()} == files
