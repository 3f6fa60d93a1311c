"""Large studies, basin by basin: on many processes or machines, with what is done kept on disk.

What is not connected has no traffic in common, and what is cut at a bridge has little: `pieces`
cuts a study apart, `parts` scores one bundle, `run` has all of them done and merges them.
"""

from riskmap.basins.run import BasinRun, run_basins

__all__ = ["BasinRun", "run_basins"]
