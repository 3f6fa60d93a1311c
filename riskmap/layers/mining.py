"""Legal status of mining ground by overlay, where the mining areas state none (docs/mining.md).

Detections of the same ground count once, before anything is derived; then each piece of ground has
the status of the first rule that fits it (`riskmap.presets.mining`). All is cut in an equal-area
projection, so that areas are ellipsoidal and their sum stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import Transformer

from riskmap.layers.mapping import matches
from riskmap.presets.mining import TITLES, MiningRules, Rule
from riskmap.report import Count, Note

Geometries = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]

HECTARE_M2 = 10_000.0
#: Layers whose areas the rules speak of under their own names.
PLACES = (
    "jurisdiction", "protected_areas", "buffer_zones", "indigenous_territories", "mining_corridor",
)  # fmt: skip
#: What marks ground whose status the layer states, and ground that no rule speaks of.
STATED, NO_RULE = "stated", "no_rule"
_AREA_TYPES = (3, 6)
#: Grid of the overlay, m: on it no crossing of lines fails, and areas change by less than 1e-6.
GRID_M = 1e-5
#: Lambert's cylindrical equal-area projection; cells of mining areas are of the same family, in
#: which straight lines stay straight (`riskmap.network.cells`).
_PLANE = Transformer.from_crs(4326, "+proj=cea +ellps=WGS84 +units=m", always_xy=True)


def mining_pieces(
    tables: Mapping[str, gpd.GeoDataFrame], *, rules: MiningRules
) -> tuple[gpd.GeoDataFrame, tuple[Note, ...]]:
    """Cut the mining areas of a study into pieces, each with one status and the rule that gave it.

    Parameters
    ----------
    tables
        Canonical layers of the study, EPSG:4326, with `mining_areas`.
    rules
        The rules.

    Returns
    -------
    pieces
        The canonical columns, `status_rule` and `area_ha`, EPSG:4326. The index is the row number
        of the mining area: it stands as often as the area has pieces, and not at all where other
        detections cover all of it. Areas that state a status are one piece, as they were.
    notes
        What was dissolved and derived.
    """
    table = tables["mining_areas"]
    shapes = _to_plane(table.geometry.to_numpy())
    stated = (table["status"] != "unknown").to_numpy()
    own, notes = _dissolve(table, shapes, stated)
    ground = _Ground.of(tables, rules)
    found: list[tuple[int, str, str, shapely.Geometry]] = []
    for k in range(len(table)):
        if stated[k]:
            found.append((k, str(table["status"].iloc[k]), STATED, own[k]))
        elif not shapely.is_empty(own[k]):
            day = table["detected_on"].iloc[k]
            when = None if pd.isna(day) else day.date()
            found += [(k, *piece) for piece in ground.judge(own[k], when, rules.rules)]
    pieces = _pieces_table(table, found)
    return pieces, (*notes, *_notes(pieces, rules))


def main_status(table: gpd.GeoDataFrame, pieces: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the mining areas with the status of the largest share of each one's ground."""
    sums = pieces.groupby([pieces.index, "status"])["area_ha"].sum()
    status = table["status"].copy()
    if len(sums):
        largest = sums.groupby(level=0).idxmax()
        status.loc[largest.index] = [state for _, state in largest]
    return table.assign(status=status)


def areas_ha(shapes: Geometries) -> Floats:
    """Return areas on the ellipsoid, ha, of shapes in degrees (edges straight in the plane)."""
    area: Floats = shapely.area(_to_plane(shapes)) / HECTARE_M2
    return area


def _to_plane(shapes: Geometries) -> Geometries:
    plane: Geometries = shapely.transform(
        shapes, lambda xy: np.column_stack(_PLANE.transform(xy[:, 0], xy[:, 1]))
    )
    snapped: Geometries = shapely.set_precision(_mended(plane), GRID_M)
    return snapped


