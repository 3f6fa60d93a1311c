"""Rasters near water: what lies within a distance of each corridor, or draws trips to the water.

Nothing is resampled: exactextract weighs each cell by the part of it that lies inside, and reads
the raster window by window, so that a file of any size takes little memory.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
import shapely
from pyproj import Transformer
from rasterio.errors import RasterioIOError
from rasterio.warp import transform_bounds

from riskmap.errors import DataError, Problem
from riskmap.layers.sources import hash_source
from riskmap.report import Count
from riskmap.settings import RasterSection, Settings

Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]

#: Band of a raster of heights that is read.
ELEVATION_BAND = 1
#: Cells that are held at once.
CELLS_IN_MEMORY = 5_000_000
#: First bytes of a TIFF and of a BigTIFF, in both orders of bytes.
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: Cells across and down of a sample.
_SAMPLE = 512
#: Longest edge of an outline before it is drawn in the raster's CRS, m.
_EDGE_M = 2000.0


def with_rasters(settings: Settings, corridors: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the corridors with the columns of a study's rasters before their geometry."""
    if not settings.rasters:
        return corridors
    table = corridors.assign(**raster_columns(settings, corridors.geometry))
    order = [name for name in table.columns if name != "geometry"]
    return table[[*order, "geometry"]]


def raster_columns(settings: Settings, lines: gpd.GeoSeries) -> dict[str, Floats]:
    """Return a column for each raster of a study: its sum or mean near each line.

    Parameters
    ----------
    settings
        The study.
    lines
        Lines, EPSG:4326.

    Returns
    -------
    dict
        Column, such as `forest_loss_sum` → one value a line; NaN where the raster has no value.

    Raises
    ------
    DataError
        Where a raster cannot be read, or says no CRS.
    """
    return {
        f"{raster_name(section)}_{section.statistic}": values_near(
            settings.folder / section.path, lines, section=section
        )
        for section in settings.rasters
    }


def raster_records(settings: Settings) -> list[dict[str, object]]:
    """Say which rasters a study uses, for its provenance: use, file, band, hash, cells and CRS.

    The size of a cell is in the units of the CRS, which are named.
    """
    used: list[tuple[str, str, int]] = [
        (section.use, section.path, section.band) for section in settings.rasters
    ]
    used += [
        ("elevation", section.elevation, ELEVATION_BAND)
        for section in settings.layers.values()
        if section.elevation is not None
    ]
    return [
        {"use": use, "path": path, "band": band, **_record(settings.folder / path)}
        for use, path, band in used
    ]


def _record(path: Path) -> dict[str, object]:
    with rasterio.open(path) as raster:
        code = raster.crs.to_authority() if raster.crs is not None else None
        crs = ":".join(code) if code else "of its own"
        unit = "unknown" if raster.crs is None else raster.crs.units_factor[0]
        cells = {"width": raster.width, "height": raster.height, "cell": [*map(float, raster.res)]}
    return {"sha256": hash_source(path), **cells, "cell_unit": unit, "crs": crs}


class RasterLook(NamedTuple):
    """Hold what a raster is: its CRS, west, south, east and north in degrees, what it holds."""

    crs: str
    box: tuple[float, float, float, float]
    held: str


def is_raster(path: Path) -> bool:
    """Tell whether a file is a GeoTIFF, by its first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) in _TIFF


def look_at_raster(path: Path) -> RasterLook:
    """Describe a raster from a sample of its cells; a file of any size takes little memory.

    Raises
    ------
    DataError
        Where it cannot be read, or says no CRS.
    """
    section = RasterSection(path=str(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a raster without georeference: refused below
            with rasterio.open(path) as raster:
                _refuse(path, raster, section)
                box = transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)
                crs = raster.crs.to_string()
                held = f"{_counted(raster)}; {_sampled(raster)}"
    except RasterioIOError as error:
        raise _unreadable(path, error) from None
    return RasterLook(crs, tuple(box), held)


def _counted(raster: rasterio.DatasetReader) -> str:
    bands = "1 band" if raster.count == 1 else f"{raster.count} bands"
    unit = "°" if raster.crs.is_geographic else " m"
    return f"{bands} of {raster.width} x {raster.height} cells of {raster.res[0]:.6g}{unit}"


def _sampled(raster: rasterio.DatasetReader) -> str:
    """Say what the first band holds, by cells read at most so many across."""
    shape = (min(raster.height, _SAMPLE), min(raster.width, _SAMPLE))
    cells = raster.read(1, out_shape=shape, masked=True).compressed()
    cells = cells[np.isfinite(cells)]
    if not cells.size:
        return "no values in a sample of its cells"
    return f"in a sample {cells.min():.4g} to {cells.max():.4g}, mean {cells.mean():.4g}"


def _unreadable(path: Path, error: RasterioIOError) -> DataError:
    # rasterio only points to the driver's own words
    said = error.__cause__ or error
    what = f"cannot be read as a raster: {said}".replace(str(path), path.name)
    return DataError(Problem("rasters", str(path), what, "check the path and the file"))


def raster_name(section: RasterSection) -> str:
    """Return the name of a raster as part of a column's name."""
    name = section.name or Path(section.path).stem
    return re.sub(r"[^0-9a-z]+", "_", name.casefold()).strip("_") or "raster"


