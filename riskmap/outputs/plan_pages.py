"""A plan as a page: today and with the plan behind one switch, the advice, displaced traffic."""

from __future__ import annotations

import geopandas as gpd

from riskmap.outputs.advice import advise_checkpoints, advise_hours, describe_places, far_end
from riskmap.outputs.elements import PlanShown
from riskmap.outputs.map import RiskMap, build_map
from riskmap.outputs.words import Language, Words
from riskmap.planning.carried_out import with_checkpoints, with_hours
from riskmap.planning.checkpoints import CheckpointPlan
from riskmap.planning.study_displacement import trace_displacement
from riskmap.planning.study_hours import StudyHours
from riskmap.results.outcome import Outcome


def map_plan(
    outcome: Outcome, plan: CheckpointPlan | StudyHours, *, language: Language | None = None
) -> RiskMap:
    """Build the planner's map of a study before and after a plan.

    Parameters
    ----------
    outcome
        The study as it is.
    plan
        A plan of checkpoints or of patrol hours for it.
    language
        Of the page; the study's by default.

    Returns
    -------
    RiskMap
        Its switch shows the ranking today, and as the model has it with the plan carried out.
    """
    words = Words(language or outcome.language)
    if isinstance(plan, CheckpointPlan):
        moved = trace_displacement(outcome, plan)
        advice = advise_checkpoints(outcome, plan, moved, language=words.language)
        shown = PlanShown(advice, moved.corridors, _places(plan.checkpoints.geometry))
        settlements = outcome.layers.tables.get("settlements")
        places = describe_places(words, plan.checkpoints, settlements)
        names = [
            words.say("plan_checkpoint", number=k, place=place)
            for k, place in enumerate(places, start=1)
        ]
        after = with_checkpoints(outcome, plan, names=names)
    else:
        advice = advise_hours(outcome, plan, language=words.language)
        shown = PlanShown(advice, None, _places(plan.patrols.geometry.apply(far_end)))
        after = with_hours(outcome, plan)
    results = {words.say("plan_today"): outcome, words.say("plan_carried_out"): after}
    return build_map(results, language=words.language, plan=shown)


def _places(points: gpd.GeoSeries) -> list[tuple[float, float]]:
    return [(point.x, point.y) for point in points]
