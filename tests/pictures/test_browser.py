"""The page in a real browser: its steps, its sliders, its paths, and numbers that are Python's."""

import math
import random

import pytest
from chromium import MISSING, Shown
from drawn import moons, small
from page_fixtures import programs

import micrograd as mg
from micrograd.working import numbered

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {MISSING}: make test-browser")


def test_a_graph_is_stepped_through_to_the_end_and_back(show):
    loss = small()
    steps = [*mg.backward_steps(loss)]
    with show(loss) as shown:
        assert shown.boxes()["L = tanh"] == ["0.964", "∂ 1.0"]
        shown.press("ArrowRight")
        assert shown.step().splitlines() == ["Forward, 1 of 3", "n1 = w · x = 2.0 × 0.5 = 1.0"]
        assert shown.boxes()["L = tanh"] == ["…", "∂ …"]
        shown.press("ArrowRight", "ArrowRight")
        for k, step in enumerate(steps, 1):
            shown.press("ArrowRight")
            assert shown.step().splitlines() == [f"Backward, {k} of 3", *step.lines]
        assert shown.boxes()["w"] == ["2.0", "∂ 0.0353"]
        shown.press("ArrowRight")  # there is no further step
        assert shown.page.locator(".where").inner_text() == "6 of 6"
        shown.press("ArrowLeft")
        assert shown.boxes()["w"] == ["2.0", "∂ 0.0"]
        shown.press("Home")
        assert "Press →" in shown.step()
        shown.press("End")
        assert shown.step().startswith("Backward, 3 of 3")


def test_play_goes_on_by_itself_until_it_is_stopped_or_at_the_end(show):
    with show(small()) as shown:
        shown.page.clock.install()  # time stands still but for `run_for`
        player = shown.page.get_by_role("button", name="play or stop")
        player.click()
        shown.page.clock.run_for(1800)
        assert shown.page.evaluate("micrograd.page.steps.at") == 2
        player.click()
        shown.page.clock.run_for(5000)
        assert shown.page.evaluate("micrograd.page.steps.at") == 2
        shown.page.get_by_role("button", name="one step back").click()
        assert shown.page.evaluate("micrograd.page.steps.at") == 1
        player.click()
        shown.page.clock.run_for(20_000)
        assert shown.page.evaluate("micrograd.page.steps.at") == 6


def test_a_chosen_value_shows_its_paths_and_what_they_contribute(show):
    x = mg.Value(3.0, name="x")
    y = x * x + mg.sin(x)
    y.backward()
    with show(y) as shown:
        shown.box("x").click()
        text = shown.page.locator("#chosen").inner_text()
        assert "3 paths to the output" in text
        rows = [row.split("\t") for row in text.splitlines() if "\t" in row]
        assert ["gradient", "5.01"] in rows
        assert [row[1] for row in rows if "→" in row[0]] == ["3.0", "3.0", "−0.99"]


def test_every_path_can_be_listed(show):
    x = mg.Value(1.5, name="x")
    y = x
    for _ in range(3):
        y = mg.sin(y) + y * 0.5 + mg.tanh(y)  # 27 paths
    y.backward()
    with show(y) as shown:
        shown.box("x").click()
        paths = shown.page.locator("#chosen tr").filter(has_text="→")
        assert paths.count() == 5
        shown.page.get_by_role("button", name="Show 15 more").click()
        assert paths.count() == 20
        assert "all others" in shown.page.locator("#chosen").inner_text()
        shown.page.get_by_role("button", name="Show 7 more").click()
        assert paths.count() == 27
        text = shown.page.locator("#chosen").inner_text()
        assert "all others" not in text
        assert "Show" not in text
        rows = [row.split("\t") for row in text.splitlines() if "→" in row]
        total = sum(float(row[1].replace("−", "-")) for row in rows)
        assert total == pytest.approx(x.grad, rel=1e-2)


def test_a_slider_moves_all_numbers_as_python_would(show):
    loss = small()
    with show(loss) as shown:
        shown.page.locator("#leaf0").evaluate(
            "x => { x.value = '1.25'; x.dispatchEvent(new Event('input')) }"
        )
        label = shown.page.locator("label[for=leaf0]").inner_text()
        leaf = next(x for x in numbered(loss).leaves if x.name == label)
        moved = shown.page.evaluate("micrograd.graph.data[0]")
        shown.page.wait_for_function(f"document.querySelector('output').textContent === '{moved}'")
        values = {x.name: mg.Value(x.data, name=x.name) for x in numbered(loss).leaves}
        values[leaf.name].data = moved
        again = mg.tanh(values["w"] * values["x"] + values["b"])
        again.backward()
        graph = numbered(again)
        nodes = [*graph.leaves, *graph.computed]
        data, grad = shown.numbers()
        assert data == pytest.approx([v.data for v in nodes], rel=1e-15)
        assert grad == pytest.approx([v.grad for v in nodes], rel=1e-15)
        shown.page.get_by_role("button", name="Reset the leaves").click()
        assert shown.numbers()[0][0] == leaf.data


def test_the_local_derivatives_beside_the_arrows_follow_the_sliders(show):
    x, y = mg.Value(2.0, name="x"), mg.Value(-3.0, name="y")
    z = x * y
    z.backward()
    with show(z) as shown:
        slopes = shown.page.locator(".slope")
        assert slopes.all_text_contents() == ["×−3.0", "×2.0"]
        shown.page.locator("#leaf1").focus()
        shown.press("End")
        shown.page.wait_for_function("document.querySelector('.slope').textContent === '×3.0'")
        shown.page.get_by_role("button", name="Reset the leaves").click()
        shown.page.wait_for_function("document.querySelector('.slope').textContent === '×−3.0'")
        assert slopes.all_text_contents() == ["×−3.0", "×2.0"]


