"""How long does a picture of 65,616 scalars take until it can be used, and how large is its page?

The lecture's loss over 100 points, each neuron written as products and sums. The page is opened in
Chromium, without a window; what a reader waits for is time on the clock, of other processes too.
Then one step of the tutorial's loss, compiled and in the engine.
"""

import shutil
import sys
import tempfile

import side_by_side
from side_by_side import Below, Faster, agree, compare, table

# isort: split
import random
import statistics
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

import micrograd as mg
from micrograd import nn

POINTS, WIDTH, ROUNDS = 100, 16, 7


def points() -> list[tuple[list[float], int]]:
    draw = random.Random(0)
    return [([draw.gauss(0, 1), draw.gauss(0, 1)], 1 - k % 2 * 2) for k in range(POINTS)]


def of_products_and_sums() -> mg.Value:
    """Every product and every sum is a Value of its own, as in the lecture."""
    model, losses = mg.MLP(2, [WIDTH, WIDTH, 1], "relu", seed=0), []
    for x, label in points():
        values = [mg.Value(number) for number in x]
        for layer in model.layers:
            sums = [
                sum((w * v for w, v in zip(neuron.weights, values)), neuron.bias)
                for neuron in layer.neurons
            ]
            values = [v.relu() for v in sums] if layer is not model.layers[-1] else sums
        losses.append((1 + -label * values[0]).relu())
    penalty = 1e-4 * sum((p * p for p in model.parameters()), mg.Value(0.0))
    loss = sum(losses, mg.Value(0.0)) * (1.0 / POINTS) + penalty
    loss.backward()
    return loss


def on_the_clock(action, rounds: int = ROUNDS) -> float:
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def opened(page: Page, file: Path) -> int:
    """The number of scalars that the page shows, once its boxes are there."""
    page.goto(file.as_uri())
    page.locator(".box").first.wait_for()
    return page.evaluate("micrograd.graph.size")


def pictures(page: Page, folder: Path) -> bool:
    small, large = folder / "small.html", folder / "large.html"
    x = mg.Value(2.0)
    mg.draw(x * x).save(small)
    loss = of_products_and_sums()
    seconds = {"drawn and saved": on_the_clock(lambda: mg.draw(loss).save(large))}
    size = opened(page, large)
    seconds["opened in the browser"] = on_the_clock(lambda: opened(page, large))
    bars = {"opened in the browser": (Below(3, "s"),)}
    met = table(f"{size:,} scalars", seconds, bars, unit="s")
    kilobytes, bar = small.stat().st_size / 1000, Below(400, "KB")
    print(f"  {'the page of x * x':42}  {kilobytes:9,.0f} KB", end="")
    met &= side_by_side.verdict(bar, kilobytes)
    print(f"\n  {'the page of all scalars':42}  {large.stat().st_size / 1000:9,.0f} KB\n")
    return met


def step_of_the_tutorial() -> bool:
    model, examples = nn.MLP(2, [WIDTH, WIDTH, 1]), points()

    def loss():
        losses = [(1 + -label * model(x)).relu() for x, label in examples]
        return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in model.parameters())

    def in_the_engine():
        model.zero_grad()
        total = loss()
        total.backward()
        return total.data

    step = mg.compile(loss)
    agree("losses", step.backward(), in_the_engine())
    sides = {"micrograd, compiled": step.backward, "micrograd, the engine": in_the_engine}
    title = "the tutorial's loss and its gradient"
    return compare(title, sides, {"micrograd, the engine": (Faster(100),)}, unit="ms", rounds=9)


def main() -> bool:
    side_by_side.header("playwright", how="the picture on the clock; the step in processor time")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("There is no Chromium here: install it (Debian: `apt install chromium`)")
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        browser = driver.chromium.launch(executable_path=chromium)
        met = pictures(browser.new_page(), Path(folder))
        browser.close()
    return all([met, step_of_the_tutorial()])


if __name__ == "__main__":
    sys.exit(not main())
