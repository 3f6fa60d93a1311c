"""Route choice and loading: Dial's method over links, one pass a destination (model §4, §5).

The backward pass (`riskmap.model.passes`) gives weights and the expected survival from each node
on; the forward pass here gives the transits and the undetected transits of every link. Links are
spread to their arcs at the end, by sums of like sign only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.kernels import leaf
from riskmap.model.forks import go_straight, without
from riskmap.model.links import Links
from riskmap.model.passes import (
    BEYOND,
    FROM_FIRST,
    FROM_LAST,
    LOG_W,
    ONWARD,
    SURVIVAL,
    TIME,
    TO_FIRST,
    TO_LAST,
    Target,
    Work,
    aim,
    allocate,
    between,
    efficient,
    log_share,
    settle,
    weigh,
)
from riskmap.network.arcs import Floats, Ints


class Trips(NamedTuple):
    """Hold a demand between nodes, grouped by destination.

    The trips to destination k are the positions start[k] … start[k + 1] of `origin` and `volume`.
    """

    destination: Ints  # (n_destinations,) node
    start: Ints  # (n_destinations + 1,)
    origin: Ints  # (n_trips,) node
    volume: Floats  # (n_trips,) transits a month


class Loading(NamedTuple):
    """Hold what trips do to a network.

    `transits` and `undetected` have one value an arc, `cost_h` (least generalized time, infinite
    where no route leads) and `survival` (expected over routes) one a trip.
    """

    transits: Floats
    undetected: Floats
    cost_h: Floats
    survival: Floats


def load_trips(links: Links, trips: Trips, *, theta_per_h: float, n_arcs: int) -> Loading:
    """Choose routes for every trip and add up what the arcs carry.

    Parameters
    ----------
    links
        The network (`riskmap.model.links.find_links`).
    trips
        The demand; no trip may end at its own origin.
    theta_per_h
        θ, 1/h, ≥ 0; infinite for least routes only, tied ones shared path by path.
    n_arcs
        Number of arcs of the network.
    """
    return Loading(*_load(links, trips, theta_per_h, n_arcs))


def least_costs_to(links: Links, destinations: Ints, origins: Ints) -> Floats:
    """Return the least generalized time from every origin to every destination.

    Returns
    -------
    array, shape (n_destinations, n_origins)
        Hours; infinite where no route leads, 0 from a node to itself.
    """
    costs: Floats = _cost_table(links, destinations, origins)
    return costs


@njit(cache=True)
def _load(  # pragma: no cover
    links: Links, trips: Trips, theta: float, n_arcs: int
) -> tuple[Floats, Floats, Floats, Floats]:
    work = allocate(links, n_arcs)
    cost = np.full(trips.origin.size, np.inf)
    survival = np.zeros(trips.origin.size)
    for k in range(trips.destination.size):
        target = aim(links, trips.destination[k], work)
        settled = settle(links, target, work)
        weigh(links, target, work, settled, theta)
        for t in range(trips.start[k], trips.start[k + 1]):
            volume = trips.volume[t]
            cost[t], survival[t] = depart(
                links, target, work, trips.origin[t], volume, volume, theta
            )
        send(links, target, work, settled)
    spread(links, work.link_flow, work.gather, work.arc_flow)
    return work.arc_flow[0], work.arc_flow[1], cost, survival


@njit(cache=True)
def _cost_table(links: Links, destinations: Ints, origins: Ints) -> Floats:  # pragma: no cover
    work = allocate(links, 0)
    costs = np.empty((destinations.size, origins.size))
    for k in range(destinations.size):
        target = aim(links, destinations[k], work)
        settle(links, target, work)
        for i in range(origins.size):
            if origins[i] == target.node:
                costs[k, i] = 0.0
            elif links.node_chain[origins[i]] < 0:
                costs[k, i] = work.d[origins[i]]
            else:
                costs[k, i] = _fork_cost(links, target, work, links.node_slot[origins[i]])
    return costs


@leaf
def depart(  # pragma: no cover
    links: Links,
    target: Target,
    work: Work,
    origin: int,
    volume: float,
    unseen: float,
    theta: float,
) -> tuple[float, float]:
    """Send trips from an origin to the decision nodes; return their least time and survival.

    Of the volume that starts, `unseen` counts towards what is never detected.
    """
    if links.node_chain[origin] >= 0:
        cost = _fork_cost(links, target, work, links.node_slot[origin])
        if not np.isfinite(cost):
            return np.inf, 0.0
        slot = links.node_slot[origin]
        return cost, _split(links, target, work, slot, cost, volume, unseen, theta)
    if work.rank[origin] < 0:
        return np.inf, 0.0
    work.arriving[origin] += volume
    work.unseen[origin] += unseen
    return work.d[origin], work.survive[origin]


@leaf
def _fork_cost(links: Links, target: Target, work: Work, slot: int) -> float:  # pragma: no cover
    """Return the least time from mid-chain; note in `fork` the two links that begin there.

    They lead to the chain's two ends, or to the destination where that lies on the way.
    """
    chain = links.node_chain[links.slot_node[slot]]
    first, last = links.chain_start[chain], links.chain_start[chain + 1] - 1
    for side in range(2):
        end = first if side == 0 else last
        reached = chain == target.chain and (
            links.is_cycle[chain] or (target.slot > slot) == (side == 1)
        )
        if reached:
            work.fork[TIME, side], work.fork[SURVIVAL, side] = _straight(
                links, slot, target.slot, side == 1
            )
            work.fork[ONWARD, side], work.fork[LOG_W, side] = 0.0, 0.0
            work.fork[BEYOND, side] = links.end_survival[target.node]
            continue
        node = links.slot_node[end]
        work.fork[TIME, side], work.fork[SURVIVAL, side] = between(links, slot, end)
        work.fork[ONWARD, side] = work.d[node]
        work.fork[LOG_W, side], work.fork[BEYOND, side] = work.log_w[node], work.survive[node]
        if _share_back(links, target, work, slot, side) > 0.0:
            total, beyond = _without_return(links, target, work, slot, side)
            if total > 0.0:
                work.fork[LOG_W, side] += np.log(total)
                work.fork[BEYOND, side] = beyond / total
            else:  # every way on from there leads back
                work.fork[ONWARD, side] = np.inf
    by_first = float(work.fork[TIME, 0] + work.fork[ONWARD, 0])
    return min(by_first, float(work.fork[TIME, 1] + work.fork[ONWARD, 1]))


@leaf
def _share_back(  # pragma: no cover
    links: Links, target: Target, work: Work, slot: int, side: int
) -> float:
    """Return the share, at one end of a chain, of the link that leads along it past a slot.

    An origin ends links: whoever has left it for that end does not come back through it.
    """
    chain = links.node_chain[links.slot_node[slot]]
    if chain == target.chain:
        return float(work.ending[side, 2])
    return float(work.share[2 * chain + side])


@leaf
def _without_return(  # pragma: no cover
    links: Links, target: Target, work: Work, slot: int, side: int
) -> tuple[float, float]:
    """Return the shares at one end of a chain, and survival by them, without the way back."""
    chain = links.node_chain[links.slot_node[slot]]
    end = links.chain_start[chain] if side == 0 else links.chain_start[chain + 1] - 1
    node = links.slot_node[end]
    out = links.out_start, links.out_link, links.link_head, links.link_survival
    total, beyond = without(2 * chain + side, node, work.share, work.survive, out)
    for other in range(2):
        back = chain == target.chain and other == side
        if target.chain >= 0 and links.slot_node[target.ends[other]] == node and not back:
            total += work.ending[other, 2]
            survive = work.ending[other, 1] * links.end_survival[target.node]
            beyond += work.ending[other, 2] * survive
    return total, beyond


@leaf
def _straight(  # pragma: no cover
    links: Links,
    slot: int,
    goal: int,
    onward: bool,  # noqa: FBT001
) -> tuple[float, float]:
    """Return time and survival along one chain to a goal on it, round the ring if need be."""
    if (goal > slot) == onward:
        return between(links, slot, goal)
    chain = links.node_chain[links.slot_node[slot]]
    first, last = links.chain_start[chain], links.chain_start[chain + 1] - 1
    leave, enter = (last, first) if onward else (first, last)
    time, survival = between(links, slot, leave)
    rest, survival_of_rest = between(links, enter, goal)
    return time + rest, survival * survival_of_rest


@leaf
def _split(  # pragma: no cover
    links: Links,
    target: Target,
    work: Work,
    slot: int,
    cost: float,
    volume: float,
    unseen: float,
    theta: float,
) -> float:
    """Share a volume between the two links of `fork`; return the trip's survival."""
    fork = work.fork
    shares = fork[LOG_W]
    for side in range(2):
        excess = fork[TIME, side] + fork[ONWARD, side] - cost
        if np.isfinite(excess) and efficient(fork[ONWARD, side], cost, excess):
            shares[side] += log_share(excess, cost, theta)
        else:
            shares[side] = -np.inf
    top = max(shares[0], shares[1])
    shares[0], shares[1] = np.exp(shares[0] - top), np.exp(shares[1] - top)
    total = shares[0] + shares[1]
    survival = 0.0
    for side in range(2):
        share = shares[side] / total
        if share > 0.0:
            survival += share * fork[SURVIVAL, side] * fork[BEYOND, side]
        if share > 0.0 and volume > 0.0:
            _leave(links, target, work, slot, side, volume * share, unseen * share)
    return survival


