"""Mistakes, their messages and their repairs: `python tests/mistakes.py` writes the page."""

import os
import re

import reference
from programs_with_mistakes import PRELUDE, Mistake, message_of

PAGE = reference.ROOT / "docs/errors.md"


MISTAKES = [
    Mistake(
        "TraceError", "A function that changes from call to call",
        "calls = []\n\n\ndef f(x):\n    calls.append(x)\n    return len(calls) * x if x > 0 else x"
        "\n\n\nmg.compile(f)(2.0)",
        "f = mg.compile(lambda x, k: k * x if x > 0 else x)\nf(2.0, 1.0)",
    ),
    Mistake(
        "TraceError", "More paths than a program can hold",
        "def f(v):\n    return sum(k if x > 0 else x for k, x in enumerate(v))\n\n\n"
        "f = mg.vectorize(f)\nf(np.random.default_rng(0).normal(size=(20_000, 14)))",
        "def f(v):\n    return sum(mg.where(x > 0, k, x) for k, x in enumerate(v))\n\n\n"
        "f = mg.vectorize(f)\nf(np.random.default_rng(0).normal(size=(20_000, 14)))",
    ),
    Mistake(
        "TraceError", "A loop that does not end",
        "def f(x):\n    while x != 0.0:\n        x = -x\n    return x\n\n\nmg.compile(f)(2.0)",
        "def f(x):\n    while abs(x) > 0.1:\n        x = -x / 2\n    return x\n\n\n"
        "mg.compile(f)(2.0)",
    ),
    Mistake(
        "TraceError", "Results of different shapes",
        "f = mg.vectorize(lambda x: [x] if x > 0 else [x, x])\nf([1.0, -1.0])",
        "f = mg.vectorize(lambda x: [x, 0.0] if x > 0 else [x, x])\nf([1.0, -1.0])",
    ),
    Mistake(
        "TraceError", "A condition that outlives its function",
        "kept = []\n\n\ndef f(x):\n    kept.append(x > 0)\n    return x\n\n\n"
        "mg.compile(f)(2.0)\nbool(kept[0])",
        "f = mg.compile(lambda x: x if x > 0 else 0.0)\nf(2.0)",
    ),
    Mistake(
        "TraceError", "A function of `math`, or float(x)",
        "f = mg.compile(lambda x: math.exp(x))\nf(2.0)",
        "f = mg.compile(lambda x: mg.exp(x))\nf(2.0)",
    ),
    Mistake(
        "TraceError", "An integer that outlives its function",
        "kept = []\n\n\ndef f(x):\n    kept.append(x)\n    return x\n\n\n"
        "mg.compile(f)(2.0)\nint(kept[0])",
        "f = mg.compile(lambda x: int(x))\nf(2.5)",
    ),
    Mistake(
        "TraceError", "round(x, 2)",
        "f = mg.compile(lambda x: round(x, 2))\nf(2.555)",
        "f = mg.compile(lambda x: mg.floor(100.0 * x + 0.5) / 100.0)\nf(2.555)",
    ),
    Mistake(
        "TraceError", "An index that is computed",
        "f = mg.compile(lambda k: [10.0, 20.0][k])\nf(1.0)",
        "f = mg.compile(lambda k: mg.take([10.0, 20.0], k))\nf(1.0)",
    ),
    Mistake(
        "TraceError", "x.data",
        "f = mg.compile(lambda x: x * x.data)\nf(2.0)",
        "f = mg.compile(lambda x: x * mg.stop_gradient(x))\nf(2.0)",
    ),
    Mistake(
        "TraceError", "x.grad",
        "f = mg.compile(lambda x: x.grad)\nf(2.0)",
        "f = mg.compile(mg.grad(lambda x: x * x))\nf(2.0)",
    ),
    Mistake(
        "TraceError", "x.backward()",
        "def f(x):\n    y = x * x\n    y.backward()\n    return y\n\n\nmg.compile(f)(2.0)",
        "def f(x):\n    return x * x\n\n\nmg.compile(f).value_and_grad(2.0)",
    ),
    Mistake(
        "TraceError", "A traced number written into a Value",
        "w = mg.Value(0.0)\n\n\ndef f(x):\n    w.data = x\n    return w * x\n\n\n"
        "mg.compile(f)(2.0)",
        "w = mg.Value(0.0)\nf = mg.compile(lambda x: w * x)\nw.data = 2.0\nf(2.0)",
    ),
    Mistake(
        "TraceError", "A captured Value that is asked for its number",
        "w = mg.Value(3.0)\nf = mg.compile(lambda x: x * w.data)\nf(2.0)",
        "w = mg.Value(3.0)\nf = mg.compile(lambda x: x * mg.stop_gradient(w))\nf(2.0)",
    ),
    Mistake(
        "TraceError", "`~` on a condition",
        "f = mg.compile(lambda x: mg.where(~(x > 0), 0.0, x))\nf(2.0)",
        "f = mg.compile(lambda x: mg.where(x > 0, x, 0.0))\nf(2.0)",
    ),
    Mistake(
        "TraceError", "A number that outlives its function",
        "kept = []\n\n\ndef f(x):\n    kept.append(x)\n    return x\n\n\n"
        "mg.compile(f)(2.0)\nmg.compile(lambda x: x + kept[0])(2.0)",
        "mg.compile(lambda x, y: x + y)(2.0, 2.0)",
    ),
    Mistake(
        "TraceError", "A number that outlives its function, returned by another one",
        "kept = []\n\n\ndef f(x):\n    kept.append(x)\n    return x\n\n\n"
        "mg.compile(f)(2.0)\nmg.compile(lambda x: kept[0])(2.0)",
        "mg.compile(lambda x: x)(2.0)",
    ),
    Mistake(
        "TraceError", "A derivative of your own that chooses with `if`",
        "@mg.op(derivative=lambda g, z, x: g if x > 0 else 0.0)\n"
        "def ramp(x):\n    return mg.where(x > 0, x, 0.0)\n\n\n"
        "mg.compile(ramp).value_and_grad(2.0)",
        "@mg.op(derivative=lambda g, z, x: mg.where(x > 0, g, 0.0))\n"
        "def ramp(x):\n    return mg.where(x > 0, x, 0.0)\n\n\n"
        "mg.compile(ramp).value_and_grad(2.0)",
    ),
    Mistake(
        "TraceError", "An operation of your own that a library computes",
        "@mg.op(derivative=lambda g, z, x: g * z * mg.digamma(x))\n"
        "def gamma(x):\n    return math.gamma(x)\n\n\nmg.compile(lambda x: 2 * gamma(x))(5.0)",
        "@mg.op(derivative=lambda g, z, x: g * z * mg.digamma(x), opaque=True)\n"
        "def gamma(x):\n    return math.gamma(x)\n\n\nmg.compile(lambda x: 2 * gamma(x))(5.0)",
    ),
    Mistake(
        "TraceError", "A traced number as a key",
        "f = mg.compile(lambda k: {1.0: 10.0, 2.0: 20.0}[k])\nf(1.0)",
        "f = mg.compile(lambda k: {1: 10.0, 2: 20.0}[int(k)])\nf(1.0)",
    ),
    Mistake(
        "TraceError", "A traced number as text",
        'f = mg.compile(lambda x: print(f"x is {x}") or x)\nf(2.0)',
        'f = mg.compile(lambda x: print("x is", x) or x)\nf(2.0)',
    ),
    Mistake(
        "TraceError", "A result that is no number",
        'f = mg.compile(lambda x: str(x))\nf(2.0)',
        'f = mg.compile(lambda x: x)\nf"{f(2.0)}"',
    ),
    Mistake(
        "TraceError", "A forgotten return",
        "def f(x):\n    y = x * x\n\n\nmg.compile(f)(2.0)",
        "def f(x):\n    y = x * x\n    return y\n\n\nmg.compile(f)(2.0)",
    ),
    Mistake(
        "LostGradientError", "A function of `math` within a derivative",
        "mg.grad(lambda x: x * math.exp(x))(1.0)",
        "mg.grad(lambda x: x * mg.exp(x))(1.0)",
    ),
    Mistake(
        "LostGradientWarning", "A function of `math` in a graph",
        "x = mg.Value(2.0)\ny = x * math.sqrt(x * x)\ny.backward()",
        "x = mg.Value(2.0)\ny = x * mg.sqrt(x * x)\ny.backward()",
    ),
    Mistake(
        "GradientError", "An operation of your own with a wrong derivative",
        "@mg.op(derivative=lambda g, z, x, y: (g * y, g * y))\n"
        "def product(x, y):\n    return x * y\n\n\nmg.check_gradient(product, 2.0, 3.0)",
        "@mg.op(derivative=lambda g, z, x, y: (g * y, g * x))\n"
        "def product(x, y):\n    return x * y\n\n\nmg.check_gradient(product, 2.0, 3.0)",
    ),
    Mistake(
        "ConvergenceWarning", "An equation without a root",
        "mg.root(lambda x: x * x + 1.0, 2.0)",
        "mg.root(lambda x: x * x - 1.0, 2.0)",
    ),
    Mistake(
        "LostGradientWarning", "Equal Values in an array that NumPy made",
        "x = np.array([mg.Value(0.0), mg.Value(1.0)])\nnp.maximum(x, 0.0)",
        "x = mg.array([mg.Value(0.0), mg.Value(1.0)])\nnp.maximum(x, 0.0)",
    ),
    Mistake(
        "ShapeError", "Rows for a model that takes one example",
        "model = mg.MLP(3, [4, 1], seed=0)\nmodel(np.ones((5, 3)))",
        "model = mg.MLP(3, [4, 1], seed=0)\nmg.Predictor(model)(np.ones((5, 3)))",
    ),
    Mistake(
        "ShapeError", "Weights of another model",
        "mg.MLP(2, [1]).load_state_dict(mg.MLP(3, [1]).state_dict())",
        "mg.MLP(3, [1]).load_state_dict(mg.MLP(3, [1]).state_dict())",
    ),
    Mistake(
        "ArgumentError", "Other arguments than the function has",
        "f = mg.compile(lambda x, y: x * y)\nf(2.0)",
        "f = mg.compile(lambda x, y: x * y)\nf(2.0, 3.0)",
    ),
    Mistake(
        "ArgumentError", "`gradient` without the parameters",
        "w = mg.Value(2.0)\nf = mg.vectorize(lambda x: w * x)\nf.gradient([1.0, 2.0])",
        "w = mg.Value(2.0)\nf = mg.vectorize(lambda x: w * x)\nf.gradient([w], [1.0, 2.0])",
    ),
    Mistake(
        "NumPyError", 'A function of NumPy"s that has no derivative here',
        "x = mg.array([mg.Value(2.0), mg.Value(3.0)])\nnp.ldexp(x, 2)",
        "x = mg.array([mg.Value(2.0), mg.Value(3.0)])\nx * 2.0**2",
    ),
    Mistake(
        "NonFiniteError", "A NaN, found by `check_finite`",
        'x = mg.Value(0.0, name="x")\nwith mg.check_finite():\n    x / x',
        'x = mg.Value(0.0, name="x")\n'
        "with mg.check_finite():\n    y = mg.where(x == 0.0, 1.0, x / (x + (x == 0.0)))",
    ),
    Mistake(
        "DivergenceError", "Steps that are too large",
        "model = mg.MLP(1, [1], seed=0)\n"
        'mg.fit(model, [[10.0], [20.0]], [1.0, 2.0], loss="mse", optimizer=mg.SGD(1.0))',
        "model = mg.MLP(1, [1], seed=0)\n"
        'mg.fit(model, [[10.0], [20.0]], [1.0, 2.0], loss="mse", optimizer=mg.Adam(0.01))',
    ),
    Mistake(
        "CheckpointError", "A checkpoint of another run",
        "model, X, y = mg.MLP(1, [1], seed=0), [[0.0], [1.0]], [1.0, 3.0]\n"
        'mg.fit(model, X, y, loss="mse", epochs=1, checkpoint="run")\n'
        'mg.fit(model, X, y, loss="mae", epochs=2, checkpoint="run", resume=True)',
        "model, X, y = mg.MLP(1, [1], seed=0), [[0.0], [1.0]], [1.0, 3.0]\n"
        'mg.fit(model, X, y, loss="mse", epochs=1, checkpoint="run")\n'
        'mg.fit(model, X, y, loss="mse", epochs=2, checkpoint="run", resume=True)',
    ),
    Mistake(
        "TableError", "A column that is not there",
        'table = {"size": [1.0, 2.0, 3.0] * 9, "kind": ["small", "small", "big"] * 9}\n'
        'mg.train_table(table, "sort")',
        'table = {"size": [1.0, 2.0, 3.0] * 9, "kind": ["small", "small", "big"] * 9}\n'
        'mg.train_table(table, "kind")',
    ),
    Mistake(
        "ModelFileError", "A file that is no model of a table",
        "model = mg.MLP(1, [1], seed=0)\n"
        'mg.fit(model, [[0.0]], [1.0], loss="mse", epochs=1, checkpoint="run")\n'
        'mg.TableModel.load("run")',
        'table = {"size": [1.0, 2.0, 3.0] * 9, "kind": ["small", "small", "big"] * 9}\n'
        'mg.train_table(table, "kind", epochs=1, output="kind.safetensors")\n'
        'mg.TableModel.load("kind.safetensors")',
    ),
    Mistake(
        "PlotError", "Pictures without matplotlib",
        "mg.History(loss=[0.9, 0.5]).plot()",
        '$ pip install ".[plot]"',
        missing="matplotlib.figure",
    ),
]  # fmt: skip


