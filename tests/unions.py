"""An independent picture of what hangs together: shapes made wider and united."""

from __future__ import annotations

import numpy as np
import shapely
from pyproj import Transformer

from riskmap.network.parts import parts_of_network
from riskmap.network.reaches import Reaches, draw_lines


def in_plane(shapes: np.ndarray) -> np.ndarray:
    """Bring shapes to Mercator: near the equator a unit is within 4 % of a metre there."""
    turn = Transformer.from_crs(4326, 3395, always_xy=True)
    return shapely.transform(shapes, turn.transform, interleaved=False)


def unions_of(shapes: np.ndarray, half_gap_m: float, *, quad_segs: int = 32) -> shapely.STRtree:
    """Return the connected unions of lines and areas that were made wider."""
    degrees = shapely.get_y(shapely.centroid(shapes))
    wide = shapely.buffer(
        in_plane(shapes), half_gap_m / np.cos(np.radians(degrees)), quad_segs=quad_segs
    )
    return shapely.STRtree(shapely.get_parts(shapely.union_all(wide)))


def pieces_of(reaches: Reaches) -> np.ndarray:
    """Return the connected piece of each reach."""
    return parts_of_network(reaches)[reaches.u]


def middles_of(reaches: Reaches) -> np.ndarray:
    """Return the middle of each reach, in the plane."""
    lines = draw_lines(reaches.coords, reaches.offsets)
    return in_plane(shapely.line_interpolate_point(lines, 0.5, normalized=True))
