"""Observed patrols: what tracks say by reach, and hours that replace a post's kernel (model §3).

Which reach a track runs on is found in `riskmap.network.tracks`.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from riskmap.geodesy import nearest_points
from riskmap.layers import Layers
from riskmap.layers.folding import fold
from riskmap.layers.tracks import Fixes, fixes_of
from riskmap.model.patrol import Patrols, Posts
from riskmap.network.arcs import Bools, Floats, Ints
from riskmap.network.reaches import Reaches
from riskmap.network.tracks import Logged, log_tracks
from riskmap.report import Count, Note
from riskmap.settings import Settings

#: A fix farther from every reach is off the water, unless the layer has its own max_access_km, km.
WITHIN_KM = 1.0
#: Below this share of matched hours the tracks or the lines are doubtful.
GOOD_MATCH = 0.8


@dataclass(frozen=True, slots=True)
class PatrolLog:
    """Hold what tracks say by reach, over the period that they cover.

    Attributes
    ----------
    hours_per_month
        Boat-hours a month, shape (n_reaches,).
    passes_down, passes_up
        Way travelled with and against the reach's line, in lengths of the reach, over the period.
    night_share
        Share of the hours by night (18 to 6 h by the sun); NaN where nobody was.
    days_since_last
        Days from the last visit to the end of the period; NaN where nobody was.
    observed
        Whether any track ran there.
    post_row, post_reach, post_hours
        Hours a month by post (row of its layer, −1 where there is no post) and reach.
    period_h
        Length of the period, hours; a month at least.
    match_rate
        Share of the tracks' hours that lies on reaches.
    """

    hours_per_month: Floats
    passes_down: Floats
    passes_up: Floats
    night_share: Floats
    days_since_last: Floats
    observed: Bools
    post_row: Ints
    post_reach: Ints
    post_hours: Floats
    period_h: float
    match_rate: float


def observe_patrols(
    settings: Settings, layers: Layers, reaches: Reaches
) -> tuple[PatrolLog | None, tuple[Note, ...]]:
    """Match a study's patrol tracks to its water; None where it has none."""
    table = layers.tables.get("patrol_tracks")
    if table is None:
        return None, ()
    fixes = fixes_of(table)
    section = settings.layers["patrol_tracks"]
    within = WITHIN_KM if section.max_access_km is None else max(section.max_access_km, 0.01)
    error = section.position_error_m / 1000.0 or within / 10.0
    logged = log_tracks(reaches, fixes, usable=reaches.mode == 0, within_km=within, error_km=error)
    begin, end = float(fixes.time_h.min()), float(fixes.time_h.max())
    period_h = max(24.0 * float(np.ceil((end - begin) / 24.0)), settings.patrol.period_h)
    post_of, guessed = _posts_of_tracks(table, fixes, layers.tables.get("police_posts"))
    log = _by_reach(reaches, logged, post_of, end, period_h, settings.patrol.period_h)
    return log, (_match_note(log, logged, begin, end), *guessed)


def replace_kernel(
    patrols: Patrols, posts: Posts, log: PatrolLog, *, effectiveness: float, speed_kmh: float
) -> Patrols:
    """Return patrols with logged hours in place of the kernel of those posts that have tracks.

    Parameters
    ----------
    patrols
        Hours by the kernel.
    posts
        Posts on the water.
    log
        What tracks say.
    effectiveness, speed_kmh
        Of boats that belong to no post on the water.
    """
    hours, sweep = np.zeros(patrols.hours.size), np.zeros(patrols.hours.size)
    starts, found, amounts = [0], [], []
    for p, row in enumerate(posts.row):
        mine = log.post_row == row
        if mine.any():
            reach, h = log.post_reach[mine], log.post_hours[mine] * posts.effectiveness[p]
        else:
            own = slice(patrols.post_start[p], patrols.post_start[p + 1])
            reach, h = patrols.post_reach[own], patrols.post_hours[own]
        np.add.at(hours, reach, h)
        np.add.at(sweep, reach, h * posts.speed_kmh[p])
        found.append(reach)
        amounts.append(h)
        starts.append(starts[-1] + reach.size)
    rest = ~np.isin(log.post_row, posts.row)
    np.add.at(hours, log.post_reach[rest], log.post_hours[rest] * effectiveness)
    np.add.at(sweep, log.post_reach[rest], log.post_hours[rest] * effectiveness * speed_kmh)
    return Patrols(
        hours,
        sweep,
        np.array(starts, dtype=np.int32),
        np.concatenate([np.empty(0, dtype=np.int32), *found]).astype(np.int32),
        np.concatenate([np.empty(0), *amounts]),
    )


