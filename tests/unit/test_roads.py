"""Roads and landings: one drawn study, its routes listed by hand, and what is refused or told."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import oracle
import pytest
from pyproj import Geod
from river_studies import Region, degrees, points_table, rivers_table
from road_studies import LANDINGS, ROADS, road_region, roads_table

from riskmap.errors import NetworkError
from riskmap.network.arcs import Bools
from riskmap.network.roads import LANDING, RIVER, ROAD
from riskmap.results.check import check_network, reaches_by_part
from riskmap.results.graph import scored_graph

XY = tuple[int, int]


def km(*places: XY) -> float:
    lon, lat = zip(*degrees(places), strict=True)
    return float(Geod(ellps="WGS84").line_length(lon, lat)) / 1000.0


def modes(region: Region) -> dict[str, float]:
    table = region.outcome.reaches
    return table.groupby("mode")["length_km"].sum().to_dict()


def notes(region: Region, kind: str) -> list[str]:
    return [str(note) for note in region.sited.reaches.notes if note.kind == kind]


def by_hand() -> nx.MultiDiGraph:
    """The drawn network: E – A – C – B – V on the river, a – J – b on the road, W its dead end."""
    graph = nx.MultiDiGraph()
    graph.add_node("C", detection_probability=0.5)

    def river(u: str, v: str, length: float) -> None:
        graph.add_edge(u, v, key="river", travel_time_h=length / 12.0)
        graph.add_edge(v, u, key="river", travel_time_h=length / 8.0)

    def both(u: str, v: str, key: str, hours: float) -> None:
        graph.add_edge(u, v, key=key, travel_time_h=hours)
        graph.add_edge(v, u, key=key, travel_time_h=hours)

    river("source", "E", km((0, 0), (0, -50)))
    river("E", "A", km((0, -50), (0, -300)))
    river("A", "C", km((0, -300), (0, -900)))
    river("C", "B", km((0, -900), (0, -2000)))
    river("B", "V", km((0, -2000), (0, -2200)))
    river("V", "mouth", km((0, -2200), (0, -2500)))
    both("A", "a", "landing", 0.2)
    both("B", "b", "landing", 0.1)
    both("a", "J", "road", km((10, -300), (300, -300), (300, -1200)) / 60.0)
    both("b", "J", "road", km((0, -2000), (300, -2000), (300, -1200)) / 60.0)
    both("J", "W", "road", km((300, -1200), (-300, -1200)) / 30.0)
    return graph


@pytest.mark.parametrize("theta", [0.0, 1.5, float("inf")])
@pytest.mark.parametrize("kappa", [0.0, 1.0])
def test_the_drawn_study_agrees_with_every_route_listed(theta: float, kappa: float) -> None:
    region = road_region().set("routes", theta_per_h=theta, hazard_aversion_h=kappa)
    listed = oracle.assign(by_hand(), [("E", "V", 1000.0)], theta=theta, kappa=kappa)
    by_mode: dict[str, float] = {}
    for (_, _, key), transits in listed.transits.items():
        by_mode[key] = max(by_mode.get(key, 0.0), transits)
    table = region.outcome.reaches
    middle = table[table.intersects(points_table("x", [((0, -700), {})]).geometry.iloc[0])]
    assert middle["transits"].tolist() == pytest.approx([listed.transits["A", "C", "river"]])
    for mode in ("road", "landing"):
        busiest = table.loc[table["mode"] == mode, "transits"].max()
        assert busiest == pytest.approx(by_mode[mode], rel=1e-9, abs=1e-9), mode
    for name in ("served", "undetected"):
        assert region.outcome.summary[name] == pytest.approx(listed.summary[name], rel=1e-9)
    if theta == 1.5:
        assert 10.0 < by_mode["road"] < 990.0


def test_least_hours_go_over_the_road_with_both_changes() -> None:
    region = road_region()
    (hours,) = region.outcome.routes["travel_hours"]
    graph = by_hand()
    assert hours == pytest.approx(
        nx.shortest_path_length(graph, "E", "V", weight="travel_time_h"), rel=1e-9
    )
    path = nx.shortest_path(graph, "E", "V", weight="travel_time_h")
    assert path == ["E", "A", "a", "J", "b", "B", "V"]
    (line,) = region.outcome.routes.geometry
    drawn = np.round((np.array(line.coords) - (-70.0, -12.6)) * 1e4).astype(int).tolist()
    for place in ([0, -300], [4, -300], [10, -300], [300, -1200], [0, -2000], [0, -2200]):
        assert place in drawn


def test_a_bridge_is_no_junction() -> None:
    reaches = road_region(landings=None).sited.reaches
    at_bridge = np.abs(reaches.node_xy - (-70.0, -12.72)).max(axis=1) < 1e-3
    assert not at_bridge.any()
    assert not np.intersect1d(*(nodes_of(reaches, reaches.mode == m) for m in (RIVER, ROAD))).size
    tied = road_region().sited.reaches
    wet, dry, change = (nodes_of(tied, tied.mode == mode) for mode in (RIVER, ROAD, LANDING))
    assert not np.intersect1d(wet, dry).size
    assert np.intersect1d(wet, change).size == np.intersect1d(dry, change).size == 2


def nodes_of(reaches: Any, chosen: Bools) -> np.ndarray:
    return np.union1d(reaches.u[chosen], reaches.v[chosen])


def test_sites_stand_on_water_though_a_road_is_nearer() -> None:
    """The venue stands beside the road, three kilometres from the river."""
    place = ((299, -700), {"capacity": 1.0, "confidence": 1.0})
    region = road_region(venues=points_table("venue", [place]))
    sites, reaches = region.sited.sites["venues"], region.sited.reaches
    assert sites.distance_km[0] == pytest.approx(km((299, -700), (0, -700)), rel=1e-6)
    meeting = (reaches.u == sites.node[0]) | (reaches.v == sites.node[0])
    assert (reaches.mode[meeting] == RIVER).all()


def test_patrols_stay_on_the_water_and_corridors_too() -> None:
    post = {"patrol_hours": 60.0, "range_h": 9.0, "decay_h": 2.0, "speed_kmh": 20.0}
    posts = points_table("post", [((0, -300), {**post, "effectiveness": 1.0})])
    table = road_region(police_posts=posts).outcome.reaches
    water = table["mode"] == "river"
    assert table.loc[water, "patrol_hours"].sum() == pytest.approx(60.0, rel=1e-9)
    assert (table.loc[~water, "patrol_hours"] == 0.0).all()
    for column in ("hours_to_nearest_post", "interceptions_per_100_patrol_hours"):
        assert table.loc[water, column].notna().all(), column
        assert table.loc[~water, column].isna().all(), column
    assert (table.loc[~water, "transits"] > 0.0).any()
    assert table.loc[~water, "corridor_id"].isna().all()


def test_a_corridor_ends_where_traffic_leaves_for_the_road() -> None:
    with_roads, without = road_region(), road_region(roads=None, landings=None)
    assert len(without.outcome.corridors) == 1
    assert len(with_roads.outcome.corridors) == 3


def test_a_border_is_crossed_where_it_was_before_the_landing() -> None:
    """A landing on the border river begins no new crossing of the border that it runs along."""
    river = [(0, 0), (8, -400), (-8, -800), (8, -1200), (0, -2500)]
    borders = roads_table([([(0, 100), (0, -2600)], {"name": "Raya"})])
    rivers = rivers_table([(river, {"name": "Mayor"})])
    regions = [
        road_region(rivers=rivers, borders=borders, landings=landings)
        for landings in (None, points_table("landing", [((10, -300), {"transfer_h": 0.2})]))
    ]
    counts = [int(region.sited.border_nodes.sum()) for region in regions]
    assert counts[0] == counts[1]


def test_a_landing_too_far_from_its_road_or_its_water_is_told() -> None:
    rows = [*LANDINGS, ((300, -600), {"transfer_h": 0.2}), ((-200, -600), {"transfer_h": 0.2})]
    region = road_region(landings=points_table("landing", rows))
    assert (region.sited.reaches.mode == LANDING).sum() == 2
    wet, far = notes(region, "unattached")
    assert "landings, row 2: lies 3.3 km from navigable water, beyond the limit of 0.5 km" in wet
    assert "row 3: lies 4.0 km from a passable road and 2.2 km from navigable water" in far
    near = region.set("travel", landing_tolerance_m=4000.0)
    assert (near.sited.reaches.mode == LANDING).sum() == 3


def test_of_two_landings_between_the_same_places_the_quicker_one_is_taken() -> None:
    rows = [*LANDINGS, ((0, -2000), {"transfer_h": 0.05}), ((4, -300), {"transfer_h": 0.3})]
    region = road_region(landings=points_table("landing", rows))
    told = notes(region, "mended")
    assert ["row 1" in told[0], "row 3" in told[1], len(told)] == [True, True, 2]
    network = region.scored.network
    change = region.sited.reaches.mode[network.reach] == LANDING
    assert sorted(network.arcs.time_h[change]) == pytest.approx([0.05, 0.05, 0.2, 0.2])


def test_speeds_are_the_roads_own_then_its_class_then_the_studys() -> None:
    lines = [
        ([(300, 0), (300, -100)], {"speed_kmh": 33.0, "road_class": "trunk"}),
        ([(300, -100), (300, -200)], {"road_class": "Unclassified"}),
        ([(300, -200), (300, -300)], {"road_class": "trocha"}),
        ([(300, -300), (300, -400)], {}),
    ]
    speeds = {}
    for season in ("low", "high"):
        region = road_region(roads=roads_table(lines), landings=None).set("study", season=season)
        table, given = region.sited.reaches, region.scored.speeds
        road = np.flatnonzero(table.mode == ROAD)
        by_row = road[np.argsort(table.source_id[road])]
        assert (given.downstream_kmh[by_row] == given.upstream_kmh[by_row]).all()
        speeds[season] = given.downstream_kmh[by_row].tolist()
    assert speeds["low"] == pytest.approx([33.0, 25.0, 40.0, 40.0])
    assert speeds["high"] == pytest.approx([33.0, 15.0, 40.0, 40.0])
    (told,) = notes(region, "defaulted")
    assert "2 roads without a speed, of class trocha or none: 40 km/h is assumed" in told


def test_a_road_that_is_closed_in_the_season_carries_nobody() -> None:
    lines = [(places, {**columns, "passable": "low"}) for places, columns in ROADS]
    region = road_region(roads=roads_table(lines))
    dry, wet = (region.set("study", season=season).outcome.reaches for season in ("low", "high"))
    assert dry.loc[dry["mode"] == "road", "transits"].max() > 0.0
    assert wet.loc[wet["mode"] == "road", "transits"].max() == 0.0


def test_roads_without_landings_and_landings_without_roads_are_told() -> None:
    (told,) = notes(road_region(landings=None), "doubtful")
    assert "the study has no landings: no trip can change to a road" in told
    (told,) = notes(road_region(roads=None), "doubtful")
    assert "there are no roads to tie to water" in told


def test_roads_that_come_to_nothing_are_refused() -> None:
    specks = roads_table([([(0, 0), (0, -1)], {})])
    region = road_region(roads=specks).set("travel", snap_tolerance_m=50.0)
    with pytest.raises(NetworkError, match="roads: no line is longer than the tolerance"):
        _ = region.sited


def test_roads_are_noded_among_themselves() -> None:
    """A side road ends four metres from the main one; two others cross without a vertex."""
    lines = [
        ([(300, 0), (300, -400)], {}),
        ([(299, -100), (200, -100)], {}),
        ([(250, -300), (350, -300)], {}),
    ]
    region = road_region(roads=roads_table(lines), landings=None).set(
        "travel", snap_tolerance_m=15.0
    )
    reaches = region.sited.reaches
    road = reaches.mode == ROAD
    graph = nx.Graph(zip(reaches.u[road], reaches.v[road], strict=True))
    assert nx.number_connected_components(graph) == 1
    assert sorted(d for _, d in graph.degree) == [1, 1, 1, 1, 1, 3, 4]
    assert any(note.layer == "roads" for note in reaches.notes if note.kind == "mended")


def test_the_graph_and_the_check_tell_modes_apart() -> None:
    region = road_region()
    graph = scored_graph(region.scored)
    arcs = [mode for _, _, mode in graph.edges(data="mode")]
    assert {mode: arcs.count(mode) for mode in sorted(set(arcs))} == {
        "landing": 4,
        "river": 12,
        "road": 6,
    }
    assert set(modes(region)) == {"river", "road", "landing"}
    check = check_network(region.settings.study, region.layers, region.sited)
    assert check.as_dict()["modes"]["road"]["reaches"] == 3
    assert sorted(set(reaches_by_part(check)["mode"])) == ["landing", "river", "road"]
    (part,) = check.components
    assert part.km_by_mode["river"] == pytest.approx(km((0, 0), (0, -2500)), rel=1e-9)
