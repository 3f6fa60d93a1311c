"""Names for corridors, such as a person would say: "Río Inambari: Mazuko – Boca Inambari" (§6)."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Transformer

from riskmap.geodesy import metres_per_degree
from riskmap.model.corridors import Chains
from riskmap.network.reaches import Reaches

Language = Literal["es", "en"]

#: A settlement farther from a corridor's end than this does not name it, km.
NAMED_WITHIN_KM = 30.0
_UNNAMED = {"es": "Cauce sin nombre", "en": "Unnamed waterway"}
_NEAR = {"es": "cerca de", "en": "near"}


def name_corridors(
    chains: Chains, reaches: Reaches, settlements: gpd.GeoDataFrame | None, *, language: Language
) -> list[str]:
    """Name every corridor after its waterway and the settlements nearest its ends.

    Parameters
    ----------
    chains, reaches
        The corridors.
    settlements
        Points with a `name`, EPSG:4326; None where the study has none.
    language
        Of the words that are not names.

    Returns
    -------
    list of str
        One name a corridor; several may share one (`number_equal`).
    """
    upstream = _nearest_settlement(reaches.node_xy[chains.upstream_node], settlements)
    downstream = _nearest_settlement(reaches.node_xy[chains.downstream_node], settlements)
    names = []
    for c in range(chains.start.size - 1):
        water = str(reaches.name[chains.reach[chains.start[c]]]) or _UNNAMED[language]
        names.append(_name(water, upstream[c], downstream[c], language))
    return names


def _name(water: str, upstream: str, downstream: str, language: Language) -> str:
    if upstream == downstream:
        return f"{water}: {_NEAR[language]} {upstream}" if upstream else water
    return f"{water}: {' – '.join(filter(None, (upstream, downstream)))}"


def _nearest_settlement(
    xy: np.ndarray[tuple[int, int], np.dtype[np.float64]], settlements: gpd.GeoDataFrame | None
) -> list[str]:
    """Return the name of the settlement nearest each place, "" where none is near."""
    if settlements is None or settlements.empty or not len(xy):
        return [""] * len(xy)
    to_mercator = Transformer.from_crs(4326, 3395, always_xy=True).transform
    places = shapely.transform(
        settlements.geometry.to_numpy(),
        lambda xy: np.column_stack(to_mercator(xy[:, 0], xy[:, 1])),
    )
    ends = shapely.points(*to_mercator(xy[:, 0], xy[:, 1]))
    place, found = shapely.STRtree(places).query_nearest(ends, all_matches=False)
    nearest = np.full(len(xy), -1)
    nearest[place] = found
    # Mercator is conformal: near a place one factor turns its distances into ground distances.
    metres_x, _ = metres_per_degree(xy[:, 1])
    at_equator, _ = metres_per_degree(np.zeros(len(xy)))
    scale = metres_x / at_equator
    ground_km = shapely.distance(ends, places[nearest]) * scale / 1000.0
    names = settlements["name"].to_numpy()
    return [
        str(names[k]) if k >= 0 and km <= NAMED_WITHIN_KM else ""
        for k, km in zip(nearest, ground_km, strict=True)
    ]


def number_equal(names: list[str]) -> list[str]:
    """Tell corridors of one name apart by a number in brackets."""
    total, seen = Counter(names), Counter[str]()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(f"{name} ({seen[name]})" if total[name] > 1 else name)
    return numbered
