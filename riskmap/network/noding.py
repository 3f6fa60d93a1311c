"""Noding: river lines as people have them, mended into pieces between nodes (model §1).

Mended are ends that miss each other or the line beside them by no more than the tolerance, tees
without a vertex, crossings without a node, and reaches that were digitised twice. Nothing is
joined beyond the tolerance: ends share a node only where each lies within it of every other, so
that no row of ends drifts together.

Lines that meet end to end exactly, and no other line with them, are one chain while faults are
sought (`riskmap.network.joining`), and are cut again afterwards (`riskmap.network.cutting`).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from riskmap.geodesy import line_lengths_km, scale_at
from riskmap.network.arcs import Bools, Floats, Geometries, Ints, group_by
from riskmap.network.cutting import Cuts, Pieces, cut_chains, finish_pieces, no_pieces
from riskmap.network.digitisations import Drawn, leave_seconds
from riskmap.network.grids import box_grid, box_lines, order_of_places
from riskmap.network.joining import (
    Chains,
    Longs,
    Strings,
    distinct_lines,
    ends_of,
    label_ends,
    lay_chains,
    line_at,
    measure,
    measured,
    point,
    stops_of_chains,
    string_ends,
    string_lines,
    take_strings,
    vertices_of,
)
from riskmap.network.mends import Mends
from riskmap.network.nearness import (
    SAME_PLACE_M,
    Found,
    Lines,
    find_crossings,
    find_pairs,
    runs_along,
    scales,
    take,
)
from riskmap.network.overlaps import LEAST_RUN, trim_overlaps
from riskmap.report import Count, Note

#: Lines that leave a node within the tolerance of each other for so many tolerances at most have
#: ends that are off; those that do for longer are two digitisations of one.
GRAZING = 4.0


def node_lines(
    shapes: Geometries, *, row: Ints, rank: Longs, tolerance_m: float
) -> tuple[Pieces, tuple[Note, ...]]:
    """Cut and join lines so that they meet at nodes only; return also what was mended.

    Parameters
    ----------
    shapes
        Lines, degrees, also of several parts; the pieces tell which of them they come from.
    row
        Row number of each, for the report.
    rank
        Of equal lines the one of the lowest rank stays.
    tolerance_m
        Gaps up to this are closed, m. What is at one place, to a millimetre, is always joined.
    """
    coords, offsets, shape = vertices_of(shapes)
    notes, mends, rank = _several_parts(shape), Mends(row[shape]), rank[shape]
    tolerance_m = max(tolerance_m, SAME_PLACE_M)
    keep = distinct_lines(coords, offsets, rank, mends)
    if not keep.size:
        return no_pieces(), (*notes, *mends.notes())
    keep = keep[order_of_places(coords.take(offsets[keep], axis=0))]
    strings = _without_copies(coords, offsets, keep, rank, tolerance_m, mends)
    chains = lay_chains(coords, offsets, strings)
    del coords, offsets  # large, and no longer needed
    chains = measured(chains)
    rows = cut_chains(chains, *_find_cuts(chains, tolerance_m, mends), tolerance_m)
    forward = chains.forward
    del chains
    pieces = finish_pieces(rows, forward=forward, rank=rank, tolerance_m=tolerance_m, mends=mends)
    return pieces._replace(line=shape[pieces.line]), (*notes, *mends.notes())


def _several_parts(shape: Longs) -> list[Note]:
    """Tell the lines of several parts; `shape` is the line of each part."""
    several = int((np.bincount(shape) > 1).sum())
    if not several:
        return []
    what = f"{Count(several):line of several parts was|lines of several parts were} taken apart"
    return [Note("mended", "rivers", None, what, count=several)]


def _find_cuts(chains: Chains, tolerance_m: float, mends: Mends) -> tuple[Longs, Longs, Cuts]:
    """Trim chains in place, and find their ends, the node of each end and where to cut."""
    lines = chains.lines
    boxes = box_lines(lines.xy, np.append(lines.first, len(lines.xy)))
    grid = box_grid(boxes.box)
    feet = trim_overlaps(chains, boxes, grid, tolerance_m=tolerance_m, mends=mends)
    ends = ends_of(lines)
    ends_xy = lines.xy.take(ends, axis=0)
    pairs = find_pairs(ends_xy, within_m=tolerance_m)
    cluster = _cluster_ends(ends_xy, pairs, tolerance_m)
    crossings = find_crossings(lines, boxes, grid, end_m=tolerance_m)
    cuts = _gather_cuts(chains, ends, cluster, feet, crossings, tolerance_m, mends)
    return ends, cluster, cuts


def _without_copies(
    coords: Floats, offsets: Longs, keep: Longs, rank: Longs, tolerance_m: float, mends: Mends
) -> Strings:
    """Join lines to chains, and leave out chains that run along another from end to end."""
    ends = label_ends(coords, offsets, keep)
    stops = stops_of_chains(coords, offsets, keep, ends)
    strings = string_lines(keep, ends, stops)
    copies = take_strings(strings, _copies(coords, offsets, strings, rank, tolerance_m))
    if not copies.line.size:
        return strings
    left_out = np.sort(copies.line)
    what = "a second digitisation of a line was left out"
    mends.add(what, left_out, coords[offsets[left_out]])
    gone = np.zeros(offsets.size - 1, dtype=np.bool_)
    gone[left_out] = True
    keep = keep[~gone[keep]]
    # Chains end elsewhere now, but only where lines were left out.
    anew = np.zeros(stops.size, dtype=np.bool_)
    anew[ends[left_out]] = True
    met = keep[anew[ends[keep, 0]] | anew[ends[keep, 1]]]
    stops[anew] = stops_of_chains(coords, offsets, met, ends)[anew]
    return string_lines(keep, ends, stops)


def _copies(
    coords: Floats, offsets: Longs, strings: Strings, rank: Longs, tolerance_m: float
) -> Longs:
    """Return the long chains that lie within the tolerance of another, ends at its ends."""
    xy = coords.take(string_ends(offsets, strings), axis=0)
    pairs = find_pairs(xy, within_m=tolerance_m)
    both = _near_at_both(xy, pairs, tolerance_m)
    sought = np.unique(np.sort(pairs[both] // 2, axis=1), axis=0)
    sought = sought[sought[:, 0] != sought[:, 1]]
    suspects, number = np.unique(sought, return_inverse=True)
    chains = lay_chains(coords, offsets, take_strings(strings, suspects))
    lines = chains.lines
    # Short ones are judged between nodes, where what hangs on them stays (`_judge`).
    length_km = line_lengths_km(lines.xy, np.append(lines.first, len(lines.xy)))
    long = length_km >= 1e-3 * LEAST_RUN * tolerance_m
    number = number.reshape(-1, 2)
    number = number[long[number].all(axis=1)]
    drawn = Drawn(lines.xy, chains.begin, chains.line, chains.joints()[0], rank, chains.forward)
    second = leave_seconds(drawn, lines.first, lines.last, number, tolerance_m=tolerance_m)
    return suspects[second]


@njit(cache=True)
def _near_at_both(xy: Floats, pairs: Longs, within_m: float) -> Bools:  # pragma: no cover
    """Tell the pairs of ends of chains whose other ends are within a distance of each other."""
    near = np.empty(pairs.shape[0], dtype=np.bool_)
    for k in range(near.size):
        one, other = pairs[k, 0] ^ 1, pairs[k, 1] ^ 1
        east, north = scale_at(xy[one, 1])
        dx, dy = (xy[one, 0] - xy[other, 0]) * east, (xy[one, 1] - xy[other, 1]) * north
        near[k] = dx * dx + dy * dy <= (within_m + 1e-6) ** 2
    return near


def _cluster_ends(xy: Floats, pairs: Longs, tolerance_m: float) -> Longs:
    """Return the node of each end: ends that are pairwise within the tolerance share one."""
    n = xy.shape[0]
    matrix = coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), (n, n))
    n_groups, groups_of = connected_components(matrix, directed=False)
    label: Longs = np.asarray(groups_of, dtype=np.int64)
    size = np.bincount(label, minlength=n_groups)
    linked = np.bincount(label[pairs[:, 0]], minlength=n_groups)
    strung = np.flatnonzero(linked < size * (size - 1) // 2)
    if not strung.size:
        return label
    start, member = group_by(label, n_groups)
    for c in strung:
        mine = member[start[c] : start[c + 1]].astype(np.int64)
        place = xy[mine] * scales(xy[mine]).mean(axis=0)
        away = np.hypot(*(place[:, None, :] - place[None, :, :]).transpose(2, 0, 1))
        groups = _complete_linkage(away, place, tolerance_m)
        label[mine] = np.where(groups == 0, c, n_groups + groups - 1)
        n_groups += int(groups.max())
    return label


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
    cross: Found,
    tolerance_m: float,
    mends: Mends,
) -> Cuts:
    """Decide where chains are cut and where nodes stand."""
    lines = chains.lines
    n_clusters = int(cluster.max(initial=-1)) + 1
    node_xy = _amid(lines.xy.take(ends, axis=0), cluster, n_clusters)
    feet, node = _one_foot_each(lines, cluster, node_xy, feet, tolerance_m)
    cross = take(cross, ~_grazing(lines, cluster, cross, feet, node, tolerance_m))
    cross = take(cross, ~_beside_node(lines, cross, feet, node, tolerance_m))
    # A node that stands on a line stands there, another amid its ends.
    standing, which = np.unique(node, return_inverse=True)
    node_xy[standing] = _amid(point(lines, feet.segment, feet.t), which, standing.size)
    _tell_joins(chains, ends, cluster, node, node_xy, mends)
    place = point(lines, cross.segment, cross.t)
    cross_node = _places_once(place)
    cross_xy = np.empty((int(cross_node.max(initial=-1)) + 1, 2))
    cross_xy[cross_node] = place
    mends.add("a crossing became a node", chains.line_of(cross.segment), place)
    cross_node += n_clusters
    segment = np.concatenate([feet.segment, cross.segment, cross.other])
    t = np.concatenate([feet.t, cross.t, cross.other_t])
    # The end of a segment is the beginning of the next: a place has one name only.
    over = t >= 1.0
    segment, t = segment + over, np.where(over, 0.0, t)
    all_nodes = np.concatenate([node, cross_node, cross_node])
    at = measure(lines, segment, t)
    order = np.lexsort((all_nodes, at, segment))
    return Cuts(
        segment[order], t[order], at[order], all_nodes[order], np.concatenate([node_xy, cross_xy])
    )


def _grazing(
    lines: Lines, cluster: Longs, cross: Found, feet: Found, node: Longs, tolerance_m: float
) -> Bools:
    """Tell the crossings of two lines that leave one node and have not parted yet.

    Ends that are off a little make lines that leave a node side by side cross beyond it. Lines that
    run together for longer are two digitisations of one: where they part is then a node.
    """
    grazing = np.zeros(cross.segment.size, dtype=np.bool_)
    place = point(lines, cross.segment, cross.t)
    one, other = line_at(lines, cross.segment), line_at(lines, cross.other)

    def along(k: np.int64, run: Floats, its: Floats) -> bool:
        xy, n = np.concatenate([run, its]), len(run)
        metres = scale_at(place[k, 1])
        steps = np.diff(run, axis=0) * metres
        if np.hypot(steps[:, 0], steps[:, 1]).sum() > GRAZING * tolerance_m:
            return False
        return runs_along(xy, (0, n), (n, len(xy)), tolerance_m, metres)

    for mine, its, segment, its_segment in (
        (one, other, cross.segment, cross.other),
        (other, one, cross.other, cross.segment),
    ):
        for a in (0, 1):
            end_node = cluster[2 * mine + a]
            for b in (0, 1):
                for k in np.flatnonzero((end_node == cluster[2 * its + b]) & (one != other)):
                    run = _run_from_end(lines, mine[k], segment[k], a, place[k])
                    beside = _run_from_end(lines, its[k], its_segment[k], b, place[k])
                    grazing[k] |= along(k, run, beside)
            for k, f in zip(*_feet_on(lines, feet, node, end_node, its), strict=True):
                run = _run_from_end(lines, mine[k], segment[k], a, place[k])
                foot_xy = point(lines, feet.segment[[f]], feet.t[[f]])[0]
                ends = sorted([(its_segment[k], 0), (feet.segment[f], 1)])
                places = (place[k], foot_xy)
                middle = lines.xy[ends[0][0] + 1 : ends[1][0] + 1]
                beside = np.vstack([places[ends[0][1]], middle, places[ends[1][1]]])
                grazing[k] |= along(k, run, beside)
    return grazing


def _beside_node(lines: Lines, cross: Found, feet: Found, node: Longs, tolerance_m: float) -> Bools:
    """Tell the crossings beside which one node stands on both lines: it is the crossing's."""
    span = float(lines.along_m.max(initial=0.0)) + 4.0 * (tolerance_m + 1.0)
    key = line_at(lines, feet.segment) * span + measure(lines, feet.segment, feet.t)
    order = np.argsort(key, kind="stable")
    key, node = key[order], node[order]
    near = []
    for segment, t in ((cross.segment, cross.t), (cross.other, cross.other_t)):
        at = line_at(lines, segment) * span + measure(lines, segment, t)
        near.append(
            (np.searchsorted(key, at - tolerance_m), np.searchsorted(key, at + tolerance_m))
        )
    (low, high), (its_low, its_high) = near
    beside = np.zeros(cross.segment.size, dtype=np.bool_)
    for k in np.flatnonzero((high > low) & (its_high > its_low)):
        mine, its = node[low[k] : high[k]], node[its_low[k] : its_high[k]]
        beside[k] = bool(np.isin(mine, its).any())
    return beside


