"""Reasons: where a corridor's traffic comes from and goes to (model §6).

Traffic here is a corridor's transits weighted by the length of its reaches. Nobody follows single
trips: `inlets` says what comes to a corridor does to it, `descent` who it is that comes.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from riskmap.model.descent import (
    FROM_ABOVE,
    Masses,
    Start,
    Walks,
    masses_of_origins,
    masses_of_sites,
    plan_walks,
)
from riskmap.model.forest import measure_bridges
from riskmap.model.inlets import corridors_in_blocks, corridors_on_bridges, find_inlets
from riskmap.model.scores import Scores
from riskmap.network.arcs import Floats, Ints

End = Literal["origins", "destinations"]
ENDS: tuple[End, End] = ("origins", "destinations")


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
    masses = _masses(scores)
    bridges = corridors_on_bridges(forest, corridor, km)
    in_blocks = corridors_in_blocks(
        water.arcs, forest, water.block_links, crossings, corridor=corridor, km=km,
        origins=masses["origins"], sites=masses["destinations"], theta_per_h=water.theta_per_h,
    )  # fmt: skip
    return {
        end: plan_walks(
            forest,
            crossings,
            masses[end],
            find_inlets(forest, masses[end], bridges, inside),
            barred=bridges.corridor,
        )
        for end, inside in zip(ENDS, in_blocks, strict=True)
    }


def walks_from_bridges(scores: Scores, below: Ints) -> dict[End, tuple[Walks, Walks]]:
    """Prepare to tell who makes up what crosses bridges, each movement taken as a whole.

    Parameters
    ----------
    scores
        The scores.
    below
        Place below each bridge.

    Returns
    -------
    dict
        By end, the walks to what hangs below the bridges, and those to all the rest.
    """
    water, masses = scores.water, _masses(scores)
    nobody = np.full(water.forest.node.size, -1, dtype=np.int32)
    number = np.arange(below.size, dtype=np.int32)
    above = water.forest.parent[below]
    came_down = np.full(below.size, FROM_ABOVE, dtype=np.int32)

    def walks(mass: Masses, place: Ints, came: Ints, total: Floats) -> Walks:
        some = total > -np.inf
        weight = np.where(some, -np.where(some, total, 0.0), -np.inf)
        starts = Start(number, place, came, weight)
        return plan_walks(water.forest, water.crossings, mass, starts, barred=nobody)

    return {
        end: (
            walks(masses[end], below, came_down, masses[other].other_below[below]),
            walks(masses[end], above, below, masses[other].other_above[below]),
        )
        for end, other in zip(ENDS, reversed(ENDS), strict=True)
    }


def _masses(scores: Scores) -> dict[End, Masses]:
    """Return what comes from places, and what is drawn to them, in all movements."""
    water = scores.water
    pull_steps, push_steps = measure_bridges(water.arcs, water.forest, water.hazard_aversion_h)
    sums = [movement.add_up() for movement in scores.movements]
    betas = np.array([movement.movement.beta_per_h for movement in scores.movements])
    return {
        "origins": masses_of_origins(sums, push_steps, betas),
        "destinations": masses_of_sites(sums, pull_steps, betas),
    }
