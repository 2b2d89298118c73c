"""Side by side: runs all sides of a benchmark in one process, in turns, on one thread.

Prints a table of medians. Times are processor times of all threads of the process, so that other
processes on the machine hardly affect them. Import this before NumPy, PyTorch and JAX: it
configures them to use one thread.
"""

import ctypes
import importlib
import os
import pkgutil
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

os.environ |= {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NPROC": "1",  # JAX's pool of threads
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "JAX_ENABLE_X64": "1",
    "JAX_CPU_ENABLE_ASYNC_DISPATCH": "0",  # otherwise it dispatches each call to a thread
    "JAX_PLATFORMS": "cpu",
}

COMPILER = "g++", "-O3", "-ffast-math", "-shared", "-fPIC"
WARM_UP, ROUND = 1.0, 2e-3  # seconds

Side = Callable[[], Any]  # one call, from Python, everything included


# Bars.


@dataclass(frozen=True)
class Faster:
    """Ours must be at least this many times as fast as the peer."""

    least: float

    def met(self, ours: float, peer: float) -> bool:
        return peer / ours >= self.least

    def __str__(self) -> str:
        return f"≥ {self.least:g} x as fast"


@dataclass(frozen=True)
class Within:
    """Ours may take at most this many times the peer's time."""

    most: float

    def met(self, ours: float, peer: float) -> bool:
        return ours / peer <= self.most

    def __str__(self) -> str:
        return f"≤ {self.most:g} x its time"


@dataclass(frozen=True)
class Below:
    """A number must be at most this one."""

    most: float
    unit: str

    def met(self, ours: float) -> bool:
        return ours <= self.most

    def __str__(self) -> str:
        return f"≤ {self.most:g} {self.unit}".strip()


def verdict(bar: Any, *seconds: float) -> bool:
    """Prints a bar, and whether it is met, at the end of a table line."""
    met = bar.met(*seconds)
    print(f"   {bar}: {'met' if met else 'NOT MET'}", end="")
    return met


# Comparing.


def compare(
    title: str,
    sides: Mapping[str, Side],
    bars: Mapping[str, tuple[Any, ...]],
    per: float = 1.0,
    unit: str = "µs",
    rounds: int = 31,
) -> bool:
    """Prints the median time of a call of each side, and the bars; returns whether all are met.

    The first side is ours. Times are divided by `per`, the number of items in one call.
    """
    return table(title, medians(sides, rounds), bars, per, unit)


def table(
    title: str,
    seconds: Mapping[str, float],
    bars: Mapping[str, tuple[Any, ...]],
    per: float = 1.0,
    unit: str = "µs",
) -> bool:
    """Prints the time of each side, and the bars; returns whether all are met. See `compare`."""
    scale = {"s": 1.0, "ms": 1e3, "µs": 1e6, "ns": 1e9}[unit] / per
    ours = seconds[next(iter(seconds))]
    met = True
    print(f"{title + ', ' + unit:54}  {'time':>9}  {'/ ours':>8}")
    for name, time_ in seconds.items():
        print(f"  {name:52}  {time_ * scale:9,.2f}  {time_ / ours:8.2f}", end="")
        for bar in bars.get(name, ()):
            number = (ours * scale,) if isinstance(bar, Below) else (ours, time_)
            met &= verdict(bar, *number)
        print(flush=True)
    print(flush=True)
    return met


def medians(sides: Mapping[str, Side], rounds: int) -> dict[str, float]:
    """Seconds of one call of each side; the sides run in turns, under the same conditions."""
    repeats = {name: _warm_up(side) for name, side in sides.items()}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            times[name].append(_seconds(side, repeats[name]))
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def _warm_up(side: Side) -> int:
    """Calls a side for a second (JAX is slow at first); returns the number of calls in a round."""
    start = time.process_time()
    last = 0.0
    while time.process_time() - start < WARM_UP:
        last = _seconds(side, 1)
    return max(1, round(ROUND / last))


def _seconds(side: Side, repeats: int) -> float:
    again = range(repeats)
    start = time.process_time()
    for _ in again:
        side()
    return (time.process_time() - start) / repeats


def agree(what: str, ours: Any, theirs: Any, tolerance: float = 1e-9) -> None:
    """Asserts, before timing, that two sides computed the same numbers.

    The largest difference is relative to the largest number.
    """
    import numpy as np

    x, y = np.asarray(ours, float), np.asarray(theirs, float)
    assert x.shape == y.shape, f"{what}: shapes {x.shape} and {y.shape}"
    error = np.abs(x - y).max() / np.abs(y).max()
    assert error <= tolerance, f"{what}: differs by {error:.1e} of the largest number"


# The machine and its software.


def stages() -> None:
    """Imports the stages of our compiler before timing; otherwise the first call imports them."""
    compiler = importlib.import_module("micrograd.compiler")
    for module in pkgutil.walk_packages(compiler.__path__, "micrograd.compiler."):
        importlib.import_module(module.name)


@cache
def by_hand(name: str) -> ctypes.CDLL:
    """The program `by_hand/<name>.cpp`, compiled for the same processor as ours."""
    source = Path(__file__).parent / "by_hand" / f"{name}.cpp"
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / f"{name}.so"
        target = f"-march={os.environ.get('MICROGRAD_CPU') or 'native'}"
        subprocess.run([*COMPILER, target, str(source), "-o", str(library)], check=True)
        return ctypes.CDLL(str(library))


def addresses(*arrays: Any) -> tuple[ctypes.c_void_p, ...]:
    """The addresses of arrays, for a program by hand."""
    return tuple(ctypes.c_void_p(array.ctypes.data) for array in arrays)


def header(*packages: str, how: str = "one thread; medians of processor time") -> None:
    """Prints the machine, the versions of the packages, and the method of comparison."""
    print(f"{_processor()}, {os.cpu_count()} processors, {platform.platform()}")
    names = ("micrograd-native", "llvmlite", "numpy", *packages)
    print(f"Python {platform.python_version()}, " + ", ".join(map(_version, names)))
    if "torch" in packages:
        importlib.import_module("torch").set_num_threads(1)
    if "MICROGRAD_CPU" in os.environ:
        print(f"compiled for {os.environ['MICROGRAD_CPU']}")
    print(f"{how}; load {os.getloadavg()[0]:.1f}\n", flush=True)


def _version(name: str) -> str:
    if name == "g++":
        command = ["g++", "-dumpfullversion"]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        return f"g++ {answer.stdout.strip()}"
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        sys.exit(f"{name} is missing: `make bench` sets up the environment of the benchmarks")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "unknown")
