"""Two runs side by side, on corridors drawn here."""

from __future__ import annotations

import tomllib

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString

import riskmap as rm
from riskmap.errors import PlanError
from riskmap.planning.compare import Comparison, compare_corridors
from riskmap.sample import sample_study_file

KM = 1 / 111.2


def corridors(*rows: tuple[float, float, float, float, float]) -> gpd.GeoDataFrame:
    """Return corridors along a winding river: from km, to km, transits, undetected; north by y."""
    lines, table = [], []
    for number, (start, stop, y, transits, undetected) in enumerate(rows):
        at = np.unique([start, stop, *np.arange(np.ceil(start), stop)])
        lines.append(LineString([(-70 + x * KM, -12 + y + 0.3 * KM * np.sin(x)) for x in at]))
        probability = 1 - undetected / transits if transits else np.nan
        name = f"{start:g}–{stop:g}"
        table.append((f"c{number:04d}", number + 1, name, transits, undetected, probability))
    columns = (
        "corridor_id", "rank", "name", "transits", "undetected_transits", "detection_probability",
    )  # fmt: skip
    frame = gpd.GeoDataFrame(
        dict(zip(columns, zip(*table, strict=True), strict=True)), geometry=lines, crs="EPSG:4326"
    )
    return frame.assign(length_km=[row[1] - row[0] for row in rows])


def compare(
    before: gpd.GeoDataFrame,
    after: gpd.GeoDataFrame,
    *,
    served: tuple[float, float] = (100.0, 100.0),
) -> Comparison:
    one, two = (
        {"demand": s, "served": s, "local": 0.0, "unserved": 0.0, "detected": 0.0, "undetected": s}
        for s in served
    )
    return compare_corridors(before, after, summary_before=one, summary_after=two)


def test_the_same_water_is_the_same_corridor_whatever_its_number() -> None:
    before = corridors((0, 10, 0, 100, 90), (10, 20, 0, 50, 40), (0, 10, 0.1, 20, 20))
    after = before.iloc[::-1].assign(corridor_id=["x", "y", "z"])
    table = compare(before, after).corridors
    assert set(table["match"]) == {"same"}
    assert set(table["trend"]) == {"steady"}
    assert table["change"].tolist() == [0.0, 0.0, 0.0]
    pairs = dict(zip(table["corridor_before"], table["corridor_after"], strict=True))
    assert pairs == {"c0000": "z", "c0001": "y", "c0002": "x"}
    assert table["shared_km"].tolist() == pytest.approx([10, 10, 10], rel=1e-3)


def test_corridors_split_merge_go_and_come() -> None:
    before = corridors(
        (0, 10, 0, 9, 9), (20, 25, 0, 9, 9), (25, 30, 0, 9, 9), (40, 45, 0, 9, 9), (60, 64, 0, 9, 9)
    )
    after = corridors((0, 4.5, 0, 9, 9), (4.5, 10, 0, 9, 9), (20, 30, 0, 9, 9), (80, 90, 0, 9, 9))
    after = gpd.GeoDataFrame(
        pd.concat([after, corridors((60, 64, 0, 9, 9))], ignore_index=True), crs=after.crs
    )
    after["corridor_id"] = list("abcde")
    table = compare(before, after).corridors
    found = {
        (row.corridor_before, row.corridor_after): (row.match, round(row.shared_km, 1))
        for row in table.itertuples()
    }
    assert found == {
        ("c0000", "a"): ("split", 4.5),
        ("c0000", "b"): ("split", 5.5),
        ("c0001", "c"): ("merged", 5.0),
        ("c0002", "c"): ("merged", 5.0),
        ("c0004", "e"): ("same", 4.0),
        ("c0003", None): ("gone", 0.0),
        (None, "d"): ("new", 0.0),
    }
    gone = table[table["match"] == "gone"].iloc[0]
    assert (gone["transits_after"], gone["trend"], gone["why"]) == (0.0, "fell", "routes")


@pytest.mark.parametrize(
    ("after", "served", "trend", "why"),
    [
        ((200, 180), 200.0, "rose", "demand"),
        ((200, 180), 100.0, "rose", "routes"),
        ((100, 30), 100.0, "fell", "detection"),
        ((40, 36), 100.0, "fell", "routes"),
        ((100, 89.5), 100.0, "steady", ""),
    ],
)
def test_what_did_it(after: tuple[float, float], served: float, trend: str, why: str) -> None:
    table = compare(
        corridors((0, 10, 0, 100, 90)), corridors((0, 10, 0, *after)), served=(100.0, served)
    ).corridors
    assert (table["trend"].item(), table["why"].item()) == (trend, why)


