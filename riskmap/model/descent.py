"""A descent from places to the ends of trips that make up a sum there (docs/engine.md).

The passes of `riskmap.model.forest` leave at every bridge the sum of all that lies beyond it. Who
makes up a sum is found by walking outward over the places where ways part, and leaving out every
branch whose whole sum is too small to matter. All movements are walked at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.kernels import leaf
from riskmap.model.blocks import Forest
from riskmap.model.crossings import Crossings
from riskmap.model.forest import Around, Below, Steps, Sums
from riskmap.network.arcs import Bools, Floats, Ints, group_by

#: How a walk came to a place: it starts there, or there but not into its block; over the bridge up
#: from it, from its block, or (k ≥ 0) from the place k that hangs on it.
STARTS, STARTS_OUTSIDE, FROM_ABOVE, FROM_BLOCK = -1, -2, -3, -4


class Masses(NamedTuple):
    """Hold one end of all movements, as logarithms by place and movement.

    What comes from places (of origins), or is drawn to them (of sites). `other_above` and
    `other_below` are of the other end, at the bridge of each place: all the rest as its parent sees
    it, and what hangs there. `outward` tells whether a walk goes with the trips, from a block's
    entries to its exits.
    """

    own: Floats
    sent: Floats  # what hangs on a place, as its parent sees it
    beyond: Floats  # at a head: all the rest, as it sees it
    whole: Floats  # in blocks: what a place stands for to the others of its block
    other_above: Floats
    other_below: Floats
    towards_h: Floats  # (n_places,) over the bridge of each place, from it to its parent
    back_h: Floats
    beta: Floats  # (n_movements,)
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
    """Hold where walks start, in order of whose they are: a place, and how the walk came there.

    `weight` is the logarithm of what a unit there counts for, by movement.
    """

    whose: Ints
    place: Ints
    came: Ints
    weight: Floats


class Parts(NamedTuple):
    """Hold what part of the trips of a place is whose: number `key` has `part` of them.

    Those of place y are the positions start[y] … start[y + 1]; `part` is by movement too.
    """

    start: Ints
    key: Ints
    part: Floats


class Walks(NamedTuple):
    """Hold all that `descend` needs of one end of the movements.

    `two_ways` tells who asks from several places that one end of trips can come to (a corridor on
    bridges and in a block).
    """

    forest: Forest
    crossings: Crossings
    masses: Masses
    near: Neighbours
    quick: Shortcuts
    starts: Start
    barred: Ints
    two_ways: Bools


def masses_of_origins(sums: Sequence[Sums], steps: Steps, betas: Floats) -> Masses:
    """Return the masses that come from origins."""
    mine, other = [(s.onward, s.push) for s in sums], [(s.below, s.pull) for s in sums]
    return _masses([s.sent for s in sums], mine, other, steps, betas)


def masses_of_sites(sums: Sequence[Sums], steps: Steps, betas: Floats) -> Masses:
    """Return the masses that are drawn to destinations."""
    mine, other = [(s.below, s.pull) for s in sums], [(s.onward, s.push) for s in sums]
    return _masses([s.own for s in sums], mine, other, steps, betas)._replace(outward=True)


def _masses(
    own: list[Floats],
    mine: list[tuple[Below, Around]],
    other: list[tuple[Below, Around]],
    steps: Steps,
    betas: Floats,
) -> Masses:
    """Put the sums of one end and of the other side by side."""
    return Masses(
        _by_movement(own),
        _by_movement(below.sent for below, _ in mine),
        _by_movement(around.beyond for _, around in mine),
        _by_movement(around.whole for _, around in mine),
        _by_movement(around.parent for _, around in other),
        _by_movement(below.whole for below, _ in other),
        steps.towards_h,
        steps.back_h,
        betas,
        outward=False,
    )


def _by_movement(sums: Iterable[Floats]) -> Floats:
    return np.ascontiguousarray(np.column_stack(list(sums)))


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
    forest: Forest, crossings: Crossings, masses: Masses, starts: Start, *, barred: Ints
) -> Walks:
    """Prepare to walk outward from places.

    Parameters
    ----------
    forest, crossings, masses
        The network, the ways through its blocks, and the sums of the movements.
    starts
        Where the walks start.
    barred
        For the bridge of each place, whose walks may not begin over it; −1: nobody's.
    """
    near = list_neighbours(forest, crossings)
    quick = _find_shortcuts(forest, masses, near)
    kinds = np.zeros((int(starts.whose.max(initial=-1)) + 1, 2), dtype=np.bool_)
    kinds[starts.whose, (starts.came == STARTS).astype(np.int8)] = True
    two_ways = kinds[:, 0] & kinds[:, 1]
    return Walks(forest, crossings, masses, near, quick, starts, barred, two_ways)


def descend(walks: Walks, parts: Parts, *, least: Floats, first: int, table: Floats) -> None:
    """Walk outward for some of those who ask, and add what each end of trips is to them.

    Parameters
    ----------
    walks
        Where to walk.
    parts
        Whose the trips of each place are.
    least
        For each one who asks, the logarithm of what is too little to matter.
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
            if _is_something(masses.sent[near.below[i]]):
                alive[k] += 1
                only = near.below[i]
        if alive[k] == 1 and forest.block[k] < 0 and not _is_something(masses.own[k]):
            quick.down[k] = quick.down[only]
            quick.down_h[k] += quick.down_h[only]
    for k in range(n):
        p = forest.parent[k]
        if p < 0 or forest.head[k] != k or forest.block[p] >= 0 or forest.parent[p] < 0:
            continue
        others = alive[p] - (1 if _is_something(masses.sent[k]) else 0)
        if others == 0 and not _is_something(masses.own[p]):
            quick.up[k] = quick.up[p]
            quick.up_h[k] += quick.up_h[p]
    return quick


