"""A study with a plan carried out: what the ranking becomes (model §8).

The model's own answer: demand and the choice of routes follow the study's rules, with the plan's
checkpoints or hours among what is there. What travellers do who know the plan is in
`riskmap.planning.study_displacement`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace

import geopandas as gpd
import numpy as np
import pandas as pd

from riskmap.layers import Layers
from riskmap.model.patrol import Patrols, Posts, add_hours
from riskmap.network.arcs import Floats, Ints
from riskmap.network.sites import Sited, Sites
from riskmap.pipeline import assemble_outcome, score_network
from riskmap.planning.checkpoints import CheckpointPlan
from riskmap.planning.study_hours import StudyHours
from riskmap.results.outcome import Outcome


def with_checkpoints(outcome: Outcome, plan: CheckpointPlan, *, names: list[str]) -> Outcome:
    """Return a study's outcome with the checkpoints of a plan among its own.

    Parameters
    ----------
    outcome
        The study as it is.
    plan
        Its plan.
    names
        What each new checkpoint is called.
    """
    table = outcome.layers.tables.get("checkpoints")
    first = 0 if table is None else int(table.index.max()) + 1
    rows = np.arange(first, first + len(plan.checkpoints))
    new = gpd.GeoDataFrame(
        {
            "name": pd.Series(names, index=rows, dtype=object),
            "detection_probability": np.full(rows.size, plan.detection_probability),
        },
        geometry=plan.checkpoints.geometry.to_numpy(),
        crs="EPSG:4326",
        index=rows,
    )
    both = new if table is None else pd.concat([table, new])
    nodes = plan.checkpoints["node"].to_numpy(dtype=np.int32)
    layers = replace(outcome.layers, tables={**outcome.layers.tables, "checkpoints": both})
    sites = {**outcome.scored.sites, "checkpoints": _with_sites(outcome, new, nodes)}
    return _score_again(outcome, layers, sites)


def with_hours(outcome: Outcome, plan: StudyHours) -> Outcome:
    """Return a study's outcome with the hours of a plan's optimum on the water."""
    names = outcome.layers.tables["police_posts"]["name"].astype(str)
    post_of = {name: k for k, name in enumerate(names.loc[outcome.scored.posts.row])}
    post = np.array([post_of[name] for name in plan.hours["post"]], dtype=np.int32)
    reach = plan.hours["reach_id"].to_numpy(dtype=np.int32)
    hours: Floats = plan.hours["hours"].to_numpy(dtype=np.float64)

    def amend(patrols: Patrols, posts: Posts) -> Patrols:
        return add_hours(patrols, posts, post=post, reach=reach, hours=hours)

    return _score_again(outcome, outcome.layers, outcome.scored.sites, amend=amend)


def _with_sites(outcome: Outcome, new: gpd.GeoDataFrame, nodes: Ints) -> Sites:
    """Add the new checkpoints to those that stand on the water."""
    points = new.geometry
    mine = Sites(
        "checkpoints",
        new.index.to_numpy(dtype=np.int32),
        points.x.to_numpy(),
        points.y.to_numpy(),
        np.ones(nodes.size),
        nodes,
        np.zeros(nodes.size),
    )
    there = outcome.scored.sites.get("checkpoints")
    if there is None:
        return mine
    both = {
        field.name: np.concatenate([getattr(there, field.name), getattr(mine, field.name)])
        for field in fields(Sites)
        if field.name != "layer"
    }
    return Sites(layer="checkpoints", **both)


def _score_again(
    outcome: Outcome,
    layers: Layers,
    sites: Mapping[str, Sites],
    *,
    amend: Callable[[Patrols, Posts], Patrols] | None = None,
) -> Outcome:
    """Score the same network with something more on it."""
    scored = outcome.scored
    sited = Sited(scored.reaches, sites, scored.border_nodes, ())
    again, _ = score_network(outcome.settings, layers, sited, amend=amend)
    return assemble_outcome(outcome.settings, layers, again, outcome.notes)
