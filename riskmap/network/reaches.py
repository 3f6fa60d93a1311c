"""Reaches: stretches of water between nodes, as flat arrays in an order of their own (model §1).

`build_reaches` makes them from river lines, `split_reaches` cuts them where something attaches.
How the faults of lines are mended is in `riskmap.network.noding`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from numba import njit

from riskmap.errors import NetworkError, Problem
from riskmap.geodesy import fractions_at, vertex_measures_km
from riskmap.network.arcs import Bools, Floats, Geometries, Ints, order_of_rows
from riskmap.network.cutting import Pieces
from riskmap.network.noding import node_lines
from riskmap.network.runs import take_lines, take_runs
from riskmap.report import Note
from riskmap.settings import FlowDirection

#: A cut nearer than this to the end of a reach is that end, km.
SAME_PLACE_KM = 1e-6
#: A vertex nearer to a cut than this is the cut, degrees: a tenth of what cuts are apart at least.
_SAME_DEG = 1e-9
_ATTRIBUTES = (
    "strahler_order",
    "discharge_m3s",
    "width_m",
    "downstream_kmh",
    "upstream_kmh",
    "navigable",
)


@dataclass(frozen=True, slots=True)
class Reaches:
    """Hold the reaches of a network; nodes are in order of place, reaches of their nodes.

    Attributes
    ----------
    coords
        Vertices of all reaches, degrees, shape (n_vertices, 2); a reach runs from u to v.
    offsets
        First vertex of each reach, and the total, shape (n_reaches + 1,).
    u, v
        Nodes; u is the upstream end where `flow_known`.
    node_xy
        Place of each node, degrees, shape (n_nodes, 2).
    length_km
        Length on the ellipsoid.
    source_id
        Row number of the river line, −1 for a derived line.
    name
        Name of the waterway, "" where unknown.
    mode
        0 river, 1 road, 2 landing.
    flow_known
        Whether the direction of flow is known.
    attributes
        Further attributes of the river lines by name.
    notes
        What was mended.
    """

    coords: Floats
    offsets: npt.NDArray[np.int64]
    u: Ints
    v: Ints
    node_xy: Floats
    length_km: Floats
    source_id: Ints
    name: Geometries
    mode: npt.NDArray[np.uint8]
    flow_known: Bools
    attributes: Mapping[str, np.ndarray]
    notes: tuple[Note, ...]


def build_reaches(
    rivers: gpd.GeoDataFrame,
    *,
    snap_tolerance_m: float,
    flow_direction: FlowDirection = "digitised",
    centre_lines: gpd.GeoDataFrame | None = None,
) -> Reaches:
    """Build the reaches of a network from river lines.

    Parameters
    ----------
    rivers
        Canonical river lines, EPSG:4326, indexed by row number.
    snap_tolerance_m
        Gaps up to this are closed, m.
    flow_direction
        How the lines were digitised: first vertex upstream, last vertex upstream, or unknown; to
        be inferred is unknown here.
    centre_lines
        Further lines that no row stands for, with `name` and `width_m`; their flow is unknown.

    Raises
    ------
    NetworkError
        Where no line is left.
    """
    if centre_lines is not None:
        rivers = _with_derived(rivers, centre_lines)
    columns = {name: _Coded(*_factorize(rivers[name])) for name in ("name", *_ATTRIBUTES)}
    number = rivers.index.to_numpy(dtype=np.int32)
    pieces, notes = node_lines(
        rivers.geometry.to_numpy(),
        row=number,
        rank=_ranks(number, columns),
        tolerance_m=snap_tolerance_m,
    )
    if not pieces.line.size:
        raise NetworkError(
            Problem("rivers", None, "no line is longer than the tolerance", "check the layer")
        )
    return _assemble(
        pieces,
        number,
        columns,
        turned=pieces.forward == (flow_direction == "reversed"),
        flow_known=flow_direction in ("digitised", "reversed"),
        notes=notes,
    )


def _with_derived(rivers: gpd.GeoDataFrame, lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Put derived lines under the river lines, with row number −1 and what is known of them."""
    columns = ["name", *_ATTRIBUTES]
    derived = pd.DataFrame({"name": lines["name"].to_numpy(dtype=object)})
    for name in _ATTRIBUTES:
        derived[name] = np.nan
    derived["width_m"] = lines["width_m"].to_numpy()
    derived["navigable"] = "both"
    rows = {name: [*rivers[name], *derived[name]] for name in columns}
    index = np.concatenate([rivers.index.to_numpy(), np.full(len(lines), -1)])
    shapes = [*rivers.geometry, *lines.geometry]
    return gpd.GeoDataFrame(rows, index=index, geometry=shapes, crs=rivers.crs)


