"""Crossings: least time and survival through each block, from each node to each (model §4).

Dial's method once for each block and each node by which trips leave it, on the links of the blocks
alone; nothing outside a block bears on the choices inside. What it finds is kept, and put back when
the flows are known. Pairs of block and exit are independent, and so are the flows of blocks: where
there is enough of them, threads take a run each, and every number is still made by one of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from riskmap.kernels import leaf
from riskmap.model.blocks import Forest
from riskmap.model.forks import Fork, go_straight, only_end, only_straight, part_ways
from riskmap.model.kept import Kept, keep, make_room, recall
from riskmap.model.links import Links, find_links
from riskmap.model.passes import (
    TO_FIRST,
    TO_LAST,
    Target,
    Work,
    aim,
    between,
    forget,
    join_work,
    settle_anew,
    weigh,
)
from riskmap.model.routes import depart, pass_on, send, spread
from riskmap.network.arcs import Arcs, Bools, Floats, Ints
from riskmap.threads import in_shares

Longs = npt.NDArray[np.int64]

#: Fewer links than this to look at, over all exits, are not worth a second thread.
LINKS_A_THREAD = 20_000


class Leaving(NamedTuple):
    """Hold how trips leave the entries in mid-chain: by entry, and by end of the chain."""

    end: Ints  # (n_entries, 2) decision node, −1 where the entry is one itself
    hours: Floats
    survival: Floats


class Crossings(NamedTuple):
    """Hold least times and survival through the blocks, between the places where trips pass.

    Block b has the entries entry[entry_start[b] … entry_start[b + 1]] and the exits likewise; the
    crossing from its e-th entry to its x-th exit is number cell_start[b] + e · n_exits + x.
    """

    entry_start: Ints
    entry: Ints
    exit_start: Ints
    exit: Ints
    cell_start: Longs
    hours: Floats
    survival: Floats
    leaving: Leaving
    kept: Kept


def links_of_blocks(arcs: Arcs, forest: Forest, *, hazard_aversion_h: float) -> Links:
    """Find the links inside blocks, between positions in `forest.member`."""
    picked = forest.inner_arc
    used = np.zeros(int(arcs.edge.max(initial=-1)) + 1, dtype=np.int32)
    used[arcs.edge[picked]] = 1
    edge = (np.cumsum(used, dtype=np.int32) - 1)[arcs.edge[picked]]
    inside = Arcs(
        forest.member.size,
        forest.inner_of[forest.place[arcs.tail[picked]]],
        forest.inner_of[forest.place[arcs.head[picked]]],
        edge,
        arcs.time_h[picked],
        arcs.hazard[picked],
        np.ones(forest.member.size),
    )
    return find_links(inside, hazard_aversion_h=hazard_aversion_h, decision=forest.decision)


def list_crossings(forest: Forest, starts: Bools, ends: Bools) -> Crossings:
    """List the places where trips enter and leave blocks, given those with origins and sites."""
    entry_start, entry, exit_start, exits = _list_places(forest, starts, ends)
    cells = np.zeros(entry_start.size, dtype=np.int64)
    np.cumsum(np.diff(entry_start).astype(np.int64) * np.diff(exit_start), out=cells[1:])
    none, nobody = np.empty(0), np.empty(0, dtype=np.int64)
    kept = make_room(nobody, nobody)
    leaving = Leaving(np.empty((0, 2), dtype=np.int32), np.empty((0, 2)), np.empty((0, 2)))
    return Crossings(entry_start, entry, exit_start, exits, cells, none, none, leaving, kept)


def solve_crossings(
    links: Links, forest: Forest, listed: Crossings, *, theta_per_h: float
) -> Crossings:
    """Find the time and the survival of every crossing that was listed."""
    if not links.node_chain.size:
        return listed
    cells = int(listed.cell_start[-1])
    nodes, shares = _sizes(links, forest, listed)
    solved = listed._replace(
        hours=np.full(cells, np.inf), survival=np.zeros(cells),
        leaving=_leave(links, forest, listed), kept=make_room(nodes, shares),
    )  # fmt: skip
    none = np.empty((2, 0)), np.empty((8, 0)), np.empty((2, 0))

    def solve(first: int, last: int) -> None:
        _solve(links, forest, solved, join_work(links, none), theta_per_h, first, last)

    in_shares(solve, np.cumsum(shares), least=LINKS_A_THREAD)
    return solved


def load_blocks(
    links: Links,
    forest: Forest,
    crossings: Crossings,
    *,
    volume: Floats,
    unseen: Floats,
    theta_per_h: float,
) -> tuple[Floats, Floats]:
    """Return the transits and undetected transits of `forest.inner_arc`.

    Parameters
    ----------
    links, forest, crossings
        The blocks.
    volume
        The trips of every crossing.
    unseen
        Those of them that are not detected before and after.
    theta_per_h
        θ, 1/h.
    """
    if not links.node_chain.size:
        return np.zeros(0), np.zeros(0)
    n_links, n_slots, n_arcs = links.link_h.size, links.slot_node.size, forest.inner_arc.size
    sums = np.zeros((2, n_links)), np.zeros((8, n_slots)), np.zeros((2, n_arcs))
    _, shares = _sizes(links, forest, crossings)

    def load(first: int, last: int) -> None:
        work = join_work(links, sums)
        _load(links, forest, crossings, volume, unseen, work, theta_per_h, first, last)

    total = np.append(0, np.cumsum(shares))
    in_shares(load, total[crossings.exit_start[1:]], least=LINKS_A_THREAD)
    spread(links, *sums)
    return sums[2][0], sums[2][1]


def _sizes(links: Links, forest: Forest, at: Crossings) -> tuple[Longs, Longs]:
    """Return for each exit the nodes where travellers choose in its block, and the links there."""
    bounds = forest.member_start
    chosen = np.append(0, np.cumsum(forest.decision))
    nodes, links_out = np.diff(chosen[bounds]), np.diff(links.out_start[bounds])
    exits = np.diff(at.exit_start)
    return np.repeat(nodes, exits), np.repeat(links_out, exits).astype(np.int64)


@njit(cache=True)
def _list_places(  # noqa: C901  # pragma: no cover
    forest: Forest, starts: Bools, ends: Bools
) -> tuple[Ints, Ints, Ints, Ints]:
    """List entries and exits; the head of a block that hangs on a bridge is always both."""
    begins, finishes = starts.copy(), ends.copy()
    for k in range(forest.node.size - 1, -1, -1):
        p = forest.parent[k]
        if p < 0:
            continue
        on = forest.head[k]
        if on == k:
            begins[p] |= begins[k]
            finishes[p] |= finishes[k]
        else:  # what hangs on any place of a block hangs, for those above, on its head
            begins[on] |= begins[k]
            finishes[on] |= finishes[k]
    n_blocks = forest.member_start.size - 1
    entry_start = np.zeros(n_blocks + 1, dtype=np.int32)
    exit_start = np.zeros(n_blocks + 1, dtype=np.int32)
    entry = np.empty(forest.member.size, dtype=np.int32)
    exits = np.empty(forest.member.size, dtype=np.int32)
    n_in, n_out = 0, 0
    for b in range(n_blocks):
        for i in range(forest.member_start[b], forest.member_start[b + 1]):
            y = forest.member[i]
            if begins[y]:
                entry[n_in] = y
                n_in += 1
            if finishes[y]:
                exits[n_out] = y
                n_out += 1
            if forest.head[y] == y and forest.parent[y] >= 0:
                if not begins[y]:
                    entry[n_in] = y
                    n_in += 1
                if not finishes[y]:
                    exits[n_out] = y
                    n_out += 1
        entry_start[b + 1] = n_in
        exit_start[b + 1] = n_out
    return entry_start, entry[:n_in], exit_start, exits[:n_out]


@njit(cache=True, nogil=True)
def _solve(  # pragma: no cover
    links: Links, forest: Forest, at: Crossings, work: Work, theta: float, first: int, last: int
) -> None:
    """Solve the exits from the first to before the last."""
    b = int(np.searchsorted(at.exit_start, first, side="right")) - 1
    for x in range(first, last):
        while x >= at.exit_start[b + 1]:
            b += 1
        target = aim(links, forest.inner_of[at.exit[x]], work)
        settled = settle_anew(links, target, work)
        weigh(links, target, work, settled, theta)
        keep(links, work, settled, at.kept, x)
        _cross(links, forest, at, target, work, b, x, theta)
        forget(links, work, settled)


@leaf
def _cross(  # pragma: no cover
    links: Links,
    forest: Forest,
    at: Crossings,
    target: Target,
    work: Work,
    b: int,
    x: int,
    theta: float,
) -> None:
    """Note the times and the survival from all entries of a block to one exit."""
    # Arrays are taken out of their tuples once (see `riskmap.model.passes.weigh`).
    entry, inner_of, node_chain = at.entry, forest.inner_of, links.node_chain
    end, leave_h, leave_s = at.leaving.end, at.leaving.hours, at.leaving.survival
    hours, survival, d, survive, share = at.hours, at.survival, work.d, work.survive, work.share
    found = d, work.log_w, survive, share
    out = links.out_start, links.out_link, links.link_head, links.link_survival
    last_nodes = -1, -1  # where links to an exit in mid-chain begin
    if target.chain >= 0:
        last_nodes = links.slot_node[target.ends[0]], links.slot_node[target.ends[1]]
    n_exits = at.exit_start[b + 1] - at.exit_start[b]
    cell = at.cell_start[b] + x - at.exit_start[b] - n_exits
    for e in range(at.entry_start[b], at.entry_start[b + 1]):
        cell += n_exits
        origin = inner_of[entry[e]]
        chain = node_chain[origin]
        if origin == target.node:
            hours[cell], survival[cell] = 0.0, 1.0
            continue
        if chain < 0:
            hours[cell] = d[origin]
            survival[cell] = survive[origin] if d[origin] < np.inf else 0.0
            continue
        one, other = d[end[e, 0]], d[end[e, 1]]
        times = leave_h[e, 0] + one, leave_h[e, 1] + other
        if chain == target.chain:
            hours[cell], survival[cell] = _follow_chain(
                links, target, work, origin, times, 0.0, 0.0, theta
            )
            continue
        by = only_end(times[0], times[1], one, other, theta)
        if by < 0 or share[2 * chain + by] > 0.0:
            ends = end[e, 0], end[e, 1]
            if ends[0] in last_nodes or ends[1] in last_nodes:
                hours[cell], survival[cell] = depart(links, target, work, origin, 0.0, 0.0, theta)
                continue
            fork = part_ways(chain, ends, times, theta, found, out)
            hours[cell] = min(times[0], times[1])
            for side in range(2):
                through = leave_s[e, side] * fork.survive[side]
                survival[cell] += fork.share[side] * through
        elif d[end[e, by]] < np.inf:
            hours[cell] = leave_h[e, by] + d[end[e, by]]
            survival[cell] = leave_s[e, by] * survive[end[e, by]]


@njit(cache=True, nogil=True)
def _load(  # pragma: no cover
    links: Links,
    forest: Forest,
    at: Crossings,
    volume: Floats,
    unseen: Floats,
    work: Work,
    theta: float,
    first: int,
    last: int,
) -> None:
    """Load the blocks from the first to before the last."""
    for b in range(first, last):
        for x in range(at.exit_start[b], at.exit_start[b + 1]):
            column = at.cell_start[b] + x - at.exit_start[b]
            n_exits = at.exit_start[b + 1] - at.exit_start[b]
            if not np.any(volume[column : at.cell_start[b + 1] : n_exits]):
                continue
            target, settled = recall(links, forest.inner_of[at.exit[x]], work, at.kept, x, theta)
            _enter(links, forest, at, volume, unseen, target, work, b, x, theta)
            send(links, target, work, settled)
            forget(links, work, settled)


@leaf
def _enter(  # pragma: no cover
    links: Links,
    forest: Forest,
    at: Crossings,
    volume: Floats,
    unseen: Floats,
    target: Target,
    work: Work,
    b: int,
    x: int,
    theta: float,
) -> None:
    """Send what enters a block for one exit to the nodes where it chooses."""
    entry, inner_of, node_chain = at.entry, forest.inner_of, links.node_chain
    end, leave_h, leave_s = at.leaving.end, at.leaving.hours, at.leaving.survival
    d, survive, share = work.d, work.survive, work.share
    arriving, still, gather = work.arriving, work.unseen, work.gather
    found = d, work.log_w, survive, share
    out = links.out_start, links.out_link, links.link_head, links.link_survival
    last_nodes = -1, -1  # where links to an exit in mid-chain begin
    if target.chain >= 0:
        last_nodes = links.slot_node[target.ends[0]], links.slot_node[target.ends[1]]
    n_exits = at.exit_start[b + 1] - at.exit_start[b]
    cell = at.cell_start[b] + x - at.exit_start[b] - n_exits
    for e in range(at.entry_start[b], at.entry_start[b + 1]):
        cell += n_exits
        if volume[cell] == 0.0:
            continue
        origin = inner_of[entry[e]]
        chain = node_chain[origin]
        if chain < 0:
            arriving[origin] += volume[cell]
            still[origin] += unseen[cell]
            continue
        one, other = d[end[e, 0]], d[end[e, 1]]
        times = leave_h[e, 0] + one, leave_h[e, 1] + other
        if chain == target.chain:
            _follow_chain(links, target, work, origin, times, volume[cell], unseen[cell], theta)
            continue
        by = only_end(times[0], times[1], one, other, theta)
        if by < 0 or share[2 * chain + by] > 0.0:
            ends = end[e, 0], end[e, 1]
            if ends[0] in last_nodes or ends[1] in last_nodes:
                depart(links, target, work, origin, volume[cell], unseen[cell], theta)
                continue
            fork = part_ways(chain, ends, times, theta, found, out)
            leave = leave_s[e, 0], leave_s[e, 1]
            _enter_by_both(links, target, work, origin, fork, leave, volume[cell], unseen[cell])
            continue
        row, slot, to = TO_LAST if by else TO_FIRST, links.node_slot[origin], end[e, by]
        through = unseen[cell] * leave_s[e, by]
        gather[row, slot] += volume[cell]
        gather[row + 1, slot] += through * survive[to]
        arriving[to] += volume[cell]
        still[to] += through


@leaf
def _enter_by_both(  # pragma: no cover
    links: Links,
    target: Target,
    work: Work,
    origin: int,
    fork: Fork,
    leave: tuple[float, float],
    volume: float,
    unseen: float,
) -> None:
    """Send trips from mid-chain to both ends, and on from an end where they may not turn."""
    chain, slot = links.node_chain[origin], links.node_slot[origin]
    for side in range(2):
        if fork.share[side] == 0.0:
            continue
        end = links.slot_node[links.chain_start[chain + side] - side]
        going, through = volume * fork.share[side], unseen * fork.share[side] * leave[side]
        row = TO_LAST if side else TO_FIRST
        work.gather[row, slot] += going
        work.gather[row + 1, slot] += through * fork.survive[side]
        back, left = 2 * chain + side, fork.left[side]
        if work.share[back] > 0.0:
            pass_on(links, target, work, end, going / left, through / left, back, -1)
        else:
            work.arriving[end] += going
            work.unseen[end] += through


@leaf
def _follow_chain(  # pragma: no cover
    links: Links,
    target: Target,
    work: Work,
    origin: int,
    times: tuple[float, float],
    volume: float,
    unseen: float,
    theta: float,
) -> tuple[float, float]:
    """Send trips to an exit on their own chain, straight or round; return time and survival."""
    slot = links.node_slot[origin]
    far = 0 if slot < target.slot else 1  # the end that leads round
    end = links.slot_node[links.chain_start[target.chain + far] - far]
    hours, survival = only_straight(links, target, slot, times[far], work.d[end], theta)
    if hours == np.inf:
        return depart(links, target, work, origin, volume, unseen, theta)
    if volume > 0.0:
        go_straight(links, target, work, slot, far == 0, volume, unseen * survival)
    return hours, survival


@njit(cache=True)
def _leave(links: Links, forest: Forest, at: Crossings) -> Leaving:  # pragma: no cover
    """Measure the ways from the entries in mid-chain to the ends of their chains."""
    n = at.entry.size
    leaving = Leaving(np.full((n, 2), np.int32(-1)), np.full((n, 2), np.inf), np.zeros((n, 2)))
    for e in range(n):
        node = forest.inner_of[at.entry[e]]
        chain, slot = links.node_chain[node], links.node_slot[node]
        if chain < 0:
            continue
        for by in range(2):
            last = links.chain_start[chain + by] - by
            leaving.end[e, by] = links.slot_node[last]
            leaving.hours[e, by], leaving.survival[e, by] = between(links, slot, last)
    return leaving
