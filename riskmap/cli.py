"""The command line: parse, call, write, exit code. Nothing is computed here.

Results go to files, tables for people to standard output, diagnostics and progress to standard
error. Exit status: 0 done; 1 the data or the study cannot be used; 2 wrong usage. Everything heavy
is imported by the command that needs it, so that help costs nothing.
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskmap._version import __version__
from riskmap.cli_import import import_
from riskmap.cli_options import (
    Language,
    LanguageName,
    Level,
    Method,
    Overwrite,
    PlanOutput,
    Season,
    SeasonName,
    StudyPath,
    TableOutput,
    Target,
    check_ending,
    output_option,
    refuse_existing,
    table_endings,
)
from riskmap.errors import RiskmapError
from riskmap.steps import Steps

if TYPE_CHECKING:
    from riskmap.planning.checkpoints import CheckpointPlan
    from riskmap.planning.study_hours import StudyHours
    from riskmap.study import Result, Study

app = typer.Typer(
    name="riskmap",
    help="Rank the waterway corridors along which trafficking passes undetected.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


app.command("import", epilog="Example: riskmap import rivers.shp stations.csv")(import_)


DEFAULT_STUDY = Path("study.toml")


def main() -> None:
    """Run the command line; a problem with the data is a line, not a traceback."""
    try:
        app()
    except RiskmapError as error:
        for problem in error.problems:
            print(f"riskmap: {problem}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None


def _show_version(asked: bool) -> None:  # noqa: FBT001  (typer's own form of a callback)
    if asked:
        typer.echo(f"riskmap {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[  # noqa: FBT002
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Rank the waterway corridors along which trafficking passes undetected."""


@app.command(epilog="Example: riskmap demo -o maps")
def demo(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to write to.")
    ] = Path(),
    overwrite: Overwrite = False,  # noqa: FBT002
) -> None:
    """Run the embedded study of Madre de Dios: its ranking, its map, and where they are."""
    from riskmap.study import demo_study

    _make_folder(output)
    ranking = output / "madre_de_dios_corridors.csv"
    page = output / "madre_de_dios.html"
    refuse_existing(ranking, page, overwrite=overwrite)
    result = _run(demo_study())
    result.save(ranking, overwrite=overwrite)
    _save_map(result, page, language=None, overwrite=overwrite)
    _show_ranking(result)
    typer.echo(f"Ranking: {ranking}\nMap:     {page}")


@app.command(epilog="Example: riskmap init my-region")
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
) -> None:
    """Make a folder with a commented study file and the sample layers, ready to edit."""
    from riskmap.sample import copy_sample

    study = copy_sample(folder)
    typer.echo(f"Study: {study}\nTry:   riskmap rank {study} -o corridors.csv")


@app.command(epilog="Example: riskmap check study.toml -o network.gpkg")
def check(
    study: StudyPath = DEFAULT_STUDY,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="GeoPackage of reaches, sites, mends and doubts."
        ),
    ] = None,
    season: Season = None,
    overwrite: Overwrite = False,  # noqa: FBT002
) -> None:
    """Validate every layer and the network, and say what was mended, assumed or left out."""
    if output is not None:
        check_ending(output, ".gpkg")
        refuse_existing(output, overwrite=overwrite)
    found = _read(study, season=season).check()
    if output is not None:
        from riskmap.outputs.graphs import write_check

        write_check(found, output, overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
        return
    from riskmap.outputs.check_report import print_check

    print_check(found)


@app.command(epilog="Example: riskmap rank study.toml -o corridors.gpkg --top 20")
def rank(
    study: StudyPath = DEFAULT_STUDY,
    output: TableOutput = ...,  # type: ignore[assignment]
    level: Annotated[Level, typer.Option(help="What to list.")] = Level.corridors,
    top: Annotated[int | None, typer.Option(min=1, help="Only the first N rows.")] = None,
    season: Season = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed, in place of the study's.")] = None,
    timings: Annotated[  # noqa: FBT002
        bool, typer.Option("--timings", help="Say what each step took, on standard error.")
    ] = False,
    by_basin: Annotated[  # noqa: FBT002
        bool,
        typer.Option(
            "--by-basin", help="Score basin by basin on many processes; FILE is then a folder."
        ),
    ] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Dask cluster for --by-basin; a local one by default."
        ),
    ] = None,
    overwrite: Overwrite = False,  # noqa: FBT002
) -> None:
    """Rank the corridors (or list reaches, routes or sites) and write the table to a file."""
    if by_basin:
        if not isinstance(output, Path):
            raise typer.BadParameter("--by-basin writes a folder, not a database")
        read = _read(study, season=season, seed=seed)
        _rank_by_basin(read, output, scheduler=scheduler, timings=timings, overwrite=overwrite)
        return
    if scheduler is not None:
        raise typer.BadParameter("--scheduler goes with --by-basin")
    check_ending(output, *table_endings(), ".tif")
    refuse_existing(output, overwrite=overwrite, table=level.value)
    result = _run(_read(study, season=season, seed=seed))
    steps = Steps()
    with steps.take("export"):
        result.save(output, level=level.value, top=top, overwrite=overwrite)
    _show_ranking(result)
    typer.echo(f"{level.value.capitalize()}: {output}")
    if timings:
        from riskmap.outputs.terminal import print_timings

        print_timings({**result.provenance["steps"], **steps.record()})


