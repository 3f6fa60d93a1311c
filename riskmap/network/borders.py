"""Borders: the places where a waterway crosses one (model §6).

A river that is itself the border wanders from side to side of the line that maps it. Crossings
between which the water does not leave the border by more than a stated distance are one movement:
an even number of them is none, an odd number is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import geopandas as gpd
import numpy as np
import shapely

from riskmap.geodesy import metres_per_degree, vertex_measures_km
from riskmap.network.arcs import Floats, Geometries, Ints
from riskmap.network.reaches import Reaches, draw_lines

#: Water within this distance of a border, between two crossings of it, runs along it, km.
ALONG_BORDER_KM = 2.0


@dataclass(frozen=True, slots=True)
class Crossings:
    """Hold the places where reaches cross a border: reach, and km from its upstream end."""

    reach: Ints
    measure_km: Floats


def find_crossings(reaches: Reaches, borders: gpd.GeoDataFrame | None) -> Crossings:
    """Find where reaches cross borders.

    Parameters
    ----------
    reaches
        The network.
    borders
        Lines, or polygons whose outlines count, EPSG:4326; None where the study has none.
    """
    if borders is None or borders.empty:
        return Crossings(np.empty(0, dtype=np.int32), np.empty(0))
    line = shapely.union_all(_outlines(borders.geometry.to_numpy()))
    lines = draw_lines(reaches.coords, reaches.offsets)
    touched = shapely.STRtree(lines).query(shapely.get_parts(line), predicate="intersects")[1]
    measures = vertex_measures_km(reaches.coords, reaches.offsets)
    found_reach: list[int] = []
    found_km: list[float] = []
    for reach in np.unique(touched):
        rows = slice(reaches.offsets[reach], reaches.offsets[reach + 1])
        for km in _crossings_of(lines[reach], reaches.coords[rows], measures[rows], line):
            found_reach.append(int(reach))
            found_km.append(km)
    return Crossings(np.array(found_reach, dtype=np.int32), np.array(found_km, dtype=np.float64))


def _outlines(
    geometry: Geometries,
) -> Geometries:
    """Return lines as they are and polygons as their outlines."""
    area = np.isin(shapely.get_type_id(geometry), (3, 6))
    outlines = geometry.copy()
    outlines[area] = shapely.boundary(geometry[area])
    return outlines


def _crossings_of(
    reach: shapely.Geometry, coords: Floats, measures: Floats, border: shapely.Geometry
) -> list[float]:
    """Return the measures of the true crossings of one reach, km."""
    meeting = shapely.get_coordinates(shapely.intersection(reach, border))
    at = np.sort(_measures_at(meeting, coords, measures))
    away = _km_from_border(coords, border)
    crossings, group = [], [at[0]]
    for before, after in pairwise(at):
        inside = (measures > before) & (measures < after)
        if away[inside].max(initial=0.0) <= ALONG_BORDER_KM:
            group.append(after)
            continue
        crossings.append(group)
        group = [after]
    crossings.append(group)
    return [float(group[len(group) // 2]) for group in crossings if len(group) % 2]


def _measures_at(points: Floats, coords: Floats, measures: Floats) -> Floats:
    """Return how far along a line points on it lie, km."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(coords, axis=0).T))])
    line = shapely.linestrings(coords)
    located = shapely.line_locate_point(line, shapely.points(points))
    at: Floats = np.asarray(np.interp(located, along, measures))
    return at


def _km_from_border(coords: Floats, border: shapely.Geometry) -> Floats:
    """Return the distance of each vertex from the border, km, in degrees scaled at the reach."""
    metres = np.array([float(m[0]) for m in metres_per_degree(coords[:1, 1])])
    scaled = shapely.transform(border, lambda xy: xy * metres)
    away: Floats = shapely.distance(shapely.points(coords * metres), scaled) / 1000.0
    return away