@leaf
def _is_something(mass: Floats) -> bool:  # pragma: no cover
    most = -np.inf
    for m in range(mass.size):
        most = max(most, mass[m])
    return bool(most > -np.inf)


@leaf
def _matters(  # pragma: no cover
    mass: Floats, place: int, weight: Floats, start: int, beta: Floats, hours: float, floor: float
) -> bool:
    """Tell whether what is so many hours from a walk's start is enough in any movement."""
    for m in range(beta.size):
        logarithm = mass[place, m] + weight[start, m]
        if logarithm > -np.inf and logarithm - beta[m] * hours >= floor:
            return True
    return False


@njit(cache=True, nogil=True)
def _descend(  # noqa: C901  # pragma: no cover
    walks: Walks, parts: Parts, least: Floats, first: int, table: Floats, begin: int, end: int
) -> None:
    """Walk depth first; one function, because a call for each place would cost more.

    Arrays are taken out of their tuples once: to do so in loops would count references there.
    """
    forest, masses, near, quick = walks.forest, walks.masses, walks.near, walks.quick
    head, parent, block, barred = forest.head, forest.parent, forest.block, walks.barred
    own, sent, beyond, beta = masses.own, masses.sent, masses.beyond, masses.beta
    below, below_start = near.below, near.start
    down, down_h, up, up_h = quick.down, quick.down_h, quick.up, quick.up_h
    starts, weight = walks.starts, walks.starts.weight
    part_start, key, part = parts.start, parts.key, parts.part
    stack = np.empty((1024, 2), dtype=np.int32)
    hours = np.empty(1024)
    for s in range(begin, end):
        asks = starts.whose[s]
        floor = least[asks]
        stack[0, 0], stack[0, 1], hours[0] = starts.place[s], starts.came[s], 0.0
        depth = 1
        while depth > 0:
            depth -= 1
            y, came, h = stack[depth, 0], stack[depth, 1], hours[depth]
            begins = came in (STARTS, STARTS_OUTSIDE)
            if part_start[y] < part_start[y + 1] and _matters(own, y, weight, s, beta, h, floor):
                for m in range(beta.size):
                    amount = np.exp(own[y, m] + weight[s, m] - beta[m] * h)
                    for i in range(part_start[y], part_start[y + 1]):
                        table[asks - first, key[i]] += amount * part[i, m]
            room = depth + below_start[y + 1] - below_start[y] + 1
            if block[y] >= 0:
                room += _places_of_block(forest, y)
            while room > hours.size:
                stack, hours = np.concatenate((stack, stack)), np.concatenate((hours, hours))
            for i in range(below_start[y], below_start[y + 1]):
                k = below[i]
                if k == came or (begins and barred[k] == asks):
                    continue
                if _matters(sent, k, weight, s, beta, h, floor):
                    stack[depth, 0], stack[depth, 1] = down[k], FROM_ABOVE
                    hours[depth] = h + down_h[k]
                    depth += 1
            rises = head[y] == y and parent[y] >= 0 and came != FROM_ABOVE
            rises = rises and not (begins and barred[y] == asks)
            if rises and _matters(beyond, y, weight, s, beta, h, floor):
                stack[depth, 0], stack[depth, 1] = parent[up[y]], up[y]
                hours[depth] = h + up_h[y]
                depth += 1
            if block[y] >= 0 and came not in (FROM_BLOCK, STARTS_OUTSIDE):
                depth = _across(walks, y, s, h, floor, stack, hours, depth)


@leaf
def _places_of_block(forest: Forest, y: int) -> int:  # pragma: no cover
    b = forest.block[y]
    return int(forest.member_start[b + 1] - forest.member_start[b])


@leaf
def _across(  # pragma: no cover
    walks: Walks, y: int, start: int, h: float, floor: float, stack: Ints, hours: Floats, depth: int
) -> int:
    """Put the other places of a block on the stack; return its new depth."""
    at, masses, b = walks.crossings, walks.masses, walks.forest.block[y]
    whole, beta, weight, crossing_h = masses.whole, masses.beta, walks.starts.weight, at.hours
    n_exits = at.exit_start[b + 1] - at.exit_start[b]
    mine = walks.near.as_entry[y] if masses.outward else walks.near.as_exit[y]
    if mine < 0:
        return depth
    others, first = (at.exit, at.exit_start[b]) if masses.outward else (at.entry, at.entry_start[b])
    count = n_exits if masses.outward else at.entry_start[b + 1] - first
    for i in range(count):
        z = others[first + i]
        cell = at.cell_start[b] + (mine * n_exits + i if masses.outward else i * n_exits + mine)
        far = h + crossing_h[cell]
        if z != y and far < np.inf and _matters(whole, z, weight, start, beta, far, floor):
            stack[depth, 0], stack[depth, 1] = z, FROM_BLOCK
            hours[depth] = far
            depth += 1
    return depth
