"""The command line as people and schedulers use it: files, exit status, one line a problem."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pyogrio
import pytest

from riskmap import __version__
from tests import sources, studies
from tests.studies import SmallStudy

CORRIDORS = [
    "rank",
    "corridor_id",
    "name",
    "risk_score",
    "length_km",
    "travel_hours",
    "transits",
    "undetected_transits",
    "detection_probability",
    "interceptions_per_100_patrol_hours",
    "hours_to_nearest_post",
    "nearest_post",
    "main_origins",
    "main_sites",
    "crosses_border",
    "protected_area",
    "geometry",
]
REACHES = [
    "reach_id",
    "source_id",
    "name",
    "length_km",
    "transits",
    "undetected_transits",
    "detection_probability",
    "interceptions_per_100_patrol_hours",
    "patrol_hours",
    "hours_to_nearest_post",
    "corridor_id",
    "mode",
    "geometry",
]
ROUTES = [
    "route_id",
    "movement",
    "origin",
    "destination",
    "travel_hours",
    "transits",
    "survival",
    "corridors",
    "geometry",
]


def riskmap(*args: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "riskmap", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def lines(result: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the problems that were told, after checking that nothing else went wrong."""
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    return [line for line in result.stderr.splitlines() if line.startswith("riskmap: ")]


@pytest.mark.parametrize(
    "verb", ["demo", "init", "check", "rank", "map", "graph", "plan", "compare"]
)
def test_help_of_every_verb_has_an_example(verb: str) -> None:
    result = riskmap(verb, "--help")
    assert result.returncode == 0
    assert f"Example: riskmap {verb}" in " ".join(result.stdout.split())


def test_version_and_bare_call() -> None:
    assert riskmap("--version").stdout.strip() == f"riskmap {__version__}"
    assert "rank" in riskmap().stdout + riskmap().stderr


@pytest.mark.parametrize(
    ("level", "columns"), [("corridors", CORRIDORS), ("reaches", REACHES), ("routes", ROUTES)]
)
def test_every_format_holds_the_same_table(
    small_study: SmallStudy, level: str, columns: list[str]
) -> None:
    tables = {}
    for ending in ("csv", "geojson", "gpkg", "parquet", "json", "xlsx"):
        path = small_study.folder / f"{level}.{ending}"
        result = riskmap("rank", small_study.path, "-o", path, "--level", level)
        assert result.returncode == 0, result.stderr
        tables[ending] = READERS[ending](path, level)
        beside = path.with_name(f"{path.name}.provenance.json")
        assert beside.exists() == (ending not in ("json", "xlsx"))
        if beside.exists():
            provenance = json.loads(beside.read_text("utf-8"))["provenance"]
            assert provenance["riskmap"] == __version__
            assert provenance["layers"]["venues"]["features"] == 2
    truth = tables["parquet"]
    assert list(truth.columns) == columns
    for ending, table in tables.items():
        assert list(table.columns) == columns, ending
        assert len(table) == len(truth)
        for name in columns[:-1]:
            if truth[name].dtype.kind == "f":
                pd.testing.assert_series_equal(
                    table[name].astype(float), truth[name], check_exact=False, rtol=1e-12
                )
            else:
                left = table[name].astype(object).where(table[name].notna(), "").astype(str)
                right = truth[name].astype(object).where(truth[name].notna(), "").astype(str)
                assert left.tolist() == right.tolist(), (ending, name)


def _strict(path: Path) -> dict[str, object]:
    def refuse(text: str) -> float:
        raise AssertionError(f"{text} is not JSON")

    content: dict[str, object] = json.loads(path.read_text("utf-8"), parse_constant=refuse)
    return content


def _json(path: Path, level: str) -> pd.DataFrame:
    content = _strict(path)
    assert set(content) == {"summary", level, "provenance"}
    assert set(content["summary"]) == {
        "demand", "served", "local", "unserved", "detected", "undetected", "relative",
    }  # fmt: skip
    return pd.DataFrame(content[level])


def _geojson(path: Path, _level: str) -> pd.DataFrame:
    features = _strict(path)["features"]
    return pd.DataFrame([f["properties"] | {"geometry": f["geometry"]} for f in features])


def _xlsx(path: Path, level: str) -> pd.DataFrame:
    sheet = openpyxl.load_workbook(path)[level]
    head, *rows = sheet.iter_rows(values_only=True)
    return pd.DataFrame(rows, columns=list(head))


