"""A training run to watch and to scroll through: what is recorded, the page, and its server."""

import importlib
import importlib.util
import json
import re
import shutil
import urllib.error
import urllib.request
from base64 import b64decode
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd.pictures.serving import served

CHROMIUM = shutil.which("chromium")
X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 5)
Y = np.array([-1, 1, 1, -1] * 5)


def recorded(targets: Any = Y, outputs: int = 1, loss: str = "hinge", **options: Any) -> Any:
    recording = mg.Recording(title="<xor>", **options)
    model = mg.MLP(2, [4, outputs], activation="tanh", seed=0)
    history = mg.fit(
        model, X, targets, loss=loss, epochs=6, callbacks=recording, validation=0.2, progress=False
    )
    return recording, model, history


def test_a_recording_holds_the_losses_and_weights_of_each_epoch() -> None:
    recording, model, history = recorded()
    assert [frame["epoch"] for frame in recording.frames] == [1, 2, 3, 4, 5, 6]
    assert [frame["loss"] for frame in recording.frames] == history.loss
    assert [frame["validation"] for frame in recording.frames] == history.validation_loss
    last = np.frombuffer(b64decode(recording.frames[-1]["weights"]), "f4")
    np.testing.assert_allclose(last, [p.data for p in model.parameters()], rtol=1e-6)
    assert recording.about["arrays"][0] == ["layers.0.weights", 8]


def test_the_surface_is_what_the_model_decides() -> None:
    recording, model, _ = recorded()
    surface = np.frombuffer(b64decode(recording.frames[-1]["surface"]), "u1")
    for k in (0, 47, 1000, 2303):
        (score,) = model(recording._grid[k])
        assert abs(surface[k] - 255 * mg.sigmoid(score.data)) <= 0.5 + 1e-9


def test_of_several_outputs_the_surface_is_the_largest() -> None:
    recording, model, _ = recorded((Y > 0).astype(int), 2, "cross_entropy")
    surface = np.frombuffer(b64decode(recording.frames[-1]["surface"]), "u1")
    scores = [x.data for x in model(recording._grid[7])]
    assert surface[7] == scores.index(max(scores))


def test_every_few_epochs() -> None:
    assert [frame["epoch"] for frame in recorded(every=2)[0].frames] == [1, 3, 5]
    with pytest.raises(ValueError, match="at least 1"):
        mg.Recording(every=0)


def test_a_model_of_other_inputs_has_no_surface() -> None:
    recording = mg.Recording()
    inputs = np.column_stack([X, X[:, 0]])
    mg.fit(mg.MLP(3, [1], seed=0), inputs, Y, loss="mse", epochs=1, callbacks=recording)
    assert "surface" not in recording.frames[0]


def test_the_page_is_one_file_that_names_no_other(tmp_path: Any) -> None:
    recording, _, _ = recorded()
    recording.save(tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert not re.search(r"""<[^>]*\b(src|href)=|@import|url\(""", page)
    assert "\\u003cxor>" in page
    assert "<xor>" not in page
    assert len(page) < 100_000
    assert recording._repr_html_().startswith("<iframe srcdoc=")


def test_a_notebook_shows_the_run_while_it_goes_on() -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    program = """
import micrograd as mg
from micrograd.pictures import recording
recording.PAUSE = 0.0
run = mg.Recording()
mg.fit(mg.MLP(2, [2, 1], seed=0), [[0.0, 1.0], [1.0, 0.0]], [1, -1], loss="hinge", epochs=3,
       callbacks=run, progress=False)
"""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(program)])
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    (shown,) = [x for x in book.cells[0].outputs if x.output_type == "display_data"]
    assert "&quot;epoch&quot;:3" in shown["data"]["text/html"]  # updated in its place


def test_a_run_is_served_on_loopback_alone() -> None:
    recording, _, _ = recorded()
    with served(recording) as address:
        assert address.startswith("http://127.0.0.1:")
        assert b"live" in urllib.request.urlopen(address).read()
        answer = json.load(urllib.request.urlopen(f"{address}frames?from=4"))
        assert [frame["epoch"] for frame in answer["frames"]] == [5, 6]
        with pytest.raises(urllib.error.HTTPError, match="404") as error:
            urllib.request.urlopen(f"{address}../../etc/passwd")
        error.value.close()


@pytest.mark.skipif(
    not CHROMIUM or not importlib.util.find_spec("playwright"),
    reason="needs playwright and Chromium: make test-browser",
)
def test_the_run_is_watched_and_scrolled_through_in_a_browser() -> None:
    driver = importlib.import_module("playwright.sync_api")
    axe = importlib.import_module("axe_playwright_python.sync_playwright").Axe()
    recording, _, _ = recorded()
    later, recording.frames = recording.frames[2:], recording.frames[:2]
    with served(recording) as address, driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(bypass_csp=True).new_page()
        trouble: list[str] = []
        page.on("console", lambda m: trouble.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        page.goto(address)
        page.wait_for_function("document.querySelector('output').textContent.startsWith('2:')")
        recording.frames = [*recording.frames, *later]
        page.wait_for_function("document.querySelector('output').textContent.startsWith('6:')")
        page.locator("#epoch").focus()
        page.keyboard.press("Home")
        assert page.locator("output").inner_text().startswith("1: loss")
        assert page.locator("canvas").count() == 1 + 4
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = axe.run(page).response["violations"]
            assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found] == []
        assert trouble == []
        browser.close()
