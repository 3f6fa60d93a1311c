"""Known sources in the formats in which they come: extracts, track logs, service tables."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

import riskmap as rm
from riskmap.errors import DataError
from riskmap.layers.findings import Findings
from riskmap.layers.sources import read_file
from riskmap.layers.survey import Asked, read_as, survey_file
from riskmap.settings import LayerSection
from tests import broken_files, sources
from tests.studies import SmallStudy


@pytest.mark.parametrize("make", [broken_files.osm, broken_files.pbf])
def test_an_extract_gives_each_layer_its_rows(make: object, tmp_path: Path) -> None:
    path = make(tmp_path)  # type: ignore[operator]
    found = {survey.preset: survey for survey in survey_file(path, Asked())}
    assert {"osm_waterways", "osm_police", "osm_places"} <= set(found)
    wanted = {
        "osm_waterways": ("rivers", "Río Inambari"),
        "osm_police": ("police_posts", "Comisaría"),
        "osm_places": ("settlements", "Mazuko"),
    }
    for preset, (layer, name) in wanted.items():
        assert f'preset = "{preset}"' in found[preset].suggestion
        assert "table" not in found[preset].suggestion  # the preset knows it
        rows, findings, _ = read_as(path, preset=preset, layer=layer, table=None)
        assert rows is not None
        assert not findings.problems
        assert rows["name"].tolist() == [name]
    rivers, _, _ = read_as(path, preset="osm_waterways", layer="rivers", table=None)
    assert rivers is not None
    assert rivers["navigable"].tolist() == ["none"]  # boat=no


def test_tracks_of_a_phone_carry_their_times(tmp_path: Path) -> None:
    path = broken_files.gpx(tmp_path)
    section = LayerSection(path=str(path))
    rows = read_file(path, section, preset=None, findings=Findings("patrol_tracks"))
    assert rows is not None
    times = shapely.get_coordinates(rows.geometry[0], include_z=True)[:, 2]
    start = pd.Timestamp("2024-06-01T00:00:00Z").timestamp() * 1000.0
    assert times.tolist() == [start, start + 3.6e6, start + 7.2e6]
    assert rows["start_time"][0] == pd.Timestamp("2024-06-01T00:00:00Z")
    assert rows["end_time"][0] == pd.Timestamp("2024-06-01T02:00:00Z")
    section = LayerSection(path=str(path), table="waypoints")
    points = read_file(path, section, preset=None, findings=Findings("entry_points"))
    assert points is not None
    assert points["name"].tolist() == ["Puesto"]


def test_tracks_without_times(tmp_path: Path) -> None:
    path = tmp_path / "a.gpx"
    text = broken_files.GPX
    for hour in range(3):
        text = text.replace(f"<time>2024-06-01T0{hour}:00:00Z</time>", "")
    path.write_text(text)
    findings = Findings("patrol_tracks")
    rows = read_file(path, LayerSection(path=str(path)), preset=None, findings=findings)
    assert rows is not None
    assert not rows.geometry.has_z.any()
    assert "carry no times" in findings.notes[-1].what


def test_alerts_as_the_service_gives_them(tmp_path: Path) -> None:
    path = tmp_path / "alerts.csv"
    sources.gfw_integrated_alerts().drop(columns="geometry").to_csv(path, index=False)
    (survey,) = survey_file(path, Asked())
    assert survey.preset == "gfw_integrated_alerts"
    rows, _, _ = read_as(path, preset=survey.preset, layer="mining_areas", table=None)
    assert rows is not None
    assert rows["confidence"].tolist() == [0.5, 0.75, 0.95]
    assert set(rows.geom_type) == {"Polygon"}


@pytest.mark.parametrize("stated", ["UTF-8", "ISO-8859-1"])
@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1"])
def test_the_cadastre_in_any_encoding(encoding: str, stated: str, tmp_path: Path) -> None:
    path = tmp_path / "catastro.shp"
    sources.ingemmet_concessions_words().to_file(path, encoding=encoding)
    path.with_suffix(".cpg").write_text(stated)
    rows, findings, _ = read_as(
        path, preset="ingemmet_concessions", layer="concessions", table=None
    )
    assert rows is not None
    assert rows["title_status"].tolist() == ["titled", "in_process", "extinct", "other", "unknown"]
    assert rows["name"][0] == "PIÑA DE ORO"
    assert "TITULAR" not in rows
    assert any("about persons" in note.what for note in findings.notes)


def test_a_layer_that_is_not_of_its_preset(small_study: SmallStudy) -> None:
    small_study.keys["settlements"] = 'preset = "centros_poblados"'
    with pytest.raises(DataError, match="it does not look like centros_poblados"):
        rm.Study.from_file(small_study.write().path).run()


def test_a_study_of_tables(small_study: SmallStudy) -> None:
    plain = rm.Study.from_file(small_study.write().path).run().corridors
    for layer, ending in (("entry_points", ".csv"), ("venues", ".xlsx")):
        rows = gpd.read_file(small_study.file(layer))
        table = pd.DataFrame(rows.drop(columns="geometry")).assign(
            longitud=rows.geometry.x, latitud=rows.geometry.y
        )
        small_study.endings[layer] = ending
        if ending == ".csv":
            table.to_csv(small_study.file(layer), sep=";", decimal=",", index=False)
        else:
            table.to_excel(small_study.file(layer), index=False)
    tables = rm.Study.from_file(small_study.write().path).run().corridors
    assert tables["name"].tolist() == plain["name"].tolist()
    assert tables["transits"].tolist() == pytest.approx(plain["transits"].tolist())
