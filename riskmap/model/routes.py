"""Route choice and loading: Dial's method over links, one pass a destination (model §4, §5).

For a destination, `d_u` is the least generalized time from node u; a link (u, v) is efficient when
`d_v < d_u`; the chance of taking it at u is `exp(-θ (g_uv + d_v - d_u)) W_v / W_u`. Weights are
kept as logarithms, because braids in series multiply them without bound. One backward pass gives
`W` and the expected survival from each node on, one forward pass the transits and the undetected
transits of every link; links are spread to their arcs at the end, by sums of like sign only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from riskmap.model.links import Links
from riskmap.network.arcs import Floats, Ints
from riskmap.network.shortest import heap_pop, heap_push

#: Least routes within this share of each other are tied when θ is infinite (model §4).
TIE = 1e-9
#: Two nodes whose times differ by less than this share are equally near: only rounding parts them.
ROUNDING = 1e-12


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


class _Work(NamedTuple):
    """Hold the arrays of the passes: by node, by link, by slot of a chain, by arc."""

    d: Floats
    log_w: Floats
    survive: Floats
    arriving: Floats
    unseen: Floats
    rank: Ints
    order: Ints
    keys: Floats
    items: Ints
    share: Floats  # (n_links,) chance of the link at its tail, for the destination at hand
    link_flow: Floats  # (2, n_links) transits and undetected transits of whole links
    gather: Floats  # (8, n_slots) the same of the parts of links that begin or end in mid-chain
    arc_flow: Floats  # (2, n_arcs) the same, of arcs between two sites of one chain
    fork: Floats  # (5, 2) scratch of `_split`


class _Target(NamedTuple):
    """Hold a destination and, where it lies in mid-chain, its place (chain −1: it does not)."""

    node: int
    chain: int
    slot: int
    ends: npt.NDArray[np.int64]  # first and last slot of that chain
    links: Floats  # (2, 3) from either end: generalized time, survival, share at that end


# Rows of _Work.gather, each followed by its undetected transits: what a site in mid-chain sends to
# its chain's first and last slot, and what comes to a site from there.
_TO_FIRST, _TO_LAST, _FROM_FIRST, _FROM_LAST = 0, 2, 4, 6
# Rows of _Work.fork.
_TIME, _SURVIVAL, _ONWARD, _LOG_W, _BEYOND = 0, 1, 2, 3, 4


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
    work = _allocate(links, n_arcs)
    cost = np.full(trips.origin.size, np.inf)
    survival = np.zeros(trips.origin.size)
    for k in range(trips.destination.size):
        target = _aim(links, trips.destination[k])
        settled = _settle(links, target, work)
        _weigh(links, target, work, settled, theta)
        for t in range(trips.start[k], trips.start[k + 1]):
            cost[t], survival[t] = _depart(
                links, target, work, trips.origin[t], trips.volume[t], theta
            )
        _send(links, target, work, settled)
    _spread(links, work)
    return work.arc_flow[0], work.arc_flow[1], cost, survival


@njit(cache=True)
def _cost_table(links: Links, destinations: Ints, origins: Ints) -> Floats:  # pragma: no cover
    work = _allocate(links, 0)
    costs = np.empty((destinations.size, origins.size))
    for k in range(destinations.size):
        target = _aim(links, destinations[k])
        _settle(links, target, work)
        for i in range(origins.size):
            if origins[i] == target.node:
                costs[k, i] = 0.0
            elif links.node_chain[origins[i]] < 0:
                costs[k, i] = work.d[origins[i]]
            else:
                costs[k, i] = _fork_cost(links, target, work, links.node_slot[origins[i]])
    return costs


@njit(cache=True)
def _allocate(links: Links, n_arcs: int) -> _Work:  # pragma: no cover
    n = links.node_chain.size
    n_links = links.link_h.size
    return _Work(
        np.empty(n), np.empty(n), np.empty(n), np.zeros(n), np.zeros(n),
        np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32),
        np.empty(n_links + 2), np.empty(n_links + 2, dtype=np.int32), np.zeros(n_links),
        np.zeros((2, n_links)), np.zeros((8, links.slot_node.size)), np.zeros((2, n_arcs)),
        np.empty((5, 2)),
    )  # fmt: skip


@njit(cache=True)
def _between(links: Links, slot: int, other: int) -> tuple[float, float]:  # pragma: no cover
    """Return generalized time (infinite if closed) and survival from a slot to one of its chain."""
    if slot <= other:
        if links.forward_stop[other] > links.forward_stop[slot]:
            return np.inf, 0.0
        time = links.forward_h[other] - links.forward_h[slot]
        if links.forward_sure[other] > links.forward_sure[slot]:
            return time, 0.0
        return time, np.exp(links.forward_hazard[slot] - links.forward_hazard[other])
    if links.backward_stop[slot] > links.backward_stop[other]:
        return np.inf, 0.0
    time = links.backward_h[slot] - links.backward_h[other]
    if links.backward_sure[slot] > links.backward_sure[other]:
        return time, 0.0
    return time, np.exp(links.backward_hazard[other] - links.backward_hazard[slot])


@njit(cache=True)
def _aim(links: Links, node: int) -> _Target:  # pragma: no cover
    """Find where a destination lies, and the links that end there in mid-chain."""
    chain, slot = int(links.node_chain[node]), int(links.node_slot[node])
    ends = np.full(2, -1)
    ending = np.zeros((2, 3))
    ending[:, 0] = np.inf
    if chain >= 0:
        ends[0], ends[1] = links.chain_start[chain], links.chain_start[chain + 1] - 1
        for side in range(2):
            if not links.is_cycle[chain]:
                ending[side, 0], ending[side, 1] = _between(links, int(ends[side]), slot)
    return _Target(int(node), chain, slot, ends, ending)


@njit(cache=True)
def _log_share(excess: float, cost: float, theta: float) -> float:  # pragma: no cover
    """Return −θ (g + d_v − d_u), or −∞ where the link is not taken."""
    if np.isinf(excess):  # closed; θ = 0 would make 0 · ∞ of it
        return -np.inf
    if excess == np.inf:
        return -np.inf
    if np.isinf(theta):
        return 0.0 if excess <= TIE * cost else -np.inf
    return -theta * max(excess, 0.0)


@njit(cache=True)
def _efficient(d_v: float, d_u: float, excess: float) -> bool:  # pragma: no cover
    """Tell whether d_v < d_u beyond rounding; a least link is efficient however short it be."""
    return d_v < d_u * (1.0 - ROUNDING) or excess <= ROUNDING * d_u


@njit(cache=True)
def _settle(links: Links, target: _Target, work: _Work) -> int:  # pragma: no cover
    """Find d for every decision node, and their order; return how many have a route."""
    work.d[:] = np.inf
    work.rank[:] = -1
    work.share[:] = 0.0  # no link's share may outlive its destination
    size = 0
    if target.chain < 0:
        work.d[target.node] = 0.0
        size = heap_push(work.keys, work.items, size, 0.0, target.node)
    for side in range(2):
        if target.chain >= 0 and target.links[side, 0] < np.inf:
            node = links.slot_node[target.ends[side]]
            if target.links[side, 0] < work.d[node]:
                work.d[node] = target.links[side, 0]
                size = heap_push(work.keys, work.items, size, work.d[node], node)
    settled = 0
    while size > 0:
        node = work.items[0]
        size = heap_pop(work.keys, work.items, size)
        if work.rank[node] >= 0:
            continue
        work.rank[node] = settled
        work.order[settled] = node
        settled += 1
        for i in range(links.in_start[node], links.in_start[node + 1]):
            link = links.in_link[i]
            if link >> 1 == target.chain:
                continue
            tail = links.link_tail[link]
            reached = work.d[node] + links.link_h[link]
            if reached < work.d[tail]:
                work.d[tail] = reached
                size = heap_push(work.keys, work.items, size, reached, tail)
    return settled


@njit(cache=True)
def _weigh(  # pragma: no cover
    links: Links, target: _Target, work: _Work, settled: int, theta: float
) -> None:
    """Find W, the share of each link at its tail, and the expected survival from each node on."""
    for k in range(settled):
        u = work.order[k]
        if u == target.node:
            work.log_w[u] = 0.0
            work.survive[u] = links.end_survival[u]
            continue
        d_u = work.d[u]
        top = -np.inf
        for i in range(links.out_start[u], links.out_start[u + 1]):
            link = links.out_link[i]
            v = links.link_head[link]
            work.share[link] = -np.inf
            if link >> 1 == target.chain or work.rank[v] < 0 or work.rank[v] >= k:
                continue
            excess = links.link_h[link] + work.d[v] - d_u
            if _efficient(work.d[v], d_u, excess):
                work.share[link] = _log_share(excess, d_u, theta) + work.log_w[v]
                top = max(top, work.share[link])
        for side in range(2):
            if target.chain >= 0 and links.slot_node[target.ends[side]] == u:
                target.links[side, 2] = _log_share(target.links[side, 0] - d_u, d_u, theta)
                top = max(top, target.links[side, 2])
        _share_out(links, target, work, u, top)


@njit(cache=True)
def _share_out(  # pragma: no cover
    links: Links, target: _Target, work: _Work, u: int, top: float
) -> None:
    """Turn the logarithms of the links at u into shares, and set log W and survival of u."""
    total = 0.0
    for i in range(links.out_start[u], links.out_start[u + 1]):
        link = links.out_link[i]
        work.share[link] = np.exp(work.share[link] - top)
        total += work.share[link]
    for side in range(2):
        if target.chain >= 0 and links.slot_node[target.ends[side]] == u:
            target.links[side, 2] = np.exp(target.links[side, 2] - top)
            total += target.links[side, 2]
    survive = 0.0
    for i in range(links.out_start[u], links.out_start[u + 1]):
        link = links.out_link[i]
        if work.share[link] > 0.0:
            work.share[link] /= total
            beyond = work.survive[links.link_head[link]]
            survive += work.share[link] * links.link_survival[link] * beyond
    for side in range(2):
        if target.chain >= 0 and links.slot_node[target.ends[side]] == u:
            target.links[side, 2] /= total
            beyond = links.end_survival[target.node]
            survive += target.links[side, 2] * target.links[side, 1] * beyond
    work.log_w[u] = top + np.log(total)
    work.survive[u] = survive


@njit(cache=True)
def _depart(  # pragma: no cover
    links: Links, target: _Target, work: _Work, origin: int, volume: float, theta: float
) -> tuple[float, float]:
    """Send a trip from its origin to the decision nodes; return its least time and survival."""
    if links.node_chain[origin] >= 0:
        cost = _fork_cost(links, target, work, links.node_slot[origin])
        if not np.isfinite(cost):
            return np.inf, 0.0
        return cost, _split(links, target, work, links.node_slot[origin], cost, volume, theta)
    if work.rank[origin] < 0:
        return np.inf, 0.0
    work.arriving[origin] += volume
    work.unseen[origin] += volume
    return work.d[origin], work.survive[origin]


@njit(cache=True)
def _fork_cost(links: Links, target: _Target, work: _Work, slot: int) -> float:  # pragma: no cover
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
            work.fork[_TIME, side], work.fork[_SURVIVAL, side] = _straight(
                links, slot, target.slot, side == 1
            )
            work.fork[_ONWARD, side], work.fork[_LOG_W, side] = 0.0, 0.0
            work.fork[_BEYOND, side] = links.end_survival[target.node]
            continue
        node = links.slot_node[end]
        work.fork[_TIME, side], work.fork[_SURVIVAL, side] = _between(links, slot, end)
        work.fork[_ONWARD, side] = work.d[node]
        work.fork[_LOG_W, side], work.fork[_BEYOND, side] = work.log_w[node], work.survive[node]
        if _share_back(links, target, work, slot, side) > 0.0:
            total, beyond = _without_return(links, target, work, slot, side)
            if total > 0.0:
                work.fork[_LOG_W, side] += np.log(total)
                work.fork[_BEYOND, side] = beyond / total
            else:  # every way on from there leads back
                work.fork[_ONWARD, side] = np.inf
    by_first = float(work.fork[_TIME, 0] + work.fork[_ONWARD, 0])
    return min(by_first, float(work.fork[_TIME, 1] + work.fork[_ONWARD, 1]))


@njit(cache=True)
def _share_back(  # pragma: no cover
    links: Links, target: _Target, work: _Work, slot: int, side: int
) -> float:
    """Return the share, at one end of a chain, of the link that leads along it past a slot.

    An origin ends links: whoever has left it for that end does not come back through it.
    """
    chain = links.node_chain[links.slot_node[slot]]
    if chain == target.chain:
        return float(target.links[side, 2])
    return float(work.share[2 * chain + side])


@njit(cache=True)
def _without_return(  # pragma: no cover
    links: Links, target: _Target, work: _Work, slot: int, side: int
) -> tuple[float, float]:
    """Return the shares at one end of a chain, and survival by them, without the way back."""
    chain = links.node_chain[links.slot_node[slot]]
    end = links.chain_start[chain] if side == 0 else links.chain_start[chain + 1] - 1
    node = links.slot_node[end]
    total, beyond = 0.0, 0.0
    for i in range(links.out_start[node], links.out_start[node + 1]):
        link = links.out_link[i]
        if link != 2 * chain + side and work.share[link] > 0.0:
            total += work.share[link]
            survive = work.survive[links.link_head[link]]
            beyond += work.share[link] * links.link_survival[link] * survive
    for other in range(2):
        back = chain == target.chain and other == side
        if target.chain >= 0 and links.slot_node[target.ends[other]] == node and not back:
            total += target.links[other, 2]
            survive = target.links[other, 1] * links.end_survival[target.node]
            beyond += target.links[other, 2] * survive
    return total, beyond


@njit(cache=True)
def _straight(  # pragma: no cover
    links: Links,
    slot: int,
    goal: int,
    onward: bool,  # noqa: FBT001
) -> tuple[float, float]:
    """Return time and survival along one chain to a goal on it, round the ring if need be."""
    if (goal > slot) == onward:
        return _between(links, slot, goal)
    chain = links.node_chain[links.slot_node[slot]]
    first, last = links.chain_start[chain], links.chain_start[chain + 1] - 1
    leave, enter = (last, first) if onward else (first, last)
    time, survival = _between(links, slot, leave)
    rest, survival_of_rest = _between(links, enter, goal)
    return time + rest, survival * survival_of_rest


@njit(cache=True)
def _split(  # pragma: no cover
    links: Links,
    target: _Target,
    work: _Work,
    slot: int,
    cost: float,
    volume: float,
    theta: float,
) -> float:
    """Share a volume between the two links of `fork`; return the trip's survival."""
    fork = work.fork
    shares = fork[_LOG_W]
    for side in range(2):
        excess = fork[_TIME, side] + fork[_ONWARD, side] - cost
        if np.isfinite(excess) and _efficient(fork[_ONWARD, side], cost, excess):
            shares[side] += _log_share(excess, cost, theta)
        else:
            shares[side] = -np.inf
    top = max(shares[0], shares[1])
    shares[0], shares[1] = np.exp(shares[0] - top), np.exp(shares[1] - top)
    total = shares[0] + shares[1]
    survival = 0.0
    for side in range(2):
        share = shares[side] / total
        if share > 0.0:
            through = share * fork[_SURVIVAL, side] * fork[_BEYOND, side]
            survival += through
            _leave(links, target, work, slot, side, volume * share, volume * through)
    return survival


