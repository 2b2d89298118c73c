"""Lessons: text and programs, as cells."""

import re
from dataclasses import dataclass
from importlib.resources import files

NAMES = ("1-values", "2-networks", "3-compiler")
_BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$\n?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """Text in Markdown, or a program with what it prints."""

    text: str
    program: bool = False
    output: str = ""


def lesson(name: str) -> str:
    """The text of a lesson.

    >>> lesson("1-values").splitlines()[0]
    '# 1. Values and the chain rule'
    """
    return (files("micrograd.tutorial") / f"{name}.md").read_text(encoding="utf-8")


def cells(text: str) -> list[Cell]:
    """The cells of a lesson in Markdown: a block of text is the output of the program above it.

    >>> cells("# A\\n\\n```python\\nprint(1)\\n```\\n\\n```text\\n1\\n```\\n")
    [Cell(text='# A', ...), Cell(text='print(1)\\n', program=True, output='1\\n')]
    """
    found: list[Cell] = []
    at = 0
    for block in _BLOCK.finditer(text):
        if between := text[at : block.start()].strip():
            found.append(Cell(between))
        at = block.end()
        if block[1] == "python":
            found.append(Cell(block[2], program=True))
        else:
            found[-1] = Cell(found[-1].text, program=True, output=block[2])
    if rest := text[at:].strip():
        found.append(Cell(rest))
    return found
