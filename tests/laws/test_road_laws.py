"""The laws of roads (model §1): random roads over random rivers."""

from __future__ import annotations

import itertools
from random import Random

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from river_studies import Region, cut_line, merge_lines, mergeable, shuffled
from road_studies import road_regions, roads_table
from test_study_laws import agree_with_every_route, same_corridors

from riskmap.network.roads import LANDING, RIVER, ROAD, build_roads

UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)
law = settings(max_examples=25, deadline=None, derandomize=True, phases=UNSHRUNK)


def as_rivers(region: Region) -> Region:
    """The roads of a region as its rivers, so that what is done to rivers can be done to them."""
    return Region({"rivers": region.tables["roads"]})


def traffic_by_mode(region: Region) -> dict[str, float]:
    table = region.outcome.reaches
    return (table["transits"] * table["length_km"]).groupby(table["mode"]).sum().to_dict()


def same_traffic(left: Region, right: Region) -> None:
    same_corridors(left.outcome, right.outcome, rel=1e-7)
    a, b = traffic_by_mode(left), traffic_by_mode(right)
    assert b == pytest.approx(a, rel=1e-7, abs=1e-7)


@law
@given(road_regions(landings=False))
def test_without_landings_roads_change_nothing(region: Region) -> None:
    plain = region.changed(roads=None).outcome
    same_corridors(plain, region.outcome)
    assert (
        region.outcome.corridors["corridor_id"].tolist() == plain.corridors["corridor_id"].tolist()
    )
    table = region.outcome.reaches
    water = table[table["mode"] == "river"].drop(columns="reach_id").reset_index(drop=True)
    assert_frame_equal(water, plain.reaches.drop(columns="reach_id"), rtol=1e-10, atol=1e-12)
    assert (table.loc[table["mode"] != "river", "transits"] == 0.0).all()


@law
@given(road_regions())
def test_rivers_and_roads_meet_at_landings_only(region: Region) -> None:
    reaches = region.sited.reaches
    ends = {
        mode: set(
            np.concatenate([reaches.u[reaches.mode == mode], reaches.v[reaches.mode == mode]])
        )
        for mode in (RIVER, ROAD)
    }
    assert not ends[RIVER] & ends[ROAD]
    change = reaches.mode == LANDING
    assert set(reaches.u[change]) | set(reaches.v[change]) <= ends[RIVER] | ends[ROAD]
    assert (
        (np.isin(reaches.u[change], list(ends[ROAD])))
        != np.isin(reaches.v[change], list(ends[ROAD]))
    ).all()
    for sites in region.sited.sites.values():
        assert set(sites.node[sites.node >= 0]) <= ends[RIVER]


@law
@given(road_regions())
def test_scores_agree_with_every_route_listed(region: Region) -> None:
    agree_with_every_route(region)


@law
@given(road_regions(), st.data())
def test_a_road_cut_between_vertices_is_the_same_road(region: Region, data: st.DataObject) -> None:
    roads = region.tables["roads"].geometry
    row = data.draw(st.integers(0, len(roads) - 1))
    segment = data.draw(st.integers(0, len(roads.iloc[row].coords) - 2))
    share = data.draw(st.sampled_from([0.5, 0.3, 0.9] if segment == 0 else [0.0, 0.5, 0.9]))
    cut = cut_line(as_rivers(region), row=row, segment=segment, share=share)
    same_traffic(region, region.changed(roads=cut.tables["rivers"]))


@law
@given(road_regions(), st.data())
def test_a_river_cut_beside_roads_is_the_same_water(region: Region, data: st.DataObject) -> None:
    rivers = region.tables["rivers"].geometry
    row = data.draw(st.integers(0, len(rivers) - 1))
    segment = data.draw(st.integers(0, len(rivers.iloc[row].coords) - 2))
    same_traffic(region, cut_line(region, row=row, segment=segment, share=0.4))


