"""The oracle against cases worked by hand: an oracle that nobody checked proves nothing."""

from __future__ import annotations

import math
from fractions import Fraction

import networkx as nx
import oracle
import pytest

INF = math.inf


def undirected(*edges: tuple[object, object, float]) -> nx.MultiGraph:
    graph = nx.MultiGraph()
    for u, v, hours in edges:
        graph.add_edge(u, v, travel_time_h=hours)
    return graph


def shares(graph: nx.Graph, origin: object, destination: object, **options: float) -> list[float]:
    routes = oracle.list_routes(graph, origin, destination, **options)
    return sorted(route.probability for route in routes)


def test_diamond_shares_by_logit_on_the_two_ways() -> None:
    r"""
    .     A
    .   1/ \1
    .   S   T
    .   1\ /1.5
    .     B
    """
    diamond = undirected(("S", "A", 1), ("A", "T", 1), ("S", "B", 1), ("B", "T", 1.5))
    slow = math.exp(-0.5) / (1 + math.exp(-0.5))
    assert shares(diamond, "S", "T", theta=1.0) == pytest.approx([slow, 1 - slow], rel=1e-15)
    flows = oracle.assign(diamond, [("S", "T", 10.0)], theta=1.0)
    assert flows.transits[("B", "T", 0)] == pytest.approx(10 * slow)
    assert flows.transits[("T", "B", 0)] == 0.0


def test_braid_of_two_counts_four_ways() -> None:
    r"""S =2= M =2= T: two channels, twice; no choice at θ = 0 but by count."""
    braid = undirected(("S", "M", 1), ("S", "M", 2), ("M", "T", 1), ("M", "T", 3))
    assert shares(braid, "S", "T", theta=0.0) == [0.25] * 4
    w = [1.0, math.exp(-1), math.exp(-2), math.exp(-3)]
    assert shares(braid, "S", "T", theta=1.0) == pytest.approx(sorted(x / sum(w) for x in w))


def test_ties_share_path_by_path_and_not_link_by_link() -> None:
    """S --2-- T; S --1-- M =1,1= T; and a stub at M."""
    tied = undirected(("S", "T", 2), ("S", "M", 1), ("M", "T", 1), ("M", "T", 1), ("S", "x", 1))
    assert shares(tied, "S", "T", theta=INF) == pytest.approx([1 / 3] * 3)


def test_a_way_longer_by_more_than_the_tie_gets_nothing_at_infinite_theta() -> None:
    near = undirected(("S", "T", 1.0), ("S", "T", 1.0 + 5e-10), ("S", "T", 1.0 + 5e-9))
    assert shares(near, "S", "T", theta=INF) == [0.0, 0.5, 0.5]


def test_an_origin_in_the_middle_of_a_chain_may_leave_both_ways_and_does_not_come_back() -> None:
    r"""
    .  a - A - 1 - D
    .      1       |
    .      o       0.5
    .      1       |
    .  b - B ------+
    """
    ring = undirected(
        ("o", "A", 1), ("A", "D", 1), ("o", "B", 1), ("B", "D", 0.5), ("A", "a", 1), ("B", "b", 1)
    )
    near, far = 1.0, math.exp(-0.5)
    assert shares(ring, "o", "D", theta=1.0) == pytest.approx(
        [far / (near + far), near / (near + far)]
    )
    back = math.exp(-2.0)  # the other reading: o-A-o-B-D in 3.5 h
    assert shares(ring, "o", "D", theta=1.0, origin_ends_links=False) == pytest.approx(
        [x / (near + far + back) for x in (back, far, near)]
    )


def test_somebody_elses_way_through_that_node_is_a_link() -> None:
    """From A the chain A-o-B is one link: nobody stops at o who has no business there."""
    ring = undirected(
        ("o", "A", 1), ("A", "D", 1), ("o", "B", 1), ("B", "D", 0.5), ("A", "a", 1), ("B", "b", 1)
    )
    direct, round_about = 1.0, math.exp(-1.5)
    assert shares(ring, "a", "D", theta=1.0) == pytest.approx(
        [round_about / (1 + round_about), direct / (1 + round_about)]
    )


