"""Sites to water: what is near, what is nearly as near, what is too far."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import shapely
from pyproj import Geod

import riskmap as rm
from riskmap import threads
from riskmap.network.attach import (
    ANOTHER,
    ANOTHER_KM,
    NEARLY,
    Places,
    index_water,
    nearest_places,
    places_within,
)
from riskmap.network.reaches import Reaches, build_reaches, draw_lines
from tests import studies
from tests.river_networks import grow_rivers, rivers_of
from tests.studies import SmallStudy

Make = Callable[..., SmallStudy]


def notes(study: SmallStudy, kind: str) -> list[str]:
    result = rm.Study.from_file(study.write().path).run()
    return [str(note) for note in result.notes if note.kind == kind]


def test_a_site_between_two_waters_says_so(make_study: Make) -> None:
    """Halfway between Río Alto and Río Chico, some 5 km from both."""
    between = studies.points(name=["Medio"], x=[-69.956], y=[-12.328])
    (line,) = notes(make_study(entry_points=between), "ambiguous")
    assert "entry_points, row 0" in line
    assert "Río Alto" in line
    assert "Río Chico" in line


def test_a_site_beside_a_confluence_has_one_water(make_study: Make) -> None:
    beside = studies.points(name=["Boca"], x=[-70.001], y=[-12.4005])
    assert not notes(make_study(entry_points=beside), "ambiguous")


def test_an_error_of_position_makes_a_second_water_possible(make_study: Make) -> None:
    near_one = studies.points(name=["Casi"], x=[-69.945], y=[-12.36])
    study = make_study(entry_points=near_one)
    assert not notes(study, "ambiguous")
    study.keys["entry_points"] = "position_error_m = 4000.0"
    assert len(notes(study, "ambiguous")) == 1


def test_a_layers_own_limit_comes_first(make_study: Make) -> None:
    far = studies.points(name=["Lejos", "Cerca"], x=[-70.1, -70.0], y=[-12.2, -12.1])
    study = make_study(entry_points=far)
    assert not notes(study, "unattached")
    study.keys["entry_points"] = "max_access_km = 5.0"
    (line,) = notes(study, "unattached")
    assert "beyond the limit of 5 km" in line


@pytest.mark.parametrize("x", [-70.05, -69.92])
def test_distance_is_ground_distance(make_study: Make, x: float) -> None:
    from shapely.geometry import LineString, Point

    study = make_study(entry_points=studies.points(name=["a"], x=[x], y=[-12.7]))
    sited = rm.Study.from_file(study.path).run().outcome.scored.sites["entry_points"]
    plane = Geod(ellps="WGS84")
    line = LineString([(-70.0, -12.6), (-70.0, -12.8)])
    foot = line.interpolate(line.project(Point(x, -12.7)))
    truth = plane.inv(x, -12.7, foot.x, foot.y)[2] / 1000.0
    assert sited.distance_km[0] == pytest.approx(truth, rel=1e-6)


def away_km(reaches: Reaches, reach: int, lon: float, lat: float) -> float:
    """Return how far a reach is, of forty places on each of its segments."""
    xy = reaches.coords[reaches.offsets[reach] : reaches.offsets[reach + 1]]
    t = np.linspace(0.0, 1.0, 40)[:, None]
    xy = np.vstack([a * (1.0 - t) + b * t for a, b in pairwise(xy)])
    here = np.full(len(xy), lon), np.full(len(xy), lat)
    metres = Geod(ellps="WGS84").inv(*here, xy[:, 0], xy[:, 1])[2]
    return float(metres.min()) / 1000.0


def test_the_nearest_water_is_that_of_a_search_of_all() -> None:
    """Sites in and far around a network, against the geodesic distance to every reach."""
    rng = np.random.default_rng(5)
    lines = grow_rivers(rng, 6, latitude=-50.0).lines
    reaches = build_reaches(rivers_of(lines), snap_tolerance_m=50.0)
    low, high = reaches.coords.min(axis=0), reaches.coords.max(axis=0)
    lon, lat = rng.uniform(low - 0.3, high + 0.3, (60, 2)).T
    usable = rng.random(reaches.u.size) < 0.7
    places = nearest_places(reaches, lon, lat, usable=usable)
    kept = nearest_places(reaches, lon, lat, usable=usable, index=index_water(reaches, usable))
    assert (kept.reach == places.reach).all()
    for k in range(lon.size):
        away = min(away_km(reaches, int(reach), lon[k], lat[k]) for reach in np.flatnonzero(usable))
        assert usable[places.reach[k]]
        assert places.distance_km[k] == pytest.approx(away, rel=1e-4, abs=0.005)
        assert places.distance_km[k] <= away + 1e-3


def test_the_water_within_a_distance_is_that_of_a_search_of_all() -> None:
    rng = np.random.default_rng(6)
    reaches = build_reaches(rivers_of(grow_rivers(rng, 4).lines), snap_tolerance_m=50.0)
    low, high = reaches.coords.min(axis=0), reaches.coords.max(axis=0)
    lon, lat = rng.uniform(low - 0.05, high + 0.05, (20, 2)).T
    usable = rng.random(reaches.u.size) < 0.7
    place, reach, along, away = places_within(reaches, lon, lat, usable=usable, within_km=4.0)
    found = dict(zip(zip(place.tolist(), reach.tolist(), strict=True), away, strict=True))
    assert list(found) == sorted(found)
    assert len(found) == place.size > 20
    assert ((along >= 0.0) & (along <= reaches.length_km[reach] + 1e-9)).all()
    for k in range(lon.size):
        for r in np.flatnonzero(usable).tolist():
            truth = away_km(reaches, r, lon[k], lat[k])
            if (k, r) in found:
                assert found[k, r] == pytest.approx(truth, rel=1e-3, abs=0.005)
            else:
                assert truth > 4.0 - 0.01
    nowhere = places_within(reaches, lon, lat, usable=np.zeros_like(usable), within_km=4.0)
    assert [part.size for part in nowhere] == [0, 0, 0, 0]


def test_sites_lie_where_they_did_whatever_the_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(7)
    reaches = build_reaches(rivers_of(grow_rivers(rng, 12).lines), snap_tolerance_m=50.0)
    low, high = reaches.coords.min(axis=0), reaches.coords.max(axis=0)
    lon, lat = rng.uniform(low, high, (1600, 2)).T
    usable = np.ones(reaches.u.size, dtype=np.bool_)
    found = []
    for number in (1, 2, 3):
        monkeypatch.setattr(threads, "get_num_threads", lambda number=number: number)
        found.append(nearest_places(reaches, lon, lat, usable=usable))
    for name in Places.__slots__:
        values = [getattr(places, name) for places in found]
        assert (values[0] == values[1]).all()
        assert (values[0] == values[2]).all()


def test_another_water_is_the_same_wherever_lines_are_cut() -> None:
    """A site inside a ring stands between two stretches of one water, in one line or in five."""
    rng = np.random.default_rng(1)
    angle = np.linspace(0.0, 2.0 * np.pi, 60)
    ring = np.column_stack([-70.0 + 0.03 * np.cos(angle), -12.0 + 0.02 * np.sin(angle)])
    ring[-1] = ring[0]
    lon, lat = rng.uniform([-70.03, -12.02], [-69.97, -11.98], (300, 2)).T
    found = []
    for at in ([0], [0, 11], [0, 7, 18, 31, 47]):
        lines = [ring[low : high + 1] for low, high in pairwise([*at, 59])]
        reaches = build_reaches(rivers_of(lines), snap_tolerance_m=5.0)
        usable = np.ones(reaches.u.size, dtype=bool)
        found.append(nearest_places(reaches, lon, lat, usable=usable))
    assert np.isfinite(found[0].rival_km).sum() > 20
    for places in found[1:]:
        assert places.distance_km == pytest.approx(found[0].distance_km, rel=1e-9)
        assert places.rival_km == pytest.approx(found[0].rival_km, rel=1e-9)


def test_another_water_is_that_of_a_search_of_all_places() -> None:
    """Places ten metres apart on all lines stand for the lines; one of these is all bends."""
    rng = np.random.default_rng(2)
    along = np.linspace(0.0, 1.0, 200)
    bends = np.column_stack([-70.0 + 0.02 * np.sin(20.0 * along), -12.0 + 0.1 * along])
    meanders = [bends, *grow_rivers(rng, 4, latitude=-12.1).lines]
    reaches = build_reaches(rivers_of(meanders), snap_tolerance_m=5.0)
    low, high = reaches.coords.min(axis=0), reaches.coords.max(axis=0)
    lon, lat = rng.uniform(low, high, (60, 2)).T
    usable = np.ones(reaches.u.size, dtype=bool)
    places = nearest_places(reaches, lon, lat, usable=usable)
    dense = shapely.get_coordinates(
        shapely.segmentize(draw_lines(reaches.coords, reaches.offsets), 1e-4)
    )
    geod = Geod(ellps="WGS84")
    for s in range(lon.size):
        here = np.full(len(dense), lon[s]), np.full(len(dense), lat[s])
        away_km = np.asarray(geod.inv(*here, *dense.T)[2]) / 1000.0
        foot = np.broadcast_to(dense[away_km.argmin()], dense.shape)
        apart_km = np.asarray(geod.inv(*foot.T, *dense.T)[2]) / 1000.0
        within_km = places.distance_km[s] * (1.0 + NEARLY)
        another = apart_km > max(ANOTHER * within_km, ANOTHER_KM)
        nearest_km = away_km[another].min(initial=np.inf)
        if abs(nearest_km - within_km) < 0.05:
            continue  # who is right is a matter of metres
        assert places.rival_km[s] == pytest.approx(
            nearest_km if nearest_km < within_km else np.inf, abs=0.05
        )