@njit(cache=True)
def _leave(  # pragma: no cover
    links: Links,
    target: _Target,
    work: _Work,
    slot: int,
    side: int,
    transits: float,
    undetected: float,
) -> None:
    """Note a volume on the link that begins at a slot, and pass it on to the link's end."""
    chain = links.node_chain[links.slot_node[slot]]
    first, last = links.chain_start[chain], links.chain_start[chain + 1] - 1
    if chain == target.chain and (links.is_cycle[chain] or (target.slot > slot) == (side == 1)):
        at = slot
        while at != target.slot:
            if side == 1:
                arc = links.forward[at]
                at = first if at + 1 == last and links.is_cycle[chain] else at + 1
            else:
                at = last - 1 if at == first and links.is_cycle[chain] else at - 1
                arc = links.backward[at]
            work.arc_flow[0, arc] += transits
            work.arc_flow[1, arc] += undetected
        return
    row = _TO_FIRST if side == 0 else _TO_LAST
    work.gather[row, slot] += transits
    work.gather[row + 1, slot] += undetected
    node = links.slot_node[first if side == 0 else last]
    unseen = transits * work.fork[_SURVIVAL, side]
    if _share_back(links, target, work, slot, side) > 0.0:
        total, _ = _without_return(links, target, work, slot, side)
        back = -1 if chain == target.chain else 2 * chain + side
        side_back = side if chain == target.chain else -1
        _pass_on(links, target, work, node, transits / total, unseen / total, back, side_back)
        return
    work.arriving[node] += transits
    work.unseen[node] += unseen


