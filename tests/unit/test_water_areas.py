"""Water areas: what their centre lines join, and what they leave alone.

Places are in steps of a hundredth of a degree (1.1 km) beside the equator.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely.affinity import rotate
from shapely.geometry import LineString, Point, Polygon, box

from riskmap.network.reaches import Reaches, build_reaches
from riskmap.network.water_areas import trace_centre_lines

STEP = 0.01
METRE = 1.0 / 111_320.0
TOLERANCE_M = 50.0


def rivers(*lines: list[tuple[float, float]]) -> gpd.GeoDataFrame:
    shapes = [LineString(np.array(line) * STEP) for line in lines]
    table = gpd.GeoDataFrame({"name": [f"R{k}" for k in range(len(shapes))]}, geometry=shapes)
    for column in ("strahler_order", "discharge_m3s", "width_m", "downstream_kmh", "upstream_kmh"):
        table[column] = np.nan
    table["navigable"] = "both"
    return table.set_crs(4326)


def areas(*shapes: Polygon, names: tuple[str, ...] = ()) -> gpd.GeoDataFrame:
    scaled = [shapely.transform(s, lambda xy: xy * STEP) for s in shapes]
    return gpd.GeoDataFrame({"name": names or [""] * len(scaled)}, geometry=scaled, crs=4326)


def trace(area: gpd.GeoDataFrame, lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return trace_centre_lines(area, lines, tolerance_m=TOLERANCE_M)


def network(area: gpd.GeoDataFrame, lines: gpd.GeoDataFrame) -> Reaches:
    return build_reaches(lines, snap_tolerance_m=TOLERANCE_M, centre_lines=trace(area, lines))


def pieces(reaches: Reaches) -> int:
    n = len(reaches.node_xy)
    matrix = coo_array((np.ones(reaches.u.size), (reaches.u, reaches.v)), (n, n))
    return int(connected_components(matrix, directed=False)[0])


def loops(reaches: Reaches) -> int:
    return reaches.u.size - len(reaches.node_xy) + pieces(reaches)


def test_an_area_joins_the_lines_that_reach_it() -> None:
    r"""Three lines end at a wide river, a fourth stops short of it.

        |1
      +---------------------+
    0-|          ~          |-2
      +---------------------+
                  (gap) |3
    """
    lines = rivers(
        [(-5, 0.5), (0, 0.5)],
        [(2, 5), (2, 1)],
        [(10, 0.4), (15, 0)],
        [(8, -5), (8, -60 * METRE / STEP)],
    )
    reaches = network(areas(box(0, 0, 10, 1)), lines)
    assert pieces(reaches) == 2
    derived = reaches.source_id < 0
    assert derived.any()
    assert not reaches.flow_known[derived].any()
    assert reaches.flow_known[~derived].all()
    assert reaches.length_km[derived].sum() == pytest.approx(11.1 + 0.55, rel=0.1)
    long = derived & (reaches.length_km > 2.0)
    assert reaches.attributes["width_m"][long] == pytest.approx(1110.0, rel=0.2)


@pytest.mark.parametrize(("gap_m", "n_pieces"), [(0.0, 1), (45.0, 1), (60.0, 2)])
def test_a_gap_up_to_the_tolerance_is_closed(gap_m: float, n_pieces: int) -> None:
    lines = rivers([(-5, 0.5), (-gap_m * METRE / STEP, 0.5)])
    assert pieces(network(areas(box(0, 0, 10, 1)), lines)) == n_pieces


@pytest.mark.parametrize(("gap_m", "n_pieces"), [(0.0, 1), (45.0, 1), (60.0, 2)])
def test_areas_cut_at_a_cell_border_are_one(gap_m: float, n_pieces: int) -> None:
    halves = areas(box(0, 0, 5, 1), box(5 + gap_m * METRE / STEP, 0, 10, 1))
    lines = rivers([(-5, 0.5), (0, 0.5)], [(10, 0.5), (15, 0.5)])
    reaches = network(halves, lines)
    assert pieces(reaches) == n_pieces
    if n_pieces == 1:
        derived = reaches.source_id < 0
        assert reaches.length_km[derived].sum() == pytest.approx(11.1, rel=0.05)


def test_areas_that_meet_in_a_point_are_joined_there() -> None:
    lines = rivers([(-5, 0.5), (0, 0.5)], [(20, 1.5), (25, 1.5)])
    reaches = network(areas(box(0, 0, 10, 1), box(10, 1, 20, 2)), lines)
    assert pieces(reaches) == 1


@pytest.mark.parametrize("islands", [0, 1, 2, 3])
def test_every_island_is_gone_round(islands: int) -> None:
    water = box(0, 0, 20, 2).difference(
        shapely.union_all([box(2 + 6 * k, 0.7, 5 + 6 * k, 1.3) for k in range(islands)])
    )
    lines = rivers([(-5, 1), (0, 1)], [(20, 1), (25, 1)])
    reaches = network(areas(water), lines)
    assert pieces(reaches) == 1
    assert loops(reaches) == islands


def test_a_line_through_an_area_is_not_doubled() -> None:
    """The line has a side arm of the area on its way, and a tributary that ends at the bank."""
    water = shapely.union_all([box(0, 0, 20, 1), box(12, 0, 13, 8)])
    lines = rivers(
        [(-5, 0.5), (4, 0.3), (9, 0.7), (25, 0.5)], [(6, -4), (6, 0)], [(12.5, 12), (12.5, 8)]
    )
    centre = trace(areas(water), lines)
    through = shapely.intersection(centre.union_all(), box(0, 0, 20 * STEP, STEP))
    assert through.length < 2.0 * STEP
    reaches = network(areas(water), lines)
    assert pieces(reaches) == 1
    assert loops(reaches) == 0


def test_a_line_in_one_channel_leaves_the_other_its_centre_line() -> None:
    water = box(0, 0, 20, 3).difference(box(4, 1, 16, 2))
    lines = rivers([(-5, 1.5), (1, 1.5), (4, 0.5), (16, 0.5), (19, 1.5), (25, 1.5)])
    reaches = network(areas(water), lines)
    assert pieces(reaches) == 1
    assert loops(reaches) == 1
    derived = reaches.source_id < 0
    assert reaches.length_km[derived].sum() == pytest.approx(1.11 * 14, rel=0.25)


def test_centre_lines_stay_in_the_water() -> None:
    water = shapely.union_all(
        [box(0, 0, 1, 10), box(0, 9, 10, 10), box(9, 0, 10, 10), box(5, 9, 5.2, 20)]
    )
    lines = rivers([(0.5, -5), (0.5, 0)], [(9.5, -5), (9.5, 0)], [(5.1, 25), (5.1, 20)])
    area = areas(water)
    centre = trace(area, lines)
    assert centre.union_all().difference(area.union_all().buffer(METRE)).length == 0.0
    assert pieces(network(area, lines)) == 1


def test_a_lake_without_a_river_has_one_line() -> None:
    lake = Point(3, 3).buffer(2)
    centre = trace(areas(lake), rivers([(20, 0), (30, 0)]))
    reaches = network(areas(lake), rivers([(20, 0), (30, 0)]))
    assert len(centre) == 1
    assert pieces(reaches) == 2


def test_a_pond_at_the_end_of_a_line_adds_nothing_but_its_way() -> None:
    """A round pond has no arms: no stub is left in it."""
    pond = areas(Point(0, 0).buffer(0.3))
    lines = rivers([(0.3, 0), (10, 0)])
    assert pieces(network(pond, lines)) == 1


def test_names_are_those_of_the_areas() -> None:
    both = areas(box(0, 0, 10, 1), box(10, 0, 20, 1), names=("Río Ancho", ""))
    centre = trace(both, rivers([(-5, 0.5), (0, 0.5)], [(20, 0.5), (25, 0.5)]))
    middle = shapely.get_x(shapely.centroid(centre.geometry.to_numpy())) / STEP
    assert set(centre["name"]) == {"Río Ancho", ""}
    assert (middle[centre["name"] == ""] > 9.5).all()


def test_no_area_no_line() -> None:
    assert trace(areas(), rivers([(0, 0), (1, 0)])).empty


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), angle=st.floats(0.0, 360.0), n_lines=st.integers(1, 5))
def test_neither_order_nor_turning_changes_what_is_joined(
    seed: int, angle: float, n_lines: int
) -> None:
    """A braided river of cells, turned anyhow, with lines to its banks: one piece, each island."""
    rng = np.random.default_rng(seed)
    cells = [box(3 * k, 0, 3 * k + 3, rng.uniform(1.0, 2.0)) for k in range(6)]
    island = box(4, 0.3, 7, 0.6)
    shapes = [rotate(c.difference(island), angle, origin=(0, 0)) for c in cells]
    at = rng.uniform(0.5, 17.5, n_lines)
    ends = [[(x, -4.0), (x, 0.0)] for x in at]
    turned = [list(rotate(LineString(e), angle, origin=(0, 0)).coords) for e in ends]
    area, lines = areas(*shapes), rivers(*turned)
    reaches = network(area, lines)
    assert pieces(reaches) == 1
    assert loops(reaches) == 1
    order, back = rng.permutation(len(area)), rng.permutation(len(lines))
    again = trace(area.iloc[order].reset_index(drop=True), lines.iloc[back].reset_index(drop=True))
    first = trace(area, lines)
    assert len(again) == len(first)
    assert again.geometry.geom_equals_exact(first.geometry, 1e-12).all()
