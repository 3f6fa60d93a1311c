"""Placing checkpoints on a network of arcs, by the method that is asked for (model §8).

Ids and tables are the business of `riskmap.planning.checkpoints`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from riskmap.network.arcs import Floats
from riskmap.planning.covering import solve_choice
from riskmap.planning.evasion import chase, chase_by_swaps, solve_evasive
from riskmap.planning.flight import Flight
from riskmap.planning.means import Means
from riskmap.planning.siting import Choice, choose_greedily, improve_by_swaps, order_by_gain
from riskmap.planning.traffic import Places, Traffic, Watch
from riskmap.planning.ways import list_ways

Method = Literal["greedy", "exact", "evasive"]
#: Most routes to list for the exact method; with more of them, swaps with a bound stand in.
MOST_ROUTES = 300_000
#: Trips × nodes up to which ways round are cut one by one; beyond it the greedy choice stands.
MOST_SEARCHED = 20_000_000


@dataclass(frozen=True, slots=True)
class Placement:
    """Hold where checkpoints go and what they do.

    Attributes
    ----------
    places
        The positions of the chosen nodes among the candidates, in order.
    gains
        What each adds to those before it, transits a month.
    held, evaded
        What the nodes intercept while routes stay, and of trips that have no way round.
    gap
        Share of the best possible that the plan may miss; 0 when proven that it misses nothing.
    """

    places: Places
    gains: Floats
    held: float
    evaded: float
    gap: float


def place_for_held_routes(
    traffic: Traffic, flight: Flight, *, means: Means, exact: bool, time_limit_s: float
) -> Placement:
    """Choose nodes for checkpoints that intercept most while routes stay.

    Parameters
    ----------
    traffic
        The trips on their network.
    flight
        The same trips, looking for ways round: only to say what they would leave of the plan.
    means
        What may be spent.
    exact
        Whether to look for the best choice, or to take the greedy one.
    time_limit_s
        When the exact method stops with the best that it has; the greedy choice is always made.
    """
    deadline = time.monotonic() + time_limit_s
    values = partial(traffic.values, flight.watch)
    if exact:
        choice = _choose_best(traffic, flight.watch, means=means, deadline=deadline)
        places, gains = order_by_gain(values, choice.places)
    else:
        choice, gains = choose_greedily(values, means=means)
        places = choice.places
    held = float(gains.sum())
    return Placement(places, gains, held, flight.value(places), choice.gap)


def place_for_flight(
    traffic: Traffic, flight: Flight, *, means: Means, time_limit_s: float
) -> Placement:
    """Choose nodes for checkpoints that leave most trips no way round.

    Parameters
    ----------
    traffic
        The trips on their network.
    flight
        The same trips, looking for ways round.
    means
        What may be spent.
    time_limit_s
        When to stop with the best so far.
    """
    deadline = time.monotonic() + time_limit_s
    start = _start_of_chase(traffic, flight, means=means)
    choice = chase_by_swaps(flight, start, means=means, deadline=deadline)
    if flight.worth.size * traffic.arcs.n_nodes <= MOST_SEARCHED:
        choice = solve_evasive(flight, choice, means=means, deadline=deadline)
    _, today = traffic.values(flight.watch, choice.places[:0])
    places = choice.places[np.argsort(-today[choice.places], kind="stable")]
    caught = [flight.value(places[:n]) for n in range(places.size + 1)]
    held, _ = traffic.values(flight.watch, places)
    return Placement(places, np.diff(caught), held, caught[-1], choice.gap)


def _start_of_chase(traffic: Traffic, flight: Flight, *, means: Means) -> Choice:
    """Return the better of two greedy choices: by the ways that are left, and as if none were."""
    chased = chase(flight, means=means)
    held, _ = choose_greedily(partial(traffic.values, flight.watch), means=means)
    # On least routes alone, whoever has no way round meets a checkpoint on the way of today.
    bound = min(chased.bound, held.bound) if np.isinf(traffic.theta_per_h) else chased.bound
    value = flight.value(held.places)
    if value > chased.value:
        return Choice(held.places, value, bound)
    return Choice(chased.places, chased.value, max(bound, chased.value))


def _choose_best(traffic: Traffic, watch: Watch, *, means: Means, deadline: float) -> Choice:
    """Return the optimum, or the best of greedy, swaps and solver when time or room is up."""
    # Half of the time at most: swaps have to do where routes cannot be listed.
    listing = 0.5 * (time.monotonic() + deadline)
    ways = list_ways(traffic, watch, limit=MOST_ROUTES, deadline=listing)
    values = partial(traffic.values, watch) if ways is None else ways.values
    choice, _ = choose_greedily(values, means=means)
    choice = improve_by_swaps(values, choice, means=means, deadline=deadline)
    if ways is None:
        return choice
    return solve_choice(ways, choice, means=means, deadline=deadline)
