"""Who has what share: of a corridor's traffic, or of what crosses a bridge (model §6)."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskmap.layers import Layers
from riskmap.model.demand import SitesOnWater, site_parts
from riskmap.model.descent import Parts, Walks, descend
from riskmap.model.reasons import ENDS, End, walks_from_bridges, walks_to_reasons
from riskmap.model.scores import Movement
from riskmap.network.arcs import Floats, Ints
from riskmap.results.scored import Scored
from riskmap.threads import in_parts

#: Names with their shares, largest first.
Shares = tuple[tuple[str, float], ...]

#: A site with a smaller share of a corridor's traffic is not named as a reason.
SMALLEST_SHARE = 0.005
#: Shares that agree to this many digits are tied.
TIED_DIGITS = 9
#: A share that is nothing.
NOTHING = 1e-13
#: Fewer corridors than this are not worth a thread.
LEAST_CORRIDORS = 500
#: Cells of the table of corridors by sites that is held at once.
MOST_CELLS = 2**22
_SITE = ["layer", "row"]


def shares_of_corridors(scored: Scored, layers: Layers) -> dict[End, list[Shares]]:
    """Return (name, share) of the sites of each end, over all movements, for each corridor."""
    corridor = scored.chains.corridor[scored.network.reach]
    km = scored.reaches.length_km[scored.network.reach]
    on = corridor >= 0
    amount = (km * scored.scores.transits)[on]
    n = scored.chains.start.size - 1
    whole = np.bincount(corridor[on], amount, minlength=n).astype(np.float64)
    if not whole.size:
        return {end: [] for end in ENDS}
    walks = walks_to_reasons(scored.scores, corridor=corridor, km=km)
    return {end: _of_end(scored, layers, end, walks[end], whole) for end in ENDS}


def _of_end(scored: Scored, layers: Layers, end: End, walks: Walks, whole: Floats) -> list[Shares]:
    """Walk from every corridor, some corridors at once, and name who has a share of the whole."""
    parts, sites = _parts(scored, end)
    names = _names(layers, sites)
    few = _least_share(scored)
    # Who stands in one place only is found whole, or left out whole.
    once = parts.key.size == len(sites)
    least = np.log(whole * np.where(once & ~walks.two_ways, few, NOTHING))
    at_once = max(1, MOST_CELLS // max(len(sites), 1))

    def tell(first: int, begin: int, end: int) -> list[Shares]:
        table = np.zeros((end - begin, len(sites)))
        descend(walks, parts, least=least, first=first + begin, table=table)
        return _named(table / whole[first + begin : first + end, None], names)

    told: list[Shares] = []
    for first in range(0, whole.size, at_once):
        n = min(at_once, whole.size - first)
        for some in in_parts(partial(tell, first), n, least=LEAST_CORRIDORS):
            told += some
    return told


def shares_beyond(scored: Scored, below: Ints) -> dict[End, tuple[pd.DataFrame, pd.DataFrame]]:
    """Return the sites that a corridor may name among what crosses bridges.

    Parameters
    ----------
    scored
        The water that is to be cut.
    below
        Place below each bridge.

    Returns
    -------
    dict
        By end, of what hangs below the bridges, and of all the rest: the share of each site (layer
        and row) in what crosses the bridge (its number), a column a movement.
    """
    found: dict[End, tuple[pd.DataFrame, pd.DataFrame]] = {}
    for end, (hanging, rest) in walks_from_bridges(scored.scores, below).items():
        parts, sites = _parts(scored, end)
        few = _least_share(scored) if parts.key.size == len(sites) else 0.0
        found[end] = (
            _beyond(hanging, parts, sites, below.size, few),
            _beyond(rest, parts, sites, below.size, few),
        )
    return found


def _beyond(
    walks: Walks, parts: Parts, sites: pd.MultiIndex, n_bridges: int, few: float
) -> pd.DataFrame:
    """Walk from every bridge for each movement by itself."""
    n, starts = walks.masses.beta.size, walks.starts
    tables = np.zeros((n, n_bridges, len(sites)))
    least = np.full(n_bridges, np.log(NOTHING))
    for m in range(n):
        weight = np.where(np.arange(n) == m, starts.weight, -np.inf)
        alone = walks._replace(starts=starts._replace(weight=weight))
        descend(alone, parts, least=least, first=0, table=tables[m])
    bridge, site = np.nonzero(tables.max(axis=0, initial=0.0) > few)
    index = pd.MultiIndex.from_arrays(
        [bridge, *(sites[site].get_level_values(level) for level in _SITE)],
        names=["bridge", *_SITE],
    )
    return pd.DataFrame(tables[:, bridge, site].T, index=index)


def _least_share(scored: Scored) -> float:
    """Return the share in one movement without which a site has no share that is named."""
    return SMALLEST_SHARE / (2 * len(scored.scores.movements))


def _parts(scored: Scored, end: End) -> tuple[Parts, pd.MultiIndex]:
    """Return what part of the trips of each place each site has, and the sites by number."""
    table = _who_stands(scored, end)
    forest = scored.scores.water.forest
    place = forest.place[table.index.get_level_values("node").to_numpy(dtype=np.int64)]
    own = pd.MultiIndex.from_arrays(
        [table.index.get_level_values(level) for level in _SITE], names=_SITE
    )
    sites = own.unique()
    key = sites.get_indexer(own)
    order = np.argsort(place, kind="stable")
    start = np.searchsorted(place[order], np.arange(forest.node.size + 1)).astype(np.int32)
    part = np.ascontiguousarray(table.to_numpy(dtype=np.float64)[order])
    return Parts(start, key[order].astype(np.int32), part), sites


def _who_stands(scored: Scored, end: End) -> pd.DataFrame:
    """Return each site's part of its node's trips, a column a movement; and those beyond cuts."""
    found = []
    for m, movement in enumerate(scored.scores.movements):
        layer, sites, beta = _sites_of(movement.movement, end)
        nodes = np.unique(sites.node[sites.node >= 0])
        position, part = site_parts(sites, nodes=nodes, beta_per_h=beta)
        on = position >= 0
        table = pd.DataFrame({"node": sites.node[on], "layer": layer, "row": sites.row[on]})
        found.append(table.assign(**{str(m): part[on]}).groupby(["node", *_SITE]).sum())
    together = pd.concat(found, axis=1).fillna(0.0)
    together.columns = pd.RangeIndex(len(found))
    return together if scored.cut is None else pd.concat([together, scored.cut.sites[end]])


def _sites_of(movement: Movement, end: End) -> tuple[str, SitesOnWater, float]:
    """Return layer and sites of one end, and the β with which their overland legs count."""
    if end == "origins":
        return movement.origin_layer, movement.origins, 0.0
    return movement.destination_layer, movement.destinations, movement.beta_per_h


def _names(layers: Layers, sites: pd.MultiIndex) -> npt.NDArray[np.object_]:
    names = np.empty(len(sites), dtype=object)
    layer_of, rows = (sites.get_level_values(level) for level in _SITE)
    for layer in layer_of.unique():
        mine = np.flatnonzero(layer_of == layer)
        names[mine] = layers.tables[layer]["name"].astype(str).loc[rows[mine]].to_numpy()
    return names


def _named(shares: Floats, names: npt.NDArray[np.object_]) -> list[Shares]:
    """Return (name, share) row by row, largest first; ties, but for rounding, by name."""
    row, key = np.nonzero(shares >= SMALLEST_SHARE - 0.5 * 10.0**-TIED_DIGITS)
    share = shares[row, key]
    by_name = np.unique(names.astype(str), return_inverse=True)[1]
    order = np.lexsort((by_name[key], -np.round(share, TIED_DIGITS), row))
    return pairs_by_row(row, names[key[order]], share[order], n=shares.shape[0])


def pairs_by_row(
    row: npt.NDArray[np.intp], names: npt.NDArray[np.object_], values: Floats, *, n: int
) -> list[Shares]:
    """Return the (name, value) of each of n rows, in the order in which they come.

    `row` says how many there are of each, and is in order.
    """
    pairs = list(zip(names.tolist(), values.tolist(), strict=True))
    ends = np.searchsorted(row, np.arange(n + 1))
    return [tuple(pairs[a:b]) for a, b in pairwise(ends.tolist())]
