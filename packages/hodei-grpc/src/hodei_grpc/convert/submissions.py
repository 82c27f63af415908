"""From a job definition on the wire to a job's specification."""

from contextlib import AbstractContextManager
from datetime import timedelta
from math import ceil

from hodei_application.jobs.submit_job import Submission
from hodei_domain.jobs.order import check_order
from hodei_domain.jobs.spec import (
    Clocks,
    Command,
    JobSpec,
    OnWorkerLost,
    Priority,
    PullPolicy,
    Resources,
    RetryRules,
    Script,
    Shell,
)
from hodei_domain.kernel.errors import InvalidInput, renaming
from hodei_domain.kernel.ids import parse_job_id
from hodei_domain.kernel.values import Constraint, Operator, parse_operator
from hodei_proto.wire import hodei as wire

from hodei_grpc.caller import Caller

MIB = 1024 * 1024
TRIES = 3  # what "allow retry" means when nothing says how often

# What the domain calls a field, and where it stands in JobDefinition. The rest is called the same.
WIRE_FIELDS = {
    "type": "provider_type",
    "interpreter": "script.interpreter",
    "script": "script.content",
    "cpu_cores": "requirements.cpu_cores",
    "memory_mib": "requirements.memory_bytes",
    "storage_mib": "requirements.disk_bytes",
    "gpu": "requirements.gpu_count",
    "execution": "timeout.execution_timeout",
    "queue": "timeout.queue_timeout",
    "no_output": "timeout.no_output_timeout",
    "total": "timeout.total_timeout",
    "grace": "timeout.cleanup_timeout",
    "max_attempts": "retry.max_attempts",
    "initial": "retry.initial_backoff",
    "maximum": "retry.max_backoff",
    "retry.exit_codes": "retry.on_exit_codes",
    "retry.signals": "retry.on_signals",
    "retry.reasons": "retry.on_reasons",
}
_PRIORITIES = {int(priority): priority for priority in Priority}
_LOST = (OnWorkerLost.RETRY, OnWorkerLost.FAIL, OnWorkerLost.HOLD)  # by the number on the wire
_PULLS = (PullPolicy.IF_NOT_PRESENT, PullPolicy.ALWAYS, PullPolicy.NEVER)  # by the number on the wire
_NO_RULES = RetryRules()
_NO_CLOCKS = Clocks()
_NO_RESOURCES = Resources()


def to_submission(request: wire.QueueJobRequest, caller: Caller, prefix: str = "") -> Submission:
    """Read a request. Raise InvalidInput, its field being the path in the message."""
    definition = request.job_definition
    if definition is None:
        raise InvalidInput("is missing", field=f"{prefix}job_definition")
    at = f"{prefix}job_definition"
    told = definition.job_id.value if definition.job_id is not None else ""
    return Submission(
        spec=to_spec(definition, at),
        job_id=parse_job_id(told, f"{at}.job_id.value") if told else None,
        idempotency_key=definition.idempotency_key or None,
        queued_by=request.queued_by or caller.actor or "",
        correlation_id=caller.correlation_id,
    )


def wire_names(prefix: str = "") -> AbstractContextManager[None]:
    """Refusals of the domain, told with the field's path in the message."""
    before = f"{prefix}." if prefix else ""
    return renaming(lambda field: before + WIRE_FIELDS.get(field, field))


def to_spec(definition: wire.JobDefinition, prefix: str = "job_definition") -> JobSpec:
    """Read a definition. Raise InvalidInput, its field being the path in the message."""
    with wire_names(prefix):
        spec = _to_spec(definition)
        check_order(spec)
    return spec


def _to_spec(definition: wire.JobDefinition) -> JobSpec:
    timeout, scheduling = definition.timeout, definition.scheduling
    return JobSpec(
        name=definition.name,
        command=_command(definition),
        environment=definition.environment,
        image=definition.image,
        pull=_pull(definition),
        user=definition.user,
        entrypoint=definition.entrypoint,
        resources=_resources(definition),
        constraints=_constraints(definition),
        provider=definition.provider,
        region=definition.region,
        preferred_provider=definition.preferred_provider,
        preferred_region=definition.preferred_region,
        priority=Priority.NORMAL if scheduling is None else _priority(scheduling.priority),
        clocks=_NO_CLOCKS if timeout is None and scheduling is None else _clocks(timeout, scheduling),
        retry=_retry(definition),
        on_worker_lost=_on_worker_lost(definition),
        max_budget=definition.max_budget or None,
        working_dir=definition.working_dir,
        submit_dir=definition.submit_dir,
        submit_host=definition.submit_host,
        description=definition.description,
        labels=definition.labels,
        tags=tuple(definition.tags),
        stdin=definition.stdin,
        live_input=definition.live_input,
        drop_logs=definition.drop_logs,
    )


