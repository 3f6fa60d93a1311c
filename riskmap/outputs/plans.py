"""Plans as files: where, what each gains, and what the plan intercepts in the record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd

from riskmap.addresses import Address
from riskmap.outputs.advice import advise_checkpoints, advise_hours
from riskmap.outputs.tables import record_of, write_rows
from riskmap.planning.checkpoints import CheckpointPlan
from riskmap.planning.compare import Comparison
from riskmap.planning.study_displacement import Displacement
from riskmap.planning.study_hours import StudyHours
from riskmap.results.outcome import Outcome


def write_checkpoints(
    outcome: Outcome,
    plan: CheckpointPlan,
    path: Path | Address,
    *,
    displacement: Displacement,
    overwrite: bool = False,
) -> None:
    """Write the chosen nodes with their gains, and where travellers go instead.

    The record holds what the plan intercepts, with routes held and once everybody adapts.

    Raises
    ------
    OutputError
        Where the file cannot be written.
    """
    record = record_of(outcome)
    record["summary"] |= {
        "method": plan.method,
        "intercepted": plan.intercepted,
        "intercepted_share": plan.intercepted_share,
        "gap": plan.gap,
        "intercepted_if_routes_stay": plan.intercepted_if_routes_stay,
        "intercepted_if_evaded": plan.intercepted_if_evaded,
        "detection_probability": plan.detection_probability,
        "tolerance": plan.tolerance,
        "displacement": dict(displacement.summary),
        "advice": advise_checkpoints(outcome, plan, displacement).as_dict(),
    }
    write_rows(
        with_corridors(plan.checkpoints, outcome),
        path,
        name="checkpoints",
        record=record,
        further={
            "displaced_corridors": displacement.corridors,
            "displaced_routes": displacement.routes,
            "displaced_destinations": displacement.destinations,
        },
        language=outcome.language,
        overwrite=overwrite,
    )


def write_hours(
    outcome: Outcome, plan: StudyHours, path: Path | Address, *, overwrite: bool = False
) -> None:
    """Write the hours by post and reach, the whole patrols, and the drawn schedule.

    The record holds what the plan intercepts, and the advice in words.

    Raises
    ------
    OutputError
        Where the file cannot be written.
    """
    record = record_of(outcome)
    record["summary"] |= {
        "intercepted": plan.intercepted,
        "intercepted_share": plan.intercepted_share,
        "gap": plan.gap,
        "patrols_intercepted": plan.patrols_intercepted,
        "patrols_loss": plan.patrols_loss,
        "patrol_length_h": plan.patrol_length_h,
        "schedule_seed": plan.seed,
        "advice": advise_hours(outcome, plan).as_dict(),
    }
    write_rows(
        plan.hours,
        path,
        name="patrol_hours",
        record=record,
        further={"patrols": plan.patrols, "schedule": plan.schedule},
        language=outcome.language,
        overwrite=overwrite,
    )


def write_comparison(
    before: Outcome,
    after: Outcome,
    comparison: Comparison,
    path: Path | Address,
    *,
    overwrite: bool = False,
) -> None:
    """Write what changed, corridor by corridor; the record holds the totals and both provenances.

    Raises
    ------
    OutputError
        Where the file cannot be written.
    """
    totals = comparison.summary
    record = {
        "summary": totals.set_index("total").to_dict(orient="index"),
        "provenance": {"before": dict(before.provenance), "after": dict(after.provenance)},
    }
    # In a database a table of this name holds a ranking.
    name = "comparison" if isinstance(path, Address) else "corridors"
    write_rows(
        comparison.corridors,
        path,
        name=name,
        record=record,
        language=after.language,
        overwrite=overwrite,
    )


def with_corridors(table: Any, outcome: Outcome) -> gpd.GeoDataFrame:
    """Add the name of the corridor that each checkpoint stands on, "" where on none."""
    names = outcome.corridors.set_index("corridor_id")["name"]
    named = gpd.GeoDataFrame(table).copy()
    corridor = [names.get(key, "") if key else "" for key in named["corridor_id"]]
    named.insert(list(named.columns).index("geometry"), "corridor", corridor)
    return named
