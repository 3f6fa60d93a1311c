"""The passes over blocks and bridges against the kernel of one pass a destination."""

from __future__ import annotations

import networkx as nx
import numpy as np
import oracle
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_networks import Case, cases

from riskmap.model import crossings, kept
from riskmap.model.blocks import find_forest
from riskmap.model.crossings import links_of_blocks
from riskmap.model.demand import SitesOnWater, produce, pull_of_nodes, share_trips
from riskmap.model.forest import (
    Ends,
    Flow,
    beyond_bridges,
    cross_blocks,
    flow_of_movement,
    sum_movement,
)
from riskmap.model.links import find_links
from riskmap.model.routes import least_costs_to, load_trips
from riskmap.network.arcs import Arcs
from riskmap.network.graph import arcs_of_graph


def sites(draw: st.DrawFn, count: int, values: st.SearchStrategy[float]) -> SitesOnWater:
    nodes = draw(st.lists(st.integers(-1, count - 1), min_size=1, max_size=8))
    n = len(nodes)
    weight = draw(st.lists(values, min_size=n, max_size=n))
    leg = draw(st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=n, max_size=n))
    return SitesOnWater(
        np.arange(n, dtype=np.int32), np.array(nodes, dtype=np.int32), np.array(leg),
        np.array(weight),
    )  # fmt: skip


@st.composite
def movements(draw: st.DrawFn) -> tuple[Case, SitesOnWater, SitesOnWater, float]:
    case = draw(cases())
    count = case.graph.number_of_nodes()
    values = st.sampled_from([0.0, 1.0, 3.0, 1e-9, 50.0])
    beta = draw(st.sampled_from([0.0, 0.3, 2.0, 900.0]))
    return case, sites(draw, count, values), sites(draw, count, values), beta


@settings(max_examples=500, deadline=None)
@given(movements())
def test_the_forest_agrees_with_a_pass_for_each_destination(
    movement: tuple[Case, SitesOnWater, SitesOnWater, float],
) -> None:
    case, origins, destinations, beta = movement
    arcs = arcs_of_graph(case.graph).arcs
    links = find_links(arcs, hazard_aversion_h=case.kappa)
    destination, log_pull = pull_of_nodes(destinations, beta_per_h=beta)
    origin, production = produce(origins, volume=1000.0)
    gravity = share_trips(
        origins, destination=destination, log_pull=log_pull, beta_per_h=beta, volume=1000.0,
        cost_h=least_costs_to(links, destination, origin),
    )  # fmt: skip
    trips = gravity.trips()
    wanted = load_trips(links, trips, theta_per_h=case.theta, n_arcs=arcs.tail.size)
    forest = find_forest(arcs)
    inside = links_of_blocks(arcs, forest, hazard_aversion_h=case.kappa)
    ends = Ends(origin, production, destination, log_pull)
    found = flow_of_movement(
        arcs, forest, inside, cross_blocks(forest, inside, [ends], theta_per_h=case.theta), ends,
        beta_per_h=beta, theta_per_h=case.theta, hazard_aversion_h=case.kappa,
    )  # fmt: skip
    same(found.transits, wanted.transits)
    same(found.undetected, wanted.undetected)
    same(found.local.sum(), gravity.local)
    same(found.served.sum(), trips.volume.sum())
    same(found.unseen.sum(), (trips.volume * wanted.survival).sum())
    dry = produce(origins, volume=1000.0)[1].sum()
    same(found.unserved.sum(), gravity.unserved - (1000.0 - dry))


