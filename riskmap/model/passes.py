"""The backward pass of Dial's method over links: least times, weights, survival (model §4).

For a destination, `d_u` is the least generalized time from node u; a link (u, v) is efficient when
`d_v < d_u`; the chance of taking it at u is `exp(-θ (g_uv + d_v - d_u)) W_v / W_u`. Weights are
kept as logarithms, because braids in series multiply them without bound. Trips are sent over the
links in `riskmap.model.routes`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.kernels import leaf
from riskmap.model.links import Links
from riskmap.network.arcs import Floats, Ints
from riskmap.network.shortest import heap_pop, heap_push

#: Least routes within this share of each other are tied when θ is infinite (model §4).
TIE = 1e-9
#: Two nodes whose times differ by less than this share are equally near: only rounding parts them.
ROUNDING = 1e-12


class Work(NamedTuple):
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
    ending: Floats  # (2, 3) links that end at the destination in mid-chain, from either end of its
    # chain: generalized time, survival, share at that end


class Target(NamedTuple):
    """Hold a destination and, where it lies in mid-chain, its place (chain −1: it does not)."""

    node: int
    chain: int
    slot: int
    ends: tuple[int, int]  # first and last slot of that chain


# Rows of Work.gather, each followed by its undetected transits: what a site in mid-chain sends to
# its chain's first and last slot, and what comes to a site from there.
TO_FIRST, TO_LAST, FROM_FIRST, FROM_LAST = 0, 2, 4, 6
# Rows of Work.fork.
TIME, SURVIVAL, ONWARD, LOG_W, BEYOND = 0, 1, 2, 3, 4


@njit(cache=True)
def allocate(links: Links, n_arcs: int) -> Work:  # pragma: no cover
    """Return the arrays for a network; those that add up over destinations start at 0."""
    n_links, n_slots = links.link_h.size, links.slot_node.size
    sums = np.zeros((2, n_links)), np.zeros((8, n_slots)), np.zeros((2, n_arcs))
    return join_work(links, sums)


@njit(cache=True)
def join_work(links: Links, sums: tuple[Floats, Floats, Floats]) -> Work:  # pragma: no cover
    """Return the arrays for a network with nothing found yet, and with sums that are there."""
    n, n_links = links.node_chain.size, links.link_h.size
    return Work(
        np.full(n, np.inf), np.empty(n), np.empty(n), np.zeros(n), np.zeros(n),
        np.full(n, np.int32(-1)), np.empty(n, dtype=np.int32),
        np.empty(n_links + 2), np.empty(n_links + 2, dtype=np.int32), np.zeros(n_links),
        sums[0], sums[1], sums[2], np.empty((5, 2)), np.empty((2, 3)),
    )  # fmt: skip


@leaf
def between(links: Links, slot: int, other: int) -> tuple[float, float]:  # pragma: no cover
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


@leaf
def aim(links: Links, node: int, work: Work) -> Target:  # pragma: no cover
    """Find where a destination lies, and the links that end there in mid-chain."""
    target = locate(links, node)
    for side in range(2):
        work.ending[side, 0], work.ending[side, 1], work.ending[side, 2] = np.inf, 0.0, 0.0
        if target.chain >= 0 and not links.is_cycle[target.chain]:
            time, survival = between(links, target.ends[side], target.slot)
            work.ending[side, 0], work.ending[side, 1] = time, survival
    return target


@leaf
def locate(links: Links, node: int) -> Target:  # pragma: no cover
    """Find where a destination lies."""
    chain, slot = int(links.node_chain[node]), int(links.node_slot[node])
    first, last = -1, -1
    if chain >= 0:
        first, last = int(links.chain_start[chain]), int(links.chain_start[chain + 1]) - 1
    return Target(int(node), chain, slot, (first, last))


@njit(cache=True)
def log_share(excess: float, cost: float, theta: float) -> float:  # pragma: no cover
    """Return −θ (g + d_v − d_u), or −∞ where the link is not taken."""
    if np.isinf(excess):  # closed; θ = 0 would make 0 · ∞ of it
        return -np.inf
    if excess == np.inf:
        return -np.inf
    if np.isinf(theta):
        return 0.0 if excess <= TIE * cost else -np.inf
    return -theta * max(excess, 0.0)


@njit(cache=True)
def efficient(d_v: float, d_u: float, excess: float) -> bool:  # pragma: no cover
    """Tell whether d_v < d_u beyond rounding; a least link is efficient however short it be."""
    return d_v < d_u * (1.0 - ROUNDING) or excess <= ROUNDING * d_u


@leaf
def settle(links: Links, target: Target, work: Work) -> int:  # pragma: no cover
    """Find d for every decision node, and their order; return how many have a route."""
    work.d[:] = np.inf
    work.rank[:] = -1
    work.share[:] = 0.0  # no link's share may outlive its destination
    return settle_anew(links, target, work)


@leaf
def forget(links: Links, work: Work, settled: int) -> None:  # pragma: no cover
    """Take a destination's times and shares back, where there are any, as `settle` does."""
    out_start, out_link, share = links.out_start, links.out_link, work.share
    order, d, rank = work.order, work.d, work.rank
    for k in range(settled):
        u = order[k]
        d[u], rank[u] = np.inf, -1
        for i in range(out_start[u], out_start[u + 1]):
            share[out_link[i]] = 0.0


