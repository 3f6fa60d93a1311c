"""Options that commands share: their choices, where an output goes, and whether it may."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskmap.errors import RiskmapError

if TYPE_CHECKING:
    from riskmap.addresses import Address

    Target = Path | Address
else:
    Target = Path  # typer reads it; `read_target` makes an address where one is given


class Level(StrEnum):
    """Tables that a ranking can be written as."""

    corridors = "corridors"
    reaches = "reaches"
    routes = "routes"
    sites = "sites"


class SeasonName(StrEnum):
    """Water seasons."""

    low = "low"
    high = "high"


class Method(StrEnum):
    """Ways to choose checkpoints."""

    greedy = "greedy"
    exact = "exact"
    evasive = "evasive"


class LanguageName(StrEnum):
    """Languages of the planner's outputs."""

    es = "es"
    en = "en"


def read_target(text: str) -> Target:
    """Read where a table goes: a file, or the address of a database."""
    from riskmap.addresses import file_or_address

    try:
        return file_or_address(text, place="-o")
    except RiskmapError as error:
        found = error.problems[0]
        raise typer.BadParameter(f"{found.what} ({found.remedy})") from None


StudyPath = Annotated[Path, typer.Argument(metavar="STUDY", help="Path of the study file.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")]


def output_option(what: str) -> Any:
    """Return the option -o of a command that writes a table to a file or a database."""
    return typer.Option("-o", "--output", parser=read_target, metavar="FILE", help=what)


_TABLES = "File to write: .csv .geojson .gpkg .parquet .json .xlsx"
TableOutput = Annotated[Target, output_option(f"{_TABLES} postgresql://… (rank: .tif)")]
PlanOutput = Annotated[
    Target,
    output_option(f"{_TABLES}, postgresql://…, or a map before and after: .html"),
]
Season = Annotated[SeasonName | None, typer.Option(help="Water season, in place of the study's.")]
Language = Annotated[
    LanguageName | None, typer.Option(help="Language of what people read, in place of the study's.")
]


def table_endings() -> tuple[str, ...]:
    """Return the endings of the files that a table can be written to."""
    from riskmap.outputs.files import TABLE_ENDINGS

    return TABLE_ENDINGS


def check_ending(path: Target, *endings: str) -> None:
    """Refuse, as wrong usage, an output whose ending names no format."""
    from riskmap.addresses import is_address

    if not isinstance(path, Path):
        return
    if is_address(str(path)):
        wrong = "a database takes tables only: rank, plan, compare"
    elif path.suffix.lower() not in endings:
        wrong = f"{path.name} ends in none of {' '.join(endings)}"
    else:
        return
    raise typer.BadParameter(wrong, param_hint="'-o' / '--output'")


def refuse_existing(*paths: Target, overwrite: bool, table: str = "") -> None:
    """Say before a long run, not after it, that an output cannot be written."""
    from riskmap.outputs.files import check_outputs

    check_outputs(*(path for path in paths if isinstance(path, Path)), overwrite=overwrite)
    for address in (path for path in paths if not isinstance(path, Path)):
        from riskmap.outputs.databases import check_database

        check_database(address, name=table, overwrite=overwrite)
