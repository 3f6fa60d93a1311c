"""Large studies, basin by basin: on many processes or machines, with what is done kept on disk.

What is not connected has no traffic in common: `parts` cuts a study apart and scores one bundle of
basins, `record` is what a folder remembers between runs, `run` does the work and merges it.
"""

from riskmap.basins.run import BasinRun, run_basins

__all__ = ["BasinRun", "run_basins"]
