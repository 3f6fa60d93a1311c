"""Water areas: wide rivers and lakes as polygons, and the lines that boats follow through them.

Areas that touch, or lie within the tolerance of each other, are one. Every river line that comes
within the tolerance of an area is joined to its centre lines; where a river line runs inside an
area there is no second one. How a centre line is found is in `riskmap.network.centre_lines`; the
lines are then noded like any other (`riskmap.network.noding`).
"""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import Transformer
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from riskmap.geodesy import metres_per_degree
from riskmap.network.arcs import Floats, Geometries
from riskmap.network.centre_lines import (
    Links,
    Longs,
    Skeleton,
    Touches,
    choose_links,
    trace_skeleton,
)

#: The plane of this module: Mercator on the ellipsoid, in which small shapes keep their form.
_PLANE = "EPSG:3395"
_EQUATOR_DEGREE_M = float(metres_per_degree(np.zeros(1))[0][0])
#: Chords start from banks at a third of an area's mean width, within these bounds, m.
_SPACING_M = (25.0, 300.0)
#: Banks nearer to each other than this are one, m.
_GRID_M = 0.01
#: A centre line may be smoothed by this share of the half-width of its channel.
_SMOOTHING = 0.4


class _Lines(NamedTuple):
    """Hold stretches of lines beside and in areas, and the group that each belongs to."""

    shape: Geometries
    area: Longs
    group: Longs


def trace_centre_lines(
    areas: gpd.GeoDataFrame, rivers: gpd.GeoDataFrame, *, tolerance_m: float
) -> gpd.GeoDataFrame:
    """Trace the centre lines of areas of water, joined to the river lines that reach them.

    Parameters
    ----------
    areas
        Polygons, EPSG:4326, with the column `name`. They may overlap or touch.
    rivers
        River lines, EPSG:4326.
    tolerance_m
        Gaps up to this between lines and areas, or two areas, are closed, m.

    Returns
    -------
    GeoDataFrame
        Lines, EPSG:4326, with the columns `name` ("" where unknown) and `width_m`, in an order
        that does not depend on that of the rows.
    """
    shapes, names = _in_plane(areas), areas["name"].to_numpy(dtype=object)
    order = _by_place(shapes)
    shapes, names = shapes[order], names[order]
    parts = dissolve_areas(shapes, tolerance_m=tolerance_m)
    if not parts.size:
        return _table([], [], [])
    skeleton = trace_skeleton(parts, spacing=_spacing(parts))
    lines = _lines_at(parts, _in_plane(rivers), tolerance_m)
    touches = _touches(skeleton, parts, lines, tolerance_m)
    n_groups = int(lines.group.max(initial=-1)) + 1
    links = choose_links(skeleton, touches, n_groups=n_groups)
    return _as_lines(links, skeleton, shapes, names)


def dissolve_areas(areas: Geometries, *, tolerance_m: float) -> Geometries:
    """Dissolve areas that touch, and those whose banks run within the tolerance of each other.

    Only what lies between two areas is filled: a narrow island stays.

    Parameters
    ----------
    areas
        Polygons in the Mercator plane.
    tolerance_m
        Gaps up to this are filled, m on the ground.
    """
    parts = _polygons(shapely.union_all(areas, grid_size=_GRID_M))
    if parts.size < 2 or tolerance_m <= 0.0:
        return parts
    one, two = shapely.STRtree(parts).query(
        parts, predicate="dwithin", distance=tolerance_m * _scale(parts)
    )
    beside = np.unique(one[one != two])
    if not beside.size:
        return parts
    half = 0.5 * tolerance_m * _scale(parts[beside])
    grown = shapely.buffer(parts[beside], half, join_style="mitre")
    closed = shapely.buffer(shapely.union_all(grown), -half.max(), join_style="mitre")
    filling = _polygons(shapely.difference(closed, shapely.union_all(parts[beside])))
    at, _ = shapely.STRtree(parts).query(filling, predicate="dwithin", distance=_GRID_M)
    between = np.flatnonzero(np.bincount(at, minlength=filling.size) > 1)
    # A hair wider, so that rounding leaves no slit.
    hair = shapely.buffer(filling[between], _GRID_M, join_style="mitre")
    return _polygons(shapely.union_all(np.concatenate([parts, hair]), grid_size=_GRID_M))


