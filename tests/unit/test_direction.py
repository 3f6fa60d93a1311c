"""Direction of flow: true networks whose lines were drawn anyhow, and drawn small ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin
from shapely.geometry import LineString

from riskmap.errors import DataError, NetworkError, StudyError
from riskmap.network.direction import infer_direction
from riskmap.network.doubts import contradictions, unknown_direction
from riskmap.network.heights import heights_at
from riskmap.network.reaches import Reaches, build_reaches
from riskmap.network.routing import NO_ROUTING, Routing, read_routing, tell_ids
from riskmap.settings import settings_from_mapping
from tests.river_networks import ATTRIBUTES, TrueNetwork, grow_rivers, rivers_of

#: Two streams meet, and meet a third lower down; the outlet is in the south.
FORK = {
    "west": [(-70.2, -12.0), (-70.1, -12.1)],
    "east": [(-70.0, -12.0), (-70.1, -12.1)],
    "middle": [(-70.1, -12.1), (-70.1, -12.25)],
    "side": [(-69.98, -12.13), (-70.1, -12.25)],
    "south": [(-70.1, -12.25), (-70.1, -12.6)],
}
OUTLET = (-70.1, -12.6)


def network(lines: dict[str, list[tuple[float, float]]], **columns: list[object]) -> Reaches:
    table = gpd.GeoDataFrame(
        {"name": list(lines), **ATTRIBUTES, **columns},
        geometry=[LineString(xy) for xy in lines.values()],
        crs=4326,
    )
    return build_reaches(table, snap_tolerance_m=50.0, flow_direction="inferred")


def drawn(backwards: set[str]) -> dict[str, list[tuple[float, float]]]:
    return {name: xy[::-1] if name in backwards else xy for name, xy in FORK.items()}


def wrong(reaches: Reaches) -> list[str]:
    """Name the reaches of the fork that do not flow from north to south."""
    y = reaches.node_xy[:, 1]
    bad = ~reaches.flow_known | (y[reaches.u] < y[reaches.v])
    return sorted(str(name) for name in reaches.name[bad])


def scrambled(rng: np.random.Generator, truth: TrueNetwork) -> Reaches:
    lines = [line if rng.random() < 0.5 else line[::-1] for line in truth.lines]
    return build_reaches(rivers_of(lines), snap_tolerance_m=50.0, flow_direction="inferred")


def flows_down(truth: TrueNetwork, reaches: Reaches) -> np.ndarray:
    """Tell the reaches that flow as in the true network."""
    place = {tuple(np.round(xy, 6)): k for k, xy in enumerate(truth.place)}
    node = [place[tuple(np.round(xy, 6))] for xy in reaches.node_xy]
    down = {(int(a), int(b)) for a, b in truth.ends}
    pairs = zip(reaches.u, reaches.v, strict=True)
    return np.array([(node[a], node[b]) in down for a, b in pairs])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), side=st.integers(2, 12), braids=st.sampled_from([0.0, 0.1]))
def test_with_its_outlet_named_a_network_flows_as_it_does(
    seed: int, side: int, braids: float
) -> None:
    rng = np.random.default_rng(seed)
    truth = grow_rivers(rng, side, braids=braids)
    reaches = infer_direction(scrambled(rng, truth), outlets=truth.place[:1])
    assert np.array_equal(reaches.flow_known, ~blind_loops(reaches))
    assert flows_down(truth, reaches)[reaches.flow_known].all()
    assert (np.diff(reaches.offsets) >= 2).all()
    assert np.array_equal(reaches.coords[reaches.offsets[:-1]], reaches.node_xy[reaches.u])


def blind_loops(reaches: Reaches) -> np.ndarray:
    """Tell the reaches of braids above which nothing flows in: loops that hang on one node."""
    degree = np.bincount(np.concatenate([reaches.u, reaches.v]))
    pairs = list(
        zip(np.minimum(reaches.u, reaches.v), np.maximum(reaches.u, reaches.v), strict=True)
    )
    bare = (degree[reaches.u] == 2) | (degree[reaches.v] == 2)
    return bare & np.array([pairs.count(pair) == 2 for pair in pairs])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_water_that_enters_a_node_leaves_it(seed: int) -> None:
    """Only the outlet takes water and gives none."""
    rng = np.random.default_rng(seed)
    truth = grow_rivers(rng, 8, braids=0.2)
    reaches = infer_direction(scrambled(rng, truth), outlets=truth.place[:1])
    into, out = reaches.v[reaches.flow_known], reaches.u[reaches.flow_known]
    assert np.setdiff1d(into, out).size == 1


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    given_=st.sampled_from(["shape", "outlet", "mid-river outlet", "heights", "ids"]),
)
def test_where_lines_are_cut_is_no_evidence(seed: int, given_: str) -> None:
    """Every line is cut at up to three vertices; each part flows as the whole line does."""
    rng = np.random.default_rng(seed)
    truth = grow_rivers(rng, 6, braids=0.15)
    cuts = [np.unique([0, *rng.integers(0, len(xy), 3), len(xy) - 1]) for xy in truth.lines]
    parts = [
        (k, line[a : b + 1])
        for k, (line, at) in enumerate(zip(truth.lines, cuts, strict=True))
        for a, b in itertools.pairwise(at)
    ]
    below = {int(u): k for k, (u, _) in enumerate(truth.ends)}
    down = pd.Series([str(below.get(int(v), "")) for _, v in truth.ends])
    ids = pd.Series(down.index.astype(str))
    longest = max(truth.lines, key=len)
    middle = longest[len(longest) // 2 - 1 :][:2].mean(axis=0)
    place = {"outlet": truth.place[:1], "mid-river outlet": middle[None]}.get(given_)

    def direction(lines: list[np.ndarray], row: list[int]) -> dict[tuple[float, ...], float]:
        """Return way (west to east, or unknown) and confidence by the middle of each segment."""
        reaches = build_reaches(rivers_of(lines), snap_tolerance_m=50.0, flow_direction="inferred")
        routing = read_routing(*(s.iloc[row].reset_index(drop=True) for s in (ids, down)))
        told = infer_direction(
            reaches,
            outlets=place,
            routing=routing if given_ == "ids" else NO_ROUTING,
            height_m=(lambda xy: 300.0 * xy[:, 0]) if given_ == "heights" else None,
        )
        found = {}
        for k in range(told.u.size):
            xy = told.coords[told.offsets[k] : told.offsets[k + 1]]
            sure = told.attributes["flow_confidence"][k]
            for a, b in itertools.pairwise(xy):
                way = np.sign((b - a)[np.abs(b - a).argmax()]) if told.flow_known[k] else 0.0
                found[tuple(np.round(0.5 * (a + b), 9))] = (float(way), float(sure))
        return found

    order = rng.permutation(len(parts))
    rows, lines = zip(*(parts[k] for k in order), strict=True)
    flipped = [line[::-1] if rng.random() < 0.5 else line for line in lines]
    whole = direction(truth.lines, list(range(len(truth.lines))))
    cut = direction(flipped, list(rows))
    assert cut.keys() == whole.keys()
    for key, value in whole.items():
        assert cut[key] == pytest.approx(value, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_drawing_is_no_evidence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = grow_rivers(rng, 6)
    one, two = (by_nodes(infer_direction(scrambled(rng, truth))) for _ in range(2))
    for first, second in zip(one, two, strict=True):
        assert first == pytest.approx(second)


def by_nodes(reaches: Reaches) -> tuple[np.ndarray, ...]:
    """Return upper node (−1 unknown) and confidence of reaches, in an order without direction."""
    low, high = np.minimum(reaches.u, reaches.v), np.maximum(reaches.u, reaches.v)
    order = np.lexsort((reaches.length_km, high, low))
    upper = np.where(reaches.flow_known, reaches.u, -1)
    return low[order], upper[order], reaches.attributes["flow_confidence"][order]


@pytest.mark.parametrize("backwards", [set(), {"west", "middle"}, set(FORK)])
def test_the_angles_of_confluences_tell_the_outlet(backwards: set[str]) -> None:
    reaches = infer_direction(network(drawn(backwards)))
    assert wrong(reaches) == []
    assert (reaches.attributes["flow_confidence"] < 0.99).any()


def test_what_grows_downstream_tells_the_outlet() -> None:
    reaches = infer_direction(network(drawn({"middle"}), discharge_m3s=[1.0, 9.0, 7.0, 1.0, 5.0]))
    east = reaches.name == "east"
    assert reaches.node_xy[reaches.v[east], 1] == pytest.approx(-12.0)


def test_ids_tell_every_line_that_has_one() -> None:
    """The ids lead north-east, against the angles."""
    reaches = network(drawn({"west"}))
    told = infer_direction(reaches, routing=Routing({0: 1, 4: 2, 3: 2, 2: 1}, {}))
    y = told.node_xy[:, 1]
    for name, is_down in (("west", True), ("south", False), ("middle", False), ("east", False)):
        k = int(np.flatnonzero(told.name == name)[0])
        assert (y[told.u[k]] > y[told.v[k]]) == is_down
    assert told.attributes["flow_confidence"].min() >= 0.99


def test_routing_reads_ids_of_any_kind() -> None:
    ids = pd.Series(["10", "11", "12", "12", ""], index=[3, 4, 5, 6, 7])
    below = pd.Series(["11.0", "0", "10", "12", "11"], index=ids.index)
    assert read_routing(ids, below) == ({3: 4}, {})  # two that are called 12 differ
    below[6] = "10"
    assert read_routing(ids, below) == ({3: 4, 5: 3}, {6: 5})  # now they are one line


def test_ids_that_cannot_be_followed_are_told() -> None:
    ids = pd.Series(["1", "2", "3", "4", "5", "5", "7", "8", ""], index=range(2, 11))
    below = pd.Series(["2", "3", "1", "0", "1", "0", "99", "0", "98"], index=ids.index)
    told = [(note.kind, note.feature, note.count, note.what) for note in tell_ids(ids, below)]
    assert told == [
        ("doubtful", "rows 6, 7", 2,
         "2 rows have an id that names different lines below: it is not used"),
        ("doubtful", "rows 2, 3, 4", 3, "3 lines flow in a circle, by what the ids say"),
        ("notice", "row 8", 1,
         "1 line flows into an id that no row has: it tells no direction"),
    ]  # fmt: skip
    assert tell_ids(ids[:0], below[:0]) == ()
    assert tell_ids(ids[7:8], below[7:8]) == ()


@pytest.mark.parametrize("look", [contradictions, infer_direction])
def test_a_line_apart_from_the_one_that_its_id_names_is_told(
    look: Callable[..., Reaches],
) -> None:
    """The west arm ends where the middle begins, which lies above the south that its id names."""
    reaches = network(drawn(set()))
    row = {str(name): int(k) for name, k in zip(reaches.name, reaches.source_id, strict=True)}
    routing = Routing({row["west"]: row["south"], row["middle"]: row["south"]}, {})
    notes = [note for note in look(reaches, routing=routing).notes if "does not meet" in note.what]
    assert [note.feature for note in notes] == [f"row {row['west']}"]


def test_heights_tell_the_outlet(tmp_path: Path) -> None:
    """The land falls to the north-west, whatever the confluences look like."""
    fall = np.linspace(0.0, 700.0, 700)[:, None] + np.linspace(0.0, 200.0, 500)[None, :]
    path = tmp_path / "heights.tif"
    profile = {"driver": "GTiff", "width": 500, "height": 700, "count": 1, "dtype": "float32",
               "crs": "EPSG:4326",
               "transform": from_origin(-70.3, -11.95, 0.001, 0.001)}  # fmt: skip
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(fall.astype("float32"), 1)
    reaches = network(drawn(set()))
    height = heights_at(path, reaches.node_xy)
    true = (-11.95 - reaches.node_xy[:, 1]) * 1000.0 + (reaches.node_xy[:, 0] + 70.3) * 400.0
    assert height == pytest.approx(true, abs=4.0)
    told = infer_direction(reaches, height_m=partial(heights_at, path))
    assert wrong(told) == ["middle", "south", "west"]  # they flow north, to the end of the west arm
    rises = [note.feature for note in told.notes if "rises by more than 20 m" in note.what]
    assert rises == ["row 1", "row 3"]  # the other arms have to climb to the confluence


def test_heights_outside_the_raster_are_unknown(tmp_path: Path) -> None:
    path = tmp_path / "heights.tif"
    profile = {"driver": "GTiff", "width": 4, "height": 4, "count": 1, "dtype": "int16",
               "crs": "EPSG:32719", "nodata": -9999,
               "transform": from_origin(300_000.0, 8_600_000.0, 100.0, 100.0)}  # fmt: skip
    band = np.full((4, 4), 7, dtype="int16")
    band[0, 0] = -9999
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(band, 1)
    away, there = [0.0, 0.0], [-70.83925, -12.66009]
    assert heights_at(path, np.array([away, there])) == pytest.approx([np.nan, 7.0], nan_ok=True)
    with pytest.raises(DataError, match=r"no height at any river: it spans -70\.84, -12\.66 to"):
        heights_at(path, np.array([away]))
    with pytest.raises(DataError, match=r"nothing\.tif cannot be read"):
        heights_at(tmp_path / "nothing.tif", np.zeros((1, 2)))


def test_an_outlet_far_from_every_river_is_refused() -> None:
    with pytest.raises(NetworkError, match="the nearest end of a river is"):
        infer_direction(network(drawn(set())), outlets=np.array([[-60.0, -3.0]]))


@pytest.mark.parametrize(
    ("place", "node", "kind"),
    [
        ((-70.11, -12.61), (-70.1, -12.6), "notice"),  # beside an end
        ((-70.1, -12.24), (-70.1, -12.25), "doubtful"),  # beside a confluence
        ((-70.1, -12.45), (-70.1, -12.45), "doubtful"),  # on the river, far from both
        ((-70.13, -12.45), None, "refused"),  # near the river, far from both
    ],
)
def test_where_a_named_outlet_is_put_is_told(
    place: tuple[float, float], node: tuple[float, float] | None, kind: str
) -> None:
    reaches = network(drawn(set()))
    if node is None:
        with pytest.raises(NetworkError, match="the nearest end of a river is 17 km from it"):
            infer_direction(reaches, outlets=np.array([place]))
        return
    told = infer_direction(reaches, outlets=np.array([place]))
    (note,) = (note for note in told.notes if (note.feature or "").startswith("outlet"))
    assert note.kind == kind
    assert (note.lon, note.lat) == pytest.approx(node, abs=1e-6)
    km = reaches.length_km.sum()
    assert f"the water of {km:.0f} km of rivers leaves at" in note.what
    into, out = (set(nodes[told.flow_known].tolist()) for nodes in (told.v, told.u))
    (outlet,) = into - out
    assert told.node_xy[outlet] == pytest.approx(node, abs=1e-6)


def test_an_outlet_needs_a_direction_that_is_inferred() -> None:
    layers = {
        "rivers": {"path": "r.gpkg", "outlet": [-70.0, -12.0]},
        "entry_points": {"path": "e.gpkg"},
        "venues": {"path": "v.gpkg"},
    }
    with pytest.raises(StudyError, match="is read only where the direction of flow of rivers is"):
        settings_from_mapping({"layers": layers})
    layers["rivers"]["flow_direction"] = "inferred"
    assert settings_from_mapping({"layers": layers}).layers["rivers"].outlet == ((-70.0, -12.0),)


def test_lines_drawn_against_the_flow_are_reported_with_their_place() -> None:
    reaches = infer_direction(network(drawn({"side"})), outlets=np.array([OUTLET]))
    (note,) = (note for note in reaches.notes if note.kind == "doubtful")
    assert note.feature == "row 3"
    assert "drawn against the flow" in note.what
    assert note.lon is not None


@pytest.mark.parametrize(
    ("backwards", "features"),
    [
        (set(), []),
        ({"south", "middle", "side"}, ["rows 0, 1, 2"]),
        ({"west", "east"}, ["rows 0, 1, 2"]),
        ({"middle"}, ["rows 0, 1, 2"]),
        ({"middle", "side"}, ["row 2"]),
    ],
)
def test_a_reach_against_its_neighbours_is_doubtful(
    backwards: set[str], features: list[str]
) -> None:
    """Turned alone, the middle reach leaves its lower node with a way in and one out."""
    reaches = network(drawn(backwards))
    given = replace(reaches, flow_known=np.ones(reaches.u.size, dtype=np.bool_))
    assert [
        note.feature for note in contradictions(given).notes if note.kind == "doubtful"
    ] == features


def test_a_wide_river_is_not_turned_round_by_a_brook_that_cuts_it_short() -> None:
    """Over the brook the way from the middle of the bend to its end is a third as long."""
    lines = {
        "source": [(-70.1, -12.3), (-70.1, -12.2)],
        "bend": [(-70.1, -12.2), (-70.3, -12.1), (-70.3, -11.9), (-70.1, -11.8), (-70.0, -11.9)],
        "brook": [(-70.1, -12.2), (-70.0, -11.9)],
        "tributary": [(-70.5, -12.0), (-70.3, -12.0)],
        "mouth": [(-70.0, -11.9), (-69.9, -11.9)],
    }
    wide = [200.0, 200.0, np.nan, np.nan, 200.0]
    told = infer_direction(network(lines, width_m=wide), outlets=np.array([[-69.9, -11.9]]))
    bend = told.name == "bend"
    assert bend.sum() == 2
    up, low = (told.node_xy[told.u[bend]], told.node_xy[told.v[bend]])
    assert up.tolist() == [[-70.3, -12.0], [-70.1, -12.2]]
    assert low.tolist() == [[-70.0, -11.9], [-70.3, -12.0]]
    bare = infer_direction(network(lines), outlets=np.array([[-69.9, -11.9]]))
    turned = bare.name == "bend"
    assert [-70.3, -12.0] in bare.node_xy[bare.u[turned]].tolist()
    assert [-70.1, -12.2] in bare.node_xy[bare.v[turned]].tolist()


def test_ids_that_speak_against_the_order_of_drawing_are_doubtful() -> None:
    """The west arm is drawn toward its source, and its id says that it flows into the middle."""
    reaches = network(drawn({"west"}))
    given = replace(reaches, flow_known=np.ones(reaches.u.size, dtype=np.bool_))
    found = contradictions(given, routing=Routing({0: 2, 1: 2, 2: 4, 3: 4}, {}))
    texts = dict(zip(found.name, found.attributes["flow_doubt"], strict=True))
    assert texts.pop("west") == "flows against what its id says"
    assert set(texts.values()) == {""}


def test_unknown_directions_are_told_with_their_length() -> None:
    reaches = network(drawn(set()))
    (note,) = unknown_direction(reaches)
    km = f"{reaches.length_km.sum():.0f}"
    assert f"unknown for {km} of {km} km: boats there take the mean of the speeds" in note.what
    known = replace(reaches, flow_known=np.ones(reaches.u.size, dtype=np.bool_))
    assert unknown_direction(known) == ()


def test_several_outlets_may_be_named() -> None:
    """Two rivers that do not meet, each with the outlet that its angles speak against."""
    lines = drawn(set())
    lines |= {f"{name} 2": [(x + 1.0, y) for x, y in xy] for name, xy in FORK.items()}
    told = infer_direction(network(lines), outlets=np.array([[-70.2, -12.0], [-69.2, -12.0]]))
    assert wrong(told) == ["middle", "middle 2", "south", "south 2", "west", "west 2"]
    assert told.flow_known.all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([200.0, 0.0], "less than or equal to 180"),
        ([[1.0, 2.0, 3.0]], "at most 2"),
        ([], "at least 1"),
    ],
)
def test_an_outlet_is_one_place_or_several(given: list[object], message: str) -> None:
    layers = {
        "rivers": {"path": "r.gpkg", "flow_direction": "inferred", "outlet": given},
        "entry_points": {"path": "e.gpkg"},
        "venues": {"path": "v.gpkg"},
    }
    with pytest.raises(StudyError, match=message):
        settings_from_mapping({"layers": layers})


def orders(truth: TrueNetwork) -> np.ndarray:
    """Return the Strahler order of every reach of a true network."""
    down = dict(truth.ends.tolist())
    above: dict[int, list[int]] = {}
    for upper, lower in down.items():
        above.setdefault(lower, []).append(upper)
    depth = {0: 0}
    queue = [0]
    for node in queue:
        for upper in above.get(node, []):
            depth[upper] = depth[node] + 1
            queue.append(upper)
    order: dict[int, int] = {}
    for node in queue[::-1]:
        ups = sorted((order[upper] for upper in above.get(node, [])), reverse=True)
        meets = len(ups) > 1 and ups[0] == ups[1]
        order[node] = ups[0] + meets if ups else 1
    return np.array([order[int(u)] for u in truth.ends[:, 0]], dtype=float)


def heights(rng: np.random.Generator, truth: TrueNetwork, places: np.ndarray) -> np.ndarray:
    """Return heights that rise 3 m a reach from the outlet, each 5 m off or more."""
    down = dict(truth.ends.tolist())
    place = {tuple(np.round(xy, 6)): k for k, xy in enumerate(truth.place)}

    def steps(node: int) -> int:
        count = 0
        while node in down:
            node, count = down[node], count + 1
        return count

    above = [steps(place[tuple(np.round(xy, 6))]) for xy in places]
    return 3.0 * np.array(above) + rng.normal(0.0, 5.0, len(above))


@pytest.mark.parametrize(
    ("evidence", "right", "known"),
    [("shape", 0.85, 0.9), ("order", 0.88, 0.9), ("heights", 0.98, 0.97), ("ids", 0.99, 0.999)],
)
def test_how_much_of_true_networks_is_inferred_rightly(
    evidence: str, right: float, known: float
) -> None:
    """By length, over 25 networks of 144 nodes; docs/networks.md has the figures."""
    ok = told = whole = stated = 0.0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        truth = grow_rivers(rng, 12)
        lines = [line if rng.random() < 0.5 else line[::-1] for line in truth.lines]
        columns = {"strahler_order": orders(truth)} if evidence == "order" else {}
        table = rivers_of(lines, **columns)
        reaches = build_reaches(table, snap_tolerance_m=50.0, flow_direction="inferred")
        below = {int(u): k for k, (u, _) in enumerate(truth.ends)}
        next_row = {k: below[int(v)] for k, (_, v) in enumerate(truth.ends) if int(v) in below}
        inferred = infer_direction(
            reaches,
            routing=Routing(next_row if evidence == "ids" else {}, {}),
            height_m=partial(heights, rng, truth) if evidence == "heights" else None,
        )
        km, sure = inferred.length_km, inferred.flow_known
        ok += km[sure & flows_down(truth, inferred)].sum()
        told, whole = told + km[sure].sum(), whole + km.sum()
        stated += (km * inferred.attributes["flow_confidence"])[sure].sum()
    assert ok / told >= right
    assert told / whole >= known
    assert stated / told <= ok / told + 0.1
