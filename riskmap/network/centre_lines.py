"""Centre lines of areas of water: the middle of every channel, cut short where lines serve already.

The skeleton is the chordal axis (Prasad 1997): an area is cut into constrained Delaunay triangles,
and its centre line runs through the middles of the chords, the edges from bank to bank. It cannot
leave the area, holds together wherever the area does, however narrow, and goes round every island.
A chord that a river line crosses is served by that line; there no second line is drawn.

Here are arrays in a plane. Which areas and lines there are is in `riskmap.network.water_areas`.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from numba import njit
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from riskmap.network.arcs import Bools, Floats, Geometries, group_by

Longs = npt.NDArray[np.int64]

#: A dead end shorter than this many half-widths of the channel that it leaves is a bulge of a
#: bank, not an arm; so is a stretch that runs beside a river line.
BULGE = 3.0


class Skeleton(NamedTuple):
    """Hold the centre lines of areas as a graph, and the triangles that they run through.

    Nodes are the middles of the chords, then the hubs: middles of the triangles whose sides are
    all chords, or none of them. `hub` and `chord` of a triangle are −1 where it has none; of an
    edge, `triangle` is the one that it runs through.
    """

    node_xy: Floats
    half_width: Floats
    edge: Longs
    edge_triangle: Longs
    length: Floats
    triangles: Geometries
    area: Longs
    chords: Geometries
    chord_area: Longs
    chord: Longs
    hub: Longs


class Touches(NamedTuple):
    """Hold where river lines meet the skeleton: links from a node to a group of lines.

    `place` is on the line, `bank` on the way from there to the node; `crossing` tells the links
    along a chord that the line crosses.
    """

    node: Longs
    group: Longs
    place: Floats
    bank: Floats
    crossing: Bools


class Links(NamedTuple):
    """Hold edges of the graph of skeleton and groups of lines: what becomes a centre line.

    `node` and `other` are its ends; a group of lines is numbered after the skeleton's nodes.
    `path` holds the three places that the edge runs through.
    """

    node: Longs
    other: Longs
    path: Floats
    length: Floats


def trace_skeleton(areas: Geometries, *, spacing: Floats) -> Skeleton:
    """Trace the chordal axis of areas.

    Parameters
    ----------
    areas
        Polygons that do not overlap, in a plane.
    spacing
        Distance between the places on its banks that an area's chords start from.
    """
    dense = np.array([shapely.segmentize(a, s) for a, s in zip(areas, spacing, strict=True)])
    cut = shapely.constrained_delaunay_triangles(dense)
    triangles, area = shapely.get_parts(cut, return_index=True)
    xy = shapely.get_coordinates(triangles).reshape(-1, 4, 2)[:, :3]
    keys = np.ascontiguousarray(xy.reshape(-1, 2)).view(complex).ravel()
    corners, places = pd.factorize(keys)
    corner = corners.reshape(-1, 3).astype(np.int64)
    sides = np.sort(np.stack([corner, np.roll(corner, -1, axis=1)], axis=2), axis=2).reshape(-1, 2)
    side, count = np.unique(sides[:, 0] * len(places) + sides[:, 1], return_inverse=True)
    shared = np.bincount(count, minlength=side.size) == 2
    number = np.where(shared, np.cumsum(shared) - 1, -1)
    chord: Longs = number[count].reshape(-1, 3)
    n_chords = int(shared.sum())
    ends = np.column_stack(np.divmod(side[shared], len(places)))
    end_xy = np.asarray(places).view(float).reshape(-1, 2)[ends]
    many = (chord >= 0).sum(axis=1)
    hub = np.full(area.size, -1, dtype=np.int64)
    is_hub = (many == 3) | (many == 0)
    hub[is_hub] = n_chords + np.arange(int(is_hub.sum()))
    node_xy = np.concatenate([end_xy.mean(axis=1), xy[is_hub].mean(axis=1)])
    sleeve, fork = np.flatnonzero(many == 2), np.flatnonzero(many == 3)
    through = np.sort(chord[sleeve], axis=1)[:, 1:]
    spokes = np.column_stack([chord[fork].ravel(), np.repeat(hub[fork], 3)])
    edge = np.concatenate([through, spokes]).astype(np.int64)
    chord_area = np.full(n_chords, -1, dtype=np.int64)
    chord_area[chord[chord >= 0]] = np.repeat(area, many)
    return Skeleton(
        node_xy,
        _half_widths(dense, node_xy),
        edge,
        np.concatenate([sleeve, np.repeat(fork, 3)]),
        np.hypot(*(node_xy[edge[:, 0]] - node_xy[edge[:, 1]]).T),
        triangles,
        area.astype(np.int64),
        np.asarray(shapely.linestrings(end_xy)),
        chord_area,
        chord,
        hub,
    )


def _half_widths(areas: Geometries, places: Floats) -> Floats:
    """Return how far places are from the nearest bank."""
    rings = shapely.get_rings(areas)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    inner = np.flatnonzero(ring[1:] == ring[:-1])
    banks = np.asarray(shapely.linestrings(np.stack([xy[inner], xy[inner + 1]], axis=1)))
    points = shapely.points(places)
    found, away = shapely.STRtree(banks).query_nearest(
        points, return_distance=True, all_matches=False
    )
    half_width = np.zeros(len(places))
    half_width[found[0]] = away
    return half_width


def choose_links(skeleton: Skeleton, touches: Touches, *, n_groups: int) -> Links:
    """Choose the parts of a skeleton that become centre lines.

    Chosen are the middles of all channels where no line runs, without bulges of their banks, and
    the shortest links by which all lines of an area hold together.

    Parameters
    ----------
    skeleton
        Centre lines of areas.
    touches
        Where groups of river lines meet them.
    n_groups
        Number of groups; the lines of a group hold together by themselves.
    """
    n_nodes = len(skeleton.node_xy)
    crossed = np.zeros(n_nodes, dtype=np.bool_)
    crossed[touches.node[touches.crossing]] = True
    met = np.zeros(n_nodes, dtype=np.bool_)
    met[touches.node] = True
    one, two = skeleton.edge.T
    is_spoke = skeleton.hub[skeleton.edge_triangle] == two
    kept = ~np.where(is_spoke, crossed[one], crossed[one] & crossed[two])
    kept = _without_short(skeleton, _without_bulges(skeleton, kept, met), crossed)
    forced, extra = _ends_at_lines(skeleton, touches, kept, crossed)
    links = _all_links(skeleton, touches, extra)
    must = np.concatenate([kept, forced, np.ones(extra.node.size, dtype=np.bool_)])
    chosen = _hold_together(links, must, n_nodes, n_groups)
    chosen_links = Links(
        links.node[chosen], links.other[chosen], links.path[chosen], links.length[chosen]
    )
    return _past_hubs(chosen_links, np.unique(skeleton.hub[skeleton.hub >= 0]), n_nodes)


def _past_hubs(links: Links, hubs: Longs, n_nodes: int) -> Links:
    """Run straight through the triangles whose third chord leads nowhere.

    Of the two links at such a hub one goes, and the other takes its far end.
    """
    ends = np.concatenate([links.node, links.other])
    link = np.tile(np.arange(links.node.size), 2)
    degree = np.bincount(ends, minlength=n_nodes)
    passed = np.zeros(degree.size, dtype=np.bool_)
    passed[hubs] = degree[hubs] == 2
    # A spoke's `other` is its hub, so two spokes meet here, or a spoke and a link to a line.
    at = passed[ends]
    order = np.argsort(ends[at], kind="stable")
    pair = link[at][order].reshape(-1, 2)
    spokes = (passed[links.other[pair]]).all(axis=1)
    one, two = pair[spokes].T
    other, path, length = links.other.copy(), links.path.copy(), links.length.copy()
    other[one] = links.node[two]
    path[one, 2] = links.path[two, 0]
    path[one, 1] = 0.5 * (path[one, 0] + path[one, 2])
    length[one] = np.hypot(*(path[one, 0] - path[one, 2]).T)
    rest = np.ones(other.size, dtype=np.bool_)
    rest[two] = False
    return Links(links.node[rest], other[rest], path[rest], length[rest])


def _all_links(skeleton: Skeleton, touches: Touches, extra: Touches) -> Links:
    """Return skeleton edges, then touches, then extra touches, as one set of links."""
    one, two = skeleton.node_xy[skeleton.edge[:, 0]], skeleton.node_xy[skeleton.edge[:, 1]]
    n = len(skeleton.node_xy)
    path = [np.stack([one, 0.5 * (one + two), two], axis=1)]
    node, other = [skeleton.edge[:, 0]], [skeleton.edge[:, 1]]
    length = [skeleton.length]
    for t in (touches, extra):
        run = np.stack([skeleton.node_xy[t.node], t.bank, t.place], axis=1)
        path.append(run)
        steps = np.diff(run, axis=1)
        length.append(np.hypot(steps[:, :, 0], steps[:, :, 1]).sum(axis=1))
        node.append(t.node)
        other.append(n + t.group)
    return Links(
        np.concatenate(node), np.concatenate(other), np.concatenate(path), np.concatenate(length)
    )


def _ends_at_lines(
    skeleton: Skeleton, touches: Touches, kept: Bools, crossed: Bools
) -> tuple[Bools, Touches]:
    """Tie kept centre lines to the line that they end at.

    Returns which touches are forced, and further ones from the hubs of triangles that a line
    crosses.
    """
    away = np.hypot(*(touches.place - skeleton.node_xy[touches.node]).T)
    order = np.lexsort((touches.group, away, touches.node))
    order = order[touches.crossing[order]]
    first = np.ones(order.size, dtype=np.bool_)
    first[1:] = touches.node[order][1:] != touches.node[order][:-1]
    nearest = np.full(len(skeleton.node_xy), -1, dtype=np.int64)
    nearest[touches.node[order[first]]] = order[first]
    one, two = skeleton.edge.T
    is_spoke = skeleton.hub[skeleton.edge_triangle] == two
    through = kept & ~is_spoke
    ends = np.unique(np.concatenate([one[through], two[through]]))
    forced = np.zeros(touches.node.size, dtype=np.bool_)
    forced[nearest[ends[crossed[ends]]]] = True
    beside = np.unique(skeleton.edge_triangle[kept & is_spoke])
    chord = skeleton.chord[beside]
    open_ = crossed[chord].any(axis=1)
    beside, chord = beside[open_], chord[open_]
    touch = nearest[chord]
    hub = skeleton.hub[beside]
    away = np.where(
        touch >= 0,
        np.hypot(*(touches.place[touch] - skeleton.node_xy[hub][:, None, :]).T).T,
        np.inf,
    )
    best = touch[np.arange(touch.shape[0]), np.argmin(away, axis=1)]
    place = touches.place[best]
    return forced, Touches(hub, touches.group[best], place, place, np.ones(hub.size, np.bool_))


def _without_bulges(skeleton: Skeleton, kept: Bools, met: Bools) -> Bools:
    """Leave out dead ends that are bulges of a bank, the shortest first.

    `met` marks nodes where a line arrives: they are no dead ends.
    """
    kept = kept.copy()
    edge, n = skeleton.edge, len(skeleton.node_xy)
    start, slot = group_by(edge.ravel(), n)
    degree = np.bincount(edge[kept].ravel(), minlength=n)

    def walk(leaf: int) -> tuple[float, int, list[int]]:
        """Go from a dead end to the next fork, line or dead end."""
        node, before, length = leaf, -1, 0.0
        run: list[int] = []
        while True:
            edges = (int(s) // 2 for s in slot[start[node] : start[node + 1]])
            ahead = next((e for e in edges if kept[e] and e != before), -1)
            if ahead < 0:
                return length, node, run
            run.append(ahead)
            length += float(skeleton.length[ahead])
            node, before = int(edge[ahead].sum()) - node, ahead
            if degree[node] != 2 or met[node]:
                return length, node, run

    def entry(leaf: int) -> tuple[float, float, float, int]:
        x, y = skeleton.node_xy[leaf].tolist()
        return walk(leaf)[0], x, y, leaf

    queue = [entry(int(leaf)) for leaf in np.flatnonzero((degree == 1) & ~met)]
    heapq.heapify(queue)
    while queue:
        length, *_, leaf = heapq.heappop(queue)
        now, end, run = walk(leaf)
        if now > length:
            heapq.heappush(queue, entry(leaf))
        elif (degree[end] > 2 or met[end]) and now <= BULGE * skeleton.half_width[end]:
            kept[run] = False
            np.subtract.at(degree, edge[run].ravel(), 1)
    return kept


def _without_short(skeleton: Skeleton, kept: Bools, crossed: Bools) -> Bools:
    """Leave out short stretches that begin and end at a line: the line runs there already."""
    n = len(skeleton.node_xy)
    one, two = skeleton.edge[kept].T
    matrix = coo_array((np.ones(one.size, dtype=np.int8), (one, two)), (n, n))
    count, piece = connected_components(matrix, directed=False)
    length = np.bincount(piece[one], skeleton.length[kept], minlength=count)
    widest = np.zeros(count)
    np.maximum.at(widest, piece[one], skeleton.half_width[one])
    np.maximum.at(widest, piece[two], skeleton.half_width[two])
    beside = np.zeros(count, dtype=np.bool_)
    beside[piece[one[crossed[one]]]] = beside[piece[two[crossed[two]]]] = True
    # A spoke leaves the line in the triangle of its hub, whose other chords are crossed.
    hub = skeleton.hub[skeleton.edge_triangle]
    spoke = np.flatnonzero(kept & (hub == skeleton.edge[:, 1]))
    near = crossed[skeleton.chord[skeleton.edge_triangle[spoke]]].any(axis=1)
    beside[piece[skeleton.edge[spoke[near], 1]]] = True
    short = beside & (length <= BULGE * widest)
    result = kept.copy()
    result[kept] = ~short[piece[one]]
    return result


def _hold_together(links: Links, must: Bools, n_nodes: int, n_groups: int) -> Bools:
    """Add to the links that must be the shortest ones that join what the area joins."""
    n = n_nodes + n_groups
    order = np.lexsort((links.other, links.node, links.length, ~must))
    chosen = _spanning(order, links.node, links.other, must, n)
    _trim(links.node, links.other, must, chosen, np.arange(n) >= n_nodes)
    return chosen


@njit(cache=True)
def _spanning(order: Longs, a: Longs, b: Longs, must: Bools, n: int) -> Bools:  # pragma: no cover
    """Return the links that must be, and those of the rest that join what is apart (Kruskal)."""
    root = np.arange(n)
    chosen = np.zeros(order.size, dtype=np.bool_)
    for k in order:
        x, y = a[k], b[k]
        while root[x] != x:
            root[x] = root[root[x]]
            x = root[x]
        while root[y] != y:
            root[y] = root[root[y]]
            y = root[y]
        if x != y or must[k]:
            root[max(x, y)] = min(x, y)
            chosen[k] = True
    return chosen


@njit(cache=True)
def _trim(
    a: Longs, b: Longs, must: Bools, chosen: Bools, is_line: Bools
) -> None:  # pragma: no cover
    """Take back links that lead to nothing, in place."""
    n = is_line.size
    degree, across = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for k in range(a.size):
        if chosen[k]:
            for node in (a[k], b[k]):
                degree[node] += 1
                across[node] ^= k  # of a node with one link: that link
    queue = [node for node in range(n) if degree[node] == 1 and not is_line[node]]
    while queue:
        node = queue.pop()
        k = across[node]
        if degree[node] != 1 or must[k]:
            continue
        chosen[k] = False
        other = a[k] + b[k] - node
        degree[node] = 0
        degree[other] -= 1
        across[other] ^= k
        if degree[other] == 1 and not is_line[other]:
            queue.append(other)
