"""Noding: river lines as people have them, mended into pieces between nodes (model §1).

Mended are ends that miss each other or the line beside them by no more than the tolerance, tees
without a vertex, crossings without a node, and reaches that were digitised twice. Nothing is
joined beyond the tolerance.

Lines that meet end to end exactly, and no other line with them, are one chain while faults are
sought (`riskmap.network.joining`), and are cut again afterwards (`riskmap.network.cutting`).
"""

from __future__ import annotations

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from riskmap.network.arcs import Bools, Floats, Ints, group_by
from riskmap.network.cutting import Cuts, Pieces, cut_chains, finish_pieces
from riskmap.network.joining import (
    Chains,
    Longs,
    Mends,
    distinct_lines,
    ends_of,
    join_chains,
    measure,
    point,
    to_degrees,
)
from riskmap.network.nearness import Found, find_crossings, find_feet, lay_grid, take


def node_lines(coords: Floats, offsets: Longs, row: Ints, *, tolerance_m: float) -> Pieces:
    """Cut and join lines so that they meet at nodes only.

    Parameters
    ----------
    coords, offsets
        Vertices of the lines, degrees: line i has the rows `offsets[i] : offsets[i + 1]`.
    row
        Row number of each line, for the report.
    tolerance_m
        Gaps up to this are closed, m.
    """
    mends = Mends(row)
    keep = distinct_lines(coords, offsets, mends)
    chains = _without_copies(coords, offsets, keep, tolerance_m, mends)
    ends = ends_of(chains)
    feet, pairs = _near_ends(chains, ends, tolerance_m)
    cluster = _cluster_ends(chains, ends, pairs, tolerance_m)
    cuts = _gather_cuts(chains, ends, cluster, feet, tolerance_m, mends)
    pieces = cut_chains(chains, ends, cluster, cuts, tolerance_m)
    return finish_pieces(pieces, tolerance_m, mends)


def _without_copies(
    coords: Floats, offsets: Longs, keep: Longs, tolerance_m: float, mends: Mends
) -> Chains:
    """Join lines to chains, and leave out chains that run along another from end to end."""
    chains = join_chains(coords, offsets, keep)
    copy = _copies(chains, tolerance_m)
    if not copy.any():
        return chains
    left_out = np.unique(chains.line[copy[chains.chain]])
    for line in left_out:
        mends.add("a second digitisation of a line was left out", line, coords[offsets[line]])
    return join_chains(coords, offsets, np.setdiff1d(keep, left_out))


def _copies(chains: Chains, tolerance_m: float) -> Bools:
    """Tell the chains that lie within the tolerance of another, ends at its ends."""
    ends = ends_of(chains)
    pairs = _end_pairs(chains, ends, tolerance_m * chains.scale[ends] + 1e-6)
    one, other = pairs[:, 0] // 2, pairs[:, 1] // 2
    apart = one != other
    keys, which = np.unique(np.column_stack([one, other])[apart], axis=0, return_inverse=True)
    sides = np.zeros(keys.shape[0], dtype=np.int64)
    np.bitwise_or.at(sides, which, 1 << (2 * (pairs[apart, 0] % 2) + pairs[apart, 1] % 2))
    both = ((sides & 0b1001) == 0b1001) | ((sides & 0b0110) == 0b0110)
    shape = {
        int(c): shapely.LineString(chains.xy[chains.start[c] : chains.start[c + 1]])
        for c in np.unique(keys[both])
    }
    copy = np.zeros(chains.start.size - 1, dtype=np.bool_)
    # The finer digitisation stays; equal ones are told apart by their vertices.
    rank = {c: (-shapely.get_num_coordinates(line), line.wkb) for c, line in shape.items()}
    for pair in sorted(keys[both].tolist(), key=lambda p: sorted(rank[c] for c in p)):
        kept, second = sorted(pair, key=rank.__getitem__)
        limit = tolerance_m * chains.scale[chains.start[second]] + 1e-6
        if not copy[kept] and shapely.hausdorff_distance(shape[kept], shape[second]) <= limit:
            copy[second] = True
    return copy


def _near_ends(chains: Chains, ends: Longs, tolerance_m: float) -> tuple[Found, Longs]:
    """Return feet of ends inside other lines, and pairs of ends, no farther than the tolerance."""
    reach = tolerance_m * chains.scale[ends] + 1e-6
    grid = lay_grid(chains.xy, margin=float(reach.max(initial=0.0)))
    found = find_feet(chains.xy, chains.chain, ends, reach, grid)
    chain = chains.chain[found.segment]
    at = measure(chains, found.segment, found.t)
    end = found.other
    own = chain == chains.chain[ends[end]]
    beside = own & (np.abs(at - chains.along_m[ends[end]]) <= 3.0 * tolerance_m)
    nearest = _nearest_each(found, chain, ~beside)
    found = take(found, nearest)
    pairs = _end_pairs(chains, ends, reach)
    # A foot at the end of a chain is a pair of ends.
    chain, at = chain[nearest], at[nearest]
    last = chains.along_m[chains.start[chain + 1] - 1]
    inside = (at > 1e-3) & (last - at > 1e-3)
    paired = _with_an_end(pairs, chain, found.other, near=tolerance_m, at=at, last=last)
    stay = inside & ~paired
    return take(found, stay), pairs


