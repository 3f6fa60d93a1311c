"""Patrol hours on drawn networks: where they go, what they gain, and what is refused."""

from __future__ import annotations

import math

import networkx as nx
import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import PlanError


def water(*edges: tuple[str, str, float, float]) -> nx.Graph:
    graph = nx.Graph()
    for u, v, hours, km in edges:
        graph.add_edge(u, v, travel_time_h=hours, length_km=km)
    return graph


def demand(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["origin", "destination", "transits"])


@pytest.fixture
def river() -> nx.Graph:
    """source - a - b - mouth, 10 km and 1 h each."""
    return water(("source", "a", 1.0, 10.0), ("a", "b", 1.0, 10.0), ("b", "mouth", 1.0, 10.0))


def test_hours_on_one_edge_detect_by_the_formula(river: nx.Graph) -> None:
    """ε/P · v_p/v_a · B = 0.5/720 · 25/10 · 72 = 0.125 of hazard."""
    plan = rm.plan_patrol_hours(river, demand(("source", "a", 100.0)), hours=72.0)
    (row,) = plan.hours.itertuples()
    assert (row.u, row.v, row.key, row.hours) == ("source", "a", 0, 72.0)
    assert plan.intercepted == pytest.approx(100.0 * -math.expm1(-0.125))
    assert plan.intercepted_share == pytest.approx(-math.expm1(-0.125))
    assert plan.gap < 1e-3


def test_hours_stay_within_a_posts_range(river: nx.Graph) -> None:
    """At 20 km/h the post at b reaches a and the mouth, and nothing beyond, in half an hour."""
    trips = demand(("source", "a", 1000.0), ("a", "b", 10.0), ("b", "mouth", 10.0))
    posts = pd.DataFrame({"node": ["b"], "range_h": [0.5], "speed_kmh": [20.0]})
    plan = rm.plan_patrol_hours(river, trips, hours=100.0, posts=posts)
    assert set(plan.hours["u"]) | set(plan.hours["v"]) == {"a", "b", "mouth"}
    assert plan.hours["hours"].tolist() == pytest.approx([50.0, 50.0], rel=0.01)
    anywhere = rm.plan_patrol_hours(river, trips, hours=100.0)
    assert anywhere.hours.iloc[0][["u", "v"]].tolist() == ["source", "a"]
    assert anywhere.intercepted > plan.intercepted


def test_an_effective_post_is_worth_its_hours(river: nx.Graph) -> None:
    posts = pd.DataFrame({"node": ["a", "b"], "effectiveness": [0.2, 0.8]})
    trips = demand(("source", "mouth", 100.0))
    plan = rm.plan_patrol_hours(river, trips, hours=90.0, posts=posts)
    assert set(plan.hours["post"]) == {1}
    assert plan.intercepted == pytest.approx(100.0 * -math.expm1(-0.5 / 720 * 0.8 * 2.5 * 90.0))


def test_a_directed_pair_is_one_edge() -> None:
    graph = nx.MultiDiGraph()
    graph.add_edge("a", "b", key=5, travel_time_h=1.0, length_km=16.0)
    graph.add_edge("b", "a", key=5, travel_time_h=2.0, length_km=16.0)
    trips = demand(("a", "b", 10.0), ("b", "a", 10.0))
    plan = rm.plan_patrol_hours(graph, trips, hours=30.0)
    assert plan.hours[["u", "v", "key", "hours"]].values.tolist() == [["a", "b", 5, 30.0]]
    slow, fast = (0.5 / 720 * 25.0 / v * 30.0 for v in (8.0, 16.0))
    assert plan.intercepted == pytest.approx(-10.0 * (math.expm1(-slow) + math.expm1(-fast)))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"hours": 0}, r"patrol_hours: is 0, wanted finite hours above 0"),
        ({"hours": -3.0}, r"patrol_hours: is -3\.0"),
        ({"period_h": 0.0}, r"period_h: is 0\.0, wanted finite hours above 0"),
        ({"detection_per_meeting": 2.0}, r"detection_per_meeting: is 2\.0, wanted 0 to 1"),
        ({"posts": pd.DataFrame({"node": ["Lima"]})}, r"row 0: node 'Lima' is not a node"),
        ({"posts": pd.DataFrame({"x": [1]})}, r"posts: has no column node"),
        ({"posts": pd.DataFrame({"node": []})}, r"posts: has no rows"),
        (
            {"posts": pd.DataFrame({"node": ["a"], "effectiveness": [1.5]})},
            r"row 0: effectiveness is .*1\.5.*, wanted 0 to 1",
        ),
        (
            {"posts": pd.DataFrame({"node": ["mouth"], "range_h": [0.0]})},
            r"no post covers water that carries undetected transits",
        ),
    ],
)
def test_hours_that_cannot_be_shared_are_refused_in_one_line(
    river: nx.Graph, asked: dict[str, object], words: str
) -> None:
    with pytest.raises(PlanError, match=words) as caught:
        rm.plan_patrol_hours(river, demand(("source", "a", 5.0)), **({"hours": 10.0} | asked))
    assert len(str(caught.value).splitlines()) == 1


def test_an_edge_without_a_length_is_named_once(river: nx.Graph) -> None:
    del river.edges["a", "b"]["length_km"]
    with pytest.raises(PlanError, match=r"edge 'a' – 'b': length_km is None, wanted finite km"):
        rm.plan_patrol_hours(river, demand(("source", "a", 5.0)), hours=10.0)
