"""Routes of trips, listed by the candidates on them: what exact plans are solved on (model §8).

Route choice is a chain of choices at nodes, so what one trip sends over each arc tells all its
routes and their shares. Routes that pass the same candidates are one *way*, whoever takes them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numba import njit

from riskmap.model.links import find_links
from riskmap.model.routes import Trips, load_trips
from riskmap.network.arcs import Floats, Ints, group_by
from riskmap.planning.traffic import Places, Traffic, Watch

#: Routes of one trip with a smaller share than this are not listed.
LEAST_SHARE = 1e-13


@dataclass(frozen=True, slots=True)
class Ways:
    """Hold ways, and the undetected transits a month that take each.

    Attributes
    ----------
    passes
        Sparse 0/1 matrix, shape (n_ways, n_candidates): the candidates that see each way.
    transits
        Undetected transits a month, shape (n_ways,), > 0.
    q
        Chance that a checkpoint detects one passage.
    """

    passes: sp.csr_array
    transits: Floats
    q: float

    def values(self, chosen: Places) -> tuple[float, Floats]:
        """Return what a choice intercepts, ``Σ w (1 − (1 − q)ⁿ)``, and what one more would add."""
        taken = np.zeros(self.passes.shape[1])
        taken[chosen] = 1.0
        unseen = self.transits * (1.0 - self.q) ** (self.passes @ taken)
        return float((self.transits - unseen).sum()), self.q * (self.passes.T @ unseen)


def list_ways(traffic: Traffic, watch: Watch, *, limit: int, deadline: float) -> Ways | None:
    """List the ways of all trips; None where there are too many routes, or too little time.

    Parameters
    ----------
    traffic
        The trips.
    watch
        The candidates, and whether those at a trip's own ends see it.
    limit
        Most routes to list.
    deadline
        Time by `time.monotonic` at which to give up.
    """
    place = np.full(traffic.arcs.n_nodes, -1, dtype=np.int32)
    place[watch.candidates] = np.arange(watch.candidates.size)
    found: dict[bytes, float] = {}
    listed = 0
    for nodes, ends, shares in _routes_by_trip(traffic, limit):
        listed += shares.size
        if listed > limit or time.monotonic() > deadline:
            return None
        first = 0
        for end, transits in zip(ends, shares, strict=True):
            seen = nodes[first:end] if watch.ends_count else nodes[first + 1 : end - 1]
            passed = place[seen]
            key = np.sort(passed[passed >= 0]).tobytes()
            found[key] = found.get(key, 0.0) + float(transits)
            first = end
    return _as_ways(found, watch.candidates.size, watch.q)


def merge_ways(ways: Ways) -> Ways:
    """Make one way of those that the same candidates see, and drop those that none sees."""
    passes = ways.passes.tocsr()
    passes.sort_indices()
    found: dict[bytes, float] = {}
    columns = passes.indices.astype(np.int32)
    for row, transits in enumerate(ways.transits.tolist()):
        key = columns[passes.indptr[row] : passes.indptr[row + 1]].tobytes()
        found[key] = found.get(key, 0.0) + transits
    return _as_ways(found, passes.shape[1], ways.q)


def _as_ways(found: dict[bytes, float], n_candidates: int, q: float) -> Ways:
    """Turn candidates by way into a matrix; ways without any are not held."""
    found.pop(b"", None)
    rows = [np.frombuffer(key, dtype=np.int32) for key in found]
    start = np.concatenate([[0], np.cumsum([row.size for row in rows], dtype=np.int64)])
    columns = np.concatenate([np.empty(0, dtype=np.int32), *rows])
    shape = (len(rows), n_candidates)
    passes = sp.csr_array((np.ones(columns.size), columns, start), shape=shape)
    return Ways(passes, np.fromiter(found.values(), dtype=np.float64, count=len(found)), q)


def _routes_by_trip(traffic: Traffic, limit: int) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Yield for each trip its routes' nodes end to end, where each ends, and their transits.

    Of a trip with more routes than the limit only some may come, but more than the limit.
    """
    arcs = traffic.used
    start, leaving = group_by(arcs.tail, arcs.n_nodes)
    survival = np.exp(-arcs.hazard)
    unseen, destinations = traffic.undetected, traffic.destinations
    for trips, transits in _loads(traffic):
        for trip in trips[unseen[trips] > 0.0]:
            origin, to = int(traffic.trips.origin[trip]), int(destinations[trip])
            nodes, ends, shares = _list_routes(
                (start, leaving, arcs.head), transits, survival, (origin, to), limit=limit
            )
            yield nodes, ends, traffic.trips.volume[trip] * arcs.end_survival[to] * shares