HEAD = """# Mistakes and repairs

Every error and warning of the package, by a mistake that brings it: what was written, the message,
and what to write instead. `tests/mistakes.py` runs each program and writes this page. All begin
with

```py
"""


def page() -> str:
    parts = [f"{HEAD}{PRELUDE}```\n"]
    kinds = {kind.__name__: kind for kind in reference.error_classes()}
    for name in dict.fromkeys(mistake.error for mistake in MISTAKES):
        bases = " and ".join(f"`{base.__name__}`" for base in _in_python(kinds[name]))
        first = (kinds[name].__doc__ or "").split("\n")[0]
        parts.append(f"## {name}\n\n{first} In Python's terms: {bases}.\n")
        parts += [_shown(mistake) for mistake in MISTAKES if mistake.error == name]
    return "\n".join(parts)


def _in_python(kind: type) -> list[type]:
    """The nearest classes of Python that an error class derives from."""
    if kind.__module__ == "builtins":
        return [kind]
    return [*dict.fromkeys(base for parent in kind.__bases__ for base in _in_python(parent))]


def _shown(mistake: Mistake) -> str:
    message = re.sub(r"([<>*])", r"\\\1", message_of(mistake))
    language = "console" if mistake.repair.startswith("$") else "py"
    return (
        f"### {mistake.title}\n\n```py\n{mistake.program}\n```\n\n> {message}\n\nInstead:\n\n"
        f"```{language}\n{mistake.repair}\n```\n"
    )


if __name__ == "__main__":
    os.environ["MICROGRAD_CACHE_DIR"] = ""
    PAGE.write_text(page(), encoding="utf-8")
