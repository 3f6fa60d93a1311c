"""Status of the real detections of Madre de Dios, by the real corridor, areas and territories."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from riskmap.layers import read_layers
from riskmap.layers.mining import areas_ha
from riskmap.settings import settings_from_mapping

pytestmark = pytest.mark.real


def test_detected_ground_is_conserved_and_every_hectare_has_a_rule(
    shared_data: Path, tmp_path: Path
) -> None:
    # INGEMMET's concessions could not be had: invented blocks stand in for them.
    blocks = [shapely.box(x, y, x + 0.05, y + 0.05) for x in np.arange(-70.6, -69.6, 0.1)
              for y in np.arange(-13.1, -12.5, 0.1)]  # fmt: skip
    words = ["titled", "in_process", "extinct"]
    gpd.GeoDataFrame(
        {"title_status": [words[k % 3] for k in range(len(blocks))]}, geometry=blocks, crs=4326
    ).to_file(tmp_path / "concessions.gpkg", engine="pyogrio")
    folder = shared_data / "madre_de_dios"
    files = {
        name: {"path": str(folder / f"{file}.gpkg")}
        for name, file in {
            "rivers": "rivers_naturalearth",
            "mining_corridor": "mining_corridor",
            "protected_areas": "protected_areas",
            "indigenous_territories": "indigenous_territories",
        }.items()
    }
    layers = {
        **files,
        "mining_areas": {"path": str(folder / "mining_areas.gpkg")},  # all kinds: they overlap
        "jurisdiction": {
            "path": str(folder / "boundaries_departments.gpkg"),
            "where": "NOMBDEP = 'MADRE DE DIOS'",
        },
        "concessions": {"path": str(tmp_path / "concessions.gpkg")},
        "entry_points": {"path": str(folder / "provincial_capitals.gpkg"),
                         "columns": {"name": "CAPITAL"}},
    }  # fmt: skip
    read = read_layers(settings_from_mapping({"layers": layers}))
    pieces, table = read.mining_pieces, read.tables["mining_areas"]
    assert pieces is not None
    total = areas_ha(np.array([shapely.union_all(table.geometry.to_numpy())], dtype=object))[0]
    # The oracle dissolves in degrees, riskmap in its plane: straight edges differ a little.
    assert pieces["area_ha"].sum() == pytest.approx(total, rel=1e-6)
    assert areas_ha(table.geometry.to_numpy()).sum() > 1.01 * total  # they do overlap
    shares = pieces.groupby("status")["area_ha"].sum() / total
    assert set(shares.index) == {"authorised", "informal", "illegal", "unknown"}
    assert pieces["status_rule"].nunique() >= 8
    tambopata = read.tables["protected_areas"].query("name_field == 'Tambopata'")
    inside = pieces[pieces["status_rule"] == "protected_area"]
    assert tambopata.intersects(inside.union_all()).any()
