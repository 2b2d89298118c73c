"""Has anything become slower? Compares two checkouts of this repository, in turns.

    python benchmarks/paired.py BEFORE AFTER [word ...]

runs the programs of `paired_programs.py` whose names contain one of the words; without words, all.
Each checkout runs in a process of its own, and the two take turns: so what else happens on the
machine slows both. The ratio is the median of the ratios of neighbouring turns; below 1, the
checkout AFTER is faster.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import side_by_side

PAIRS, ONCE_PAIRS = 40, 7  # turns of calls; new processes for programs that are measured once
LAUNCHES = 2  # of both processes, because the layout of memory varies
ROUND, PATIENCE = 0.02, 0.3  # seconds of a turn; of the calls that warm up
PEERS = "jax", "jax.numpy", "torch", "torch.nn", "heyoka", "skorch"


class Runner:
    """A checkout in its own process, which runs a program on request."""

    def __init__(self, checkout: str, name: str, cache: str):
        path = os.environ | {"PYTHONPATH": checkout, "MICROGRAD_CACHE_DIR": cache}
        command = [sys.executable, "-W", "ignore", __file__, "--runner", name]
        self._process = subprocess.Popen(
            command, env=path, text=True, bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def seconds(self, repeats: int = 1) -> float:
        """The processor time of a call, as the mean of so many."""
        assert self._process.stdin
        assert self._process.stdout
        print(repeats, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("the program failed, see above")
        return float(answer)

    def end(self) -> None:
        self._process.communicate()


class _Anything(type):
    """A class whose attributes and results are itself."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls


class _Absent(metaclass=_Anything):
    """Stands for the package of a peer."""


def run(name: str) -> None:
    """The loop of a runner: reads numbers of calls, and prints the time of one."""
    sys.modules |= dict.fromkeys(PEERS, _Absent)  # only our sides run
    from paired_programs import PROGRAMS, Once

    side_by_side.stages()
    program = PROGRAMS[name]
    call = program.prepare()
    if not isinstance(program, Once):
        start = time.process_time()
        while time.process_time() - start < PATIENCE:
            call()
    for line in sys.stdin:
        repeats = range(int(line))
        start = time.process_time()
        for _ in repeats:
            call()
        print((time.process_time() - start) / len(repeats), flush=True)


Pair = tuple[float, float]


def pairs_of_calls(name: str, checkouts: list[str], caches: list[str]) -> list[Pair]:
    """Times of both checkouts in neighbouring turns."""
    pairs: list[Pair] = []
    for _ in range(LAUNCHES):
        both = [Runner(checkout, name, cache) for checkout, cache in zip(checkouts, caches)]
        repeats = [max(1, round(ROUND / runner.seconds())) for runner in both]
        for k in range(PAIRS // LAUNCHES):
            order = (0, 1) if k % 2 else (1, 0)
            times = {i: both[i].seconds(repeats[i]) for i in order}
            pairs.append((times[0], times[1]))
        for runner in both:
            runner.end()
    return pairs


def pairs_of_first_calls(name: str, checkouts: list[str]) -> list[Pair]:
    """Times in new processes, without the disk cache."""
    pairs: list[Pair] = []
    for k in range(ONCE_PAIRS):
        times: dict[int, float] = {}
        for i in (0, 1) if k % 2 else (1, 0):
            runner = Runner(checkouts[i], name, "")
            times[i] = runner.seconds()
            runner.end()
        pairs.append((times[0], times[1]))
    return pairs


def row(name: str, program: Any, pairs: list[Pair]) -> None:
    before, after = (statistics.median(times) * 1e6 / program.per for times in zip(*pairs))
    ratios = sorted(b / a for a, b in pairs)
    low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
    print(
        f"  {name:50} {before:12,.2f} {after:12,.2f}  {statistics.median(ratios):5.2f}"
        f"  {low:5.2f}-{high:.2f}",
        flush=True,
    )


def main(before: str, after: str, words: list[str]) -> None:
    from paired_programs import PROGRAMS, Once

    side_by_side.header(how="processor time of one thread, µs; two processes in turns")
    checkouts = [str(Path(checkout).resolve()) for checkout in (before, after)]
    print(f"{'':52} {'before':>12} {'after':>12}  {'ratio':5}  quartiles")
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        for name, program in PROGRAMS.items():
            if words and not any(word in name for word in words):
                continue
            if isinstance(program, Once):
                row(name, program, pairs_of_first_calls(name, checkouts))
            else:
                row(name, program, pairs_of_calls(name, checkouts, [one, other]))


if __name__ == "__main__":
    if sys.argv[1] == "--runner":
        run(sys.argv[2])
    else:
        main(sys.argv[1], sys.argv[2], sys.argv[3:])
