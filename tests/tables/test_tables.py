"""Tables: the encoding of inputs and of the target."""

import json

import numpy as np
import pytest
from columns import number, text

from micrograd.files.column import Column
from micrograd.files.table import Table
from micrograd.tables import targets
from micrograd.tables.inputs import MOST_CATEGORIES, Category, Inputs, Quantity
from micrograd.tables.split import hold_out

# Inputs.


def test_a_quantity_is_standardised_by_the_training_part_only():
    quantity = Quantity.learn(number(1.0, 3.0, np.nan))
    assert (quantity.mean, quantity.scale, quantity.fill) == (2.0, 1.0, 2.0)
    np.testing.assert_array_equal(quantity.encode(number(5.0, np.nan)), [[3.0, 0.0], [0.0, 1.0]])


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
def test_numbers_of_any_size(size):
    column = number(*(size * x for x in (1.0, 2.0, 3.0)))
    np.testing.assert_allclose(
        Quantity.learn(column).encode(column)[:, 0], [-1.224744871391589, 0, 1.224744871391589]
    )


def test_categories_are_capped_and_the_rare_share_an_input():
    names = [f"n{i}" for i in range(MOST_CATEGORIES + 5)]
    category = Category.learn(text(*names, *names[:MOST_CATEGORIES], *names[:MOST_CATEGORIES]))
    assert category.width == MOST_CATEGORIES + 1
    encoded = category.encode(text(names[0], names[-1], names[-2]))
    assert encoded.sum(axis=1).tolist() == [1, 1, 1]
    assert encoded[:, -1].tolist() == [0, 1, 1]


def test_a_category_that_training_never_saw_is_missing():
    category = Category.learn(text("a", "a", "b", None))
    np.testing.assert_array_equal(category.encode(text("new")), category.encode(text(None)))
    assert category.encode(text("new")).tolist() == [[1.0, 0.0, 1.0]]
    assert category.unseen(text("new", "a", None)) == ["new"]


def test_what_is_left_out_and_why():
    rows = 40
    table = Table.of(
        {
            "id": np.arange(rows),
            "same": np.full(rows, 3.0),
            "none": np.full(rows, np.nan),
            "name": [f"person {i}" for i in range(rows)],
            "code": np.arange(rows) % 3,
            "x": np.sqrt(np.arange(rows)),
        }
    )
    inputs = Inputs.learn(table, categorical=["code"])
    assert [c.name for c in inputs.columns] == ["code", "x"]
    assert inputs.width == 3 + 1
    assert inputs.ignored == {
        "id": "it is an identifier: all values differ",
        "same": "it is constant",
        "none": "it has no values",
        "name": "almost all values differ (40 in 40)",
    }
    assert Inputs.from_json(json.loads(json.dumps(inputs.as_json()))) == inputs


CODES = [f"code {i:03}" for i in range(198)]


@pytest.mark.parametrize(
    ("values", "named", "kept"),
    [
        (CODES * 3, False, True),
        (CODES * 3, True, True),
        (CODES + ["other"] * 30, False, False),
        (CODES + ["other"] * 198, False, True),
        (CODES, False, False),
        (CODES, True, True),
    ],
)
def test_only_values_that_almost_all_differ_are_no_categories(values, named, kept):
    table = Table.of({"code": values, "x": np.arange(len(values)) % 7})
    inputs = Inputs.learn(table, ["code"] * named)
    assert ("code" not in inputs.ignored) == kept
    assert inputs.width == kept * (MOST_CATEGORIES + 1) + 1


# The target.


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (text(*"ab" * 5), "text"),
        (number(*[0.0, 1.0] * 5), "text"),
        (Column("c", "whole", np.arange(20.0).repeat(3)), "text"),
        (Column("c", "whole", np.arange(21.0).repeat(3)), "number"),
        (number(0.5, 1.0, 2.0), "number"),
        (text("0.5", "1", "2"), "number"),  # CSV's target comes as it is written
        (text("01", "02", "01"), "text"),
    ],
)
def test_the_rule_for_the_task(column, kind):
    assert targets.task_of(column).kind == kind


def test_classes_keep_their_names():
    target = targets.learn_target(targets.task_of(text("10", "02", "1.0", "02")))
    assert isinstance(target, targets.Classes)
    assert (target.classes, target.majority) == (("1.0", "02", "10"), "02")
    assert target.decode(np.eye(3)).tolist() == ["1.0", "02", "10"]
    np.testing.assert_allclose(target.probabilities(np.array([[1e4, 0, 0]])), [[1, 0, 0]])


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9])
def test_every_class_is_held_out_in_proportion(share):
    names = ["a"] * 100 + ["b"] * 40 + ["c"] * 10 + ["single"]
    column = text(*np.random.default_rng(0).permutation(names))
    training, held_out = hold_out(column, share, np.random.default_rng(0))
    assert sorted([*training, *held_out]) == list(range(151))
    assert len(held_out) == round(share * 151)
    for name, count in (("a", 100), ("b", 40), ("c", 10), ("single", 1)):
        assert name in column.values[training]
        assert abs((column.values[held_out] == name).sum() - share * count) <= 2
