"""The installation and a job's phases, as clients see them."""

from __future__ import annotations

from importlib.metadata import version

from hodei_application.overview import Overview
from hodei_domain.jobs.state import FAILURES, JobState
from hodei_domain.jobs.timeline import Phase
from hodei_domain.workers.state import WorkerState

from hodei_rest.convert.specs import to_ms
from hodei_rest.schemas import platform as schema


def from_overview(seen: Overview, *, dev_mode: bool) -> schema.System:
    """The installation at a glance."""
    return schema.System(
        version=version("hodei-rest"),
        database=schema.DatabaseStatus(
            ok=not seen.trouble,
            latency_ms=None if seen.answered_in is None else seen.answered_in.total_seconds() * 1000,
            version=seen.store_version,
            reason=seen.trouble,
        ),
        leader=_short(seen.leader),
        replicas=seen.replicas,
        providers=[
            schema.ProviderState(
                name=provider.name,
                type=provider.type.value,
                enabled=provider.enabled,
                status=provider.shown_status.value,
                reason=provider.note,
                workers=seen.workers_of.get(provider.name, 0),
                max_workers=provider.max_workers,
            )
            for provider in seen.providers
        ],
        workers={state.value: seen.workers.get(state, 0) for state in WorkerState if state in seen.workers},
        jobs={state.value: seen.jobs.get(state, 0) for state in JobState},
        failed=sum(seen.jobs.get(state, 0) for state in FAILURES),
        oldest_pending_at=seen.oldest_pending,
        uptime_ms=to_ms(seen.uptime),
        dev_mode=dev_mode,
    )


def _short(replica: str) -> str:
    """Machine and process id of a replica's name, which tells more than people want to know."""
    machine, *rest = replica.rsplit(":", 3)
    return f"{machine}:{rest[1]}" if len(rest) == 3 else replica


def from_phase(phase: Phase) -> schema.Phase:
    """A stretch of a job's time; its duration only when it is over."""
    ended = phase.ended_at
    return schema.Phase(
        phase=phase.name.value,
        attempt=phase.attempt,
        started_at=phase.started_at,
        ended_at=ended,
        duration_ms=None if ended is None else max(to_ms(ended - phase.started_at), 0),
        detail=phase.detail,
        failed=phase.failed,
    )
