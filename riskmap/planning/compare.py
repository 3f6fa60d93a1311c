"""Two studies of the same water, corridor by corridor: what rose, what fell, and why (model §8).

Corridors of two runs have no common identifiers: a change in traffic makes them split or merge.
They are matched by the water that they share. What changed on that water is told in parts that add
up: undetected transits are ``U = f m`` with f transits and m the share that nothing detects, so
``ΔU = m̄ (s − 1) f₀ + m̄ (f₁ − s f₀) + f̄ (m₁ − m₀)``: demand (s is the ratio of all trips served),
routes, and detection; a bar is the mean of before and after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.errors import PlanError, Problem
from riskmap.geodesy import metres_per_degree
from riskmap.network.arcs import Floats, Geometries, Ints
from riskmap.results.outcome import Outcome
from riskmap.results.routes import site_names, site_pairs

#: Lines within this distance are the same water, metres.
SAME_WATER_M = 60.0
#: Water shared by two corridors is a match from this share of the shorter one.
LEAST_SHARE = 0.05
#: Water shared by both to this share is all of it.
NEARLY_ALL = 0.95
#: Changes below this share of the larger figure are none.
STEADY = 0.01
_MEASURED = tuple(
    f"{name}_{side}"
    for name in ("transits", "undetected_transits", "detection_probability")
    for side in ("before", "after")
)
FIGURES = ("rank", "name", "transits", "undetected_transits", "detection_probability")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Hold what changed between two runs.

    Attributes
    ----------
    corridors
        One row for each stretch of water that a corridor before and one after share, and for each
        corridor that shares none; EPSG:4326. `corridor_before`, `corridor_after` (None where there
        is none), `match` ("same", "split", "merged", "mixed", "gone", "new"), `shared_km`, then
        `rank`, `name`, `transits`, `undetected_transits` and `detection_probability` each with
        `_before` and `_after` (of the shared stretch, where the corridor split or merged);
        `change` (of undetected transits), its parts `by_demand`, `by_routes` and `by_detection`,
        `trend` ("rose", "fell", "steady") and `why` (the part that did most of it, or ""). The
        largest change comes first.
    summary
        Totals before and after, and the change.
    """

    corridors: gpd.GeoDataFrame
    summary: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Detail:
    """Hold what tells more of a run than its corridors: its reaches, and where its trips go.

    Attributes
    ----------
    reaches
        Table of reaches, EPSG:4326, columns as in the contract.
    visits
        Trips a month to each site, by name.
    shares
        For each corridor, (site, share of its traffic), by `corridor_id`.
    """

    reaches: gpd.GeoDataFrame
    visits: Mapping[str, float]
    shares: Mapping[str, Sequence[tuple[str, float]]]


def detail_of(outcome: Outcome) -> Detail:
    """Return the reaches of an outcome, and where its trips go."""
    visits: dict[str, float] = {}
    for m in outcome.scored.scores.movements:
        to = np.repeat(m.trips.destination, np.diff(m.trips.start)).astype(np.int32)
        pairs = site_pairs(m, m.trips.origin, to)
        names = site_names(outcome.layers, m.movement.destination_layer, pairs["site"])
        amounts = m.trips.volume[pairs["trip"]] * pairs["part"].to_numpy()
        for name, amount in pd.Series(amounts).groupby(names).sum().items():
            visits[str(name)] = visits.get(str(name), 0.0) + float(amount)
    shares = {name: reason.sites for name, reason in outcome.reasons.items()}
    return Detail(outcome.reaches, visits, shares)


def compare_corridors(
    before: gpd.GeoDataFrame,
    after: gpd.GeoDataFrame,
    *,
    summary_before: Mapping[str, float | bool],
    summary_after: Mapping[str, float | bool],
    detail_before: Detail | None = None,
    detail_after: Detail | None = None,
) -> Comparison:
    """Compare the corridors of two runs.

    Parameters
    ----------
    before, after
        Tables of corridors, EPSG:4326, columns as in the contract.
    summary_before, summary_after
        Totals of the two runs: `demand`, `served`, `local`, `unserved`, `detected`, `undetected`.
    detail_before, detail_after
        Their reaches, and where their trips go. Without them the figures of a stretch are those of
        the whole corridor, and all trips are taken to grow alike.

    Returns
    -------
    Comparison
        The given tables are not changed.

    Raises
    ------
    PlanError
        Where the two have no water in common.
    """
    first, second, km = match_corridors(before, after)
    if not first.size and len(before) and len(after):
        raise PlanError(
            Problem(
                "compare",
                None,
                "the two results have no water in common",
                "compare two runs of one region",
            )
        )
    pairs = _with_unmatched(first, second, km, before, after)
    table = _put_side_by_side(pairs, before, after)
    if detail_before is not None and detail_after is not None:
        table = _measure_stretches(table, pairs, (before, detail_before), (after, detail_after))
    served = float(summary_before["served"]), float(summary_after["served"])
    growth = served[1] / served[0] if served[0] > 0.0 else 1.0
    by_demand = _demand_alone(table, detail_before, detail_after, growth=growth)
    table = _explain(table, by_demand=by_demand)
    order = np.argsort(-np.abs(table["change"].to_numpy()), kind="stable")
    return Comparison(
        table.iloc[order].reset_index(drop=True), _totals(summary_before, summary_after)
    )


