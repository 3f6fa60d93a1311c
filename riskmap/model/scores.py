"""Scores: what passes on a reach, what of it is never detected, what an hour gains (model §5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from riskmap.model.blocks import Forest, find_forest
from riskmap.model.crossings import Crossings, links_of_blocks
from riskmap.model.demand import (
    Gravity,
    SitesOnWater,
    dry_volume,
    produce,
    pull_of_nodes,
    share_trips,
)
from riskmap.model.forest import (
    Beyond,
    Ends,
    Flow,
    Sums,
    cross_blocks,
    flow_of_movement,
    sum_movement,
)
from riskmap.model.links import Links, find_links
from riskmap.model.routes import Loading, Trips, least_costs_to, load_trips
from riskmap.network.arcs import Arcs, Floats
from riskmap.network.travel import ReachArcs


@dataclass(frozen=True, slots=True)
class Movement:
    """State a kind of trip between sites on the water.

    Attributes
    ----------
    name
        Name of the movement.
    origin_layer, destination_layer
        Layers that its ends come from.
    origins, destinations
        Its ends.
    beta_per_h
        β, 1/h.
    volume
        V, trips a month.
    beyond
        What comes from and is drawn to water that was cut off at bridges.
    """

    name: str
    origin_layer: str
    destination_layer: str
    origins: SitesOnWater
    destinations: SitesOnWater
    beta_per_h: float
    volume: float
    beyond: Beyond | None = None


@dataclass(frozen=True)
class Water:
    """Hold the network that is scored, and how its travellers choose.

    Attributes
    ----------
    arcs, forest
        The network, and its blocks and bridges.
    block_links, crossings
        The links inside the blocks, and what they make of the movements that cross.
    theta_per_h, hazard_aversion_h
        θ and κ of the choice.
    """

    arcs: Arcs
    forest: Forest
    block_links: Links
    crossings: Crossings
    theta_per_h: float
    hazard_aversion_h: float

    @cached_property
    def links(self) -> Links:
        """The links of the whole network, for those who follow single trips."""
        return find_links(self.arcs, hazard_aversion_h=self.hazard_aversion_h)


@dataclass(frozen=True)
class MovementScore:
    """Hold what one movement does to the arcs; its single trips are worked out when asked for."""

    movement: Movement
    water: Water
    ends: Ends
    flow: Flow

    @property
    def served(self) -> float:
        """Trips a month that use water."""
        return float(self.flow.served.sum())

    @property
    def undetected(self) -> float:
        """Trips a month that are detected nowhere."""
        return float(self.flow.unseen.sum())

    @property
    def local(self) -> float:
        """Trips a month between sites of one node."""
        return float(self.flow.local.sum())

    @property
    def unserved(self) -> float:
        """Trips a month of origins that reach nothing, or stand off the water."""
        return float(self.flow.unserved.sum()) + dry_volume(
            self.movement.origins, volume=self.movement.volume
        )

    def add_up(self) -> Sums:
        """Return what draws its trips and what comes to each place, worked out anew."""
        water = self.water
        return sum_movement(
            water.arcs,
            water.forest,
            water.crossings,
            self.ends,
            beta_per_h=self.movement.beta_per_h,
            hazard_aversion_h=water.hazard_aversion_h,
        )

    @cached_property
    def gravity(self) -> Gravity:
        """The trips between every two nodes."""
        return share_trips(
            self.movement.origins,
            destination=self.ends.destination,
            log_pull=self.ends.log_pull,
            cost_h=least_costs_to(self.water.links, self.ends.destination, self.ends.origin),
            beta_per_h=self.movement.beta_per_h,
            volume=self.movement.volume,
        )

    @cached_property
    def trips(self) -> Trips:
        """The trips that use water."""
        return self.gravity.trips()

    @cached_property
    def loading(self) -> Loading:
        """The trips sent one destination after the other; `flow` has the same sums."""
        water = self.water
        return load_trips(
            water.links, self.trips, theta_per_h=water.theta_per_h, n_arcs=water.arcs.tail.size
        )


@dataclass(frozen=True, slots=True)
class Scores:
    """Hold the scores of a network.

    Attributes
    ----------
    water
        The network, and how its travellers choose.
    movements
        One entry a movement.
    transits, undetected
        Of every arc, all movements together, a month.
    """

    water: Water
    movements: tuple[MovementScore, ...]
    transits: Floats
    undetected: Floats

    @property
    def links(self) -> Links:
        """The links that routes are chosen on."""
        return self.water.links

    @property
    def theta_per_h(self) -> float:
        """θ of the choice."""
        return self.water.theta_per_h

    def summary(self) -> dict[str, float]:
        """Add up all movements: demand is served, local or unserved; served is detected or not."""
        served = sum(m.served for m in self.movements)
        undetected = sum(m.undetected for m in self.movements)
        return {
            "demand": sum(m.movement.volume for m in self.movements),
            "served": served,
            "local": sum(m.local for m in self.movements),
            "unserved": sum(m.unserved for m in self.movements),
            "detected": served - undetected,
            "undetected": undetected,
        }


@dataclass(frozen=True, slots=True)
class ReachScores:
    """Hold the scores by reach, both directions and all movements together.

    Attributes
    ----------
    transits, undetected
        A month.
    detection_probability
        1 − U/f; NaN where nothing passes.
    interceptions_per_100_patrol_hours
        Gain of 100 more effective patrol hours a month on the reach, transits.
    travel_h
        Hours along the reach, mean of its directions by what passes in each.
    """

    transits: Floats
    undetected: Floats
    detection_probability: Floats
    interceptions_per_100_patrol_hours: Floats
    travel_h: Floats


def score_movements(
    network: ReachArcs,
    movements: Sequence[Movement],
    *,
    theta_per_h: float,
    hazard_aversion_h: float,
    forest: Forest | None = None,
) -> Scores:
    """Score a network for all movements together.

    Parameters
    ----------
    network
        The arcs of the reaches.
    movements
        The kinds of trips.
    theta_per_h, hazard_aversion_h
        θ and κ.
    forest
        The blocks and bridges of the same arcs, where they are known from an earlier scoring.
    """
    forest = find_forest(network.arcs) if forest is None else forest
    inside = links_of_blocks(network.arcs, forest, hazard_aversion_h=hazard_aversion_h)
    ends = [ends_of_movement(movement) for movement in movements]
    crossings = cross_blocks(forest, inside, ends, theta_per_h=theta_per_h)
    water = Water(network.arcs, forest, inside, crossings, theta_per_h, hazard_aversion_h)
    scored = tuple(map(partial(score_movement, water), movements, ends))
    zero = np.zeros(network.reach.size)
    return Scores(
        water,
        scored,
        sum((m.flow.transits for m in scored), start=zero),
        sum((m.flow.undetected for m in scored), start=zero),
    )


def ends_of_movement(movement: Movement) -> Ends:
    """Return where a movement's trips start and end, by node."""
    destination, log_pull = pull_of_nodes(movement.destinations, beta_per_h=movement.beta_per_h)
    origin, production = produce(movement.origins, volume=movement.volume)
    return Ends(origin, production, destination, log_pull, movement.beyond)


