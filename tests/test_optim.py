"""Optimisers against the formulas of the papers; schedules, clipping, state, mistakes."""

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import ShapeError, Value, optim

GRADIENTS = [[0.5, -2.0], [1.5, 0.0], [-0.25, 3.0], [1e-9, -1.0]]
START = [1.0, -0.5]


def run(optimizer: optim.Optimizer, gradients: Any = GRADIENTS) -> list[list[float]]:
    """The parameters after each step, given their gradients."""
    parameters = [Value(x) for x in START]
    path = []
    for row in gradients:
        for p, g in zip(parameters, row):
            p.grad = g
        optimizer.step(parameters)
        path.append([p.data for p in parameters])
    return path


# The formulas of the papers, on vectors; each yields the parameters after every step.


def gradient_descent(rate: float):
    theta = np.array(START)
    for g in np.array(GRADIENTS):
        theta = theta - rate * g
        yield theta


def heavy_ball(rate: float, mu: float):
    """Polyak (1964): x' = x - rate g + mu (x - x before)."""
    before = theta = np.array(START)
    for g in np.array(GRADIENTS):
        before, theta = theta, theta - rate * g + mu * (theta - before)
        yield theta


def lookahead(rate: float, mu: float):
    """Sutskever et al. (2013), eqs. 3 and 4: v' = mu v - rate g(x + mu v), x' = x + v'. Yields the
    point ahead, x' + mu v', where the next gradient is asked for."""
    theta, v = np.array(START), np.zeros(2)
    for g in np.array(GRADIENTS):
        v = mu * v - rate * g
        theta = theta + v
        yield theta + mu * v


def rmsprop(rate: float, rho: float):
    theta, square = np.array(START), np.zeros(2)
    for g in np.array(GRADIENTS):
        square = rho * square + (1 - rho) * g**2
        theta = theta - rate * g / (np.sqrt(square) + 1e-8)
        yield theta


def adam(rate: float, beta1: float, beta2: float, decay: float = 0.0):
    """Kingma and Ba (2015): the moments as sums over all gradients; AdamW's decay beside them."""
    theta = np.array(START)
    for t in range(1, len(GRADIENTS) + 1):
        past = np.array(GRADIENTS[:t])
        ages = np.arange(t)[::-1, None]
        mean = (1 - beta1) * (beta1**ages * past).sum(axis=0) / (1 - beta1**t)
        square = (1 - beta2) * (beta2**ages * past**2).sum(axis=0) / (1 - beta2**t)
        theta = theta - rate * (mean / (np.sqrt(square) + 1e-8) + decay * theta)
        yield theta


@pytest.mark.parametrize(
    ("optimizer", "paper"),
    [
        (mg.SGD(0.1), gradient_descent(0.1)),
        (mg.Momentum(0.1, momentum=0.8), heavy_ball(0.1, 0.8)),
        (mg.Nesterov(0.1, momentum=0.8), lookahead(0.1, 0.8)),
        (mg.RMSprop(0.01, decay=0.9), rmsprop(0.01, 0.9)),
        (mg.Adam(0.01, beta1=0.8, beta2=0.95), adam(0.01, 0.8, 0.95)),
        (mg.AdamW(0.01, weight_decay=0.2), adam(0.01, 0.9, 0.999, decay=0.2)),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, optim.Optimizer) else "",
)
def test_the_formulas_of_the_papers(optimizer: optim.Optimizer, paper: Any):
    np.testing.assert_allclose(run(optimizer), list(paper), rtol=1e-12)


EVERY = [mg.SGD, mg.Momentum, mg.Nesterov, mg.RMSprop, mg.Adam, mg.AdamW]


