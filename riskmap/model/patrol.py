"""Patrol hours on the water, and the hazard that they make (model §3).

A post's hours spread over the water that it reaches with density exp(−t/τ) for t ≤ R, where t is
its craft's least time to the place; the integral along a reach is closed. Checkpoints are added
where arcs are made (`riskmap.network.travel`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from riskmap.network.arcs import Bools, Floats, Ints, group_by
from riskmap.network.reaches import Reaches
from riskmap.network.shortest import least_costs


@dataclass(frozen=True, slots=True)
class Posts:
    """Hold the posts that stand on the water, one value a post.

    Attributes
    ----------
    row
        Row number in the layer of posts.
    node
        Node that the post is attached to.
    access_h
        Its overland leg, hours.
    hours
        Patrol hours a month, B.
    range_h, decay_h
        Reach in time R and decay τ, hours.
    speed_kmh
        Speed of its craft.
    effectiveness
        e, 0 to 1.
    """

    row: Ints
    node: Ints
    access_h: Floats
    hours: Floats
    range_h: Floats
    decay_h: Floats
    speed_kmh: Floats
    effectiveness: Floats


@dataclass(frozen=True, slots=True)
class Patrols:
    """Hold effective patrol hours by reach.

    Attributes
    ----------
    hours
        Effective hours a month on each reach, shape (n_reaches,).
    sweep_km
        The same times each post's craft speed: kilometres patrolled a month.
    post_start, post_reach, post_hours
        The hours of post p on each reach that it covers: positions post_start[p] …
        post_start[p + 1] of the two arrays.
    """

    hours: Floats
    sweep_km: Floats
    post_start: Ints
    post_reach: Ints
    post_hours: Floats


def spread_patrols(reaches: Reaches, posts: Posts, *, usable: Bools) -> Patrols:
    """Spread every post's effective hours over the navigable water that it reaches.

    Parameters
    ----------
    reaches
        The network.
    posts
        Posts on it.
    usable
        Reaches that can be patrolled, shape (n_reaches,).

    Returns
    -------
    Patrols
        The hours of a post add up to e · B where it reaches any water, else to 0.
    """
    water = water_graph(reaches, usable)
    hours = np.zeros(reaches.u.size)
    sweep_km = np.zeros(reaches.u.size)
    found, amounts = [], []
    for p in range(posts.node.size):
        time_h = hours_from_post(posts, p, water, limit_h=posts.range_h[p])
        covered, mass = _kernel_mass(
            time_h, reaches.u, reaches.v, reaches.length_km, usable,
            posts.speed_kmh[p], posts.range_h[p], posts.decay_h[p],
        )  # fmt: skip
        total = mass.sum()
        share = mass * (posts.hours[p] * posts.effectiveness[p] / total if total else 0.0)
        hours[covered] += share
        sweep_km[covered] += share * posts.speed_kmh[p]
        found.append(covered)
        amounts.append(share)
    sizes = [0, *(part.size for part in found)]
    return Patrols(
        hours,
        sweep_km,
        np.cumsum(sizes).astype(np.int32),
        np.concatenate([np.empty(0, dtype=np.int32), *found]),
        np.concatenate([np.empty(0), *amounts]),
    )


def add_hours(patrols: Patrols, posts: Posts, *, post: Ints, reach: Ints, hours: Floats) -> Patrols:
    """Return patrols with more hours of some posts on some reaches.

    Parameters
    ----------
    patrols, posts
        The patrols that there are; nothing given is changed.
    post, reach, hours
        Hours a month to add, before effectiveness: one entry for each post and reach.
    """
    effective = hours * posts.effectiveness[post]
    n_posts, n_reaches = posts.node.size, patrols.hours.size
    owner = np.concatenate([np.repeat(np.arange(n_posts), np.diff(patrols.post_start)), post])
    place = np.concatenate([patrols.post_reach, reach])
    pair, where = np.unique(owner.astype(np.int64) * n_reaches + place, return_inverse=True)
    amounts = np.bincount(where, np.concatenate([patrols.post_hours, effective]))
    sizes = np.bincount(pair // n_reaches, minlength=n_posts)
    swept = effective * posts.speed_kmh[post]
    return Patrols(
        patrols.hours + np.bincount(reach, effective, minlength=n_reaches),
        patrols.sweep_km + np.bincount(reach, swept, minlength=n_reaches),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
        (pair % n_reaches).astype(np.int32),
        amounts.astype(np.float64, copy=False),
    )


def nearest_posts(reaches: Reaches, posts: Posts, *, usable: Bools) -> tuple[Floats, Ints]:
    """Return hours from the nearest post's craft to each reach's nearest point, and which post.

    Returns
    -------
    hours
        Shape (n_reaches,); infinite where no post can come.
    post
        Position in `posts`, −1 where none.
    """
    start, neighbour, km = water_graph(reaches, usable)
    best = np.full(reaches.node_xy.shape[0], np.inf)
    post = np.full(best.size, -1, dtype=np.int32)
    for speed in np.unique(posts.speed_kmh):
        group = np.flatnonzero(posts.speed_kmh == speed).astype(np.int32)
        time_h, source = least_costs(
            start, neighbour, km / speed, posts.node[group], posts.access_h[group], np.inf
        )
        nearer = time_h < best
        best[nearer] = time_h[nearer]
        post[nearer] = group[source[nearer]]
    at_u = best[reaches.u] <= best[reaches.v]
    hours = np.where(at_u, best[reaches.u], best[reaches.v])
    which = np.where(at_u, post[reaches.u], post[reaches.v]).astype(np.int32)
    return np.where(usable, hours, np.inf), np.where(usable, which, -1).astype(np.int32)


def water_graph(reaches: Reaches, usable: Bools) -> tuple[Ints, Ints, Floats]:
    """Return usable reaches as arcs both ways, grouped by tail: (start, neighbour, length_km)."""
    tail = np.concatenate([reaches.u[usable], reaches.v[usable]])
    head = np.concatenate([reaches.v[usable], reaches.u[usable]])
    km = np.concatenate([reaches.length_km[usable]] * 2)
    start, order = group_by(tail, reaches.node_xy.shape[0])
    return start, head[order], km[order]


def hours_from_post(
    posts: Posts, p: int, water: tuple[Ints, Ints, Floats], *, limit_h: float = np.inf
) -> Floats:
    """Return the least hours of a post's craft to every node, its overland leg included.

    Parameters
    ----------
    posts, p
        The posts, and the position of one.
    water
        What it can travel on (`water_graph`).
    limit_h
        Farther nodes are not sought, and stay infinite.
    """
    start, neighbour, km = water
    one = slice(p, p + 1)
    time_h, _ = least_costs(
        start, neighbour, km / posts.speed_kmh[p], posts.node[one], posts.access_h[one], limit_h
    )
    return time_h


@njit(cache=True)
def _kernel_mass(  # pragma: no cover
    time_h: Floats,
    u: Ints,
    v: Ints,
    length_km: Floats,
    usable: Bools,
    speed_kmh: float,
    range_h: float,
    decay_h: float,
) -> tuple[Ints, Floats]:
    """Integrate exp(−t/τ) along every reach, km, from both ends to where the two times meet.

    Returns the reaches where that is something, ascending, and how much.
    """
    covered, mass = np.empty(u.size, dtype=np.int32), np.empty(u.size)
    scale_km, n = speed_kmh * decay_h, 0
    for r in range(u.size):
        near, far = time_h[u[r]], time_h[v[r]]
        if not usable[r] or min(near, far) > range_h:
            continue
        meet = length_km[r]
        if np.isfinite(near) and np.isfinite(far):
            meet = min(max(0.5 * (length_km[r] + (far - near) * speed_kmh), 0.0), length_km[r])
        elif np.isinf(near):
            meet = 0.0
        from_u = min(meet, (range_h - near) * speed_kmh)
        from_v = min(length_km[r] - meet, (range_h - far) * speed_kmh)
        covered[n], mass[n] = r, 0.0
        if from_u > 0.0:
            mass[n] -= scale_km * np.exp(-near / decay_h) * np.expm1(-from_u / scale_km)
        if from_v > 0.0:
            mass[n] -= scale_km * np.exp(-far / decay_h) * np.expm1(-from_v / scale_km)
        n += mass[n] > 0.0
    return covered[:n].copy(), mass[:n].copy()
