"""The command `riskmap import`: parse, call, print. Nothing is computed here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riskmap.addresses import is_address
from riskmap.errors import DataError
from riskmap.report import Count


def import_(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PRESET] FILE...", help="Files to look at; none: list the presets."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="LAYER", help="Write the layer: .gpkg .geojson or .parquet"
        ),
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Layer that the rows are meant for.")] = None,
    table: Annotated[str | None, typer.Option(help="Table inside the file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002
    overwrite: Annotated[  # noqa: FBT002
        bool, typer.Option("--overwrite", help="Replace the output if it exists.")
    ] = False,
) -> None:
    """Say what a file is, what of it a study can use, and the line for the study file."""
    from riskmap.outputs.imports import json_lines, preset_lines, survey_lines

    if any(is_address(name) for name in names or []):
        raise typer.BadParameter("import reads files: a layer in a database goes into the study")
    preset, files = _split_names(names or [], layer=layer)
    if not files:
        typer.echo("\n".join(preset_lines(preset, as_json=as_json)))
        return
    if output is not None:
        _write_layer(files, output, preset=preset, layer=layer, table=table, overwrite=overwrite)
        return
    from riskmap.layers.survey import Asked, survey_file

    asked = Asked(preset, layer, table)
    by_file = [survey_file(file, asked) for file in files]
    surveys = [survey for each in by_file for survey in each]
    typer.echo("\n".join(json_lines(surveys) if as_json else survey_lines(surveys)))
    unread = [each for each in by_file if all(survey.problems for survey in each)]
    problems = [problem for each in unread for survey in each for problem in survey.problems]
    if problems:
        raise DataError(problems)


def _split_names(names: list[str], *, layer: str | None) -> tuple[str | None, list[Path]]:
    """Part a preset's name from the files, and refuse names that are neither."""
    from riskmap.presets.sources import known_presets, preset_problem
    from riskmap.schema import LAYERS

    if layer is not None and layer not in LAYERS:
        raise typer.BadParameter(f"{layer} is not one of: {', '.join(LAYERS)}")
    first = names[0] if names else ""
    named = bool(first) and not Path(first).exists() and not Path(first).suffix
    if not named:
        return None, [Path(name) for name in names]
    wrong = preset_problem(first, layer=layer if first in known_presets() else None)
    if wrong is not None:
        raise typer.BadParameter(f"{wrong[0]} ({wrong[1]})")
    return first, [Path(name) for name in names[1:]]


def _write_layer(
    files: list[Path],
    output: Path,
    *,
    preset: str | None,
    layer: str | None,
    table: str | None,
    overwrite: bool,
) -> None:
    """Write one file as a canonical layer; what was skipped and assumed is said on the way."""
    from riskmap.layers.survey import Asked, read_as, survey_file
    from riskmap.outputs.files import check_outputs
    from riskmap.outputs.imports import LAYER_ENDINGS, write_layer
    from riskmap.outputs.terminal import print_notes

    if len(files) != 1:
        raise typer.BadParameter("name one file to write one layer")
    if output.suffix.lower() not in LAYER_ENDINGS:
        raise typer.BadParameter(
            f"{output.name} ends in none of {' '.join(LAYER_ENDINGS)}", param_hint="'-o'"
        )
    check_outputs(output, overwrite=overwrite)
    found = survey_file(files[0], Asked(preset, layer, table))[0]
    if found.problems:
        raise DataError(found.problems)
    if found.layer is None:
        fits = ", ".join(found.layers) or "none"
        raise typer.BadParameter(f"say which layer the rows are: --layer (it could be: {fits})")
    rows, findings, source = read_as(
        files[0], preset=found.preset, layer=found.layer, table=found.table
    )
    print_notes(findings.notes)
    if rows is None or source is None:
        raise DataError(findings.problems)
    write_layer(rows, source, output, layer=found.layer, preset=found.preset, overwrite=overwrite)
    typer.echo(f"{found.layer}: {Count(len(rows)):row|rows}: {output}")
