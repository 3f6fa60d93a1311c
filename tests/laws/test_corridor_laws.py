"""The laws of corridors (model §6) on small random river regions."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from itertools import pairwise

import geopandas as gpd
import numpy as np
import oracle
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from oracle import Stretch
from pyproj import Geod
from river_studies import WGS84, XY, Region, degrees, points_table, regions, rivers_table
from shapely.geometry import LineString, Point
from test_study_laws import graph_of

from riskmap.network.borders import find_crossings
from riskmap.network.reaches import build_reaches

law = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
GEOD = Geod(ellps="WGS84")
WITHIN = 0.25
#: Less than this share of the busiest reach is no traffic; laws leave a wide berth round it.
TRAFFIC = 1e-9


def members(region: Region) -> dict[int, list[int]]:
    """Reaches of every corridor, by its number, downstream."""
    chains = region.scored.chains
    spans = pairwise(chains.start.tolist())
    return {c: chains.reach[a:b].tolist() for c, (a, b) in enumerate(spans)}


def carrying(region: Region) -> list[int]:
    transits = region.scored.by_reach.transits
    return np.flatnonzero(transits > TRAFFIC * transits.max(initial=0.0)).tolist()


def reaches_at(region: Region) -> dict[int, list[int]]:
    """Reaches with traffic at every node."""
    reaches, at = region.scored.reaches, defaultdict(list)
    for r in carrying(region):
        at[int(reaches.u[r])].append(r)
        at[int(reaches.v[r])].append(r)
    return at


def joins(region: Region, node: int, pair: list[int]) -> bool:
    """Whether nothing but transits could part two reaches with traffic at a node.

    Reaches that meet head on in a known flow have no common downstream end, and may be parted.
    """
    reaches = region.scored.reaches
    onward = int(reaches.v[pair[0]]) == node, int(reaches.u[pair[1]]) == node
    if reaches.name[pair[0]] != reaches.name[pair[1]] or region.scored.border_nodes[node]:
        return False
    return onward[0] == onward[1] or not reaches.flow_known[pair].all()


def stays_within(region: Region, chain: list[int], *, slack: float = 1e-6) -> bool:
    """Whether transits stay within a quarter of those of the chain's last reach."""
    transits = region.scored.by_reach.transits
    base = transits[chain[-1]]
    return all(abs(transits[r] - base) <= WITHIN * base * (1 + slack) for r in chain)


# --- which reaches are a corridor ----------------------------------------------------------------
@law
@given(regions())
def test_every_reach_with_traffic_is_in_one_corridor(region: Region) -> None:
    listed = [r for chain in members(region).values() for r in chain]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(carrying(region))
    table, chains = region.outcome.reaches, region.scored.chains
    for c, chain in members(region).items():
        assert set(table["corridor_id"].iloc[chain]) == {f"c{c + 1:04d}"}
        assert (chains.corridor[chain] == c).all()
    without = table["corridor_id"].isna()
    assert without.sum() == len(table) - len(listed)
    ids = region.outcome.corridors["corridor_id"]
    assert set(ids) == set(table["corridor_id"][~without])
    assert ids.is_unique


@law
@given(regions())
def test_a_corridor_is_a_path_of_one_name_and_like_traffic(region: Region) -> None:
    scored, at = region.scored, reaches_at(region)
    reaches, chains = scored.reaches, scored.chains
    for c, chain in members(region).items():
        node, seen = int(chains.upstream_node[c]), []
        for r in chain:
            ends = [int(reaches.u[r]), int(reaches.v[r])]
            assert node in ends
            seen.append(node)
            node = ends[1 - ends.index(node)]
        assert node == chains.downstream_node[c]
        assert len(set(seen)) == len(seen)
        for inner in seen[1:]:
            assert len(at[inner]) == 2
            assert not scored.border_nodes[inner]
        assert len(set(reaches.name[chain])) == 1
        assert stays_within(region, chain)


@law
@given(regions())
def test_no_two_corridors_could_be_one(region: Region) -> None:
    chains, chain_of = region.scored.chains, members(region)
    for node, met in reaches_at(region).items():
        if len(met) != 2 or not joins(region, node, met):
            continue
        above, below = sorted(
            (int(c) for c in chains.corridor[met]), key=lambda c: chains.upstream_node[c] == node
        )
        if above == below:
            continue
        # They were walked as one chain, so that one ends where the other begins.
        assert chains.downstream_node[above] == node
        assert chains.upstream_node[below] == node
        assert not stays_within(region, chain_of[above] + chain_of[below], slack=-1e-6)