class _Coded(NamedTuple):
    """Hold a column: row i has the value `distinct[code[i]]`; those are in order, none last."""

    code: npt.NDArray[np.int64]
    distinct: np.ndarray

    def at(self, row: npt.NDArray[np.int64]) -> np.ndarray:
        """Return the values of some rows."""
        values: np.ndarray = self.distinct[self.code[row]]
        return values


def _factorize(column: pd.Series) -> tuple[npt.NDArray[np.int64], np.ndarray]:
    """Return codes and values of a column; text as objects."""
    code, values = pd.factorize(column, sort=True, use_na_sentinel=False)
    kind = None if column.dtype.kind in "bif" else object
    return code.astype(np.int64), np.asarray(values, dtype=kind)


def _ranks(number: Ints, columns: Mapping[str, _Coded]) -> npt.NDArray[np.int64]:
    """Return the rank of each row by what it says: which of two equal lines stays.

    Lines of rows come before derived ones, names before none, and the rest is any order that does
    not depend on the rows'.
    """
    name = columns["name"]
    rank = np.where(number < 0, 2, 0) + (name.distinct == "")[name.code]
    for code, distinct in columns.values():
        if len(distinct) > 1:
            rank = pd.factorize(rank * len(distinct) + code, sort=True)[0]
    return np.asarray(rank, dtype=np.int64)


def _assemble(
    pieces: Pieces,
    number: Ints,
    columns: Mapping[str, _Coded],
    *,
    turned: Bools,
    flow_known: bool,
    notes: tuple[Note, ...],
) -> Reaches:
    """Put pieces of lines and the attributes of their rows together, upstream ends first."""
    source = number[pieces.line]
    new, node_xy = _number_nodes(_places_of_nodes(pieces), pieces.u, pieces.v)
    u, v = new[pieces.u], new[pieces.v]
    u, v = np.where(turned, v, u), np.where(turned, u, v)
    order = _order(u, v, pieces.length_km, source)
    coords, offsets = take_runs(
        pieces.coords, pieces.first[order], pieces.last[order], turned[order]
    )
    source, row = source[order], pieces.line[order]
    return Reaches(
        coords,
        offsets,
        u[order],
        v[order],
        node_xy,
        pieces.length_km[order],
        source,
        columns["name"].at(row),
        np.zeros(u.size, dtype=np.uint8),
        flow_known & (source >= 0),
        {name: columns[name].at(row) for name in _ATTRIBUTES},
        notes,
    )


def _places_of_nodes(pieces: Pieces) -> Floats:
    """Return the place of each node that pieces have."""
    node_xy = np.empty((int(max(pieces.u.max(), pieces.v.max())) + 1, 2))
    _put_places(node_xy, pieces.u, pieces.coords, pieces.first)
    _put_places(node_xy, pieces.v, pieces.coords, pieces.last)
    return node_xy


@njit(cache=True)
def _put_places(  # pragma: no cover
    node_xy: Floats, node: Ints, coords: Floats, vertex: npt.NDArray[np.int64]
) -> None:
    for k in range(node.size):
        node_xy[node[k], 0], node_xy[node[k], 1] = coords[vertex[k], 0], coords[vertex[k], 1]


def turn_reaches(reaches: Reaches, turned: Bools) -> Reaches:
    """Return the network with some reaches turned round, in its own order.

    Parameters
    ----------
    reaches
        The network.
    turned
        Reaches whose u and v change places, shape (n_reaches,).
    """
    u = np.where(turned, reaches.v, reaches.u)
    v = np.where(turned, reaches.u, reaches.v)
    return _in_order(replace(reaches, u=u, v=v), turned)[0]


