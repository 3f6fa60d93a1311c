"""Outlets: which end of each connected part of a network its water leaves by, as log-odds.

In a tree the outlet decides the direction of every reach. What is known of single reaches and of
confluences is added up along the tree, so that all ends are compared in one pass. What is done with
it is in `riskmap.network.direction`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import shapely
from numba import njit

from riskmap.errors import NetworkError, Problem
from riskmap.geodesy import metres_per_degree
from riskmap.network.arcs import Bools, Floats, Ints, group_by
from riskmap.network.attach import nearest_places
from riskmap.network.parts import parts_of_network
from riskmap.network.reaches import Reaches, split_reaches
from riskmap.report import Note

Longs = npt.NDArray[np.int64]

#: How strongly the two upper arms of a confluence lie close together (assumption).
_ANGLE = 2.0
#: Log-odds that the largest arm of a confluence is the lower one, by attribute (assumption).
GROWS: Mapping[str, float] = MappingProxyType(
    {"strahler_order": 2.0, "discharge_m3s": 3.0, "width_m": 2.0}
)
#: One arm is the largest where it is so many times as large as the next (assumption).
_CLEARLY = 1.2
#: How strongly an outlet is the end of the longest way through its part (assumption).
_LONGEST = 3.0
#: How strongly an outlet lies at the edge of its part, and what share of its size is the edge: a
#: basin has its outlet there, an end well inside is a source or a bay (assumption).
_EDGE, _EDGE_SHARE = 3.0, 0.05
#: A named outlet farther from every end and confluence than this is a mistake, km.
OUTLET_KM = 10.0
#: One that is no farther from the river than this, and farther from its ends, stands on it, km.
_ON_RIVER_KM, _AT_END_KM = 0.05, 2.0
#: The arms of a confluence are seen over this length, km.
_ARM_KM = 1.0


@dataclass(frozen=True, slots=True)
class Forest:
    """Hold a spanning forest: nodes from the roots outwards, and how each hangs on its parent.

    `order` lists all nodes, parents first; `parent` and `edge` are −1 at a root.
    """

    order: Longs
    parent: Longs
    edge: Longs
    root: Longs


def place_outlets(reaches: Reaches, outlets: Floats) -> tuple[Reaches, Ints]:
    """Find the node of each named outlet: the nearest end or confluence of the longest part there.

    A place on the river itself, far from all of these, becomes a node.

    Parameters
    ----------
    reaches
        The network.
    outlets
        Places where water leaves it, degrees, shape (n, 2).

    Raises
    ------
    NetworkError
        Where an outlet lies far from all of them.
    """
    if not outlets.size:
        return reaches, np.empty(0, dtype=np.int32)
    lon, lat = np.atleast_2d(outlets).T
    place = nearest_places(reaches, lon, lat, usable=np.ones(reaches.u.size, dtype=np.bool_))
    away = np.array(
        [_away_km(reaches, *xy).min(initial=np.inf) for xy in zip(lon, lat, strict=True)]
    )
    midway = (place.distance_km <= _ON_RIVER_KM) & (away > _AT_END_KM)
    reaches, cuts = split_reaches(
        reaches, reach=place.reach[midway], measure_km=place.measure_km[midway]
    )
    nodes = np.empty(lon.size, dtype=np.int32)
    nodes[midway] = cuts
    part = parts_of_network(reaches)
    km = np.bincount(part[reaches.u], reaches.length_km).astype(np.float64)[part]
    for k in np.flatnonzero(~midway):
        if away[k] > OUTLET_KM:
            what = f"the nearest end of a river is {away[k]:.0f} km from it"
            raise NetworkError(
                Problem("[layers.rivers]", "outlet", what, "name a place on the river: [lon, lat]")
            )
        # Of the parts within reach the longest is meant, not the pond beside it.
        far = _away_km(reaches, lon[k], lat[k])
        nodes[k] = np.lexsort((far, -km, far > OUTLET_KM))[0]
    notes = _outlet_notes(reaches, nodes, km[nodes], np.column_stack([lon, lat]))
    return replace(reaches, notes=(*reaches.notes, *notes)), nodes


def _outlet_notes(reaches: Reaches, nodes: Ints, km: Floats, named: Floats) -> list[Note]:
    """Say where each named outlet was put, and whether that is the end of a river."""
    degree = np.bincount(ends_of_reaches(reaches).ravel())
    notes = []
    for node, whole, place in zip(nodes.tolist(), km.tolist(), named.tolist(), strict=True):
        lon, lat = reaches.node_xy[node].tolist()
        what = f"the water of {whole:.0f} km of rivers leaves at {lon:.5f}, {lat:.5f}"
        feature = "outlet {:g}, {:g}".format(*place)
        if degree[node] == 1:
            notes.append(Note("notice", "rivers", feature, what, lon=lon, lat=lat))
            continue
        what += ", which is no end of a river: all its arms flow there"
        mend = "name the river's end if it goes on below"
        notes.append(Note("doubtful", "rivers", feature, what, mend, lon=lon, lat=lat))
    return notes


def _away_km(reaches: Reaches, lon: float, lat: float) -> Floats:
    """Return how far each node is from a place, km; infinite for those that a line only passes."""
    east, north = metres_per_degree(np.array([lat]))
    xy = (reaches.node_xy - [lon, lat]) * [east[0], north[0]] / 1000.0
    degree = np.bincount(ends_of_reaches(reaches).ravel())
    return np.where(degree == 2, np.inf, np.hypot(xy[:, 0], xy[:, 1]))


def ends_of_reaches(reaches: Reaches) -> Ints:
    """Return both nodes of each reach, shape (n_reaches, 2)."""
    return np.ascontiguousarray(np.column_stack([reaches.u, reaches.v]))


def span_reaches(reaches: Reaches) -> Forest:
    """Return a spanning forest of a network."""
    ends = ends_of_reaches(reaches)
    # In an order that does not depend on which end was drawn first.
    order = np.lexsort((reaches.length_km, ends.max(axis=1), ends.min(axis=1)))
    n = len(reaches.node_xy)
    nodes, parent, edge, root = _span(*group_by(ends[order].ravel(), n), ends[order], n)
    return Forest(nodes, parent, np.where(edge >= 0, order[edge], -1), root)


@njit(cache=True)
def _span(
    start: Ints, slot: Ints, ends: Ints, n: int
) -> tuple[Longs, Longs, Longs, Longs]:  # pragma: no cover
    """Return a spanning forest, breadth first."""
    order = np.empty(n, dtype=np.int64)
    parent, edge = np.full(n, -1, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    root = np.full(n, -1, dtype=np.int64)
    filled = 0
    for first in range(n):
        if root[first] >= 0:
            continue
        root[first] = first
        order[filled] = first
        at = filled
        filled += 1
        while at < filled:
            node = order[at]
            at += 1
            for s in slot[start[node] : start[node + 1]]:
                e = s // 2
                other = ends[e, 1 - s % 2]
                if root[other] < 0:
                    root[other], parent[other], edge[other] = first, node, e
                    order[filled] = other
                    filled += 1
    return order, parent, edge, root


def reaches_of_rings(reaches: Reaches, forest: Forest) -> Bools:
    """Tell the reaches that are part of a ring: their loss would not part the network."""
    return _rings(forest.order, forest.parent, forest.edge, ends_of_reaches(reaches))


@njit(cache=True)
def _rings(order: Longs, parent: Longs, edge: Longs, ends: Ints) -> Bools:  # pragma: no cover
    """Put a word at both ends of every reach outside the forest, and add them up the tree.

    The words below a reach of the forest cancel out where no ring runs over it.
    """
    n, m = edge.size, ends.shape[0]
    mark = np.zeros(n, dtype=np.uint64)
    ring = np.ones(m, dtype=np.bool_)
    for node in range(n):
        if edge[node] >= 0:
            ring[edge[node]] = False
    word = np.uint64(0x9E3779B97F4A7C15)
    for e in range(m):
        if ring[e]:
            x = (np.uint64(e) + np.uint64(1)) * word
            x ^= x >> np.uint64(31)
            x *= np.uint64(0xBF58476D1CE4E5B9)
            x ^= x >> np.uint64(27)
            mark[ends[e, 0]] ^= x
            mark[ends[e, 1]] ^= x
    for k in range(n - 1, -1, -1):
        node, up = order[k], parent[order[k]]
        if up >= 0:
            mark[up] ^= mark[node]
            ring[edge[node]] = mark[node] != np.uint64(0)
    return ring


def score_outlets(reaches: Reaches, forest: Forest, evidence: Floats) -> Floats:
    """Return the log-likelihood of each node as the outlet of its part, up to a constant.

    When the outlet moves across a reach, the reach turns, and the lower arm at its two ends is
    another: so the score of a node is that of its parent and what lies between.

    Parameters
    ----------
    reaches, forest
        The network, and a spanning forest of it.
    evidence
        Log-odds that each reach flows from u to v.
    """
    lower = _arm_scores(reaches, reaches_of_rings(reaches, forest))
    child = forest.order[forest.parent[forest.order] >= 0]
    edge = forest.edge[child]
    toward_child = np.where(reaches.v[edge] == child, 1.0, -1.0)
    arm_at_child = 2 * edge + (reaches.v[edge] == child)
    step = np.zeros(forest.order.size)
    step[child] = evidence[edge] * toward_child + lower[arm_at_child ^ 1] - lower[arm_at_child]
    score = _down_the_tree(forest.order, forest.parent, step)
    return score + _LONGEST * _log_reach(reaches, forest) - _EDGE * _inside(reaches, forest)


def _inside(reaches: Reaches, forest: Forest) -> Floats:
    """Return how far inside the hull of its part each node lies: 0 on it, 1 well inside."""
    _, part = np.unique(forest.root, return_inverse=True)
    order = np.argsort(part, kind="stable")
    plane = reaches.node_xy * [float(np.cos(np.radians(reaches.node_xy[:, 1].mean()))), 1.0]
    places = np.asarray(shapely.points(plane))
    groups = np.asarray(shapely.multipoints(places[order], indices=part[order]))
    hulls = np.asarray(shapely.convex_hull(groups))
    size = np.sqrt(shapely.area(hulls))[part]
    away = shapely.distance(places, np.asarray(shapely.boundary(hulls))[part])
    share = np.divide(away, _EDGE_SHARE * size, out=np.zeros(part.size), where=size > 0.0)
    inside: Floats = np.minimum(share, 1.0)
    return inside


@njit(cache=True)
def _down_the_tree(order: Longs, parent: Longs, step: Floats) -> Floats:  # pragma: no cover
    """Return the sum of the steps from each root to each node."""
    total = np.zeros(order.size)
    for node in order:
        if parent[node] >= 0:
            total[node] = total[parent[node]] + step[node]
    return total


def _log_reach(reaches: Reaches, forest: Forest) -> Floats:
    """Return, for each node, the log of its farthest way over the longest in its part."""
    n = forest.order.size
    step = np.where(forest.edge >= 0, reaches.length_km[forest.edge], 0.0)
    depth = _down_the_tree(forest.order, forest.parent, step)
    farthest = _farthest(forest.order, forest.parent, step)
    longest = np.zeros(n)
    np.maximum.at(longest, forest.root, farthest)
    whole = longest[forest.root]
    share = np.divide(farthest, whole, out=np.ones(n), where=whole > 0.0)
    result: Floats = np.log(np.maximum(share, 1e-6))
    return np.where(depth >= 0.0, result, 0.0)


@njit(cache=True)
def _farthest(order: Longs, parent: Longs, step: Floats) -> Floats:  # pragma: no cover
    """Return how far the farthest node of the tree is from each."""
    n = order.size
    best, second, child = np.zeros(n), np.zeros(n), np.full(n, -1, dtype=np.int64)
    for k in range(n - 1, -1, -1):
        node, up = order[k], parent[order[k]]
        if up >= 0:
            away = best[node] + step[node]
            if away > best[up]:
                second[up], best[up], child[up] = best[up], away, node
            elif away > second[up]:
                second[up] = away
    for node in order:
        up = parent[node]
        if up >= 0:
            away = step[node] + (second[up] if child[up] == node else best[up])
            if away > best[node]:
                second[node], best[node], child[node] = best[node], away, up
            elif away > second[node]:
                second[node] = away
    return best


def _arm_scores(reaches: Reaches, ring: Bools) -> Floats:
    """Return how likely each arm is the lower one at its node, as a log, shape (2 n,).

    Arm 2k is reach k at u, arm 2k + 1 at v; 0 where the node has neither two arms nor three. Where
    a ring opens or closes the angles say nothing: channels part there as they meet.
    """
    n = len(reaches.node_xy)
    start, slot = group_by(ends_of_reaches(reaches).ravel(), n)
    ahead = _arm_directions(reaches.coords, reaches.offsets, _ARM_KM)
    result = np.zeros(2 * reaches.u.size)
    for many in (2, 3):
        nodes = np.flatnonzero(np.diff(start) == many)
        arms = slot[start[nodes][:, None] + np.arange(many)].astype(np.int64)
        score = _growth(reaches, arms)
        if many == 3:
            weight = np.where(ring[arms // 2].sum(axis=1) > 1, 0.0, _ANGLE)
            for k in range(3):
                one, other = ahead[arms[:, (k + 1) % 3]], ahead[arms[:, (k + 2) % 3]]
                score[:, k] += weight * (one * other).sum(axis=1)
        result[arms] = score - np.log(np.exp(score).sum(axis=1))[:, None]
    return result


def _growth(reaches: Reaches, arms: Longs) -> Floats:
    """Return what speaks for the largest arm of each node as the lower one, shape of `arms`.

    Where a river becomes wide enough to be mapped as an area, a line beside it is narrow.
    """
    reach = arms // 2
    area = reaches.source_id[reach] < 0
    score = np.zeros(arms.shape)
    for name, weight in GROWS.items():
        values = reaches.attributes.get(name)
        if values is None:
            continue
        size = np.asarray(values, dtype=np.float64)[reach]
        if name == "width_m":
            size = np.where(np.isnan(size) & area.any(axis=1, keepdims=True), 0.0, size)
        ranked = np.sort(size, axis=1)  # unknown sizes come last
        clear = np.greater_equal(ranked[:, -1:], _CLEARLY * ranked[:, -2:-1])
        score += weight * np.logical_and(clear, size == ranked[:, -1:])
    return score


@njit(cache=True)
def _arm_directions(coords: Floats, offsets: Longs, within_km: float) -> Floats:  # pragma: no cover
    """Return the direction in which each arm leaves its node, as a unit vector on the ground."""
    n = offsets.size - 1
    ahead = np.zeros((2 * n, 2))
    for k in range(n):
        for end in range(2):
            first = offsets[k + 1] - 1 if end else offsets[k]
            step = -1 if end else 1
            i, run = first, 0.0
            shrink = np.cos(np.radians(coords[first, 1]))
            for _ in range(offsets[k + 1] - offsets[k] - 1):
                i += step
                dx = (coords[i, 0] - coords[i - step, 0]) * shrink
                dy = coords[i, 1] - coords[i - step, 1]
                run += 111.2 * np.sqrt(dx * dx + dy * dy)
                if run >= within_km:
                    break
            dx = (coords[i, 0] - coords[first, 0]) * shrink
            dy = coords[i, 1] - coords[first, 1]
            away = np.sqrt(dx * dx + dy * dy)
            if away > 0.0:
                ahead[2 * k + end, 0], ahead[2 * k + end, 1] = dx / away, dy / away
    return ahead


def best_by_part(forest: Forest, score: Floats) -> Longs:
    """Return the node of each part with the highest score."""
    order = np.lexsort((-score, forest.root))
    root = forest.root[order]
    first = np.ones(order.size, dtype=np.bool_)
    first[1:] = root[1:] != root[:-1]
    return order[first]


def side_of_outlet(reaches: Reaches, forest: Forest, score: Floats, outlet: Longs) -> Floats:
    """Return how likely the outlet lies on the side of each reach where it is put.

    Parameters
    ----------
    reaches, forest
        The network, and a spanning forest of it.
    score
        Log-likelihood of each node as outlet; −inf where it is none.
    outlet
        Node that was chosen for each part.

    Returns
    -------
    ndarray
        Probability; of a reach outside the forest the lesser of those beside it.
    """
    n = score.size
    most = np.full(n, -np.inf)
    np.maximum.at(most, forest.root, score)
    weight = np.exp(score - most[forest.root])
    share = weight / np.bincount(forest.root, weight, minlength=n)[forest.root]
    chosen = np.bincount(outlet, minlength=n).astype(np.float64)
    return _sides(forest.order, forest.parent, forest.edge, share, chosen, ends_of_reaches(reaches))


@njit(cache=True)
def _sides(
    order: Longs, parent: Longs, edge: Longs, share: Floats, chosen: Floats, ends: Ints
) -> Floats:  # pragma: no cover
    """Add up the likely and the chosen outlets beyond each reach."""
    n, m = order.size, ends.shape[0]
    below, inside = share.copy(), chosen.copy()
    sure, outside = np.ones(m), np.ones(m, dtype=np.bool_)
    at_node = np.ones(n)
    for k in range(n - 1, -1, -1):
        node, up = order[k], parent[order[k]]
        if up >= 0:
            below[up] += below[node]
            inside[up] += inside[node]
            at_node[node] = below[node] if inside[node] > 0.0 else 1.0 - below[node]
            sure[edge[node]] = at_node[node]
            outside[edge[node]] = False
    for e in range(m):
        if outside[e]:
            sure[e] = min(at_node[ends[e, 0]], at_node[ends[e, 1]])
    return sure
