"""A descent from places to the ends of trips that make up a sum there (docs/engine.md).

The passes of `riskmap.model.forest` leave at every bridge the sum of all that lies beyond it. Who
makes up a sum is found by walking outward over the places where ways part, and leaving out every
branch whose whole sum is nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.model.blocks import Forest
from riskmap.model.crossings import Crossings
from riskmap.model.forest import Steps, Sums
from riskmap.network.arcs import Floats, Ints, group_by

#: How a walk came to a place: it starts there, or there but not into its block; over the bridge up
#: from it, from its block, or (k ≥ 0) from the place k that hangs on it.
STARTS, STARTS_OUTSIDE, FROM_ABOVE, FROM_BLOCK = -1, -2, -3, -4


class Masses(NamedTuple):
    """Hold the logarithms of one end of a movement: what comes from places, or is drawn to them.

    `other_above` and `other_below` are of the other end, at the bridge of each place: all the rest
    as its parent sees it, and what hangs there. `hours` are from a block's entries to its exits;
    `outward` tells whether the walk goes with the trips, from entries to exits.
    """

    own: Floats
    sent: Floats  # what hangs on a place, as its parent sees it
    beyond: Floats  # at a head: all the rest, as it sees it
    whole: Floats  # in blocks: what a place stands for to the others of its block
    towards_h: Floats  # over the bridge of each place, from it to its parent
    back_h: Floats
    other_above: Floats
    other_below: Floats
    outward: bool


class Neighbours(NamedTuple):
    """Hold what hangs on each place, and its position among the entries and exits of its block."""

    start: Ints
    below: Ints
    as_entry: Ints
    as_exit: Ints


class Shortcuts(NamedTuple):
    """Hold where a walk that crosses a bridge next finds more than one way on, or an end of trips.

    Downward over the bridge of place k it comes to `down`, `down_h` hours from k's parent; upward
    to the parent of `up`, over the bridge of `up`, `up_h` hours from k.
    """

    down: Ints
    down_h: Floats
    up: Ints
    up_h: Floats


class Start(NamedTuple):
    """Hold where walks start: whose they are, a place, how the walk came there, and a weight.

    `weight` is the logarithm of what a unit there counts for.
    """

    whose: Ints
    place: Ints
    came: Ints
    weight: Floats


class Parts(NamedTuple):
    """Hold what part of the trips of a place is whose: number `key` has `part` of them.

    Those of place y are the positions start[y] … start[y + 1].
    """

    start: Ints
    key: Ints
    part: Floats


class Walks(NamedTuple):
    """Hold all that `descend` needs of one end of a movement; walks are in order of `whose`."""

    forest: Forest
    crossings: Crossings
    masses: Masses
    near: Neighbours
    quick: Shortcuts
    starts: Start
    barred: Ints
    beta: float


def masses_of_origins(sums: Sums, steps: Steps) -> Masses:
    """Return the masses that come from origins."""
    return Masses(
        sums.sent, sums.onward.sent, sums.push.beyond, sums.push.whole, steps.towards_h,
        steps.back_h, sums.pull.parent, sums.below.whole, outward=False,
    )  # fmt: skip


def masses_of_sites(sums: Sums, steps: Steps) -> Masses:
    """Return the masses that are drawn to destinations."""
    return Masses(
        sums.own, sums.below.sent, sums.pull.beyond, sums.pull.whole, steps.towards_h,
        steps.back_h, sums.push.parent, sums.onward.whole, outward=True,
    )  # fmt: skip


def list_neighbours(forest: Forest, crossings: Crossings) -> Neighbours:
    """List what hangs on each place, and its position among entries and exits."""
    n = forest.node.size
    hanging = np.flatnonzero((forest.parent >= 0) & (forest.head == np.arange(n))).astype(np.int32)
    start, order = group_by(forest.parent[hanging], n)
    as_entry, as_exit = (np.full(n, -1, dtype=np.int32) for _ in range(2))
    for position, listed, first in (
        (as_entry, crossings.entry, crossings.entry_start),
        (as_exit, crossings.exit, crossings.exit_start),
    ):
        begin = np.repeat(first[:-1], np.diff(first))
        position[listed] = np.arange(listed.size, dtype=np.int32) - begin
    return Neighbours(start, hanging[order], as_entry, as_exit)


def plan_walks(
    forest: Forest,
    crossings: Crossings,
    masses: Masses,
    starts: Start,
    *,
    barred: Ints,
    beta_per_h: float,
) -> Walks:
    """Prepare to walk outward from places.

    Parameters
    ----------
    forest, crossings, masses
        The network, a movement's way through its blocks, and its sums.
    starts
        Where the walks start.
    barred
        For the bridge of each place, whose walks may not begin over it; −1: nobody's.
    beta_per_h
        β, 1/h.
    """
    order = np.argsort(starts.whose, kind="stable")
    near = list_neighbours(forest, crossings)
    return Walks(
        forest,
        crossings,
        masses,
        near,
        _find_shortcuts(forest, masses, near),
        Start(starts.whose[order], starts.place[order], starts.came[order], starts.weight[order]),
        barred,
        beta_per_h,
    )


def descend(walks: Walks, parts: Parts, *, least: Floats, first: int, table: Floats) -> None:
    """Walk outward for some of those who ask, and add what each end of trips is to them.

    Parameters
    ----------
    walks
        Where to walk.
    parts
        Whose the trips of each place are.
    least
        For each one who asks, the logarithm of what is nothing to it.
    first, table
        Row r of the table, by key, is for number first + r; added to in place.
    """
    begin, end = np.searchsorted(walks.starts.whose, [first, first + table.shape[0]])
    _descend(walks, parts, least, first, table, int(begin), int(end))


@njit(cache=True)
def _find_shortcuts(  # pragma: no cover
    forest: Forest, masses: Masses, near: Neighbours
) -> Shortcuts:
    """Skip the places where nothing ends and only one way leads on to anything."""
    n = forest.node.size
    places = np.arange(n).astype(np.int32)
    quick = Shortcuts(places, masses.towards_h.copy(), places.copy(), masses.back_h.copy())
    alive = np.zeros(n, dtype=np.int32)
    for k in range(n - 1, -1, -1):
        only = -1
        for i in range(near.start[k], near.start[k + 1]):
            if masses.sent[near.below[i]] > -np.inf:
                alive[k] += 1
                only = near.below[i]
        if alive[k] == 1 and forest.block[k] < 0 and masses.own[k] == -np.inf:
            quick.down[k] = quick.down[only]
            quick.down_h[k] += quick.down_h[only]
    for k in range(n):
        p = forest.parent[k]
        if p < 0 or forest.head[k] != k or forest.block[p] >= 0 or forest.parent[p] < 0:
            continue
        others = alive[p] - (1 if masses.sent[k] > -np.inf else 0)
        if others == 0 and masses.own[p] == -np.inf:
            quick.up[k] = quick.up[p]
            quick.up_h[k] += quick.up_h[p]
    return quick


@njit(cache=True)
def _descend(  # noqa: C901  # pragma: no cover
    walks: Walks, parts: Parts, least: Floats, first: int, table: Floats, begin: int, end: int
) -> None:
    """Walk depth first; one function, because a call for each place would cost more."""
    forest, masses, near, quick = walks.forest, walks.masses, walks.near, walks.quick
    starts, barred, beta = walks.starts, walks.barred, walks.beta
    stack = np.empty((1024, 2), dtype=np.int32)
    scale = np.empty(1024)
    for s in range(begin, end):
        asks = starts.whose[s]
        floor = least[asks]
        stack[0, 0], stack[0, 1], scale[0] = starts.place[s], starts.came[s], starts.weight[s]
        depth = 1
        while depth > 0:
            depth -= 1
            y, came, far = stack[depth, 0], stack[depth, 1], scale[depth]
            begins = came in (STARTS, STARTS_OUTSIDE)
            if masses.own[y] > -np.inf and masses.own[y] + far >= floor:
                amount = np.exp(masses.own[y] + far)
                for i in range(parts.start[y], parts.start[y + 1]):
                    table[asks - first, parts.key[i]] += amount * parts.part[i]
            room = depth + near.start[y + 1] - near.start[y] + 1
            if forest.block[y] >= 0:
                room += _places_of_block(walks, y)
            while room > scale.size:
                stack, scale = np.concatenate((stack, stack)), np.concatenate((scale, scale))
            for i in range(near.start[y], near.start[y + 1]):
                k = near.below[i]
                if k == came or (begins and barred[k] == asks):
                    continue
                if masses.sent[k] > -np.inf and masses.sent[k] + far >= floor:
                    stack[depth, 0], stack[depth, 1] = quick.down[k], FROM_ABOVE
                    scale[depth] = far - beta * quick.down_h[k]
                    depth += 1
            up = forest.head[y] == y and forest.parent[y] >= 0 and masses.beyond[y] > -np.inf
            up = up and came != FROM_ABOVE and not (begins and barred[y] == asks)
            if up and masses.beyond[y] + far >= floor:
                stack[depth, 0], stack[depth, 1] = forest.parent[quick.up[y]], quick.up[y]
                scale[depth] = far - beta * quick.up_h[y]
                depth += 1
            if forest.block[y] >= 0 and came not in (FROM_BLOCK, STARTS_OUTSIDE):
                depth = _across(walks, y, far, floor, stack, scale, depth)


@njit(cache=True)
def _across(  # pragma: no cover
    walks: Walks, y: int, far: float, floor: float, stack: Ints, scale: Floats, depth: int
) -> int:
    """Put the other places of a block on the stack; return its new depth."""
    at, masses, b = walks.crossings, walks.masses, walks.forest.block[y]
    n_exits = at.exit_start[b + 1] - at.exit_start[b]
    mine = walks.near.as_entry[y] if masses.outward else walks.near.as_exit[y]
    if mine < 0:
        return depth
    others, first = (at.exit, at.exit_start[b]) if masses.outward else (at.entry, at.entry_start[b])
    count = n_exits if masses.outward else at.entry_start[b + 1] - first
    for i in range(count):
        z = others[first + i]
        cell = at.cell_start[b] + (mine * n_exits + i if masses.outward else i * n_exits + mine)
        hours = at.hours[cell]
        if z == y or hours == np.inf or masses.whole[z] == -np.inf:
            continue
        if masses.whole[z] - walks.beta * hours + far >= floor:
            stack[depth, 0], stack[depth, 1] = z, FROM_BLOCK
            scale[depth] = far - walks.beta * hours
            depth += 1
    return depth


@njit(cache=True)
def _places_of_block(walks: Walks, y: int) -> int:  # pragma: no cover
    b = walks.forest.block[y]
    return int(walks.forest.member_start[b + 1] - walks.forest.member_start[b])
