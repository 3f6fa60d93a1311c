"""The layer of those who cannot get out: rings, their card, the legend, the switch of results."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.html.conftest import Open, picture

pytestmark = pytest.mark.browser


def turn_on(page: Page) -> None:
    page.locator("#rm-layers summary").click()
    page.locator('input[data-layer="access"]').check()


def test_rings_are_off_at_first_and_have_a_legend_when_on(
    show: Open, pages: dict[str, Path]
) -> None:
    page = show(pages["english"])
    expect(page.locator('input[data-layer="access"]')).not_to_be_checked()
    turn_on(page)
    legend = page.locator("#rm-legend-body")
    for words in ("Hours to the nearest help", "0–2 h", "over 6 h", "no way"):
        expect(legend).to_contain_text(words)
    picture(page, "access")


def test_a_ring_tells_hours_by_kind_season_and_direction(
    show: Open, pages: dict[str, Path]
) -> None:
    page = show(pages["plain"])
    turn_on(page)
    place, name = page.evaluate(
        """() => { const data = JSON.parse(document.getElementById("rm-data").textContent);
        const site = data.options.access.results[0][6];
        return [site.at, site.name]; }"""
    )
    at = page.evaluate(
        """([lat, lon]) => { const map = map_riskmap;
        map.setView([lat, lon], 12, { animate: false });
        const p = map.latLngToContainerPoint([lat, lon]);
        const box = map.getContainer().getBoundingClientRect();
        return [box.left + p.x + 13, box.top + p.y]; }""",
        place,
    )
    page.mouse.click(*at)
    card = page.locator(".rm-access-card")
    expect(card).to_contain_text(name)
    expect(card).to_contain_text("Aislado: 6.5 h hasta la ayuda más cercana")
    expect(card.locator("tbody tr")).to_have_count(2)
    expect(card.locator("tbody tr").first).to_contain_text("Puesto policial efectivo")
    expect(card.locator("tbody tr").first.locator("td").first).to_have_text("7.5 h")
    expect(card.locator("tbody tr").nth(1)).to_contain_text("refugio del río")
