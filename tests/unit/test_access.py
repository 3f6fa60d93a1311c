"""Hours to help: by hand on the drawn study, and laws that must hold on any."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

import riskmap as rm
from riskmap.errors import OutputError
from riskmap.results.access import kind_key
from tests.studies import SmallStudy, points, police_posts, rivers, write_small_study

GEOD = Geod(ellps="WGS84")


def facilities(*places: tuple[float, float], kind: str = "health_post") -> gpd.GeoDataFrame:
    return points(
        name=[f"Posta {k}" for k in range(len(places))],
        kind=[kind] * len(places),
        x=[x for x, _ in places],
        y=[y for _, y in places],
    )


def sites(study: SmallStudy) -> gpd.GeoDataFrame:
    return rm.Study.from_file(study.path).run().sites.set_index("name")


def km(*xy: tuple[float, float]) -> float:
    lon, lat = zip(*xy, strict=True)
    return GEOD.line_length(lon, lat) / 1000.0


def test_hours_by_hand_with_and_against_the_current(tmp_path: Path) -> None:
    # The post of help stands on the Río Alto, 22 km upstream of Local 2 by a straight river.
    found = sites(write_small_study(tmp_path, facilities=facilities((-70.0, -12.55))))
    far = found.loc["Local 2"]
    length = km((-70.0, -12.55), (-70.0, -12.6), (-70.0, -12.75))
    assert far["hours_to_health_post_low_water"] == pytest.approx(length / 9.0, rel=1e-5)
    assert far["hours_from_health_post_low_water"] == pytest.approx(length / 16.0, rel=1e-5)
    assert far["nearest_health_post"] == "Posta 0"
    assert far["hours_to_help"] == far["hours_to_health_post_low_water"]
    assert not far["cut_off"]


def test_where_it_is_nearer_on_foot_they_walk(tmp_path: Path) -> None:
    found = sites(write_small_study(tmp_path, facilities=facilities((-70.03, -12.75))))
    straight = km((-70.0, -12.75), (-70.03, -12.75))
    assert found.loc["Local 2", "hours_to_health_post_low_water"] == pytest.approx(straight / 3.0)


def test_a_post_that_is_not_effective_is_no_help(tmp_path: Path) -> None:
    weak = police_posts().assign(effectiveness=0.4)
    study = write_small_study(tmp_path, police_posts=weak)
    result = rm.Study.from_file(study.path).run()
    assert not [name for name in result.sites if name.startswith("nearest_")]
    with pytest.raises(OutputError, match=r"names no place of help.*\[layers.facilities\]"):
        result.save(tmp_path / "sites.csv", level="sites")
    study.sections = "[access]\neffective_post_from = 0.4"
    study.write()
    assert (sites(study)["nearest_police_post"] == "Puesto Alto").all()


def test_low_water_cuts_off_and_the_worse_season_counts(tmp_path: Path) -> None:
    # The Río Chico carries boats in high water only; the health post stands on it.
    wet = rivers().assign(navigable=["both", "high", "both"])
    study = write_small_study(
        tmp_path,
        rivers=wet,
        facilities=facilities((-69.8, -12.3)),
        police_posts=police_posts().assign(effectiveness=0.2),
        mining_areas=None,
    )
    study.keys["facilities"] = "max_access_km = 1.0"
    study.keys["venues"] = "max_access_km = 1.0"
    study.write()
    venue = sites(study).loc["Local 1"]
    assert np.isnan(venue["hours_to_health_post_low_water"])
    assert venue["hours_to_health_post_high_water"] > 0.0
    assert np.isnan(venue["hours_to_help"])
    assert venue["cut_off"]


def test_of_an_area_half_is_nearer_and_half_is_farther(tmp_path: Path) -> None:
    study = write_small_study(tmp_path, facilities=facilities((-70.0, -12.41)))
    study.sections = "[mining]\ncell_km = 0.5"
    study.write()
    area = sites(study).loc["La Playa"]
    edges = []
    for x in (-69.95, -69.9):  # the ends of the area by water, as one-cell areas
        folder = tmp_path / f"{x}"
        folder.mkdir()
        from shapely.geometry import box

        small = gpd.GeoDataFrame(
            {"name": ["La Playa"], "status": ["illegal"], "confidence": [1.0]},
            geometry=[box(x - 0.001, -12.341, x + 0.001, -12.339)],
            crs=4326,
        )
        one = write_small_study(folder, mining_areas=small, facilities=facilities((-70.0, -12.41)))
        edges.append(sites(one).loc["La Playa", "hours_to_health_post_low_water"])
    assert min(edges) < area["hours_to_health_post_low_water"] < max(edges)


@pytest.mark.parametrize("kind", ["Puesto de Salud", "refugio", ""])
def test_kinds_are_columns(tmp_path: Path, kind: str) -> None:
    found = sites(write_small_study(tmp_path, facilities=facilities((-70.0, -12.5), kind=kind)))
    assert f"hours_to_{kind_key(kind)}_low_water" in found


@given(kind=st.text())
def test_any_kind_gives_a_column_name(kind: str) -> None:
    assert kind_key(kind).isidentifier() or kind_key(kind)[0].isdigit()


def test_more_help_is_never_farther_and_the_season_does_not_change_the_table(
    tmp_path: Path,
) -> None:
    places = [(-70.0, -12.5), (-69.9, -12.35), (-70.0, -12.7)]
    last = None
    for count in range(1, 4):
        folder = tmp_path / str(count)
        folder.mkdir()
        study = write_small_study(folder, facilities=facilities(*places[:count]))
        now = sites(study)
        if last is not None:
            assert (now["hours_to_help"] <= last["hours_to_help"] + 1e-12).all()
        last = now
    study.sections = "season = 'high'"
    study.write()
    pd_columns = [name for name in last if name.startswith("hours_")]
    wet = sites(study)
    assert np.allclose(wet[pd_columns], last[pd_columns], rtol=1e-9, equal_nan=True)


def test_the_demo_says_who_cannot_get_out() -> None:
    table = rm.demo_study().run().sites
    assert set(table["layer"]) == {"venues", "mining_areas"}
    assert {"nearest_police_post", "nearest_health_post", "nearest_shelter"} <= set(table)
    assert 0 < table["cut_off"].sum() < len(table)
    out, way_in = table["hours_to_shelter_low_water"], table["hours_from_shelter_low_water"]
    assert not np.allclose(out, way_in, equal_nan=True)
