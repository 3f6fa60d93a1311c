"""Polygons to grid cells: a large mining area presses on all the water it borders (model §1).

Cells are squares of a cylindrical equal-area projection that is true at the whole degree of
latitude nearest the polygon, counted from a fixed origin: a polygon's cells do not depend on the
other polygons of its layer, and areas are ellipsoidal.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer

from riskmap.network.arcs import Floats, Geometries, Ints

HECTARE_M2 = 10_000.0


@dataclass(frozen=True, slots=True)
class Cells:
    """Hold the pieces of polygons by grid cell.

    Attributes
    ----------
    polygon
        Position (not the index) of each piece's polygon in its table.
    lon, lat
        Centroid of the piece, degrees.
    area_ha
        Area of the piece, hectares on the ellipsoid.
    """

    polygon: Ints
    lon: Floats
    lat: Floats
    area_ha: Floats


def grid_cells(polygons: gpd.GeoSeries, *, cell_km: float) -> Cells:
    """Cut polygons into the cells of a grid.

    Parameters
    ----------
    polygons
        Polygons and multipolygons, EPSG:4326.
    cell_km
        Side of a cell, km.

    Returns
    -------
    Cells
        Ordered by polygon, then by row and column of the grid; pieces add up to each polygon.
    """
    geometry = polygons.to_numpy()
    bounds = shapely.bounds(geometry)
    true_at = np.rint((bounds[:, 1] + bounds[:, 3]) / 2.0)
    parts = [
        _cells_at(geometry, np.flatnonzero(true_at == latitude), float(latitude), cell_km * 1000.0)
        for latitude in np.unique(true_at[~np.isnan(true_at)])
    ]
    if not parts:
        return Cells(np.empty(0, dtype=np.int32), np.empty(0), np.empty(0), np.empty(0))
    polygon, lon, lat, area = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(polygon, kind="stable")
    return Cells(polygon[order].astype(np.int32), lon[order], lat[order], area[order])


def _cells_at(
    geometry: Geometries,
    chosen: npt.NDArray[np.intp],
    latitude: float,
    side_m: float,
) -> tuple[Ints, Floats, Floats, Floats]:
    """Cut the chosen polygons on the grid that is true at a latitude."""
    plane = f"+proj=cea +lat_ts={latitude} +lon_0=0 +ellps=WGS84 +units=m"
    to_plane = Transformer.from_crs(4326, plane, always_xy=True)
    flat = shapely.transform(
        geometry[chosen], lambda xy: np.column_stack(to_plane.transform(xy[:, 0], xy[:, 1]))
    )
    owner, boxes = _boxes(shapely.bounds(flat), side_m)
    pieces = shapely.intersection(boxes, flat[owner])
    area = shapely.area(pieces)
    some = area > 0.0
    centre = shapely.centroid(pieces[some])
    lon, lat = to_plane.transform(shapely.get_x(centre), shapely.get_y(centre), direction="INVERSE")
    return chosen[owner[some]].astype(np.int32), lon, lat, area[some] / HECTARE_M2


def _boxes(bounds: Floats, side_m: float) -> tuple[npt.NDArray[np.intp], Geometries]:
    """Return every grid box that touches each bound, and which bound it is for."""
    low = np.floor(bounds[:, :2] / side_m).astype(np.int64)
    count = np.floor(bounds[:, 2:] / side_m).astype(np.int64) - low + 1
    per_polygon = count[:, 0] * count[:, 1]
    owner = np.repeat(np.arange(bounds.shape[0]), per_polygon)
    serial = np.arange(owner.size) - np.repeat(np.cumsum(per_polygon) - per_polygon, per_polygon)
    column = (low[owner, 0] + serial % count[owner, 0]) * side_m
    row = (low[owner, 1] + serial // count[owner, 0]) * side_m
    return owner, shapely.box(column, row, column + side_m, row + side_m)
