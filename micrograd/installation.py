"""Installation: whether the package's files on disk are still those that were imported.

An upgrade may replace the files while a process runs. The disk cache is shared between processes,
so its entries must come from a known version of the code. The state of the files is recorded before
the first import, and compared before the cache is used.
"""

import os
import warnings
from collections.abc import Iterator

ROOT = os.path.dirname(__file__)


def sources() -> Iterator[str]:
    """Sorted paths of the files that determine the results of a program."""
    yield from _listed(ROOT)
    for folder, _, _ in sorted(os.walk(os.path.join(ROOT, "compiler"))):
        yield from _listed(folder)


def _listed(folder: str) -> list[str]:
    names = sorted(name for name in os.listdir(folder) if name.endswith((".py", ".ll")))
    return [os.path.join(folder, name) for name in names]


def _state(paths: list[str]) -> list[tuple[int, int, int, int]]:
    """The inode, size and times of each file, which change if it is written or replaced."""
    try:
        states = [*map(os.stat, paths)]
    except OSError:  # a file was removed meanwhile
        return []
    return [(s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in states]


try:
    _paths = [*sources()]
except OSError:  # the package is in an archive
    _paths = []
_imported = _state(_paths)


def unchanged() -> bool:
    """Whether all files are unchanged since before the first import."""
    return _state(_paths) == _imported


def check_for_the_other_package() -> None:
    """Warns if karpathy's `micrograd` is installed, whose files have the same names as ours."""
    beside = os.path.dirname(ROOT)
    try:
        names = os.listdir(beside)
    except OSError:  # the package is in an archive
        return
    if any(name.startswith("micrograd-0.1.0") and name.endswith("-info") for name in names):
        warnings.warn(
            "the package `micrograd` (karpathy/micrograd) is installed in the same folder, "
            f"{beside}, so that its files and ours overwrite each other. Uninstall micrograd and "
            "micrograd-native, then install micrograd-native again",
            RuntimeWarning,
            stacklevel=2,
        )


check_for_the_other_package()
