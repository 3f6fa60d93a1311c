"""The wheel: built from the tree and used from an empty folder, it runs the demonstration."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, tree = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("tree") / "riskmap"
    aside = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "screenshots")
    shutil.copytree(ROOT, tree, ignore=aside)  # building leaves files in the tree
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", str(tree)]
    built = subprocess.run(
        [*command, "--wheel-dir", str(folder)], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("riskmap-*.whl")
    return path


def test_the_wheel_holds_the_study_and_the_map_scripts(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for part in ("study.toml", "README.md", "shapefiles/rivers.shp", "layers/venues.geojson"):
        assert f"riskmap/_embedded/{part}" in names
    assert "riskmap/py.typed" in names
    assert {f"riskmap/{p.relative_to(ROOT / 'riskmap')}" for p in _scripts()} <= set(names)
    assert not [n for n in names if n.endswith("make_study.py") or n.startswith("tests/")]


def _scripts() -> list[Path]:
    folder = ROOT / "riskmap" / "outputs"
    return [p for p in folder.rglob("*") if p.suffix in (".js", ".css", ".html")]


def test_the_installed_wheel_runs_the_demonstration(wheel: Path, tmp_path: Path) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    zipfile.ZipFile(wheel).extractall(site)
    empty.mkdir()
    env = {**os.environ, "PYTHONPATH": str(site)}
    where = [sys.executable, "-c", "import riskmap; print(riskmap.__file__)"]
    found = subprocess.run(where, cwd=empty, env=env, capture_output=True, text=True, check=True)
    assert str(site) in found.stdout
    run = subprocess.run(
        [sys.executable, "-m", "riskmap", "demo"],
        cwd=empty, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert {p.name for p in empty.iterdir()} == {
        "madre_de_dios.html",
        "madre_de_dios_corridors.csv",
        "madre_de_dios_corridors.csv.provenance.json",
    }


def test_every_package_is_listed() -> None:
    """The packages are named in setup.cfg, because one of them is mapped to the folder of data."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = set(config["options"]["packages"].split()) - {"riskmap._embedded"}
    folders = {path.parent for path in (ROOT / "riskmap").rglob("*.py")}
    assert listed == {".".join(folder.relative_to(ROOT).parts) for folder in folders}
