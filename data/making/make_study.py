"""Make the files of the embedded study from what was digitised by hand; the same every time.

Run `python data/making/make_study.py [FOLDER]` (the folder above by default). What is drawn
stands in `digitised_rivers.py` and `digitised_places.py`; here are the bends between waypoints
and the files.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Container, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.transform import from_origin

sys.path.insert(0, str(Path(__file__).resolve().parent))

import digitised_places as places
from digitised_rivers import RIVERS, River

Point = tuple[float, float]

#: A vertex this often along the line through the waypoints, km, and half a bend, km.
STEP_KM = 0.8
HALF_BEND_KM = 2.4

#: Kilometres in a degree of latitude; enough for a drawing.
KM_PER_DEGREE = 111.0

#: The coarse raster: cells of 0.05 degrees from this corner, columns and rows.
RASTER_CELL, RASTER_WEST, RASTER_NORTH, RASTER_SHAPE = 0.05, -72.2, -10.5, (64, 76)

VENUE_NOTE = "inventado para la demostración (invented for the demonstration)"


def main(folder: Path) -> None:
    """Write every layer of the study into `folder`."""
    for name in ("shapefiles", "layers"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_rivers(folder / "shapefiles")
    write_areas(folder / "shapefiles")
    write_points(folder / "layers")
    write_forest_loss(folder / "layers" / "forest_loss.tif")


def parse_points(text: str) -> list[Point]:
    """Read "lon lat, lon lat, ..." as points."""
    return [(float(x), float(y)) for x, y in (pair.split() for pair in text.split(","))]


def check_mouths(rivers: Sequence[River]) -> None:
    """Raise where a river does not end on a waypoint of the water that it joins."""
    for river in rivers:
        mouth = parse_points(river.waypoints)[-1]
        others = (other for other in rivers if other.name == river.joins and other is not river)
        if river.joins and not any(mouth in parse_points(other.waypoints) for other in others):
            raise ValueError(f"{river.name} ends at {mouth}, which is no waypoint of {river.joins}")


def draw_bends(waypoints: Sequence[Point], *, bend_km: float, seed: str) -> list[Point]:
    """Draw a bending line through waypoints, which stay its vertices.

    Between two waypoints runs a smooth curve (Hermite, tangents along the neighbours) with half
    waves beside it that are nought at every waypoint; `seed` varies their swing.
    """
    random = Random(seed)  # noqa: S311 - a drawing, no secret
    side = 1.0
    line = [waypoints[0]]
    for k in range(len(waypoints) - 1):
        before, after = waypoints[max(k - 1, 0)], waypoints[min(k + 2, len(waypoints) - 1)]
        start, end = waypoints[k], waypoints[k + 1]
        chord_km = _km(start, end)
        waves = max(1, round(chord_km / HALF_BEND_KM))
        swings = [
            (side if wave % 2 == 0 else -side)
            * min(bend_km, 0.2 * chord_km / waves)
            * random.uniform(0.6, 1.0)
            for wave in range(waves)
        ]
        side = -side if waves % 2 else side
        steps = max(2, math.ceil(chord_km / STEP_KM))
        for step in range(1, steps):
            t = step / steps
            x, y = _hermite(t, before, start, end, after)
            swing = swings[min(int(t * waves), waves - 1)] * abs(math.sin(math.pi * waves * t))
            line.append(_beside((x, y), start, end, swing))
        line.append(end)
    return line


def cut_line(line: Sequence[Point], *, at: Container[Point]) -> list[Sequence[Point]]:
    """Cut a line at those of its inner vertices that are in `at`; both sides keep the vertex."""
    cuts = [0, *(k for k in range(1, len(line) - 1) if line[k] in at), len(line) - 1]
    return [line[start : end + 1] for start, end in pairwise(cuts)]


def write_rivers(folder: Path) -> None:
    """Write the rivers, a line for each reach between confluences, sources and mouths."""
    check_mouths(RIVERS)
    mouths = {parse_points(river.waypoints)[-1] for river in RIVERS}
    rows = [
        (river, shapely.LineString(reach))
        for k, river in enumerate(RIVERS)
        for reach in cut_line(
            draw_bends(
                parse_points(river.waypoints), bend_km=river.bend_km, seed=f"{river.name} {k}"
            ),
            at=mouths,
        )
    ]
    columns = {
        "name": [river.name for river, _ in rows],
        "order": [river.order for river, _ in rows],
        "width_m": [river.width_m for river, _ in rows],
        "navigable": [river.navigable for river, _ in rows],
    }
    _write_shapefile(folder / "rivers.shp", columns, [reach for _, reach in rows])


def write_areas(folder: Path) -> None:
    """Write borders, protected areas, concessions and mining areas."""
    _write_shapefile(
        folder / "borders.shp",
        {"name": list(places.BORDERS)},
        [shapely.LineString(parse_points(text)) for text in places.BORDERS.values()],
    )
    for name, columns, rows in (
        ("protected_areas", ("name", "category"), places.PROTECTED_AREAS),
        ("concessions", ("name", "title_stat"), places.CONCESSIONS),
        ("mining_areas", ("name", "status", "confidence", "detected"), places.MINING_AREAS),
    ):
        values = zip(*(row[:-1] for row in rows), strict=True)
        outlines = [shapely.Polygon(parse_points(str(row[-1]))) for row in rows]
        table = {column: list(value) for column, value in zip(columns, values, strict=True)}
        _write_shapefile(folder / f"{name}.shp", table, outlines)


def write_points(folder: Path) -> None:
    """Write entry points, police posts, checkpoints, places of help, settlements and venues."""
    posts = ("patrol_hours", "range_h", "decay_h", "speed_kmh", "effectiveness")
    for name, columns, rows in (
        ("entry_points", ("weight", "kind"), places.ENTRY_POINTS),
        ("police_posts", posts, places.POLICE_POSTS),
        ("checkpoints", ("detection_probability",), places.CHECKPOINTS),
        ("facilities", ("kind",), places.FACILITIES),
        ("settlements", ("population",), places.SETTLEMENTS),
    ):
        _write_geojson(
            folder / f"{name}.geojson",
            (
                ((row[1], row[2]), {"name": row[0]} | dict(zip(columns, row[3:], strict=True)))
                for row in rows
            ),
        )
    _write_geojson(
        folder / "venues.geojson",
        (
            (
                (lon, lat),
                {
                    "name": f"Local ficticio {number:02}",
                    "capacity": capacity,
                    "confidence": confidence,
                    "invented": "yes",
                    "note": VENUE_NOTE,
                },
            )
            for number, (lon, lat, capacity, confidence) in enumerate(places.VENUES, start=1)
        ),
    )


def write_forest_loss(path: Path) -> None:
    """Write a schematic raster: hectares of forest lost, more the nearer to a drawn mine."""
    rows, columns = RASTER_SHAPE
    lon = RASTER_WEST + RASTER_CELL * (np.arange(columns) + 0.5)
    lat = RASTER_NORTH - RASTER_CELL * (np.arange(rows) + 0.5)
    centres = shapely.points(*np.meshgrid(lon, lat))
    loss = np.zeros(RASTER_SHAPE)
    for *_, confidence, _, outline in places.MINING_AREAS:
        away_km = shapely.distance(centres, shapely.Polygon(parse_points(outline))) * KM_PER_DEGREE
        loss = np.maximum(loss, 1500.0 * confidence * np.exp(-away_km / 6.0))
    values = (np.rint(loss / 10.0) * 10).astype(np.uint16)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=columns,
        height=rows,
        count=1,
        dtype="uint16",
        crs="EPSG:4326",
        transform=from_origin(RASTER_WEST, RASTER_NORTH, RASTER_CELL, RASTER_CELL),
        compress="deflate",
    ) as raster:
        raster.write(values, 1)
        raster.update_tags(note="schematic: made from the drawn mining areas, not observed")
        raster.set_band_description(1, "forest loss, hectares a cell, schematic")


def _km(start: Point, end: Point) -> float:
    shrink = math.cos(math.radians((start[1] + end[1]) / 2))
    return KM_PER_DEGREE * math.hypot((end[0] - start[0]) * shrink, end[1] - start[1])


def _hermite(t: float, before: Point, start: Point, end: Point, after: Point) -> Point:
    """Return the point at `t` of the curve from `start` to `end`; no tangent exceeds the chord."""
    chord = math.dist(start, end)
    leave, arrive = _unit(before, end), _unit(start, after)
    x, y = (
        (2 * t**3 - 3 * t**2 + 1) * start[axis]
        + (t**3 - 2 * t**2 + t) * chord * leave[axis]
        + (3 * t**2 - 2 * t**3) * end[axis]
        + (t**3 - t**2) * chord * arrive[axis]
        for axis in (0, 1)
    )
    return x, y


def _unit(start: Point, end: Point) -> Point:
    length = math.dist(start, end)
    return (end[0] - start[0]) / length, (end[1] - start[1]) / length


def _beside(point: Point, start: Point, end: Point, swing_km: float) -> Point:
    """Return `point` moved to the left of the way from `start` to `end`, rounded to a metre."""
    along = _unit(start, end)
    return (
        round(point[0] - along[1] * swing_km / KM_PER_DEGREE, 5),
        round(point[1] + along[0] * swing_km / KM_PER_DEGREE, 5),
    )


def _write_shapefile(
    path: Path, columns: dict[str, list[Any]], geometry: Sequence[shapely.Geometry]
) -> None:
    table = gpd.GeoDataFrame(columns, geometry=list(geometry), crs="EPSG:4326")
    table.to_file(
        path,
        engine="pyogrio",
        encoding="UTF-8",
        layer_options={"DBF_DATE_LAST_UPDATE": "2026-11-23"},
    )


def _write_geojson(path: Path, rows: Iterable[tuple[Point, dict[str, Any]]]) -> None:
    """Write points, one a line, so that a change to one is a change to one line."""
    features = [
        json.dumps(
            {
                "type": "Feature",
                "properties": properties,
                "geometry": {"type": "Point", "coordinates": point},
            },
            ensure_ascii=False,
        )
        for point, properties in rows
    ]
    text = '{"type": "FeatureCollection", "features": [\n' + ",\n".join(features) + "\n]}\n"
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1])
