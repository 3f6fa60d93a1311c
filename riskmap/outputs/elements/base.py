"""What every element of the map shares: the results shown, the language, the marking.

An element is one class: what it is for, its markup, and the options that its script of the same
name reads. Markup is a template with escaping on; options go into the page's JSON. Neither puts a
string of the data into markup or script.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
import pandas as pd
from jinja2 import Environment

from riskmap.outputs.words import Language, Words
from riskmap.report import Note

if TYPE_CHECKING:
    import geopandas as gpd

Slot = Literal["top", "panel", "over_map", "below", "after", "none"]


class ReasonLike(Protocol):
    """Say why a corridor ranks where it does: names with shares, posts with effective hours."""

    @property
    def origins(self) -> Sequence[tuple[str, float]]: ...  # noqa: D102
    @property
    def sites(self) -> Sequence[tuple[str, float]]: ...  # noqa: D102
    @property
    def posts(self) -> Sequence[tuple[str, float]]: ...  # noqa: D102
    @property
    def borders(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def protected_areas(self) -> Sequence[str]: ...  # noqa: D102


class SourceLike(Protocol):
    """Say where a layer was read from."""

    @property
    def path(self) -> object: ...  # noqa: D102
    @property
    def sha256(self) -> str: ...  # noqa: D102
    @property
    def features(self) -> int: ...  # noqa: D102
    @property
    def crs(self) -> str: ...  # noqa: D102


class LayersLike(Protocol):
    """Hold the input tables and their sources by layer name."""

    @property
    def tables(self) -> Mapping[str, gpd.GeoDataFrame]: ...  # noqa: D102
    @property
    def sources(self) -> Mapping[str, SourceLike]: ...  # noqa: D102


class OutcomeLike(Protocol):
    """List what the map reads of an outcome (`riskmap.pipeline.Outcome` has it all)."""

    @property
    def study_name(self) -> str: ...  # noqa: D102
    @property
    def season(self) -> str: ...  # noqa: D102
    @property
    def language(self) -> str: ...  # noqa: D102
    @property
    def relative(self) -> bool: ...  # noqa: D102
    @property
    def corridors(self) -> gpd.GeoDataFrame: ...  # noqa: D102
    @property
    def reasons(self) -> Mapping[Any, ReasonLike]: ...  # noqa: D102
    @property
    def reaches(self) -> gpd.GeoDataFrame: ...  # noqa: D102
    def top_routes(self, top: int | None) -> gpd.GeoDataFrame: ...  # noqa: D102
    @property
    def sites(self) -> gpd.GeoDataFrame: ...  # noqa: D102
    @property
    def layers(self) -> LayersLike: ...  # noqa: D102
    @property
    def summary(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def provenance(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def notes(self) -> Sequence[Note]: ...  # noqa: D102


class AdviceLike(Protocol):
    """List what the map reads of advice (`riskmap.outputs.advice.Advice` has it all)."""

    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def heads(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def rows(self) -> Sequence[Sequence[str]]: ...  # noqa: D102
    @property
    def lines(self) -> Sequence[str]: ...  # noqa: D102


@dataclass(frozen=True)
class PlanShown:
    """Hold what a page shows of a plan.

    Attributes
    ----------
    advice
        What it says.
    displaced
        Waters with `name`, `transits_before`, `transits_after` and `change`; None where the plan
        says nothing of them.
    marks
        (lon, lat) of each row of the advice, where it has a place.
    """

    advice: AdviceLike
    displaced: gpd.GeoDataFrame | None = None
    marks: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Edition:
    """Hold what one map shows, and in which words.

    Attributes
    ----------
    results
        (key, label, outcome) of each result; the first is shown when the page opens.
    words
        Of the page's language.
    marking
        Distribution marking, printed on every sheet.
    plan
        The plan that the page is about, if any.
    """

    results: tuple[tuple[str, str, OutcomeLike], ...]
    words: Words
    marking: str
    plan: PlanShown | None = None

    @property
    def language(self) -> Language:
        """Return the language of the page."""
        return self.words.language

    @property
    def first(self) -> OutcomeLike:
        """Return the result whose layers make the base map."""
        return self.results[0][2]

    @property
    def outcomes(self) -> tuple[OutcomeLike, ...]:
        """Return the results without their labels."""
        return tuple(outcome for _, _, outcome in self.results)


class MapElement:
    """Hold one part of the page: where it stands, its markup, and what its script reads.

    Attributes
    ----------
    name
        Of the element; its script and style are the files of that name beside the module.
    slot
        Place on the page.
    template
        Markup, a Jinja template with escaping on; `t` gives a word, `this` is the element.
    """

    name: ClassVar[str]
    slot: ClassVar[Slot] = "none"
    template: ClassVar[str] = ""

    def __init__(self, edition: Edition) -> None:
        self.edition = edition

    def markup(self) -> str:
        """Return the element's markup."""
        template = Environment(autoescape=True).from_string(self.template)
        return template.render(this=self, t=self.edition.words.say)

    def options(self) -> Mapping[str, Any] | None:
        """Return what the element's script reads, as plain values; None for nothing."""
        return None

    def early(self) -> Mapping[str, bytes]:
        """Return compressed lines that are drawn first."""
        return {}

    def late(self) -> Mapping[str, bytes]:
        """Return compressed lines that can wait until the corridors are drawn."""
        return {}


def element_file(name: str) -> str:
    """Return the text of a script or style sheet of this folder ("" where there is none)."""
    path = files("riskmap.outputs.elements") / name
    return path.read_text("utf-8") if path.is_file() else ""


def plain(value: Any, *, digits: int = 4) -> Any:
    """Return a cell as what JSON can hold: None for missing, numbers rounded, dates as text.

    Examples
    --------
    >>> plain(float("nan")), plain(1.23456789), plain("Mazuko")
    (None, 1.2346, 'Mazuko')
    """
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return round(float(value), digits) if math.isfinite(value) else None
    if isinstance(value, (date, datetime)):
        return value.isoformat()[:10]
    return text_of(value)


def text_of(value: object) -> str:
    """Return a cell as text that any encoder takes ("" for missing; lone surrogates replaced)."""
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def is_invented(value: object) -> bool:
    """Tell whether a cell of a column `invented` says yes, in whatever form the file holds it.

    Examples
    --------
    >>> is_invented("yes"), is_invented(1.0), is_invented("0"), is_invented(None)
    (True, True, False, False)
    """
    return text_of(value).strip().lower() not in {"", "0", "0.0", "no", "false", "n", "f", "nan"}


def is_made_up(layer: str, name: str) -> bool:
    """Tell whether a name is one that reading gave to a feature without: layer and row number.

    Examples
    --------
    >>> is_made_up("mining_areas", "mining_areas 12"), is_made_up("mining_areas", "La Pampa")
    (True, False)
    """
    return name.removeprefix(f"{layer} ").isdecimal() and name != name.removeprefix(f"{layer} ")


def file_name(path: object) -> str:
    """Return the last part of a path: a map that is sent by mail does not tell whose folder it was.

    An address of a database loses its user, password and host with the rest.
    """
    return PurePath(str(path).replace("\\", "/")).name
