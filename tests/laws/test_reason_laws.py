"""Who a corridor's traffic comes from, against loading each node's trips by themselves."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings

from riskmap.model.descent import Parts, descend
from riskmap.model.reasons import End, walks_to_reasons
from riskmap.model.routes import Trips, load_trips
from riskmap.model.scores import MovementScore
from riskmap.network.arcs import group_by
from tests.laws.test_corridor_laws import Region, law, regions


def one_by_one(region: Region, movement: MovementScore, end: End) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes, and the traffic of each corridor by node, from each node's trips alone."""
    scored = region.scored
    trips, gravity = movement.trips, movement.gravity
    to = np.repeat(trips.destination, np.diff(trips.start)).astype(np.int32)
    nodes = gravity.origin if end == "origins" else gravity.destination
    mine = trips.origin if end == "origins" else to
    corridor, km = scored.chains.corridor[scored.network.reach], scored.reaches.length_km
    on = corridor >= 0
    n = int(scored.chains.corridor.max(initial=-1)) + 1
    by_node = np.zeros((n, nodes.size))
    for k, node in enumerate(nodes):
        chosen = mine == node
        destination, group = np.unique(to[chosen], return_inverse=True)
        start, order = group_by(group, destination.size)
        part = Trips(destination, start, trips.origin[chosen][order], trips.volume[chosen][order])
        flow = load_trips(
            scored.scores.links, part, theta_per_h=scored.scores.theta_per_h, n_arcs=corridor.size
        ).transits
        amount = (flow * km[scored.network.reach])[on]
        by_node[:, k] = np.bincount(corridor[on], amount, minlength=n)
    return nodes, by_node


@settings(law, max_examples=60)
@given(region=regions())
def test_who_comes_is_found_without_following_all_trips(region: Region) -> None:
    scored = region.scored
    corridor = scored.chains.corridor[scored.network.reach]
    km = scored.reaches.length_km[scored.network.reach]
    n, movements = scored.reaches.node_xy.shape[0], scored.scores.movements
    assume(corridor.max(initial=-1) >= 0)
    walks = walks_to_reasons(scored.scores, corridor=corridor, km=km)
    for end, walk in walks.items():
        truth = np.zeros((corridor.max() + 1, n))
        for movement in movements:
            nodes, by_node = one_by_one(region, movement, end)
            truth[:, nodes] += by_node
        place = scored.scores.water.forest.place
        start, key = group_by(place, n)
        found = np.zeros_like(truth)
        everything = np.full(truth.shape[0], -np.inf)
        parts = Parts(start, key, np.ones((n, len(movements))))
        descend(walk, parts, least=everything, first=0, table=found)
        np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-12 * truth.max(initial=1.0))
