"""Second digitisations of which only a part runs beside another line.

Where two or three drawings of one water break up at different nodes, no piece has a copy with the
same ends. But each of them runs, within the tolerance, along a way over other pieces between its
two nodes: it is then a second drawing of that way, and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import networkx as nx
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer

from riskmap.geodesy import metres_per_degree
from riskmap.network.arcs import Floats, Geometries, Ints, group_by
from riskmap.network.bridges import find_bridges
from riskmap.network.chains import trace_chains
from riskmap.network.cutting import Pieces, take_pieces
from riskmap.network.mends import Mends

_ROUNDING_M = 1e-3


@dataclass(frozen=True, slots=True)
class _Strands:
    """Hold chains of pieces between decision nodes, on rings of the network.

    `piece[start[c] : start[c + 1]]` are the pieces of strand c, `line` its course in the metres of
    a Mercator map, `ends` its two nodes, `tolerance` the tolerance in those metres.
    """

    start: npt.NDArray[np.int64]
    piece: Ints
    ends: Ints
    line: Geometries
    tolerance: Floats


def leave_out_detours(pieces: Pieces, *, tolerance_m: float, mends: Mends) -> Pieces:
    """Leave out pieces that run along a way over others from end to end.

    Parameters
    ----------
    pieces
        A noded network.
    tolerance_m
        How far beside the way they may run, m.
    mends
        Where what is left out is told.
    """
    while True:
        gone = _detours(pieces, tolerance_m)
        if not gone.size:
            return replace(pieces, notes=mends.notes())
        first = pieces.coords[pieces.offsets[gone]]
        mends.add("a second digitisation of a reach was left out", pieces.line[gone], first)
        kept = np.ones(pieces.u.size, dtype=np.bool_)
        kept[gone] = False
        pieces = take_pieces(pieces, np.flatnonzero(kept))


def _detours(pieces: Pieces, tolerance_m: float) -> Ints:
    """Return the pieces of strands that run along others."""
    strands = _strands(pieces, tolerance_m)
    beside = _beside(strands)
    alive = np.ones(strands.line.size, dtype=np.bool_)
    # The longest first: the finer pieces keep the nodes where other water comes in.
    length = np.round(shapely.length(strands.line), 3)
    for c in sorted(beside, key=lambda c: (-length[c], _key(strands, c))):
        others = [k for k in beside[c] if alive[k]]
        if _runs_along(strands, c, others):
            alive[c] = False
    dead = np.flatnonzero(~alive)
    runs = [strands.piece[strands.start[c] : strands.start[c + 1]] for c in dead]
    none = np.empty(0, dtype=np.int32)
    return np.concatenate(runs).astype(np.int32) if runs else none


def _key(strands: _Strands, c: int) -> bytes:
    """Return what orders strands of one length, whichever way they were drawn."""
    xy = np.round(shapely.get_coordinates(strands.line[c]), 3)
    return min(xy.tobytes(), xy[::-1].tobytes())


def _strands(pieces: Pieces, tolerance_m: float) -> _Strands:
    """Chain the pieces that lie on rings: nothing else can have a way round."""
    ends = np.column_stack([pieces.u, pieces.v]).astype(np.int32)
    n = int(ends.max(initial=-1)) + 1
    ring = np.flatnonzero(~find_bridges(ends, n) & (ends[:, 0] != ends[:, 1])).astype(np.int32)
    mine = ends[ring]
    decision = np.bincount(ends.ravel(), minlength=n) != 2
    start, slot = group_by(mine.ravel(), n)
    chain_start, _, node, edge = trace_chains(start, slot // 2, mine, decision)
    inner = edge >= 0
    bounds = np.concatenate([[0], np.cumsum(np.diff(chain_start) - 1)]).astype(np.int64)
    piece = ring[edge[inner]]
    with_piece = node[inner] == pieces.u[piece]
    lines = [
        _course(pieces, piece[low:high], with_piece[low:high]) for low, high in pairwise(bounds)
    ]
    first, last = node[chain_start[:-1]], node[chain_start[1:] - 1]
    line = np.array(lines, dtype=object)
    latitude = pieces.coords[pieces.offsets[piece[bounds[:-1]]], 1] if line.size else np.empty(0)
    scale = metres_per_degree(np.zeros(latitude.size))[0] / metres_per_degree(latitude)[0]
    return _Strands(
        bounds, piece, np.column_stack([first, last]), line, tolerance_m * scale + _ROUNDING_M
    )


def _course(pieces: Pieces, rows: Ints, with_piece: npt.NDArray[np.bool_]) -> shapely.LineString:
    """Return pieces end to end, in Mercator metres."""
    parts = []
    for row, ahead in zip(rows, with_piece, strict=True):
        xy = pieces.coords[pieces.offsets[row] : pieces.offsets[row + 1]]
        parts.append(xy if ahead else xy[::-1])
    xy = np.concatenate(parts)
    return shapely.LineString(np.column_stack(_MERCATOR.transform(xy[:, 0], xy[:, 1])))


_MERCATOR = Transformer.from_crs(4326, 3395, always_xy=True)


def _beside(strands: _Strands) -> dict[int, list[int]]:
    """Return the strands that have others beside their middle, with all that are near them."""
    if not strands.line.size:
        return {}
    tree = shapely.STRtree(strands.line)
    middle = shapely.line_interpolate_point(strands.line, 0.5, normalized=True)
    one, other = tree.query(middle, predicate="dwithin", distance=strands.tolerance)
    some = np.unique(one[one != other])
    found: dict[int, list[int]] = {int(c): [] for c in some}
    one, other = tree.query(
        strands.line[some], predicate="dwithin", distance=strands.tolerance[some]
    )
    for c, k in zip(some[one].tolist(), other.tolist(), strict=True):
        if c != k:
            found[c].append(k)
    return found


def _runs_along(strands: _Strands, c: int, others: list[int]) -> bool:
    """Tell whether a way over other strands runs along one from its first node to its last."""
    line, tolerance = strands.line[c], float(strands.tolerance[c])
    u, v = strands.ends[c].tolist()
    if u == v or not others:
        return False
    around = line.buffer(tolerance)
    near = [k for k in others if shapely.covers(around, strands.line[k])]
    graph: nx.Graph[int] = nx.Graph()
    for k in near:
        graph.add_edge(*strands.ends[k].tolist(), strand=k)
    if u not in graph or v not in graph or not nx.has_path(graph, u, v):
        return False
    nodes = nx.shortest_path(graph, u, v)
    way = [strands.line[graph.edges[pair]["strand"]] for pair in pairwise(nodes)]
    return bool(shapely.covers(shapely.union_all(way).buffer(tolerance), line))
