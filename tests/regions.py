"""Studies of real regions over the layers beside the project; their venues are invented here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

import riskmap as rm

_DEFAULTS = {"travel": {"snap_tolerance_m": 50.0}, "mining": {"cell_km": 2.0}}


def invent_venues(rivers: Path, path: Path, *, count: int, seed: int) -> Path:
    """Write places a few hundred metres beside vertices of river lines: they stand for nothing."""
    rng = np.random.default_rng(seed)
    xy = gpd.read_file(rivers).geometry.get_coordinates().to_numpy()
    places = xy[rng.choice(xy.shape[0], count, replace=False)] + rng.normal(0, 0.004, (count, 2))
    venues = gpd.GeoDataFrame(
        {
            "name": [f"Local ficticio {k:02}" for k in range(count)],
            "capacity": rng.integers(1, 30, count).astype(float),
            "confidence": rng.uniform(0.3, 1.0, count).round(2),
            "invented": "yes",
        },
        geometry=gpd.points_from_xy(places[:, 0], places[:, 1]),
        crs="EPSG:4326",
    )
    venues.to_file(path, engine="pyogrio")
    return path


def madre_de_dios(data: Path, folder: Path) -> rm.Study:
    """Return the study over the rivers that were derived from HydroSHEDS."""
    region = data / "madre_de_dios"
    rivers = region / "rivers_hydrosheds_derived.gpkg"
    return _study(
        "Madre de Dios (HydroSHEDS)",
        region,
        {"path": str(rivers), "columns": {"name": "dcw_name"}, "flow_direction": "unknown"},
        invent_venues(rivers, folder / "venues.gpkg", count=25, seed=20261123),
        towns="countrycode = 'PE' AND admin1code = '17'",
    )


def ucayali(data: Path, folder: Path) -> rm.Study:
    """Return the study of Ucayali and Loreto over the lines of the Digital Chart of the World."""
    region = data / "ucayali"
    rivers = region / "rivers_dcw.gpkg"
    return _study(
        "Ucayali–Loreto (DCW)",
        region,
        {"path": str(rivers), "columns": {"name": "NAM"}, "flow_direction": "unknown"},
        invent_venues(rivers, folder / "venues.gpkg", count=40, seed=20261123),
        towns="admin1code IN ('16', '25') AND population >= 2000",
    )


def _study(
    name: str, region: Path, rivers: dict[str, Any], venues: Path, *, towns: str
) -> rm.Study:
    layers = {
        "rivers": rivers,
        "entry_points": {"path": str(region / "settlements.gpkg"), "where": towns},
        "venues": {"path": str(venues)},
        "mining_areas": {
            "path": str(region / "mining_areas.gpkg"),
            "where": "kind = 'extent_2023'",
        },
        "police_posts": {
            "path": str(region / "police_stations.gpkg"),
            "columns": {"name": "id_n"},  # names are missing for a third, ids are not
        },
        "settlements": {"path": str(region / "settlements.gpkg")},
        "borders": {
            "path": str(region / "borders_naturalearth.gpkg"),
            "columns": {"name": "adm0_right"},
        },
        "protected_areas": {
            "path": str(region / "protected_areas.gpkg"),
            "columns": {"name": "name_field", "category": "type_field"},
        },
    }
    return rm.Study.from_mapping({"study": {"name": name}, "layers": layers, **_DEFAULTS})
