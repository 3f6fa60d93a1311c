"""HydroRIVERS and OpenStreetMap, made in code with their real columns, through whole studies."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point

import riskmap as rm
from riskmap.errors import DataError
from riskmap.geodesy import line_lengths_km
from riskmap.layers.findings import Findings
from riskmap.layers.passage import close_rivers
from riskmap.network.reaches import Reaches
from riskmap.results.check import Check
from tests.river_networks import TrueNetwork, grow_rivers

BY_HAND = {
    "id": "HYRIV_ID",
    "next_down": "NEXT_DOWN",
    "strahler_order": "ORD_STRA",
    "discharge_m3s": "DIS_AV_CMS",
}
FIRST_ID = 60_120_001


def hydrorivers(truth: TrueNetwork) -> gpd.GeoDataFrame:
    """Return a true network as HydroRIVERS has it: a tree, each reach drawn downstream."""
    coords = np.concatenate(truth.lines)
    offsets = np.concatenate([[0], np.cumsum([len(line) for line in truth.lines])])
    length = line_lengths_km(coords, offsets)
    reach_of = {int(u): k for k, (u, _) in enumerate(truth.ends)}
    below = np.array([reach_of.get(int(v), -1) for _, v in truth.ends])
    order, discharge, down = (np.zeros(len(below)) for _ in range(3))
    for k in _from_the_outlet(below):
        down[k] = 0.0 if below[k] < 0 else down[below[k]] + length[below[k]]
    for k in _from_the_outlet(below)[::-1]:
        above = np.sort(order[below == k])[::-1]
        twice = above.size > 1 and above[0] == above[1]
        order[k] = above[0] + twice if above.size else 1.0
        discharge[k] = 4.0 + discharge[below == k].sum()
    ids = FIRST_ID + np.arange(len(below))
    return gpd.GeoDataFrame(
        {
            "HYRIV_ID": ids,
            "NEXT_DOWN": np.where(below < 0, 0, FIRST_ID + below),
            "MAIN_RIV": ids[np.flatnonzero(below < 0)[0]],
            "LENGTH_KM": length.round(2),
            "DIST_DN_KM": down.round(1),
            "ORD_STRA": order.astype(int),
            "DIS_AV_CMS": discharge.round(3),
        },
        geometry=[LineString(line) for line in truth.lines],
        crs="EPSG:4326",
    )


def _from_the_outlet(below: np.ndarray) -> list[int]:
    """Return reaches so that each stands after the one below it."""
    queue = np.flatnonzero(below < 0).tolist()
    for k in queue:
        queue += np.flatnonzero(below == k).tolist()
    return queue


def study_of(folder: Path, rivers: gpd.GeoDataFrame, **keys: object) -> dict[str, object]:
    """Write rivers, an entry point at the first line's start and a venue at the last one's end."""
    rivers.to_file(folder / "rivers.gpkg", engine="pyogrio")
    ends = [Point(rivers.geometry.iloc[k].coords[k]) for k in (0, -1)]
    for name, place in zip(("entry_points", "venues"), ends, strict=True):
        table = gpd.GeoDataFrame({"name": [name]}, geometry=[place], crs="EPSG:4326")
        table.to_file(folder / f"{name}.gpkg", engine="pyogrio")
    sections = {key: keys.pop(key) for key in ("study", "navigability") if key in keys}
    layers = {name: {"path": f"{name}.gpkg"} for name in ("entry_points", "venues")}
    return {"layers": {"rivers": {"path": "rivers.gpkg", **keys}, **layers}, **sections}


def check_of(folder: Path, content: dict[str, object]) -> Check:
    return rm.Study.from_mapping(content, folder=folder).check()


@pytest.mark.parametrize("flow_direction", ["digitised", "inferred"])
def test_hydrorivers_flows_as_its_ids_say(tmp_path: Path, flow_direction: str) -> None:
    """Inferred, it does so even where lines were turned; as drawn, those are reported."""
    truth = grow_rivers(np.random.default_rng(3), 6, braids=0.0)
    rivers = hydrorivers(truth)
    turned = [4, 9]
    rivers.geometry = [g.reverse() if k in turned else g for k, g in enumerate(rivers.geometry)]
    keys = {"columns": BY_HAND, "flow_direction": flow_direction}
    check = check_of(tmp_path, study_of(tmp_path, rivers, **keys))
    reaches = check.sited.reaches
    assert reaches.length_km.sum() == pytest.approx(rivers["LENGTH_KM"].sum(), rel=1e-3)
    told = {n.feature for n in check.notes if "its id" in n.what or "drawn against" in n.what}
    assert told >= {f"row {k}" for k in turned}
    if flow_direction == "digitised":
        return
    assert check.components[0].flow_confidence == pytest.approx(0.99)
    down = _km_to_the_outlet(reaches)
    lowest = np.full(len(rivers), np.inf)
    np.minimum.at(lowest, reaches.source_id, down[reaches.v])
    assert lowest == pytest.approx(rivers["DIST_DN_KM"].to_numpy(), abs=0.1)


def _km_to_the_outlet(reaches: Reaches) -> np.ndarray:
    """Return the way down from every node, by walking the reaches."""
    below = {int(u): k for k, u in enumerate(reaches.u)}
    km = np.zeros(len(reaches.node_xy))
    for node in range(km.size):
        at = node
        while at in below:
            km[node] += reaches.length_km[below[at]]
            at = int(reaches.v[below[at]])
    return km


@pytest.mark.parametrize(
    ("limit", "column"),
    [("min_strahler_order", "strahler_order"), ("min_discharge_m3s", "discharge_m3s")],
)
def test_order_and_discharge_close_small_streams_in_low_water(
    tmp_path: Path, limit: str, column: str
) -> None:
    """The entry point stands on a headwater: in low water it is on the first open reach below."""
    rivers = hydrorivers(grow_rivers(np.random.default_rng(5), 6, braids=0.0))
    head = rivers["DIS_AV_CMS"].to_numpy().argmin()
    rivers = pd.concat([rivers.iloc[[head]], rivers.drop(index=head)], ignore_index=True)
    least = 2.0 if limit == "min_strahler_order" else 4.5
    limits = {"low": {limit: least}}
    content = study_of(tmp_path, rivers, columns=BY_HAND, navigability=limits)
    open_km = {}
    for season in ("low", "high"):
        study = rm.Study.from_mapping({**content, "study": {"season": season}}, folder=tmp_path)
        result = study.run()
        scored = result.outcome.scored
        small = scored.reaches.attributes[column] < least
        assert small.any()
        open_km[season] = scored.reaches.length_km[scored.speeds.usable].sum()
        carries = scored.by_reach.transits > 0.0
        assert carries.any()
        assert (carries & small).any() == (season == "high")
    assert open_km["low"] < open_km["high"]


#: Ways as OpenStreetMap has them, and the seasons in which craft with motors pass.
WAYS = [
    ({"waterway": "river", "name": "Río Grande"}, "both"),
    ({"waterway": "river", "boat": "yes", "motorboat": "no"}, "none"),
    ({"waterway": "river", "boat": "no", "motorboat": "yes"}, "both"),
    ({"waterway": "river", "boat": "no"}, "none"),
    ({"waterway": "canal", "boat": "private"}, "none"),
    ({"waterway": "stream", "intermittent": "yes"}, "high"),
    ({"waterway": "stream", "intermittent": "yes", "boat": "no"}, "none"),
    ({"waterway": "stream", "tunnel": "culvert"}, "none"),
    ({"waterway": "river", "tunnel": "no", "intermittent": "no", "boat": "designated"}, "both"),
    ({"waterway": "river", "boat": "unknown"}, "both"),
    ({"waterway": "dam"}, None),
]


def osm_ways() -> gpd.GeoDataFrame:
    """Return ways one after the other, with every column in which nothing is said left empty."""
    columns = ("waterway", "name", "boat", "motorboat", "tunnel", "intermittent")
    step = [(-70.0 + 0.05 * k, -12.0 - 0.02 * (k % 2)) for k in range(len(WAYS) + 1)]
    return gpd.GeoDataFrame(
        {c: pd.Series([tags.get(c) for tags, _ in WAYS], dtype=object) for c in columns},
        geometry=[LineString(step[k : k + 2]) for k in range(len(WAYS))],
        crs="EPSG:4326",
    )


def test_osm_ways_are_open_to_boats_as_they_say(tmp_path: Path) -> None:
    where = "waterway IN ('river', 'canal', 'stream')"
    content = study_of(tmp_path, osm_ways(), where=where)
    study = rm.Study.from_mapping({**content, "study": {"season": "high"}}, folder=tmp_path)
    check = study.check()
    reaches = check.sited.reaches
    found = dict(zip(reaches.source_id, reaches.attributes["navigable"], strict=True))
    assert found == {k: open_in for k, (_, open_in) in enumerate(WAYS) if open_in is not None}
    told = {note.feature: note.what for note in check.notes if "column out" in note.remedy}
    assert told == {
        "rows 1, 3, 4, 6": "boats are not allowed: closed in both seasons",
        "row 7": "water in a tunnel or culvert: closed in both seasons",
        "row 5": "intermittent water: open in high water only",
    }
    assert reaches.flow_known.all()  # closed water flows all the same


def test_the_preset_of_osm_reads_access_as_osm_does(tmp_path: Path) -> None:
    """Motorboat is more specific than boat, whichever of them closes the way."""
    content = study_of(tmp_path, osm_ways(), preset="osm_waterways")
    study = rm.Study.from_mapping({**content, "study": {"season": "high"}}, folder=tmp_path)
    reaches = study.check().sited.reaches
    found = dict(zip(reaches.source_id, reaches.attributes["navigable"], strict=True))
    assert found == {k: open_in for k, (_, open_in) in enumerate(WAYS) if open_in is not None}


@pytest.mark.parametrize(("stated", "left"), [("both", "high"), ("high", "high"), ("low", "none")])
def test_water_that_dries_up_is_never_opened(stated: str, left: str) -> None:
    columns = {"boat": [""], "motorboat": [""], "tunnel": [""], "intermittent": ["Seasonal"]}
    table = gpd.GeoDataFrame({"navigable": [stated], **columns}, geometry=[Point(0, 0)], crs=4326)
    assert close_rivers(table, Findings("rivers"))["navigable"].tolist() == [left]


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    columns = {"navigable": "motorbote"}
    with pytest.raises(DataError, match=r"no column 'motorbote' .*did you mean 'motorboat'"):
        check_of(tmp_path, study_of(tmp_path, osm_ways(), columns=columns))
