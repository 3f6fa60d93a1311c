"""Pieces of a study: whole basins together, or one huge basin cut at bridges.

What crosses a bridge is four numbers a movement (docs/engine.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskmap.layers import Layers
from riskmap.model.corridors import least_traffic, nodes_passed
from riskmap.model.forest import Beyond, beyond_bridges
from riskmap.model.observed import PatrolLog
from riskmap.model.patrol import Patrols
from riskmap.model.pieces import Pieces, cut_forest
from riskmap.network.arcs import Bools, Ints
from riskmap.network.parts import take_part, take_sites
from riskmap.network.sites import Sited
from riskmap.pipeline import RELATIVE_VOLUME, score_policed
from riskmap.results.scored import Cut, Policing, Scored
from riskmap.results.shares import shares_beyond
from riskmap.settings import Settings


@dataclass(frozen=True, slots=True)
class Piece:
    """Hold a piece of a study: enough to score and explain it.

    Attributes
    ----------
    settings
        The study, with the volume of each movement that starts in the piece.
    sited, policing
        Its reaches, the sites on them, and who patrols them.
    node, reach
        Number of each node and reach in the whole study.
    own
        Reaches that the piece answers for; the others are bridges that lead to it.
    cut
        What lies beyond its bridges; None where it is whole basins.
    """

    settings: Settings
    sited: Sited
    policing: Policing
    node: npt.NDArray[np.int64]
    reach: npt.NDArray[np.int64]
    own: Bools
    cut: Cut | None


def whole_study(settings: Settings, sited: Sited, policing: Policing) -> Piece:
    """Return a study as one piece, its volumes stated."""
    n = sited.reaches.u.size
    nodes = np.arange(sited.reaches.node_xy.shape[0], dtype=np.int64)
    return Piece(
        _with_volumes(settings, sited, sited), sited, policing, nodes,
        np.arange(n, dtype=np.int64), np.ones(n, dtype=np.bool_), None,
    )  # fmt: skip


def take_piece(whole: Piece, chosen: Bools, *, stands: Bools | None = None) -> Piece:
    """Return the piece of another that some of its reaches make.

    Parameters
    ----------
    whole
        The other.
    chosen
        Reaches to take, shape (n_reaches,).
    stands
        Nodes whose sites are the piece's, shape (n_nodes,); None for all of its nodes.
    """
    sited, node = take_part(whole.sited, chosen)
    if stands is not None:
        sited = _only_at(sited, stands[node])
    reach = np.flatnonzero(chosen)
    return Piece(
        _with_volumes(whole.settings, whole.sited, sited),
        sited,
        _take_policing(whole.policing, chosen),
        whole.node[node],
        whole.reach[reach],
        whole.own[reach],
        None,
    )


def _only_at(sited: Sited, stands: Bools) -> Sited:
    """Leave out the sites at nodes of other pieces; their checkpoints are passed here too."""
    sites = {
        name: layer if name == "checkpoints" else take_sites(layer, stands[layer.node])
        for name, layer in sited.sites.items()
    }
    return replace(sited, sites=sites)


def cut_piece(whole: Piece, layers: Layers, *, most_reaches: int) -> Iterator[Piece]:
    """Cut connected water at bridges, where corridors end.

    The water is scored once here, in time linear in its reaches; the pieces are scored again by
    those who explain and write them.

    Parameters
    ----------
    whole
        One basin.
    layers
        The layers of the study.
    most_reaches
        Reaches that a piece should hold at most.
    """
    scored = score_policed(whole.settings, layers, whole.sited, whole.policing)
    least = least_traffic(scored.reaches, scored.by_reach.transits)
    forest = scored.scores.water.forest
    pieces = _where_to_cut(scored, scored.by_reach.transits > least, most_reaches)
    piece = pieces.piece[forest.place]  # of each node
    bridge = scored.network.reach[np.maximum(forest.up[pieces.cut], forest.down[pieces.cut])]
    above = piece[forest.node[forest.parent[pieces.cut]]]
    below = piece[forest.node[pieces.cut]]
    owner = piece[scored.reaches.u].copy()
    owner[bridge] = above
    over = [beyond_bridges(forest, m.add_up(), pieces.cut) for m in scored.scores.movements]
    named = shares_beyond(scored, pieces.cut)
    ends = np.concatenate([forest.node[pieces.cut], forest.node[forest.parent[pieces.cut]]])
    for number in range(int(piece.max()) + 1):
        chosen = owner == number
        chosen[bridge[below == number]] = True
        mine = take_piece(whole, chosen, stands=piece == number)
        node = np.searchsorted(mine.node, whole.node[ends]).astype(np.int32)
        down, up = node[: pieces.cut.size], node[pieces.cut.size :]
        sides = _Sides(down, up, above == number, below == number)
        cut = Cut(
            tuple(sides.gather(hanging, rest) for hanging, rest in over),
            least[chosen],
            {end: sides.gather_sites(*tables) for end, tables in named.items()},
        )
        yield replace(mine, own=owner[np.flatnonzero(chosen)] == number, cut=cut)


class _Sides(NamedTuple):
    """Hold the bridges that were cut as one piece sees them.

    `down` and `up` are its nodes below and above each bridge; `above` and `below` tell the bridges
    that it stands above, so that what hangs there is beyond, and those that it hangs on.
    """

    down: Ints
    up: Ints
    above: Bools
    below: Bools

    def gather(self, hanging: Beyond, rest: Beyond) -> Beyond:
        """Return what lies beyond the bridges of the piece."""
        a, b = self.above, self.below
        return Beyond(
            np.concatenate([self.down[a], self.up[b]]),
            np.concatenate([hanging.push[a], rest.push[b]]),
            np.concatenate([hanging.push_s[a], rest.push_s[b]]),
            np.concatenate([hanging.pull[a], rest.pull[b]]),
            np.concatenate([hanging.pull_s[a], rest.pull_s[b]]),
        )

    def gather_sites(self, hanging: pd.DataFrame, rest: pd.DataFrame) -> pd.DataFrame:
        """Return the sites beyond the bridges of the piece, by its nodes."""
        sides = ((hanging, self.down, self.above), (rest, self.up, self.below))
        found: list[pd.DataFrame] = []
        for table, node, mine in sides:
            bridge = table.index.get_level_values("bridge").to_numpy()
            some = table[mine[bridge]].reset_index()
            some["bridge"] = node[some["bridge"]]
            found.append(
                some.rename(columns={"bridge": "node"}).set_index(["node", "layer", "row"])
            )
        return pd.concat(found)


def _where_to_cut(scored: Scored, carries: Bools, most_reaches: int) -> Pieces:
    """Cut where corridors end whatever the amount of traffic: at confluences and borders."""
    forest, reaches = scored.scores.water.forest, scored.reaches
    ends = ~nodes_passed(reaches, carries) | scored.border_nodes
    bridged = (forest.up >= 0) | (forest.down >= 0)
    weight = np.bincount(forest.place[reaches.u], minlength=forest.node.size).astype(np.int32)
    return cut_forest(forest, weight=weight, allowed=bridged & ends[forest.node], most=most_reaches)


def _take_policing(policing: Policing, chosen: Bools) -> Policing:
    """Return who patrols some of the reaches; posts keep their numbers."""
    new = np.full(chosen.size, -1, dtype=np.int32)
    new[chosen] = np.arange(int(chosen.sum()), dtype=np.int32)
    patrols = policing.patrols
    on = chosen[patrols.post_reach]
    start = np.concatenate([[0], np.cumsum(on)])[patrols.post_start].astype(np.int32)
    return Policing(
        policing.posts,
        Patrols(
            patrols.hours[chosen],
            patrols.sweep_km[chosen],
            start,
            new[patrols.post_reach[on]],
            patrols.post_hours[on],
        ),
        policing.hours_to_post[chosen],
        policing.nearest_post[chosen],
        None if policing.log is None else _take_log(policing.log, chosen, new),
    )


def _take_log(log: PatrolLog, chosen: Bools, new: Ints) -> PatrolLog:
    on = chosen[log.post_reach]
    return replace(
        log,
        hours_per_month=log.hours_per_month[chosen],
        passes_down=log.passes_down[chosen],
        passes_up=log.passes_up[chosen],
        night_share=log.night_share[chosen],
        days_since_last=log.days_since_last[chosen],
        observed=log.observed[chosen],
        post_row=log.post_row[on],
        post_reach=new[log.post_reach[on]],
        post_hours=log.post_hours[on],
    )


def _with_volumes(settings: Settings, whole: Sited, part: Sited) -> Settings:
    """Give each movement the share of its volume that starts in a part (model §2)."""
    movements = []
    for movement in settings.movements:
        volume = movement.transits_per_month
        volume = RELATIVE_VOLUME if volume is None else volume
        total = _weight(whole, movement.origins)
        share = _weight(part, movement.origins) / total if total > 0.0 else 0.0
        movements.append(movement.model_copy(update={"transits_per_month": volume * share}))
    return settings.model_copy(update={"movements": tuple(movements)})


def _weight(sited: Sited, layer: str) -> float:
    return float(sited.sites[layer].weight.sum())
