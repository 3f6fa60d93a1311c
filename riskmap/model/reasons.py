"""Reasons: where a corridor's traffic comes from and goes to (model §6).

Traffic here is a corridor's transits weighted by the length of its reaches. It is told apart by
loading each origin's, and each destination's, trips by themselves.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numba import njit

from riskmap.model.demand import site_parts
from riskmap.model.links import Links
from riskmap.model.passes import (
    FROM_FIRST,
    FROM_LAST,
    TO_FIRST,
    TO_LAST,
    Target,
    Work,
    aim,
    allocate,
    settle,
    weigh,
)
from riskmap.model.routes import Trips, depart, pass_on
from riskmap.model.scores import MovementScore, Scores
from riskmap.network.arcs import Floats, Ints
from riskmap.network.shortest import heap_pop, heap_push
from riskmap.network.travel import ReachArcs

End = Literal["origins", "destinations"]


def traffic_by_site(
    scores: Scores,
    movement: MovementScore,
    *,
    end: End,
    network: ReachArcs,
    length_km: Floats,
    corridor: Ints,
) -> Floats:
    """Return the traffic of each corridor by site of one end of a movement.

    Parameters
    ----------
    scores, movement
        The scores, and the movement of them that is asked about.
    end
        Which of its ends.
    network
        The arcs that were scored.
    length_km
        Length of each reach.
    corridor
        Corridor of each reach, −1 for none.

    Returns
    -------
    array, shape (n_corridors, n_sites)
        Transits · km a month; the sites of both ends add up to the same.
    """
    trips, gravity = movement.trips, movement.gravity
    sites = movement.movement.origins if end == "origins" else movement.movement.destinations
    nodes = gravity.origin if end == "origins" else gravity.destination
    beta = 0.0 if end == "origins" else movement.movement.beta_per_h
    to = np.repeat(trips.destination, np.diff(trips.start)).astype(np.int32)
    group = np.searchsorted(nodes, trips.origin if end == "origins" else to)
    n_corridors = int(corridor.max(initial=-1)) + 1
    by_node = np.zeros((nodes.size, n_corridors))
    by_arc = corridor[network.reach].astype(np.int32)
    km = length_km[network.reach]
    _load_by_group(
        scores.links,
        trips,
        group.astype(np.int32),
        scores.theta_per_h,
        Waters(by_arc, km, *_corridors_of_chains(scores.links, by_arc, km)),
        by_node,
    )
    position, share = site_parts(sites, nodes=nodes, beta_per_h=beta)
    if not nodes.size:
        return np.zeros((n_corridors, share.size))
    return np.where(position >= 0, by_node.T[:, position] * share, 0.0)


class Waters(NamedTuple):
    """Hold which corridors arcs and chains run along, and how far.

    Chain c runs along chain_corridor[chain_start[c] … chain_start[c + 1]].
    """

    corridor: Ints  # (n_arcs,) −1 for none
    km: Floats  # (n_arcs,)
    chain_start: Ints  # (n_chains + 1,)
    chain_corridor: Ints
    chain_km: Floats


@njit(cache=True)
def _corridors_of_chains(  # pragma: no cover
    links: Links, corridor: Ints, km: Floats
) -> tuple[Ints, Ints, Floats]:
    """Return the corridors along each chain, and the kilometres of it on each."""
    start = np.zeros(links.is_cycle.size + 1, dtype=np.int32)
    along = np.empty(links.slot_node.size, dtype=np.int32)
    how_far = np.zeros(links.slot_node.size)
    n = 0
    for chain in range(links.is_cycle.size):
        begun = n
        for slot in range(links.chain_start[chain], links.chain_start[chain + 1] - 1):
            arc = max(links.forward[slot], links.backward[slot])
            if arc < 0 or corridor[arc] < 0:
                continue
            if n == begun or along[n - 1] != corridor[arc]:
                along[n] = corridor[arc]
                n += 1
            how_far[n - 1] += km[arc]
        start[chain + 1] = n
    return start, along[:n], how_far[:n]


@njit(cache=True)
def _load_by_group(  # pragma: no cover
    links: Links, trips: Trips, group: Ints, theta: float, waters: Waters, by_group: Floats
) -> None:
    """Load the trips group by group, and add what each does to the corridors.

    One backward pass serves all the trips to a destination; each group then visits only the nodes
    that it passes.
    """
    work = allocate(links, waters.corridor.size)
    for k in range(trips.destination.size):
        target = aim(links, trips.destination[k])
        settled = settle(links, target, work)
        weigh(links, target, work, settled, theta)
        first, top = trips.start[k], -1
        for t in range(trips.start[k], trips.start[k + 1]):
            depart(links, target, work, trips.origin[t], trips.volume[t], theta)
            top = max(top, _highest(links, work, trips.origin[t]))
            if t + 1 < trips.start[k + 1] and group[t + 1] == group[t]:
                continue
            row = by_group[group[t]]
            for one in range(first, t + 1):
                _record_start(links, target, work, trips.origin[one], waters, row)
            if first == t:
                _follow(links, target, work, trips.origin[t], waters, row)
            else:
                _sweep(links, target, work, top, waters, row)
            _record_arrival(links, target, work, waters, row)
            first, top = t + 1, -1


@njit(cache=True)
def _highest(links: Links, work: Work, origin: int) -> int:  # pragma: no cover
    """Return the place, in order of time, of the farthest decision node that a trip begins at."""
    chain = links.node_chain[origin]
    if chain < 0:
        return int(work.rank[origin])
    one = links.slot_node[links.chain_start[chain]]
    other = links.slot_node[links.chain_start[chain + 1] - 1]
    return int(max(work.rank[one], work.rank[other]))


@njit(cache=True)
def _record_start(  # pragma: no cover
    links: Links, target: Target, work: Work, origin: int, waters: Waters, row: Floats
) -> None:
    """Record, and forget, what has left an origin in mid-chain before any decision."""
    chain = links.node_chain[origin]
    if chain < 0:
        return
    first, last = links.chain_start[chain], links.chain_start[chain + 1] - 1
    origin_slot = links.node_slot[origin]
    _record_part(links.backward, first, origin_slot, TO_FIRST, origin_slot, work, waters, row)
    _record_part(links.forward, origin_slot, last, TO_LAST, origin_slot, work, waters, row)
    if chain == target.chain:
        for slot in range(first, last):
            for arc in (links.forward[slot], links.backward[slot]):
                if arc >= 0 and work.arc_flow[0, arc] > 0.0:
                    if waters.corridor[arc] >= 0:
                        row[waters.corridor[arc]] += work.arc_flow[0, arc] * waters.km[arc]
                    work.arc_flow[:, arc] = 0.0
    _record_links(links, work, links.slot_node[first], waters, row)
    _record_links(links, work, links.slot_node[last], waters, row)


@njit(cache=True)
def _record_part(  # pragma: no cover
    arcs: Ints,
    begin: int,
    end: int,
    kind: int,
    slot: int,
    work: Work,
    waters: Waters,
    row: Floats,
) -> None:
    """Record, and forget, what passes on a part of a chain that a site begins or ends."""
    flow = work.gather[kind, slot]
    if flow > 0.0:
        for at in range(begin, end):
            arc = arcs[at]
            if arc >= 0 and waters.corridor[arc] >= 0:
                row[waters.corridor[arc]] += flow * waters.km[arc]
    work.gather[kind, slot] = 0.0
    work.gather[kind + 1, slot] = 0.0


@njit(cache=True)
def _record_links(  # pragma: no cover
    links: Links, work: Work, node: int, waters: Waters, row: Floats
) -> None:
    """Record, and forget, what leaves a node on whole links."""
    for i in range(links.out_start[node], links.out_start[node + 1]):
        link = links.out_link[i]
        flow = work.link_flow[0, link]
        if flow == 0.0:
            continue
        for at in range(waters.chain_start[link >> 1], waters.chain_start[(link >> 1) + 1]):
            row[waters.chain_corridor[at]] += flow * waters.chain_km[at]
        work.link_flow[0, link] = 0.0
        work.link_flow[1, link] = 0.0


@njit(cache=True)
def _sweep(  # pragma: no cover
    links: Links, target: Target, work: Work, top: int, waters: Waters, row: Floats
) -> None:
    """Carry what many have departed with over all nodes, farthest first, and record it."""
    for k in range(top, -1, -1):
        _carry(links, target, work, work.order[k], waters, row)


@njit(cache=True)
def _follow(  # noqa: C901  # pragma: no cover
    links: Links, target: Target, work: Work, origin: int, waters: Waters, row: Floats
) -> None:
    """Carry what one has departed with over the nodes on its ways only, farthest first.

    One function, because a call for each node would cost more than what is done there.
    """
    size = 0
    chain = links.node_chain[origin]
    if chain < 0:
        size = _wait(work, size, origin)
    else:
        for end in range(2):
            slot = links.chain_start[chain] if end == 0 else links.chain_start[chain + 1] - 1
            node = links.slot_node[slot]
            size = _wait(work, size, node)
            # What may not come back through its origin has been passed on from there already.
            for i in range(links.out_start[node], links.out_start[node + 1]):
                size = _wait(work, size, links.link_head[links.out_link[i]])
    while size > 0:
        u = work.items[0]
        size = heap_pop(work.keys, work.items, size)
        arriving = work.arriving[u]
        work.arriving[u], work.unseen[u] = 0.0, 0.0
        if arriving == 0.0 or u == target.node:
            continue
        for side in range(2):
            if target.chain >= 0 and links.slot_node[target.ends[side]] == u:
                coming = FROM_FIRST if side == 0 else FROM_LAST
                work.gather[coming, target.slot] += arriving * target.links[side, 2]
        for i in range(links.out_start[u], links.out_start[u + 1]):
            link = links.out_link[i]
            flow = arriving * work.share[link]
            if flow == 0.0:
                continue
            for at in range(waters.chain_start[link >> 1], waters.chain_start[(link >> 1) + 1]):
                row[waters.chain_corridor[at]] += flow * waters.chain_km[at]
            v = links.link_head[link]
            if work.arriving[v] == 0.0:
                size = heap_push(work.keys, work.items, size, -float(work.rank[v]), v)
            work.arriving[v] += flow


@njit(cache=True)
def _wait(work: Work, size: int, node: int) -> int:  # pragma: no cover
    """Put a node where something has arrived among those to carry on from; return their number."""
    if work.arriving[node] == 0.0:
        return size
    return int(heap_push(work.keys, work.items, size, -float(work.rank[node]), node))


@njit(cache=True)
def _carry(  # pragma: no cover
    links: Links, target: Target, work: Work, u: int, waters: Waters, row: Floats
) -> None:
    """Carry what has arrived at a node over its links, and record it."""
    arriving, unseen = work.arriving[u], work.unseen[u]
    work.arriving[u], work.unseen[u] = 0.0, 0.0
    if arriving == 0.0 or u == target.node:
        return
    pass_on(links, target, work, u, arriving, unseen, -1, -1)
    _record_links(links, work, u, waters, row)


@njit(cache=True)
def _record_arrival(  # pragma: no cover
    links: Links, target: Target, work: Work, waters: Waters, row: Floats
) -> None:
    """Record, and forget, what comes to a destination in mid-chain from the chain's ends."""
    if target.chain >= 0:
        first, last = int(target.ends[0]), int(target.ends[1])
        slot = target.slot
        _record_part(links.forward, first, slot, FROM_FIRST, slot, work, waters, row)
        _record_part(links.backward, slot, last, FROM_LAST, slot, work, waters, row)
