"""One bundle of basins: what a worker gets, does and leaves on disk."""

from __future__ import annotations

import json
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np

from riskmap.basins.pieces import Piece, cut_piece, take_piece
from riskmap.layers import Layers
from riskmap.network.arcs import Floats, Ints
from riskmap.network.parts import gather_parts
from riskmap.pipeline import score_policed
from riskmap.results.corridors import corridor_lines, measure_corridors
from riskmap.results.reaches import reaches_table
from riskmap.results.reasons import explain_corridors
from riskmap.results.scored import Scored

#: Columns of a bundle's corridors that put them in the order of the whole: ends and length.
ORDER_COLUMNS = ("_first_node", "_last_node", "_length_km")
#: Layers that a worker does not need: the reaches carry what it does.
_HEAVY = frozenset({"rivers", "water_areas", "roads"})


class Bundle(NamedTuple):
    """Hold what a worker needs: a piece of the study, and the layers that explain it."""

    piece: Piece
    layers: Layers


class Tables(NamedTuple):
    """Hold what a bundle gives: corridors by their number in it, reaches, and totals."""

    corridors: gpd.GeoDataFrame
    reaches: gpd.GeoDataFrame
    totals: dict[str, float]


def cut_bundles(whole: Piece, layers: Layers, *, most_reaches: int) -> Iterator[Bundle]:
    """Cut a study into bundles, one after the other: of whole basins, or of parts of a larger one.

    Parameters
    ----------
    whole
        The study.
    layers
        Its layers.
    most_reaches
        Reaches of a bundle. What cannot be cut at a bridge stays whole.
    """
    tables = {name: table for name, table in layers.tables.items() if name not in _HEAVY}
    light = Layers(tables, {}, ())
    bundle = gather_parts(whole.sited.reaches, most_reaches=most_reaches)
    for number, size in enumerate(np.bincount(bundle)):
        piece = take_piece(whole, bundle == number)
        if size <= most_reaches:
            yield Bundle(piece, light)
            continue
        for part in cut_piece(piece, light, most_reaches=most_reaches):
            yield Bundle(part, light)


def write_bundle(bundle: Bundle, folder: Path) -> None:
    """Leave a bundle for a worker; only this program reads it back."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "bundle.pickle").open("wb") as file:
        pickle.dump(bundle, file, protocol=5)


def score_bundle(folder: str) -> str:
    """Score a bundle that `write_bundle` left, and write its tables beside it, whole or not at all.

    Returns the folder. A bundle that is done already is not done again.
    """
    home = Path(folder)
    done = home / "done"
    if done.is_dir():
        return folder
    with (home / "bundle.pickle").open("rb") as file:
        bundle: Bundle = pickle.load(file)  # noqa: S301  (written by this run, see write_bundle)
    corridors, reaches, totals = bundle_tables(bundle)
    with tempfile.TemporaryDirectory(prefix="part-", dir=home, ignore_cleanup_errors=True) as part:
        written = Path(part) / "done"
        written.mkdir()
        corridors.to_parquet(written / "corridors.parquet", index=False)
        reaches.to_parquet(written / "reaches.parquet", index=False)
        (written / "totals.json").write_text(json.dumps(totals), encoding="utf-8")
        if not done.is_dir():
            with suppress(OSError):  # another worker that was given it came first: its stays
                written.replace(done)
    return folder


def bundle_tables(bundle: Bundle) -> Tables:
    """Score a bundle, and return its corridors, its reaches, and the totals."""
    piece = bundle.piece
    scored = score_policed(
        piece.settings, bundle.layers, piece.sited, piece.policing, cut=piece.cut
    )
    corridors, number = _corridors(bundle, scored)
    return Tables(corridors, _reaches(piece, scored, number), scored.scores.summary())


def _corridors(bundle: Bundle, scored: Scored) -> tuple[gpd.GeoDataFrame, Ints]:
    """Return the corridors of a bundle with what orders them in the whole, and their numbers.

    The second is by corridor of `scored`: its row in the table, −1 for those of other bundles.
    """
    piece, chains = bundle.piece, scored.chains
    lines = corridor_lines(scored)
    table = measure_corridors(
        scored,
        bundle.layers,
        lines=lines,
        reasons=explain_corridors(scored, bundle.layers, lines),
        language=piece.settings.study.language,
    )
    ends = np.sort(
        np.column_stack([piece.node[chains.upstream_node], piece.node[chains.downstream_node]]),
        axis=1,
    )
    first, last, length = ORDER_COLUMNS
    rounded = np.round(table["length_km"].to_numpy(), 6)
    table = table.assign(**{first: ends[:, 0], last: ends[:, 1], length: rounded})
    own = piece.own[chains.reach[chains.start[:-1]]]
    number = np.where(own, np.cumsum(own) - 1, -1).astype(np.int32)
    return table[own].reset_index(drop=True), number


def _reaches(piece: Piece, scored: Scored, number: Ints) -> gpd.GeoDataFrame:
    """Return the reaches with their number in the whole, and their corridor's in the bundle."""
    corridor = scored.chains.corridor
    numbered: Floats = np.append(number, -1)[corridor].astype(np.float64)
    table = reaches_table(scored).assign(reach_id=piece.reach, corridor_id=numbered)
    return table[piece.own].reset_index(drop=True)


def totals_in(folder: Path) -> dict[str, float]:
    """Return the totals of a bundle that is done."""
    totals: dict[str, float] = json.loads((folder / "done" / "totals.json").read_text("utf-8"))
    return totals
