"""What the reader works with: the list, the search, layers and legend, tables, paper, the link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from riskmap.outputs.elements.base import MapElement, OutcomeLike, plain, text_of

_MOST_ROUTES: Final = 100  # rows of the page's table; the files hold them all


class Search(MapElement):
    """Find a corridor, a place or a river by name."""

    name: ClassVar[str] = "search"
    slot: ClassVar[Any] = "panel"
    template: ClassVar[str] = """<div class="rm-search" role="search">
<label for="rm-search">{{ t("search") }}</label>
<input id="rm-search" type="search" role="combobox" autocomplete="off" spellcheck="false"
 aria-expanded="false" aria-controls="rm-found" aria-autocomplete="list" maxlength="120">
<ul id="rm-found" role="listbox" aria-label="{{ t('search') }}" hidden></ul></div>"""


class Ranking(MapElement):
    """The ranked list; a corridor that is chosen opens why it ranks there."""

    name: ClassVar[str] = "ranking"
    slot: ClassVar[Any] = "panel"
    template: ClassVar[str] = """<section class="rm-ranking" aria-label="{{ t('ranking') }}">
<details class="rm-fold" id="rm-tab-ranking" open><summary><h2>{{ t("ranking") }}</h2></summary>
<div class="rm-filter"><label for="rm-top">{{ t("filter") }}</label>
<input id="rm-top" type="range" min="1" step="1">
<output id="rm-top-out" for="rm-top"></output></div>
<p class="rm-heads" aria-hidden="true"><span>{{ t("list_heads") }}</span>
<span>{{ t("col_score") }}</span></p>
<ol class="rm-list" id="rm-list"></ol>
<button type="button" class="rm-button" id="rm-more" hidden></button></details></section>"""


class Layers(MapElement):
    """The tree of layers in groups."""

    name: ClassVar[str] = "layers"
    slot: ClassVar[Any] = "over_map"
    template: ClassVar[str] = """<details class="rm-box rm-layers" id="rm-layers">
<summary>{{ t("layers") }}</summary><div id="rm-tree"></div></details>"""


class Legend(MapElement):
    """What the layers that are on look like, in a bar under the map: it covers nothing."""

    name: ClassVar[str] = "legend"
    slot: ClassVar[Any] = "below"
    template: ClassVar[str] = """<details class="rm-legend" id="rm-legend" open>
<summary>{{ t("legend") }}</summary><div id="rm-legend-body"></div></details>"""


class Table(MapElement):
    """The same content as tables: corridors, routes and sites."""

    name: ClassVar[str] = "table"
    slot: ClassVar[Any] = "below"
    template: ClassVar[str] = """<div class="rm-tools">
<button type="button" class="rm-button" id="rm-view"></button>
<button type="button" class="rm-button" id="rm-print">{{ t("print") }}</button></div>
<div class="rm-tables" id="rm-tables" hidden></div>"""

    def options(self) -> Mapping[str, Any]:
        """Return each result's routes, the busiest first."""
        return {"results": [_routes(outcome) for outcome in self.edition.outcomes]}


class Paper(MapElement):
    """The short ranking that stands beside the map on paper."""

    name: ClassVar[str] = "paper"
    slot: ClassVar[Any] = "below"
    template: ClassVar[str] = (
        """<div class="rm-on-paper rm-first-sheet" id="rm-paper-ranking"></div>"""
    )


class SecondSheet(MapElement):
    """The second sheet of paper: the long ranking and the chosen corridor's *why*, marked again."""

    name: ClassVar[str] = "second_sheet"
    slot: ClassVar[Any] = "after"
    template: ClassVar[str] = """<div class="rm-on-paper rm-second" id="rm-paper-second">
<p class="rm-marking">{{ this.edition.marking }}</p>
<p id="rm-paper-view"></p><div id="rm-paper-table"></div><div id="rm-paper-why"></div></div>"""


class Permalink(MapElement):
    """View, result, chosen corridor, filter and layers, kept in the address's fragment."""

    name: ClassVar[str] = "permalink"


class Labels(MapElement):
    """Names on the map that do not cover one another."""

    name: ClassVar[str] = "labels"


def _routes(outcome: OutcomeLike) -> list[dict[str, Any]]:
    return [
        {
            "origin": text_of(r.origin),
            "destination": text_of(r.destination),
            "hours": plain(r.travel_hours),
            "transits": plain(r.transits),
            "survival": plain(r.survival),
        }
        for r in outcome.top_routes(_MOST_ROUTES).itertuples()
    ]
