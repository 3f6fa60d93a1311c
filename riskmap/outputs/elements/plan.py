"""A plan on the map: its advice in words, and the water whose traffic it moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import shapely

from riskmap.outputs.elements.base import MapElement, plain, text_of
from riskmap.outputs.elements.basemap import lat_lon

if TYPE_CHECKING:
    import geopandas as gpd

#: Waters with the largest changes that are drawn; the files hold them all.
_MOST: Final = 400
_TOLERANCE_DEG: Final = 2e-4
ROSE: Final = "#b0006e"
FELL: Final = "#00727a"


class Plan(MapElement):
    """The advice of a plan, before the story; its places, and displaced traffic, as layers."""

    name: ClassVar[str] = "plan"
    slot: ClassVar[Any] = "panel"
    template: ClassVar[str] = """{% if this.edition.plan %}
<section class="rm-plan" id="rm-plan" aria-label="{{ t('plan') }}">
<details class="rm-fold" open><summary><h2>{{ t("plan") }}</h2></summary>
<p class="rm-plan-title" id="rm-plan-title"></p><ol id="rm-plan-do"></ol>
<div id="rm-plan-say"></div></details></section>{% endif %}"""

    def options(self) -> Mapping[str, Any] | None:
        """Return the advice, and the waters with what changes on each."""
        shown = self.edition.plan
        if shown is None:
            return None
        return {
            "title": shown.advice.title,
            "rows": [
                [[head, text_of(cell)] for head, cell in zip(shown.advice.heads, row, strict=True)]
                for row in shown.advice.rows
            ],
            "marks": [[plain(lat, digits=5), plain(lon, digits=5)] for lon, lat in shown.marks],
            "lines": list(shown.advice.lines),
            "colors": {"rose": ROSE, "fell": FELL},
            "waters": [] if shown.displaced is None else _waters(shown.displaced),
        }


def _waters(table: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    table = table.head(_MOST)
    largest = float(np.abs(table["change"]).max()) if len(table) else 1.0
    lines = shapely.simplify(np.asarray(table.geometry, dtype=object), _TOLERANCE_DEG)
    return [
        {
            "name": text_of(name),
            "before": plain(before, digits=1),
            "after": plain(after, digits=1),
            "share": plain(abs(change) / largest, digits=3),
            "rose": bool(change > 0),
            "lines": [lat_lon(shapely.get_coordinates(part)) for part in shapely.get_parts(line)],
        }
        for name, before, after, change, line in zip(
            table["name"],
            table["transits_before"],
            table["transits_after"],
            table["change"],
            lines,
            strict=True,
        )
    ]
