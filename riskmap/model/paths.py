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


def least_paths(arcs: Arcs, trips: Trips, *, hazard_aversion_h: float) -> list[Ints]:
    """Return the arcs of the least route of every trip, in order of travel.

    Parameters
    ----------
    arcs
        The network.
    trips
        The trips, by destination.
    hazard_aversion_h
        κ: least is by generalized time, as in the choice of routes.
    """
    start, order = group_by(arcs.head, arcs.n_nodes)
    cost = arcs.generalized_h(hazard_aversion_h)[order]
    tail = arcs.tail[order]
    paths: list[Ints] = []
    for k, destination in enumerate(trips.destination):
        next_arc = _next_arcs(start, tail, order, cost, destination)
        origins = trips.origin[trips.start[k] : trips.start[k + 1]]
        paths += [_follow(next_arc, arcs.head, origin, destination) for origin in origins]
    return paths


@njit(cache=True)
def _next_arcs(  # pragma: no cover
    start: Ints, tail: Ints, arc: Ints, cost: Floats, destination: int
) -> Ints:
    """Return for each node the arc that its least route to the destination begins with, or −1."""
    n_nodes = start.size - 1
    best = np.full(n_nodes, np.inf)
    done = np.zeros(n_nodes, dtype=np.bool_)
    next_arc = np.full(n_nodes, -1, dtype=np.int32)
    keys = np.empty(tail.size + 1)
    items = np.empty(tail.size + 1, dtype=np.int32)
    best[destination] = 0.0
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
                best[tail[i]] = reached
                next_arc[tail[i]] = arc[i]
                size = heap_push(keys, items, size, reached, tail[i])
    return next_arc


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
