"""Specs of jobs: from what is submitted to the domain's, and back."""

from __future__ import annotations

import shlex
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import cast

from hodei_domain.jobs import spec as domain
from hodei_domain.jobs.order import check_order
from hodei_domain.kernel.errors import InvalidInput, renaming
from hodei_domain.kernel.values import Constraint, Operator, parse_pull_policy

from hodei_rest.schemas import jobs as schema

# What the domain calls a field, and where it stands in a spec here. The rest is called the same.
_NAMES = {
    "arguments": "command",
    "environment": "env",
    "interpreter": "script.interpreter",
    "script": "script.content",
    "cpu_cores": "resources.cpu_cores",
    "memory_mib": "resources.memory_mib",
    "storage_mib": "resources.storage_mib",
    "gpu": "resources.gpu",
    "architecture": "resources.architecture",
    "queue": "timeouts.queue_ms",
    "execution": "timeouts.execution_ms",
    "no_output": "timeouts.no_output_ms",
    "total": "timeouts.total_ms",
    "grace": "timeouts.grace_ms",
    "max_attempts": "retry.max_attempts",
    "initial": "retry.initial_ms",
    "factor": "retry.factor",
    "maximum": "retry.maximum_ms",
    "jitter": "retry.jitter",
}
_PULLS: dict[domain.PullPolicy, schema.PullName] = {
    domain.PullPolicy.IF_NOT_PRESENT: "missing",
    domain.PullPolicy.ALWAYS: "always",
    domain.PullPolicy.NEVER: "never",
}
_NO_RULES = domain.RetryRules()


def named(prefix: str = "spec.") -> AbstractContextManager[None]:
    """Refusals of the domain, told with the field's path in the request."""
    return renaming(lambda field: prefix + _path(field))


def _path(field: str) -> str:
    """`environment.HOME` is `env.HOME`, and `arguments[0]` is `command[1]`."""
    for end in (len(field), *(at for at in (field.find("["), field.find(".")) if at > 0)):
        head, rest = field[:end], field[end:]
        if head == "arguments" and rest.startswith("["):
            return f"command[{int(rest[1:-1]) + 1}]"
        if head in _NAMES:
            return _NAMES[head] + rest
    return field


def to_spec(told: schema.JobSpec) -> domain.JobSpec:
    """Read a spec. Raise InvalidInput, its field being the path in the request."""
    with named():
        spec = domain.JobSpec(
            name=told.name,
            command=_command(told),
            environment=told.env,
            image=told.image,
            pull=parse_pull_policy(told.pull),
            user=told.user,
            entrypoint=told.entrypoint,
            resources=to_resources(told.resources),
            constraints=[Constraint(c.key, Operator(c.operator), tuple(c.values)) for c in told.constraints],
            provider=told.provider,
            region=told.region,
            preferred_provider=told.preferred_provider,
            preferred_region=told.preferred_region,
            priority=domain.Priority[told.priority.upper()],
            clocks=_clocks(told),
            retry=_retry(told),
            on_worker_lost=_on_worker_lost(told),
            max_losses=told.max_losses,
            max_budget=told.max_budget,
            working_dir=told.working_dir,
            submit_dir=told.submit_dir,
            submit_host=told.submit_host,
            description=told.description,
            labels=told.labels,
            tags=tuple(told.tags),
            stdin=told.stdin,
            live_input=told.live_input,
            drop_logs=told.drop_logs,
        )
        check_order(spec)
    return spec


def _command(told: schema.JobSpec) -> domain.Command:
    if told.script is not None:
        if told.command:
            raise InvalidInput("a script and a command exclude each other", field="command")
        return domain.Script(told.script.interpreter, told.script.content, strict=told.script.strict)
    if told.command is None:
        raise InvalidInput("a job needs a command or a script", field="command")
    if isinstance(told.command, str):
        return domain.Shell(told.command)
    if not told.command:
        raise InvalidInput("is empty", field="command")
    program, *arguments = told.command
    # A program without arguments is a line for the shell in the domain: quoted, it stays that program.
    return domain.Shell(program, tuple(arguments)) if arguments else domain.Shell(shlex.quote(program))


def to_resources(told: schema.Resources) -> domain.Resources:
    """Read what is asked for. Raise InvalidInput."""
    return domain.Resources(
        cpu_cores=told.cpu_cores,
        memory_mib=told.memory_mib,
        storage_mib=told.storage_mib,
        gpu=told.gpu,
        architecture=told.architecture,
    )


def _clocks(told: schema.JobSpec) -> domain.Clocks:
    asked = told.timeouts
    short = told.timeout_ms or None  # 0 is how many say "none"
    if short is not None and asked.execution_ms not in (None, 0, short):
        raise InvalidInput("contradicts timeouts.execution_ms", field="timeout_ms")
    return domain.Clocks(
        queue=_limit(asked.queue_ms),
        execution=_limit(asked.execution_ms or short),
        no_output=_limit(asked.no_output_ms),
        total=_limit(asked.total_ms),
        grace=timedelta(milliseconds=asked.grace_ms),
    )


