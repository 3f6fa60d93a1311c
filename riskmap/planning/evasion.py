"""The evasive plan: places that leave most trips no way round (model §8).

The program has a cut for each way round that was found: the trip counts only if that way, too, has
a checkpoint (Arslan, Jabali and Laporte 2018). Cuts are made where the last choice leaves a way,
so routes are never listed, and when none is left the program's optimum is the true one. What
travellers find is for `riskmap.planning.flight`.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, milp

from riskmap.network.arcs import Floats
from riskmap.planning.covering import SCALE
from riskmap.planning.flight import Flight
from riskmap.planning.means import Means
from riskmap.planning.siting import WORTHWHILE, Choice, first_best
from riskmap.planning.traffic import Places

#: Checkpoints at one of these candidates stop one way.
Cut = tuple[int, ...]
_NONE = np.empty(0, dtype=np.int64)


def chase(flight: Flight, *, means: Means) -> Choice:
    """Put each checkpoint where most of the trips that are still free would pass next.

    Parameters
    ----------
    flight
        The trips.
    means
        What may be spent. Without a budget the first candidates fill up where nothing is left to
        stop; with one, the better of two chases is kept: by trips, and by trips for their cost.
    """
    everyone = float(flight.worth.sum())
    chosen = [_extend(flight, _NONE, means=means)]
    if means.priced:
        chosen.append(_extend(flight, _NONE, means=means, by_price=True))
    values = [flight.value(places) for places in chosen]
    best = int(np.argmax(values))
    return Choice(chosen[best], values[best], everyone)


def _extend(flight: Flight, places: Places, *, means: Means, by_price: bool = False) -> Places:
    while (free := means.open(places)).any():
        pressure = flight.pressure(places)
        worth = np.where(free, pressure / means.cost if by_price else pressure, -np.inf)
        best = first_best(worth)
        if means.priced and worth[best] <= 0.0:
            break
        places = np.append(places, best)
    return places


def chase_by_swaps(flight: Flight, choice: Choice, *, means: Means, deadline: float) -> Choice:
    """Move one place at a time to where most free trips would pass, while that catches more."""
    moved = True
    while moved:
        moved = False
        for place in choice.places:
            if time.monotonic() >= deadline:
                return choice
            others = choice.places[choice.places != place]
            pressure = np.where(means.open(others), flight.pressure(others), -np.inf)
            places = np.append(others, first_best(pressure))
            if means.priced:
                places = _extend(flight, places, means=means)
            value = flight.value(places)
            if value > choice.value * (1.0 + WORTHWHILE):
                choice = replace(choice, places=places, value=value)
                moved = True
    return choice


def solve_evasive(flight: Flight, start: Choice, *, means: Means, deadline: float) -> Choice:
    """Choose the places that catch most, with a proof or with the gap that is left.

    Parameters
    ----------
    flight
        The trips.
    start
        A choice to beat.
    means
        What may be spent.
    deadline
        Time by `time.monotonic` at which to stop.
    """
    best = start
    cuts: list[set[Cut]] = [set() for _ in flight.worth]
    everyone = np.flatnonzero(flight.worth > 0.0)
    for places in (np.empty(0, dtype=np.int64), start.places):
        _cut_ways(flight, cuts, places, everyone, deadline=deadline)
    while best.gap > 0.0 and time.monotonic() < deadline:
        step = _solve_cuts(flight, cuts, means=means, deadline=deadline)
        if not means.keeps(step.places):  # by the solver's tolerance, a millionth of the budget
            break
        value = flight.value(step.places)
        if value > best.value:
            best = replace(best, places=step.places, value=value)
        open_ways = _cut_ways(flight, cuts, step.places, step.claimed, deadline=deadline)
        # With no way left to cut, what the program claims is what its choice catches.
        proven = step.optimal and not open_ways
        bound = value if proven else min(best.bound, step.bound)
        best = replace(best, bound=max(bound, best.value))
        if not open_ways:
            break
    return best


@dataclass(frozen=True, slots=True)
class _Step:
    """Hold what the program answers: places, the trips it counts, and its bound."""

    places: Places
    claimed: Places
    bound: float
    optimal: bool


def _cut_ways(
    flight: Flight, cuts: list[set[Cut]], places: Places, trips: Places, *, deadline: float
) -> bool:
    """Add a cut for each way that some trips are left; tell whether there was any.

    Beside each trip's best way come, while there is time, others that avoid its candidates too.
    """
    place = np.full(flight.waters.start.size - 1, -1, dtype=np.int64)
    place[flight.watch.candidates] = np.arange(flight.watch.candidates.size)
    found = False
    for trip, way in zip(trips, flight.ways(places, trips), strict=True):
        closed, size = places, -1
        while way.size and len(cuts[trip]) > size:
            found = True
            size = len(cuts[trip])
            seen = place[flight.nodes_of(way, trip)]
            cuts[trip].add(tuple(np.sort(seen[seen >= 0]).tolist()))
            if time.monotonic() > deadline:
                break
            inner = place[flight.waters.head[way[:-1]]]
            closed = np.concatenate([closed, inner[inner >= 0]])
            (way,) = flight.ways(closed, np.array([trip]))
    return found


def _solve_cuts(flight: Flight, cuts: list[set[Cut]], *, means: Means, deadline: float) -> _Step:
    """Solve the program with the cuts that there are."""
    members: dict[frozenset[Cut], list[int]] = {}
    for trip in np.flatnonzero(flight.worth > 0.0):
        if () not in cuts[trip]:  # a way without any candidate stays open
            members.setdefault(frozenset(cuts[trip]), []).append(int(trip))
    worth = np.array([flight.worth[trips].sum() for trips in members.values()])
    n_places = flight.watch.candidates.size
    if not worth.size:
        return _Step(np.arange(0 if means.priced else means.count), _NONE, 0.0, optimal=True)
    scale = SCALE / worth.sum()
    result = milp(
        np.concatenate([np.zeros(n_places), -scale * worth]),
        integrality=np.concatenate([np.ones(n_places), np.zeros(worth.size)]),
        bounds=Bounds(0.0, 1.0),
        constraints=_rows(list(members), means),
        options={"time_limit": max(deadline - time.monotonic(), 0.01), "mip_rel_gap": 0.0},
    )
    dual = result.mip_dual_bound
    bound = float(worth.sum()) if dual is None or not np.isfinite(dual) else -dual / scale
    amounts = np.zeros(n_places) if result.x is None else result.x[:n_places]
    claims = np.zeros(worth.size) if result.x is None else result.x[n_places:]
    counted = [trips for trips, z in zip(members.values(), claims, strict=True) if z > 0.5]
    return _Step(
        _taken(amounts, means),
        np.array(list(itertools.chain.from_iterable(counted)), dtype=np.int64),
        bound,
        optimal=result.status == 0,
    )


def _taken(amounts: Floats, means: Means) -> Places:
    """Return the places that are chosen; without a budget the first others fill up."""
    whole = np.round(amounts)
    most = int(whole.sum()) if means.priced else means.count
    return np.argsort(-whole, kind="stable")[:most]


def _rows(ways: list[frozenset[Cut]], means: Means) -> list[LinearConstraint]:
    """Let a group of trips count only if each way has a checkpoint, and spend no more than all."""
    n_places = means.cost.size
    group = [g for g, cuts in enumerate(ways) for _ in cuts]
    cuts = [cut for some in ways for cut in sorted(some)]
    row = np.repeat(np.arange(len(cuts)), [len(cut) for cut in cuts])
    column = np.concatenate([np.array(cut, dtype=np.int64) for cut in cuts])
    stops = sp.csr_array((np.full(row.size, -1.0), (row, column)), shape=(len(cuts), n_places))
    counts = sp.csr_array(
        (np.ones(len(cuts)), (np.arange(len(cuts)), group)), shape=(len(cuts), len(ways))
    )
    rows = [LinearConstraint(sp.hstack([stops, counts], format="csr"), -np.inf, 0.0)]
    sums = [(np.ones(n_places), float(means.count))]
    if means.priced:
        sums.append((means.cost / means.budget, 1.0))
    for amounts, most in sums:
        row = np.concatenate([amounts, np.zeros(len(ways))])
        rows.append(LinearConstraint(sp.csr_array(row[None, :]), -np.inf, most))
    return rows
