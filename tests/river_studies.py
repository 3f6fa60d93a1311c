"""Small random river regions in memory, for the laws of whole studies.

    x -2   -1    0    1    2      units of a hundredth of a degree, rivers run south
      tributary  P0
      ~~~~~~~~~~~o--.
                 |   ) side channel, or none
      ~~~o~~~~~~~o--'
        /        P1 --.  bypass round all of it, or none
      branch     |    |
                 o----'        far east: water that nothing leads to, or none

Segments are a kilometre or two long, so that a cut on the straight line between two vertices keeps
the length of the line on the ellipsoid to 1e-9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from random import Random
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiLineString, Point, Polygon

from riskmap.layers import Layers
from riskmap.network.sites import Sited
from riskmap.pipeline import assemble_outcome, build_network, score_network, site_layers
from riskmap.results.outcome import Outcome
from riskmap.results.scored import Scored
from riskmap.settings import Settings, settings_from_mapping

WGS84 = "EPSG:4326"
LON, LAT = -70.0, -12.6
#: A lattice of these degrees holds every place that is drawn; 100 of them are one unit.
STEP = 1e-4
_RIVER_NUMBERS = (
    "strahler_order",
    "discharge_m3s",
    "width_m",
    "downstream_kmh",
    "upstream_kmh",
)
XY = tuple[int, int]


@dataclass(frozen=True, repr=False)
class Region:
    """A study in memory: canonical layers and the sections of its file."""

    tables: Mapping[str, gpd.GeoDataFrame]
    sections: Mapping[str, Any] = field(default_factory=dict)
    flow: str = "digitised"

    def __repr__(self) -> str:
        rows = [f"Region flow={self.flow} {dict(self.sections)}"]
        for name, table in self.tables.items():
            plain = pd.DataFrame(table.drop(columns="geometry")).dropna(axis=1, how="all")
            for row, line in zip(plain.to_dict("records"), table.geometry, strict=True):
                rows.append(f"  {name} {row} {line.wkt}")
        return "\n".join(rows)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    def changed(self, **tables: gpd.GeoDataFrame | None) -> Region:
        """Return the region with layers changed, or without those that are None."""
        merged = {**self.tables, **tables}
        return replace(self, tables={k: t for k, t in merged.items() if t is not None})

    def set(self, section: str, **values: Any) -> Region:
        """Return the region with keys of a section changed."""
        old = self.sections.get(section, {})
        return replace(self, sections={**self.sections, section: {**old, **values}})

    @cached_property
    def settings(self) -> Settings:
        layers = {name: {"path": f"{name}.gpkg"} for name in self.tables}
        layers["rivers"]["flow_direction"] = self.flow
        return settings_from_mapping({"layers": layers, **self.sections})

    @cached_property
    def layers(self) -> Layers:
        return Layers(self.tables, {}, ())

    @cached_property
    def sited(self) -> Sited:
        return site_layers(self.settings, self.layers, build_network(self.settings, self.layers))

    @cached_property
    def scored(self) -> Scored:
        return score_network(self.settings, self.layers, self.sited)[0]

    @cached_property
    def outcome(self) -> Outcome:
        return assemble_outcome(self.settings, self.layers, self.scored, ())


# --- tables --------------------------------------------------------------------------------------
def degrees(places: Sequence[XY]) -> list[tuple[float, float]]:
    return [(LON + x * STEP, LAT + y * STEP) for x, y in places]


def rivers_table(lines: Sequence[tuple[Sequence[XY], Mapping[str, Any]]]) -> gpd.GeoDataFrame:
    """Return river lines `(places, columns)`; columns not given are unknown."""
    table = gpd.GeoDataFrame(
        {"name": [columns.get("name", "") for _, columns in lines]},
        geometry=[LineString(degrees(places)) for places, _ in lines],
        crs=WGS84,
    )
    for number in _RIVER_NUMBERS:
        table[number] = [float(columns.get(number, np.nan)) for _, columns in lines]
    table["id"] = table["next_down"] = ""
    table["navigable"] = [columns.get("navigable", "both") for _, columns in lines]
    table["id"] = table["next_down"] = ""
    return table


def points_table(layer: str, rows: Sequence[tuple[XY, Mapping[str, Any]]]) -> gpd.GeoDataFrame:
    """Return points `(place, columns)`, named after their layer and row."""
    return gpd.GeoDataFrame(
        [{"name": f"{layer} {k}", **columns} for k, (_, columns) in enumerate(rows)],
        geometry=[Point(*degrees([place])[0]) for place, _ in rows],
        crs=WGS84,
    )


def polygons_table(rows: Sequence[tuple[Sequence[XY], Mapping[str, Any]]]) -> gpd.GeoDataFrame:
    """Return mining areas `(ring, columns)`."""
    return gpd.GeoDataFrame(
        [{"name": f"mine {k}", **columns} for k, (_, columns) in enumerate(rows)],
        geometry=[Polygon(degrees(ring)) for ring, _ in rows],
        crs=WGS84,
    )


# --- the same water, written otherwise -----------------------------------------------------------
def cut_line(region: Region, *, row: int, segment: int, share: float) -> Region:
    """Cut a river line in two, at a share of one of its segments (0: at its first vertex)."""
    rivers = region.tables["rivers"]
    xy = np.array(rivers.geometry.iloc[row].coords)
    at = xy[segment] + share * (xy[segment + 1] - xy[segment]) if share else xy[segment]
    upper = LineString([*xy[: segment + 1], *([at] if share else [])])
    lower = LineString([at, *xy[segment + 1 :]])
    halves = rivers.iloc[[row, row]].set_geometry(gpd.GeoSeries([upper, lower], crs=WGS84).values)
    others = rivers.drop(index=rivers.index[row])
    return region.changed(rivers=pd.concat([others, halves], ignore_index=True))


def mergeable(region: Region) -> list[tuple[int, int]]:
    """Return pairs of rows of one waterway, the second of which begins where the first ends."""
    rivers = region.tables["rivers"]
    plain = [tuple(map(str, row)) for row in rivers.drop(columns="geometry").to_numpy()]
    ends = [(line.coords[0], line.coords[-1]) for line in rivers.geometry]
    rows = range(len(rivers))
    return [(a, b) for a in rows for b in rows if ends[a][1] == ends[b][0] and plain[a] == plain[b]]


def merge_lines(region: Region, pair: tuple[int, int]) -> Region:
    """Make one line of two that `mergeable` names; what joins between them becomes a tee."""
    rivers = region.tables["rivers"]
    upper, lower = (list(rivers.geometry.iloc[row].coords) for row in pair)
    geometry = rivers.geometry.to_numpy().copy()
    geometry[pair[0]] = LineString([*upper, *lower[1:]])
    merged = rivers.set_geometry(gpd.GeoSeries(geometry, crs=WGS84).values)
    return region.changed(rivers=merged.drop(index=merged.index[pair[1]]).reset_index(drop=True))


def gathered(region: Region) -> Region:
    """Make one row of several parts of all lines that have the same columns."""
    rivers = region.tables["rivers"]
    kinds = [str(list(row)) for row in rivers.drop(columns="geometry").to_numpy()]
    rows = [rivers[[k == kind for k in kinds]] for kind in dict.fromkeys(kinds)]
    table = pd.concat([row.iloc[[0]] for row in rows], ignore_index=True)
    parts = [MultiLineString(list(row.geometry)) for row in rows]
    return region.changed(rivers=table.set_geometry(gpd.GeoSeries(parts, crs=WGS84).values))


def shuffled(region: Region, random: Random) -> Region:
    """Put the rows of every layer in another order."""
    tables = {}
    for name, table in region.tables.items():
        order = random.sample(range(len(table)), len(table))
        tables[name] = table.iloc[order].reset_index(drop=True)
    return replace(region, tables=tables)


def turned(region: Region) -> Region:
    """Digitise every line the other way, and say so."""
    rivers = region.tables["rivers"]
    flow = {"digitised": "reversed", "unknown": "unknown"}[region.flow]
    return replace(region.changed(rivers=rivers.set_geometry(rivers.reverse())), flow=flow)


# --- rivers --------------------------------------------------------------------------------------
@st.composite
def _between(
    draw: st.DrawFn, start: XY, end: XY, *, east: tuple[int, int], least: int = 0
) -> list[XY]:
    """Draw a line with up to four inner vertices, each moved east by a few lattice steps."""
    count = draw(st.integers(least, 4))
    inner = [
        (
            start[0] + (end[0] - start[0]) * k // (count + 1) + draw(st.integers(*east)),
            start[1] + (end[1] - start[1]) * k // (count + 1) + draw(st.integers(-9, 9)),
        )
        for k in range(1, count + 1)
    ]
    return [start, *inner, end]


@st.composite
def _columns(draw: st.DrawFn, names: tuple[str, ...]) -> dict[str, Any]:
    columns: dict[str, Any] = {"name": draw(st.sampled_from(names))}
    if draw(st.integers(0, 3)) == 3:
        columns["downstream_kmh"] = draw(st.sampled_from([5.0, 12.0]))
    if draw(st.integers(0, 7)) == 7:
        columns["upstream_kmh"] = draw(st.sampled_from([3.0, 8.0]))
    if "Mayor" not in names and draw(st.integers(0, 9)) == 9:
        columns["navigable"] = draw(st.sampled_from(["high", "none", "low"]))
    return columns


@st.composite
def river_lines(draw: st.DrawFn) -> list[tuple[list[XY], dict[str, Any]]]:
    """Draw the lines of a region, each from its upstream end."""
    spans = draw(st.integers(1, 3))
    confluences = [(draw(st.integers(-40, 40)), -200 * k) for k in range(spans + 1)]
    lines = []
    for above, below in pairwise(confluences):
        stem = draw(_columns(("Mayor", "Mayor", "Bajo")))
        lines.append((draw(_between(above, below, east=(-30, 30))), stem))
        if draw(st.booleans()):
            side = draw(_columns(("Mayor", "Brazo", "")))
            lines.append((draw(_between(above, below, east=(60, 140), least=1)), side))
    for end in confluences:
        if draw(st.booleans()):
            lines += draw(_tributary(end))
    if spans > 1 and draw(st.booleans()):
        around = _between(confluences[0], confluences[-1], east=(220, 320), least=3)
        lines.append((draw(around), draw(_columns(("Canal",)))))
    if draw(st.integers(0, 3)) == 3:
        apart = draw(_between((900, 0), (920, -150), east=(-30, 30)))
        lines.append((apart, draw(_columns(("Lejos",)))))
    return lines


@st.composite
def _tributary(draw: st.DrawFn, end: XY) -> list[tuple[list[XY], dict[str, Any]]]:
    """Draw a tributary from the west, with a branch of its own or in one line."""
    source = (end[0] - draw(st.integers(150, 300)), end[1] + draw(st.integers(-40, 40)))
    columns = draw(_columns(("Chico", "")))
    if draw(st.booleans()):
        return [(draw(_between(source, end, east=(-8, 8))), columns)]
    middle = ((source[0] + end[0]) // 2, (source[1] + end[1]) // 2 + draw(st.integers(-9, 9)))
    branch = (middle[0] + draw(st.integers(-50, 30)), middle[1] + draw(st.integers(50, 90)))
    return [
        (draw(_between(source, middle, east=(-8, 8))), columns),
        (draw(_between(middle, end, east=(-8, 8))), columns),
        (draw(_between(branch, middle, east=(-8, 8))), draw(_columns(("Brazo", "")))),
    ]


# --- sites ---------------------------------------------------------------------------------------
@st.composite
def places(draw: st.DrawFn, lines: Sequence[tuple[list[XY], Any]], *, near: bool = True) -> XY:
    """Draw a place: at a vertex, beside one, above the first source, or far from all water.

    What lies above the source is attached to it, so that sites meet at one node.
    """
    if draw(st.integers(0, 4)) == 4:
        (x, y), *_ = lines[0][0]
        return x, y + draw(st.integers(1, 60))
    line, _ = draw(st.sampled_from(lines))
    x, y = draw(st.sampled_from(line))
    if not near and draw(st.integers(0, 5)) == 5:
        return x - 900, y
    if draw(st.integers(0, 3)) == 3:
        return x, y
    return x + draw(st.integers(-30, 30)), y + draw(st.integers(-60, 60))


@st.composite
def _points(
    draw: st.DrawFn,
    lines: Sequence[tuple[list[XY], Any]],
    columns: Mapping[str, Sequence[float]],
    *,
    least: int,
    most: int,
) -> list[tuple[XY, dict[str, float]]]:
    """Draw points with columns; the first stands near the water of the first line."""
    rows = []
    for k in range(draw(st.integers(least, most))):
        place = draw(places(lines[:1])) if k == 0 else draw(places(lines, near=False))
        rows.append((place, {c: draw(st.sampled_from(v)) for c, v in columns.items()}))
    return rows


@st.composite
def mines(draw: st.DrawFn, lines: Sequence[tuple[list[XY], Any]]) -> tuple[list[XY], dict]:
    """Draw a mining area of a square kilometre or so, with a corner cut out."""
    x, y = draw(places(lines))
    w, h = draw(st.integers(30, 150)), draw(st.integers(30, 150))
    a, b = draw(st.integers(1, w - 1)), draw(st.integers(1, h - 1))
    ring = [(x, y), (x + w, y), (x + w, y + b), (x + a, y + b), (x + a, y + h), (x, y + h)]
    status = draw(st.sampled_from(["illegal", "informal", "authorised", "unknown"]))
    return ring, {"status": status, "confidence": draw(st.sampled_from([0.3, 1.0]))}


_POSTS = {
    "patrol_hours": (10.0, 60.0, 0.0),
    "range_h": (0.5, 0.02, 0.1, 5.0),
    "decay_h": (0.2, 0.03, 1.0),
    "speed_kmh": (20.0, 7.0, float("nan")),
    "effectiveness": (0.6, 1.0, 0.0),
}
_VENUES = {"capacity": (1.0, 3.0, 0.5), "confidence": (1.0, 0.25)}


@st.composite
def regions(
    draw: st.DrawFn,
    *,
    thetas: Sequence[float] = (2.0, 0.0, 20.0, float("inf")),
    kappas: Sequence[float] = (0.0, 2.0),
    checkpoints: int = 2,
    posts: tuple[int, int] = (0, 3),
    mining: int = 1,
    borders: bool = True,
) -> Region:
    """Draw a region with its sites, and how its travellers choose."""
    lines = draw(river_lines())
    tables = {
        "rivers": rivers_table(lines),
        "entry_points": points_table(
            "entry",
            draw(_points(lines, {"weight": (1.0, 2.5)}, least=1, most=3)),
        ),
        "venues": points_table("venue", draw(_points(lines, _VENUES, least=1, most=4))),
    }
    movements = [_movement(draw, "venues")]
    areas = [draw(mines(lines)) for _ in range(draw(st.integers(0, mining)))]
    if areas:
        # The first stands on the first line: a movement without any site on the water is refused.
        x, y = lines[0][0][0]
        areas[0] = ([(x, y), (x + 40, y), (x + 40, y + 30), (x, y + 55)], areas[0][1])
        tables["mining_areas"] = polygons_table(areas)
        movements.append(_movement(draw, "mining_areas"))
    watching = draw(_points(lines, _POSTS, least=posts[0], most=posts[1]))
    if watching:
        tables["police_posts"] = points_table("post", watching)
    q = {"detection_probability": (0.3, 0.9)}
    fixed = draw(_points(lines, q, least=0, most=checkpoints))
    if fixed:
        tables["checkpoints"] = points_table("checkpoint", fixed)
    if borders and draw(st.booleans()):
        y = -draw(st.integers(20, 380))
        border = LineString(degrees([(-2000, y), (2000, y + draw(st.integers(-30, 30)))]))
        tables["borders"] = gpd.GeoDataFrame({"name": ["Raya"]}, geometry=[border], crs=WGS84)
    sections = {
        "travel": {
            "downstream_kmh": 12.0,
            "upstream_kmh": draw(st.sampled_from([8.0, 5.0])),
            "max_access_km": 2.0,
            "snap_tolerance_m": 5.0,
        },
        "movements": movements,
        "routes": {
            "theta_per_h": draw(st.sampled_from(thetas)),
            "hazard_aversion_h": draw(st.sampled_from(kappas)),
        },
        # Meetings are made likely, so that hazards matter on so little water.
        "patrol": {"period_h": 72.0},
        "mining": {"cell_km": 0.7},
    }
    return Region(tables, sections, draw(st.sampled_from(["digitised", "digitised", "unknown"])))


def _movement(draw: st.DrawFn, destinations: str) -> dict[str, Any]:
    movement = {
        "name": f"to {destinations}",
        "origins": "entry_points",
        "destinations": destinations,
        "beta_per_h": draw(st.sampled_from([0.5, 0.0, 6.0])),
    }
    volume = draw(st.sampled_from([None, 400.0]))
    return movement if volume is None else {**movement, "transits_per_month": volume}
