"""Trips of a table over the forest of blocks, by lowest common ancestors (model §4, §5).

The way of a trip is known in the large: up from its origin, over one block, and down. A step up is
a bridge, or a block crossed to its head. Steps are laid out path by path (each place followed by
the largest part of what hangs on it), so that a trip notes its volume on a few paths and not on
every step; all notes have one sign, and nothing is ever taken away again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from riskmap.model.blocks import Forest
from riskmap.model.crossings import (
    Crossings,
    links_of_blocks,
    list_crossings,
    load_blocks,
    solve_crossings,
)
from riskmap.model.forest import Steps, measure_bridges
from riskmap.model.routes import Loading
from riskmap.network.arcs import Arcs, Floats, Ints

Longs = npt.NDArray[np.int64]
#: More crossings than this take more memory than a pass for each destination takes time.
MOST_CROSSINGS = 2**23
# Directions, and rows of notes.
UP, DOWN = 0, 1


class Paths(NamedTuple):
    """Hold the steps between places, and the long paths that they are laid out on."""

    above: Ints  # (n,) place that a step up from each place leads to, −1: none
    top: Ints  # (n,) first place of the path that a place is on
    position: Ints  # (n,) in the layout
    laid: Ints  # (n,) place at each position
    cell: Longs  # (2, n) crossing of the step up, and of the step down; −1: none


class FromStart(NamedTuple):
    """Hold sums of steps between the first place above and each place, in both directions."""

    hours: Floats  # (2, n)
    log_s: Floats  # logarithm of survival, sure detection left out
    stops: Ints  # steps that cannot be taken
    sure: Ints  # steps that nobody survives


def load_table(
    arcs: Arcs,
    forest: Forest,
    origin: Ints,
    destination: Ints,
    volume: Floats,
    *,
    theta_per_h: float,
    hazard_aversion_h: float,
) -> Loading | None:
    """Load trips between nodes; None where crossings would take too much memory.

    Parameters
    ----------
    arcs, forest
        The network, and its blocks.
    origin, destination, volume
        The trips; none may end at its own origin.
    theta_per_h, hazard_aversion_h
        θ and κ.
    """
    start, end = forest.place[origin], forest.place[destination]
    begins, finishes = (np.zeros(forest.node.size, dtype=np.bool_) for _ in range(2))
    begins[start], finishes[end] = True, True
    listed = list_crossings(forest, begins, finishes)
    if listed.cell_start[-1] > MOST_CROSSINGS:
        return None
    links = links_of_blocks(arcs, forest, hazard_aversion_h=hazard_aversion_h)
    crossings = solve_crossings(links, forest, listed, theta_per_h=theta_per_h)
    paths = _lay_out(forest, crossings)
    _, steps = measure_bridges(arcs, forest, hazard_aversion_h)
    sums = _sum_steps(forest, crossings, paths, steps)
    cost, survival, notes, cells = _follow(
        forest, crossings, paths, sums, start, end, volume, arcs.end_survival[destination]
    )
    transits, undetected = _collect(forest, paths, notes, cells, arcs.tail.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        unseen = np.where(crossings.survival > 0.0, cells[1] / crossings.survival, 0.0)
    inside = load_blocks(
        links, forest, crossings, volume=cells[0], unseen=unseen, theta_per_h=theta_per_h
    )
    transits[forest.inner_arc], undetected[forest.inner_arc] = inside
    return Loading(transits, undetected, cost, survival)


@njit(cache=True)
def _lay_out(forest: Forest, at: Crossings) -> Paths:  # pragma: no cover
    """Lay the places out path by path, and find the crossings of steps through blocks."""
    n = forest.node.size
    above = np.where(forest.head == np.arange(n), forest.parent, forest.head).astype(np.int32)
    size, largest = np.ones(n, dtype=np.int32), np.full(n, np.int32(-1))
    for k in range(n - 1, -1, -1):
        p = above[k]
        if p >= 0:
            size[p] += size[k]
            if largest[p] < 0 or size[k] > size[largest[p]]:
                largest[p] = k
    top, position = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    laid = np.empty(n, dtype=np.int32)
    count = 0
    for first in range(n):
        if above[first] >= 0 and largest[above[first]] == first:
            continue
        k = first
        while k >= 0:
            top[k], position[k], laid[count] = first, count, k
            count += 1
            k = largest[k]
    return Paths(above, top, position, laid, _crossings_of_steps(forest, at))


@njit(cache=True)
def _crossings_of_steps(forest: Forest, at: Crossings) -> Longs:  # pragma: no cover
    """Return the crossing from each place of a block to the block's head, and the one back."""
    cell = np.full((2, forest.node.size), np.int64(-1))
    for b in range(at.exit_start.size - 1):
        n_exits = at.exit_start[b + 1] - at.exit_start[b]
        head = forest.member[forest.member_start[b]]
        for e in range(at.entry_start[b], at.entry_start[b + 1]):
            first = at.cell_start[b] + (e - at.entry_start[b]) * n_exits - at.exit_start[b]
            for x in range(at.exit_start[b], at.exit_start[b + 1]):
                if at.exit[x] == head:
                    cell[UP, at.entry[e]] = first + x
                if at.entry[e] == head:
                    cell[DOWN, at.exit[x]] = first + x
        cell[:, head] = -1
    return cell


