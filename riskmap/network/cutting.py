"""Chains to pieces: cut at nodes, moved to where the nodes stand, second copies left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from riskmap.network.arcs import Bools, Floats, Ints
from riskmap.network.joining import Chains, Longs, Mends, to_degrees, to_plane
from riskmap.report import Note


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
        Line that each piece comes from.
    forward
        Whether the piece runs as its line does.
    notes
        What was mended.
    """

    coords: Floats
    offsets: Longs
    u: Ints
    v: Ints
    line: Ints
    forward: Bools
    notes: tuple[Note, ...]


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
class Strings:
    """Hold vertices of pieces in the plane with the line of each segment."""

    xy: Floats
    piece: Longs
    line: Longs
    forward: Bools
    u: Longs
    v: Longs
    node_xy: Floats


def cut_chains(
    chains: Chains, ends: Longs, cluster: Longs, cuts: Cuts, tolerance_m: float
) -> Strings:
    """Cut chains at nodes and joints, and move their ends and cuts to where the nodes stand."""
    joint, joint_node, node_xy = _joints(chains, cuts, cluster, tolerance_m)
    xy = chains.xy.copy()
    xy[ends] = node_xy[cluster]
    n = xy.shape[0]
    node = np.full(n, -1, dtype=np.int64)
    node[ends], node[joint] = cluster, joint_node
    # One row for each vertex and each cut, in order along the chains.
    row_chain = np.concatenate([chains.chain, chains.chain[cuts.segment]])
    row_at = np.concatenate([np.arange(n, dtype=np.float64), cuts.segment + cuts.t])
    row_xy = np.concatenate([xy, node_xy[cuts.node]])
    row_node = np.concatenate([node, cuts.node])
    # A cut at the end of a segment stands where the next one begins, and so belongs to that one.
    row_of = np.concatenate([np.arange(n), cuts.segment + (cuts.t >= 1.0)])
    is_cut = np.arange(row_at.size) >= n
    order = np.lexsort((is_cut, row_at, row_chain))
    merged = _merge_rows(row_xy[order], row_node[order], row_of[order], row_chain[order])
    return _break_at_nodes(chains, *merged, node_xy)


def _joints(
    chains: Chains, cuts: Cuts, cluster: Longs, tolerance_m: float
) -> tuple[Longs, Longs, Floats]:
    """Return the joints that are nodes of their own: none is that stands beside a cut or an end."""
    joint = np.flatnonzero(chains.joint)
    at, chain = chains.along_m[joint], chains.chain[joint]
    span = float(chains.along_m.max(initial=0.0)) + 10.0 * (tolerance_m + 1.0)
    keys = np.sort(chains.chain[cuts.segment] * span + cuts.at_m)
    mine = chain * span + at
    k = np.searchsorted(keys, mine)
    before = mine - keys[np.maximum(k - 1, 0)] if keys.size else np.full(mine.size, np.inf)
    after = keys[np.minimum(k, keys.size - 1)] - mine if keys.size else np.full(mine.size, np.inf)
    beside = (np.abs(before) <= tolerance_m) | (np.abs(after) <= tolerance_m)
    alone = np.bincount(cluster) == 1
    last = chains.along_m[chains.start[chain + 1] - 1]
    beside |= ~alone[cluster[2 * chain]] & (at <= tolerance_m)
    beside |= ~alone[cluster[2 * chain + 1]] & (last - at <= tolerance_m)
    joint = joint[~beside]
    first_new = cuts.node_xy.shape[0]
    return (
        joint,
        first_new + np.arange(joint.size),
        np.concatenate([cuts.node_xy, chains.xy[joint]]),
    )


def _merge_rows(
    xy: Floats, node: Longs, of: Longs, chain: Longs
) -> tuple[Floats, Longs, Longs, Longs]:
    """Merge a vertex with the cut at its place; a vertex becomes the node."""
    keep = np.ones(chain.size, dtype=np.bool_)
    same_chain = chain[1:] == chain[:-1]
    same_node = same_chain & (node[1:] >= 0) & (node[1:] == node[:-1])
    keep[1:][same_node] = False
    at_place = same_chain & (np.abs(xy[1:] - xy[:-1]).max(axis=1) < 1e-3)
    keep[:-1][at_place & (node[:-1] < 0)] = False
    keep[1:][at_place & (node[1:] < 0)] = False
    return xy[keep], node[keep], of[keep], chain[keep]


def _break_at_nodes(
    chains: Chains, xy: Floats, node: Longs, of: Longs, chain: Longs, node_xy: Floats
) -> Strings:
    """Break rows of vertices at nodes: an inner node ends one piece and begins the next."""
    first = np.ones(chain.size, dtype=np.bool_)
    first[1:] = chain[1:] != chain[:-1]
    last = np.append(first[1:], True)
    inner = (node >= 0) & ~first & ~last
    times = np.where(inner, 2, 1)
    row = np.repeat(np.arange(chain.size), times)
    second = np.zeros(row.size, dtype=np.bool_)
    second[1:] = row[1:] == row[:-1]
    begins = first[row] | second
    piece = np.cumsum(begins) - 1
    ends = np.append(begins[1:], True)
    return Strings(
        xy[row], piece, chains.line[of[row]], chains.forward[of[row]],
        node[row[begins]], node[row[ends]], node_xy,
    )  # fmt: skip