def test_a_pure_cycle_without_decision_nodes_is_legal() -> None:
    cycle = undirected(("p", "q", 1), ("q", "r", 1), ("r", "s", 1), ("s", "p", 1))
    assert shares(cycle, "p", "r", theta=2.0) == [0.5, 0.5]
    assert len(shares(cycle, "p", "q", theta=0.0)) == 2


def test_a_detour_over_a_link_that_leads_away_is_no_route() -> None:
    """S - T 1 h; S - M 1 h, M - T 3 h: M is farther from T than S is, stub or no stub."""
    square = undirected(("S", "T", 1), ("S", "M", 1), ("M", "T", 3), ("M", "x", 1), ("S", "y", 1))
    assert shares(square, "S", "T", theta=0.0) == [1.0]


def test_survival_counts_each_checkpoint_once_and_the_end() -> None:
    """S(0.1) - M(0.5) - T(0.2)"""
    line = nx.Graph()
    line.add_edge("S", "M", travel_time_h=1.0, hazard=0.3)
    line.add_edge("M", "T", travel_time_h=1.0)
    for node, q in (("S", 0.1), ("M", 0.5), ("T", 0.2)):
        line.nodes[node]["detection_probability"] = q
    (route,) = oracle.list_routes(line, "S", "T", theta=1.0)
    survival = 0.9 * 0.5 * 0.8 * math.exp(-0.3)
    assert route.survival == pytest.approx(survival)
    flows = oracle.assign(line, [("S", "T", 100.0), ("S", "S", 5.0)], theta=1.0)
    assert flows.undetected == pytest.approx(
        {("S", "M", 0): 100 * survival, ("M", "T", 0): 100 * survival}
        | {("M", "S", 0): 0.0, ("T", "M", 0): 0.0}
    )
    assert flows.summary["local"] == 5.0
    assert flows.summary["detected"] == pytest.approx(100 * (1 - survival))
    (aware,) = oracle.list_routes(line, "S", "T", theta=1.0, kappa=2.0)
    # The end's factor is no part of the generalized time.
    assert float(aware.g) == pytest.approx(2 + 2 * (0.3 - math.log(0.9) - math.log(0.5)))


def test_a_certain_checkpoint_closes_the_way_to_whoever_minds_it() -> None:
    diamond = undirected(("S", "A", 1), ("A", "T", 1), ("S", "B", 1), ("B", "T", 9))
    diamond.nodes["A"]["detection_probability"] = 1.0
    ignorant = oracle.list_routes(diamond, "S", "T", theta=INF)
    assert [(r.probability, r.survival) for r in ignorant if r.probability] == [(1.0, 0.0)]
    (evasive,) = oracle.list_routes(diamond, "S", "T", theta=INF, kappa=0.1)
    assert evasive.g == Fraction(10)


def test_opposite_arcs_pair_the_same_key_first() -> None:
    """u ⇄ m by key 0, u → m by key 1, m → u by key 2, m → w: edges at m are three."""
    graph = nx.MultiDiGraph()
    for u, v, key in (("u", "m", 0), ("u", "m", 1), ("m", "u", 2), ("m", "u", 0), ("m", "w", 0)):
        graph.add_edge(u, v, key=key, travel_time_h=1.0)
    arcs = {arc.id: arc.edge for arc in oracle.read_arcs(graph)}
    assert arcs[("u", "m", 0)] == arcs[("m", "u", 0)]
    assert arcs[("u", "m", 1)] == arcs[("m", "u", 2)]
    assert len(set(arcs.values())) == 3
    assert oracle.decision_nodes(graph, oracle.read_arcs(graph)) == {"m", "w"}


def test_a_loop_comes_to_its_node_twice() -> None:
    graph = undirected(("a", "b", 1), ("b", "b", 1), ("c", "c", 1))
    assert oracle.decision_nodes(graph, oracle.read_arcs(graph)) == {"a", "b"}


def test_one_way_chains_carry_only_with_the_arrow() -> None:
    graph = nx.DiGraph()
    for u, v in (("S", "m"), ("m", "T"), ("T", "n"), ("S", "n")):
        graph.add_edge(u, v, travel_time_h=1.0)
    assert len(oracle.list_routes(graph, "S", "T", theta=0.0)) == 1
    assert oracle.list_routes(graph, "T", "S", theta=0.0) == []
    assert oracle.assign(graph, [("T", "S", 3.0)], theta=0.0).summary["unserved"] == 3.0


