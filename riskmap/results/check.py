"""The check of a study: what a data steward needs to know before anybody trusts a ranking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.layers import Layers
from riskmap.layers.findings import name_rows
from riskmap.network.arcs import Floats, Ints
from riskmap.network.parts import parts_of_network
from riskmap.network.reaches import Reaches, draw_lines
from riskmap.network.sites import Sited
from riskmap.report import Count, Note
from riskmap.results.reaches import MODES
from riskmap.schema import LAYERS
from riskmap.settings import Language, StudySection


@dataclass(frozen=True, slots=True)
class Component:
    """State one connected part of the network.

    Attributes
    ----------
    reaches, length_km
        How large it is, roads included.
    sites
        Sites on it by layer.
    flow_known_km
        Length of the reaches whose direction of flow is known.
    flow_confidence
        Mean confidence of these directions by length, None where none was inferred.
    outlets
        Places (lon, lat) that water reaches and does not leave by a reach.
    km_by_mode
        Length of water, roads and landings in it.
    """

    reaches: int
    length_km: float
    sites: Mapping[str, int]
    flow_known_km: float
    flow_confidence: float | None
    outlets: tuple[tuple[float, float], ...]
    km_by_mode: Mapping[str, float]


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
    sited
        The network and the sites on it.
    mining_pieces
        Mining areas cut by legal status, None where the study has none.
    language
        Of names and legends.
    """

    study: str
    season: str
    layers: Mapping[str, Mapping[str, Any]]
    components: tuple[Component, ...]
    attached: Mapping[str, int]
    unattached: Mapping[str, int]
    notes: tuple[Note, ...]
    sited: Sited
    mining_pieces: gpd.GeoDataFrame | None
    language: Language

    @property
    def modes(self) -> dict[str, dict[str, float]]:
        """Return reaches and length of each mode that the network has."""
        reaches = self.sited.reaches
        return {
            mode: {
                "reaches": int((reaches.mode == k).sum()),
                "length_km": float(reaches.length_km[reaches.mode == k].sum()),
            }
            for k, mode in enumerate(MODES)
            if (reaches.mode == k).any()
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the check as plain values, for JSON."""
        return {
            "study": self.study,
            "season": self.season,
            "layers": {name: dict(facts) for name, facts in self.layers.items()},
            "modes": self.modes,
            "components": [
                {
                    **asdict(c),
                    "sites": dict(c.sites),
                    "outlets": [list(o) for o in c.outlets],
                    "km_by_mode": dict(c.km_by_mode),
                }
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
                    "places": [[lon, lat] for _, _, lon, lat in note.at_places()],
                }
                for note in self.notes
            ],
        }


def check_network(study: StudySection, layers: Layers, sited: Sited) -> Check:
    """Describe the layers of a study and the network that they give."""
    attached, unattached = {}, {}
    for name, sites in sited.sites.items():
        on = np.unique(sites.row[sites.node >= 0]).size
        attached[name], unattached[name] = int(on), int(np.unique(sites.row).size - on)
    facts = {
        name: {"features": source.features, "crs": source.crs}
        for name, source in layers.sources.items()
    }
    repeats = _repeated_places(layers)
    notes = _with_names(layers, (*layers.notes, *repeats, *sited.reaches.notes, *sited.notes))
    return Check(
        study.name, study.season, facts, _components(sited), attached, unattached, notes, sited,
        layers.mining_pieces, study.language,
    )  # fmt: skip


def _repeated_places(layers: Layers) -> list[Note]:
    """Report the rows of points with a name and a place that an earlier row has; they all count."""
    notes = []
    for name, table in layers.tables.items():
        if name not in LAYERS or "point" not in LAYERS[name].geometry:
            continue
        places = pd.DataFrame({"name": table["name"], "at": shapely.to_wkb(table.geometry)})
        again = table.index[places.duplicated()].tolist()
        if again:
            what = f"{Count(len(again)):row repeats|rows repeat} name and place of an earlier one"
            mend = "take out what is there twice: every row counts"
            notes.append(Note("doubtful", name, name_rows(again), what, mend, len(again)))
    return notes


def _with_names(layers: Layers, notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """Name the rows of layers that people know by name; those of sensitive layers stay numbers."""
    named = []
    for note in notes:
        row = (note.feature or "").removeprefix("row ")
        table = layers.tables.get(note.layer)
        known = table is not None and row.isdigit() and int(row) in table.index
        if table is None or not known or LAYERS[note.layer].sensitive:
            named.append(note)
            continue
        name = str(table["name"].loc[int(row)])
        own = name in ("", f"{note.layer} {row}")
        named.append(note if own else replace(note, feature=f"row {row} ({name})"))
    return tuple(named)


def _components(sited: Sited) -> tuple[Component, ...]:
    """Return the connected parts of the network, longest first."""
    part = parts_of_network(sited.reaches)
    n = int(part.max(initial=-1)) + 1
    by_reach = part[sited.reaches.u]
    reaches = np.bincount(by_reach, minlength=n)
    length = np.bincount(by_reach, sited.reaches.length_km, minlength=n)
    by_mode = [
        np.bincount(by_reach, sited.reaches.length_km * (sited.reaches.mode == m), minlength=n)
        for m in range(MODES.size)
    ]
    sites: list[Counter[str]] = [Counter() for _ in range(n)]
    for name, layer in sited.sites.items():
        on = layer.node >= 0
        pairs = np.unique(np.column_stack([part[layer.node[on]], layer.row[on]]), axis=0)
        for k in pairs[:, 0]:
            sites[k][name] += 1
    order = [k for k in np.argsort(-length, kind="stable") if reaches[k]]
    known_km, confidence = _flow_by_part(sited.reaches, by_reach, n)
    outlets: list[list[tuple[float, float]]] = [[] for _ in range(n)]
    for node in outlets_of(sited.reaches):
        lon, lat = sited.reaches.node_xy[node].tolist()
        outlets[part[node]].append((lon, lat))
    return tuple(
        Component(
            int(reaches[k]),
            float(length[k]),
            dict(sites[k]),
            float(known_km[k]),
            None if confidence is None or not known_km[k] else float(confidence[k]),
            tuple(outlets[k]),
            {m: float(km[k]) for m, km in zip(MODES, by_mode, strict=True) if km[k] > 0.0},
        )
        for k in order
    )


def _flow_by_part(reaches: Reaches, part: Ints, n: int) -> tuple[Floats, Floats | None]:
    """Return the length whose direction is known, and its mean confidence where inferred."""
    known = reaches.flow_known & (reaches.mode == 0)
    km = np.bincount(part[known], reaches.length_km[known], minlength=n).astype(np.float64)
    confidence = reaches.attributes.get("flow_confidence")
    if confidence is None:
        return km, None
    sure = np.bincount(part[known], (reaches.length_km * confidence)[known], minlength=n)
    mean: Floats = np.divide(sure, km, out=np.zeros(n), where=km > 0.0)
    return km, mean


def outlets_of(reaches: Reaches) -> Ints:
    """Return the nodes that water flows into, and that no reach leaves, as far as is known.

    Where directions were inferred, those that are not known count too, but not at a node between
    two such reaches: on a ring that meets nothing they are only how its lines were drawn.
    """
    n = reaches.node_xy.shape[0]
    water, sure = reaches.mode == 0, reaches.flow_known & (reaches.mode == 0)
    known = water if "flow_confidence" in reaches.attributes else sure
    into = np.bincount(reaches.v[known], minlength=n) > 0
    out = np.bincount(reaches.u[known], minlength=n) > 0
    beside = np.zeros(n, dtype=np.bool_)
    rest = water & ~known
    beside[reaches.u[rest]] = beside[reaches.v[rest]] = True
    degree = np.bincount(np.concatenate([reaches.u[water], reaches.v[water]]), minlength=n)
    beside |= (degree == 2) & (np.bincount(reaches.v[sure], minlength=n) == 0)
    nodes: Ints = np.flatnonzero(into & ~out & ~beside).astype(np.int32)
    return nodes


def reaches_by_part(check: Check) -> gpd.GeoDataFrame:
    """Return the reaches with the part of the network that each belongs to, EPSG:4326.

    Part 1 is the longest. `flow_known` says whether the direction of flow is known (lines run
    downstream then), `flow_confidence` how sure an inferred one is, and `flow_doubt` what speaks
    against it.
    """
    reaches = check.sited.reaches
    part = _rank_parts(reaches)
    n = reaches.u.size
    return gpd.GeoDataFrame(
        {
            "part": part[parts_of_network(reaches)[reaches.u]],
            "source_id": reaches.source_id,
            "name": pd.Series(reaches.name, dtype=object),
            "length_km": reaches.length_km,
            "mode": MODES[reaches.mode],
            "flow_known": reaches.flow_known,
            "flow_confidence": reaches.attributes.get("flow_confidence", np.full(n, np.nan)),
            "flow_doubt": reaches.attributes.get("flow_doubt", np.full(n, "", dtype=object)),
        },
        geometry=draw_lines(reaches.coords, reaches.offsets),
        crs="EPSG:4326",
    )


def doubtful_directions(check: Check) -> gpd.GeoDataFrame:
    """Return the reaches whose direction of flow is doubtful or not known, EPSG:4326."""
    reaches = reaches_by_part(check)
    river = check.sited.reaches.mode == 0
    doubtful = (reaches["flow_doubt"] != "") | ~reaches["flow_known"]
    return reaches[doubtful & river].reset_index(drop=True)


def _rank_parts(reaches: Reaches) -> Ints:
    """Return the rank of each connected part by length, 1 the longest."""
    part = parts_of_network(reaches)[reaches.u]
    length = np.bincount(part, reaches.length_km)
    rank = np.empty(length.size, dtype=np.int32)
    rank[np.argsort(-length, kind="stable")] = np.arange(1, length.size + 1, dtype=np.int32)
    return rank


def sites_on_network(check: Check) -> gpd.GeoDataFrame:
    """Return every site with its distance from navigable water, EPSG:4326.

    A mining area has one row for each of its cells. `part` is the part of the network that a site
    stands on, 0 where it stands on none.
    """
    rank = _rank_parts(check.sited.reaches)
    part = np.append(rank[parts_of_network(check.sited.reaches)], 0)
    tables = [
        gpd.GeoDataFrame(
            {
                "layer": name,
                "row": sites.row,
                "attached": sites.node >= 0,
                "distance_km": np.where(np.isfinite(sites.distance_km), sites.distance_km, np.nan),
                "part": part[sites.node],
            },
            geometry=gpd.points_from_xy(sites.lon, sites.lat),
            crs="EPSG:4326",
        )
        for name, sites in check.sited.sites.items()
    ]
    return gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), crs="EPSG:4326")


def notes_with_places(check: Check) -> gpd.GeoDataFrame:
    """Return the notes that have a place (mends above all) as points, EPSG:4326."""
    rows = [
        (note.kind, note.layer, feature, what, lon, lat)
        for note in check.notes
        for what, feature, lon, lat in note.at_places()
    ]
    columns = ["kind", "layer", "feature", "what", "lon", "lat"]
    table = pd.DataFrame(rows, columns=columns)
    places = gpd.points_from_xy(table.pop("lon"), table.pop("lat"))
    return gpd.GeoDataFrame(table, geometry=places, crs="EPSG:4326")
