"""Chains to pieces: cut at nodes, moved to where the nodes stand, second copies left out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from riskmap.geodesy import run_lengths_km, scale_at
from riskmap.network.arcs import Bools, Floats, Ints, rows_of_runs
from riskmap.network.digitisations import Drawn, leave_seconds
from riskmap.network.grids import LINES_A_THREAD
from riskmap.network.joining import Chains, Longs, line_at, point
from riskmap.network.mends import Mends
from riskmap.network.nearness import SAME_PLACE_M, Lines
from riskmap.threads import in_parts

#: Vertices nearer to each other than this are one place, degrees: a millimetre.
_SAME_DEG = 1e-8
#: The shift of an end fades out over so many tolerances of its line.
EASED = 4.0
#: What becomes of a row: it is added, takes the place of the one before, or is left out.
_APPEND, _REPLACE, _DROP = 0, 1, 2


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
    line: Ints
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


class Standing(NamedTuple):
    """Hold the nodes that stand at vertices of chains, and the place of every node.

    `cluster` are the nodes of the ends; each vertex in `joint`, in order, is a node after all
    others, `joint_start` the first of each chain.
    """

    cluster: Ints
    joint: Longs
    joint_start: Longs
    node_xy: Floats


@dataclass(frozen=True, slots=True)
class Rows:
    """Hold the vertices and cuts of chains in order: chain c has the rows from `start[c]` on.

    `node` is −1 at a vertex; nodes from `first_joint` on are joints, where a line was cut by
    whoever drew it. A chain's rows end at its last node: what may follow belongs to none.
    """

    xy: Floats
    node: Ints
    line: Ints
    start: Longs
    first_joint: int


def cut_chains(chains: Chains, ends: Longs, cluster: Longs, cuts: Cuts, tolerance_m: float) -> Rows:
    """Cut chains at nodes and joints, and move their ends and cuts to where the nodes stand."""
    lines = chains.lines
    joint = _own_joints(chains, cuts, cluster, tolerance_m)
    shift, reach, bends = _find_bends(lines, ends, cluster, cuts, tolerance_m)
    segment = np.concatenate([cuts.segment, bends[0]])
    t = np.concatenate([cuts.t, bends[1]])
    which = np.concatenate([cuts.node, np.full(bends[0].size, -1)])
    place = np.concatenate([cuts.node_xy.take(cuts.node, axis=0), point(lines, *bends)])
    order = np.lexsort((_ahead(lines, segment, t, place), t, segment))
    segment = segment[order]
    cut_start = np.searchsorted(line_at(lines, segment), np.arange(lines.first.size + 1))
    _shift_ends(lines, shift, reach)
    nodes = Standing(
        cluster.astype(np.int32),
        joint,
        np.searchsorted(joint, lines.first),
        np.concatenate([cuts.node_xy, lines.xy.take(joint, axis=0)]),
    )
    begin = np.zeros(lines.first.size + 1, dtype=np.int64)
    np.cumsum(lines.last + 1 - lines.first + np.diff(cut_start), out=begin[1:])
    n = int(begin[-1])
    rows = Rows(
        np.empty((n, 2)),
        np.empty(n, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        begin,
        cuts.node_xy.shape[0],
    )
    sorted_cuts = (cut_start, segment, t[order], which[order], place[order])
    in_parts(
        lambda low, high: _merge_rows(
            lines,
            chains.line,
            nodes,
            sorted_cuts,
            (rows.xy, rows.node, rows.line),
            begin,
            low,
            high,
        ),
        lines.first.size,
        least=LINES_A_THREAD,
    )
    return rows


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
    joint = np.flatnonzero(chains.joint)
    lines = chains.lines
    at, chain = lines.along_m[joint], line_at(lines, joint)
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
def _merge_rows(  # pragma: no cover
    lines: Lines,
    line: Ints,
    nodes: Standing,
    cuts: tuple[Longs, Longs, Floats, Longs, Floats],
    rows: tuple[Floats, Ints, Ints],
    start: Longs,
    low: int,
    high: int,
) -> None:
    """Lay vertices and cuts of the chains low … high − 1 in order; a vertex gives way to a cut.

    `rows` are place, node (−1: a vertex) and line of each. `cuts` are the first cut of each chain,
    and segment, fraction, node and place of each; a cut of the node −1 is a vertex that is added.
    """
    # Arrays are taken out of their tuples once: in a loop each taking would count references.
    xy, begin, end = lines.xy, lines.first, lines.last
    cluster, joint, joint_start, node_xy = nodes
    first_joint = node_xy.shape[0] - joint.size
    cut_start, cut_segment, cut_t, cut_node, cut_xy = cuts
    out, row_node, row_line = rows
    for chain in range(low, high):
        k, c, j = start[chain], cut_start[chain], joint_start[chain]
        for vertex in range(begin[chain], end[chain] + 1):
            x, y = xy[vertex, 0], xy[vertex, 1]
            here = first_joint + j if j < joint.size and joint[j] == vertex else -1
            j += here >= 0
            if vertex == begin[chain] or vertex == end[chain]:
                here = cluster[2 * chain + (vertex == end[chain])]
            cut_here = c < cut_start[chain + 1] and cut_segment[c] == vertex and cut_t[c] == 0.0
            if cut_here and here < 0:  # or else it would stay on one side, whichever way lines run
                here = cut_node[c]
                c += 1
            while True:
                if here >= 0:
                    x, y = node_xy[here, 0], node_xy[here, 1]
                way = _APPEND
                if k > start[chain]:
                    away = max(abs(x - out[k - 1, 0]), abs(y - out[k - 1, 1]))
                    way = _follow(row_node[k - 1], here, away)
                if way == _DROP:  # the segment that follows is the later one's
                    row_line[k - 1] = line[vertex]
                else:
                    k -= way == _REPLACE
                    out[k, 0], out[k, 1] = x, y
                    row_node[k], row_line[k] = here, line[vertex]
                    k += 1
                if c >= cut_start[chain + 1] or cut_segment[c] > vertex:
                    break
                here, x, y = cut_node[c], cut_xy[c, 0], cut_xy[c, 1]
                c += 1
        row_node[k : start[chain + 1]] = -1


@njit(cache=True)
def _follow(node: int, here: int, away_deg: float) -> int:  # pragma: no cover
    """Say what becomes of a row after the one before it: of two at one place the node stays."""
    if here >= 0 and here == node:
        return _DROP
    if away_deg >= _SAME_DEG:
        return _APPEND
    if here < 0:
        return _DROP
    return _REPLACE if node < 0 else _APPEND


def finish_pieces(
    rows: Rows, *, forward: Bools, rank: Longs, tolerance_m: float, mends: Mends
) -> Pieces:
    """Break rows to pieces; leave out slivers and second digitisations, cut loops in two.

    Those are judged between nodes other than joints: where a line was cut makes no difference.
    `forward` says whether each line runs as its chain does; of equal digitisations that of the
    line of the lowest rank stays.
    """
    pieces, node = _contract(_break_rows(rows, forward))
    closes = rows.node[pieces.last] < rows.first_joint
    stretch: Longs = np.cumsum(closes) - closes
    stretches = _Stretches(
        pieces.first[np.append(True, closes[:-1])],
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
    both = zip(plain[1:], halves[1:], strict=True)
    return Pieces(rows.xy, *(np.concatenate(pair) for pair in both))


def _break_rows(rows: Rows, forward: Bools) -> Pieces:
    """Break rows at nodes: an inner node ends one piece and begins the next.

    A piece is of that line which makes most of it.
    """
    stops = np.flatnonzero(rows.node >= 0)
    follows = np.ones(stops.size, dtype=np.bool_)
    follows[np.searchsorted(stops, rows.start[:-1])] = False  # every chain begins at a node
    last = np.flatnonzero(follows)
    first, last = stops[last - 1], stops[last]
    line = rows.line[first]
    mixed = np.flatnonzero(line != rows.line[last - 1])
    line[mixed] = _most(rows.xy, rows.line, first[mixed], last[mixed])
    length_km = run_lengths_km(rows.xy, first, last)
    return Pieces(
        rows.xy, first, last, rows.node[first], rows.node[last], line, forward[line], length_km
    )


@njit(cache=True)
def _most(xy: Floats, line: Ints, first: Longs, last: Longs) -> Ints:  # pragma: no cover
    """Return the line that most of each run of rows comes from."""
    most = np.empty(first.size, dtype=np.int32)
    for k in range(first.size):
        east, north = scale_at(xy[first[k], 1])
        best, run = -1.0, 0.0
        for row in range(first[k], last[k]):
            dx, dy = east * (xy[row + 1, 0] - xy[row, 0]), north * (xy[row + 1, 1] - xy[row, 1])
            run += math.sqrt(dx * dx + dy * dy)
            if row + 1 == last[k] or line[row + 1] != line[row]:
                if run > best:
                    best, most[k] = run, line[row]
                run = 0.0
    return most


def no_pieces() -> Pieces:
    """Return what is left of no lines."""
    none, nowhere = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64)
    return Pieces(np.empty((0, 2)), nowhere, nowhere, none, none, none,
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
    u, v = node[rows.node[first]], node[rows.node[last]]
    sliver = (u == v) & (length_km <= 4e-3 * tolerance_m)
    key = np.minimum(u, v).astype(np.int64) * node.size + np.maximum(u, v)
    rank, forward = ties
    drawn = Drawn(rows.xy, rows.line, rows.node >= rows.first_joint, rank, forward)
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
    both = zip(one[1:], two[1:], strict=True)
    halves = Pieces(loops.coords, *(np.column_stack(pair).ravel() for pair in both))
    length_km = run_lengths_km(halves.coords, halves.first, halves.last)
    return halves._replace(length_km=length_km)


def _take(pieces: Pieces, rows: Longs) -> Pieces:
    """Return some of the pieces."""
    columns: tuple[npt.NDArray[Any], ...] = pieces[1:]
    return Pieces(pieces.coords, *(column[rows] for column in columns))


def take_lines(coords: Floats, offsets: Longs, rows: Longs, turned: Bools) -> tuple[Floats, Longs]:
    """Return some of the lines, in an order, some from their other end."""
    return take_runs(coords, offsets[rows], offsets[rows + 1] - 1, turned)


def take_runs(coords: Floats, first: Longs, last: Longs, turned: Bools) -> tuple[Floats, Longs]:
    """Return runs of vertices one after the other, some from their other end, and their offsets."""
    start = np.zeros(first.size + 1, dtype=np.int64)
    np.cumsum(last + 1 - first, out=start[1:])
    out = np.empty((int(start[-1]), 2))
    in_parts(
        lambda low, high: _copy_runs(coords, first, turned, start, out, low, high),
        first.size,
        least=LINES_A_THREAD,
    )
    return out, start


@njit(cache=True, nogil=True)
def _copy_runs(  # pragma: no cover
    coords: Floats, first: Longs, turned: Bools, start: Longs, out: Floats, low: int, high: int
) -> None:
    """Copy the runs low … high − 1 to where they start."""
    for i in range(low, high):
        size = start[i + 1] - start[i]
        row, way = (first[i] + size - 1, -1) if turned[i] else (first[i], 1)
        for k in range(start[i], start[i + 1]):
            out[k, 0], out[k, 1] = coords[row, 0], coords[row, 1]
            row += way