@law
@given(road_regions(), st.data())
def test_two_roads_merged_are_the_same_road(region: Region, data: st.DataObject) -> None:
    halves = cut_line(as_rivers(region), row=0, segment=1, share=0.5)
    pairs = mergeable(halves)
    assume(pairs)
    merged = merge_lines(halves, data.draw(st.sampled_from(pairs)))
    same_traffic(region, region.changed(roads=merged.tables["rivers"]))


@law
@given(road_regions(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(region: Region, random: Random) -> None:
    same_traffic(region, shuffled(region, random))


@law
@given(road_regions(posts=(1, 3)))
def test_patrols_spend_their_hours_on_water(region: Region) -> None:
    table, scored = region.outcome.reaches, region.scored
    water = table["mode"] == "river"
    assert (table.loc[~water, "patrol_hours"] == 0.0).all()
    spent = np.diff(scored.patrols.post_start) > 0
    hours = (scored.posts.hours * scored.posts.effectiveness)[spent].sum()
    assert table.loc[water, "patrol_hours"].sum() == pytest.approx(hours, rel=1e-9, abs=1e-12)


@law
@given(road_regions(), st.sampled_from([2.0, 10.0]))
def test_a_slower_change_puts_nobody_more_on_the_road(region: Region, slower: float) -> None:
    """Where all take the least route and demand does not look at time."""
    landings = region.tables.get("landings")
    assume(landings is not None)
    region = region.set("routes", theta_per_h=float("inf"), hazard_aversion_h=0.0)
    movements = [{**m, "beta_per_h": 0.0} for m in region.sections["movements"]]
    region = Region(region.tables, {**region.sections, "movements": movements}, region.flow)
    after = region.changed(landings=landings.assign(transfer_h=landings["transfer_h"] * slower))
    longer = [float(r.outcome.summary["served"]) for r in (region, after)]
    assert longer[1] == pytest.approx(longer[0], rel=1e-9)
    hours = [r.outcome.routes.set_index(["movement", "origin", "destination"])["travel_hours"]
             for r in (region, after)]  # fmt: skip
    assert (hours[1] >= hours[0].reindex(hours[1].index) - 1e-9).all()


@settings(max_examples=60, deadline=None, derandomize=True, phases=UNSHRUNK)
@given(seed=st.integers(0, 10_000))
def test_where_the_lanes_of_a_divided_avenue_are_cut_makes_no_difference(seed: int) -> None:
    """Two lanes within the tolerance, and streets that share a vertex with each of them.

        |   |       |
    ====o===o=======o====
    ====o===o=======o====
        |   |       |
    """
    rng = np.random.default_rng(seed)
    across = np.cumsum(rng.integers(6, 30, 8)) * 1.0
    lanes = [
        [(x, y + rng.uniform(-0.2, 0.2)) for x in across] for y in (0.0, rng.uniform(1.0, 3.0))
    ]
    streets = [
        [(x + rng.uniform(-2.0, 2.0), -12.0), lanes[0][k], lanes[1][k], (x, 14.0)]
        for k, x in enumerate(across)
        if rng.random() < 0.6
    ]
    whole = [*lanes, *streets]
    parts = []
    for line in whole:
        at = np.unique([0, *rng.integers(0, len(line), 3), len(line) - 1])
        parts += [line[a : b + 1][:: rng.choice([-1, 1])] for a, b in itertools.pairwise(at)]
    one, other = (
        build_roads(
            roads_table([(line, {}) for line in lines]), snap_tolerance_m=50.0, road_kmh=40.0
        )
        for lines in (whole, [parts[k] for k in rng.permutation(len(parts))])
    )
    assert other.length_km.sum() == pytest.approx(one.length_km.sum(), rel=1e-9)
    assert {tuple(xy) for xy in one.coords.round(9)} == {tuple(xy) for xy in other.coords.round(9)}
    assert any("second digitisation" in note.what for note in one.notes)
