"""Reasons: where a corridor's traffic comes from and goes to (model §6).

Traffic here is a corridor's transits weighted by the length of its reaches. Nobody follows single
trips: `inlets` says what comes to a corridor does to it, `descent` who it is that comes.
"""

from __future__ import annotations

from typing import Literal

from riskmap.model.descent import Walks, masses_of_origins, masses_of_sites, plan_walks
from riskmap.model.forest import measure_bridges
from riskmap.model.inlets import corridors_in_blocks, corridors_on_bridges, find_inlets
from riskmap.model.scores import MovementScore
from riskmap.network.arcs import Floats, Ints

End = Literal["origins", "destinations"]


def walks_of_movement(movement: MovementScore, *, corridor: Ints, km: Floats) -> dict[End, Walks]:
    """Prepare to tell who sends a movement's traffic to each corridor, and who draws it.

    `riskmap.model.descent.descend` then adds up transits · km a month, corridor by corridor.

    Parameters
    ----------
    movement
        The movement, scored.
    corridor, km
        Corridor (−1: none) and length of each arc.
    """
    water, beta = movement.water, movement.movement.beta_per_h
    forest, sums = water.forest, movement.add_up()
    pull_steps, push_steps = measure_bridges(water.arcs, forest, water.hazard_aversion_h)
    masses = masses_of_origins(sums, push_steps), masses_of_sites(sums, pull_steps)
    bridges = corridors_on_bridges(forest, corridor, km)
    in_blocks = corridors_in_blocks(
        water.arcs, forest, water.block_links, sums.crossings, corridor=corridor, km=km,
        origins=masses[0], sites=masses[1], beta_per_h=beta, theta_per_h=water.theta_per_h,
    )  # fmt: skip
    origins, destinations = (
        plan_walks(
            forest, sums.crossings, mass,
            find_inlets(forest, mass, bridges, inside, beta_per_h=beta),
            barred=bridges.corridor, beta_per_h=beta,
        )
        for mass, inside in zip(masses, in_blocks, strict=True)
    )  # fmt: skip
    return {"origins": origins, "destinations": destinations}
