"""The statement that saves jobs, with everything that is kept beside them."""

from __future__ import annotations

from hodei_infrastructure.postgres.events import INSERT_EVENTS
from hodei_infrastructure.postgres.job_rows import ROW_COLUMNS

_FIXED = (
    "id, created_at, name, queued_by, priority, turn, correlation_id, idempotency_key, fingerprint, rerun_of"
)
_MOVING = (
    "state, version, attempt, changed_at, queued_at, started_at, completed_at, not_before, deadline_at, "
    "deadline_clock, failures, losses, held, result, current_attempt, cancel_wish, progress"
)
_SET = ", ".join(f"{column} = d.{column}" for column in _MOVING.split(", "))

# One statement for any number of new and moved jobs: it is planned once, and one round trip takes it there.
# What it is given is one JSON text, because that is the quickest way for Python to write rows and for
# Postgres to read them (24 µs a row with the insert; arrays of columns take 88).
#
# Its parts see the state before the statement, not each other. `created` and `moved` say which jobs were
# written; if these are fewer than were given, or a part refers to a job that was not written, the caller
# undoes all of it. Rows to delete are named by an array, so that no plan can begin with the table they are
# in.
SAVE = f"""
WITH d AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(jobs)s::json) AS d ({ROW_COLUMNS})
), created AS (
    INSERT INTO jobs ({_FIXED}, {_MOVING}) SELECT {_FIXED}, {_MOVING} FROM d WHERE base = 0
    ON CONFLICT DO NOTHING RETURNING id
), moved AS (
    UPDATE jobs SET {_SET} FROM d
    WHERE d.base > 0 AND jobs.id = d.id AND jobs.version = d.base RETURNING jobs.id
), specified AS (
    INSERT INTO job_specs (job_id, spec) SELECT id, spec FROM d WHERE base = 0
    ON CONFLICT (job_id) DO NOTHING
), unqueued AS (
    DELETE FROM job_queue WHERE job_id = ANY(ARRAY(SELECT id FROM d WHERE base > 0 AND NOT queued))
), queued AS (
    INSERT INTO job_queue (job_id, demand_class, priority, turn, queued_by, queued_at, raised_at, not_before)
    SELECT id, demand_class, priority, turn, queued_by, queued_at, queued_at, not_before FROM d WHERE queued
    ON CONFLICT (job_id) DO UPDATE SET demand_class = excluded.demand_class, priority = excluded.priority,
        turn = excluded.turn, queued_at = excluded.queued_at, raised_at = excluded.raised_at,
        not_before = excluded.not_before
), unleased AS (
    DELETE FROM job_leases WHERE job_id = ANY(ARRAY(SELECT id FROM d WHERE base > 0 AND NOT active))
), leased AS (
    INSERT INTO job_leases (job_id, attempt, worker_id, lease_expires_at)
    SELECT id, attempt, worker_id, clock_timestamp() + %(lease)s FROM d WHERE active
    ON CONFLICT (job_id) DO NOTHING
), attempted AS (
    INSERT INTO job_attempts
        (job_id, attempt, worker_id, assigned_at, started_at, ended_at, exit_code, reason, document)
    SELECT id, attempt, worker_id, assigned_at, attempt_started_at, attempt_ended_at, exit_code, reason,
        current_attempt
    FROM d WHERE attempt_ended_at IS NOT NULL
    ON CONFLICT (job_id, attempt) DO NOTHING
), met AS (
    INSERT INTO demand_classes (key, demand)
    SELECT key, demand FROM json_to_recordset(%(classes)s::json) AS c (key text, demand json) ORDER BY key
    ON CONFLICT (key) DO UPDATE SET met_at = now()
), recorded AS (
    {INSERT_EVENTS}
)
SELECT (SELECT count(*) FROM created) + (SELECT count(*) FROM moved)
"""
