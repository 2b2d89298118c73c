"""A C compiler, and the printed C as a library that it has made."""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from micrograd.compiler.c import source as c
from micrograd.compiler.program.ir import Program
from micrograd.compiler.schedule.schedule import schedule

Array = NDArray[Any]
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
FLAGS = ["-std=c99", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]


class Library:
    """A printed program, compiled and loaded; called with arrays, it returns the outputs."""

    def __init__(self, program: Program, lanes: int, dtype: str, folder: Path):
        self.program, self.dtype, self.many = program, np.dtype(dtype), lanes > 1
        self.text = c.source(schedule(program, lanes, native=False), dtype == "float64", "f")
        file, library = folder / "f.c", folder / "f.so"
        file.write_text(self.text)
        command = [str(COMPILER), *FLAGS, str(file), "-o", str(library), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.f = ctypes.CDLL(str(library)).f
        self.f.restype = None

    def __call__(self, n: int, inputs: list[Array], w: Array, seed: float) -> dict[str, Array]:
        number = ctypes.c_double if self.dtype == "float64" else ctypes.c_float
        found = re.search(r"\*memory +([\d,]+) number", self.text)
        assert found is not None
        outputs = {}
        for name, gathers in self.program.outputs.items():
            members = sum(map(len, gathers))
            varying = any(g.block.varying for g in gathers)
            outputs[name] = np.full((n, members) if varying else members, np.nan, self.dtype)
        memory = np.full(int(found[1].replace(",", "")), np.nan, self.dtype)
        given = [w.astype(self.dtype)] * (w.size > 0) + [x.astype(self.dtype) for x in inputs]
        examples = [number(seed), ctypes.c_long(n)] * self.many
        arrays = [x.ctypes.data_as(ctypes.c_void_p) for x in given]
        results = [x.ctypes.data_as(ctypes.c_void_p) for x in (*outputs.values(), memory)]
        self.f(*arrays, *examples, *results)
        return outputs
