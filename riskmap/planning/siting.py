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
from riskmap.planning.means import Means
from riskmap.planning.traffic import Places

#: Positions chosen → (what they intercept, what each candidate would add to them).
Values = Callable[[Places], tuple[float, Floats]]

#: Gains within this share of each other are equal; the earlier candidate is taken.
TIE = 1e-12
#: A swap has to gain this share at least, or rounding could go round in circles.
WORTHWHILE = 1e-9
#: Gaps below this are the rounding of sums.
PROVEN = 1e-9
#: Places from which on some are taken out and chosen anew.
LEAST_SHAKEN = 3
_NONE = np.empty(0, dtype=np.int64)


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


def choose_greedily(values: Values, *, means: Means) -> tuple[Choice, Floats]:
    """Take the place that gains most, again and again; return also what each added.

    With a budget it is done twice, by gain and by gain for its cost, and the better is kept:
    because the first place by gain is the best single one, the two are within (1 − 1/e)/2 of the
    best (Khuller, Moss and Naor 1999).

    Parameters
    ----------
    values
        What a choice intercepts, and the gain of each candidate beyond it. Called once a choice:
        every gain is exact, none is carried over.
    means
        What may be spent. Without a budget the first candidates fill up where no gain is left.
    """
    by_gain = extend_greedily(values, _NONE, means=means)
    if not means.priced:
        return by_gain
    by_price = extend_greedily(values, _NONE, means=means, by_price=True)
    bound = min(by_gain[0].bound, by_price[0].bound)
    choice, gained = by_price if by_price[0].value > by_gain[0].value else by_gain
    return Choice(choice.places, choice.value, max(bound, choice.value)), gained


def extend_greedily(
    values: Values, chosen: Places, *, means: Means, by_price: bool = False
) -> tuple[Choice, Floats]:
    """Add the place that gains most (or most for its cost) while one can be had; see above."""
    gained: list[float] = []
    bound = np.inf
    while True:
        value, gains = values(chosen)
        free = means.open(chosen)
        gains = open_places(gains, chosen)
        bound = min(bound, value + means.most(gains))
        worth = np.where(free, gains / means.cost if by_price else gains, -np.inf)
        best = first_best(worth)
        nothing = worth[best] <= (0.0 if means.priced else -np.inf)
        done = bool(nothing) or not free.any()
        if done:
            return Choice(chosen, value, max(bound, value)), np.array(gained)
        gained.append(float(gains[best]))
        chosen = np.append(chosen, best)


def improve_by_swaps(values: Values, choice: Choice, *, means: Means, deadline: float) -> Choice:
    """Move one place at a time to where it gains most, until none gains or time is up.

    Parameters
    ----------
    values
        As for `choose_greedily`.
    choice
        Where to start.
    means
        What may be spent; what a move leaves of it is spent, too.
    deadline
        Time by `time.monotonic` at which to stop.
    """
    moved = choice.gap > 0.0
    while moved and time.monotonic() < deadline:
        moved = False
        for place in choice.places:
            others = choice.places[choice.places != place]
            value, gains = values(others)
            gains = np.where(means.open(others), gains, -np.inf)
            best = first_best(gains)
            better, places = value + float(gains[best]), np.append(others, best)
            if means.priced and gains[best] > 0.0:
                filled, _ = extend_greedily(values, places, means=means)
                better, places = filled.value, filled.places
            if better > choice.value * (1.0 + WORTHWHILE):
                choice = Choice(places, better, max(choice.bound, better))
                moved = True
            if time.monotonic() >= deadline:
                break
    return choice


def improve_by_restarts(
    values: Values, choice: Choice, *, means: Means, rounds: int, deadline: float
) -> Choice:
    """Take some places out, choose others in their stead, and swap again; keep what is better.

    Parameters
    ----------
    values
        As for `choose_greedily`; it is called some hundred times a round.
    choice
        Where to start.
    means
        What may be spent.
    rounds
        How often. What is taken out is drawn with a fixed seed: the same plan comes each time.
    deadline
        Time by `time.monotonic` at which to stop.
    """
    generator = np.random.default_rng(rounds)
    for _ in range(rounds):
        size = choice.places.size
        if choice.gap == 0.0 or size < LEAST_SHAKEN or time.monotonic() >= deadline:
            break
        out = generator.choice(size, max(2, size // 5), replace=False)
        banned = choice.places[out]

        def others(chosen: Places, banned: Places = banned) -> tuple[float, Floats]:
            value, gains = values(chosen)
            return value, open_places(gains, banned)

        kept = np.delete(choice.places, out)
        filled, _ = extend_greedily(others, kept, means=means)
        filled, _ = extend_greedily(values, filled.places, means=means)  # all others are taken
        start = Choice(filled.places, filled.value, choice.bound)
        found = improve_by_swaps(values, start, means=means, deadline=deadline)
        if found.value > choice.value * (1.0 + WORTHWHILE):
            choice = Choice(found.places, found.value, max(choice.bound, found.value))
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
