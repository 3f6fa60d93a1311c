"""Bridges: edges of a network without which it falls apart; on a tree every edge is one."""

from __future__ import annotations

import numpy as np
from numba import njit

from riskmap.network.arcs import Bools, Ints, group_by


def find_bridges(ends: Ints, n_nodes: int) -> Bools:
    """Tell which edges are bridges; parallel edges and loops are none.

    Tarjan's low points, in one search of the depth first (Tarjan 1974).

    Parameters
    ----------
    ends
        Both nodes of each edge, shape (n_edges, 2).
    n_nodes
        Number of nodes.
    """
    start, slot = group_by(ends.ravel(), n_nodes)
    return _search(start, slot, ends)


@njit(cache=True)
def _search(start: Ints, slot: Ints, ends: Ints) -> Bools:  # pragma: no cover
    n = start.size - 1
    bridge = np.zeros(ends.shape[0], dtype=np.bool_)
    seen = np.full(n, -1, dtype=np.int64)  # in which order a node was reached
    low = np.empty(n, dtype=np.int64)  # earliest node that it can reach another way
    via = np.full(n, -1, dtype=np.int64)
    at = start[:-1].copy()
    stack = np.empty(n, dtype=np.int64)
    time = 0
    for root in range(n):
        if seen[root] >= 0:
            continue
        depth = 0
        stack[0] = root
        seen[root] = low[root] = time
        time += 1
        while depth >= 0:
            u = stack[depth]
            if at[u] < start[u + 1]:
                edge = slot[at[u]] >> 1
                at[u] += 1
                v = ends[edge, 1] if ends[edge, 0] == u else ends[edge, 0]
                if edge == via[u] or v == u:
                    continue
                if seen[v] >= 0:
                    low[u] = min(low[u], seen[v])
                    continue
                via[v] = edge
                seen[v] = low[v] = time
                time += 1
                depth += 1
                stack[depth] = v
                continue
            depth -= 1
            if depth >= 0:
                parent = stack[depth]
                low[parent] = min(low[parent], low[u])
                bridge[via[u]] = low[u] > seen[parent]
    return bridge
