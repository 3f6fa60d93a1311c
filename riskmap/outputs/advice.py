"""Plans as advice: where, what it gains, what the other side will do, how sure.

The same sentences stand in the terminal, on the map and in the file's record; their words are in
`riskmap.outputs.words_of_plans`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.geodesy import bearing_deg
from riskmap.outputs.words import Language, Words
from riskmap.planning.checkpoints import CheckpointPlan
from riskmap.planning.study_displacement import Displacement
from riskmap.planning.study_hours import StudyHours
from riskmap.results.outcome import Outcome

#: Nearer to a settlement than this a place goes by its name alone, km.
AT_KM = 1.0
#: Places and waters that a sentence names at most.
NAMED = 3
#: A plan that loses more than this share of its gain once it is known is called fragile.
FRAGILE = 0.5


@dataclass(frozen=True, slots=True)
class Advice:
    """Hold what a plan says to people.

    Attributes
    ----------
    title
        What is planned, for which study and season.
    heads, rows
        A table of what to do, first things first; numbers are written out.
    lines
        Sentences: what it gains, what the other side will do, how sure it is.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Return it as what JSON can hold."""
        rows = [dict(zip(self.heads, row, strict=True)) for row in self.rows]
        return {"title": self.title, "do": rows, "say": list(self.lines)}


def advise_checkpoints(
    outcome: Outcome,
    plan: CheckpointPlan,
    displacement: Displacement,
    *,
    language: Language | None = None,
) -> Advice:
    """Put a plan of checkpoints into words.

    Parameters
    ----------
    outcome
        The study's outcome.
    plan
        Its plan.
    displacement
        Where travellers go instead.
    language
        The study's by default.
    """
    words = Words(language or outcome.language)
    count = len(plan.checkpoints)
    key = "plan_checkpoints_one" if count == 1 else "plan_checkpoints_title"
    season = words.say(f"season_{outcome.season}").lower()
    title = words.say(key, study=outcome.study_name, season=season, count=count)
    lines = [
        *_gain(words, outcome, plan),
        *_other_side(words, plan, displacement),
        _certainty(words, plan),
        words.say("plan_model"),
    ]
    return Advice(title, *_places(words, outcome, plan.checkpoints), tuple(lines))


def advise_hours(outcome: Outcome, plan: StudyHours, *, language: Language | None = None) -> Advice:
    """Put a plan of patrol hours into words: whole patrols, and when to leave.

    Parameters
    ----------
    outcome
        The study's outcome.
    plan
        Its plan.
    language
        The study's by default.
    """
    words = Words(language or outcome.language)
    hours = float(plan.hours["hours"].sum())
    season = words.say(f"season_{outcome.season}").lower()
    title = words.say(
        "plan_hours_title", study=outcome.study_name, season=season, hours=words.number(hours)
    )
    most = plan.intercepted / (1.0 - plan.gap) if plan.gap < 1.0 else np.inf
    lines = [
        *_hours_gain(words, outcome, plan),
        words.say("plan_hours_other"),
        _first_week(words, plan),
        words.say("plan_hours_sure", most=words.amount(most)),
        words.say("plan_model"),
    ]
    return Advice(title, *_patrols(words, outcome, plan), tuple(lines))


def _patrols(
    words: Words, outcome: Outcome, plan: StudyHours
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    heads = ("post", "to", "on", "times", "hours", "travel")
    table = plan.patrols
    ends = table.geometry.apply(far_end)
    far = gpd.GeoDataFrame(table.assign(place=""), geometry=ends, crs=table.crs)
    where = describe_places(words, far, outcome.layers.tables.get("settlements"))
    rows = [
        (
            words.place(str(row.post)),
            place,
            _water(words, outcome, row.corridor_id, row.name_),
            words.number(row.patrols_per_month),
            words.number(row.hours_each, 0 if row.hours_each % 1 == 0 else 1),
            words.number(row.travel_hours, 1),
        )
        for place, row in zip(
            where, table.rename(columns={"name": "name_"}).itertuples(), strict=True
        )
    ]
    return tuple(words.say(f"plan_head_{head}") for head in heads), tuple(rows)


def far_end(way: shapely.MultiLineString) -> shapely.Point:
    """Return the middle of the last of a way's lines: the water that a patrol goes to."""
    return shapely.line_interpolate_point(way.geoms[-1], 0.5, normalized=True)


