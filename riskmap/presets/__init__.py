"""Known things as data: craft and their speeds, roads and theirs, with their sources."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

#: Sizes of streams, by Strahler order.
SIZES = ("small", "middle", "large")


@dataclass(frozen=True, slots=True)
class Craft:
    """Describe a kind of boat.

    Attributes
    ----------
    name, meaning, source
        Its name in the study file, what it is, and where its speed comes from.
    hull_kmh
        Speed in still water.
    """

    name: str
    meaning: str
    source: str
    hull_kmh: float


@dataclass(frozen=True, slots=True)
class Waters:
    """Describe what streams of three sizes do to boats, by season.

    Attributes
    ----------
    small_order, middle_order
        Strahler order up to which a stream is small, or of middle size.
    current_kmh, share
        Current, and what is left of a hull's speed, by season and size.
    least_kmh
        No boat is slower against the current.
    """

    small_order: float
    middle_order: float
    current_kmh: Mapping[str, Mapping[str, float]]
    share: Mapping[str, Mapping[str, float]]
    least_kmh: float

    def speeds_kmh(
        self, craft: Craft, *, season: Literal["low", "high"]
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return speeds over ground with and against the current, by size of stream."""
        hull = [self.share[season][size] * craft.hull_kmh for size in SIZES]
        current = [self.current_kmh[season][size] for size in SIZES]
        down = tuple(h + c for h, c in zip(hull, current, strict=True))
        up = tuple(max(self.least_kmh, h - c) for h, c in zip(hull, current, strict=True))
        return down, up


@cache
def known_craft() -> Mapping[str, Craft]:
    """Return the craft that a study can name."""
    craft = _table()["craft"]
    return MappingProxyType(
        {
            name: Craft(name, each["meaning"], each["source"], each["hull_kmh"])
            for name, each in craft.items()
        }
    )


@cache
def known_waters() -> Waters:
    """Return what streams do to boats."""
    table = _table()
    order = table["stream_order"]
    return Waters(
        order["small"], order["middle"], table["current_kmh"], table["share"], table["least_kmh"]
    )


@cache
def road_speeds_kmh(season: Literal["low", "high"]) -> Mapping[str, float]:
    """Return speeds on roads in a season, by the class that OpenStreetMap gives them."""
    table = tomllib.loads(files(__name__).joinpath("roads.toml").read_text("utf-8"))
    share = table["share"] if season == "high" else {}
    return MappingProxyType(
        {name: kmh * share.get(name, 1.0) for name, kmh in table["kmh"].items()}
    )


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files(__name__).joinpath("craft.toml").read_text("utf-8"))
