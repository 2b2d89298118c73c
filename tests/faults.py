"""Faults, seeded by hand in the compiler, and which tests notice: `python tests/faults.py`.

Each fault is a change of one line in a copy of the package. A run takes some minutes. It stores what each fault
did in `tests/faults.json`, and writes the table of `docs/testing.md`. A fault that no test notices is a hole in
the tests. Arguments choose faults by a part of their names; `--page` writes the table only.
"""
# ruff: noqa: E501 - a fault is a line of the table

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
STORED = ROOT / "tests" / "faults.json"
PAGE = ROOT / "docs" / "testing.md"
TABLE = re.compile(r"\| fault \| first noticed by \|\n(?:\|.*\n)+")
NOTHING = "nothing"
TESTS = [
    f"tests/{name}.py"
    for name in (
        "compiler/test_roll", "compiler/test_adjoint", "compiler/test_schedule",
        "compiler/test_straight_line", "compiler/test_program", "compiler/test_exact",
        "compiler/test_masks", "test_c", "compiler/test_vectorize", "compiler/test_structures",
        "compiler/test_captured", "compiler/test_compile", "compiler/test_same_bits",
        "compiler/test_memory", "compiler/test_random_programs", "compiler/test_repeats",
    )
]  # fmt: skip
# The tests that run first, by the part of the compiler whose name a fault has.
OWN = {
    "exact": "tests/compiler/test_exact.py",
    "guards": "tests/compiler/test_masks.py",
    "verify": "tests/compiler/test_program.py",
    "c": "tests/test_c.py",
    "repeats": "tests/compiler/test_repeats.py",
}

# name: file, text, what is written in its place
# fmt: off
FAULTS = {
    "roll: a bias is dropped": ("program/flatten", "self._add(terms, bias)\n            return terms", "return terms"),
    "roll: a difference is a sum": ("program/flatten", "self._float(-1.0)", "self._float(1.0)"),
    "roll: an addition used twice joins one user": ("program/policy", "np.where(uses == 1,", "np.where(uses <= 2,"),
    "repeats: the key forgets the operation": ("program/repeats", "(op, *operands)", "(op.arity, *operands)"),
    "repeats: a shared sum joins its users": ("program/flatten", "self.joins[x] == WHOLE or", "self.joins[x] or"),
    "roll: factors swapped without their value numbers": ("program/policy", "pairs[k] = y, x\n            left", "left"),
    "roll: the value number forgets the operation": ("program/roll", "key = (op, *self", "key = (op.arity, *self"),
    "roll: the value number forgets the exponent": ("program/roll", "return key, self.flat.floats[-1 - operands[1]]", "return key, 0"),
    "roll: runs in another order than their places": ("program/roll", "for node in kind.nodes:\n            alike", "for node in reversed(kind.nodes):\n            alike"),
    "roll: a run starts one too early": ("program/roll", "start += len(nodes)\n\n    def _block_of", "start += len(nodes) - 1\n\n    def _block_of"),
    "roll: only one factor in the order of memory": ("program/policy", "indices = [index[:, order] for index in indices]", "indices[0] = indices[0][:, order]"),
    "roll: x**-1 is x / 1": ("program/policy", "ops.div, (1.0, operands[0])", "ops.div, (operands[0], 1.0)"),
    "adjoint: no sum over the examples": ("program/notes", "append(Sum(out, start, varying, over_examples=True))", "append(Sum(out, start, varying, over_examples=False))"),
    "adjoint: what is uniform is summed over the examples": ("program/notes", "for factor in p) == varies]", "for factor in p) == varies or varies]"),
    "adjoint: only the first factor gets a gradient": ("program/adjoint", "if factor.block in self.active:", "if factor.block in self.active and k == 0:"),
    "adjoint: the order of targets is not stable": ("program/notes", 'np.argsort(target, kind="stable")', "np.arange(len(target))"),
    "adjoint: a run starts with another target": ("program/notes", "self.first = np.cumsum(self.runs) - self.runs", "self.first = np.maximum(np.cumsum(self.runs) - self.runs - 1, 0)"),
    "adjoint: an alias in the order of the note": ("program/notes", "places[note.target] = source.index", "places[:] = source.index"),
    "adjoint: an alias of what is read twice": ("program/notes", "== 1).all()", ">= 0).all()"),
    "adjoint: each example counts once": ("program/ir", "product = (seed, Gather(gather.block, gather.index[:, None]))", "product = (Gather(gather.block, gather.index[:, None]),)"),
    "adjoint: the part of a run's gradient": ("program/adjoint", "gradient.index[instruction.start : stop]", "gradient.index[: len(instruction)]"),
    "adjoint: a derivative known from another block": ("program/adjoint", "[(gather.block, gather.index.tobytes())", "[(gather.block.size, gather.index.tobytes())"),
    "schedule: what depends on a sum over examples comes before it": ("schedule/schedule", "2 if after else 0", "0"),
    "schedule: a stride of the wrong axis": ("schedule/access", "tuple(strides[:-1]), strides[-1])", "tuple(strides[-2::-1]), strides[-1])"),
    "schedule: the stride of terms is forgotten": ("schedule/access", "tuple(strides[:-1]), strides[-1])", "tuple(strides[:-1]), 1)"),
    "schedule: a table is taken for strides": ("schedule/access", "if (places == expected).all():", "if (places == expected).mean() > 0.5:"),
    "schedule: any members share a register": ("schedule/fusion", "return single and bool(", "return single or bool("),
    "schedule: nothing but outputs is stored": ("schedule/fusion", "uses.get(instruction.out, 0) > inside.get(instruction.out, 0)", "not inside.get(instruction.out, 0)"),
    "schedule: blocks overlap": ("schedule/liveness", "[(begin + size, end)]", "[(begin + 1, end)]"),
    "schedule: a program's order forgets one source": ("schedule/fusion", "waiting[instruction] = len(sources)", "waiting[instruction] = min(len(sources), 1)"),
    "schedule: axes that do not divide": ("schedule/access", "if run == n or n % run:", "if run == n:"),
    "schedule: sums over examples anywhere": ("schedule/schedule", "and over == first", "and over != first"),
    "schedule: rows are reused too soon": ("schedule/schedule", "max(last[read.block], end)", "max(last[read.block], end - 1)"),
    "schedule: the phase of a block is that of its last instruction": ("schedule/schedule", "max(known, 2 if out in totals else phase)", "2 if out in totals else phase"),
    "schedule: a comparison of other members": ("schedule/fusion", "Gather(g.block, g.index[gather.index])", "Gather(g.block, g.index[: len(gather)])"),
    "schedule: an instruction with two consumers is sunk": ("schedule/fusion", "if others or writers[i.out] > 1", "if writers[i.out] > 1"),
    "schedule: rows and columns change places": ("schedule/schedule", "return (left, right) if step", "return (right, left) if step"),
    "schedule: shared inputs lie where sums do": ("schedule/schedule", "offset[block] = uniform\n                    uniform += block.size", "offset[block] = 0\n                    uniform += block.size"),
    "exact: a sum of gradients begins with -0": ("program/exact_adjoint", "[0.0 + g for g", "[g for g"),
    "exact: a sum that is used once joins its user": ("program/policy", "return bytes(len(uses))", "return (uses == 1).tobytes()"),
    "exact: the bias comes last": ("program/policy", "[*runs(singles), *runs(products)]", "[*runs(products), *runs(singles)]"),
    "guards: none where a comparison may hide a NaN": ("program/guards", "return ALL if _may_hide_nan", "return NONE if _may_hide_nan"),
    "guards: a condition is no operand of values": ("program/guards", "ops.passed: slice(1, 3)}\nALL", "ops.passed: slice(2, 3)}\nALL"),
    "verify: a gather may reach beyond its block": ("program/verify", "gather.index.max() < gather.block.size", "gather.index.max() <= gather.block.size"),
    "verify: what is uniform may read what varies": ("program/verify", "instruction.out.varying >= varying", "instruction.out.varying <= varying"),
    "verify: a member may be computed twice": ("program/verify", "assert not members[own].any()", "assert not members[own].all()"),
    "c: an index forgets its base": ("c/lines", "base += sum(", "base = sum("),
    "c: a stride of -1 is added": ("c/lines", "(plus if stride > 0 else minus)", "(plus if stride else minus)"),
    "c: a total is set, not added to": ("c/nests", "{op.symbol}= {", "= {"),
    "c: a table of the wrong axis": ("c/operands", "access.table.shape[1])", "access.table.shape[0])"),
    "c: a step that another one needs is left out": ("c/nests", "if step.stored or step in read:\n            factors", "if step.stored:\n            factors"),
}
# fmt: on


