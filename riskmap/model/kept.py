"""Kept: what Dial's method found for an exit of a block, put away until the flows are known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from riskmap.kernels import leaf
from riskmap.model.links import Links
from riskmap.model.passes import Target, Work, aim, locate, settle_anew, weigh
from riskmap.network.arcs import Floats, Ints

Longs = npt.NDArray[np.int64]

#: Shares that are kept between the two visits to a block (128 MiB); what is more is found again.
KEPT_SHARES = 2**24


class Kept(NamedTuple):
    """Hold what Dial's method found for each exit, in the order in which it settled the nodes."""

    settled: Ints  # (n_exits,) number of nodes, −1: not kept
    node_start: Longs  # (n_exits,) where an exit's nodes begin …
    share_start: Longs  # … and the shares of the links that leave them
    order: Ints
    d: Floats
    log_w: Floats
    survive: Floats
    share: Floats
    ending: Floats  # (n_exits, 2, 3)


def make_room(nodes: Longs, shares: Longs) -> Kept:
    """Make room for as much as may be kept: the exits in order, until it is full."""
    fits = np.cumsum(shares) <= KEPT_SHARES
    node_start = np.append(0, np.cumsum(np.where(fits, nodes, 0)))
    share_start = np.append(0, np.cumsum(np.where(fits, shares, 0)))
    n = int(node_start[-1])
    return Kept(
        np.where(fits, 0, -1).astype(np.int32), node_start, share_start,
        np.empty(n, dtype=np.int32), np.empty(n), np.empty(n), np.empty(n),
        np.empty(int(share_start[-1])), np.empty((nodes.size, 2, 3)),
    )  # fmt: skip


@leaf
def keep(  # pragma: no cover
    links: Links, work: Work, settled: int, kept: Kept, x: int
) -> None:
    """Keep what was found for an exit, where there is room."""
    if kept.settled[x] < 0:
        return
    kept.settled[x] = settled
    for side in range(2):
        for what in range(3):
            kept.ending[x, side, what] = work.ending[side, what]
    out_start, out_link, order, share = links.out_start, links.out_link, work.order, work.share
    d, log_w, survive = work.d, work.log_w, work.survive
    kept_order, kept_share, kept_d = kept.order, kept.share, kept.d
    kept_w, kept_survive = kept.log_w, kept.survive
    n, s = kept.node_start[x], kept.share_start[x]
    for k in range(settled):
        u = order[k]
        kept_order[n + k], kept_d[n + k] = u, d[u]
        kept_w[n + k], kept_survive[n + k] = log_w[u], survive[u]
        for i in range(out_start[u], out_start[u + 1]):
            kept_share[s] = share[out_link[i]]
            s += 1


@leaf
def recall(  # pragma: no cover
    links: Links, node: int, work: Work, kept: Kept, x: int, theta: float
) -> tuple[Target, int]:
    """Put back what was kept of an exit, or find it again; return it and how many have a way."""
    settled = kept.settled[x]
    if settled < 0:
        target = aim(links, node, work)
        settled = settle_anew(links, target, work)
        weigh(links, target, work, settled, theta)
        return target, settled
    out_start, out_link, order, share = links.out_start, links.out_link, work.order, work.share
    d, log_w, survive, rank = work.d, work.log_w, work.survive, work.rank
    kept_order, kept_share, kept_d = kept.order, kept.share, kept.d
    kept_w, kept_survive = kept.log_w, kept.survive
    n, s = kept.node_start[x], kept.share_start[x]
    for k in range(settled):
        u = kept_order[n + k]
        order[k], rank[u], d[u] = u, k, kept_d[n + k]
        log_w[u], survive[u] = kept_w[n + k], kept_survive[n + k]
        for i in range(out_start[u], out_start[u + 1]):
            share[out_link[i]] = kept_share[s]
            s += 1
    for side in range(2):
        for what in range(3):
            work.ending[side, what] = kept.ending[x, side, what]
    return locate(links, node), settled