@settings(law, max_examples=40)
@given(regions())
def test_corridors_agree_with_the_plain_walk_up_from_each_lower_end(region: Region) -> None:
    """Where the direction of flow is known; reaches that meet head on are not one corridor."""
    assume(region.flow == "digitised")
    reaches = region.scored.reaches
    busy = set(carrying(region))
    stretches = [
        Stretch(int(u), int(v), float(transits) if r in busy else 0.0, str(name))
        for r, (u, v, transits, name) in enumerate(
            zip(reaches.u, reaches.v, region.scored.by_reach.transits, reaches.name, strict=True)
        )
    ]
    borders = np.flatnonzero(region.scored.border_nodes).tolist()
    expected = oracle.chain_corridors(stretches, border_nodes=borders)
    assert {frozenset(chain) for chain in members(region).values()} == expected


@law
@given(regions())
def test_a_corridor_runs_with_the_current(region: Region) -> None:
    assume(region.flow == "digitised")
    chains = region.scored.chains
    for c in members(region):
        with_line = chains.with_line[chains.start[c] : chains.start[c + 1]]
        assert with_line.all()


def test_the_arms_of_an_island_are_each_walked_with_the_current() -> None:
    """Both arms are Mayor: E and V1 lie on one, V3 and V2 down the other, P0 is the head.

    The reaches with traffic are a chain V1 E P0 V3 V2; it parts where transits change.
    """
    lines = [
        ([(0, 0), (-50, -50), (-50, -150), (0, -200)], {"name": "Mayor"}),
        ([(0, 0), (50, -50), (50, -150), (0, -200)], {"name": "Mayor"}),
    ]
    venues = [((-50, -150), 6.0), ((50, -80), 1.0), ((25, -25), 2.0)]
    region = Region(
        {
            "rivers": rivers_table(lines),
            "entry_points": points_table("entry", [((-50, -50), {"weight": 1.0})]),
            "venues": points_table(
                "venue", [(xy, {"capacity": a, "confidence": 1.0}) for xy, a in venues]
            ),
        },
        {"travel": {"snap_tolerance_m": 5.0}, "routes": {"theta_per_h": math.inf}},
    )
    chains, xy = region.scored.chains, region.scored.reaches.node_xy
    assert chains.upstream_node.size >= 3
    south = xy[chains.upstream_node, 1] - xy[chains.downstream_node, 1]
    assert (south > 0.0).all()


# --- its figures ---------------------------------------------------------------------------------
@law
@given(regions())
def test_figures_are_sums_and_means_by_length_of_its_reaches(region: Region) -> None:
    scored = region.scored
    table, arcs = region.outcome.reaches, scored.network
    flow_h = np.bincount(arcs.reach, scored.scores.transits * arcs.arcs.time_h, len(table))
    for corridor in region.outcome.corridors.itertuples():
        mine = table[table["corridor_id"] == corridor.corridor_id]
        km = mine["length_km"]
        assert corridor.length_km == pytest.approx(km.sum(), rel=1e-12)
        line = GEOD.geometry_length(corridor.geometry) / 1000.0
        # Lines are drawn to centimetres at their ends, where sites attach.
        assert line == pytest.approx(corridor.length_km, abs=1e-4)
        hours = (flow_h[mine.index] / mine["transits"]).sum()
        assert corridor.travel_hours == pytest.approx(hours, rel=1e-9)
        for figure in (
            "transits",
            "undetected_transits",
            "detection_probability",
            "interceptions_per_100_patrol_hours",
        ):
            mean = (mine[figure] * km).sum() / km.sum()
            assert getattr(corridor, figure) == pytest.approx(mean, rel=1e-9, abs=1e-12), figure
        nearest = mine["hours_to_nearest_post"].min()
        assert corridor.hours_to_nearest_post == pytest.approx(nearest, nan_ok=True)
        assert bool(corridor.nearest_post) == (not math.isnan(nearest))


@law
@given(regions())
def test_rank_one_lets_most_pass_and_ties_go_to_the_longer(region: Region) -> None:
    table = region.outcome.corridors
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    undetected = table["undetected_transits"]
    largest = undetected.max()
    score = 100.0 * undetected / largest if len(table) and largest > 0.0 else 0.0 * undetected
    assert table["risk_score"].tolist() == pytest.approx(score.tolist(), rel=1e-12)
    assert max(table["risk_score"], default=0.0) in {100.0, 0.0}  # not beside it, by rounding
    for before, after in pairwise(table.itertuples()):
        assert before.risk_score >= after.risk_score - 1e-8
        if before.risk_score > after.risk_score + 1e-8:
            continue
        assert before.length_km >= after.length_km - 1e-5
        if before.length_km <= after.length_km + 1e-7 and before.risk_score == after.risk_score:
            assert before.corridor_id < after.corridor_id