figures = st.tuples(st.floats(0, 1e4), st.floats(0, 1)).map(
    lambda pair: (pair[0], pair[0] * pair[1])
)


@settings(max_examples=60, deadline=None)
@given(figures, figures, st.floats(1, 1e5), st.floats(1, 1e5))
def test_the_parts_add_up_to_the_change(
    one: tuple[float, float], two: tuple[float, float], served: float, then: float
) -> None:
    row = compare(
        corridors((0, 5, 0, *one)), corridors((0, 5, 0, *two)), served=(served, then)
    ).corridors.iloc[0]
    parts = row["by_demand"] + row["by_routes"] + row["by_detection"]
    biggest = max(abs(row["by_demand"]), abs(row["by_routes"]), 1.0)
    assert row["change"] == pytest.approx(two[1] - one[1])
    assert parts == pytest.approx(row["change"], abs=1e-9 * biggest)


def test_totals_stand_beside_each_other() -> None:
    one = corridors((0, 5, 0, 10, 9))
    summary = compare(one, one, served=(100.0, 120.0)).summary.set_index("total")
    assert summary.loc["served"].tolist() == [100.0, 120.0, 20.0]


def test_nothing_given_is_changed() -> None:
    one, two = corridors((0, 5, 0, 10, 9)), corridors((0, 5, 0, 10, 4))
    first, second = one.copy(), two.copy()
    compare(one, two)
    assert one.equals(first)
    assert two.equals(second)


def test_other_water_is_refused() -> None:
    with pytest.raises(PlanError, match="the two results have no water in common"):
        compare(corridors((0, 5, 0, 10, 9)), corridors((0, 5, 3.0, 10, 9)))


# --- whole studies -------------------------------------------------------------------------------
def demo(**changes: dict[str, object]) -> rm.Result:
    """Run the embedded study with some keys of its sections changed."""
    file = sample_study_file()
    content = tomllib.loads(file.read_text("utf-8"))
    for section, keys in changes.items():
        part = content
        for name in section.split("."):
            part = part.setdefault(name, {})
        part |= keys
    return rm.Study.from_mapping(content, folder=file.parent).run()


@pytest.fixture(scope="module")
def today() -> rm.Result:
    return demo()


@pytest.mark.slow
def test_better_detection_is_detection_everywhere(today: rm.Result) -> None:
    """The same water and trips: every corridor is matched whole, short ones too."""
    table = rm.compare(today, demo(patrol={"detection_per_meeting": 0.9})).corridors
    assert set(table["match"]) == {"same"}
    assert set(table["why"]) == {"detection", ""}
    assert set(table["trend"]) <= {"fell", "steady"}
    assert table["by_routes"].abs().max() < 1e-9
    assert table["by_demand"].abs().max() < 1e-9


@pytest.mark.slow
def test_a_mine_that_closes_is_demand(today: rm.Result) -> None:
    """Its trips go elsewhere: as many in all, and it is the places that draw them that changed."""
    closed = demo(**{"layers.mining_areas": {"where": "name <> 'Guacamayo'"}})
    table = rm.compare(today, closed).corridors
    told = table[table["why"] != ""]
    assert (told["why"] == "demand").mean() > 0.8
    assert told["why"].iloc[0] == "demand"
    parts = table[["by_demand", "by_routes", "by_detection"]].sum(axis=1)
    assert parts.to_numpy() == pytest.approx(table["change"].to_numpy(), abs=1e-9)


@pytest.mark.slow
def test_a_split_corridor_is_measured_on_the_water_that_is_shared(today: rm.Result) -> None:
    """Where only sites move corridors' ends, no stretch of water gains what it does not carry."""
    closed = demo(**{"layers.mining_areas": {"where": "name <> 'Guacamayo'"}})
    table = rm.compare(today, closed).corridors
    parts = table[table["match"].isin(["split", "merged", "mixed"])]
    assert len(parts)
    highest = {"before": today, "after": closed}
    for side, result in highest.items():
        reaches = result.reaches.groupby("corridor_id")["transits"]
        low, high = reaches.min(), reaches.max()
        own = parts[f"corridor_{side}"]
        value = parts[f"transits_{side}"].to_numpy()
        assert (value >= low[own].to_numpy() * (1 - 1e-9)).all()
        assert (value <= high[own].to_numpy() * (1 + 1e-9)).all()
