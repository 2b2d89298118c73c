"""A training run to watch and to scroll through: what is recorded, the page, and its server."""

import importlib
import importlib.util
import json
import re
import shutil
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd.pictures.serving import _Server, served  # pyright: ignore[reportPrivateUsage]

CHROMIUM = shutil.which("chromium")
BROWSER = pytest.mark.skipif(
    not CHROMIUM or not importlib.util.find_spec("playwright"),
    reason="needs playwright and Chromium: make test-browser",
)
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
    assert recording.about["arrays"][:2] == [["layers.0.weights", 8, 2], ["layers.0.bias", 4, 0]]


def test_the_surface_is_what_the_model_decides() -> None:
    recording, model, _ = recorded()
    surface = np.frombuffer(b64decode(recording.frames[-1]["surface"]), "u1")
    for k in (0, 47, 1000, 2303):
        (score,) = model(recording._plane.grid()[k])
        assert abs(surface[k] - 255 * mg.sigmoid(score.data)) <= 0.5 + 1e-9


def test_of_two_outputs_the_surface_is_the_probability_of_the_second() -> None:
    recording, model, _ = recorded((Y > 0).astype(int), 2, "cross_entropy")
    surface = np.frombuffer(b64decode(recording.frames[-1]["surface"]), "u1")
    for k in (0, 47, 1000, 2303):
        share = mg.softmax(model(recording._plane.grid()[k]))[1].data
        assert abs(surface[k] - 255 * share) <= 0.5 + 1e-9
    assert recording.about["classes"] == 0
    assert {point[2] for point in recording.about["points"]} == {0.0, 1.0}


def test_of_several_outputs_the_surface_is_the_largest() -> None:
    recording, model, _ = recorded(np.arange(20) % 3, 3, "cross_entropy")
    surface = np.frombuffer(b64decode(recording.frames[-1]["surface"]), "u1")
    scores = [x.data for x in model(recording._plane.grid()[7])]
    assert surface[7] == scores.index(max(scores))
    assert recording.about["classes"] == 3
    assert {point[2] for point in recording.about["points"]} == {0.0, 1.0, 2.0}


@pytest.mark.parametrize("targets", [10.0 * X[:, 0] - 3.0, (Y > 0) * 1.0])
def test_of_numbers_the_surface_is_between_the_least_and_the_greatest_target(targets: Any) -> None:
    recording, model, _ = recorded(targets, loss="mse")
    surface = np.frombuffer(b64decode(recording.frames[-1]["surface"]), "u1")
    low, high = recording._plane.y.min(), recording._plane.y.max()
    for k in (0, 47, 1000, 2303):
        share = (model(recording._plane.grid()[k])[0].data - low) / (high - low)
        assert abs(surface[k] - 255 * min(max(share, 0), 1)) <= 0.5 + 1e-9
    assert {point[2] for point in recording.about["points"]} == {0.0, 1.0}


GROUND = """() => {
  const { extent: [left, low, right, high], points } =
    JSON.parse(document.getElementById("run").textContent);
  const canvas = document.querySelector("main > canvas");
  const pixels = canvas.getContext("2d");
  return points.slice(0, 4).map(([x, y, seen]) => {
    const across = Math.round(canvas.width * (x - left) / (right - left));
    const down = Math.round(canvas.height * (high - y) / (high - low));
    const [r, g, b] = pixels.getImageData(across, down - 12, 1, 1).data;
    return [seen, [b, r, g].indexOf(Math.max(r, g, b))];
  });
}"""  # of four examples: what they are, and whether the ground is blue, orange or green


