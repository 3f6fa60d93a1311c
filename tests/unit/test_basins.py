"""Runs by basin: equal to the undivided run, resumed where they stopped, whoever is lost."""

from __future__ import annotations

import builtins
import os
import signal
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from distributed import Client, LocalCluster

import riskmap as rm
from riskmap.basins.cluster import connect
from riskmap.errors import OutputError
from riskmap.layers import read_layers
from riskmap.network.parts import gather_parts, parts_of_network, take_part
from riskmap.pipeline import build_network, site_layers
from riskmap.sample import copy_sample

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def undivided() -> rm.Result:
    return rm.demo_study().run()


def assert_same(table: gpd.GeoDataFrame, truth: gpd.GeoDataFrame) -> None:
    assert list(table.columns) == list(truth.columns)
    for name in truth.columns.drop("geometry"):
        if truth[name].dtype.kind == "f":
            pd.testing.assert_series_equal(
                table[name], truth[name], check_exact=False, rtol=1e-9, atol=1e-12
            )
        else:
            mine, theirs = (t[name].astype(object) for t in (table, truth))
            assert (
                mine.where(mine.notna(), "").tolist() == theirs.where(theirs.notna(), "").tolist()
            ), name
    assert table.geometry.geom_equals_exact(truth.geometry, 0.0).all()


def assert_equal(run: object, truth: rm.Result) -> None:
    assert_same(run.corridors, truth.corridors)
    reaches = pd.concat([gpd.read_parquet(path) for path in run.reaches]).sort_values("reach_id")
    reaches = reaches.reset_index(drop=True)
    assert_same(gpd.GeoDataFrame(reaches), truth.reaches)
    assert run.summary == pytest.approx(dict(truth.summary), rel=1e-9)


@pytest.mark.parametrize("most", [1, 60, 150, 10**6])
def test_a_run_by_basin_equals_the_undivided_one(
    tmp_path: Path, undivided: rm.Result, client: Client, most: int
) -> None:
    folder = tmp_path / "run"
    run = rm.run_basins(rm.demo_study(), folder=folder, client=client, most_reaches=most)
    # Four basins, of which the largest is cut where less is allowed.
    assert len(run.reaches) == 1 if most > 1000 else len(run.reaches) > 4
    assert_equal(run, undivided)
    assert_same(gpd.read_parquet(folder / "corridors.parquet"), undivided.corridors)
    assert sorted(p.name for p in folder.iterdir()) == [
        "corridors.parquet", "provenance.json", "reaches",
    ]  # fmt: skip


def test_a_run_by_basin_with_patrol_tracks_equals_the_undivided_one(
    tmp_path: Path, undivided: rm.Result, client: Client
) -> None:
    """A boat a day goes along a reach, in several basins and pieces."""
    reaches = undivided.reaches
    some = reaches.geometry[reaches["length_km"] > 5.0].iloc[::6]
    lines = [shapely.get_coordinates(line) for line in some]
    begin_ms = 1.7e12 + 8.64e7 * np.arange(len(lines))
    timed = [
        shapely.LineString(np.column_stack([xy, ms + np.linspace(0.0, 3.6e6, len(xy))]))
        for xy, ms in zip(lines, begin_ms, strict=True)
    ]
    path = copy_sample(tmp_path / "study")
    tracks = gpd.GeoDataFrame({"post": [None] * len(timed)}, geometry=timed, crs=4326)
    tracks.to_file(path.parent / "tracks.gpkg")
    with path.open("a", encoding="utf-8") as text:
        text.write('\n[layers.patrol_tracks]\npath = "tracks.gpkg"\n')
    truth = rm.Study.from_file(path).run()
    assert truth.reaches["patrol_observed"].sum() >= len(lines)
    assert truth.reaches["logged_hours"].sum() > 5.0
    run = rm.run_basins(
        rm.Study.from_file(path), folder=tmp_path / "run", client=client, most_reaches=60
    )
    seen = [gpd.read_parquet(part)["patrol_observed"].any() for part in run.reaches]
    assert sum(seen) > 2
    assert_equal(run, truth)


