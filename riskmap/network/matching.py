"""The likeliest chain of places on the water for a line of fixes: Viterbi's method, compiled.

Each fix has candidates, the nearest points of the reaches around it. A candidate costs
½ (distance / error)², and going from one to the next |way on the water − way moved| / error: minus
the logarithms of Newson and Krumm's chances (2009). Between two fixes a boat goes the shortest
way, along its reach where it stays on it; ways much longer than it moved are not looked for.

Ties: of chains whose costs differ by less than `TIE` the one that ends on the first reach, and then
comes from the first reach, is taken; of equally long ways the one by the node that comes first.
Reaches and nodes are in order of place, so that this does not depend on the order of river lines.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from riskmap.kernels import leaf
from riskmap.network.arcs import Bools, Floats, Ints, group_by
from riskmap.network.reaches import Reaches
from riskmap.network.shortest import heap_pop, heap_push

Longs = npt.NDArray[np.int64]
Stretches = list[tuple[float, float, float, float, float, float]]

#: Between fixes that are farther apart in time nothing is known, h.
GAP_H = 2.0
#: Costs that differ by less are equal.
TIE = 1e-9
#: A smaller share of the way between two fixes is none: nobody was there.
_ROUNDING = 1e-12
#: Night, by the sun: local hours.
NIGHT_FROM_H, NIGHT_TO_H = 18.0, 6.0
#: Where a way begins: at the first or the last node of the reach that it starts on.
_FROM_U, _FROM_V = -1, -2


class Water(NamedTuple):
    """Hold the network that boats move on: node k has the arcs start[k] … start[k + 1]."""

    start: Ints
    to: Ints
    by: Ints
    u: Ints
    v: Ints
    length_km: Floats


class Room(NamedTuple):
    """Hold what a search of ways writes on: as far as it went, then made clean again.

    `km` is infinite where it was not; `before` and `by` are the node before each and the reach
    between. The first entries of `visited` are the nodes of the last search.
    """

    km: Floats
    before: Ints
    by: Ints
    visited: Ints
    keys: Floats
    items: Ints


class Lines(NamedTuple):
    """Hold the fixes of unbroken lines, and the places on the water that each may stand for.

    Line k has the fixes start[k] … start[k + 1], fix i the candidates near[i] … near[i + 1].
    `row` is that of the layer, `moved_km` the way from each fix to the next, `most_km` the longest
    way that is looked for. Candidates are in order of reach; `km` is how far along it each lies,
    `away_km` how far from the fix.
    """

    start: Longs
    row: Longs
    lon: Floats
    time_h: Floats
    moved_km: Floats
    most_km: Floats
    near: Longs
    reach: Ints
    km: Floats
    away_km: Floats


class Chains(NamedTuple):
    """Hold what the cheapest chain to each candidate costs, and the candidate that it comes from.

    `cost` is infinite where no chain comes to, and `link` −1 where one begins.
    """

    cost: Floats
    link: Longs


def water_of(reaches: Reaches, usable: Bools) -> Water:
    """Return the usable reaches as arcs by node; those of a node are in order of reach."""
    chosen = np.flatnonzero(usable)
    ends = np.column_stack([reaches.u[chosen], reaches.v[chosen]]).ravel()
    start, order = group_by(ends, reaches.node_xy.shape[0])
    by = chosen[order >> 1].astype(np.int32)
    return Water(start, ends[order ^ 1], by, reaches.u, reaches.v, reaches.length_km)


def room_in(water: Water) -> Room:
    """Return a clean room: one is enough for any number of lines, one after the other."""
    nodes, arcs = water.start.size - 1, water.to.size
    before, by, visited = (np.empty(nodes, dtype=np.int32) for _ in range(3))
    km, keys = np.full(nodes, np.inf), np.empty(arcs + 2)
    return Room(km, before, by, visited, keys, np.empty(arcs + 2, dtype=np.int32))


@njit(cache=True, nogil=True)
def match_lines(  # pragma: no cover
    water: Water, room: Room, lines: Lines, error_km: float
) -> Floats:
    """Return the likeliest ways of lines, with the time shared out along them.

    Parameters
    ----------
    water, room
        The network, and room to search it.
    lines
        Fixes, and the places that they may stand for.
    error_km
        How far off fixes and lines usually are from each other.

    Returns
    -------
    ndarray
        Row of the layer, reach, hours, km down (below 0 up), hours by night and the hour of leaving
        of each stretch; shape (n, 6).
    """
    found = [(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)]
    cost = 0.5 * (lines.away_km / error_km) ** 2
    chains = Chains(cost, np.full(cost.size, -1, dtype=np.int64))
    for line in range(lines.start.size - 1):
        first, last = lines.start[line], lines.start[line + 1] - 1
        for i in range(first, last):
            if not _link(water, room, lines, i, error_km, chains):
                _walk_back(water, room, lines, chains, first, i, found)
                first = i + 1
        _walk_back(water, room, lines, chains, first, last, found)
    stretches = np.empty((len(found) - 1, 6))
    for k in range(stretches.shape[0]):
        for column in range(6):
            stretches[k, column] = found[k + 1][column]
    return stretches


@njit(cache=True)
def _link(  # pragma: no cover
    water: Water, room: Room, lines: Lines, i: int, error_km: float, chains: Chains
) -> bool:
    """Add the cost of the cheapest chain to each candidate after fix i; False if none comes there.

    Then the candidates' own costs stay, and a new chain begins with them.
    """
    a0, a1, b1 = lines.near[i], lines.near[i + 1], lines.near[i + 2]
    if a0 == a1 or a1 == b1 or lines.time_h[i + 1] - lines.time_h[i] > GAP_H:
        return False
    moved, most = lines.moved_km[i], lines.most_km[i]
    least = np.full(b1 - a1, np.inf)
    linked = False
    for a in range(a0, a1):
        if chains.cost[a] == math.inf:
            continue
        visited = -1
        for b in range(a1, b1):
            if visited < 0 and not _stays(lines, a, b, most):
                visited = _search(water, room, lines.reach[a], lines.km[a], most)
            km = _way_km(water, room, lines, a, b, most)
            total = chains.cost[a] + abs(km - moved) / error_km
            if km <= most and total < least[b - a1] - TIE:
                least[b - a1], chains.link[b] = total, a
                linked = True
        _clean(room, visited)
    if linked:
        chains.cost[a1:b1] += least
    return linked


@leaf
def _stays(lines: Lines, a: int, b: int, most_km: float) -> bool:  # pragma: no cover
    """Tell whether the way between two candidates is along the reach of both."""
    apart_km = abs(lines.km[b] - lines.km[a])
    return bool(lines.reach[a] == lines.reach[b] and apart_km <= most_km)


@leaf
def _way_km(  # pragma: no cover
    water: Water, room: Room, lines: Lines, a: int, b: int, most_km: float
) -> float:
    """Return the length of the way between two candidates, after a search from the first."""
    if _stays(lines, a, b, most_km):
        return float(abs(lines.km[b] - lines.km[a]))
    reach, km = lines.reach[b], lines.km[b]
    by_v = room.km[water.v[reach]] + (water.length_km[reach] - km)
    return float(min(room.km[water.u[reach]] + km, by_v))


@leaf
def _search(  # pragma: no cover
    water: Water, room: Room, reach: int, at_km: float, most_km: float
) -> int:
    """Find the shortest ways from a place on a reach; return the number of nodes come to."""
    visited = size = 0
    for end in (_FROM_U, _FROM_V):
        node = water.u[reach] if end == _FROM_U else water.v[reach]
        km = at_km if end == _FROM_U else water.length_km[reach] - at_km
        if km <= most_km and km < room.km[node]:
            visited = _come_to(room, visited, node, km, end)
            size = heap_push(room.keys, room.items, size, km, node)
    while size > 0:
        km, node = room.keys[0], room.items[0]
        size = heap_pop(room.keys, room.items, size)
        if km > room.km[node]:
            continue
        for arc in range(water.start[node], water.start[node + 1]):
            to, by = water.to[arc], water.by[arc]
            further = km + water.length_km[by]
            if further <= most_km and further < room.km[to]:
                visited = _come_to(room, visited, to, further, node)
                room.by[to] = by
                size = heap_push(room.keys, room.items, size, further, to)
    return visited


@leaf
def _come_to(  # pragma: no cover
    room: Room, visited: int, node: int, km: float, before: int
) -> int:
    """Note a way to a node, and return the number of nodes come to."""
    if room.km[node] == math.inf:
        room.visited[visited] = node
        visited += 1
    room.km[node], room.before[node] = km, before
    return visited


@leaf
def _clean(room: Room, visited: int) -> None:  # pragma: no cover
    """Make the room clean again after a search."""
    for k in range(visited):
        room.km[room.visited[k]] = math.inf


@njit(cache=True)
def _walk_back(  # pragma: no cover
    water: Water, room: Room, lines: Lines, chains: Chains, first: int, last: int, found: Stretches
) -> None:
    """Add the stretches of the likeliest chain from one fix to another, the last one first."""
    if first == last:
        return
    b = lines.near[last]
    for other in range(b + 1, lines.near[last + 1]):
        if chains.cost[other] < chains.cost[b] - TIE:
            b = other
    for i in range(last - 1, first - 1, -1):
        a, most = chains.link[b], lines.most_km[i]
        if _stays(lines, a, b, most):
            _share(lines, i, lines.reach[a], lines.km[a], lines.km[b], 0.0, 1.0, found)
        else:
            visited = _search(water, room, lines.reach[a], lines.km[a], most)
            _follow(water, room, lines, i, a, b, found)
            _clean(room, visited)
        b = a


@njit(cache=True)
def _follow(  # pragma: no cover
    water: Water, room: Room, lines: Lines, i: int, a: int, b: int, found: Stretches
) -> None:
    """Add the stretches of the way from candidate a of fix i to b of the next, after a search."""
    reach, km = lines.reach[b], lines.km[b]
    length = water.length_km[reach]
    node, end_km, total = water.u[reach], 0.0, room.km[water.u[reach]] + km
    by_v = room.km[water.v[reach]] + (length - km)
    if by_v < total:
        node, end_km, total = water.v[reach], length, by_v
    steps, at = 2, node
    while room.before[at] >= 0:
        at = room.before[at]
        steps += 1
    # Where all is one place the time is shared evenly.
    left, end = steps - 1, 1.0
    begin = room.km[node] / total if total > 0.0 else left / steps
    _share(lines, i, reach, end_km, km, begin, end, found)
    while room.before[node] >= 0:
        before, by = room.before[node], room.by[node]
        left, end = left - 1, begin
        begin = room.km[before] / total if total > 0.0 else left / steps
        down = water.u[by] == before
        from_km = 0.0 if down else water.length_km[by]
        _share(lines, i, by, from_km, water.length_km[by] - from_km, begin, end, found)
        node = before
    start_km = 0.0 if room.before[node] == _FROM_U else water.length_km[lines.reach[a]]
    _share(lines, i, lines.reach[a], lines.km[a], start_km, 0.0, begin, found)


@njit(cache=True)
def _share(  # pragma: no cover
    lines: Lines,
    i: int,
    reach: int,
    from_km: float,
    to_km: float,
    begin: float,
    end: float,
    found: Stretches,
) -> None:
    """Add a stretch on one reach, and its part of the time from fix i to the next: 0 … 1."""
    if end - begin < _ROUNDING:
        return
    start, span = lines.time_h[i], lines.time_h[i + 1] - lines.time_h[i]
    hours = (end - begin) * span
    middle = (start + 0.5 * (begin + end) * span + lines.lon[i] / 15.0) % 24.0
    night = hours if middle >= NIGHT_FROM_H or middle < NIGHT_TO_H else 0.0
    row = float(lines.row[i])
    found.append((row, float(reach), hours, to_km - from_km, night, start + end * span))