@BROWSER
def test_the_page_colours_the_plane_by_what_the_model_answers(tmp_path: Any) -> None:
    """Examples that a model has learnt are on ground of their own colour."""
    classes = (X[:, 0] + X[:, 1]).astype(int)
    tasks = [
        (Y, 1, "hinge"), ((Y > 0).astype(int), 2, "cross_entropy"),
        (classes, 3, "cross_entropy"), (Y * 0.7 + 0.1, 1, "mse"),
    ]  # fmt: skip
    with in_browser() as (page, trouble):
        for targets, outputs, loss in tasks:
            recording = mg.Recording(every=100)
            model = mg.MLP(2, [8, outputs], activation="tanh", seed=0)
            options = {"optimizer": mg.Adam(0.05), "callbacks": recording, "progress": False}
            mg.fit(model, X, targets, loss=loss, epochs=101, **options)
            recording.save(tmp_path / "run.html")
            page.goto((tmp_path / "run.html").as_uri())
            found = page.evaluate(GROUND)
            assert len({seen for seen, _ in found}) == max(outputs, 2)
            assert [seen for seen, _ in found] == [ground for _, ground in found]
        assert trouble == []


def test_a_model_that_is_no_number_somewhere_in_the_plane_is_undecided_there() -> None:
    class Positive(mg.neuralnet.Module):
        """Defined right of 0 only; the picture reaches further than the examples."""

        def __init__(self) -> None:
            self.weight = mg.Value(1.0)

        def __call__(self, point: Any) -> mg.Value:
            return self.weight * mg.log(point[0])

    recording = mg.Recording()
    points = [[0.05, 0.0], [1.0, 1.0], [2.0, 0.5]]
    mg.fit(Positive(), points, [0.0, 1.0, 2.0], loss="mse", epochs=1, callbacks=recording)
    assert recording._plane is not None
    assert recording._plane.grid()[0][0] < 0
    surface = np.frombuffer(b64decode(recording.frames[0]["surface"]), "u1")
    assert surface[0] == 128


def test_a_surface_may_have_more_classes_than_a_byte() -> None:
    recording = mg.Recording()
    model = mg.MLP(2, [300], seed=0)
    model.layers[0].neurons[299].bias.data = 1e3
    mg.fit(model, X, np.arange(20), loss="cross_entropy", epochs=1, callbacks=recording)
    surface = np.frombuffer(b64decode(recording.frames[0]["surface"]), "u1")
    assert {*surface.tolist()} == {299 % 6}  # its colour


def test_a_browser_that_leaves_early_is_no_error_of_the_server(capsys: Any) -> None:
    """What else fails is shown."""
    with _Server(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        for error in (ConnectionResetError(), BrokenPipeError()):
            try:
                raise error
            except ConnectionError:
                server.handle_error(None, ("127.0.0.1", 1))
        assert capsys.readouterr().err == ""
        try:
            raise ValueError("a fault")
        except ValueError:
            server.handle_error(None, ("127.0.0.1", 1))
    assert "a fault" in capsys.readouterr().err


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
recording.PAUSE = 1e6  # but for the last one
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
    with served(recording) as watched:
        address = watched.address
        assert address.startswith("http://127.0.0.1:")
        assert b"live" in urllib.request.urlopen(address).read()
        answer = json.load(urllib.request.urlopen(f"{address}frames?from=4"))
        assert [frame["epoch"] for frame in answer["frames"]] == [5, 6]
        with pytest.raises(urllib.error.HTTPError, match="404") as error:
            urllib.request.urlopen(f"{address}../../etc/passwd")
        error.value.close()
        assert answer["live"]
        watched.finish(0.0)
        assert not json.load(urllib.request.urlopen(f"{address}frames?from=6"))["live"]


@contextmanager
def in_browser() -> Iterator[tuple[Any, list[str]]]:
    """A page, and the errors in it."""
    driver = importlib.import_module("playwright.sync_api")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(bypass_csp=True).new_page()
        trouble: list[str] = []
        page.on("console", lambda m: trouble.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        yield page, trouble
        browser.close()


@BROWSER
def test_the_run_is_watched_and_scrolled_through_in_a_browser() -> None:
    axe = importlib.import_module("axe_playwright_python.sync_playwright").Axe()
    recording, _, _ = recorded()
    later, recording.frames = recording.frames[2:], recording.frames[:2]
    with in_browser() as (page, trouble), served(recording) as watched:
        assert not watched.opened
        page.goto(watched.address)
        assert watched.opened
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
        watched.finish(60.0)  # ends as soon as the page knows
        assert watched._ended.is_set()
        assert trouble == []
