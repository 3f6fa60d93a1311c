"""The laws of whole studies (model §1, §5): every route listed, and water written otherwise."""

from __future__ import annotations

from random import Random
from typing import Any

import networkx as nx
import numpy as np
import oracle
import pytest
import shapely
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from river_studies import (
    XY,
    Region,
    cut_line,
    gathered,
    merge_lines,
    mergeable,
    points_table,
    regions,
    river_lines,
    rivers_table,
    shuffled,
    turned,
)

from riskmap.pipeline import build_network
from riskmap.results.check import check_network
from riskmap.results.outcome import Outcome
from riskmap.results.scored import Scored

# No shrinking: a region of a few lines is read as it is, and making it less runs for minutes.
UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)
law = settings(max_examples=25, deadline=None, derandomize=True, phases=UNSHRUNK)

Trips = list[tuple[int, int, float]]


def graph_of(scored: Scored, region: Region) -> nx.MultiDiGraph:
    """The sited network; checkpoints stand at its nodes and not in the hazards of its arcs."""
    patrol, network = region.settings.patrol, scored.network
    graph = nx.MultiDiGraph()
    for node, passes in enumerate(network.arcs.end_survival):
        graph.add_node(node, detection_probability=1.0 - passes)
    for arc, r in enumerate(network.reach):
        hours = network.arcs.time_h[arc]
        slowness = hours / scored.reaches.length_km[r]
        sweep = scored.patrols.sweep_km[r] / patrol.period_h
        hazard = patrol.detection_per_meeting * sweep * slowness
        ends = int(network.arcs.tail[arc]), int(network.arcs.head[arc])
        graph.add_edge(*ends, key=int(r), travel_time_h=hours, hazard=hazard)
    return graph


def trips_of(scored: Scored) -> Trips:
    found = []
    for movement in scored.scores.movements:
        to = np.repeat(movement.trips.destination, np.diff(movement.trips.start))
        rows = zip(movement.trips.origin, to, movement.trips.volume, strict=True)
        found += [(int(o), int(d), float(volume)) for o, d, volume in rows]
    return found


# --- scores (§5) ---------------------------------------------------------------------------------
@law
@given(regions())
def test_scores_agree_with_every_route_listed(region: Region) -> None:
    agree_with_every_route(region)


def agree_with_every_route(region: Region) -> None:
    """Hold a region's scores to those of all routes, listed one by one."""
    scored, routes = region.scored, region.settings.routes
    graph, trips = graph_of(scored, region), trips_of(scored)
    listed = oracle.assign(graph, trips, theta=routes.theta_per_h, kappa=routes.hazard_aversion_h)
    tail, head, reach = scored.network.arcs.tail, scored.network.arcs.head, scored.network.reach
    arcs = [(int(u), int(v), int(r)) for u, v, r in zip(tail, head, reach, strict=True)]
    close = {"rel": 1e-9, "abs": 1e-9}
    transits = np.array([listed.transits[arc] for arc in arcs])
    undetected = np.array([listed.undetected[arc] for arc in arcs])
    assert scored.scores.transits == pytest.approx(transits, **close)
    assert scored.scores.undetected == pytest.approx(undetected, **close)
    summary = scored.scores.summary()
    for name in ("served", "detected", "undetected"):
        assert summary[name] == pytest.approx(listed.summary[name], **close)
    assert listed.summary["unserved"] == 0.0
    n = scored.reaches.u.size
    f, u = np.bincount(reach, transits, n), np.bincount(reach, undetected, n)
    assert scored.by_reach.transits == pytest.approx(f, **close)
    assert scored.by_reach.undetected == pytest.approx(u, **close)
    busy = f > 1e-6
    assert scored.by_reach.detection_probability[busy] == pytest.approx(
        1.0 - u[busy] / f[busy], abs=1e-9
    )


