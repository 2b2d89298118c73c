"""Found: the loops that Python ran while a function was traced, and what is none."""

import inspect
from typing import Any

import numpy as np
import pytest
from pipeline import traced
from programs_as_written import named

import micrograd as mg
from micrograd import ops
from micrograd.compiler.trace.found import recurrences
from micrograd.compiler.trace.recurrence import Carried, Read, Recurrence, Same
from micrograd.compiler.trace.symbol import Symbol
from micrograd.compiler.trace.trace import Trace
from micrograd.compiler.trace.words import words_of

# Of each loop its trips, the operations of a trip, and how many numbers it carries.
EXPECTED = {
    ("rnn_dot", 40): "40 x 48, 16 carried",
    ("rnn_plain", 30): "30 x 656, 16 carried",
    ("rk4", 60): "60 x 50, 2 carried",
    ("kalman", 60): "58 x 49, 8 carried",
    ("hmm", 40): "39 x 155, 5 carried",
    ("garch", 400): "399 x 10, 2 carried",
    ("cumsum", 600): "600 x 2, 1 carried",
    ("newton", 400): "400 x 6, 1 carried",
    ("biquad", 400): "398 x 11, 3 carried",
    ("carry60", 20): "19 x 541, 60 carried",
    ("encdec", 400): "400 x 8, 4 carried; 400 x 12, 4 carried",
    ("nested", 60): "60 x 59, 3 carried",
    ("positional", 300): "300 x 5, 2 carried",
    ("alternating", 500): "250 x 6, 1 carried",
    ("attention", 60): "",
    ("fullhist", 60): "",
    ("lstm", 40): "40 x 126, 12 carried",
    ("lstm_of_14", 20): "20 x 294, 28 carried",
    ("mlp", 600): "",
    ("deep", 400): "400 x 12, 6 carried",
    ("heat", 40): "40 x 90, 18 carried",
    ("dtw", 40): "39 x 279, 40 carried",
    ("backwards", 400): "400 x 8, 2 carried",
    ("timetable", 400): "400 x 6, 1 carried",
    ("plainsum", 400): "",
    ("ar2", 400): "398 x 6, 2 carried",
    ("bilevel", 60): "60 x 38, 1 carried",
    ("ema_two", 400): "399 x 4, 1 carried; 199 x 6, 2 carried",
    ("thomas", 400): "399 x 8, 2 carried; 399 x 4, 2 carried",
    ("gru", 40): "40 x 71, 5 carried",
    ("binomial", 50): "",
    ("horner", 400): "",
    ("special5", 800): "401 x 3, 1 carried; 399 x 3, 1 carried",
    ("shuffled", 400): "400 x 3, 1 carried",
    ("embedding", 400): "400 x 6, 3 carried",
    ("cholesky", 40): "",
    ("bidirectional", 400): "400 x 3, 1 carried; 400 x 7, 2 carried",
    ("seq2seq", 60): "60 x 69, 4 carried",
    ("adam", 400): "399 x 17, 3 carried",
    ("deepsame", 60): "60 x 24, 8 carried",
    ("conv", 600): "",
    ("captured_arrays", 400): "400 x 3, 1 carried",
    ("numpy_state", 60): "59 x 36, 4 carried",
    ("dictionary", 400): "400 x 8, 2 carried",
    ("volatility", 400): "399 x 9, 1 carried",
    ("every_third", 1200): "400 x 7, 1 carried",
    ("delayed", 400): "397 x 5, 3 carried",
    ("leapfrog", 400): "400 x 7, 2 carried",
    ("product", 1200): "1199 x 2, 1 carried",
    ("running_maximum", 400): "399 x 5, 2 carried",
    ("ema_of_ema", 400): "399 x 10, 3 carried",
    ("two_series", 400): "399 x 4, 1 carried",
    ("strided", 400): "400 x 3, 1 carried",
    ("branches", 400): "399 x 5, 1 carried",
    ("momentum", 60): "59 x 24, 6 carried",
    ("chain_of_layers", 400): "400 x 12, 6 carried",
    ("polynomial", 400): "",
    ("parallel", 400): "",
    ("softmax_of_many", 400): "",
    ("distances", 900): "",
    ("batch", 400): "",
    ("gammas", 400): "",
    ("matrix_power", 400): "399 x 3, 3 carried; 399 x 3, 3 carried; 399 x 3, 3 carried",
    ("transformer", 400): "",
}


def program(name: str, steps: int) -> Trace:
    function, shapes = named(name, steps)
    return traced(function, *shapes)


def text(found: list[Recurrence]) -> str:
    return "; ".join(f"{x.trips} x {len(x.ops)}, {len(x.initial)} carried" for x in found)


def numbers_of(graph: Trace) -> np.ndarray:
    """A number for each node, by its operation in Python."""
    numbers = np.random.default_rng(0).uniform(0.1, 0.9, graph.count)
    for value, symbol in graph.met.items():
        numbers[symbol.number] = value.data
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            numbers[node.number] = result(
                node.op, [numbers[x.number] if isinstance(x, Symbol) else x for x in node.operands]
            )
    return numbers


def result(op: Any, operands: list[Any]) -> float:
    return float(op(*map(float, operands)))