def _polygons(shape: shapely.Geometry) -> Geometries:
    """Return the polygons of a shape, in order of place."""
    parts = np.asarray(shapely.get_parts(shape))
    parts = np.asarray(shapely.get_parts(parts))  # of a collection: once more
    parts = parts[shapely.area(parts) > 0.0]
    return parts[_by_place(parts)]


def _by_place(shapes: Geometries) -> Longs:
    """Return an order of shapes that depends on nothing but themselves."""
    marks = shapely.to_wkb(shapely.normalize(shapes))
    return np.array(sorted(range(len(shapes)), key=lambda k: marks[k]), dtype=np.int64)


def _in_plane(table: gpd.GeoDataFrame) -> Geometries:
    shapes: Geometries = shapely.transform(table.geometry.to_numpy(), _to_plane)
    return shapes


def _to_plane(xy: Floats) -> Floats:
    turn = Transformer.from_crs("EPSG:4326", _PLANE, always_xy=True)
    return np.column_stack(turn.transform(xy[:, 0], xy[:, 1]))


def _to_degrees(xy: Floats) -> Floats:
    turn = Transformer.from_crs(_PLANE, "EPSG:4326", always_xy=True)
    return np.column_stack(turn.transform(xy[:, 0], xy[:, 1]))


def _scale(shapes: Geometries) -> Floats:
    """Return the units of the plane in a metre on the ground, the largest within each shape."""
    box = shapely.bounds(shapes)
    south = box[:, 1]
    farthest = np.where(np.abs(box[:, 3]) > np.abs(south), box[:, 3], south)
    lat = _to_degrees(np.column_stack([np.zeros(farthest.size), farthest]))[:, 1]
    scale: Floats = _EQUATOR_DEGREE_M / metres_per_degree(lat)[0]
    return scale


def _spacing(parts: Geometries) -> Floats:
    scale = _scale(parts)
    width = 2.0 * shapely.area(parts) / shapely.length(parts)
    spacing: Floats = np.clip(width / 3.0, _SPACING_M[0] * scale, _SPACING_M[1] * scale)
    return spacing


def _lines_at(parts: Geometries, rivers: Geometries, tolerance_m: float) -> _Lines:
    """Return the stretches of rivers, and of other areas' banks, that come near each area.

    Stretches that hold together, or will when gaps are closed, are a group. A bank that comes near
    another area belongs to both: it is a group that ties them.
    """
    reach = tolerance_m * _scale(parts)
    around = shapely.buffer(parts, reach)
    lines = shapely.get_parts(rivers)
    shapes, area, group, n = [], [], [], 0
    near = shapely.STRtree(lines).query(around, predicate="intersects")
    for a in np.unique(near[0]):
        mine = shapely.intersection(lines[near[1][near[0] == a]], around[a])
        merged = shapely.get_parts(shapely.line_merge(shapely.union_all(mine)))
        merged = merged[(shapely.length(merged) > 0.0)]
        merged = merged[_by_place(merged)]
        if not merged.size:
            continue
        joined = _groups(merged, reach[a])
        shapes.append(merged)
        area.append(np.full(merged.size, a))
        group.append(n + joined)
        n += int(joined.max(initial=-1)) + 1
    banks = shapely.boundary(parts)
    one, two = shapely.STRtree(parts).query(parts, predicate="dwithin", distance=reach)
    for a, b in sorted(
        {(int(min(p)), int(max(p))) for p in zip(one, two, strict=True) if p[0] != p[1]}
    ):
        run = shapely.intersection(banks[a], shapely.buffer(parts[b], reach[b]))
        merged = shapely.get_parts(shapely.line_merge(run))
        bridges = shapely.get_parts(shapely.shortest_line(merged, parts[b]))
        points = shapely.get_point(bridges, 0)
        for side in (a, b):
            shapes.append(points)
            area.append(np.full(points.size, side))
            group.append(n + np.arange(points.size))
        n += points.size
    if not shapes:
        none = np.empty(0, dtype=np.int64)
        return _Lines(np.empty(0, dtype=object), none, none)
    return _Lines(*(np.concatenate(values) for values in (shapes, area, group)))