@law
@given(regions(posts=(1, 3)), st.data())
def test_an_hour_of_patrol_gains_what_a_finite_difference_says(
    region: Region, data: st.DataObject
) -> None:
    scored, patrol, routes = region.scored, region.settings.patrol, region.settings.routes
    graph, trips = graph_of(scored, region), trips_of(scored)
    reach = data.draw(st.sampled_from(sorted(set(scored.network.reach.tolist()))))
    speeds = {
        (u, v, key): float(scored.reaches.length_km[reach]) / hours
        for u, v, key, hours in graph.edges(keys=True, data="travel_time_h")
        if key == reach
    }
    expected = oracle.interceptions_per_100_patrol_hours(
        graph,
        trips,
        theta=routes.theta_per_h,
        kappa=routes.hazard_aversion_h,
        arc_speeds_kmh=speeds,
        detection_per_meeting=patrol.detection_per_meeting,
        period_h=patrol.period_h,
        standard_speed_kmh=patrol.standard_speed_kmh,
    )
    gain = scored.by_reach.interceptions_per_100_patrol_hours[reach]
    assert gain == pytest.approx(expected, rel=1e-6, abs=1e-6)


@law
@given(regions())
def test_totals_add_up_and_nobody_is_undetected_who_does_not_pass(region: Region) -> None:
    scored, summary = region.scored, region.scored.scores.summary()
    volume = sum(m.transits_per_month or 1000.0 for m in region.settings.movements)
    assert summary["demand"] == pytest.approx(volume, rel=1e-12)
    parts = summary["served"] + summary["local"] + summary["unserved"]
    assert parts == pytest.approx(volume, rel=1e-9)
    total = summary["detected"] + summary["undetected"]
    assert total == pytest.approx(summary["served"], rel=1e-12)
    slack = 1e-9 * volume
    assert (scored.scores.undetected <= scored.scores.transits + slack).all()
    assert (scored.scores.undetected >= 0.0).all()
    assert (scored.by_reach.transits <= 2 * summary["served"] + slack).all()
    closed = ~scored.speeds.usable
    assert (scored.by_reach.transits[closed] == 0.0).all()


@law
@given(regions(kappas=(0.0,), posts=(1, 3)), st.sampled_from([0.1, 0.9]))
def test_more_effective_posts_never_let_more_pass(region: Region, more: float) -> None:
    table = region.tables["police_posts"]
    effectiveness = table["effectiveness"] + more * (1.0 - table["effectiveness"])
    better = region.changed(police_posts=table.assign(effectiveness=effectiveness))
    before, after = region.scored, better.scored
    slack = 1e-9 * before.scores.summary()["demand"]
    assert after.scores.transits == pytest.approx(before.scores.transits, rel=1e-12)
    assert (after.scores.undetected <= before.scores.undetected + slack).all()
    undetected = [scored.scores.summary()["undetected"] for scored in (before, after)]
    assert undetected[1] <= undetected[0] + slack


@law
@given(regions(checkpoints=0, posts=(0, 0)))
def test_without_patrols_and_checkpoints_everything_passes_undetected(region: Region) -> None:
    scored = region.scored
    assert scored.scores.undetected == pytest.approx(scored.scores.transits, rel=1e-12)
    assert scored.scores.summary()["detected"] == pytest.approx(0.0, abs=1e-9)
    assert (region.outcome.corridors["hours_to_nearest_post"].isna()).all()


# --- invariance (§1) -----------------------------------------------------------------------------
FIGURES = (
    "risk_score", "length_km", "travel_hours", "transits", "undetected_transits",
    "detection_probability", "interceptions_per_100_patrol_hours", "hours_to_nearest_post",
)  # fmt: skip


def same_corridors(left: Outcome, right: Outcome, *, rel: float = 1e-9) -> None:
    """Ranked corridors are the same, with their names, figures and reasons."""
    a, b = left.corridors, right.corridors
    assert a["name"].tolist() == b["name"].tolist()
    for figure in FIGURES:
        tolerance = {"rel": rel, "abs": rel, "nan_ok": True}
        assert b[figure].tolist() == pytest.approx(a[figure].tolist(), **tolerance), figure
    for column in ("rank", "nearest_post", "crosses_border"):
        assert a[column].tolist() == b[column].tolist(), column
    for one, other in zip(a["corridor_id"], b["corridor_id"], strict=True):
        mine, theirs = left.reasons[one], right.reasons[other]
        for end in ("origins", "sites", "posts"):
            shares = dict(getattr(mine, end))
            assert dict(getattr(theirs, end)) == pytest.approx(shares, rel=10.0 * rel), end
        assert mine.borders == theirs.borders
    for name, value in left.summary.items():
        assert right.summary[name] == pytest.approx(value, rel=rel, abs=rel)


