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

from riskmap.geodesy import measures_on, metres_per_degree, vertex_measures_km
from riskmap.network.arcs import Floats, Geometries, Ints, group_by
from riskmap.network.chains import trace_chains
from riskmap.network.reaches import Reaches, draw_lines

#: Water within this distance of a border, between two crossings of it, runs along it, km.
ALONG_BORDER_KM = 2.0
_HAIR_DEG = np.array([1.3e-9, 0.7e-9])  # a tenth of a millimetre, in no direction of a grid


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
    line = shapely.union_all(outlines(borders.geometry.to_numpy()))
    lines = draw_lines(reaches.coords, reaches.offsets)
    touched = shapely.STRtree(lines).query(shapely.get_parts(line), predicate="intersects")[1]
    touched = touched[reaches.mode[touched] == 0]
    found: list[tuple[int, float]] = []
    for chain in _chains_through(reaches, np.unique(touched)):
        coords, measures = _lay(reaches, chain)
        found += [_place_in(reaches, chain, km) for km in _crossings_of(coords, measures, line)]
    return Crossings(
        np.array([reach for reach, _ in found], dtype=np.int32),
        np.array([km for _, km in found], dtype=np.float64),
    )


def _chains_through(reaches: Reaches, touched: Ints) -> list[list[tuple[int, bool]]]:
    """Return the chains of (reach, forward) that hold any of the reaches: a cut ends none."""
    n = reaches.node_xy.shape[0]
    ends = np.column_stack([reaches.u, reaches.v]).astype(np.int32)
    water = reaches.mode == 0
    plain = water & (ends[:, 0] != ends[:, 1])
    loops = water & ~plain
    start, slot = group_by(ends[plain].ravel(), n)
    edge = np.repeat(np.flatnonzero(plain), 2).astype(np.int32)
    decision = np.bincount(ends[water].ravel(), minlength=n) != 2
    decision[ends[loops, 0]] = True
    # Where two currents meet or part head on, the water that goes on is not the same.
    known = reaches.flow_known
    begins = np.bincount(reaches.u[known], minlength=n)
    decision |= (np.bincount(ends[known].ravel(), minlength=n) == 2) & (begins != 1)
    chain_start, _, slot_node, slot_edge = trace_chains(start, edge[slot], ends, decision)
    wanted = set(touched.tolist())
    chains = [[(r, True)] for r in np.flatnonzero(loops).tolist() if r in wanted]
    for c in range(chain_start.size - 1):
        slots = range(chain_start[c], chain_start[c + 1] - 1)
        chain = [(int(slot_edge[s]), bool(reaches.u[slot_edge[s]] == slot_node[s])) for s in slots]
        if wanted.intersection(r for r, _ in chain):
            chains.append(chain)
    return chains


def _lay(reaches: Reaches, chain: list[tuple[int, bool]]) -> tuple[Floats, Floats]:
    """Return the vertices of a chain and how far along they lie, km."""
    parts: list[Floats] = []
    for reach, forward in chain:
        part = reaches.coords[reaches.offsets[reach] : reaches.offsets[reach + 1]]
        part = part if forward else part[::-1]
        parts.append(part[1:] if parts else part)
    coords = np.concatenate(parts)
    return coords, vertex_measures_km(coords, np.array([0, len(coords)]))


def _place_in(reaches: Reaches, chain: list[tuple[int, bool]], km: float) -> tuple[int, float]:
    """Return the reach, and the distance from its first node, of a place on a chain."""
    for reach, forward in chain[:-1]:
        length = float(reaches.length_km[reach])
        if km <= length:
            return reach, km if forward else length - km
        km -= length
    reach, forward = chain[-1]
    return reach, km if forward else float(reaches.length_km[reach]) - km


def outlines(geometry: Geometries) -> Geometries:
    """Return lines as they are and polygons as their outlines."""
    area = np.isin(shapely.get_type_id(geometry), (3, 6))
    drawn = geometry.copy()
    drawn[area] = shapely.boundary(geometry[area])
    return drawn


def _crossings_of(coords: Floats, measures: Floats, border: shapely.Geometry) -> list[float]:
    """Return the measures of the true crossings of one chain, km."""
    # Moved by a hair, the border neither touches the water nor runs on it: it crosses, or not.
    beside = shapely.transform(border, lambda xy: xy + _HAIR_DEG)
    meeting = shapely.get_coordinates(shapely.intersection(shapely.LineString(coords), beside))
    if not len(meeting):
        return []
    at = np.sort(_measures_at(meeting, coords, measures))
    steps = np.arange(0.0, measures[-1], ALONG_BORDER_KM / 4.0)
    along = np.union1d(measures, steps)
    places = np.column_stack([np.interp(along, measures, axis) for axis in coords.T])
    away = _km_from_border(places, beside)
    crossings, group = [], [at[0]]
    for before, after in pairwise(at):
        inside = (along > before) & (along < after)
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
    located = np.asarray(shapely.line_locate_point(line, shapely.points(points)))
    segment = np.clip(np.searchsorted(along, located, side="right") - 1, 0, len(coords) - 2)
    t = (located - along[segment]) / (along[segment + 1] - along[segment])
    return measures_on(coords, measures, segment, np.clip(t, 0.0, 1.0))


def _km_from_border(coords: Floats, border: shapely.Geometry) -> Floats:
    """Return the distance of each vertex from the border, km, in degrees scaled at the reach."""
    metres = np.array([float(m[0]) for m in metres_per_degree(coords[:1, 1])])
    scaled = shapely.transform(border, lambda xy: xy * metres)
    away: Floats = shapely.distance(shapely.points(coords * metres), scaled) / 1000.0
    return away
