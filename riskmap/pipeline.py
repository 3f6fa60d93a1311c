"""The whole order of a run, from settings to outcome; no other module knows it.

``settings → layers → reaches → sites → arcs → (demand, patrols) → routes → scores → corridors``
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np

from riskmap._version import __version__
from riskmap.errors import DataError, NetworkError, Problem
from riskmap.layers import Layers, read_layers
from riskmap.layers.rasters import raster_records, with_rasters
from riskmap.model.corridors import chain_reaches
from riskmap.model.demand import SitesOnWater
from riskmap.model.observed import observe_patrols, replace_kernel
from riskmap.model.patrol import Patrols, Posts, nearest_posts, spread_patrols
from riskmap.model.scores import Movement, score_movements, scores_by_reach
from riskmap.network.arcs import Floats
from riskmap.network.borders import find_crossings
from riskmap.network.direction import infer_direction
from riskmap.network.doubts import contradictions, unknown_direction
from riskmap.network.heights import heights_at
from riskmap.network.reaches import Reaches, build_reaches
from riskmap.network.roads import build_roads, lay_beside, tie_landings
from riskmap.network.routing import read_routing, tell_ids
from riskmap.network.sites import Sited, Sites, sites_of_layer, stand_on_water
from riskmap.network.travel import Speeds, build_arcs, reach_speeds
from riskmap.network.water_areas import trace_centre_lines
from riskmap.report import Note
from riskmap.results.corridors import corridor_lines, corridors_table
from riskmap.results.outcome import Outcome
from riskmap.results.reaches import corridor_ids
from riskmap.results.reasons import explain_corridors
from riskmap.results.scored import Cut, Policing, Scored
from riskmap.settings import Settings
from riskmap.steps import Progress, Steps

#: Volume of a movement whose number of transits is not known: results are then relative.
RELATIVE_VOLUME = 1000.0


def run_study(settings: Settings, *, progress: Progress | None = None) -> Outcome:
    """Run a study from its layers to ranked corridors.

    Parameters
    ----------
    settings
        The study.
    progress
        Called with the name of each step as it begins.

    Raises
    ------
    StudyError, DataError, NetworkError
        Where the study, a layer or the network cannot be used.
    """
    steps = Steps(progress)
    with steps.take("layers"):
        layers = read_layers(settings)
    with steps.take("network"):
        reaches = build_network(settings, layers)
    with steps.take("sites"):
        sited = site_layers(settings, layers, reaches)
    del reaches  # cut at its sites from here on
    with steps.take("scores"):
        scored, notes = score_network(settings, layers, sited)
    with steps.take("corridors"):
        outcome = assemble_outcome(
            settings, layers, scored, (*layers.notes, *sited.reaches.notes, *sited.notes, *notes)
        )
    return replace(outcome, provenance={**outcome.provenance, "steps": steps.record()})


def build_network(settings: Settings, layers: Layers) -> Reaches:
    """Build the reaches of a study from its rivers, water areas, roads and landings."""
    water, roads = _build_water(settings, layers), layers.tables.get("roads")
    landings = layers.tables.get("landings")
    if roads is None:
        what, mend = "there are no roads to tie to water", "add [layers.roads]"
        alone = () if landings is None else (Note("doubtful", "landings", None, what, mend),)
        return replace(water, notes=(*water.notes, *alone))
    reaches = lay_beside(
        water,
        build_roads(
            roads,
            snap_tolerance_m=settings.travel.snap_tolerance_m,
            road_kmh=settings.travel.road_kmh,
        ),
    )
    section = settings.layers.get("landings")
    own = None if section is None else section.max_access_km
    return tie_landings(
        reaches,
        landings,
        usable=_speeds(settings, reaches).usable,
        tolerance_km=settings.travel.landing_tolerance_m / 1000.0 if own is None else own,
    )


def _build_water(settings: Settings, layers: Layers) -> Reaches:
    """Build the reaches of a study's water, upstream ends first as far as is known."""
    rivers, areas = layers.tables["rivers"], layers.tables.get("water_areas")
    tolerance_m = settings.travel.snap_tolerance_m
    reaches = build_reaches(
        rivers,
        snap_tolerance_m=tolerance_m,
        flow_direction=settings.layers["rivers"].flow_direction,
        centre_lines=(
            None if areas is None else trace_centre_lines(areas, rivers, tolerance_m=tolerance_m)
        ),
    )
    return _with_direction(settings, rivers, reaches)