def _groups(lines: Geometries, within: float) -> Longs:
    """Give lines a number; those whose ends lie at another line share one."""
    ends = np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    one, two = shapely.STRtree(lines).query(ends, predicate="dwithin", distance=within)
    n = lines.size
    matrix = coo_array((np.ones(one.size, dtype=np.int8), (one % n, two)), (n, n))
    label: Longs = connected_components(matrix, directed=False)[1].astype(np.int64)
    return label


def _touches(skeleton: Skeleton, parts: Geometries, lines: _Lines, tolerance_m: float) -> Touches:
    """Find where lines cross chords, and for groups that cross none where they come nearest."""
    over, line, place = _crossings(skeleton, lines)
    middle = skeleton.node_xy[over]
    away = np.hypot(*(place - middle).T)
    order = np.lexsort((place[:, 1], place[:, 0], away, lines.group[line], over))
    group = lines.group[line][order]
    first = np.ones(order.size, dtype=np.bool_)
    first[1:] = (over[order][1:] != over[order][:-1]) | (group[1:] != group[:-1])
    order, group = order[first], group[first]
    crossing = Touches(over[order], group, place[order], place[order], np.ones(order.size, bool))
    # A bank that ties two areas touches both.
    met = set(zip(lines.area[line].tolist(), lines.group[line].tolist(), strict=True))
    dry = np.array(
        [k for k in range(lines.group.size) if (lines.area[k], lines.group[k]) not in met],
        dtype=np.int64,
    )
    arrival = _arrivals(skeleton, parts, lines, dry, tolerance_m)
    return Touches(*(np.concatenate(pair) for pair in zip(crossing, arrival, strict=True)))


def _crossings(skeleton: Skeleton, lines: _Lines) -> tuple[Longs, Longs, Floats]:
    """Return chord, line and place of every crossing."""
    line, chord = shapely.STRtree(skeleton.chords).query(lines.shape, predicate="intersects")
    same = skeleton.chord_area[chord] == lines.area[line]
    line, chord = line[same], chord[same]
    at = shapely.intersection(skeleton.chords[chord], lines.shape[line])
    place, pair = shapely.get_coordinates(at, return_index=True)
    return chord[pair].astype(np.int64), line[pair].astype(np.int64), place


def _arrivals(
    skeleton: Skeleton, parts: Geometries, lines: _Lines, dry: Longs, tolerance_m: float
) -> Touches:
    """Join lines that cross no chord to the node nearest to where they reach the bank."""
    way = shapely.get_coordinates(shapely.shortest_line(lines.shape[dry], parts[lines.area[dry]]))
    place, bank = way[::2], way[1::2]
    reach = 1.000001 * tolerance_m * _scale(np.asarray(shapely.points(bank)))
    far = np.hypot(*(place - bank).T) > reach
    best: dict[tuple[int, int], tuple[float, float, float, int]] = {}
    for k in np.flatnonzero(~far):
        key = (int(lines.area[dry[k]]), int(lines.group[dry[k]]))
        x, y = place[k].tolist()
        rank = (float(np.hypot(*(place[k] - bank[k]))), x, y, int(k))
        best[key] = min(best.get(key, rank), rank)
    chosen = np.array(sorted(rank[-1] for rank in best.values()), dtype=np.int64)
    node = _nodes_at(skeleton, bank[chosen], lines.area[dry[chosen]])
    return Touches(
        node,
        lines.group[dry[chosen]],
        place[chosen],
        bank[chosen],
        np.zeros(chosen.size, dtype=np.bool_),
    )


