"""Prints the lowest version of each package that pyproject.toml allows, as constraints for pip."""

import itertools
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
BOUND = re.compile(r"(?P<name>[\w.-]+)>=(?P<version>[\w.]+)(; .*)?")


def requirements() -> list[str]:
    """The requirements of the package, of its extras, and of its development groups."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = declared["project"]
    optional = (project["optional-dependencies"] | declared["dependency-groups"]).values()
    found = [*project["dependencies"], *itertools.chain.from_iterable(optional)]
    return [one for one in found if not one.startswith(project["name"])]  # but for `all`


def lowest(requirement: str) -> str:
    """The constraint for the lowest version of a requirement.

    >>> lowest("numpy>=2.0")
    'numpy==2.0'
    """
    bound = BOUND.fullmatch(requirement)
    if bound is None:
        raise ValueError(f"{requirement!r} has no lower bound: write name>=version")
    return f"{bound['name']}=={bound['version']}"


if __name__ == "__main__":
    print(*map(lowest, requirements()), sep="\n")