@law
@given(regions())
def test_a_corridor_crosses_the_border_where_it_ends_at_one(region: Region) -> None:
    scored, outcome = region.scored, region.outcome
    chains, border = scored.chains, scored.border_nodes
    names = set() if "borders" not in region.tables else set(region.tables["borders"]["name"])
    by_id = outcome.corridors.set_index("corridor_id")
    for c in members(region):
        ends = [int(chains.upstream_node[c]), int(chains.downstream_node[c])]
        crosses = bool(border[ends].any())
        name = f"c{c + 1:04d}"
        assert bool(by_id["crosses_border"].loc[name]) == crosses
        # There is one border, so that it is the one.
        assert set(outcome.reasons[name].borders) == (names if crosses else set())
    if "borders" in region.tables and not turns_in_unknown_flow(region):
        (raya,) = region.tables["borders"].geometry
        sides = [_side(raya, place) for place in scored.reaches.node_xy]
        # Tributaries run along the border at times; these run across it, once.
        for r in np.flatnonzero(np.isin(scored.reaches.name, ["Mayor", "Bajo", "Canal"])):
            ends = sides[scored.reaches.u[r]], sides[scored.reaches.v[r]]
            assert ends[0] * ends[1] >= 0.0, "a reach lies on both sides of the border"


def turns_in_unknown_flow(region: Region) -> bool:
    """Whether unknown water runs up one arm of an island and down the other: it may wander."""
    reaches = region.scored.reaches
    n = reaches.node_xy.shape[0]
    begin, end = np.bincount(reaches.u, minlength=n), np.bincount(reaches.v, minlength=n)
    return region.flow == "unknown" and bool(((begin + end == 2) & (begin != 1)).any())


def _side(raya: object, place: np.ndarray) -> float:
    """On which side of a straight border a place lies; 0 within a metre of it."""
    (ax, ay), (bx, by) = raya.coords
    away = (bx - ax) * (place[1] - ay) - (by - ay) * (place[0] - ax)
    away /= math.hypot(bx - ax, by - ay)
    return 0.0 if abs(away) < 1e-5 else away


def crossings(river: list[XY], border: list[XY]) -> int:
    """Number of places where one river line crosses one border line."""
    reaches = build_reaches(rivers_table([(river, {"name": "Mayor"})]), snap_tolerance_m=5.0)
    line = gpd.GeoDataFrame({"name": ["Raya"]}, geometry=[LineString(degrees(border))], crs=WGS84)
    return find_crossings(reaches, line).reach.size


@settings(law, max_examples=60)
@given(
    st.lists(st.sampled_from([-60, -20, 0, 20, 60]), max_size=6),
    st.sampled_from([-300, 300]),
    st.booleans(),
)
def test_water_crosses_a_border_where_it_changes_sides(
    wander: list[int], end: int, backward: bool
) -> None:
    """It may touch the border on the way, run on it, and wander to and fro beside it."""
    inner = [(100 * k, y) for k, y in enumerate(wander, 1)]
    river = [(0, 300), *inner, (100 * len(inner) + 100, end)]
    border = [(-2000, 0), (2000, 0)]
    found = crossings(river[::-1] if backward else river, border)
    assert found == (1 if end < 0 else 0)


@law
@given(st.integers(1, 1599), st.sampled_from([300, 120]))
def test_a_vertex_on_a_straight_line_changes_no_crossing(at: int, bulge: int) -> None:
    """The border swings away from straight water and back, far (3.3 km) or hardly (1.3 km)."""
    border = [(-2000, -10), (-500, -10), (0, bulge), (500, -10), (2000, -10)]
    plain = crossings([(-800, 0), (800, 0)], border)
    assert crossings([(-800, 0), (-800 + at, 0), (800, 0)], border) == plain
    assert plain == (2 if bulge == 300 else 0)


