"""Functions that depend on more than their arguments, and questions that Python does not ask."""

import linecache
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value

RANDOM = np.random.default_rng(0)
calls: list[Any] = []


def counter(x: Any) -> Any:
    calls.append(None)
    return x * len(calls) if x > 0 else -x


def random_number(x: Any) -> Any:
    return x * RANDOM.random() if x > 0 else -x


def appended(x: Any) -> Any:
    calls.append(x)
    return x if x > 0.01 * len(calls) else -x


def kept_condition(x: Any) -> Any:
    if not kept:
        kept.append(x > 0)
    return x if kept[0] else -x


def changed_global(x: Any) -> Any:
    scale[0] += 1.0
    return x * scale[0] if x > 0 else -x


kept: list[Any] = []
scale = [1.0]


@pytest.mark.parametrize("make", [mg.compile, mg.vectorize])
@pytest.mark.parametrize(
    "impure", [counter, random_number, appended, kept_condition, changed_global],
    ids=lambda f: f.__name__,
)  # fmt: skip
def test_what_depends_on_more_than_its_arguments_is_an_error(impure: Any, make: Any) -> None:
    f = make(impure)
    for _ in range(2):  # what was found in doubt is not kept
        kept.clear()
        with pytest.raises(mg.TraceError, match=r"something else|no example is known"):
            f(1.0 if make is mg.compile else [1.0, 2.0, -1.0])


def test_a_variable_that_changes_between_calls_is_noticed_when_a_path_is_found() -> None:
    factor = [2.0]
    f = mg.compile(lambda x: factor[0] * x if x > 0 else -x)
    assert f(1.0) == 2.0
    factor[0] = 3.0
    for _ in range(2):
        with pytest.raises(mg.TraceError, match="something else"):
            f(-1.0)
    assert f(1.0) == 2.0


def truth_in_a_variable(x: Any) -> Any:
    positive = x > 0
    y = x * x
    return y if positive is True else -y


def truth_as_a_pattern(x: Any) -> Any:
    match x > 0:
        case True:
            return x
        case _:
            return -x


UNSEEN = {
    "in a set": lambda x: x if x in {1.0, 2.0} else -x,
    "of a dict": lambda x: {1.0: 5.0}.get(x, 3.0),
    "hashed": lambda x: x * hash(x),
    "in a format": lambda x: x * len(f"{x:.3f}"),
    "with %": lambda x: x * len("%s" % x),  # noqa: UP031
    "text that is measured": lambda x: x * len(str(x)),
    "text that is compared": lambda x: x if repr(x) == "1.0" else -x,
    "text that is joined": lambda x: x if "".join([str(x)]) == "1.0" else -x,
    "texts that are joined": lambda x: x if "".join(map(repr, [x])) == "1.0" else -x,
    "text as a key": lambda x: x * {"1.0": 2.0}.get(str(x), 3.0),
    "is True": lambda x: x if (x > 0) is True else -x,
    "is not False": lambda x: x if (x > 0) is not False else -x,
    "True is": lambda x: x if True is (x > 0) else -x,
    "a variable that is True": truth_in_a_variable,
    "a pattern": truth_as_a_pattern,
}


@pytest.mark.parametrize("how", UNSEEN)
def test_what_would_compare_a_traced_number_without_asking(how: str) -> None:
    with pytest.raises(mg.TraceError, match="Instead"):
        mg.compile(UNSEEN[how])(1.0)


@pytest.mark.parametrize("program", ["lambda x: str(x)", "lambda x: x if repr(x) else -x"])
def test_text_made_by_a_program_without_a_source_is_an_error(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with `python -c`; the same program in a file that has a source is one as well."""
    lines = len(program), None, [program], "program.py"
    monkeypatch.setitem(linecache.cache, "program.py", lines)
    for file in "<string>", "program.py":
        with pytest.raises(mg.TraceError, match="Instead"):
            mg.compile(eval(compile(program, file, "eval")))(1.0)


def test_a_program_without_a_source_may_print_a_traced_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert mg.compile(eval("lambda x: print('x is', x) or x"))(1.0) == 1.0
    assert capsys.readouterr().out == "x is <traced number>\n"


def test_conditions_beside_an_option_that_is_true_are_no_mistake(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def f(x: Any, negative: Any = None, positive: Any = True) -> Any:
        if positive is True and negative is None:
            print(x)
            return x if (x > 0) == True else -x  # noqa: E712
        return 0.0

    assert mg.vectorize(f)([1.0, -2.0]).tolist() == [1.0, 2.0]
    assert "<traced number>" in capsys.readouterr().out


def test_a_condition_is_a_bool_as_in_the_engine() -> None:
    def f(x: Any) -> Any:
        condition = x > 0
        return x if isinstance(condition, bool) and condition else -x

    assert mg.vectorize(f)([1.0, -2.0]).tolist() == [1.0, 2.0]
    assert f(Value(-2.0)).data == 2.0
