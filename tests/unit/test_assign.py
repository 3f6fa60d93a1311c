"""`riskmap.assign` on drawn cases, its table, and what it refuses."""

from __future__ import annotations

import math

import networkx as nx
import oracle
import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import DemandError

INF = math.inf


def demand(*rows: tuple[object, object, float]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["origin", "destination", "transits"])


def transits(table: pd.DataFrame) -> dict[tuple[object, object, object], float]:
    return dict(
        zip(zip(table["u"], table["v"], table["key"], strict=True), table["transits"], strict=True)
    )


@pytest.fixture
def diamond() -> nx.DiGraph:
    r"""
    .     A          S-A-T 2 h, S-B-T 2.5 h, one way
    .   1/ \1
    .   S   T
    .   1\ /1.5
    .     B
    """
    graph = nx.DiGraph()
    for u, v, hours in (("S", "A", 1.0), ("S", "B", 1.0), ("B", "T", 1.5), ("A", "T", 1.0)):
        graph.add_edge(u, v, travel_time_h=hours, hazard=0.2 if u == "A" else 0.0)
    return graph


# --- the table -----------------------------------------------------------------------------------
def test_the_table_has_the_arcs_in_the_graphs_order(diamond: nx.DiGraph) -> None:
    table = rm.assign(diamond, demand(("S", "T", 10.0)), theta_per_h=1.0, hazard_aversion_h=0.0)
    assert list(table.columns) == ["u", "v", "key", "transits", "undetected_transits"]
    assert list(zip(table["u"], table["v"], strict=True)) == list(diamond.edges)
    assert table.index.tolist() == [0, 1, 2, 3]
    slow = math.exp(-0.5) / (1 + math.exp(-0.5))
    by_a = 10 * (1 - slow)
    assert transits(table) == pytest.approx(
        {("S", "A", 0): by_a, ("A", "T", 0): by_a}
        | {("S", "B", 0): 10 * slow, ("B", "T", 0): 10 * slow}
    )
    # The hazard lies on A-T, and counts on S-A too: undetected is of the whole trip.
    undetected = dict(zip(table["u"] + table["v"], table["undetected_transits"], strict=True))
    assert undetected["SA"] == pytest.approx(by_a * math.exp(-0.2))
    assert undetected["AT"] == pytest.approx(by_a * math.exp(-0.2))
    assert undetected["SB"] == pytest.approx(10 * slow)


def test_an_undirected_edge_is_two_rows() -> None:
    line = nx.MultiGraph()
    line.add_edge("p", "q", key="old channel", travel_time_h=1.0)
    line.add_edge("p", "q", key="new channel", travel_time_h=1.0)
    table = rm.assign(line, demand(("q", "p", 4.0)), theta_per_h=INF)
    assert transits(table) == {
        ("p", "q", "old channel"): 0.0,
        ("q", "p", "old channel"): 2.0,
        ("p", "q", "new channel"): 0.0,
        ("q", "p", "new channel"): 2.0,
    }


def test_the_summary_says_where_the_demand_went(diamond: nx.DiGraph) -> None:
    diamond.nodes["T"]["detection_probability"] = 0.25
    diamond.add_node("island")
    rows = demand(("S", "T", 8.0), ("T", "S", 3.0), ("A", "A", 2.0), ("S", "island", 1.0))
    table = rm.assign(diamond, rows, theta_per_h=0.0)
    caught = 8 - 0.75 * (4 * math.exp(-0.2) + 4)
    assert table.attrs["summary"] == pytest.approx(
        {"demand": 14.0, "served": 8.0, "local": 2.0, "unserved": 4.0}
        | {"detected": caught, "undetected": 8 - caught}
    )


def test_the_callers_objects_are_not_touched(diamond: nx.DiGraph) -> None:
    rows = demand(("S", "T", 8.0)).set_index(pd.Index(["x"]))
    graph, table = diamond.copy(), rows.copy()
    rm.assign(diamond, rows, theta_per_h=1.0)
    assert nx.utils.graphs_equal(graph, diamond)
    pd.testing.assert_frame_equal(rows, table)


