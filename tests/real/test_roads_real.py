"""Roads of OpenStreetMap beside the rivers and water areas of Madre de Dios."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from riskmap.layers import Layers, read_layers
from riskmap.network.reaches import draw_lines
from riskmap.network.roads import LANDING, RIVER, ROAD, build_roads
from riskmap.pipeline import build_network, score_network, site_layers
from riskmap.results.scored import Scored
from riskmap.settings import Settings
from tests import regions
from tests.unions import middles_of, pieces_of, unions_of

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def study(shared_data: Path) -> tuple[Settings, Layers]:
    settings = regions.madre_de_dios().settings
    return settings, read_layers(settings)


def score(study: tuple[Settings, Layers], **tables: gpd.GeoDataFrame | None) -> Scored:
    settings, layers = study
    merged = {**layers.tables, **tables}
    changed = replace(layers, tables={k: t for k, t in merged.items() if t is not None})
    sited = site_layers(settings, changed, build_network(settings, changed))
    return score_network(settings, changed, sited)[0]


@pytest.fixture(scope="module")
def scored(study: tuple[Settings, Layers]) -> Scored:
    return score(study)


def traffic(scored: Scored) -> list[float]:
    """Transit-kilometres on water and on roads, and the totals."""
    flow = scored.by_reach.transits * scored.reaches.length_km
    by_mode = np.bincount(scored.reaches.mode, flow, minlength=3)[[RIVER, ROAD]]
    return [*by_mode.tolist(), *scored.scores.summary().values()]


def test_people_change_at_landings_and_use_both(scored: Scored) -> None:
    reaches, transits = scored.reaches, scored.by_reach.transits
    wet, dry = (
        np.union1d(reaches.u[reaches.mode == mode], reaches.v[reaches.mode == mode])
        for mode in (RIVER, ROAD)
    )
    assert not np.intersect1d(wet, dry).size
    for mode in (RIVER, ROAD, LANDING):
        assert transits[reaches.mode == mode].max() > 10.0
    assert (scored.patrols.hours[reaches.mode != RIVER] == 0.0).all()
    assert (scored.chains.corridor[reaches.mode != RIVER] == -1).all()


def test_the_bridges_are_no_junctions(scored: Scored) -> None:
    """Wherever a road crosses a river line the two have no node there."""
    reaches = scored.reaches
    lines = draw_lines(reaches.coords, reaches.offsets)
    rivers, roads = lines[reaches.mode == RIVER], lines[reaches.mode == ROAD]
    road, river = shapely.STRtree(rivers).query(roads, predicate="crosses")
    assert road.size > 50
    places = shapely.get_coordinates(shapely.intersection(roads[road], rivers[river]))
    tree = shapely.STRtree(shapely.points(reaches.node_xy))
    near = tree.query(shapely.points(places), predicate="dwithin", distance=1e-9)[1]
    meeting = [set(reaches.mode[(reaches.u == node) | (reaches.v == node)]) for node in near]
    assert all({RIVER, ROAD} - found for found in meeting)


@pytest.mark.parametrize("name", ["madre_de_dios", "ucayali"])
def test_roads_hold_together_as_their_unions_do(shared_data: Path, name: str) -> None:
    """Those of Loreto are drawn anyhow: towns whose blocks are no longer than the tolerance."""
    assert shared_data.is_dir()
    settings = getattr(regions, name)().settings
    table = read_layers(settings).tables["roads"]
    reaches = build_roads(table, snap_tolerance_m=50.0, road_kmh=40.0)
    piece, middles = pieces_of(reaches), middles_of(reaches)
    unions = unions_of(table.geometry.to_numpy(), 25.0, quad_segs=8)
    at, union = unions.query(middles, predicate="intersects")
    km = np.bincount(union, reaches.length_km[at])
    largest = at[union == km.argmax()]
    held = np.bincount(piece[largest], reaches.length_km[largest])
    assert held.max() >= 0.95 * held.sum()
    loose = unions_of(table.geometry.to_numpy(), 50.0, quad_segs=8)
    at, union = loose.query(middles, predicate="intersects")
    pairs = np.unique(np.column_stack([piece[at], union]), axis=0)
    assert at.size >= 0.999 * reaches.u.size
    assert np.bincount(pairs[:, 0]).max() == 1


def test_without_landings_roads_change_nothing(study: tuple[Settings, Layers]) -> None:
    with_roads, without = score(study, landings=None), score(study, landings=None, roads=None)
    water = with_roads.reaches.mode == RIVER
    assert with_roads.by_reach.transits[water] == pytest.approx(
        without.by_reach.transits, rel=1e-9, abs=1e-9
    )
    assert with_roads.chains.start.tolist() == without.chains.start.tolist()
    assert with_roads.by_reach.transits[~water].max() == 0.0


def test_roads_open_ways_that_the_water_has_not(
    study: tuple[Settings, Layers], scored: Scored
) -> None:
    plain = score(study, roads=None, landings=None)
    assert scored.scores.summary()["unserved"] < plain.scores.summary()["unserved"]


def test_neither_the_order_of_rows_nor_a_cut_changes_the_scores(
    study: tuple[Settings, Layers], scored: Scored
) -> None:
    """Every road is cut in two at some vertex, the rows of roads and landings are turned round."""
    roads, landings = (study[1].tables[name] for name in ("roads", "landings"))
    halves = [_cut(line) for line in roads.geometry]
    parts = [
        roads.set_geometry(gpd.GeoSeries(h, index=roads.index, crs=4326))
        for h in zip(*halves, strict=True)
    ]
    cut = pd.concat(parts)
    cut = cut[~cut.geometry.is_empty].iloc[::-1].reset_index(drop=True)
    again = score(study, roads=cut, landings=landings.iloc[::-1].reset_index(drop=True))
    assert cut.shape[0] > 1.5 * len(roads)
    assert traffic(again) == pytest.approx(traffic(scored), rel=1e-6)


def test_neither_the_order_of_rivers_nor_a_cut_changes_the_scores(
    study: tuple[Settings, Layers], scored: Scored
) -> None:
    """Every river line is cut in two, and its rows are turned round: corridors stay as they are."""
    rivers = study[1].tables["rivers"].explode(index_parts=False, ignore_index=True)
    parts = [
        rivers.set_geometry(gpd.GeoSeries(h, index=rivers.index, crs=4326))
        for h in zip(*(_cut(line) for line in rivers.geometry), strict=True)
    ]
    cut = pd.concat(parts)
    cut = cut[~cut.geometry.is_empty].iloc[::-1].reset_index(drop=True)
    again = score(study, rivers=cut)
    assert cut.shape[0] > 1.5 * len(rivers)
    assert traffic(again) == pytest.approx(traffic(scored), rel=1e-6)
    assert len(again.chains.start) == len(scored.chains.start)


def _cut(line: shapely.LineString) -> tuple[shapely.Geometry, shapely.Geometry]:
    xy = list(line.coords)
    at = len(xy) // 2
    if len(xy) < 3:
        return line, shapely.LineString()
    return shapely.LineString(xy[: at + 1]), shapely.LineString(xy[at:])
