"""Data inside a page: text that cannot become script, and lines as compressed integers.

Lines are kept in Web Mercator metres rounded to one, which is finer than any river here was
surveyed: a 32-bit start for each line and 16-bit steps between its vertices, gzip, base64. A
browser reads 200,000 reaches in this form in seconds; the same as GeoJSON takes half a minute.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

EARTH_RADIUS_M: Final = 6378137.0  # sphere of EPSG:3857
LONGEST_STEP: Final = 32767  # int16
_MAX_LATITUDE: Final = 85.0511  # where the square of Web Mercator ends

_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "&<>\u2028\u2029"}

Ints = npt.NDArray[np.int64]


def json_text(value: Any) -> str:
    r"""Return JSON without markup: `& < >` and line separators are written as `\uXXXX`.

    Examples
    --------
    >>> json_text({"name": "</script>"})
    '{"name":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_UNSAFE)


def mercator(coords: npt.NDArray[np.float64]) -> Ints:
    """Return Web Mercator coordinates in whole metres, shape (k, 2), from (lon, lat) in degrees."""
    lon = np.radians(coords[:, 0])
    lat = np.radians(np.clip(coords[:, 1], -_MAX_LATITUDE, _MAX_LATITUDE))
    y = EARTH_RADIUS_M * np.log(np.tan(np.pi / 4 + lat / 2))
    return np.rint(np.column_stack([EARTH_RADIUS_M * lon, y])).astype(np.int64)


def pack_lines(
    geometry: npt.NDArray[np.object_], *, owner: npt.ArrayLike, kind: npt.ArrayLike
) -> bytes:
    """Return lines as compressed integers, in the layout that `lines.js` reads.

    Parameters
    ----------
    geometry
        LineStrings or MultiLineStrings in degrees; empty and missing ones are left out.
    owner
        For each geometry, the number that a click on it answers with.
    kind
        For each geometry, the class that it is drawn in, 0..255.

    Returns
    -------
    bytes
        gzip of little-endian: uint32 lines, uint32 points, uint32 counts, int32 owners, int32
        first x, int32 first y, int16 steps in x and in y (of all lines, end to end; all low bytes,
        then all high bytes: the high ones are nearly all alike and take no room), uint8 kinds.
    """
    parts, source = shapely.get_parts(np.asarray(geometry, dtype=object), return_index=True)
    points, line = shapely.get_coordinates(parts, return_index=True)
    xy, line = _walkable(mercator(points), line.astype(np.int64))
    counts = np.bincount(line, minlength=len(parts)).astype(np.int64)
    keep = counts > 0
    first = np.cumsum(counts) - counts
    steps = np.diff(xy, axis=0)[line[1:] == line[:-1]]
    blocks = [
        np.array([keep.sum(), len(xy)], "<u4"),
        counts[keep].astype("<u4"),
        np.asarray(owner)[source][keep].astype("<i4"),
        xy[first[keep], 0].astype("<i4"),
        xy[first[keep], 1].astype("<i4"),
        steps.T.astype("<i2").ravel().view("u1").reshape(-1, 2).T,
        np.asarray(kind)[source][keep].astype("u1"),
    ]
    # No time stamp: the same study gives the same page, byte for byte.
    return gzip.compress(b"".join(block.tobytes() for block in blocks), 6, mtime=0)


def _walkable(xy: Ints, line: Ints) -> tuple[Ints, Ints]:
    """Drop vertices that repeat the one before, and divide steps too long for 16 bits."""
    same = (line[1:] == line[:-1]) & (xy[1:] == xy[:-1]).all(axis=1)
    keep = np.concatenate([[True], ~same]) if len(xy) else np.zeros(0, bool)
    xy, line = xy[keep], line[keep]
    step = np.where((line[1:] == line[:-1])[:, None], np.diff(xy, axis=0), 0)
    pieces = np.maximum(1, -(-np.abs(step).max(axis=1, initial=0) // LONGEST_STEP))
    if not len(step) or pieces.max() == 1:
        return xy, line
    last = np.concatenate([[0], np.cumsum(pieces)])
    at = np.repeat(np.arange(len(step)), pieces)
    part = np.arange(last[-1]) - last[:-1][at] + 1
    inner = xy[at] + np.rint(step[at] * (part / pieces[at])[:, None]).astype(np.int64)
    # The last piece of a step is its end exactly; between lines it is one piece, the next start.
    ends = part == pieces[at]
    inner[ends] = xy[at[ends] + 1]
    return np.vstack([xy[:1], inner]), np.concatenate([line[:1], line[at + 1]])


def base64_blocks(blobs: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Return (element id, base64 text) for each blob, in the given order."""
    return [(name, base64.b64encode(blob).decode("ascii")) for name, blob in blobs.items()]