def _rank_by_basin(
    study: Study, folder: Path, *, scheduler: str | None, timings: bool, overwrite: bool
) -> None:
    from riskmap.basins.cluster import connect
    from riskmap.outputs.terminal import print_notes, print_timings, show_progress
    from riskmap.study import run_basins

    # Without an address the run starts a cluster itself, and only where there is work for it.
    running = nullcontext() if scheduler is None else connect(scheduler)
    with show_progress() as progress, running as client:
        run = run_basins(
            study, folder=folder, client=client, overwrite=overwrite, progress=progress
        )
    print_notes(run.notes)
    typer.echo(f"Corridors: {folder / 'corridors.parquet'}\nReaches:   {folder / 'reaches'}")
    if timings:
        print_timings(run.provenance["steps"])


@app.command("map", epilog="Example: riskmap map study.toml -o map.html --language en")
def map_(
    study: StudyPath = DEFAULT_STUDY,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Page to write: .html")
    ] = ...,  # type: ignore[assignment]
    language: Language = None,
    season: Season = None,
    overwrite: Overwrite = False,  # noqa: FBT002
) -> None:
    """Write the planner's map: one self-contained file that opens without internet."""
    check_ending(output, ".html", ".htm")
    refuse_existing(output, overwrite=overwrite)
    result = _run(_read(study, season=season))
    _save_map(result, output, language=language, overwrite=overwrite)
    typer.echo(f"Map: {output}")


@app.command(epilog="Example: riskmap compare before.toml after.toml -o change.csv")
def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="Study file.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="Study file to compare with it.")],
    output: Annotated[Target, output_option("Table to write, or a map with a switch: .html")] = ...,  # type: ignore[assignment]
    season_before: Annotated[
        SeasonName | None, typer.Option("--season-a", help="Water season of A.")
    ] = None,
    season_after: Annotated[
        SeasonName | None, typer.Option("--season-b", help="Water season of B.")
    ] = None,
    overwrite: Overwrite = False,  # noqa: FBT002
) -> None:
    """Compare two studies (or two seasons of one), corridor by corridor."""
    check_ending(output, *table_endings(), ".html")
    refuse_existing(output, overwrite=overwrite, table="comparison")
    first = _run(_read(before, season=season_before))
    second = _run(_read(after, season=season_after))
    _save_comparison(first, second, output, overwrite=overwrite)
    typer.echo(f"Comparison: {output}")


def _save_comparison(first: Result, second: Result, path: Target, *, overwrite: bool) -> None:
    from riskmap.outputs.files import write_whole
    from riskmap.outputs.plans import write_comparison
    from riskmap.outputs.terminal import print_comparison
    from riskmap.study import compare as compare_results

    comparison = compare_results(first, second)
    if isinstance(path, Path) and path.suffix.lower() == ".html":
        from riskmap.outputs.map import build_map

        page = build_map([first.outcome, second.outcome])
        write_whole(path, page.get_root().render().encode(), overwrite=overwrite)
    else:
        write_comparison(first.outcome, second.outcome, comparison, path, overwrite=overwrite)
    print_comparison(comparison)


@app.command(epilog="Example: riskmap graph study.toml -o network.gpkg")
def graph(
    study: StudyPath = DEFAULT_STUDY,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help="File to write: .graphml or .gpkg"),
    ] = ...,  # type: ignore[assignment]
    season: Season = None,
    overwrite: Overwrite = False,  # noqa: FBT002
) -> None:
    """Write the scored waterway graph: GraphML, or a GeoPackage of nodes and reaches."""
    from riskmap.outputs.graphs import write_graph

    check_ending(output, ".graphml", ".gpkg")
    refuse_existing(output, overwrite=overwrite)
    write_graph(_run(_read(study, season=season)).outcome, output, overwrite=overwrite)
    typer.echo(f"Graph: {output}")