def match_corridors(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame) -> tuple[Ints, Ints, Floats]:
    """Return pairs of rows that share water, and how much, km."""
    here, there = _in_metres(before, before), _in_metres(after, before)
    near = shapely.STRtree(there).query(here, predicate="dwithin", distance=SAME_WATER_M)
    first, second = near.astype(np.int32)
    one = shapely.intersection(here[first], shapely.buffer(there[second], SAME_WATER_M))
    other = shapely.intersection(there[second], shapely.buffer(here[first], SAME_WATER_M))
    share_of_first = shapely.length(one) / shapely.length(here[first])
    share_of_second = shapely.length(other) / shapely.length(there[second])
    km = share_of_first * before["length_km"].to_numpy()[first]
    matched = np.maximum(share_of_first, share_of_second) >= LEAST_SHARE
    # Waters that meet lie within the distance of each other at the confluence only; a corridor that
    # is shorter than that is the same where all of both is.
    alike = np.minimum(share_of_first, share_of_second) >= NEARLY_ALL
    matched &= (shapely.length(one) > 3.0 * SAME_WATER_M) | alike
    return first[matched], second[matched], km[matched]


def _in_metres(
    table: gpd.GeoDataFrame, frame: gpd.GeoDataFrame, *, middles: bool = False
) -> Geometries:
    """Return lines, or their middles, on a plane that is true in the middle of a frame."""
    west, south, east, north = frame.total_bounds
    mx, my = metres_per_degree(np.array(0.5 * (south + north)))
    centre = np.array([0.5 * (west + east), 0.5 * (south + north)])
    scale = np.array([float(mx), float(my)])
    shapes = table.geometry.to_numpy()
    if middles:
        shapes = shapely.line_interpolate_point(shapes, 0.5, normalized=True)
    moved: Geometries = shapely.transform(shapes, lambda xy: (xy - centre) * scale)
    return moved


def _with_unmatched(
    first: Ints, second: Ints, km: Floats, before: gpd.GeoDataFrame, after: gpd.GeoDataFrame
) -> pd.DataFrame:
    """List pairs and what has no partner (−1), and say how each pair came about."""
    left, right = (
        np.bincount(first, minlength=len(before)),
        np.bincount(second, minlength=len(after)),
    )
    parts, wholes = left[first], right[second]
    match = np.select(
        [(parts == 1) & (wholes == 1), wholes == 1, parts == 1],
        ["same", "split", "merged"],
        "mixed",
    )
    gone, new = np.flatnonzero(left == 0), np.flatnonzero(right == 0)
    return pd.DataFrame(
        {
            "first": np.concatenate([first, gone, np.full(new.size, -1)]).astype(np.int64),
            "second": np.concatenate([second, np.full(gone.size, -1), new]).astype(np.int64),
            "match": [*match.tolist(), *["gone"] * gone.size, *["new"] * new.size],
            "shared_km": np.concatenate([km, np.zeros(gone.size + new.size)]),
        }
    )


