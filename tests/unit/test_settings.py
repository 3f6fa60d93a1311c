"""The study file: what it takes, and one line with the mend for everything else."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from riskmap.errors import StudyError
from riskmap.settings import Settings, load_settings, settings_from_mapping

LEAST = """
[layers.rivers]
path = "rivers.shp"
[layers.entry_points]
path = "entry.geojson"
[layers.venues]
path = "venues.geojson"
"""


def load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "study.toml"
    path.write_text(text, "utf-8")
    return load_settings(path)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(StudyError, match=r".") as caught:
        load(tmp_path, text)
    return [str(problem) for problem in caught.value.problems]


def test_the_least_study_has_the_documented_defaults(tmp_path: Path) -> None:
    s = load(tmp_path, LEAST)
    assert (s.study.season, s.study.language) == ("low", "es")
    assert (s.travel.downstream_kmh, s.travel.upstream_kmh, s.travel.overland_kmh) == (16, 9, 3)
    assert (s.travel.max_access_km, s.travel.snap_tolerance_m) == (10, 50)
    assert (s.routes.theta_per_h, s.routes.hazard_aversion_h) == (1, 0)
    assert (s.patrol.period_h, s.patrol.detection_per_meeting) == (720, 0.5)
    assert dict(s.mining.status_weights)["authorised"] == 0.1
    (movement,) = s.movements  # there is no mining layer
    assert (movement.origins, movement.destinations) == ("entry_points", "venues")
    assert movement.transits_per_month is None
    assert s.path_of("rivers") == tmp_path / "rivers.shp"
    assert len(s.sha256) == 64


def test_two_movements_are_on_by_default(tmp_path: Path) -> None:
    s = load(tmp_path, LEAST + '[layers.mining_areas]\npath = "m.gpkg"\n')
    assert [m.destinations for m in s.movements] == ["venues", "mining_areas"]


def test_infinite_theta_is_the_least_route_only(tmp_path: Path) -> None:
    assert math.isinf(load(tmp_path, LEAST + "[routes]\ntheta_per_h = inf\n").routes.theta_per_h)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[travel]\nupsteam_kmh = 9",
            "[travel], upsteam_kmh: unknown key (did you mean 'ups",
        ),
        ("[travell]\n", "study file, travell: unknown key (did you mean 'travel'?)"),
        ("[mining]\nstatus_weights = { ilegal = 1 }", "(did you mean 'illegal'?)"),
        ("[layers.venuez]\npath = 'v'", "[layers], venuez: unknown key (did you mean 'venues'?)"),
        ("[study]\nseason = 'dry'", "[study], season: 'dry' is not 'low' or 'high'"),
        ("[study]\nseed = -1", "[study], seed: -1 is not greater than or equal to 0"),
        ("[travel]\nupstream_kmh = '9'", "[travel], upstream_kmh: '9' is not a valid number"),
        ("[travel]\nupstream_kmh = 0", "[travel], upstream_kmh: 0 is not greater than 0"),
        ("[travel]\nupstream_kmh = nan", "[travel], upstream_kmh: nan is not a finite number"),
        ("[patrol]\ndetection_per_meeting = 70", "70 is not less than or equal to 1"),
        ("[routes]\ntheta_per_h = -1", "[routes], theta_per_h: -1 is not greater than or equal"),
        (
            "[routes]\ntheta_per_h = { low = 1, mode = 2, high = 3 }",
            "ranges are not in this",
        ),
        ("[uncertainty]\ndraws = 9", "[uncertainty]: draws are not in this version"),
        ("[[rasters]]\npath = 'x'\nuse = 'score'", "[[rasters]] 1, use: 'score' is not"),
        (
            "[layers.incidents]\npath = 'x'",
            "[layers], incidents: incidents are not in",
        ),
        (
            "[[movements]]\nname = 'a'\norigins = 'borders'\ndestinations = 'venues'",
            "[[movements]] 1, origins (movement 'a'): 'borders' is not a layer that trips start",
        ),
        (
            "[[movements]]\nname = 'a'\norigins = 'entry_points'\ndestinations = 'mining_areas'",
            "destinations (movement 'a'): no layer mining_areas (add [layers.mining_areas]",
        ),
        (
            "[[movements]]\nname = 'a'\norigins = 'entry_points'",
            "[[movements]] 1, destinations: the key is missing (add it)",
        ),
    ],
)
def test_one_line_says_what_is_wrong(tmp_path: Path, text: str, line: str) -> None:
    found = problems(tmp_path, LEAST + text)
    assert len(found) == 1, found
    assert line in found[0]


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, "[study]\nname = \n")
    assert "is not TOML" in line
    assert "line 2" in line


def test_text_that_is_not_utf8_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(b"[study]\nname = '\xe9'\n")
    with pytest.raises(StudyError, match=r"not UTF-8 text \(line 2\)"):
        load_settings(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="there is no such study file"):
        load_settings(tmp_path / "nothing.toml")


def test_a_study_without_destinations(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, LEAST.split("[layers.venues]")[0])
    assert "a layer of origins and one of destinations are needed" in line


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = LEAST + "[travel]\nupsteam_kmh = 9\noverland_kmh = -1\n[uncertainty]\ndraws = 3\n"
    assert len(problems(tmp_path, text)) == 3


def test_a_study_made_in_python_is_held_to_the_same(tmp_path: Path) -> None:
    layers = {name: {"path": f"{name}.gpkg"} for name in ("rivers", "entry_points", "venues")}
    s = settings_from_mapping({"layers": layers}, folder=tmp_path)
    assert s.with_study(season="high").study.season == "high"
    assert s.study.season == "low"  # the subject is not touched
    with pytest.raises(StudyError, match=r"\[study\], season: 'dry' is not"):
        s.with_study(season="dry")