def _limit(ms: int | None) -> timedelta | None:
    return timedelta(milliseconds=ms) if ms else None


def _retry(told: schema.JobSpec) -> domain.RetryRules:
    asked = told.retry
    if told.allow_retry is False:
        return _NO_RULES
    if asked is None:
        if not told.allow_retry:
            return _NO_RULES
        asked = schema.Retry()
    return domain.RetryRules(
        max_attempts=asked.max_attempts,
        initial=timedelta(milliseconds=asked.initial_ms),
        factor=asked.factor,
        maximum=timedelta(milliseconds=asked.maximum_ms),
        jitter=asked.jitter,
        exit_codes=frozenset(asked.exit_codes),
        signals=frozenset(asked.signals),
        reasons=frozenset(asked.reasons),
    )


def _on_worker_lost(told: schema.JobSpec) -> domain.OnWorkerLost:
    if told.on_worker_lost is not None:
        return domain.OnWorkerLost[told.on_worker_lost.upper()]
    if told.allow_retry is False:
        return domain.OnWorkerLost.FAIL  # whoever forbids a second try means every second try
    return domain.OnWorkerLost.RETRY


def from_spec(spec: domain.JobSpec) -> schema.JobSpec:
    """Show a spec, with defaults filled in; submitted again it says the same."""
    script = spec.command if isinstance(spec.command, domain.Script) else None
    return schema.JobSpec(
        name=spec.name,
        description=spec.description,
        command=_words(spec.command),
        script=_script(script) if script is not None else None,
        env=dict(spec.environment),
        image=spec.image,
        pull=_PULLS[spec.pull],
        user=spec.user,
        entrypoint=spec.entrypoint,
        timeout_ms=_ms(spec.clocks.execution),
        timeouts=_timeouts(spec.clocks),
        resources=from_resources(spec.resources),
        constraints=[
            schema.Constraint(key=c.key, operator=_operator(c.operator), values=list(c.values))
            for c in spec.constraints
        ],
        provider=spec.provider,
        region=spec.region,
        preferred_provider=spec.preferred_provider,
        preferred_region=spec.preferred_region,
        priority=priority_name(spec.priority),
        max_budget=spec.max_budget,
        allow_retry=None,
        retry=_rules(spec.retry),
        on_worker_lost=_lost(spec.on_worker_lost),
        max_losses=spec.max_losses,
        labels=dict(spec.labels),
        tags=list(spec.tags),
        working_dir=spec.working_dir,
        submit_dir=spec.submit_dir,
        submit_host=spec.submit_host,
        stdin=spec.stdin,
        live_input=spec.live_input,
        drop_logs=spec.drop_logs,
    )


def _words(command: domain.Command) -> list[str] | str | None:
    if isinstance(command, domain.Script):
        return None
    return [command.command, *command.arguments] if command.arguments else command.command


def _script(script: domain.Script) -> schema.Script:
    return schema.Script(interpreter=script.interpreter, content=script.content, strict=script.strict)


def _timeouts(clocks: domain.Clocks) -> schema.Timeouts:
    return schema.Timeouts(
        queue_ms=_ms(clocks.queue),
        execution_ms=_ms(clocks.execution),
        no_output_ms=_ms(clocks.no_output),
        total_ms=_ms(clocks.total),
        grace_ms=to_ms(clocks.grace),
    )


def from_resources(resources: domain.Resources) -> schema.Resources:
    """Show what is asked for."""
    return schema.Resources(
        cpu_cores=resources.cpu_cores,
        memory_mib=resources.memory_mib,
        storage_mib=resources.storage_mib,
        gpu=resources.gpu,
        architecture=resources.architecture,
    )


def _rules(rules: domain.RetryRules) -> schema.Retry:
    return schema.Retry(
        max_attempts=rules.max_attempts,
        initial_ms=to_ms(rules.initial),
        factor=rules.factor,
        maximum_ms=to_ms(rules.maximum),
        jitter=rules.jitter,
        exit_codes=sorted(rules.exit_codes),
        signals=sorted(rules.signals),
        reasons=sorted(rules.reasons),
    )


def to_ms(duration: timedelta) -> int:
    """Whole milliseconds."""
    return round(duration / timedelta(milliseconds=1))


def _ms(duration: timedelta | None) -> int | None:
    return None if duration is None else to_ms(duration)


def priority_name(priority: domain.Priority) -> schema.PriorityName:
    """A priority as it is called here."""
    return cast(schema.PriorityName, priority.name.lower())


def _operator(operator: domain.Operator) -> schema.OperatorName:
    return operator.value


def _lost(policy: domain.OnWorkerLost) -> schema.LostName:
    return cast(schema.LostName, policy.name.lower())
