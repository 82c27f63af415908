"""Jobs: what is submitted and what is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

StateName = Literal["PENDING", "SCHEDULED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT"]
PriorityName = Literal["low", "normal", "high", "critical"]
OperatorName = Literal["Eq", "Ne", "Gt", "Lt", "In", "NotIn"]
PullName = Literal["missing", "always", "never"]
LostName = Literal["retry", "fail", "hold"]

Milliseconds = Annotated[int, Meta(ge=0, le=366 * 86_400_000, description="Whole milliseconds")]


class Script(Struct, kw_only=True, forbid_unknown_fields=True):
    """A script and who reads it: bash, sh, python, node or a path."""

    interpreter: str = "bash"
    content: str
    strict: Annotated[bool, Meta(description="Put `set -euo pipefail` before bash scripts")] = True


class Timeouts(Struct, kw_only=True, forbid_unknown_fields=True):
    """How long each phase may last; null is without limit."""

    queue_ms: Milliseconds | None = None
    execution_ms: Milliseconds | None = None
    no_output_ms: Milliseconds | None = None
    total_ms: Milliseconds | None = None
    grace_ms: Annotated[int, Meta(ge=0, le=3_600_000, description="Between TERM and KILL")] = 10_000


class Resources(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a job asks for; 0 and "" mean not asked."""

    cpu_cores: Annotated[float, Meta(ge=0, le=1024)] = 0.0
    memory_mib: Annotated[int, Meta(ge=0)] = 0
    storage_mib: Annotated[int, Meta(ge=0)] = 0
    gpu: Annotated[int, Meta(ge=0, le=1024)] = 0
    architecture: str = ""


class Constraint(Struct, kw_only=True, forbid_unknown_fields=True):
    """A condition on one label of a worker or provider."""

    key: str
    operator: OperatorName
    values: list[str]


class Retry(Struct, kw_only=True, forbid_unknown_fields=True):
    """How often a failing job is tried again, when, and after which failures."""

    max_attempts: Annotated[int, Meta(ge=1, le=1000)] = 3
    initial_ms: Milliseconds = 1000
    factor: Annotated[float, Meta(ge=1, le=100)] = 2.0
    maximum_ms: Milliseconds = 300_000
    jitter: Annotated[float, Meta(ge=0, le=1)] = 0.2
    exit_codes: list[int] = []
    signals: list[int] = []
    reasons: list[str] = []


class JobSpec(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a job is to do. All of it is optional but one of `command` and `script`.

    `command` is a list, a program and its arguments executed as they are, or a text, a line for a shell.
    """

    name: str = ""
    description: str = ""
    command: list[str] | str | None = None
    script: Script | None = None
    env: dict[str, str] = {}
    image: str = ""
    pull: PullName = "missing"
    user: Annotated[str, Meta(description="UID or UID:GID in a container; else the image's own user")] = ""
    entrypoint: Annotated[
        str,
        Meta(description="Goes before the command: `image` for the image's own, else a program; else none"),
    ] = ""
    timeout_ms: Annotated[Milliseconds | None, Meta(description="Short for timeouts.execution_ms")] = None
    timeouts: Timeouts = msgspec.field(default_factory=Timeouts)
    resources: Resources = msgspec.field(default_factory=Resources)
    constraints: list[Constraint] = []
    provider: Annotated[str, Meta(description="The only one that may run it")] = ""
    region: Annotated[str, Meta(description="The only one where it may run")] = ""
    preferred_provider: Annotated[str, Meta(description="Runs it if that can; else another does")] = ""
    preferred_region: str = ""
    priority: PriorityName = "normal"
    max_budget: float | None = None
    allow_retry: Annotated[
        bool | None, Meta(description="Short for retry with its defaults, or for none at all")
    ] = None
    retry: Retry | None = None
    on_worker_lost: LostName | None = None
    max_losses: Annotated[int, Meta(ge=0, le=1000, description="Lost workers that are made good")] = 3
    labels: dict[str, str] = {}
    tags: list[str] = []
    working_dir: str = ""
    submit_dir: Annotated[
        str, Meta(description="Where it starts if it runs on submit_host itself, not in a container")
    ] = ""
    submit_host: str = ""
    stdin: str | None = None
    live_input: Annotated[
        bool, Meta(description="Its standard input is sent by WriteInput over gRPC while it runs")
    ] = False
    drop_logs: bool = False


class SubmitJob(Struct, kw_only=True, forbid_unknown_fields=True):
    """A job to run. With `id` the same submission twice is one job."""

    spec: JobSpec
    id: str | None = None
    queued_by: str = ""
    correlation_id: str | None = None


class CancelJob(Struct, kw_only=True, forbid_unknown_fields=True):
    """Why it is to stop."""

    reason: str = ""


class RetryJob(Struct, kw_only=True, forbid_unknown_fields=True):
    """Run it again, with what is to be different: fields of a spec, of which `env` is added to the old."""

    overrides: dict[str, Any] = {}
    queued_by: str = ""
    correlation_id: str | None = None


class Progress(Struct, kw_only=True):
    """How far a running job says it is."""

    percentage: int
    stage: str
    message: str


class JobSummary(Struct, kw_only=True):
    """A job in a list. `duration_ms` runs from start to end, or until now while it runs."""

    id: str
    name: str
    state: StateName
    attempt: int
    exit_code: int | None
    signal: int | None
    reason: str
    queued_by: str
    image: str
    provider: str
    worker_id: str | None
    labels: dict[str, str]
    tags: list[str]
    priority: PriorityName
    held: bool
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    duration_ms: int | None
    progress: Progress | None
    cancel_requested: bool


class Attempt(Struct, kw_only=True):
    """One try at running a job on one worker."""

    number: int
    state: StateName
    worker_id: str
    provider: str
    assigned_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    signal: int | None
    reason: str
    message: str
    limits: str
    cpu_seconds: float | None
    peak_memory_mib: int | None


class PendingReason(Struct, kw_only=True):
    """One provider's part in why a job waits; null for what no provider has a part in.

    `lasting`: nothing that runs by itself will change it; somebody has to.
    """

    provider: str | None
    reason: str
    lasting: bool


class Job(JobSummary, kw_only=True):
    """A job with all that is known of it."""

    spec: JobSpec
    message: str
    correlation_id: str | None
    rerun_of: str | None
    attempts: list[Attempt]
    pending_reasons: list[PendingReason]