def _nearest_each(found: Found, chain: Longs, allowed: Bools) -> Longs:
    """Return, of the feet of an end on one chain, the nearest."""
    rows = np.flatnonzero(allowed)
    order = rows[np.lexsort((found.segment[rows], found.other_t[rows], chain[rows],
                             found.other[rows]))]  # fmt: skip
    new = np.ones(order.size, dtype=np.bool_)
    new[1:] = (found.other[order][1:] != found.other[order][:-1]) | (
        chain[order][1:] != chain[order][:-1]
    )
    return order[new]


def _end_pairs(chains: Chains, ends: Longs, reach: Floats) -> Longs:
    """Return pairs of ends (positions in `ends`) no farther apart than the tolerance."""
    points = np.asarray(shapely.points(chains.xy[ends]))
    a, b = shapely.STRtree(points).query(points, predicate="dwithin", distance=reach)
    once = a < b
    return np.column_stack([a[once], b[once]])


def _with_an_end(
    pairs: Longs, chain: Longs, end: Longs, *, near: float, at: Floats, last: Floats
) -> Bools:
    """Tell the feet whose end is paired with that end of the chain which the foot is beside."""
    n = int(max(pairs.max(initial=0), end.max(initial=0), 2 * chain.max(initial=0) + 1)) + 1
    keys = np.unique(np.concatenate([pairs[:, 0] * n + pairs[:, 1], pairs[:, 1] * n + pairs[:, 0]]))
    by_first = np.isin(end * n + 2 * chain, keys) & (at <= near)
    by_last = np.isin(end * n + 2 * chain + 1, keys) & (last - at <= near)
    beside: Bools = by_first | by_last
    return beside


