"""A compile cache in a directory of its own, and a search that finds short loops."""

from pathlib import Path

import pytest

from micrograd.compiler.runtime import disk_cache as cache
from micrograd.compiler.trace import found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of an empty cache, not yet created, with no warnings issued yet."""
    monkeypatch.setenv("MICROGRAD_CACHE_DIR", str(tmp_path / "cache"))
    cache._warn.cache_clear()
    path = cache.directory()
    assert path
    return path


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops of few operations count as well."""
    monkeypatch.setattr(found, "NODES", 30)
