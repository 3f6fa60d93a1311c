"""Presets on the real files beside the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from riskmap.layers import read_layers
from riskmap.settings import settings_from_mapping

pytestmark = pytest.mark.real

LAYERS = {
    "rivers": ("rivers_dcw", "dcw_rivers"),
    "water_areas": ("water_areas_dcw", "dcw_water_areas"),
    "entry_points": ("provincial_capitals", "peru_capitals"),
    "mining_areas": ("mining_areas", "amazon_mining_watch"),
    "police_posts": ("police_stations", "inei_police_stations"),
    "settlements": ("settlements", "geonames"),
    "protected_areas": ("protected_areas", "mining_watch_areas"),
    "borders": ("borders_naturalearth", "natural_earth_borders"),
}


def content(folder: Path, **changes: tuple[str, str]) -> dict[str, Any]:
    layers = {**LAYERS, **changes}
    return {
        "layers": {
            layer: {"path": str(folder / f"{file}.gpkg"), "preset": preset}
            for layer, (file, preset) in layers.items()
        }
    }


@pytest.mark.parametrize("region", ["madre_de_dios", "ucayali"])
def test_every_real_layer_is_read_by_its_preset(shared_data: Path, region: str) -> None:
    layers = read_layers(settings_from_mapping(content(shared_data / region)))
    tables = layers.tables
    assert set(tables) == set(LAYERS)
    assert set(tables["mining_areas"]["kind"]) == {"extent_2023"}
    assert not tables["rivers"]["name"].str.upper().isin(["UNK"]).any()
    assert (tables["settlements"]["population"] != 0).all()
    assert tables["police_posts"]["name"].is_unique
    assert tables["police_posts"]["ubigeo"].str.fullmatch(r"\d{6}").all()
    told = " ".join(str(note) for note in layers.notes)
    assert "rows were taken (kind is extent_2023)" in told


def test_further_sources_of_the_region(shared_data: Path) -> None:
    folder = shared_data / "madre_de_dios"
    changes = {
        "rivers": ("rivers_naturalearth", "natural_earth_rivers"),
        "settlements": ("settlements_goremad", "centros_poblados"),
        "entry_points": ("airstrips", "mining_watch_airstrips"),
        "mining_areas": ("mining_areas", "amazon_mining_watch_increments"),
    }
    tables = read_layers(settings_from_mapping(content(folder, **changes))).tables
    assert "Madre de Dios" in set(tables["rivers"]["name"])
    assert "SANTA ROSA" in set(tables["settlements"]["name"])
    assert set(tables["entry_points"]["kind"]) == {"airport"}
    assert set(tables["mining_areas"]["detected_on"].dt.year) == {2019, 2020, 2021, 2022, 2023}
