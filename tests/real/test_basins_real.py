"""A real river network, cut at bridges, gives the ranking of the whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from distributed import Client

import riskmap as rm
from tests.unit.test_basins import assert_equal

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
]
STUDIES = Path(__file__).parent / "studies"


@pytest.mark.usefixtures("shared_data")
@pytest.mark.parametrize("region", ["madre_de_dios", "ucayali"])
def test_a_real_basin_cut_at_bridges_is_the_same(
    tmp_path: Path, client: Client, region: str
) -> None:
    study = rm.Study.from_file(STUDIES / f"{region}.toml")
    run = rm.run_basins(study, folder=tmp_path / "run", client=client, most_reaches=400)
    assert len(run.reaches) > 4
    assert_equal(run, study.run())
