"""Geometry of a layer: what can be mended without a guess is mended and counted.

Third coordinates, repeated points and invalid rings are mended. A row without a usable geometry of
the right kind cannot be used, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from numba import njit

from riskmap.layers.findings import Findings
from riskmap.schema import GeometryKind

Geometries = npt.NDArray[np.object_]
Bools = npt.NDArray[np.bool_]

_TYPES: dict[GeometryKind, tuple[int, ...]] = {
    "point": (0, 4),
    "line": (1, 2, 5),
    "polygon": (3, 6),
}
_PLURAL = {"point": "points", "line": "lines", "polygon": "areas"}


def mend_geometry(
    rows: gpd.GeoDataFrame, *, kinds: Sequence[GeometryKind], findings: Findings
) -> gpd.GeoDataFrame:
    """Return the rows whose geometry can be used, mended.

    Parameters
    ----------
    rows
        Rows in EPSG:4326, indexed by their number in the source.
    kinds
        Kinds of geometry that the layer may hold.
    findings
        Takes mends and rows that cannot be used.
    """
    number = rows.index.to_numpy()
    shapes: Geometries = rows.geometry.to_numpy()
    start = np.concatenate([[0], np.cumsum(shapely.get_num_coordinates(shapes))])
    not_numbers, not_degrees, repeated = _look_at(shapely.get_coordinates(shapes), start)
    usable = _are_there(shapes, number, findings)
    usable &= _are_numbers(not_numbers, number, usable, findings)
    usable &= _are_of_kind(shapes, number, usable, kinds, findings)
    usable &= _are_degrees(not_degrees, shapes, number, usable, findings)
    position = np.flatnonzero(usable)
    number, shapes, repeated = number[usable], shapes[usable], repeated[usable]
    shapes = _flatten(shapes, number, findings)
    shapes = _mend_areas(shapes, number, findings)
    shapes = _mend_lines(shapes, number, repeated, findings)
    shapes = _single_points(shapes, number, findings)
    whole = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    mended = rows.iloc[position[whole]]
    return mended.set_geometry(gpd.GeoSeries(shapes[whole], index=mended.index, crs=rows.crs))


def _are_there(shapes: Geometries, number: npt.NDArray[np.int64], findings: Findings) -> Bools:
    missing = shapely.is_missing(shapes)
    empty = shapely.is_empty(shapes)
    findings.unfit(number[missing], "has no geometry", "draw it, or delete the row")
    findings.unfit(number[empty], "has an empty geometry", "draw it, or delete the row")
    there: Bools = ~(missing | empty)
    return there


@njit(cache=True)
def _look_at(  # pragma: no cover
    xy: npt.NDArray[np.float64], start: npt.NDArray[np.int64]
) -> tuple[Bools, Bools, Bools]:
    """Look at the vertices of every geometry: those of geometry i are `start[i] : start[i + 1]`.

    Returns
    -------
    not_numbers, not_degrees, repeated
        Whether a coordinate is not a number, or not degrees, and whether a vertex stands where the
        one before it does.
    """
    n = start.size - 1
    not_numbers, not_degrees, repeated = (
        np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    )  # fmt: skip
    for i in range(n):
        for k in range(start[i], start[i + 1]):
            x, y = xy[k, 0], xy[k, 1]
            not_numbers[i] |= not (math.isfinite(x) and math.isfinite(y))
            not_degrees[i] |= abs(x) > 180.0 or abs(y) > 90.0
            repeated[i] |= k > start[i] and x == xy[k - 1, 0] and y == xy[k - 1, 1]
    return not_numbers, not_degrees, repeated


def _are_numbers(
    not_numbers: Bools, number: npt.NDArray[np.int64], usable: Bools, findings: Findings
) -> Bools:
    wrong = not_numbers & usable
    findings.unfit(
        number[wrong], "has a coordinate that is not a number", "draw it again, or delete the row"
    )
    return ~wrong


def _are_of_kind(
    shapes: Geometries,
    number: npt.NDArray[np.int64],
    usable: Bools,
    kinds: Sequence[GeometryKind],
    findings: Findings,
) -> Bools:
    types = shapely.get_type_id(shapes)
    right: Bools = np.isin(types, [t for kind in kinds for t in _TYPES[kind]])
    wrong = usable & ~right
    wanted = " or ".join(_PLURAL[kind] for kind in kinds)
    names = {t: _PLURAL[kind] for kind, group in _TYPES.items() for t in group}
    if wrong.any() and not (usable & right).any():
        seen = ", ".join(sorted({names.get(int(t), "collections") for t in types[wrong]}))
        findings.refuse(f"holds {seen}, {wanted} are wanted", "name another file")
        return right
    for row, kind in zip(number[wrong], types[wrong], strict=True):
        seen = names.get(int(kind), "a collection")
        findings.unfit([row], f"holds {seen}, {wanted} are wanted", "draw it again")
    return right


def _are_degrees(
    not_degrees: Bools,
    shapes: Geometries,
    number: npt.NDArray[np.int64],
    usable: Bools,
    findings: Findings,
) -> Bools:
    wrong = not_degrees & usable
    if wrong.any() and wrong.sum() == usable.sum():
        xy = shapely.get_coordinates(shapes[wrong])
        x, y = xy[(np.abs(xy) > np.array([180.0, 90.0])).any(axis=1)][0]
        findings.refuse(
            f"coordinates such as {x:.0f}, {y:.0f} are not degrees",
            "the CRS that is stated is not that of the file: state the right one",
            feature="crs",
        )
        return ~wrong
    findings.unfit(number[wrong], "has coordinates that are not degrees", "draw it again")
    return ~wrong


def _flatten(shapes: Geometries, number: npt.NDArray[np.int64], findings: Findings) -> Geometries:
    deep = shapely.has_z(shapes) | shapely.has_m(shapes)
    findings.tell_rows("mended", "third coordinates were left out", number[deep])
    if not deep.any():
        return shapes
    flat = shapes.copy()
    flat[deep] = shapely.force_2d(shapes[deep])
    return flat


def _mend_areas(
    shapes: Geometries, number: npt.NDArray[np.int64], findings: Findings
) -> Geometries:
    area = np.isin(shapely.get_type_id(shapes), _TYPES["polygon"])
    invalid = area & ~shapely.is_valid(shapes)
    if not invalid.any():
        return shapes
    mended = shapes.copy()
    mended[invalid] = [
        _areas_of(shape) for shape in shapely.make_valid(shapes[invalid], method="structure")
    ]
    gone = invalid & shapely.is_empty(mended)
    findings.unfit(number[gone], "is an area without extent", "draw it again, or delete the row")
    findings.tell_rows("mended", "invalid rings were mended", number[invalid & ~gone])
    return mended


def _areas_of(shape: shapely.Geometry) -> shapely.Geometry:
    """Return the areas of a mended shape, without the lines and points that mending leaves."""
    parts = shapely.get_parts(shape)
    areas = [p for part in parts for p in shapely.get_parts(part) if p.geom_type == "Polygon"]
    whole: shapely.Geometry = areas[0] if len(areas) == 1 else shapely.multipolygons(areas)
    return whole


def _mend_lines(
    shapes: Geometries, number: npt.NDArray[np.int64], repeated: Bools, findings: Findings
) -> Geometries:
    line = repeated & np.isin(shapely.get_type_id(shapes), _TYPES["line"])
    if not line.any():
        return shapes
    mended = shapes.copy()
    mended[line] = shapely.remove_repeated_points(shapes[line])
    shorter = shapely.get_num_coordinates(mended) < shapely.get_num_coordinates(shapes)
    point = line & (shapely.length(mended) == 0.0)
    findings.unfit(number[point], "is a line without length", "draw it again, or delete the row")
    mended[point] = shapely.from_wkt("LINESTRING EMPTY")
    findings.tell_rows("mended", "repeated points were left out", number[shorter & ~point])
    return mended


def _single_points(
    shapes: Geometries, number: npt.NDArray[np.int64], findings: Findings
) -> Geometries:
    multi = shapely.get_type_id(shapes) == 4
    if not multi.any():
        return shapes
    single = shapes.copy()
    several = multi & (shapely.get_num_geometries(shapes) > 1)
    single[multi] = shapely.get_geometry(shapes[multi], 0)
    findings.unfit(number[several], "holds several points", "give each place a row of its own")
    single[several] = shapely.from_wkt("POINT EMPTY")
    findings.tell_rows("mended", "multipoints of one point became points", number[multi & ~several])
    return single