def draw_lines(coords: Floats, offsets: npt.NDArray[np.int64]) -> Geometries:
    """Return a line for each run of vertices, in the plane of the coordinates."""
    kind = shapely.GeometryType.LINESTRING
    lines: Geometries = shapely.from_ragged_array(kind, coords, (offsets,))
    return lines


def split_reaches(reaches: Reaches, *, reach: Ints, measure_km: Floats) -> tuple[Reaches, Ints]:
    """Cut reaches at measures, and return them with the node of every cut.

    A cut within a millimetre of an end of its reach is that end, and cuts at one place are one
    node. The parts of a reach keep its attributes, and their lengths add up to its own.

    Parameters
    ----------
    reaches
        The network.
    reach
        Reach of each cut, shape (n_cuts,).
    measure_km
        Distance of each cut from the reach's first node, along it.

    Returns
    -------
    Reaches
        The network, cut, in its own order.
    ndarray
        Node of each cut, in the order asked for, shape (n_cuts,).
    """
    reach = np.asarray(reach, dtype=np.int64)
    length = reaches.length_km[reach]
    at = np.clip(np.asarray(measure_km, dtype=np.float64), 0.0, length)
    first, last = at <= SAME_PLACE_KM, length - at <= SAME_PLACE_KM
    node = np.where(first, reaches.u[reach], reaches.v[reach]).astype(np.int32)
    inner = np.flatnonzero(~(first | last))
    cut_reach, cut_km, cut_of = _distinct(reach[inner], at[inner])
    n_nodes = reaches.node_xy.shape[0]
    node[inner] = n_nodes + cut_of
    cut, order = _in_order(_cut(reaches, cut_reach, cut_km))
    return cut, order[node]


def _distinct(reach: np.ndarray, km: Floats) -> tuple[np.ndarray, Floats, np.ndarray]:
    """Return the places of cuts, each once, in order, and the place of every cut."""
    order = np.lexsort((km, reach))
    r, k = reach[order], km[order]
    new = np.ones(order.size, dtype=np.bool_)
    new[1:] = (r[1:] != r[:-1]) | (k[1:] - k[:-1] > SAME_PLACE_KM)
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.cumsum(new) - 1
    return r[new], k[new], place


def _cut(reaches: Reaches, cut_reach: np.ndarray, cut_km: Floats) -> Reaches:
    """Cut reaches at places that lie inside them, sorted by reach and measure."""
    n, n_cuts, n_nodes = reaches.u.size, cut_reach.size, reaches.node_xy.shape[0]
    after, xy = _places(reaches, cut_reach, cut_km)
    of = np.repeat(np.arange(n), np.bincount(cut_reach, minlength=n) + 1)
    opening = np.ones(n + n_cuts, dtype=np.bool_)
    opening[1:] = of[1:] != of[:-1]
    closing = np.append(opening[1:], True)
    # A cut stands twice in the list of vertices: it ends one part and begins the next.
    coords = np.insert(reaches.coords, np.repeat(after, 2), np.repeat(xy, 2, axis=0), axis=0)
    first = reaches.offsets[of] + 2 * (np.arange(of.size) - of)
    first[~opening] = after + 2 * np.arange(n_cuts) + 1
    offsets = np.append(first, coords.shape[0])
    coords, offsets = _without_repeats(coords, offsets, closing, opening)
    u, v = reaches.u[of].copy(), reaches.v[of].copy()
    begin, end = np.zeros(of.size), reaches.length_km[of].copy()
    new_nodes = (n_nodes + np.arange(n_cuts)).astype(np.int32)
    u[~opening], begin[~opening] = new_nodes, cut_km
    v[~closing], end[~closing] = new_nodes, cut_km
    return Reaches(
        coords,
        offsets,
        u,
        v,
        np.concatenate([reaches.node_xy, xy]),
        end - begin,
        reaches.source_id[of],
        reaches.name[of],
        reaches.mode[of],
        reaches.flow_known[of],
        {name: values[of] for name, values in reaches.attributes.items()},
        reaches.notes,
    )