def test_bundles_are_whole_parts_and_hold_every_reach_and_site_once() -> None:
    settings = rm.demo_study().settings
    layers = read_layers(settings)
    sited = site_layers(settings, layers, build_network(settings, layers))
    part = parts_of_network(sited.reaches)
    for most in (1, 60, 200):
        bundle = gather_parts(sited.reaches, most_reaches=most)
        whole = pd.Series(bundle).groupby(part[sited.reaches.u])
        assert (whole.nunique() == 1).all()
        sizes = np.bincount(bundle)
        parts = pd.Series(part[sited.reaches.u]).groupby(bundle).nunique()
        assert ((sizes <= most) | (parts == 1)).all()
        taken = [take_part(sited, bundle == k)[0] for k in range(sizes.size)]
        km = sum(t.reaches.length_km.sum() for t in taken)
        assert km == pytest.approx(sited.reaches.length_km.sum())
        for name, sites in sited.sites.items():
            on = sum(t.sites[name].row.size for t in taken)
            assert on == (sites.node >= 0).sum()


class Stopped(Exception):
    """Stand for whatever interrupts a run."""


def test_an_interrupted_run_goes_on_where_it_was(
    tmp_path: Path, undivided: rm.Result, client: Client
) -> None:
    folder = tmp_path / "run"

    def stop(step: str) -> None:
        if step.startswith("scores: 2"):
            raise Stopped

    with pytest.raises(Stopped):
        rm.run_basins(rm.demo_study(), folder=folder, client=client, most_reaches=60, progress=stop)
    done = sorted(folder.glob("bundles/*/done"))
    assert len(done) >= 2
    for home in done:  # doing one again would now fail
        (home.parent / "bundle.pickle").write_bytes(b"")
    told: list[str] = []
    run = rm.run_basins(
        rm.demo_study(), folder=folder, client=client, most_reaches=60, progress=told.append
    )
    begun = [step for step in told if step.startswith("scores: ")]
    assert len(begun) <= len(run.reaches) - len(done)
    assert_equal(run, undivided)


@pytest.mark.slow
def test_the_loss_of_a_worker_in_mid_run_loses_nothing(
    tmp_path: Path, undivided: rm.Result
) -> None:
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):
        pids = client.run(os.getpid)
        killed: list[int] = []

        def kill(step: str) -> None:
            if step.startswith("scores: 1") and not killed:
                killed.append(next(iter(pids.values())))
                os.kill(killed[0], signal.SIGKILL)

        run = rm.run_basins(
            rm.demo_study(), folder=tmp_path / "run", client=client, most_reaches=60, progress=kill
        )
        assert killed
    assert_equal(run, undivided)


def test_a_finished_run_is_not_written_over(tmp_path: Path, client: Client) -> None:
    folder = tmp_path / "run"
    rm.run_basins(rm.demo_study(), folder=folder, client=client)
    with pytest.raises(OutputError, match=r"holds a finished run.*--overwrite"):
        rm.run_basins(rm.demo_study(), folder=folder, client=client)
    run = rm.run_basins(rm.demo_study(), folder=folder, client=client, overwrite=True)
    assert len(run.corridors)


def test_what_others_left_in_the_folder_stays(tmp_path: Path, client: Client) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=r"is not empty.*name a new folder"):
            rm.run_basins(rm.demo_study(), folder=tmp_path, client=client, overwrite=overwrite)
    assert (tmp_path / "mine.txt").read_text() == "kept"
    with pytest.raises(OutputError, match="is a file"):
        rm.run_basins(rm.demo_study(), folder=tmp_path / "mine.txt", client=client)
    with pytest.raises(OutputError, match="does not exist"):
        rm.run_basins(rm.demo_study(), folder=tmp_path / "no" / "such", client=client)


def test_another_study_does_not_go_on_with_an_unfinished_run(
    tmp_path: Path, client: Client
) -> None:
    def stop(step: str) -> None:
        if step == "scores":
            raise Stopped

    with pytest.raises(Stopped):
        rm.run_basins(rm.demo_study(), folder=tmp_path / "run", client=client, progress=stop)
    other = rm.Study(rm.demo_study().settings.with_study(season="high"))
    with pytest.raises(OutputError, match="unfinished run of another study"):
        rm.run_basins(other, folder=tmp_path / "run", client=client)


def test_a_cluster_that_does_not_answer_is_one_line() -> None:
    answer = pytest.raises(OutputError, match=r"no cluster answers at tcp://127.0.0.1:9")
    with answer, connect("tcp://127.0.0.1:9"):
        pass


def test_without_dask_the_mend_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: object, **kwargs: object) -> object:
        if name == "distributed":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(OutputError, match=r"needs Dask.*riskmap\[cluster\]"), connect():
        pass