def _water(words: Words, outcome: Outcome, corridor_id: object, name: object) -> str:
    corridors = outcome.corridors.set_index("corridor_id")["name"]
    return str(corridors.get(corridor_id, "") or name or words.say("unnamed"))


def _hours_gain(words: Words, outcome: Outcome, plan: StudyHours) -> list[str]:
    if plan.patrols.empty:
        length = words.number(plan.patrol_length_h, 1)
        return [words.say("plan_hours_none", length=length)]
    undetected = float(outcome.summary["undetected"])
    spent = plan.hours.groupby(["post", "corridor_id"], sort=False)["hours"].sum()
    waters = spent.sort_values(ascending=False, kind="stable").head(NAMED).index
    where = _listed(dict.fromkeys(_water(words, outcome, key, "") for _, key in waters))
    share = 100.0 * plan.patrols_intercepted / undetected if undetected else 0.0
    return [
        words.say(
            "plan_hours_gain",
            undetected=words.number(undetected),
            unit=_unit(words, outcome),
            whole=words.amount(plan.patrols_intercepted),
            share=words.number(share),
        ),
        words.say(
            "plan_hours_loss",
            gain=words.amount(plan.intercepted),
            where=where,
            loss=words.number(100.0 * plan.patrols_loss),
        ),
    ]


def _first_week(words: Words, plan: StudyHours) -> str:
    """Say when the patrols of the first week leave: "Mon 22:00 Puerto Maldonado"."""
    days = words.say("plan_days").split()
    first = plan.schedule[plan.schedule["week"] == 1]
    said = {"seed": plan.seed, "weeks": plan.weeks}
    if first.empty:
        return words.say("plan_hours_week_none", **said)
    times = _listed(
        f"{days[row.day - 1]} {row.start_hour}:00 {words.place(str(row.post))}"
        for row in first.itertuples()
    )
    return words.say("plan_hours_week", times=times, **said)


