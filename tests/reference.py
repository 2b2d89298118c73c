"""What a reader of the reference must find: public names, and the methods of public classes."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import micrograd as mg
from micrograd import losses
from micrograd.chain_rule import Step
from micrograd.compiler.api.function import CompiledOne
from micrograd.compiler.api.vectorized import Vectorized
from micrograd.fitting.many import Minima
from micrograd.fitting.many_fits import Fits
from micrograd.fitting.one_fit import Fit
from micrograd.gradient_check import Comparison, GradientCheck
from micrograd.optim import Optimizer
from micrograd.pictures.picture import Picture

ROOT = Path(__file__).parent.parent
PACKAGE = Path(mg.__file__)

# Public as far as a user meets them, though not by a name in `micrograd`.
CLASSES = [
    mg.Value, mg.Module, mg.Neuron, mg.Layer, mg.MLP, mg.Compiled, CompiledOne, Vectorized,
    mg.Predictor, mg.History, mg.TableModel, Optimizer, mg.SGD, mg.Momentum, mg.Nesterov,
    mg.RMSprop, mg.Adam, mg.AdamW, mg.Constant, mg.StepDecay, mg.CosineDecay, mg.WarmUp,
    GradientCheck, Comparison,
    Minima, Fit, Fits, Step, Picture, mg.Recording,
]  # fmt: skip


def names() -> list[str]:
    """`micrograd.__all__` as it is written: `import *` leaves a few of them out."""
    for node in ast.parse(PACKAGE.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    raise AssertionError("micrograd has no __all__")


def loss_names() -> list[str]:
    return [*losses.LOSSES, "loss_function", "loss_name"]


def objects() -> dict[str, Any]:
    """Every public function, operation and class, by its name."""
    named = {name: getattr(mg, name) for name in names() if name != "losses"}
    named |= {f"losses.{name}": getattr(losses, name) for name in loss_names()}
    return named | {kind.__name__: kind for kind in CLASSES}


def methods(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public methods and properties that a class defines, and its call."""
    for name, attribute in vars(kind).items():
        function = getattr(attribute, "fget", None) or getattr(attribute, "__func__", attribute)
        written = inspect.isfunction(function) and function.__name__ == name
        if written and (name == "__call__" or not name.startswith("_")):
            yield name, function


def error_classes() -> list[type[Exception]]:
    """The errors and warnings of the package that a user can meet."""
    found = []
    for path in sorted(PACKAGE.parent.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ClassDef) or node.name == "UnsafeError":  # always caught
                continue
            if node.name.endswith(("Error", "Warning")):
                parts = path.relative_to(ROOT).with_suffix("").parts
                found.append(getattr(import_module(".".join(parts)), node.name))
    return found


def raised(function: Callable[..., Any]) -> set[str]:
    """The errors that the text of a function raises itself, by name, and does not catch."""
    try:
        text = inspect.getsource(function)
    except OSError:  # the constructor of a dataclass is written nowhere
        return set()
    return set(_raised(ast.parse(textwrap.dedent(text))))


def _raised(tree: ast.AST) -> Iterator[str]:
    if isinstance(tree, ast.Raise):
        error = tree.exc.func if isinstance(tree.exc, ast.Call) else tree.exc
        if isinstance(error, ast.Name) and error.id.endswith(("Error", "Interrupt")):
            yield error.id
    caught = tree.body if isinstance(tree, ast.Try) and tree.handlers else []
    for part in ast.iter_child_nodes(tree):
        if part not in caught:
            yield from _raised(part)


def functions_that_raise(module: Any, error: str) -> set[str]:
    """The functions of a module that make such an error, themselves or by a function for it."""
    tree = ast.parse(inspect.getsource(module))
    makers = {error, "asked_for", "frozen", "foreign", "met_an_array", "chosen_by_if"}
    return {
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        if any(
            isinstance(call, ast.Call) and getattr(call.func, "id", "") in makers
            for call in ast.walk(function)
        )
    }