READERS: dict[str, Callable[[Path, str], pd.DataFrame]] = {
    "csv": lambda path, _: pd.read_csv(path),
    "geojson": _geojson,
    "gpkg": lambda path, level: gpd.read_file(path, layer=level),
    "parquet": lambda path, _: gpd.read_parquet(path),
    "json": _json,
    "xlsx": _xlsx,
}


def test_top_gives_the_first_rows(small_study: SmallStudy) -> None:
    path = small_study.folder / "top.csv"
    assert riskmap("rank", small_study.path, "-o", path, "--top", 2).returncode == 0
    assert pd.read_csv(path)["rank"].tolist() == [1, 2]


def test_the_study_is_study_toml_here(small_study: SmallStudy) -> None:
    result = riskmap("rank", "-o", "here.csv", cwd=small_study.folder)
    assert result.returncode == 0, result.stderr
    assert (small_study.folder / "here.csv").exists()


def test_season_closes_small_streams(make_study: Callable[..., SmallStudy]) -> None:
    study = make_study(rivers=studies.rivers().assign(navigable=["both", "high", "both"]))
    demand = {}
    for season in ("low", "high"):
        path = study.folder / f"{season}.json"
        result = riskmap("rank", study.path, "-o", path, "--season", season)
        assert result.returncode == 0, result.stderr
        content = _strict(path)
        assert content["provenance"]["season"] == season
        demand[season] = len(content["corridors"])
    assert demand["low"] < demand["high"]


def test_map_and_graph_are_written(small_study: SmallStudy) -> None:
    page = small_study.folder / "map.html"
    assert riskmap("map", small_study.path, "-o", page, "--language", "en").returncode == 0
    assert "<html" in page.read_text("utf-8")
    for name in ("g.graphml", "g.gpkg"):
        assert riskmap("graph", small_study.path, "-o", small_study.folder / name).returncode == 0
    reaches = gpd.read_file(small_study.folder / "g.gpkg", layer="reaches")
    nodes = gpd.read_file(small_study.folder / "g.gpkg", layer="nodes")
    assert len(nodes) == len(reaches) + 1  # a tree


def test_check_reads_well_and_as_json(small_study: SmallStudy) -> None:
    told = riskmap("check", small_study.path)
    assert told.returncode == 0
    assert "entry_points" in told.stdout
    found = json.loads(riskmap("check", small_study.path, "--json").stdout)
    assert found["attached"]["venues"] == 2
    assert len(found["components"]) == 1


def test_check_writes_what_it_found_for_a_gis(small_study: SmallStudy) -> None:
    path = small_study.folder / "check.gpkg"
    assert riskmap("check", small_study.path, "-o", path).returncode == 0
    reaches = gpd.read_file(path, layer="reaches")
    assert set(reaches["part"]) == {1}
    sites = gpd.read_file(path, layer="sites")
    assert sites["attached"].all()
    assert set(sites["layer"]) == {"entry_points", "mining_areas", "police_posts", "venues"}
    assert len(gpd.read_file(path, layer="mends")) == 0


def test_a_plan_of_checkpoints_reads_like_advice(small_study: SmallStudy) -> None:
    path = small_study.folder / "plan.json"
    asked = ("plan", small_study.path, "--checkpoints", 2, "--method", "exact", "-o", path)
    result = riskmap(*asked)
    assert result.returncode == 0, result.stderr
    content = _strict(path)
    rows = content["checkpoints"]
    assert len(rows) == 2
    assert sum(row["gain"] for row in rows) == pytest.approx(content["summary"]["intercepted"])
    told = " ".join(result.stdout.split())
    assert "dónde poner 2 puntos de control" in told
    for what in ("Qué gana:", "Qué hará el otro lado:", "Qué tan seguro es:"):
        assert what in told
    assert content["summary"]["advice"]["say"][0] in told
    assert content["summary"]["displacement"]["stay"] >= 0.0
    assert {"transits_before", "transits_after", "stays"} <= set(content["displaced_routes"][0])
    english = (*asked, "--overwrite", "--language", "en")
    told = " ".join(riskmap(*english).stdout.split())
    for what in ("where to put 2 checkpoints", "What it gains:", "other side", "How sure:"):
        assert what in told


