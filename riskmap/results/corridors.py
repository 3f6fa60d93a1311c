"""The table of corridors: ranked, named, and measured from their reaches (model §6)."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from riskmap.layers import Layers
from riskmap.model.naming import Language, name_corridors, number_equal
from riskmap.network.arcs import Floats, Geometries
from riskmap.network.reaches import draw_lines
from riskmap.network.runs import take_lines
from riskmap.results.reaches import corridor_ids
from riskmap.results.reasons import Reason
from riskmap.results.scored import Scored

#: Scores that agree to this many digits are tied: what differs beyond is rounding.
RANK_DIGITS = 9
#: Names in the text columns `main_origins` and `main_sites`.
NAMES_SHOWN = 5


def corridor_lines(scored: Scored) -> Geometries:
    """Return the line of each corridor by number, from its upstream end to its downstream end."""
    chains, reaches = scored.chains, scored.reaches
    coords, offsets = take_lines(
        reaches.coords, reaches.offsets, chains.reach.astype(np.int64), ~chains.with_line
    )
    # A reach begins where the one before it ends: of the two vertices one stays.
    keep = np.ones(coords.shape[0], dtype=np.bool_)
    keep[offsets[:-1]] = False
    first = offsets[chains.start]
    keep[first[:-1]] = True
    return draw_lines(coords[keep], np.concatenate([[0], np.cumsum(keep)])[first])


def corridors_table(
    scored: Scored,
    layers: Layers,
    *,
    lines: Geometries,
    reasons: list[Reason],
    language: Language,
) -> gpd.GeoDataFrame:
    """Return the ranked corridors, EPSG:4326, columns as in the contract.

    See `measure_corridors` and `rank_corridors`.
    """
    table = measure_corridors(scored, layers, lines=lines, reasons=reasons, language=language)
    return rank_corridors(table)


def measure_corridors(
    scored: Scored,
    layers: Layers,
    *,
    lines: Geometries,
    reasons: list[Reason],
    language: Language,
) -> gpd.GeoDataFrame:
    """Return the corridors by number, EPSG:4326, before they are ranked; several may share a name.

    Figures are length-weighted means over the corridor's reaches, length and travel time are sums;
    hours to the nearest post are those to its nearest point.
    """
    return gpd.GeoDataFrame(
        {
            "name": name_corridors(
                scored.chains, scored.reaches, layers.tables.get("settlements"), language=language
            ),
            **_figures(scored),
            **_nearest_post(scored, layers),
            "main_origins": [_named_shares(reason.origins) for reason in reasons],
            "main_sites": [_named_shares(reason.sites) for reason in reasons],
            "crosses_border": _crosses_border(scored),
            "protected_area": ["; ".join(reason.protected_areas) for reason in reasons],
        },
        geometry=lines,
        crs="EPSG:4326",
    )


def _figures(scored: Scored) -> dict[str, Floats]:
    """Return sums and length-weighted means over the reaches of each corridor."""
    chains, by_reach = scored.chains, scored.by_reach
    length = scored.reaches.length_km
    first = chains.start[:-1]

    def total(values: Floats) -> Floats:
        if not first.size:
            return np.empty(0)
        sums: Floats = np.add.reduceat(values[chains.reach], first)
        return sums

    def mean(values: Floats) -> Floats:
        return total(values * length) / total(length)

    return {
        "length_km": total(length),
        "travel_hours": total(by_reach.travel_h),
        "transits": mean(by_reach.transits),
        "undetected_transits": mean(by_reach.undetected),
        "detection_probability": mean(by_reach.detection_probability),
        "interceptions_per_100_patrol_hours": mean(by_reach.interceptions_per_100_patrol_hours),
    }


def _nearest_post(scored: Scored, layers: Layers) -> dict[str, object]:
    """Return hours from the nearest post to each corridor's nearest point, and its name."""
    chains = scored.chains
    hours = scored.hours_to_post[chains.reach]
    corridor = np.repeat(np.arange(chains.start.size - 1), np.diff(chains.start))
    order = np.lexsort((hours, corridor))  # stable: of equal hours the first reach downstream
    nearest = chains.reach[order[chains.start[:-1]]]
    post = scored.nearest_post[nearest]
    names = np.full(post.size, "", dtype=object)
    found = post >= 0
    if found.any():
        table = layers.tables["police_posts"]["name"].astype(str)
        names[found] = table.loc[scored.posts.row[post[found]]].to_numpy()
    return {
        "hours_to_nearest_post": np.where(found, scored.hours_to_post[nearest], np.nan),
        "nearest_post": pd.Series(names, dtype=object),
    }


def _crosses_border(scored: Scored) -> list[bool]:
    chains, border = scored.chains, scored.border_nodes
    crosses: list[bool] = (border[chains.upstream_node] | border[chains.downstream_node]).tolist()
    return crosses


def _named_shares(shares: tuple[tuple[str, float], ...]) -> str:
    """Return "Mazuko 62 %; Puerto Maldonado 30 %"."""
    return "; ".join([f"{name} {100.0 * share:.0f} %" for name, share in shares[:NAMES_SHOWN]])


def rank_corridors(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give corridors their identifiers, names that differ, scores and ranks.

    The order is by undetected transits; ties by length, then by identifier (model §6).

    Parameters
    ----------
    table
        Corridors in order of their numbers.
    """
    ids = corridor_ids(np.arange(len(table), dtype=np.int32))
    table = table.assign(name=number_equal(table["name"].tolist()))
    table.insert(0, "corridor_id", ids)
    undetected = table["undetected_transits"].to_numpy()
    largest = undetected.max(initial=0.0)
    score = 100.0 * (undetected / largest) if largest > 0.0 else np.zeros(undetected.size)
    order = np.lexsort(
        (
            np.arange(len(table)),
            -np.round(table["length_km"].to_numpy(), 6),
            -np.round(score, RANK_DIGITS),
        )
    )
    ranked = table.iloc[order].reset_index(drop=True)
    ranked.insert(0, "rank", np.arange(1, len(ranked) + 1))
    ranked.insert(3, "risk_score", score[order])
    return ranked
