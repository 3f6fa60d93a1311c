"""Time maps of large networks in a real browser: the planner's map, folium.GeoJson, explore.

Run with ``python -m benchmarks.maps``. Every map shows the same reaches of 20 vertices, all in view
(the worst case). The planner's map holds the ranked corridors, the reasons and the tables besides.
folium and geopandas ask the network for Leaflet and more: what the installed packages hold is
answered from disk at once and the rest is refused, so that no figure holds a wait for a server.

save: building and writing the file. drawn: from opening to the picture after the first line (the
planner's map: the first corridor). pan, zoom: longest wait between two pictures while dragging and
after a step of zoom. heap: of the page's script, after it was drawn. `explore` is left out where
matplotlib or mapclassify is missing: geopandas needs both for it.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import folium
import geopandas as gpd
from playwright.sync_api import Browser, Error, Page, Route, sync_playwright

from riskmap.outputs.assets import ASSETS, read_asset
from riskmap.outputs.map import build_map
from tests.html import outcomes

FLAGS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--enable-precise-memory-info",
)  # fmt: skip
PATIENCE_S: Final = 180
#: Frames are told apart by the browser's own clock; the longest gap is what a reader feels.
_WATCH: Final = """() => { window.gaps = []; let last = performance.now();
  const tick = (now) => {
    gaps.push(now - last);
    last = now;
    window.watching = requestAnimationFrame(tick);
  };
  window.watching = requestAnimationFrame(tick); }"""
_PICTURE: Final = (
    "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
)


@dataclass(frozen=True)
class Method:
    """Name a way to write a map, and what shows that it has drawn."""

    name: str
    write: Callable[[outcomes.FakeOutcome, Path], object]
    drawn: str
    most: int
    installed: bool = True


def write_ours(outcome: outcomes.FakeOutcome, path: Path) -> None:
    build_map(outcome).save(str(path))


def write_folium(outcome: outcomes.FakeOutcome, path: Path) -> None:
    sketch = folium.Map(tiles=None)
    table = outcome.reaches[["name", "undetected_transits", "geometry"]]
    folium.GeoJson(table, style_function=_style).add_to(sketch)
    sketch.fit_bounds(_corners(table))
    sketch.save(str(path))


def write_explore(outcome: outcomes.FakeOutcome, path: Path) -> None:
    table = outcome.reaches[["name", "undetected_transits", "geometry"]]
    table.explore("undetected_transits", tiles=None, prefer_canvas=True).save(str(path))


METHODS: Final = (
    Method("riskmap", write_ours, "html[data-corridors=drawn]", 10**9),
    Method("folium.GeoJson", write_folium, ".leaflet-overlay-pane path >> nth=0", 60_000),
    Method(
        "geopandas.explore",
        write_explore,
        ".leaflet-overlay-pane canvas",
        250_000,
        installed=find_spec("matplotlib") is not None and find_spec("mapclassify") is not None,
    ),
)


def _style(feature: dict[str, dict[str, float]]) -> dict[str, object]:
    risk = feature["properties"]["undetected_transits"]
    return {"color": "#932667" if risk > 0.5 else "#f59b4c", "weight": 1 + 4 * risk}


def _corners(table: gpd.GeoDataFrame) -> list[list[float]]:
    west, south, east, north = table.total_bounds
    return [[south, west], [north, east]]


def answer(route: Route) -> None:
    """Serve what the packages hold, whatever version was asked for; refuse the rest."""
    asked = route.request.url
    known = next((a for a in ASSETS if a.rsplit("/", 1)[1] == asked.rsplit("/", 1)[1]), None)
    if asked.startswith(("file:", "data:", "blob:")):
        route.continue_()
    elif known is not None:
        kind = "text/css" if known.endswith(".css") else "text/javascript"
        route.fulfill(body=read_asset(known), content_type=kind)
    else:
        route.abort()


def longest(page: Page, act: Callable[[], None]) -> float:
    """Return the longest wait between two pictures, ms, while something is done."""
    page.evaluate(_WATCH)
    act()
    page.wait_for_timeout(800)
    return float(
        page.evaluate("() => { cancelAnimationFrame(watching); return Math.max(...gaps); }")
    )


def drag(page: Page) -> None:
    page.mouse.move(900, 350)
    page.mouse.down()
    for k in range(40):
        page.mouse.move(900 - 10 * k, 350 + 3 * k)
    page.mouse.up()


def measure(browser: Browser, path: Path, drawn: str) -> str:
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.route("**/*", answer)
    started = time.perf_counter()
    try:
        page.goto(path.as_uri(), wait_until="commit")
        page.locator(drawn).wait_for(state="attached")
        page.evaluate(_PICTURE)
        seconds = time.perf_counter() - started
        page.wait_for_load_state("load")
        page.wait_for_timeout(1000)
        heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
        pan = longest(page, lambda: drag(page))
        zoom = longest(page, lambda: page.locator(".leaflet-control-zoom-in").click())
    except Error as error:
        return f"{'not drawn: ' + str(error).splitlines()[0][:60]:>40}"
    finally:
        context.close()
    return f"{seconds:9.1f} {pan:9.0f} {zoom:9.0f} {heap:9.0f}"


def run(sizes: list[int]) -> None:
    chromium = shutil.which("chromium")
    heads = ("save s", "MB", "drawn s", "pan ms", "zoom ms", "heap MB")
    print(f"{'method':<20}{'reaches':>9}" + "".join(f"{head:>10}" for head in heads), flush=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        for size in sizes:
            outcome = outcomes.large(size)
            for method in (m for m in METHODS if size <= m.most and m.installed):
                path = Path(folder) / "map.html"
                started = time.perf_counter()
                method.write(outcome, path)
                saved = time.perf_counter() - started
                # A fresh browser each time: none profits from what another left in memory.
                browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
                told = measure(browser, path, method.drawn)
                browser.close()
                weight = path.stat().st_size / 1e6
                print(
                    f"{method.name:<20}{size:>9,}{saved:>10.1f}{weight:>10.1f} {told}", flush=True
                )


def main() -> None:
    parser = argparse.ArgumentParser(description="Time maps of large networks in a real browser.")
    parser.add_argument("--reaches", type=int, nargs="+", default=[10_000, 50_000, 200_000])
    run(parser.parse_args().reaches)


if __name__ == "__main__":
    main()