def _to_degrees(shapes: Geometries) -> Geometries:
    degrees: Geometries = shapely.transform(
        shapes,
        lambda xy: np.column_stack(_PLANE.transform(xy[:, 0], xy[:, 1], direction="INVERSE")),
    )
    return _mended(degrees)


def _mended(shapes: Geometries) -> Geometries:
    """Return shapes that a projection's rounding may have crossed, valid again."""
    broken = ~shapely.is_valid(shapes)
    if broken.any():
        shapes = shapes.copy()
        valid = shapely.make_valid(shapes[broken], method="structure")
        shapes[broken] = [_areas(shape) for shape in valid]
    return shapes


def _dissolve(
    table: gpd.GeoDataFrame, shapes: Geometries, stated: npt.NDArray[np.bool_]
) -> tuple[Geometries, list[Note]]:
    """Give ground that several areas cover to one of them.

    Areas that state a status come first and stay as they are; then the surer detection, then the
    earlier, then the name and the row.
    """
    own = shapes.copy()
    rank = _ranks(table, stated)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    behind = (rank[other] < rank[one]) & ~stated[one]
    before = pd.Series(other[behind]).groupby(one[behind]).agg(list)
    for k, others in before.items():
        at = int(str(k))
        own[at] = _minus(own[at], _union(shapes[others]))
    lost = (shapely.area(shapes) - shapely.area(own))[~stated].sum() / HECTARE_M2
    if lost * HECTARE_M2 < 1.0:
        return own, []
    gone = int((shapely.is_empty(own) & ~stated).sum())
    what = f"{lost:,.1f} ha that several areas cover are counted once"
    what += f"; {Count(gone):area lies|areas lie} wholly in others" if gone else ""
    return own, [Note("mended", "mining_areas", None, what, count=len(before))]