def same(left: object, right: object) -> None:
    assert left == pytest.approx(right, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("theta", [2.0, np.inf])
def test_threads_and_what_is_kept_change_no_figure(
    monkeypatch: pytest.MonkeyPatch, theta: float
) -> None:
    """One thread and three, bit for bit; and blocks solved twice, where there is no room."""

    def score(threads: int, room: int) -> Flow:
        monkeypatch.setattr("riskmap.threads.get_num_threads", lambda: threads)
        monkeypatch.setattr(crossings, "LINKS_A_THREAD", 1)
        monkeypatch.setattr(kept, "KEPT_SHARES", room)
        links = links_of_blocks(arcs, forest, hazard_aversion_h=0.5)
        return flow_of_movement(
            arcs, forest, links, cross_blocks(forest, links, [ends], theta_per_h=theta), ends,
            beta_per_h=0.1, theta_per_h=theta, hazard_aversion_h=0.5,
        )  # fmt: skip

    water = nx.disjoint_union_all(
        [nx.convert_node_labels_to_integers(nx.grid_2d_graph(5, 6))]
        + [nx.circular_ladder_graph(n) for n in range(3, 12)]
        + [nx.cycle_graph(n) for n in range(3, 40)]
    )
    parts = [min(part) for part in nx.connected_components(water)]
    water.add_edges_from((v - 1, v) for v in parts[1:])
    draw = np.random.default_rng(7)
    for u, v in water.edges:
        water.edges[u, v].update(travel_time_h=draw.integers(1, 9) / 4, hazard=draw.uniform())
    arcs = arcs_of_graph(water).arcs
    nodes = np.arange(0, arcs.n_nodes, 2, dtype=np.int32)
    ends = Ends(nodes, 1.0 + nodes % 3, nodes, np.log(1.0 + nodes % 5))
    forest = find_forest(arcs)
    alone = score(1, 2**24)
    for threads, room in ((2, 2**24), (3, 2**24), (2, 500), (1, 0)):
        for mine, theirs in zip(alone, score(threads, room), strict=True):
            np.testing.assert_array_equal(mine, theirs)


@settings(max_examples=200, deadline=None)
@given(cases())
def test_a_bridge_is_an_edge_on_no_ring(case: Case) -> None:
    arcs = arcs_of_graph(case.graph).arcs
    forest = find_forest(arcs)
    simple = nx.Graph()
    simple.add_nodes_from(range(arcs.n_nodes))
    pairs = {(int(e), *sorted((int(u), int(v)))) for e, u, v in
             zip(arcs.edge, arcs.tail, arcs.head, strict=True) if u != v}  # fmt: skip
    between = [(u, v) for _, u, v in pairs]
    simple.add_edges_from(between)
    bridges = {tuple(sorted(b)) for b in nx.bridges(simple) if between.count(tuple(sorted(b))) == 1}
    ours = {
        tuple(sorted((int(arcs.tail[a]), int(arcs.head[a]))))
        for a in np.concatenate([forest.up, forest.down]) if a >= 0
    }  # fmt: skip
    assert ours == bridges


@settings(max_examples=150, deadline=None)
@given(movements())
def test_the_forest_agrees_with_every_route_listed(
    movement: tuple[Case, SitesOnWater, SitesOnWater, float],
) -> None:
    """Gravity over the oracle's least times, each trip on each of its routes, one by one."""
    case, origins, destinations, beta = movement
    window = arcs_of_graph(case.graph)
    destination, log_pull = pull_of_nodes(destinations, beta_per_h=beta)
    origin, production = produce(origins, volume=1000.0)
    listed = oracle.read_arcs(case.graph)
    cost = np.full((destination.size, origin.size), np.inf)
    for k, node in enumerate(destination.tolist()):
        hours = oracle.least_times(listed, node, case.kappa)
        cost[k] = [float(hours[o]) if o in hours else np.inf for o in origin.tolist()]
    gravity = share_trips(
        origins, destination=destination, log_pull=log_pull, beta_per_h=beta, volume=1000.0,
        cost_h=cost,
    )  # fmt: skip
    demand = [
        (int(o), int(d), float(gravity.transits[k, i]))
        for k, d in enumerate(destination) for i, o in enumerate(origin)
    ]  # fmt: skip
    wanted = oracle.assign(
        case.graph, [trip for trip in demand if trip[2] > 0.0], theta=case.theta, kappa=case.kappa
    )
    forest = find_forest(window.arcs)
    inside = links_of_blocks(window.arcs, forest, hazard_aversion_h=case.kappa)
    ends = Ends(origin, production, destination, log_pull)
    found = flow_of_movement(
        window.arcs, forest, inside,
        cross_blocks(forest, inside, [ends], theta_per_h=case.theta), ends,
        beta_per_h=beta, theta_per_h=case.theta, hazard_aversion_h=case.kappa,
    )  # fmt: skip
    ids = list(zip(window.tail, window.head, window.key, strict=True))
    same(dict(zip(ids, found.transits, strict=True)), wanted.transits)
    same(dict(zip(ids, found.undetected, strict=True)), wanted.undetected)
    same(found.unseen.sum(), wanted.summary["undetected"])


@settings(max_examples=300, deadline=None)
@given(movements(), st.data())
def test_a_network_cut_at_a_bridge_needs_only_what_crosses_it(
    movement: tuple[Case, SitesOnWater, SitesOnWater, float], data: st.DataObject
) -> None:
    """Each side of a bridge, with four numbers for the other, has the flows of the whole."""
    case, origins, destinations, beta = movement
    arcs = arcs_of_graph(case.graph).arcs
    forest = find_forest(arcs)
    bridged = np.flatnonzero((forest.up >= 0) | (forest.down >= 0)).astype(np.int32)
    assume(bridged.size)
    cut = data.draw(st.sampled_from(bridged.tolist()))
    ends = Ends(*produce(origins, volume=1000.0), *pull_of_nodes(destinations, beta_per_h=beta))
    choice = {
        "beta_per_h": beta, "theta_per_h": case.theta, "hazard_aversion_h": case.kappa,
    }  # fmt: skip
    links = links_of_blocks(arcs, forest, hazard_aversion_h=case.kappa)
    crossings = cross_blocks(forest, links, [ends], theta_per_h=case.theta)
    whole = flow_of_movement(arcs, forest, links, crossings, ends, **choice)
    sums = sum_movement(
        arcs, forest, crossings, ends, beta_per_h=beta, hazard_aversion_h=case.kappa
    )
    hanging, rest = beyond_bridges(forest, sums, np.array([cut], dtype=np.int32))
    over = [a for a in (forest.up[cut], forest.down[cut]) if a >= 0]
    graph = nx.Graph()
    graph.add_nodes_from(range(arcs.n_nodes))
    kept = np.setdiff1d(np.arange(arcs.tail.size), over)
    graph.add_edges_from(zip(arcs.tail[kept].tolist(), arcs.head[kept].tolist(), strict=True))
    for beyond, other in ((hanging, rest), (rest, hanging)):
        side = np.zeros(arcs.n_nodes, dtype=np.bool_)
        side[list(nx.node_connected_component(graph, int(other.node[0])))] = True
        mine = np.flatnonzero(
            side[arcs.tail] & side[arcs.head] | np.isin(np.arange(arcs.tail.size), over)
        )
        part = Arcs(
            arcs.n_nodes, arcs.tail[mine], arcs.head[mine],
            np.unique(arcs.edge[mine], return_inverse=True)[1].astype(np.int32),
            arcs.time_h[mine], arcs.hazard[mine], arcs.end_survival,
        )  # fmt: skip
        own = Ends(
            ends.origin[side[ends.origin]], ends.production[side[ends.origin]],
            ends.destination[side[ends.destination]], ends.log_pull[side[ends.destination]], beyond,
        )  # fmt: skip
        small = find_forest(part)
        inside = links_of_blocks(part, small, hazard_aversion_h=case.kappa)
        crossed = cross_blocks(small, inside, [own], theta_per_h=case.theta)
        found = flow_of_movement(part, small, inside, crossed, own, **choice)
        same(found.transits, whole.transits[mine])
        same(found.undetected, whole.undetected[mine])
        for total in ("served", "unseen", "local", "unserved"):
            same(getattr(found, total), getattr(whole, total)[side[ends.origin]])
