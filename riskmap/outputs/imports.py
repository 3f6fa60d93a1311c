"""What `riskmap import` says of presets and files, as plain lines, and the layer that it writes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import geopandas as gpd

from riskmap._version import __version__
from riskmap.layers.sources import Source
from riskmap.layers.survey import Survey
from riskmap.outputs.files import whole_file, write_whole
from riskmap.presets.sources import Preset, known_presets
from riskmap.report import Count

LAYER_ENDINGS = (".gpkg", ".geojson", ".parquet")
#: Notes of one kind beyond this number are counted, not listed.
_NOTES = 6
#: Columns of few values that are shown.
_KINDS = 4
_SHAPES = {"point": ("point", "points"), "line": ("line", "lines"), "polygon": ("area", "areas"),
           "other": ("other shape", "other shapes")}  # fmt: skip


def preset_lines(name: str | None, *, as_json: bool) -> list[str]:
    """List the presets, or tell everything of one.

    Parameters
    ----------
    name
        A preset; None is all of them.
    as_json
        Whether to list them as JSON.
    """
    known = known_presets()
    chosen = known if name is None else {name: known[name]}
    if as_json:
        content = {each: preset.model_dump(by_alias=True) for each, preset in chosen.items()}
        return [json.dumps(content, indent=2, ensure_ascii=False)]
    if name is not None:
        return _preset(known[name])
    width = max(map(len, known))
    lines = [f"{preset.name:<{width}}  {_layers(preset):<28}  {preset.title}" for preset in
             known.values()]  # fmt: skip
    return [
        *lines,
        "",
        "riskmap import PRESET tells more of one; riskmap import FILE looks at a file",
    ]


def _layers(preset: Preset) -> str:
    return ", ".join(preset.layers) or "-"


def _preset(preset: Preset) -> list[str]:
    lines = [f"{preset.name}: {preset.title}", f"  source   {preset.source}",
             f"  terms    {preset.licence}", f"  layers   {_layers(preset)}"]  # fmt: skip
    for column, rule in preset.columns.items():
        names = " or ".join(rule.sources) or (f"{rule.constant!r}" if rule.constant else "")
        spare = f", else {' and '.join(rule.fallback)}" if rule.fallback else ""
        if names or spare:
            lines.append(f"  column   {column} = {names}{spare}")
    lines += [f"  rows     {' or '.join(k.column)} is {', '.join(k.values)}: {k.why}" for k in
              preset.keep]  # fmt: skip
    if preset.personal:
        lines.append(f"  left out {', '.join(preset.personal)}: about persons")
    return lines + [f"  note     {note}" for note in preset.notes]


def json_lines(surveys: Sequence[Survey]) -> list[str]:
    """Return the surveys as one JSON list."""
    content = [survey.as_dict() for survey in surveys]
    return [json.dumps(content, indent=2, ensure_ascii=False, default=str)]


def survey_lines(surveys: Sequence[Survey]) -> list[str]:
    """Say what was found in each file, and at the end the lines for the study file."""
    lines = [line for survey in surveys for line in (*_survey(survey), "")]
    ready = [survey.suggestion for survey in surveys if survey.suggestion and not survey.raster]
    rasters = [line for survey in surveys if survey.raster for line in ("", survey.suggestion)]
    if not ready:
        return [*lines, "For the study file:", *rasters] if rasters else lines[:-1]
    twice = Counter(line.split(" = ")[0] for line in ready)
    repeated = sorted(name for name, count in twice.items() if count > 1)
    other = [f"# or {line}" for survey in surveys for line in survey.or_else]
    lines += ["For the study file:", "", "[layers]", *ready, *other, *rasters]
    lacks = [name for name in ("rivers", "entry_points") if name not in twice]
    if not {"venues", "mining_areas"} & set(twice):
        lacks.append("venues or mining_areas")
    if lacks:
        lines += ["", f"A study needs as well: {', '.join(lacks)}."]
    if repeated:
        lines += ["", f"A study has one {', one '.join(repeated)}: keep the one that you mean."]
    return lines


def _survey(survey: Survey) -> Iterable[str]:
    one, many = (" and ".join(_SHAPES[kind][k] for kind in survey.geometry) for k in range(2))
    table = f", table {survey.table}" if survey.table else ""
    yield f"{survey.path}{table}"
    rows = f"{Count(survey.rows):{one or 'row'}|{many or 'rows'}}" if survey.rows else ""
    if rows or survey.raster:
        yield f"  holds      {rows or survey.raster}, {survey.crs or 'no CRS stated'}"
    if survey.box is not None:
        west, south, east, north = survey.box
        yield f"  where      {west:.2f} to {east:.2f} east, {south:.2f} to {north:.2f} north"
    if survey.raster:
        yield '  use        a column of the corridors; with use = "attraction" it draws trips'
    if survey.rows:
        yield from _source(survey)
    yield from _use(survey)
    counts: Counter[str] = Counter()
    for note in survey.notes:
        counts[note.kind] += 1
        if counts[note.kind] <= _NOTES and note.kind != "defaulted":
            where = "" if note.feature is None else f"{note.feature}: "
            mend = f" ({note.remedy})" if note.remedy else ""
            yield f"  {note.kind:<10} {where}{note.what}{mend}"
    for kind, count in counts.items():
        if count > _NOTES and kind != "defaulted":
            yield f"  {kind:<10} {count - _NOTES} more"
    for problem in survey.problems:
        yield f"  problem    {problem.what} ({problem.remedy})"


def _source(survey: Survey) -> Iterable[str]:
    if survey.preset is None:
        yield "  source     not known: no preset has these columns"
        if survey.layer is None:
            fits = ", ".join(survey.layers) or "no layer of a study"
            yield f"  could be   {fits} (try: riskmap import --layer NAME {survey.path})"
        return
    yield f"  source     {survey.preset}: {survey.title}"
    yield f"  terms      {survey.licence}"
    if survey.others:
        yield f"  fits too   {', '.join(survey.others)} (riskmap import PRESET {survey.path})"
    for line in survey.about:
        yield f"  note       {line}"


def _use(survey: Survey) -> Iterable[str]:
    if survey.layer is None:
        if survey.preset is not None:
            yield "  use        no layer of a study takes it"
        return
    if survey.usable or survey.mapped:
        also = [name for name in survey.layers if name != survey.layer]
        more = f" (or {', '.join(also)}: --layer)" if also and survey.preset else ""
        rows = f"{survey.usable} of {Count(survey.rows):row|rows}"
        yield f"  use        {rows} as {survey.layer}{more}"
    elif not survey.problems:
        yield f"  use        {survey.layer}: this version does not read that layer"
    for column, how in survey.mapped:
        yield f"  column     {column} = {how}"
    if survey.assumed:
        assumed = ", ".join(f"{column} {value}" for column, value in survey.assumed)
        yield f"  assumed    {assumed}"
    if survey.left:
        shown = ", ".join(survey.left[:12])
        more = f" and {len(survey.left) - 12} more" if len(survey.left) > 12 else ""
        yield f"  not used   {shown}{more}"
    for column, values in survey.kinds[:_KINDS]:
        held = ", ".join(f"{value[:30]} {count}" for value, count in values)
        yield f"  values     {column}: {held}"
    if survey.kinds:
        column, values = survey.kinds[0]
        quoted = values[0][0].replace("'", "''")
        yield f"  filter     such as where = \"{column} = '{quoted}'\""


def write_layer(
    rows: gpd.GeoDataFrame,
    source: Source,
    path: Path,
    *,
    layer: str,
    preset: str | None,
    overwrite: bool,
) -> None:
    """Write a canonical layer, with its provenance beside it.

    Parameters
    ----------
    rows
        Canonical rows, EPSG:4326.
    source
        Where they come from.
    path
        Ends in one of `LAYER_ENDINGS`.
    layer
        Name of the canonical layer.
    preset
        Preset that mapped them.
    overwrite
        Whether a file may be replaced.

    Raises
    ------
    OutputError
        Where the file cannot be written.
    """
    with whole_file(path, overwrite=overwrite) as part:
        if path.suffix.lower() == ".parquet":
            rows.to_parquet(part, index=False)
        elif path.suffix.lower() == ".gpkg":
            rows.to_file(part, driver="GPKG", layer=layer, index=False)
        else:
            rows.to_file(part, driver="GeoJSON", index=False)
    record = {
        "riskmap": __version__, "layer": layer, "preset": preset, "path": source.path,
        "sha256": source.sha256, "features": source.features, "crs": source.crs,
    }  # fmt: skip
    content = json.dumps(record, indent=2, ensure_ascii=False).encode()
    write_whole(path.with_name(path.name + ".provenance.json"), content, overwrite=overwrite)