@njit(cache=True)
def _pass_on(  # pragma: no cover
    links: Links,
    target: _Target,
    work: _Work,
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
            row = _FROM_FIRST if side == 0 else _FROM_LAST
            share = target.links[side, 2]
            through = share * target.links[side, 1] * links.end_survival[target.node]
            work.gather[row, target.slot] += arriving * share
            work.gather[row + 1, target.slot] += unseen * through


@njit(cache=True)
def _send(links: Links, target: _Target, work: _Work, settled: int) -> None:  # pragma: no cover
    """Carry what arrives at each decision node on to the destination, farthest first."""
    for k in range(settled - 1, -1, -1):
        u = work.order[k]
        arriving, unseen = work.arriving[u], work.unseen[u]
        work.arriving[u], work.unseen[u] = 0.0, 0.0
        if arriving == 0.0 or u == target.node:
            continue
        _pass_on(links, target, work, u, arriving, unseen, -1, -1)


@njit(cache=True)
def _spread(links: Links, work: _Work) -> None:  # pragma: no cover
    """Add to every arc what its link carries, and the parts that begin or end beyond it."""
    for chain in range(links.is_cycle.size):
        first, last = links.chain_start[chain], links.chain_start[chain + 1] - 1
        for kind in range(2):
            onward = work.link_flow[kind, 2 * chain]
            back = work.link_flow[kind, 2 * chain + 1]
            to_last, from_last = 0.0, 0.0
            for slot in range(first, last):
                to_last += work.gather[_TO_LAST + kind, slot]
                from_last += work.gather[_FROM_LAST + kind, slot]
                if links.forward[slot] >= 0:
                    work.arc_flow[kind, links.forward[slot]] += onward + to_last
                if links.backward[slot] >= 0:
                    work.arc_flow[kind, links.backward[slot]] += back + from_last
            to_first, from_first = 0.0, 0.0
            for slot in range(last, first, -1):
                to_first += work.gather[_TO_FIRST + kind, slot]
                from_first += work.gather[_FROM_FIRST + kind, slot]
                if links.forward[slot - 1] >= 0:
                    work.arc_flow[kind, links.forward[slot - 1]] += from_first
                if links.backward[slot - 1] >= 0:
                    work.arc_flow[kind, links.backward[slot - 1]] += to_first