@njit(cache=True)
def _sum_steps(  # pragma: no cover
    forest: Forest, at: Crossings, paths: Paths, bridges: Steps
) -> FromStart:
    """Add the steps up from the first places to the last."""
    n = forest.node.size
    sums = FromStart(
        np.zeros((2, n)), np.zeros((2, n)),
        np.zeros((2, n), dtype=np.int32), np.zeros((2, n), dtype=np.int32),
    )  # fmt: skip
    above, head, cells = paths.above, forest.head, paths.cell
    total, log_s, stops, sure = sums.hours, sums.log_s, sums.stops, sums.sure
    for way in range(2):
        bridge_h = bridges.towards_h if way == UP else bridges.back_h
        bridge_s = bridges.towards_s if way == UP else bridges.back_s
        for k in range(n):
            p, cell = above[k], cells[way, k]
            if p < 0:
                continue
            hours, survival = 0.0, 1.0  # a crossing that was not listed is on nobody's way
            if head[k] == k:
                hours, survival = bridge_h[k], bridge_s[k]
            elif cell >= 0:
                hours, survival = at.hours[cell], at.survival[cell]
            closed, lost = hours == np.inf, survival == 0.0
            total[way, k] = total[way, p] + (0.0 if closed else hours)
            log_s[way, k] = log_s[way, p] + (0.0 if lost else np.log(survival))
            stops[way, k], sure[way, k] = stops[way, p] + closed, sure[way, p] + lost
    return sums


@njit(cache=True)
def _meet(paths: Paths, start: int, end: int) -> tuple[int, int, int]:  # pragma: no cover
    """Return the lowest place above both, and the places below it on either side (−1: none)."""
    above, top, position, laid = paths.above, paths.top, paths.position, paths.laid
    x, y, below_x, below_y = start, end, -1, -1
    while top[x] != top[y]:
        if top[x] > top[y]:
            below_x = top[x]
            x = above[below_x]
            if x < 0:
                return -1, -1, -1
        else:
            below_y = top[y]
            y = above[below_y]
            if y < 0:
                return -1, -1, -1
    if position[x] > position[y]:
        return y, laid[position[y] + 1], below_y
    if position[x] < position[y]:
        return x, below_x, laid[position[x] + 1]
    return x, below_x, below_y