def test_no_trips_is_a_table_of_zeros(diamond: nx.DiGraph) -> None:
    table = rm.assign(diamond, demand(), theta_per_h=1.0)
    assert table["transits"].tolist() == [0.0] * 4
    assert table.attrs["summary"]["demand"] == 0.0


def test_nodes_may_be_of_any_hashable_kind() -> None:
    graph = nx.Graph()
    graph.add_edge((0, 1), "Mazuko", travel_time_h=1.0)
    graph.add_edge("Mazuko", 7, travel_time_h=1.0)
    table = rm.assign(graph, demand(((0, 1), 7, 2.0)), theta_per_h=1.0)
    assert transits(table)[("Mazuko", 7, 0)] == 2.0


# --- routes --------------------------------------------------------------------------------------
def test_tied_ways_share_path_by_path() -> None:
    """S --2-- T; S --1-- M =1,1= T: three least ways, a third each."""
    tied = nx.MultiGraph()
    for u, v, hours in (("S", "T", 2.0), ("S", "M", 1.0), ("M", "T", 1.0), ("M", "T", 1.0)):
        tied.add_edge(u, v, travel_time_h=hours)
    table = rm.assign(tied, demand(("S", "T", 3.0)), theta_per_h=INF)
    flow = transits(table)
    assert flow[("S", "T", 0)] == pytest.approx(1.0)
    assert flow[("S", "M", 0)] == pytest.approx(2.0)
    assert flow[("M", "T", 1)] == pytest.approx(1.0)


@pytest.mark.parametrize(("longer", "share"), [(2e-10, 0.5), (1e-8, 0.0)])
def test_ways_tie_within_a_billionth(longer: float, share: float) -> None:
    two = nx.MultiGraph()
    two.add_edge("S", "T", travel_time_h=1.0)
    two.add_edge("S", "T", travel_time_h=1.0 + longer)
    flow = transits(rm.assign(two, demand(("S", "T", 1.0)), theta_per_h=INF))
    assert flow[("S", "T", 1)] == pytest.approx(share)


def test_a_trip_does_not_come_back_through_its_own_origin() -> None:
    r"""
    .  a - A - 1 - D      o lies in the middle of a chain: it leaves both ways, and the way
    .      1       |      o-A-o-B-D turns round and is none.
    .      o       0.5
    .      1       |
    .  b - B ------+
    """
    ring = nx.Graph()
    for u, v, hours in (("o", "A", 1.0), ("A", "D", 1.0), ("o", "B", 1.0), ("B", "D", 0.5)):
        ring.add_edge(u, v, travel_time_h=hours)
    ring.add_edge("A", "a", travel_time_h=1.0)
    ring.add_edge("B", "b", travel_time_h=1.0)
    flow = transits(rm.assign(ring, demand(("o", "D", 1.0)), theta_per_h=1.0))
    far = math.exp(-0.5) / (1 + math.exp(-0.5))
    assert flow[("A", "D", 0)] == pytest.approx(far)
    assert flow[("B", "D", 0)] == pytest.approx(1 - far)
    assert flow[("A", "o", 0)] == 0.0
    # Somebody else's trip passes o, and takes A-o-B as one link.
    through = transits(rm.assign(ring, demand(("a", "D", 1.0)), theta_per_h=1.0))
    assert through[("A", "o", 0)] == pytest.approx(math.exp(-1.5) / (1 + math.exp(-1.5)))


def test_equal_times_are_equal_however_they_were_added_up() -> None:
    """A ladder whose rungs join nodes equally far from T, in sums of tenths: no rung is a way."""
    ladder = nx.Graph()
    left, right = [0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]
    for side, steps in (("l", left), ("r", right)):
        for step, hours in enumerate(steps):
            start = "T" if step == 0 else f"{side}{step}"
            ladder.add_edge(start, f"{side}{step + 1}", travel_time_h=hours)
    ladder.add_edge("l4", "r4", travel_time_h=0.1)
    for stub in ("l4", "r4"):
        ladder.add_edge(stub, f"{stub} stub", travel_time_h=1.0)
    flow = transits(rm.assign(ladder, demand(("l4", "T", 1.0), ("r4", "T", 1.0)), theta_per_h=0.0))
    assert flow[("l4", "r4", 0)] == flow[("r4", "l4", 0)] == 0.0


