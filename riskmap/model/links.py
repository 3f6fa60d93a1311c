"""Links: chains of arcs between the nodes where a traveller chooses (model §4).

A decision node has a number of incident edges other than two. The edges between decision nodes
form chains; a chain that can be travelled gives a link in each direction. Sites on a chain are
positions on it, so that a cut in a line, or somebody else's site, makes no choice and removes none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.network.arcs import Arcs, Bools, Floats, Ints, group_by
from riskmap.network.chains import trace_chains


class Links(NamedTuple):
    """Hold chains and links as flat arrays (a tuple, so that compiled kernels take it whole).

    A chain c of k edges has the slots chain_start[c] … chain_start[c] + k, one for each of its
    nodes in order; `forward[s]` is the arc from slot s's node to the next one's, `backward[s]` the
    arc from the next one's to slot s's, −1 where there is none (and in the last slot). Link 2c runs
    from the first node of c to its last, link 2c + 1 back.
    """

    chain_start: Ints  # (n_chains + 1,) first slot of each chain
    is_cycle: Bools  # (n_chains,) a ring without a decision node: first slot's node = last slot's
    slot_node: Ints  # (n_slots,)
    forward: Ints  # (n_slots,) arc or −1
    backward: Ints  # (n_slots,) arc or −1
    forward_h: Floats  # (n_slots,) generalized time from the chain's first node to this one
    backward_h: Floats  # (n_slots,) … from this node back to the chain's first
    forward_hazard: Floats  # (n_slots,) the same sums of the hazard, sure detections left out
    backward_hazard: Floats
    forward_stop: Ints  # (n_slots,) arcs so far that cannot be passed
    backward_stop: Ints
    forward_sure: Ints  # (n_slots,) arcs so far where detection is sure (infinite hazard)
    backward_sure: Ints
    node_chain: Ints  # (n_nodes,) chain of a pass-through node, −1 for a decision node
    node_slot: Ints  # (n_nodes,) slot of a pass-through node, −1 for a decision node
    out_start: Ints  # (n_nodes + 1,) links by the node they leave …
    out_link: Ints
    in_start: Ints  # … and by the node they enter; rings at one node are in neither
    in_link: Ints
    link_tail: Ints  # (2 n_chains,)
    link_head: Ints
    link_h: Floats  # (2 n_chains,) generalized time, infinite where it cannot be travelled
    link_survival: Floats  # (2 n_chains,) exp(−Σ hazard)
    end_survival: Floats  # (n_nodes,)


def find_links(arcs: Arcs, *, hazard_aversion_h: float, decision: Bools | None = None) -> Links:
    """Find the chains of a network and their links.

    Parameters
    ----------
    arcs
        The network.
    hazard_aversion_h
        κ, hours that a traveller would add to avoid one unit of hazard.
    decision
        The nodes where travellers choose, where the arcs are a part of a network and do not tell.
    """
    ends = edge_ends(arcs)
    loops, incident_start, incident, chosen = count_incident(ends, arcs.n_nodes)
    incident_edge = np.flatnonzero(~loops).astype(np.int32)[incident // 2]
    chain_start, is_cycle, slot_node, slot_edge = trace_chains(
        incident_start, incident_edge, ends, chosen if decision is None else decision
    )
    return _measure_chains(
        arcs, arcs.generalized_h(hazard_aversion_h), chain_start, is_cycle, slot_node, slot_edge
    )


def edge_ends(arcs: Arcs) -> Ints:
    """Return both nodes of each edge, shape (n_edges, 2)."""
    n_edges = int(arcs.edge.max()) + 1 if arcs.edge.size else 0
    ends = np.zeros((n_edges, 2), dtype=np.int32)
    ends[arcs.edge[::-1], 0] = arcs.tail[::-1]
    ends[arcs.edge[::-1], 1] = arcs.head[::-1]
    return ends


def count_incident(ends: Ints, n_nodes: int) -> tuple[Bools, Ints, Ints, Bools]:
    """Return which edges are loops, the ends of the others by node, and the decision nodes."""
    loops: Bools = ends[:, 0] == ends[:, 1]
    start, incident = group_by(ends[~loops].ravel(), n_nodes)
    decision = np.diff(start) != 2
    decision[ends[loops, 0]] = True  # a ring of one edge counts as an incident edge
    return loops, start, incident, decision


def _measure_chains(
    arcs: Arcs,
    generalized_h: Floats,
    chain_start: Ints,
    is_cycle: Bools,
    slot_node: Ints,
    slot_edge: Ints,
) -> Links:
    """Place the arcs on the chains and add up their times and hazards."""
    forward, backward = _place_arcs(arcs.tail, arcs.head, arcs.edge, slot_node, slot_edge)
    first = chain_start[:-1]
    last = chain_start[1:] - 1
    onward = _sums_along(forward, generalized_h, arcs.hazard, chain_start)
    back = _sums_along(backward, generalized_h, arcs.hazard, chain_start)
    node_chain = np.full(arcs.n_nodes, -1, dtype=np.int32)
    node_slot = np.full(arcs.n_nodes, -1, dtype=np.int32)
    inner = np.ones(slot_node.size, dtype=np.bool_)
    inner[last] = False
    inner[first] = is_cycle
    chain_of_slot = np.repeat(np.arange(first.size, dtype=np.int32), np.diff(chain_start))
    node_chain[slot_node[inner]] = chain_of_slot[inner]
    node_slot[slot_node[inner]] = np.flatnonzero(inner)
    link_tail, link_head = _interleave(slot_node[first], slot_node[last])
    link_h, link_survival = _totals_of_links(onward, back, last)
    link_h[np.repeat(is_cycle, 2)] = np.inf
    usable = np.flatnonzero(np.isfinite(link_h) & (link_tail != link_head)).astype(np.int32)
    out_start, leaving = group_by(link_tail[usable], arcs.n_nodes)
    in_start, entering = group_by(link_head[usable], arcs.n_nodes)
    return Links(
        chain_start, is_cycle, slot_node, forward, backward,
        onward[0], back[0], onward[1], back[1], onward[2], back[2], onward[3], back[3],
        node_chain, node_slot, out_start, usable[leaving], in_start, usable[entering],
        link_tail, link_head, link_h, link_survival, arcs.end_survival,
    )  # fmt: skip


@njit(cache=True)
def _place_arcs(  # pragma: no cover
    tail: Ints, head: Ints, edge: Ints, slot_node: Ints, slot_edge: Ints
) -> tuple[Ints, Ints]:
    """Return for each slot the arc to the next slot's node, and the arc back (−1: none)."""
    n_edges = edge.max() + 1 if edge.size else 0
    slot_of_edge = np.full(n_edges, -1, dtype=np.int32)
    for slot in range(slot_edge.size):
        if slot_edge[slot] >= 0:
            slot_of_edge[slot_edge[slot]] = slot
    forward = np.full(slot_node.size, -1, dtype=np.int32)
    backward = np.full(slot_node.size, -1, dtype=np.int32)
    for arc in range(edge.size):
        slot = slot_of_edge[edge[arc]]
        if slot < 0:
            continue
        if tail[arc] == slot_node[slot] and head[arc] == slot_node[slot + 1]:
            forward[slot] = arc
        else:
            backward[slot] = arc
    return forward, backward


