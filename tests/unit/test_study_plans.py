"""Plans for the embedded study: the same answers as on its graph, with places and names."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import PlanError
from riskmap.planning.checkpoints import plan_checkpoints
from riskmap.planning.request import Request
from riskmap.planning.study_plans import plan_study_checkpoints, plan_study_hours

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def result() -> rm.Result:
    return rm.demo_study().run()


def trips(result: rm.Result) -> pd.DataFrame:
    rows = [
        (origin, destination, volume)
        for m in result.outcome.scored.scores.movements
        for k, destination in enumerate(m.trips.destination)
        for origin, volume in zip(
            m.trips.origin[m.trips.start[k] : m.trips.start[k + 1]],
            m.trips.volume[m.trips.start[k] : m.trips.start[k + 1]],
            strict=True,
        )
    ]
    return pd.DataFrame(rows, columns=["origin", "destination", "transits"])


def graph_with_checkpoints(result: rm.Result) -> nx.MultiDiGraph:
    """Give the nodes their checkpoints, which the graph's arcs have in their hazard."""
    graph = result.graph.copy()
    passed = result.outcome.scored.network.arcs.end_survival
    for u, _, data in graph.edges(data=True):
        data["hazard"] = max(data["hazard"] + math.log(passed[u]), 0.0)
    nx.set_node_attributes(graph, dict(enumerate(1.0 - passed)), "detection_probability")
    return graph


@pytest.mark.parametrize("method", ["greedy", "exact", "evasive"])
def test_a_study_is_planned_as_its_graph_is(result: rm.Result, method: str) -> None:
    routes = result.outcome.settings.routes
    mine = plan_study_checkpoints(result.outcome, Request(count=3, method=method, tolerance=0.25))
    other = plan_checkpoints(
        graph_with_checkpoints(result),
        trips(result),
        count=3,
        method=method,
        tolerance=0.25,
        theta_per_h=routes.theta_per_h,
        hazard_aversion_h=routes.hazard_aversion_h,
    )
    assert mine.intercepted == pytest.approx(other.intercepted, rel=1e-9)
    assert mine.intercepted_share == pytest.approx(mine.intercepted / result.summary["demand"])
    assert mine.gap <= other.gap + 1e-9


def test_checkpoints_have_a_place_and_a_name(result: rm.Result) -> None:
    plan = plan_study_checkpoints(result.outcome, Request(count=3))
    table = plan.checkpoints
    columns = [
        "node", "gain", "place", "nearest_settlement", "settlement_km", "waterway", "corridor_id",
        "geometry",
    ]  # fmt: skip
    assert (list(table.columns), table.crs.to_epsg()) == (columns, 4326)
    for row in table.itertuples():
        data = result.graph.nodes[row.node]
        assert (row.geometry.x, row.geometry.y) == (data["x"], data["y"])
        assert row.corridor_id in set(result.corridors["corridor_id"])
    undetected = result.summary["undetected"]
    assert 0.0 < plan.intercepted <= undetected


def test_the_first_hour_is_worth_what_the_reaches_say(result: rm.Result) -> None:
    """A thousandth of an hour gains by the derivative of the best reach that a post covers."""
    scored = result.outcome.scored
    standard = result.outcome.settings.patrol.standard_speed_kmh
    post = np.repeat(np.arange(scored.posts.node.size), np.diff(scored.patrols.post_start))
    strength = (scored.posts.effectiveness * scored.posts.speed_kmh)[post] / standard
    value = scored.by_reach.interceptions_per_100_patrol_hours[scored.patrols.post_reach]
    plan = plan_study_hours(result.outcome, patrol_hours=1e-3)
    assert plan.intercepted * 1e5 == pytest.approx((strength * value).max(), rel=1e-4)


def test_two_hundred_hours_are_shared_whole(result: rm.Result) -> None:
    plan = plan_study_hours(result.outcome, patrol_hours=200.0)
    assert plan.hours["hours"].sum() == pytest.approx(200.0)
    assert plan.gap < 1e-3
    names = set(result.outcome.layers.tables["police_posts"]["name"])
    assert set(plan.hours["post"]) <= names
    more = plan_study_hours(result.outcome, patrol_hours=1000.0)
    assert plan.intercepted < more.intercepted < 5.0 * plan.intercepted * (1 + 1e-9)
    assert more.gap < 1e-3


def test_no_hours_are_refused(result: rm.Result) -> None:
    with pytest.raises(PlanError, match=r"patrol_hours: is 0\.0, wanted finite hours above 0"):
        plan_study_hours(result.outcome, patrol_hours=0.0)
