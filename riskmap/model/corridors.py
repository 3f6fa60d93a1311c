"""Corridors: the chains of reaches that a planner ranks (model §6).

A corridor is a maximal chain of water reaches that carries traffic, without a branch that carries
traffic, a change of waterway name or a border crossing, within which transits stay within 25 % of
those of its downstream end. Names are given in `riskmap.model.naming`, reasons in
`riskmap.model.reasons`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from numba import njit

from riskmap.layers.folding import fold_water
from riskmap.network.arcs import Bools, Floats, Ints, group_by
from riskmap.network.chains import trace_chains
from riskmap.network.parts import parts_of_network
from riskmap.network.reaches import Reaches
from riskmap.network.runs import take_lines

#: Transits of a corridor's reaches stay within this share of those of its downstream end.
TRANSITS_WITHIN = 0.25
#: Below this share of the busiest reach of its connected water a flow is the tail of a logit, no
#: traffic.
TRAFFIC_SHARE = 1e-9
_ROUNDING = 1.0 + 1e-9


@dataclass(frozen=True, slots=True)
class Chains:
    """Hold corridors as sequences of reaches, from the upstream end to the downstream end.

    Attributes
    ----------
    corridor
        Corridor of each reach, −1 where it is in none; corridors are numbered by their first reach.
    start, reach
        Reaches of corridor c in order downstream: reach[start[c] : start[c + 1]].
    with_line
        For each entry of `reach`: whether the corridor runs along it from first node to last.
    upstream_node, downstream_node
        Ends of each corridor.
    """

    corridor: Ints
    start: Ints
    reach: Ints
    with_line: Bools
    upstream_node: Ints
    downstream_node: Ints


def chain_reaches(
    reaches: Reaches,
    *,
    transits: Floats,
    border_nodes: Bools,
    site_nodes: Ints,
    least: Floats | None = None,
) -> Chains:
    """Join reaches to corridors.

    One that runs round a ring begins at the site on it where transits change most, and runs
    anticlockwise where no current says how: neither depends on where lines were cut.

    Parameters
    ----------
    reaches
        The network.
    transits
        Transits a month of each reach.
    border_nodes
        Nodes at which a border is crossed.
    site_nodes
        Nodes at which sites stand.
    least
        Transits of each reach that are still no traffic, where the network is a piece of a larger
        one; otherwise `least_traffic`.
    """
    carries = transits > (least_traffic(reaches, transits) if least is None else least)
    water = carries & (reaches.mode == 0)
    passes = nodes_passed(reaches, carries) & ~border_nodes
    stands = np.zeros(passes.size, dtype=np.bool_)
    stands[site_nodes] = True
    return _number(reaches, *_trace(reaches, water, passes, stands, transits))


def least_traffic(reaches: Reaches, transits: Floats) -> Floats:
    """Return for each reach the transits that are no traffic yet, by the busiest it is tied to."""
    part = parts_of_network(reaches)[reaches.u]
    busiest = np.zeros(part.max(initial=-1) + 1)
    np.maximum.at(busiest, part, transits)
    return TRAFFIC_SHARE * busiest[part]


def nodes_passed(reaches: Reaches, carries: Bools) -> Bools:
    """Tell the nodes where two reaches carry traffic and no third, both of them water."""
    n, water = reaches.node_xy.shape[0], carries & (reaches.mode == 0)
    ends = np.concatenate([reaches.u[carries], reaches.v[carries]])
    wet = np.concatenate([reaches.u[water], reaches.v[water]])
    passed: Bools = (np.bincount(ends, minlength=n) == 2) & (np.bincount(wet, minlength=n) == 2)
    return passed


def _trace(
    reaches: Reaches, water: Bools, passes: Bools, stands: Bools, transits: Floats
) -> tuple[Ints, Bools, Bools]:
    """Return the reaches chain by chain, downstream, their direction, and where corridors begin."""
    chosen = np.flatnonzero(water).astype(np.int32)
    ends = np.column_stack([reaches.u[chosen], reaches.v[chosen]])
    loops = ends[:, 0] == ends[:, 1]
    start, order = group_by(ends[~loops].ravel(), passes.size)
    incident = np.flatnonzero(~loops).astype(np.int32)[order // 2]
    # "RÍO TAMBOPATA" and "Rio Tambopata" are one river
    spelling, spelt = pd.factorize(reaches.name[chosen], use_na_sentinel=False)
    name = np.unique([fold_water(each) for each in spelt], return_inverse=True)[1][spelling]
    joined = passes & (np.diff(start) == 2)
    two = np.flatnonzero(joined)
    one, other = incident[start[two]], incident[start[two] + 1]
    # A corridor has one downstream end: where two currents meet or part head on, it ends.
    head_on = (ends[one, 0] == two) == (ends[other, 0] == two)
    head_on &= reaches.flow_known[chosen[one]] & reaches.flow_known[chosen[other]]
    joined[two] = (name[one] == name[other]) & ~head_on
    chain_start, is_ring, slot_node, slot_edge = trace_chains(start, incident, ends, ~joined)
    inner = slot_edge >= 0
    edge = np.concatenate([slot_edge[inner], np.flatnonzero(loops).astype(np.int32)])
    reach = chosen[edge]
    with_line = np.concatenate(
        [slot_node[inner] == ends[slot_edge[inner], 0], np.ones(int(loops.sum()), dtype=np.bool_)]
    )
    sizes = np.concatenate([np.diff(chain_start) - 1, np.ones(int(loops.sum()), dtype=np.int32)])
    begin = np.cumsum(sizes) - sizes
    for c in np.flatnonzero(is_ring):
        ring = np.arange(begin[c], begin[c] + sizes[c])
        first = _first_of_ring(reaches, reach[ring], with_line[ring], stands, transits)
        turned = np.roll(ring, -first)
        reach[ring], with_line[ring] = reach[turned], with_line[turned]
    ahead = _ahead(reaches, reach, with_line, begin)
    breaks = _turn_and_cut(reach, with_line, ahead, sizes.astype(np.int32), transits)
    return reach, with_line, breaks


def _first_of_ring(
    reaches: Reaches, reach: Ints, with_line: Bools, stands: Bools, transits: Floats
) -> int:
    """Return the place in a ring of the reach that begins at the site where transits change most.

    Whoever goes round a ring starts on it, so that a site stands there.
    """
    node = np.where(with_line, reaches.u[reach], reaches.v[reach])
    step = np.abs(transits[reach] - transits[np.roll(reach, 1)])
    step = np.round(step / transits[reach].max(), 9)  # what differs beyond is rounding
    return int(np.lexsort((node, -step, ~stands[node]))[0])


def _ahead(
    reaches: Reaches, reach: Ints, with_line: Bools, begin: npt.NDArray[np.integer]
) -> Floats:
    """Return for each chain how far it runs downstream, km, negative where it runs upstream.

    Where nothing is known of the current round a ring, its area says: positive if anticlockwise.
    """
    if not begin.size:
        return np.empty(0)
    way = np.where(with_line, 1.0, -1.0)
    known_km = reaches.length_km[reach] * reaches.flow_known[reach] * way
    ahead: Floats = np.add.reduceat(known_km, begin)
    first, last = _end_nodes(reaches, reach, with_line, begin)
    sizes = np.diff([*begin, reach.size])
    for c in np.flatnonzero((first == last) & (ahead == 0.0)):
        slots = slice(begin[c], begin[c] + sizes[c])
        xy, _ = take_lines(
            reaches.coords, reaches.offsets, reach[slots].astype(np.int64), ~with_line[slots]
        )
        x, y = (xy - xy[0]).T
        ahead[c] = (x[:-1] * y[1:] - x[1:] * y[:-1]).sum()
    return ahead


@njit(cache=True)
def _turn_and_cut(  # pragma: no cover
    reach: Ints, with_line: Bools, ahead: Floats, sizes: Ints, transits: Floats
) -> Bools:
    """Turn each chain downstream, in place, and cut it where transits leave those downstream."""
    breaks = np.zeros(reach.size, dtype=np.bool_)
    begin = 0
    for chain in range(sizes.size):
        end = begin + sizes[chain]
        if ahead[chain] < 0.0:
            reach[begin:end] = reach[begin:end][::-1].copy()
            with_line[begin:end] = ~with_line[begin:end][::-1]
        breaks[begin] = True
        reference = transits[reach[end - 1]]
        for at in range(end - 1, begin - 1, -1):
            here = transits[reach[at]]
            if abs(here - reference) > TRANSITS_WITHIN * reference * _ROUNDING:
                breaks[at + 1] = True
                reference = here
        begin = end
    return breaks


def _number(reaches: Reaches, reach: Ints, with_line: Bools, breaks: Bools) -> Chains:
    """Return the corridors in order of the places of their ends, which no cut changes."""
    begin = np.flatnonzero(breaks)
    sizes = np.diff([*begin, reach.size])
    ends = np.sort(np.column_stack(_end_nodes(reaches, reach, with_line, begin)), axis=1)
    length = np.add.reduceat(reaches.length_km[reach], begin) if begin.size else np.empty(0)
    order = np.lexsort((np.round(length, 6), ends[:, 1], ends[:, 0]))
    start = np.concatenate([[0], np.cumsum(sizes[order])]).astype(np.int32)
    position = np.repeat(begin[order] - start[:-1], sizes[order]) + np.arange(reach.size)
    reach, with_line = reach[position], with_line[position]
    corridor = np.full(reaches.u.size, -1, dtype=np.int32)
    corridor[reach] = np.repeat(np.arange(order.size, dtype=np.int32), sizes[order])
    upstream, downstream = _end_nodes(reaches, reach, with_line, start[:-1])
    return Chains(corridor, start, reach, with_line, upstream, downstream)


def _end_nodes(
    reaches: Reaches, reach: Ints, with_line: Bools, begin: npt.NDArray[np.integer]
) -> tuple[Ints, Ints]:
    """Return the first and the last node of runs of reaches that begin at given positions."""
    first = np.where(with_line, reaches.u[reach], reaches.v[reach])
    last = np.where(with_line, reaches.v[reach], reaches.u[reach])
    end = np.append(begin[1:], reach.size) - 1 if len(begin) else begin
    return first[begin].astype(np.int32), last[end].astype(np.int32)
