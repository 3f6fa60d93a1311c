"""Placing checkpoints on a network of arcs, by the method that is asked for (model §8).

Ids and tables are the business of `riskmap.planning.checkpoints`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Literal

from riskmap.network.arcs import Floats, Ints
from riskmap.planning.covering import solve_choice
from riskmap.planning.siting import Choice, choose_greedily, improve_by_swaps, order_by_gain
from riskmap.planning.traffic import Traffic, Watch
from riskmap.planning.ways import list_ways

Method = Literal["greedy", "exact", "evasive"]
#: Most routes to list for the exact method; with more of them, swaps with a bound stand in.
MOST_ROUTES = 300_000


@dataclass(frozen=True, slots=True)
class Placement:
    """Hold where checkpoints go and what they do.

    Attributes
    ----------
    nodes
        The nodes, in order.
    gains
        What each adds to those before it, transits a month.
    gap
        Share of the best possible that the plan may miss; 0 when proven that it misses nothing.
    """

    nodes: Ints
    gains: Floats
    gap: float


def place_for_held_routes(
    traffic: Traffic, watch: Watch, *, count: int, exact: bool, time_limit_s: float
) -> Placement:
    """Choose nodes for checkpoints that intercept most while routes stay.

    Parameters
    ----------
    traffic
        The trips on their network.
    watch
        Where checkpoints may stand and what they do.
    count
        How many; not more than there are candidates.
    exact
        Whether to look for the best choice, or to take the greedy one.
    time_limit_s
        When the exact method stops with the best that it has; the greedy choice is always made.
    """
    deadline = time.monotonic() + time_limit_s
    values = partial(traffic.values, watch)
    if not exact:
        choice, gains = choose_greedily(values, count=count)
        return Placement(watch.candidates[choice.places], gains, choice.gap)
    choice = _choose_best(traffic, watch, count=count, deadline=deadline)
    places, gains = order_by_gain(values, choice.places)
    return Placement(watch.candidates[places], gains, choice.gap)


def _choose_best(traffic: Traffic, watch: Watch, *, count: int, deadline: float) -> Choice:
    """Return the optimum, or the best of greedy, swaps and solver when time or room is up."""
    ways = list_ways(traffic, watch, limit=MOST_ROUTES, deadline=deadline)
    values = partial(traffic.values, watch) if ways is None else ways.values
    choice, _ = choose_greedily(values, count=count)
    choice = improve_by_swaps(values, choice, deadline=deadline)
    if ways is None:
        return choice
    return solve_choice(ways, choice, count=count, deadline=deadline)
