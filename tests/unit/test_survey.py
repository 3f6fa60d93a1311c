"""`riskmap import`: what it says of a file is true, and what it suggests can be pasted."""

from __future__ import annotations

import tomllib
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import LineString

from riskmap.layers.recognition import presets_by_headings
from riskmap.layers.survey import Asked, Survey, read_as, survey_file
from riskmap.presets.sources import known_presets
from riskmap.schema import LAYERS
from riskmap.settings import LayerSection
from tests import sources


def look(path: Path, asked: Asked | None = None) -> Survey:
    (survey,) = survey_file(path, asked or Asked())
    return survey


def write(folder: Path, rows: gpd.GeoDataFrame, ending: str = ".gpkg") -> Path:
    path = folder / f"source{ending}"
    rows.to_file(path)
    return path


@pytest.mark.parametrize("name", [n for n in known_presets() if n != "gpx_tracks"])
def test_every_source_is_recognised_by_its_columns(name: str, tmp_path: Path) -> None:
    survey = look(write(tmp_path, getattr(sources, name)()))
    if name == "amazon_mining_watch_increments":  # stacked files fit both; the extents come first
        assert survey.others == (name,)
        return
    assert survey.preset == name
    assert survey.rows == len(getattr(sources, name)())
    assert survey.layers == known_presets()[name].layers


@pytest.mark.parametrize(
    "source",
    ["osm_waterways_geofabrik", "osm_waterways_overpass", "ingemmet_concessions_words",
     "centros_poblados_ign", "amazon_mining_watch_patches"],
)  # fmt: skip
@pytest.mark.parametrize("ending", [".gpkg", ".geojson"])
def test_variants_are_recognised(source: str, ending: str, tmp_path: Path) -> None:
    survey = look(write(tmp_path, getattr(sources, source)(), ending))
    assert survey.preset is not None
    assert source.startswith(survey.preset)


@pytest.mark.filterwarnings("ignore")
def test_a_shapefile_with_cut_names_is_recognised(tmp_path: Path) -> None:
    path = write(tmp_path, sources.mining_watch_areas(), ".shp")
    assert "mining_aff" in gpd.read_file(path).columns
    assert look(path).preset == "mining_watch_areas"


@pytest.mark.parametrize("name", [n for n, p in known_presets().items() if p.layers])
def test_the_suggestion_is_a_layer_that_a_study_takes(name: str, tmp_path: Path) -> None:
    survey = look(write(tmp_path, getattr(sources, name)()))
    if survey.layer not in LAYERS:
        assert survey.suggestion == ""
        return
    (layer,) = tomllib.loads(survey.suggestion)
    section = LayerSection(**tomllib.loads(survey.suggestion)[layer])
    assert layer == survey.layer
    assert Path(section.path).exists()
    assert survey.usable > 0


def test_what_is_said_is_what_a_run_does(tmp_path: Path) -> None:
    path = write(tmp_path, sources.amazon_mining_watch())
    survey = look(path)
    assert (survey.rows, survey.usable) == (5, 2)
    assert dict(survey.mapped) == {"detected_on": "year"}
    assert dict(survey.assumed) == {"status": "unknown", "confidence": "1.0"}
    assert set(survey.left) == {
        "src_fid", "kind", "polygon_area_ha", "mined_area_ha", "quarter",
    }  # fmt: skip
    rows, _, source = read_as(path, preset=survey.preset, layer="mining_areas", table=None)
    assert rows is not None
    assert len(rows) == survey.usable
    assert source is not None
    assert source.features == 2


def test_filters_that_are_named_leave_rows(tmp_path: Path) -> None:
    """Neither the column that the preset itself chooses by, nor what is empty, is one."""
    mines = pd.concat([sources.amazon_mining_watch()] * 4, ignore_index=True)
    mines = mines.assign(estado=["", "Bueno", "Malo", " "] * (len(mines) // 4))
    survey = look(write(tmp_path, mines))
    assert dict(survey.kinds)["estado"] == (("Bueno", 5), ("Malo", 5))
    assert "kind" not in dict(survey.kinds)


def test_a_source_that_nobody_knows(tmp_path: Path) -> None:
    path = write(tmp_path, sources.dcw_rivers()[["NAM", "geometry"]].rename(columns={"NAM": "RIO"}))
    survey = look(path)
    assert survey.preset is None
    assert survey.layers == ("rivers", "roads", "borders")
    assert survey.suggestion == ""
    named = look(path, Asked(layer="rivers"))
    assert 'columns = { name = "RIO" }' in named.suggestion
    assert dict(named.mapped) == {"name": "RIO"}


def test_no_crs_is_guessed_in_silence(tmp_path: Path) -> None:
    path = write(tmp_path, sources.hydrorivers(), ".shp")
    path.with_suffix(".prj").unlink()
    survey = look(path)
    assert 'crs = "EPSG:4326"' in survey.suggestion
    assert any(n.kind == "doubtful" and "look like degrees" in n.what for n in survey.notes)
    metres = sources.hydrorivers().to_crs(32719)
    folder = tmp_path / "utm"
    folder.mkdir()
    path = write(folder, metres, ".shp")
    path.with_suffix(".prj").unlink()
    survey = look(path)
    assert survey.suggestion == ""
    assert any("metres of UTM" in n.what for n in survey.notes)
    assert "states no coordinate reference system" in str(survey.problems[0])


def test_rows_that_cannot_be_used_are_counted_and_skipped(tmp_path: Path) -> None:
    rows = sources.geonames()
    rows["population"] = [-5.0, 10.0]
    survey = look(write(tmp_path, rows))
    assert survey.usable == 1
    assert 'unusable_rows = "skip"' in survey.suggestion


def test_presets_are_not_taken_for_one_another() -> None:
    for name, preset in known_presets().items():
        columns = getattr(sources, name)().columns.drop("geometry")
        found = [p.name for p in presets_by_headings(list(columns))]
        assert name in found or preset.header or name == "gpx_tracks"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    survey = look(tmp_path / "nothing.gpkg")
    assert "the file does not exist" in str(survey.problems[0])


def test_names_of_the_chart_are_proposed(tmp_path: Path) -> None:
    rows = gpd.GeoDataFrame(
        {"component": [1], "dcw_name": ["RIO TAMBOPATA"]},
        geometry=[LineString([(-70.0, -12.0), (-70.1, -12.0)])], crs=4326,
    )  # fmt: skip
    survey = look(write(tmp_path, rows), Asked(layer="rivers"))
    assert ("name", "dcw_name") in survey.mapped
    assert 'columns = { name = "dcw_name" }' in survey.suggestion