def noticed_by(name: str) -> str:
    """The first test that fails with the change, or NOTHING. Raises ValueError without such a line."""
    file, before, after = FAULTS[name]
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for folder in ("micrograd", "tests"):
            shutil.copytree(
                ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__")
            )
        for setting in ("conftest.py", "pyproject.toml"):
            shutil.copy(ROOT / setting, copy / setting)
        path = copy / "micrograd" / "compiler" / f"{file}.py"
        source = path.read_text(encoding="utf-8")
        if source.count(before) != 1:
            raise ValueError(f"{file}.py has {before!r} {source.count(before)} times, not once")
        path.write_text(source.replace(before, after), encoding="utf-8")
        return first_failure(copy, OWN.get(name.split(":")[0], TESTS[0]))


def first_failure(copy: Path, own: str) -> str:
    """The first test of a copy that fails, or NOTHING; the tests in the file `own` run first."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-xq", "-p", "no:cacheprovider", own]
        + [x for x in TESTS if x != own],
        capture_output=True, text=True, cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)},
    )  # fmt: skip
    if done.returncode == 0:
        return NOTHING
    failed = re.search(
        r"^(?:FAILED|ERROR) \S*/(test_\w+\.py)(?:::(\w+))?", done.stdout, re.MULTILINE
    )
    if failed is None:
        raise RuntimeError(
            f"pytest ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr}"
        )
    return failed[2] or failed[1]


def stored() -> dict[str, str]:
    """What noticed each fault when it was last run."""
    return json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}


def store(results: dict[str, str]) -> None:
    """In the order of the table; those of faults that are no more are dropped."""
    known = {name: results[name] for name in FAULTS if name in results}
    STORED.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def page(text: str, results: dict[str, str]) -> str:
    """`docs/testing.md` with the table of these results."""
    lines = [f"| {name} | `{test}` |\n" for name, test in results.items()]
    table = "".join(["| fault | first noticed by |\n", "| --- | --- |\n", *lines])
    return TABLE.sub(lambda _: table, text)


def main() -> None:
    chosen = [x for x in sys.argv[1:] if not x.startswith("-")]
    for name in FAULTS:
        if "--page" not in sys.argv and (not chosen or any(part in name for part in chosen)):
            found = noticed_by(name)
            store(stored() | {name: found})
            print(f"{name}: {found}", flush=True)
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), stored()), encoding="utf-8")


if __name__ == "__main__":
    main()