def _cluster_ends(chains: Chains, ends: Longs, pairs: Longs, tolerance_m: float) -> Longs:
    """Return the node of each end: ends that are pairwise within the tolerance share one."""
    matrix = coo_array(
        (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(ends.size, ends.size)
    )
    n, label = connected_components(matrix, directed=False)
    start, member = group_by(label, n)
    n_next = n
    for c in np.flatnonzero(np.diff(start) > 2):
        mine = member[start[c] : start[c + 1]].astype(np.int64)
        xy = chains.xy[ends[mine]] / chains.scale[ends[mine[0]]]
        away = np.hypot(xy[:, None, 0] - xy[None, :, 0], xy[:, None, 1] - xy[None, :, 1])
        if away.max() > tolerance_m + 1e-6:
            groups = _complete_linkage(away, xy, tolerance_m)
            label[mine] = np.where(groups == 0, c, n_next + groups - 1)
            n_next += int(groups.max())
    return np.unique(label, return_inverse=True)[1].astype(np.int64)


def _complete_linkage(away: Floats, xy: Floats, limit: float) -> Longs:
    """Group points so that all of a group are within the limit, the nearest joined first."""
    n = xy.shape[0]
    place = np.lexsort((xy[:, 1], xy[:, 0]))
    rank = np.empty(n, dtype=np.int64)
    rank[place] = np.arange(n)
    group = np.arange(n)
    i, j = np.triu_indices(n, 1)
    low, high = np.minimum(rank[i], rank[j]), np.maximum(rank[i], rank[j])
    for k in np.lexsort((high, low, away[i, j])):
        a, b = group[i[k]], group[j[k]]
        if a == b or away[i[k], j[k]] > limit + 1e-6:
            continue
        if away[np.ix_(group == a, group == b)].max() <= limit + 1e-6:
            group[group == b] = a
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


def _gather_cuts(
    chains: Chains,
    ends: Longs,
    cluster: Longs,
    feet: Found,
    tolerance_m: float,
    mends: Mends,
) -> Cuts:
    """Decide where chains are cut and where nodes stand."""
    n_clusters = int(cluster.max(initial=-1)) + 1
    node = cluster[feet.other]
    feet, node = _one_foot_each(chains, cluster, feet, node, tolerance_m)
    node_xy = _node_places(chains, ends, cluster, feet, node)
    _tell_joins(chains, ends, cluster, node, node_xy, mends)
    cross = _true_crossings(chains, tolerance_m)
    cross_node = n_clusters + _places_once(point(chains, cross.segment, cross.t))
    cross_xy = np.empty((int(cross_node.max(initial=n_clusters - 1)) + 1 - n_clusters, 2))
    cross_xy[cross_node - n_clusters] = point(chains, cross.segment, cross.t)
    places = to_degrees(cross_xy)[cross_node - n_clusters]
    for line, place in zip(chains.line[cross.segment], places, strict=True):
        mends.add("a crossing became a node", line, place)
    segment = np.concatenate([feet.segment, cross.segment, cross.other])
    t = np.concatenate([feet.t, cross.t, cross.other_t])
    all_nodes = np.concatenate([node, cross_node, cross_node])
    at = measure(chains, segment, t)
    order = np.lexsort((all_nodes, at, chains.chain[segment]))
    return Cuts(
        segment[order], t[order], at[order], all_nodes[order], np.concatenate([node_xy, cross_xy])
    )


def _one_foot_each(
    chains: Chains, cluster: Longs, feet: Found, node: Longs, tolerance_m: float
) -> tuple[Found, Longs]:
    """Keep one foot of a node on a chain near one place, and none beside an end of the node's."""
    chain = chains.chain[feet.segment]
    at = measure(chains, feet.segment, feet.t)
    last = chains.along_m[chains.start[chain + 1] - 1]
    near_first = (cluster[2 * chain] == node) & (at <= 2.0 * tolerance_m)
    near_last = (cluster[2 * chain + 1] == node) & (last - at <= 2.0 * tolerance_m)
    order = np.lexsort((at, chain, node))
    order = order[~(near_first | near_last)[order]]
    new = np.ones(order.size, dtype=np.bool_)
    if order.size:
        o = order
        new[1:] = (
            (node[o][1:] != node[o][:-1])
            | (chain[o][1:] != chain[o][:-1])
            | (at[o][1:] - at[o][:-1] > 2.0 * tolerance_m)
        )
    kept = order[new]
    return take(feet, kept), node[kept]


def _node_places(chains: Chains, ends: Longs, cluster: Longs, feet: Found, node: Longs) -> Floats:
    """Return the place of each cluster: on the line that it stands on, else amid its ends."""
    n = int(cluster.max(initial=-1)) + 1
    rows = np.column_stack([cluster, chains.xy[ends]])
    ends_once = np.unique(rows, axis=0)  # in order of place, so that sums do not depend on rows
    by = ends_once[:, 0].astype(np.int64)
    count = np.bincount(by, minlength=n)
    xy = np.column_stack(
        [np.bincount(by, ends_once[:, k], minlength=n) / np.maximum(count, 1) for k in (1, 2)]
    )
    single = np.zeros(n, dtype=np.int64)
    single[by] = np.arange(by.size)
    alone = count == 1
    xy[alone] = ends_once[single[alone], 1:]
    if node.size:
        foot = point(chains, feet.segment, feet.t)
        on = np.bincount(node, minlength=n)
        standing = on > 0
        for k in (0, 1):
            total = np.bincount(node, foot[:, k], minlength=n)
            xy[standing, k] = total[standing] / on[standing]
    return xy


def _tell_joins(
    chains: Chains,
    ends: Longs,
    cluster: Longs,
    node: Longs,
    node_xy: Floats,
    mends: Mends,
) -> None:
    """Report ends that were moved, and tees."""
    moved = np.hypot(*(chains.xy[ends] - node_xy[cluster]).T) / chains.scale[ends] > 1e-3
    on_line = np.zeros(node_xy.shape[0], dtype=np.bool_)
    on_line[node] = True
    places = to_degrees(node_xy)
    for e in np.flatnonzero(on_line[cluster]):
        what = "an end was joined to the line beside it" if moved[e] else "a tee became a node"
        mends.add(what, chains.line[ends[e] - (e % 2)], places[cluster[e]])
    for e in np.flatnonzero(moved & ~on_line[cluster]):
        mends.add(
            "a gap between ends was closed", chains.line[ends[e] - (e % 2)], places[cluster[e]]
        )


def _true_crossings(chains: Chains, tolerance_m: float) -> Found:
    """Return crossings, those apart that an end within the tolerance accounts for."""
    grid = lay_grid(chains.xy, margin=1e-3)
    found = find_crossings(chains.xy, chains.chain, grid)
    plain = np.ones(found.segment.size, dtype=np.bool_)
    for segment, t in ((found.segment, found.t), (found.other, found.other_t)):
        at = measure(chains, segment, t)
        chain = chains.chain[segment]
        last = chains.along_m[chains.start[chain + 1] - 1]
        plain &= (at > tolerance_m + 1e-3) & (last - at > tolerance_m + 1e-3)
    # Segments that follow each other touch at their vertex; so do lines at the same vertex twice.
    same = chains.chain[found.segment] == chains.chain[found.other]
    apart = np.abs(
        measure(chains, found.segment, found.t) - measure(chains, found.other, found.other_t)
    )
    plain &= ~(same & (apart < 1e-3))
    return take(found, plain)


def _places_once(xy: Floats) -> Longs:
    """Return a number for each place; those within a millimetre share one."""
    if not xy.size:
        return np.empty(0, dtype=np.int64)
    return np.unique(np.round(xy, 3), axis=0, return_inverse=True)[1].astype(np.int64)
