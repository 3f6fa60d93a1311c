"""Where boats pass on river lines, from what mappers note: access, tunnels, water that dries up.

OpenStreetMap says it in four columns (`boat`, `motorboat`, `tunnel`, `intermittent`); the model
knows one, `navigable`. A rule that closes a line comes before one that leaves it open.
"""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from riskmap.layers.findings import Findings
from riskmap.layers.folding import NO_VALUE, fold_values

#: Values of `boat` and `motorboat` that close a line, and those that open it; others say nothing.
CLOSED = frozenset({"no", "private", "military"})
OPEN = frozenset({"yes", "designated", "permissive", "official", "public"})
#: Values of `tunnel` that leave a line open.
NO_TUNNEL = frozenset({"no", "false", "0", "f"}) | NO_VALUE
#: Values of `intermittent` for water that is not there all the year.
DRIES_UP = frozenset({"yes", "true", "1", "t", "y", "si", "seasonal", "ephemeral", "dry"})


def close_rivers(table: gpd.GeoDataFrame, findings: Findings) -> gpd.GeoDataFrame:
    """Return river lines whose `navigable` says what the other columns say about boats.

    Craft have motors, so `motorboat` comes before `boat`. A tunnel or culvert lets water through,
    and no boat. Intermittent water carries boats in high water only.

    Parameters
    ----------
    table
        Canonical river lines.
    findings
        Takes the rows that were closed.
    """
    columns = ("boat", "motorboat", "tunnel", "intermittent")
    said = {name: fold_values(table[name]) for name in columns}
    decisive = said["motorboat"].isin(CLOSED | OPEN)
    access = said["motorboat"].where(decisive, said["boat"])
    forbidden, tunnel = access.isin(CLOSED), ~said["tunnel"].isin(NO_TUNNEL)
    dries = said["intermittent"].isin(DRIES_UP) & ~forbidden & ~tunnel
    navigable = table["navigable"].mask(forbidden | tunnel, "none")
    navigable = navigable.mask(dries & (navigable == "both"), "high")
    navigable = navigable.mask(dries & (navigable == "low"), "none")
    for which, what in (
        (forbidden, "boats are not allowed: closed in both seasons"),
        (tunnel & ~forbidden, "water in a tunnel or culvert: closed in both seasons"),
        (dries, "intermittent water: open in high water only"),
    ):
        _tell(findings, which, what)
    return table.assign(navigable=navigable)


def _tell(findings: Findings, which: pd.Series, what: str) -> None:
    findings.tell_rows("notice", what, which.index[which], "take the column out if boats do pass")
