"""Inlets: where a corridor's traffic enters it, and what a unit there does to it (docs/engine.md).

The traffic of a corridor is its transits weighted by the length of its reaches. Whatever comes to a
place of it from outside runs through it alike, so that origins and sites share it as they share
what comes to its inlets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.kernels import leaf
from riskmap.model.blocks import Forest
from riskmap.model.crossings import Crossings
from riskmap.model.descent import STARTS, STARTS_OUTSIDE, Masses, Start
from riskmap.model.kept import recall
from riskmap.model.links import Links
from riskmap.model.passes import (
    FROM_FIRST,
    FROM_LAST,
    TO_FIRST,
    TO_LAST,
    Target,
    Work,
    allocate,
    forget,
)
from riskmap.model.routes import depart
from riskmap.network.arcs import Arcs, Floats, Ints
from riskmap.network.shortest import heap_pop, heap_push


class OnBridges(NamedTuple):
    """Hold which corridor each bridge lies on, and how long it is; by the place below it.

    `above` and `beside` are the bridges, given by the places below them, that the same corridor
    runs on over: up from the parent, or down to another place that hangs on it; −1: none.
    """

    corridor: Ints
    km: Floats
    above: Ints
    beside: Ints


class InBlocks(NamedTuple):
    """Hold what a unit that enters blocks at a place does to a corridor there.

    A logarithm, by place and corridor, and by movement.
    """

    corridor: Ints
    place: Ints
    weight: Floats


def corridors_on_bridges(forest: Forest, corridor: Ints, km: Floats) -> OnBridges:
    """Find the bridges that corridors run on.

    Parameters
    ----------
    forest
        Blocks and bridges.
    corridor, km
        Corridor (−1: none) and length of each arc.
    """
    arc = np.maximum(forest.up, forest.down)
    mine = np.where(arc >= 0, corridor[arc], -1).astype(np.int32)
    parent, n = forest.parent, forest.node.size
    places = np.arange(n)
    goes_up = (mine >= 0) & (forest.head[parent] == parent) & (mine[parent] == mine)
    above = np.where(goes_up, parent, -1).astype(np.int32)
    beside = np.full(n, -1, dtype=np.int32)
    on = places[mine >= 0]
    on = on[np.lexsort((mine[on], parent[on]))]
    pair = (parent[on[1:]] == parent[on[:-1]]) & (mine[on[1:]] == mine[on[:-1]])
    beside[on[1:][pair]], beside[on[:-1][pair]] = on[:-1][pair], on[1:][pair]
    return OnBridges(mine, np.where(arc >= 0, km[arc], 0.0), above, beside)


def find_inlets(forest: Forest, masses: Masses, bridges: OnBridges, blocks: InBlocks) -> Start:
    """Return the inlets of all corridors, for one end of the movements.

    Parameters
    ----------
    forest, masses
        The network, and the movements' sums for that end.
    bridges, blocks
        Where corridors run.
    """
    n, many = forest.node.size, masses.beta.size
    order = np.argsort(blocks.place, kind="stable")
    entering = InBlocks(blocks.corridor[order], blocks.place[order], blocks.weight[order])
    first = np.searchsorted(entering.place, np.arange(n + 1)).astype(np.int32)
    up, down = _weigh_bridges(forest, masses, bridges, entering, first)
    on = np.flatnonzero(bridges.corridor >= 0)
    whose = np.concatenate([bridges.corridor[on]] * 2).astype(np.int64)
    key, same = np.unique(whose * n + np.concatenate([on, forest.parent[on]]), return_inverse=True)
    weight = np.full((key.size, many), -np.inf)
    np.logaddexp.at(weight, same, np.concatenate([up[on], down[on]]))
    whose = np.concatenate([key // n, blocks.corridor])
    place = np.concatenate([key % n, blocks.place])
    came = np.repeat([STARTS, STARTS_OUTSIDE], [key.size, blocks.place.size])
    order = np.argsort(whose, kind="stable")
    return Start(
        whose[order].astype(np.int32),
        place[order].astype(np.int32),
        came[order].astype(np.int32),
        np.concatenate([weight, blocks.weight])[order],
    )


@njit(cache=True)
def _weigh_bridges(  # noqa: C901  # pragma: no cover
    forest: Forest, masses: Masses, bridges: OnBridges, entering: InBlocks, first: Ints
) -> tuple[Floats, Floats]:
    """Return what a unit does that crosses each bridge of a corridor upward, and downward."""
    n, many = forest.node.size, masses.beta.size
    up, down = np.full((n, many), -np.inf), np.full((n, many), -np.inf)
    for k in range(n - 1, -1, -1):
        c, above = bridges.corridor[k], bridges.above[k]
        if c < 0:
            continue
        inside = _entry_in_block(entering, first, k, c)
        for m in range(many):
            onward = down[k, m]  # what the corridor's next bridge below has left here already
            if inside >= 0:
                onward = np.logaddexp(onward, entering.weight[inside, m])
            here = np.log(bridges.km[k]) + masses.other_below[k, m]
            down[k, m] = _over(here, onward, masses.beta[m], masses.back_h[k])
            if above >= 0:
                down[above, m] = np.logaddexp(down[above, m], down[k, m])
    for k in range(n):
        c, above, beside = bridges.corridor[k], bridges.above[k], bridges.beside[k]
        if c < 0:
            continue
        inside = _entry_in_block(entering, first, forest.parent[k], c)
        for m in range(many):
            onward = entering.weight[inside, m] if inside >= 0 else -np.inf
            if above >= 0:
                onward = np.logaddexp(onward, up[above, m])
            if beside >= 0:
                onward = np.logaddexp(onward, down[beside, m])
            here = np.log(bridges.km[k]) + masses.other_above[k, m]
            up[k, m] = _over(here, onward, masses.beta[m], masses.towards_h[k])
    return up, down


@njit(cache=True)
def _over(here: float, onward: float, beta: float, hours: float) -> float:  # pragma: no cover
    """Return what a unit does on a bridge and after it, as it is before the bridge."""
    return float(np.logaddexp(here, onward) - beta * hours) if hours < np.inf else -np.inf


@leaf
def _entry_in_block(  # pragma: no cover
    entering: InBlocks, first: Ints, place: int, corridor: int
) -> int:
    for i in range(first[place], first[place + 1]):
        if entering.corridor[i] == corridor:
            return int(i)
    return -1


def corridors_in_blocks(
    arcs: Arcs,
    forest: Forest,
    links: Links,
    crossings: Crossings,
    *,
    corridor: Ints,
    km: Floats,
    origins: Masses,
    sites: Masses,
    theta_per_h: float,
) -> tuple[InBlocks, InBlocks]:
    """Follow a unit over every crossing of every block, and say what it does to the corridors.

    Parameters
    ----------
    arcs, forest, links
        The network, its blocks, and the links inside them (`links_of_blocks`).
    crossings
        The movements' crossings, solved.
    corridor, km
        Corridor (−1: none) and length of each arc.
    origins, sites
        The movements' sums.
    theta_per_h
        θ, 1/h.

    Returns
    -------
    InBlocks, InBlocks
        For what comes from origins, by entry; for what is drawn to sites, by exit.
    """
    inside = corridor[forest.inner_arc]
    block = forest.block[forest.place[arcs.tail[forest.inner_arc]]].astype(np.int64)
    on = inside >= 0
    many = int(corridor.max(initial=-1)) + 1
    pairs, number = np.unique(block[on] * many + inside[on], return_inverse=True)
    listed = np.searchsorted(pairs, np.arange(forest.member_start.size) * many).astype(np.int32)
    local = np.full(inside.size, -1, dtype=np.int32)
    local[on] = number - listed[block[on]]
    if not pairs.size:
        nobody, many = np.empty(0, dtype=np.int32), origins.beta.size
        none = InBlocks(nobody, nobody, np.empty((0, many)))
        return none, none
    length = km[forest.inner_arc]
    waters = Waters(local, length, *_corridors_of_chains(links, local, length))
    entered, left = _cross(
        links, forest, crossings, waters, listed, origins, sites, theta_per_h
    )  # fmt: skip
    names = (pairs % many).astype(np.int32)
    return (
        _listed(entered, crossings.entry_start, crossings.entry, listed, names),
        _listed(left, crossings.exit_start, crossings.exit, listed, names),
    )


def _listed(weight: Floats, start: Ints, place: Ints, listed: Ints, names: Ints) -> InBlocks:
    """Name the corridor and the place of each weight, and leave out those that are nothing."""
    many = np.diff(listed)
    block = np.repeat(np.arange(many.size), np.diff(start))
    at = np.repeat(np.arange(place.size), many[block])
    within = np.arange(at.size) - np.repeat(np.cumsum(many[block]) - many[block], many[block])
    some = (weight > -np.inf).any(axis=1)
    corridor = names[listed[block[at]] + within]
    return InBlocks(corridor[some], place[at[some]].astype(np.int32), weight[some])


@njit(cache=True)
def _cross(  # pragma: no cover
    links: Links,
    forest: Forest,
    at: Crossings,
    waters: Waters,
    listed: Ints,
    origins: Masses,
    sites: Masses,
    theta: float,
) -> tuple[Floats, Floats]:
    """Return the weights by entry and by exit, each for all corridors of its block."""
    coming, drawn, beta = origins.whole, sites.whole, origins.beta
    work = allocate(links, waters.corridor.size)
    work.d[:] = np.inf
    work.rank[:] = -1
    n_in, n_out, most = 0, 0, 0
    for b in range(at.exit_start.size - 1):
        many = listed[b + 1] - listed[b]
        n_in += (at.entry_start[b + 1] - at.entry_start[b]) * many
        n_out += (at.exit_start[b + 1] - at.exit_start[b]) * many
        most = max(most, many)
    entered, left = np.full((n_in, beta.size), -np.inf), np.full((n_out, beta.size), -np.inf)
    row = np.zeros(most)
    first_in, first_out = 0, 0
    for b in range(at.exit_start.size - 1):
        many = listed[b + 1] - listed[b]
        n_entries = at.entry_start[b + 1] - at.entry_start[b]
        n_exits = at.exit_start[b + 1] - at.exit_start[b]
        for x in range(n_exits if many else 0):
            number = at.exit_start[b] + x
            goal = at.exit[number]
            if drawn[goal].max() == -np.inf:
                continue
            target, settled = recall(links, forest.inner_of[goal], work, at.kept, number, theta)
            for e in range(n_entries):
                origin = at.entry[at.entry_start[b] + e]
                hours = at.hours[at.cell_start[b] + e * n_exits + x]
                if origin == goal or coming[origin].max() == -np.inf or hours == np.inf:
                    continue
                _trace(links, target, work, forest.inner_of[origin], waters, row, theta)
                for c in range(many):
                    if row[c] == 0.0:
                        continue
                    i, j = first_in + e * many + c, first_out + x * many + c
                    for m in range(beta.size):
                        does = np.log(row[c]) - beta[m] * hours
                        entered[i, m] = np.logaddexp(entered[i, m], does + drawn[goal, m])
                        left[j, m] = np.logaddexp(left[j, m], does + coming[origin, m])
                    row[c] = 0.0
            forget(links, work, settled)
        first_in += n_entries * many
        first_out += n_exits * many
    return entered, left


@njit(cache=True)
def _trace(  # pragma: no cover
    links: Links, target: Target, work: Work, origin: int, waters: Waters, row: Floats, theta: float
) -> None:
    """Send a unit to the target, and record the kilometres that it runs along each corridor."""
    depart(links, target, work, origin, 1.0, 1.0, theta)
    _record_start(links, target, work, origin, waters, row)
    _follow(links, target, work, origin, waters, row)
    _record_arrival(links, target, work, waters, row)


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


@leaf
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


@leaf
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


@leaf
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
                work.gather[coming, target.slot] += arriving * work.ending[side, 2]
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


@leaf
def _record_arrival(  # pragma: no cover
    links: Links, target: Target, work: Work, waters: Waters, row: Floats
) -> None:
    """Record, and forget, what comes to a destination in mid-chain from the chain's ends."""
    if target.chain >= 0:
        first, last = int(target.ends[0]), int(target.ends[1])
        slot = target.slot
        _record_part(links.forward, first, slot, FROM_FIRST, slot, work, waters, row)
        _record_part(links.backward, slot, last, FROM_LAST, slot, work, waters, row)
