"""Patrol hours as whole patrols that a crew can carry out (model §8).

A patrol leaves its post, goes by the least way to some water within range, stays there for what is
left of its length, and comes back: what it passes on the way is patrolled, too. Patrols are chosen
one by one by what they detect beyond those before, and exchanged while that gains.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from riskmap.model.patrol import Patrols, Posts, hours_from_post, water_graph
from riskmap.network.arcs import Bools, Floats, Ints
from riskmap.network.reaches import Reaches
from riskmap.planning.patrol_hours import Beats, detect_more
from riskmap.planning.traffic import Places, Traffic

#: Patrols are added in this many steps at most; with more of them, several of a kind at a time.
STEPS = 120
#: An exchange has to gain this share at least.
WORTHWHILE = 1e-6
#: Rounds of exchanges at most.
ROUNDS = 4
#: Times that differ by less than this share are one.
SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Outings:
    """Hold the patrols that posts could make, one entry each.

    Attributes
    ----------
    post, target
        Positions of the post, and of the reach at the far end.
    travel_h
        Hours out and back, to the far end of that reach or of the range, and the overland leg.
    way
        For each, the reaches from the post up to the target, in order.
    hours
        Sparse, shape (n_outings, n_beats): hours on the water of each beat, times the strength of
        the post there against that of the beat's own.
    """

    post: Ints
    target: Ints
    travel_h: Floats
    way: tuple[Ints, ...]
    hours: sp.csr_array


@dataclass(frozen=True, slots=True)
class WholePatrols:
    """Hold a plan in whole patrols.

    Attributes
    ----------
    outing, number
        Positions of the outings that are made, and how often a month; most often first.
    gained
        Transits a month that the patrols detect and that are undetected without them.
    """

    outing: Ints
    number: Ints
    gained: float


@dataclass(slots=True)
class _Found:
    """Gather outings and the hours that they spend by beat."""

    post: list[int] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    travel_h: list[float] = field(default_factory=list)
    way: list[Ints] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    beat: list[int] = field(default_factory=list)
    hours: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Tree:
    """Hold least times from a post to every node, and the reach and node before each."""

    time_h: Floats
    reach: Ints
    node: Ints


def find_outings(
    reaches: Reaches,
    posts: Posts,
    *,
    patrols: Patrols,
    beats: Beats,
    usable: Bools,
    length_h: float,
) -> Outings:
    """Find the patrols of some length that posts can make to water worth a patrol.

    Parameters
    ----------
    reaches
        The network.
    posts, patrols
        The posts, and the reaches that each covers.
    beats
        Where hours detect anything; each can be the far end of a patrol of every post in range.
    usable
        Reaches that can be patrolled.
    length_h
        Hours of a patrol, from leaving the post to being back.
    """
    beat = np.full(reaches.u.size, -1, dtype=np.int64)
    beat[beats.reach] = np.arange(beats.reach.size)
    strength = posts.effectiveness * posts.speed_kmh
    found, water = _Found(), water_graph(reaches, usable)
    for p in np.flatnonzero(strength > 0.0).tolist():
        covered = patrols.post_reach[patrols.post_start[p] : patrols.post_start[p + 1]]
        targets = covered[beat[covered] >= 0]
        tree = _grow(reaches, posts, p, water=water, usable=usable) if targets.size else None
        for target in targets.tolist():
            assert tree is not None  # noqa: S101  (there is a target)
            _add_outing(found, reaches, posts, (p, target), tree=tree, beat=beat, length_h=length_h)
    post = np.array(found.post, dtype=np.int32)
    row, place = np.array(found.row, dtype=np.int64), np.array(found.beat, dtype=np.int64)
    amounts = np.array(found.hours) * strength[post[row]] / strength[beats.post[place]]
    return Outings(
        post,
        np.array(found.target, dtype=np.int32),
        np.array(found.travel_h),
        tuple(found.way),
        sp.csr_array((amounts, (row, place)), shape=(post.size, beats.reach.size)),
    )


def _grow(
    reaches: Reaches, posts: Posts, p: int, *, water: tuple[Ints, Ints, Floats], usable: Bools
) -> _Tree:
    """Find a post's least way to every node."""
    speed = posts.speed_kmh[p]
    time_h = hours_from_post(posts, p, water)
    reach, node = np.full(time_h.size, -1, dtype=np.int32), np.full(time_h.size, -1, dtype=np.int32)
    hours = reaches.length_km / speed
    for tail, head in ((reaches.u, reaches.v), (reaches.v, reaches.u)):
        with np.errstate(invalid="ignore"):
            late = np.abs(time_h[tail] + hours - time_h[head])
        last = np.flatnonzero(usable & (late <= SAME * (1.0 + time_h[head])) & (tail != head))
        reach[head[last]], node[head[last]] = last, tail[last]
    reach[posts.node[p]] = -1
    return _Tree(time_h, reach, node)