def _places(
    reaches: Reaches, reach: np.ndarray, km: Floats
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the first vertex beyond each measure, and the point of it, degrees."""
    held, which = np.unique(reach, return_inverse=True)
    coords, offsets = take_lines(
        reaches.coords, reaches.offsets, held, np.zeros(held.size, dtype=np.bool_)
    )
    measures = vertex_measures_km(coords, offsets)
    owner = np.repeat(np.arange(held.size), np.diff(offsets))
    # A reach that was cut before is as long as it was in the whole, to a hair.
    ends = measures[offsets[1:] - 1]
    length = reaches.length_km[held]
    measures *= np.divide(length, ends, out=np.ones(held.size), where=ends > 0.0)[owner]
    # Measures become one rising sequence over all reaches, so that one search finds them all.
    span = float(length.max(initial=0.0)) + 1.0
    k = np.searchsorted(measures + owner * span, km + which * span, side="right")
    k = np.clip(k, offsets[which] + 1, offsets[which + 1] - 1)
    before, after = measures[k - 1], measures[k]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(after > before, (km - before) / (after - before), 0.0)
    t = fractions_at(coords, k - 1, np.clip(share, 0.0, 1.0))[:, None]
    places: Floats = coords[k - 1] * (1.0 - t) + coords[k] * t
    return k - offsets[which] + reaches.offsets[reach], places


def _without_repeats(
    coords: Floats, offsets: npt.NDArray[np.int64], closing: Bools, opening: Bools
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Leave out vertices of lines that stand where a cut does.

    `closing` and `opening` are the parts that end and begin at an end of their reach, not at a cut.
    """
    last, first = offsets[1:][~closing] - 1, offsets[:-1][~opening]
    gone = np.concatenate(
        [
            last[(np.abs(coords[last] - coords[last - 1]) < _SAME_DEG).all(axis=1)] - 1,
            first[(np.abs(coords[first] - coords[first + 1]) < _SAME_DEG).all(axis=1)] + 1,
        ]
    )
    if not gone.size:
        return coords, offsets
    gone.sort()
    return np.delete(coords, gone, axis=0), offsets - np.searchsorted(gone, offsets)


def _in_order(reaches: Reaches, turned: Bools | None = None) -> tuple[Reaches, Ints]:
    """Renumber nodes by place and sort reaches by nodes and length; return also old → new node.

    `turned` are the reaches whose vertices still run from their last node to their first.
    """
    new, node_xy = _number_nodes(reaches.node_xy, reaches.u, reaches.v)
    u, v = new[reaches.u], new[reaches.v]
    order = _order(u, v, reaches.length_km, reaches.source_id)
    turn = np.zeros(u.size, dtype=np.bool_) if turned is None else turned
    coords, offsets = take_lines(reaches.coords, reaches.offsets, order, turn[order])
    return (
        Reaches(
            coords,
            offsets,
            u[order],
            v[order],
            node_xy,
            reaches.length_km[order],
            reaches.source_id[order],
            reaches.name[order],
            reaches.mode[order],
            reaches.flow_known[order],
            {name: values[order] for name, values in reaches.attributes.items()},
            reaches.notes,
        ),
        new,
    )


def _number_nodes(xy: Floats, u: Ints, v: Ints) -> tuple[Ints, Floats]:
    """Return the new number of each node, those that reaches have first, by place; and places."""
    used = np.zeros(xy.shape[0], dtype=np.bool_)
    used[u] = used[v] = True
    by_place = order_of_rows(np.where(used, xy[:, 0], np.inf), xy[:, 1])
    new = np.empty(xy.shape[0], dtype=np.int32)
    new[by_place] = np.arange(xy.shape[0], dtype=np.int32)
    return new, xy[by_place[: int(used.sum())]]


def _order(u: Ints, v: Ints, length_km: Floats, source_id: Ints) -> npt.NDArray[np.int64]:
    """Return the order of reaches: by nodes, then length, then row."""
    nodes = int(max(u.max(initial=0), v.max(initial=0))) + 1
    return order_of_rows(u.astype(np.int64) * nodes + v, length_km, source_id)
