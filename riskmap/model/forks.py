"""Forks: how trips that begin in mid-chain part between the two ends of their chain (model §4).

Most go by one end alone, because the other is farther from the destination than they are; those
are told by a comparison. The functions take arrays one by one and not the tuples that hold them:
they are called for every crossing of every block.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.kernels import leaf
from riskmap.model.links import Links
from riskmap.model.passes import Target, Work, between, efficient, log_share
from riskmap.network.arcs import Floats, Ints


@njit(cache=True)
def only_end(  # pragma: no cover
    by_first: float, by_last: float, d_first: float, d_last: float, theta: float
) -> int:
    """Tell by which end of its chain a trip from mid-chain goes, −1 where both ends share it.

    The times are to the destination by way of either end, and from that end on.
    """
    cost, excess = min(by_first, by_last), abs(by_last - by_first)
    nearer = by_first <= by_last
    both = np.isfinite(excess) and efficient(d_last if nearer else d_first, cost, excess)
    if both and log_share(excess, cost, theta) > -np.inf:
        return -1
    return 0 if nearer else 1


class Fork(NamedTuple):
    """Hold how trips from mid-chain part, by the first and by the last end of the chain.

    Nobody comes back along the chain: `left` is what else is taken at that end, of all that is.
    """

    share: tuple[float, float]
    left: tuple[float, float]
    survive: tuple[float, float]  # from the end on


@leaf
def part_ways(  # pragma: no cover
    chain: int,
    ends: tuple[int, int],
    by: tuple[float, float],
    theta: float,
    found: tuple[Floats, Floats, Floats, Floats],
    out: tuple[Ints, Ints, Ints, Floats],
) -> Fork:
    """Part trips from mid-chain between its two ends, with the destination on no chain of theirs.

    Parameters
    ----------
    chain, ends
        The chain, and the nodes at its first and last slot.
    by
        Time to the destination by way of either.
    theta
        θ, 1/h.
    found, out
        `d`, `log_w`, `survive` and `share` of `Work`; `out_start`, `out_link`, `link_head` and
        `link_survival` of `Links`.
    """
    d, log_w, survive, share = found
    cost = min(by[0], by[1])
    logs, left, beyond = (-np.inf, -np.inf), (1.0, 1.0), (0.0, 0.0)
    for side in range(2):
        node, total = ends[side], 1.0
        if not np.isfinite(by[side]) or not efficient(d[node], cost, by[side] - cost):
            continue
        onward = survive[node]
        if share[2 * chain + side] > 0.0:
            total, onward = without(2 * chain + side, node, share, survive, out)
        if total > 0.0:  # otherwise every way on from there leads back
            log = log_w[node] + np.log(total) + log_share(by[side] - cost, cost, theta)
            logs = (log, logs[1]) if side == 0 else (logs[0], log)
            left = (total, left[1]) if side == 0 else (left[0], total)
            beyond = (onward / total, beyond[1]) if side == 0 else (beyond[0], onward / total)
    top = max(logs[0], logs[1])
    first, last = np.exp(logs[0] - top), np.exp(logs[1] - top)
    return Fork((first / (first + last), last / (first + last)), left, beyond)


@leaf
def without(  # pragma: no cover
    back: int,
    node: int,
    share: Floats,
    survive: Floats,
    out: tuple[Ints, Ints, Ints, Floats],
) -> tuple[float, float]:
    """Return the shares at a node, and survival by them, with one link left out."""
    out_start, out_link, link_head, link_survival = out
    total, beyond = 0.0, 0.0
    for i in range(out_start[node], out_start[node + 1]):
        link = out_link[i]
        if link != back and share[link] > 0.0:
            total += share[link]
            beyond += share[link] * link_survival[link] * survive[link_head[link]]
    return total, beyond


@leaf
def only_straight(  # pragma: no cover
    links: Links, target: Target, slot: int, round_h: float, round_d: float, theta: float
) -> tuple[float, float]:
    """Return time and survival to a destination on the same chain, where nobody goes round.

    Where some do, or all, the time is infinite and `depart` tells. `round_h` is the time by way of
    the chain's other end, `round_d` that from there on; who turns back there never gains.
    """
    if links.is_cycle[target.chain]:
        return np.inf, 0.0
    hours, survival = between(links, slot, target.slot)
    if hours == np.inf or only_end(hours, round_h, 0.0, round_d, theta) != 0:
        return np.inf, 0.0
    return hours, survival * links.end_survival[target.node]


@leaf
def go_straight(  # pragma: no cover
    links: Links,
    target: Target,
    work: Work,
    slot: int,
    onward: bool,  # noqa: FBT001
    transits: float,
    undetected: float,
) -> None:
    """Note a volume on the arcs of a chain between a slot and the destination on it."""
    chain = target.chain
    first, last = links.chain_start[chain], links.chain_start[chain + 1] - 1
    at = slot
    while at != target.slot:
        if onward:
            arc = links.forward[at]
            at = first if at + 1 == last and links.is_cycle[chain] else at + 1
        else:
            at = last - 1 if at == first and links.is_cycle[chain] else at - 1
            arc = links.backward[at]
        work.arc_flow[0, arc] += transits
        work.arc_flow[1, arc] += undetected
