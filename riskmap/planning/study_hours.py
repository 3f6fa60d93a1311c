"""More patrol hours for a study: the optimum, whole patrols, and a drawn schedule (model §8)."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.errors import PlanError, Problem
from riskmap.model.patrol import hours_from_post, water_graph
from riskmap.network.arcs import Floats, Ints
from riskmap.planning.patrol_hours import Beats, HoursPlan, find_beats, share_hours
from riskmap.planning.schedule import DAYS, HOURS, draw_rota
from riskmap.planning.study_plans import nearest_settlements, study_traffic
from riskmap.planning.traffic import Traffic
from riskmap.planning.whole_patrols import Outings, choose_patrols, find_outings
from riskmap.results.outcome import Outcome

#: Length of a patrol unless another is asked for: a day's work, assumption.
PATROL_LENGTH_H = 8.0
#: Weeks of a schedule.
WEEKS = 4


@dataclass(frozen=True, slots=True)
class StudyHours:
    """Hold a plan of patrol hours for a study; tables are EPSG:4326.

    Attributes
    ----------
    hours
        The optimum, most hours first: `post`, `reach_id`, `name`, `corridor_id`, `hours` a month to
        add, `interceptions_per_100_patrol_hours` of 100 more once the plan is carried out, and the
        reach as a line.
    intercepted
        Transits a month that the plan detects and that are undetected without it.
    intercepted_share
        The same as a share of all demand.
    gap
        Share of the best possible that the plan may miss.
    patrols
        The plan in whole patrols, most often first: `post`, `corridor_id`, `name` (of the water at
        the far end), `nearest_settlement` and `settlement_km` of the far end, `patrols_per_month`,
        `hours_each`, `travel_hours` (of these, out and back), `distance_km` (one way), and the way
        as a line.
    patrols_intercepted
        What these detect, as `intercepted`.
    patrols_loss
        Share of `intercepted` that is lost by whole patrols: hours on the way, and rounding.
    schedule
        A drawn month, in order of time: `week`, `day` (1 to 7, Monday first), `start_hour`, `post`,
        `corridor_id`, `name`, `hours` on that water, `travel_hours` out and back beside them, and
        the water as lines. Its means are the hours of the optimum.
    seed, weeks, patrol_length_h
        Of the draw, and of each patrol.
    """

    hours: gpd.GeoDataFrame
    intercepted: float
    intercepted_share: float
    gap: float
    patrols: gpd.GeoDataFrame
    patrols_intercepted: float
    patrols_loss: float
    schedule: gpd.GeoDataFrame
    seed: int
    weeks: int
    patrol_length_h: float


def plan_study_hours(
    outcome: Outcome,
    *,
    patrol_hours: float,
    patrol_length_h: float = PATROL_LENGTH_H,
    weeks: int = WEEKS,
    seed: int | None = None,
) -> StudyHours:
    """Share more patrol hours over the water that a study's posts cover, to detect most.

    The hours that the study has stay as they are; routes and demand are held.

    Parameters
    ----------
    outcome
        The study's outcome.
    patrol_hours
        Hours a month to add, > 0.
    patrol_length_h
        Hours of one patrol, > 0, at most a day.
    weeks
        How many weeks to draw, 1 or more.
    seed
        Of the draw; the study's by default.

    Raises
    ------
    PlanError
        Where there are no hours to share, or nowhere that they would detect anything.
    """
    _check(patrol_length_h, weeks)
    traffic, _ = study_traffic(outcome)
    beats = _beats(outcome, traffic)
    plan = share_hours(traffic, beats, hours=patrol_hours)
    outings = _outings(outcome, beats, length_h=patrol_length_h)
    whole = choose_patrols(
        traffic, beats, outings, number=int(patrol_hours / patrol_length_h + 1e-9)
    )
    seed = outcome.settings.study.seed if seed is None else seed
    hours = _place_hours(plan, outcome)
    return StudyHours(
        hours,
        plan.gained,
        plan.gained / traffic.demand,
        plan.gap,
        _place_patrols(outcome, outings, whole.outing, whole.number, length_h=patrol_length_h),
        whole.gained,
        max(1.0 - whole.gained / plan.gained, 0.0) if plan.gained > 0.0 else 0.0,
        _schedule(outcome, plan, hours, length_h=patrol_length_h, weeks=weeks, seed=seed),
        seed,
        weeks,
        patrol_length_h,
    )


def _check(patrol_length_h: float, weeks: int) -> None:
    problems = []
    if not 0.0 < patrol_length_h <= HOURS:
        what = f"is {patrol_length_h!r}, wanted hours above 0, at most a day"
        problems.append(Problem("patrol_length_h", None, what, "8 is usual"))
    if not weeks >= 1:
        problems.append(Problem("weeks", None, f"is {weeks!r}, wanted 1 or more", "4 is usual"))
    if problems:
        raise PlanError(problems)


def _beats(outcome: Outcome, traffic: Traffic) -> Beats:
    scored, patrol = outcome.scored, outcome.settings.patrol
    return find_beats(
        traffic,
        arc_reach=scored.network.reach,
        length_km=scored.reaches.length_km,
        arc_time_h=scored.network.arcs.time_h,
        posts=scored.posts,
        patrols=scored.patrols,
        detection_per_meeting=patrol.detection_per_meeting,
        period_h=patrol.period_h,
    )


def _outings(outcome: Outcome, beats: Beats, *, length_h: float) -> Outings:
    scored = outcome.scored
    return find_outings(
        scored.reaches,
        scored.posts,
        patrols=scored.patrols,
        beats=beats,
        usable=scored.speeds.navigable,
        length_h=length_h,
    )


def _post_names(outcome: Outcome, post: Ints) -> pd.Series:
    names = outcome.layers.tables["police_posts"]["name"]
    rows = outcome.scored.posts.row[post]
    return pd.Series([str(names.loc[row]) for row in rows], dtype=object)


def _place_patrols(
    outcome: Outcome, outings: Outings, made: Ints, number: Ints, *, length_h: float
) -> gpd.GeoDataFrame:
    """Say from where to where the patrols go."""
    reaches, target = outcome.scored.reaches, outings.target[made]
    lines = outcome.reaches.geometry.to_numpy()
    ways = [np.append(outings.way[k], outings.target[k]) for k in made]
    km = np.array([reaches.length_km[way].sum() for way in ways])
    far = shapely.line_interpolate_point(lines[target], 0.5, normalized=True)
    towns = nearest_settlements(
        shapely.get_x(far), shapely.get_y(far), outcome.layers.tables.get("settlements")
    )
    table = outcome.reaches.iloc[target]
    return gpd.GeoDataFrame(
        {
            "post": _post_names(outcome, outings.post[made]),
            "corridor_id": pd.Series(table["corridor_id"].tolist(), dtype=object),
            "name": pd.Series(table["name"].tolist(), dtype=object),
            "nearest_settlement": pd.Series(towns[0], dtype=object),
            "settlement_km": towns[1],
            "patrols_per_month": number,
            "hours_each": np.full(made.size, length_h),
            "travel_hours": outings.travel_h[made],
            "distance_km": km,
        },
        geometry=[shapely.multilinestrings(list(lines[way])) for way in ways],
        crs="EPSG:4326",
    )


def _schedule(
    outcome: Outcome,
    plan: HoursPlan,
    hours: gpd.GeoDataFrame,
    *,
    length_h: float,
    weeks: int,
    seed: int,
) -> gpd.GeoDataFrame:
    """Draw the weeks: a beat is the water of one corridor that one post patrols."""
    table = hours.assign(post_number=plan.post, travel=_travel(outcome, plan))
    rows = table.groupby(["post_number", "corridor_id"], sort=True).agg(
        hours=("hours", "sum"),
        post=("post", "first"),
        travel=("travel", "min"),
        lines=("geometry", lambda some: shapely.multilinestrings(list(some))),
    )
    rows = rows.reset_index()
    weekly = DAYS * HOURS / outcome.settings.patrol.period_h
    rota = draw_rota(
        rows["hours"].to_numpy() * weekly / length_h,
        post=rows["post_number"].to_numpy(dtype=np.int32),
        weeks=weeks,
        seed=seed,
    )
    drawn = rows.iloc[rota.beat]
    names = outcome.corridors.set_index("corridor_id")["name"]
    return gpd.GeoDataFrame(
        {
            "week": rota.week + 1,
            "day": rota.day + 1,
            "start_hour": rota.start_h,
            "post": pd.Series(drawn["post"].tolist(), dtype=object),
            "corridor_id": pd.Series(drawn["corridor_id"].tolist(), dtype=object),
            "name": pd.Series([str(names[key]) for key in drawn["corridor_id"]], dtype=object),
            "hours": np.full(len(drawn), length_h),
            "travel_hours": drawn["travel"].to_numpy(dtype=np.float64),
        },
        geometry=drawn["lines"].to_numpy(),
        crs="EPSG:4326",
    )


def _travel(outcome: Outcome, plan: HoursPlan) -> Floats:
    """Return hours from the post to each reach's nearest point and back."""
    reaches, posts = outcome.scored.reaches, outcome.scored.posts
    water = water_graph(reaches, outcome.scored.speeds.navigable)
    hours = np.empty(plan.reach.size)
    for p in np.unique(plan.post).tolist():
        times = hours_from_post(posts, p, water)
        mine = plan.post == p
        ends = np.minimum(times[reaches.u], times[reaches.v])
        hours[mine] = 2.0 * ends[plan.reach[mine]]
    return hours


def _place_hours(plan: HoursPlan, outcome: Outcome) -> gpd.GeoDataFrame:
    """Say which posts and which water."""
    table = outcome.reaches.iloc[plan.reach]
    return gpd.GeoDataFrame(
        {
            "post": _post_names(outcome, plan.post),
            "reach_id": table["reach_id"].to_numpy(),
            "name": pd.Series(table["name"].tolist(), dtype=object),
            "corridor_id": pd.Series(table["corridor_id"].tolist(), dtype=object),
            "hours": plan.hours,
            "interceptions_per_100_patrol_hours": plan.value,
        },
        geometry=table.geometry.to_numpy(),
        crs="EPSG:4326",
    )
