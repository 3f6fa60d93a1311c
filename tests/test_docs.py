"""What the documents say is held to what the code does."""

from __future__ import annotations

import math
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from riskmap import settings
from riskmap.schema import LAYERS

ROOT = Path(__file__).resolve().parents[1]
STUDY_FILE = (ROOT / "docs" / "study-file.md").read_text("utf-8")


def test_every_column_stands_in_the_documents_with_its_default() -> None:
    for schema in LAYERS.values():
        section = STUDY_FILE.split(f"### {schema.name}\n")[1].split("\n#")[0]
        for column in schema.columns:
            default = column.default
            if default in ("", None) or (isinstance(default, float) and math.isnan(default)):
                shown = "unknown"
            else:
                shown = default if isinstance(default, str) else f"{default:g}"
            row = next(line for line in section.splitlines() if f"`{column.name}`" in line)
            assert row.split("|")[3].strip() == shown, row


@pytest.mark.parametrize(
    "section", ["StudySection", "TravelSection", "MovementSection", "RoutesSection",
                "PatrolSection", "MiningSection", "AccessSection", "LayerSection"],
)  # fmt: skip
def test_every_key_stands_in_the_documents(section: str) -> None:
    for key in getattr(settings, section).model_fields:
        assert f"`{key}`" in STUDY_FILE, key


def test_every_link_between_documents_leads_somewhere() -> None:
    for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), (path.name, target)


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")), ids=str)
@pytest.mark.filterwarnings("default")
def test_every_notebook_runs(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    assert any(cell.get("outputs") for cell in notebook.cells)


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert code
    for block in code:
        exec(block, {})  # noqa: S102
    assert (tmp_path / "map.html").exists()
