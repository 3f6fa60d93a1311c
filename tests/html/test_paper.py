"""What comes out of the printer: two sheets of A4 with everything a meeting asks for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.html.conftest import SCREENSHOTS, Open

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs poppler-utils"),
]

A4_LANDSCAPE_PT = (842, 595)


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def colours(pdf: Path) -> set[tuple[int, int, int]]:
    """Return the colours of the first sheet."""
    stem = pdf.with_suffix("")
    run("pdftoppm", "-r", "60", "-f", "1", "-l", "1", "-singlefile", str(pdf), str(stem))
    raw = stem.with_suffix(".ppm").read_bytes()
    width, height = (int(n) for n in raw.split(b"\n", 3)[1].split())
    sheet = np.frombuffer(raw[-3 * width * height :], np.uint8).reshape(-1, 3)
    return {tuple(int(v) for v in c) for c in np.unique(sheet, axis=0)}


@pytest.fixture
def printed(show: Open, pages: dict[str, Path], tmp_path: Path) -> Path:
    page = show(pages["plain"])
    page.locator("#rm-list .rm-row").nth(2).click()
    view = page.evaluate("location.hash")
    pdf = tmp_path / "map.pdf"
    page.pdf(path=str(pdf), prefer_css_page_size=True)
    # The page is afterwards what it was before.
    assert page.evaluate("location.hash") == view
    expect(page.locator("body.rm-paper")).to_have_count(0)
    expect(page.locator("#rm-why")).to_be_visible()
    SCREENSHOTS.mkdir(exist_ok=True)
    shutil.copy(pdf, SCREENSHOTS / "map.pdf")
    return pdf


def test_paper_has_two_sheets_with_all_that_a_meeting_asks_for(printed: Path) -> None:
    told = run("pdfinfo", str(printed))
    size = next(line for line in told.splitlines() if line.startswith("Page size"))
    assert "Pages:           2" in told
    assert tuple(round(float(n)) for n in size.split()[2:5:2]) == A4_LANDSCAPE_PT
    first, second = run("pdftotext", "-layout", str(printed), "-").split("\f")[:2]
    for sheet in (first, second):
        assert "USO INTERNO" in sheet
    for words in (
        "Madre de Dios", "Aguas bajas", "Lo que este mapa no sabe", "Datos y fechas", "2023-06-30",
        "Riesgo", "75–100", "Puesto policial", "km", "mining_areas.geojson", "Corredores por orden",
        "Leaflet 1.9.3 (BSD-2-Clause)",
    ):  # fmt: skip
        assert words in first
    assert "Río Inambari" in second
    assert "Por qué: Río Inambari: Iberia – Huepetuhe" in second


def test_the_printed_map_has_its_colours(printed: Path) -> None:
    """Corridors, the halo of the chosen one, and the ground under them: no canvas prints white."""
    seen = colours(printed)

    def near(*wanted: int) -> bool:
        return any(max(abs(a - b) for a, b in zip(c, wanted, strict=True)) <= 6 for c in seen)

    assert near(0x93, 0x26, 0x67)  # the chosen corridor's class
    assert near(0xFB, 0xFA, 0xF7)  # the ground
    assert near(0xDB, 0xCB, 0xB0) or near(0xDA, 0xCA, 0xAF)  # a mining area
    assert near(0x7A, 0x14, 0x20)  # the marking