def _put_side_by_side(
    pairs: pd.DataFrame, before: gpd.GeoDataFrame, after: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """Return both runs' figures for each pair; where a corridor is missing nothing passes."""
    columns: dict[str, object] = {}
    sides = (("before", before, pairs["first"]), ("after", after, pairs["second"]))
    for side, table, rows in sides:
        columns[f"corridor_{side}"] = _take(table["corridor_id"], rows)
    columns["match"] = pairs["match"].to_numpy()
    columns["shared_km"] = pairs["shared_km"].to_numpy()
    for figure in FIGURES:
        for side, table, rows in sides:
            values = _take(table[figure], rows)
            passes = figure in ("transits", "undetected_transits")
            columns[f"{figure}_{side}"] = values.fillna(0.0) if passes else values
    lines = np.where(
        pairs["second"] >= 0,
        _take(after.geometry, pairs["second"]),
        _take(before.geometry, pairs["first"]),
    )
    return gpd.GeoDataFrame(columns, geometry=lines, crs="EPSG:4326")


def _measure_stretches(
    table: gpd.GeoDataFrame,
    pairs: pd.DataFrame,
    before: tuple[gpd.GeoDataFrame, Detail],
    after: tuple[gpd.GeoDataFrame, Detail],
) -> gpd.GeoDataFrame:
    """Measure what is split, merged or mixed on the water that both corridors share.

    A mean over all of a long corridor says nothing of the part that became another.
    """
    columns = {name: table[name].to_numpy(dtype=np.float64).copy() for name in _MEASURED}
    parts = np.flatnonzero(pairs["match"].isin(["split", "merged", "mixed"]))
    sides = (("before", "first", before, after), ("after", "second", after, before))
    for side, key, (mine, detail), (other, _) in sides:
        reaches = detail.reaches
        middles = _in_metres(reaches, mine, middles=True)
        lines = _in_metres(other, mine)
        theirs = pairs["second" if key == "first" else "first"].to_numpy()
        rows = reaches.groupby("corridor_id").indices
        for k in parts:
            own = rows.get(table[f"corridor_{side}"].iloc[k], np.empty(0, dtype=np.int64))
            near = own[shapely.distance(middles[own], lines[theirs[k]]) <= SAME_WATER_M]
            if near.size:
                km = reaches["length_km"].to_numpy()[near]
                for name in ("transits", "undetected_transits"):
                    mean = np.average(reaches[name].to_numpy()[near], weights=km)
                    columns[f"{name}_{side}"][k] = mean
        passed = columns[f"transits_{side}"]
        missed = np.divide(
            columns[f"undetected_transits_{side}"],
            passed,
            out=np.full(passed.size, np.nan),
            where=passed > 0.0,
        )
        columns[f"detection_probability_{side}"][parts] = 1.0 - missed[parts]
    return table.assign(**columns)


def _take(values: pd.Series, rows: pd.Series) -> pd.Series:
    """Return values by row number, missing where there is none (−1)."""
    found = values.reset_index(drop=True).reindex(rows.where(rows >= 0, len(values)))
    found = found.reset_index(drop=True)
    if pd.api.types.is_numeric_dtype(found.dtype):
        return found
    texts = found.astype(object)
    return texts.where(texts.notna(), None)


def _demand_alone(
    table: gpd.GeoDataFrame,
    before: Detail | None,
    after: Detail | None,
    *,
    growth: float,
) -> Floats:
    """Return what demand alone does to the transits of each row."""
    f0: Floats = table["transits_before"].to_numpy(np.float64)
    f1: Floats = table["transits_after"].to_numpy(np.float64)
    if before is None or after is None:
        return (growth - 1.0) * f0
    grown = [
        sum(
            share * (after.visits.get(site, 0.0) / before.visits[site] - 1.0)
            for site, share in before.shares.get(corridor, ())
            if before.visits.get(site, 0.0) > 0.0
        )
        for corridor in table["corridor_before"]
    ]
    new = [
        sum(
            share
            for site, share in after.shares.get(corridor, ())
            if before.visits.get(site, 0.0) <= 0.0
        )
        for corridor in table["corridor_after"]
    ]
    return f0 * np.array(grown, dtype=np.float64) + f1 * np.array(new, dtype=np.float64)


def _explain(table: gpd.GeoDataFrame, *, by_demand: Floats) -> gpd.GeoDataFrame:
    """Add the change of undetected transits, its parts, and the word for it."""
    f0, f1 = table["transits_before"].to_numpy(float), table["transits_after"].to_numpy(float)
    u0 = table["undetected_transits_before"].to_numpy(float)
    u1 = table["undetected_transits_after"].to_numpy(float)
    m0 = np.divide(u0, f0, out=np.full(f0.size, np.nan), where=f0 > 0.0)
    m1 = np.divide(u1, f1, out=np.full(f1.size, np.nan), where=f1 > 0.0)
    # Where nothing passes there is no share; the other run's stands in, and detection has no part.
    m0, m1 = np.where(np.isnan(m0), m1, m0), np.where(np.isnan(m1), m0, m1)
    m0, m1 = np.nan_to_num(m0), np.nan_to_num(m1)
    mean = 0.5 * (m0 + m1)
    parts = {
        "by_demand": mean * by_demand,
        "by_routes": mean * (f1 - f0 - by_demand),
        "by_detection": 0.5 * (f0 + f1) * (m1 - m0),
    }
    change = u1 - u0
    steady = np.abs(change) <= STEADY * np.maximum(u0, u1)
    helped = np.column_stack(list(parts.values())) * np.sign(change)[:, None]
    reason = np.array(["demand", "routes", "detection"], dtype=object)[helped.argmax(axis=1)]
    trend = np.select([steady, change > 0.0], ["steady", "rose"], "fell")
    return table.assign(
        change=change, **parts, trend=trend, why=np.where(steady, "", reason).astype(object)
    )


def _totals(before: Mapping[str, float | bool], after: Mapping[str, float | bool]) -> pd.DataFrame:
    """Return the totals of both runs, one row each."""
    names = ("demand", "served", "local", "unserved", "detected", "undetected")
    table = pd.DataFrame(
        {
            "total": names,
            "before": [float(before[name]) for name in names],
            "after": [float(after[name]) for name in names],
        }
    )
    return table.assign(change=table["after"] - table["before"])
