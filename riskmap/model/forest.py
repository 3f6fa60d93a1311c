"""A movement in two passes over the forest of blocks, whatever the number of trips (model §2–§5).

Along a way everything multiplies: exp(−β g) of the demand and exp(−h) of survival. So what lies
beyond a bridge enters as two numbers, the logarithm of Σ A exp(−β d) and its mean survival, and
what comes over it likewise. `docs/engine.md` says why that is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.kernels import leaf
from riskmap.model.blocks import Forest
from riskmap.model.crossings import Crossings, list_crossings, load_blocks, solve_crossings
from riskmap.model.links import Links
from riskmap.network.arcs import Arcs, Floats, Ints

NONE = -np.inf
#: Which way a sum is taken: what draws trips from a place on, or what comes to it.
PULL, PUSH = True, False
#: Whether a place of a block counts among what it sees.
WITH_ITSELF, WITHOUT = True, False


class Beyond(NamedTuple):
    """Hold what comes from, and is drawn to, water that was cut off at bridges.

    By node, where a bridge was cut: the logarithms of `push` and `pull` (docs/engine.md) of what
    lay beyond, and their mean survivals.
    """

    node: Ints
    push: Floats
    push_s: Floats
    pull: Floats
    pull_s: Floats


class Ends(NamedTuple):
    """Hold a movement's ends by node: trips that start there, the logarithm of pull.

    A node with something beyond it has no origin or destination of its own.
    """

    origin: Ints
    production: Floats
    destination: Ints
    log_pull: Floats
    beyond: Beyond | None = None


class Flow(NamedTuple):
    """Hold what a movement does to a network.

    `transits` and `undetected` are by arc; by origin: trips over water, trips never detected, trips
    to its own node, and trips that find no way.
    """

    transits: Floats
    undetected: Floats
    served: Floats
    unseen: Floats
    local: Floats
    unserved: Floats


class Below(NamedTuple):
    """Hold sums over what hangs on each place, each a logarithm and a mean survival."""

    hang: Floats  # own and all that hangs on the place by bridges
    hang_s: Floats
    whole: Floats  # at a head: its block and all below it
    whole_s: Floats
    sent: Floats  # the same, seen from the parent
    sent_s: Floats
    rest: Floats  # the parent's sum before it
    rest_s: Floats


class Around(NamedTuple):
    """Hold sums over everything else, as seen from each place."""

    around: Floats  # all but the place's own
    around_s: Floats
    parent: Floats  # at a head: all but what hangs there, at its parent
    parent_s: Floats
    beyond: Floats  # the same, seen from the head
    beyond_s: Floats
    whole: Floats  # in blocks: what the place stands for to the others of its block
    whole_s: Floats


class Sums(NamedTuple):
    """Hold a movement's four passes, what they started from, and the pull that each origin sees."""

    below: Below  # of the pull
    pull: Around
    onward: Below  # of the push
    push: Around
    own: Floats  # the logarithm of what each place draws, and of what it sends
    sent: Floats
    strength: Floats


class Steps(NamedTuple):
    """Hold the bridges in the direction of a sum: generalized time and survival."""

    towards_h: Floats
    towards_s: Floats
    back_h: Floats
    back_s: Floats


def cross_blocks(
    forest: Forest, links: Links, movements: Sequence[Ends], *, theta_per_h: float
) -> Crossings:
    """Solve the crossings that movements need, once for all of them."""
    starts, finishes = (np.zeros(forest.node.size, dtype=np.bool_) for _ in range(2))
    for ends in movements:
        starts[forest.place[ends.origin]] = True
        finishes[forest.place[ends.destination]] = True
        if ends.beyond is not None:
            starts[forest.place[ends.beyond.node]] = True
            finishes[forest.place[ends.beyond.node]] = True
    listed = list_crossings(forest, starts, finishes)
    return solve_crossings(links, forest, listed, theta_per_h=theta_per_h)


