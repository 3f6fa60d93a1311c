"""The study file: its sections as frozen models, and every problem in it on a line of its own.

Paths stay as they are written; `Settings.path_of` resolves them against the file's folder. What a
layer's columns mean is in `riskmap.schema`.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from riskmap import schema
from riskmap.addresses import is_address, layer_problems, without_addresses
from riskmap.errors import Problem, StudyError
from riskmap.later import later_problems, without_later
from riskmap.presets import known_craft
from riskmap.presets.sources import preset_problems, with_flow_direction

Season = Literal["low", "high"]
Language = Literal["es", "en"]
FlowDirection = Literal["digitised", "reversed", "unknown", "inferred"]
UnusableRows = Literal["stop", "skip"]

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Rate = Annotated[float, Field(ge=0.0)]


def _places(value: object) -> object:
    """Take one [lon, lat] for a list of one."""
    one = isinstance(value, list | tuple) and value and not isinstance(value[0], list | tuple)
    return (value,) if one else value


_Lon = Annotated[float, Field(ge=-180.0, le=180.0, strict=False)]
_Lat = Annotated[float, Field(ge=-90.0, le=90.0, strict=False)]
_Place = Annotated[tuple[_Lon, _Lat], Field(strict=False)]
#: One place, or several: [lon, lat] or [[lon, lat], …], degrees.
Outlets = Annotated[tuple[_Place, ...], Field(strict=False, min_length=1), BeforeValidator(_places)]


class _Section(BaseModel):
    """Hold one section; strict, so that "16" is not a number and 1 is not a name."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class StudySection(_Section):
    """Hold `[study]`: what is shown on every output."""

    name: Annotated[str, Field(min_length=1)] = "riskmap"
    season: Season = "low"
    seed: Annotated[int, Field(ge=0)] = 0
    language: Language = "es"