def test_a_plan_says_where_they_go_instead_in_every_format(small_study: SmallStudy) -> None:
    names = ("checkpoints", "displaced_corridors", "displaced_routes", "displaced_destinations")
    for ending in ("gpkg", "xlsx", "csv", "geojson"):
        path = small_study.folder / f"plan.{ending}"
        asked = ("plan", small_study.path, "--checkpoints", 1, "-o", path)
        result = riskmap(*asked)
        assert result.returncode == 0, result.stderr
        if ending == "gpkg":
            listed = [name for name, _ in pyogrio.list_layers(path)]
            assert listed == [*names, "layer_styles"]
        elif ending == "xlsx":
            assert openpyxl.load_workbook(path).sheetnames == [*names, "provenance"]
        else:
            for name in names[1:]:
                assert (small_study.folder / f"plan.{name}.{ending}").exists()
            path.unlink()
            (line,) = [line for line in lines(riskmap(*asked)) if "exists already" in line][:1]
            assert "displaced_corridors" in line
            assert not path.exists()


def test_a_plan_of_patrol_hours_spends_them_all(small_study: SmallStudy) -> None:
    path = small_study.folder / "plan.json"
    asked = ("plan", small_study.path, "--patrol-hours", 50, "--overwrite", "-o", path)
    result = riskmap(*asked, "--patrol-length", 5, "--seed", 3)
    assert result.returncode == 0, result.stderr
    content = _strict(path)
    assert sum(row["hours"] for row in content["patrol_hours"]) == pytest.approx(50.0)
    assert sum(row["patrols_per_month"] for row in content["patrols"]) == 10
    assert {row["hours"] for row in content["schedule"]} == {5.0}
    told = " ".join(result.stdout.split())
    for what in ("50 horas más", "Puesto Alto", "Qué gana:", "sorteo 3", "Qué tan seguro es:"):
        assert what in told
    few = riskmap("plan", small_study.path, "--patrol-hours", 3, "--overwrite", "-o", path)
    assert few.returncode == 0, few.stderr
    assert "Ninguna patrulla de 8.0 h alcanza" in " ".join(few.stdout.split())


def test_a_plan_wants_one_thing(small_study: SmallStudy) -> None:
    path = small_study.folder / "plan.csv"
    assert riskmap("plan", small_study.path, "-o", path).returncode == 2
    both = ("--checkpoints", 1, "--patrol-hours", 1)
    assert riskmap("plan", small_study.path, *both, "-o", path).returncode == 2
    (line,) = lines(riskmap("plan", small_study.path, "--checkpoints", 999, "-o", path))
    assert "candidates" in line
    (line,) = lines(riskmap("plan", small_study.path, "--patrol-hours", -5, "-o", path))
    assert "hours" in line


def test_a_plan_is_a_map_before_and_after(small_study: SmallStudy) -> None:
    for asked in (("--checkpoints", 1), ("--patrol-hours", 40)):
        path = small_study.folder / f"plan{asked[1]}.html"
        result = riskmap("plan", small_study.path, *asked, "--language", "en", "-o", path)
        assert result.returncode == 0, result.stderr
        page = path.read_text("utf-8")
        for words in ("With the plan", "Today", "What it gains:"):
            assert words in page


def feasible(study: SmallStudy, **columns: list[object]) -> Path:
    path = study.folder / "feasible.geojson"
    places = {"x": [-70.0, -70.0], "y": [-12.5, -12.7], "name": ["Recodo", "Playa Baja"]}
    studies.points(**(places | columns)).to_file(path, driver="GeoJSON")
    return path


def test_a_plan_buys_feasible_places_for_a_budget(small_study: SmallStudy) -> None:
    places = feasible(small_study, cost=[5000.0, 3000.0])
    path = small_study.folder / "plan.json"
    asked = ("plan", small_study.path, "--candidates", places, "--overwrite", "-o", path)
    for method in ("greedy", "exact", "evasive"):
        result = riskmap(*asked, "--budget", 6000, "--method", method)
        assert result.returncode == 0, result.stderr
        (row,) = _strict(path)["checkpoints"]
        assert (row["place"], row["cost"]) == ("Recodo", 5000.0)
        assert "Recodo" in result.stdout
    both = riskmap(*asked, "--checkpoints", 2)
    assert both.returncode == 0, both.stderr
    assert {row["place"] for row in _strict(path)["checkpoints"]} == {"Recodo", "Playa Baja"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("--budget", 0), "budget: is 0.0, wanted more than 0"),
        (("--budget", -20), "budget: is -20.0, wanted more than 0"),
        (("--budget", 2999), "budget: is 2999.0, wanted no less than the cheapest candidate"),
        (("--checkpoints", 3), "count: is 3, wanted no more than there are candidates: 2"),
    ],
)
def test_a_plan_that_cannot_be_bought_is_one_line(
    small_study: SmallStudy, asked: tuple[object, ...], words: str
) -> None:
    places = feasible(small_study, cost=[5000.0, 3000.0])
    path = small_study.folder / "plan.csv"
    result = riskmap("plan", small_study.path, "--candidates", places, *asked, "-o", path)
    assert result.returncode == 1
    (line,) = lines(result)
    assert words in line
    assert not path.exists()


