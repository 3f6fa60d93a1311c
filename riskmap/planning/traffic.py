"""Traffic that holds its routes while checkpoints are added: what a plan is measured on (model §8).

A plan's checkpoints detect travellers; here they do not move them. Times are therefore frozen as
they are (hazards of today and κ included), and a checkpoint only adds hazard. One pass of the model
over such a network gives the exact gain of a next checkpoint at every node at once. What travellers
who know the plan do instead is in `riskmap.planning.evasion`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from riskmap.model.links import find_links
from riskmap.model.routes import Loading, Trips, load_trips
from riskmap.network.arcs import Arcs, Bools, Floats, Ints, group_by

#: Positions in arrays, as numpy counts them.
Places = npt.NDArray[np.int64]
#: Shares of a node's traffic below this are what subtraction leaves of nothing.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Watch:
    """State what a checkpoint of the plan does.

    Attributes
    ----------
    candidates
        Nodes where one may stand, in order of preference among equals.
    q
        Chance that it detects one passage, 0 to 1.
    ends_count
        Whether it acts on trips that begin or end at its own node.
    """

    candidates: Ints
    q: float
    ends_count: bool


@dataclass(frozen=True, slots=True)
class Traffic:
    """Hold a network and its trips, one entry for each pair of origin and destination.

    Attributes
    ----------
    arcs
        The network; `time_h` is generalized time, so that added hazard moves nobody.
    used
        What of it carries trips: all that a plan is measured on while routes stay.
    used_arc
        Which arc of `arcs` each arc of `used` is.
    trips
        Trips by destination; none begins where it ends.
    theta_per_h
        θ of the route choice.
    demand
        All trips a month, with those that use no water or find no route.
    today
        What the trips do without the plan, by arc of `used`.
    """

    arcs: Arcs
    used: Arcs
    used_arc: Places
    trips: Trips
    theta_per_h: float
    demand: float
    today: Loading

    @property
    def destinations(self) -> Ints:
        """Return the destination of every trip."""
        return np.repeat(self.trips.destination, np.diff(self.trips.start))

    @property
    def undetected(self) -> Floats:
        """Return the transits of every trip that nothing detects today."""
        unseen: Floats = self.trips.volume * self.today.survival
        return unseen

    def passing(self, *, ends_count: bool) -> Floats:
        """Return the transits through every node today, detected or not."""
        routed = np.isfinite(self.today.cost_h)
        everyone = self.today._replace(
            undetected=self.today.transits, survival=routed.astype(np.float64)
        )
        return undetected_through(self, everyone, ends_count=ends_count)

    def values(self, watch: Watch, chosen: Places) -> tuple[float, Floats]:
        """Return what checkpoints at the chosen candidates intercept, and what one more would.

        Parameters
        ----------
        watch
            The candidates and what a checkpoint does.
        chosen
            Positions in `watch.candidates`.

        Returns
        -------
        value
            Transits a month detected by the chosen checkpoints and by nothing else.
        gains
            For each candidate, what one more checkpoint there would add:
            ``q × (undetected transits through it)``.
        """
        load = load_watched(self, watch.candidates[chosen], watch)
        value = float(self.undetected.sum() - (self.trips.volume * load.survival).sum())
        through = undetected_through(self, load, ends_count=watch.ends_count)
        return max(value, 0.0), watch.q * through[watch.candidates]


def hold_traffic(
    arcs: Arcs,
    pairs: tuple[Ints, Ints],
    volume: Floats,
    *,
    theta_per_h: float,
    hazard_aversion_h: float,
    demand: float,
) -> tuple[Traffic, Ints]:
    """Freeze the routes of trips on a network.

    Parameters
    ----------
    arcs
        The network as it is: patrols and checkpoints that exist are in its hazards.
    pairs
        Origin and destination of each trip.
    volume
        Transits a month of each trip.
    theta_per_h, hazard_aversion_h
        θ and κ of the route choice.
    demand
        All trips a month, with those left out of `pairs`.

    Returns
    -------
    Traffic
        The trips, those of one pair added up.
    position
        Where in it each of the given trips is.
    """
    origin, destination = pairs
    number = destination.astype(np.int64) * arcs.n_nodes + origin
    pair, position = np.unique(number, return_inverse=True)
    to, origins = np.divmod(pair, arcs.n_nodes)
    nodes, group = np.unique(to, return_inverse=True)
    start, _ = group_by(group, nodes.size)
    trips = Trips(
        nodes.astype(np.int32),
        start,
        origins.astype(np.int32),
        _sum_at(position.astype(np.int32), volume, pair.size),
    )
    held = replace(arcs, time_h=arcs.generalized_h(hazard_aversion_h))
    full = _load(held, trips, theta_per_h)
    carrying = _keep_carrying(held, full.transits, free=not np.isinf(theta_per_h))
    used = _part_of(held, carrying)
    today = full._replace(transits=full.transits[carrying], undetected=full.undetected[carrying])
    traffic = Traffic(held, used, np.flatnonzero(carrying), trips, theta_per_h, demand, today)
    return traffic, position.astype(np.int32)


def _keep_carrying(arcs: Arcs, transits: Floats, *, free: bool) -> Bools:
    """Return which arcs to keep so that all trips find the same routes, with the same shares.

    Where travellers are free to leave least routes, a node where they choose has to stay one: it
    keeps an edge that nobody takes rather than be left with two.
    """
    ends = np.zeros((int(arcs.edge.max(initial=-1)) + 1, 2), dtype=np.int32)
    ends[arcs.edge[::-1]] = np.column_stack([arcs.tail, arcs.head])[::-1]
    kept = np.zeros(ends.shape[0], dtype=np.bool_)
    kept[arcs.edge[transits > 0.0]] = True
    degree = np.bincount(ends.ravel(), minlength=arcs.n_nodes)
    while free:
        left = np.bincount(ends[kept].ravel(), minlength=arcs.n_nodes)
        lost = (left == 2) & (degree != 2)
        spare = np.flatnonzero(~kept[:, None] & lost[ends])
        if not spare.size:
            break
        _, first = np.unique(ends.ravel()[spare], return_index=True)
        kept[spare[first] // 2] = True
    return kept[arcs.edge]


def _part_of(arcs: Arcs, kept: Bools) -> Arcs:
    """Return a network with some of the arcs and all of the nodes."""
    _, edge = np.unique(arcs.edge[kept], return_inverse=True)
    return replace(
        arcs,
        tail=arcs.tail[kept],
        head=arcs.head[kept],
        edge=edge.astype(np.int32),
        time_h=arcs.time_h[kept],
        hazard=arcs.hazard[kept],
    )


def undetected_through(traffic: Traffic, load: Loading, *, ends_count: bool) -> Floats:
    """Return the undetected transits through every node, as its checkpoint would see them."""
    arcs = traffic.used
    ending = _sum_at(traffic.destinations, traffic.trips.volume * load.survival, arcs.n_nodes)
    if ends_count:
        return _sum_at(arcs.tail, load.undetected, arcs.n_nodes) + ending
    entering = _sum_at(arcs.head, load.undetected, arcs.n_nodes)
    passing = entering - ending
    return np.where(passing > ROUNDING * entering, passing, 0.0)


def load_watched(traffic: Traffic, watched: Ints, watch: Watch) -> Loading:
    """Load the trips with checkpoints added at some nodes, routes held.

    A checkpoint acts on the arcs that leave its node and on trips that end there (model §3). Where
    ends do not count it acts on the arcs that enter instead, which a trip that begins there never
    takes; trips that end there are loaded without it.
    """
    if not watched.size:
        return traffic.today
    if watch.ends_count:
        return _load(
            _add_hazard(traffic.used, watched, watch.q), traffic.trips, traffic.theta_per_h
        )
    destination = traffic.trips.destination
    own = np.flatnonzero(np.isin(destination, watched))
    parts = [(np.array([k]), watched[watched != destination[k]]) for k in own]
    rest = np.setdiff1d(np.arange(destination.size), own)
    return _load_parts(traffic, [(rest, watched), *parts] if rest.size else parts, watch.q)


def load_unwatched(traffic: Traffic, trips: Trips, watched: Ints, watch: Watch) -> Loading:
    """Load trips so that nothing but a checkpoint at some nodes is seen, and surely.

    `survival` is then each trip's share on routes that meet none, `undetected` what these carry.
    """
    blind = replace(
        traffic.used,
        hazard=np.zeros(traffic.used.tail.size),
        end_survival=np.ones(traffic.used.n_nodes),
    )
    today = _load(blind, trips, traffic.theta_per_h)
    bare = replace(traffic, used=blind, trips=trips, today=today)
    return load_watched(bare, watched, replace(watch, q=1.0))


def load_patrolled(traffic: Traffic, more: Floats) -> Loading:
    """Load the trips with hazard added to the arcs of `used`, routes held."""
    arcs = replace(traffic.used, hazard=traffic.used.hazard + more)
    return _load(arcs, traffic.trips, traffic.theta_per_h)


def _load_parts(traffic: Traffic, parts: list[tuple[Places, Ints]], q: float) -> Loading:
    """Load some destinations at a time, each with its own checkpoints, and add up."""
    trips = traffic.trips
    arrays = [np.zeros(traffic.used.tail.size), np.zeros(traffic.used.tail.size)]
    cost, survival = np.empty(trips.origin.size), np.empty(trips.origin.size)
    group = np.repeat(np.arange(trips.destination.size), np.diff(trips.start))
    for which, watched in parts:
        rows = np.flatnonzero(np.isin(group, which))
        sizes = np.diff(trips.start)[which]
        start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        some = Trips(trips.destination[which], start, trips.origin[rows], trips.volume[rows])
        load = _load(_add_hazard_entering(traffic.used, watched, q), some, traffic.theta_per_h)
        arrays[0] += load.transits
        arrays[1] += load.undetected
        cost[rows], survival[rows] = load.cost_h, load.survival
    return Loading(arrays[0], arrays[1], cost, survival)


def _load(arcs: Arcs, trips: Trips, theta_per_h: float) -> Loading:
    links = find_links(arcs, hazard_aversion_h=0.0)  # κ is in the times already
    return load_trips(links, trips, theta_per_h=theta_per_h, n_arcs=arcs.tail.size)


def _add_hazard(arcs: Arcs, watched: Ints, q: float) -> Arcs:
    more, passed = _at_nodes(arcs, watched, q)
    return replace(
        arcs, hazard=arcs.hazard + more[arcs.tail], end_survival=arcs.end_survival * passed
    )


def _add_hazard_entering(arcs: Arcs, watched: Ints, q: float) -> Arcs:
    more, _ = _at_nodes(arcs, watched, q)
    return replace(arcs, hazard=arcs.hazard + more[arcs.head])


def _sum_at(nodes: Ints, amounts: Floats, n_nodes: int) -> Floats:
    return np.bincount(nodes, amounts, minlength=n_nodes).astype(np.float64, copy=False)


def _at_nodes(arcs: Arcs, watched: Ints, q: float) -> tuple[Floats, Floats]:
    """Return −ln(1 − q) and 1 − q at the watched nodes, 0 and 1 at all others."""
    more, passed = np.zeros(arcs.n_nodes), np.ones(arcs.n_nodes)
    with np.errstate(divide="ignore"):
        more[watched] = -np.log1p(-q)
    passed[watched] = 1.0 - q
    return more, passed
