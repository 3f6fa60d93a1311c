"""A real browser over pages that are written once: no request, no error, or the test fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, sync_playwright

from riskmap.outputs.map import build_map
from tests.html import outcomes

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SCREENSHOTS = Path(__file__).resolve().parents[1] / "screenshots"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]  # fmt: skip
LOCAL = ("file:", "data:", "blob:")

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: make test installs it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write each page once: what a test does to it stays in its own tab."""
    folder = tmp_path_factory.mktemp("maps")
    low, high = (outcomes.example(season=season, uncertain=True) for season in ("low", "high"))
    built = {
        "plain": build_map(outcomes.example()),
        "english": build_map(outcomes.example(relative=False, uncertain=True), language="en"),
        "seasons": build_map([low, high]),
        "hostile": build_map([outcomes.hostile(), outcomes.hostile()]),
    }
    paths = {name: folder / f"{name}.html" for name in built}
    for name, page in built.items():
        page.save(str(paths[name]))
    return paths


@pytest.fixture
def show(browser: Browser) -> Iterator[Open]:
    """Return a function that opens a file; when the test ends, the page must have been silent."""
    trouble: list[str] = []
    contexts = []

    def opened(
        path: Path, *, link: str = "", size: tuple[int, int] = (1366, 768), content: str = ""
    ) -> Page:
        if content:
            path.write_text(content, "utf-8")
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        page.on("request", lambda r: None if r.url.startswith(LOCAL) else trouble.append(r.url))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda m: trouble.append(m.text) if m.type == "error" else None)
        page.on("dialog", lambda dialog: trouble.append(f"dialog: {dialog.message}"))
        page.goto(path.as_uri() + link)
        ready(page.frame_locator("iframe") if content else page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert trouble == []


def ready(page: Page | FrameLocator) -> None:
    """Wait until the corridors are drawn."""
    page.locator("html[data-corridors=drawn]").wait_for(state="attached")


def picture(page: Page, name: str) -> None:
    """Leave a screenshot for people to look at; the folder is ignored by git."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=str(SCREENSHOTS / f"{name}.png"))


def pixel(page: Page, *, lat: float, lon: float) -> tuple[float, float]:
    """Return where on the screen a place is."""
    x, y = page.evaluate(
        "([lat, lon]) => { const p = map_riskmap.latLngToContainerPoint([lat, lon]);"
        " const box = map_riskmap.getContainer().getBoundingClientRect();"
        " return [p.x + box.x, p.y + box.y]; }",
        [lat, lon],
    )
    return float(x), float(y)