def _add_outing(
    found: _Found,
    reaches: Reaches,
    posts: Posts,
    ends: tuple[int, int],
    *,
    tree: _Tree,
    beat: Places,
    length_h: float,
) -> None:
    """Add the patrol of a post to a reach, where its length suffices."""
    p, target = ends
    speed = posts.speed_kmh[p]
    u, v = reaches.u[target], reaches.v[target]
    near = int(u if tree.time_h[u] <= tree.time_h[v] else v)
    reached = float(tree.time_h[near])
    beyond = min(reaches.length_km[target] / speed, max(posts.range_h[p] - reached, 0.0))
    travel = 2.0 * (reached + beyond)
    if travel > length_h * (1.0 + SAME):
        return
    way = _way_to(tree, near)
    passed = np.append(way, np.int32(target))
    hours = 2.0 * reaches.length_km[passed] / speed
    hours[-1] = 2.0 * beyond + max(length_h - travel, 0.0)
    row, worth = len(found.post), beat[passed] >= 0
    found.post.append(p)
    found.target.append(target)
    found.travel_h.append(travel)
    found.way.append(way)
    found.row += [row] * int(worth.sum())
    found.beat += beat[passed[worth]].tolist()
    found.hours += hours[worth].tolist()


def _way_to(tree: _Tree, node: int) -> Ints:
    way = []
    while tree.reach[node] >= 0:
        way.append(int(tree.reach[node]))
        node = int(tree.node[node])
    return np.array(way[::-1], dtype=np.int32)


def choose_patrols(
    traffic: Traffic, beats: Beats, outings: Outings, *, number: int
) -> WholePatrols:
    """Choose so many patrols that they detect most, one by one, and exchange them.

    Parameters
    ----------
    traffic
        The trips on their network, with the patrols that there are.
    beats
        Where hours detect anything.
    outings
        The patrols to choose from.
    number
        How many to make a month.
    """
    many = np.zeros(outings.post.size, dtype=np.int64)
    left = number if outings.post.size else 0
    for step in range(min(left, STEPS), 0, -1):
        some = -(-left // step)
        many[_best(traffic, beats, outings, many)] += some
        left -= some
    gained, _ = detect_more(traffic, beats, outings.hours.T @ many)
    for _ in range(ROUNDS):
        before = gained
        for k in np.flatnonzero(many).tolist():
            many, gained = _exchange(traffic, beats, outings, many, gained=gained, outing=k)
        if gained <= before * (1.0 + WORTHWHILE):
            break
    made = np.flatnonzero(many)
    made = made[np.argsort(-many[made], kind="stable")]
    return WholePatrols(made.astype(np.int32), many[made].astype(np.int32), gained)


def _best(traffic: Traffic, beats: Beats, outings: Outings, many: Places) -> int:
    """Return the outing that gains most beyond those that are made, by the derivative."""
    _, slope = detect_more(traffic, beats, outings.hours.T @ many)
    return int(np.argmax(outings.hours @ slope))


def _exchange(
    traffic: Traffic, beats: Beats, outings: Outings, many: Places, *, gained: float, outing: int
) -> tuple[Places, float]:
    """Make one patrol of a kind elsewhere where that gains."""
    fewer = many.copy()
    fewer[outing] -= 1
    other = _best(traffic, beats, outings, fewer)
    fewer[other] += 1
    value, _ = detect_more(traffic, beats, outings.hours.T @ fewer)
    return (fewer, value) if value > gained * (1.0 + WORTHWHILE) else (many, gained)
