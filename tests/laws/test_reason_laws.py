"""Traffic by site, all at once, is what loading each site's trips by themselves gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from riskmap.model.demand import site_parts
from riskmap.model.reasons import End, traffic_by_site
from riskmap.model.routes import Trips, load_trips
from riskmap.network.arcs import group_by
from tests.laws.test_corridor_laws import Region, law, regions


def one_by_one(region: Region, movement: object, end: End) -> np.ndarray:
    scored = region.scored
    trips, gravity = movement.trips, movement.gravity
    to = np.repeat(trips.destination, np.diff(trips.start)).astype(np.int32)
    nodes = gravity.origin if end == "origins" else gravity.destination
    mine = trips.origin if end == "origins" else to
    ends = movement.movement
    sites = ends.origins if end == "origins" else ends.destinations
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
    beta = 0.0 if end == "origins" else ends.beta_per_h
    position, share = site_parts(sites, nodes=nodes, beta_per_h=beta)
    if not nodes.size:
        return np.zeros((n, share.size))
    return np.where(position >= 0, by_node[:, position] * share, 0.0)


@pytest.mark.parametrize("end", ["origins", "destinations"])
@settings(law, max_examples=40)
@given(region=regions())
def test_all_at_once_is_one_by_one(end: End, region: Region) -> None:
    scored = region.scored
    for movement in scored.scores.movements:
        found = traffic_by_site(
            scored.scores,
            movement,
            end=end,
            network=scored.network,
            length_km=scored.reaches.length_km,
            corridor=scored.chains.corridor,
        )
        truth = one_by_one(region, movement, end)
        np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-12 * truth.max(initial=1.0))
