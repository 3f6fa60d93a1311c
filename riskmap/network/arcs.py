"""Arcs: the directed face of a network, as flat arrays (model §1).

An arc is a reach in one direction of travel. Everything that computes sees these arrays; ids of
networkx or of tables are translated in `riskmap.network.graph` and nowhere else. Traffic lives in
`riskmap.model`, the building of reaches in `riskmap.network.reaches`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Geometries = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Arcs:
    """Hold the arcs of a network.

    Attributes
    ----------
    n_nodes
        Number of nodes; nodes are 0 … n_nodes − 1.
    tail, head
        Node that each arc leaves and enters, shape (n_arcs,).
    edge
        Edge of each arc: an arc and its opposite share one, a lone one-way arc has its own.
    time_h
        Travel time, hours, > 0.
    hazard
        Expected detections in one passage, ≥ 0; a checkpoint at the tail is included.
    end_survival
        For each node, the chance 1 − q that a trip which ends there passes its checkpoint.
    """

    n_nodes: int
    tail: Ints
    head: Ints
    edge: Ints
    time_h: Floats
    hazard: Floats
    end_survival: Floats

    def generalized_h(self, hazard_aversion_h: float) -> Floats:
        """Return g = t + κ h for each arc, hours; infinite where no κ would be paid (model §4)."""
        if hazard_aversion_h == 0.0:
            return self.time_h.copy()  # 0 · ∞ is 0 here: a sure checkpoint does not lengthen a trip
        generalized: Floats = self.time_h + hazard_aversion_h * self.hazard
        return generalized


def checkpoint_hazard(detection_probability: Floats) -> Floats:
    """Return −ln(1 − q) for each node: the hazard on every arc that leaves it (model §3).

    Parameters
    ----------
    detection_probability
        Chance q, 0 to 1, that the node's checkpoint detects one passage; 0 where there is none.
    """
    with np.errstate(divide="ignore"):
        hazard: Floats = -np.log1p(-detection_probability)
    return hazard


@njit(cache=True)
def group_by(  # pragma: no cover
    keys: npt.NDArray[np.integer], n_groups: int
) -> tuple[Ints, Ints]:
    """Return (start, members): members[start[k]:start[k + 1]] are the positions with key k."""
    start = np.zeros(n_groups + 1, dtype=np.int32)
    for key in keys:
        start[key + 1] += 1
    for k in range(n_groups):
        start[k + 1] += start[k]
    next_of, members = start[:-1].copy(), np.empty(keys.size, dtype=np.int32)
    for position in range(keys.size):
        members[next_of[keys[position]]] = position
        next_of[keys[position]] += 1
    return start, members


def order_of_rows(key: np.ndarray, *ties: np.ndarray) -> npt.NDArray[np.int64]:
    """Return the order of rows by a key, and of those of one key by further ones.

    As `numpy.lexsort`, faster where few rows share a key.
    """
    order = np.argsort(key)
    same = key[order[1:]] == key[order[:-1]]
    shared = np.flatnonzero(np.append(same, False) | np.append(False, same))
    rows = np.sort(order[shared])
    order[shared] = rows[np.lexsort((*(tie[rows] for tie in reversed(ties)), key[rows]))]
    return order
