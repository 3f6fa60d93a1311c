"""Known sources as data: one TOML file each, checked when it is loaded.

A preset says how a source that people have becomes a canonical layer: which of its columns is
which, in all the spellings that were seen, in which unit, with which values; what to leave out, and
why. Nothing is read here but the presets themselves; `riskmap.layers.mapping` applies them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from riskmap.errors import Problem, StudyError
from riskmap.schema import LAYERS

#: Layers of the contract that a preset may name before this version reads them.
PLANNED = frozenset({"incidents"})

Names = Annotated[tuple[str, ...], Field(strict=False)]
Scalars = Annotated[tuple[str | float | int, ...], Field(strict=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class ColumnMap(_Part):
    """Say where the values of one canonical column come from.

    Attributes
    ----------
    sources
        Names in the source, the first that is there; case and accents do not matter.
    constant
        Value of every row, where the source as a whole says it.
    times
        What a number is multiplied with, to be in the canonical unit.
    unknown
        Values that stand for unknown.
    words
        Canonical value → values of the source (`*` for anything); the rest stays as it is.
    otherwise
        Canonical value of what `words` does not list.
    date
        How a day or time is written.
    first_of
        Separator of several values, of which the first counts.
    fallback
        Columns that stand in, joined, where there is no value.
    apart
        Column that is added to values that stand more than once.
    """

    sources: Names = Field(default=(), alias="from")
    constant: str | float | int | None = None
    times: float = 1.0
    unknown: Scalars = ()
    words: Mapping[str, Names] = Field(default_factory=dict, alias="values")
    otherwise: str | None = None
    date: Literal["iso", "day_first", "epoch_ms"] = "iso"
    first_of: str | None = None
    fallback: Names = ()
    apart: Names = ()

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, given: Any) -> Any:
        """Take "NAME" and ["NAME", "NAM"] for a column that needs no more than that."""
        if isinstance(given, str):
            return {"from": [given]}
        if isinstance(given, list | tuple):
            return {"from": list(given)}
        if isinstance(given, dict) and isinstance(given.get("from"), str):
            return {**given, "from": [given["from"]]}
        return given


class Keep(_Part):
    """Say which rows of a source belong to the layer.

    Attributes
    ----------
    column
        Names of the column that tells; where there is none, every row is kept.
    values
        Values to keep, `*` for any ending.
    pick
        "last": of the values that are there, only the last (extents of several years, that must
        not be added up).
    why
        Reason, for people.
    """

    column: Names
    values: Names
    pick: Literal["last"] | None = None
    why: str


class Recognise(_Part):
    """Say what a file of the source looks like.

    Attributes
    ----------
    columns
        Each entry must be there; "a|b" means either.
    absent
        None of these may be there.
    values_
        Column → values of which one at least must occur (`values` in the file).
    tables
        Names of the table inside the file, where the format fixes them.
    """

    columns: Names = ()
    absent: Names = ()
    values_: Mapping[str, Names] = Field(default_factory=dict, alias="values")
    tables: Names = ()


class Places(_Part):
    """Say where the coordinates of a table without geometry stand."""

    x: Names
    y: Names
    zone: Names = ()
    crs: str = "EPSG:4326"


class Shift(_Part):
    """Say how far a table's fields stand to the right of their headings, and how that is known.

    Attributes
    ----------
    by
        Fields; the first ones of each line end the line before.
    total, parts
        A column that is the sum of others: it decides whether the file is shifted.
    headings
        Heading → the right one, where some are wrong even then.
    joined
        Heading → the columns that stand in its field, apart by blanks.
    """

    by: Annotated[int, Field(gt=0)]
    total: str
    parts: Names
    headings: Mapping[str, str] = Field(default_factory=dict)
    joined: Mapping[str, Names] = Field(default_factory=dict)


class Preset(_Part):
    """Describe one known source.

    Attributes
    ----------
    name
        What a study file calls it: the file's name.
    title, source, licence, notes
        What it is, where it comes from, on which terms, and what to know about it.
    layers
        Canonical layers that it fits, the most usual first; none where no layer takes it yet.
    geometry
        What its places are.
    recognise, columns, keep, personal
        How it is known, how its columns are mapped, which rows are kept, and which columns are left
        out because they are about persons.
    flow_direction
        Of rivers, unless the study says otherwise.
    square_deg
        Points stand for squares of this side: pixels.
    places, header, shift
        How a table without geometry is read.
    osm_where
        Filter for extracts of OpenStreetMap, as GDAL takes it.
    time_in_z
        What the third coordinate of tracks is.
    """

    name: str
    title: str
    source: str
    licence: str
    notes: Names = ()
    layers: Names
    geometry: Literal["point", "line", "polygon"]
    recognise: Recognise
    columns: Mapping[str, ColumnMap] = Field(default_factory=dict)
    keep: Annotated[tuple[Keep, ...], Field(strict=False)] = ()
    personal: Names = ()
    flow_direction: Literal["digitised", "reversed", "unknown", "inferred"] | None = None
    square_deg: float | None = None
    places: Places | None = None
    header: Names = ()
    shift: Shift | None = None
    osm_where: str | None = None
    time_in_z: Literal["epoch_ms"] | None = None

    @model_validator(mode="after")
    def _fits_the_layers(self) -> Preset:
        for layer in self.layers:
            if layer in PLANNED and layer not in LAYERS:
                continue
            if layer not in LAYERS:
                raise ValueError(f"{layer!r} is not a layer")
        known = {c.name for layer in self.layers if layer in LAYERS for c in LAYERS[layer].columns}
        if known and (strange := set(self.columns) - known):
            raise ValueError(f"no layer of the preset has {', '.join(sorted(strange))}")
        if (self.flow_direction is None) != ("rivers" not in self.layers):
            raise ValueError("flow_direction goes with rivers, and with nothing else")
        return self


def load_preset(name: str, content: Mapping[str, Any]) -> Preset:
    """Check a preset that is given as nested mappings, as in its TOML file.

    Raises
    ------
    StudyError
        With every problem in it.
    """
    try:
        return Preset.model_validate({**content, "name": name})
    except ValidationError as error:
        raise StudyError(
            [
                Problem(
                    f"preset {name}",
                    ".".join(map(str, found["loc"])) or None,
                    str(found["msg"]).removeprefix("Value error, "),
                    "mend the preset",
                )
                for found in error.errors()
            ]
        ) from None


@cache
def known_presets() -> Mapping[str, Preset]:
    """Return the presets by name."""
    folder = files(__name__)
    found = sorted(p.name for p in folder.iterdir() if p.name.endswith(".toml"))
    return MappingProxyType(
        {
            file.removesuffix(".toml"): load_preset(
                file.removesuffix(".toml"), tomllib.loads(folder.joinpath(file).read_text("utf-8"))
            )
            for file in found
        }
    )


def with_flow_direction(content: dict[str, Any]) -> dict[str, Any]:
    """Take the direction of flow from a layer's preset where the study file does not state it."""
    layers = content.get("layers")
    if not isinstance(layers, dict):
        return content
    for layer in layers.values():
        name = layer.get("preset") if isinstance(layer, dict) else None
        known = known_presets().get(name) if isinstance(name, str) else None
        if known is not None and known.flow_direction is not None:
            layer.setdefault("flow_direction", known.flow_direction)
    return content


def preset_problems(layers: Mapping[str, Any]) -> list[Problem]:
    """Find the layers whose preset is not known, or is of another layer."""
    return [
        Problem(f"[layers.{name}]", "preset", *found)
        for name, layer in layers.items()
        if layer.preset is not None
        and (name in LAYERS)
        and (found := preset_problem(layer.preset, layer=name)) is not None
    ]


def preset_problem(name: str, *, layer: str | None = None) -> tuple[str, str] | None:
    """Say what is wrong with a preset's name, and how to mend it; None where nothing is.

    Parameters
    ----------
    name
        As a person wrote it.
    layer
        Layer that it is meant for.
    """
    known = known_presets()
    if name not in known:
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        mend = f"did you mean {near[0]!r}?" if near else "riskmap import lists the presets"
        return f"{name!r} is not a known preset", mend
    fits = known[name].layers
    if layer is None or layer in fits:
        return None
    if not fits:
        return f"preset {name!r} is of no layer of a study", "name another file"
    return f"preset {name!r} is not of this layer", f"it is of: {', '.join(fits)}"
