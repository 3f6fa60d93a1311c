"""The house: imports point down the floors, modules stay small, one public list."""

from __future__ import annotations

import ast
import importlib
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import riskmap

PACKAGE = Path(riskmap.__file__).parent
FLOORS = (
    ("errors", "report", "steps", "threads", "kernels", "_version"),
    ("schema", "presets", "addresses", "later"),
    ("settings", "sample"),
    ("geodesy", "postgres"),
    ("layers",),
    ("network",),
    ("model",),
    ("results",),
    ("pipeline",),
    ("planning",),
    ("outputs",),
    ("basins",),
    ("study",),
    ("cli", "cli_import", "cli_options"),
    ("__main__",),
)
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if "_embedded" not in p.parts)
MAX_LINES, MEDIAN_LINES = 500, 220
#: Modules that speak to people in the terminal.
WINDOWS = ("cli.py", "cli_import.py", "cli_options.py", "terminal.py", "check_report.py")
#: Imports that are heavy, and that only the commands that need them may cause.
HEAVY = {"numpy", "pandas", "geopandas", "shapely", "folium", "numba", "networkx", "pyproj"}


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def _imports(path: Path) -> set[str]:
    """Return the parts of riskmap that a module imports at any depth, types apart."""
    tree = ast.parse(path.read_text("utf-8"))
    found = set()
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("riskmap"):
            parts = node.module.split(".")
            names = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
            found.update(names)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    name = _name(path)
    if name == "__init__":
        return
    assert name in FLOOR_OF, f"{name} has no floor"
    above = {i for i in _imports(path) if i in FLOOR_OF and FLOOR_OF[i] > FLOOR_OF[name]}
    assert not above, f"{name} imports from above: {above}"


def test_modules_are_small() -> None:
    lines = {p: len(p.read_text("utf-8").splitlines()) for p in MODULES}
    long = {str(p.relative_to(PACKAGE)): n for p, n in lines.items() if n > MAX_LINES}
    assert not long
    assert statistics.median(lines.values()) <= MEDIAN_LINES


def test_typer_and_rich_are_imported_where_people_are_spoken_to() -> None:
    for path in MODULES:
        text = path.read_text("utf-8")
        if "import typer" in text or "from rich" in text:
            assert path.name in WINDOWS


def test_every_public_name_is_there() -> None:
    assert sorted(riskmap.__all__) == sorted(set(riskmap.__all__))
    for name in riskmap.__all__:
        assert getattr(riskmap, name) is not None
    assert set(dir(riskmap)) == set(riskmap.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        riskmap.nothing  # noqa: B018


@pytest.mark.parametrize("module", ["riskmap", "riskmap.cli"])
def test_importing_costs_nothing(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert not HEAVY & set(loaded.stdout.split())


def test_every_module_has_a_docstring_that_ends() -> None:
    for path in MODULES:
        doc = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        assert doc, path


def test_packages_import() -> None:
    for path in MODULES:
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        importlib.import_module(".".join(parts).removesuffix(".__init__"))
