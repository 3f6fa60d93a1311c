"""The elements of the planner's map, one class each, in the order in which they stand."""

from __future__ import annotations

from typing import Final

from riskmap.outputs.elements.access import Access
from riskmap.outputs.elements.base import Edition, MapElement, PlanShown, element_file
from riskmap.outputs.elements.basemap import BaseMap
from riskmap.outputs.elements.controls import (
    Labels,
    Layers,
    Legend,
    Paper,
    Permalink,
    Ranking,
    Search,
    SecondSheet,
    Table,
)
from riskmap.outputs.elements.corridors import Corridors
from riskmap.outputs.elements.plan import Plan
from riskmap.outputs.elements.sites import Sites
from riskmap.outputs.elements.story import Limits, Marking, Story

ELEMENTS: Final[tuple[type[MapElement], ...]] = (
    Marking, Story, Plan, Search, Ranking,
    Limits, Corridors, BaseMap, Sites, Access, Layers, Legend,
    Table, Paper, SecondSheet, Permalink, Labels,
)  # fmt: skip

_SCRIPTS: Final = ("core", "lines")
_STYLES: Final = ("page", "map", "panel", "tables", "paper")


def scripts() -> str:
    """Return the project's script: the core, and each element's, inside one function."""
    names = [*_SCRIPTS, *(element.name for element in ELEMENTS)]
    body = "\n".join(element_file(f"{name}.js") for name in names)
    return f'"use strict";\nconst riskmapBoot = (() => {{\n{body}\nreturn riskmap.boot;\n}})();\n'


def styles() -> str:
    """Return the project's style sheets."""
    return "\n".join(element_file(f"{name}.css") for name in _STYLES)


__all__ = ["ELEMENTS", "Edition", "MapElement", "PlanShown", "scripts", "styles"]
