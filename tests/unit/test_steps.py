"""Steps of a run: what they took, and what they leave behind."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from riskmap.steps import Steps


def test_a_step_keeps_its_time_and_the_most_memory_until_its_end() -> None:
    steps = Steps()
    with steps.take("small"):
        pass
    with steps.take("large"):
        held = np.ones(30_000_000)
    del held
    taken = steps.record()
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
