"""The outcome of a run: everything that tables, maps and plans read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import geopandas as gpd

from riskmap.layers import Layers
from riskmap.report import Note
from riskmap.results.access import access_table
from riskmap.results.reaches import reaches_table
from riskmap.results.reasons import Reason
from riskmap.results.routes import routes_table
from riskmap.results.scored import Scored
from riskmap.settings import Settings


@dataclass(frozen=True)
class Outcome:
    """Hold everything that a run gives; tables are EPSG:4326, columns as in the contract.

    Attributes
    ----------
    settings
        The study, as it was run.
    layers
        The layers that were read.
    scored
        The arrays.
    corridors
        The ranked corridors.
    reasons
        Why each corridor ranks where it does, by `corridor_id`.
    summary
        Totals of the demand, transits a month, and whether volumes are only relative.
    provenance
        Version, study, layers, seed and time of the run.
    notes
        What was mended, assumed, skipped or out of reach.
    """

    settings: Settings
    layers: Layers
    scored: Scored
    corridors: gpd.GeoDataFrame
    reasons: Mapping[str, Reason]
    summary: Mapping[str, float | bool]
    provenance: Mapping[str, Any]
    notes: tuple[Note, ...]

    @property
    def study_name(self) -> str:
        """Name of the study, shown on every output."""
        return self.settings.study.name

    @property
    def season(self) -> Literal["low", "high"]:
        """Water season that was run."""
        return self.settings.study.season

    @property
    def language(self) -> Literal["es", "en"]:
        """Language of the planner's outputs."""
        return self.settings.study.language

    @property
    def relative(self) -> bool:
        """Whether volumes are relative: some movement has no known number of transits."""
        return bool(self.summary["relative"])

    @cached_property
    def reaches(self) -> gpd.GeoDataFrame:
        """All reaches in canonical order; drawn when first asked for."""
        return reaches_table(self.scored)

    @cached_property
    def routes(self) -> gpd.GeoDataFrame:
        """Routes from entry points to sites, most transits first; traced when first asked for."""
        return self.top_routes(None)

    def top_routes(self, top: int | None) -> gpd.GeoDataFrame:
        """Return the routes with most transits, all of them for None; no others are traced."""
        kappa = self.settings.routes.hazard_aversion_h
        return routes_table(self.scored, self.layers, hazard_aversion_h=kappa, top=top)

    @cached_property
    def sites(self) -> gpd.GeoDataFrame:
        """Venues and mining areas with their hours to help; see `access_table`."""
        return access_table(self.settings, self.layers, self.scored.reaches)
