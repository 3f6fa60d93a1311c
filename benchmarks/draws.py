"""Time one more scoring of a study, as draws and plans need it: the network and sites are kept.

Run with ``python -m benchmarks.draws``: noisy lines, 1,000 entry points and 100 venues, the least
of seven runs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import riskmap as rm
from benchmarks.scoring import fastest
from benchmarks.whole import make_study
from riskmap import pipeline
from riskmap.layers import read_layers
from riskmap.model.scores import score_movements, scores_by_reach
from riskmap.network.travel import build_arcs


def main() -> None:
    """Time one more scoring of a study of 10,000 noisy lines: arcs, movements, figures by reach."""
    with tempfile.TemporaryDirectory() as folder:
        make_study(Path(folder), 10.0)
        settings = rm.Study.from_file(Path(folder) / "study.toml").settings
        layers = read_layers(settings)
        sited = pipeline.site_layers(settings, layers, pipeline.build_network(settings, layers))
        policing, _ = pipeline.police_network(settings, layers, sited)
        scored = pipeline.score_policed(settings, layers, sited, policing)
    movements = [m.movement for m in scored.scores.movements]
    forest, patrol = scored.scores.water.forest, settings.patrol
    per_km = patrol.detection_per_meeting / patrol.period_h

    def again() -> None:
        network = build_arcs(
            scored.reaches,
            scored.speeds,
            hazard_km=per_km * policing.patrols.sweep_km,
            detection_probability=np.zeros(sited.reaches.node_xy.shape[0]),
        )
        scores = score_movements(
            network, movements, theta_per_h=np.inf, hazard_aversion_h=0.0, forest=forest
        )
        scores_by_reach(
            scores,
            network,
            n_reaches=scored.reaches.u.size,
            length_km=scored.reaches.length_km,
            detection_per_meeting=patrol.detection_per_meeting,
            period_h=patrol.period_h,
            standard_speed_kmh=patrol.standard_speed_kmh,
        )

    again()
    print(f"one more scoring, {scored.reaches.u.size:,} reaches: {1000.0 * fastest(again):.1f} ms")
    whole = fastest(lambda: pipeline.score_policed(settings, layers, sited, policing))
    print(f"with the walk of the network and the chaining of corridors: {1000.0 * whole:.1f} ms")


if __name__ == "__main__":
    main()
