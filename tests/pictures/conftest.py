"""A browser, and a graph that it shows."""

import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest
from chromium import CHROMIUM, WIDE, Shown

import micrograd as mg


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    driver = importlib.import_module("playwright.sync_api")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def show(browser, tmp_path):
    def shown(value: mg.Value, viewport: Any = WIDE, **options: Any) -> Shown:
        path = tmp_path / "graph.html"
        mg.draw(value, title="A graph").save(path)
        return Shown(browser, path, viewport, **options)

    return shown