def draw_cut(data: st.DataObject, region: Region, shares: tuple[float, ...]) -> Region:
    rivers = region.tables["rivers"].geometry
    share = data.draw(st.sampled_from(shares))
    least = 0 if share else 1
    rows = [k for k, line in enumerate(rivers) if len(line.coords) - 2 >= least]
    assume(rows)
    row = data.draw(st.sampled_from(rows))
    segment = data.draw(st.integers(least, len(rivers.iloc[row].coords) - 2))
    return cut_line(region, row=row, segment=segment, share=share)


@law
@given(regions(), st.data())
def test_a_line_cut_at_a_vertex_is_the_same_water(region: Region, data: st.DataObject) -> None:
    same_corridors(region.outcome, draw_cut(data, region, (0.0,)).outcome)


@law
@given(regions(), st.data())
def test_a_line_cut_between_vertices_is_the_same_water(region: Region, data: st.DataObject) -> None:
    pieces = region
    for _ in range(data.draw(st.integers(1, 3))):
        pieces = draw_cut(data, pieces, (0.5, 0.3, 0.9))
    same_corridors(region.outcome, pieces.outcome)


@law
@given(regions(), st.data())
def test_two_lines_merged_are_the_same_water(region: Region, data: st.DataObject) -> None:
    pairs = mergeable(region)
    assume(pairs)
    same_corridors(region.outcome, merge_lines(region, data.draw(st.sampled_from(pairs))).outcome)


def km_by_waterway(region: Region) -> dict[tuple[str, ...], float]:
    """Length of all reaches by name, own speeds and season."""
    reaches = build_network(region.settings, region.layers)
    own = [reaches.attributes[name] for name in ("downstream_kmh", "upstream_kmh", "navigable")]
    km: dict[tuple[str, ...], float] = {}
    for key, length in zip(zip(reaches.name, *own, strict=True), reaches.length_km, strict=True):
        kind = tuple(map(str, key))
        km[kind] = km.get(kind, 0.0) + float(length)
    return km


@settings(law, max_examples=80)
@given(river_lines(), st.data())
def test_merged_lines_leave_every_waterway_its_length(
    lines: list[tuple[list[XY], dict[str, Any]]], data: st.DataObject
) -> None:
    """A line through a confluence leaves the lines that end there as they are."""
    sites = {"weight": 1.0}, {"capacity": 1.0, "confidence": 1.0}
    entries, venues = ([(lines[0][0][0], columns)] for columns in sites)
    region = Region(
        {
            "rivers": rivers_table(lines),
            "entry_points": points_table("entry", entries),
            "venues": points_table("venue", venues),
        },
        {"travel": {"snap_tolerance_m": 5.0}},
    )
    pairs = mergeable(region)
    assume(pairs)
    merged = merge_lines(region, data.draw(st.sampled_from(pairs)))
    assert km_by_waterway(merged) == pytest.approx(km_by_waterway(region), rel=1e-9)


def test_a_line_through_a_confluence_leaves_the_others_their_names() -> None:
    r"""Mayor begins where Bajo ends, and the side channel of both has a vertex there.

    o-- Bajo --o-- Mayor --o
     \________/ \_________/
    """
    side = [(0, 0), (90, -110), (-50, -200), (90, -300), (-60, -400)]
    lines = [
        ([(0, 0), (-10, -90), (-50, -200)], {"name": "Bajo"}),
        ([(-50, -200), (-60, -400)], {"name": "Mayor"}),
        (side, {"name": "Brazo"}),
    ]
    region = Region(
        {
            "rivers": rivers_table(lines),
            "entry_points": points_table("entry", [((0, 0), {"weight": 1.0})]),
            "venues": points_table("venue", [((-60, -400), {"capacity": 1.0, "confidence": 1.0})]),
        },
        {"travel": {"snap_tolerance_m": 5.0}},
    )
    names = region.sited.reaches.name.tolist()
    assert sorted(names) == ["Bajo", "Brazo", "Brazo", "Mayor"]


