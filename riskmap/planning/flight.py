"""Travellers who know the plan and go round it: which trips are caught all the same (model §8).

A trip is caught only if every route within (1 + δ) × its least time passes a checkpoint of the
plan; among equally short routes, only if every one does. Time is generalized, and any route of the
network may serve, not only those of the route choice. One search a destination, from which watched
nodes are left out, tells all its trips. Choosing places against such travellers is for
`riskmap.planning.evasion`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.model.passes import TIE
from riskmap.model.routes import Trips
from riskmap.network.arcs import Arcs, Bools, Floats, Ints, group_by
from riskmap.network.shortest import heap_pop, heap_push
from riskmap.planning.traffic import Places, Traffic, Watch

#: Times the least time: stands for any way round at all, and stays a number.
LONGEST = 1e12


class Waters(NamedTuple):
    """Hold the arcs grouped by the node that they enter, for searches from destinations."""

    start: Ints  # (n_nodes + 1,)
    arc: Ints  # (n_arcs,) and, in the same order:
    tail: Ints
    cost_h: Floats
    head: Ints  # (n_arcs,) by arc


class _Search(NamedTuple):
    """Hold the arrays of one search."""

    best_h: Floats
    next_arc: Ints  # first arc of the way from each node
    order: Ints  # nodes as they were settled
    done: Bools
    keys: Floats
    items: Ints
    carried: Floats


@dataclass(frozen=True, slots=True)
class Flight:
    """Hold trips that look for a way round a plan.

    Attributes
    ----------
    waters, trips
        The network and the trips.
    watch
        Where checkpoints may stand; with ends that do not count, a trip's own ends are never
        watched for it.
    least_h
        For each trip its least time today, infinite where no route leads.
    limit_h
        For each trip the longest way that it would take: (1 + δ) × least time.
    worth
        For each trip, what catching it intercepts: q × its transits undetected today.
    """

    waters: Waters
    trips: Trips
    watch: Watch
    least_h: Floats
    limit_h: Floats
    worth: Floats

    def left_h(self, places: Places) -> Floats:
        """Return the time of every trip's best unwatched way; infinite where it is caught."""
        left = _search_all(self.waters, self.trips, self.limit_h, *self._closed(places))
        return np.where(left <= self.limit_h, left, np.inf)

    def caught(self, places: Places) -> Bools:
        """Return which trips have no way left (those without any route are not caught)."""
        found: Bools = np.isinf(self.left_h(places)) & (self.limit_h > 0.0)
        return found

    def value(self, places: Places) -> float:
        """Return the transits that checkpoints at some candidates intercept."""
        return float(self.worth[self.caught(places)].sum())

    def pressure(self, places: Places) -> Floats:
        """Return what passes each candidate when all trips take the way that they are left."""
        load = _load_ways(self.waters, self.trips, self.limit_h, self.worth, *self._closed(places))
        return load[self.watch.candidates]

    def ways(self, places: Places, which: Places) -> list[Ints]:
        """Return the arcs of the ways that some trips are left; none where a trip is caught."""
        group = np.searchsorted(self.trips.start, which, side="right") - 1
        found: list[Ints] = [np.empty(0, dtype=np.int32)] * which.size
        closed, ends_count = self._closed(places)
        for k in np.unique(group):
            rows = np.flatnonzero(group == k)
            trips = which[rows]
            origin, limit = self.trips.origin[trips], self.limit_h[trips]
            nodes = (closed, ends_count, int(self.trips.destination[k]))
            best, next_arc = _search_one(self.waters, *nodes, float(limit.max()))
            for row, node, most in zip(rows, origin, limit, strict=True):
                if best[node] <= most and not (ends_count and closed[node]):
                    found[row] = follow(next_arc, self.waters.head, node, nodes[2])
        return found

    def nodes_of(self, way: Ints, trip: int) -> Ints:
        """Return the nodes of a way at which a checkpoint would see the trip."""
        inner = self.waters.head[way[:-1]]
        if not self.watch.ends_count:
            return inner
        return np.concatenate([[self.trips.origin[trip]], inner, [self.waters.head[way[-1]]]])

    def _closed(self, places: Places) -> tuple[Bools, bool]:
        closed = np.zeros(self.waters.start.size - 1, dtype=np.bool_)
        closed[self.watch.candidates[places]] = True
        return closed, self.watch.ends_count


def take_flight(traffic: Traffic, watch: Watch, *, tolerance: float) -> Flight:
    """Let trips look for ways round.

    Parameters
    ----------
    traffic
        The trips as they are today.
    watch
        Where checkpoints may stand and what they do.
    tolerance
        δ: how much longer than its least time a way may be.
    """
    least = traffic.today.cost_h
    routed = np.isfinite(least)
    longest = min(1.0 + tolerance, LONGEST) * (1.0 + TIE)
    limit = np.where(routed, least, 0.0) * longest
    worth = watch.q * traffic.undetected
    return Flight(_by_head(traffic.arcs), traffic.trips, watch, least, limit, worth)