def _ranks(table: gpd.GeoDataFrame, stated: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the place of each area in the order in which ground is given out."""
    order = (
        pd.DataFrame(
            {
                "free": ~stated,
                "doubt": 1.0 - table["confidence"].to_numpy(),
                "day": table["detected_on"].to_numpy(),
                "name": table["name"].astype(str).to_numpy(),
            }
        )
        .sort_values(["free", "doubt", "day", "name"], kind="stable")
        .index.to_numpy()
    )
    rank = np.empty(len(table), dtype=np.int64)
    rank[order] = np.arange(len(table))
    return rank


def _areas(shape: shapely.Geometry) -> shapely.Geometry:
    """Return the areas of a shape, without the points and lines that an overlay leaves."""
    if shapely.get_type_id(shape) in _AREA_TYPES:
        return shape
    parts = shapely.get_parts(shape)
    parts = parts[np.isin(shapely.get_type_id(parts), _AREA_TYPES)]
    return _union(parts) if parts.size else shapely.Polygon()


def _union(shapes: Geometries) -> shapely.Geometry:
    """Return what shapes cover together, as areas."""
    return _areas(shapely.union_all(shapes, grid_size=GRID_M))


def _minus(shape: shapely.Geometry, other: shapely.Geometry) -> shapely.Geometry:
    """Return what of an area another does not cover."""
    return _areas(shapely.difference(shape, other, grid_size=GRID_M))


class _Ground:
    """Know where each place lies that rules speak of."""

    def __init__(self, places: Mapping[str, Geometries]) -> None:
        self._shapes = places
        self._trees = {name: shapely.STRtree(shapes) for name, shapes in places.items()}

    @classmethod
    def of(cls, tables: Mapping[str, gpd.GeoDataFrame], rules: MiningRules) -> _Ground:
        """Take the places from the layers that a study has."""
        places = {
            name: _to_plane(tables[name].geometry.to_numpy()) for name in PLACES if name in tables
        }
        if "concessions" in tables:
            table = tables["concessions"]
            state = _title_states(table["title_status"], rules)
            shapes = _to_plane(table.geometry.to_numpy())
            places |= {name: shapes[(state == name).to_numpy()] for name in TITLES}
        return cls(places)

    def judge(
        self, shape: shapely.Geometry, when: date | None, rules: Sequence[Rule]
    ) -> list[tuple[str, str, shapely.Geometry]]:
        """Return (status, rule, ground) of the pieces of an area, in the order of the rules."""
        on = {name: self._on(name, shape) for name in self._shapes}
        rest = shape
        pieces: list[tuple[str, str, shapely.Geometry]] = []
        for rule in rules:
            part = self._part(rest, rule, on) if _judges(rule, when) else None
            if part is None or shapely.is_empty(part):
                continue
            pieces.append((rule.status, rule.id, part))
            rest = _minus(rest, part) if part is not rest else shapely.Polygon()
            if shapely.is_empty(rest):
                return pieces
        return [*pieces, ("unknown", NO_RULE, rest)]

    def _on(self, name: str, shape: shapely.Geometry) -> shapely.Geometry:
        """Return what of an area lies in a place."""
        near = self._trees[name].query(shape, predicate="intersects")
        if not near.size:
            return shapely.Polygon()
        shapes = self._shapes[name][near]
        if shapely.covers(shapes, shape).any():
            return shape
        return _union(shapely.intersection(shapes, shape, grid_size=GRID_M))

    @staticmethod
    def _part(
        rest: shapely.Geometry, rule: Rule, on: Mapping[str, shapely.Geometry]
    ) -> shapely.Geometry | None:
        """Return what of the rest a rule speaks of; None where the study cannot tell."""
        if any(name not in on for name in rule.outside):
            return None
        inside = [on.get(name, shapely.Polygon()) for name in rule.inside]
        if any(shapely.is_empty(place) for place in inside):
            return None
        part = rest
        for place in inside:
            part = _areas(shapely.intersection(part, place, grid_size=GRID_M))
        for name in rule.outside:
            if not shapely.is_empty(on[name]):
                part = _minus(part, on[name])
        return part


def _judges(rule: Rule, when: date | None) -> bool:
    """Tell whether a rule was in force on the day of a detection; one without a day is of today."""
    if when is None:
        return rule.until is None
    return rule.since <= when and (rule.until is None or when <= rule.until)


def _title_states(words: pd.Series, rules: MiningRules) -> pd.Series:
    """Return the state of each concession; one whose words say nothing known is unclear."""
    state = pd.Series("unclear_title", index=words.index)
    for name, patterns in reversed(list(rules.titles.items())):
        state[matches(words, patterns)] = name
    return state


def _pieces_table(
    table: gpd.GeoDataFrame, found: Sequence[tuple[int, str, str, shapely.Geometry]]
) -> gpd.GeoDataFrame:
    at = [k for k, *_ in found]
    shapes = np.array([piece[3] for piece in found], dtype=object)
    pieces = table.iloc[at].copy()
    pieces["status"] = [status for _, status, _, _ in found]
    pieces["status_rule"] = [rule for _, _, rule, _ in found]
    pieces["area_ha"] = shapely.area(shapes) / HECTARE_M2 if len(found) else np.empty(0)
    stated = (pieces["status_rule"] == STATED).to_numpy()
    degrees = pieces.geometry.to_numpy().copy()
    degrees[~stated] = _to_degrees(shapes[~stated])
    return pieces.set_geometry(gpd.GeoSeries(degrees, index=pieces.index, crs=4326))


def _notes(pieces: gpd.GeoDataFrame, rules: MiningRules) -> list[Note]:
    """Say how much ground each rule decided."""
    why = {rule.id: f"{rule.why} ({rule.law})" for rule in rules.rules}
    why[NO_RULE] = "no rule speaks of it, or the layers that would tell are missing"
    derived = pieces[pieces["status_rule"] != STATED]
    sums = derived.groupby(["status_rule", "status"])["area_ha"].agg(["sum", "size"])
    return [
        Note(
            "notice",
            "mining_areas",
            f"rule {rule}",
            f"{total:,.1f} ha are taken as {status}: {why[rule]}",
            count=int(size),
        )
        for (rule, status), total, size in zip(sums.index, sums["sum"], sums["size"], strict=True)
    ]
