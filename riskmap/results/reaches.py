"""The table of reaches, with the scores of each."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from riskmap.model.observed import PatrolLog
from riskmap.network.arcs import Geometries
from riskmap.network.reaches import Reaches, draw_lines
from riskmap.results.scored import Scored

MODES = np.array(["river", "road", "landing"], dtype=object)


def reaches_table(scored: Scored) -> gpd.GeoDataFrame:
    """Return every reach in canonical order, EPSG:4326, columns as in the contract, and `mode`.

    Figures that do not exist are NaN: the chance of detection where nothing passes, hours to the
    nearest post where none can come, interceptions for patrol hours off the water.
    """
    reaches, by_reach = scored.reaches, scored.by_reach
    n = reaches.u.size
    gain = by_reach.interceptions_per_100_patrol_hours
    hours = np.where(np.isfinite(scored.hours_to_post), scored.hours_to_post, np.nan)
    return gpd.GeoDataFrame(
        {
            "reach_id": np.arange(n),
            "source_id": reaches.source_id,
            "name": pd.Series(reaches.name, dtype=object),
            "length_km": reaches.length_km,
            "transits": by_reach.transits,
            "undetected_transits": by_reach.undetected,
            "detection_probability": by_reach.detection_probability,
            "interceptions_per_100_patrol_hours": np.where(reaches.mode == 0, gain, np.nan),
            "patrol_hours": scored.patrols.hours,
            "hours_to_nearest_post": hours,
            "corridor_id": corridor_ids(scored.chains.corridor),
            "mode": MODES[reaches.mode],
            **_observed(scored.log),
        },
        geometry=reach_lines(reaches),
        crs="EPSG:4326",
    )


def _observed(log: PatrolLog | None) -> dict[str, object]:
    """Return what patrol tracks say of each reach; nothing where the study has none."""
    if log is None:
        return {}
    return {
        "patrol_observed": log.observed,
        "logged_hours": log.hours_per_month,
        "patrol_passes": log.passes_down + log.passes_up,
        "patrol_passes_down": log.passes_down,
        "patrol_passes_up": log.passes_up,
        "patrol_night_share": log.night_share,
        "days_since_patrol": log.days_since_last,
    }


def corridor_ids(corridor: np.ndarray[tuple[int], np.dtype[np.int32]]) -> list[str | None]:
    """Return the identifiers of corridors by number, None for −1."""
    return [None if c < 0 else f"c{c + 1:04d}" for c in corridor]


def reach_lines(reaches: Reaches) -> Geometries:
    """Return each reach as a line, degrees."""
    return draw_lines(reaches.coords, reaches.offsets)