@pytest.mark.parametrize("kind", EVERY)
def test_a_rule_runs_on_floats_arrays_and_values_alike(kind: Any):
    optimizer = kind(0.1)
    p, g = np.array(START), np.array(GRADIENTS[0])
    state = tuple(np.full(2, 0.5) for _ in optimizer.memory)
    together, _ = optimizer.rule(p, g, state, 0.1, 3)
    for i in range(2):
        one = tuple(float(s[i]) for s in state)
        alone, memory = optimizer.rule(float(p[i]), float(g[i]), one, 0.1, 3)
        traced, _ = optimizer.rule(Value(p[i]), g[i], tuple(map(Value, one)), 0.1, 3)
        assert (type(alone), len(memory)) == (float, len(optimizer.memory))
        assert alone == pytest.approx(together[i], rel=1e-15)
        assert traced.data == pytest.approx(alone, rel=1e-15)


@pytest.mark.parametrize("kind", EVERY)
def test_every_optimiser_finds_the_minimum(kind: Any):
    x, optimizer = Value(1.0), kind(mg.CosineDecay(0.05, steps=400))
    for _ in range(400):
        x.grad = 2 * (x.data - 0.5)
        optimizer.step([x])
    assert x.data == pytest.approx(0.5, abs=2e-3)


def test_adam_moves_by_the_rate_at_first():
    (first,) = run(mg.Adam(0.01), [[1e-3, -1e3]])
    assert first == pytest.approx([START[0] - 0.01, START[1] + 0.01], rel=1e-4)


# Schedules.


def test_a_schedule_sets_the_rate_of_each_step():
    path = run(mg.SGD(mg.StepDecay(1.0, every=2, factor=0.5)), [[1.0, 0.0]] * 5)
    assert [x for x, _ in path] == [0.0, -1.0, -1.5, -2.0, -2.25]
    assert run(mg.SGD(lambda step: 1.0 / (step + 1)), [[1.0, 0.0]] * 2)[-1][0] == -0.5


def test_cosine_decay():
    rate = mg.CosineDecay(2.0, steps=100, final=1.0)
    assert (rate(0), rate(50), rate(100), rate(1000)) == (2.0, 1.5, 1.0, 1.0)
    assert rate(25) == pytest.approx(1.5 + 0.5 * math.sqrt(0.5))


def test_warm_up_goes_before_any_schedule():
    rate = mg.WarmUp(4, then=mg.StepDecay(1.0, every=2, factor=0.5))
    assert [rate(step) for step in range(8)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 0.5, 0.5]
    assert mg.WarmUp(2, then=0.1)(7) == mg.Constant(0.1)(0) == 0.1


# Clipping.


def test_clipping_by_value_and_by_norm():
    assert run(mg.SGD(1.0, clip_value=1.0), [[3.0, -4.0]]) == [[0.0, 0.5]]
    assert run(mg.SGD(1.0, clip_norm=1.0), [[3.0, -4.0]])[0] == pytest.approx([0.4, 0.3])
    assert run(mg.SGD(1.0, clip_norm=5.0), [[3.0, -4.0]]) == [[-2.0, 3.5]]
    assert optim.clip_by_norm([3e200, 4e200], 1.0) == pytest.approx([0.6, 0.8])
    assert math.isnan(optim.clip_by_value([math.nan], 1.0)[0])


def test_clipping_leaves_the_gradients_of_the_parameters_alone():
    p = Value(1.0)
    p.grad = 10.0
    mg.SGD(1.0, clip_value=0.5).step([p])
    assert (p.data, p.grad) == (0.5, 10.0)


# State.


@pytest.mark.parametrize("kind", EVERY)
def test_going_on_from_a_state(kind: Any):
    whole = run(kind(mg.CosineDecay(0.1, steps=4)))
    first, second = (kind(mg.CosineDecay(0.1, steps=4)) for _ in range(2))
    parameters = [Value(x) for x in START]
    for i, row in enumerate(GRADIENTS):
        if i == 2:
            second.load_state_dict({k: np.array(v) for k, v in first.state_dict().items()})
            parameters = [Value(p.data) for p in parameters]
        for p, g in zip(parameters, row):
            p.grad = g
        (first if i < 2 else second).step(parameters)
        assert [p.data for p in parameters] == whole[i]