def test_gravity_by_hand() -> None:
    """a - 1 h - b - 2 h - c; an island z; access legs; a destination at the origin's own node."""
    graph = undirected(("a", "b", 1), ("b", "c", 2))
    graph.add_node("z")
    origins = [oracle.Site("a", 0.5, 3.0), oracle.Site("z", 0.0, 1.0)]
    places = [oracle.Site("a", 0.0, 2.0), oracle.Site("c", 0.25, 4.0), oracle.Site(None, 0.0, 9.0)]
    result = oracle.gravity(graph, origins, places, volume=100.0, beta=0.1)
    here, there = 2 * math.exp(-0.05), 4 * math.exp(-0.375)
    assert result.unserved == 25.0
    assert result.local == pytest.approx(75 * here / (here + there))
    assert result.trips == pytest.approx({(0, 1): 75 * there / (here + there)})


def test_patrol_hours_agree_with_the_integral_by_hand() -> None:
    """p --10 km-- m --30 km-- n, 10 km/h, one hour to the start, three in all: 20 km of water."""
    post = oracle.Post("p", 1.0, 100.0, 0.5, 10.0, 3.0, 2.0)
    hours = oracle.patrol_hours([("p", "m", 10.0), ("m", "n", 30.0), ("y", "z", 5.0)], post)

    def integral(start_h: float, end_h: float) -> float:
        return 2 * (math.exp(-start_h / 2) - math.exp(-end_h / 2))

    first, second = integral(1, 2), integral(2, 3)
    assert hours == pytest.approx(
        [50 * first / (first + second), 50 * second / (first + second), 0.0], rel=1e-4
    )
    assert sum(hours) == pytest.approx(50.0)


def test_patrols_reach_a_ring_by_both_ends() -> None:
    post = oracle.Post("p", 0.0, 1.0, 1.0, 10.0, INF, INF)
    assert oracle.patrol_hours([("p", "m", 10.0), ("m", "p", 30.0)], post) == pytest.approx(
        [0.25, 0.75]
    )
    assert oracle.patrol_hours([("p", "m", 10.0)], oracle.Post("p", 5, 1, 1, 10, 3, 1)) == [0.0]


def test_hazard_and_the_value_of_one_more_hour() -> None:
    assert oracle.arc_hazard(
        [(72.0, 25.0), (36.0, 50.0)], arc_speed_kmh=10.0, detection_per_meeting=0.5, period_h=720.0
    ) == pytest.approx(0.5 * (0.1 * 2.5 + 0.05 * 5))
    line = undirected(("S", "T", 1.0))
    line.edges["S", "T", 0]["hazard"] = 0.2
    value = oracle.interceptions_per_100_patrol_hours(
        line,
        [("S", "T", 100.0), ("T", "S", 50.0)],
        theta=1.0,
        kappa=0.0,
        arc_speeds_kmh={("S", "T", 0): 16.0, ("T", "S", 0): 8.0},
        detection_per_meeting=0.5,
        period_h=720.0,
        standard_speed_kmh=24.0,
    )
    by_hand = 100 * 0.5 / 720 * math.exp(-0.2) * (100 * 24 / 16 + 50 * 24 / 8)
    assert value == pytest.approx(by_hand, rel=1e-7)


def test_corridors_by_hand() -> None:
    r"""
    .  0 -> 1 -> 2 -> 3 -> 4 -> 5 -> 6     transits 60 80 100 100, then a tributary at 4
    .                      ^
    .                      t
    """
    stretch = oracle.Stretch
    reaches = [
        stretch(0, 1, 60, "R"),
        stretch(1, 2, 80, "R"),
        stretch(2, 3, 100, "R"),
        stretch(3, 4, 100, "R"),
        stretch("t", 4, 5, "Q"),
        stretch(4, 5, 105, "R"),
        stretch(5, 6, 105, "S"),
        stretch("dry", 5, 0, "R"),
    ]
    # 80 is within 25 % of 100, 60 is not: it begins a chain of its own.
    expected = [{0}, {1, 2, 3}, {4}, {5}, {6}]
    assert oracle.chain_corridors(reaches) == {frozenset(chain) for chain in expected}
    cut = [{0}, {1, 2}, {3}, {4}, {5}, {6}]
    assert oracle.chain_corridors(reaches, border_nodes=[3]) == {frozenset(chain) for chain in cut}
