"""The backward pass of Dial's method over links: least times, weights, survival (model §4).

For a destination, `d_u` is the least generalized time from node u; a link (u, v) is efficient when
`d_v < d_u`; the chance of taking it at u is `exp(-θ (g_uv + d_v - d_u)) W_v / W_u`. Weights are
kept as logarithms, because braids in series multiply them without bound. Trips are sent over the
links in `riskmap.model.routes`.
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


class Target(NamedTuple):
    """Hold a destination and, where it lies in mid-chain, its place (chain −1: it does not)."""

    node: int
    chain: int
    slot: int
    ends: npt.NDArray[np.int64]  # first and last slot of that chain
    links: Floats  # (2, 3) from either end: generalized time, survival, share at that end


# Rows of Work.gather, each followed by its undetected transits: what a site in mid-chain sends to
# its chain's first and last slot, and what comes to a site from there.
TO_FIRST, TO_LAST, FROM_FIRST, FROM_LAST = 0, 2, 4, 6
# Rows of Work.fork.
TIME, SURVIVAL, ONWARD, LOG_W, BEYOND = 0, 1, 2, 3, 4


@njit(cache=True)
def allocate(links: Links, n_arcs: int) -> Work:  # pragma: no cover
    """Return the arrays for a network; those that add up over destinations start at 0."""
    n = links.node_chain.size
    n_links = links.link_h.size
    return Work(
        np.empty(n), np.empty(n), np.empty(n), np.zeros(n), np.zeros(n),
        np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32),
        np.empty(n_links + 2), np.empty(n_links + 2, dtype=np.int32), np.zeros(n_links),
        np.zeros((2, n_links)), np.zeros((8, links.slot_node.size)), np.zeros((2, n_arcs)),
        np.empty((5, 2)),
    )  # fmt: skip


@njit(cache=True)
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


@njit(cache=True)
def aim(links: Links, node: int) -> Target:  # pragma: no cover
    """Find where a destination lies, and the links that end there in mid-chain."""
    chain, slot = int(links.node_chain[node]), int(links.node_slot[node])
    ends = np.full(2, -1)
    ending = np.zeros((2, 3))
    ending[:, 0] = np.inf
    if chain >= 0:
        ends[0], ends[1] = links.chain_start[chain], links.chain_start[chain + 1] - 1
        for side in range(2):
            if not links.is_cycle[chain]:
                ending[side, 0], ending[side, 1] = between(links, int(ends[side]), slot)
    return Target(int(node), chain, slot, ends, ending)


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


@njit(cache=True)
def settle(links: Links, target: Target, work: Work) -> int:  # pragma: no cover
    """Find d for every decision node, and their order; return how many have a route."""
    work.d[:] = np.inf
    work.rank[:] = -1
    work.share[:] = 0.0  # no link's share may outlive its destination
    return settle_anew(links, target, work)


@njit(cache=True)
def forget(links: Links, work: Work, settled: int) -> None:  # pragma: no cover
    """Take a destination's times and shares back, where there are any, as `settle` does."""
    for k in range(settled):
        u = work.order[k]
        work.d[u] = np.inf
        work.rank[u] = -1
        for i in range(links.out_start[u], links.out_start[u + 1]):
            work.share[links.out_link[i]] = 0.0


@njit(cache=True)
def settle_anew(links: Links, target: Target, work: Work) -> int:  # pragma: no cover
    """Do what `settle` does where nothing is left of another destination."""
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
def weigh(  # pragma: no cover
    links: Links, target: Target, work: Work, settled: int, theta: float
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
            if efficient(work.d[v], d_u, excess):
                work.share[link] = log_share(excess, d_u, theta) + work.log_w[v]
                top = max(top, work.share[link])
        for side in range(2):
            if target.chain >= 0 and links.slot_node[target.ends[side]] == u:
                target.links[side, 2] = log_share(target.links[side, 0] - d_u, d_u, theta)
                top = max(top, target.links[side, 2])
        _share_out(links, target, work, u, top)


@njit(cache=True)
def _share_out(  # pragma: no cover
    links: Links, target: Target, work: Work, u: int, top: float
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
