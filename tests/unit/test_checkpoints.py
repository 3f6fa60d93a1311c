"""Checkpoints on drawn networks: what is caught, what is left, and what is refused."""

from __future__ import annotations

import math
import time
from dataclasses import FrozenInstanceError

import networkx as nx
import pandas as pd
import pytest

from riskmap.errors import DemandError, PlanError
from riskmap.planning import placement
from riskmap.planning.checkpoints import CheckpointPlan, plan_checkpoints

METHODS = ["greedy", "exact", "evasive"]
INF = math.inf


def demand(*rows: tuple[object, object, float]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["origin", "destination", "transits"])


def nodes(plan: CheckpointPlan) -> list[object]:
    return plan.checkpoints["node"].tolist()


def water(*edges: tuple[object, object, float]) -> nx.Graph:
    graph = nx.Graph()
    for u, v, hours in edges:
        graph.add_edge(u, v, travel_time_h=hours)
    return graph


@pytest.fixture
def river() -> nx.Graph:
    """
    .   source - a - b - mouth        a tributary joins at b
    .                |
    .             spring
    """
    return water(("source", "a", 2.0), ("a", "b", 1.0), ("b", "mouth", 3.0), ("spring", "b", 1.0))


@pytest.fixture
def island() -> nx.Graph:
    r"""
    .        left            west - left - east 2 h, west - right - east 2.5 h
    .      1/    \1
    .    west    east - mouth
    .   1.25\    /1.25
    .        right
    """
    return water(
        ("west", "left", 1.0),
        ("left", "east", 1.0),
        ("west", "right", 1.25),
        ("right", "east", 1.25),
        ("east", "mouth", 1.0),
    )


# --- where, and what it gains --------------------------------------------------------------------
@pytest.mark.parametrize("method", METHODS)
def test_the_confluence_sees_both_waters(river: nx.Graph, method: str) -> None:
    trips = demand(("source", "mouth", 30.0), ("spring", "mouth", 20.0), ("source", "a", 5.0))
    plan = plan_checkpoints(river, trips, count=1, method=method, ends_count=False)
    assert nodes(plan) == ["b"]
    assert plan.intercepted == pytest.approx(50.0)
    assert plan.intercepted_share == pytest.approx(50.0 / 55.0)
    assert plan.gap == 0.0


@pytest.mark.parametrize("method", METHODS)
def test_ends_count_both_ways(river: nx.Graph, method: str) -> None:
    """At the mouth a checkpoint catches everything that ends there, or nothing at all."""
    trips = demand(("source", "mouth", 30.0), ("b", "mouth", 20.0))
    ends = plan_checkpoints(river, trips, count=1, method=method)
    assert nodes(ends) == ["b"]  # as good as the mouth, and earlier in the graph
    assert ends.intercepted == pytest.approx(50.0)
    inner = plan_checkpoints(river, trips, count=1, method=method, ends_count=False)
    assert inner.intercepted == pytest.approx(30.0)
    both = plan_checkpoints(
        river, trips, count=2, method=method, ends_count=False, candidates=["b", "mouth"]
    )
    assert both.intercepted == pytest.approx(30.0)


@pytest.mark.parametrize("method", ["greedy", "exact"])
def test_checkpoints_on_one_route_count_as_independent_chances(
    river: nx.Graph, method: str
) -> None:
    trips = demand(("source", "mouth", 100.0))
    plan = plan_checkpoints(river, trips, count=3, method=method, detection_probability=0.5)
    assert plan.checkpoints["gain"].tolist() == pytest.approx([50.0, 25.0, 12.5])
    assert plan.intercepted == pytest.approx(100.0 * (1 - 0.5**3))


@pytest.mark.parametrize("method", METHODS)
def test_what_is_detected_already_is_not_gained(river: nx.Graph, method: str) -> None:
    """Half of the source's traffic is seen at a, so that the smaller spring is worth more."""
    river.nodes["a"]["detection_probability"] = 0.5
    trips = demand(("source", "b", 30.0), ("spring", "b", 20.0))
    plan = plan_checkpoints(river, trips, count=1, method=method, candidates=["source", "spring"])
    assert nodes(plan) == ["spring"]
    assert plan.intercepted == pytest.approx(20.0)
    everywhere = plan_checkpoints(river, trips, count=1, method=method)
    assert everywhere.intercepted == pytest.approx(35.0)


@pytest.mark.parametrize("method", METHODS)
def test_where_all_is_detected_already_nothing_is_gained(river: nx.Graph, method: str) -> None:
    nx.set_edge_attributes(river, INF, "hazard")
    plan = plan_checkpoints(river, demand(("source", "mouth", 3.0)), count=1, method=method)
    assert plan.intercepted == 0.0
    assert plan.gap == 0.0


