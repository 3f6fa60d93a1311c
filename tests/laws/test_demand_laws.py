"""The laws of demand (model §1, §2) on small random river regions: who goes where, and how many."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise

import geopandas as gpd
import numpy as np
import oracle
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from river_studies import WGS84, Region, mines, polygons_table, regions, river_lines
from shapely import segmentize
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union
from test_study_laws import graph_of

from riskmap.network.cells import Cells, grid_cells
from riskmap.network.sites import Sites

law = settings(max_examples=25, deadline=None, derandomize=True)
GEOD = Geod(ellps="WGS84")


def sites_for_oracle(sites: Sites, overland_kmh: float) -> list[oracle.Site]:
    return [
        oracle.Site(int(node) if node >= 0 else None, float(km) / overland_kmh, float(weight))
        for node, km, weight in zip(sites.node, sites.distance_km, sites.weight, strict=True)
    ]


def pairs_of(region: Region, movement: int) -> dict[tuple[int, int], float]:
    """Trips of a movement by its nodes (origin, destination), local ones left out."""
    trips = region.scored.scores.movements[movement].trips
    to = np.repeat(trips.destination, np.diff(trips.start))
    rows = zip(trips.origin, to, trips.volume, strict=True)
    return {(int(o), int(d)): float(volume) for o, d, volume in rows}


# --- gravity (§2) --------------------------------------------------------------------------------
@law
@given(regions(mining=2))
def test_trips_are_those_of_the_gravity_formula(region: Region) -> None:
    scored, kappa = region.scored, region.settings.routes.hazard_aversion_h
    graph, overland = graph_of(scored, region), region.settings.travel.overland_kmh
    for k, movement in enumerate(region.settings.movements):
        origins = sites_for_oracle(scored.sites[movement.origins], overland)
        destinations = sites_for_oracle(scored.sites[movement.destinations], overland)
        volume = movement.transits_per_month or 1000.0
        expected = oracle.gravity(
            graph, origins, destinations, volume=volume, beta=movement.beta_per_h, kappa=kappa
        )
        by_nodes: dict[tuple[int, int], float] = defaultdict(float)
        for (i, j), trips in expected.trips.items():
            by_nodes[origins[i].node, destinations[j].node] += trips
        found = pairs_of(region, k)
        assert found == pytest.approx(dict(by_nodes), rel=1e-9, abs=1e-12)
        gravity = scored.scores.movements[k].gravity
        assert gravity.local == pytest.approx(expected.local, rel=1e-9, abs=1e-9)
        assert gravity.unserved == pytest.approx(expected.unserved, rel=1e-9, abs=1e-9)
        total = math.fsum(found.values()) + gravity.local + gravity.unserved
        assert total == pytest.approx(volume, rel=1e-12)


@law
@given(regions(), st.sampled_from([0.5, 4.0]))
def test_an_origin_off_the_water_takes_its_share_of_the_volume_unserved(
    region: Region, weight: float
) -> None:
    entries = region.tables["entry_points"]
    off = gpd.GeoDataFrame(
        {"name": ["far"], "weight": [weight]}, geometry=[Point(-70.2, -12.6)], crs=WGS84
    )
    dry = region.changed(entry_points=pd.concat([entries, off], ignore_index=True))
    assert dry.sited.sites["entry_points"].node[-1] == -1
    total = entries["weight"].sum()
    left = total / (total + weight)
    for before, after in zip(
        region.scored.scores.movements, dry.scored.scores.movements, strict=True
    ):
        assert after.served == pytest.approx(left * before.served, rel=1e-9)
        assert after.gravity.local == pytest.approx(left * before.gravity.local, rel=1e-9)
        unserved = left * before.gravity.unserved + (1.0 - left) * before.gravity.volume
        assert after.gravity.unserved == pytest.approx(unserved, rel=1e-9)
    assert any("row" in note.feature for note in dry.sited.notes if note.layer == "entry_points")


@law
@given(regions())
def test_a_destination_off_the_water_changes_nothing(region: Region) -> None:
    venues = region.tables["venues"]
    off = gpd.GeoDataFrame(
        {"name": ["far"], "capacity": [9.0], "confidence": [1.0]},
        geometry=[Point(-70.2, -12.6)],
        crs=WGS84,
    )
    dry = region.changed(venues=pd.concat([venues, off], ignore_index=True))
    assert pairs_of(dry, 0) == pytest.approx(pairs_of(region, 0), rel=1e-12)
    assert dry.scored.scores.summary() == pytest.approx(region.scored.scores.summary(), rel=1e-12)


@law
@given(regions(), st.sampled_from([0.25, 0.5]), st.sampled_from(["entry_points", "venues"]))
def test_two_sites_at_one_node_are_one_with_the_added_pull(
    region: Region, share: float, layer: str
) -> None:
    column = {"entry_points": "weight", "venues": "capacity"}[layer]
    table = region.tables[layer]
    parts = [
        table.iloc[[0]].assign(name=f"part {k}", **{column: table[column].iloc[0] * part})
        for k, part in enumerate((share, 1.0 - share))
    ]
    divided = region.changed(**{layer: pd.concat([*parts, table.iloc[1:]], ignore_index=True)})
    for k in range(len(region.settings.movements)):
        assert pairs_of(divided, k) == pytest.approx(pairs_of(region, k), rel=1e-9)
    assert divided.scored.scores.undetected == pytest.approx(
        region.scored.scores.undetected, rel=1e-9, abs=1e-9
    )


@law
@given(regions(), st.sampled_from([0.5, 7.0]))
def test_volumes_scale_transits_and_leave_the_ranking(region: Region, factor: float) -> None:
    movements = [
        {**m, "transits_per_month": factor * m.get("transits_per_month", 1000.0)}
        for m in region.sections["movements"]
    ]
    unknown = any("transits_per_month" not in m for m in region.sections["movements"])
    scaled = Region(region.tables, {**region.sections, "movements": movements}, region.flow)
    assert region.outcome.summary["relative"] is unknown
    assert scaled.outcome.summary["relative"] is False
    before, after = region.outcome.corridors, scaled.outcome.corridors
    assert after["name"].tolist() == before["name"].tolist()
    assert after["risk_score"].tolist() == pytest.approx(before["risk_score"].tolist(), rel=1e-9)
    for figure in ("transits", "undetected_transits", "interceptions_per_100_patrol_hours"):
        expected = [factor * value for value in before[figure]]
        assert after[figure].tolist() == pytest.approx(expected, rel=1e-9, abs=1e-9)


@law
@given(regions(mining=2))
def test_routes_share_out_what_is_served_and_what_passes(region: Region) -> None:
    routes, summary = region.outcome.routes, region.scored.scores.summary()
    assert routes["transits"].sum() == pytest.approx(summary["served"], rel=1e-9, abs=1e-9)
    passed = (routes["transits"] * routes["survival"]).sum()
    assert passed == pytest.approx(summary["undetected"], rel=1e-9, abs=1e-9)
    assert not routes.duplicated(["movement", "origin", "destination"]).any()
    assert routes["transits"].is_monotonic_decreasing


@law
@given(regions(kappas=(0.0,), mining=0))
def test_a_routes_hours_are_least_hours_with_both_legs(region: Region) -> None:
    scored, overland = region.scored, region.settings.travel.overland_kmh
    arcs = oracle.read_arcs(graph_of(scored, region))
    ends = {}
    for layer in ("entry_points", "venues"):
        sites, names = scored.sites[layer], region.tables[layer]["name"]
        for row, node, km in zip(sites.row, sites.node, sites.distance_km, strict=True):
            ends[names.loc[row]] = int(node), km / overland
    for route in region.outcome.routes.itertuples():
        (start, first_leg), (end, last_leg) = ends[route.origin], ends[route.destination]
        least = oracle.least_times(arcs, end, 0.0)[start]
        assert route.travel_hours == pytest.approx(first_leg + float(least) + last_leg, rel=1e-9)


# --- sites on the water (§1) ---------------------------------------------------------------------
@law
@given(regions(checkpoints=1, posts=(0, 1)))
def test_sites_stand_at_their_nearest_point_of_navigable_water(region: Region) -> None:
    reaches, usable = region.sited.reaches, region.scored.speeds.usable
    share = np.linspace(0.0, 1.0, 201)[:, None]
    points, step_km = [], 0.0
    for r in np.flatnonzero(usable):
        xy = reaches.coords[reaches.offsets[r] : reaches.offsets[r + 1]]
        for a, b in pairwise(xy):
            points.append(a + share * (b - a))
            step_km = max(step_km, GEOD.inv(*a, *b)[2] / 1000.0 / 200.0)
    water = np.concatenate(points)
    for sites in region.sited.sites.values():
        for lon, lat, node, km in zip(
            sites.lon, sites.lat, sites.node, sites.distance_km, strict=True
        ):
            one = np.ones(len(water))
            sampled = GEOD.inv(lon * one, lat * one, water[:, 0], water[:, 1])[2] / 1000.0
            assert km <= sampled.min() + 1e-6
            assert km >= sampled.min() - step_km / 2.0
            assert (node >= 0) == (km <= region.settings.travel.max_access_km)
            if node >= 0:
                there = GEOD.inv(lon, lat, *reaches.node_xy[node])[2] / 1000.0
                assert there == pytest.approx(km, abs=1e-4)  # 10 cm


# --- mining cells (§1, §2) -----------------------------------------------------------------------
@st.composite
def mined(draw: st.DrawFn) -> gpd.GeoSeries:
    """Draw mining areas, some of two parts, some of them far to the north."""
    lines = draw(river_lines())
    areas = polygons_table(draw(st.lists(mines(lines), min_size=1, max_size=4))).geometry
    north = draw(st.lists(st.sampled_from([0.0, 0.0, 9.4]), min_size=4, max_size=4))
    moved = [area.buffer(0) for area in areas]
    parts = [
        gpd.GeoSeries([area]).translate(0.0, by).iloc[0]
        for area, by in zip(moved, north, strict=False)
    ]
    if draw(st.booleans()):
        parts[0] = unary_union([parts[0], gpd.GeoSeries([parts[0]]).translate(0.3, 0.01).iloc[0]])
    return gpd.GeoSeries(parts, crs=WGS84)


def hectares_of(area: BaseGeometry) -> float:
    """Area on the ellipsoid, good to some tenths of a square metre.

    Its edges are straight in degrees: short parts of them are hardly less than geodesics.
    """
    return abs(GEOD.geometry_area_perimeter(segmentize(area, 0.002))[0]) / 1e4


def cells_of(cells: Cells, polygon: int) -> list[tuple[float, float, float]]:
    mine = cells.polygon == polygon
    return list(zip(cells.lon[mine], cells.lat[mine], cells.area_ha[mine], strict=True))


@law
@given(mined(), st.sampled_from([0.3, 0.7, 2.0]))
def test_the_pieces_of_a_mining_area_add_up_to_it(areas: gpd.GeoSeries, cell_km: float) -> None:
    cells = grid_cells(areas, cell_km=cell_km)
    for k, area in enumerate(areas):
        pieces = cells_of(cells, k)
        hectares = hectares_of(area)
        total = math.fsum(ha for *_, ha in pieces)
        assert total == pytest.approx(hectares, rel=1e-6, abs=1e-4)
        west, south, east, north = area.bounds
        for lon, lat, ha in pieces:
            assert 0.0 < ha <= cell_km**2 * 100.0 * (1 + 1e-9)
            assert west <= lon <= east
            assert south <= lat <= north
        moment = sum(np.array([lon, lat]) * ha for lon, lat, ha in pieces) / hectares
        assert Point(moment).distance(area.centroid) < 1e-3


@law
@given(mined(), st.sampled_from([0.3, 0.7, 2.0]))
def test_the_pieces_of_a_mining_area_are_its_own_whatever_lies_beside_it(
    areas: gpd.GeoSeries, cell_km: float
) -> None:
    together = grid_cells(areas, cell_km=cell_km)
    for k in range(len(areas)):
        alone = grid_cells(areas.iloc[[k]], cell_km=cell_km)
        assert cells_of(together, k) == cells_of(alone, 0)


@law
@given(regions(mining=2))
def test_a_mining_area_attracts_by_hectares_confidence_and_status(region: Region) -> None:
    sites, areas = region.sited.sites.get("mining_areas"), region.tables.get("mining_areas")
    if sites is None:
        return
    weight = dict(region.settings.mining.status_weights)
    for row, area in areas.iterrows():
        hectares = hectares_of(area.geometry)
        expected = hectares * area["confidence"] * weight[area["status"]]
        assert sites.weight[sites.row == row].sum() == pytest.approx(expected, rel=1e-6, abs=1e-4)
