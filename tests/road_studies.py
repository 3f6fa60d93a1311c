"""A river with a road beside it, drawn here, and roads added to random regions.

x   -300      0           300      units of a ten-thousandth of a degree, the river runs south
              o source
              | E entry
y -300        o--o========.        A: the road ends a hundred metres from the river
              |  A        I
              C           I        C: a checkpoint
y -1200  =====|===========I        the road west crosses the river: a bridge
              |           I
y -2000       o===========.        B: the road ends in the river
              | B
              | V venue
              o mouth
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
from hypothesis import strategies as st
from river_studies import WGS84, XY, Region, degrees, points_table, regions, rivers_table
from shapely.geometry import LineString

#: A vertex a kilometre: a place between two is found to a hair of its measure.
RIVER = [(0, y) for y in range(0, -2501, -100)]
ROADS: list[tuple[list[XY], dict[str, Any]]] = [
    ([(10, -300), (300, -300), (300, -1200)], {"name": "Vía", "speed_kmh": 60.0}),
    ([(300, -1200), (300, -2000), (0, -2000)], {"name": "Vía", "speed_kmh": 60.0}),
    ([(300, -1200), (-300, -1200)], {"name": "Puente", "speed_kmh": 30.0}),
]
LANDINGS = [((4, -300), {"transfer_h": 0.2}), ((0, -2000), {"transfer_h": 0.1})]


def roads_table(lines: Sequence[tuple[Sequence[XY], Mapping[str, Any]]]) -> gpd.GeoDataFrame:
    """Return roads `(places, columns)`; columns not given are unknown."""
    return gpd.GeoDataFrame(
        {
            "name": [columns.get("name", "") for _, columns in lines],
            "speed_kmh": [float(columns.get("speed_kmh", np.nan)) for _, columns in lines],
            "road_class": [columns.get("road_class", "") for _, columns in lines],
            "passable": [columns.get("passable", "both") for _, columns in lines],
        },
        geometry=[LineString(degrees(places)) for places, _ in lines],
        crs=WGS84,
    )


def road_region(**tables: gpd.GeoDataFrame | None) -> Region:
    """Return the drawn study, with layers changed."""
    region = Region(
        {
            "rivers": rivers_table([(RIVER, {"name": "Mayor"})]),
            "roads": roads_table(ROADS),
            "landings": points_table("landing", LANDINGS),
            "entry_points": points_table("entry", [((0, -50), {"weight": 1.0})]),
            "venues": points_table("venue", [((0, -2200), {"capacity": 1.0, "confidence": 1.0})]),
            "checkpoints": points_table("control", [((0, -900), {"detection_probability": 0.5})]),
        },
        {
            "travel": {"downstream_kmh": 12.0, "upstream_kmh": 8.0, "snap_tolerance_m": 5.0},
            "routes": {"theta_per_h": 1.5},
        },
    )
    return region.changed(**tables)


@st.composite
def road_regions(draw: st.DrawFn, *, landings: bool = True, **options: Any) -> Region:
    """Draw a region, and lay roads over it that end near its rivers, or cross them."""
    region: Region = draw(regions(**options))
    rivers = [
        [(round((x + 70.0) * 1e4), round((y + 12.6) * 1e4)) for x, y in line.coords]
        for line in region.tables["rivers"].geometry
    ]
    by_river = [place for line in rivers for place in line]
    lines, changes = [], []
    corner = draw(st.integers(-150, 250)), -draw(st.integers(50, 500))
    for _ in range(draw(st.integers(2, 4))):
        x, y = draw(st.sampled_from(by_river))
        end = x + draw(st.integers(-4, 4)), y + draw(st.integers(-4, 4))
        bend = (end[0] + corner[0]) // 2 + draw(st.integers(-30, 30)), (end[1] + corner[1]) // 2
        columns = {"name": draw(st.sampled_from(["", "Vía"]))}
        kind = draw(st.sampled_from(["speed", "class", "none"]))
        if kind == "speed":
            columns["speed_kmh"] = draw(st.sampled_from([30.0, 80.0]))
        elif kind == "class":
            columns["road_class"] = draw(st.sampled_from(["trunk", "track", "camino"]))
        if end not in (corner, bend) and bend != corner:
            lines.append(([end, bend, corner], columns))
            hours = draw(st.sampled_from([0.05, 0.5]))
            place = end[0] + draw(st.integers(-3, 3)), end[1] + draw(st.integers(-3, 3))
            changes.append((place, {"transfer_h": hours}))
    if not lines:
        lines = [([corner, (corner[0] + 100, corner[1] + 20)], {})]
    tables = {"roads": roads_table(lines)}
    if landings and changes:
        tables["landings"] = points_table("landing", changes)
    return region.changed(**tables)