def assert_repeats(loop: Recurrence, numbers: np.ndarray) -> None:
    """The recurrence, trip after trip, gives what the nodes that it replaces are."""

    def known(source: Any, trip: int) -> float:
        one = source[trip] if isinstance(source, np.ndarray) else source
        return float(one) if isinstance(one, float) else float(numbers[one])

    results: dict[tuple[int, int], float] = {
        (node, -ago): known(source, 0) for (node, ago), source in loop.initial.items()
    }

    def operand(x: Any, trip: int) -> float:
        if isinstance(x, Read):
            return known(x.source, trip)
        ago = x.distance if isinstance(x, Carried) else 0
        assert isinstance(x, Carried | Same)
        return results[x.node, trip - ago]

    for trip in range(loop.trips):
        for node, (op, operands) in enumerate(zip(loop.ops, loop.operands)):
            results[node, trip] = result(op, [operand(x, trip) for x in operands])
    symbols, nodes, trips = loop.names
    here = [results[key] for key in zip(nodes.tolist(), trips.tolist())]
    np.testing.assert_array_equal(here, numbers[symbols])


@pytest.mark.parametrize(("name", "steps"), EXPECTED)
def test_loops_are_found_with_their_trips_operations_and_state(name: str, steps: int) -> None:
    graph = program(name, steps)
    found = recurrences(words_of(graph))
    assert text(found) == EXPECTED[name, steps]
    if found:
        numbers = numbers_of(graph)
        for loop in found:
            assert_repeats(loop, numbers)


def test_a_recurrence_says_what_it_carries_and_what_it_reads() -> None:
    w = mg.Value(0.5)

    def f(x: Any) -> Any:
        h = x[0]
        for t in range(1, 600):
            h = mg.tanh(w * h + x[t])
        return h

    graph = traced(f, (600,))
    (found,) = recurrences(words_of(graph))
    assert found.ops == [ops.mul, ops.add, ops.tanh]
    assert found.operands[0] == [Read(graph.met[w].number), Carried(2, 1)]
    assert found.operands[1][0] == Same(0)
    assert found.operands[2] == [Same(1)]
    read = found.operands[1][1]
    assert isinstance(read, Read)
    np.testing.assert_array_equal(read.source, [x.number for x in graph.inputs[0][1:]])
    assert found.initial == {(2, 1): graph.inputs[0][0].number}


def test_a_reversed_series_is_read_backwards() -> None:
    (found,) = recurrences(words_of(program("two_series", 400)))
    (reads,) = [
        [x.source for x in operands if isinstance(x, Read)]
        for op, operands in zip(found.ops, found.operands)
        if op is ops.mul and not any(isinstance(x, Carried) for x in operands)
    ]
    assert [np.unique(np.diff(x)).tolist() for x in reads if isinstance(x, np.ndarray)] == [
        [1],
        [-1],
    ]


# The report.


def line_of(function: Any, loop: str) -> str:
    """A line of a function, as the report shows it."""
    lines, first = inspect.getsourcelines(function)
    (at,) = [k for k, line in enumerate(lines) if line.strip().startswith(loop)]
    return f"test_found.py:{first + at}  {lines[at].strip()}"


def explained(f: Any, *arguments: Any) -> str:
    return mg.compile(f).explain(*arguments)


def step(h: Any, x: Any) -> Any:
    return mg.tanh(mg.sin(h) + x) * 0.9


def last(x: Any) -> Any:
    h = x[0]
    for t in range(1, 400):
        h = step(
            h,
            x[t],
        )
    return h


def called(x: Any) -> Any:
    total = 0.0
    for _ in range(1):
        total = total + last(x)
    return total


def with_while(x: Any) -> Any:
    t, h = 1, x[0]
    while t < 400:
        h = step(h, x[t])
        t += 1
    return h


def in_a_list(x: Any) -> Any:
    h = x[0]
    all_ = [h := step(h, x[t]) for t in range(1, 400)]
    return all_[-1]


@pytest.mark.parametrize(
    ("f", "where", "loop"),
    [
        (last, last, "for t"),  # the body is a call on several lines
        (called, last, "for t"),
        (with_while, with_while, "while"),
        (in_a_list, in_a_list, "all_"),
    ],
)
def test_explain_names_a_loop_by_the_line_that_begins_it(f: Any, where: Any, loop: str) -> None:
    assert explained(f, np.ones(400)).endswith(
        "1 loop of Python is a loop of the program:\n"
        f"    {line_of(where, loop)}\n"
        "        399 trips of 4 operations, which carry 1 number"
    )


def test_explain_names_several_loops() -> None:
    def f(x: Any) -> Any:
        h, seen = x[0], []
        for t in range(1, 400):
            h = step(h, x[t])
            seen.append(h)
        for y in reversed(seen):
            h = step(h, y) + 0.5
        return h

    text = explained(f, np.ones(400))
    assert "2 loops of Python are loops of the program:" in text
    assert line_of(f, "for t") in text
    assert line_of(f, "for y") in text


def test_explain_says_nothing_of_loops_where_there_are_none() -> None:
    model = mg.MLP(8, [40, 40, 1], activation="tanh", seed=0)
    assert "loop" not in explained(lambda x: model(x)[0], np.ones(8))


def test_the_line_is_unknown_of_a_function_that_is_another_one_at_each_call() -> None:
    calls: list[None] = []

    def f(x: Any) -> Any:
        calls.append(None)
        return last(x) if len(calls) == 1 else last(last(x) * x)

    text = explained(f, np.ones(400))
    assert "    at an unknown line\n        399 trips of 4 operations" in text


def test_explain_needs_no_second_call_that_succeeds() -> None:
    calls: list[None] = []

    def f(x: Any) -> Any:
        calls.append(None)
        if len(calls) > 1:
            raise RuntimeError
        return last(x)

    assert "at an unknown line" in explained(f, np.ones(400))
