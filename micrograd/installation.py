"""Installation: whether the package's files are still those that were imported.

An upgrade replaces them under a process that runs. What is kept on disk, for others to use, may
only come from code that is known: so the state of the files is noted before the first is imported,
and compared whenever that matters.
"""

import os
import warnings
from collections.abc import Iterator

ROOT = os.path.dirname(__file__)


def sources() -> Iterator[str]:
    """Paths of the files that decide what a program computes, in their order."""
    yield from _listed(ROOT)
    for folder, _, _ in sorted(os.walk(os.path.join(ROOT, "compiler"))):
        yield from _listed(folder)


def _listed(folder: str) -> list[str]:
    names = sorted(name for name in os.listdir(folder) if name.endswith((".py", ".ll")))
    return [os.path.join(folder, name) for name in names]


def _state() -> list[tuple[str, int, int, int, int]]:
    """What differs once a file is written or replaced: its inode, its size or its times."""
    try:
        states = [(path, os.stat(path)) for path in sources()]
    except OSError:  # one was removed meanwhile, or all are in an archive
        return []
    return [(path, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for path, s in states]


_imported = _state()


def unchanged() -> bool:
    """Whether all files are as they were before the first of them was imported."""
    return _state() == _imported


def check_for_the_other_package() -> None:
    """Warns where karpathy's `micrograd` is installed, whose files have the names of ours."""
    beside = os.path.dirname(ROOT)
    try:
        names = os.listdir(beside)
    except OSError:  # in an archive
        return
    if any(name.startswith("micrograd-0.1.0") and name.endswith("-info") for name in names):
        warnings.warn(
            "the package `micrograd` (karpathy/micrograd) is installed in the folder of this one, "
            f"{beside}: its files and ours overwrite each other. Uninstall both, micrograd and "
            "micrograd-native, and install micrograd-native again",
            RuntimeWarning,
            stacklevel=2,
        )


check_for_the_other_package()
