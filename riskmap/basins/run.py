"""Run a study basin by basin, resume where it was interrupted, and merge the ranking."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from riskmap.basins.cluster import connect
from riskmap.basins.parts import (
    ORDER_COLUMNS,
    cut_bundles,
    score_bundle,
    totals_in,
    write_bundle,
)
from riskmap.basins.pieces import whole_study
from riskmap.errors import OutputError, Problem
from riskmap.layers import read_layers
from riskmap.network.sites import Sited
from riskmap.outputs.files import whole_file
from riskmap.pipeline import (
    RELATIVE_VOLUME,
    build_network,
    police_network,
    provenance_of,
    site_layers,
    unserved_note,
)
from riskmap.report import Count, Note
from riskmap.results.corridors import rank_corridors
from riskmap.results.reaches import corridor_ids
from riskmap.settings import Settings
from riskmap.steps import Progress, Steps

if TYPE_CHECKING:
    from distributed import Client

#: Reaches of a bundle: a few hundred MB on a worker.
MOST_REACHES = 100_000
#: Bundles that wait at the cluster for each worker: enough that none is idle.
_WAITING = 2


@dataclass(frozen=True, slots=True)
class BasinRun:
    """Hold the result of a run by basin.

    Attributes
    ----------
    corridors
        The ranked corridors, as `Result.corridors` of an undivided run.
    reaches
        Files (GeoParquet) that hold the reaches, in order of `reach_id` bundle by bundle.
    summary, provenance, notes
        As of an undivided run.
    """

    corridors: gpd.GeoDataFrame
    reaches: tuple[Path, ...]
    summary: Mapping[str, float | bool]
    provenance: Mapping[str, Any]
    notes: tuple[Note, ...]


def run_basins(
    settings: Settings,
    *,
    folder: Path,
    client: Client | None = None,
    most_reaches: int = MOST_REACHES,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> BasinRun:
    """Run a study basin by basin, and write partitioned GeoParquet.

    The network is built here; the basins are scored by the workers of a Dask cluster, bundle by
    bundle, through files in `folder`, which all of them must see. What is done stays done: the same
    call after an interruption goes on where it was. A worker that is lost has its bundle taken by
    another one.

    Parameters
    ----------
    settings
        The study.
    folder
        Folder to write: `corridors.parquet` (ranked), `reaches/NNNNN.parquet`, `provenance.json`.
        One that you trust: bundles on their way to the workers lie in it.
    client
        A `distributed.Client`; a local cluster, one process a core, is started and closed where
        there is none.
    most_reaches
        Reaches of a bundle.
    overwrite
        Replace what another study or an earlier run left in the folder.
    progress
        Called with the name of each step as it begins.

    Raises
    ------
    StudyError, DataError, NetworkError
        As an undivided run.
    OutputError
        Where the folder cannot be used, or Dask is not installed.
    """
    steps = Steps(progress)
    with steps.take("layers"):
        layers = read_layers(settings)
    record = {**provenance_of(settings, layers), "most_reaches": most_reaches}
    _claim(folder, record, overwrite=overwrite)
    with steps.take("network"):
        reaches = build_network(settings, layers)
    with steps.take("sites"):
        sited = site_layers(settings, layers, reaches)
    with steps.take("patrols"):
        policing, told = police_network(settings, layers, sited)
    with steps.take("bundles"):
        whole = whole_study(settings, sited, policing)
        bundles = _leave(cut_bundles(whole, layers, most_reaches=most_reaches), folder)
    with steps.take("scores"):
        score_bundles(bundles, client, steps_done=progress)
    with steps.take("merge"):
        corridors, ids = _merge_corridors(bundles)
        files = _write_reaches(bundles, ids, folder)
        summary = _summary(settings, sited, [totals_in(home) for home in bundles])
        _write_table(corridors, folder / "corridors.parquet")
    record["steps"] = steps.record()
    _finish(folder, {"summary": summary, "provenance": record})
    notes = (*layers.notes, *reaches.notes, *sited.notes, *told, *_unserved(summary))
    return BasinRun(corridors, files, summary, record, notes)


def _claim(folder: Path, record: Mapping[str, Any], *, overwrite: bool) -> None:
    """Make the folder this run's, or go on with what the same run left there."""
    mine = {key: value for key, value in record.items() if key != "time"}
    claim = folder / "run.json"
    if folder.exists() and not folder.is_dir():
        raise OutputError(Problem(str(folder), None, "is a file", "name a folder"))
    if overwrite and (claim.exists() or (folder / "provenance.json").exists()):
        _clear(folder)
    if (folder / "provenance.json").exists():
        what = "holds a finished run"
        raise OutputError(Problem(str(folder), None, what, "add --overwrite to replace it"))
    if claim.exists():
        if json.loads(claim.read_text("utf-8")) == json.loads(json.dumps(mine)):
            return
        what = "holds an unfinished run of another study, other layers or another version"
        raise OutputError(Problem(str(folder), None, what, "add --overwrite to replace it"))
    if folder.exists() and any(folder.iterdir()):
        what = "is not empty, and what it holds is not of riskmap"
        raise OutputError(Problem(str(folder), None, what, "name a new folder"))
    if not folder.resolve().parent.is_dir():
        what = f"the folder {folder.parent} does not exist"
        raise OutputError(Problem(str(folder), None, what, "make it first"))
    folder.mkdir(exist_ok=True)
    with whole_file(claim, overwrite=True) as part:
        part.write_text(json.dumps(mine, indent=1), encoding="utf-8")


