"""Choosing a few places out of many by their gains: greedy, swaps and a bound (model §8).

What is intercepted grows with every checkpoint and each adds less than it would have alone
(monotone and submodular), so greedy is within 1 − 1/e of the best, and the gains that are left
bound what the best could still add (Nemhauser, Wolsey and Fisher 1978). How gains are found is for
`riskmap.planning.traffic` (one pass of the model) and `riskmap.planning.covering` (listed routes).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from riskmap.network.arcs import Floats
from riskmap.planning.traffic import Places

#: Positions chosen → (what they intercept, what each candidate would add to them).
Values = Callable[[Places], tuple[float, Floats]]

#: Gains within this share of each other are equal; the earlier candidate is taken.
TIE = 1e-12
#: A swap has to gain this share at least, or rounding could go round in circles.
WORTHWHILE = 1e-9
#: Gaps below this are the rounding of sums.
PROVEN = 1e-9


@dataclass(frozen=True, slots=True)
class Choice:
    """Hold places that were chosen, what they intercept, and what no choice can exceed."""

    places: Places
    value: float
    bound: float

    @property
    def gap(self) -> float:
        """Return the share of the bound that may be missing; 0 where nothing can be better."""
        if self.bound <= 0.0:
            return 0.0
        gap = 1.0 - self.value / self.bound
        return gap if gap > PROVEN else 0.0


def choose_greedily(values: Values, *, count: int) -> tuple[Choice, Floats]:
    """Take the place that gains most, again and again; return also what each added.

    Parameters
    ----------
    values
        What a choice intercepts, and the gain of each candidate beyond it. Called once a choice:
        every gain is exact, none is carried over.
    count
        How many to take; where no gain is left the first candidates fill up.
    """
    chosen = np.empty(0, dtype=np.int64)
    gained: list[float] = []
    bound = np.inf
    while True:
        value, gains = values(chosen)
        gains = open_places(gains, chosen)
        bound = min(bound, value + _largest(gains, count))
        if chosen.size == count:
            return Choice(chosen, value, max(bound, value)), np.array(gained)
        best = first_best(gains)
        gained.append(float(gains[best]))
        chosen = np.append(chosen, best)


def improve_by_swaps(values: Values, choice: Choice, *, deadline: float) -> Choice:
    """Move one place at a time to where it gains most, until none gains or time is up.

    Parameters
    ----------
    values
        As for `choose_greedily`.
    choice
        Where to start.
    deadline
        Time by `time.monotonic` at which to stop.
    """
    moved = choice.gap > 0.0
    while moved and time.monotonic() < deadline:
        moved = False
        for place in choice.places:
            others = choice.places[choice.places != place]
            value, gains = values(others)
            gains = open_places(gains, others)
            best = first_best(gains)
            if value + gains[best] > choice.value * (1.0 + WORTHWHILE):
                better = value + float(gains[best])
                choice = Choice(np.append(others, best), better, max(choice.bound, better))
                moved = True
            if time.monotonic() >= deadline:
                break
    return choice


def order_by_gain(values: Values, places: Places) -> tuple[Places, Floats]:
    """Put chosen places in greedy order; return them and what each adds to those before it."""
    left, order, gained = list(places), np.empty(0, dtype=np.int64), []
    while left:
        _, gains = values(order)
        best = left[first_best(gains[left])]
        order = np.append(order, best)
        gained.append(float(gains[best]))
        left.remove(best)
    return order, np.array(gained)


def open_places(gains: Floats, chosen: Places) -> Floats:
    """Return gains with the places that are taken ruled out."""
    left = gains.copy()
    left[chosen] = -np.inf
    return left


def first_best(gains: Floats) -> int:
    """Return the first of the places that gain most."""
    top = float(gains.max())
    return int(np.flatnonzero(gains >= top - TIE * abs(top))[0])


def _largest(gains: Floats, count: int) -> float:
    return float(np.maximum(np.sort(gains)[-count:], 0.0).sum())
