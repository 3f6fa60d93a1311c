"""Reasons: where a corridor's traffic comes from and goes to (model §6).

Traffic here is a corridor's transits weighted by the length of its reaches. Nobody follows single
trips: `inlets` says what comes to a corridor does to it, `descent` who it is that comes.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from riskmap.model.descent import Walks, masses_of_origins, masses_of_sites, plan_walks
from riskmap.model.forest import measure_bridges
from riskmap.model.inlets import corridors_in_blocks, corridors_on_bridges, find_inlets
from riskmap.model.scores import Scores
from riskmap.network.arcs import Floats, Ints

End = Literal["origins", "destinations"]


def walks_to_reasons(scores: Scores, *, corridor: Ints, km: Floats) -> dict[End, Walks]:
    """Prepare to tell who sends traffic to each corridor, and who draws it.

    `riskmap.model.descent.descend` then adds up transits · km a month, corridor by corridor.

    Parameters
    ----------
    scores
        The scores, of one movement or more.
    corridor, km
        Corridor (−1: none) and length of each arc.
    """
    water = scores.water
    forest, crossings = water.forest, water.crossings
    pull_steps, push_steps = measure_bridges(water.arcs, forest, water.hazard_aversion_h)
    sums = [movement.add_up() for movement in scores.movements]
    betas = np.array([movement.movement.beta_per_h for movement in scores.movements])
    masses = masses_of_origins(sums, push_steps, betas), masses_of_sites(sums, pull_steps, betas)
    bridges = corridors_on_bridges(forest, corridor, km)
    in_blocks = corridors_in_blocks(
        water.arcs, forest, water.block_links, crossings, corridor=corridor, km=km,
        origins=masses[0], sites=masses[1], theta_per_h=water.theta_per_h,
    )  # fmt: skip
    origins, destinations = (
        plan_walks(
            forest, crossings, mass, find_inlets(forest, mass, bridges, inside),
            barred=bridges.corridor,
        )
        for mass, inside in zip(masses, in_blocks, strict=True)
    )  # fmt: skip
    return {"origins": origins, "destinations": destinations}
