"""Connected parts of a network, and the network cut apart into them.

What is not connected has no traffic in common, so parts can be scored one by one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from riskmap.network.arcs import Bools, Ints
from riskmap.network.reaches import Reaches
from riskmap.network.sites import Sited, Sites


def parts_of_network(reaches: Reaches) -> Ints:
    """Return the connected part of each node, shape (n_nodes,)."""
    n = reaches.node_xy.shape[0]
    matrix = coo_array((np.ones(reaches.u.size), (reaches.u, reaches.v)), shape=(n, n))
    _, part = connected_components(matrix, directed=False)
    parts: Ints = part.astype(np.int32)
    return parts


def gather_parts(reaches: Reaches, *, most_reaches: int) -> Ints:
    """Return for each reach the bundle that it falls in: whole parts, in order of place.

    Parameters
    ----------
    reaches
        The network.
    most_reaches
        Bundles hold no more reaches than this, but for one that is a single larger part.
    """
    _, first, part = np.unique(
        parts_of_network(reaches)[reaches.u], return_index=True, return_inverse=True
    )
    order = np.argsort(first, kind="stable")
    sizes = np.bincount(part, minlength=first.size)
    bundle = np.empty(first.size, dtype=np.int32)
    number, held = 0, 0
    for k in order:
        if held and held + sizes[k] > most_reaches:
            number, held = number + 1, 0
        bundle[k] = number
        held += sizes[k]
    bundles: Ints = bundle[part.astype(np.int32)]
    return bundles


def take_part(sited: Sited, chosen: Bools) -> tuple[Sited, npt.NDArray[np.int64]]:
    """Return the part of a network that some of its reaches make, with the sites on it.

    Parameters
    ----------
    sited
        The network with its sites.
    chosen
        Reaches to take, shape (n_reaches,).

    Returns
    -------
    Sited
        The part; reaches and nodes keep their order, sites at other nodes are left out.
    ndarray
        Old number of each node of the part.
    """
    reaches = sited.reaches
    kept = np.flatnonzero(chosen)
    nodes = np.unique(np.concatenate([reaches.u[kept], reaches.v[kept]]))
    new = np.full(reaches.node_xy.shape[0], -1, dtype=np.int32)
    new[nodes] = np.arange(nodes.size, dtype=np.int32)
    sites = {name: _sites_on(layer, new) for name, layer in sited.sites.items()}
    part = Sited(_take_reaches(reaches, kept, new, nodes), sites, sited.border_nodes[nodes], ())
    return part, nodes.astype(np.int64)


def _take_reaches(
    reaches: Reaches, kept: npt.NDArray[np.intp], new: Ints, nodes: npt.NDArray[np.integer]
) -> Reaches:
    sizes = np.diff(reaches.offsets)[kept]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    at = np.repeat(reaches.offsets[kept] - offsets[:-1], sizes) + np.arange(offsets[-1])
    return replace(
        reaches,
        coords=reaches.coords[at],
        offsets=offsets,
        u=new[reaches.u[kept]],
        v=new[reaches.v[kept]],
        node_xy=reaches.node_xy[nodes],
        length_km=reaches.length_km[kept],
        source_id=reaches.source_id[kept],
        name=reaches.name[kept],
        mode=reaches.mode[kept],
        flow_known=reaches.flow_known[kept],
        attributes={name: values[kept] for name, values in reaches.attributes.items()},
        notes=(),
    )


def _sites_on(sites: Sites, new: Ints) -> Sites:
    node = np.where(sites.node >= 0, new[sites.node], -1).astype(np.int32)
    return take_sites(replace(sites, node=node), node >= 0)


def take_sites(sites: Sites, chosen: Bools) -> Sites:
    """Return some of the sites of a layer."""
    return Sites(
        sites.layer,
        sites.row[chosen],
        sites.lon[chosen],
        sites.lat[chosen],
        sites.weight[chosen],
        sites.node[chosen],
        sites.distance_km[chosen],
    )
