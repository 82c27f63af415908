"""The table, written down a second time by hand; and that no move gets past it."""

import pytest
from hodei_domain.jobs.errors import IllegalMove
from hodei_domain.jobs.job import ACTIVE, LEGAL, OVER, JobState
from hodei_domain.testing.making import T0, new_worker, submission
from hodei_domain.workers.errors import IllegalWorkerMove
from hodei_domain.workers.worker import WorkerState


def test_the_transitions_of_a_job() -> None:
    arrows = {f"{old} {new}" for old, following in LEGAL.items() for new in following}
    assert arrows == {
        "PENDING SCHEDULED",
        "PENDING FAILED",
        "PENDING CANCELLED",
        "PENDING TIMEOUT",
        "SCHEDULED PENDING",
        "SCHEDULED RUNNING",
        "SCHEDULED FAILED",
        "SCHEDULED CANCELLED",
        "SCHEDULED TIMEOUT",
        "RUNNING PENDING",
        "RUNNING SUCCEEDED",
        "RUNNING FAILED",
        "RUNNING CANCELLED",
        "RUNNING TIMEOUT",
    }
    assert {"SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT"} == OVER
    assert {"SCHEDULED", "RUNNING"} == ACTIVE
    assert set(LEGAL) == set(JobState)


def test_no_move_gets_past_the_table() -> None:
    with pytest.raises(IllegalMove, match="PENDING to SUCCEEDED"):
        submission().after._move(JobState.SUCCEEDED, T0, ())
    with pytest.raises(IllegalWorkerMove, match="CREATING to BUSY"):
        new_worker().after._move(WorkerState.BUSY, T0)
