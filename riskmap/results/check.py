"""The check of a study: what a data steward needs to know before anybody trusts a ranking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from riskmap.layers import Layers
from riskmap.network.arcs import Ints
from riskmap.network.reaches import Reaches
from riskmap.network.sites import Sited
from riskmap.report import Note


@dataclass(frozen=True, slots=True)
class Component:
    """State one connected part of the network: reaches, length, and the sites on it by layer."""

    reaches: int
    length_km: float
    sites: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Check:
    """Hold the findings about a study's layers and network.

    Attributes
    ----------
    study, season
        What was checked.
    layers
        Features and CRS of each layer.
    components
        Connected parts of the network, longest first.
    attached, unattached
        Number of rows of each sited layer that stand on the water, wholly or in part, and that do
        not.
    notes
        Everything that was mended, assumed, skipped or out of reach.
    """

    study: str
    season: str
    layers: Mapping[str, Mapping[str, Any]]
    components: tuple[Component, ...]
    attached: Mapping[str, int]
    unattached: Mapping[str, int]
    notes: tuple[Note, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the check as plain values, for JSON."""
        return {
            "study": self.study,
            "season": self.season,
            "layers": {name: dict(facts) for name, facts in self.layers.items()},
            "components": [
                {"reaches": c.reaches, "length_km": c.length_km, "sites": dict(c.sites)}
                for c in self.components
            ],
            "attached": dict(self.attached),
            "unattached": dict(self.unattached),
            "notes": [
                {
                    "kind": note.kind,
                    "layer": note.layer,
                    "feature": note.feature,
                    "what": note.what,
                    "remedy": note.remedy,
                    "count": note.count,
                }
                for note in self.notes
            ],
        }


def check_network(study: str, season: str, layers: Layers, sited: Sited) -> Check:
    """Describe the layers of a study and the network that they give."""
    attached, unattached = {}, {}
    for name, sites in sited.sites.items():
        on = np.unique(sites.row[sites.node >= 0]).size
        attached[name], unattached[name] = int(on), int(np.unique(sites.row).size - on)
    facts = {
        name: {"features": source.features, "crs": source.crs}
        for name, source in layers.sources.items()
    }
    notes = (*layers.notes, *sited.reaches.notes, *sited.notes)
    return Check(study, season, facts, _components(sited), attached, unattached, notes)


def _components(sited: Sited) -> tuple[Component, ...]:
    """Return the connected parts of the network, longest first."""
    part = parts_of_network(sited.reaches)
    n = int(part.max(initial=-1)) + 1
    by_reach = part[sited.reaches.u]
    reaches = np.bincount(by_reach, minlength=n)
    length = np.bincount(by_reach, sited.reaches.length_km, minlength=n)
    sites: list[Counter[str]] = [Counter() for _ in range(n)]
    for name, layer in sited.sites.items():
        on = layer.node >= 0
        pairs = np.unique(np.column_stack([part[layer.node[on]], layer.row[on]]), axis=0)
        for k in pairs[:, 0]:
            sites[k][name] += 1
    order = [k for k in np.argsort(-length, kind="stable") if reaches[k]]
    return tuple(Component(int(reaches[k]), float(length[k]), dict(sites[k])) for k in order)


def parts_of_network(reaches: Reaches) -> Ints:
    """Return the connected part of each node."""
    n = reaches.node_xy.shape[0]
    matrix = coo_array((np.ones(reaches.u.size), (reaches.u, reaches.v)), shape=(n, n))
    _, part = connected_components(matrix, directed=False)
    parts: Ints = part.astype(np.int32)
    return parts
