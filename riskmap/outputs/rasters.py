"""The score on a grid: a cloud-optimised GeoTIFF with a colour table, which GIS open coloured.

Each cell that corridors cross holds the largest of their risk scores, in whole points, 0 to 100;
all other cells are empty. The grid is in degrees of WGS 84.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.features import rasterize
from rasterio.io import MemoryFile
from rasterio.shutil import copy
from rasterio.transform import from_origin

from riskmap.errors import OutputError, Problem
from riskmap.outputs.files import whole_file

#: Smallest cell, degrees (3 seconds, about 90 m), and most cells along a side.
CELL_DEG, MOST_CELLS = 1.0 / 1200.0, 8192
EMPTY = 255
#: Score → colour, red green blue; between them colours run evenly.
RAMP = ((0, (255, 237, 160)), (25, (254, 178, 76)), (60, (240, 59, 32)), (100, (128, 0, 38)))


def write_raster(
    corridors: gpd.GeoDataFrame, path: Path, *, record: Mapping[str, Any], overwrite: bool = False
) -> None:
    """Write the corridors' risk scores as a cloud-optimised GeoTIFF.

    Parameters
    ----------
    corridors
        Ranked corridors, EPSG:4326.
    path
        File to write: .tif.
    record
        `summary` and `provenance`; the tag RISKMAP of the file holds them as JSON.
    overwrite
        Replace a file that exists.

    Raises
    ------
    OutputError
        Where no corridor is there to draw, or the file cannot be written.
    """
    if corridors.empty:
        raise OutputError(
            Problem(str(path), None, "no corridor carries traffic: there is nothing to draw", "")
        )
    score, transform = _grid(corridors)
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 1, "nodata": EMPTY, "crs": "EPSG:4326",
        "width": score.shape[1], "height": score.shape[0], "transform": transform,
    }  # fmt: skip
    with whole_file(path, overwrite=overwrite) as part, MemoryFile() as memory:
        with memory.open(**profile) as draft:
            draft.write(score, 1)
            draft.write_colormap(1, colours())
            draft.set_band_description(1, "risk_score, 0 to 100")
            draft.update_tags(RISKMAP=json.dumps(record, ensure_ascii=False))
        with memory.open() as draft:
            copy(
                draft, part, driver="COG", compress="DEFLATE", blocksize=512,
                overview_resampling="MODE",
            )  # fmt: skip


def colours() -> dict[int, tuple[int, int, int, int]]:
    """Return the colour of every score, red green blue and opacity; empty cells have none."""
    at = [score for score, _ in RAMP]
    rgb = [np.interp(np.arange(101), at, [c[k] for _, c in RAMP]).astype(int) for k in range(3)]
    table = {k: (int(rgb[0][k]), int(rgb[1][k]), int(rgb[2][k]), 255) for k in range(101)}
    return {**table, EMPTY: (0, 0, 0, 0)}


def _grid(corridors: gpd.GeoDataFrame) -> tuple[npt.NDArray[np.uint8], rasterio.Affine]:
    """Draw the lines, the highest score last."""
    west, south, east, north = corridors.total_bounds
    side = max(CELL_DEG, max(east - west, north - south) / (MOST_CELLS - 2))
    width, height = (int(np.ceil(d / side)) + 2 for d in (east - west, north - south))
    transform = from_origin(west - side, north + side, side, side)
    low_first = corridors.sort_values("risk_score", kind="stable")
    points = np.rint(low_first["risk_score"].to_numpy()).astype(int)
    drawn: npt.NDArray[np.uint8] = rasterize(
        zip(low_first.geometry, points.tolist(), strict=True),
        out_shape=(height, width), transform=transform, fill=EMPTY, all_touched=True, dtype="uint8",
    )  # fmt: skip
    return drawn, transform
