"""In a browser's Python, without NumPy: engine, networks, pictures and the first lesson."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = Path(os.environ.get("MICROGRAD_PAGE_MODULES", ROOT / "page/node_modules"))
CHROMIUM = shutil.which("chromium")
needs_pyodide = pytest.mark.skipif(
    not shutil.which("node") or not (MODULES / "pyodide").exists(),
    reason="needs Node and `npm ci` in page/",
)
PROGRAM = """
import contextlib, io, sys
import micrograd as mg
from micrograd import nn
from micrograd.tutorial.lessons import cells, lesson

x = mg.Value(2.0, name="x")
assert mg.grad(lambda x: x * mg.tanh(x))(0.5) == mg.value_and_grad(lambda x: x * mg.tanh(x))(0.5)[1]
assert mg.grad(mg.grad(lambda x: x**3))(2.0) == 12.0

model = mg.MLP(2, [8, 1], activation="tanh", seed=0)
optimiser = mg.Adam(0.05)
def loss():
    examples = [([0.0, 1.0], 1.0), ([1.0, 0.0], -1.0)]
    return mg.mean([(model(point)[0] - y) ** 2 for point, y in examples])
first = loss().data
for _ in range(30):
    total = loss()
    model.zero_grad()
    total.backward()
    optimiser.step(model.parameters())
assert total.data < first / 10, (first, total.data)
assert -10 < nn.MLP(2, [4, 1])([1.0, 2.0]).data < 10

picture = mg.draw(total)
assert picture.svg.startswith("<svg") and picture.page.startswith("<!doctype html>")
assert str(picture).startswith("L = ")
assert len([*mg.backward_steps(x * x)]) == 1

known = {}
for cell in cells(lesson("1-values")):
    if cell.program:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(cell.text, known)
        assert printed.getvalue() == cell.output, printed.getvalue()
assert "numpy" not in sys.modules
print("all is well in", sys.platform)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: setuptools writes beside the sources."""
    builder = importlib.util.find_spec("setuptools")
    if not builder or int(version("setuptools").partition(".")[0]) < 77:
        pytest.skip("needs setuptools 77 to build the wheel: make browser")
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(
        ROOT / "micrograd", source / "micrograd", ignore=shutil.ignore_patterns("__pycache__")
    )
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "."]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (wheel,) = source.glob("*.whl")
    return wheel.rename(source / "micrograd.whl")


@needs_pyodide
def test_the_package_works_in_pyodide_without_numpy(package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    (folder / "node_modules").symlink_to(MODULES.resolve())
    shutil.copy(ROOT / "page/test/pyodide.mjs", folder)
    command = ["node", "pyodide.mjs", str(package), "program.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout.strip().endswith("all is well in emscripten"), done.stderr[-2000:]


@pytest.fixture
def hosted(package: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a folder as docs/browser.md describes it, served on loopback."""
    shutil.copy(ROOT / "docs/browser/index.html", tmp_path)
    shutil.copy(package, tmp_path)
    (tmp_path / "pyodide").symlink_to((MODULES / "pyodide").resolve())

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@needs_pyodide
@pytest.mark.skipif(
    not CHROMIUM or not importlib.util.find_spec("playwright"),
    reason="needs playwright and Chromium: make test-browser",
)
def test_the_page_that_a_reader_hosts_runs_a_program_and_draws(hosted: str) -> None:
    driver = importlib.import_module("playwright.sync_api")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        elsewhere: list[str] = []
        page.on("request", lambda r: elsewhere.append(r.url) if hosted not in r.url else None)
        page.goto(hosted)
        page.wait_for_function("!document.getElementById('run').disabled", timeout=120_000)
        page.get_by_role("button", name="Run").click()
        assert page.locator("#printed").inner_text().startswith("0.035")
        page.frame_locator("iframe").locator(".box", has_text="tanh").wait_for()
        assert [url for url in elsewhere if not url.startswith(("blob:", "data:", "about:"))] == []
        browser.close()


def test_the_wheel_asks_for_no_native_package_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    marked = [x for x in project["dependencies"] if re.search(r"sys_platform != .emscripten.", x)]
    assert [re.split(r"\W", x)[0] for x in marked] == ["llvmlite", "safetensors"]
