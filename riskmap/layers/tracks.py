"""Patrol tracks as fixes: place and time of every vertex, from what the sources write.

The third coordinate is the time in milliseconds since 1970 (SMART, GPX as read here); a line
without it has its times spread evenly over its length, from `start_time` to `end_time`.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from riskmap.geodesy import vertex_measures_km
from riskmap.layers.findings import Findings

Floats = npt.NDArray[np.float64]

#: Column that keeps the lines with their third coordinate.
TIMED = "timed_line"
#: A third coordinate from here on is a time, ms (1973): no height is.
EARLIEST_MS = 1e11
_MS_PER_HOUR = 3_600_000.0


@dataclass(frozen=True, slots=True)
class Fixes:
    """Hold the fixes of tracks, one track after the other, in order of time.

    Attributes
    ----------
    row
        Row of the layer.
    part
        Number of the unbroken line that each fix is of.
    lon, lat
        Degrees.
    time_h
        Hours since 1970, UTC.
    """

    row: npt.NDArray[np.int64]
    part: npt.NDArray[np.int64]
    lon: Floats
    lat: Floats
    time_h: Floats


def keep_times(rows: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return rows of lines without third coordinates, which a column keeps."""
    timed = rows.geometry.to_numpy()
    flat = gpd.GeoSeries(shapely.force_2d(timed), index=rows.index, crs=rows.crs)
    plain = pd.Series(list(timed), index=rows.index, dtype=object)
    return rows.set_geometry(flat).assign(**{TIMED: plain})


def check_times(table: gpd.GeoDataFrame, findings: Findings) -> None:
    """Mark the tracks that have no times."""
    without = [
        row
        for row, line, start, end in zip(
            table.index, table[TIMED], table["start_time"], table["end_time"], strict=True
        )
        if not (_has_times(line) or (pd.notna(start) and pd.notna(end) and end > start))
    ]
    mend = "map start_time and end_time with `columns`, or export the times"
    findings.unfit(without, "has no times", mend)


def fixes_of(table: gpd.GeoDataFrame) -> Fixes:
    """Return the fixes of a layer of tracks, as `read_layers` gives it."""
    parts: list[tuple[Floats, Floats, int]] = []
    for row, line, start, end in zip(
        table.index, table[TIMED], table["start_time"], table["end_time"], strict=True
    ):
        if _has_times(line):
            for one in shapely.get_parts(line):
                xyz = shapely.get_coordinates(one, include_z=True)
                xyz = xyz[np.argsort(xyz[:, 2], kind="stable")]
                parts.append((xyz[:, :2], xyz[:, 2] / _MS_PER_HOUR, int(row)))
        else:
            parts += [(xy, h, int(row)) for xy, h in _spread(line, _hours(start), _hours(end))]
    if not parts:
        none = np.empty(0, dtype=np.int64)
        return Fixes(none, none, np.empty(0), np.empty(0), np.empty(0))
    sizes = [hours.size for _, hours, _ in parts]
    xy = np.concatenate([places for places, _, _ in parts])
    return Fixes(
        np.repeat(np.array([row for _, _, row in parts]), sizes),
        np.repeat(np.arange(len(parts)), sizes),
        xy[:, 0],
        xy[:, 1],
        np.concatenate([hours for _, hours, _ in parts]),
    )


def _has_times(line: shapely.Geometry) -> bool:
    if not shapely.has_z(line):
        return False
    z = shapely.get_coordinates(line, include_z=True)[:, 2]
    return bool(np.isfinite(z).all() and (z >= EARLIEST_MS).all())


def _hours(time: pd.Timestamp) -> float:
    return (time - pd.Timestamp(0)) / pd.Timedelta(hours=1)


def _spread(line: shapely.Geometry, start_h: float, end_h: float) -> list[tuple[Floats, Floats]]:
    """Spread a span of time evenly over the length of a line; its parts follow each other."""
    lines = [shapely.get_coordinates(part) for part in shapely.get_parts(line)]
    offsets = np.cumsum([0, *(len(xy) for xy in lines)])
    km = vertex_measures_km(np.concatenate(lines), offsets)
    lengths = km[offsets[1:] - 1]
    before = np.cumsum(lengths) - lengths
    total = max(float(lengths.sum()), 1e-9)
    return [
        (xy, start_h + (end_h - start_h) * (before[k] + km[offsets[k] : offsets[k + 1]]) / total)
        for k, xy in enumerate(lines)
    ]
