"""Scores: what passes on a reach, what of it is never detected, what an hour gains (model §5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from riskmap.model.demand import Gravity, SitesOnWater, produce, pull_of_nodes, share_trips
from riskmap.model.links import Links, find_links
from riskmap.model.routes import Loading, Trips, least_costs_to, load_trips
from riskmap.network.arcs import Floats
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
    """

    name: str
    origin_layer: str
    destination_layer: str
    origins: SitesOnWater
    destinations: SitesOnWater
    beta_per_h: float
    volume: float


@dataclass(frozen=True, slots=True)
class MovementScore:
    """Hold one movement's trips between nodes and what they do to the arcs."""

    movement: Movement
    gravity: Gravity
    trips: Trips
    loading: Loading

    @property
    def served(self) -> float:
        """Trips a month that use water."""
        return float(self.trips.volume.sum())

    @property
    def undetected(self) -> float:
        """Trips a month that are detected nowhere."""
        return float((self.trips.volume * self.loading.survival).sum())


@dataclass(frozen=True, slots=True)
class Scores:
    """Hold the scores of a network.

    Attributes
    ----------
    links
        The links that routes are chosen on.
    theta_per_h
        θ of the choice.
    movements
        One entry a movement.
    transits, undetected
        Of every arc, all movements together, a month.
    """

    links: Links
    theta_per_h: float
    movements: tuple[MovementScore, ...]
    transits: Floats
    undetected: Floats

    def summary(self) -> dict[str, float]:
        """Add up all movements: demand is served, local or unserved; served is detected or not."""
        served = sum(m.served for m in self.movements)
        undetected = sum(m.undetected for m in self.movements)
        return {
            "demand": sum(m.gravity.volume for m in self.movements),
            "served": served,
            "local": sum(m.gravity.local for m in self.movements),
            "unserved": sum(m.gravity.unserved for m in self.movements),
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
) -> Scores:
    """Score a network for all movements together."""
    links = find_links(network.arcs, hazard_aversion_h=hazard_aversion_h)
    scored = tuple(
        score_movement(links, movement, theta_per_h=theta_per_h, n_arcs=network.reach.size)
        for movement in movements
    )
    zero = np.zeros(network.reach.size)
    return Scores(
        links,
        theta_per_h,
        scored,
        sum((m.loading.transits for m in scored), start=zero),
        sum((m.loading.undetected for m in scored), start=zero),
    )


def score_movement(
    links: Links, movement: Movement, *, theta_per_h: float, n_arcs: int
) -> MovementScore:
    """Share out one movement's trips and load them on the network."""
    destination, log_pull = pull_of_nodes(movement.destinations, beta_per_h=movement.beta_per_h)
    origin, _ = produce(movement.origins, volume=movement.volume)
    gravity = share_trips(
        movement.origins,
        destination=destination,
        log_pull=log_pull,
        cost_h=least_costs_to(links, destination, origin),
        beta_per_h=movement.beta_per_h,
        volume=movement.volume,
    )
    trips = gravity.trips()
    loading = load_trips(links, trips, theta_per_h=theta_per_h, n_arcs=n_arcs)
    return MovementScore(movement, gravity, trips, loading)


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