def test_a_pure_cycle_without_decision_nodes_is_legal() -> None:
    ring = nx.cycle_graph(4)
    nx.set_edge_attributes(ring, 1.0, "travel_time_h")
    flow = transits(rm.assign(ring, demand((0, 2, 1.0), (0, 1, 1.0)), theta_per_h=0.0))
    # 0 -> 2 both ways round; 0 -> 1 by one step or by three.
    assert flow[(0, 1, 0)] == pytest.approx(1.0)
    assert flow[(0, 3, 0)] == pytest.approx(1.0)
    assert flow[(2, 1, 0)] == pytest.approx(0.5)


def test_a_one_way_chain_back_to_the_start_gives_no_share_at_theta_zero() -> None:
    """0 <-> 3 <-> 4 -> 0 and stubs at 0: nothing can come to 3 by way of 4."""
    graph = nx.DiGraph()
    for u, v in ((0, 1), (0, 2), (0, 3), (1, 0), (2, 0), (3, 0), (3, 4), (4, 3), (4, 0)):
        graph.add_edge(u, v, travel_time_h=0.25)
    table = rm.assign(graph, demand((0, 3, 1.0)), theta_per_h=0.0)
    assert transits(table) == {arc: float(arc == (0, 3, 0)) for arc in transits(table)}


@pytest.mark.parametrize("steep", [1e-6, 50.0, 1e4, 1e9])
def test_extreme_theta_neither_overflows_nor_loses_a_trip(
    diamond: nx.DiGraph, steep: float
) -> None:
    table = rm.assign(diamond, demand(("S", "T", 1.0)), theta_per_h=steep)
    listed = oracle.assign(diamond, [("S", "T", 1.0)], theta=steep)
    assert transits(table) == pytest.approx(listed.transits, rel=1e-9, abs=1e-300)


def test_a_long_chain_of_choices_does_not_underflow() -> None:
    """Two hundred diamonds in a row, each with a near tie: 2^200 routes, all of one trip."""
    braid = nx.MultiGraph()
    for step in range(200):
        braid.add_edge(step, step + 1, travel_time_h=1.0, hazard=0.01)
        braid.add_edge(step, step + 1, travel_time_h=1.5, hazard=0.01)
    table = rm.assign(braid, demand((0, 200, 1.0)), theta_per_h=2.0)
    slow = math.exp(-1) / (1 + math.exp(-1))
    flow = transits(table)
    assert flow[(0, 1, 1)] == flow[(199, 200, 1)] == pytest.approx(slow)
    assert table.attrs["summary"]["undetected"] == pytest.approx(math.exp(-2.0))


# --- hazard and checkpoints ----------------------------------------------------------------------
def test_checkpoints_on_the_way_and_at_the_ends_count_once_each() -> None:
    """S(0.1) - M(0.5) - T(0.2)"""
    line = nx.path_graph(["S", "M", "T"])
    nx.set_edge_attributes(line, 1.0, "travel_time_h")
    nx.set_node_attributes(line, {"S": 0.1, "M": 0.5, "T": 0.2}, "detection_probability")
    table = rm.assign(line, demand(("S", "T", 100.0)), theta_per_h=1.0)
    survivors = 100 * 0.9 * 0.5 * 0.8
    assert table["undetected_transits"].tolist() == pytest.approx([survivors, 0, survivors, 0])


def test_a_certain_checkpoint_catches_the_ignorant_and_turns_the_wary() -> None:
    diamond = nx.Graph()
    for u, v, hours in (("S", "A", 1.0), ("A", "T", 1.0), ("S", "B", 1.0), ("B", "T", 9.0)):
        diamond.add_edge(u, v, travel_time_h=hours)
    diamond.nodes["A"]["detection_probability"] = 1.0
    ignorant = rm.assign(diamond, demand(("S", "T", 1.0)), theta_per_h=INF)
    assert ignorant.attrs["summary"]["detected"] == 1.0
    assert transits(ignorant)[("S", "A", 0)] == 1.0
    assert ignorant["undetected_transits"].tolist() == [0.0] * 8
    wary = rm.assign(diamond, demand(("S", "T", 1.0)), theta_per_h=INF, hazard_aversion_h=0.1)
    assert wary.attrs["summary"]["undetected"] == 1.0
    assert transits(wary)[("S", "B", 0)] == 1.0