@app.command(epilog="Example: riskmap plan study.toml --checkpoints 3 -o plan.gpkg")
def plan(
    study: StudyPath = DEFAULT_STUDY,
    output: PlanOutput = ...,  # type: ignore[assignment]
    checkpoints: Annotated[
        int | None, typer.Option(min=1, metavar="K", help="Where to put so many checkpoints.")
    ] = None,
    patrol_hours: Annotated[
        float | None, typer.Option(metavar="B", help="Where to spend so many more hours a month.")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(metavar="COST", help="What the checkpoints may cost together."),
    ] = None,
    candidates: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Feasible places: points with name and cost; a file, or postgresql://…?table=…",
        ),
    ] = None,
    method: Annotated[Method, typer.Option(help="How to choose checkpoints.")] = Method.greedy,
    detection_probability: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Chance that a checkpoint detects one passage.")
    ] = 0.5,
    tolerance: Annotated[
        float, typer.Option(min=0.0, help="How much longer a way round may be: 0.25 is 25 %.")
    ] = 0.25,
    patrol_length: Annotated[
        float, typer.Option(metavar="HOURS", help="Length of one patrol, out and back.")
    ] = 8.0,
    season: Season = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the drawn schedule.")] = None,
    language: Language = None,
    overwrite: Overwrite = False,  # noqa: FBT002
) -> None:
    """Say where checkpoints, or more patrol hours, would intercept most, and what each gains."""
    places = checkpoints is not None or budget is not None
    if places == (patrol_hours is not None):
        raise typer.BadParameter("give one of --checkpoints K (or --budget) and --patrol-hours B")
    check_ending(output, *table_endings(), ".html")
    refuse_existing(output, overwrite=overwrite, table="checkpoints" if places else "patrol_hours")
    result = _run(_read(study, season=season, language=language, candidates=candidates))
    if places:
        made = result.plan_checkpoints(
            checkpoints,
            budget=budget,
            method=method.value,
            detection_probability=detection_probability,
            tolerance=tolerance,
        )
        _save_checkpoints(result, made, output, overwrite=overwrite)
    else:
        assert patrol_hours is not None  # noqa: S101  (one of the two is given)
        hours = result.plan_patrol_hours(patrol_hours, patrol_length_h=patrol_length, seed=seed)
        _save_hours(result, hours, output, overwrite=overwrite)
    typer.echo(f"Plan: {output}")


def _save_checkpoints(
    result: Result, plan: CheckpointPlan, path: Target, *, overwrite: bool
) -> None:
    from riskmap.outputs.advice import advise_checkpoints
    from riskmap.outputs.plans import write_checkpoints
    from riskmap.outputs.terminal import print_advice

    displacement = result.displacement(plan)
    if not _save_plan_map(result, plan, path, overwrite=overwrite):
        write_checkpoints(
            result.outcome, plan, path, displacement=displacement, overwrite=overwrite
        )
    print_advice(advise_checkpoints(result.outcome, plan, displacement))


def _save_hours(result: Result, plan: StudyHours, path: Target, *, overwrite: bool) -> None:
    from riskmap.outputs.advice import advise_hours
    from riskmap.outputs.plans import write_hours
    from riskmap.outputs.terminal import print_advice

    if not _save_plan_map(result, plan, path, overwrite=overwrite):
        write_hours(result.outcome, plan, path, overwrite=overwrite)
    print_advice(advise_hours(result.outcome, plan))


def _save_plan_map(
    result: Result, plan: CheckpointPlan | StudyHours, path: Target, *, overwrite: bool
) -> bool:
    """Write a plan as a page where that is what its ending says."""
    if not isinstance(path, Path) or path.suffix.lower() != ".html":
        return False
    from riskmap.outputs.files import write_whole

    page = result.map_plan(plan).get_root().render()
    write_whole(path, page.encode(), overwrite=overwrite)
    return True


def _make_folder(folder: Path) -> None:
    """Make the folder that a demonstration is written to; its parent has to be there."""
    if not folder.exists() and folder.resolve().parent.is_dir():
        folder.mkdir()


def _read(
    path: Path,
    *,
    season: SeasonName | None = None,
    seed: int | None = None,
    language: LanguageName | None = None,
    candidates: str | None = None,
) -> Study:
    from riskmap.settings import load_settings
    from riskmap.study import Study

    settings = load_settings(path)
    if candidates is not None:
        settings = settings.with_layer("candidates", candidates)
    changes = {
        "season": season and season.value,
        "seed": seed,
        "language": language and language.value,
    }
    given = {key: value for key, value in changes.items() if value is not None}
    return Study(settings.with_study(**given) if given else settings)


def _run(study: Study) -> Result:
    """Run a study with progress on standard error, and say there what has to be known."""
    from riskmap.outputs.terminal import print_notes, show_progress

    with show_progress() as progress:
        result = study.run(progress=progress)
    print_notes(result.notes)
    return result


def _show_ranking(result: Result) -> None:
    from riskmap.outputs.terminal import print_ranking

    print_ranking(result.outcome)


def _save_map(
    result: Result, path: Path, *, language: LanguageName | None, overwrite: bool
) -> None:
    from riskmap.outputs.files import write_whole

    page = result.map(language=language.value if language else None)
    write_whole(path, page.get_root().render().encode(), overwrite=overwrite)
