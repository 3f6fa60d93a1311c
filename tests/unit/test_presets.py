"""Presets: each is checked, has a source in small, and makes canonical values of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from riskmap.errors import StudyError
from riskmap.layers.columns import canonical_columns
from riskmap.layers.findings import Findings
from riskmap.layers.mapping import apply_preset, find_column
from riskmap.presets.sources import PLANNED, Preset, known_presets, load_preset
from riskmap.schema import LAYERS
from riskmap.settings import settings_from_mapping
from tests import sources

DOCS = Path(__file__).resolve().parents[2] / "docs" / "sources.md"


def mapped(
    preset: str, source: gpd.GeoDataFrame, *, layer: str | None = None, **own: str
) -> tuple[gpd.GeoDataFrame, Findings]:
    """Return the canonical table of a source, and what was found on the way."""
    known = known_presets()[preset]
    findings = Findings(layer or known.layers[0])
    rows = apply_preset(source, known, own=own, findings=findings)
    if findings.layer in LAYERS:
        schema = LAYERS[findings.layer]
        rows = canonical_columns(rows, schema=schema, columns=own, findings=findings)
    assert not findings.problems
    assert not findings.unusable
    return rows, findings


def test_every_preset_has_a_source_in_small() -> None:
    assert {name for name in known_presets() if not hasattr(sources, name)} == set()


@pytest.mark.parametrize("name", list(known_presets()))
def test_every_preset_maps_its_source(name: str) -> None:
    preset = known_presets()[name]
    source = getattr(sources, name)()
    before = source.copy()
    if not preset.layers:
        assert not preset.columns
        return
    rows, _ = mapped(name, source)
    assert len(rows) > 0
    for column, rule in preset.columns.items():
        if find_column(source, rule.sources) is not None:
            assert rows[column].notna().any(), column
    pd.testing.assert_frame_equal(source, before)


@pytest.mark.parametrize("name", list(known_presets()))
def test_every_preset_says_where_it_comes_from_and_on_which_terms(name: str) -> None:
    preset = known_presets()[name]
    assert preset.title
    assert preset.source
    assert preset.licence
    assert set(preset.layers) <= set(LAYERS) | PLANNED
    row = next(line for line in DOCS.read_text("utf-8").splitlines() if f"| `{name}` |" in line)
    assert preset.title.split(":")[0].split(" (")[0] in row
    assert all(f"`{layer}`" in row for layer in preset.layers)


VALUES: list[tuple[str, Any, str, list[Any]]] = [
    ("hydrorivers", sources.hydrorivers, "id", ["60123456", "60123457"]),
    ("hydrorivers", sources.hydrorivers, "next_down", ["60123457", ""]),
    ("hydrorivers", sources.hydrorivers, "strahler_order", [3.0, 4.0]),
    ("hydrorivers", sources.hydrorivers, "discharge_m3s", [38.5, math.nan]),
    ("osm_waterways", sources.osm_waterways, "name", ["Río Inambari", "", "Caño Seco"]),
    ("osm_waterways", sources.osm_waterways, "boat", ["yes", "", "no"]),
    ("osm_waterways", sources.osm_waterways, "width_m", [180.0, math.nan, math.nan]),
    ("osm_waterways", sources.osm_waterways_overpass, "id", ["way/1", "way/2", "way/3"]),
    ("osm_waterways", sources.osm_waterways_overpass, "boat", ["yes", "", "no"]),
    ("osm_waterways", sources.osm_waterways_geofabrik, "width_m", [180.0, math.nan]),
    ("osm_water_areas", sources.osm_water_areas, "name", ["Río Madre de Dios"]),
    ("osm_police", sources.osm_police, "name", ["Comisaría (1)", "Comisaría (2)"]),
    ("osm_places", sources.osm_places, "population", [4500.0, math.nan]),
    ("sword", sources.sword, "next_down", ["62210000021", ""]),
    ("sword", sources.sword, "name", ["Rio Inambari", ""]),
    ("sword", sources.sword, "width_m", [220.0, math.nan]),
    ("dcw_rivers", sources.dcw_rivers, "name", ["", "RIO INAMBARI"]),
    ("dcw_water_areas", sources.dcw_water_areas, "name", [""]),
    ("natural_earth_rivers", sources.natural_earth_rivers, "name", ["Madre de Dios"]),
    ("natural_earth_borders", sources.natural_earth_borders, "name", ["Bolivia Peru"]),
    ("natural_earth_places", sources.natural_earth_places, "population", [70000.0, math.nan]),
    ("amazon_mining_watch", sources.amazon_mining_watch_patches, "confidence", [0.93, 0.61]),
    ("gfw_integrated_alerts", sources.gfw_integrated_alerts, "confidence", [0.5, 0.75, 0.95]),
    ("oefa_mining_areas", sources.oefa_mining_areas, "status", ["informal", "illegal", "unknown"]),
    ("ingemmet_concessions", sources.ingemmet_concessions, "title_status",
     ["titled", "in_process", "extinct", "other", "unknown"]),
    ("ingemmet_concessions", sources.ingemmet_concessions_words, "title_status",
     ["titled", "in_process", "extinct", "other", "unknown"]),
    ("ingemmet_concessions", sources.ingemmet_concessions, "name",
     ["PIÑA DE ORO", "SAN JOSÉ", "010000125", "EL SOL", "RARA"]),
    ("inei_police_stations", sources.inei_police_stations, "name",
     ["ECHARATE 0632", "HUAYOPATA 0635", "OCOBAMBA 0637"]),
    ("geonames", sources.geonames, "population", [26585.0, math.nan]),
    ("centros_poblados", sources.centros_poblados, "population", [812.0, 4500.0]),
    ("centros_poblados", sources.centros_poblados_ign, "name", ["SANTA ROSA", "MAZUKO"]),
    ("peru_capitals", sources.peru_capitals, "name",
     ["PUERTO MALDONADO", "SANTA ROSA (MANU)", "SANTA ROSA (TAHUAMANU)"]),
    ("mining_watch_airstrips", sources.mining_watch_airstrips, "kind", ["airport", "airport"]),
    ("mining_watch_areas", sources.mining_watch_areas, "category", ["Reserva Nacional"]),
    ("sernanp_areas", sources.sernanp_areas, "name", ["Tambopata"]),
    ("smart_patrols", sources.smart_patrols, "id", ["6f3a"]),
    ("earthranger_patrols", sources.earthranger_patrols, "id", ["p1", "p1"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("preset", "source", "column", "wanted"), VALUES, ids=[f"{v[0]}-{v[2]}" for v in VALUES]
)
def test_a_preset_gives_canonical_values(
    preset: str, source: Any, column: str, wanted: list[Any]
) -> None:
    rows, _ = mapped(preset, source())
    seen = rows[column].tolist()
    assert len(seen) == len(wanted)
    for is_, should in zip(seen, wanted, strict=True):
        if isinstance(should, float):
            assert is_ == pytest.approx(should, nan_ok=True)
        else:
            assert is_ == should


def test_kinds_of_detections_are_never_added_up() -> None:
    stacked = sources.amazon_mining_watch()
    extent, findings = mapped("amazon_mining_watch", stacked)
    assert set(extent["kind"]) == {"extent_2023"}
    assert "2 of 5 rows" in findings.notes[0].what
    growth, _ = mapped("amazon_mining_watch_increments", stacked)
    assert set(growth["kind"]) == {"new_in_year"}


def test_columns_about_persons_are_left_out_and_named() -> None:
    for name in ("ingemmet_concessions", "smart_patrols", "earthranger_patrols"):
        rows, findings = mapped(name, getattr(sources, name)())
        assert not rows.isin(["PERSONA UNO"]).any(axis=None)
        assert any("about persons" in note.what for note in findings.notes)


def test_alerts_become_squares_of_their_pixels() -> None:
    rows, _ = mapped("gfw_integrated_alerts", sources.gfw_integrated_alerts())
    assert shapely.area(rows.geometry.to_numpy()) == pytest.approx([1e-8] * 3)
    assert rows["detected_on"].dt.month.tolist() == [5, 5, 6]


def test_what_the_study_maps_by_hand_comes_first() -> None:
    rows, _ = mapped("dcw_rivers", sources.dcw_rivers(), name="NAME_0")
    assert rows["name"].tolist() == ["Peru", "Peru"]
    rows, _ = mapped("dcw_rivers", sources.dcw_rivers(), id="NAM")
    assert rows["id"].tolist() == ["UNK", "RIO INAMBARI"]


def test_names_that_a_shapefile_cut_are_found() -> None:
    source = sources.gfw_integrated_alerts().rename(
        columns={"gfw_integrated_alerts__confidence": "gfw_inte_1"}
    )
    cut = sources.mining_watch_areas().rename(columns={"mining_affected_area_ha": "mining_aff"})
    assert len(mapped("mining_watch_areas", cut)[0]) == 1
    # two names that start alike cannot be told apart: the column counts as missing
    assert mapped("gfw_integrated_alerts", source)[0]["confidence"].tolist() == [1.0] * 3


def test_rows_keep_their_numbers_when_others_are_left_out() -> None:
    rows, _ = mapped("osm_police", sources.osm_police().iloc[::-1])
    assert rows.index.tolist() == [1, 0]


def test_a_source_without_a_row_of_the_layer_is_refused() -> None:
    findings = Findings("police_posts")
    source = sources.osm_police().iloc[2:]
    apply_preset(source, known_presets()["osm_police"], own={}, findings=findings)
    assert "no row has" in str(findings.problems[0])


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"layers": ["lakes"]}, "'lakes' is not a layer"),
    ({"columns": {"speed": "V"}}, "no layer of the preset has speed"),
    ({"colour": "red"}, "Extra inputs"),
    ({"flow_direction": "downhill"}, "Input should be 'digitised'"),
    ({"flow_direction": None}, "flow_direction goes with rivers"),
    ({"geometry": "volume"}, "Input should be 'point'"),
    ({"keep": [{"column": ["a"], "values": ["b"]}]}, "Field required"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN)
def test_a_broken_preset_is_refused(change: dict[str, Any], message: str) -> None:
    content: dict[str, Any] = {
        "title": "t", "source": "s", "licence": "l", "layers": ["rivers"], "geometry": "line",
        "flow_direction": "digitised", "recognise": {"columns": ["A"]},
    }  # fmt: skip
    assert isinstance(load_preset("test", content), Preset)
    with pytest.raises(StudyError, match=message):
        load_preset("test", {**content, **change})


def study(**river: str) -> dict[str, Any]:
    return {
        "layers": {
            "rivers": {"path": "r.gpkg", **river},
            "entry_points": {"path": "e.gpkg"},
            "venues": {"path": "v.gpkg"},
        }
    }


def test_a_preset_states_the_direction_of_flow_unless_the_study_does() -> None:
    assert settings_from_mapping(study()).layers["rivers"].flow_direction == "digitised"
    dcw = settings_from_mapping(study(preset="dcw_rivers"))
    assert dcw.layers["rivers"].flow_direction == "inferred"
    own = settings_from_mapping(study(preset="dcw_rivers", flow_direction="unknown"))
    assert own.layers["rivers"].flow_direction == "unknown"


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        ("hydroriver", "did you mean 'hydrorivers'"),
        ("zzz", "riskmap import lists the presets"),
        ("geonames", "not of this layer .it is of: settlements"),
        ("hydrobasins", "of no layer of a study"),
    ],
)
def test_a_wrong_preset_is_refused(preset: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        settings_from_mapping(study(preset=preset))
