"""A spec as a JSON document and back: what stores keep and what fingerprints are made of."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hodei_domain.jobs.spec import (
    Clocks,
    Command,
    Constraint,
    JobSpec,
    OnWorkerLost,
    Priority,
    Resources,
    RetryRules,
    Script,
    Shell,
)
from hodei_domain.kernel.demand import PREFERENCES
from hodei_domain.kernel.values import PullPolicy, parse_pull_policy

_CLOCKS = ("queue", "execution", "no_output", "total", "grace")
_ADDED = (*PREFERENCES, "submit_dir", "submit_host", "user", "entrypoint", "live_input")
_MICROSECOND = timedelta(microseconds=1)


def spec_to_json(spec: JobSpec) -> dict[str, Any]:
    """All fields, ready for JSON.

    Durations are whole microseconds. It holds what events must not: keep it private.
    """
    # absent where it is the default: the fingerprints of older submissions stay what they were
    added = {} if spec.pull is PullPolicy.IF_NOT_PRESENT else {"pull": spec.pull.value}
    added |= {name: getattr(spec, name) for name in _ADDED if getattr(spec, name)}
    return added | {
        "name": spec.name,
        "command": _command_to_json(spec.command),
        "environment": dict(spec.environment),
        "image": spec.image,
        "resources": spec.resources.to_json(),
        "constraints": [c.to_json() for c in spec.constraints],
        "provider": spec.provider,
        "region": spec.region,
        "priority": int(spec.priority),
        "clocks": {name: _to_us(getattr(spec.clocks, name)) for name in _CLOCKS},
        "retry": _retry_to_json(spec.retry),
        "on_worker_lost": spec.on_worker_lost.value,
        "max_losses": spec.max_losses,
        "max_budget": spec.max_budget,
        "working_dir": spec.working_dir,
        "description": spec.description,
        "labels": dict(spec.labels),
        "tags": list(spec.tags),
        "stdin": spec.stdin,
        "drop_logs": spec.drop_logs,
    }


def spec_from_json(document: Mapping[str, Any]) -> JobSpec:
    """Back from spec_to_json(). Fields that are absent take their default. Raises InvalidInput."""
    fields = dict(document)
    fields["command"] = _command_from_json(fields["command"])
    if "resources" in fields:
        fields["resources"] = Resources.from_json(fields["resources"])
    if "constraints" in fields:
        fields["constraints"] = [Constraint.from_json(c) for c in fields["constraints"]]
    if "pull" in fields:
        fields["pull"] = parse_pull_policy(fields["pull"])
    if "priority" in fields:
        fields["priority"] = Priority(fields["priority"])
    if "clocks" in fields:
        fields["clocks"] = Clocks(**{name: _from_us(us) for name, us in fields["clocks"].items()})
    if "retry" in fields:
        fields["retry"] = _retry_from_json(fields["retry"])
    if "on_worker_lost" in fields:
        fields["on_worker_lost"] = OnWorkerLost(fields["on_worker_lost"])
    return JobSpec(**fields)


def _command_to_json(command: Command) -> dict[str, Any]:
    if isinstance(command, Shell):
        return {"shell": command.command, "arguments": list(command.arguments)}
    return {"interpreter": command.interpreter, "script": command.content, "strict": command.strict}


def _command_from_json(document: Mapping[str, Any]) -> Command:
    if "shell" in document:
        return Shell(document["shell"], tuple(document.get("arguments", ())))
    return Script(document["interpreter"], document["script"], document.get("strict", True))


def _retry_to_json(retry: RetryRules) -> dict[str, Any]:
    return {
        "max_attempts": retry.max_attempts,
        "initial": _to_us(retry.initial),
        "factor": float(retry.factor),
        "maximum": _to_us(retry.maximum),
        "jitter": float(retry.jitter),
        "exit_codes": sorted(retry.exit_codes),
        "signals": sorted(retry.signals),
        "reasons": sorted(retry.reasons),
    }


def _retry_from_json(document: Mapping[str, Any]) -> RetryRules:
    fields = dict(document)
    for name in ("initial", "maximum"):
        if name in fields:
            fields[name] = _from_us(fields[name])
    return RetryRules(**fields)


def _to_us(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // _MICROSECOND


def _from_us(us: int | None) -> Any:
    return None if us is None else timedelta(microseconds=us)