def flow_of_movement(
    arcs: Arcs,
    forest: Forest,
    links: Links,
    crossings: Crossings,
    ends: Ends,
    *,
    beta_per_h: float,
    theta_per_h: float,
    hazard_aversion_h: float,
) -> Flow:
    """Share out a movement by gravity and load it on the network.

    Parameters
    ----------
    arcs, forest, links, crossings
        The network, its blocks, the links inside them (`links_of_blocks`), and what these make of
        whoever crosses a block (`cross_blocks`).
    ends
        Where the trips start and end.
    beta_per_h, theta_per_h, hazard_aversion_h
        β, θ and κ.
    """
    sums = sum_movement(
        arcs, forest, crossings, ends, beta_per_h=beta_per_h, hazard_aversion_h=hazard_aversion_h
    )
    pull, push, strength = sums.pull, sums.push, sums.strength
    at = forest.place[ends.origin]
    reach = np.isfinite(strength)
    base = np.where(reach, strength, 0.0)
    transits, undetected = np.zeros((2, arcs.tail.size))
    _load_bridges(forest, sums, transits, undetected)
    volume, unseen = _fill_crossings(crossings, push, pull, beta_per_h)
    inside, unseen_inside = load_blocks(
        links, forest, crossings, volume=volume, unseen=unseen, theta_per_h=theta_per_h
    )
    transits[forest.inner_arc] = inside
    undetected[forest.inner_arc] = unseen_inside
    served = np.where(reach, ends.production * np.exp(pull.around[at] - base), 0.0)
    return Flow(
        transits,
        undetected,
        served,
        served * pull.around_s[at],
        np.where(reach, ends.production * np.exp(sums.own[at] - base), 0.0),
        np.where(reach, 0.0, ends.production),
    )


def sum_movement(
    arcs: Arcs,
    forest: Forest,
    crossings: Crossings,
    ends: Ends,
    *,
    beta_per_h: float,
    hazard_aversion_h: float,
) -> Sums:
    """Add up what draws a movement's trips and what comes to each place, as `flow_of_movement`."""
    pull_steps, push_steps = measure_bridges(arcs, forest, hazard_aversion_h)
    n = forest.node.size
    own, own_s, sent, sent_s = np.full(n, NONE), np.ones(n), np.full(n, NONE), np.ones(n)
    to = forest.place[ends.destination]
    own[to], own_s[to] = ends.log_pull, arcs.end_survival[ends.destination]
    if ends.beyond is not None:
        cut = forest.place[ends.beyond.node]
        own[cut], own_s[cut] = ends.beyond.pull, ends.beyond.pull_s
        sent[cut], sent_s[cut] = ends.beyond.push, ends.beyond.push_s
    below = _gather(forest, crossings, own, own_s, pull_steps, beta_per_h, PULL)
    pull = _surround(forest, crossings, below, pull_steps, beta_per_h, PULL)
    at = forest.place[ends.origin]
    strength = np.logaddexp(pull.around[at], own[at])
    reach = np.isfinite(strength)
    with np.errstate(divide="ignore"):
        sent[at] = np.where(reach, np.log(ends.production) - np.where(reach, strength, 0.0), NONE)
    onward = _gather(forest, crossings, sent, sent_s, push_steps, beta_per_h, PUSH)
    push = _surround(forest, crossings, onward, push_steps, beta_per_h, PUSH)
    return Sums(below, pull, onward, push, own, sent, strength)


def beyond_bridges(forest: Forest, sums: Sums, below: Ints) -> tuple[Beyond, Beyond]:
    """Return what crosses bridges: what hangs below them, and all the rest, each at the cut.

    Parameters
    ----------
    forest, sums
        The network and a movement's passes over it.
    below
        Place below each bridge.

    Returns
    -------
    Beyond, Beyond
        At the nodes below, what hangs there (for whoever keeps the rest); at the nodes above, all
        the rest (for whoever keeps what hangs below).
    """
    above = forest.parent[below]
    hanging = Beyond(
        forest.node[below],
        sums.onward.whole[below], sums.onward.whole_s[below],
        sums.below.whole[below], sums.below.whole_s[below],
    )  # fmt: skip
    rest = Beyond(
        forest.node[above],
        sums.push.parent[below], sums.push.parent_s[below],
        sums.pull.parent[below], sums.pull.parent_s[below],
    )  # fmt: skip
    return hanging, rest


def measure_bridges(arcs: Arcs, forest: Forest, hazard_aversion_h: float) -> tuple[Steps, Steps]:
    """Measure the bridges for the pull, which comes against the trips, and for the trips."""
    cost = arcs.generalized_h(hazard_aversion_h)
    up_h, up_s = _measure(forest.up, cost, arcs.hazard)
    down_h, down_s = _measure(forest.down, cost, arcs.hazard)
    return Steps(down_h, down_s, up_h, up_s), Steps(up_h, up_s, down_h, down_s)


