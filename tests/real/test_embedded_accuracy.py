"""The embedded study against real layers that are no part of it, and against its own promises."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from pyproj import Geod

DATA = Path(__file__).resolve().parents[2] / "data"
NEEDS_REAL_LAYERS = pytest.mark.real

#: UTM 19 south: the study lies in this one zone, but for its last half degree in the west.
METRES = 32719

#: The real layers, and the column in which each keeps names.
REAL_LAYERS = {
    "rivers_dcw": "NAM",
    "water_areas_dcw": "NAME",
    "rivers_hydrosheds_derived": "dcw_name",
    "rivers_naturalearth": "name",
    "rivers_gshhg": None,
}

#: The names that the real layers give to a river of the study.
REAL_NAMES = {
    "Río Madre de Dios": ("RIO MADRE DE DIOS", "Madre de Dios"),
    "Río Alto Madre de Dios": ("RIO ALTO MADRE DE DIOS",),
    "Río Manu": ("RIO MANU",),
    "Río Providencia": ("RIO PROVIDENCIA",),
    "Río Pinquén": ("RIO PINQUINA",),
    "Río Azul": ("RIO AZUL",),
    "Río Colorado (Karene)": ("RIO COLORADO",),
    "Quebrada Huacamayo": ("QUEBRADA HUACAMAYO",),
    "Río Los Amigos": ("RIO DE LOS AMIGOS",),
    "Río Inambari": ("MARCAPATA", "RIO INAMBARI"),
    "Río San Gabán": ("RIO SANGABAN",),
    "Río Araza": ("MARCAPATA",),
    "Río Las Piedras (Tacuatimanu)": ("RIO DE LAS PIEDRAS",),
    "Río Pariamanu": ("RIO PARIAMANU",),
    "Río Tambopata": ("RIO TAMBOPATA",),
    "Río Malinowski": ("RIO CARAMA",),
    "Río Heath": ("RIO HEATH",),
    "Río Tahuamanu": ("RIO TAHUAMANU",),
    "Río Muymano": ("RIO MUYMANU",),
    "Río Manuripe": ("RIO MANURIPI",),
}

#: Small waters whose course none of the real layers has, whole or in the upper part.
UNMAPPED = {"Río Jayave"}

#: Where the study's waters leave it: the Madre de Dios, Tahuamanu, Manuripe and Acre meet only
#: beyond it, in Bolivia and Brazil.
OUTLETS = 4

MEDIAN_KM, P90_KM = 3.0, 8.0


@dataclass(frozen=True)
class Distances:
    """Hold, vertex by vertex, the river and the km to the nearest real line, and to its name's."""

    river: np.ndarray
    any_km: np.ndarray
    same_name_km: np.ndarray


@pytest.fixture(scope="module")
def rivers() -> gpd.GeoDataFrame:
    return gpd.read_file(DATA / "shapefiles" / "rivers.shp")


@pytest.fixture(scope="module")
def distances(rivers: gpd.GeoDataFrame, shared_data: Path) -> Distances:
    real = _read_real_lines(shared_data / "madre_de_dios")
    tree = shapely.STRtree(real.geometry.to_numpy())
    river, any_km, same_name_km = [], [], []
    for name, lines in rivers.to_crs(METRES).groupby("name"):
        vertices = shapely.points(shapely.get_coordinates(lines.geometry.to_numpy()))
        _, metres = tree.query_nearest(vertices, return_distance=True, all_matches=False)
        river.append(np.full(len(vertices), name, dtype=object))
        any_km.append(metres / 1000.0)
        same_name_km.append(_km_to_namesake(vertices, real, REAL_NAMES.get(str(name), ())))
    return Distances(*(np.concatenate(parts) for parts in (river, any_km, same_name_km)))


def _read_real_lines(folder: Path) -> gpd.GeoDataFrame:
    """Read rivers and wide waters; a vertex inside a wide water is at no distance from it."""
    tables = []
    for layer, column in REAL_LAYERS.items():
        table = gpd.read_file(folder / f"{layer}.gpkg").to_crs(METRES)
        names = table[column].fillna("") if column else pd.Series("", index=table.index)
        tables.append(gpd.GeoDataFrame({"name": names}, geometry=table.geometry, crs=METRES))
    return pd.concat(tables, ignore_index=True)


def _km_to_namesake(
    vertices: np.ndarray, real: gpd.GeoDataFrame, names: tuple[str, ...]
) -> np.ndarray:
    """Measure to the real lines of the same name; NaN beyond the box that those lines fill."""
    lines = real.geometry[real["name"].isin(names)]
    if lines.empty:
        return np.full(len(vertices), np.nan)
    inside = shapely.intersects(shapely.box(*lines.total_bounds), vertices)
    away = shapely.distance(vertices, shapely.union_all(lines.to_numpy())) / 1000.0
    return np.where(inside, away, np.nan)