# --- its reasons and its name --------------------------------------------------------------------
@settings(law, max_examples=20)
@given(regions())
def test_reasons_share_out_the_traffic_by_where_it_comes_from_and_goes_to(region: Region) -> None:
    """Every trip's routes are listed, and weighed by the kilometres on each corridor."""
    scored, routes = region.scored, region.settings.routes
    graph, overland = graph_of(scored, region), region.settings.travel.overland_kmh
    corridor, km = scored.chains.corridor, scored.reaches.length_km
    traffic: dict[str, dict[int, dict[str, float]]] = {
        end: defaultdict(lambda: defaultdict(float)) for end in ("origins", "sites")
    }
    for movement, score in zip(region.settings.movements, scored.scores.movements, strict=True):
        origins, sites = scored.sites[movement.origins], scored.sites[movement.destinations]
        decay = np.exp(-movement.beta_per_h * sites.distance_km / overland)
        pulls = {
            "origins": _named_pulls(region, movement.origins, origins, origins.weight),
            "sites": _named_pulls(region, movement.destinations, sites, sites.weight * decay),
        }
        to = np.repeat(score.trips.destination, np.diff(score.trips.start))
        for o, d, volume in zip(score.trips.origin, to, score.trips.volume, strict=True):
            flows = oracle.assign(
                graph,
                [(int(o), int(d), float(volume))],
                theta=routes.theta_per_h,
                kappa=routes.hazard_aversion_h,
            )
            for (_, _, r), transits in flows.transits.items():
                for end, node in (("origins", o), ("sites", d)):
                    for name, part in pulls[end][int(node)].items():
                        traffic[end][int(corridor[r])][name] += transits * km[r] * part
    for c in members(region):
        reason = region.outcome.reasons[f"c{c + 1:04d}"]
        for end in ("origins", "sites"):
            total = math.fsum(traffic[end][c].values())
            shares = {name: amount / total for name, amount in traffic[end][c].items()}
            told = getattr(reason, end)
            assert dict(told) == pytest.approx(
                {name: share for name, share in shares.items() if name in dict(told)}, abs=1e-9
            )
            assert all(s < 0.005 + 1e-9 for name, s in shares.items() if name not in dict(told))
            in_order = [round(s, 9) for _, s in told]  # ties, to 9 digits, are by name
            assert in_order == sorted(in_order, reverse=True)


def _named_pulls(
    region: Region, layer: str, sites: object, pull: np.ndarray
) -> dict[int, dict[str, float]]:
    """Each site's part of its node's trips, by node and name."""
    names, by_node = region.tables[layer]["name"], defaultdict(lambda: defaultdict(float))
    for row, node, value in zip(sites.row, sites.node, pull, strict=True):
        if node >= 0:
            by_node[int(node)][names.loc[row]] += float(value)
    return {
        node: {name: value / math.fsum(named.values()) for name, value in named.items()}
        for node, named in by_node.items()
    }


@law
@given(regions(posts=(1, 3)))
def test_the_posts_that_touch_a_corridor_are_told_with_their_hours(region: Region) -> None:
    scored = region.scored
    for c, chain in members(region).items():
        hours = scored.patrols.hours[chain].sum()
        told = region.outcome.reasons[f"c{c + 1:04d}"].posts
        names = region.tables["police_posts"]["name"]
        assert {name for name, _ in told} <= set(names)
        told_hours = math.fsum(h for _, h in told)
        assert told_hours <= hours * (1 + 1e-9)
        assert told_hours >= hours - 0.05 * len(names)


@law
@given(regions(posts=(0, 0)), st.lists(st.integers(-800, 800), min_size=2, max_size=10))
def test_a_corridor_is_named_after_its_water_and_the_settlements_nearest_its_ends(
    region: Region, numbers: list[int]
) -> None:
    places = [Point(-70 + x * 5e-4, -12.6 + y * 5e-4) for x, y in pairwise(numbers)]
    towns = gpd.GeoDataFrame(
        {"name": [f"Town {k}" for k in range(len(places))]}, geometry=places, crs=WGS84
    )
    region = region.changed(settlements=towns)
    reaches, chains = region.scored.reaches, region.scored.chains
    names = region.outcome.corridors.set_index("corridor_id")["name"]
    assert names.is_unique
    for c, chain in members(region).items():
        water = reaches.name[chain[0]] or "Cauce sin nombre"
        ends = []
        for node in (chains.upstream_node[c], chains.downstream_node[c]):
            lon, lat = reaches.node_xy[node]
            km = [GEOD.inv(lon, lat, p.x, p.y)[2] / 1000.0 for p in places]
            ranked = sorted(km)
            # Mercator is no judge of two towns that are equally far.
            assume(len(km) < 2 or ranked[1] > ranked[0] * 1.01 or ranked[0] > 31.0)
            assume(abs(ranked[0] - 30.0) > 0.5)
            ends.append(f"Town {km.index(ranked[0])}" if ranked[0] < 30.0 else "")
        if ends[0] == ends[1]:
            expected = f"{water}: cerca de {ends[0]}" if ends[0] else water
        else:
            expected = f"{water}: {' – '.join(end for end in ends if end)}"
        assert re.sub(r" \(\d+\)$", "", names.loc[f"c{c + 1:04d}"]) == expected