def test_tied_routes_share_and_both_have_to_be_watched(island: nx.Graph) -> None:
    for step in ("west", "east"):
        island.edges["right", step]["travel_time_h"] = 1.0
    trips = demand(("west", "east", 40.0))
    watched = {"candidates": ["left", "right"], "ends_count": False}
    held = plan_checkpoints(island, trips, count=1, method="exact", **watched)
    assert held.intercepted == pytest.approx(20.0)
    assert held.intercepted_if_evaded == 0.0
    round_ = plan_checkpoints(island, trips, count=1, method="evasive", **watched)
    assert round_.intercepted == 0.0
    assert round_.routes_round["route"].tolist() == [("west", "right", "east")]
    both = plan_checkpoints(island, trips, count=2, method="evasive", **watched)
    assert both.checkpoints["gain"].tolist() == pytest.approx([0.0, 40.0])
    assert both.routes_round.empty


@pytest.mark.parametrize(("tolerance", "caught"), [(0.0, 40.0), (0.2, 40.0), (0.25, 0.0)])
def test_a_way_round_serves_up_to_the_tolerance(
    island: nx.Graph, tolerance: float, caught: float
) -> None:
    """The other branch is 25 % longer: 2.5 h instead of 2 h."""
    plan = plan_checkpoints(
        island,
        demand(("west", "east", 40.0)),
        count=1,
        method="evasive",
        tolerance=tolerance,
        candidates=["left"],
    )
    assert plan.intercepted == caught
    assert plan.intercepted_if_routes_stay == pytest.approx(40.0)
    if not caught:
        (row,) = plan.routes_round.itertuples()
        assert row.route == ("west", "right", "east")
        assert row.travel_time_h == 2.5
        assert row.longer_by == pytest.approx(0.25)


def test_evasive_prefers_the_place_without_a_way_round(island: nx.Graph) -> None:
    """Most trips pass the left branch, but only at the mouth's reach is there no other way."""
    trips = demand(("west", "east", 40.0), ("east", "mouth", 30.0))
    asked = {"count": 1, "candidates": ["left", "mouth"], "tolerance": 0.5}
    held = plan_checkpoints(island, trips, method="exact", **asked)
    assert (nodes(held), held.intercepted) == (["left"], pytest.approx(40.0))
    assert held.intercepted_if_evaded == 0.0
    evasive = plan_checkpoints(island, trips, method="evasive", **asked)
    assert (nodes(evasive), evasive.intercepted) == (["mouth"], pytest.approx(30.0))


def test_the_share_is_of_all_demand_and_trips_without_water_are_not_caught() -> None:
    graph = water(("a", "b", 1.0), ("c", "d", 1.0))
    trips = demand(("a", "b", 10.0), ("a", "c", 20.0), ("d", "d", 70.0))
    for method in METHODS:
        plan = plan_checkpoints(graph, trips, count=4, method=method)
        assert plan.intercepted == pytest.approx(10.0)
        assert plan.intercepted_share == pytest.approx(0.1)
    assert plan.routes_round.empty  # no route is no way round


@pytest.mark.parametrize("method", METHODS)
def test_a_plan_has_as_many_checkpoints_as_were_asked_for(river: nx.Graph, method: str) -> None:
    plan = plan_checkpoints(river, demand(("a", "b", 1.0)), count=4, method=method)
    assert len(set(nodes(plan))) == 4
    assert plan.checkpoints["gain"].tolist() == pytest.approx([1.0, 0.0, 0.0, 0.0])
    assert plan.intercepted == pytest.approx(1.0)


def test_the_same_pair_twice_is_two_rows_and_one_trip(river: nx.Graph) -> None:
    trips = demand(("source", "a", 3.0), ("spring", "mouth", 5.0), ("source", "a", 4.0))
    trips.index = pd.Index([7, 7, 9])
    plan = plan_checkpoints(river, trips, count=1, method="evasive", candidates=["spring"])
    assert plan.routes_round["transits"].tolist() == [3.0, 4.0]
    plan = plan_checkpoints(river, trips, count=1, candidates=["source", "spring"])
    assert (nodes(plan), plan.intercepted) == (["source"], pytest.approx(7.0))


def test_any_hashable_names_a_node() -> None:
    graph = water(((0, 0), (0, 1), 1.0), ((0, 1), "mouth", 1.0))
    plan = plan_checkpoints(
        graph, demand(((0, 0), "mouth", 2.0)), count=1, method="evasive", candidates=[(0, 1)]
    )
    assert nodes(plan) == [(0, 1)]
    free = plan_checkpoints(
        graph,
        demand(((0, 0), "mouth", 2.0), ((0, 0), (0, 1), 1.0)),
        count=1,
        method="evasive",
        ends_count=False,
        candidates=[(0, 1)],
    )
    assert free.routes_round["route"].tolist() == [((0, 0), (0, 1))]