def _places(
    words: Words, outcome: Outcome, table: gpd.GeoDataFrame
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    priced = "cost" in table
    heads = ["place", "on", "lon", "lat", "gain", *(["cost"] if priced else [])]
    corridors = outcome.corridors.set_index("corridor_id")["name"]
    rows = []
    for place, row in zip(
        describe_places(words, table, outcome.layers.tables.get("settlements")),
        table.itertuples(),
        strict=True,
    ):
        on = corridors.get(row.corridor_id, "") if row.corridor_id else ""
        rows.append(
            (
                place,
                str(on or row.waterway or words.say("unnamed")),
                f"{row.geometry.x:.4f}",
                f"{row.geometry.y:.4f}",
                words.amount(row.gain),
                *([words.number(row.cost)] if priced else []),
            )
        )
    return tuple(words.say(f"plan_head_{head}") for head in heads), tuple(rows)


def describe_places(
    words: Words, table: gpd.GeoDataFrame, settlements: gpd.GeoDataFrame | None
) -> list[str]:
    """Return where places are, as people say it: "2.5 km SE of Boca Inambari"."""
    towns = {} if settlements is None else dict(zip(settlements["name"], settlements.geometry,
                                                    strict=True))  # fmt: skip
    sides = words.say("plan_sides").split()
    told = []
    for row in table.itertuples():
        name, town, km = str(row.place), str(row.nearest_settlement), float(row.settlement_km)
        if town and km >= AT_KM:
            there = towns[town]
            turn = bearing_deg(there.x, there.y, row.geometry.x, row.geometry.y)
            side = sides[round(turn / 45.0) % len(sides)]
            where = words.say("plan_place_from", km=words.number(km, 1), side=side, town=town)
        else:
            where = town
        parts = [part for part in (name, where) if part]
        told.append(", ".join(parts) or words.say("plan_place_none"))
    return told


def _unit(words: Words, outcome: Outcome) -> str:
    return words.say("plan_unit_relative" if outcome.relative else "plan_unit")


def _gain(words: Words, outcome: Outcome, plan: CheckpointPlan) -> list[str]:
    undetected, gain = float(outcome.summary["undetected"]), plan.intercepted_if_routes_stay
    lines = [
        words.say(
            "plan_gains",
            undetected=words.number(undetected),
            unit=_unit(words, outcome),
            gain=words.amount(gain),
            share=words.number(100.0 * gain / undetected if undetected else 0.0),
        )
    ]
    if "cost" in plan.checkpoints:
        cost = words.number(float(plan.checkpoints["cost"].sum()))
        lines.append(
            words.say("plan_cost_alone", cost=cost)
            if plan.budget is None
            else words.say("plan_cost", cost=cost, budget=words.number(plan.budget))
        )
    return lines


def _other_side(words: Words, plan: CheckpointPlan, displacement: Displacement) -> list[str]:
    """Say what is left once it is known, who goes round, who goes where instead."""
    flows = displacement.summary
    left = flows["intercepted_if_displaced"]
    lines = [
        words.say(
            "plan_evaded",
            tolerance=words.number(100.0 * plan.tolerance),
            evaded=words.amount(plan.intercepted_if_evaded),
        )
    ]
    if flows["round"] <= 0.0 and flows["elsewhere"] <= 0.0:
        return [*lines, words.say("plan_nobody_round")]
    if flows["round"] > 0.0:
        hours = displacement.routes["hours_longer"].max()
        told = words.say("plan_round_longer", hours=words.number(hours, 1))
        longer = told if hours >= 0.05 else ""  # what rounds to 0.1
        lines.append(words.say("plan_round", round=words.amount(flows["round"]), longer=longer))
    if flows["elsewhere"] > 0.0:
        lines[0] = f"{lines[0]} {words.say('plan_displaced', left=words.amount(left))}"
        places = displacement.destinations.rename(columns={"destination": "name"})
        shown = _more_at(words, places)
        elsewhere = words.amount(flows["elsewhere"])
        lines.append(words.say("plan_elsewhere", elsewhere=elsewhere, places=shown))
    waters = _more_at(words, displacement.corridors)
    if waters:
        lines.append(words.say("plan_more_on", waters=waters))
    if left < FRAGILE * plan.intercepted_if_routes_stay and plan.method != "evasive":
        lines.append(words.say("plan_fragile"))
    return lines


def _more_at(words: Words, table: pd.DataFrame) -> str:
    """Name where most more passes: "La Pampa (+74), Guacamayo (+12)"."""
    more = table[table["change"] > 0.0].sort_values("change", ascending=False, kind="stable")
    names, changes = more["name"].astype(str), more["change"].astype(float)
    return _listed(
        f"{words.place(name) or words.say('unnamed')} (+{words.amount(change)})"
        for name, change in list(zip(names, changes, strict=True))[:NAMED]
    )


def _listed(parts: Iterable[str]) -> str:
    return "; ".join(parts)


def _certainty(words: Words, plan: CheckpointPlan) -> str:
    if plan.gap == 0.0 and plan.method != "greedy":
        return words.say("plan_sure_proven")
    most = plan.intercepted / (1.0 - plan.gap) if plan.gap < 1.0 else np.inf
    key = "plan_sure_greedy" if plan.method == "greedy" else "plan_sure_gap"
    least = words.number(100.0 * (1.0 - plan.gap))
    return words.say(key, most=words.amount(most), least=least)
