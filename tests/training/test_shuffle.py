"""Shuffle: all orders are equally likely, and native code and Python draw the same ones."""

from itertools import permutations

import numpy as np
import pytest

from micrograd.training.data import shuffle
from micrograd.training.data.shuffle import BLOCK, insert_in_python, random_order


@pytest.mark.parametrize("n", [0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_each_number_is_there_once(n):
    order = random_order(n, np.random.default_rng(0))
    assert np.sort(order).tolist() == [*range(n)]


def test_all_orders_are_as_likely():
    random, orders = np.random.default_rng(0), [*permutations(range(5))]
    counts = dict.fromkeys(orders, 0)
    for _ in range(100 * len(orders)):
        counts[tuple(random_order(5, random).tolist())] += 1
    chi_square = sum((count - 100) ** 2 / 100 for count in counts.values())
    assert 80 < chi_square < 165  # 119 degrees of freedom: 0.2 % are below, 0.3 % above


@pytest.mark.parametrize("n", [1, 6, BLOCK + 100])
def test_python_gives_the_same_order(n, monkeypatch):
    native = random_order(n, np.random.default_rng(3))
    monkeypatch.setattr(shuffle, "_insert", lambda: insert_in_python)
    assert (random_order(n, np.random.default_rng(3)) == native).all()


@pytest.mark.parametrize("insert", [shuffle._insert(), insert_in_python])
def test_the_greatest_draw_takes_the_last_place(insert):
    order = np.zeros(1024, np.int32)
    insert(order, np.full(1024, 1 - 2**-53), 0)
    assert (order == np.arange(1024)).all()


@pytest.mark.parametrize("insert", [shuffle._insert(), insert_in_python])
def test_the_least_draw_takes_the_first_place(insert):
    order = np.zeros(5, np.int32)
    insert(order, np.zeros(5), 0)
    assert order.tolist() == [4, 0, 1, 2, 3]
