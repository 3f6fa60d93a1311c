"""What a planner does with the page: reads, chooses, searches, filters, switches, sends a link."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from riskmap.outputs.map import build_map
from riskmap.outputs.words import all_words
from tests.html import outcomes
from tests.html.conftest import Open, picture, pixel, ready

pytestmark = pytest.mark.browser

Pages = dict[str, Path]


def rows(page: Page) -> list[str]:
    return page.locator("#rm-list .rm-row-name").all_inner_texts()


def test_the_page_tells_its_story_and_the_list_stands_beside_the_map(
    show: Open, pages: Pages
) -> None:
    page = show(pages["plain"])
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.locator("#rm-title")).to_have_text("Madre de Dios")
    expect(page.locator("#rm-subtitle")).to_contain_text("Aguas bajas · calculado el 2026-11-23")
    expect(page.locator("#rm-subtitle")).to_contain_text("volúmenes relativos")
    expect(page.locator(".rm-marking").first).to_contain_text("USO INTERNO")
    expect(page.locator("#rm-story")).to_contain_text("De cada 1,950 tránsitos")
    expect(page.locator("#rm-story ol li")).to_have_count(3)
    assert rows(page) == list(outcomes.example().corridors["name"])
    expect(page.locator("#rm-limits li").first).to_be_visible()
    picture(page, "planner")


def test_choosing_in_the_list_moves_the_map_and_says_why(show: Open, pages: Pages) -> None:
    page = show(pages["english"])
    before = page.evaluate("location.hash")
    page.locator("#rm-list .rm-row").nth(2).click()
    why = page.locator("#rm-why")
    corridor = outcomes.example(uncertain=True).corridors.iloc[2]
    expect(why).to_contain_text("Mazuko 62 %")
    expect(why).to_contain_text("La Pampa 33 %")
    expect(why).to_contain_text("None: nobody patrols this corridor.")
    expect(why).to_contain_text(f"Nearest post: {corridor['nearest_post']}")
    expect(why).to_contain_text("between 1 and 4 (median 3)")
    expect(why).to_contain_text("Partial evidence")
    page.locator("#rm-list .rm-row").nth(1).click()
    expect(why).to_contain_text("Protected areas" + "Reserva Nacional Tambopata")
    expect(why).not_to_contain_text("object")
    page.locator("#rm-list .rm-row").nth(2).click()
    assert page.locator(".leaflet-rm-chosen-pane path").count() > 0
    assert page.evaluate("location.hash") != before
    picture(page, "chosen")
    page.locator("#rm-list .rm-row").nth(2).click()
    expect(why).to_have_count(0)


def test_choosing_on_the_map_selects_in_the_list(show: Open, pages: Pages) -> None:
    page = show(pages["plain"])
    corridor = outcomes.example().corridors.iloc[7]
    middle = corridor.geometry.interpolate(0.5, normalized=True)
    x, y = pixel(page, lat=middle.y, lon=middle.x)
    page.mouse.move(x, y)
    expect(page.locator(".rm-tip")).to_contain_text(corridor["name"])
    page.mouse.click(x, y)
    expect(page.locator(".rm-open .rm-row-name")).to_have_text(corridor["name"])
    expect(page.locator(".rm-open .rm-row")).to_be_in_viewport()
    expect(page.locator("#rm-live")).to_have_text(f"Corredor 8: {corridor['name']}")
    card = page.locator(".rm-popup .rm-card")
    expect(card).to_contain_text(f"corredor n.º 8{corridor['name']}")
    expect(card).to_contain_text("mayor origen: Mazuko (62 %); mayor destino: Local inventado 4")


def test_the_slider_leaves_the_first_ranks(show: Open, pages: Pages) -> None:
    page = show(pages["plain"])
    page.locator("#rm-top").fill("5")
    expect(page.locator("#rm-list .rm-row")).to_have_count(5)
    expect(page.locator("#rm-top-out")).to_have_text("5 de 40")
    expect(page.locator("#rm-legend")).to_contain_text("5 de 40")
    assert sorted(page.locator(".rm-label-rank").all_inner_texts()) <= ["1", "2", "3", "4", "5"]
    page.locator("#rm-top").fill("40")
    expect(page.locator("#rm-list .rm-row")).to_have_count(40)


def test_the_legend_follows_the_layers_that_are_on(show: Open, pages: Pages) -> None:
    page = show(pages["plain"])
    legend = page.locator("#rm-legend-body")
    expect(legend).to_contain_text("Local")
    expect(page.locator(".rm-site-venues")).to_have_count(12)
    page.locator("#rm-layers summary").click()
    groups = page.locator("#rm-tree legend").all_inner_texts()
    assert groups == ["Riesgo", "Presencia policial", "Orígenes y destinos", "Mapa base"]
    page.get_by_label("Locales").uncheck()
    expect(legend).not_to_contain_text("Local")
    expect(page.locator(".rm-site-venues")).to_have_count(0)
    page.get_by_label("Agua patrullada").check()
    expect(legend).to_contain_text("Horas efectivas al mes por km")
    page.get_by_role("checkbox", name="Corredores").uncheck()
    expect(legend).not_to_contain_text("Riesgo")
    expect(page.locator(".rm-label-rank")).to_have_count(0)
    picture(page, "layers")


@pytest.mark.parametrize(
    ("typed", "popup", "chosen"),
    [("inapari", "Iñapari", None), ("RIO INAMBARI: ib", None, "Río Inambari: Iberia – Huepetuhe")],
)
def test_search_finds_places_and_corridors_without_accents(
    show: Open, pages: Pages, typed: str, popup: str | None, chosen: str | None
) -> None:
    page = show(pages["plain"])
    page.get_by_role("combobox").fill(typed)
    expect(page.locator("#rm-found li").first).to_be_visible()
    if popup:
        page.locator("#rm-found li", has_text="Punto de entrada").first.click()
        expect(page.locator(".rm-card-name")).to_have_text(popup)
        expect(page.locator(".rm-card")).to_contain_text("Tipo: frontera")
    else:
        page.keyboard.press("Enter")
        expect(page.locator(".rm-open .rm-row-name")).to_have_text(chosen or "")


def test_two_seasons_share_one_scale_and_a_switch(show: Open, pages: Pages) -> None:
    page = show(pages["seasons"])
    page.locator("#rm-list .rm-row").first.click()
    expect(page.locator(".rm-elsewhere")).to_have_text(
        re.compile(r"Aguas altas: puesto \d+, [\d.]+ tránsitos no detectados \(aquí 310.0\)")
    )
    name = page.locator(".rm-open .rm-row-name").inner_text()
    page.get_by_label("Aguas altas").check()
    expect(page.locator("#rm-subtitle")).to_contain_text("Aguas altas")
    expect(page.locator(".rm-open .rm-row-name")).to_have_text(name)
    assert rows(page) == list(outcomes.example(season="high").corridors["name"])
    assert "r=r1" in page.evaluate("location.hash")


def _view_and_rest(link: str) -> tuple[list[float], str]:
    """Return zoom, latitude and longitude of a link, and what else it says."""
    view, rest = link.removeprefix("#v=").split("&", 1)
    return [float(part) for part in view.split("%2F")], rest


def test_the_link_brings_back_view_season_corridor_and_layers(show: Open, pages: Pages) -> None:
    page = show(pages["seasons"])
    page.get_by_label("Aguas altas").check()
    page.locator("#rm-top").fill("9")
    page.locator("#rm-list .rm-row").nth(4).click()
    page.locator("#rm-layers summary").click()
    page.get_by_label("Puestos policiales").uncheck()
    link, name = page.evaluate("location.hash"), page.locator(".rm-open .rm-row-name").inner_text()
    page.reload()
    ready(page)
    (view, rest), (again, same) = (
        _view_and_rest(h) for h in (link, page.evaluate("location.hash"))
    )
    assert same == rest
    assert again == pytest.approx(view, abs=0.002)  # the legend's height moves it by a pixel or two
    expect(page.get_by_label("Aguas altas")).to_be_checked()
    expect(page.locator(".rm-open .rm-row-name")).to_have_text(name)
    expect(page.locator("#rm-list .rm-row")).to_have_count(9)
    expect(page.locator(".rm-site-police_posts")).to_have_count(0)


@pytest.mark.parametrize(
    "link", ["#v=x/y/z", "#c=nobody&n=-3&r=r9", "#v=3/500/500&off=%00", "#%E0"]
)
def test_a_broken_link_opens_the_page_as_it_is(show: Open, pages: Pages, link: str) -> None:
    page = show(pages["plain"], link=link)
    expect(page.locator("#rm-list .rm-row")).to_have_count(40)


def test_the_keyboard_reaches_everything(show: Open, pages: Pages) -> None:
    page = show(pages["plain"])
    page.keyboard.press("Tab")
    expect(page.locator("#rm-skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".rm-open .rm-rank")).to_have_text("2")
    expect(page.locator(".rm-open .rm-row")).to_be_focused()


def test_the_tables_say_what_the_map_says(show: Open, pages: Pages) -> None:
    page = show(pages["english"])
    page.get_by_role("button", name="See as table").click()
    tables = page.locator("#rm-tables table")
    expect(tables).to_have_count(3)
    expect(tables.first.locator("tbody tr")).to_have_count(40)
    expect(tables.first.locator("thead")).to_contain_text("Interval")
    expect(tables.nth(1)).to_contain_text("Local inventado 3")
    picture(page, "tables")
    page.get_by_role("button", name="See the map").click()
    expect(page.locator("#rm-tables")).to_be_hidden()


@pytest.mark.parametrize("language", ["es", "en"])
def test_each_page_is_in_one_language(show: Open, pages: Pages, language: str) -> None:
    page = show(pages["plain" if language == "es" else "english"])
    page.locator("#rm-layers summary").click()
    page.locator("#rm-list .rm-row").first.click()
    seen = page.locator("body").inner_text()
    place = 1 if language == "es" else 0
    foreign = {
        both[place]
        for both in all_words().values()
        if both[0] != both[1] and len(both[place]) > 6 and "{" not in both[place]
    }
    assert {phrase for phrase in foreign if phrase in seen} == set()
    assert "{" not in seen


@pytest.mark.parametrize("state", ["map", "table", "phone"])
def test_axe_finds_nothing_serious(show: Open, pages: Pages, state: str) -> None:
    page = show(pages["seasons"], size=(390, 844) if state == "phone" else (1366, 768))
    page.locator("#rm-list .rm-row").nth(1).click()
    page.locator("#rm-layers summary").click()
    if state == "table":
        page.get_by_role("button", name="Ver como tabla").click()
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in {"serious", "critical"}] == []


@pytest.mark.parametrize("size", [(1024, 768), (390, 844)])
def test_small_screens_show_map_and_list_without_sideways_scrolling(
    show: Open, pages: Pages, size: tuple[int, int]
) -> None:
    page = show(pages["plain"], size=size)
    picture(page, f"small-{size[0]}")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    assert box["width"] >= 0.6 * size[0]
    assert box["height"] >= 0.5 * size[1]
    page.locator("#rm-list .rm-row").nth(1).click()
    expect(page.locator("#rm-why")).to_be_visible()
    page.locator("#rm-story .rm-link").first.click()
    expect(page.locator(".folium-map")).to_be_in_viewport()
    picture(page, f"small-{size[0]}-chosen")


def test_a_map_in_a_notebook_works_inside_its_frame(show: Open, tmp_path: Path) -> None:
    framed = build_map(outcomes.example())._repr_html_()
    page = show(tmp_path / "notebook.html", content=f"<!DOCTYPE html><body>{framed}")
    frame = page.frame_locator("iframe")
    frame.locator("#rm-list .rm-row").nth(2).click()
    expect(frame.locator("#rm-why")).to_be_visible()


def test_no_corridor_is_thinned_away_far_out(show: Open, pages: Pages) -> None:
    """At zoom 3 a corridor is a pixel or two long, and is still drawn, in its colour."""
    page = show(pages["plain"], link="#v=3/-12.5/-70.5&n=1")
    count = page.evaluate(
        """() => [...document.querySelectorAll(".leaflet-rm-corridors-pane canvas")].reduce(
          (sum, c) => sum + c.getContext("2d").getImageData(0, 0, c.width, c.height).data
            .filter((v, k) => k % 4 === 3 && v > 200).length, 0)"""
    )
    assert count >= 4


def test_a_study_without_corridors_or_layers_opens(show: Open, tmp_path: Path) -> None:
    fair = outcomes.example()
    bare = outcomes.replace(
        fair,
        corridors=fair.corridors.iloc[:0],
        reasons={},
        routes=fair.routes.iloc[:0],
        layers=outcomes.FakeLayers({}, {}),
    )
    build_map(bare, language="en").save(str(tmp_path / "bare.html"))
    page = show(tmp_path / "bare.html")
    expect(page.locator("#rm-story")).to_contain_text("No corridor carries traffic")
    page.get_by_role("button", name="See as table").click()
    expect(page.locator("#rm-tables tbody tr")).to_have_count(0)
    page.pdf(path=str(tmp_path / "bare.pdf"), prefer_css_page_size=True)