@law
@given(regions(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(region: Region, random: Random) -> None:
    same_corridors(region.outcome, shuffled(region, random).outcome)


@law
@given(regions())
def test_lines_of_several_parts_are_the_same_water(region: Region) -> None:
    same_corridors(region.outcome, gathered(region).outcome)


@law
@given(regions())
def test_lines_digitised_the_other_way_are_the_same_water(region: Region) -> None:
    same_corridors(region.outcome, turned(region).outcome)


def test_a_ring_read_the_other_way_keeps_its_names_and_ranks() -> None:
    """The flow of Mayor and its side channel is unknown: only places tell corridors apart."""
    lines = [
        ([(0, 0), (-20, -100), (0, -200)], {"name": "Mayor"}),
        ([(0, -200), (20, -300), (0, -400)], {"name": "Mayor"}),
        ([(0, -400), (-90, -500), (0, -600)], {"name": "Mayor"}),
        ([(0, 0), (260, -150), (250, -450), (0, -600)], {"name": "Canal"}),
    ]
    venues = [(0, -200), (0, -400), (0, -600), (-90, -500)]
    region = Region(
        {
            "rivers": rivers_table(lines),
            "entry_points": points_table("entry", [((0, 0), {"weight": 1.0})]),
            "venues": points_table(
                "venue", [(place, {"capacity": 1.0, "confidence": 1.0}) for place in venues]
            ),
        },
        {"travel": {"snap_tolerance_m": 5.0}, "routes": {"theta_per_h": 2.0}},
        flow="unknown",
    )
    same_corridors(region.outcome, turned(region).outcome)
    ids = [r.outcome.corridors["corridor_id"].tolist() for r in (region, turned(region))]
    assert ids[0] == ids[1]


def ring_region(flow: str, cuts: list[int], *, backward: list[bool]) -> Region:
    """A river, and beside it an ox-bow lake of 24 sides that was drawn in several lines."""
    angle = np.sort(np.random.default_rng(4).uniform(0.0, 2.0 * np.pi, 24))
    round_it = np.column_stack([300 + 110 * np.cos(angle), 90 * np.sin(angle)]).astype(int).tolist()
    cuts = sorted(cuts)
    lake = []
    for begin, end, back in zip(cuts, [*cuts[1:], cuts[0] + 24], backward, strict=True):
        part = [tuple(round_it[k % 24]) for k in range(begin, end + 1)]
        lake.append((part[::-1] if back else part, {"name": "Cocha"}))
    by_lake = {name: tuple(round_it[k]) for name, k in (("entry", 3), ("venue", 14), ("town", 9))}
    venue = {"capacity": 1.0, "confidence": 1.0}
    return Region(
        {
            "rivers": rivers_table([([(0, 300), (10, 100), (5, -200)], {"name": "Mayor"}), *lake]),
            "entry_points": points_table(
                "entry", [((5, 200), {"weight": 1.0}), (by_lake["entry"], {"weight": 1.0})]
            ),
            "venues": points_table("venue", [((5, -100), venue), (by_lake["venue"], venue)]),
            "settlements": points_table(
                "town", [((10, 120), {}), (by_lake["town"], {}), (tuple(round_it[20]), {})]
            ),
        },
        {"travel": {"snap_tolerance_m": 5.0}, "routes": {"theta_per_h": 2.0}},
        flow=flow,
    )


@law
@given(st.data(), st.sampled_from(["digitised", "unknown", "inferred"]))
def test_a_ring_is_the_same_water_wherever_it_was_cut(data: st.DataObject, flow: str) -> None:
    """Its corridor has no end, and no current says where its water leaves."""
    whole = ring_region(flow, [0], backward=[False])
    cuts = data.draw(st.lists(st.integers(0, 23), min_size=1, max_size=5, unique=True))
    turns = st.just(False) if flow == "digitised" else st.booleans()
    parts = ring_region(flow, cuts, backward=[data.draw(turns) for _ in cuts])
    same_corridors(whole.outcome, parts.outcome)
    for one, other in zip(
        whole.outcome.corridors.geometry, parts.outcome.corridors.geometry, strict=True
    ):
        assert other.coords[0] == pytest.approx(one.coords[0], abs=1e-9)
        assert other.coords[-1] == pytest.approx(one.coords[-1], abs=1e-9)
        assert shapely.LinearRing(other).is_ccw == shapely.LinearRing(one).is_ccw
    outlets = [
        [part.outlets for part in check_network(r.settings.study, r.layers, r.sited).components]
        for r in (whole, parts)
    ]
    assert outlets[0] == outlets[1]