@NEEDS_REAL_LAYERS
def test_rivers_lie_beside_the_real_ones(distances: Distances) -> None:
    assert np.median(distances.any_km) < MEDIAN_KM
    assert np.quantile(distances.any_km, 0.9) < P90_KM


@NEEDS_REAL_LAYERS
def test_the_same_rivers_moved_by_10_km_fit_far_worse(
    rivers: gpd.GeoDataFrame, distances: Distances, shared_data: Path
) -> None:
    """The real layers are dense: a point thrown at random is 2.4 km from some line."""
    tree = shapely.STRtree(_read_real_lines(shared_data / "madre_de_dios").geometry.to_numpy())
    lines = rivers.to_crs(METRES).translate(7000.0, 7000.0).to_numpy()
    vertices = shapely.points(shapely.get_coordinates(lines))
    _, moved = tree.query_nearest(vertices, return_distance=True, all_matches=False)
    assert np.median(moved) / 1000.0 > 4.0 * np.median(distances.any_km)
    assert np.quantile(moved, 0.9) / 1000.0 > 2.0 * np.quantile(distances.any_km, 0.9)


@NEEDS_REAL_LAYERS
def test_rivers_lie_beside_the_real_ones_of_the_same_name(distances: Distances) -> None:
    named = distances.same_name_km[~np.isnan(distances.same_name_km)]
    assert named.size > 2000
    assert np.median(named) < MEDIAN_KM
    assert np.quantile(named, 0.9) < P90_KM


@NEEDS_REAL_LAYERS
def test_each_river_lies_beside_a_real_one(distances: Distances) -> None:
    far = {}
    for name in set(distances.river) - UNMAPPED:
        km = distances.any_km[distances.river == name]
        if np.median(km) >= MEDIAN_KM or np.quantile(km, 0.9) >= P90_KM:
            far[name] = (np.median(km), np.quantile(km, 0.9))
    assert far == {}


@NEEDS_REAL_LAYERS
def test_each_named_river_lies_beside_its_namesake(distances: Distances) -> None:
    """Names in the real layers stand on parts of a river only, so that ends lie far from them."""
    for name in REAL_NAMES:
        km = distances.same_name_km[distances.river == name]
        km = km[~np.isnan(km)]
        assert km.size, f"{name}: no vertex within the box of its namesake"
        assert np.median(km) < MEDIAN_KM, name
        assert np.quantile(km, 0.9) < P90_KM, name


@NEEDS_REAL_LAYERS
def test_readme_states_the_accuracy_that_was_measured(distances: Distances) -> None:
    stated = {}
    for line in (DATA / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and cells[1].isdigit():
            stated[cells[0]] = [float(cell) if cell != "–" else np.nan for cell in cells[1:]]
    assert set(stated) == set(distances.river) | {"all rivers"}
    for name, (vertices, *km) in stated.items():
        rows = np.isin(distances.river, [name]) | (name == "all rivers")
        named = distances.same_name_km[rows & ~np.isnan(distances.same_name_km)]
        measured = [
            quantile
            for values in (distances.any_km[rows], named)
            for quantile in (np.quantile(values, (0.5, 0.9)) if values.size else (np.nan, np.nan))
        ]
        assert vertices == rows.sum(), name
        np.testing.assert_allclose(km, measured, atol=0.02, err_msg=name)


@NEEDS_REAL_LAYERS
def test_borders_follow_the_real_ones(shared_data: Path) -> None:
    real = gpd.read_file(shared_data / "madre_de_dios" / "borders_naturalearth.gpkg")
    real_line = shapely.union_all(real.to_crs(METRES).geometry.to_numpy())
    ours = gpd.read_file(DATA / "shapefiles" / "borders.shp").to_crs(METRES)
    for name, line in zip(ours["name"], ours.geometry, strict=True):
        points = shapely.points(shapely.get_coordinates(shapely.segmentize(line, 2000.0)))
        assert np.quantile(shapely.distance(points, real_line), 0.9) < 3000.0, name


@NEEDS_REAL_LAYERS
def test_towns_stand_where_they_are(shared_data: Path) -> None:
    real = gpd.read_file(shared_data / "madre_de_dios" / "settlements.gpkg").to_crs(METRES)
    ours = gpd.read_file(DATA / "layers" / "settlements.geojson").to_crs(METRES)
    pairs = ours.merge(real[["name", "geometry"]], on="name", suffixes=("", "_real"))
    assert len(pairs) >= 10
    away = gpd.GeoSeries(pairs.geometry).distance(gpd.GeoSeries(pairs["geometry_real"], crs=METRES))
    assert away.max() < 2000.0


def test_there_are_the_main_stem_and_at_least_25_more_names(rivers: gpd.GeoDataFrame) -> None:
    names = set(rivers["name"])
    assert "Río Madre de Dios" in names
    assert len(names) >= 26
    assert all(names)


def test_vertices_are_at_most_5_km_apart(rivers: gpd.GeoDataFrame) -> None:
    geod = Geod(ellps="WGS84")
    for line in rivers.geometry:
        lon, lat = np.asarray(line.coords).T
        assert geod.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])[2].max() <= 5000.0


