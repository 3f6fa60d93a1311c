"""Reaches: their order, direction and attributes, and what cutting them keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiLineString

from riskmap.errors import NetworkError
from riskmap.geodesy import line_lengths_km, vertex_measures_km
from riskmap.network.reaches import Reaches, build_reaches, split_reaches
from tests.river_networks import TOLERANCE_M, grow_rivers, metres_at, rivers_of

law = settings(max_examples=40, deadline=None)
UPSTREAM = np.array([[-70.0, -12.0], [-69.95, -12.01], [-69.9, -12.0]])
DOWNSTREAM = np.array([[-69.9, -12.0], [-69.8, -12.0]])


def build(lines: list[np.ndarray], **options: object) -> Reaches:
    return build_reaches(rivers_of(lines), snap_tolerance_m=TOLERANCE_M, **options)


def assert_whole(reaches: Reaches) -> None:
    """Check what holds for any network of reaches."""
    first, last = reaches.offsets[:-1], reaches.offsets[1:] - 1
    assert (np.diff(reaches.offsets) >= 2).all()
    assert (reaches.coords[first] == reaches.node_xy[reaches.u]).all()
    assert (reaches.coords[last] == reaches.node_xy[reaches.v]).all()
    x, y = reaches.node_xy.T
    assert (np.lexsort((y, x)) == np.arange(x.size)).all()
    order = np.lexsort((reaches.length_km, reaches.v, reaches.u))
    assert (order == np.arange(order.size)).all()
    assert set(reaches.u) | set(reaches.v) == set(range(x.size))
    lengths = line_lengths_km(reaches.coords, reaches.offsets)
    # A place inside a segment is found by its measure: linear in degrees, a hair off the ground.
    assert reaches.length_km == pytest.approx(lengths, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("direction", "source", "known"),
    [("digitised", UPSTREAM[0], True), ("reversed", DOWNSTREAM[1], True),
     ("unknown", UPSTREAM[0], False)],
)  # fmt: skip
def test_flow_runs_as_the_lines_were_digitised(
    direction: str, source: np.ndarray, known: bool
) -> None:
    reaches = build([UPSTREAM, DOWNSTREAM], flow_direction=direction)
    assert_whole(reaches)
    heads = set(reaches.u) - set(reaches.v)
    assert [reaches.node_xy[n].tolist() for n in heads] == [source.tolist()]
    assert (reaches.flow_known == known).all()


def test_a_line_that_runs_against_the_rest_keeps_its_own_direction() -> None:
    reaches = build([UPSTREAM, DOWNSTREAM[::-1]])
    middle = np.flatnonzero((reaches.node_xy == DOWNSTREAM[0]).all(axis=1))
    assert (reaches.v == middle).all()


def test_attributes_stay_with_their_lines() -> None:
    table = rivers_of(
        [UPSTREAM, DOWNSTREAM],
        name=["Río Inambari", ""],
        strahler_order=[4.0, np.nan],
        width_m=[120.0, 80.0],
        navigable=["high", "both"],
    ).set_index(np.array([7, 9]))
    reaches = build_reaches(table, snap_tolerance_m=TOLERANCE_M)
    assert reaches.source_id.tolist() == [7, 9]
    assert reaches.name.tolist() == ["Río Inambari", ""]
    assert reaches.attributes["width_m"].tolist() == [120.0, 80.0]
    assert reaches.attributes["navigable"].tolist() == ["high", "both"]
    assert np.isnan(reaches.attributes["strahler_order"]).tolist() == [False, True]


def test_parts_of_a_multipart_line_are_reaches() -> None:
    table = rivers_of([UPSTREAM])
    table.loc[0, "geometry"] = MultiLineString([UPSTREAM, DOWNSTREAM])
    reaches = build_reaches(table, snap_tolerance_m=TOLERANCE_M)
    assert reaches.source_id.tolist() == [0, 0]
    assert any("several parts" in note.what for note in reaches.notes)


def test_points_that_stand_twice_and_lines_without_length_are_left_out() -> None:
    twice = np.repeat(UPSTREAM, 2, axis=0)
    reaches = build([twice, np.repeat(DOWNSTREAM[1:], 3, axis=0)])
    assert np.diff(reaches.offsets).tolist() == [3]
    assert [note.feature for note in reaches.notes] == ["row 1"]


def test_no_line_is_no_network() -> None:
    with pytest.raises(NetworkError, match="no line is longer than the tolerance"):
        build([np.array([[-70.0, -12.0], [-70.0, -12.0]])])


@law
@given(seed=st.integers(0, 2**32), side=st.integers(2, 5), n=st.integers(0, 30))
def test_cutting_keeps_lengths_places_and_attributes(seed: int, side: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    lines = grow_rivers(rng, side).lines
    table = rivers_of(lines, width_m=rng.uniform(10.0, 500.0, len(lines)))
    reaches = build_reaches(table, snap_tolerance_m=TOLERANCE_M)
    reach = rng.integers(0, reaches.u.size, n)
    share = rng.choice([0.0, 1.0, 0.5, rng.random(), rng.random()], n)
    cut, node = split_reaches(reaches, reach=reach, measure_km=share * reaches.length_km[reach])
    assert_whole(cut)
    inner = {(int(r), float(s)) for r, s in zip(reach, share, strict=True) if 0.0 < s < 1.0}
    assert cut.u.size == reaches.u.size + len(inner)
    assert len(cut.node_xy) == len(reaches.node_xy) + len(inner)
    whole = np.bincount(reaches.source_id, reaches.length_km)
    assert np.bincount(cut.source_id, cut.length_km) == pytest.approx(whole, rel=1e-12)
    assert (cut.attributes["width_m"] == table["width_m"].to_numpy()[cut.source_id]).all()
    measures = vertex_measures_km(reaches.coords, reaches.offsets)
    for r, s, found in zip(reach, share, node, strict=True):
        rows = slice(reaches.offsets[r], reaches.offsets[r + 1])
        at = s * reaches.length_km[r]
        x, y = (np.interp(at, measures[rows], reaches.coords[rows, k]) for k in (0, 1))
        assert cut.node_xy[found] == pytest.approx([x, y], abs=1e-8)


def test_a_cut_beside_an_end_is_the_end_and_cuts_at_one_place_are_one() -> None:
    reaches = build([UPSTREAM])
    length = float(reaches.length_km[0])
    at = np.array([5e-7, length - 5e-7, 2.0, 2.0, 2.0 + 5e-7, -1.0, length + 1.0])
    cut, node = split_reaches(reaches, reach=np.zeros(7, dtype=int), measure_km=at)
    assert cut.u.size == 2
    assert node[0] == node[5]
    assert node[1] == node[6]
    assert node[2] == node[3] == node[4]
    assert len(set(node)) == 3
    away = (cut.node_xy[node[2]] - UPSTREAM[0]) * metres_at(UPSTREAM[0])
    assert np.hypot(*away) == pytest.approx(2000.0, rel=1e-4)


def test_a_cut_at_a_vertex_keeps_the_vertex_once() -> None:
    reaches = build([UPSTREAM])
    middle = vertex_measures_km(reaches.coords, reaches.offsets)[1:2]
    cut, _ = split_reaches(reaches, reach=np.array([0]), measure_km=middle)
    assert np.diff(cut.offsets).tolist() == [2, 2]


@law
@given(st.integers(0, 2**32), st.sampled_from(["digitised", "reversed"]))
def test_no_vertex_stands_twice_where_rounding_moves_a_cut_off_it(seed: int, way: str) -> None:
    """A measure from the other end of a line is another sum: it misses a vertex by rounding."""
    rng = np.random.default_rng(seed)
    reaches = build([np.cumsum(rng.uniform(1e-3, 0.1, (9, 2)), axis=0) - 70.0], flow_direction=way)
    behind = vertex_measures_km(reaches.coords[::-1], reaches.offsets)
    middle = reaches.length_km[0] - behind[1:-1] * rng.choice([1.0 - 1e-15, 1.0, 1.0 + 1e-15], 7)
    cut, _ = split_reaches(reaches, reach=np.zeros(7, dtype=int), measure_km=middle)
    assert np.diff(cut.offsets).tolist() == [2] * 8


@law
@given(st.floats(0.001, 0.999), st.floats(-0.5, 0.5), st.floats(-2e-5, 2e-5))
def test_a_reach_cut_twice_near_one_place_stays_whole(
    share: float, east: float, further_km: float
) -> None:
    """A segment of forty kilometres, on which degrees are not equally long."""
    reaches = build([np.array([[-70.0, -12.0], [-70.0 + east, -12.35]])])
    at = np.array([share * reaches.length_km[0]])
    once, _ = split_reaches(reaches, reach=np.array([0]), measure_km=at)
    end = once.length_km[:1] + further_km
    twice, _ = split_reaches(once, reach=np.array([0]), measure_km=end)
    assert (np.diff(twice.offsets) >= 2).all()
    assert twice.length_km.sum() == pytest.approx(reaches.length_km[0], rel=1e-12)