def _feet_on(
    lines: Lines, feet: Found, node: Longs, end_node: Longs, line: Longs
) -> tuple[Longs, Longs]:
    """Return the pairs of a place (its node and line given) and a foot of that node on the line."""
    n = lines.first.size
    key = node * n + line_at(lines, feet.segment)
    order = np.argsort(key, kind="stable")
    wanted = end_node * n + line
    low = np.searchsorted(key[order], wanted, side="left")
    high = np.searchsorted(key[order], wanted, side="right")
    k = np.repeat(np.arange(wanted.size), high - low)
    within = np.arange(k.size) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
    return k, order[low[k] + within]


def _run_from_end(
    lines: Lines, line: np.int64, segment: np.int64, end: int, place: Floats
) -> Floats:
    """Return a line from one of its ends to a place on one of its segments."""
    first, last = lines.first[line], lines.last[line]
    run = lines.xy[segment + 1 : last + 1] if end else lines.xy[first : segment + 1]
    return np.concatenate([place[None, :], run] if end else [run, place[None, :]])


def _one_foot_each(
    lines: Lines, cluster: Longs, ends_xy: Floats, feet: Found, tolerance_m: float
) -> tuple[Found, Longs]:
    """Keep the nearest foot of an end on a chain, and of a node near one place.

    None is kept beside an end of the chain that is the node itself.
    """
    feet = take(feet, _nearest_each(lines, feet))
    node, chain = cluster[feet.other], line_at(lines, feet.segment)
    at = measure(lines, feet.segment, feet.t)
    last = lines.along_m[lines.last[chain]]
    near_first = (cluster[2 * chain] == node) & (at <= 2.0 * tolerance_m)
    near_last = (cluster[2 * chain + 1] == node) & (last - at <= 2.0 * tolerance_m)
    order = np.lexsort((at, chain, node))
    order = order[~(near_first | near_last)[order]]
    new = np.ones(order.size, dtype=np.bool_)
    one, two = order[:-1], order[1:]
    new[1:] = (node[two] != node[one]) | (chain[two] != chain[one])
    new[1:] |= at[two] - at[one] > 2.0 * tolerance_m
    place_no = np.cumsum(new) - 1
    xy = point(lines, feet.segment, feet.t)[order]
    away = (xy - ends_xy[node[order]]) * scales(xy)
    best = np.lexsort((xy[:, 1], xy[:, 0], np.hypot(away[:, 0], away[:, 1]), place_no))
    kept = order[best[np.unique(place_no[best], return_index=True)[1]]]
    return take(feet, kept), node[kept]


