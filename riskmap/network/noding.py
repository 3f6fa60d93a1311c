"""Noding: river lines as people have them, mended into pieces between nodes (model §1).

Mended are ends that miss each other or the line beside them by no more than the tolerance, tees
without a vertex, crossings without a node, and reaches that were digitised twice. Nothing is
joined beyond the tolerance.

Lines that meet end to end exactly, and no other line with them, are one chain while faults are
sought, and are cut again afterwards: where a line was cut makes no difference. All searching is
done in the ellipsoidal Mercator projection, whose scale at a place turns its distances into metres.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from riskmap.network.arcs import Bools, Floats, Ints, group_by
from riskmap.network.chains import trace_chains
from riskmap.network.nearness import Found, find_crossings, find_feet, lay_grid, take
from riskmap.report import Note

Longs = npt.NDArray[np.int64]

#: Mends of one kind that are told one by one, with their place; the rest is counted.
MENDS_TOLD = 20
_ECCENTRICITY2 = 0.006_694_379_990_141_316


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


@dataclass(slots=True)
class _Mends:
    """Collect the places of mends by kind."""

    row: Ints
    places: dict[str, list[tuple[int, float, float]]] = field(default_factory=dict)

    def add(self, what: str, line: int, place: Floats) -> None:
        self.places.setdefault(what, []).append((int(line), float(place[0]), float(place[1])))

    def notes(self) -> tuple[Note, ...]:
        notes = []
        for what, places in self.places.items():
            ordered = sorted(places, key=lambda p: (p[1], p[2]))
            for line, lon, lat in ordered[:MENDS_TOLD]:
                where = f"row {self.row[line]}"
                notes.append(Note("mended", "rivers", where, f"{what} at {lon:.5f}, {lat:.5f}",
                                  lon=lon, lat=lat))  # fmt: skip
            more = len(ordered) - MENDS_TOLD
            if more > 0:
                notes.append(Note("mended", "rivers", None, f"{what}: {more} more", count=more))
        return tuple(notes)


@dataclass(frozen=True, slots=True)
class _Chains:
    """Hold lines joined where just two of them meet; one row for each vertex of a chain.

    `line` and `forward` belong to the segment that begins at the vertex; `joint` marks vertices
    where the next line begins. `scale` turns the plane's units into metres.
    """

    xy: Floats
    chain: Longs
    line: Longs
    forward: Bools
    joint: Bools
    start: Longs
    scale: Floats
    along_m: Floats


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
    mends = _Mends(row)
    keep = _distinct_lines(coords, offsets, mends)
    chains = _join_chains(coords, offsets, keep)
    ends = _ends_of(chains)
    feet, pairs = _near_ends(chains, ends, tolerance_m)
    cluster = _cluster_ends(chains, ends, pairs, tolerance_m)
    cuts = _gather_cuts(chains, ends, cluster, feet, tolerance_m, mends)
    pieces = _cut_chains(chains, ends, cluster, cuts, tolerance_m)
    return _finish(pieces, tolerance_m, mends)


def _distinct_lines(coords: Floats, offsets: Longs, mends: _Mends) -> Longs:
    """Return the lines without exact second copies, whichever way they run."""
    seen: set[bytes] = set()
    keep = []
    for k in range(offsets.size - 1):
        line = coords[offsets[k] : offsets[k + 1]]
        if line.shape[0] < 2:
            continue
        turned = line[::-1]
        first = line if tuple(line.ravel()) <= tuple(turned.ravel()) else turned
        key = np.ascontiguousarray(first).tobytes()
        if key in seen:
            mends.add("a second copy of a line was left out", k, line[0])
            continue
        seen.add(key)
        keep.append(k)
    return np.array(keep, dtype=np.int64)


def _join_chains(coords: Floats, offsets: Longs, keep: Longs) -> _Chains:
    """Join lines end to end where exactly two meet."""
    first, last = coords[offsets[keep]], coords[offsets[keep + 1] - 1]
    _, node = np.unique(np.concatenate([first, last]), axis=0, return_inverse=True)
    ends = node.reshape(2, -1).T.astype(np.int32)
    n_nodes = int(ends.max(initial=-1)) + 1
    open_line = ends[:, 0] != ends[:, 1]
    degree = np.bincount(ends.ravel(), minlength=n_nodes)
    decision = degree != 2
    decision[ends[~open_line, 0]] = True
    edge = np.repeat(np.flatnonzero(open_line), 2).astype(np.int32)
    at, slot = group_by(ends[open_line].ravel(), n_nodes)
    start, _, slot_node, slot_edge = trace_chains(at, edge[slot], ends, decision)
    loops = np.flatnonzero(~open_line)
    order = [*slot_edge[slot_edge >= 0], *loops]
    forward = [*(ends[slot_edge, 0] == slot_node)[slot_edge >= 0], *np.ones(loops.size, bool)]
    chain_of = np.repeat(np.arange(start.size - 1), np.diff(start) - 1)
    chain = np.concatenate([chain_of, start.size - 1 + np.arange(loops.size)]).astype(np.int64)
    return _lay_chains(coords, offsets, keep[np.array(order, dtype=np.int64)],
                       np.array(forward, dtype=np.bool_), chain)  # fmt: skip


def _lay_chains(
    coords: Floats, offsets: Longs, line: Longs, forward: Bools, chain: Longs
) -> _Chains:
    """Put the vertices of chains one after the other; a joint's vertex stands once."""
    sizes = offsets[line + 1] - offsets[line]
    part = np.repeat(np.arange(line.size), sizes)
    within = np.arange(part.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    turned = sizes[part] - 1 - within
    rows = offsets[line[part]] + np.where(forward[part], within, turned)
    follows = np.zeros(line.size, dtype=np.bool_)
    follows[1:] = chain[1:] == chain[:-1]
    joint = follows[part] & (within == 0)
    # The last vertex of a part that another follows is the first of the next.
    precedes = np.append(follows[1:], False)
    stay = ~(precedes[part] & (within == sizes[part] - 1))
    xy_deg, part, joint = coords[rows][stay], part[stay], joint[stay]
    of = chain[part]
    new = np.ones(of.size, dtype=np.bool_)
    new[1:] = of[1:] != of[:-1]
    start = np.append(np.flatnonzero(new), of.size)
    xy, scale = _to_plane(xy_deg)
    return _Chains(xy, np.cumsum(new) - 1, line[part], forward[part], joint, start, scale,
                   _along(xy, scale, start))  # fmt: skip


def _to_plane(coords: Floats) -> tuple[Floats, Floats]:
    """Return ellipsoidal Mercator coordinates, and units of the plane to a metre on the ground."""
    to_plane = Transformer.from_crs(4326, 3395, always_xy=True)
    phi = np.radians(coords[:, 1])
    scale = np.sqrt(1.0 - _ECCENTRICITY2 * np.sin(phi) ** 2) / np.cos(phi)
    return np.column_stack(to_plane.transform(coords[:, 0], coords[:, 1])), scale


def _to_degrees(xy: Floats) -> Floats:
    to_plane = Transformer.from_crs(4326, 3395, always_xy=True)
    return np.column_stack(to_plane.transform(xy[:, 0], xy[:, 1], direction="INVERSE"))


def _along(xy: Floats, scale: Floats, start: Longs) -> Floats:
    """Return how far along its chain each vertex lies, m, to the precision that searching needs."""
    steps = np.zeros(scale.size)
    steps[1:] = np.hypot(*np.diff(xy, axis=0).T) / scale[1:]
    steps[start[:-1]] = 0.0
    total = np.cumsum(steps)
    along: Floats = total - np.repeat(total[start[:-1]], np.diff(start))
    return along


def _ends_of(chains: _Chains) -> Longs:
    """Return the vertices that are ends: 2c and 2c + 1 are those of chain c."""
    return np.column_stack([chains.start[:-1], chains.start[1:] - 1]).ravel()


def _near_ends(chains: _Chains, ends: Longs, tolerance_m: float) -> tuple[Found, Longs]:
    """Return feet of ends inside other lines, and pairs of ends, no farther than the tolerance."""
    reach = tolerance_m * chains.scale[ends] + 1e-6
    grid = lay_grid(chains.xy, margin=float(reach.max(initial=0.0)))
    found = find_feet(chains.xy, chains.chain, ends, reach, grid)
    chain = chains.chain[found.segment]
    at = _measure(chains, found.segment, found.t)
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


def _measure(chains: _Chains, segment: Longs, t: Floats) -> Floats:
    """Return the distance along the chain of places on segments, m."""
    at: Floats = chains.along_m[segment] * (1.0 - t) + chains.along_m[segment + 1] * t
    return at


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


def _end_pairs(chains: _Chains, ends: Longs, reach: Floats) -> Longs:
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


def _cluster_ends(chains: _Chains, ends: Longs, pairs: Longs, tolerance_m: float) -> Longs:
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


@dataclass(frozen=True, slots=True)
class _Cuts:
    """Hold the cuts of chains, sorted by chain and measure, and the place of every node.

    Nodes 0 … are the clusters of ends; crossings follow.
    """

    segment: Longs
    t: Floats
    at_m: Floats
    node: Longs
    node_xy: Floats


def _gather_cuts(
    chains: _Chains,
    ends: Longs,
    cluster: Longs,
    feet: Found,
    tolerance_m: float,
    mends: _Mends,
) -> _Cuts:
    """Decide where chains are cut and where nodes stand."""
    n_clusters = int(cluster.max(initial=-1)) + 1
    node = cluster[feet.other]
    feet, node = _one_foot_each(chains, cluster, feet, node, tolerance_m)
    node_xy = _node_places(chains, ends, cluster, feet, node)
    _tell_joins(chains, ends, cluster, node, node_xy, mends)
    cross = _true_crossings(chains, tolerance_m)
    cross_node = n_clusters + _places_once(_point(chains, cross.segment, cross.t))
    cross_xy = np.empty((int(cross_node.max(initial=n_clusters - 1)) + 1 - n_clusters, 2))
    cross_xy[cross_node - n_clusters] = _point(chains, cross.segment, cross.t)
    places = _to_degrees(cross_xy)[cross_node - n_clusters]
    for line, place in zip(chains.line[cross.segment], places, strict=True):
        mends.add("a crossing became a node", line, place)
    segment = np.concatenate([feet.segment, cross.segment, cross.other])
    t = np.concatenate([feet.t, cross.t, cross.other_t])
    all_nodes = np.concatenate([node, cross_node, cross_node])
    at = _measure(chains, segment, t)
    order = np.lexsort((all_nodes, at, chains.chain[segment]))
    return _Cuts(
        segment[order], t[order], at[order], all_nodes[order], np.concatenate([node_xy, cross_xy])
    )


def _one_foot_each(
    chains: _Chains, cluster: Longs, feet: Found, node: Longs, tolerance_m: float
) -> tuple[Found, Longs]:
    """Keep one foot of a node on a chain near one place, and none beside an end of the node's."""
    chain = chains.chain[feet.segment]
    at = _measure(chains, feet.segment, feet.t)
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


def _point(chains: _Chains, segment: Longs, t: Floats) -> Floats:
    """Return places on segments, in the plane."""
    point: Floats = chains.xy[segment] * (1.0 - t[:, None]) + chains.xy[segment + 1] * t[:, None]
    return point


def _node_places(chains: _Chains, ends: Longs, cluster: Longs, feet: Found, node: Longs) -> Floats:
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
        foot = _point(chains, feet.segment, feet.t)
        on = np.bincount(node, minlength=n)
        standing = on > 0
        for k in (0, 1):
            total = np.bincount(node, foot[:, k], minlength=n)
            xy[standing, k] = total[standing] / on[standing]
    return xy


def _tell_joins(
    chains: _Chains,
    ends: Longs,
    cluster: Longs,
    node: Longs,
    node_xy: Floats,
    mends: _Mends,
) -> None:
    """Report ends that were moved, and tees."""
    moved = np.hypot(*(chains.xy[ends] - node_xy[cluster]).T) / chains.scale[ends] > 1e-3
    on_line = np.zeros(node_xy.shape[0], dtype=np.bool_)
    on_line[node] = True
    places = _to_degrees(node_xy)
    for e in np.flatnonzero(on_line[cluster]):
        what = "an end was joined to the line beside it" if moved[e] else "a tee became a node"
        mends.add(what, chains.line[ends[e] - (e % 2)], places[cluster[e]])
    for e in np.flatnonzero(moved & ~on_line[cluster]):
        mends.add(
            "a gap between ends was closed", chains.line[ends[e] - (e % 2)], places[cluster[e]]
        )


def _true_crossings(chains: _Chains, tolerance_m: float) -> Found:
    """Return crossings, those apart that an end within the tolerance accounts for."""
    grid = lay_grid(chains.xy, margin=1e-3)
    found = find_crossings(chains.xy, chains.chain, grid)
    plain = np.ones(found.segment.size, dtype=np.bool_)
    for segment, t in ((found.segment, found.t), (found.other, found.other_t)):
        at = _measure(chains, segment, t)
        chain = chains.chain[segment]
        last = chains.along_m[chains.start[chain + 1] - 1]
        plain &= (at > tolerance_m + 1e-3) & (last - at > tolerance_m + 1e-3)
    # Segments that follow each other touch at their vertex; so do lines at the same vertex twice.
    same = chains.chain[found.segment] == chains.chain[found.other]
    apart = np.abs(
        _measure(chains, found.segment, found.t) - _measure(chains, found.other, found.other_t)
    )
    plain &= ~(same & (apart < 1e-3))
    return take(found, plain)


def _places_once(xy: Floats) -> Longs:
    """Return a number for each place; those within a millimetre share one."""
    if not xy.size:
        return np.empty(0, dtype=np.int64)
    return np.unique(np.round(xy, 3), axis=0, return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True, slots=True)
class _Strings:
    """Hold vertices of pieces in the plane with the line of each segment."""

    xy: Floats
    piece: Longs
    line: Longs
    forward: Bools
    u: Longs
    v: Longs
    node_xy: Floats


def _cut_chains(
    chains: _Chains, ends: Longs, cluster: Longs, cuts: _Cuts, tolerance_m: float
) -> _Strings:
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
    row_of = np.concatenate([np.arange(n), cuts.segment])
    is_cut = np.arange(row_at.size) >= n
    order = np.lexsort((is_cut, row_at, row_chain))
    merged = _merge_rows(row_xy[order], row_node[order], row_of[order], row_chain[order])
    return _break_at_nodes(chains, *merged, node_xy)


def _joints(
    chains: _Chains, cuts: _Cuts, cluster: Longs, tolerance_m: float
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
    chains: _Chains, xy: Floats, node: Longs, of: Longs, chain: Longs, node_xy: Floats
) -> _Strings:
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
    return _Strings(
        xy[row], piece, chains.line[of[row]], chains.forward[of[row]],
        node[row[begins]], node[row[ends]], node_xy,
    )  # fmt: skip


def _finish(strings: _Strings, tolerance_m: float, mends: _Mends) -> Pieces:
    """Give each piece its line, leave out slivers and second digitisations, cut loops in two."""
    offsets = np.append(np.flatnonzero(np.diff(strings.piece, prepend=-1)), strings.piece.size)
    coords = _to_degrees(strings.xy)
    _, scale = _to_plane(coords)
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


def _owners(strings: _Strings, step: Floats) -> tuple[Ints, Bools]:
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
    strings: _Strings, offsets: Longs, u: Longs, v: Longs, limit: Floats
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
    mends: _Mends,
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