def _clear(folder: Path) -> None:
    """Take away what a run writes, and nothing else."""
    for name in ("bundles", "reaches"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("provenance.json", "corridors.parquet", "run.json"):
        (folder / name).unlink(missing_ok=True)


def _leave(bundles: Iterable[Any], folder: Path) -> list[Path]:
    """Leave bundles that are not done yet for the workers; return the folders of all."""
    homes = []
    for number, bundle in enumerate(bundles):
        home = folder / "bundles" / f"{number:05d}"
        if not (home / "done").is_dir():
            write_bundle(bundle, home)
        homes.append(home)
    return homes


def score_bundles(
    bundles: list[Path], client: Client | None = None, *, steps_done: Progress | None = None
) -> None:
    """Have the cluster score what is not done, a few bundles ahead of the workers."""
    todo = [str(home.resolve()) for home in bundles if not (home / "done").is_dir()]
    tell: Callable[[str], None] = steps_done or (lambda _step: None)
    if not todo:
        return
    with connect() if client is None else nullcontext(client) as running:
        from distributed import as_completed  # heavy, and an extra

        ahead = _WAITING * max(1, len(running.scheduler_info(n_workers=-1)["workers"]))
        first, rest = todo[:ahead], iter(todo[ahead:])
        futures = [_submit(running, home) for home in first]
        waiting = as_completed(futures)
        try:
            for done, future in enumerate(waiting, start=1):
                future.result()
                tell(f"scores: {done} of {Count(len(todo)):bundle|bundles}")
                for following in islice(rest, 1):
                    futures.append(_submit(running, following))
                    waiting.add(futures[-1])
        finally:
            running.cancel(futures)


def _submit(client: Client, home: str) -> Any:
    # Not pure: a second run on the same cluster computes anew.
    return client.submit(score_bundle, home, pure=False, retries=2)


def _merge_corridors(bundles: list[Path]) -> tuple[gpd.GeoDataFrame, list[list[str | None]]]:
    """Return the ranked corridors of all bundles, and each bundle's identifiers by number."""
    tables = [gpd.read_parquet(home / "done" / "corridors.parquet") for home in bundles]
    sizes = [len(table) for table in tables]
    whole = gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), crs="EPSG:4326")
    order = np.lexsort([whole[name].to_numpy() for name in reversed(ORDER_COLUMNS)])
    place = np.empty(len(whole), dtype=np.int32)
    place[order] = np.arange(len(whole), dtype=np.int32)
    ids = [corridor_ids(mine) for mine in np.split(place, np.cumsum(sizes)[:-1])]
    numbered = whole.iloc[order].drop(columns=list(ORDER_COLUMNS)).reset_index(drop=True)
    return rank_corridors(numbered), ids


def _write_reaches(
    bundles: list[Path], ids: list[list[str | None]], folder: Path
) -> tuple[Path, ...]:
    """Write each bundle's reaches with the corridors' identifiers, one bundle in memory."""
    target = folder / "reaches"
    target.mkdir(exist_ok=True)
    files = []
    for home, names in zip(bundles, ids, strict=True):
        table = gpd.read_parquet(home / "done" / "reaches.parquet")
        corridor = table["corridor_id"].to_numpy().astype(np.int64)
        named = np.array([*names, None], dtype=object)  # −1, no corridor, is the last
        table["corridor_id"] = named[corridor]
        path = target / f"{home.name}.parquet"
        _write_table(table, path)
        files.append(path)
    return tuple(files)


def _write_table(table: gpd.GeoDataFrame, path: Path) -> None:
    with whole_file(path, overwrite=True) as part:
        table.to_parquet(part, index=False)


def _summary(
    settings: Settings, sited: Sited, totals: list[dict[str, float]]
) -> dict[str, float | bool]:
    """Add up the bundles; what starts off the water is unserved in none of them."""
    sums = pd.DataFrame(totals).sum()
    volumes = [m.transits_per_month or RELATIVE_VOLUME for m in settings.movements]
    dry = [_dry_share(sited, movement.origins) for movement in settings.movements]
    lost = sum(volume * share for volume, share in zip(volumes, dry, strict=True))
    summary: dict[str, float | bool] = {str(key): float(value) for key, value in sums.items()}
    summary["demand"] = float(sum(volumes))
    summary["unserved"] = float(sums["unserved"]) + lost
    summary["relative"] = any(m.transits_per_month is None for m in settings.movements)
    return summary


def _unserved(summary: Mapping[str, float | bool]) -> list[Note]:
    if not summary["unserved"]:
        return []
    return [unserved_note(None, unserved=summary["unserved"], volume=summary["demand"])]


def _dry_share(sited: Sited, layer: str) -> float:
    sites = sited.sites[layer]
    total = float(sites.weight.sum())
    return float(sites.weight[sites.node < 0].sum()) / total if total > 0.0 else 1.0


def _finish(folder: Path, content: Mapping[str, Any]) -> None:
    """Say that the run is whole, and take away what only served it."""
    with whole_file(folder / "provenance.json", overwrite=True) as part:
        part.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    shutil.rmtree(folder / "bundles", ignore_errors=True)
    (folder / "run.json").unlink(missing_ok=True)
