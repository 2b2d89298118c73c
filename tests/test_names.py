"""Common mistakes: the message suggests the right code."""
# ruff: noqa: E501 - a mistake is a line of the table

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd.names import did_you_mean

MODEL: Any = mg.MLP(3, [4, 1], seed=0)
PAIR: Any = mg.MLP(3, [4, 2], seed=0)
ROWS = np.ones((5, 3))


def forgetful(x: Any) -> Any:
    _ = x * 2


def slope_of_nothing() -> None:
    double = mg.op(derivative=lambda g, z, x: None, name="double")(lambda x: 2 * x)
    double(mg.Value(1.0)).backward()


def floats_only() -> Any:
    return mg.op(derivative=lambda g, z, x: g * z, name="own")(lambda x: math.exp(x))


def solved(x: Any) -> Any:
    return np.linalg.solve(np.array([[x[0], 1.0], [0.0, x[1]]]), np.ones(2))[0]


def determinant(x: Any) -> Any:
    return np.linalg.det(np.array([[x[0], 1.0], [0.0, x[1]]]))


def fit(**options: Any) -> Any:
    return mg.fit(MODEL, ROWS, np.zeros(5), **{"loss": "mse", "epochs": 1, **options})


# fmt: off
MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "rows to a model": (lambda: MODEL(ROWS), mg.ShapeError, r"rows of shape \(5, 3\).*mg\.Predictor\(model\)\(X\)"),
    "as many rows as inputs": (lambda: MODEL(np.ones((3, 3))), mg.ShapeError, r"rows of shape \(3, 3\)"),
    "lists as rows": (lambda: MODEL([[1, 2, 3], [4, 5, 6]]), mg.ShapeError, r"rows of shape \(2, 3\).*\[model\(row\) for row in X\]"),
    "too few inputs": (lambda: MODEL([1, 2]), mg.ShapeError, "expected 3 inputs, got 2"),
    "words as inputs": (lambda: MODEL(["1", "2", "3"]), TypeError, "expected one real number, got str"),
    "an output minus a number": (lambda: (MODEL([1, 2, 3]) - 1.0) ** 2, TypeError, r"one output; unpack it: \(out,\) = model\(x\)\. The models of micrograd\.nn return"),
    "a number minus an output": (lambda: 1.0 - MODEL([1, 2, 3]), TypeError, r"\(out,\) = model\(x\)"),
    "an output's power": (lambda: MODEL([1, 2, 3]) ** 2, TypeError, r"\(out,\) = model\(x\)"),
    "twice an output": (lambda: MODEL([1, 2, 3]) * 2, TypeError, r"\(out,\) = model\(x\)"),
    "twice an output, the other way": (lambda: 2 * MODEL([1, 2, 3]), TypeError, r"\(out,\) = model\(x\)"),
    "an output plus a number": (lambda: MODEL([1, 2, 3]) + 1.0, TypeError, r"\(out,\) = model\(x\)"),
    "a number plus an output": (lambda: 1.0 + MODEL([1, 2, 3]), TypeError, r"\(out,\) = model\(x\)"),
    "a Value times an output": (lambda: mg.Value(2.0) * MODEL([1, 2, 3]), TypeError, r"\(out,\) = model\(x\)"),
    "the truth of an output": (lambda: 1 if MODEL([1, 2, 3]) else 0, TypeError, r"\(out,\) = model\(x\).*the truth of a list says nothing"),
    "a misspelt label": (lambda: mg.Value(2.0, lable="a"), TypeError, r"Value\(\) has no argument 'lable'; did you mean 'label'\?"),  # type: ignore[call-arg]
    "a number as an equation": (lambda: mg.root(2.0, 1.0), TypeError, r"^root expects a function f\(x, \*parameters\), got float 2\.0$"),  # type: ignore[arg-type]
    "a number for a fixed point": (lambda: mg.fixed_point(2.0, 1.0), TypeError, r"^fixed_point expects a function f\(x, \*parameters\), got float 2\.0$"),  # type: ignore[arg-type]
    "a name as children": (lambda: mg.Value(2.0, "a"), TypeError, r"^the operands of a Value are Values, as in Value\(data, \(a, b\), '\+'\); got str 'a'\. A name is passed as name='a'$"),  # type: ignore[arg-type]
    "a number as children": (lambda: mg.Value(2.0, 3.0), TypeError, r"^the operands of a Value are Values.*got float 3\.0$"),  # type: ignore[arg-type]
    "numbers as children": (lambda: mg.Value(2.0, [3.0, mg.Value(1.0)]), TypeError, r"^the operands of a Value are Values.*got float 3\.0$"),  # type: ignore[list-item]
    "a word to start a loop": (lambda: mg.scan(lambda c, x: (c, x), "text", [1.0]), TypeError, r"^scan: the carry is made of numbers.*got str 'text'"),
    "a word in the start of a loop, compiled": (lambda: mg.compile(lambda a: mg.scan(lambda c, x: (c, x * a), [a, "b"], [1.0, 2.0])[1])(1.0), TypeError, r"^scan: the carry is made of numbers.*got str 'b'"),
    "a carry that becomes a word": (lambda: mg.compile(lambda a: mg.scan(lambda c, x: ("s", x), a, [1.0, 2.0])[1])(1.0), TypeError, r"^scan: the carry is made of numbers.*got str 's'"),
    "a carry that becomes nothing": (lambda: mg.scan(lambda c, x: (None, x), 1.0, [1.0, 2.0]), TypeError, r"^scan: the carry is made of numbers.*got NoneType None"),
    "a missing model": (lambda: mg.load("missing"), FileNotFoundError, r"expected a file that micrograd\.save wrote.*'missing'$"),
    "a folder as a model": (lambda: mg.load("."), IsADirectoryError, r"expected a file that micrograd\.save wrote.*'\.'$"),
    "a number as a path": (lambda: mg.load(3), TypeError, r"^load expected the path of a file, got int 3$"),  # type: ignore[call-overload]
    "an output above a number": (lambda: MODEL([1, 2, 3]) > 0, TypeError, r"\(out,\) = model\(x\)"),
    "the magnitude of an output": (lambda: abs(MODEL([1, 2, 3])), TypeError, r"\(out,\) = model\(x\)"),
    "an output as a float": (lambda: float(MODEL([1, 2, 3])), TypeError, r"\(out,\) = model\(x\)"),
    "an operation on an output": (lambda: mg.tanh(MODEL([1, 2, 3])), TypeError, r"\(out,\) = model\(x\)"),
    "an operation on two outputs": (lambda: mg.tanh(PAIR([1, 2, 3])), TypeError, "2 outputs; take one"),
    "an output's data": (lambda: MODEL([1, 2, 3]).data, AttributeError, r"\(out,\) = model\(x\)"),
    "backward from a list": (lambda: PAIR([1, 2, 3]).backward(), AttributeError, "2 outputs; take one"),
    "a method of a list": (lambda: PAIR([1, 2, 3]).push(), AttributeError, "'list' object has no attribute 'push'"),
    "lr of an optimizer": (lambda: mg.SGD(lr=0.1), TypeError, r"SGD\(\) has no argument 'lr'; did you mean 'learning_rate'\?"),  # type: ignore[call-arg]
    "eps of Adam": (lambda: mg.Adam(eps=1e-8), TypeError, "did you mean 'epsilon'"),  # type: ignore[call-arg]
    "titel of a picture": (lambda: mg.draw(mg.Value(1.0), titel="x"), TypeError, r"draw\(\) has no argument 'titel'; did you mean 'title'\?"),  # type: ignore[call-overload]
    "lenght of a scan": (lambda: mg.scan(lambda s, u: (s, s), 0.0, [1.0], lenght=1), TypeError, "did you mean 'length'"),  # type: ignore[call-arg]
    "something of an operation": (lambda: mg.op(opaqe=True), TypeError, "did you mean 'opaque'"),  # type: ignore[call-arg]
    "ordre of a check": (lambda: mg.check_gradient(mg.exp, 1.0, ordre=1), TypeError, "did you mean 'order'"),  # type: ignore[call-arg]
    "something of a prediction": (lambda: mg.predict_table("m", "t", encodin="x"), TypeError, "did you mean 'encoding'"),  # type: ignore[call-arg]
    "something of Adam": (lambda: mg.Adam(qqq=1), TypeError, "no argument 'qqq'; it takes learning_rate, clip_norm"),  # type: ignore[call-arg]
    "lr of fit": (lambda: fit(lr=0.1), TypeError, r"fit\(\) has no argument 'lr'; the learning rate is the optimizer's"),
    "an argument of fit": (lambda: fit(batchsize=2), TypeError, "did you mean 'batch_size'"),
    "an argument of train_table": (lambda: mg.train_table({"a": [1.0]}, "a", epoch=1), TypeError, "did you mean 'epochs'"),  # type: ignore[call-arg]
    "parameters to an optimizer": (lambda: mg.Adam(MODEL.parameters()), TypeError, r"^pass parameters to step\(\): optimizer = Adam"),  # type: ignore[arg-type]
    "a long rate": (lambda: mg.Adam("9" * 1000), ValueError, "^.{,120}$"),  # type: ignore[arg-type]
    "a loss": (lambda: fit(loss="MSE"), ValueError, "no loss 'MSE'; did you mean 'mse'"),
    "another loss": (lambda: fit(loss="crossentropy"), ValueError, "did you mean 'cross_entropy'"),
    "a metric": (lambda: fit(metric="acuracy", validation=0.5), ValueError, "did you mean 'accuracy'"),
    "an engine": (lambda: fit(engine="Native"), ValueError, "did you mean 'native'"),
    "a dtype": (lambda: fit(dtype="flaot32"), TypeError, "did you mean 'float32'"),
    "an optimizer": (lambda: fit(optimizer="adam"), TypeError, r"such as mg\.Adam\(1e-3\).*did you mean 'Adam'"),
    "what to monitor": (lambda: fit(monitor="los", patience=1), ValueError, "did you mean 'loss'"),
    "an activation": (lambda: mg.MLP(2, [2, 1], activation="Relu"), ValueError, "did you mean 'relu'"),
    "an activation elsewhere": (lambda: mg.MLP(2, [2, 1], activation="swish"), ValueError, "did you mean 'silu'"),
    "no activation": (lambda: mg.MLP(2, [2, 1], activation="zzz"), ValueError, "one of: relu, leaky_relu, elu"),
    "a column": (lambda: mg.train_table({"size": [1.0, 2.0]}, "Size"), ValueError, "did you mean 'size'"),
    "a task": (lambda: mg.train_table({"x": [1.0, 2.0], "y": [1, 2]}, "y", task="regresion"), ValueError, "did you mean 'regression'"),
    "a schedule": (lambda: mg.CosineDeccay, AttributeError, "did you mean 'CosineDecay'"),
    "an operation's name": (lambda: mg.Sigmoid, AttributeError, "did you mean 'sigmoid'"),
    "a name of a builtin": (lambda: mg.Sum, AttributeError, "did you mean 'sum'"),
    "np.linalg.solve": (lambda: mg.grad(solved)(np.ones(2)), TypeError, r"^np\.linalg\.solve cannot read an array that np\.array made.*test_names\.py:\d+\. Instead, make the array by micrograd\.array.*micrograd\.solve$"),
    "a ufunc for floats only": (lambda: mg.grad(lambda x: np.isnan(np.array([x, 1.0]))[0] + x)(1.0), TypeError, r"^np\.isnan cannot read.*make the array by micrograd\.array\(\[\.\.\.\]\), on which"),
    "np.linalg.det in a root": (lambda: mg.root(lambda x: np.linalg.det(np.array([[x, 1.0], [1.0, x]])), 2.0), mg.NumPyError, r"^np\.linalg\.det cannot read.*micrograd\.det$"),
    "np.linalg.eigvalsh": (lambda: mg.grad(lambda x: np.linalg.eigvalsh(np.array([[x, 1.0], [1.0, x]]))[0])(2.0), mg.NumPyError, r"^np\.linalg\.eigvalsh cannot.*made by micrograd\.array\(\[\.\.\.\]\), write np\.linalg\.solve, inv"),
    "np.fft": (lambda: mg.grad(lambda x: np.fft.fft(np.array([x, x]))[0].real)(2.0), mg.NumPyError, r"^fft cannot read.*write it in operations of micrograd, or add it with"),
    "np.linalg.det, compiled": (lambda: mg.compile(determinant)(np.ones(2)), TypeError, r"^np\.linalg\.det cannot read .*test_names\.py:\d+\. Instead.*micrograd\.det$"),
    "a forgotten return": (lambda: mg.grad(forgetful)(2.0), TypeError, r"^forgetful, at .*test_names\.py:\d+, returned None.*is a `return` missing\?"),
    "a forgotten return beside a keyword": (lambda: mg.grad(lambda x, y: None)(2.0, y=1.0), TypeError, r"^<lambda>, at .*test_names\.py"),
    "a forgotten return, compiled": (lambda: mg.compile(forgetful)(2.0), mg.TraceError, r"^forgetful, at .*is a `return` missing"),
    "a forgotten return in a Jacobian": (lambda: mg.jacobian(forgetful)(2.0), TypeError, "^forgetful, at"),
    "a loss without a return": (lambda: fit(loss=lambda outputs, target: None), TypeError, "is a `return` missing"),
    "a number as a function": (lambda: mg.grad(3), TypeError, r"grad takes a function .* as in grad\(f\)\(x\); got int 3"),  # type: ignore[arg-type]
    "a number as a function, for its Hessian": (lambda: mg.hessian(2.0), TypeError, "hessian takes a function"),  # type: ignore[arg-type]
    "a number as a function, for a product": (lambda: mg.hvp(2.0), TypeError, "hvp takes a function"),  # type: ignore[arg-type]
    "an argument of grad": (lambda: mg.grad(math.exp, argnum=0), TypeError, "did you mean 'argnums'"),  # type: ignore[call-arg]
    "an argument of vectorize": (lambda: mg.vectorize(math.exp, inaxes=0), TypeError, "did you mean 'in_axes'"),  # type: ignore[call-arg]
    "an argument of an MLP": (lambda: mg.MLP(2, [1], activaton="relu"), TypeError, r"MLP\(\) has no argument 'activaton'; did you mean 'activation'"),  # type: ignore[call-arg]
    "an argument of a schedule": (lambda: mg.CosineDecay(1.0, 2, finl=0.1), TypeError, "did you mean 'final'"),  # type: ignore[call-arg]
    "an argument of a Predictor": (lambda: mg.Predictor(MODEL, thread=2), TypeError, "did you mean 'threads'"),  # type: ignore[call-arg]
    "a number as an activation": (lambda: mg.MLP(2, [1], activation=3), ValueError, "no activation 3"),  # type: ignore[arg-type]
    "an array of one result": (lambda: mg.grad(lambda x: np.array([x * 2]))(2.0), TypeError, r"return its one element, as in result\[0\]"),
    "an array of one result, compiled": (lambda: mg.compile(lambda x: np.array([x * 2])).value_and_grad(2.0), TypeError, r"returns an array of shape \(1,\)\. Instead, return its one element"),
    "two results, compiled": (lambda: mg.compile(lambda x: [x, x]).value_and_grad(2.0), TypeError, r"returns 2 numbers\. Instead, compile micrograd\.jacobian\(f\)"),
    "a list to an operation": (lambda: mg.tanh([1.0, 2.0]), TypeError, r"list \[1\.0, 2\.0\]\. For several, write \[micrograd\.tanh\(x\) for x in values\]"),  # type: ignore[arg-type]
    "a list of Values to an operation": (lambda: mg.exp([mg.Value(1.0)]), TypeError, r"micrograd\.exp\(micrograd\.array\(values\)\)"),  # type: ignore[arg-type]
    "a list of conditions": (lambda: mg.where([True, False], 1.0, 2.0), TypeError, r"For several, write micrograd\.array\(values\)"),  # type: ignore[arg-type]
    "rows of a table": (lambda: mg.train_table([[1, 2]], "a"), TypeError, r"expected a table: .* got list \[\[1, 2\]\]"),  # type: ignore[arg-type]
    "a word as a state": (lambda: MODEL.load_state_dict("x"), TypeError, r"as state_dict\(\) returns it, got str 'x'"),
    "no examples": (lambda: mg.fit(MODEL, [], [], loss="mse"), mg.ShapeError, "X must not be empty"),
    "a target of 0 for a hinge": (lambda: mg.losses.hinge([mg.Value(1.0)], 0), ValueError, r"are -1 and 1, got 0\. From 0 and 1, write 2 \* target - 1"),
    "a target of -1 for a probability": (lambda: mg.losses.bce_with_logits(0.0, -1), ValueError, r"from 0 to 1, got -1\. From -1 and 1, write \(target \+ 1\) / 2"),
    "no sequences for a dot": (lambda: mg.dot(3, 4), TypeError, "dot takes two sequences of numbers, got 3 and 4"),  # type: ignore[arg-type]
    "no sequence to take from": (lambda: mg.take(3, 1), TypeError, "take expects a sequence of numbers, got 3"),  # type: ignore[arg-type]
    "a word to a Predictor": (lambda: mg.Predictor(MODEL)("abc"), mg.ArgumentError, r"^Predictor\(MLP\(3.* takes numbers"),
    "op without a derivative": (lambda: mg.op(lambda x: x), TypeError, r"@mg\.op\(derivative="),
    "op() without a derivative": (lambda: mg.op(), TypeError, r"@mg\.op\(derivative="),
    "a derivative that returns None": (slope_of_nothing, TypeError, "derivative of double returned None for operand 0"),
    "math in an operation, compiled": (lambda: mg.compile(floats_only())(1.0), TypeError, r"own calls math\.exp.*write mg\.exp, at .*test_names\.py:\d+"),
    "math in an operation, in C": (lambda: mg.compile(floats_only()).source("c", 1.0), TypeError, r"write mg\.exp, at"),
}
# fmt: on