def test_the_state_is_flat_lists_in_the_order_of_the_parameters():
    optimizer = mg.Adam(0.1, beta1=0.5, beta2=0.75)
    assert optimizer.state_dict() == {"steps": 0, "mean": [], "square": []}
    run(optimizer, [[2.0, 4.0]])
    assert optimizer.state_dict() == {"steps": 1, "mean": [1.0, 2.0], "square": [1.0, 4.0]}


@pytest.mark.parametrize("things", [mg.MLP(2, [1], seed=0), None, 1.0, Value(1.0), [1.0], "ab"])
def test_what_is_no_list_of_parameters(things: Any):
    with pytest.raises(TypeError, match=r"step takes Values, such as model\.parameters\(\), got"):
        mg.Adam().step(things)


def test_an_optimiser_serves_one_list_of_parameters():
    optimizer = mg.Momentum(0.1)
    run(optimizer)
    with pytest.raises(ValueError, match="make another Momentum for them, or call fresh"):
        run(optimizer)
    assert run(optimizer.fresh()) == run(mg.Momentum(0.1))
    loaded = mg.Momentum(0.1)
    loaded.load_state_dict(optimizer.state_dict())
    with pytest.raises(ShapeError, match="the state has 2 parameters, got 1"):
        loaded.step([Value(1.0)])


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"steps": 1, "mean": [0.0]}, "must have the keys steps, mean, square, got steps, mean"),
        ({}, "got none"),
        ({"steps": 1, "mean": [0.0], "square": [0.0, 1.0]}, "must have the same length"),
    ],
)
def test_a_state_of_another_kind(state: Any, message: str):
    with pytest.raises(ShapeError, match=message):
        mg.Adam().load_state_dict(state)


def test_reprs_make_the_object():
    for expression in (
        "SGD(0.1)",
        "Adam(0.001)",
        "AdamW(0.001, clip_norm=1.0, weight_decay=0.1)",
        "Nesterov(CosineDecay(initial=0.1, steps=10, final=0.0), momentum=0.8)",
    ):
        assert repr(eval(expression, dict(vars(mg)))) == expression


def test_optimisers_can_be_copied_and_pickled():
    optimizer = mg.Adam(mg.WarmUp(3, then=0.1))
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert run(other) == run(optimizer.fresh())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mg.SGD(0.0), "learning_rate must be a positive number, got 0.0"),
        (lambda: mg.SGD(-0.1), "learning_rate must be"),
        (lambda: mg.SGD(math.nan), "learning_rate must be"),
        (lambda: mg.SGD(math.inf), "learning_rate must be"),
        (lambda: mg.SGD("0.1"), "learning_rate must be"),  # type: ignore[arg-type]
        (lambda: mg.Momentum(momentum=1.0), r"momentum must be in \[0, 1\), got 1.0"),
        (lambda: mg.RMSprop(decay=-0.1), "decay must be"),
        (lambda: mg.Adam(beta1=1.5), "beta1 must be"),
        (lambda: mg.Adam(beta2=math.nan), "beta2 must be"),
        (lambda: mg.Adam(epsilon=0.0), "epsilon must be"),
        (lambda: mg.AdamW(weight_decay=-1.0), "weight_decay must be at least 0, got -1.0"),
        (lambda: mg.Adam(clip_norm=0.0), "clip_norm must be"),
        (lambda: mg.Adam(clip_value=-1.0), "clip_value must be"),
        (lambda: mg.StepDecay(1.0, every=0), "every must be"),
        (lambda: mg.CosineDecay(0.1, steps=0), "steps must be"),
        (lambda: mg.WarmUp(0, then=0.1), "steps must be"),
        (lambda: mg.WarmUp(1, then=-0.1), "learning_rate must be"),
    ],
)
def test_bad_hyper_parameters(make: Any, message: str):
    with pytest.raises(ValueError, match=message):
        make()
