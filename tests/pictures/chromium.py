"""Debian's Chromium, without a window, driven by Playwright: a page that it shows."""

import importlib
import importlib.util
import shutil
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NEEDED = ("playwright", "axe_playwright_python")
MISSING = [name for name in NEEDED if not importlib.util.find_spec(name)]
MISSING += [] if CHROMIUM else ["Chromium"]
WIDE, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}


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
