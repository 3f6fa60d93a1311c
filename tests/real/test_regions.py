"""Two real regions end to end: nothing is lost, and the corridors lie where the mining is."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

import riskmap as rm
from tests import regions

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module", params=["madre_de_dios", "ucayali"])
def result(request: pytest.FixtureRequest, shared_data: Path) -> rm.Result:
    assert shared_data.is_dir()
    study: rm.Study = getattr(regions, request.param)()
    return study.run()


def test_demand_is_conserved(result: rm.Result) -> None:
    s = result.summary
    assert s["served"] + s["local"] + s["unserved"] == pytest.approx(s["demand"], rel=1e-12)
    assert s["detected"] + s["undetected"] == pytest.approx(s["served"], rel=1e-12)
    assert s["served"] > 0.1 * s["demand"]
    routes = result.routes
    assert routes["transits"].sum() == pytest.approx(s["served"], rel=1e-9)
    assert (routes["transits"] * routes["survival"]).sum() == pytest.approx(s["undetected"], 1e-9)


def test_traffic_is_conserved_at_every_node(result: rm.Result) -> None:
    """What enters a node and does not end there leaves it."""
    scored = result.outcome.scored
    arcs, flow = scored.network.arcs, scored.scores.transits
    balance = np.bincount(arcs.tail, flow, minlength=arcs.n_nodes)
    balance -= np.bincount(arcs.head, flow, minlength=arcs.n_nodes)
    for movement in scored.scores.movements:
        trips = movement.trips
        to = np.repeat(trips.destination, np.diff(trips.start))
        balance -= np.bincount(trips.origin, trips.volume, minlength=arcs.n_nodes)
        balance += np.bincount(to, trips.volume, minlength=arcs.n_nodes)
    assert np.abs(balance).max() < 1e-9 * flow.max()


def test_every_site_stands_on_water_or_is_reported(result: rm.Result) -> None:
    told = {
        (note.layer, int(str(note.feature).removeprefix("row ")))
        for note in result.notes
        if note.kind == "unattached"
    }
    for layer, sites in result.outcome.scored.sites.items():
        rows = set(result.outcome.layers.tables[layer].index)
        assert set(sites.row) == rows
        off = set(sites.row[sites.node < 0])
        assert {(layer, int(row)) for row in off} == {key for key in told if key[0] == layer}


def test_patrol_hours_are_conserved(result: rm.Result) -> None:
    scored = result.outcome.scored
    spent = np.diff(scored.patrols.post_start) > 0
    hours = (scored.posts.hours * scored.posts.effectiveness)[spent].sum()
    assert result.reaches["patrol_hours"].sum() == pytest.approx(hours, rel=1e-9)


def test_the_first_corridors_lie_beside_the_mapped_mining_or_lead_there(
    result: rm.Result,
) -> None:
    """Three of the ten first lie within 15 km of mapped mining or venues; trunks lead there."""
    tables = result.outcome.layers.tables
    metres = 32718 if result.corridors.total_bounds[0] < -74 else 32719
    first = result.corridors.head(10).to_crs(metres)
    drawn = gpd.GeoSeries(
        [*tables["mining_areas"].geometry, *tables["venues"].geometry], crs=4326
    ).to_crs(metres)
    near = first.distance(drawn.union_all()) < 15_000
    assert near.sum() >= 3
    assert near.iloc[0]


def test_ranks_and_scores_fall(result: rm.Result) -> None:
    table = result.corridors
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert table["risk_score"].iloc[0] == pytest.approx(100.0)
    assert (np.diff(table["risk_score"]) <= 1e-9).all()


def test_the_page_of_a_real_region_is_whole(result: rm.Result, tmp_path: Path) -> None:
    page = tmp_path / "map.html"
    result.map(language="es").save(page)
    text = page.read_text("utf-8")
    assert result.outcome.study_name in text
    assert "Content-Security-Policy" in text


def test_low_water_closes_the_streams_that_dry_up(shared_data: Path) -> None:
    """The chart says which do; in high water they carry traffic, and the ranking differs."""
    assert shared_data.is_dir()
    settings = regions.ucayali().settings
    results = {
        season: rm.Study(settings.with_study(season=season)).run() for season in ("low", "high")
    }
    first, closed_km = {}, {}
    for season, result in results.items():
        scored = result.outcome.scored
        dries = scored.reaches.attributes["navigable"] == "high"
        assert dries.sum() > 100
        closed_km[season] = scored.reaches.length_km[dries & ~scored.speeds.usable].sum()
        carries = scored.by_reach.transits > 0.0
        assert (carries & dries).any() == (season == "high")
        first[season] = result.corridors["corridor_id"].head(20).tolist()
    assert closed_km["low"] > 1000.0
    assert closed_km["high"] == 0.0
    assert first["low"] != first["high"]
