"""Epochs: passes over the examples, in batches, each batch one step of the solver."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from micrograd.sklearn.batches import Batches
from micrograd.sklearn.network import Network
from micrograd.sklearn.solvers import Solver
from micrograd.training.steps.objective import Dropout

Array = np.ndarray


class Epochs:
    """The weights `theta` in training. `examples` are inputs, targets and, if any, weights.

    `alpha` is the coefficient of the L2 penalty: half of it times the sum of the squared
    coefficients, divided by the weight of the batch. `share` scales the losses that are reported.
    """

    def __init__(
        self, network: Network, solver: Solver, theta: Array, examples: Sequence[Any], size: int,
        *, alpha: float = 0.0, dropout: float = 0.0, share: float = 1.0, random: Any = None,
    ):  # fmt: skip
        self.theta, self.alpha, self.share, self.random = theta, alpha, share, random
        self.is_coef, g = network.is_coef, np.zeros_like(theta)
        self.weights: Array | None = examples[2] if len(examples) > 2 else None
        self.batches = Batches(examples[0], examples[1:], size, theta.dtype)
        self.dropout = Dropout(network.model, dropout, size, theta.dtype) if dropout else None
        self.masks = np.random.default_rng(random.randint(2**31)) if dropout else None
        masks = [self.dropout.mask] if self.dropout else []
        batches = self.batches
        self.gradient = network.gradient_on(batches.arrays, batches.rows, masks, theta, g)
        self.step = solver.on(theta, g, self.is_coef)

    def run(self, shuffle: bool) -> float:
        """One pass; returns the mean loss of the examples, with the penalty, before each step."""
        batches, total = self.batches, 0.0
        if shuffle:
            batches.shuffle(self.random)
        for batch in range(batches.count):
            n = batches.load(batch)
            if self.dropout and self.masks:
                self.dropout.draw(n, self.masks)
            weight = batches.weight(n, self.weights)
            mean = self.gradient(n, 1.0 / weight) * self.share if weight else 0.0
            penalty = self.alpha / weight if weight else 0.0
            total += (mean + 0.5 * penalty * self._squares()) * n
            if not weight:
                continue
            self.step(penalty)
        return total / batches.examples

    def _squares(self) -> float:
        if not self.alpha:
            return 0.0
        coefs = self.theta * self.is_coef
        return float(coefs.dot(coefs))
