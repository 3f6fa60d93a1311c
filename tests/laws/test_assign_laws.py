"""The laws of routes and scores (model §4, §5) on small random networks, and the oracle's word."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import networkx as nx
import numpy as np
import oracle
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import ArcId, Assigned
from random_networks import DIRECTED, Case, cases, cut, flows

import riskmap as rm
from riskmap.model import ancestors
from riskmap.model.assign import check_demand, load_by_destination, load_demand
from riskmap.network.graph import arcs_of_graph

INF = math.inf
law = settings(max_examples=60, deadline=None)


def same(left: object, right: object) -> None:
    assert left == pytest.approx(right, rel=1e-9, abs=1e-12)


def same_flows(left: Assigned, right: Assigned) -> None:
    same(left.transits, right.transits)
    same(left.undetected, right.undetected)
    same(left.summary, right.summary)


@settings(max_examples=300, deadline=None)
@given(cases())
def test_the_passes_over_links_agree_with_every_route_listed(case: Case) -> None:
    listed = oracle.assign(case.graph, case.trips, theta=case.theta, kappa=case.kappa)
    same_flows(flows(case), listed)


@settings(max_examples=300, deadline=None)
@given(cases())
def test_common_ancestors_agree_with_a_pass_for_each_destination(case: Case) -> None:
    window = arcs_of_graph(case.graph)
    demand = check_demand(case.demand, window.position)
    chosen = {"theta_per_h": case.theta, "hazard_aversion_h": case.kappa}
    for mine, theirs in zip(
        load_demand(window.arcs, demand, **chosen),
        load_by_destination(window.arcs, demand, **chosen),
        strict=True,
    ):
        same(mine, theirs)


@pytest.mark.parametrize("theta", [0.0, 1.5, INF])
def test_common_ancestors_on_a_river_with_many_braids(theta: float) -> None:
    draw = np.random.default_rng(3)
    graph = nx.random_labeled_tree(400, seed=5)
    graph.add_edges_from(draw.integers(0, 400, (30, 2)).tolist())
    graph = nx.compose(
        graph, nx.relabel_nodes(nx.grid_2d_graph(6, 6), lambda at: 400 + 6 * at[0] + at[1])
    )
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    for u, v in graph.edges:
        graph.edges[u, v].update(travel_time_h=draw.integers(1, 9) / 4, hazard=draw.uniform(0, 0.2))
    graph.add_edge(17, 400, travel_time_h=1.0, hazard=INF)
    window = arcs_of_graph(graph)
    ends = draw.integers(0, graph.number_of_nodes(), (5_000, 2))
    trips = pd.DataFrame(ends, columns=["origin", "destination"]).assign(transits=1.0)
    demand = check_demand(trips, window.position)
    chosen = {"theta_per_h": theta, "hazard_aversion_h": 0.0}
    mine = load_demand(window.arcs, demand, **chosen)
    for found, wanted in zip(mine, load_by_destination(window.arcs, demand, **chosen), strict=True):
        same(found, wanted)
    assert np.all(mine.transits >= 0.0)
    assert np.all(mine.undetected <= mine.transits * (1 + 1e-9))


def test_too_many_crossings_are_loaded_by_destination(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = nx.cycle_graph(9)
    nx.set_edge_attributes(ring, 1.0, "travel_time_h")
    trips = pd.DataFrame({"origin": [0, 3], "destination": [4, 8], "transits": [1.0, 5.0]})
    before = rm.assign(ring, trips)
    monkeypatch.setattr(ancestors, "MOST_CROSSINGS", 0)
    pd.testing.assert_frame_equal(rm.assign(ring, trips), before)


@law
@given(cases(kinds=DIRECTED))
def test_a_reach_of_two_arcs_is_one_edge(case: Case) -> None:
    """An undirected graph and its directed twin are the same water."""
    two_way = nx.MultiGraph()
    two_way.add_nodes_from(case.graph.nodes(data=True))
    two_way.add_edges_from(case.graph.edges(data=True))
    same_flows(flows(case.on(two_way)), flows(case.on(two_way.to_directed())))


# --- invariance (§1) -----------------------------------------------------------------------------
@law
@given(cases(), st.data(), st.sampled_from([0.25, 0.5, 0.875]))
def test_cutting_a_reach_leaves_the_flow_on_its_water(
    case: Case, data: st.DataObject, share: float
) -> None:
    whole = flows(case)
    arcs = sorted(arc for arc in whole.transits if arc[0] != arc[1])
    assume(arcs)
    finer, source = case, {arc: arc for arc in whole.transits}
    for _ in range(data.draw(st.integers(1, 2))):
        graph, _, cut_from = cut(finer.graph, data.draw(st.sampled_from(arcs)), share)
        source = {arc: source[before] for arc, before in cut_from.items()}
        arcs = sorted(arc for arc in source if arc[0] != arc[1])
        finer = finer.on(graph)
    pieces = flows(finer)
    same(pieces.transits, {arc: whole.transits[before] for arc, before in source.items()})
    same(pieces.undetected, {arc: whole.undetected[before] for arc, before in source.items()})
    same(pieces.summary, whole.summary)


@law
@given(cases(), st.data())
def test_a_site_of_somebody_elses_trip_changes_nothing(case: Case, data: st.DataObject) -> None:
    """The flows of two demands together are the sum of each alone, wherever their sites are."""
    arcs = [arc.id for arc in oracle.read_arcs(case.graph) if arc.u != arc.v]
    assume(arcs)
    graph, middle, _ = cut(case.graph, data.draw(st.sampled_from(arcs)), 0.5)
    other = data.draw(st.sampled_from(sorted(graph.nodes)))
    mine = case.on(graph)
    theirs = replace(mine, trips=((middle, other, 7.0), (other, middle, 2.0)))
    together = flows(replace(mine, trips=(*theirs.trips, *mine.trips)))
    same_flows(together, _add(flows(mine), flows(theirs)))


def _add(left: Assigned, right: Assigned) -> Assigned:
    return Assigned(
        {arc: value + right.transits[arc] for arc, value in left.transits.items()},
        {arc: value + right.undetected[arc] for arc, value in left.undetected.items()},
        {name: value + right.summary[name] for name, value in left.summary.items()},
    )


@law
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_of_nodes_does_not_matter(case: Case, random: object) -> None:
    trips, nodes = list(case.trips), list(case.graph.nodes(data=True))
    multi = case.graph.is_multigraph()
    edges = list(case.graph.edges(keys=True, data=True) if multi else case.graph.edges(data=True))
    for rows in (trips, nodes, edges):
        random.shuffle(rows)
    shuffled = case.graph.__class__()
    shuffled.add_nodes_from(nodes)
    shuffled.add_edges_from(edges)
    same_flows(flows(replace(case.on(shuffled), trips=tuple(trips))), flows(case))


@law
@given(cases(), st.sampled_from([1 / 24, 0.5, 60.0, 3600.0]))
def test_the_unit_of_time_does_not_matter(case: Case, scale: float) -> None:
    scaled = case.graph.copy()
    for *_, data in scaled.edges(data=True):
        data["travel_time_h"] *= scale
    other = replace(case.on(scaled), theta=case.theta / scale, kappa=case.kappa * scale)
    same_flows(flows(other), flows(case))


# --- routes (§4) ---------------------------------------------------------------------------------
@law
@given(cases(kappas=(0.0,)))
def test_infinite_theta_is_the_limit_of_the_formula(case: Case) -> None:
    """Times are quarters of an hour: at θ = 200 the next best way has a weight under e^-49."""
    same_flows(flows(replace(case, theta=200.0)), flows(replace(case, theta=INF)))


@law
@given(cases(thetas=(INF,)), st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([0.1, 2.0]))
def test_more_aversion_never_meets_more_hazard(case: Case, kappa: float, more: float) -> None:
    assume(all(q != 1 for _, q in case.graph.nodes(data="detection_probability")))
    hazard = {arc.id: arc.hazard for arc in oracle.read_arcs(case.graph)}

    def met(aversion: float) -> float:
        transits = flows(replace(case, kappa=aversion)).transits
        return math.fsum(transits[arc] * hazard[arc] for arc in transits)

    assert met(kappa + more) <= met(kappa) * (1 + 1e-9) + 1e-12


# --- scores (§5) ---------------------------------------------------------------------------------
@law
@given(cases())
def test_what_comes_in_goes_out_and_totals_add_up(case: Case) -> None:
    result = flows(case)
    balance = Counter()
    for (u, v, _), transits in result.transits.items():
        balance[v] += transits
        balance[u] -= transits
    for origin, destination, volume in case.trips:
        if nx.has_path(case.graph, origin, destination):
            balance[destination] -= volume
            balance[origin] += volume
    same(dict(balance), dict.fromkeys(balance, 0.0))
    total = result.summary
    same(total["demand"], math.fsum(volume for *_, volume in case.trips))
    same(total["served"] + total["local"] + total["unserved"], total["demand"])
    same(total["detected"] + total["undetected"], total["served"])
    same(total["local"], math.fsum(n for o, d, n in case.trips if o == d))
    assert all(0 <= u <= result.transits[a] * (1 + 1e-9) for a, u in result.undetected.items())


@law
@given(cases(), st.sampled_from([0.0, 0.125, 3.0]))
def test_flows_are_linear_in_demand(case: Case, factor: float) -> None:
    scaled = tuple((o, d, volume * factor) for o, d, volume in case.trips)
    whole = flows(case)
    expected = Assigned(
        *(
            {name: value * factor for name, value in values.items()}
            for values in (whole.transits, whole.undetected, whole.summary)
        )
    )
    same_flows(flows(replace(case, trips=scaled)), expected)


def _with_more_hazard(case: Case, arc: ArcId, more: float) -> tuple[Case, list[ArcId]]:
    """Add hazard to an edge's data; return the case and the arcs that carry it."""
    graph = case.graph.copy()
    u, v, key = arc
    data = graph.edges[arc] if graph.is_multigraph() else graph.edges[u, v]
    data["hazard"] = data.get("hazard", 0.0) + more
    both = [arc] if graph.is_directed() else [arc, (v, u, key)]
    return case.on(graph), both


