"""Crossings: least time and survival through each block, from each node to each (model §4).

Dial's method once for each block and each node by which trips leave it, on the links of the blocks
alone; nothing outside a block bears on the choices inside.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from riskmap.model.blocks import Forest
from riskmap.model.links import Links, find_links
from riskmap.model.passes import aim, allocate, forget, settle_anew, weigh
from riskmap.model.routes import depart, send, spread
from riskmap.network.arcs import Arcs, Bools, Floats, Ints


class Crossings(NamedTuple):
    """Hold least times and survival through the blocks, between the places where trips pass.

    Block b has the entries entry[entry_start[b] … entry_start[b + 1]] and the exits likewise; the
    crossing from its e-th entry to its x-th exit is number cell_start[b] + e · n_exits + x.
    """

    entry_start: Ints
    entry: Ints
    exit_start: Ints
    exit: Ints
    cell_start: npt.NDArray[np.int64]
    hours: Floats
    survival: Floats


def links_of_blocks(arcs: Arcs, forest: Forest, *, hazard_aversion_h: float) -> Links:
    """Find the links inside blocks, between positions in `forest.inner`."""
    picked = forest.inner_arc
    _, edge = np.unique(arcs.edge[picked], return_inverse=True)
    inside = Arcs(
        forest.inner.size,
        forest.inner_of[forest.place[arcs.tail[picked]]],
        forest.inner_of[forest.place[arcs.head[picked]]],
        edge.astype(np.int32),
        arcs.time_h[picked],
        arcs.hazard[picked],
        np.ones(forest.inner.size),
    )
    return find_links(inside, hazard_aversion_h=hazard_aversion_h, decision=forest.decision)


def list_crossings(forest: Forest, starts: Bools, ends: Bools) -> Crossings:
    """List the places where trips enter and leave blocks, given those with origins and sites."""
    entry_start, entry, exit_start, exits = _list_places(forest, starts, ends)
    cells = np.zeros(entry_start.size, dtype=np.int64)
    np.cumsum(np.diff(entry_start).astype(np.int64) * np.diff(exit_start), out=cells[1:])
    none = np.empty(0)
    return Crossings(entry_start, entry, exit_start, exits, cells, none, none)


def solve_crossings(
    links: Links, forest: Forest, listed: Crossings, *, theta_per_h: float
) -> Crossings:
    """Find the time and the survival of every crossing that was listed."""
    if not links.node_chain.size:
        return listed
    hours, survival = _solve(links, forest, listed, theta_per_h)
    return listed._replace(hours=hours, survival=survival)


def load_blocks(
    links: Links,
    forest: Forest,
    crossings: Crossings,
    mass: tuple[Floats, Floats, Floats, Floats],
    *,
    beta_per_h: float,
    theta_per_h: float,
) -> tuple[Floats, Floats]:
    """Return the transits and undetected transits of `forest.inner_arc`.

    Parameters
    ----------
    links, forest, crossings
        The blocks.
    mass
        For each place the logarithm of what enters the block there, its mean survival so far; the
        logarithm of the pull of what lies beyond, its mean survival.
    beta_per_h, theta_per_h
        β and θ, 1/h.
    """
    if not links.node_chain.size:
        return np.zeros(0), np.zeros(0)
    n_arcs = forest.inner_arc.size
    return _load(links, forest, crossings, mass, beta_per_h, theta_per_h, n_arcs)


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


@njit(cache=True)
def _solve(  # pragma: no cover
    links: Links, forest: Forest, at: Crossings, theta: float
) -> tuple[Floats, Floats]:
    n_arcs = forest.inner_arc.size
    work = allocate(links, n_arcs)
    work.d[:] = np.inf
    work.rank[:] = -1
    hours = np.full(at.cell_start[-1], np.inf)
    survival = np.zeros(at.cell_start[-1])
    for b in range(at.exit_start.size - 1):
        n_exits = at.exit_start[b + 1] - at.exit_start[b]
        for x in range(n_exits):
            goal = at.exit[at.exit_start[b] + x]
            target = aim(links, forest.inner_of[goal])
            settled = settle_anew(links, target, work)
            weigh(links, target, work, settled, theta)
            for e in range(at.entry_start[b + 1] - at.entry_start[b]):
                origin = at.entry[at.entry_start[b] + e]
                cell = at.cell_start[b] + e * n_exits + x
                if origin == goal:
                    hours[cell], survival[cell] = 0.0, 1.0
                    continue
                hours[cell], survival[cell] = depart(
                    links, target, work, forest.inner_of[origin], 0.0, theta
                )
            forget(links, work, settled)
    return hours, survival


@njit(cache=True)
def _load(  # pragma: no cover
    links: Links,
    forest: Forest,
    at: Crossings,
    mass: tuple[Floats, Floats, Floats, Floats],
    beta: float,
    theta: float,
    n_arcs: int,
) -> tuple[Floats, Floats]:
    entering, unseen, pull, beyond = mass
    work = allocate(links, n_arcs)
    work.d[:] = np.inf
    work.rank[:] = -1
    for b in range(at.exit_start.size - 1):
        n_exits = at.exit_start[b + 1] - at.exit_start[b]
        for x in range(n_exits):
            goal = at.exit[at.exit_start[b] + x]
            if pull[goal] == -np.inf:
                continue
            inner = forest.inner_of[goal]
            links.end_survival[inner] = beyond[goal]  # as if the whole rest were a checkpoint
            target = aim(links, inner)
            settled = settle_anew(links, target, work)
            weigh(links, target, work, settled, theta)
            for e in range(at.entry_start[b + 1] - at.entry_start[b]):
                origin = at.entry[at.entry_start[b] + e]
                hours = at.hours[at.cell_start[b] + e * n_exits + x]
                if origin == goal or entering[origin] == -np.inf or hours == np.inf:
                    continue
                volume = np.exp(entering[origin] - beta * hours + pull[goal])
                inside = forest.inner_of[origin]
                if links.node_chain[inside] >= 0:  # only its own trips begin in mid-chain
                    depart(links, target, work, inside, volume, theta)
                else:
                    work.arriving[inside] += volume
                    work.unseen[inside] += volume * unseen[origin]
            send(links, target, work, settled)
            forget(links, work, settled)
            links.end_survival[inner] = 1.0
    spread(links, work)
    return work.arc_flow[0], work.arc_flow[1]
