"""Heights of places from an elevation raster, read in windows.

Only for the direction of flow (`riskmap.network.direction`): the lowest of the nine cells around a
place stands for it, since a river lies lower than its banks and is seldom drawn exactly.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from pyproj import Transformer
from rasterio.errors import RasterioIOError
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from riskmap.errors import DataError, Problem
from riskmap.layers.rasters import ELEVATION_BAND
from riskmap.network.arcs import Floats

#: Side of a window, cells.
_TILE = 1024


def heights_at(path: Path, node_xy: Floats) -> Floats:
    """Return the height of places, m, NaN outside the raster and where it has no data.

    Parameters
    ----------
    path
        A raster of heights in metres, any format that GDAL reads; its first band.
    node_xy
        Places, degrees, shape (n, 2).

    Raises
    ------
    DataError
        Where the raster cannot be read, states no coordinate reference system, or has no height
        at any of the places.
    """
    try:
        with rasterio.open(path) as raster:
            if raster.crs is None:
                raise DataError(
                    Problem("rivers", "elevation", "the raster states no CRS", "assign its CRS")
                )
            heights = _sample(raster, node_xy)
            if np.isnan(heights).all():
                raise DataError(_elsewhere(path, raster, node_xy))
            return heights
    except RasterioIOError as error:
        raise DataError(
            Problem("rivers", "elevation", f"{path.name} cannot be read: {error}", "check the path")
        ) from None


def _elsewhere(path: Path, raster: rasterio.DatasetReader, node_xy: Floats) -> Problem:
    """Say that a raster has no height at any place, and where both are."""
    bounds = transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)
    here = (*node_xy.min(axis=0), *node_xy.max(axis=0))
    where, rivers = ("{:.2f}, {:.2f} to {:.2f}, {:.2f}".format(*box) for box in (bounds, here))
    what = f"{path.name} has no height at any river: it spans {where}, the rivers {rivers}"
    return Problem("rivers", "elevation", what, "name a raster of this region")


def _sample(raster: rasterio.DatasetReader, node_xy: Floats) -> Floats:
    """Read the lowest of nine cells at each place, window by window."""
    turn = Transformer.from_crs("EPSG:4326", raster.crs.to_wkt(), always_xy=True)
    x, y = turn.transform(node_xy[:, 0], node_xy[:, 1])
    x, y, back = np.asarray(x), np.asarray(y), ~raster.transform
    column = back.a * x + back.b * y + back.c
    row = back.d * x + back.e * y + back.f
    inside = (column >= 0) & (column < raster.width) & (row >= 0) & (row < raster.height)
    heights = np.full(len(node_xy), np.nan)
    at = np.flatnonzero(inside)
    column, row = column[at].astype(np.int64), row[at].astype(np.int64)
    tile = row // _TILE * (raster.width // _TILE + 1) + column // _TILE
    for number in np.unique(tile):
        mine = np.flatnonzero(tile == number)
        r0 = int(row[mine[0]]) // _TILE * _TILE - 1
        c0 = int(column[mine[0]]) // _TILE * _TILE - 1
        window = Window(c0, r0, _TILE + 2, _TILE + 2)
        band = raster.read(ELEVATION_BAND, window=window, boundless=True, masked=True)
        cells = np.ma.filled(band.astype(np.float64), np.nan)
        r, c = row[mine] - r0, column[mine] - c0
        around = np.stack([cells[r + i, c + j] for i in (-1, 0, 1) for j in (-1, 0, 1)])
        around = np.where(np.isnan(around), np.inf, around)
        lowest = around.min(axis=0)
        heights[at[mine]] = np.where(np.isfinite(lowest), lowest, np.nan)
    return heights