def _by_head(arcs: Arcs) -> Waters:
    start, order = group_by(arcs.head, arcs.n_nodes)
    return Waters(start, order, arcs.tail[order], arcs.time_h[order], arcs.head)


@njit(cache=True)
def _make_room(waters: Waters) -> _Search:  # pragma: no cover
    n = waters.start.size - 1
    return _Search(
        np.empty(n),
        np.empty(n, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n, dtype=np.bool_),
        np.empty(waters.tail.size + 1),
        np.empty(waters.tail.size + 1, dtype=np.int32),
        np.zeros(n),
    )


@njit(cache=True)
def _search(  # pragma: no cover
    waters: Waters,
    room: _Search,
    closed: Bools,
    ends_count: bool,  # noqa: FBT001
    destination: int,
    horizon: float,
) -> int:
    """Find least times to a destination over ways without a watched node between the ends.

    A watched node is given its time, for trips that begin there, and is passed by none.
    """
    room.best_h[:] = np.inf
    room.next_arc[:] = -1
    room.done[:] = False
    settled = 0
    if ends_count and closed[destination]:
        return settled
    room.best_h[destination] = 0.0
    size = heap_push(room.keys, room.items, 0, 0.0, destination)
    while size > 0:
        node = room.items[0]
        size = heap_pop(room.keys, room.items, size)
        if room.done[node]:
            continue
        room.done[node] = True
        room.order[settled] = node
        settled += 1
        if closed[node] and node != destination:
            continue
        for i in range(waters.start[node], waters.start[node + 1]):
            reached = room.best_h[node] + waters.cost_h[i]
            if reached <= horizon and reached < room.best_h[waters.tail[i]]:
                room.best_h[waters.tail[i]] = reached
                room.next_arc[waters.tail[i]] = waters.arc[i]
                size = heap_push(room.keys, room.items, size, reached, waters.tail[i])
    return settled


@njit(cache=True)
def _search_all(  # pragma: no cover
    waters: Waters,
    trips: Trips,
    limit_h: Floats,
    closed: Bools,
    ends_count: bool,  # noqa: FBT001
) -> Floats:
    """Return the time of every trip's best unwatched way, infinite where there is none."""
    room = _make_room(waters)
    left = np.full(trips.origin.size, np.inf)
    for k in range(trips.destination.size):
        first, last = trips.start[k], trips.start[k + 1]
        horizon = limit_h[first:last].max()
        _search(waters, room, closed, ends_count, trips.destination[k], horizon)
        for t in range(first, last):
            if not (ends_count and closed[trips.origin[t]]):
                left[t] = room.best_h[trips.origin[t]]
    return left


@njit(cache=True)
def _load_ways(  # pragma: no cover
    waters: Waters,
    trips: Trips,
    limit_h: Floats,
    worth: Floats,
    closed: Bools,
    ends_count: bool,  # noqa: FBT001
) -> Floats:
    """Add up by node the trips that have a way left, each on its best."""
    room = _make_room(waters)
    total = np.zeros(waters.start.size - 1)
    for k in range(trips.destination.size):
        first, last = trips.start[k], trips.start[k + 1]
        destination = trips.destination[k]
        settled = _search(waters, room, closed, ends_count, destination, limit_h[first:last].max())
        for t in range(first, last):
            origin = trips.origin[t]
            if room.best_h[origin] <= limit_h[t] and not (ends_count and closed[origin]):
                room.carried[origin] += worth[t]
                if not ends_count:
                    total[origin] -= worth[t]
        for j in range(settled - 1, -1, -1):
            node = room.order[j]
            if node != destination:
                total[node] += room.carried[node]
                room.carried[waters.head[room.next_arc[node]]] += room.carried[node]
            elif ends_count:
                total[node] += room.carried[node]
            room.carried[node] = 0.0
    return total


@njit(cache=True)
def _search_one(  # pragma: no cover
    waters: Waters,
    closed: Bools,
    ends_count: bool,  # noqa: FBT001
    destination: int,
    horizon: float,
) -> tuple[Floats, Ints]:
    """Return times and first arcs of the ways to one destination."""
    room = _make_room(waters)
    _search(waters, room, closed, ends_count, destination, horizon)
    return room.best_h, room.next_arc


@njit(cache=True)
def follow(next_arc: Ints, head: Ints, origin: int, destination: int) -> Ints:  # pragma: no cover
    """Return the arcs from an origin on, by the first arc of each node's way."""
    way = np.empty(next_arc.size, dtype=np.int32)
    size = 0
    node = origin
    while node != destination:
        if next_arc[node] < 0:
            return way[:0].copy()
        way[size] = next_arc[node]
        node = head[way[size]]
        size += 1
    return way[:size].copy()
