"""Chains: edges in sequence between the nodes where a sequence has to stop."""

from __future__ import annotations

import numpy as np
from numba import njit

from riskmap.network.arcs import Bools, Ints


@njit(cache=True)
def trace_chains(  # pragma: no cover
    incident_start: Ints, incident_edge: Ints, ends: Ints, decision: Bools
) -> tuple[Ints, Bools, Ints, Ints]:
    """Follow every edge once: first from the stopping nodes, then round the rings that are left.

    Parameters
    ----------
    incident_start, incident_edge
        Edges at each node, grouped by node; those that begin and end at one node left out.
    ends
        Both nodes of each edge, shape (n_edges, 2).
    decision
        Nodes where chains end; every other node has two incident edges or none.

    Returns
    -------
    chain_start
        First slot of each chain, and the number of slots; a chain of k edges has k + 1 slots.
    is_cycle
        Chains that return to their first node without a stopping node.
    slot_node, slot_edge
        Nodes in order, and the edge from each to the next (−1 in a chain's last slot).
    """
    n_nodes = decision.size
    used = np.zeros(ends.shape[0], dtype=np.bool_)
    chain_start = np.zeros(ends.shape[0] + 1, dtype=np.int32)
    is_cycle = np.zeros(ends.shape[0], dtype=np.bool_)
    slot_node = np.empty(2 * ends.shape[0] + 1, dtype=np.int32)
    slot_edge = np.empty(2 * ends.shape[0] + 1, dtype=np.int32)
    chains = 0
    slot = 0
    for ring in range(2):
        for first in range(n_nodes):
            if decision[first] == (ring == 1):
                continue
            for i in range(incident_start[first], incident_start[first + 1]):
                edge = incident_edge[i]
                if used[edge]:
                    continue
                node = first
                while True:
                    used[edge] = True
                    slot_node[slot] = node
                    slot_edge[slot] = edge
                    slot += 1
                    node = ends[edge, 1] if ends[edge, 0] == node else ends[edge, 0]
                    if decision[node] or node == first:
                        break
                    at = incident_start[node]
                    edge = incident_edge[at + 1] if incident_edge[at] == edge else incident_edge[at]
                slot_node[slot] = node
                slot_edge[slot] = -1
                slot += 1
                is_cycle[chains] = ring == 1
                chains += 1
                chain_start[chains] = slot
    return chain_start[: chains + 1], is_cycle[:chains], slot_node[:slot], slot_edge[:slot]