def _nodes_at(skeleton: Skeleton, bank: Floats, area: Longs) -> Longs:
    """Return for places on banks the nearest node of a triangle there."""
    at, triangle = shapely.STRtree(skeleton.triangles).query(
        shapely.points(bank), predicate="dwithin", distance=0.01
    )
    same = skeleton.area[triangle] == area[at]
    at, triangle = at[same], triangle[same]
    node = np.column_stack([skeleton.chord[triangle], skeleton.hub[triangle]])
    at, node = np.repeat(at, 4), node.ravel()
    at, node = at[node >= 0], node[node >= 0]
    away = np.hypot(*(skeleton.node_xy[node] - bank[at]).T)
    order = np.lexsort((node, away, at))
    found, first = np.unique(at[order], return_index=True)
    nodes = np.full(len(bank), -1, dtype=np.int64)
    nodes[found] = node[order][first]
    return nodes


def _as_lines(
    links: Links, skeleton: Skeleton, areas: Geometries, names: npt.NDArray[np.object_]
) -> gpd.GeoDataFrame:
    """Put links end to end, smooth them, and bring them back to degrees."""
    if not links.node.size:
        return _table([], [], [])
    label = _names_at(links.path[:, 1], areas, names)
    n = len(skeleton.node_xy)
    run = _runs(links, label, n)
    half = skeleton.half_width[links.node]
    inner = links.other < n
    half[inner] = 0.5 * (half[inner] + skeleton.half_width[links.other[inner]])
    weight = np.bincount(run, links.length)
    width = np.bincount(run, links.length * half)
    width = np.divide(width, weight, out=np.zeros(weight.size), where=weight > 0.0)
    order = np.argsort(run, kind="stable")
    pieces = np.asarray(shapely.linestrings(links.path[order]))
    lines = shapely.line_merge(shapely.multilinestrings(pieces, indices=run[order]))
    lines = np.asarray(shapely.simplify(lines, _SMOOTHING * width))
    names_of = np.empty(width.size, dtype=object)
    names_of[run] = label
    width_m = 2.0 * width / _scale(lines)
    order = _by_place(lines)
    shapes = shapely.transform(lines[order], _to_degrees)
    return _table(shapes, names_of[order], width_m[order])


def _names_at(
    places: Floats, areas: Geometries, names: npt.NDArray[np.object_]
) -> npt.NDArray[np.object_]:
    """Return the name of the area at each place, "" where it has none."""
    named = np.flatnonzero(names != "")
    label = np.full(len(places), "", dtype=object)
    points = shapely.points(places)
    at, area = shapely.STRtree(areas[named]).query(points, predicate="intersects")
    found, first = np.unique(at, return_index=True)
    label[found] = names[named][area[first]]
    return label


def _runs(links: Links, label: npt.NDArray[np.object_], n_nodes: int) -> Longs:
    """Give links a number; those of one name between two forks share one."""
    n = links.node.size
    link = np.tile(np.arange(n), 2)
    node = np.concatenate([links.node, links.other])
    code = pd.factorize(label)[0]
    at_node = node < n_nodes
    link, node = link[at_node], node[at_node]
    order = np.argsort(node, kind="stable")
    link, node = link[order], node[order]
    passed = np.flatnonzero((np.bincount(node, minlength=n_nodes) == 2)[node])
    one, two = link[passed[::2]], link[passed[1::2]]
    same = code[one] == code[two]
    matrix = coo_array((np.ones(int(same.sum()), np.int8), (one[same], two[same])), (n, n))
    runs: Longs = connected_components(matrix, directed=False)[1].astype(np.int64)
    return runs


def _table(shapes: object, names: object, width_m: object) -> gpd.GeoDataFrame:
    columns = {
        "name": pd.Series(names, dtype=object),
        "width_m": pd.Series(width_m, dtype=np.float64),
    }
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(shapes, crs="EPSG:4326"))