def attracting_cells(settings: Settings, rivers: gpd.GeoDataFrame) -> gpd.GeoDataFrame | None:
    """Return what rasters draw to the water, as points of a grid; None where none attracts.

    Each cell of the grid (side `[mining] cell_km`) whose middle lies within `within_km` of a river
    has `weight` times the raster's sum in it: what lies near several rivers counts once.
    """
    parts = []
    for section in settings.rasters:
        if section.use != "attraction":
            continue
        boxes, centres = _grid_near(rivers, settings.mining.cell_km, section.within_km)
        summed = section.model_copy(update={"statistic": "sum"})
        amount = section.weight * values_in(settings.folder / section.path, boxes, section=summed)
        some = np.nan_to_num(amount) > 0.0
        parts.append(
            gpd.GeoDataFrame(
                {"name": raster_name(section), "weight": amount[some]},
                geometry=centres[some], crs=4326,
            )
        )  # fmt: skip
    if not parts:
        return None
    table = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=4326)
    if table.empty:
        what = "no raster that attracts has a value near the rivers"
        raise DataError(Problem("rasters", None, what, "name a raster of the same region"))
    return table


def _grid_near(rivers: gpd.GeoDataFrame, cell_km: float, within_km: float) -> tuple[Shapes, Shapes]:
    """Return the boxes of a grid in degrees whose middles lie near rivers, and the middles."""
    west, south, east, north = rivers.total_bounds
    middle = np.radians((south + north) / 2.0)
    high, wide = cell_km / 110.57, cell_km / (111.32 * np.cos(middle))
    around = within_km / cell_km + 1.0
    first = np.floor([west / wide - around, south / high - around])
    last = np.ceil([east / wide + around, north / high + around])
    x, y = np.meshgrid(np.arange(first[0], last[0]) * wide, np.arange(first[1], last[1]) * high)
    x, y = x.ravel(), y.ravel()
    centres = shapely.points(x + wide / 2.0, y + high / 2.0)
    mercator = gpd.GeoSeries(centres, crs=4326).to_crs(3395).to_numpy()
    tree = shapely.STRtree(rivers.geometry.to_crs(3395).to_numpy())
    scale = 1000.0 / np.cos(np.radians(y + high / 2.0))
    near = np.unique(tree.query(mercator, predicate="dwithin", distance=within_km * scale)[0])
    return shapely.box(x, y, x + wide, y + high)[near], centres[near]


def values_near(path: Path, lines: gpd.GeoSeries, *, section: RasterSection) -> Floats:
    """Return the sum or mean of a raster's cells within a distance of each line.

    Parameters
    ----------
    path
        Any raster that GDAL reads.
    lines
        Lines, EPSG:4326.
    section
        Distance, band and statistic.
    """
    return values_in(path, _around(lines, section.within_km), section=section)


def values_in(
    path: Path, areas: Sequence[shapely.Geometry] | Shapes, *, section: RasterSection
) -> Floats:
    """Return the sum or mean of a raster's cells in each area (degrees); NaN where it has none."""
    from exactextract import exact_extract  # only studies with rasters need it
    from exactextract.raster import RasterioRasterSource

    if not len(areas):
        return np.empty(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a raster without georeference: refused below
            with rasterio.open(path) as raster:
                _refuse(path, raster, section)
                own = gpd.GeoDataFrame(geometry=list(areas), crs=4326).to_crs(raster.crs)
                source = RasterioRasterSource(raster, band_idx=section.band)
                found = exact_extract(
                    source, own, ["count", section.statistic],
                    output="pandas", max_cells_in_memory=CELLS_IN_MEMORY,
                )  # fmt: skip
    except RasterioIOError as error:
        raise _unreadable(path, error) from None
    values = found[section.statistic].to_numpy(dtype=np.float64, na_value=np.nan)
    some = found["count"].to_numpy(dtype=np.float64) > 0.0
    result: Floats = np.where(some, values, np.nan)
    return result


def _refuse(path: Path, raster: rasterio.DatasetReader, section: RasterSection) -> None:
    if raster.crs is None:
        mend = "give it one: gdal_edit.py -a_srs EPSG:4326 FILE"
        raise DataError(
            Problem("rasters", str(path), "states no coordinate reference system", mend)
        )
    if section.band > raster.count:
        wrong = f"has {Count(raster.count):band|bands}, band {section.band} is asked for"
        raise DataError(Problem("rasters", str(path), wrong, f"set band to at most {raster.count}"))


def _around(lines: gpd.GeoSeries, within_km: float) -> list[shapely.Geometry]:
    """Return the area within a distance of each line, degrees, drawn in a plane of its own."""
    return [_buffer(line, within_km * 1000.0) for line in lines]


def _buffer(line: shapely.Geometry, metres: float) -> shapely.Geometry:
    west, south, east, north = shapely.bounds(line)
    plane = f"+proj=aeqd +lat_0={(south + north) / 2} +lon_0={(west + east) / 2} +ellps=WGS84"
    to_plane = Transformer.from_crs(4326, plane, always_xy=True)
    flat = shapely.transform(
        line, lambda xy: np.column_stack(to_plane.transform(xy[:, 0], xy[:, 1]))
    )
    area = shapely.segmentize(shapely.buffer(flat, metres, quad_segs=16), _EDGE_M)
    return shapely.transform(
        area,
        lambda xy: np.column_stack(to_plane.transform(xy[:, 0], xy[:, 1], direction="INVERSE")),
    )