class LayerSection(_Section):
    """Hold `[layers.NAME]`: where a layer is, and how its columns are called there."""

    path: Annotated[str, Field(min_length=1)]
    table: str | None = None
    query: Annotated[str | None, Field(min_length=1)] = None
    preset: str | None = None
    columns: Mapping[str, str] = Field(default_factory=dict)
    flow_direction: FlowDirection = "digitised"
    outlet: Outlets | None = None
    elevation: Annotated[str | None, Field(min_length=1)] = None
    where: str | None = None
    crs: str | None = None
    unusable_rows: UnusableRows = "stop"
    max_access_km: Amount | None = None
    position_error_m: Amount = 0.0

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Keep the password of an address out of what is printed."""
        for key, value in super().__repr_args__():
            yield key, without_addresses(value) if key == "path" else value


class TravelSection(_Section):
    """Hold `[travel]`: speeds over ground, km/h, and how far from the water a site may be.

    A craft gives its own pair of speeds by season and stream order; a speed that is stated beside
    it comes first.
    """

    craft: str | None = None
    downstream_kmh: Positive = 16.0
    upstream_kmh: Positive = 9.0
    overland_kmh: Positive = 3.0
    max_access_km: Amount = 10.0
    snap_tolerance_m: Amount = 50.0
    road_kmh: Positive = 40.0
    landing_tolerance_m: Amount = 500.0


class MovementSection(_Section):
    """Hold one `[[movements]]`: who travels from where to where (model §2)."""

    name: Annotated[str, Field(min_length=1)]
    origins: str
    destinations: str
    transits_per_month: Positive | None = None
    beta_per_h: Amount = 0.1


class Limits(_Section):
    """Hold what a stream has to be for boats to pass; where it is not known, they do."""

    min_strahler_order: Positive | None = None
    min_width_m: Positive | None = None
    min_discharge_m3s: Positive | None = None


class NavigabilitySection(_Section):
    """Hold `[navigability]`: which streams carry boats, by season."""

    low: Limits = Limits()
    high: Limits = Limits()


class RoutesSection(_Section):
    """Hold `[routes]`: how travellers choose (model §4)."""

    theta_per_h: Rate = 1.0
    hazard_aversion_h: Amount = 0.0


class PatrolSection(_Section):
    """Hold `[patrol]`: how patrols meet boats (model §3)."""

    period_h: Positive = 720.0
    detection_per_meeting: Share = 0.5
    standard_speed_kmh: Positive = 25.0


class AccessSection(_Section):
    """Hold `[access]`: what counts as help, and from when a place is cut off from it."""

    effective_post_from: Share = 0.5
    cut_off_h: Positive = 6.0


class StatusWeights(_Section):
    """Hold the attraction of a mined hectare by its legal status."""

    authorised: Amount = 0.1
    informal: Amount = 0.7
    illegal: Amount = 1.0
    unknown: Amount = 0.7


class MiningSection(_Section):
    """Hold `[mining]`: how mining areas become destinations (model §2)."""

    cell_km: Positive = 2.0
    status_weights: StatusWeights = StatusWeights()
    rules: Annotated[str | None, Field(min_length=1)] = None


class RasterSection(_Section):
    """Hold one `[[rasters]]`: what lies near the corridors (docs/rasters.md)."""

    path: Annotated[str, Field(min_length=1)]
    name: Annotated[str | None, Field(min_length=1)] = None
    use: Literal["report", "attraction"] = "report"
    statistic: Literal["sum", "mean"] = "sum"
    within_km: Positive = 5.0
    band: Annotated[int, Field(ge=1)] = 1
    weight: Amount = 1.0


class _StudyFile(_Section):
    """Hold the sections as they stand in the file."""

    study: StudySection = StudySection()
    layers: Mapping[str, LayerSection]
    travel: TravelSection = TravelSection()
    navigability: NavigabilitySection = NavigabilitySection()
    movements: tuple[MovementSection, ...] = Field(default=(), strict=False)
    routes: RoutesSection = RoutesSection()
    patrol: PatrolSection = PatrolSection()
    mining: MiningSection = MiningSection()
    access: AccessSection = AccessSection()
    rasters: Annotated[tuple[RasterSection, ...], Field(strict=False)] = ()


class Settings(_StudyFile):
    """Hold a study's settings.

    Attributes
    ----------
    folder
        Folder that the layers' paths are relative to.
    sha256
        Hash of the study file, or of nothing where the settings were made in Python.
    """

    folder: Path = Path()
    sha256: str = ""

    def path_of(self, layer: str) -> Path:
        """Return the path of a layer's file."""
        return self.folder / self.layers[layer].path

    def max_access_km(self, layer: str) -> float:
        """Return how far from the water the sites of a layer may be, km."""
        if layer == "rasters":
            return max(r.within_km for r in self.rasters if r.use == "attraction")
        own = self.layers[layer].max_access_km
        return self.travel.max_access_km if own is None else own

    def with_layer(self, name: str, path: str | Path) -> Settings:
        """Return the settings with a layer read from another file or the address of a table.

        Files are relative to where one works.
        """
        known = is_address(str(path))
        section = LayerSection(path=str(path) if known else str(Path(path).resolve()))
        return self.model_copy(update={"layers": {**self.layers, name: section}})

    def with_study(self, **changes: str | int) -> Settings:
        """Return the settings with some keys of `[study]` changed.

        Raises
        ------
        StudyError
            Where a value is out of range.
        """
        try:
            study = StudySection(**{**self.study.model_dump(), **changes})
        except ValidationError as error:
            raise StudyError(_problems(error, ("study",))) from None
        return self.model_copy(update={"study": study})


