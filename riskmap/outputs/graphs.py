"""The waterway graph as a file: GraphML for graph tools, a GeoPackage for a GIS; and its check."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np

from riskmap.outputs.files import whole_file
from riskmap.outputs.qgis import style_geopackage
from riskmap.outputs.streams import write_geopackage
from riskmap.results.check import (
    Check,
    doubtful_directions,
    notes_with_places,
    reaches_by_part,
    sites_on_network,
)
from riskmap.results.graph import scored_graph
from riskmap.results.outcome import Outcome


def write_graph(outcome: Outcome, path: Path, *, overwrite: bool = False) -> None:
    """Write the scored graph; the ending chooses GraphML (arcs) or GeoPackage (nodes, reaches).

    Raises
    ------
    OutputError
        Where the file cannot be written.
    """
    with whole_file(path, overwrite=overwrite) as part:
        if path.suffix.lower() == ".graphml":
            _write_graphml(outcome, part)
        else:
            tables = {"nodes": nodes_table(outcome), "reaches": outcome.reaches}
            for layer, table in tables.items():
                write_geopackage(table, part, layer=layer)
            style_geopackage(part, tables, language=outcome.language)


def write_check(check: Check, path: Path, *, overwrite: bool = False) -> None:
    """Write what a check found as a GeoPackage.

    Layers are `reaches` (with their part of the network and direction of flow), `sites`, `mends`,
    `doubtful_directions`, and `mining_status` where the study has mining areas.

    Raises
    ------
    OutputError
        Where the file cannot be written.
    """
    tables = {
        "reaches": (reaches_by_part(check), "LineString"),
        "sites": (sites_on_network(check), "Point"),
        "mends": (notes_with_places(check), "Point"),
        "doubtful_directions": (doubtful_directions(check), "LineString"),
    }
    if check.mining_pieces is not None:
        pieces = check.mining_pieces.rename_axis("row").reset_index()
        tables["mining_status"] = (pieces, "MultiPolygon")
    with whole_file(path, overwrite=overwrite) as part:
        for layer, (table, kind) in tables.items():
            write_geopackage(table, part, layer=layer, kind=kind)
        found = {layer: table for layer, (table, _) in tables.items()}
        style_geopackage(part, found, language=check.language)


def nodes_table(outcome: Outcome) -> gpd.GeoDataFrame:
    """Return the nodes of the network: `node_id`, number of reaches, whether a border crosses."""
    reaches = outcome.scored.reaches
    xy = reaches.node_xy
    degree = np.bincount(np.concatenate([reaches.u, reaches.v]), minlength=xy.shape[0])
    return gpd.GeoDataFrame(
        {
            "node_id": np.arange(xy.shape[0]),
            "reaches": degree,
            "crosses_border": outcome.scored.border_nodes,
        },
        geometry=gpd.points_from_xy(xy[:, 0], xy[:, 1]),
        crs="EPSG:4326",
    )


def _write_graphml(outcome: Outcome, path: Path) -> None:
    """Write arcs without their lines: GraphML has no geometry."""
    graph = scored_graph(outcome.scored)
    for _, _, data in graph.edges(data=True):
        del data["geometry"]
    nx.write_graphml(graph, path)
