"""Rasters: exact sums near water, files of any size and CRS, and the score on a grid."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from pyproj import Geod
from rasterio.transform import from_origin
from rasterio.warp import calculate_default_transform, reproject

from riskmap.cli import main
from riskmap.errors import DataError, OutputError, StudyError
from riskmap.layers.rasters import values_in, values_near
from riskmap.layers.survey import Asked, survey_file
from riskmap.outputs.rasters import colours
from riskmap.outputs.tables import write_table
from riskmap.pipeline import run_study
from riskmap.settings import RasterSection, load_settings
from tests.studies import SmallStudy

LINE = gpd.GeoSeries([shapely.LineString([(-70.0, -12.2), (-70.0, -12.6)])], crs=4326)
SIDE = 0.01
WEST, NORTH, SIZE = -70.5, -12.0, 100


def _write(path: Path, cells: np.ndarray, *, crs: str | None = "EPSG:4326", **more: object) -> Path:
    profile = {
        "driver": "GTiff", "dtype": cells.dtype, "count": 1, "crs": crs,
        "height": cells.shape[0], "width": cells.shape[1],
        "transform": from_origin(WEST, NORTH, SIDE, SIDE), **more,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(cells, 1)
    return path


def _section(**keys: object) -> RasterSection:
    return RasterSection(path="x.tif", **keys)


def test_a_box_takes_the_exact_share_of_each_cell(tmp_path: Path) -> None:
    cells = np.arange(SIZE * SIZE, dtype=np.float64).reshape(SIZE, SIZE)
    path = _write(tmp_path / "r.tif", cells)
    # Two whole cells of row 0, and the eastern quarter of the cell before them.
    box = shapely.box(WEST + 9.75 * SIDE, NORTH - SIDE, WEST + 12 * SIDE, NORTH)
    found = values_in(path, [box], section=_section())
    assert found[0] == pytest.approx(0.25 * 9 + 10 + 11, rel=1e-9)
    mean = values_in(path, [box], section=_section(statistic="mean"))
    assert mean[0] == pytest.approx((0.25 * 9 + 10 + 11) / 2.25, rel=1e-9)


def test_the_sum_of_ones_is_the_area_near_the_line(tmp_path: Path) -> None:
    path = _write(tmp_path / "r.tif", np.ones((SIZE, SIZE), dtype=np.float32))
    within_km = 3.0
    length_km = Geod(ellps="WGS84").geometry_length(LINE.iloc[0]) / 1000.0
    area_km2 = 2.0 * within_km * length_km + np.pi * within_km**2
    box = shapely.box(WEST, NORTH - SIZE * SIDE, WEST + SIZE * SIDE, NORTH)
    cell_km2 = abs(Geod(ellps="WGS84").geometry_area_perimeter(box)[0]) / 1e6 / SIZE**2
    found = values_near(path, LINE, section=_section(within_km=within_km))
    assert found[0] == pytest.approx(area_km2 / cell_km2, rel=5e-3)


def test_cells_without_data_do_not_count_and_outside_is_unknown(tmp_path: Path) -> None:
    cells = np.full((SIZE, SIZE), 7.0, dtype=np.float32)
    cells[:, :50] = -9999.0
    path = _write(tmp_path / "r.tif", cells, nodata=-9999.0)
    assert values_near(path, LINE, section=_section(statistic="mean"))[0] == pytest.approx(7.0)
    far = LINE.translate(xoff=5.0)
    assert np.isnan(values_near(path, far, section=_section())).all()


def test_the_crs_of_the_raster_does_not_matter(tmp_path: Path) -> None:
    x = np.linspace(0.0, 1.0, SIZE)
    cells = (x[None, :] + x[:, None]).astype(np.float32)
    path = _write(tmp_path / "degrees.tif", cells)
    with rasterio.open(path) as file:
        transform, width, height = calculate_default_transform(
            file.crs, "EPSG:32719", SIZE, SIZE, *file.bounds, resolution=200.0
        )
        plane = np.full((height, width), np.nan, dtype=np.float32)
        reproject(
            rasterio.band(file, 1), plane, dst_transform=transform, dst_crs="EPSG:32719",
            dst_nodata=np.nan, resampling=rasterio.enums.Resampling.bilinear,
        )  # fmt: skip
    utm = _write(tmp_path / "utm.tif", plane, crs="EPSG:32719", transform=transform, nodata=np.nan)
    means = [values_near(p, LINE, section=_section(statistic="mean"))[0] for p in (path, utm)]
    assert means[1] == pytest.approx(means[0], rel=2e-3)


def test_ten_gigabytes_take_less_than_one(tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    side = 1.0 / 100_000
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 1, "crs": "EPSG:4326", "width": 100_000,
        "height": 100_000, "transform": from_origin(WEST, NORTH, side, side), "tiled": True,
        "blockxsize": 512, "blockysize": 512, "sparse_ok": True, "bigtiff": "yes",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(
            np.ones((512, 512), dtype=np.uint8), 1,
            window=rasterio.windows.Window(49_152, 30_208, 512, 512),
        )  # fmt: skip
    assert path.stat().st_size < 50e6
    code = (
        "import re, sys, geopandas as gpd, shapely\n"
        "from pathlib import Path\n"
        "from riskmap.layers.rasters import values_near\n"
        "from riskmap.settings import RasterSection\n"
        "line = gpd.GeoSeries([shapely.LineString([(-70.0, -12.2), (-70.0, -12.6)])], crs=4326)\n"
        "section = RasterSection(path='x', within_km=5.0)\n"
        "found = values_near(Path(sys.argv[1]), line, section=section)\n"
        # Not ru_maxrss, which begins at the size of the process that started this one.
        "status = Path('/proc/self/status').read_text()\n"
        "print(found[0], re.search(r'VmHWM:\\s+(\\d+)', status)[1])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, check=True, text=True
    )
    found, most_kb = (float(part) for part in ran.stdout.split())
    assert found == 512 * 512
    assert most_kb * 1024 < 1e9


def _with_raster(study: SmallStudy, text: str) -> SmallStudy:
    study.sections = f'[[rasters]]\npath = "forest loss.tif"\n{text}\n'
    return study.write()


def test_a_raster_is_a_column_of_the_corridors(small_study: SmallStudy) -> None:
    _write(small_study.folder / "forest loss.tif", np.ones((SIZE, SIZE), dtype=np.float32))
    before = run_study(load_settings(small_study.path)).corridors
    study = _with_raster(small_study, "within_km = 2.0")
    table = run_study(load_settings(study.path)).corridors
    assert list(table.columns) == [*before.columns[:-1], "forest_loss_sum", "geometry"]
    assert (table["forest_loss_sum"] > 0.0).all()
    assert np.allclose(table["undetected_transits"], before["undetected_transits"])


def test_a_raster_attracts(make_study: Callable[..., SmallStudy]) -> None:
    study = make_study(venues=None, mining_areas=None)
    cells = np.zeros((SIZE, SIZE), dtype=np.float32)
    cells[70:75, 48:52] = 2.0  # east and west of the lower Río Alto: 40 in all
    _write(study.folder / "forest loss.tif", cells)
    outcome = run_study(
        load_settings(_with_raster(study, 'use = "attraction"\nweight = 0.5\nwithin_km = 6').path)
    )
    sites = outcome.scored.sites["rasters"]
    assert sites.weight.sum() == pytest.approx(20.0, rel=1e-6)
    assert outcome.corridors.iloc[0]["undetected_transits"] > 0.0
    assert "forest_loss" in outcome.corridors.iloc[0]["main_sites"]


STATED = """use = "attraction"
[[movements]]
name = "a"
origins = "entry_points"
destinations = "venues"
"""


def test_a_raster_that_no_movement_goes_to_has_its_own(small_study: SmallStudy) -> None:
    """The study file says that it attracts: entry points go there as if no movement were stated."""
    path = small_study.folder / "forest loss.tif"
    _write(path, np.ones((SIZE, SIZE), dtype=np.float32))
    settings = load_settings(_with_raster(small_study, STATED).path)
    assert [(m.origins, m.destinations) for m in settings.movements] == [
        ("entry_points", "venues"), ("entry_points", "rasters"),
    ]  # fmt: skip
    outcome = run_study(settings)
    assert outcome.summary["demand"] == pytest.approx(2000.0)
    (record,) = outcome.provenance["rasters"]
    assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {k: v for k, v in record.items() if k != "sha256"} == {
        "use": "attraction", "path": "forest loss.tif", "band": 1, "width": SIZE, "height": SIZE,
        "cell": pytest.approx([SIDE, SIDE]), "cell_unit": "degree", "crs": "EPSG:4326",
    }  # fmt: skip


def test_a_raster_that_attracts_nobody_is_refused(make_study: Callable[..., SmallStudy]) -> None:
    study = make_study(entry_points=None)
    _write(study.folder / "forest loss.tif", np.ones((2, 2), dtype=np.float32))
    stated = STATED.replace("entry_points", "mining_areas")
    with pytest.raises(StudyError, match="attracts, and no movement goes there"):
        load_settings(_with_raster(study, stated).path)


def test_rasters_that_cannot_be_used(small_study: SmallStudy) -> None:
    study = _with_raster(small_study, "")
    with pytest.raises(DataError, match="cannot be read as a raster"):
        run_study(load_settings(study.path))
    _write(small_study.folder / "forest loss.tif", np.ones((2, 2), dtype=np.float32), crs=None)
    with pytest.raises(DataError, match="states no coordinate reference system"):
        run_study(load_settings(study.path))
    _write(small_study.folder / "forest loss.tif", np.ones((2, 2), dtype=np.float32))
    with pytest.raises(DataError, match="has 1 band, band 3 is asked for"):
        run_study(load_settings(_with_raster(small_study, "band = 3").path))


def test_the_score_as_a_cloud_optimised_geotiff(
    small_study: SmallStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "risk.tif"
    monkeypatch.setattr(sys, "argv", ["riskmap", "rank", str(small_study.path), "-o", str(path)])
    with pytest.raises(SystemExit, match="0"):
        main()
    with rasterio.open(path) as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.block_shapes == [(512, 512)]
        assert file.overviews(1)  # the small study is longer than 512 cells
        assert file.crs.to_epsg() == 4326
        assert file.nodata == 255
        assert file.colorinterp[0] == rasterio.enums.ColorInterp.palette
        table = file.colormap(1)
        assert all(table[k] == colour for k, colour in colours().items() if k != 255)
        cells, transform = file.read(1), file.transform
        assert "provenance" in json.loads(file.tags()["RISKMAP"])
        assert file.read(1, out_shape=(file.height // 2, file.width // 2)).min() < 255
    corridors = run_study(load_settings(small_study.path)).corridors
    for corridor in corridors.itertuples():
        at = corridor.geometry.interpolate(0.5, normalized=True)
        column, row = ~transform * (at.x, at.y)
        assert cells[int(row), int(column)] == round(corridor.risk_score)
    assert set(np.unique(cells)) <= {*np.rint(corridors["risk_score"]).astype(int), 255}


def test_a_grid_is_of_corridors(small_study: SmallStudy, tmp_path: Path) -> None:
    outcome = run_study(load_settings(small_study.path))
    with pytest.raises(OutputError, match="a grid of reaches cannot be written"):
        write_table(outcome, tmp_path / "r.tif", level="reaches")


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9])
def test_a_raster_that_is_cut_off_is_told_in_one_line(tmp_path: Path, share: float) -> None:
    path = _write(tmp_path / "loss.tif", np.ones((SIZE, SIZE), dtype=np.float32))
    whole = path.read_bytes()
    (sound,) = survey_file(path, Asked())
    assert sound.raster.startswith(f"1 band of {SIZE} x {SIZE} cells")
    assert "1 to 1, mean 1" in sound.raster
    path.write_bytes(whole[: max(8, int(share * len(whole)))])
    (survey,) = survey_file(path, Asked())
    (problem,) = survey.problems
    assert "cannot be read as a raster" in str(problem)
    assert "previous exception" not in str(problem)
    assert "\n" not in str(problem)


def test_a_raster_without_a_system_is_told_when_it_is_looked_at(tmp_path: Path) -> None:
    path = _write(tmp_path / "loss.tif", np.ones((4, 4), dtype=np.float32), crs=None)
    (survey,) = survey_file(path, Asked())
    assert "states no coordinate reference system" in str(survey.problems[0])
