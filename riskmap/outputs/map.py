"""The planner's map: one file, no network, in Spanish or English, that explains itself.

`build_map` is the way in. A `RiskMap` is a `folium.Map`: add to it what you like, then `save` it.
What the map shows stands in `elements/`; how a page is closed against the network and against
markup in the data, in `page`; the words, in `words`. Nothing here computes a score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import folium
import numpy as np
from folium.template import Template

from riskmap.errors import OutputError, Problem
from riskmap.outputs.assets import JQUERY_JS, LEAFLET_CSS, LEAFLET_JS, image_address
from riskmap.outputs.elements import ELEMENTS, Edition, MapElement, PlanShown, scripts, styles
from riskmap.outputs.elements.base import OutcomeLike
from riskmap.outputs.elements.story import season_word
from riskmap.outputs.page import Content, Page
from riskmap.outputs.payload import base64_blocks, json_text
from riskmap.outputs.words import LANGUAGES, Language, Words

_AMAZON_DEG = (-75.0, -15.0, -65.0, -5.0)  # shown when a study has no line at all


@dataclass(frozen=True, slots=True)
class OnlineTiles:
    """Name an online tile layer, for readers who have a network.

    The page is then no longer silent: the tile server learns where the reader looks.

    Attributes
    ----------
    address
        With `{z}`, `{x}` and `{y}`; https only.
    attribution
        Shown as text.
    """

    address: str
    attribution: str


class RiskMap(folium.Map):
    """Hold the planner's map; a `folium.Map` that writes one self-contained file.

    Made by `build_map`. Layers added with `.add_to(...)` stand in the layer tree under their names.
    A popup or tooltip that you add is markup of your own: pass names of the data through
    `html.escape` and take out backticks and `${`, or use `folium.GeoJson` properties.
    """

    default_js = [("leaflet", LEAFLET_JS), ("jquery", JQUERY_JS)]  # noqa: RUF012 (folium's own)
    default_css = [("leaflet_css", LEAFLET_CSS)]  # noqa: RUF012 (folium's own)

    _template = Template("""
        {% macro html(this, kwargs) %}
        <div class="folium-map" id="{{ this.get_name() }}" role="region"
         aria-label="{{ this.title | e }}" tabindex="0"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.map({{ this.get_name() | tojson }}, {
            center: {{ this.location | tojson }}, ...{{ this.options | tojavascript }} });
        {% endmacro %}
    """)

    def __init__(self, content: Content, *, bounds: Sequence[Sequence[float]], title: str) -> None:
        (south, west), (north, east) = bounds
        super().__init__(
            location=[(south + north) / 2, (west + east) / 2],
            tiles=None,
            prefer_canvas=True,
            maxZoom=18,
            minZoom=2,
            fade_animation=False,
            zoom_start=7,
            zoom_snap=0.5,
        )
        # The same study gives the same page, so folium's random name does not serve.
        self._id = "riskmap"
        self.title = title
        _RiskPage(content).add_child(self)

    def controlled_layers(self) -> list[tuple[str, str]]:
        """Return (name, JavaScript name) of the layers that were added and may be switched."""
        return [
            (str(child.layer_name), str(child.get_name()))
            for child in self._children.values()
            if isinstance(child, folium.map.Layer) and child.control
        ]


class _RiskPage(Page):
    """Start the planner's script after every script of folium's own."""

    def render(self, **kwargs: Any) -> str:
        (risk_map,) = (child for child in self._children.values() if isinstance(child, RiskMap))
        added = ", ".join(
            f"[{json_text(label)}, {js}]" for label, js in risk_map.controlled_layers()
        )
        self.closing = f"riskmapBoot({risk_map.get_name()}, [{added}]);"
        return super().render(**kwargs)


def build_map(
    outcomes: OutcomeLike | Sequence[OutcomeLike] | Mapping[str, OutcomeLike],
    *,
    language: Language | None = None,
    marking: str | None = None,
    online_tiles: OnlineTiles | None = None,
    plan: PlanShown | None = None,
) -> RiskMap:
    """Build the planner's map of one result, or of several with a switch between them.

    Parameters
    ----------
    outcomes
        One outcome; or several (seasons, before and after a plan). A mapping's keys are the labels
        of the switch; a sequence is labelled by season where the seasons differ, else by study.
    language
        Of the page; the first outcome's by default.
    marking
        Distribution marking; by default that the page is internal, since it shows venues.
    online_tiles
        Tiles under the map for readers with a network; none by default.
    plan
        A plan that the page is about: its advice, and the traffic that it moves.

    Returns
    -------
    RiskMap
        A `folium.Map`; `save(path)` writes one file.

    Raises
    ------
    OutputError
        No outcome, an unknown language, or tiles that are not an https address.

    Examples
    --------
    >>> import riskmap as rm  # doctest: +SKIP
    >>> build_map(rm.demo_study().run().outcome).save("maps/demo.html")  # doctest: +SKIP
    """
    named = _named(outcomes)
    words = Words(_language(language or named[0][1].language))
    labels = _labels(words, named)
    results = tuple(
        (f"r{k}", label, o) for k, (label, (_, o)) in enumerate(zip(labels, named, strict=True))
    )
    edition = Edition(results, words, words.say("marking") if marking is None else marking, plan)
    bounds = _bounds(edition.outcomes)
    content = _content(edition, bounds=bounds, tiles=online_tiles)
    return RiskMap(content, bounds=bounds, title=words.say("map_of", name=content.title))


def _named(
    outcomes: OutcomeLike | Sequence[OutcomeLike] | Mapping[str, OutcomeLike],
) -> list[tuple[str, OutcomeLike]]:
    if isinstance(outcomes, Mapping):
        named = list(outcomes.items())
    elif isinstance(outcomes, Sequence):
        named = [("", outcome) for outcome in outcomes]
    else:
        named = [("", outcomes)]
    if not named:
        raise OutputError(Problem("map", None, "no result to show", "give one outcome or more"))
    return named


def _language(asked: str) -> Language:
    if asked not in LANGUAGES:
        what = f"no words in {asked!r}"
        raise OutputError(Problem("map", "language", what, f"use one of {', '.join(LANGUAGES)}"))
    return cast("Language", asked)


def _labels(words: Words, named: list[tuple[str, OutcomeLike]]) -> list[str]:
    """Return a label for each result, all different."""
    if all(label for label, _ in named):
        return [label for label, _ in named]
    choices = (
        [season_word(words, outcome.season) for _, outcome in named],
        [outcome.study_name for _, outcome in named],
        [f"{o.study_name} ({season_word(words, o.season)})" for _, o in named],
    )
    different = (labels for labels in choices if len(set(labels)) == len(named))
    return next(different, [words.say("result", number=k + 1) for k in range(len(named))])


def _bounds(outcomes: Sequence[OutcomeLike]) -> list[list[float]]:
    """Return ((south, west), (north, east)) in degrees of the corridors, or of all the water."""
    for tables in ([o.corridors for o in outcomes], [o.reaches for o in outcomes]):
        boxes = np.array([table.total_bounds for table in tables if len(table)])
        if len(boxes) and np.isfinite(boxes).all():
            west, south = boxes[:, :2].min(axis=0).tolist()
            east, north = boxes[:, 2:].max(axis=0).tolist()
            return [[south, west], [north, east]]
    west, south, east, north = _AMAZON_DEG
    return [[south, west], [north, east]]


def _content(edition: Edition, *, bounds: Any, tiles: OnlineTiles | None) -> Content:
    elements = [element(edition) for element in ELEMENTS]
    words = edition.words
    data = {
        "language": words.language,
        "words": dict(words.table),
        "results": [{"key": key, "label": label} for key, label, _ in edition.results],
        "relative": any(outcome.relative for outcome in edition.outcomes),
        "bounds": bounds,
        "markerImages": {
            "iconUrl": image_address("marker-icon.png"),
            "iconRetinaUrl": image_address("marker-icon-2x.png"),
            "shadowUrl": image_address("marker-shadow.png"),
        },
        "tiles": None
        if tiles is None
        else {"address": tiles.address, "attribution": tiles.attribution},
        "options": {e.name: options for e in elements if (options := e.options()) is not None},
    }
    return Content(
        language=words.language,
        title=edition.first.study_name or words.say("map"),
        noscript=words.say("noscript"),
        data=data,
        early=[block for e in elements for block in base64_blocks(e.early())],
        late=[block for e in elements for block in base64_blocks(e.late())],
        styles=[styles()],
        scripts=[scripts()],
        image_origin=_origin(tiles),
        **{
            slot: _markup(elements, slot) for slot in ("top", "panel", "over_map", "below", "after")
        },
    )


def _markup(elements: Sequence[MapElement], slot: str) -> str:
    return "\n".join(element.markup() for element in elements if element.slot == slot)


def _origin(tiles: OnlineTiles | None) -> str:
    if tiles is None:
        return ""
    parts = urlsplit(tiles.address)
    # A policy is a list of words: a host with a space or a semicolon would add to it.
    if parts.scheme != "https" or not parts.netloc or set(parts.netloc) & set(" ;,'\"{}"):
        remedy = "give https://host/{z}/{x}/{y}.png, with the host spelled out"
        raise OutputError(
            Problem("map", "online_tiles", f"not an https address: {tiles.address}", remedy)
        )
    return f"https://{parts.netloc}"
