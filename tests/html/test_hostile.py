"""Every string of the data is hostile: it shows as text in every place, and nothing runs."""

from __future__ import annotations

from pathlib import Path

import folium
import geopandas as gpd
import pytest
from playwright.sync_api import Browser, Page, expect
from shapely.geometry import Point

from riskmap.outputs.map import OnlineTiles, build_map
from tests.html import outcomes
from tests.html.conftest import Open, picture

pytestmark = pytest.mark.browser

Pages = dict[str, Path]


def untouched(page: Page) -> None:
    """Nothing of the data has run, and none of it has become an element."""
    assert page.evaluate("window.__hit === undefined")
    assert (
        page.locator("img[src=x], [onload], [onerror], [onmouseover], body b:text('x')").count()
        == 0
    )


def test_names_show_as_text_wherever_they_stand(show: Open, pages: Pages) -> None:
    page = show(pages["hostile"])
    data = outcomes.hostile()
    assert page.locator("#rm-title").inner_text() == data.study_name
    assert page.title() == data.study_name
    listed = page.locator("#rm-list .rm-row-name").evaluate_all(
        "all => all.map(n => n.textContent)"
    )
    assert listed == list(data.corridors["name"])
    for k in range(13):
        page.locator("#rm-list .rm-row").nth(k).click()
        expect(page.locator("#rm-why li").first).to_be_visible()
    page.locator("#rm-layers summary").click()
    page.locator(".rm-switch input").nth(1).check()
    picture(page, "hostile")
    untouched(page)


def test_cards_tips_and_search_show_text(show: Open, pages: Pages) -> None:
    page = show(pages["hostile"])
    for attack in ("<img", "window.__hit", "{{ 7", "onload", "javascript"):
        page.get_by_role("combobox").fill(attack)
        expect(page.locator("#rm-found li").first).to_be_visible()
        page.keyboard.press("Enter")
    names = set()
    for k in range(12):
        marker = page.locator(".rm-site-venues").nth(k)
        marker.dispatch_event("mouseover")
        marker.dispatch_event("click")
        names.add(page.locator(".rm-card-name").last.evaluate("n => n.textContent"))
    assert names <= set(outcomes.ATTACKS)
    assert len(names) > 6
    untouched(page)


def test_tables_and_paper_show_text(show: Open, pages: Pages, tmp_path: Path) -> None:
    page = show(pages["hostile"], link="#t=table&c=%3Cscript%3E")
    cells = page.locator("#rm-tables tbody th").evaluate_all("all => all.map(n => n.textContent)")
    assert set(outcomes.hostile().corridors["name"]) <= set(cells)
    page.pdf(path=str(tmp_path / "hostile.pdf"), prefer_css_page_size=True)
    untouched(page)


def test_a_hostile_marking_and_label_are_text(show: Open, tmp_path: Path) -> None:
    attack = outcomes.ATTACKS[0]
    path = tmp_path / "marked.html"
    fair = outcomes.example()
    build_map({attack: fair, "b": fair}, marking=attack).save(str(path))
    page = show(path)
    assert page.locator(".rm-marking").first.inner_text() == attack
    assert page.locator(".rm-choice").first.inner_text() == attack
    untouched(page)


def test_what_an_analyst_adds_stands_in_the_tree_and_stays_silent(
    show: Open, tmp_path: Path
) -> None:
    risk_map = build_map(outcomes.example())
    attack = outcomes.ATTACKS[0]
    added = gpd.GeoDataFrame({"name": [attack]}, geometry=[Point(-70, -12.5)], crs="EPSG:4326")
    folium.GeoJson(added, name=attack, marker=folium.CircleMarker(radius=9), tooltip="fija").add_to(
        risk_map
    )
    folium.Marker([-12.4, -70.2], popup="una ficha").add_to(risk_map)
    path = tmp_path / "added.html"
    risk_map.save(str(path))
    page = show(path)
    page.locator("#rm-layers summary").click()
    expect(page.locator("#rm-tree fieldset").last).to_contain_text("Añadidas")
    box = page.locator("#rm-tree fieldset").last.locator("input")
    shapes = page.locator(".leaflet-marker-pane img")
    expect(shapes).to_have_count(1)
    shapes.first.click()
    expect(page.locator(".leaflet-popup-content")).to_have_text("una ficha")
    box.first.uncheck()
    untouched(page)


def test_tiles_that_cannot_be_reached_leave_the_map_as_it_is(
    browser: Browser, tmp_path: Path
) -> None:
    tiles = OnlineTiles("https://tiles.invalid/{z}/{x}/{y}.png", "<b>them</b> & co")
    build_map(outcomes.example(), online_tiles=tiles).save(str(tmp_path / "tiles.html"))
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if r.url.startswith("http") else None)
    page.goto((tmp_path / "tiles.html").as_uri())
    page.locator("html[data-corridors=drawn]").wait_for(state="attached")
    expect(page.locator(".leaflet-control-attribution")).to_contain_text("<b>them</b> & co")
    assert all(url.startswith("https://tiles.invalid/") for url in asked)
    assert page.locator("#rm-list .rm-row").count() == 40
    page.close()


def test_markup_that_an_analyst_adds_cannot_run(browser: Browser, tmp_path: Path) -> None:
    """The policy holds where escaping is not ours: a popup written as markup."""
    risk_map = build_map(outcomes.example())
    folium.Marker([-12.4, -70.2], popup="<img src=x onerror=\"window.__hit='popup'\">").add_to(
        risk_map
    )
    path = tmp_path / "markup.html"
    risk_map.save(str(path))
    page = browser.new_page()
    page.goto(path.as_uri())
    page.locator("html[data-corridors=drawn]").wait_for(state="attached")
    page.locator(".leaflet-marker-pane img").click()
    page.wait_for_timeout(200)
    assert page.evaluate("window.__hit === undefined")
    page.close()
