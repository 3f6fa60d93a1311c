"""`riskmap import` on every raw file beside the project, and a study made of what it suggests."""

from __future__ import annotations

from pathlib import Path

import pytest

import riskmap as rm
from riskmap.layers.survey import Asked, Survey, survey_file
from riskmap.outputs.imports import survey_lines

pytestmark = pytest.mark.real

#: File → preset, layer, rows in the file, rows that a study would use.
TRUTH: dict[str, tuple[str | None, str | None, int, int]] = {
    "airstrips": ("mining_watch_airstrips", "entry_points", 2, 2),
    "basins_hydrobasins": ("hydrobasins", None, 9, 0),
    "borders_naturalearth": ("natural_earth_borders", "borders", 4, 4),
    "boundaries_departments": ("peru_limits", "jurisdiction", 5, 5),
    "boundaries_districts": ("peru_limits", "jurisdiction", 108, 108),
    "boundaries_districts_hdx": ("peru_limits", "jurisdiction", 11, 11),
    "boundaries_provinces": ("peru_limits", "jurisdiction", 21, 21),
    "department_goremad": ("peru_limits", "jurisdiction", 1, 1),
    "health_posts": ("peru_health_posts", "facilities", 105, 105),
    "indigenous_territories": ("mining_watch_territories", "indigenous_territories", 13, 13),
    "mining_areas": ("amazon_mining_watch", "mining_areas", 3167, 325),
    "mining_corridor": ("ingemmet_restricted", "mining_corridor", 1, 1),
    "police_stations": ("inei_police_stations", "police_posts", 86, 86),
    "protected_area_tambopata_boundary": (None, None, 1, 0),
    "protected_areas": ("mining_watch_areas", "protected_areas", 6, 6),
    "provincial_capitals": ("peru_capitals", "settlements", 12, 12),
    "rivers_dcw": ("dcw_rivers", "rivers", 861, 861),
    "rivers_gshhg": (None, None, 61, 0),
    "rivers_hydrosheds_cells": (None, None, 4324, 0),
    "rivers_hydrosheds_derived": (None, None, 186, 0),
    "rivers_naturalearth": ("natural_earth_rivers", "rivers", 7, 7),
    "road_interoceanica": (None, None, 15, 0),
    "roads_secondary": (None, None, 1279, 0),
    "settlements": ("geonames", "settlements", 103, 103),
    "settlements_goremad": ("centros_poblados", "settlements", 479, 479),
    "water_areas_dcw": ("dcw_water_areas", "water_areas", 55, 55),
}
#: Layers of other work, whose presets change with it.
_ASIDE = {"roads"}


@pytest.fixture(scope="module")
def surveys(shared_data: Path) -> dict[str, Survey]:
    files = sorted((shared_data / "madre_de_dios").glob("*.gpkg"))
    found = {file.stem: survey_file(file, Asked()) for file in files}
    assert all(len(each) == 1 for each in found.values())
    return {stem: each[0] for stem, each in found.items()}


def test_every_raw_file_is_known_for_what_it_is(surveys: dict[str, Survey]) -> None:
    told = {
        name: (s.preset, s.layer, s.rows, s.usable)
        for name, s in surveys.items()
        if name not in _ASIDE
    }
    assert told == TRUTH
    assert not any(survey.problems for survey in surveys.values())


def test_what_is_said_of_single_files_is_true(surveys: dict[str, Survey]) -> None:
    def told(name: str) -> str:
        return "\n".join(survey_lines([surveys[name]]))

    assert "EPSG:32719" in told("settlements_goremad")
    assert "from EPSG:32719 to EPSG:4326" in told("settlements_goremad")
    assert "325 of 3167 rows were taken (kind is extent_2023)" in told("mining_areas")
    assert surveys["mining_areas"].others == ("amazon_mining_watch_increments",)
    assert "UNK is unknown" in told("rivers_dcw")
    assert "values     DEPARTAM: CUSCO 8, MADRE DE DIOS 3, APURIMAC 1" in told(
        "provincial_capitals"
    )
    assert "name = name, else distrito and id_n" in told("police_stations")
    assert "patrol_hours 60.0" in told("police_stations")
    assert "not known" in told("rivers_gshhg")


def test_rasters_are_known_for_what_they_are(shared_data: Path) -> None:
    for name, held in (("mining_fraction_15s", "0 to 1"), ("river_mask_15s", "0 to 1")):
        file = shared_data / "madre_de_dios" / f"{name}.tif"
        (survey,) = survey_file(file, Asked())
        assert not survey.problems
        assert survey.crs == "EPSG:4326"
        assert held in survey.raster
        assert survey.suggestion.startswith("[[rasters]]\npath = ")


@pytest.mark.slow
def test_a_study_of_raw_files_takes_few_lines(surveys: dict[str, Survey], tmp_path: Path) -> None:
    """Paste what is suggested, keep one line a layer, and say which capitals are meant."""
    wanted = ["rivers_dcw", "water_areas_dcw", "mining_areas", "police_stations", "settlements",
              "protected_areas", "borders_naturalearth"]  # fmt: skip
    lines = ["[layers]", *(surveys[name].suggestion for name in wanted)]
    (towns,) = surveys["provincial_capitals"].or_else
    lines.append(towns.replace(" }", ", where = \"DEPARTAM = 'MADRE DE DIOS'\" }"))
    assert len(lines) <= 15
    study = tmp_path / "study.toml"
    study.write_text("\n".join(lines), "utf-8")
    result = rm.Study.from_file(study).run()
    summary = result.summary
    assert summary["demand"] == pytest.approx(1000.0)
    # Puerto Maldonado and Salvación stand on the large part of the network; Iñapari does not
    assert summary["served"] / summary["demand"] > 0.6
    assert len(result.corridors) > 50
    names = " ".join(result.corridors["name"])
    assert "MADRE DE DIOS" in names.upper()
    assert result.corridors["protected_area"].str.contains("Tambopata").any()