# --- what it refuses -----------------------------------------------------------------------------
BAD_TIMES = [math.nan, -1.0, INF, "an hour", None]


@pytest.mark.parametrize("hours", BAD_TIMES)
def test_a_travel_time_that_is_none_is_refused_by_arc(diamond: nx.DiGraph, hours: object) -> None:
    diamond.edges["B", "T"]["travel_time_h"] = hours
    with pytest.raises(DemandError, match=r"B.*T.*travel_time_h"):
        rm.assign(diamond, demand(("S", "T", 1.0)))


def test_a_missing_travel_time_is_refused_by_arc(diamond: nx.DiGraph) -> None:
    del diamond.edges["S", "A"]["travel_time_h"]
    with pytest.raises(DemandError, match=r"S.*A.*travel_time_h"):
        rm.assign(diamond, demand(("S", "T", 1.0)))


@pytest.mark.parametrize("hazard", [-0.1, math.nan, "high"])
def test_a_hazard_below_zero_or_unreadable_is_refused_by_arc(
    diamond: nx.DiGraph, hazard: object
) -> None:
    diamond.edges["A", "T"]["hazard"] = hazard
    with pytest.raises(DemandError, match=r"A.*T.*hazard"):
        rm.assign(diamond, demand(("S", "T", 1.0)))


@pytest.mark.parametrize("q", [-0.1, 1.1, 70, math.nan, "often"])
def test_a_detection_probability_outside_0_to_1_is_refused_by_node(
    diamond: nx.DiGraph, q: object
) -> None:
    diamond.nodes["A"]["detection_probability"] = q
    with pytest.raises(DemandError, match=r"A.*detection_probability"):
        rm.assign(diamond, demand(("S", "T", 1.0)))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("S", "Lima", 1.0), r"1.*Lima"),
        (("Cusco", "T", 1.0), r"1.*Cusco"),
        (("S", "T", -1.0), r"1.*-1"),
        (("S", "T", math.nan), r"1.*transits"),
        (("S", "T", INF), r"1.*transits"),
        (("S", "T", "many"), r"many"),
        (("S", None, 1.0), r"1.*destination"),
    ],
)
def test_a_row_of_demand_that_cannot_be_used_is_named(
    diamond: nx.DiGraph, row: tuple[object, object, float], words: str
) -> None:
    with pytest.raises(DemandError, match=words):
        rm.assign(diamond, demand(("S", "T", 1.0), row))


def test_a_demand_without_its_columns_is_refused(diamond: nx.DiGraph) -> None:
    with pytest.raises(DemandError, match="destination"):
        rm.assign(diamond, demand(("S", "T", 1.0)).rename(columns={"destination": "to"}))


@pytest.mark.parametrize("theta", [-1.0, math.nan])
def test_theta_below_zero_is_refused(diamond: nx.DiGraph, theta: float) -> None:
    with pytest.raises(DemandError, match="theta_per_h"):
        rm.assign(diamond, demand(("S", "T", 1.0)), theta_per_h=theta)


@pytest.mark.parametrize("kappa", [-1.0, math.nan, INF])
def test_aversion_below_zero_or_infinite_is_refused(diamond: nx.DiGraph, kappa: float) -> None:
    with pytest.raises(DemandError, match="hazard_aversion_h"):
        rm.assign(diamond, demand(("S", "T", 1.0)), hazard_aversion_h=kappa)


def test_every_problem_is_named_at_once(diamond: nx.DiGraph) -> None:
    diamond.edges["A", "T"]["hazard"] = -1.0
    diamond.edges["B", "T"]["travel_time_h"] = math.nan
    with pytest.raises(DemandError, match="hazard") as caught:
        rm.assign(diamond, demand(("S", "Lima", 1.0)), hazard_aversion_h=-1.0)
    assert len(caught.value.problems) >= 4
    assert all(problem.remedy for problem in caught.value.problems)
