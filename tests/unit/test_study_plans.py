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
from riskmap.planning.study_hours import StudyHours, plan_study_hours
from riskmap.planning.study_plans import plan_study_checkpoints, study_traffic
from riskmap.planning.traffic import load_patrolled

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


@pytest.fixture(scope="module")
def hours(result: rm.Result) -> StudyHours:
    return result.plan_patrol_hours(200.0)


def test_whole_patrols_are_round_trips_within_range_and_lose_what_they_say(
    result: rm.Result, hours: StudyHours
) -> None:
    table, scored = hours.patrols, result.outcome.scored
    assert (table["patrols_per_month"] * table["hours_each"]).sum() == 200.0
    assert (table["travel_hours"] <= table["hours_each"]).all()
    posts = result.outcome.layers.tables["police_posts"]
    for row in table.itertuples():
        place = posts.index.get_loc(posts.index[posts["name"] == row.post][0])
        at = np.flatnonzero(scored.posts.row == place)[0]
        assert row.travel_hours <= 2.0 * scored.posts.range_h[at] * (1 + 1e-9)
        speed = scored.posts.speed_kmh[at]
        ashore = 2.0 * scored.posts.access_h[at]
        assert row.travel_hours <= 2.0 * row.distance_km / speed + ashore + 1e-9
    assert 0.0 < hours.patrols_intercepted <= hours.intercepted / (1 - hours.gap) * (1 + 1e-9)
    assert hours.patrols_loss == pytest.approx(1 - hours.patrols_intercepted / hours.intercepted)


def test_what_whole_patrols_detect_is_what_a_scored_network_says(
    result: rm.Result, hours: StudyHours
) -> None:
    """Their hours by reach, worked out from the table alone, as hazard on the network."""
    scored, settings = result.outcome.scored, result.outcome.settings
    more = np.zeros(scored.network.reach.size)
    lines = result.reaches.geometry.to_numpy()
    number = {line.wkb: k for k, line in enumerate(lines)}
    for row in hours.patrols.itertuples():
        way = [number[part.wkb] for part in row.geometry.geoms]
        names = result.outcome.layers.tables["police_posts"]["name"]
        at = [str(names.loc[k]) for k in scored.posts.row].index(row.post)
        speed, effect = scored.posts.speed_kmh[at], scored.posts.effectiveness[at]
        spent = 2.0 * scored.reaches.length_km[way] / speed
        spent[-1] = row.hours_each - spent[:-1].sum() - 2.0 * scored.posts.access_h[at]
        for reach, each in zip(way, spent, strict=True):
            arcs = scored.network.reach == reach
            slow = scored.network.arcs.time_h[arcs] / scored.reaches.length_km[reach]
            meeting = settings.patrol.detection_per_meeting / settings.patrol.period_h
            more[arcs] += meeting * effect * speed * slow * each * row.patrols_per_month
    traffic, _ = study_traffic(result.outcome)
    load = load_patrolled(traffic, more[traffic.used_arc])
    gained = (traffic.trips.volume * (traffic.today.survival - load.survival)).sum()
    assert hours.patrols_intercepted == pytest.approx(gained, rel=1e-6)


def test_the_mean_of_the_schedule_is_the_optimum(result: rm.Result) -> None:
    """Over many seeds each post and corridor gets its hours; a month misses less than a patrol."""
    plans = [result.plan_patrol_hours(900.0, weeks=4, seed=seed) for seed in range(3)]
    optimum = plans[0].hours.groupby(["post", "corridor_id"])["hours"].sum()
    month = 28.0 / 30.0
    for plan in plans:
        drawn = plan.schedule.groupby(["post", "corridor_id"])["hours"].sum()
        assert set(drawn.index) <= set(optimum.index)
        assert abs(drawn.sum() - 900.0 * month) < 8.0
        weekly = plan.schedule.groupby(["post", "corridor_id", "week"])["hours"].sum()
        due = optimum * 7.0 / 30.0
        for key, spent in weekly.items():
            assert abs(spent - due[key[:2]]) < 8.0
    again = result.plan_patrol_hours(900.0, seed=0).schedule
    assert again.drop(columns="geometry").equals(plans[0].schedule.drop(columns="geometry"))
    assert not plans[0].schedule["day"].equals(plans[1].schedule["day"])


def test_a_patrol_longer_than_a_day_is_refused(result: rm.Result) -> None:
    for length in (0.0, -1.0, 25.0, math.nan):
        with pytest.raises(PlanError, match=r"patrol_length_h: is .*, wanted hours above 0"):
            result.plan_patrol_hours(100.0, patrol_length_h=length)
    with pytest.raises(PlanError, match="weeks: is 0, wanted 1 or more"):
        result.plan_patrol_hours(100.0, weeks=0)
    few = result.plan_patrol_hours(5.0)
    assert few.patrols.empty
    assert few.patrols_loss == 1.0
