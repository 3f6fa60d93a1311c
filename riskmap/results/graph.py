"""The scored network as a networkx graph, for those who want to go on with it."""

from __future__ import annotations

import gc
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import networkx as nx

from riskmap.results.reaches import MODES, reach_lines
from riskmap.results.scored import Scored


def scored_graph(scored: Scored) -> nx.MultiDiGraph[Hashable]:
    """Return a network as a graph: two arcs a reach, keyed by `reach_id`.

    Nodes have `x`, `y` (degrees); arcs `reach_id`, `mode`, `length_km`, `travel_time_h`, `hazard`,
    `transits`, `undetected_transits` and `geometry` (in the direction of travel). `graph["crs"]` is
    set. Changing the graph changes nothing else.
    """
    reaches, network, scores = scored.reaches, scored.network, scored.scores
    graph: nx.MultiDiGraph[Hashable] = nx.MultiDiGraph(crs="EPSG:4326", approach="primal")
    lines = reach_lines(reaches)
    columns = zip(
        network.arcs.tail.tolist(),
        network.arcs.head.tolist(),
        network.reach.tolist(),
        network.downstream.tolist(),
        MODES[reaches.mode[network.reach]].tolist(),
        reaches.length_km[network.reach].tolist(),
        network.arcs.time_h.tolist(),
        network.arcs.hazard.tolist(),
        scores.transits.tolist(),
        scores.undetected.tolist(),
        strict=True,
    )
    with _collector_off():
        graph.add_nodes_from(
            (i, {"x": x, "y": y}) for i, (x, y) in enumerate(reaches.node_xy.tolist())
        )
        cast("Any", graph).add_edges_from(
            (
                u,
                v,
                r,
                {
                    "reach_id": r,
                    "mode": mode,
                    "length_km": km,
                    "travel_time_h": hours,
                    "hazard": hazard,
                    "transits": transits,
                    "undetected_transits": undetected,
                    "geometry": lines[r] if down else lines[r].reverse(),
                },
            )
            for u, v, r, down, mode, km, hours, hazard, transits, undetected in columns
        )
    return graph


@contextmanager
def _collector_off() -> Iterator[None]:
    """Hold the cyclic collector while many small dicts are made: it would halve the speed."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
