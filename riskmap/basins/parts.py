"""One bundle of basins: what a worker gets, does and leaves on disk."""

from __future__ import annotations

import json
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from riskmap.layers import Layers
from riskmap.network.arcs import Floats
from riskmap.network.parts import gather_parts, take_part
from riskmap.network.sites import Sited
from riskmap.pipeline import RELATIVE_VOLUME, score_network
from riskmap.report import Note
from riskmap.results.corridors import corridor_lines, measure_corridors
from riskmap.results.reaches import reaches_table
from riskmap.results.reasons import explain_corridors
from riskmap.results.scored import Scored
from riskmap.settings import Settings

#: Columns of a bundle's corridors that put them in the order of the whole: ends and length.
ORDER_COLUMNS = ("_first_node", "_last_node", "_length_km")
#: Layers that a worker does not need: the reaches carry what it does.
_HEAVY = frozenset({"rivers", "water_areas", "roads"})


@dataclass(frozen=True, slots=True)
class Bundle:
    """Hold what a worker needs to score some basins.

    Attributes
    ----------
    settings
        The study, with the volume of each movement that starts in these basins.
    layers
        Its layers, but for those that the reaches were made from.
    sited
        The reaches of the basins, and the sites on them.
    node, reach
        Number of each node and reach in the whole study.
    """

    settings: Settings
    layers: Layers
    sited: Sited
    node: npt.NDArray[np.int64]
    reach: npt.NDArray[np.int64]


def cut_bundles(
    settings: Settings, layers: Layers, sited: Sited, *, most_reaches: int
) -> Iterator[Bundle]:
    """Cut a study into bundles of whole basins, one after the other.

    Parameters
    ----------
    settings, layers, sited
        The study, with its sites on the water.
    most_reaches
        Reaches of a bundle; one basin that has more is a bundle of its own.
    """
    tables = {name: table for name, table in layers.tables.items() if name not in _HEAVY}
    light = Layers(tables, {}, ())
    bundle = gather_parts(sited.reaches, most_reaches=most_reaches)
    for number in range(int(bundle.max(initial=-1)) + 1):
        chosen = bundle == number
        part, node = take_part(sited, chosen)
        own = _with_volumes(settings, sited, part)
        yield Bundle(own, light, part, node, np.flatnonzero(chosen))


def _with_volumes(settings: Settings, whole: Sited, part: Sited) -> Settings:
    """Give each movement the share of its volume that starts in a part (model §2)."""
    movements = []
    for movement in settings.movements:
        volume = movement.transits_per_month or RELATIVE_VOLUME
        total = _weight(whole, movement.origins)
        share = _weight(part, movement.origins) / total if total > 0.0 else 0.0
        movements.append(movement.model_copy(update={"transits_per_month": volume * share}))
    return settings.model_copy(update={"movements": tuple(movements)})


def _weight(sited: Sited, layer: str) -> float:
    return float(sited.sites[layer].weight.sum())


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
    scored, notes = score_network(bundle.settings, bundle.layers, bundle.sited)
    with tempfile.TemporaryDirectory(prefix="part-", dir=home, ignore_cleanup_errors=True) as part:
        written = Path(part) / "done"
        written.mkdir()
        _corridors(bundle, scored).to_parquet(written / "corridors.parquet", index=False)
        _reaches(bundle, scored).to_parquet(written / "reaches.parquet", index=False)
        # What movements leave unserved is told of the whole, not of each bundle.
        own = [asdict(note) for note in notes if note.layer != "movements"]
        found = json.dumps({"totals": scored.scores.summary(), "notes": own})
        (written / "found.json").write_text(found, encoding="utf-8")
        if not done.is_dir():
            with suppress(OSError):  # another worker that was given it came first: its stays
                written.replace(done)
    return folder


def _corridors(bundle: Bundle, scored: Scored) -> gpd.GeoDataFrame:
    """Return the corridors by their number in the bundle, with what orders them in the whole."""
    lines = corridor_lines(scored)
    table = measure_corridors(
        scored,
        bundle.layers,
        lines=lines,
        reasons=explain_corridors(scored, bundle.layers, lines),
        language=bundle.settings.study.language,
    )
    chains = scored.chains
    ends = np.sort(
        np.column_stack([bundle.node[chains.upstream_node], bundle.node[chains.downstream_node]]),
        axis=1,
    )
    first, last, length = ORDER_COLUMNS
    rounded = np.round(table["length_km"].to_numpy(), 6)
    return table.assign(**{first: ends[:, 0], last: ends[:, 1], length: rounded})


def _reaches(bundle: Bundle, scored: Scored) -> gpd.GeoDataFrame:
    """Return the reaches with their number in the whole, and their corridor's in the bundle."""
    table = reaches_table(scored)
    corridor: Floats = scored.chains.corridor.astype(np.float64)
    return table.assign(reach_id=bundle.reach, corridor_id=corridor)


def found_in(folder: Path) -> tuple[dict[str, float], list[Note]]:
    """Return the totals of a bundle that is done, and its notes."""
    content = json.loads((folder / "done" / "found.json").read_text("utf-8"))
    return content["totals"], [Note(**note) for note in content["notes"]]