@leaf
def _leave(  # pragma: no cover
    links: Links,
    target: Target,
    work: Work,
    slot: int,
    side: int,
    transits: float,
    unseen: float,
) -> None:
    """Note a volume on the link that begins at a slot, and pass it on to the link's end."""
    survival = work.fork[SURVIVAL, side]
    undetected = unseen * survival * work.fork[BEYOND, side]
    chain = links.node_chain[links.slot_node[slot]]
    first, last = links.chain_start[chain], links.chain_start[chain + 1] - 1
    if chain == target.chain and (links.is_cycle[chain] or (target.slot > slot) == (side == 1)):
        go_straight(links, target, work, slot, side == 1, transits, undetected)
        return
    row = TO_FIRST if side == 0 else TO_LAST
    work.gather[row, slot] += transits
    work.gather[row + 1, slot] += undetected
    node = links.slot_node[first if side == 0 else last]
    unseen = unseen * survival
    if _share_back(links, target, work, slot, side) > 0.0:
        total, _ = _without_return(links, target, work, slot, side)
        back = -1 if chain == target.chain else 2 * chain + side
        side_back = side if chain == target.chain else -1
        pass_on(links, target, work, node, transits / total, unseen / total, back, side_back)
        return
    work.arriving[node] += transits
    work.unseen[node] += unseen


