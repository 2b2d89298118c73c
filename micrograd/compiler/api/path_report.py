"""Path report: the trie of a function's paths, as text."""

import linecache

from micrograd.compiler.api.ways import Way
from micrograd.compiler.trace.paths import Branch, Leaf, Paths, Place

SHOWN = 12  # paths in a summary, at most


def drawn(paths: Paths) -> str:
    """The trie: a line for each question, and below it the paths of its two answers.

    The shares are those of the examples that were looked at when paths were found.
    """
    numbers = {id(place): k for k, place in enumerate(_leaves(paths), start=1)}
    total = sum(_count(place) for place in paths.places()) or 1
    lines = []
    stack = [(paths.root, 0, "")]
    while stack:
        place, depth, answer = stack.pop()
        indent = "  " * depth + answer
        content = place.content
        if isinstance(content, Branch):
            lines.append(f"{indent}{_question(content)}")
            stack += [(content.no, depth + 1, "no: "), (content.yes, depth + 1, "yes: ")]
        elif isinstance(content, Leaf):
            share = f"{100 * content.count / total:.3g} %"
            lines.append(f"{indent}path {numbers[id(place)]}, {share} of the examples")
        else:
            lines.append(f"{indent}not taken yet")
    return "\n".join(lines)


def summary(paths: Paths, way: Way) -> str:
    """How many paths there are, how many examples took each, and how they are computed."""
    leaves = _leaves(paths)
    questions = sum(isinstance(place.content, Branch) for place in paths.places())
    total = sum(map(_count, leaves)) or 1
    shares = [f"{100 * _count(place) / total:.3g} %" for place in leaves[:SHOWN]]
    more = ", ..." if len(leaves) > SHOWN else ""
    how = "all are computed, and `where` chooses"
    if not way.has_lanes:
        how = "each example computes its own"
    elif way.rare:
        how += f", but for those that less than {100 * way.rare:.3g} % take"
    lines = [f"    {line}: {n} questions" for line, n in [*paths.lines().items()][:SHOWN]]
    return "\n".join(
        [
            f"{len(leaves)} paths through {questions} questions, taken by {', '.join(shares)}{more}"
            f" of the examples; {how}:",
            *lines,
        ]
    )


def _leaves(paths: Paths) -> list[Place]:
    return [place for place in paths.places() if isinstance(place.content, Leaf)]


def _count(place: Place) -> int:
    return place.content.count if isinstance(place.content, Leaf) else 0


def _question(branch: Branch) -> str:
    file, _, number = branch.line.rpartition(":")
    text = linecache.getline(file, int(number)).strip()
    asked = "" if branch.integer is None else f" is it {branch.integer}?"
    name = file.replace("\\", "/").rpartition("/")[2]
    return f"{name}:{number}  {text}{asked}"