def test_nothing_that_was_given_is_changed(river: nx.Graph) -> None:
    trips = demand(("source", "mouth", 30.0))
    before, table = nx.to_dict_of_dicts(river.copy()), trips.copy()
    for method in METHODS:
        plan = plan_checkpoints(river, trips, count=2, method=method, detection_probability=0.5)
    assert nx.to_dict_of_dicts(river) == before
    pd.testing.assert_frame_equal(trips, table)
    with pytest.raises(FrozenInstanceError, match="cannot assign"):
        plan.gap = 0.0  # type: ignore[misc]


# --- costs ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", METHODS)
def test_two_cheap_places_beat_a_dear_one_that_greed_would_take(
    river: nx.Graph, method: str
) -> None:
    """The dear place gains 45 alone; the two cheap ones 25 and 35, for the same budget."""
    trips = demand(("source", "a", 35.0), ("spring", "b", 25.0), ("a", "b", 20.0))
    costs = {"spring": 3.0, "source": 3.0, "b": 6.0}
    plan = plan_checkpoints(river, trips, method=method, costs=costs, budget=6.0)
    assert set(nodes(plan)) == {"source", "spring"}
    assert plan.intercepted == pytest.approx(60.0)
    assert plan.checkpoints["cost"].tolist() == [3.0, 3.0]
    dear = plan_checkpoints(river, trips, method=method, costs={**costs, "b": 2.0}, budget=2.9)
    assert (nodes(dear), dear.intercepted) == (["b"], pytest.approx(45.0))


@pytest.mark.parametrize("method", METHODS)
def test_a_budget_is_not_spent_on_nothing(river: nx.Graph, method: str) -> None:
    costs = dict.fromkeys(river, 1.0)
    plan = plan_checkpoints(river, demand(("a", "b", 1.0)), method=method, costs=costs, budget=9.0)
    assert plan.intercepted == pytest.approx(1.0)
    assert len(plan.checkpoints) == 1


# --- limits --------------------------------------------------------------------------------------
def braid(n: int) -> nx.Graph:
    """n islands in a row: 2ⁿ routes."""
    graph = nx.Graph()
    for i in range(n):
        for side in ("l", "r"):
            graph.add_edge(i, f"{i}{side}", travel_time_h=1.0)
            graph.add_edge(f"{i}{side}", i + 1, travel_time_h=1.0)
    return graph


def test_too_many_routes_to_list_leave_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """With routes that cannot be listed, swaps stand in, and the gap says what may be missed."""
    graph = braid(6)
    trips = demand((0, 6, 10.0), (1, 4, 3.0), (2, 6, 4.0), ("3l", "5r", 2.0))
    asked = {"count": 3, "detection_probability": 0.4, "theta_per_h": 0.5, "ends_count": False}
    best = plan_checkpoints(graph, trips, method="exact", **asked)
    greedy = plan_checkpoints(graph, trips, **asked)
    monkeypatch.setattr(placement, "MOST_ROUTES", 3)
    swapped = plan_checkpoints(graph, trips, method="exact", **asked)
    assert best.gap == 0.0
    assert greedy.intercepted <= swapped.intercepted * (1 + 1e-9) <= best.intercepted * (1 + 2e-9)
    assert swapped.intercepted >= best.intercepted * (1 - swapped.gap) * (1 - 1e-9)


def test_when_time_is_up_the_best_so_far_comes_with_its_gap() -> None:
    graph = nx.grid_2d_graph(6, 6)
    for i, (_, _, data) in enumerate(graph.edges(data=True)):
        data["travel_time_h"] = 1.0 + (i * 37 % 11) / 7
    some = sorted(graph)
    trips = demand(*((some[i], some[(i * 29 + 13) % 36], 1.0 + i % 5) for i in range(36)))
    for method in ("exact", "evasive"):
        started = time.perf_counter()
        quick = plan_checkpoints(
            graph, trips, count=4, method=method, tolerance=0.3, time_limit_s=1e-3
        )
        assert time.perf_counter() - started < 30.0  # compilation included
        slow = plan_checkpoints(graph, trips, count=4, method=method, tolerance=0.3)
        assert slow.intercepted >= quick.intercepted * (1 - 1e-9)
        assert 0.0 < quick.gap < 1.0
        assert slow.intercepted <= quick.intercepted / (1 - quick.gap) * (1 + 1e-9)