def _with_direction(settings: Settings, rivers: gpd.GeoDataFrame, reaches: Reaches) -> Reaches:
    """Infer the direction of flow where the study asks for it, else report what contradicts it."""
    section = settings.layers["rivers"]
    routing = read_routing(rivers["id"], rivers["next_down"])
    reaches = replace(reaches, notes=(*reaches.notes, *tell_ids(rivers["id"], rivers["next_down"])))
    if section.flow_direction != "inferred":
        checked = contradictions(reaches, routing=routing)
        return replace(checked, notes=(*checked.notes, *unknown_direction(checked)))
    path = section.elevation
    return infer_direction(
        reaches,
        outlets=None if section.outlet is None else np.array(section.outlet),
        routing=routing,
        height_m=None if path is None else partial(heights_at, settings.folder / path),
    )


def site_layers(settings: Settings, layers: Layers, reaches: Reaches) -> Sited:
    """Attach every site of a study to its network, and cut the network at borders.

    Raises
    ------
    NetworkError
        Where no reach is navigable, or a movement has no site within reach of the water.
    """
    speeds = _speeds(settings, reaches)
    if not speeds.navigable.any():
        raise NetworkError(
            Problem(
                "rivers",
                None,
                f"no reach is navigable in the {settings.study.season} season",
                "check the column navigable, or run the other season",
            )
        )
    sites = [
        sites_of_layer(
            name,
            layers.sites_table(name),
            cell_km=settings.mining.cell_km,
            status_weights=dict(settings.mining.status_weights),
        )
        for name in _sited_layers(settings, layers)
    ]
    sited = stand_on_water(
        reaches,
        sites,
        crossings=find_crossings(reaches, layers.tables.get("borders")),
        usable=speeds.navigable,
        max_access_km={s.layer: settings.max_access_km(s.layer) for s in sites},
        position_error_m={
            s.layer: settings.layers[s.layer].position_error_m
            for s in sites
            if s.layer in settings.layers
        },
    )
    _refuse_dry_movements(settings, sited)
    return sited


def _sited_layers(settings: Settings, layers: Layers) -> list[str]:
    """Return the layers that stand on the water, in a fixed order."""
    asked = {"police_posts", "checkpoints", "candidates"}
    for movement in settings.movements:
        asked |= {movement.origins, movement.destinations}
    return sorted(asked & set(layers.tables))


def _refuse_dry_movements(settings: Settings, sited: Sited) -> None:
    """Refuse a movement that has no site within reach of the water at one of its ends."""
    ends = {name for m in settings.movements for name in (m.origins, m.destinations)}
    problems = [
        Problem(
            layer,
            None,
            f"no site lies within {settings.max_access_km(layer):g} km of navigable water",
            "check that the layer and the rivers are of one region, "
            "or raise [travel] max_access_km",
        )
        for layer in sorted(ends)
        if not (sited.sites[layer].node >= 0).any()
    ]
    if problems:
        raise NetworkError(problems)


def _speeds(settings: Settings, reaches: Reaches) -> Speeds:
    season = settings.study.season
    return reach_speeds(
        reaches,
        travel=settings.travel,
        season=season,
        limits=getattr(settings.navigability, season),
    )


