"""The printed plan of a function, and functions without structure."""

from collections.abc import Callable
from functools import cache
from typing import Any

from pipeline import rolled

from micrograd import Value
from micrograd.compiler.schedule.plan import Nest, Plan
from micrograd.compiler.schedule.schedule import schedule

w = [Value(0.1 * k - 1) for k in range(60)]


def plan(function: Callable[..., Any], *shapes: Any) -> str:
    return "\n".join(
        line.rstrip() for line in str(schedule(rolled(function, *shapes), 8)).splitlines()
    )


def plain(plan: Plan) -> list[Nest]:
    """The nests of the examples, none of which is a loop."""
    return [nest for nest in plan.examples if isinstance(nest, Nest)]


def by_minors(size: int) -> Callable[..., Any]:
    """The determinant of the first numbers; each minor of last rows and some columns is shared."""

    def determinant(x: Any) -> Any:
        @cache
        def minor(columns: tuple[int, ...]) -> Any:
            row = x[size * (size - len(columns)) :]
            if len(columns) == 1:
                return row[columns[0]]
            total: Any = 0.0
            for k, j in enumerate(columns):
                term = row[j] * minor(columns[:k] + columns[k + 1 :])
                total = total - term if k % 2 else total + term
            return total

        return minor(tuple(range(size)))

    return determinant
