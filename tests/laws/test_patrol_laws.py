"""The laws of patrols (model §3) on small random river regions."""

from __future__ import annotations

import math
from dataclasses import fields

import networkx as nx
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river_studies import Region, regions

from riskmap.model.patrol import Posts, nearest_posts, spread_patrols
from riskmap.network.reaches import Reaches

law = settings(max_examples=25, deadline=None, derandomize=True)
patrolled = regions(posts=(1, 3), mining=0, borders=False)
SAMPLES = 4_000


def water_of(region: Region) -> tuple[Reaches, Posts, np.ndarray]:
    scored = region.scored
    return scored.reaches, scored.posts, scored.speeds.usable


def some_posts(posts: Posts, chosen: list[int]) -> Posts:
    return Posts(*(getattr(posts, column.name)[chosen] for column in fields(posts)))


def hours_to_nodes(region: Region, post: int) -> dict[int, float]:
    """Least hours of one post's craft to every node that it can come to, by networkx."""
    reaches, posts, usable = water_of(region)
    water = nx.MultiGraph()
    water.add_node(int(posts.node[post]))
    for r in np.flatnonzero(usable):
        hours = reaches.length_km[r] / posts.speed_kmh[post]
        water.add_edge(int(reaches.u[r]), int(reaches.v[r]), hours=hours)
    reached = nx.single_source_dijkstra_path_length(water, int(posts.node[post]), weight="hours")
    return {node: hours + posts.access_h[post] for node, hours in reached.items()}


def sampled_kernel(region: Region, post: int) -> np.ndarray:
    """The kernel's integral along each reach, km, by the midpoint rule on a fine grid."""
    reaches, posts, usable = water_of(region)
    times = hours_to_nodes(region, post)
    share = (np.arange(SAMPLES) + 0.5) / SAMPLES
    integrals = np.zeros(reaches.u.size)
    for r in np.flatnonzero(usable):
        x = share * reaches.length_km[r] / posts.speed_kmh[post]
        end = reaches.length_km[r] / posts.speed_kmh[post]
        t = np.minimum(
            times.get(int(reaches.u[r]), math.inf) + x,
            times.get(int(reaches.v[r]), math.inf) + end - x,
        )
        inside = t <= posts.range_h[post]
        density = np.where(inside, np.exp(-np.where(inside, t, 0.0) / posts.decay_h[post]), 0.0)
        integrals[r] = density.mean() * reaches.length_km[r]
    return integrals


@law
@given(patrolled)
def test_the_hours_of_a_post_that_reaches_water_add_up_to_its_effective_hours(
    region: Region,
) -> None:
    reaches, posts, usable = water_of(region)
    for p in range(posts.row.size):
        alone = spread_patrols(reaches, some_posts(posts, [p]), usable=usable)
        comes = posts.access_h[p] < posts.range_h[p]  # it stands on usable water
        expected = posts.effectiveness[p] * posts.hours[p] if comes else 0.0
        assert alone.hours.sum() == pytest.approx(expected, rel=1e-12)
        assert (alone.hours >= 0.0).all()
        assert (alone.hours[~usable] == 0.0).all()


@law
@given(patrolled)
def test_the_share_of_a_reach_is_the_kernels_integral_along_it(region: Region) -> None:
    """Sampling misses by a cell's density where the range ends, and by its square elsewhere."""
    reaches, posts, usable = water_of(region)
    for p in range(posts.row.size):
        integrals = sampled_kernel(region, p)
        mine = some_posts(posts, [p])
        unit = Posts(
            mine.row, mine.node, mine.access_h, np.ones(1), mine.range_h, mine.decay_h,
            mine.speed_kmh, np.ones(1),
        )  # fmt: skip
        hours = spread_patrols(reaches, unit, usable=usable).hours
        if hours.sum() == 0.0:
            assert integrals.sum() == pytest.approx(0.0, abs=1e-12)
            continue
        cell = 8.0 * reaches.length_km.max() / SAMPLES / max(integrals.sum(), 1e-9)
        if math.isclose(posts.access_h[p], posts.range_h[p], rel_tol=0.05):
            continue  # so little water that a few samples would be all of it
        assert hours == pytest.approx(integrals / integrals.sum(), abs=max(cell, 1e-7))


