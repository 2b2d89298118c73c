"""Runs the suite as on other machines: `python tests/machines.py`, with arguments for pytest.

Each machine is this one with narrower vectors (a level of x86-64 that this processor lacks is left
out, which is said), or without llvmlite. Every run ignores Ctrl-C, as what a shell runs in the
background, and takes the tests in an order of its own, with its own seed for hashes.
"""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

MACHINES = {
    "x86-64-v2": {"MICROGRAD_CPU": "x86-64-v2"},
    "x86-64-v3": {"MICROGRAD_CPU": "x86-64-v3"},
    "x86-64-v4": {"MICROGRAD_CPU": "x86-64-v4"},
    "without llvmlite": {"PYTHONPATH": str(ROOT / "tests" / "without")},
}
PROCESSOR = "from micrograd.compiler.llvm import target; target.processor()"
LACKING = "but this processor has no"


def reason_to_skip(environment: dict[str, str]) -> str:
    """What this processor lacks to run code of the level that is named; empty if nothing."""
    if "MICROGRAD_CPU" not in environment:
        return ""
    command = [sys.executable, "-c", PROCESSOR]
    asked = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    last = asked.stderr.strip().rpartition("\n")[2]
    return last if LACKING in last else ""


def ignore_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def suite(environment: dict[str, str], arguments: list[str]) -> str:
    """Runs the tests in that environment, and says how that ended."""
    seed = str(random.SystemRandom().randrange(2**32))
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal"]
    done = subprocess.run(
        [*command, "--shuffle", seed, *arguments], cwd=ROOT, preexec_fn=ignore_ctrl_c,
        env=os.environ | environment | {"PYTHONHASHSEED": seed},
    )  # fmt: skip
    again = f"PYTHONHASHSEED={seed} pytest --shuffle {seed}"
    failed = f"FAILED with status {done.returncode}; this order again: {again}"
    return failed if done.returncode else "passed"


def main() -> int:
    """Runs all machines, and says at the end how each went."""
    ends = {}
    for name, environment in MACHINES.items():
        print(f"\n{name}: {environment}", flush=True)
        reason = reason_to_skip(environment)
        ends[name] = f"skipped: {reason}" if reason else suite(environment, sys.argv[1:])
    print("", *(f"{name:18}{end}" for name, end in ends.items()), sep="\n")
    return int(any(end.startswith("FAILED") for end in ends.values()))


if __name__ == "__main__":
    sys.exit(main())
