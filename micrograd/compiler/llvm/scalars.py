"""Scalars: the fastest entry point: one example, of plain numbers, called by Python itself."""

from pathlib import Path
from string import Template

from micrograd.compiler.llvm import abi
from micrograd.compiler.schedule.plan import SMALL, Plan


def scalars_text(plan: Plan) -> str:
    """A function of the inputs, in LLVM IR, that calls `run`; nothing if memory is too large for
    the stack, or inputs and outputs are not all single numbers."""
    program = plan.program
    inputs, outputs = len(program.inputs), len(program.outputs)
    sizes = [block.size for block in program.inputs]
    sizes += [sum(map(len, gathers)) for gathers in program.outputs.values()]
    if {*sizes} != {1} or plan.rows + plan.uniform >= SMALL or plan.lanes != 1:
        return ""
    gradient = "d" if outputs == 2 else f"({'d' * (outputs - 1)})"
    shape = "d" if outputs == 1 else f"(d{gradient})"
    names = {
        **{word.name: int(word) for word in (*abi.Call, *abi.Python)}, "header": abi.HEADER,
        "inputs": inputs, "outputs": outputs, "numbers": inputs + outputs,
        "uniforms": plan.uniform + plan.reduced + 1, "rows": plan.rows + 1,
        "words": abi.words(inputs, outputs), "table": abi.TABLE,
        "outputs_at": abi.output_address(0, inputs), "header_words": _header_words(),
        "loads": "\n".join(_load(k, inputs + k) for k in range(outputs)),
        "results": "".join(f", double %result.{k}" for k in range(outputs)),
        "format": shape, "format_size": len(shape) + 1,
    }  # fmt: skip
    code = Path(__file__).with_suffix(".ll").read_text(encoding="utf-8")
    return Template(code).substitute(names)


def _header_words() -> str:
    """Stores the words before the table."""
    values = {
        abi.Call.UNIFORMS: "%u.word", abi.Call.ROWS: "%v.word", abi.Call.EXAMPLES: "1",
        abi.Call.SEED: "%seed",
    }  # fmt: skip
    return "\n".join(
        f"  %word.{word.name} = getelementptr i64, ptr %call, i64 {int(word)}\n"
        f"  store i64 {values.get(word, '0')}, ptr %word.{word.name}"
        for word in abi.Call
    )


def _load(k: int, place: int) -> str:
    at = f"%result.{k}.at = getelementptr double, ptr %numbers, i64 {place}"
    return f"  {at}\n  %result.{k} = load double, ptr %result.{k}.at"