NATIVE = {"math in an operation, compiled"}  # NumPy calls it with an array of one number


@pytest.mark.parametrize(
    "name", [pytest.param(x, marks=pytest.mark.native) if x in NATIVE else x for x in MISTAKES]
)
def test_a_mistake_is_told_with_its_repair(name: str) -> None:
    call, kind, message = MISTAKES[name]
    with pytest.raises(kind, match=message):
        call()


def test_activations_are_listed_without_what_nobody_uses_as_one() -> None:
    floats_only()
    with pytest.raises(ValueError, match="one of:") as raised:
        mg.MLP(2, [2, 1], activation="zzz")
    listed = str(raised.value).partition("one of: ")[2].split(", ")
    assert {"identity", "relu", "tanh", "gelu", "own"} <= {*listed}
    assert {"lgamma", "neg", "sqrt", "stop_gradient"}.isdisjoint(listed)


def test_nothing_like_it_is_no_question() -> None:
    assert did_you_mean("zzz", ["relu", "tanh"]) == ""
    assert did_you_mean(None, []) == ""


def test_the_outputs_of_a_model_are_a_list() -> None:
    outputs = PAIR([1.0, 2.0, 3.0])
    assert isinstance(outputs, list)
    assert outputs + [1.0] == [*outputs, 1.0]  # noqa: RUF005
    assert outputs[:1] == [outputs[0]]
    assert [x.data for x in pickle.loads(pickle.dumps(outputs))] == [x.data for x in outputs]
    assert (outputs - np.ones(2))[0].data == outputs[0].data - 1.0
    assert type(mg.compile(lambda x: PAIR(x))([1.0, 2.0, 3.0])) is list


def test_a_label_is_a_name() -> None:
    """As in karpathy's lecture."""
    a = mg.Value(2.0, label="a")
    b = mg.Value(2.0, (), "", "b")
    a.label = f"{a.label}2"
    assert (a.name, a.label, b.name) == ("a2", "a2", "b")