def load_settings(path: str | Path) -> Settings:
    """Read a study file.

    Parameters
    ----------
    path
        The TOML file.

    Raises
    ------
    StudyError
        Where the file is missing or is not TOML, or a key or value is not as the contract says.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise StudyError(
            Problem(str(path), None, "there is no such study file", "make one with: riskmap init")
        ) from None
    except OSError as error:
        raise StudyError(
            Problem(str(path), None, f"cannot be read: {error.strerror}", "name a study file")
        ) from None
    return settings_from_mapping(
        _parse(raw, path), folder=path.parent, sha256=hashlib.sha256(raw).hexdigest()
    )


def settings_from_mapping(
    content: Mapping[str, Any], *, folder: str | Path = ".", sha256: str = ""
) -> Settings:
    """Check the content of a study file, given as nested mappings.

    Parameters
    ----------
    content
        Sections and keys as in the study file.
    folder
        Folder that the layers' paths are relative to.
    sha256
        Hash of the file that the content comes from.

    Raises
    ------
    StudyError
        With every problem.
    """
    problems = later_problems(content)
    try:
        checked = _StudyFile.model_validate(with_flow_direction(without_later(content)))
    except ValidationError as error:
        raise StudyError((*problems, *_problems(error))) from None
    checked = checked.model_copy(update={"movements": _movements(checked)})
    problems += _layer_problems(checked) + preset_problems(checked.layers)
    problems += _movement_problems(checked) + _craft_problems(checked)
    if problems:
        raise StudyError(problems)
    sections = {name: getattr(checked, name) for name in _StudyFile.model_fields}
    return Settings.model_construct(**sections, folder=Path(folder), sha256=sha256)


def _parse(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        what, mend = f"is not UTF-8 text (line {line})", "save it as UTF-8"
    except tomllib.TOMLDecodeError as error:
        what, mend = f"is not TOML: {error}", "mend that line; text stands in quotes"
    raise StudyError(Problem(str(path), None, what, mend))


def _movements(checked: _StudyFile) -> tuple[MovementSection, ...]:
    """Return the movements, and the default ones that are lacking.

    Those are all, where the study states none; and one to what a raster draws, where none that it
    states goes there.
    """
    stated = checked.movements
    goes_to = {movement.destinations for movement in stated}
    return stated + tuple(
        MovementSection(name=name, origins=origins, destinations=destinations)
        for name, origins, destinations in schema.DEFAULT_MOVEMENTS
        if {origins, destinations} <= _layers_of(checked)
        and (not stated or (destinations == "rasters" and "rasters" not in goes_to))
    )


def _layers_of(checked: _StudyFile) -> set[str]:
    """Return the layers that a study has; `rasters` where a raster attracts."""
    attracts = any(raster.use == "attraction" for raster in checked.rasters)
    return {*checked.layers, "rasters"} if attracts else {*checked.layers}


def _layer_problems(checked: _StudyFile) -> list[Problem]:
    problems = [
        _unknown_key(_bracket("layers"), name, list(schema.LAYERS))
        for name in checked.layers
        if name not in schema.LAYERS
    ]
    if "rivers" not in checked.layers:
        problems.append(Problem("[layers]", None, "no layer rivers", "add [layers.rivers]"))
    for name, layer in checked.layers.items():
        known = schema.LAYERS.get(name)
        if known is None:
            continue
        columns = [column.name for column in known.columns]
        problems += [
            _unknown_key(f"[layers.{name}] columns", column, columns)
            for column in layer.columns
            if column not in columns
        ]
        problems += layer_problems(name, layer.path, table=layer.table, query=layer.query)
    return problems + _direction_problems(checked)


def _direction_problems(checked: _StudyFile) -> list[Problem]:
    """Refuse what only an inferred direction of flow reads, where none is inferred."""
    return [
        Problem(
            f"[layers.{name}]",
            key,
            "is read only where the direction of flow of rivers is inferred",
            'write flow_direction = "inferred" in [layers.rivers], or take the key out',
        )
        for name, layer in checked.layers.items()
        for key in ("outlet", "elevation")
        if getattr(layer, key) is not None
        and (name != "rivers" or layer.flow_direction != "inferred")
    ]


def _craft_problems(checked: _StudyFile) -> list[Problem]:
    craft = checked.travel.craft
    if craft is None or craft in known_craft():
        return []
    near = get_close_matches(craft, known_craft(), n=1, cutoff=0.5)
    mend = f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(known_craft())}"
    return [Problem("[travel]", "craft", f"{craft!r} is not a known craft", mend)]


def _movement_problems(checked: _StudyFile) -> list[Problem]:
    problems = []
    for number, movement in enumerate(checked.movements):
        for end in ("origins", "destinations"):
            layer = getattr(movement, end)
            where = f"{end} (movement {movement.name!r})"
            if layer not in schema.MOVEMENT_LAYERS:
                problems.append(
                    Problem(
                        f"[[movements]] {number + 1}",
                        where,
                        f"{layer!r} is not a layer that trips start from or go to",
                        f"one of: {', '.join(schema.MOVEMENT_LAYERS)}",
                    )
                )
            elif layer not in _layers_of(checked):
                mend = f"add [layers.{layer}], or take the movement out"
                problems.append(
                    Problem(f"[[movements]] {number + 1}", where, f"no layer {layer}", mend)
                )
    names = [movement.name for movement in checked.movements]
    problems += [
        Problem("[[movements]]", name, "two movements have this name", "name them apart")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if "rasters" in _layers_of(checked) and all(
        movement.destinations != "rasters" for movement in checked.movements
    ):
        what = "attracts, and no movement goes there"
        mend = 'add [layers.entry_points], a movement that goes there, or use = "report"'
        problems.append(Problem("[[rasters]]", "use", what, mend))
    if not checked.movements:
        problems.append(
            Problem(
                "[layers]",
                None,
                "no movement: a layer of origins and one of destinations are needed",
                "add [layers.entry_points], and [layers.venues] or [layers.mining_areas]",
            )
        )
    return problems


def _problems(error: ValidationError, prefix: tuple[str, ...] = ()) -> list[Problem]:
    """Turn pydantic's findings into problems with the nearest key and the value seen."""
    return [_problem((*prefix, *found["loc"]), found) for found in error.errors()]


