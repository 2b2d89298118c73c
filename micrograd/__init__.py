"""MicroGrad: write it in scalars, differentiate by the chain rule, run at the machine's speed.

>>> import micrograd as mg
>>> x, y = mg.Value(2.0), mg.Value(-3.0)
>>> z = x * y + mg.tanh(x)
>>> z.backward()
>>> print(f"{x.grad:.4f}, {y.grad:.4f}")
-2.9293, 2.0000
"""

import builtins
from typing import TYPE_CHECKING, Any

from micrograd import installation, losses  # noqa: F401  (installation first: see there)
from micrograd.beta_function import beta
from micrograd.calculus import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from micrograd.chain_rule import backward_steps
from micrograd.check import NonFiniteError, check_finite, record_lines
from micrograd.elementary import (
    acosh,
    asinh,
    atanh,
    cbrt,
    ceil,
    clip,
    exp2,
    floor_divide,
    fmod,
    log2,
    log10,
    log_sigmoid,
    logaddexp,
    mod,
    round,
    sinc,
    xlogy,
)
from micrograd.engine import Value, dot
from micrograd.errors import (
    ArgumentError,
    ConvergenceWarning,
    LostGradientError,
    LostGradientWarning,
    NumPyError,
    ShapeError,
)
from micrograd.functions import (
    greater,
    greater_equal,
    hypot,
    log_softmax,
    logsumexp,
    mean,
    norm,
    softmax,
    sum,
    take,
)
from micrograd.gammas import gammainc
from micrograd.lazy import imported as _imported
from micrograd.linear import cholesky, det, inv, solve
from micrograd.module import Module
from micrograd.neuralnet import MLP, Layer, Neuron
from micrograd.normal import erfcx, erfinv, log_erfc, log_ndtr, ndtr
from micrograd.ops import (
    abs,
    acos,
    add,
    asin,
    atan,
    atan2,
    cos,
    cosh,
    div,
    elu,
    equal,
    erf,
    erfc,
    exp,
    expm1,
    floor,
    gelu,
    identity,
    leaky_relu,
    less,
    less_equal,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    mul,
    neg,
    not_equal,
    pow,
    relu,
    sigmoid,
    sign,
    silu,
    sin,
    sinh,
    softplus,
    sqrt,
    stop_gradient,
    sub,
    tan,
    tanh,
    where,
)
from micrograd.optim import SGD, Adam, AdamW, Momentum, Nesterov, RMSprop
from micrograd.own_operation import op
from micrograd.roots import fixed_point, root
from micrograd.schedules import Constant, CosineDecay, StepDecay, WarmUp
from micrograd.sequences import argmax, argmin, cumsum, interp, max, min, prod, sort
from micrograd.special import digamma, lgamma

__version__ = "0.1.0"

# fmt: off
__all__ = [
    "Value", "op", "array", "backward_steps", "draw", "record_lines", "check_finite",
    "NonFiniteError", "ShapeError", "ArgumentError", "NumPyError", "LostGradientError",
    "LostGradientWarning", "ConvergenceWarning",
    # operations
    "add", "sub", "mul", "div", "pow", "neg", "abs", "sign", "mod", "fmod", "floor_divide",
    "floor", "ceil", "round", "maximum", "minimum", "clip", "where", "take", "stop_gradient",
    "identity", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "xlogy",
    "sqrt", "cbrt", "hypot", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh",
    "tanh", "asinh", "acosh", "atanh", "sinc", "erf", "erfc", "erfcx", "log_erfc", "erfinv",
    "ndtr", "log_ndtr", "lgamma", "digamma", "beta", "gammainc", "sigmoid", "log_sigmoid",
    "softplus", "relu", "leaky_relu", "elu", "silu", "gelu",
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_and",
    "logical_or", "logical_not",
    "sum", "dot", "mean", "norm", "softmax", "log_softmax", "logsumexp",
    "prod", "cumsum", "max", "min", "argmax", "argmin", "sort", "interp",
    "solve", "inv", "det", "cholesky", "root", "fixed_point", "scan",
    # networks
    "Module", "Neuron", "Layer", "MLP", "losses", "SGD", "Momentum", "Nesterov", "RMSprop", "Adam",
    "AdamW", "Constant", "StepDecay", "CosineDecay", "WarmUp",
    # derivatives of functions, and native code
    "grad", "value_and_grad", "jacobian", "hessian", "jvp", "vjp", "hvp", "check_gradient",
    "GradientError",
    "compile", "vectorize", "Compiled", "TraceError",
    # unknowns that are best
    "minimize", "least_squares", "minimize_many", "sparse_jacobian", "sparse_hessian",
    # training
    "curve_fit", "curve_fits",
    "fit", "History", "Recording", "Predictor", "DivergenceError", "CheckpointError",
    "save", "load",
    "TableModel", "train_table", "predict_table", "evaluate_table", "explain_table",
]
# fmt: on

# `import *` leaves Python's own `sum`, `abs`, `round` and their like as they are.
globals()["__all__"] = [name for name in __all__ if not hasattr(builtins, name)]

# Names that need more than the engine are imported at their first use.

if TYPE_CHECKING:
    from micrograd.arrays.array import array
    from micrograd.compiler.api.function import Compiled, compile, vectorize
    from micrograd.compiler.trace.errors import TraceError
    from micrograd.fitting.curve_fit import curve_fit, curve_fits
    from micrograd.fitting.least_squares import least_squares
    from micrograd.fitting.many import minimize_many
    from micrograd.fitting.minimizing import minimize
    from micrograd.fitting.sparse import sparse_hessian, sparse_jacobian
    from micrograd.gradient_check import GradientError, check_gradient
    from micrograd.loops import scan
    from micrograd.pictures.picture import draw
    from micrograd.pictures.recording import Recording
    from micrograd.tables.evaluation import evaluate_table
    from micrograd.tables.importance import explain_table
    from micrograd.tables.table_model import TableModel, predict_table
    from micrograd.tables.train import train_table
    from micrograd.training.fit import DivergenceError, fit
    from micrograd.training.network_file import load, save
    from micrograd.training.predictor import Predictor
    from micrograd.training.run.checkpoint import CheckpointError
    from micrograd.training.run.history import History

_LATER = {
    "array": "arrays.array",
    "draw": "pictures.picture",
    "Recording": "pictures.recording",
    "compile": "compiler.api.function",
    "vectorize": "compiler.api.function",
    "Compiled": "compiler.api.function",
    "TraceError": "compiler.trace.errors",
    "minimize": "fitting.minimizing",
    "least_squares": "fitting.least_squares",
    "minimize_many": "fitting.many",
    "sparse_jacobian": "fitting.sparse",
    "sparse_hessian": "fitting.sparse",
    "check_gradient": "gradient_check",
    "GradientError": "gradient_check",
    "scan": "loops",
    "curve_fit": "fitting.curve_fit",
    "curve_fits": "fitting.curve_fit",
    "fit": "training.fit",
    "DivergenceError": "training.fit",
    "CheckpointError": "training.run.checkpoint",
    "Predictor": "training.predictor",
    "save": "training.network_file",
    "load": "training.network_file",
    "History": "training.run.history",
    "TableModel": "tables.table_model",
    "train_table": "tables.train",
    "predict_table": "tables.table_model",
    "evaluate_table": "tables.evaluation",
    "explain_table": "tables.importance",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        from micrograd.names import did_you_mean

        hint = did_you_mean(name, __dir__())
        message = f"module 'micrograd' has no attribute {name!r}; {hint}".rstrip("; ")
        raise AttributeError(message, name=name)
    return getattr(_imported(f"micrograd.{_LATER[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_LATER]
