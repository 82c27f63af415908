"""The queries of the user's guide and of the provisioning report, word for word, with right answers."""

from __future__ import annotations

from typing import Any

import pytest

LATEST_EVENTS = """
SELECT occurred_at, event_type, actor, payload
FROM audit_logs
ORDER BY occurred_at DESC
LIMIT 10;
"""
LIFE_OF_A_JOB = """
SELECT occurred_at, event_type, payload
FROM audit_logs
WHERE correlation_id = 'JOB_ID_AQUI'
ORDER BY occurred_at ASC;
"""
COUNTS = """
SELECT event_type, COUNT(*) as total
FROM audit_logs
GROUP BY event_type
ORDER BY total DESC;
"""
ORPHANS = """
SELECT * FROM audit_logs
WHERE event_type = 'JobCreated'
AND occurred_at < NOW() - INTERVAL '5 minutes'
AND correlation_id NOT IN (
    SELECT correlation_id FROM audit_logs WHERE event_type = 'JobAssigned'
);
"""
WORKERS = """
SELECT id, state, created_at FROM workers
ORDER BY created_at DESC LIMIT 5;
"""
JOBS = """
SELECT id, state, started_at, completed_at
FROM jobs ORDER BY created_at DESC LIMIT 2;
"""
PHANTOM_WORKERS = "DELETE FROM workers WHERE last_heartbeat < NOW() - INTERVAL '1 minute';"


@pytest.mark.e2e
def test_the_events_of_one_job_come_in_their_order(platform: Any) -> None:
    job = platform.queue("echo hello")
    assert platform.wait(job).state == "SUCCEEDED"

    events = platform.sql(LIFE_OF_A_JOB.replace("JOB_ID_AQUI", job))

    moves = [
        (name, payload.get("old_state"), payload.get("new_state"))
        for _, name, payload in events
        if name.startswith("Job") and name != "JobProvisioning"  # of a worker that was made for it
    ]
    assert moves == [
        ("JobCreated", None, None),
        ("JobAssigned", None, None),
        ("JobStatusChanged", "SCHEDULED", "RUNNING"),
        ("JobStatusChanged", "RUNNING", "SUCCEEDED"),
    ]
    times = [at for at, _, _ in events]
    assert times == sorted(set(times))


@pytest.mark.e2e
def test_a_failed_job_tells_its_exit_code_in_its_last_event(platform: Any) -> None:
    job = platform.queue("exit 3")
    assert platform.wait(job).exit_code == 3

    *_, (_, name, payload) = platform.sql(LIFE_OF_A_JOB.replace("JOB_ID_AQUI", job))

    assert (name, payload["new_state"], payload["exit_code"]) == ("JobStatusChanged", "FAILED", 3)


@pytest.mark.e2e
def test_the_overviews_agree_with_what_happened(platform: Any) -> None:
    before = dict(platform.sql(COUNTS))
    job = platform.queue("true")
    platform.wait(job)

    counts = dict(platform.sql(COUNTS))
    assert counts["JobCreated"] == before.get("JobCreated", 0) + 1
    assert counts["JobAssigned"] == before.get("JobAssigned", 0) + 1
    assert counts["WorkerRegistered"] >= 1
    latest = platform.sql(LATEST_EVENTS)
    assert len(latest) <= 10
    assert [each[0] for each in latest] == sorted((each[0] for each in latest), reverse=True)
    assert platform.sql(ORPHANS) == []

    newest = platform.sql(JOBS)[0]
    assert (str(newest[0]), newest[1]) == (job, "SUCCEEDED")
    assert newest[2] < newest[3]
    assert {state for _, state, _ in platform.sql(WORKERS)} <= {"READY", "BUSY", "TERMINATED", "TERMINATING"}


@pytest.mark.e2e
def test_a_job_that_nothing_takes_is_found_as_an_orphan(platform: Any) -> None:
    job = platform.queue("true", image="alpine:3.20")
    platform.sql("UPDATE audit_logs SET occurred_at = occurred_at - INTERVAL '6 minutes'")

    assert [row for row in platform.sql(ORPHANS) if job in map(str, row)]


@pytest.mark.e2e
def test_live_workers_are_no_phantoms_and_deleted_ones_break_nothing(platform: Any) -> None:
    assert platform.run("true").state == "SUCCEEDED"
    alive = platform.sql("SELECT count(*) FROM workers WHERE state IN ('READY', 'BUSY')")

    platform.sql(PHANTOM_WORKERS)
    assert platform.sql("SELECT count(*) FROM workers WHERE state IN ('READY', 'BUSY')") == alive

    platform.sql("DELETE FROM workers")
    assert platform.run("true").state == "SUCCEEDED"
