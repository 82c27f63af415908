"""Jobs on the wire: what is read from a definition comes back the same, and each state has its words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.result import JobResult
from hodei_domain.jobs.spec import (
    Clocks,
    JobSpec,
    OnWorkerLost,
    Priority,
    PullPolicy,
    Resources,
    RetryRules,
    Script,
    Shell,
)
from hodei_domain.jobs.state import JobState
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.kernel.values import Constraint, Operator
from hodei_domain.scheduling.why import PendingReason
from hodei_grpc.convert import jobs
from hodei_grpc.convert.submissions import to_spec
from hodei_proto.wire import hodei as wire
from hypothesis import given
from hypothesis import strategies as st

T0 = datetime(2026, 1, 1, tzinfo=UTC)
J1 = JobId(UUID(int=1))
W1 = WorkerId(UUID(int=2))

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
names = texts.filter(lambda text: bool(text.strip()))
spans = st.integers(1, 366 * 86400 * 10**6).map(lambda us: timedelta(microseconds=us))
resources = st.builds(
    Resources,
    cpu_cores=st.floats(0, 1024),
    memory_mib=st.integers(0, 2**30),
    storage_mib=st.integers(0, 2**30),
    gpu=st.integers(0, 1024),
    architecture=st.sampled_from(["", "amd64", "arm64"]),
)
clocks = st.builds(
    Clocks,
    queue=st.none() | spans,
    execution=st.none() | spans,
    no_output=st.none() | spans,
    total=st.none() | spans,
    grace=st.integers(0, 3600).map(lambda s: timedelta(seconds=s)),
)
rules = st.builds(
    RetryRules,
    max_attempts=st.integers(1, 1000),
    initial=spans,
    maximum=spans,
    exit_codes=st.frozensets(st.integers(-1, 255), max_size=4),
    signals=st.frozensets(st.integers(1, 64), max_size=4),
    reasons=st.frozensets(names, max_size=3),
)
constraints = st.builds(
    Constraint, names, st.sampled_from([Operator.EQ, Operator.NE, Operator.IN]), texts.map(lambda t: (t,))
)
commands = st.builds(Shell, names, st.lists(texts, max_size=3).map(tuple)) | st.builds(
    Script, names, names, st.booleans()
)
specs = st.builds(
    JobSpec,
    name=texts,
    command=commands,
    environment=st.dictionaries(st.from_regex(r"[A-Z_]{1,5}", fullmatch=True), texts, max_size=3),
    image=texts,
    pull=st.sampled_from(PullPolicy),
    resources=resources,
    constraints=st.lists(constraints, max_size=3).map(tuple),
    provider=texts,
    region=texts,
    preferred_provider=texts,
    preferred_region=texts,
    priority=st.sampled_from(Priority),
    clocks=clocks,
    retry=rules,
    on_worker_lost=st.sampled_from(OnWorkerLost),
    max_budget=st.none() | st.floats(0.01, 1e9),
    working_dir=texts,
    submit_dir=texts,
    submit_host=texts,
    description=texts,
    labels=st.dictionaries(names, texts, max_size=3),
    tags=st.lists(texts, max_size=3).map(tuple),
    stdin=st.none() | texts,
    drop_logs=st.booleans(),
)


def submitted(spec: JobSpec | None = None, **fields: Any) -> Job:
    return Job.submit(J1, spec or JobSpec(command=Shell("true")), at=T0, **fields).after


@given(specs)
def test_a_definition_that_is_shown_reads_back_as_the_same_job(spec: JobSpec) -> None:
    assert to_spec(jobs.to_definition(submitted(spec))) == spec


def after(state: JobState) -> Job:
    job = submitted()
    if state is JobState.PENDING:
        return job
    job = job.assign(W1, at=T0).after
    if state is JobState.SCHEDULED:
        return job
    job = job.start(1, at=T0 + timedelta(seconds=1)).after
    ends = {
        JobState.SUCCEEDED: JobResult(reason="exit", exit_code=0),
        JobState.FAILED: JobResult(reason="exit", exit_code=3, message="exit code 3"),
        JobState.CANCELLED: JobResult(reason="cancelled"),
        JobState.TIMEOUT: JobResult(reason="timeout:execution"),
    }
    return (
        job if state is JobState.RUNNING else job.finish(1, ends[state], at=T0 + timedelta(seconds=3)).after
    )


@pytest.mark.parametrize(
    ("state", "word", "status"),
    [
        (JobState.PENDING, "PENDING", wire.JobStatus.PENDING),
        (JobState.SCHEDULED, "ASSIGNED", wire.JobStatus.ASSIGNED),
        (JobState.RUNNING, "RUNNING", wire.JobStatus.RUNNING),
        (JobState.SUCCEEDED, "COMPLETED", wire.JobStatus.COMPLETED),
        (JobState.FAILED, "FAILED", wire.JobStatus.FAILED),
        (JobState.CANCELLED, "CANCELLED", wire.JobStatus.CANCELLED),
        (JobState.TIMEOUT, "TIMEOUT", wire.JobStatus.TIMEOUT),
    ],
)
def test_each_state_has_its_word_and_its_number(state: JobState, word: str, status: wire.JobStatus) -> None:
    job = after(state)
    assert jobs.to_status(job).status == word
    details = jobs.to_details(job)
    assert (details.status, details.state) == (status, state.value)
    assert jobs.to_summary(job, T0).status is status


def test_an_end_shows_code_reason_worker_and_times() -> None:
    job = after(JobState.FAILED)
    told = jobs.to_status(job)
    assert (told.exit_code, told.reason, told.worker_id) == (3, "exit", str(W1))
    assert (told.started_at, told.completed_at) == (T0 + timedelta(seconds=1), T0 + timedelta(seconds=3))
    assert jobs.to_summary(job, T0).duration == timedelta(seconds=2)
    (execution,) = jobs.to_details(job, (job.current,) if job.current else ()).executions
    assert execution.execution_id == wire.ExecutionId(value=f"{J1}/1")
    assert (execution.state, execution.exit_code) == (wire.ExecutionState.FAILED, "3")


def test_exit_code_zero_is_told_and_none_is_not() -> None:
    assert jobs.to_status(after(JobState.SUCCEEDED)).exit_code == 0
    assert jobs.to_status(after(JobState.RUNNING)).exit_code is None


def test_a_running_job_lasts_until_now_and_a_waiting_one_not_at_all() -> None:
    now = T0 + timedelta(seconds=11)
    assert jobs.to_summary(after(JobState.RUNNING), now).duration == timedelta(seconds=10)
    assert jobs.to_summary(after(JobState.PENDING), now).duration is None


def test_why_a_job_waits_is_shown_per_provider() -> None:
    told = jobs.to_details(
        after(JobState.PENDING), (), [PendingReason("docker", "at its limit of 10 workers")]
    )
    assert told.pending_reasons == [
        wire.PendingReason(provider="docker", reason="at its limit of 10 workers")
    ]


def test_a_held_job_is_told_apart_in_a_list() -> None:
    spec = JobSpec(command=Shell("x"), on_worker_lost=OnWorkerLost.HOLD)
    lost = Job.submit(J1, spec, at=T0).after.assign(W1, at=T0).after.lose(1, at=T0, why="x").after
    assert jobs.to_summary(lost, T0).held
    assert not jobs.to_summary(lost.release(at=T0).after, T0).held
