"""Stretches: reaches end to end, between the nodes where the water itself changes.

A line may be cut anywhere, so a node that two like reaches meet at, and nothing else, means
nothing. The direction of flow is inferred on stretches (`riskmap.network.direction`), and is then
that of all their reaches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from riskmap.network.arcs import Bools, Floats, Ints, group_by
from riskmap.network.chains import trace_chains
from riskmap.network.reaches import Reaches
from riskmap.network.runs import take_lines


@dataclass(frozen=True, slots=True)
class Stretches:
    """Hold the stretches of a network.

    Attributes
    ----------
    reaches
        The stretches, as reaches of the same nodes without those that were passed.
    node
        Node of the network that each of their nodes is, shape (n_nodes,).
    of_reach
        Stretch of each reach of the network.
    along
        1 where a reach runs with its stretch from u to v, −1 where against it.
    """

    reaches: Reaches
    node: Ints
    of_reach: Ints
    along: Floats

    def numbers(self, node: Ints) -> Ints:
        """Return the nodes of the network by their numbers among those of the stretches."""
        return np.searchsorted(self.node, node).astype(np.int32)

    def verdict(self, way: Floats, length_km: Floats) -> Floats:
        """Return 1, 0 or −1 for each stretch: what its reaches say, the longer ones win."""
        said = np.bincount(self.of_reach, way * self.along * length_km, self.reaches.u.size)
        return np.sign(np.where(np.abs(said) > 1e-9, said, 0.0))


def join_reaches(reaches: Reaches, *, alike: Iterable[str], stops: Ints) -> Stretches:
    """Put reaches end to end where two meet that are alike.

    Parameters
    ----------
    reaches
        The network.
    alike
        Attributes in which reaches of one stretch are equal; so they are in being a line of a row
        or a derived one.
    stops
        Nodes where a stretch ends in any case.
    """
    n = reaches.node_xy.shape[0]
    ends = np.column_stack([reaches.u, reaches.v])
    start, slot = group_by(ends.ravel(), n)
    stop = _stops(reaches, start, slot // 2, alike)
    stop[stops] = True
    chain_start, _, slot_node, slot_edge = trace_chains(start, slot // 2, ends, stop)
    inner = slot_edge >= 0
    edge, head = slot_edge[inner], slot_node[inner]
    size = np.diff(chain_start) - 1
    of_slot = np.repeat(np.arange(size.size, dtype=np.int32), size)
    of_reach, along = np.empty_like(edge), np.empty(edge.size)
    of_reach[edge] = of_slot
    along[edge] = np.where(reaches.u[edge] == head, 1.0, -1.0)
    first = edge[np.cumsum(size) - size]
    node, ends_of = np.unique(
        np.concatenate([slot_node[chain_start[:-1]], slot_node[chain_start[1:] - 1]]),
        return_inverse=True,
    )
    coords, offsets = _vertices(reaches, edge, along[edge] < 0.0, of_slot)
    u, v = ends_of.astype(np.int32).reshape(2, -1)
    merged = replace(
        reaches,
        coords=coords,
        offsets=offsets,
        u=u,
        v=v,
        node_xy=reaches.node_xy[node],
        length_km=np.bincount(of_reach, reaches.length_km, size.size).astype(np.float64),
        source_id=reaches.source_id[first],
        name=reaches.name[first],
        mode=reaches.mode[first],
        flow_known=reaches.flow_known[first],
        attributes={name: values[first] for name, values in reaches.attributes.items()},
        notes=(),
    )
    return Stretches(merged, node.astype(np.int32), of_reach, along)


def _stops(reaches: Reaches, start: Ints, reach: Ints, alike: Iterable[str]) -> Bools:
    """Tell the nodes where a stretch ends: all but those of two reaches that are alike."""
    stops: Bools = np.diff(start) != 2
    passed = np.flatnonzero(~stops)
    one, other = reach[start[passed]], reach[start[passed] + 1]
    differ = (reaches.source_id[one] < 0) != (reaches.source_id[other] < 0)
    for name in alike:
        code = pd.factorize(reaches.attributes[name])[0]  # what is unknown has one code
        differ |= code[one] != code[other]
    stops[passed] = differ
    return stops


def _vertices(
    reaches: Reaches, edge: Ints, turned: Bools, of_slot: Ints
) -> tuple[Floats, np.ndarray]:
    """Return the vertices of reaches put end to end, and the first of each stretch."""
    coords, offsets = take_lines(reaches.coords, reaches.offsets, edge.astype(np.int64), turned)
    keep = np.ones(coords.shape[0], dtype=np.bool_)
    keep[offsets[1:-1][of_slot[1:] == of_slot[:-1]]] = False
    owner = np.repeat(of_slot, np.diff(offsets))[keep]
    return coords[keep], np.concatenate([[0], np.cumsum(np.bincount(owner))])