def score_network(
    settings: Settings,
    layers: Layers,
    sited: Sited,
    *,
    amend: Callable[[Patrols, Posts], Patrols] | None = None,
) -> tuple[Scored, tuple[Note, ...]]:
    """Score a network whose sites stand on it; `amend` changes the patrols, for a plan's hours."""
    policing, told = police_network(settings, layers, sited, amend=amend)
    scored = score_policed(settings, layers, sited, policing)
    return scored, (*told, *_unserved_notes(scored))


def police_network(
    settings: Settings,
    layers: Layers,
    sited: Sited,
    *,
    amend: Callable[[Patrols, Posts], Patrols] | None = None,
) -> tuple[Policing, tuple[Note, ...]]:
    """Say who patrols a network, and report posts whose range ends before the water."""
    reaches, patrol = sited.reaches, settings.patrol
    usable = _speeds(settings, reaches).navigable
    posts = _posts(settings, layers, sited)
    patrols = spread_patrols(reaches, posts, usable=usable)
    log, told = observe_patrols(settings, layers, reaches)
    if log is not None:
        patrols = replace_kernel(
            patrols, posts, log, effectiveness=0.5, speed_kmh=patrol.standard_speed_kmh
        )
    patrols = amend(patrols, posts) if amend else patrols
    hours_to_post, nearest = nearest_posts(reaches, posts, usable=usable)
    policing = Policing(posts, patrols, hours_to_post, nearest, log)
    return policing, (*told, *_idle_posts(policing))


def score_policed(
    settings: Settings, layers: Layers, sited: Sited, policing: Policing, *, cut: Cut | None = None
) -> Scored:
    """Score a network that is patrolled; `cut` tells of the rest where it is a piece of one."""
    reaches, patrol, speeds = sited.reaches, settings.patrol, _speeds(settings, sited.reaches)
    network = build_arcs(
        reaches,
        speeds,
        hazard_km=patrol.detection_per_meeting / patrol.period_h * policing.patrols.sweep_km,
        detection_probability=_checkpoints(layers, sited),
    )
    scores = score_movements(
        network,
        _movements(settings, sited, cut),
        theta_per_h=settings.routes.theta_per_h,
        hazard_aversion_h=settings.routes.hazard_aversion_h,
    )
    by_reach = scores_by_reach(
        scores,
        network,
        n_reaches=reaches.u.size,
        length_km=reaches.length_km,
        detection_per_meeting=patrol.detection_per_meeting,
        period_h=patrol.period_h,
        standard_speed_kmh=patrol.standard_speed_kmh,
    )
    chains = chain_reaches(
        reaches,
        transits=by_reach.transits,
        border_nodes=sited.border_nodes,
        site_nodes=np.concatenate([s.node[s.node >= 0] for s in sited.sites.values()]),
        least=None if cut is None else cut.least_traffic,
    )
    return Scored(
        reaches, sited.border_nodes, sited.sites, speeds, network, policing.posts,
        policing.patrols, policing.hours_to_post, policing.nearest_post, scores, by_reach, chains,
        policing.log, cut,
    )  # fmt: skip


def _posts(settings: Settings, layers: Layers, sited: Sited) -> Posts:
    """Return the posts that stand on the water, with the standard speed where they state none."""
    sites = sited.sites.get("police_posts")
    if sites is None:
        none = np.empty(0)
        nobody = np.empty(0, dtype=np.int32)
        return Posts(nobody, nobody, none, none, none, none, none, none)
    on = sites.node >= 0
    table = layers.tables["police_posts"].loc[sites.row[on]]

    def column(name: str) -> Floats:
        values: Floats = table[name].to_numpy(dtype=np.float64)
        return values

    speed = column("speed_kmh")
    return Posts(
        sites.row[on],
        sites.node[on],
        sites.distance_km[on] / settings.travel.overland_kmh,
        column("patrol_hours"),
        column("range_h"),
        column("decay_h"),
        np.where(np.isnan(speed), settings.patrol.standard_speed_kmh, speed),
        column("effectiveness"),
    )