@njit(cache=True)
def _measure(arc: Ints, cost: Floats, hazard: Floats) -> tuple[Floats, Floats]:  # pragma: no cover
    hours = np.full(arc.size, np.inf)
    survival = np.zeros(arc.size)
    for k in range(arc.size):
        if arc[k] >= 0:
            hours[k] = cost[arc[k]]
            danger = hazard[arc[k]]
            survival[k] = 1.0 if danger == 0.0 else np.exp(-danger)
    return hours, survival


@njit(cache=True)
def _join(a: float, s: float, b: float, t: float) -> tuple[float, float]:  # pragma: no cover
    """Add two sums: logarithms, and mean survivals."""
    if b == -np.inf:
        return a, s
    if a == -np.inf:
        return b, t
    if a < b:
        a, s, b, t = b, t, a, s
    weight = np.exp(b - a)
    return a + np.log1p(weight), (s + weight * t) / (1.0 + weight)


@njit(cache=True)
def _shift(a: float, beta: float, hours: float) -> float:  # pragma: no cover
    """Return a − β hours; −∞ where there is no way, even if β is 0."""
    return -np.inf if hours == np.inf or a == -np.inf else a - beta * hours


def _gather(
    forest: Forest,
    at: Crossings,
    own: Floats,
    own_s: Floats,
    steps: Steps,
    beta: float,
    pull: bool,  # noqa: FBT001
) -> Below:
    """Add up what hangs on each place."""
    n = own.size
    below = Below(
        own.copy(), own_s.copy(), np.full(n, NONE), np.ones(n),
        np.full(n, NONE), np.ones(n), np.full(n, NONE), np.ones(n),
    )  # fmt: skip
    _add_below(forest, at, below, steps, beta, pull)
    return below


@leaf
def _add_below(  # pragma: no cover
    forest: Forest,
    at: Crossings,
    below: Below,
    steps: Steps,
    beta: float,
    pull: bool,  # noqa: FBT001
) -> None:
    """Add up what hangs on each place, from the last place to the first, in place."""
    for k in range(forest.node.size - 1, -1, -1):
        p = forest.parent[k]
        if p < 0 or forest.head[k] != k:
            continue
        total, s = below.hang[k], below.hang_s[k]
        if forest.block[k] >= 0:
            total, s = _seen_from(
                forest, at, below.hang, below.hang_s, k, 0, WITH_ITSELF, beta, pull
            )
        below.whole[k], below.whole_s[k] = total, s
        below.rest[k], below.rest_s[k] = below.hang[p], below.hang_s[p]
        sent, s = _shift(total, beta, steps.towards_h[k]), s * steps.towards_s[k]
        below.sent[k], below.sent_s[k] = sent, s
        below.hang[p], below.hang_s[p] = _join(below.hang[p], below.hang_s[p], sent, s)


@leaf
def _seen_from(  # pragma: no cover
    forest: Forest,
    at: Crossings,
    value: Floats,
    value_s: Floats,
    place: int,
    which: int,
    itself: bool,  # noqa: FBT001
    beta: float,
    pull: bool,  # noqa: FBT001
) -> tuple[float, float]:
    """Add up the values of a block as they are at one of its places, the which-th of its side."""
    b = forest.block[place]
    n_exits = at.exit_start[b + 1] - at.exit_start[b]
    others, first = (at.exit, at.exit_start[b]) if pull else (at.entry, at.entry_start[b])
    count = n_exits if pull else at.entry_start[b + 1] - first
    hours, survival = at.hours, at.survival
    step = 1 if pull else n_exits
    first_cell = at.cell_start[b] + (which * n_exits if pull else which)
    top = -np.inf
    for i in range(count):
        if itself or others[first + i] != place:
            seen = _shift(value[others[first + i]], beta, hours[first_cell + i * step])
            top = max(top, seen)
    if top == -np.inf:
        return -np.inf, 1.0
    total, s = 0.0, 0.0
    for i in range(count):
        other, cell = others[first + i], first_cell + i * step
        seen = _shift(value[other], beta, hours[cell])
        if (itself or other != place) and seen > -np.inf:
            weight = np.exp(seen - top)
            total += weight
            s += weight * value_s[other] * survival[cell]
    return top + np.log(total), s / total