def _sums_along(
    slot_arc: Ints, generalized_h: Floats, hazard: Floats, chain_start: Ints
) -> tuple[Floats, Floats, Ints, Ints]:
    """Return sums from each chain's first slot: time, finite hazard, closed and sure arcs."""
    return _running_sums(slot_arc, generalized_h, hazard, chain_start)


@njit(cache=True)
def _running_sums(  # pragma: no cover
    slot_arc: Ints, generalized_h: Floats, hazard: Floats, chain_start: Ints
) -> tuple[Floats, Floats, Ints, Ints]:
    time = np.zeros(slot_arc.size)
    danger = np.zeros(slot_arc.size)
    stops = np.zeros(slot_arc.size, dtype=np.int32)
    sure = np.zeros(slot_arc.size, dtype=np.int32)
    for chain in range(chain_start.size - 1):
        for slot in range(chain_start[chain], chain_start[chain + 1] - 1):
            arc = slot_arc[slot]
            time[slot + 1] = time[slot]
            danger[slot + 1] = danger[slot]
            stops[slot + 1] = stops[slot]
            sure[slot + 1] = sure[slot]
            if arc < 0 or not np.isfinite(generalized_h[arc]):
                stops[slot + 1] += 1
                continue
            time[slot + 1] += generalized_h[arc]
            if np.isfinite(hazard[arc]):
                danger[slot + 1] += hazard[arc]
            else:
                sure[slot + 1] += 1
    return time, danger, stops, sure


def _interleave(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """Return tails and heads of the links 2c (first → last) and 2c + 1 (last → first)."""
    tails = np.column_stack([first, last]).ravel()
    heads = np.column_stack([last, first]).ravel()
    return tails, heads


def _totals_of_links(
    onward: tuple[Floats, Floats, Ints, Ints],
    back: tuple[Floats, Floats, Ints, Ints],
    last: Ints,
) -> tuple[Floats, Floats]:
    """Return generalized time and survival of every link, in both directions."""
    time = np.column_stack([onward[0][last], back[0][last]]).ravel()
    hazard = np.column_stack([onward[1][last], back[1][last]]).ravel()
    stops = np.column_stack([onward[2][last], back[2][last]]).ravel()
    sure = np.column_stack([onward[3][last], back[3][last]]).ravel()
    return np.where(stops > 0, np.inf, time), np.where(sure > 0, 0.0, np.exp(-hazard))