def test_feasible_places_that_cannot_be_used_are_named(small_study: SmallStudy) -> None:
    path = small_study.folder / "plan.csv"
    asked = ("plan", small_study.path, "--checkpoints", 1, "-o", path, "--candidates")
    far = feasible(small_study, x=[-70.3, -70.35])
    result = riskmap(*asked, far)
    assert result.returncode == 1
    assert "candidates: none lies within 10 km of navigable water" in result.stderr
    result = riskmap(*asked, feasible(small_study, cost=[0.0, 3.0]))
    assert result.returncode == 1
    assert "candidates, row 0: cost is 0, out of range (more than 0)" in result.stderr
    result = riskmap(*asked, small_study.folder / "nowhere.shp")
    assert result.returncode == 1
    assert "candidates" in result.stderr
    result = riskmap(*asked, feasible(small_study, y=[-12.01, -12.02]))
    assert "no candidate is on any route" in result.stderr


def test_two_seasons_are_compared(make_study: Callable[..., SmallStudy]) -> None:
    study = make_study(rivers=studies.rivers().assign(navigable=["both", "high", "both"]))
    seasons = ("--season-a", "low", "--season-b", "high")
    for name in ("change.json", "change.html"):
        path = study.folder / name
        result = riskmap("compare", study.path, study.path, *seasons, "-o", path)
        assert result.returncode == 0, result.stderr
        assert "rose" in result.stdout
    content = _strict(study.folder / "change.json")
    assert {row["trend"] for row in content["corridors"]} >= {"rose"}
    assert content["provenance"]["before"]["season"] == "low"
    assert content["provenance"]["after"]["season"] == "high"


def test_an_output_is_not_replaced_unless_told(small_study: SmallStudy) -> None:
    path = small_study.folder / "out.csv"
    path.write_text("mine", "utf-8")
    (line,) = lines(riskmap("rank", small_study.path, "-o", path))
    assert "exists already (add --overwrite to replace it)" in line
    assert path.read_text("utf-8") == "mine"
    assert riskmap("rank", small_study.path, "-o", path, "--overwrite").returncode == 0
    assert path.read_text("utf-8").startswith("rank,")


def test_a_folder_that_is_not_there(small_study: SmallStudy) -> None:
    (line,) = lines(riskmap("rank", small_study.path, "-o", small_study.folder / "no" / "out.csv"))
    assert "does not exist (make it first)" in line


def test_wrong_usage_is_two(small_study: SmallStudy) -> None:
    for args in (
        ("rank", small_study.path),
        ("rank", small_study.path, "-o", "x.doc"),
        ("rank", small_study.path, "-o", "x.csv", "--level", "lakes"),
        ("rank", small_study.path, "-o", "x.csv", "--season", "dry"),
        ("map", small_study.path, "-o", "x.csv"),
        ("sail",),
    ):
        assert riskmap(*args).returncode == 2, args


def test_bad_data_is_one_line_each_and_nothing_is_written(
    make_study: Callable[..., SmallStudy],
) -> None:
    study = make_study(police_posts=studies.police_posts().assign(effectiveness=[70.0]))
    study.file("venues").unlink()
    out = study.folder / "out.gpkg"
    before = sorted(study.folder.iterdir())
    found = lines(riskmap("rank", study.path, "-o", out))
    assert len(found) == 2
    assert "venues" in found[0]
    assert "effectiveness is 70" in found[1]
    assert sorted(study.folder.iterdir()) == before


def test_sites_that_no_water_reaches(make_study: Callable[..., SmallStudy]) -> None:
    far = studies.points(name=["a"], x=[-69.5], y=[-12.2])
    study = make_study(entry_points=far)
    (line,) = lines(riskmap("rank", study.path, "-o", study.folder / "out.csv"))
    assert "entry_points: no site lies within 10 km of navigable water" in line


def test_no_navigable_reach(make_study: Callable[..., SmallStudy]) -> None:
    study = make_study(rivers=studies.rivers().assign(navigable="none"))
    (line,) = lines(riskmap("rank", study.path, "-o", study.folder / "out.csv"))
    assert "no reach is navigable in the low season" in line


def test_a_study_file_with_faults(small_study: SmallStudy) -> None:
    small_study.sections = "[travel]\nupsteam_kmh = 9\n"
    (line,) = lines(riskmap("check", small_study.write().path))
    assert "did you mean 'upstream_kmh'?" in line
    (line,) = lines(riskmap("check", small_study.folder / "no.toml"))
    assert "there is no such study file" in line


