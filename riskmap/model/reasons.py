"""Reasons: where a corridor's traffic comes from and goes to (model §6).

Traffic here is a corridor's transits weighted by the length of its reaches. It is told apart by
loading each origin's, and each destination's, trips by themselves.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from riskmap.model.demand import site_parts
from riskmap.model.routes import Trips, load_trips
from riskmap.model.scores import MovementScore, Scores
from riskmap.network.arcs import Floats, Ints, group_by
from riskmap.network.travel import ReachArcs

End = Literal["origins", "destinations"]


def traffic_by_site(
    scores: Scores,
    movement: MovementScore,
    *,
    end: End,
    network: ReachArcs,
    length_km: Floats,
    corridor: Ints,
) -> Floats:
    """Return the traffic of each corridor by site of one end of a movement.

    Parameters
    ----------
    scores, movement
        The scores, and the movement of them that is asked about.
    end
        Which of its ends.
    network
        The arcs that were scored.
    length_km
        Length of each reach.
    corridor
        Corridor of each reach, −1 for none.

    Returns
    -------
    array, shape (n_corridors, n_sites)
        Transits · km a month; the sites of both ends add up to the same.
    """
    trips, gravity = movement.trips, movement.gravity
    sites = movement.movement.origins if end == "origins" else movement.movement.destinations
    nodes = gravity.origin if end == "origins" else gravity.destination
    beta = 0.0 if end == "origins" else movement.movement.beta_per_h
    to = np.repeat(trips.destination, np.diff(trips.start)).astype(np.int32)
    group = np.searchsorted(nodes, trips.origin if end == "origins" else to)
    n_corridors = int(corridor.max(initial=-1)) + 1
    by_node = np.zeros((n_corridors, nodes.size))
    weight = np.where(corridor[network.reach] >= 0, length_km[network.reach], 0.0)
    column = corridor[network.reach].clip(0)
    for k in np.unique(group):
        part = _trips_of(trips, to, group == k)
        flow = load_trips(
            scores.links, part, theta_per_h=scores.theta_per_h, n_arcs=weight.size
        ).transits
        by_node[:, k] = np.bincount(column, flow * weight, minlength=n_corridors)
    position, share = site_parts(sites, nodes=nodes, beta_per_h=beta)
    if not nodes.size:
        return np.zeros((n_corridors, share.size))
    return np.where(position >= 0, by_node[:, position] * share, 0.0)


def _trips_of(trips: Trips, to: Ints, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Trips:
    """Return some of the trips, grouped by destination again."""
    destination, group = np.unique(to[chosen], return_inverse=True)
    start, order = group_by(group, destination.size)
    return Trips(destination, start, trips.origin[chosen][order], trips.volume[chosen][order])