def score_movement(water: Water, movement: Movement, ends: Ends) -> MovementScore:
    """Share out one movement's trips and load them on the network."""
    flow = flow_of_movement(
        water.arcs,
        water.forest,
        water.block_links,
        water.crossings,
        ends,
        beta_per_h=movement.beta_per_h,
        theta_per_h=water.theta_per_h,
        hazard_aversion_h=water.hazard_aversion_h,
    )
    return MovementScore(movement, water, ends, flow)


def scores_by_reach(
    scores: Scores,
    network: ReachArcs,
    *,
    n_reaches: int,
    detection_per_meeting: float,
    period_h: float,
    standard_speed_kmh: float,
    length_km: Floats,
) -> ReachScores:
    """Add the arcs' scores up to reaches, and take the derivative by patrol hours.

    ``100 (ε/P) Σ_a U_a v_s/v_a``: the exact gain of patrol hours, routes and demand held (§5).
    """
    reach, time_h = network.reach, network.arcs.time_h
    transits = np.bincount(reach, scores.transits, minlength=n_reaches).astype(np.float64)
    undetected = np.bincount(reach, scores.undetected, minlength=n_reaches).astype(np.float64)
    slowness = time_h / length_km[reach]  # 1 / v_a
    gain = np.bincount(reach, scores.undetected * slowness, minlength=n_reaches).astype(np.float64)
    spent = np.bincount(reach, scores.transits * time_h, minlength=n_reaches)
    plain = np.bincount(reach, time_h, minlength=n_reaches) / 2.0
    busy = transits > 0.0
    probability = np.full(n_reaches, np.nan)
    np.subtract(1.0, np.divide(undetected, transits, where=busy, out=probability), out=probability)
    return ReachScores(
        transits,
        undetected,
        np.clip(probability, 0.0, 1.0),
        100.0 * detection_per_meeting / period_h * standard_speed_kmh * gain,
        np.divide(spent, transits, where=busy, out=plain),
    )