def test_rivers_bend(rivers: gpd.GeoDataFrame) -> None:
    lines = rivers.to_crs(METRES).geometry
    ends = shapely.distance(shapely.get_point(lines, 0), shapely.get_point(lines, -1))
    assert (lines.length / ends).min() > 1.01
    assert lines.length.sum() > 1.1 * ends.sum()


def test_reaches_join_exactly_and_flow_to_an_outlet(rivers: gpd.GeoDataFrame) -> None:
    graph = nx.DiGraph(
        [(line.coords[0], line.coords[-1]) for line in rivers.geometry],
    )
    assert graph.number_of_edges() == len(rivers)
    assert nx.is_directed_acyclic_graph(graph)
    assert max(degree for _, degree in graph.out_degree) == 1, "a river divides downstream"
    outlets = [node for node, degree in graph.out_degree if degree == 0]
    assert len(outlets) == OUTLETS
    assert nx.number_weakly_connected_components(graph) == OUTLETS


def test_reaches_meet_at_their_ends_only(rivers: gpd.GeoDataFrame) -> None:
    lines = rivers.geometry.to_numpy()
    assert shapely.is_simple(lines).all()
    first, second = shapely.STRtree(lines).query(lines, predicate="intersects")
    apart = first < second
    first, second = lines[first[apart]], lines[second[apart]]
    meeting = shapely.intersection(first, second)
    shared = shapely.intersection(shapely.boundary(first), shapely.boundary(second))
    assert shapely.equals(meeting, shared).all()


def test_rivers_cross_the_borders_with_bolivia_and_brazil(rivers: gpd.GeoDataFrame) -> None:
    borders = gpd.read_file(DATA / "shapefiles" / "borders.shp").set_index("name").geometry
    for river, border in (
        ("Río Madre de Dios", "Perú–Bolivia"),
        ("Río Tahuamanu", "Perú–Bolivia"),
        ("Río Manuripe", "Perú–Bolivia"),
        ("Río Acre", "Perú–Brasil"),
    ):
        assert rivers.geometry[rivers["name"] == river].intersects(borders[border]).any(), river


def test_every_venue_says_that_it_is_invented() -> None:
    venues = gpd.read_file(DATA / "layers" / "venues.geojson")
    assert 20 <= len(venues) <= 30
    assert (venues["invented"] == "yes").all()
    assert venues["note"].str.contains("invented for the demonstration").all()
    assert venues["name"].str.match(r"Local ficticio \d\d").all()
    twentieths = shapely.get_coordinates(venues.geometry.to_numpy()) * 20.0
    np.testing.assert_allclose(twentieths, np.rint(twentieths), atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "limit_km"),
    [
        ("layers/venues.geojson", 5.0),
        ("layers/entry_points.geojson", 5.0),
        ("shapefiles/mining_areas.shp", 10.0),
    ],
)
def test_sites_are_near_water_that_carries_boats_all_year(
    rivers: gpd.GeoDataFrame, layer: str, limit_km: float
) -> None:
    """The farthest corner of a mining area counts."""
    lines = rivers[rivers["navigable"] == "both"].to_crs(METRES).geometry.to_numpy()
    water = shapely.union_all(lines)
    sites = gpd.read_file(DATA / layer).to_crs(METRES)
    corners = shapely.points(shapely.get_coordinates(sites.geometry.to_numpy()))
    assert shapely.distance(corners, water).max() < limit_km * 1000.0


def test_the_study_is_small() -> None:
    files = [p for p in DATA.rglob("*") if p.is_file() and "making" not in p.parts]
    assert sum(path.stat().st_size for path in files) < 600_000


def test_the_script_makes_the_committed_files_again(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, str(DATA / "making" / "make_study.py"), str(tmp_path)], check=True
    )
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    kept = {
        path.relative_to(DATA)
        for folder in ("shapefiles", "layers")
        for path in (DATA / folder).iterdir()
    }
    assert made == kept
    for path in sorted(kept):
        if path.suffix in {".shp", ".geojson"}:
            _assert_same_table(DATA / path, tmp_path / path)
        elif path.suffix == ".tif":
            _assert_same_raster(DATA / path, tmp_path / path)


def _assert_same_table(kept: Path, made: Path) -> None:
    first, second = gpd.read_file(kept), gpd.read_file(made)
    assert first.crs == second.crs
    pd.testing.assert_frame_equal(
        pd.DataFrame(first.drop(columns="geometry")), pd.DataFrame(second.drop(columns="geometry"))
    )
    pairs = zip(first.geometry, second.geometry, strict=True)
    assert all(shapely.equals_exact(a, b, tolerance=1e-9) for a, b in pairs)


def _assert_same_raster(kept: Path, made: Path) -> None:
    with rasterio.open(kept) as first, rasterio.open(made) as second:
        assert (first.crs, first.transform) == (second.crs, second.transform)
        np.testing.assert_array_equal(first.read(), second.read())
