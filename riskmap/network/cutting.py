"""Chains to pieces: cut at nodes, moved to where the nodes stand, second copies left out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from riskmap.geodesy import vertex_measures_km
from riskmap.network.arcs import Bools, Floats, Ints, rows_of_runs
from riskmap.network.digitisations import Drawn, leave_seconds
from riskmap.network.joining import Chains, Longs, line_at, point
from riskmap.network.mends import Mends
from riskmap.network.nearness import SAME_PLACE_M, Lines
from riskmap.report import Note

#: Vertices nearer to each other than this are one place, degrees: a millimetre.
_SAME_DEG = 1e-8
#: The shift of an end fades out over so many tolerances of its line.
EASED = 4.0
#: What becomes of a row: it is added, takes the place of the one before, or is left out.
_APPEND, _REPLACE, _DROP = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Pieces:
    """Hold pieces of lines between nodes.

    Attributes
    ----------
    coords, offsets
        Vertices of the pieces, degrees.
    u, v
        Nodes that each piece begins and ends at.
    line
        Line that most of each piece comes from.
    forward
        Whether the piece runs as its line does.
    length_km
        Length on the ellipsoid.
    notes
        What was mended.
    """

    coords: Floats
    offsets: Longs
    u: Ints
    v: Ints
    line: Ints
    forward: Bools
    length_km: Floats
    notes: tuple[Note, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Rows:
    """Hold the vertices and cuts of chains in order, and where the chains begin.

    `node` is −1 at a vertex; nodes from `first_joint` on are joints, where a line was cut by
    whoever drew it.
    """

    xy: Floats
    node: Ints
    line: Ints
    at_m: Floats
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
    place = np.concatenate([cuts.node_xy[cuts.node], point(lines, *bends)])
    order = np.lexsort((_ahead(lines, segment, t, place), t, segment))
    segment = segment[order]
    cut_start = np.searchsorted(line_at(lines, segment), np.arange(lines.first.size + 1))
    _shift_ends(lines, shift, reach)
    first_joint = cuts.node_xy.shape[0]
    node_xy = np.concatenate([cuts.node_xy, lines.xy[joint]])
    node = np.full(len(lines.xy), -1, dtype=np.int32)
    node[ends], node[joint] = cluster, first_joint + np.arange(joint.size)
    rows = _merge_rows(
        lines,
        chains.line,
        node,
        node_xy,
        (cut_start, segment, t[order], which[order], place[order]),
    )
    return Rows(*rows, first_joint)


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
    shift = cuts.node_xy[cluster] - lines.xy[ends]
    moved = np.flatnonzero((shift != 0.0).any(axis=1))
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


@njit(cache=True)
def _merge_rows(  # pragma: no cover
    lines: Lines,
    line: Ints,
    node: Ints,
    node_xy: Floats,
    cuts: tuple[Longs, Longs, Floats, Longs, Floats],
) -> tuple[Floats, Ints, Ints, Floats, Longs]:
    """Lay the vertices and the cuts of each chain in order; a vertex at a cut gives way to it.

    Returns place, node (−1: a vertex), line and measure of each row, and the first row of each
    chain. `cuts` are the first cut of each chain, and segment, fraction, node and place of each; a
    cut of the node −1 is a vertex that is added.
    """
    # Arrays are taken out of their tuples once: in a loop each taking would count references.
    xy, along, begin, end = lines.xy, lines.along_m, lines.first, lines.last
    cut_start, cut_segment, cut_t, cut_node, cut_xy = cuts
    n = xy.shape[0] + cut_segment.size
    out, at = np.empty((n, 2)), np.empty(n)
    row_node, row_line = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    first = np.zeros(begin.size + 1, dtype=np.int64)
    k = 0
    for chain in range(begin.size):
        c = cut_start[chain]
        for vertex in range(begin[chain], end[chain] + 1):
            here, x, y, t = node[vertex], xy[vertex, 0], xy[vertex, 1], 0.0
            cut_here = c < cut_start[chain + 1] and cut_segment[c] == vertex and cut_t[c] == 0.0
            if cut_here and here < 0:  # or else it would stay on one side, whichever way lines run
                here = cut_node[c]
                c += 1
            while True:
                if here >= 0:
                    x, y = node_xy[here, 0], node_xy[here, 1]
                way = _APPEND
                if k > first[chain]:
                    away = max(abs(x - out[k - 1, 0]), abs(y - out[k - 1, 1]))
                    way = _follow(row_node[k - 1], here, away)
                if way == _DROP:  # the segment that follows is the later one's
                    row_line[k - 1] = line[vertex]
                else:
                    k -= way == _REPLACE
                    out[k, 0], out[k, 1] = x, y
                    row_node[k], row_line[k] = here, line[vertex]
                    at[k] = along[vertex]
                    if t > 0.0:
                        at[k] += t * (along[vertex + 1] - along[vertex])
                    k += 1
                if c >= cut_start[chain + 1] or cut_segment[c] > vertex:
                    break
                here, t, x, y = cut_node[c], cut_t[c], cut_xy[c, 0], cut_xy[c, 1]
                c += 1
        first[chain + 1] = k
    return out[:k], row_node[:k], row_line[:k], at[:k], first


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


@njit(cache=True)
def _break_rows(  # pragma: no cover
    xy: Floats, node: Ints, line: Ints, at: Floats, first: Longs, first_joint: int
) -> tuple[Floats, Longs, Ints, Ints, Ints, Ints]:
    """Break rows at nodes: an inner node ends one piece and begins the next.

    Returns vertices, first vertices, nodes and lines of the pieces, and which stretch between
    nodes other than joints each belongs to. A piece is of that line which makes most of it.
    """
    nodes = np.count_nonzero(node >= 0)
    out = np.empty((xy.shape[0] + nodes, 2))
    offsets = np.zeros(nodes + 1, dtype=np.int64)
    u, v = np.empty(nodes, dtype=np.int32), np.empty(nodes, dtype=np.int32)
    owner, stretch = np.empty(nodes, dtype=np.int32), np.empty(nodes, dtype=np.int32)
    k = pieces = stretches = 0
    for chain in range(first.size - 1):
        begin = first[chain]
        for r in range(first[chain] + 1, first[chain + 1]):
            if node[r] < 0:
                continue
            best, run, since = -1.0, line[begin], at[begin]
            for row in range(begin, r + 1):
                out[k, 0], out[k, 1] = xy[row, 0], xy[row, 1]
                k += 1
                if line[row] != run or row == r:
                    if at[row] - since > best:
                        best, owner[pieces] = at[row] - since, run
                    run, since = line[row], at[row]
            u[pieces], v[pieces], stretch[pieces] = node[begin], node[r], stretches
            stretches += node[r] < first_joint
            pieces += 1
            offsets[pieces] = k
            begin = r
    return (
        out[:k], offsets[: pieces + 1], u[:pieces], v[:pieces], owner[:pieces], stretch[:pieces]
    )  # fmt: skip


def finish_pieces(
    rows: Rows, *, forward: Bools, rank: Longs, tolerance_m: float, mends: Mends
) -> Pieces:
    """Break rows to pieces; leave out slivers and second digitisations, cut loops in two.

    Those are judged between nodes other than joints: where a line was cut makes no difference.
    `forward` says whether each line runs as its chain does; of equal digitisations that of the
    line of the lowest rank stays.
    """
    coords, offsets, u, v, line, stretch = _break_rows(
        rows.xy, rows.node, rows.line, rows.at_m, rows.start, rows.first_joint
    )
    length = vertex_measures_km(coords, offsets)[offsets[1:] - 1]
    pieces, node = _contract(Pieces(coords, offsets, u, v, line, forward[line], length))
    sliver, second = _judge(rows, node, _sum_by(stretch, length), tolerance_m, (rank, forward))
    sliver, second = sliver[stretch], second[stretch]
    loop = (pieces.u == pieces.v) & ~sliver
    told = sliver & (length > SAME_PLACE_M / 1000.0)
    for what, which in (
        ("a sliver was left out", told),
        ("a second digitisation of a reach was left out", second),
        ("a loop was cut in two", loop),
    ):
        mends.add(what, line[which], coords[offsets[:-1][which]])
    nothing = length <= SAME_PLACE_M / 1000.0
    plain = _take(pieces, np.flatnonzero(~(sliver | second | loop | nothing)))
    halves = _halve(_take(pieces, np.flatnonzero(loop & ~nothing)), n_nodes=node.size)
    return _append(plain, halves, mends.notes())


def no_pieces(mends: Mends) -> Pieces:
    """Return what is left of no lines."""
    none = np.empty(0, dtype=np.int32)
    return Pieces(np.empty((0, 2)), np.zeros(1, dtype=np.int64), none, none, none,
                  np.empty(0, dtype=np.bool_), np.empty(0), mends.notes())  # fmt: skip


def _contract(pieces: Pieces) -> tuple[Pieces, Ints]:
    """Make one node of the ends of pieces that have no length; return the new node of each."""
    n = int(max(pieces.u.max(initial=-1), pieces.v.max(initial=-1))) + 1
    nothing = (pieces.length_km <= SAME_PLACE_M / 1000.0) & (pieces.u != pieces.v)
    if not nothing.any():
        return pieces, np.arange(n, dtype=np.int32)
    links = pieces.u[nothing], pieces.v[nothing]
    matrix = coo_array((np.ones(links[0].size, dtype=np.int8), links), (n, n))
    node = connected_components(matrix, directed=False)[1].astype(np.int32)
    ends = np.concatenate([pieces.offsets[:-1], pieces.offsets[1:] - 1])
    u, v = node[pieces.u], node[pieces.v]
    at = np.concatenate([u, v])
    order = np.lexsort((pieces.coords[ends, 1], pieces.coords[ends, 0], at))
    first = order[np.unique(at[order], return_index=True)[1]]
    pieces.coords[ends] = pieces.coords[ends[first]][np.searchsorted(at[first], at)]
    return replace(pieces, u=u, v=v), node


def _judge(
    rows: Rows, node: Ints, length_km: Floats, tolerance_m: float, ties: tuple[Longs, Bools]
) -> tuple[Bools, Bools]:
    """Tell the stretches that are slivers, and those that run along another between its nodes."""
    hard = np.flatnonzero((rows.node >= 0) & (rows.node < rows.first_joint))
    chain = np.searchsorted(rows.start, hard, side="right")
    follows = chain[1:] == chain[:-1]
    begin, end = hard[:-1][follows], hard[1:][follows]
    u, v = node[rows.node[begin]], node[rows.node[end]]
    sliver = (u == v) & (length_km <= 4e-3 * tolerance_m)
    key = np.minimum(u, v).astype(np.int64) * node.size + np.maximum(u, v)
    rank, forward = ties
    drawn = Drawn(rows.xy, rows.line, rows.node >= rows.first_joint, rank, forward)
    pairs = _equal_pairs(np.where(u == v, -1 - np.arange(u.size), key))
    return sliver, leave_seconds(drawn, begin, end, pairs, tolerance_m=tolerance_m)


def _equal_pairs(key: Longs) -> Longs:
    """Return the pairs of positions that have one key, shape (n_pairs, 2)."""
    order = np.argsort(key, kind="stable")
    size = np.unique(key, return_counts=True)[1]
    first = np.repeat(np.cumsum(size) - size, size)
    before = np.arange(key.size) - first  # how many of its key stand before each
    two, one = np.repeat(np.arange(key.size), before), rows_of_runs(first, before)[0]
    pairs: Longs = order[np.column_stack([one, two])]
    return pairs


def _sum_by(group: Ints, values: Floats) -> Floats:
    return np.bincount(group, values).astype(np.float64)


def _halve(loops: Pieces, *, n_nodes: int) -> Pieces:
    """Cut pieces that end where they began at the vertex in the middle, a new node."""
    sizes = np.diff(loops.offsets)
    loops = _take(loops, np.flatnonzero(sizes >= 3))
    n, sizes = loops.u.size, np.diff(loops.offsets)
    middle = loops.offsets[:-1] + sizes // 2
    bounds = np.sort(np.concatenate([loops.offsets[:-1], middle, [loops.coords.shape[0]]]))
    rows = np.sort(np.concatenate([np.arange(loops.coords.shape[0]), middle]))
    # Every middle before a bound, and the one that is the bound, stands twice.
    offsets = bounds + (np.arange(2 * n + 1) + 1) // 2
    new = (n_nodes + np.arange(n)).astype(np.int32)
    u = np.column_stack([loops.u, new]).ravel()
    v = np.column_stack([new, loops.v]).ravel()
    coords = loops.coords[rows]
    length = vertex_measures_km(coords, offsets)[offsets[1:] - 1] if n else np.empty(0)
    return Pieces(coords, offsets, u, v, np.repeat(loops.line, 2), np.repeat(loops.forward, 2),
                  length)  # fmt: skip


@njit(cache=True)
def take_lines(
    coords: Floats, offsets: Longs, rows: Longs, turned: Bools
) -> tuple[Floats, Longs]:  # pragma: no cover
    """Return some of the lines, in an order, some from their other end."""
    start = np.zeros(rows.size + 1, dtype=np.int64)
    for i in range(rows.size):
        start[i + 1] = start[i] + offsets[rows[i] + 1] - offsets[rows[i]]
    out = np.empty((start[-1], 2))
    for i in range(rows.size):
        low, high = offsets[rows[i]], offsets[rows[i] + 1]
        k = start[i]
        for j in range(high - low):
            row = high - 1 - j if turned[i] else low + j
            out[k + j, 0], out[k + j, 1] = coords[row, 0], coords[row, 1]
    return out, start


def _take(pieces: Pieces, rows: Longs) -> Pieces:
    """Return some of the pieces."""
    if rows.size == pieces.u.size:
        return pieces
    coords, offsets = take_lines(
        pieces.coords, pieces.offsets, rows, np.zeros(rows.size, dtype=np.bool_)
    )
    return Pieces(coords, offsets, pieces.u[rows], pieces.v[rows], pieces.line[rows],
                  pieces.forward[rows], pieces.length_km[rows])  # fmt: skip


def _append(one: Pieces, two: Pieces, notes: tuple[Note, ...]) -> Pieces:
    """Put two sets of pieces together."""
    if not two.u.size:
        return Pieces(one.coords, one.offsets, one.u, one.v, one.line, one.forward,
                      one.length_km, notes)  # fmt: skip
    return Pieces(
        np.concatenate([one.coords, two.coords]),
        np.concatenate([one.offsets, one.offsets[-1] + two.offsets[1:]]),
        np.concatenate([one.u, two.u]),
        np.concatenate([one.v, two.v]),
        np.concatenate([one.line, two.line]),
        np.concatenate([one.forward, two.forward]),
        np.concatenate([one.length_km, two.length_km]),
        notes,
    )
