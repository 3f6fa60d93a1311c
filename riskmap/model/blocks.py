"""Blocks and bridges: where a network is a tree, and where water leads round (model §4).

A bridge is an edge on no ring. Without the bridges a network falls into blocks, most of them single
nodes, and the bridges join these to a forest. Whoever crosses a block chooses inside it by the node
where the trip leaves it, and by nothing else: `riskmap.model.forest` rests on that.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.model.links import count_incident, edge_ends
from riskmap.network.arcs import Arcs, Bools, Ints, group_by


class Forest(NamedTuple):
    """Hold blocks and bridges. A place is a node's position in a depth-first walk."""

    node: Ints  # (n,) node at each place; who stands above comes first
    place: Ints  # (n_nodes,) the reverse
    parent: Ints  # (n,) place from which the walk came, −1 at a start
    up: Ints  # (n,) arc over the bridge to the parent; −1: no such arc, or no bridge
    down: Ints  # (n,) arc back
    head: Ints  # (n,) first place of the block that a place is in
    block: Ints  # (n,) number of that block, −1 where it is a single node
    member_start: Ints  # (n_blocks + 1,) places of each block, ascending in each
    member: Ints
    inner_of: Ints  # (n,) position of each place in `member`, −1 where it is in no block
    inner_arc: Ints  # arcs inside blocks
    decision: Bools  # (n_inner,) which of `member` are nodes where travellers choose


def find_forest(arcs: Arcs) -> Forest:
    """Find the blocks of a network and the forest of bridges between them."""
    ends = edge_ends(arcs)
    loops, start, incident, decision = count_incident(ends, arcs.n_nodes)
    edge_at = np.flatnonzero(~loops).astype(np.int32)[incident // 2]
    node, place, parent, by_edge, head = _walk(start, edge_at, ends)
    up, down = _bridges(arcs.tail, arcs.edge, node, by_edge, head, ends.shape[0])
    size = np.bincount(head, minlength=node.size)
    heads = np.flatnonzero(size > 1)
    number = np.full(node.size, -1, dtype=np.int32)
    number[heads] = np.arange(heads.size)
    block = number[head]
    inside = np.flatnonzero(block >= 0).astype(np.int32)
    member_start, order = group_by(block[inside], heads.size)
    member = inside[order]
    inner_of = np.full(node.size, -1, dtype=np.int32)
    inner_of[member] = np.arange(member.size)
    tail, to = head[place[arcs.tail]], head[place[arcs.head]]
    inner_arc = np.flatnonzero((tail == to) & (arcs.tail != arcs.head)).astype(np.int32)
    return Forest(
        node, place, parent, up, down, head, block, member_start, member, inner_of,
        inner_arc, decision[node[member]],
    )  # fmt: skip


@njit(cache=True)
def _walk(  # pragma: no cover
    start: Ints, incident: Ints, ends: Ints
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Walk depth first; a place from below which no edge leads above it is the head of a block."""
    n = start.size - 1
    place = np.full(n, -1, dtype=np.int32)
    node = np.empty(n, dtype=np.int32)
    parent = np.full(n, -1, dtype=np.int32)
    by_edge = np.full(n, -1, dtype=np.int32)
    low = np.arange(n).astype(np.int32)
    following = start[:-1].copy()
    stack = np.empty(n + 1, dtype=np.int32)
    count = 0
    for root in range(n):
        if place[root] >= 0:
            continue
        place[root], node[count] = count, root
        stack[0] = count
        count += 1
        depth = 0
        while depth >= 0:
            at = stack[depth]
            u = node[at]
            if following[u] == start[u + 1]:
                depth -= 1
                if depth >= 0:
                    low[stack[depth]] = min(low[stack[depth]], low[at])
                continue
            edge = incident[following[u]]
            following[u] += 1
            if edge == by_edge[at]:
                continue
            v = ends[edge, 1] if ends[edge, 0] == u else ends[edge, 0]
            if place[v] >= 0:
                low[at] = min(low[at], place[v])
                continue
            place[v], node[count], parent[count], by_edge[count] = count, v, at, edge
            depth += 1
            stack[depth] = count
            count += 1
    head = np.arange(n).astype(np.int32)
    for k in range(n):
        if low[k] < k:
            head[k] = head[parent[k]]
    return node, place, parent, by_edge, head


@njit(cache=True)
def _bridges(  # pragma: no cover
    tail: Ints, edge: Ints, node: Ints, by_edge: Ints, head: Ints, n_edges: int
) -> tuple[Ints, Ints]:
    """Return for each place the arc over the bridge to its parent, and the arc back."""
    below = np.full(n_edges, -1, dtype=np.int32)
    for k in range(node.size):
        if head[k] == k and by_edge[k] >= 0:
            below[by_edge[k]] = k
    up = np.full(node.size, -1, dtype=np.int32)
    down = np.full(node.size, -1, dtype=np.int32)
    for arc in range(edge.size):
        k = below[edge[arc]]
        if k >= 0 and tail[arc] == node[k]:
            up[k] = arc
        elif k >= 0:
            down[k] = arc
    return up, down
