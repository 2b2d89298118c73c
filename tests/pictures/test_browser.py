"""The page in a real browser: Debian's Chromium, without a window, driven by Playwright."""

import importlib
import importlib.util
import math
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_fixtures import programs
from test_pictures import NASTY, moons, small

import micrograd as mg
from micrograd.working import numbered

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NEEDED = ("playwright", "axe_playwright_python")
MISSING = [name for name in NEEDED if not importlib.util.find_spec(name)]
MISSING += [] if CHROMIUM else ["Chromium"]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {MISSING}: make test-browser")
WIDE, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    driver = importlib.import_module("playwright.sync_api")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Shown:
    """A graph that a browser shows, with what the page asked for and complained about."""

    def __init__(self, browser: Any, path: Path, viewport: Any = WIDE, **options: Any):
        self.context = browser.new_context(viewport=viewport, bypass_csp=True, **options)
        self.page = self.context.new_page()
        self.trouble: list[str] = []
        self.page.on("console", lambda m: m.type == "error" and self.trouble.append(m.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("request", lambda r: self.trouble.append(r.url) if r.url != self.url else None)
        self.url = path.as_uri()
        self.page.goto(self.url)
        self.page.wait_for_function("window.micrograd")

    def __enter__(self) -> "Shown":
        return self

    def __exit__(self, *_: Any) -> None:
        self.context.close()
        assert self.trouble == []

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def box(self, text: str) -> Any:
        return self.page.locator(".box", has_text=text).first

    def boxes(self) -> dict[str, list[str]]:
        """The numbers of each box, by its title."""
        script = """boxes => boxes.map(b => [b.querySelector('.title').textContent,
            ...[...b.querySelectorAll('.number')].map(x => x.textContent)])"""
        return {title: rest for title, *rest in self.page.locator(".box").evaluate_all(script)}

    def step(self) -> str:
        return self.page.locator("#step").inner_text()

    def numbers(self) -> tuple[list[float], list[float]]:
        data, grad = self.page.evaluate(
            "['data', 'grad'].map(k => [...micrograd.graph[k]].map(String))"
        )
        return [*map(_number, data)], [*map(_number, grad)]


def _number(text: str) -> float:
    return float(text.replace("Infinity", "inf"))


@pytest.fixture
def show(browser, tmp_path):
    def shown(value: mg.Value, viewport: Any = WIDE, **options: Any) -> Shown:
        path = tmp_path / "graph.html"
        mg.draw(value, title="A graph").save(path)
        return Shown(browser, path, viewport, **options)

    return shown


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


def test_the_keyboard_alone_reaches_everything(show):
    with show(small()) as shown:
        shown.press(*["Tab"] * 9)
        assert shown.page.evaluate("document.activeElement.classList.contains('box')")
        first = shown.page.evaluate("document.activeElement.getAttribute('aria-label')")
        shown.press("ArrowDown")
        second = shown.page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert first != second
        assert "gradient" in second
        shown.press("Enter")
        assert "to the output" in shown.page.locator("#chosen").inner_text()
        shown.press("ArrowRight")
        assert shown.page.locator(".spoken").inner_text().startswith("Forward, 1 of 3")


def test_an_arrow_down_leads_into_the_graph_as_the_page_says(show):
    with show(small()) as shown:
        assert "move to it with ↓ and press Enter" in shown.page.locator("#chosen").inner_text()
        shown.press("ArrowDown", "Enter")
        assert "to the output" in shown.page.locator("#chosen").inner_text()
        shown.press("Escape")
        assert "Click a box" in shown.page.locator("#chosen").inner_text()
        shown.box("tanh").click()
        shown.page.locator("main").click(position={"x": 5, "y": 400})
        assert "Click a box" in shown.page.locator("#chosen").inner_text()


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_graph_is_fitted_into_the_window_whole(show, viewport):
    """Before that it keeps the size at which it can be read, and scrolls."""
    (score,) = mg.MLP(2, [4, 4, 1], "tanh", seed=0)([1.0, 2.0])
    over = """[...'wh'].some(k => { const m = document.querySelector('main');
        return k === 'w' ? m.scrollWidth > m.clientWidth : m.scrollHeight > m.clientHeight })"""
    with show(score, viewport) as shown:
        assert shown.page.evaluate(over)
        shown.page.get_by_role("button", name="fit into the window").click()
        assert not shown.page.evaluate(over)
        shown.page.get_by_role("button", name="larger").click()
        assert shown.page.evaluate(over)


def test_a_phone_shows_the_controls_in_one_line_and_breaks_names_at_dots(show):
    (score,) = mg.MLP(2, [4, 1], "tanh", seed=0)([1.0, 2.0])
    with show(score, PHONE) as shown:
        tops = shown.page.locator("header .row > *").evaluate_all(
            """all => all.map(x => x.getBoundingClientRect()).map(r => r.top + r.height / 2)"""
        )
        assert max(tops) - min(tops) < 3
        label = shown.page.locator("label[for=leaf0]")
        assert label.inner_html().startswith("layers.<wbr>0.<wbr>weights<wbr>[")
        assert label.evaluate("x => x.scrollHeight <= x.clientHeight")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_and_nothing_is_cut_off(show, scheme, viewport):
    axe = importlib.import_module("axe_playwright_python.sync_playwright").Axe()
    loss = moons()
    loss.backward()
    with show(loss, viewport, color_scheme=scheme) as shown:
        shown.press("ArrowRight", "ArrowRight")
        shown.page.locator(".box.leaf").first.click()
        found = axe.run(shown.page).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found] == []
        assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        wide = shown.page.locator(".box text").evaluate_all(
            """texts => texts.filter(t => t.getBBox().width >
               t.parentElement.querySelector('rect').getBBox().width).map(t => t.textContent)"""
        )
        assert wide == []


def test_the_picture_of_a_compiled_function_is_dark_on_a_dark_page(browser, tmp_path):
    axe = importlib.import_module("axe_playwright_python.sync_playwright").Axe()
    w = mg.Value(2.0, name="w")
    f = mg.vectorize(lambda x: mg.tanh(w * x))
    path = tmp_path / "stages.html"
    mg.draw(f, [1.0, 2.0]).save(path)
    page = browser.new_context(viewport=PHONE, color_scheme="dark", bypass_csp=True).new_page()
    page.goto(path.as_uri())
    used = page.evaluate(
        """() => [...document.querySelectorAll('svg, svg *')].flatMap(x =>
            ['fill', 'stroke'].filter(k => x.getAttribute(k)).map(k =>
            [x.getAttribute(k), getComputedStyle(x)[k]]))"""
    )
    light = {a for a, _ in used} - {"none"}
    assert {"#fff", "#1b1f24", "#ddf4ff", "#f6f8fa", "#fff8c5", "#eef1f4"} <= light
    for colour, shown in used:
        r, g, b = (int(2 * c if len(colour) == 4 else c, 16) for c in _parts(colour))
        assert colour == "none" or shown != f"rgb({r}, {g}, {b})"
    assert [v["id"] for v in axe.run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Tab")
    page.keyboard.press("End")  # the frame around what is wider than a phone has the focus
    assert page.evaluate("document.activeElement.tagName") == "MAIN"
    page.context.close()


def _parts(colour: str) -> list[str]:
    if colour == "none":
        return ["0"] * 3
    digits = (len(colour) - 1) // 3
    return [colour[k : k + digits] for k in range(1, len(colour), digits)]


def test_the_first_box_is_in_the_window_and_the_keyboard_brings_all_others_there(show):
    """On a phone a network, and an opened group, are larger than the window, which scrolls."""
    (score,) = mg.MLP(2, [4, 4, 1], "tanh", seed=1)([1.0, -1.0])
    inside = """box => {
        const [rect, main] = [box.querySelector('rect'), document.querySelector('main')];
        const [b, m] = [rect.getBoundingClientRect(), main.getBoundingClientRect()];
        return ['left', 'top'].every(k => b[k] >= m[k] - 1)
            && ['right', 'bottom'].every(k => b[k] <= m[k] + 1) }"""
    for value, group in ((score, ""), (moons(), "80 × dot of 4")):
        with show(value, PHONE) as shown:
            if group:
                shown.box(group).click()
            else:
                assert shown.page.locator(".box").first.evaluate(inside)
            shown.page.evaluate("document.activeElement.blur()")
            focused = set()
            for _ in range(shown.page.locator(".box").count()):
                shown.press("ArrowDown")
                box = shown.page.locator(".box:focus")
                assert box.evaluate(inside)
                focused.add(box.get_attribute("data-id"))
            assert len(focused) == shown.page.locator(".box").count()


def test_boxes_do_not_overlap(show):
    loss = moons()
    with show(loss) as shown:
        shown.box("80 × dot of 4").click()
        boxes = shown.page.locator(".box").evaluate_all(
            "boxes => boxes.map(b => { const r = b.querySelector('rect').getBoundingClientRect(); "
            "return [r.left, r.top, r.right, r.bottom] })"
        )
        for k, (left, top, right, bottom) in enumerate(boxes):
            for x0, y0, x1, y1 in boxes[:k]:
                assert right <= x0 + 1 or x1 <= left + 1 or bottom <= y0 + 1 or y1 <= top + 1


def test_any_name_is_text(show):
    values = [mg.Value(1.0 + k, name=name) for k, name in enumerate(NASTY)]
    total = mg.sum(values[:8]) * mg.sum(values[8:])
    with show(total) as shown:
        assert shown.page.locator("#app :is(i, img, script)").count() == 0
        assert "<script>aler" in "".join(shown.boxes())
        shown.box("<script>").click()
        assert "<script>alert(1)</script>" in shown.page.locator("#chosen").inner_text()


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


def test_it_works_in_the_frame_of_a_notebook(browser, tmp_path):
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><title>x</title>{mg.draw(small())._repr_html_()}")
    context = browser.new_context(viewport=WIDE)
    page = context.new_page()
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator(".box", has_text="tanh").click()
    assert "data 0.964028" in frame.locator("#chosen").inner_text()
    assert frame.locator(".box").count() == 6
    context.close()
