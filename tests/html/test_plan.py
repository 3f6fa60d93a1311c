"""A page about a plan: its advice first, its places, the traffic that it moves."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from shapely.geometry import MultiLineString

from riskmap.outputs.advice import Advice
from riskmap.outputs.elements import PlanShown
from riskmap.outputs.map import build_map
from tests.html import outcomes
from tests.html.conftest import Open, picture

pytestmark = pytest.mark.browser


def plan(*, name: str = "Río Tambopata", say: str = "Qué gana: mucho.") -> PlanShown:
    table = outcomes.example().corridors.head(2)
    moved = gpd.GeoDataFrame(
        {
            "name": [name, "Río Inambari"],
            "transits_before": [10.0, 80.0],
            "transits_after": [60.0, 5.5],
            "change": [50.0, -74.5],
        },
        geometry=[MultiLineString([line]) for line in table.geometry],
        crs="EPSG:4326",
    )
    heads, rows = (
        ("lugar", "en", "detecta más"),
        ((name, "Río Inambari", "268"), ("Mazuko", "", "9")),
    )
    first = table.geometry.iloc[0].coords
    return PlanShown(Advice("Dónde", heads, rows, (say, "Qué tan seguro es.")), moved, first[:2])


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "plan.html"
    results = {"Hoy": outcomes.example(), "Con el plan": outcomes.example(season="high")}
    build_map(results, plan=plan()).save(str(path))
    return path


@pytest.mark.parametrize("size", [(1366, 768), (390, 844)])
def test_the_plan_comes_before_the_story(
    show: Open, page_file: Path, size: tuple[int, int]
) -> None:
    page = show(page_file, size=size)
    expect(page.locator("#rm-switch label")).to_have_text(["Hoy", "Con el plan"])
    expect(page.locator("#rm-plan-title")).to_have_text("Dónde")
    expect(page.locator("#rm-plan-do > li")).to_have_count(2)
    expect(page.locator("#rm-plan-do > li").first).to_contain_text("Río Tambopata")
    expect(page.locator("#rm-plan-do > li").first).to_contain_text("detecta más: 268")
    expect(page.locator("#rm-plan-say")).to_contain_text("Qué gana: mucho.")
    before = page.evaluate(
        "document.querySelector('#rm-plan').compareDocumentPosition("
        "document.querySelector('#rm-story')) & Node.DOCUMENT_POSITION_FOLLOWING"
    )
    assert before
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    expect(page.locator(".rm-plan-mark:not(.rm-plan-key)")).to_have_text(["P1", "P2"])
    picture(page, f"plan_{size[0]}")


def test_displaced_traffic_is_a_layer_with_a_key(show: Open, page_file: Path) -> None:
    page = show(page_file)
    page.locator("#rm-layers summary, .rm-layers summary").first.click()
    page.locator("input[data-layer=displaced]").check()
    expect(page.locator("#rm-legend-body")).to_contain_text("Si todos se adaptan al plan")
    expect(page.locator("#rm-legend-body")).to_contain_text("pasaría más tránsito")
    page.locator("#rm-plan-do button").first.click()
    findings = Axe().run(page).response["violations"]
    assert [v["id"] for v in findings if v["impact"] in ("serious", "critical")] == []


def test_a_plan_of_hostile_names_is_text(show: Open, tmp_path: Path) -> None:
    for k, attack in enumerate(outcomes.ATTACKS):
        path = tmp_path / f"hostile{k}.html"
        if k % 4 == 0:  # a page each takes seconds
            build_map(outcomes.example(), plan=plan(name=attack, say=attack)).save(str(path))
            page = show(path)
            assert page.evaluate("window.__hit") is None
            expect(page.locator("#rm-plan-do > li")).to_have_count(2)


def test_a_page_without_a_plan_has_none(show: Open, tmp_path: Path) -> None:
    path = tmp_path / "none.html"
    build_map(outcomes.example()).save(str(path))
    page = show(path)
    expect(page.locator("#rm-plan")).to_have_count(0)
    expect(page.locator("input[data-layer=plan]")).to_have_count(0)
