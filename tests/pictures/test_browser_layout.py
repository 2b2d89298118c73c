"""The page in windows of all sizes, from the keyboard, in the dark, and in a notebook's frame."""

import importlib
import importlib.util

import pytest
from chromium import MISSING, PHONE, WIDE
from drawn import NASTY, moons, small

import micrograd as mg

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {MISSING}: make test-browser")


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
