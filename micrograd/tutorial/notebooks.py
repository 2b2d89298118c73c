"""A lesson as a Jupyter notebook, without outputs: `python -m micrograd.tutorial.notebooks DIR`."""

import json
import sys
from pathlib import Path
from typing import Any

from micrograd.tutorial.lessons import NAMES, Cell, cells, lesson


def notebook(name: str) -> str:
    """The text of the notebook of a lesson.

    >>> json.loads(notebook("1-values"))["cells"][0]["cell_type"]
    'markdown'
    """
    content = {
        "cells": [_cell(k, cell) for k, cell in enumerate(cells(lesson(name)))],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _cell(k: int, cell: Cell) -> dict[str, Any]:
    source = cell.text.rstrip("\n").splitlines(keepends=True)
    common = {"id": f"cell-{k}", "metadata": {}, "source": source}
    if not cell.program:
        return {"cell_type": "markdown", **common}
    return {"cell_type": "code", **common, "execution_count": None, "outputs": []}


if __name__ == "__main__":
    for lesson_name in NAMES:
        path = Path(sys.argv[1]) / f"{lesson_name}.ipynb"
        path.write_text(notebook(lesson_name), encoding="utf-8")
