"""The laws of patrol hours (model §8) on small random networks, against routes listed one by one.

Hours are shared over some reaches of a case; the oracle counts what they detect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import oracle
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_networks import Case, cases

from riskmap.errors import PlanError
from riskmap.model.assign import check_demand
from riskmap.model.patrol import Patrols, Posts
from riskmap.network.graph import arcs_of_graph
from riskmap.planning.patrol_hours import Beats, HoursPlan, find_beats, share_hours
from riskmap.planning.traffic import Traffic, hold_traffic

law = settings(max_examples=60, deadline=None)
EPSILON, PERIOD_H = 0.5, 720.0


@dataclass(frozen=True)
class Station:
    """A case whose edges are reaches of 1 km, and posts that cover some of them."""

    case: Case
    traffic: Traffic
    beats: Beats
    posts: Posts
    covers: tuple[tuple[int, ...], ...]
    edge: np.ndarray
    hours: float

    def plan(self) -> HoursPlan:
        return share_hours(self.traffic, self.beats, hours=self.hours)

    def detected(self, amounts: dict[tuple[int, int], float]) -> float:
        """Return what is detected with hours by (post, reach), every route listed."""
        arcs = oracle.read_arcs(self.case.graph)
        by_edge: dict[int, list[int]] = {}
        window = arcs_of_graph(self.case.graph)
        names = zip(window.tail, window.head, window.key, strict=True)
        for name, reach in zip(names, self.edge, strict=True):
            by_edge.setdefault(reach, []).append(name)
        extra: dict[oracle.ArcId, float] = {}
        for (post, reach), hours in amounts.items():
            strength = self.posts.effectiveness[post] * self.posts.speed_kmh[post]
            for arc in arcs:
                if arc.id in by_edge[reach]:
                    slow = float(arc.hours) / 1.0
                    more = EPSILON / PERIOD_H * strength * slow * hours
                    extra[arc.id] = extra.get(arc.id, 0.0) + more
        trips = [trip for trip in self.case.trips if trip[0] != trip[1]]
        return oracle.detected_total(
            self.case.graph, trips, theta=self.case.theta, kappa=self.case.kappa, extra=extra
        )


@st.composite
def stations(draw: st.DrawFn) -> Station:
    case = draw(cases(loops=False))
    window = arcs_of_graph(case.graph)
    trips = check_demand(case.demand, window.position)
    assume(trips.volume.sum() > 0)
    traffic, _ = hold_traffic(
        window.arcs,
        (trips.origin, trips.destination),
        trips.volume,
        theta_per_h=case.theta,
        hazard_aversion_h=case.kappa,
        demand=trips.total,
    )
    n_reaches = int(window.arcs.edge.max()) + 1
    reach = st.integers(0, n_reaches - 1)
    covers = tuple(
        tuple(sorted(draw(st.sets(reach, min_size=1)))) for _ in range(draw(st.integers(1, 3)))
    )
    n = len(covers)
    speeds = np.array(draw(st.lists(st.sampled_from([10.0, 25.0]), min_size=n, max_size=n)))
    effect = np.array(draw(st.lists(st.sampled_from([0.0, 0.4, 1.0]), min_size=n, max_size=n)))
    nobody, none = np.zeros(n, dtype=np.int32), np.zeros(n)
    posts = Posts(nobody, nobody, none, none, none, none, speeds, effect)
    patrols = Patrols(
        np.zeros(n_reaches),
        np.zeros(n_reaches),
        np.cumsum([0, *map(len, covers)]).astype(np.int32),
        np.concatenate([np.array(some, dtype=np.int32) for some in covers]),
        np.zeros(sum(map(len, covers))),
    )
    beats = find_beats(
        traffic,
        arc_reach=window.arcs.edge,
        length_km=np.ones(n_reaches),
        arc_time_h=window.arcs.time_h,
        posts=posts,
        patrols=patrols,
        detection_per_meeting=EPSILON,
        period_h=PERIOD_H,
    )
    hours = draw(st.sampled_from([1.0, 60.0, 900.0]))
    return Station(case, traffic, beats, posts, covers, window.arcs.edge, hours)


def same(left: float, right: float) -> None:
    assert left == pytest.approx(right, rel=1e-7, abs=1e-9)


@law
@given(stations())
def test_hours_are_spent_whole_where_posts_can_come(station: Station) -> None:
    assume(station.beats.reach.size)
    plan = station.plan()
    assert (plan.hours > 0).all()
    same(plan.hours.sum(), station.hours)
    for post, reach in zip(plan.post, plan.reach, strict=True):
        assert reach in station.covers[post]
    assert plan.hours.tolist() == sorted(plan.hours, reverse=True)


@law
@given(stations())
def test_the_gain_is_what_listing_finds(station: Station) -> None:
    assume(station.beats.reach.size)
    plan = station.plan()
    amounts = dict(zip(zip(plan.post, plan.reach, strict=True), plan.hours, strict=True))
    same(plan.gained, station.detected(amounts) - station.detected({}))
    assert 0.0 <= plan.gap < 1e-3


@law
@given(stations(), st.randoms(use_true_random=False))
def test_no_other_share_detects_more_than_the_gap_allows(
    station: Station, random: np.random.Generator
) -> None:
    assume(station.beats.reach.size)
    plan = station.plan()
    most = plan.gained / (1 - plan.gap) * (1 + 1e-7) + 1e-9
    today = station.detected({})
    places = [(p, r) for p, some in enumerate(station.covers) for r in some]
    for place in places:
        assert station.detected({place: station.hours}) - today <= most
    for _ in range(5):
        weights = [0.01 + random.random() ** 3 for _ in places]  # type: ignore[attr-defined]
        amounts = {
            place: station.hours * weight / math.fsum(weights)
            for place, weight in zip(places, weights, strict=True)
        }
        assert station.detected(amounts) - today <= most


@law
@given(stations())
def test_the_value_is_the_derivative(station: Station) -> None:
    assume(station.beats.reach.size)
    plan = station.plan()
    amounts = dict(zip(zip(plan.post, plan.reach, strict=True), plan.hours, strict=True))
    for place, value in zip(amounts, plan.value, strict=True):
        step = 1e-3
        more = station.detected(amounts | {place: amounts[place] + step})
        less = station.detected(amounts | {place: amounts[place] - step})
        assert 100 * (more - less) / (2 * step) == pytest.approx(value, rel=1e-4, abs=1e-6)


@law
@given(stations())
def test_without_worthwhile_water_or_hours_there_is_no_plan(station: Station) -> None:
    if not station.beats.reach.size:
        with pytest.raises(PlanError, match="no post covers water that carries undetected"):
            station.plan()
        return
    for hours in (0.0, -5.0, math.inf, math.nan):
        with pytest.raises(PlanError, match=r"patrol_hours: is .*, wanted finite hours above 0"):
            share_hours(station.traffic, station.beats, hours=hours)
