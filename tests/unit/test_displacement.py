"""Displacement on drawn waters, and in the embedded study: where they go instead."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest

import riskmap as rm
from riskmap.network.graph import arcs_of_graph
from riskmap.planning.displacement import Reaction, Rows, react
from riskmap.planning.flight import take_flight
from riskmap.planning.study_displacement import Displacement
from riskmap.planning.traffic import Watch, hold_traffic

INF = math.inf


def reaction(
    *edges: tuple[str, str, float],
    trips: list[tuple[str, str, float]],
    watched: str,
    delta: float = 0.25,
    beta: float = 0.1,
) -> Reaction:
    graph = nx.Graph()
    for u, v, hours in edges:
        graph.add_edge(u, v, travel_time_h=hours)
    window = arcs_of_graph(graph)
    at = [np.array([window.position[t[k]] for t in trips], dtype=np.int32) for k in (0, 1)]
    volume = np.array([t[2] for t in trips])
    traffic, pair = hold_traffic(
        window.arcs, (at[0], at[1]), volume, theta_per_h=INF, hazard_aversion_h=0.0, demand=100.0
    )
    watch = Watch(np.array([window.position[watched]], dtype=np.int32), 0.5, ends_count=True)
    flight = take_flight(traffic, watch, tolerance=delta)
    _, group = np.unique(at[0], return_inverse=True)
    rows = Rows(pair, volume, group, np.full(volume.size, beta))
    return react(traffic, flight, np.array([0]), rows)


def test_a_raid_moves_people_to_the_other_camp() -> None:
    """
    .    port - fork - delta          the fork's left arm is watched at its bend
    .             \\- bend - pampa
    """
    r = reaction(
        ("port", "fork", 1.0), ("fork", "delta", 2.0), ("fork", "bend", 1.0),
        ("bend", "pampa", 1.0),
        trips=[("port", "delta", 30.0), ("port", "pampa", 70.0)],
        watched="bend",
    )  # fmt: skip
    assert r.elsewhere.tolist() == [0.0, 70.0]
    assert r.arriving.tolist() == [70.0, 0.0]
    assert r.after.tolist() == [100.0, 0.0]


def test_they_choose_by_what_draws_them_today_and_how_much_longer_it_is() -> None:
    """The near camp is 1 h farther by the free arm; the far one's way is as it was."""
    r = reaction(
        ("port", "gate", 1.0), ("gate", "near", 1.0), ("port", "side", 1.5), ("side", "near", 1.5),
        ("port", "far", 9.0), ("gate", "shut", 1.0),
        trips=[("port", "near", 40.0), ("port", "far", 20.0), ("port", "shut", 12.0)],
        watched="gate", delta=0.5, beta=0.3,
    )  # fmt: skip
    assert r.round.tolist() == [40.0, 0.0, 0.0]
    assert r.hours_longer[0] == pytest.approx(1.0)
    near, far = 40.0 * math.exp(-0.3), 20.0
    assert r.arriving.tolist() == pytest.approx(
        [12.0 * near / (near + far), 12.0 * far / (near + far), 0.0]
    )
    assert r.elsewhere.tolist() == [0.0, 0.0, 12.0]


def test_who_has_no_way_and_no_other_place_stays() -> None:
    r = reaction(
        ("port", "gate", 1.0), ("gate", "camp", 1.0), trips=[("port", "camp", 5.0)], watched="gate"
    )  # fmt: skip
    assert (r.stays.tolist(), r.after.tolist()) == ([5.0], [5.0])


@pytest.fixture(scope="module")
def result() -> rm.Result:
    return rm.demo_study().run()


@pytest.fixture(scope="module")
def moved(result: rm.Result) -> Displacement:
    return result.displacement(result.plan_checkpoints(3))


@pytest.mark.slow
def test_the_tables_of_a_study_tell_one_story(result: rm.Result, moved: Displacement) -> None:
    flows = dict(moved.summary)
    kept = flows.pop("intercepted_if_displaced")
    assert sum(flows.values()) == pytest.approx(result.summary["served"])
    assert moved.destinations["change"].sum() == pytest.approx(0.0, abs=1e-6)
    assert (moved.destinations["change"] > 0).any()
    routes = moved.routes
    parts = routes[["unaffected", "round", "elsewhere", "stays"]].sum(axis=1)
    assert parts.to_numpy() == pytest.approx(routes["transits_before"].to_numpy())
    assert routes["stays"].sum() == pytest.approx(flows["stay"])
    assert routes["elsewhere"].sum() == pytest.approx(routes["arriving"].sum())
    assert 0.0 < kept < result.plan_checkpoints(3).intercepted_if_evaded
    for table in (moved.corridors, routes, moved.destinations):
        assert table.crs.to_epsg() == 4326
        assert table.geometry.notna().all()
    before = result.corridors.set_index("corridor_id")["transits"]
    known = moved.corridors[moved.corridors["corridor_id"] != ""].set_index("corridor_id")
    assert known["transits_before"].to_numpy() == pytest.approx(before[known.index].to_numpy())


@pytest.mark.slow
def test_the_evasive_plan_keeps_more_once_everybody_adapts(result: rm.Result) -> None:
    held = result.displacement(result.plan_checkpoints(3, method="exact")).summary
    evasive = result.displacement(result.plan_checkpoints(3, method="evasive")).summary
    assert evasive["intercepted_if_displaced"] > held["intercepted_if_displaced"]