def test_names_are_text_wherever_they_go(make_study: Callable[..., SmallStudy]) -> None:
    """A formula in a sheet, markup in a terminal and a page, a line end in a message."""
    names = ['=HYPERLINK("http://x")', "[red]A[/red]\n</script><script>alert(1)</script>"]
    study = make_study(entry_points=studies.entry_points().assign(name=names))
    out = study.folder / "out.xlsx"
    result = riskmap("rank", study.path, "-o", out, "--level", "routes")
    assert result.returncode == 0, result.stderr
    book = openpyxl.load_workbook(out)
    cells = [cell for row in book["routes"].iter_rows() for cell in row]
    assert any(cell.value == names[0] for cell in cells)
    assert not any(cell.data_type == "f" for cell in cells)
    assert riskmap("map", study.path, "-o", study.folder / "m.html").returncode == 0
    assert "<script>alert(1)" not in (study.folder / "m.html").read_text("utf-8")


def test_timings_are_told_beside_the_result_and_kept_in_it(small_study: SmallStudy) -> None:
    out = small_study.folder / "c.json"
    result = riskmap("rank", small_study.path, "-o", out, "--timings")
    assert result.returncode == 0, result.stderr
    steps = json.loads(out.read_text("utf-8"))["provenance"]["steps"]
    assert list(steps) == ["layers", "network", "sites", "scores", "corridors"]
    assert all(step["seconds"] >= 0.0 and step["peak_mb"] > 10.0 for step in steps.values())
    for name in (*steps, "export", "all"):
        assert re.search(rf"^ *{name} +\d+\.\d{{3}}", result.stderr, re.MULTILINE), name
    assert "export" not in result.stdout


@pytest.mark.slow
def test_a_run_by_basin_from_the_command_line(small_study: SmallStudy) -> None:
    out, plain = small_study.folder / "run", small_study.folder / "c.parquet"
    result = riskmap("rank", small_study.path, "--by-basin", "-o", out, "--timings")
    assert result.returncode == 0, result.stderr
    assert str(out / "corridors.parquet") in result.stdout
    assert "bundles" in result.stderr
    assert riskmap("rank", small_study.path, "-o", plain).returncode == 0
    left, right = (gpd.read_parquet(p) for p in (out / "corridors.parquet", plain))
    assert left["name"].tolist() == right["name"].tolist()
    again = riskmap("rank", small_study.path, "--by-basin", "-o", out)
    assert again.returncode == 1
    assert "holds a finished run" in again.stderr
    assert "Traceback" not in again.stderr


def test_a_scheduler_without_basins_is_wrong_usage(small_study: SmallStudy) -> None:
    out = small_study.folder / "c.csv"
    result = riskmap("rank", small_study.path, "-o", out, "--scheduler", "tcp://127.0.0.1:9")
    assert result.returncode == 2
    assert "--by-basin" in result.stderr


def test_import_lists_the_presets() -> None:
    listed = riskmap("import")
    assert listed.returncode == 0, listed.stderr
    assert "hydrorivers" in listed.stdout
    one = riskmap("import", "hydrorivers")
    assert "HYRIV_ID" in one.stdout
    wrong = riskmap("import", "hydroriver")
    assert wrong.returncode == 2
    assert "hydrorivers" in wrong.stderr


def test_import_looks_at_a_file_and_writes_a_layer(tmp_path: Path) -> None:
    source = tmp_path / "rios.gpkg"
    sources.hydrorivers().to_file(source)
    told = riskmap("import", str(source))
    assert told.returncode == 0, told.stderr
    assert 'preset = "hydrorivers"' in told.stdout
    content = json.loads(riskmap("import", "--json", str(source)).stdout)
    assert content[0]["preset"] == "hydrorivers"
    written = riskmap("import", "hydrorivers", str(source), "-o", str(tmp_path / "rivers.gpkg"))
    assert written.returncode == 0, written.stderr
    assert (tmp_path / "rivers.gpkg.provenance.json").exists()
    again = riskmap("import", str(source), "-o", str(tmp_path / "rivers.gpkg"))
    assert again.returncode == 1
    assert "--overwrite" in again.stderr


def test_import_of_what_cannot_be_read(tmp_path: Path) -> None:
    empty = tmp_path / "empty.gpkg"
    empty.touch()
    told = riskmap("import", str(empty))
    assert told.returncode == 1
    assert "the file is empty" in told.stderr
    assert "Traceback" not in told.stderr
