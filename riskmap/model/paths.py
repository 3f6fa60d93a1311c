"""Least paths, arc by arc: to draw a route and to name the corridors that it uses.

Loading does not need them (`riskmap.model.routes`); where routes tie, the path by the arc with the
smallest number is drawn.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from riskmap.model.routes import Trips
from riskmap.network.arcs import Arcs, Floats, Ints, group_by
from riskmap.network.shortest import heap_pop, heap_push


def least_hours(arcs: Arcs, trips: Trips, *, hazard_aversion_h: float) -> Floats:
    """Return the travel time of the least route of every trip, hours; infinite where none leads.

    Parameters
    ----------
    arcs
        The network.
    trips
        The trips, by destination.
    hazard_aversion_h
        κ: least is by generalized time, as in the choice of routes.
    """
    back = _Back(arcs, hazard_aversion_h)
    found = [
        back.search(destination)[1][trips.origin[trips.start[k] : trips.start[k + 1]]]
        for k, destination in enumerate(trips.destination)
    ]
    return np.concatenate([np.empty(0), *found])


def least_paths(
    arcs: Arcs, origin: Ints, destination: Ints, *, hazard_aversion_h: float
) -> list[Ints]:
    """Return the arcs of the least route of some trips, in order of travel.

    Parameters
    ----------
    arcs
        The network.
    origin, destination
        Nodes, one pair a trip.
    hazard_aversion_h
        κ, as in `least_hours`.
    """
    back = _Back(arcs, hazard_aversion_h)
    paths: list[Ints] = [np.empty(0, dtype=np.int32)] * origin.size
    for goal in np.unique(destination):
        next_arc, _ = back.search(goal)
        for trip in np.flatnonzero(destination == goal):
            paths[trip] = _follow(next_arc, arcs.head, origin[trip], goal)
    return paths


class _Back:
    """Search a network backward from destinations."""

    def __init__(self, arcs: Arcs, hazard_aversion_h: float) -> None:
        self._start, self._arc = group_by(arcs.head, arcs.n_nodes)
        self._tail = arcs.tail[self._arc]
        self._cost = arcs.generalized_h(hazard_aversion_h)[self._arc]
        self._time_h = arcs.time_h[self._arc]

    def search(self, destination: int) -> tuple[Ints, Floats]:
        """Return each node's next arc on its least route, −1 without one, and the route's time."""
        next_arc, hours = _search(
            self._start, self._tail, self._arc, self._cost, self._time_h, destination
        )
        return next_arc, hours


@njit(cache=True)
def _search(  # pragma: no cover
    start: Ints, tail: Ints, arc: Ints, cost: Floats, time_h: Floats, destination: int
) -> tuple[Ints, Floats]:
    n_nodes = start.size - 1
    best = np.full(n_nodes, np.inf)
    hours = np.full(n_nodes, np.inf)
    done = np.zeros(n_nodes, dtype=np.bool_)
    next_arc = np.full(n_nodes, -1, dtype=np.int32)
    keys = np.empty(tail.size + 1)
    items = np.empty(tail.size + 1, dtype=np.int32)
    best[destination], hours[destination] = 0.0, 0.0
    size = heap_push(keys, items, 0, 0.0, destination)
    while size > 0:
        node = items[0]
        size = heap_pop(keys, items, size)
        if done[node]:
            continue
        done[node] = True
        for i in range(start[node], start[node + 1]):
            reached = best[node] + cost[i]
            if reached < best[tail[i]]:
                best[tail[i]], hours[tail[i]] = reached, hours[node] + time_h[i]
                next_arc[tail[i]] = arc[i]
                size = heap_push(keys, items, size, reached, tail[i])
    return next_arc, hours


@njit(cache=True)
def _follow(next_arc: Ints, head: Ints, origin: int, destination: int) -> Ints:  # pragma: no cover
    """Return the arcs from an origin on; none where no route leads to the destination."""
    path = np.empty(next_arc.size, dtype=np.int32)
    size = 0
    node = origin
    while node != destination:
        arc = next_arc[node]
        if arc < 0:
            return path[:0].copy()
        path[size] = arc
        size += 1
        node = head[arc]
    return path[:size].copy()
