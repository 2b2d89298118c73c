"""Writes the output of the benchmarks into docs/performance.md.

    python benchmarks/report.py [question ...]

The page has a comment such as `<!-- benchmarks/demo_step.py -->` before each block to fill; words
after the name are arguments. By default all benchmarks run. Exits with status 1 if a benchmark
fails; a missed bar is shown in its table.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
BLOCK = re.compile(r"<!-- (benchmarks/(\w+)\.py[^>]*) -->\n```\n(.*?)```\n", re.DOTALL)


def answer(command: str) -> str | None:
    """The output of a benchmark; None if it fails."""
    print(f"python {command}", flush=True)
    done = subprocess.run(
        [sys.executable, *command.split()], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if done.returncode and "Traceback" in done.stderr:
        print(done.stderr)
        return None
    lines = [line.rstrip() for line in done.stdout.strip().splitlines()]
    return "\n".join(lines) + "\n"


def main(names: list[str]) -> bool:
    text = PAGE.read_text(encoding="utf-8")
    unknown = set(names) - {name for _, name, _ in BLOCK.findall(text)}
    if unknown:
        sys.exit(f"{PAGE.name} has no block for {', '.join(sorted(unknown))}")
    failed = []
    for command, name, before in BLOCK.findall(text):
        if names and name not in names:
            continue
        after = answer(command)
        if after is None:
            failed.append(name)
            continue
        marker = f"<!-- {command} -->\n```\n"
        text = text.replace(f"{marker}{before}```\n", f"{marker}{after}```\n")
        PAGE.write_text(text, encoding="utf-8")
    print(f"failed: {', '.join(failed)}" if failed else f"{PAGE} is written")
    return not failed


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1:]))