def _surround(
    forest: Forest,
    at: Crossings,
    below: Below,
    steps: Steps,
    beta: float,
    pull: bool,  # noqa: FBT001
) -> Around:
    """Add up everything else for each place."""
    n = forest.node.size
    found = Around(
        np.full(n, NONE), np.ones(n), np.full(n, NONE), np.ones(n),
        np.full(n, NONE), np.ones(n), np.full(n, NONE), np.ones(n),
    )  # fmt: skip
    _add_around(forest, at, below, found, steps, beta, pull)
    return found


@leaf
def _add_around(  # pragma: no cover
    forest: Forest,
    at: Crossings,
    below: Below,
    found: Around,
    steps: Steps,
    beta: float,
    pull: bool,  # noqa: FBT001
) -> None:
    """Add up everything else for each place, from the first place to the last, in place."""
    for k in range(forest.node.size):
        if forest.head[k] != k:
            continue
        p = forest.parent[k]
        beyond, s = -np.inf, 1.0
        if p >= 0:
            beyond, s = _join(found.around[p], found.around_s[p], below.rest[k], below.rest_s[k])
            found.parent[k], found.parent_s[k] = beyond, s
            found.around[p], found.around_s[p] = _join(
                found.around[p], found.around_s[p], below.sent[k], below.sent_s[k]
            )
            beyond, s = _shift(beyond, beta, steps.back_h[k]), s * steps.back_s[k]
            found.beyond[k], found.beyond_s[k] = beyond, s
        found.around[k], found.around_s[k] = beyond, s
        if forest.block[k] >= 0:
            _surround_block(forest, at, below, found, k, beta, pull)


@leaf
def _surround_block(  # pragma: no cover
    forest: Forest,
    at: Crossings,
    below: Below,
    found: Around,
    head: int,
    beta: float,
    pull: bool,  # noqa: FBT001
) -> None:
    """Add up for each place of a block what lies beyond the block's other places."""
    b = forest.block[head]
    for i in range(forest.member_start[b], forest.member_start[b + 1]):
        y = forest.member[i]
        found.whole[y], found.whole_s[y] = below.hang[y], below.hang_s[y]
    found.whole[head], found.whole_s[head] = _join(
        below.hang[head], below.hang_s[head], found.around[head], found.around_s[head]
    )
    mine, start = (at.entry, at.entry_start) if pull else (at.exit, at.exit_start)
    for i in range(start[b + 1] - start[b]):
        y = mine[start[b] + i]
        seen, s = _seen_from(forest, at, found.whole, found.whole_s, y, i, WITHOUT, beta, pull)
        found.around[y], found.around_s[y] = _join(found.around[y], found.around_s[y], seen, s)


@njit(cache=True)
def _fill_crossings(  # pragma: no cover
    at: Crossings, push: Around, pull: Around, beta: float
) -> tuple[Floats, Floats]:
    """Return the trips of each crossing, and what of them is not detected before and after."""
    volume, unseen = np.zeros(at.hours.size), np.zeros(at.hours.size)
    entry, exits, hours = at.entry, at.exit, at.hours
    coming, so_far = push.whole, push.whole_s
    drawn, from_there = pull.whole, pull.whole_s
    cell = 0
    for b in range(at.exit_start.size - 1):
        for e in range(at.entry_start[b], at.entry_start[b + 1]):
            start = entry[e]
            for x in range(at.exit_start[b], at.exit_start[b + 1]):
                end = exits[x]
                if start != end and hours[cell] < np.inf:
                    volume[cell] = np.exp(coming[start] - beta * hours[cell] + drawn[end])
                    unseen[cell] = volume[cell] * so_far[start] * from_there[end]
                cell += 1
    return volume, unseen


@leaf
def _load_bridges(  # pragma: no cover
    forest: Forest, sums: Sums, transits: Floats, undetected: Floats
) -> None:
    """Multiply what comes to each bridge by what draws it over, in place."""
    below, pull, onward, push = sums.below, sums.pull, sums.onward, sums.push
    for k in range(forest.node.size):
        if forest.up[k] >= 0:
            flow = np.exp(onward.whole[k] + pull.beyond[k])
            transits[forest.up[k]] = flow
            undetected[forest.up[k]] = flow * onward.whole_s[k] * pull.beyond_s[k]
        if forest.down[k] >= 0:
            flow = np.exp(push.parent[k] + below.sent[k])
            transits[forest.down[k]] = flow
            undetected[forest.down[k]] = flow * push.parent_s[k] * below.sent_s[k]