@law
@given(patrolled, st.sampled_from([5.0, 0.7]))
def test_without_an_end_of_range_the_share_is_exact_to_the_rule(
    region: Region, decay_h: float
) -> None:
    police = region.tables["police_posts"].assign(
        range_h=1e3, decay_h=decay_h, patrol_hours=1.0, effectiveness=1.0
    )
    region = region.changed(police_posts=police)
    reaches, posts, usable = water_of(region)
    for p in range(posts.row.size):
        integrals = sampled_kernel(region, p)
        hours = spread_patrols(reaches, some_posts(posts, [p]), usable=usable).hours
        assert hours == pytest.approx(integrals / integrals.sum(), rel=1e-5, abs=1e-8)


@law
@given(patrolled)
def test_no_hours_are_spent_beyond_the_range(region: Region) -> None:
    reaches, posts, usable = water_of(region)
    for p in range(posts.row.size):
        hours = spread_patrols(reaches, some_posts(posts, [p]), usable=usable).hours
        times = hours_to_nodes(region, p)
        nearest = np.array(
            [
                min(times.get(int(u), math.inf), times.get(int(v), math.inf))
                for u, v in zip(reaches.u, reaches.v, strict=True)
            ]
        )
        assert (hours[nearest > posts.range_h[p] * (1 + 1e-9)] == 0.0).all()
        within = usable & (nearest < posts.range_h[p] * (1 - 1e-9))
        spends = posts.effectiveness[p] * posts.hours[p] > 0.0
        assert ((hours[within] > 0.0) == spends).all()


@law
@given(patrolled)
def test_the_hours_of_posts_add_up(region: Region) -> None:
    reaches, posts, usable = water_of(region)
    together = spread_patrols(reaches, posts, usable=usable)
    hours, sweep = np.zeros(reaches.u.size), np.zeros(reaches.u.size)
    for p in range(posts.row.size):
        alone = spread_patrols(reaches, some_posts(posts, [p]), usable=usable).hours
        hours += alone
        sweep += alone * posts.speed_kmh[p]
        mine = slice(together.post_start[p], together.post_start[p + 1])
        listed = np.zeros(reaches.u.size)
        listed[together.post_reach[mine]] = together.post_hours[mine]
        assert listed == pytest.approx(alone, rel=1e-12)
    assert together.hours == pytest.approx(hours, rel=1e-12)
    assert together.sweep_km == pytest.approx(sweep, rel=1e-12)


@law
@given(patrolled, st.sampled_from([0.5, 3.0]))
def test_hours_are_linear_in_hours_and_effectiveness(region: Region, factor: float) -> None:
    table = region.tables["police_posts"]
    more = region.changed(police_posts=table.assign(patrol_hours=table["patrol_hours"] * factor))
    assert more.scored.patrols.hours == pytest.approx(
        region.scored.patrols.hours * factor, rel=1e-12
    )


@law
@given(patrolled)
def test_the_nearest_post_is_the_nearest_of_all(region: Region) -> None:
    reaches, posts, usable = water_of(region)
    hours, which = nearest_posts(reaches, posts, usable=usable)
    times = [hours_to_nodes(region, p) for p in range(posts.row.size)]
    for r in range(reaches.u.size):
        ends = (int(reaches.u[r]), int(reaches.v[r]))
        by_post = [min(t.get(node, math.inf) for node in ends) for t in times]
        if not usable[r] or not by_post or math.isinf(min(by_post)):
            assert math.isinf(hours[r])
            assert which[r] == -1
            continue
        assert hours[r] == pytest.approx(min(by_post), rel=1e-12)
        assert by_post[which[r]] == pytest.approx(min(by_post), rel=1e-12)


@law
@given(patrolled)
def test_the_hazard_of_an_arc_is_that_of_its_patrols_and_its_checkpoint(region: Region) -> None:
    scored, patrol = region.scored, region.settings.patrol
    reaches, network, posts = scored.reaches, scored.network, scored.posts
    fixed = scored.sites.get("checkpoints")
    table = region.tables.get("checkpoints")
    for arc in range(network.reach.size):
        r = network.reach[arc]
        hours = [
            (float(scored.patrols.post_hours[k]), float(posts.speed_kmh[p]))
            for p in range(posts.row.size)
            for k in range(scored.patrols.post_start[p], scored.patrols.post_start[p + 1])
            if scored.patrols.post_reach[k] == r
        ]
        hazard = oracle.arc_hazard(
            hours,
            arc_speed_kmh=reaches.length_km[r] / network.arcs.time_h[arc],
            detection_per_meeting=patrol.detection_per_meeting,
            period_h=patrol.period_h,
        )
        if fixed is not None:
            here = fixed.row[fixed.node == network.arcs.tail[arc]]
            hazard -= math.fsum(math.log1p(-q) for q in table["detection_probability"][here])
        assert network.arcs.hazard[arc] == pytest.approx(hazard, rel=1e-12, abs=1e-15)
