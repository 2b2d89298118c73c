"""Compiled C: the printed C99 of a vectorized function, called with arrays."""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
FLAGS = ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]  # beside those in the text
_OUTPUT = re.compile(r"\*(\w+) +out: ([\d,]+) numbers?( for each example)?")


class CompiledC:
    """Calls the function in `text`; the comment at its top says how."""

    def __init__(self, text: str, folder: Path):
        self.text = text
        file, library = folder / "f.c", folder / f"{len(list(folder.iterdir()))}.so"
        file.write_text(text)
        told = re.search(r"\* cc (.*) -c \w+\.c;", text)
        assert told is not None
        done = subprocess.run(
            [str(COMPILER), *told[1].split(), *FLAGS, str(file), "-o", str(library), "-lm"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = re.search(r"^void (\w+)\(", text, re.MULTILINE)
        assert found is not None
        self.function = ctypes.CDLL(str(library))[found[1]]

    def __call__(self, parameters: Any, *inputs: Any, seed: float = 1.0) -> dict[str, Any]:
        """The outputs by name: a row for each example, or one for all."""
        n = len(inputs[0])
        outputs = {
            name: np.full((n if each else 1, _number(size)), np.nan)
            for name, size, each in _OUTPUT.findall(self.text)
        }
        found = re.search(r"\*memory +([\d,]+) number", self.text)
        assert found is not None
        memory = np.full(_number(found[1]), np.nan)
        given = [np.ascontiguousarray(x, float) for x in (parameters, *inputs) if np.size(x)]
        self.function(
            *map(_pointer, given), ctypes.c_double(seed), ctypes.c_long(n),
            *map(_pointer, outputs.values()), _pointer(memory),
        )  # fmt: skip
        return outputs


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _pointer(array: Any) -> Any:
    return array.ctypes.data_as(ctypes.c_void_p)