def _problem(place: tuple[int | str, ...], found: Any) -> Problem:
    section, key = _section_of(place)
    kind, seen = found["type"], found["input"]
    if kind == "extra_forbidden":
        return _unknown_key(section, key, _keys_at(place[:-1]))
    if kind == "missing":
        return Problem(section, key, "the key is missing", "add it")
    if isinstance(seen, Mapping) and {"low", "high"} <= set(seen):
        return Problem(
            section, key, "ranges are not in this version", "give the most likely number alone"
        )
    wanted = str(found["msg"]).removeprefix("Input should be ")
    shown = f"{seen!r}" if isinstance(seen, (str, int, float, bool)) else "this value"
    return Problem(section, key, f"{shown} is not {wanted}", "see the study file's documentation")


def _section_of(place: tuple[int | str, ...]) -> tuple[str, str]:
    """Split the place of a finding into the section's heading and the key."""
    if place and place[0] in ("movements", "rasters") and len(place) > 1:
        rest = ".".join(map(str, place[2:])) or str(place[0]).removesuffix("s")
        return f"[[{place[0]}]] {int(place[1]) + 1}", rest
    if len(place) == 1:
        return "study file", str(place[0])
    if place[0] == "layers":
        names = [str(part) for part in place[1:]]
        if len(names) == 1:
            return "[layers]", names[0]
        return f"[layers.{names[0]}]", ".".join(names[1:])
    return _bracket(str(place[0])), ".".join(map(str, place[1:]))


def _keys_at(place: tuple[int | str, ...]) -> list[str]:
    """Return the keys that a section may have."""
    model: Any = _StudyFile
    for part in place:
        fields = getattr(model, "model_fields", None)
        if fields is None or part not in fields:
            continue
        annotation = fields[part].annotation
        inner = [a for a in (annotation, *get_args(annotation)) if isinstance(a, type)]
        models = [a for a in inner if issubclass(a, BaseModel)]
        model = models[0] if models else model
    return list(model.model_fields)


def _unknown_key(section: str, key: str, known: list[str]) -> Problem:
    near = get_close_matches(key.rpartition(".")[2], known, n=1, cutoff=0.5)
    mend = f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(known)}"
    return Problem(section, key, "unknown key", mend)


def _bracket(name: str) -> str:
    return f"[{name}]"