def test_large_networks_are_answered_greedily(
    monkeypatch: pytest.MonkeyPatch, island: nx.Graph
) -> None:
    monkeypatch.setattr(placement, "MOST_SEARCHED", 0)
    trips = demand(("west", "east", 40.0), ("east", "mouth", 30.0))
    plan = plan_checkpoints(
        island, trips, count=2, method="evasive", candidates=["left", "right"], tolerance=1.0
    )
    assert plan.checkpoints["gain"].tolist() == pytest.approx([0.0, 40.0])


# --- what is refused -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"count": 0}, r"count: is 0, wanted a whole number, 1 or more"),
        ({"count": -2}, r"count: is -2, wanted a whole number"),
        ({"count": 1.5}, r"count: is 1\.5, wanted a whole number"),
        ({"count": True}, r"count: is True, wanted a whole number"),
        ({"count": 6}, r"count: is 6, wanted no more than there are candidates: 5"),
        (
            {"count": 2, "candidates": ["b", "b"]},
            r"count: is 2, wanted no more than there are candidates: 1",
        ),
        ({"candidates": []}, r"count: is 1, wanted no more than there are candidates: 0"),
        ({"candidates": ["b", "Lima"]}, r"candidates, node 'Lima': is not a node of the graph"),
        ({"candidates": ["spring"]}, r"no candidate is on any route"),
        ({"candidates": ["a"], "ends_count": False}, r"no candidate is on any route"),
        ({"method": "best"}, r"method: is 'best', wanted \"greedy\" or \"exact\" or \"evasive\""),
        ({"tolerance": -0.1}, r"tolerance: is -0\.1, wanted 0 or more"),
        ({"tolerance": math.nan}, r"tolerance: is nan, wanted 0 or more"),
        ({"detection_probability": 1.5}, r"detection_probability: is 1\.5, wanted 0 to 1"),
        ({"detection_probability": -0.5}, r"detection_probability: is -0\.5, wanted 0 to 1"),
        ({"detection_probability": math.nan}, r"detection_probability: is nan"),
        ({"budget": 0}, r"budget: is 0, wanted more than 0"),
        ({"budget": -5.0}, r"budget: is -5\.0, wanted more than 0"),
        ({"budget": math.nan}, r"budget: is nan, wanted more than 0"),
        ({"count": None}, r"count: is None, wanted a whole number, 1 or more"),
        ({"budget": 0.5}, r"budget: is 0\.5, wanted no less than the cheapest candidate costs: 1"),
        ({"costs": {"a": 0.0}}, r"costs, node 'a': is 0\.0, wanted more than 0"),
        ({"costs": {"a": 1.0}, "candidates": ["a", "b"]}, r"costs, node 'b': has no cost"),
        (
            {"costs": {"spring": 1.0, "b": 9.0}, "budget": 3.0},
            r"budget: is 3\.0, wanted no less than the cheapest candidate on a route costs: 9",
        ),
        ({"time_limit_s": 0}, r"time_limit_s: is 0, wanted seconds above 0"),
        ({"time_limit_s": None}, r"time_limit_s: is None, wanted seconds above 0"),
    ],
)
def test_a_plan_that_cannot_be_made_is_refused_in_one_line(
    river: nx.Graph, asked: dict[str, object], words: str
) -> None:
    trips = demand(("a", "mouth", 2.0))
    with pytest.raises(PlanError, match=words) as caught:
        plan_checkpoints(river, trips, **({"count": 1} | asked))
    assert len(str(caught.value).splitlines()) == 1


def test_every_problem_of_a_plan_is_named_at_once(river: nx.Graph) -> None:
    with pytest.raises(PlanError, match="count: is 0") as caught:
        plan_checkpoints(
            river, demand(("a", "b", 1.0)), count=0, method="x", tolerance=-1, time_limit_s=-1
        )
    assert [problem.layer for problem in caught.value.problems] == [
        "count",
        "method",
        "tolerance",
        "time_limit_s",
    ]


def test_demand_that_uses_no_water_has_no_route(river: nx.Graph) -> None:
    for rows in ([], [("a", "a", 5.0)], [("a", "b", 0.0)]):
        with pytest.raises(PlanError, match="no candidate is on any route"):
            plan_checkpoints(river, demand(*rows), count=1)


def test_a_graph_or_demand_that_cannot_be_used_is_named(river: nx.Graph) -> None:
    with pytest.raises(DemandError, match="row 0: origin 'Lima' is not a node"):
        plan_checkpoints(river, demand(("Lima", "b", 1.0)), count=1)
    with pytest.raises(DemandError, match="theta_per_h: is -1"):
        plan_checkpoints(river, demand(("a", "b", 1.0)), count=1, theta_per_h=-1.0)