def _checkpoints(layers: Layers, sited: Sited) -> Floats:
    """Return q at every node; checkpoints at one node are passed one after the other."""
    passing = np.ones(sited.reaches.node_xy.shape[0])
    sites = sited.sites.get("checkpoints")
    if sites is not None:
        on = sites.node >= 0
        q = layers.tables["checkpoints"]["detection_probability"].loc[sites.row[on]].to_numpy()
        np.multiply.at(passing, sites.node[on], 1.0 - q)
    return 1.0 - passing


def _movements(settings: Settings, sited: Sited, cut: Cut | None) -> list[Movement]:
    beyond = (None,) * len(settings.movements) if cut is None else cut.beyond
    return [
        Movement(
            m.name,
            m.origins,
            m.destinations,
            _end(settings, sited.sites[m.origins]),
            _end(settings, sited.sites[m.destinations]),
            m.beta_per_h,
            RELATIVE_VOLUME if m.transits_per_month is None else m.transits_per_month,
            other,
        )
        for m, other in zip(settings.movements, beyond, strict=True)
    ]


def _end(settings: Settings, sites: Sites) -> SitesOnWater:
    return SitesOnWater(
        sites.row,
        sites.node,
        np.where(sites.node >= 0, sites.distance_km / settings.travel.overland_kmh, np.inf),
        sites.weight,
    )


def unserved_note(movement: str | None, *, unserved: float, volume: float) -> Note:
    """Report demand that no route serves, of a movement or (None) of all."""
    return Note(
        "unreachable",
        "movements",
        movement,
        f"{unserved:.1f} of {volume:.1f} transits start at origins that reach no destination",
        "see the unattached sites and the parts of the network (riskmap check)",
    )


def _idle_posts(policing: Policing) -> list[Note]:
    """Report posts whose range ends before the water."""
    return [
        Note(
            "unreachable",
            "police_posts",
            f"row {policing.posts.row[p]}",
            "reaches no water within its range: its patrol hours are spent nowhere",
            "check range_h and the distance to the water",
        )
        for p in np.flatnonzero(np.diff(policing.patrols.post_start) == 0)
    ]


def _unserved_notes(scored: Scored) -> list[Note]:
    """Report demand that no route serves."""
    return [
        unserved_note(
            movement.movement.name,
            unserved=movement.unserved,
            volume=movement.movement.volume,
        )
        for movement in scored.scores.movements
        if movement.unserved > 0.0
    ]


def assemble_outcome(
    settings: Settings, layers: Layers, scored: Scored, notes: tuple[Note, ...]
) -> Outcome:
    """Turn scored arrays into the tables, reasons and provenance of a result."""
    lines = corridor_lines(scored)
    reasons = explain_corridors(scored, layers, lines)
    corridors = corridors_table(
        scored, layers, lines=lines, reasons=reasons, language=settings.study.language
    )
    corridors = with_rasters(settings, corridors)
    ids = corridor_ids(np.arange(lines.size, dtype=np.int32))
    relative = any(m.transits_per_month is None for m in settings.movements)
    return Outcome(
        settings,
        layers,
        scored,
        corridors,
        {str(name): reason for name, reason in zip(ids, reasons, strict=True)},
        {**scored.scores.summary(), "relative": relative},
        provenance_of(settings, layers),
        notes,
    )


def provenance_of(settings: Settings, layers: Layers) -> Mapping[str, Any]:
    """Say what a result was made from, and when."""
    return {
        "riskmap": __version__,
        "study": settings.study.name,
        "study_sha256": settings.sha256,
        "season": settings.study.season,
        "seed": settings.study.seed,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "layers": {
            name: {
                "path": source.path,
                "sha256": source.sha256,
                "features": source.features,
                "crs": source.crs,
            }
            for name, source in layers.sources.items()
        },
        "rasters": raster_records(settings),
    }


__all__ = ["DataError", "Progress", "run_study"]
