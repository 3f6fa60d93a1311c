"""Patrol tracks: simulated boats on a known network, found again in spite of their GPS."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Geod

from riskmap import threads
from riskmap.errors import DataError
from riskmap.layers.tracks import Fixes
from riskmap.network import tracks as patrol_tracks
from riskmap.network.reaches import build_reaches
from riskmap.network.tracks import log_tracks
from riskmap.pipeline import run_study
from riskmap.results.outcome import Outcome
from riskmap.settings import load_settings
from tests import studies
from tests.river_networks import grow_rivers, rivers_of
from tests.studies import SmallStudy

GEOD = Geod(ellps="WGS84")
#: 2023-11-20 10:00 UTC: early morning on the river.
START_H = (pd.Timestamp("2023-11-20 10:00") - pd.Timestamp(0)) / pd.Timedelta(hours=1)
SPEED_KMH = 20.0


def _journey(*lines: shapely.LineString) -> tuple[np.ndarray, np.ndarray]:
    """Travel along lines at one speed, a fix every 20 s: places and hours, without noise."""
    xy = np.concatenate([shapely.get_coordinates(line) for line in lines])
    step_km = np.asarray(GEOD.inv(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1])[2]) / 1000.0
    at = np.concatenate([[0.0], np.cumsum(step_km)]) / SPEED_KMH
    hours = np.arange(0.0, at[-1], 20.0 / 3600.0)
    return np.column_stack([np.interp(hours, at, xy[:, k]) for k in (0, 1)]), hours


def _track(xy: np.ndarray, hours: np.ndarray, *, noise_m: float, seed: int = 7) -> shapely.Geometry:
    noise = np.random.default_rng(seed).normal(0.0, noise_m / 110_900.0, xy.shape)
    return shapely.LineString(np.column_stack([xy + noise, (START_H + hours) * 3.6e6]))


def _tracks(*lines: shapely.Geometry, **columns: list[object]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"id": [str(k) for k in range(len(lines))], **columns}, geometry=list(lines), crs=4326
    )


def _run(
    make_study: Callable[..., SmallStudy], tracks: gpd.GeoDataFrame, keys: str = ""
) -> Outcome:
    study = make_study(patrol_tracks=tracks)
    study.keys["patrol_tracks"] = keys
    return run_study(load_settings(study.write().path))


def _down_and_up() -> list[shapely.LineString]:
    alto, chico, bajo = studies.rivers().geometry
    return [alto, bajo, shapely.reverse(bajo), shapely.reverse(chico)]


@pytest.mark.parametrize("noise_m", [0.0, 15.0, 40.0])
def test_the_hours_of_a_known_journey_are_found_again(
    make_study: Callable[..., SmallStudy], noise_m: float
) -> None:
    xy, hours = _journey(*_down_and_up())
    outcome = _run(make_study, _tracks(_track(xy, hours, noise_m=noise_m), post=["Puesto Alto"]))
    log, reaches = outcome.scored.log, outcome.reaches
    assert log is not None
    assert log.match_rate > 0.99
    truth = {0: 1.0, 1: 1.0, 2: 2.0}  # how often each river line was travelled
    length = reaches.groupby("source_id")["length_km"].sum()
    found = reaches.groupby("source_id")["logged_hours"].sum()
    for line, times in truth.items():
        assert found[line] == pytest.approx(times * length[line] / SPEED_KMH, rel=0.03)
    assert found.sum() == pytest.approx(hours[-1], rel=0.01)
    own = reaches[reaches["length_km"] > 1.0]
    passes = {0: (1.0, 0.0), 1: (0.0, 1.0), 2: (1.0, 1.0)}
    for reach in own.itertuples():
        down, up = passes[reach.source_id]
        assert reach.patrol_passes_down == pytest.approx(down, abs=0.08)
        assert reach.patrol_passes_up == pytest.approx(up, abs=0.08)
    assert reaches["patrol_observed"].all()
    assert (reaches["days_since_patrol"].between(0.0, hours[-1] / 24.0)).all()


def test_logged_hours_replace_the_kernel_and_the_rest_is_not_observed(
    make_study: Callable[..., SmallStudy],
) -> None:
    xy, hours = _journey(studies.rivers().geometry.iloc[0])
    outcome = _run(make_study, _tracks(_track(xy, hours, noise_m=10.0)))
    reaches = outcome.reaches
    seen = reaches["patrol_observed"]
    assert set(reaches.loc[~seen, "source_id"]) >= {1}
    assert (reaches.loc[~seen, "patrol_hours"] == 0.0).all()
    assert reaches.loc[~seen, "days_since_patrol"].isna().all()
    # The only post has effectiveness 0.6; its 100 hours a month of the kernel are gone.
    assert reaches["patrol_hours"].sum() == pytest.approx(0.6 * hours[-1], rel=0.01)
    assert reaches["patrol_hours"].sum() == pytest.approx(0.6 * reaches["logged_hours"].sum())
    notes = [str(note) for note in outcome.notes if note.layer == "patrol_tracks"]
    assert any("of the post nearest to where it begins" in note for note in notes)
    assert any("boat-hours lie on reaches" in note for note in notes)


def test_hours_by_night_are_those_between_six_and_six(
    make_study: Callable[..., SmallStudy],
) -> None:
    alto = studies.rivers().geometry.iloc[0]
    xy, hours = _journey(alto)
    # 70 degrees west: the sun is 4 h 40 min behind UTC. A second journey begins at 20:20 there.
    night = shapely.LineString(np.column_stack([xy, (START_H + 15.0 + hours) * 3.6e6]))
    outcome = _run(make_study, _tracks(_track(xy, hours, noise_m=0.0), night))
    share = outcome.reaches.loc[outcome.reaches["source_id"] == 0, "patrol_night_share"]
    assert share.dropna().iloc[0] == pytest.approx(0.62, abs=0.2)
    xy, hours = xy[: hours.size // 3], hours[: hours.size // 3]
    late = _tracks(shapely.LineString(np.column_stack([xy, (START_H + 15.0 + hours) * 3.6e6])))
    table = _run(make_study, late).reaches
    assert (table["patrol_night_share"].dropna() == 1.0).all()


def test_a_track_without_times_of_its_own_is_spread_evenly(
    make_study: Callable[..., SmallStudy],
) -> None:
    alto = studies.rivers().geometry.iloc[0]
    tracks = _tracks(alto, start_time=["2023-11-20T10:00:00Z"], end_time=["2023-11-20T12:00:00Z"])
    # Vertices 20 km apart: too far for a fix each, but one straight way on the water.
    outcome = _run(make_study, tracks)
    assert outcome.reaches["logged_hours"].sum() == pytest.approx(2.0, rel=1e-3)


def test_what_runs_on_land_is_not_matched(make_study: Callable[..., SmallStudy]) -> None:
    xy, hours = _journey(studies.rivers().geometry.iloc[0])
    outcome = _run(make_study, _tracks(_track(xy + np.array([0.05, 0.0]), hours, noise_m=0.0)))
    assert outcome.scored.log is not None
    assert outcome.scored.log.match_rate < 0.1  # it crosses the Río Chico
    doubts = [n for n in outcome.notes if n.layer == "patrol_tracks" and n.kind == "doubtful"]
    assert doubts


def test_a_track_without_any_time_is_refused(make_study: Callable[..., SmallStudy]) -> None:
    tracks = _tracks(studies.rivers().geometry.iloc[0])
    with pytest.raises(DataError, match="patrol_tracks, row 0: has no times"):
        _run(make_study, tracks)


def test_smart_geojson_as_it_comes(make_study: Callable[..., SmallStudy], tmp_path: Path) -> None:
    xy, hours = _journey(studies.rivers().geometry.iloc[0])
    line = shapely.MultiLineString([_track(xy, hours, noise_m=10.0)])
    columns = {
        "uuid": ["a"],
        "patrol_mandate": ["river"],
        "patrol_transport": ["boat"],
        "patrol_leg_day_start": ["2023-11-20"],
        "patrol_leg_day_end": ["2023-11-20"],
    }
    tracks = gpd.GeoDataFrame(columns, geometry=[line], crs=4326)
    outcome = _run(make_study, tracks, 'preset = "smart_patrols"')
    assert outcome.reaches["logged_hours"].sum() == pytest.approx(hours[-1], rel=0.01)


GPX = """<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="phone" xmlns="http://www.topografix.com/GPX/1/1">
<trk><name>Patrulla 7</name><trkseg>
{points}
</trkseg></trk></gpx>
"""


def test_gpx_from_a_phone_as_it_comes(
    make_study: Callable[..., SmallStudy], tmp_path: Path
) -> None:
    xy, hours = _journey(studies.rivers().geometry.iloc[0])
    times = pd.Timestamp(0) + pd.to_timedelta(START_H + hours, unit="h").round("s")
    points = "\n".join(
        f'<trkpt lat="{lat}" lon="{lon}"><time>{time.isoformat()}Z</time></trkpt>'
        for (lon, lat), time in zip(xy, times, strict=True)
    )
    study = make_study()
    (study.folder / "boat.gpx").write_text(GPX.format(points=points), encoding="utf-8")
    path = study.write().path
    text = path.read_text("utf-8")
    line = '[layers.patrol_tracks]\npath = "boat.gpx"\npreset = "gpx_tracks"\n'
    path.write_text(text + line, encoding="utf-8")
    outcome = run_study(load_settings(path))
    assert outcome.reaches["logged_hours"].sum() == pytest.approx(hours[-1], rel=0.01)
    assert outcome.scored.log.match_rate > 0.99


def test_earthranger_stretches_as_they_come(make_study: Callable[..., SmallStudy]) -> None:
    """Each row is a stretch between two fixes, with its own times."""
    xy, hours = _journey(studies.rivers().geometry.iloc[0])
    xy, hours = xy[::15], hours[::15]  # a fix every 5 minutes
    times = pd.Timestamp(0, tz="UTC") + pd.to_timedelta(START_H + hours, unit="h")
    stretches = [shapely.LineString(pair) for pair in itertools.pairwise(xy)]
    n = len(stretches)
    tracks = gpd.GeoDataFrame(
        {
            "patrol_id": ["p1"] * n,
            "patrol_serial_number": [12] * n,
            "segment_start": [time.isoformat(sep=" ") for time in times[:-1]],
            "segment_end": [time.isoformat(sep=" ") for time in times[1:]],
        },
        geometry=stretches,
        crs=4326,
    )
    outcome = _run(make_study, tracks, 'preset = "earthranger_patrols"')
    assert outcome.reaches["logged_hours"].sum() == pytest.approx(hours[-1], rel=0.01)
    down, up = (outcome.reaches[f"patrol_passes_{way}"].sum() for way in ("down", "up"))
    assert down > 20.0 * up


def test_tracks_are_matched_alike_whatever_the_threads_and_portions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(8)
    reaches = build_reaches(rivers_of(grow_rivers(rng, 5).lines), snap_tolerance_m=50.0)
    at = rng.integers(0, len(reaches.coords), 60)
    xy = np.concatenate([reaches.coords[k : k + 12] for k in at])
    part = np.repeat(np.arange(at.size), [len(reaches.coords[k : k + 12]) for k in at])
    fixes = Fixes(part // 2, part, xy[:, 0], xy[:, 1], START_H + 0.3 * np.arange(len(xy)))
    usable = np.ones(reaches.u.size, dtype=np.bool_)
    found = []
    for number, portion in ((1, 20_000), (1, 50), (3, 50)):
        monkeypatch.setattr(threads, "get_num_threads", lambda number=number: number)
        monkeypatch.setattr(patrol_tracks, "_PORTION", portion)
        found.append(log_tracks(reaches, fixes, usable=usable, within_km=1.0, error_km=0.1))
    assert found[0].hours.size > 100
    for name in ("row", "reach", "hours", "down_km", "up_km", "night_h", "last_h"):
        values = [getattr(logged, name) for logged in found]
        assert values[1] == pytest.approx(values[0], rel=1e-12)  # of another portion
        assert (values[2] == values[1]).all()
    for k in (0, 1):
        assert (found[2].total_h[k] == found[0].total_h[k]).all()


def test_tracks_without_fixes_or_water_say_nothing() -> None:
    reaches = build_reaches(
        rivers_of(grow_rivers(np.random.default_rng(9), 2).lines), snap_tolerance_m=50.0
    )
    none, no_hours = np.empty(0, dtype=np.int64), np.empty(0)
    fixes = Fixes(none, none, no_hours, no_hours, no_hours)
    usable = np.ones(reaches.u.size, dtype=np.bool_)
    assert not log_tracks(reaches, fixes, usable=usable, within_km=1.0, error_km=0.1).hours.size
    one, xy = np.zeros(3, dtype=np.int64), reaches.coords[:3]
    fixes = Fixes(one, one, xy[:, 0], xy[:, 1], START_H + np.arange(3.0))
    logged = log_tracks(reaches, fixes, usable=~usable, within_km=1.0, error_km=0.1)
    assert logged.match_rate == 0.0
    assert logged.total_h[1].sum() == 2.0
