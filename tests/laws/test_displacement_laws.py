"""The laws of displacement (model §8): nobody is lost, and who adapts meets no checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_networks import Case, cases

from riskmap.model.assign import check_demand
from riskmap.network.graph import arcs_of_graph
from riskmap.planning.displacement import Reaction, Rows, react
from riskmap.planning.flight import Flight, take_flight
from riskmap.planning.traffic import Traffic, Watch, hold_traffic

law = settings(max_examples=80, deadline=None)


@dataclass(frozen=True)
class Scene:
    """A case, checkpoints on it, and what its travellers do about them."""

    case: Case
    traffic: Traffic
    flight: Flight
    rows: Rows
    reaction: Reaction

    @property
    def watched(self) -> np.ndarray:
        return self.flight.watch.candidates

    @property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        return self.traffic.trips.origin[self.rows.pair], self.traffic.destinations[self.rows.pair]

    def balance(self, volume: np.ndarray) -> np.ndarray:
        """Return what leaves each node less what enters it, of trips by row."""
        start, end = self.ends
        n = self.traffic.arcs.n_nodes
        return np.bincount(start, volume, minlength=n) - np.bincount(end, volume, minlength=n)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    case = draw(cases())
    window = arcs_of_graph(case.graph)
    trips = check_demand(case.demand, window.position)
    assume(trips.volume.sum() > 0)
    traffic, position = hold_traffic(
        window.arcs,
        (trips.origin, trips.destination),
        trips.volume,
        theta_per_h=case.theta,
        hazard_aversion_h=case.kappa,
        demand=trips.total,
    )
    routed = np.isfinite(traffic.today.cost_h)[position]
    assume(routed.all())
    nodes = draw(st.permutations(range(window.arcs.n_nodes)))[: draw(st.integers(0, 3))]
    watch = Watch(np.array(nodes, dtype=np.int32), 0.5, draw(st.booleans()))
    flight = take_flight(traffic, watch, tolerance=draw(st.sampled_from([0.0, 0.25, 2.0])))
    beta = draw(st.sampled_from([0.0, 0.1, 2.0]))
    _, group = np.unique(trips.origin, return_inverse=True)
    rows = Rows(position, trips.volume, group, np.full(position.size, beta))
    return Scene(case, traffic, flight, rows, react(traffic, flight, np.arange(len(nodes)), rows))


@law
@given(scenes())
def test_nobody_is_lost(scene: Scene) -> None:
    r, rows = scene.reaction, scene.rows
    assert r.unaffected + r.round + r.elsewhere + r.stays == pytest.approx(rows.volume)
    before, after = np.bincount(rows.group, rows.volume), np.bincount(rows.group, r.after)
    assert after == pytest.approx(before)
    assert min(map(np.min, (r.unaffected, r.round, r.elsewhere, r.stays, r.arriving))) >= 0.0


@law
@given(scenes())
def test_the_arcs_carry_the_trips_that_are_left(scene: Scene) -> None:
    arcs, carried = scene.traffic.arcs, scene.reaction.transits
    out = np.bincount(arcs.tail, carried, minlength=arcs.n_nodes)
    into = np.bincount(arcs.head, carried, minlength=arcs.n_nodes)
    balance = scene.balance(scene.reaction.after)
    assert out - into == pytest.approx(balance, abs=1e-7 * max(scene.rows.volume.sum(), 1.0))


@law
@given(scenes())
def test_only_those_who_stay_meet_a_checkpoint(scene: Scene) -> None:
    arcs, reaction = scene.traffic.arcs, scene.reaction
    start, end = scene.ends
    for node in scene.watched:
        own = reaction.after[(start == node) | (end == node)].sum()
        through = reaction.transits[(arcs.tail == node) | (arcs.head == node)].sum()
        stays = reaction.stays.sum()
        if scene.flight.watch.ends_count:
            assert through <= 2 * stays * (1 + 1e-9) + 1e-9
        else:
            assert through <= 2 * stays * (1 + 1e-9) + own * (1 + 1e-9) + 1e-9


@law
@given(scenes())
def test_without_checkpoints_nothing_changes(scene: Scene) -> None:
    nobody = np.empty(0, dtype=np.int64)
    calm = react(scene.traffic, scene.flight, nobody, scene.rows)
    assert calm.unaffected == pytest.approx(scene.rows.volume)
    assert calm.after == pytest.approx(scene.rows.volume)
    assert not calm.ways
    used = calm.transits[scene.traffic.used_arc]
    assert used == pytest.approx(scene.traffic.today.transits, abs=1e-9)


@law
@given(scenes())
def test_a_way_round_keeps_within_the_tolerance(scene: Scene) -> None:
    for pair, way in scene.reaction.ways.items():
        assert scene.traffic.arcs.time_h[way].sum() <= scene.flight.limit_h[pair] * (1 + 1e-9)
        assert scene.traffic.arcs.tail[way[0]] == scene.traffic.trips.origin[pair]
        assert scene.traffic.arcs.head[way[-1]] == scene.traffic.destinations[pair]
        assert not set(scene.flight.nodes_of(way, pair)) & set(scene.watched.tolist())
