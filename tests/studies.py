"""A small study on disk, drawn here, that every test of reading and writing starts from.

    source (-70.0, -12.0)
      |  Río Alto (order 3)
      |        Río Chico (order 1)
      | (-69.8, -12.3) o
 post v              |
entry o  (-70, -12.2)|
      |              |
      +------<-------+
      |  confluence (-70.0, -12.4)
      |
      | Río Alto
venue o (-70.0, -12.6)
      |
      v mouth (-70.0, -12.8)     mining: a square at (-69.9, -12.3)
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
from shapely.geometry import LineString, Point, box

WGS84 = "EPSG:4326"


def rivers() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"name": ["Río Alto", "Río Chico", "Río Alto"], "strahler_order": [3.0, 1.0, 3.0]},
        geometry=[
            LineString([(-70.0, -12.0), (-70.01, -12.2), (-70.0, -12.4)]),
            LineString([(-69.8, -12.3), (-69.9, -12.35), (-70.0, -12.4)]),
            LineString([(-70.0, -12.4), (-70.0, -12.6), (-70.0, -12.8)]),
        ],
        crs=WGS84,
    )


def points(**columns: list[Any]) -> gpd.GeoDataFrame:
    """Return points from lists `x`, `y` and further columns."""
    x, y = columns.pop("x"), columns.pop("y")
    return gpd.GeoDataFrame(
        columns, geometry=[Point(*p) for p in zip(x, y, strict=True)], crs=WGS84
    )


def entry_points() -> gpd.GeoDataFrame:
    return points(
        name=["Puerto Alto", "Boca Chico"], weight=[2.0, 1.0], x=[-70.0, -69.85], y=[-12.1, -12.33]
    )


def venues() -> gpd.GeoDataFrame:
    return points(
        name=["Local 1", "Local 2"],
        capacity=[3.0, 1.0],
        confidence=[0.9, 0.5],
        x=[-70.001, -70.0],
        y=[-12.6, -12.75],
    )


def mining_areas() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"name": ["La Playa"], "status": ["illegal"], "confidence": [0.8]},
        geometry=[box(-69.95, -12.36, -69.9, -12.32)],
        crs=WGS84,
    )


def police_posts() -> gpd.GeoDataFrame:
    return points(
        name=["Puesto Alto"],
        patrol_hours=[100.0],
        range_h=[2.0],
        decay_h=[1.0],
        speed_kmh=[20.0],
        effectiveness=[0.6],
        x=[-70.005],
        y=[-12.15],
    )


def settlements() -> gpd.GeoDataFrame:
    return points(
        name=["Alto", "Medio", "Bajo"],
        population=[500.0, 900.0, 100.0],
        x=[-70.0, -70.0, -70.0],
        y=[-12.05, -12.41, -12.78],
    )


LAYERS = {
    "rivers": rivers,
    "entry_points": entry_points,
    "venues": venues,
    "mining_areas": mining_areas,
    "police_posts": police_posts,
    "settlements": settlements,
}


@dataclass
class SmallStudy:
    """Hold the study's folder; change `sections` or `keys` and `write` again."""

    folder: Path
    endings: dict[str, str]
    sections: str = ""
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / "study.toml"

    def file(self, layer: str) -> Path:
        return self.folder / f"{layer}{self.endings[layer]}"

    def write(self) -> SmallStudy:
        layers = "\n".join(
            f'[layers.{name}]\npath = "{name}{ending}"\n{self.keys.get(name, "")}'
            for name, ending in self.endings.items()
        )
        self.path.write_text(f'[study]\nname = "Small"\n{self.sections}\n{layers}\n', "utf-8")
        return self


def write_small_study(folder: Path, **changed: object) -> SmallStudy:
    """Write the study; a layer may be another table, or None to leave it out."""
    tables = {name: make() for name, make in LAYERS.items()} | changed
    endings = {}
    for name, table in tables.items():
        if table is None:
            continue
        endings[name] = ".shp" if name == "rivers" else ".gpkg"
        assert isinstance(table, gpd.GeoDataFrame)
        if name == "rivers":  # a shapefile has ten characters for a name
            table = table.rename(columns={"strahler_order": "strahler"})
        with warnings.catch_warnings():  # a file without a CRS, or with a hole, is meant here
            warnings.simplefilter("ignore")
            table.to_file(folder / f"{name}{endings[name]}", engine="pyogrio")
    study = SmallStudy(folder, endings)
    study.keys["rivers"] = 'columns = { strahler_order = "strahler" }'
    return study.write()