def test_a_local_derivative_is_shown_once_its_operation_is_computed(show):
    with show(small()) as shown:
        shown.press("ArrowRight")
        assert sorted(shown.page.locator(".slope").all_text_contents()) == [
            "",
            "",
            "",
            "×0.5",
            "×2.0",
        ]
        shown.press("End")
        assert "" not in shown.page.locator(".slope").all_text_contents()


def test_the_numbers_of_every_operation_are_pythons(browser, tmp_path):
    """In one graph: what the browser evaluates anew differs by rounding only."""
    total = mg.sum([*programs().values()])
    for x in numbered(total).leaves:
        x.grad = 0.0
    total.backward()
    path = tmp_path / "all.html"
    mg.draw(total).save(path)
    graph = numbered(total)
    nodes = [*graph.leaves, *graph.computed]
    with Shown(browser, path) as shown:
        assert shown.numbers() == ([v.data for v in nodes], [v.grad for v in nodes])
        shown.page.evaluate("micrograd.graph.forward(), micrograd.graph.backward()")
        numbers = [v.data for v in nodes], [v.grad for v in nodes]
        for found, expected in zip(shown.numbers(), numbers):
            assert [*map(math.isnan, found)] == [*map(math.isnan, expected)]
            assert found == pytest.approx(expected, rel=1e-14, abs=1e-300, nan_ok=True)


def test_a_dot_unfolds_into_products_and_a_sum_and_folds_again(show):
    neuron = mg.Neuron(3, "tanh", seed=0)
    y = neuron([mg.Value(1.0, name="x1"), mg.Value(-2.0, name="x2"), mg.Value(0.5, name="x3")])
    y.backward()
    with show(y) as shown:
        assert shown.page.locator(".box.product").count() == 0
        shown.box("dot").click()
        shown.box("dot").click()
        assert shown.page.locator(".box.product").count() == 3
        assert "n1 = +" in shown.boxes()
        shown.page.get_by_role("button", name="Fold dot n1").click()
        assert shown.page.locator(".box.product").count() == 0


def test_a_large_graph_opens_folded_and_its_groups_open_on_a_click(show):
    loss = moons()
    loss.backward()
    with show(loss) as shown:
        assert shown.page.locator(".box").count() < 25
        shown.box("80 × dot of 4").click()
        assert shown.page.locator(".box", has_text="… 74 more").count() == 1
        first = shown.page.locator(".box.scalar", has_text="dot").first
        before = first.text_content()
        first.click()
        shown.press("]")
        assert first.text_content() != before
        assert shown.page.locator(".box").count() < 100
        shown.press("End", "ArrowLeft")
        assert shown.step().startswith("Backward")
        while shown.page.locator(".opened button").count():
            shown.page.locator(".opened button").first.click()
        assert shown.page.locator(".box").count() < 25


def test_a_graph_of_65_000_scalars_opens_folded(show):
    """The lecture's loss of 100 examples, its neurons written as products and sums."""
    with show(scalar_moons()) as shown:
        assert shown.page.evaluate("micrograd.graph.size") > 65_000
        assert shown.page.locator(".box").count() < 25
        shown.press("End", "ArrowLeft")
        assert shown.step().startswith("Backward")


def scalar_moons() -> mg.Value:
    draw = random.Random(0)
    model = mg.MLP(2, [16, 16, 1], "relu", seed=0)
    losses = []
    for k in range(100):
        inputs = [mg.Value(draw.gauss(0, 1)), mg.Value(draw.gauss(0, 1))]
        for layer in model.layers:
            sums = [
                sum((w * x for w, x in zip(n.weights, inputs)), n.bias) for n in layer.neurons
            ]  # fmt: skip
            inputs = sums if layer is model.layers[-1] else [x.relu() for x in sums]
        losses.append((1 + -((-1) ** k) * inputs[0]).relu())
    penalty = sum((p * p for p in model.parameters()), mg.Value(0.0))
    loss = sum(losses, mg.Value(0.0)) * (1.0 / 100) + 1e-4 * penalty
    loss.backward()
    return loss


def test_the_page_says_that_a_choice_does_not_follow_the_sliders(show):
    x = mg.Value(2.0, name="x")
    with show(mg.where(x > 0, x, 0.1 * x)) as shown:
        assert "choice of where stays" in shown.page.locator("#leaves").inner_text()
    with show(mg.relu(x)) as shown:
        assert "choice" not in shown.page.locator("#leaves").inner_text()


def test_an_operation_that_is_no_formula_keeps_its_numbers(show):
    @mg.op(derivative=lambda g, z, x: g * math.cos(float(x)), name="sine_in_numbers")
    def sine_in_numbers(x):
        return mg.sin(x)

    x = mg.Value(0.5, name="x")
    y = sine_in_numbers(x) * 2.0
    y.backward()
    with show(y) as shown:
        assert shown.boxes()["x"] == ["0.5", "∂ 1.7552"]
        shown.press("End", "ArrowLeft")
        assert shown.boxes()["x"] == ["0.5", "∂ 0.0"]
        shown.press("ArrowRight")
        assert shown.boxes()["x"] == ["0.5", "∂ 1.7552"]
        assert shown.step().endswith("· sine_in_numbers′(x) = 1.7552")
        shown.box("x").click()
        assert "1 path to the output" in shown.page.locator("#chosen").inner_text()
        assert "cannot evaluate" in shown.page.locator("#leaves").inner_text()