@leaf
def pass_on(  # pragma: no cover
    links: Links,
    target: Target,
    work: Work,
    u: int,
    arriving: float,
    unseen: float,
    but_link: int,
    but_side: int,
) -> None:
    """Carry what is at a node over its links, one link (or none: −1) left out."""
    for i in range(links.out_start[u], links.out_start[u + 1]):
        link = links.out_link[i]
        share = work.share[link]
        if share == 0.0 or link == but_link:
            continue
        v = links.link_head[link]
        still_unseen = unseen * share * links.link_survival[link]
        work.link_flow[0, link] += arriving * share
        work.link_flow[1, link] += still_unseen * work.survive[v]
        work.arriving[v] += arriving * share
        work.unseen[v] += still_unseen
    for side in range(2):
        if target.chain >= 0 and links.slot_node[target.ends[side]] == u and side != but_side:
            row = FROM_FIRST if side == 0 else FROM_LAST
            share = work.ending[side, 2]
            through = share * work.ending[side, 1] * links.end_survival[target.node]
            work.gather[row, target.slot] += arriving * share
            work.gather[row + 1, target.slot] += unseen * through


@leaf
def send(links: Links, target: Target, work: Work, settled: int) -> None:  # pragma: no cover
    """Carry what arrives at each decision node on to the destination, farthest first."""
    # Each array is taken out of its tuple once: that counts a reference, which costs more than
    # what is done at a node.
    out_start, out_link, link_head = links.out_start, links.out_link, links.link_head
    link_survival, survive, share = links.link_survival, work.survive, work.share
    order, arriving, unseen, flow = work.order, work.arriving, work.unseen, work.link_flow
    first, last = -1, -1
    if target.chain >= 0:
        first, last = links.slot_node[target.ends[0]], links.slot_node[target.ends[1]]
    for k in range(settled - 1, -1, -1):
        u = order[k]
        here, still = arriving[u], unseen[u]
        arriving[u], unseen[u] = 0.0, 0.0
        if here == 0.0 or u == target.node:
            continue
        if u in (first, last):
            pass_on(links, target, work, u, here, still, -1, -1)
            continue
        for i in range(out_start[u], out_start[u + 1]):
            link = out_link[i]
            if share[link] > 0.0:
                v = link_head[link]
                through = still * share[link] * link_survival[link]
                flow[0, link] += here * share[link]
                flow[1, link] += through * survive[v]
                arriving[v] += here * share[link]
                unseen[v] += through


@leaf
def spread(  # pragma: no cover
    links: Links, link_flow: Floats, gather: Floats, arc_flow: Floats
) -> None:
    """Add to every arc what its link carries, and the parts that begin or end beyond it."""
    for chain in range(links.is_cycle.size):
        first, last = links.chain_start[chain], links.chain_start[chain + 1] - 1
        for kind in range(2):
            onward = link_flow[kind, 2 * chain]
            back = link_flow[kind, 2 * chain + 1]
            to_last, from_last = 0.0, 0.0
            for slot in range(first, last):
                to_last += gather[TO_LAST + kind, slot]
                from_last += gather[FROM_LAST + kind, slot]
                if links.forward[slot] >= 0:
                    arc_flow[kind, links.forward[slot]] += onward + to_last
                if links.backward[slot] >= 0:
                    arc_flow[kind, links.backward[slot]] += back + from_last
            to_first, from_first = 0.0, 0.0
            for slot in range(last, first, -1):
                to_first += gather[TO_FIRST + kind, slot]
                from_first += gather[FROM_FIRST + kind, slot]
                if links.forward[slot - 1] >= 0:
                    arc_flow[kind, links.forward[slot - 1]] += from_first
                if links.backward[slot - 1] >= 0:
                    arc_flow[kind, links.backward[slot - 1]] += to_first
