"""The scored network as a networkx graph, for those who want to go on with it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, cast

import networkx as nx
import numpy as np
import shapely

from riskmap.results.reaches import MODES, reach_lines
from riskmap.results.scored import Scored
from riskmap.steps import no_collection


def scored_graph(scored: Scored) -> nx.MultiDiGraph[Hashable]:
    """Return a network as a graph: two arcs a reach, keyed by `reach_id`.

    Nodes have `x`, `y` (degrees); arcs `reach_id`, `mode`, `length_km`, `travel_time_h`, `hazard`,
    `transits`, `undetected_transits` and `geometry` (in the direction of travel). `graph["crs"]` is
    set. A reach whose two ends are one node, a ring that no trip runs round, is one arc. Changing
    the graph changes nothing else.
    """
    with no_collection():
        return _build(scored)


def _build(scored: Scored) -> nx.MultiDiGraph[Hashable]:
    reaches, network, scores = scored.reaches, scored.network, scored.scores
    graph: nx.MultiDiGraph[Hashable] = nx.MultiDiGraph(crs="EPSG:4326", approach="primal")
    graph.add_nodes_from(
        [(i, {"x": x, "y": y}) for i, (x, y) in enumerate(reaches.node_xy.tolist())]
    )
    lines = reach_lines(reaches)[network.reach]
    columns = zip(
        network.arcs.tail.tolist(),
        network.arcs.head.tolist(),
        network.reach.tolist(),
        MODES[reaches.mode[network.reach]].tolist(),
        reaches.length_km[network.reach].tolist(),
        network.arcs.time_h.tolist(),
        network.arcs.hazard.tolist(),
        scores.transits.tolist(),
        scores.undetected.tolist(),
        np.where(network.downstream, lines, shapely.reverse(lines)).tolist(),
        strict=True,
    )
    # What MultiDiGraph.add_edge does, without a call for every arc.
    onward, back = cast("Any", graph)._succ, cast("Any", graph)._pred  # noqa: SLF001
    for u, v, r, mode, km, hours, hazard, transits, undetected, line in columns:
        data = {
            "reach_id": r,
            "mode": mode,
            "length_km": km,
            "travel_time_h": hours,
            "hazard": hazard,
            "transits": transits,
            "undetected_transits": undetected,
            "geometry": line,
        }
        beside = onward[u]
        if v in beside:
            beside[v][r] = data
        else:
            beside[v] = back[v][u] = {r: data}
    return graph
