"""The networks of two real regions, held to an independent picture of what hangs together.

Lines and areas are buffered and united: what the union holds together the network should, and
what it keeps apart the network must not join.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from riskmap.network.reaches import Reaches, build_reaches
from riskmap.network.water_areas import trace_centre_lines
from tests.unions import in_plane, middles_of, pieces_of, unions_of

pytestmark = [pytest.mark.real, pytest.mark.slow]

TOLERANCE_M = 50.0
#: Regions, and a filter of their areas.
CASES = {
    "madre_de_dios": ("madre_de_dios", None),
    "ucayali": ("ucayali", None),
    "ucayali without flood plains": ("ucayali", "F_CODE_DES = 'Inland Water'"),
}


@dataclass(frozen=True)
class Region:
    """Hold the layers of a region in degrees, and its network."""

    rivers: gpd.GeoDataFrame
    areas: gpd.GeoDataFrame
    reaches: Reaches


def _canonical(rivers: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> Region:
    rivers, areas = rivers.copy(), areas.copy()
    rivers["name"] = rivers["NAM"].where(rivers["NAM"] != "UNK", "").fillna("")
    areas["name"] = areas["NAME"].where(areas["NAME"] != "UNK", "").fillna("")
    for column in ("strahler_order", "discharge_m3s", "width_m", "downstream_kmh", "upstream_kmh"):
        rivers[column] = np.nan
    rivers["navigable"] = "both"
    lines = trace_centre_lines(areas, rivers, tolerance_m=TOLERANCE_M)
    return Region(
        rivers, areas, build_reaches(rivers, snap_tolerance_m=TOLERANCE_M, centre_lines=lines)
    )


def _read(data: Path, case: str) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    name, where = CASES[case]
    areas = gpd.read_file(data / name / "water_areas_dcw.gpkg", where=where)
    return gpd.read_file(data / name / "rivers_dcw.gpkg"), areas


@pytest.fixture(scope="module", params=list(CASES))
def region(request: pytest.FixtureRequest, shared_data: Path) -> Region:
    return _canonical(*_read(shared_data, request.param))


def _unions(region: Region, half_gap_m: float) -> shapely.STRtree:
    shapes = np.concatenate([region.rivers.geometry, region.areas.geometry])
    return unions_of(shapes, half_gap_m)


def test_the_largest_piece_holds_what_the_largest_union_holds(region: Region) -> None:
    unions = _unions(region, TOLERANCE_M)
    lines = in_plane(shapely.get_parts(region.rivers.geometry.to_numpy()))
    middles = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    line, union = unions.query(middles, predicate="intersects")
    km = np.bincount(union, shapely.length(lines)[line])
    largest = int(np.argmax(km))
    reaches, piece = region.reaches, pieces_of(region.reaches)
    middle, at = unions.query(middles_of(reaches), predicate="intersects")
    inside = np.zeros(reaches.u.size, dtype=bool)
    inside[middle[at == largest]] = True
    own = inside & (reaches.source_id >= 0)
    main = np.argmax(np.bincount(piece[own], reaches.length_km[own]))
    held = reaches.length_km[own & (piece == main)].sum()
    assert held >= 0.95 * reaches.length_km[own].sum()
    assert reaches.length_km[own].sum() > 0.97 * km[largest] / 1000.0 / 1.04


@pytest.mark.parametrize("half_gap_m", [0.5 * TOLERANCE_M * 1.01, TOLERANCE_M])
def test_nothing_is_joined_that_the_unions_keep_apart(region: Region, half_gap_m: float) -> None:
    unions = _unions(region, half_gap_m)
    middle, union = unions.query(middles_of(region.reaches), predicate="intersects")
    pairs = np.unique(np.column_stack([pieces_of(region.reaches)[middle], union]), axis=0)
    assert middle.size >= 0.999 * region.reaches.u.size
    assert np.bincount(pairs[:, 0]).max() == 1


def test_every_union_of_water_is_one_piece(region: Region) -> None:
    """What lies nearer than the tolerance holds together, all of it."""
    unions = _unions(region, 0.45 * TOLERANCE_M)
    middle, union = unions.query(middles_of(region.reaches), predicate="intersects")
    pairs = np.unique(np.column_stack([union, pieces_of(region.reaches)[middle]]), axis=0)
    assert np.bincount(pairs[:, 0]).max() == 1
