"""The arrays of a scored study: what tables, plans, comparisons and draws start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from riskmap.model.corridors import Chains
from riskmap.model.forest import Beyond
from riskmap.model.observed import PatrolLog
from riskmap.model.patrol import Patrols, Posts
from riskmap.model.reasons import End
from riskmap.model.scores import ReachScores, Scores
from riskmap.network.arcs import Bools, Floats, Ints
from riskmap.network.reaches import Reaches
from riskmap.network.sites import Sites
from riskmap.network.travel import ReachArcs, Speeds


@dataclass(frozen=True, slots=True)
class Policing:
    """Hold who patrols a network; fields as in `Scored`."""

    posts: Posts
    patrols: Patrols
    hours_to_post: Floats
    nearest_post: Ints
    log: PatrolLog | None


@dataclass(frozen=True, slots=True)
class Cut:
    """Tell a piece of connected water, cut at bridges, what it has to know of the rest.

    Attributes
    ----------
    beyond
        For each movement, what comes over the bridges and is drawn over them.
    least_traffic
        For each reach, the transits that are no traffic yet (`riskmap.model.corridors`).
    sites
        By end, the sites beyond that a corridor may name: for each node where a bridge was cut,
        layer and row, its share of what lies beyond, a column a movement.
    """

    beyond: tuple[Beyond, ...]
    least_traffic: Floats
    sites: Mapping[End, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Scored:
    """Hold a scored network.

    Attributes
    ----------
    reaches, border_nodes, sites
        The network cut at its sites, the nodes where a border is crossed, and the sites by layer.
    speeds, network
        Speeds by reach, and the arcs that were scored.
    posts, patrols
        Posts on the water, and their hours by reach.
    hours_to_post, nearest_post
        For each reach: hours from the nearest post, and its position in `posts` (−1: none).
    scores, by_reach, chains
        Scores by arc, by reach, and the reaches of each corridor.
    log
        What patrol tracks say, None where the study has none.
    cut
        What lies beyond, where the network is a piece of connected water.
    """

    reaches: Reaches
    border_nodes: Bools
    sites: Mapping[str, Sites]
    speeds: Speeds
    network: ReachArcs
    posts: Posts
    patrols: Patrols
    hours_to_post: Floats
    nearest_post: Ints
    scores: Scores
    by_reach: ReachScores
    chains: Chains
    log: PatrolLog | None = None
    cut: Cut | None = None