def _command(definition: wire.JobDefinition) -> Command:
    script = definition.script
    if script is None:
        return Shell(definition.command, tuple(definition.arguments))
    if definition.command or definition.arguments:
        raise InvalidInput("a script and a command exclude each other", field="command")
    return Script(script.interpreter, script.content, strict=not script.not_strict)


def _resources(definition: wire.JobDefinition) -> Resources:
    asked = definition.requirements
    if asked is None:
        if not definition.architecture:
            return _NO_RESOURCES
        return Resources(architecture=definition.architecture)
    return Resources(
        cpu_cores=asked.cpu_cores,
        memory_mib=mib(asked.memory_bytes, "requirements.memory_bytes"),
        storage_mib=mib(asked.disk_bytes, "requirements.disk_bytes"),
        gpu=asked.gpu_count,
        architecture=definition.architecture,
    )


def mib(asked: int, name: str) -> int:
    """Whole MiB that hold so many bytes. Raise InvalidInput: rounded, a small negative number would pass."""
    if asked < 0:
        raise InvalidInput("must not be negative", field=name)
    return ceil(asked / MIB)


def _constraints(definition: wire.JobDefinition) -> tuple[Constraint, ...]:
    """Conditions on labels: ours, those of a label selector, and amounts of resources that we do not know."""
    found = [_condition(each) for each in definition.constraints]
    if definition.selector is not None:
        found += selected(definition.selector)
    if definition.requirements is not None:
        custom = definition.requirements.custom_required.items()
        found += [Constraint(key, Operator.GT, (str(amount - 1),)) for key, amount in custom]
    return tuple(found)


def selected(selector: wire.LabelSelector) -> list[Constraint]:
    """The conditions of a label selector."""
    exact = [Constraint(key, Operator.EQ, (value,)) for key, value in selector.match_labels.items()]
    return [*exact, *map(_condition, selector.match_expressions)]


def _condition(told: wire.LabelSelectorRequirement | wire.Constraint) -> Constraint:
    return Constraint(told.key, parse_operator(told.operator), tuple(told.values))


def _priority(level: int) -> Priority:
    priority = _PRIORITIES.get(int(level))
    if priority is None:
        raise InvalidInput("is none of LOW, NORMAL, HIGH, CRITICAL", field="scheduling.priority")
    return priority


def _clocks(timeout: wire.TimeoutConfig | None, scheduling: wire.SchedulingInfo | None) -> Clocks:
    timeout = timeout or wire.TimeoutConfig()
    deadline = scheduling.deadline if scheduling is not None else None
    return Clocks(
        queue=timeout.queue_timeout or None,  # a Duration of zero is how many clients say "none"
        execution=_execution(timeout),
        no_output=timeout.no_output_timeout or None,
        total=timeout.total_timeout or deadline or None,
        grace=_NO_CLOCKS.grace if timeout.cleanup_timeout is None else timeout.cleanup_timeout,
    )


def _execution(timeout: wire.TimeoutConfig) -> timedelta | None:
    seconds, other = timeout.seconds, timeout.execution_timeout or None
    if seconds is None:
        return other
    if not 0 < seconds <= 366 * 86400:
        raise InvalidInput("must be from 1 second to 366 days", field="timeout.seconds")
    if other not in (None, timedelta(seconds=seconds)):
        raise InvalidInput("contradicts timeout.execution_timeout", field="timeout.seconds")
    return timedelta(seconds=seconds)


def _retry(definition: wire.JobDefinition) -> RetryRules:
    if definition.allow_retry is False:
        return _NO_RULES
    policy = definition.retry
    if policy is None:
        return RetryRules(max_attempts=TRIES) if definition.allow_retry else _NO_RULES
    return RetryRules(
        max_attempts=policy.max_attempts or TRIES,
        initial=_NO_RULES.initial if policy.initial_backoff is None else policy.initial_backoff,
        maximum=_NO_RULES.maximum if policy.max_backoff is None else policy.max_backoff,
        exit_codes=frozenset(policy.on_exit_codes),
        signals=frozenset(policy.on_signals),
        reasons=frozenset(policy.on_reasons),
    )


def _pull(definition: wire.JobDefinition) -> PullPolicy:
    number = int(definition.pull)
    if not 0 <= number < len(_PULLS):
        raise InvalidInput("is none of IF_NOT_PRESENT, ALWAYS, NEVER", field="pull")
    return _PULLS[number]


def _on_worker_lost(definition: wire.JobDefinition) -> OnWorkerLost:
    number = int(definition.on_worker_lost)
    if not 0 <= number < len(_LOST):
        raise InvalidInput("is none of RETRY, FAIL, HOLD", field="on_worker_lost")
    if number == 0 and definition.allow_retry is False:
        return OnWorkerLost.FAIL  # whoever forbids a second try means every second try
    return _LOST[number]