def _nearest_each(lines: Lines, feet: Found) -> Longs:
    """Return, of the feet of an end on one chain, the nearest."""
    chain = line_at(lines, feet.segment)
    order = np.lexsort((measure(lines, feet.segment, feet.t), feet.other_t, chain, feet.other))
    new = np.ones(order.size, dtype=np.bool_)
    one, two = order[:-1], order[1:]
    new[1:] = (feet.other[two] != feet.other[one]) | (chain[two] != chain[one])
    nearest: Longs = order[new]
    return nearest


def _amid(xy: Floats, group: Longs, n: int) -> Floats:
    """Return the middle of the box of each group of places: it depends on no order or number."""
    low, high = np.full((n, 2), np.inf), np.full((n, 2), -np.inf)
    _widen(low, high, xy, group)
    middle: Floats = 0.5 * (low + high)
    return middle


@njit(cache=True)
def _widen(low: Floats, high: Floats, xy: Floats, group: Longs) -> None:  # pragma: no cover
    """Widen the boxes of groups of places, in place."""
    for k in range(group.size):
        for axis in range(2):
            low[group[k], axis] = min(low[group[k], axis], xy[k, axis])
            high[group[k], axis] = max(high[group[k], axis], xy[k, axis])


def _tell_joins(
    chains: Chains,
    ends: Longs,
    cluster: Longs,
    node: Longs,
    node_xy: Floats,
    mends: Mends,
) -> None:
    """Report ends that were moved, and tees."""
    xy = chains.lines.xy.take(ends, axis=0)
    offset = (xy - node_xy.take(cluster, axis=0)) * scales(xy)
    moved = np.hypot(offset[:, 0], offset[:, 1]) > SAME_PLACE_M
    on_line = np.zeros(node_xy.shape[0], dtype=np.bool_)
    on_line[node] = True
    tee = on_line[cluster]
    line = chains.line_of(ends)
    for what, which in (
        ("an end was joined to the line beside it", tee & moved),
        ("a tee became a node", tee & ~moved),
        ("a gap between ends was closed", ~tee & moved),
    ):
        mends.add(what, line[which], node_xy.take(cluster[which], axis=0))


def _places_once(xy: Floats) -> Longs:
    """Return a number for each place; those within a millimetre share one."""
    pairs = find_pairs(xy, within_m=SAME_PLACE_M)
    n = xy.shape[0]
    matrix = coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), (n, n))
    return connected_components(matrix, directed=False)[1].astype(np.int64) if n else np.arange(0)