@njit(cache=True)
def _follow(  # pragma: no cover
    forest: Forest,
    at: Crossings,
    paths: Paths,
    sums: FromStart,
    start: Ints,
    end: Ints,
    volume: Floats,
    end_survival: Floats,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Find time and survival of every trip, and note it on paths and on crossings.

    Notes are by direction, by position (first half: on all of a path from its top to there; second
    half: a tree of spans over the positions), and of transits and undetected transits.
    """
    n = forest.node.size
    cost, survival = np.full(start.size, np.inf), np.zeros(start.size)
    notes, cells = np.zeros((2, 3 * n, 2)), np.zeros((2, at.hours.size))
    entry_of, exit_of = _places_in_blocks(forest, at)
    hours, log_s, stops, sure = sums.hours, sums.log_s, sums.stops, sums.sure
    head, up, down = forest.head, notes[UP], notes[DOWN]
    for t in range(start.size):
        o, d = start[t], end[t]
        meet, a, b = _meet(paths, o, d)
        if meet < 0:
            continue
        cell, left, entered = -1, meet, meet
        if a >= 0 and b >= 0 and head[a] == meet and head[b] == meet:
            block = forest.block[a]
            n_exits = at.exit_start[block + 1] - at.exit_start[block]
            cell, left, entered = at.cell_start[block] + entry_of[a] * n_exits + exit_of[b], a, b
        h = (hours[UP, o] - hours[UP, left]) + (hours[DOWN, d] - hours[DOWN, entered])
        log = (log_s[UP, o] - log_s[UP, left]) + (log_s[DOWN, d] - log_s[DOWN, entered])
        closed = stops[UP, o] > stops[UP, left] or stops[DOWN, d] > stops[DOWN, entered]
        seen = sure[UP, o] > sure[UP, left] or sure[DOWN, d] > sure[DOWN, entered]
        through = 1.0
        if cell >= 0:
            h += at.hours[cell]
            through = at.survival[cell]
        if closed or h == np.inf:
            continue
        cost[t] = h
        survival[t] = 0.0 if seen else np.exp(log) * through * end_survival[t]
        undetected = volume[t] * survival[t]
        if cell >= 0:
            cells[0, cell] += volume[t]
            cells[1, cell] += undetected
        _note(paths, up, o, left, volume[t], undetected)
        _note(paths, down, d, entered, volume[t], undetected)
    return cost, survival, notes, cells


@njit(cache=True)
def _places_in_blocks(  # pragma: no cover
    forest: Forest, at: Crossings
) -> tuple[Ints, Ints]:
    """Return which entry, and which exit, of its block each place is."""
    entry_of = np.full(forest.node.size, np.int32(-1))
    exit_of = np.full(forest.node.size, np.int32(-1))
    for b in range(at.exit_start.size - 1):
        for e in range(at.entry_start[b], at.entry_start[b + 1]):
            entry_of[at.entry[e]] = e - at.entry_start[b]
        for x in range(at.exit_start[b], at.exit_start[b + 1]):
            exit_of[at.exit[x]] = x - at.exit_start[b]
    return entry_of, exit_of


@njit(cache=True)
def _note(  # pragma: no cover
    paths: Paths, notes: Floats, low: int, high: int, transits: float, undetected: float
) -> None:
    """Note a trip on the steps from a place to one above it (its own step left out)."""
    above, top, position = paths.above, paths.top, paths.position
    n = top.size
    while top[low] != top[high]:
        notes[position[low], 0] += transits
        notes[position[low], 1] += undetected
        low = above[top[low]]
    first, last = position[high] + 1 + n, position[low] + 1 + n
    while first < last:  # the largest spans that make up the positions between
        if first & 1:
            notes[n + first, 0] += transits
            notes[n + first, 1] += undetected
            first += 1
        if last & 1:
            last -= 1
            notes[n + last, 0] += transits
            notes[n + last, 1] += undetected
        first >>= 1
        last >>= 1


@njit(cache=True)
def _collect(  # pragma: no cover
    forest: Forest, paths: Paths, notes: Floats, cells: Floats, n_arcs: int
) -> tuple[Floats, Floats]:
    """Add up what was noted, and give it to bridges and to crossings."""
    n = forest.node.size
    found = np.zeros((2, n_arcs))
    for way in range(2):
        for kind in range(2):
            for span in range(1, n):
                held = notes[way, n + span, kind]
                notes[way, n + 2 * span, kind] += held
                notes[way, n + 2 * span + 1, kind] += held
            for i in range(n - 1, -1, -1):
                k = paths.laid[i]
                if i + 1 < n and paths.top[paths.laid[i + 1]] == paths.top[k]:
                    notes[way, i, kind] += notes[way, i + 1, kind]
                flow = notes[way, i, kind] + notes[way, 2 * n + i, kind]
                if flow == 0.0:
                    continue
                arc = forest.up[k] if way == UP else forest.down[k]
                if paths.cell[way, k] >= 0:
                    cells[kind, paths.cell[way, k]] += flow
                else:
                    found[kind, arc] += flow
    return found[0], found[1]
