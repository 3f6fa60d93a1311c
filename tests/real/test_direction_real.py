"""The inferred direction of flow of two real regions, held to what is known of their rivers."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from riskmap.network.reaches import Reaches, draw_lines
from riskmap.results.check import Check
from tests import regions

pytestmark = [pytest.mark.real, pytest.mark.slow]

#: Where each region's main river leaves the data, degrees.
OUTLETS = {"madre_de_dios": (-68.40, -12.27), "ucayali": (-70.24, -3.88)}
#: Drawn upstream in Natural Earth, by region: name, and the southernmost latitude of the part.
DRAWN_UPSTREAM = {"madre_de_dios": {}, "ucayali": {"Amazonas": -5.0, "Ucayali": -7.1}}


@pytest.fixture(scope="module", params=sorted(OUTLETS))
def region(request: pytest.FixtureRequest, shared_data: Path) -> tuple[str, Path, Check]:
    name = str(request.param)
    return name, shared_data / name, getattr(regions, name)().check()


def main_rivers(name: str, folder: Path) -> np.ndarray:
    """Return the main rivers in short straight lines that run downstream."""
    table = gpd.read_file(folder / "rivers_naturalearth.gpkg").explode(ignore_index=True)
    upstream = DRAWN_UPSTREAM[name]
    table = table[table["featurecla"] == "River"]
    south = [upstream.get(str(river), 0.0) for river in table["name"]]
    turned = [
        line.reverse() if line.bounds[1] >= limit and limit else line
        for line, limit in zip(table.geometry, south, strict=True)
    ]
    steps = []
    for line in shapely.segmentize(np.array(turned), 0.02):
        xy = shapely.get_coordinates(line)
        steps += [shapely.LineString(xy[k : k + 2]) for k in range(len(xy) - 1)]
    return np.array(steps)


def agreement(reaches: Reaches, rivers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return large reaches beside a main river, and the cosine between the two ways."""
    lines = draw_lines(reaches.coords, reaches.offsets)
    middles = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    k, beside = shapely.STRtree(rivers).query_nearest(middles, max_distance=0.04, all_matches=False)
    way = reaches.node_xy[reaches.v] - reaches.node_xy[reaches.u]
    down = np.array([np.diff(shapely.get_coordinates(line), axis=0)[0] for line in rivers[beside]])
    with np.errstate(invalid="ignore"):
        cosine = (way[k] * down).sum(axis=1) / np.hypot(*way[k].T) / np.hypot(*down.T)
    large = ((reaches.source_id[k] < 0) | (reaches.name[k] != "")) & (reaches.mode[k] == 0)
    sure = large & (np.abs(cosine) > 0.8) & (reaches.length_km[k] > 1.0) & reaches.flow_known[k]
    return k[sure], cosine[sure]


def test_main_rivers_flow_as_they_do(region: tuple[str, Path, Check]) -> None:
    """Nothing but the shape of the network is known; side channels are judged too."""
    name, folder, check = region
    reaches = check.sited.reaches
    k, cosine = agreement(reaches, main_rivers(name, folder))
    km = reaches.length_km[k]
    assert km.sum() > 500.0
    assert km[cosine > 0.0].sum() >= (0.98 if name == "madre_de_dios" else 0.93) * km.sum()
    confidence = reaches.attributes["flow_confidence"][k]
    assert km[cosine > 0.0].sum() >= (km * confidence).sum() - 0.03 * km.sum()


def test_the_largest_part_leaves_the_data_where_its_river_does(
    region: tuple[str, Path, Check],
) -> None:
    name, _, check = region
    part = check.components[0]  # roads may tie several basins
    away = [np.hypot(*np.subtract(outlet, OUTLETS[name])) for outlet in part.outlets]
    assert min(away) < 0.02
    assert part.flow_known_km > 0.98 * part.km_by_mode["river"]
