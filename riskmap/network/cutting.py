"""Chains to pieces: cut at nodes, moved to where the nodes stand, second copies left out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from riskmap.geodesy import run_lengths_km, scale_at
from riskmap.network.arcs import Bools, Floats, Ints
from riskmap.network.digitisations import Drawn, leave_seconds
from riskmap.network.grids import LINES_A_THREAD
from riskmap.network.joining import Chains, Longs, line_at, point
from riskmap.network.mends import Mends
from riskmap.network.nearness import SAME_PLACE_M, Lines
from riskmap.network.runs import rows_of_runs
from riskmap.threads import in_parts

#: Vertices nearer to each other than this are one place, degrees: a millimetre.
_SAME_DEG = 1e-8
#: What becomes of a row: it is added, takes the place of the one before, or is left out.
_APPEND, _REPLACE, _DROP = 0, 1, 2
#: The shift of an end fades out over so many tolerances of its line.
EASED = 4.0


class Pieces(NamedTuple):
    """Hold pieces of lines between nodes.

    Attributes
    ----------
    coords
        Vertices, degrees.
    first, last
        First and last vertex of each piece: two may share one, at their node.
    u, v
        Nodes that each piece begins and ends at.
    line
        Line that most of each piece comes from.
    forward
        Whether the piece runs as its line does.
    length_km
        Length on the ellipsoid.
    """

    coords: Floats
    first: Longs
    last: Longs
    u: Ints
    v: Ints
    line: Longs
    forward: Bools
    length_km: Floats


@dataclass(frozen=True, slots=True)
class Cuts:
    """Hold the cuts of chains, sorted by chain and measure, and the place of every node.

    Nodes 0 … are the clusters of ends; crossings follow.
    """

    segment: Longs
    t: Floats
    at_m: Floats
    node: Longs
    node_xy: Floats


class _Stretches(NamedTuple):
    """Hold first and last row of stretches between nodes other than joints, and their length."""

    first: Longs
    last: Longs
    length_km: Floats


class _Marks(NamedTuple):
    """Hold where rows are nodes, or are added: at which vertex or segment, the node and its place.

    Sorted by chain and measure; `start` is the first of each chain, and the total. The fraction `t`
    along the segment is 0 at its vertex. A mark of the node −1 is a vertex that is added.
    """

    start: Longs
    segment: Longs
    t: Floats
    node: Longs
    xy: Floats


class _Laid(NamedTuple):
    """Hold rows as they are laid: their place, and which of them are nodes.

    Chain c has room for the rows `start[c]` … `start[c + 1] − 1`, and for as many nodes in
    `stop_start`; −1 where that is not needed. `begin` is the first row of each line of the chains.
    """

    xy: Floats
    start: Longs
    stop: Longs
    stop_node: Ints
    stop_start: Longs
    begin: Longs


@dataclass(frozen=True, slots=True)
class Rows:
    """Hold the vertices and cuts of chains in order.

    Attributes
    ----------
    xy
        Place of each row, degrees.
    stop, node
        Rows that are nodes, in order, and which; nodes from `first_joint` on are joints, where a
        line was cut by whoever drew it.
    opens
        Whether each of them is the first of its chain.
    begin, line
        First row of each line that the chains are made of, in order, and which line it is.
    first_joint
        The first node that is a joint.
    """

    xy: Floats
    stop: Longs
    node: Ints
    opens: Bools
    begin: Longs
    line: Longs
    first_joint: int


def cut_chains(chains: Chains, ends: Longs, cluster: Longs, cuts: Cuts, tolerance_m: float) -> Rows:
    """Cut chains at nodes and joints, and move their ends and cuts to where the nodes stand."""
    lines = chains.lines
    n = lines.first.size
    shift, reach, bends = _find_bends(lines, ends, cluster, cuts, tolerance_m)
    cutting = _sorted_cuts(lines, cuts, bends)
    joint = _own_joints(chains, cuts, cluster, tolerance_m)
    _shift_ends(lines, shift, reach)
    standing = _standing(lines, cluster, cuts.node_xy, joint)
    own_cuts = np.diff(cutting.start)
    start, stop_start = np.zeros((2, n + 1), dtype=np.int64)
    np.cumsum(lines.last + 1 - lines.first + own_cuts, out=start[1:])
    np.cumsum(np.diff(standing.start) + own_cuts, out=stop_start[1:])
    stop = np.full(stop_start[-1], -1)
    laid = _Laid(
        np.empty((start[-1], 2)),
        start,
        stop,
        np.empty(stop.size, dtype=np.int32),
        stop_start,
        np.empty_like(chains.begin),
    )
    in_parts(
        lambda low, high: _lay_rows(
            lines, chains.begin, chains.part, standing, cutting, laid, low, high
        ),
        n,
        least=LINES_A_THREAD,
    )
    opens = np.zeros(stop.size, dtype=np.bool_)
    opens[stop_start[:-1]] = True
    real = np.flatnonzero(stop >= 0)
    node, first_joint = laid.stop_node[real], cuts.node_xy.shape[0]
    return Rows(laid.xy, stop[real], node, opens[real], laid.begin, chains.line, first_joint)


def _sorted_cuts(lines: Lines, cuts: Cuts, bends: tuple[Longs, Floats]) -> _Marks:
    """Put cuts and vertices that are added in order."""
    segment = np.concatenate([cuts.segment, bends[0]])
    t = np.concatenate([cuts.t, bends[1]])
    node = np.concatenate([cuts.node, np.full(bends[0].size, -1)])
    xy = np.concatenate([cuts.node_xy.take(cuts.node, axis=0), point(lines, *bends)])
    order = np.lexsort((_ahead(lines, segment, t, xy), t, segment))
    return _marks(lines, segment[order], t[order], node[order], xy[order])


def _standing(lines: Lines, cluster: Longs, node_xy: Floats, joint: Longs) -> _Marks:
    """Put the nodes that stand at vertices in order: those of the ends, and a new one a joint."""
    vertex = np.concatenate([lines.first, joint, lines.last])
    own = len(node_xy) + np.arange(joint.size)
    node = np.concatenate([cluster[0::2], own, cluster[1::2]])
    order = np.argsort(vertex, kind="stable")
    node = node[order]
    places = np.concatenate([node_xy, lines.xy.take(joint, axis=0)])
    return _marks(lines, vertex[order], np.zeros(node.size), node, places.take(node, axis=0))


def _marks(lines: Lines, segment: Longs, t: Floats, node: Longs, xy: Floats) -> _Marks:
    start = np.searchsorted(segment, np.append(lines.first, len(lines.xy)))
    return _Marks(start, segment, t, node, xy)


def _ahead(lines: Lines, segment: Longs, t: Floats, place: Floats) -> Floats:
    """Return how far ahead along the line nodes stand: the order of cuts at one vertex."""
    low = np.where(t > 0.0, segment, np.maximum(segment - 1, 0))
    way = lines.xy[segment + 1] - lines.xy[low]
    ahead: Floats = ((place - lines.xy[segment]) * way).sum(axis=1)
    return ahead


def _find_bends(
    lines: Lines, ends: Longs, cluster: Longs, cuts: Cuts, tolerance_m: float
) -> tuple[Floats, Floats, tuple[Longs, Floats]]:
    """Find how ends of chains are moved to their nodes, and what is near them with them, ever less.

    The shift fades out over a stated length of line, so that it does not depend on which vertices
    the line has there. Returns the shifts, degrees, over which length, m, and where on which
    segments they end.
    """
    chain = line_at(lines, cuts.segment)
    length = lines.along_m[lines.last]
    free = np.repeat(np.minimum(EASED * tolerance_m, 0.5 * length), 2)
    reach = free.copy()
    np.minimum.at(reach, 2 * chain, cuts.at_m)
    np.minimum.at(reach, 2 * chain + 1, length[chain] - cuts.at_m)
    shift = cuts.node_xy.take(cluster, axis=0) - lines.xy.take(ends, axis=0)
    moved = np.flatnonzero((shift[:, 0] != 0.0) | (shift[:, 1] != 0.0))
    segment = _segments_at(lines, moved, reach)
    span = lines.along_m[segment + 1] - lines.along_m[segment]
    last = lines.last[moved // 2]
    at = np.where(moved % 2 == 0, reach[moved], lines.along_m[last] - reach[moved])
    t = (at - lines.along_m[segment]) / span
    # Where a cut ends the shift the cut is the bend.
    inside = (reach[moved] == free[moved]) & (t > 0.0) & (t < 1.0)
    return shift, reach, (segment[inside], t[inside])


@njit(cache=True)
def _segments_at(lines: Lines, moved: Longs, reach: Floats) -> Longs:  # pragma: no cover
    """Return the segment on which the reach of each moved end lies."""
    segment = np.empty(moved.size, dtype=np.int64)
    first, last, along = lines.first, lines.last, lines.along_m
    for k in range(moved.size):
        begin, end = first[moved[k] // 2], last[moved[k] // 2]
        step = 1 if moved[k] % 2 == 0 else -1
        vertex = begin if step == 1 else end
        origin = along[vertex]
        while begin <= vertex <= end and abs(along[vertex] - origin) < reach[moved[k]]:
            vertex += step
        segment[k] = min(max(vertex - 1 if step == 1 else vertex, begin), end - 1)
    return segment


@njit(cache=True)
def _shift_ends(lines: Lines, shift: Floats, reach: Floats) -> None:  # pragma: no cover
    """Shift the ends of chains and the vertices near them, in place."""
    xy, first, last, along = lines.xy, lines.first, lines.last, lines.along_m
    for end in range(reach.size):
        if shift[end, 0] == 0.0 and shift[end, 1] == 0.0:
            continue
        step = 1 if end % 2 == 0 else -1
        vertex = first[end // 2] if step == 1 else last[end // 2]
        origin = along[vertex]
        while first[end // 2] <= vertex <= last[end // 2]:
            left = 1.0 - abs(along[vertex] - origin) / max(reach[end], 1e-9)
            if left <= 0.0:
                break
            xy[vertex, 0] += left * shift[end, 0]
            xy[vertex, 1] += left * shift[end, 1]
            vertex += step


def _own_joints(chains: Chains, cuts: Cuts, cluster: Longs, tolerance_m: float) -> Longs:
    """Return the joints that are nodes of their own: none is that stands beside a cut or an end."""
    lines = chains.lines
    joint, chain = chains.joints()
    at = lines.along_m[joint]
    span = float(lines.along_m.max(initial=0.0)) + 10.0 * (tolerance_m + 1.0)
    mine = chain * span + at
    keys = np.sort(line_at(lines, cuts.segment) * span + cuts.at_m)
    keys = np.concatenate([[-np.inf], keys, [np.inf]])
    k = np.searchsorted(keys, mine)
    beside = np.minimum(mine - keys[k - 1], keys[k] - mine) <= tolerance_m
    alone = np.bincount(cluster) == 1
    last = lines.along_m[lines.last[chain]]
    beside |= ~alone[cluster[2 * chain]] & (at <= tolerance_m)
    beside |= ~alone[cluster[2 * chain + 1]] & (last - at <= tolerance_m)
    own: Longs = joint[~beside]
    return own


@njit(cache=True, nogil=True)
def _lay_rows(  # pragma: no cover
    lines: Lines,
    line_begin: Longs,
    part: Longs,
    standing: _Marks,
    cutting: _Marks,
    laid: _Laid,
    low: int,
    high: int,
) -> None:
    """Lay vertices and cuts of the chains low … high − 1 in order; a vertex gives way to a cut."""
    # Arrays are taken out of their tuples once, and no function is given any: in a loop each
    # taking and each call would count references.
    xy, begin, end = lines.xy, lines.first, lines.last
    stand_start, stand, _, stand_node, stand_xy = standing
    cut_start, cut_segment, cut_t, cut_node, cut_xy = cutting
    out, start, stop, stop_node, stop_start, row_begin = laid
    for chain in range(low, high):
        k, s, p = start[chain], stop_start[chain], part[chain]
        j, c, end_c = stand_start[chain], cut_start[chain], cut_start[chain + 1]
        before, last_x, last_y = -1, math.inf, math.inf
        for vertex in range(begin[chain], end[chain] + 1):
            here, x, y = -1, xy[vertex, 0], xy[vertex, 1]
            cut_here = c < end_c and cut_segment[c] == vertex and cut_t[c] == 0.0
            if j < stand_start[chain + 1] and stand[j] == vertex:
                here, x, y = stand_node[j], stand_xy[j, 0], stand_xy[j, 1]
                j += 1
            elif cut_here:  # or else it would stay on one side, whichever way lines run
                here, x, y = cut_node[c], cut_xy[c, 0], cut_xy[c, 1]
                c += 1
            while True:
                way = _follow(before, here, max(abs(x - last_x), abs(y - last_y)))
                if way != _DROP:
                    k -= way == _REPLACE
                    out[k, 0], out[k, 1] = x, y
                    before, last_x, last_y = here, x, y
                    k += 1
                    if here >= 0:
                        stop[s], stop_node[s] = k - 1, here
                        s += 1
                while p < part[chain + 1] and line_begin[p] <= vertex:
                    row_begin[p] = k - 1
                    p += 1
                if c >= end_c or cut_segment[c] > vertex:
                    break
                here, x, y = cut_node[c], cut_xy[c, 0], cut_xy[c, 1]
                c += 1
        row_begin[p : part[chain + 1]] = k


@njit(cache=True)
def _follow(before: int, here: int, away_deg: float) -> int:  # pragma: no cover
    """Say what becomes of a row after the one before it: of two at one place the node stays."""
    if here >= 0 and here == before:
        return _DROP
    if away_deg >= _SAME_DEG:
        return _APPEND
    if here < 0:
        return _DROP
    return _REPLACE if before < 0 else _APPEND


def finish_pieces(
    rows: Rows, *, forward: Bools, rank: Longs, tolerance_m: float, mends: Mends
) -> Pieces:
    """Break rows to pieces; leave out slivers and second digitisations, cut loops in two.

    Those are judged between nodes other than joints: where a line was cut makes no difference.
    `forward` says whether each line runs as its chain does; of equal digitisations that of the
    line of the lowest rank stays.
    """
    pieces, node = _contract(_break_rows(rows, forward))
    closes = rows.node[~rows.opens] < rows.first_joint
    stretch: Longs = np.cumsum(closes) - closes
    opens = np.ones(closes.size, dtype=np.bool_)
    opens[1:] = closes[:-1]
    stretches = _Stretches(
        pieces.first[opens],
        pieces.last[closes],
        np.bincount(stretch, pieces.length_km).astype(np.float64),
    )
    sliver, second = _judge(rows, node, stretches, tolerance_m, (rank, forward))
    sliver, second = sliver[stretch], second[stretch]
    loop = (pieces.u == pieces.v) & ~sliver
    nothing = pieces.length_km <= SAME_PLACE_M / 1000.0
    for what, which in (
        ("a sliver was left out", sliver & ~nothing),
        ("a second digitisation of a reach was left out", second),
        ("a loop was cut in two", loop),
    ):
        mends.add(what, pieces.line[which], rows.xy[pieces.first[which]])
    plain = _take(pieces, np.flatnonzero(~(sliver | second | loop | nothing)))
    halves = _halve(_take(pieces, np.flatnonzero(loop & ~nothing)), n_nodes=node.size)
    both: Iterator[Any] = zip(plain[1:], halves[1:], strict=True)
    return Pieces(rows.xy, *(np.concatenate(pair) for pair in both))


def _break_rows(rows: Rows, forward: Bools) -> Pieces:
    """Break rows at nodes: an inner node ends one piece and begins the next.

    A piece is of that line which makes most of it.
    """
    last = np.flatnonzero(~rows.opens)
    first, u, v = rows.stop[last - 1], rows.node[last - 1], rows.node[last]
    last = rows.stop[last]
    held = np.searchsorted(rows.begin, first, side="right") - 1
    mixed = np.flatnonzero(held != np.searchsorted(rows.begin, last) - 1)
    held[mixed] = _most(rows.xy, rows.begin, held[mixed], first[mixed], last[mixed])
    line = rows.line[held]
    length_km = run_lengths_km(rows.xy, first, last)
    return Pieces(rows.xy, first, last, u, v, line, forward[line], length_km)


@njit(cache=True)
def _most(  # pragma: no cover
    xy: Floats, begin: Longs, held: Longs, first: Longs, last: Longs
) -> Longs:
    """Return which line most of each run of rows comes from; each begins in line `held`."""
    most = held.copy()
    for k in range(first.size):
        east, north = scale_at(xy[first[k], 1])
        best, run, p = -1.0, 0.0, held[k]
        for row in range(first[k], last[k]):
            while p + 1 < begin.size and begin[p + 1] <= row:
                p, run = p + 1, 0.0
            dx, dy = east * (xy[row + 1, 0] - xy[row, 0]), north * (xy[row + 1, 1] - xy[row, 1])
            run += math.sqrt(dx * dx + dy * dy)
            if run > best:
                best, most[k] = run, p
    return most


def no_pieces() -> Pieces:
    """Return what is left of no lines."""
    none, nowhere = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64)
    return Pieces(np.empty((0, 2)), nowhere, nowhere, none, none, nowhere,
                  np.empty(0, dtype=np.bool_), np.empty(0))  # fmt: skip


def _contract(pieces: Pieces) -> tuple[Pieces, Ints]:
    """Make one node of the ends of pieces that have no length; return the new node of each."""
    n = int(max(pieces.u.max(initial=-1), pieces.v.max(initial=-1))) + 1
    nothing = (pieces.length_km <= SAME_PLACE_M / 1000.0) & (pieces.u != pieces.v)
    if not nothing.any():
        return pieces, np.arange(n, dtype=np.int32)
    links = pieces.u[nothing], pieces.v[nothing]
    matrix = coo_array((np.ones(links[0].size, dtype=np.int8), links), (n, n))
    node = connected_components(matrix, directed=False)[1].astype(np.int32)
    ends = np.concatenate([pieces.first, pieces.last])
    u, v = node[pieces.u], node[pieces.v]
    at = np.concatenate([u, v])
    order = np.lexsort((pieces.coords[ends, 1], pieces.coords[ends, 0], at))
    first = order[np.unique(at[order], return_index=True)[1]]
    pieces.coords[ends] = pieces.coords[ends[first]][np.searchsorted(at[first], at)]
    return pieces._replace(u=u, v=v), node


def _judge(
    rows: Rows,
    node: Ints,
    stretches: _Stretches,
    tolerance_m: float,
    ties: tuple[Longs, Bools],
) -> tuple[Bools, Bools]:
    """Tell the stretches that are slivers, and those that run along another between its nodes."""
    first, last, length_km = stretches
    closes = np.searchsorted(rows.stop, last)
    u, v = node[rows.node[np.searchsorted(rows.stop, first)]], node[rows.node[closes]]
    sliver = (u == v) & (length_km <= 4e-3 * tolerance_m)
    key = np.minimum(u, v).astype(np.int64) * node.size + np.maximum(u, v)
    joints = rows.stop[rows.node >= rows.first_joint]
    drawn = Drawn(rows.xy, rows.begin, rows.line, joints, *ties)
    pairs = _equal_pairs(np.where(u == v, -1 - np.arange(u.size), key))
    return sliver, leave_seconds(drawn, first, last, pairs, tolerance_m=tolerance_m)


def _equal_pairs(key: Longs) -> Longs:
    """Return the pairs of positions that have one key, shape (n_pairs, 2)."""
    order = np.argsort(key, kind="stable")
    size = np.unique(key, return_counts=True)[1]
    first = np.repeat(np.cumsum(size) - size, size)
    before = np.arange(key.size) - first  # how many of its key stand before each
    two, one = np.repeat(np.arange(key.size), before), rows_of_runs(first, before)[0]
    pairs: Longs = order[np.column_stack([one, two])]
    return pairs


def _halve(loops: Pieces, *, n_nodes: int) -> Pieces:
    """Cut pieces that end where they began at the vertex in the middle, a new node."""
    loops = _take(loops, np.flatnonzero(loops.last - loops.first >= 2))
    middle = (loops.first + loops.last + 1) // 2
    new = (n_nodes + np.arange(middle.size)).astype(np.int32)
    one, two = loops._replace(last=middle, v=new), loops._replace(first=middle, u=new)
    both: Iterator[Any] = zip(one[1:], two[1:], strict=True)
    halves = Pieces(loops.coords, *(np.column_stack(pair).ravel() for pair in both))
    length_km = run_lengths_km(halves.coords, halves.first, halves.last)
    return halves._replace(length_km=length_km)


def _take(pieces: Pieces, rows: Longs) -> Pieces:
    """Return some of the pieces."""
    columns: tuple[npt.NDArray[Any], ...] = pieces[1:]
    return Pieces(pieces.coords, *(column[rows] for column in columns))
