"""What a plan may spend: a number of places, and a budget for their costs (model §8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskmap.network.arcs import Bools, Floats
from riskmap.planning.traffic import Places

#: Costs may add up to this share more than the budget: the rounding of sums.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Means:
    """Hold what there is to spend.

    Attributes
    ----------
    count
        Most places.
    cost
        What each candidate costs, > 0; shape (n_candidates,).
    budget
        Most that the places may cost together; infinite where costs do not matter.
    """

    count: int
    cost: Floats
    budget: float = np.inf

    @property
    def priced(self) -> bool:
        """Return whether there is a budget to keep."""
        return bool(np.isfinite(self.budget))

    def spent(self, chosen: Places) -> float:
        """Return what some places cost together."""
        return float(self.cost[chosen].sum())

    def keeps(self, chosen: Places) -> bool:
        """Tell whether some places can be had."""
        return chosen.size <= self.count and self.spent(chosen) <= self.budget * (1.0 + ROUNDING)

    def open(self, chosen: Places) -> Bools:
        """Return the places that can be had beside those that are chosen."""
        left: Bools = self.spent(chosen) + self.cost <= self.budget * (1.0 + ROUNDING)
        left[chosen] = False
        return left if chosen.size < self.count else np.zeros_like(left)

    def most(self, gains: Floats) -> float:
        """Return what no affordable choice can exceed, where each place adds its gain at most."""
        gains = np.maximum(gains, 0.0)
        by_count = float(np.sort(gains)[-self.count :].sum())
        if not self.priced:
            return by_count
        order = np.argsort(-gains / self.cost, kind="stable")
        before = np.cumsum(self.cost[order]) - self.cost[order]
        shares = np.clip((self.budget - before) / self.cost[order], 0.0, 1.0)
        return min(by_count, float(gains[order] @ shares))


def unpriced(count: int, n_candidates: int) -> Means:
    """Return means without a budget."""
    return Means(count, np.ones(n_candidates))
