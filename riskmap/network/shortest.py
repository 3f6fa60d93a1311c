"""Least times over flat arrays: a binary heap and Dijkstra's method, compiled.

Kernels only; what the times mean is said by those who call them (`riskmap.model.patrol`,
`riskmap.model.routes`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from riskmap.kernels import leaf
from riskmap.network.arcs import Floats, Ints


@leaf
def heap_push(
    keys: Floats, items: Ints, size: int, key: float, item: int
) -> int:  # pragma: no cover
    """Add an item to the heap and return the new size; equal keys come out by smallest item."""
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if keys[parent] < key or (keys[parent] == key and items[parent] <= item):
            break
        keys[child] = keys[parent]
        items[child] = items[parent]
        child = parent
    keys[child] = key
    items[child] = item
    return size + 1


@leaf
def heap_pop(keys: Floats, items: Ints, size: int) -> int:  # pragma: no cover
    """Remove the first entry (read it before, at position 0) and return the new size."""
    size -= 1
    key = keys[size]
    item = items[size]
    hole = 0
    while True:
        child = 2 * hole + 1
        if child >= size:
            break
        right = child + 1
        if right < size and (
            keys[right] < keys[child]
            or (keys[right] == keys[child] and items[right] < items[child])
        ):
            child = right
        if key < keys[child] or (key == keys[child] and item <= items[child]):
            break
        keys[hole] = keys[child]
        items[hole] = items[child]
        hole = child
    keys[hole] = key
    items[hole] = item
    return size


@njit(cache=True)
def least_costs(  # pragma: no cover
    start: Ints,
    neighbour: Ints,
    cost: Floats,
    sources: Ints,
    initial: Floats,
    limit: float,
) -> tuple[Floats, Ints]:
    """Return the least cost of every node from the nearest of several sources, and which one.

    Parameters
    ----------
    start, neighbour, cost
        Arcs grouped by tail: node u's are start[u] … start[u + 1].
    sources, initial
        Nodes to start from, and the cost at which each starts.
    limit
        Costs beyond it are not followed and stay infinite.

    Returns
    -------
    cost
        Shape (n_nodes,); infinite where no source reaches.
    source
        Position in `sources` of the one that is nearest, −1 where none is.
    """
    n_nodes = start.size - 1
    best = np.full(n_nodes, np.inf)
    origin = np.full(n_nodes, -1, dtype=np.int32)
    done = np.zeros(n_nodes, dtype=np.bool_)
    keys = np.empty(neighbour.size + sources.size + 1)
    items = np.empty(keys.size, dtype=np.int32)
    size = 0
    for s in range(sources.size):
        node = sources[s]
        if initial[s] <= limit and initial[s] < best[node]:
            best[node] = initial[s]
            origin[node] = s
            size = heap_push(keys, items, size, initial[s], node)
    while size > 0:
        node = items[0]
        size = heap_pop(keys, items, size)
        if done[node]:
            continue
        done[node] = True
        for i in range(start[node], start[node + 1]):
            other = neighbour[i]
            reached = best[node] + cost[i]
            if reached <= limit and reached < best[other]:
                best[other] = reached
                origin[other] = origin[node]
                size = heap_push(keys, items, size, reached, other)
    return best, origin
