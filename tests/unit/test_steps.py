"""Steps of a run: what they took, and what they leave behind."""

from __future__ import annotations

import gc
import json
import subprocess
import sys

import pytest

from riskmap.steps import Steps


def test_a_step_keeps_its_time_and_the_most_memory_until_its_end() -> None:
    """In a process of its own: what others held before would count as well."""
    code = (
        "import json\nimport numpy as np\nfrom riskmap.steps import Steps\nsteps = Steps()\n"
        "with steps.take('small'):\n    pass\n"
        "with steps.take('large'):\n    held = np.ones(30_000_000)\n"
        "print(json.dumps(steps.record()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    taken = json.loads(ran.stdout)
    assert taken["large"]["peak_mb"] - taken["small"]["peak_mb"] > 200.0
    assert taken["large"]["seconds"] > taken["small"]["seconds"]


def test_garbage_is_collected_again_after_a_step_that_failed() -> None:
    def fail() -> None:
        with Steps().take("step"):
            assert not gc.isenabled()
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert gc.isenabled()