def finish_pieces(strings: Strings, tolerance_m: float, mends: Mends) -> Pieces:
    """Give each piece its line, leave out slivers and second digitisations, cut loops in two."""
    offsets = np.append(np.flatnonzero(np.diff(strings.piece, prepend=-1)), strings.piece.size)
    coords = to_degrees(strings.xy)
    _, scale = to_plane(coords)
    step = np.hypot(*np.diff(strings.xy, axis=0, append=strings.xy[-1:]).T) / scale
    step[offsets[1:] - 1] = 0.0
    length = np.add.reduceat(step, offsets[:-1])
    line, forward = _owners(strings, step)
    u, v = strings.u, strings.v
    loop = u == v
    sliver = loop & (length <= 4.0 * tolerance_m)
    for k in np.flatnonzero(sliver & (length > 1e-3)):
        mends.add("a sliver was left out", line[k], coords[offsets[k]])
    second = _second_digitisations(strings, offsets, u, v, tolerance_m * scale[offsets[:-1]])
    for k in np.flatnonzero(second):
        mends.add("a second digitisation of a reach was left out", line[k], coords[offsets[k]])
    keep = ~(sliver | second)
    return _split_loops(coords, offsets, u, v, line, forward, keep, mends)


def _owners(strings: Strings, step: Floats) -> tuple[Ints, Bools]:
    """Return the line that most of each piece comes from, and whether the piece runs with it."""
    piece = strings.piece
    order = np.lexsort((strings.line, piece))
    p, k = piece[order], strings.line[order]
    new = np.ones(p.size, dtype=np.bool_)
    new[1:] = (p[1:] != p[:-1]) | (k[1:] != k[:-1])
    begin = np.flatnonzero(new)
    share = np.add.reduceat(step[order], begin)
    best = np.lexsort((-share, p[begin]))
    first = np.unique(p[begin][best], return_index=True)[1]
    chosen = begin[best[first]]
    return k[chosen].astype(np.int32), strings.forward[order[chosen]]


def _second_digitisations(
    strings: Strings, offsets: Longs, u: Longs, v: Longs, limit: Floats
) -> Bools:
    """Tell pieces that run all along another between the same nodes, within the tolerance."""
    low, high = np.minimum(u, v), np.maximum(u, v)
    order = np.lexsort((high, low))
    same = (low[order][1:] == low[order][:-1]) & (high[order][1:] == high[order][:-1])
    second = np.zeros(u.size, dtype=np.bool_)
    if not same.any():
        return second
    suspects = np.unique(np.concatenate([order[1:][same], order[:-1][same]]))
    shape = {int(k): shapely.LineString(strings.xy[offsets[k] : offsets[k + 1]]) for k in suspects}
    # The finer digitisation stays; equal ones are told apart by their vertices.
    rank = sorted(
        shape, key=lambda k: (low[k], high[k], -(offsets[k + 1] - offsets[k]), shape[k].wkb)
    )
    for n, k in enumerate(rank):
        for j in rank[:n]:
            if second[j] or low[j] != low[k] or high[j] != high[k] or u[k] == v[k]:
                continue
            if shapely.hausdorff_distance(shape[j], shape[k]) <= limit[k] + 1e-6:
                second[k] = True
                break
    return second


def _split_loops(
    coords: Floats,
    offsets: Longs,
    u: Longs,
    v: Longs,
    line: Ints,
    forward: Bools,
    keep: Bools,
    mends: Mends,
) -> Pieces:
    """Return the kept pieces; one that ends where it began becomes two."""
    parts, begin, end, owner, way = [], [], [], [], []
    extra = int(max(u.max(initial=-1), v.max(initial=-1))) + 1
    loops = keep & (u == v)
    plain = np.flatnonzero(keep & ~loops)
    sizes = np.diff(offsets)
    for k in np.flatnonzero(loops):
        xy = coords[offsets[k] : offsets[k + 1]]
        if xy.shape[0] < 3:
            continue
        middle = xy.shape[0] // 2
        parts += [xy[: middle + 1], xy[middle:]]
        begin += [u[k], extra]
        end += [extra, v[k]]
        owner += [line[k]] * 2
        way += [forward[k]] * 2
        extra += 1
        mends.add("a loop was cut in two", line[k], xy[0])
    rows = np.repeat(offsets[plain], sizes[plain]) + _counting(sizes[plain])
    all_sizes = np.concatenate([sizes[plain], [part.shape[0] for part in parts]]).astype(np.int64)
    return Pieces(
        np.concatenate([coords[rows], *parts]),
        np.concatenate([[0], np.cumsum(all_sizes)]).astype(np.int64),
        np.concatenate([u[plain], begin]).astype(np.int32),
        np.concatenate([v[plain], end]).astype(np.int32),
        np.concatenate([line[plain], owner]).astype(np.int32),
        np.concatenate([forward[plain], way]).astype(np.bool_),
        mends.notes(),
    )


def _counting(sizes: Longs) -> Longs:
    """Return 0 … size − 1 for each size, one after the other."""
    within: Longs = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return within