@law
@given(cases(kappas=(0.0,)), st.data(), st.sampled_from([0.01, 0.5, 4.0]))
def test_more_hazard_is_never_less_detection_and_by_how_much(
    case: Case, data: st.DataObject, more: float
) -> None:
    """Without aversion routes hold, and a route uses a reach once: the change is exact."""
    before = flows(case)
    arcs = sorted(arc for arc in before.transits if arc[0] != arc[1])
    assume(arcs)
    watched, touched = _with_more_hazard(case, data.draw(st.sampled_from(arcs)), more)
    after = flows(watched)
    same(after.transits, before.transits)
    assert all(
        after.undetected[arc] <= value * (1 + 1e-9) for arc, value in before.undetected.items()
    )
    caught = -math.expm1(-more) * math.fsum(before.undetected[arc] for arc in touched)
    same(after.summary["detected"], before.summary["detected"] + caught)


@law
@given(cases(kappas=(0.0,)), st.data())
def test_undetected_transits_are_the_derivative_of_what_is_detected(
    case: Case, data: st.DataObject
) -> None:
    before = flows(case)
    arcs = sorted(arc for arc in before.transits if arc[0] != arc[1])
    assume(arcs)
    step = 1e-4
    watched, touched = _with_more_hazard(case, data.draw(st.sampled_from(arcs)), step)
    slope = (flows(watched).summary["detected"] - before.summary["detected"]) / step
    expected = math.fsum(before.undetected[arc] for arc in touched)
    assert slope == pytest.approx(expected, rel=step, abs=1e-8)


@law
@given(cases(kappas=(0.0,)), st.data(), st.sampled_from([0.2, 0.9, 1.0]))
def test_a_checkpoint_takes_its_share_of_each_passing_transit_once(
    case: Case, data: st.DataObject, q: float
) -> None:
    """A checkpoint at an unwatched node catches q of the undetected transits through it (§8)."""
    node = data.draw(st.sampled_from(sorted(case.graph.nodes)))
    bare, watched = case.graph.copy(), case.graph.copy()
    bare.nodes[node].pop("detection_probability", None)
    watched.nodes[node]["detection_probability"] = q
    before, after = flows(case.on(bare)), flows(case.on(watched))
    starts = [t for t in case.trips if t[0] == node != t[1]]
    departing = flows(replace(case.on(bare), trips=tuple(starts))) if starts else None
    through = math.fsum(u for (_, v, _), u in before.undetected.items() if v == node)
    through += departing.summary["undetected"] if departing else 0.0
    same(before.summary["undetected"] - after.summary["undetected"], q * through)
