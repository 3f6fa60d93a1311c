"""Where travellers go instead, once they know the checkpoints of a plan (model §8).

Whoever has an unwatched way within the tolerance takes the best of them. Who has none goes to
another destination of the same movement that an unwatched way leads to, in proportion to the trips
that go there today, times exp(−β · hours longer): the gravity of model §2 with the watched
destinations out of reach. Who has none of these stays, and meets a checkpoint. All of them adapt,
at once and knowing everything: it is the other end of the range that begins with nobody adapting.
Arrays only; names and lines are for `riskmap.planning.study_displacement`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskmap.model.routes import Trips
from riskmap.network.arcs import Bools, Floats, Ints
from riskmap.planning.flight import Flight
from riskmap.planning.traffic import Places, Traffic, load_unwatched

#: A smaller share of a trip on watched routes is rounding.
NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Rows:
    """Hold the trips of all movements, one entry a row.

    Attributes
    ----------
    pair
        Position of the row's origin and destination among the traffic's trips.
    volume
        Transits a month.
    group
        Rows of one movement and origin share a number, from 0.
    beta_per_h
        β of the row's movement.
    """

    pair: Ints
    volume: Floats
    group: Ints
    beta_per_h: Floats


@dataclass(frozen=True, slots=True)
class Reaction:
    """Hold what every row does: shares of its transits, a month.

    Attributes
    ----------
    unaffected, round, elsewhere, stays
        Transits on routes that meet no checkpoint, on another way to the same place, to another
        place, and without a way out: they add up to the row's volume.
    arriving
        Transits that come to the row's destination in place of another.
    transits
        By arc of the traffic's network, after all of it.
    hours_longer
        Generalized hours by which the row's way round is longer than its least way; NaN where
        there is none or none is taken.
    ways
        The way round of each row's pair, by pair; only pairs that take one.
    """

    unaffected: Floats
    round: Floats
    elsewhere: Floats
    stays: Floats
    arriving: Floats
    transits: Floats
    hours_longer: Floats
    ways: dict[int, Ints]

    @property
    def after(self) -> Floats:
        """Return the transits of each row once everybody has adapted."""
        volume: Floats = self.unaffected + self.round + self.stays + self.arriving
        return volume


def react(traffic: Traffic, flight: Flight, places: Places, rows: Rows) -> Reaction:
    """Let everybody adapt to checkpoints at some of the candidates.

    Parameters
    ----------
    traffic
        The trips as they are today.
    flight
        The same trips, looking for ways round within the tolerance.
    places
        Positions of the checkpoints among the candidates.
    rows
        The trips by movement.
    """
    watched = flight.watch.candidates[places]
    unseen = load_unwatched(traffic, traffic.trips, watched, flight.watch)
    kept = np.where(unseen.survival > 1.0 - NOTHING, 1.0, unseen.survival)
    left = flight.left_h(places)
    with np.errstate(invalid="ignore"):
        longer = np.where(np.isfinite(left), np.maximum(left - flight.least_h, 0.0), np.nan)
    free = np.isfinite(left) | (kept == 1.0)
    lost = np.where(free[rows.pair], 0.0, rows.volume * (1.0 - kept[rows.pair]))
    extra = np.nan_to_num(longer * (1.0 - kept))[rows.pair]
    weight = np.where(free[rows.pair], rows.volume * np.exp(-rows.beta_per_h * extra), 0.0)
    total = np.bincount(rows.group, weight)
    ratio = np.divide(
        np.bincount(rows.group, lost), total, out=np.zeros(total.size), where=total > 0.0
    )
    arriving = weight * ratio[rows.group]
    elsewhere = np.where(total[rows.group] > 0.0, lost, 0.0)
    turned = np.where(free[rows.pair], rows.volume * (1.0 - kept[rows.pair]), 0.0)
    stays = lost - elsewhere
    transits, ways = _load_all(traffic, flight, places, _Volumes(kept, free, rows, arriving, stays))
    return Reaction(
        rows.volume * kept[rows.pair],
        turned,
        elsewhere,
        stays,
        arriving,
        transits,
        np.where(turned + arriving * (1.0 - kept[rows.pair]) > 0.0, longer[rows.pair], np.nan),
        ways,
    )


@dataclass(frozen=True, slots=True)
class _Volumes:
    """Hold what is loaded: shares by pair, transits by row."""

    kept: Floats
    free: Bools
    rows: Rows
    arriving: Floats
    stays: Floats

    def of_pairs(self, amounts: Floats) -> Floats:
        found = np.bincount(self.rows.pair, amounts, minlength=self.kept.size)
        return found.astype(np.float64, copy=False)


def _load_all(
    traffic: Traffic, flight: Flight, places: Places, volumes: _Volumes
) -> tuple[Floats, dict[int, Ints]]:
    """Load routes that were kept, ways round, and those who stay on watched routes."""
    watched = flight.watch.candidates[places]
    kept = volumes.kept
    going = volumes.of_pairs(volumes.rows.volume + volumes.arriving)
    total = np.zeros(traffic.arcs.tail.size)

    def load(volume: Floats) -> tuple[Floats, Floats]:
        trips: Trips = traffic.trips._replace(volume=volume)
        loaded = load_unwatched(traffic, trips, watched, flight.watch)
        return loaded.transits, loaded.undetected

    _, unseen = load(going)
    everyone, rest = load(
        np.divide(
            volumes.of_pairs(volumes.stays), 1.0 - kept, out=np.zeros(kept.size), where=kept < 1.0
        )
    )
    total[traffic.used_arc] = unseen + everyone - rest
    turning = np.flatnonzero(volumes.free & (kept < 1.0) & (going > 0.0))
    ways = dict(zip(turning.tolist(), flight.ways(places, turning), strict=True))
    for pair, way in ways.items():
        total[way] += going[pair] * (1.0 - kept[pair])
    return np.maximum(total, 0.0), ways
