"""The tables as SQLAlchemy describes them: what `alembic revision --autogenerate` compares a database with.

Nothing else imports this: it takes a fifth of a second. The database is made by the SQL files in
`hodei_infrastructure.migrations`, the stores speak SQL themselves, and a test holds all three together.
What must never happen is forbidden here too; the lists of states come from the domain.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from hodei_domain.jobs.spec import Priority
from hodei_domain.jobs.state import ACTIVE, OVER, JobState
from hodei_domain.providers.provider import ProviderStatus, ProviderType
from hodei_domain.workers.state import WorkerState
from sqlalchemy.dialects.postgresql import BYTEA, DOUBLE_PRECISION, JSON, JSONB, TIMESTAMP, UUID
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

metadata = sa.MetaData(naming_convention={"pk": "%(table_name)s_pkey"})


class Xid8(UserDefinedType[int]):
    """The number of a transaction, a type of Postgres that SQLAlchemy does not know."""

    def get_col_spec(self, **_: Any) -> str:
        """How Postgres calls it."""
        return "xid8"


ischema_names["xid8"] = Xid8

INSTANT = TIMESTAMP(timezone=True)
NOW = sa.text("now()")

# Tables that turn over within seconds: vacuum by number of dead rows. Tables that grow for ever: a fifth of a
# big table, the default, is too much to wait for.
TURNING_OVER = {"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 2000}
GROWING = {"autovacuum_vacuum_scale_factor": 0.02, "autovacuum_analyze_scale_factor": 0.02}
ROOMY = {"fillfactor": 50}  # rows that are rewritten in place


def is_comparable(_: Any, name: str | None, *__: Any) -> bool:
    """Whether Alembic can compare it: it reads the expression of an index without its collation."""
    return name != "job_specs_id_end"


def _table(name: str, *parts: Any, storage: dict[str, Any] | None = None) -> sa.Table:
    return sa.Table(name, metadata, *parts, postgresql_with=storage or {})


def _must(name: str, kind: Any, *more: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, *more, nullable=False)


def _may(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _check(name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=name)


def _among(column: str, values: Iterable[str]) -> str:
    ordered = sorted(values) if isinstance(values, frozenset) else values
    return f"{column} IN ({', '.join(repr(str(value)) for value in ordered)})"


def _job(name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=name, ondelete="CASCADE")


_ENDED_AS = "CASE WHEN completed_at IS NOT NULL THEN state END"
_PRIORITIES = f"priority BETWEEN {min(Priority):d} AND {max(Priority):d}"

jobs = _table(
    "jobs",
    _must("id", UUID),
    _must("state", sa.Text),
    _must("version", sa.Integer),
    _must("attempt", sa.Integer),
    _must("created_at", INSTANT),
    _must("changed_at", INSTANT),
    _must("queued_at", INSTANT),
    _may("started_at", INSTANT),
    _may("completed_at", INSTANT),
    sa.Column("ended_as", sa.Text, sa.Computed(_ENDED_AS, persisted=True), nullable=True),
    _may("not_before", INSTANT),
    _may("deadline_at", INSTANT),
    _may("deadline_clock", sa.Text),
    _must("name", sa.Text),
    _must("queued_by", sa.Text),
    _must("priority", sa.SmallInteger),
    _must("turn", sa.BigInteger),
    _must("failures", sa.Integer),
    _must("losses", sa.Integer),
    _must("held", sa.Boolean),
    _may("correlation_id", sa.Text),
    _may("idempotency_key", sa.Text),
    _must("fingerprint", sa.Text),
    _may("rerun_of", UUID),
    _may("result", JSON),
    _may("current_attempt", JSON),
    _may("cancel_wish", JSON),
    _may("progress", JSON),
    sa.PrimaryKeyConstraint("id"),
    _check("jobs_state", _among("state", JobState)),
    _check("jobs_ended_completed", f"({_among('state', OVER)}) = (completed_at IS NOT NULL)"),
    _check("jobs_ended_result", "(completed_at IS NOT NULL) = (result IS NOT NULL)"),
    _check("jobs_active_attempt", f"NOT {_among('state', ACTIVE)} OR attempt >= 1"),
    _check("jobs_running_started", "state <> 'RUNNING' OR started_at IS NOT NULL"),
    _check("jobs_held_pending", "NOT held OR state = 'PENDING'"),
    _check("jobs_attempt_known", "(attempt = 0) = (current_attempt IS NULL)"),
    _check("jobs_deadline", "(deadline_at IS NULL) = (deadline_clock IS NULL)"),
    _check("jobs_over_no_deadline", "completed_at IS NULL OR deadline_at IS NULL"),
    _check("jobs_priority", _PRIORITIES),
    _check("jobs_numbers", "version >= 1 AND attempt >= 0 AND failures >= 0 AND losses >= 0"),
    storage=ROOMY | GROWING,
)
sa.Index(
    "jobs_key",
    jobs.c.queued_by,
    jobs.c.idempotency_key,
    unique=True,
    postgresql_where=jobs.c.idempotency_key.is_not(None),
)
_newest_first = (jobs.c.created_at.desc(), jobs.c.id.desc())
sa.Index("jobs_live", *_newest_first, postgresql_where=jobs.c.completed_at.is_(None))
sa.Index("jobs_ended", jobs.c.ended_as, *_newest_first, postgresql_where=jobs.c.ended_as.is_not(None))
sa.Index("jobs_owner", jobs.c.queued_by, *_newest_first, postgresql_where=jobs.c.queued_by != "")
sa.Index("jobs_name", jobs.c.name, *_newest_first, postgresql_where=jobs.c.name != "")
sa.Index("jobs_completed", jobs.c.completed_at, jobs.c.id, postgresql_where=jobs.c.completed_at.is_not(None))
sa.Index("jobs_deadline", jobs.c.deadline_at, postgresql_where=jobs.c.deadline_at.is_not(None))

job_specs = _table(
    "job_specs",
    _must("job_id", UUID),
    _must("spec", JSON),
    sa.PrimaryKeyConstraint("job_id"),
    storage=GROWING,
)

sa.Index("job_specs_id_end", sa.text('(reverse("right"(job_id::text, 12)) COLLATE "C")'), _table=job_specs)

job_marks = _table(
    "job_marks",
    _must("mark", UUID),
    _must("created_at", INSTANT),
    _must("job_id", UUID),
    sa.PrimaryKeyConstraint("mark", "created_at", "job_id"),
    _job("job_marks_job"),
    storage=GROWING,
)
sa.Index("job_marks_of_job", job_marks.c.job_id)

job_queue = _table(
    "job_queue",
    _must("job_id", UUID),
    _must("demand_class", sa.Text),
    _must("priority", sa.SmallInteger),
    _must("turn", sa.BigInteger),
    _must("queued_by", sa.Text),
    _must("queued_at", INSTANT),
    _must("raised_at", INSTANT),
    _may("not_before", INSTANT),
    sa.PrimaryKeyConstraint("job_id"),
    _job("job_queue_job"),
    _check("job_queue_priority", _PRIORITIES),
    storage=TURNING_OVER,
)
_due = job_queue.c.not_before.is_(None)
sa.Index(
    "job_queue_claim",
    job_queue.c.demand_class,
    job_queue.c.priority.desc(),
    job_queue.c.turn,
    job_queue.c.job_id,
    postgresql_where=_due,
)
sa.Index("job_queue_oldest", job_queue.c.demand_class, job_queue.c.queued_at, postgresql_where=_due)
sa.Index("job_queue_owner", job_queue.c.queued_by, job_queue.c.priority, job_queue.c.turn)
sa.Index("job_queue_turn", job_queue.c.priority, job_queue.c.turn)
sa.Index("job_queue_due", job_queue.c.not_before, postgresql_where=job_queue.c.not_before.is_not(None))

demand_classes = _table(
    "demand_classes",
    _must("key", sa.Text),
    _must("serial", sa.BigInteger, sa.Identity(always=True)),
    _must("demand", JSON),
    sa.Column("met_at", INSTANT, nullable=False, server_default=NOW),
    sa.PrimaryKeyConstraint("key"),
    sa.UniqueConstraint("serial", name="demand_classes_serial"),
)

job_leases = _table(
    "job_leases",
    _must("job_id", UUID),
    _must("attempt", sa.Integer),
    _must("worker_id", UUID),
    _must("lease_expires_at", INSTANT),
    sa.PrimaryKeyConstraint("job_id"),
    sa.UniqueConstraint("worker_id", name="job_leases_worker"),
    _job("job_leases_job"),
    _check("job_leases_attempt", "attempt >= 1"),
    storage=ROOMY | TURNING_OVER,
)

job_attempts = _table(
    "job_attempts",
    _must("job_id", UUID),
    _must("attempt", sa.Integer),
    _must("worker_id", UUID),
    _must("assigned_at", INSTANT),
    _may("started_at", INSTANT),
    _must("ended_at", INSTANT),
    _may("exit_code", sa.Integer),
    _must("reason", sa.Text),
    _must("document", JSON),
    sa.PrimaryKeyConstraint("job_id", "attempt"),
    _check("job_attempts_number", "attempt >= 1"),
    storage=GROWING,
)

workers = _table(
    "workers",
    _must("id", UUID),
    _must("state", sa.Text),
    _may("provider_id", UUID),
    _must("version", sa.Integer),
    _must("created_at", INSTANT),
    _must("changed_at", INSTANT),
    _may("registered_at", INSTANT),
    _may("last_heartbeat", INSTANT),
    _may("idle_since", INSTANT),
    _may("expires_at", INSTANT),
    _may("register_by", INSTANT),
    _may("drain_by", INSTANT),
    _may("ended_at", INSTANT),
    _must("connected", sa.Boolean),
    _may("job_id", UUID),
    _may("attempt", sa.Integer),
    _must("jobs_done", sa.Integer),
    _must("name", sa.Text),
    _must("hostname", sa.Text),
    _must("architecture", sa.Text),
    _must("agent_version", sa.Text),
    _must("reason", sa.Text),
    _must("cpu_cores", DOUBLE_PRECISION),
    _must("memory_mib", sa.BigInteger),
    _must("disk_mib", sa.BigInteger),
    _must("gpu", sa.Integer),
    _must("labels", JSONB),
    _must("demand", JSON),
    sa.PrimaryKeyConstraint("id"),
    _check("workers_state", _among("state", WorkerState)),
    _check("workers_ended", f"(state = '{WorkerState.TERMINATED}') = (ended_at IS NOT NULL)"),
    _check("workers_busy_job", f"state <> '{WorkerState.BUSY}' OR job_id IS NOT NULL"),
    _check("workers_ready_free", f"state <> '{WorkerState.READY}' OR job_id IS NULL"),
    _check("workers_job_attempt", "(job_id IS NULL) = (attempt IS NULL)"),
    _check("workers_connected_registered", "NOT connected OR registered_at IS NOT NULL"),
    _check("workers_numbers", "version >= 1 AND jobs_done >= 0"),
    storage=ROOMY | GROWING,
)
sa.Index("workers_age", workers.c.created_at.desc(), workers.c.id.desc())
sa.Index("workers_live", workers.c.created_at, workers.c.id, postgresql_where=workers.c.ended_at.is_(None))
sa.Index("workers_ended", workers.c.ended_at, postgresql_where=workers.c.ended_at.is_not(None))

worker_otps = _table(
    "worker_otps",
    _must("worker_id", UUID),
    _may("provider_id", UUID),
    _must("digest", BYTEA),
    _must("expires_at", INSTANT),
    _may("used_at", INSTANT),
    sa.PrimaryKeyConstraint("worker_id"),
    _check("worker_otps_digest", "octet_length(digest) = 32"),
)

worker_sessions = _table(
    "worker_sessions",
    _must("worker_id", UUID),
    _must("digest", BYTEA),
    _must("created_at", INSTANT),
    sa.PrimaryKeyConstraint("worker_id"),
    _check("worker_sessions_digest", "octet_length(digest) = 32"),
)

providers = _table(
    "providers",
    _must("id", UUID),
    _must("name", sa.Text),
    _must("type", sa.Text),
    _must("status", sa.Text),
    _must("enabled", sa.Boolean),
    _must("priority", sa.Integer),
    _must("max_workers", sa.Integer),
    _must("failures", sa.Integer),
    _must("version", sa.Integer),
    _must("created_at", INSTANT),
    _must("updated_at", INSTANT),
    _may("checked_at", INSTANT),
    _must("health_message", sa.Text),
    _must("capabilities", JSONB),
    _must("tags", JSONB),
    _must("metadata", JSONB),
    _must("config", JSONB),
    sa.Column("pools", JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("placement", JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("name", name="providers_name"),
    _check("providers_type", _among("type", ProviderType)),
    _check("providers_status", _among("status", ProviderStatus)),
    _check("providers_numbers", "version >= 1 AND max_workers >= 0 AND failures >= 0"),
)

job_log_chunks = _table(
    "job_log_chunks",
    _must("job_id", UUID),
    _must("attempt", sa.Integer),
    _must("first_sequence", sa.BigInteger),
    _must("lines", sa.Integer),
    _must("first_offset", sa.BigInteger),
    _must("nbytes", sa.Integer),
    _must("base_time_us", sa.BigInteger),
    _must("gap_bytes", sa.BigInteger),
    _must("runs", BYTEA),
    _must("data", BYTEA),
    sa.Column("removed", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.PrimaryKeyConstraint("job_id", "attempt", "first_sequence"),
    _check(
        "job_log_chunks_numbers",
        "attempt >= 1 AND first_sequence >= 0 AND lines >= 1 AND first_offset >= 0 AND gap_bytes >= 0 "
        "AND nbytes = octet_length(data)",
    ),
    storage=GROWING,
)

job_outputs = _table(
    "job_outputs",
    _must("job_id", UUID),
    _must("completed_at", INSTANT),
    _must("nbytes", sa.BigInteger),
    sa.PrimaryKeyConstraint("job_id"),
    storage=GROWING,
)
sa.Index("job_outputs_ended", job_outputs.c.completed_at, job_outputs.c.job_id)

job_log_ends = _table(
    "job_log_ends",
    _must("job_id", UUID),
    _must("attempt", sa.Integer),
    _must("next_sequence", sa.BigInteger),
    _must("next_offset", sa.BigInteger),
    sa.PrimaryKeyConstraint("job_id", "attempt"),
)

audit_logs = _table(
    "audit_logs",
    _must("occurred_at", INSTANT),
    _must("event_type", sa.Text),
    _may("actor", sa.Text),
    _must("correlation_id", sa.Text),
    _must("payload", JSONB),
    _may("caller_correlation_id", sa.Text),
    _must("id", UUID),
    sa.Column("written_in", Xid8, nullable=True, server_default=sa.text("pg_current_xact_id()")),
    sa.PrimaryKeyConstraint("occurred_at", "id"),
    storage=GROWING,
)
sa.Index(
    "audit_logs_written",
    audit_logs.c.written_in,
    postgresql_where=audit_logs.c.written_in.is_not(None),
)
sa.Index("audit_logs_correlation", audit_logs.c.correlation_id)
sa.Index(
    "audit_logs_caller",
    audit_logs.c.caller_correlation_id,
    postgresql_where=audit_logs.c.caller_correlation_id.is_not(None),
)
sa.Index(
    "audit_logs_rare",
    audit_logs.c.event_type,
    audit_logs.c.occurred_at,
    postgresql_where=sa.text("event_type NOT IN ('JobCreated', 'JobAssigned', 'JobStatusChanged')"),
)

leader_leases = _table(
    "leader_leases",
    _must("name", sa.Text),
    _must("holder", sa.Text),
    _must("epoch", sa.BigInteger),
    _must("expires_at", INSTANT),
    sa.PrimaryKeyConstraint("name"),
    storage=ROOMY,
)

settings = _table(
    "settings",
    _must("name", sa.Text),
    _must("document", JSONB),
    sa.PrimaryKeyConstraint("name"),
)

metrics_tallies = _table(
    "metrics_tallies",
    _must("width_s", sa.Integer),
    _must("measure", sa.Text),
    _must("at", INSTANT),
    _must("provider", sa.Text),
    _must("state", sa.Text),
    _must("bucket", sa.SmallInteger),
    _must("count", sa.BigInteger),
    _must("total", DOUBLE_PRECISION),
    sa.PrimaryKeyConstraint("width_s", "measure", "at", "provider", "state", "bucket"),
    _check("metrics_tallies_numbers", "width_s >= 1 AND bucket >= 0 AND count >= 0 AND total >= 0"),
    storage=ROOMY | GROWING,
)
sa.Index("metrics_tallies_age", metrics_tallies.c.width_s, metrics_tallies.c.at)

metrics_usage = _table(
    "metrics_usage",
    _must("worker_id", UUID),
    _must("at", INSTANT),
    _must("job_id", UUID),
    _must("attempt", sa.Integer),
    _must("width_s", sa.Integer),
    _must("samples", sa.Integer),
    _must("cpu_cores", DOUBLE_PRECISION),
    _must("cpu_cores_max", DOUBLE_PRECISION),
    _must("memory_bytes", sa.BigInteger),
    _must("memory_bytes_max", sa.BigInteger),
    _must("disk_read_bytes", sa.BigInteger),
    _must("disk_written_bytes", sa.BigInteger),
    _must("network_received_bytes", sa.BigInteger),
    _must("network_sent_bytes", sa.BigInteger),
    sa.PrimaryKeyConstraint("worker_id", "at", "job_id", "attempt", "width_s"),
    _check("metrics_usage_numbers", "width_s >= 0 AND samples >= 1 AND attempt >= 0"),
    storage=GROWING,
)
sa.Index("metrics_usage_job", metrics_usage.c.job_id, metrics_usage.c.attempt, metrics_usage.c.at)
sa.Index("metrics_usage_age", metrics_usage.c.width_s, metrics_usage.c.at)