def _loads(traffic: Traffic) -> Iterator[tuple[Places, Floats]]:
    """Yield some trips and what they load on the arcs: their routes, and the choice at each node.

    On least routes alone the choice at a node is the same for all who go to one destination, and
    they are loaded together; else each trip's own ends are places of choice.
    """
    links = find_links(traffic.used, hazard_aversion_h=0.0)
    together = np.isinf(traffic.theta_per_h)
    first = traffic.trips.start if together else np.arange(traffic.trips.origin.size + 1)
    destinations = traffic.destinations
    for k in range(first.size - 1):
        some = np.arange(first[k], first[k + 1])
        if not some.size:
            continue
        trips = Trips(
            destinations[some[:1]],
            np.array([0, some.size], dtype=np.int32),
            traffic.trips.origin[some],
            np.ones(some.size),
        )
        load = load_trips(
            links, trips, theta_per_h=traffic.theta_per_h, n_arcs=traffic.used.tail.size
        )
        yield some, load.transits


def _list_routes(
    out: tuple[Ints, Ints, Ints],
    transits: Floats,
    survival: Floats,
    ends: tuple[int, int],
    *,
    limit: int,
) -> tuple[Ints, Ints, Floats]:
    """List one trip's routes, in room that is doubled until it suffices."""
    start, leaving, head = out
    room, routes = 4 * start.size, 16
    while True:
        nodes = np.empty(room, dtype=np.int32)
        stops, shares = np.empty(routes, dtype=np.int32), np.empty(routes)
        filled, found = _walk(
            start, leaving, head, transits, survival, ends[0], ends[1], nodes, stops, shares
        )
        if filled >= 0 or found > limit:
            return nodes, stops[:found], shares[:found]
        room, routes = 2 * room, 2 * routes


@njit(cache=True)
def _walk(  # pragma: no cover
    start: Ints,
    leaving: Ints,
    head: Ints,
    transits: Floats,
    survival: Floats,
    origin: int,
    destination: int,
    nodes: Ints,
    stops: Ints,
    shares: Floats,
) -> tuple[int, int]:
    """Follow the arcs that one trip uses, depth first; −1 filled where the room is too small."""
    path = np.empty(start.size, dtype=np.int32)
    arc_at = np.empty(start.size, dtype=np.int32)  # the next to try at each step of the path
    taken, unseen = np.empty(start.size), np.empty(start.size)
    path[0], arc_at[0], taken[0], unseen[0] = origin, start[origin], 1.0, 1.0
    depth, filled, found = 0, 0, 0
    while depth >= 0:
        node = path[depth]
        if node == destination:
            if found == stops.size or filled + depth + 1 > nodes.size:
                return -1, found
            nodes[filled : filled + depth + 1] = path[: depth + 1]
            filled += depth + 1
            stops[found], shares[found] = filled, taken[depth] * unseen[depth]
            found += 1
        if node == destination or arc_at[depth] == start[node + 1]:
            depth -= 1
            continue
        arc = leaving[arc_at[depth]]
        arc_at[depth] += 1
        if transits[arc] <= 0.0:
            continue
        total = 0.0
        for i in range(start[node], start[node + 1]):
            total += transits[leaving[i]]
        share = taken[depth] * transits[arc] / total
        if share > LEAST_SHARE:
            depth += 1
            path[depth], arc_at[depth] = head[arc], start[head[arc]]
            taken[depth], unseen[depth] = share, unseen[depth - 1] * survival[arc]
    return filled, found