def _by_reach(
    reaches: Reaches,
    logged: Logged,
    post_of: dict[int, int],
    end_h: float,
    period_h: float,
    month_h: float,
) -> PatrolLog:
    n = reaches.u.size

    def total(values: Floats) -> Floats:
        sums: Floats = np.bincount(logged.reach, values, minlength=n).astype(np.float64)
        return sums

    hours, length = total(logged.hours), np.maximum(reaches.length_km, 1e-9)
    observed = np.bincount(logged.reach, minlength=n) > 0
    last = np.full(n, -np.inf)
    np.maximum.at(last, logged.reach, logged.last_h)
    days = np.full(n, np.nan)
    days[observed] = (end_h - last[observed]) / 24.0
    night = np.divide(total(logged.night_h), hours, out=np.full(n, np.nan), where=hours > 0.0)
    rows, track = np.unique(logged.row, return_inverse=True)
    post = np.array([post_of.get(row, -1) for row in rows.tolist()], dtype=np.int64)[track]
    pairs, at = np.unique((post + 1) * n + logged.reach, return_inverse=True)
    per_month = month_h / period_h
    sums = np.bincount(at, logged.hours, minlength=pairs.size).astype(np.float64)
    return PatrolLog(
        hours * per_month, total(logged.down_km) / length, total(logged.up_km) / length,
        night, days, observed,
        (pairs // n - 1).astype(np.int32), (pairs % n).astype(np.int32), sums * per_month,
        period_h, logged.match_rate,
    )  # fmt: skip


def _posts_of_tracks(
    table: gpd.GeoDataFrame, fixes: Fixes, posts: gpd.GeoDataFrame | None
) -> tuple[dict[int, int], list[Note]]:
    """Return the post of each track, by its name or else the nearest to where it begins."""
    if posts is None or posts.empty or not fixes.row.size:
        return {}, []
    by_name = {fold(name): int(row) for row, name in posts["name"].items()}
    rows, first = np.unique(fixes.row, return_index=True)
    nearest, km = nearest_points(
        fixes.lon[first], fixes.lat[first],
        posts.geometry.x.to_numpy(), posts.geometry.y.to_numpy(),
    )  # fmt: skip
    post_of: dict[int, int] = {}
    taken: npt.NDArray[np.bool_] = np.zeros(rows.size, dtype=np.bool_)
    for k, row in enumerate(rows.tolist()):
        named = by_name.get(fold(table["post"].loc[row]))
        taken[k] = named is None
        post_of[row] = int(posts.index[nearest[k]]) if named is None else named
    if not taken.any():
        return post_of, []
    what = (
        f"no post of the study is named by {int(taken.sum())} of "
        f"{Count(rows.size):track|tracks}: each is of the post nearest to where it begins "
        f"(up to {km[taken].max():.1f} km away)"
    )
    return post_of, [
        Note(
            "defaulted", "patrol_tracks", "post", what, "map post with `columns`", int(taken.sum())
        )
    ]


def _match_note(log: PatrolLog, logged: Logged, begin_h: float, end_h: float) -> Note:
    what = (
        f"{log.match_rate:.0%} of {logged.total_h[1].sum():.1f} boat-hours lie on reaches; "
        f"{int(log.observed.sum())} of {Count(log.observed.size):reach|reaches} visited "
        f"between {_day(begin_h)} and {_day(end_h)}; the others were not observed"
    )
    if log.match_rate >= GOOD_MATCH:
        return Note("notice", "patrol_tracks", None, what)
    mend = "check the lines, or give the layer a wider max_access_km"
    return Note("doubtful", "patrol_tracks", None, what, mend)


def _day(hours: float) -> str:
    return str(np.datetime64(int(hours), "h").astype("datetime64[D]"))
