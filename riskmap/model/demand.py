"""Movements: how many trips start where and end where (model §2).

A production-constrained gravity model between nodes. Sites attached to one node pull together: a
site's access leg scales its attraction by exp(−β · leg), and an origin's own leg cancels out of
its shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskmap.model.routes import Trips
from riskmap.network.arcs import Floats, Ints, group_by


@dataclass(frozen=True, slots=True)
class SitesOnWater:
    """Hold the sites of one end of a movement, one value a site.

    Attributes
    ----------
    row
        Row number in the layer; the cells of one polygon share it.
    node
        Node that the site is attached to, −1 where no water is near enough.
    access_h
        Overland leg, hours.
    weight
        O of an origin, A of a destination.
    """

    row: Ints
    node: Ints
    access_h: Floats
    weight: Floats


@dataclass(frozen=True, slots=True)
class Gravity:
    """Hold the trips of one movement between nodes.

    Attributes
    ----------
    origin, destination
        The nodes with origins and with destinations, ascending.
    transits
        Trips a month, shape (n_destinations, n_origins), local pairs included.
    local, unserved
        Trips between sites of one node, and trips of origins that reach nothing.
    volume
        V, all trips.
    """

    origin: Ints
    destination: Ints
    transits: Floats
    local: float
    unserved: float
    volume: float

    def trips(self) -> Trips:
        """Return the trips that use water, grouped by destination."""
        moving = self.transits > 0.0
        moving &= self.destination[:, None] != self.origin[None, :]
        to, start_from = np.nonzero(moving)
        start, _ = group_by(to, self.destination.size)
        return Trips(
            self.destination, start, self.origin[start_from], self.transits[to, start_from]
        )


def pull_of_nodes(destinations: SitesOnWater, *, beta_per_h: float) -> tuple[Ints, Floats]:
    """Return the nodes with destinations, and the logarithm of Σ A exp(−β · leg) at each."""
    reached = destinations.node >= 0
    nodes, group = np.unique(destinations.node[reached], return_inverse=True)
    with np.errstate(divide="ignore"):
        pull = np.log(destinations.weight[reached]) - beta_per_h * destinations.access_h[reached]
    top = np.full(nodes.size, -np.inf)
    np.maximum.at(top, group, pull)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        total = top + np.log(np.bincount(group, np.exp(pull - top[group]), minlength=nodes.size))
    return nodes.astype(np.int32), total


def share_trips(
    origins: SitesOnWater,
    *,
    destination: Ints,
    log_pull: Floats,
    cost_h: Floats,
    beta_per_h: float,
    volume: float,
) -> Gravity:
    """Share a movement's volume over origins and destinations.

    ``T_ij = V · O_i/ΣO · A_j exp(−β c_ij) / Σ_k A_k exp(−β c_ik)``

    Parameters
    ----------
    origins
        Origins; those off the water give their volume to `unserved`.
    destination, log_pull
        Nodes with destinations and the logarithm of their pull (`pull_of_nodes`).
    cost_h
        Least generalized time from each node with origins (ascending) to each destination, shape
        (n_destinations, n_origins); infinite where no route leads.
    beta_per_h
        β, 1/h.
    volume
        V, trips a month.
    """
    nodes, production = produce(origins, volume=volume)
    # 0 · ∞: without a pull of distance every destination that can be reached is equally far.
    decay = np.where(np.isinf(cost_h), np.inf, beta_per_h * np.where(np.isinf(cost_h), 0.0, cost_h))
    strength = log_pull[:, None] - decay
    top = np.max(strength, axis=0, initial=-np.inf)
    served = np.isfinite(top)
    shares = np.exp(strength - np.where(served, top, 0.0))
    total = shares.sum(axis=0)
    shares = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0.0)
    transits = shares * production
    here = destination[:, None] == nodes[None, :]
    lost = dry_volume(origins, volume=volume)
    return Gravity(
        nodes,
        destination,
        transits,
        float(transits[here].sum()),
        lost + float(production[~served].sum()),
        volume,
    )


def produce(origins: SitesOnWater, *, volume: float) -> tuple[Ints, Floats]:
    """Return the nodes with origins, ascending, and the trips that start at each."""
    reached = origins.node >= 0
    nodes, group = np.unique(origins.node[reached], return_inverse=True)
    total = origins.weight.sum()
    share = origins.weight[reached] / total if total > 0.0 else np.zeros(int(reached.sum()))
    produced = np.bincount(group, share, minlength=nodes.size).astype(np.float64)
    return nodes.astype(np.int32), volume * produced


def dry_volume(origins: SitesOnWater, *, volume: float) -> float:
    """Return the trips of origins off the water; all of them where no origin has a weight."""
    total = float(origins.weight.sum())
    dry = float(origins.weight[origins.node < 0].sum())
    return volume * dry / total if total > 0.0 else volume


def site_parts(sites: SitesOnWater, *, nodes: Ints, beta_per_h: float) -> tuple[Ints, Floats]:
    """Return each site's position in `nodes` (−1: not there) and its part of the node's trips.

    Parameters
    ----------
    sites
        Sites of one end of a movement.
    nodes
        Their nodes, ascending.
    beta_per_h
        β for destinations, whose access legs count; 0 for origins, whose legs cancel out.
    """
    position = np.full(sites.node.size, -1, dtype=np.int32)
    on_water = sites.node >= 0
    position[on_water] = np.searchsorted(nodes, sites.node[on_water])
    leg = np.where(on_water, sites.access_h, 0.0)
    pull = np.where(on_water, sites.weight * np.exp(-beta_per_h * leg), 0.0)
    total = np.bincount(position[on_water], pull[on_water], minlength=nodes.size)
    part = np.zeros(sites.node.size)
    here = total[position] if nodes.size else np.zeros(position.size)
    np.divide(pull, here, where=on_water & (here > 0.0), out=part)
    return position, part