@leaf
def settle_anew(links: Links, target: Target, work: Work) -> int:  # pragma: no cover
    """Do what `settle` does where nothing is left of another destination."""
    in_start, in_link, link_tail, link_h = (
        links.in_start, links.in_link, links.link_tail, links.link_h,
    )  # fmt: skip
    d, rank, order, keys, items = work.d, work.rank, work.order, work.keys, work.items
    size = 0
    if target.chain < 0:
        d[target.node] = 0.0
        size = heap_push(keys, items, size, 0.0, target.node)
    for side in range(2):
        if target.chain >= 0 and work.ending[side, 0] < np.inf:
            node = links.slot_node[target.ends[side]]
            if work.ending[side, 0] < d[node]:
                d[node] = work.ending[side, 0]
                size = heap_push(keys, items, size, d[node], node)
    settled = 0
    while size > 0:
        node = items[0]
        size = heap_pop(keys, items, size)
        if rank[node] >= 0:
            continue
        rank[node] = settled
        order[settled] = node
        settled += 1
        for i in range(in_start[node], in_start[node + 1]):
            link = in_link[i]
            tail, reached = link_tail[link], d[node] + link_h[link]
            if reached < d[tail] and link >> 1 != target.chain:
                d[tail] = reached
                size = heap_push(keys, items, size, reached, tail)
    return settled


@leaf
def weigh(  # pragma: no cover
    links: Links, target: Target, work: Work, settled: int, theta: float
) -> None:
    """Find W, the share of each link at its tail, and the expected survival from each node on."""
    # Each array is taken out of its tuple once: that counts a reference, which costs more than
    # what is done at a node.
    out_start, out_link, link_head = links.out_start, links.out_link, links.link_head
    link_h, link_survival = links.link_h, links.link_survival
    order, rank, d, log_w = work.order, work.rank, work.d, work.log_w
    share, survive = work.share, work.survive
    first, last = -1, -1
    if target.chain >= 0:
        first, last = links.slot_node[target.ends[0]], links.slot_node[target.ends[1]]
    for k in range(settled):
        u = order[k]
        if u == target.node:
            log_w[u], survive[u] = 0.0, links.end_survival[u]
            continue
        taken, only = 0, -1
        for i in range(out_start[u], out_start[u + 1]):
            link = out_link[i]
            v = link_head[link]
            share[link] = -np.inf
            if link >> 1 == target.chain or rank[v] < 0 or rank[v] >= k:
                continue
            excess = link_h[link] + d[v] - d[u]
            if efficient(d[v], d[u], excess):
                share[link] = log_share(excess, d[u], theta) + log_w[v]
                if share[link] > -np.inf:
                    taken, only = taken + 1, link
        if taken != 1 or u in (first, last):
            _share_out(links, target, work, u, theta)
            continue
        log_w[u] = share[only]  # the one way on is taken by all
        for i in range(out_start[u], out_start[u + 1]):
            share[out_link[i]] = 0.0
        share[only], survive[u] = 1.0, link_survival[only] * survive[link_head[only]]


@leaf
def _share_out(  # pragma: no cover
    links: Links, target: Target, work: Work, u: int, theta: float
) -> None:
    """Turn the logarithms of the links at u into shares, and set log W and survival of u."""
    top, total = _largest(links, target, work, u, theta), 0.0
    for i in range(links.out_start[u], links.out_start[u + 1]):
        link = links.out_link[i]
        work.share[link] = np.exp(work.share[link] - top)
        total += work.share[link]
    for side in range(2):
        if target.chain >= 0 and links.slot_node[target.ends[side]] == u:
            work.ending[side, 2] = np.exp(work.ending[side, 2] - top)
            total += work.ending[side, 2]
    survive = 0.0
    for i in range(links.out_start[u], links.out_start[u + 1]):
        link = links.out_link[i]
        if work.share[link] > 0.0:
            work.share[link] /= total
            beyond = work.survive[links.link_head[link]]
            survive += work.share[link] * links.link_survival[link] * beyond
    for side in range(2):
        if target.chain >= 0 and links.slot_node[target.ends[side]] == u:
            work.ending[side, 2] /= total
            beyond = links.end_survival[target.node]
            survive += work.ending[side, 2] * work.ending[side, 1] * beyond
    work.log_w[u] = top + np.log(total)
    work.survive[u] = survive


@leaf
def _largest(  # pragma: no cover
    links: Links, target: Target, work: Work, u: int, theta: float
) -> float:
    """Return the largest logarithm at u, after those of links that end in mid-chain are noted."""
    top = -np.inf
    for i in range(links.out_start[u], links.out_start[u + 1]):
        top = max(top, work.share[links.out_link[i]])
    for side in range(2):
        if target.chain >= 0 and links.slot_node[target.ends[side]] == u:
            d_u = work.d[u]
            work.ending[side, 2] = log_share(work.ending[side, 0] - d_u, d_u, theta)
            top = max(top, work.ending[side, 2])
    return top
