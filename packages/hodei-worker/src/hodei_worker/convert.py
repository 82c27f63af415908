"""Between the wire and the agent's own words. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from hodei_proto.wire import hodei as wire

from hodei_worker.attempt import Started
from hodei_worker.chunk import Chunk
from hodei_worker.machine import Machine
from hodei_worker.order import Asked, Key, Order, Outcome, Script, Shell
from hodei_worker.settings import Settings
from hodei_worker.usage import Usage

DEFAULT_GRACE = 10.0  # seconds; from a server that does not say


def to_order(command: wire.RunJobCommand) -> Order:
    """What to run. Raise ValueError if that is nothing."""
    return Order(
        key=Key(command.job_id, command.attempt),
        command=_command(command.command),
        name=command.job_name,
        environment=dict(command.env),
        working_dir=command.working_dir,
        stdin=command.stdin,
        live_input=command.live_input,
        asked=Asked(
            cpu_cores=command.cpu_cores,
            memory_bytes=command.memory_bytes,
            storage_bytes=command.storage_bytes,
        ),
        execution_timeout=_seconds(command.timeout_ms),
        no_output_timeout=_seconds(command.no_output_timeout_ms),
        grace=_seconds(command.grace_ms) or DEFAULT_GRACE,
        drop_logs=command.drop_logs,
        entrypoint=command.entrypoint,
    )


def _command(spec: wire.CommandSpec | None) -> Shell | Script:
    if spec is not None and spec.script is not None:
        return Script(spec.script.interpreter, spec.script.content, strict=not spec.script.not_strict)
    if spec is not None and spec.shell is not None and spec.shell.cmd:
        return Shell(spec.shell.cmd, tuple(spec.shell.args))
    raise ValueError("the command is empty")


def _seconds(milliseconds: int) -> float | None:
    return milliseconds / 1000 if milliseconds > 0 else None


def grace_of(command: wire.CancelJobCommand) -> float | None:
    """Seconds between TERM and KILL; None leaves it to the job's order."""
    return 0.0 if command.force else _seconds(command.grace_ms)


def from_input(key: Key, taken: int, closed: bool) -> wire.WorkerMessage:
    """How much of its input an attempt has taken."""
    return wire.WorkerMessage(
        input_ack=wire.InputAck(job_id=key.job_id, attempt=key.attempt, offset=taken, closed=closed)
    )


def from_started(key: Key, started: Started) -> wire.WorkerMessage:
    """A process runs."""
    return wire.WorkerMessage(
        started=wire.JobStarted(
            job_id=key.job_id,
            attempt=key.attempt,
            pid=started.pid,
            started_at=datetime.fromtimestamp(started.at, UTC),
            limits=started.limits,
        )
    )


def from_chunk(key: Key, chunk: Chunk) -> wire.WorkerMessage:
    """A stretch of output."""
    return wire.WorkerMessage(
        log_chunk=wire.LogChunk(
            job_id=key.job_id,
            attempt=key.attempt,
            first_sequence=chunk.first_sequence,
            lines=chunk.lines,
            first_offset=chunk.first_offset,
            base_time_us=chunk.base_time_us,
            runs=chunk.runs,
            data=chunk.data,
            gap_bytes=chunk.gap_bytes,
        )
    )


def from_outcome(
    key: Key, outcome: Outcome, *, at: datetime, next_sequence: int, log_bytes: int
) -> wire.WorkerMessage:
    """An end, which holds for a log that is complete up to `next_sequence`."""
    return wire.WorkerMessage(
        result=wire.JobResultMessage(
            job_id=key.job_id,
            attempt=key.attempt,
            exit_code=outcome.exit_code,
            signal=outcome.signal,
            success=outcome.success,
            reason=outcome.reason,
            error_message=outcome.message,
            completed_at=at,
            next_sequence=next_sequence,
            log_bytes=log_bytes,
            cpu_seconds=outcome.cpu_seconds,
            peak_memory_bytes=outcome.peak_memory_bytes,
            started=outcome.started,
        )
    )


def to_end(result: wire.JobResultMessage) -> dict[str, object]:
    """An end as it lies on disk."""
    return {
        "reason": result.reason,
        "exit_code": result.exit_code,
        "signal": result.signal,
        "message": result.error_message,
        "started": result.started,
        "next_sequence": result.next_sequence,
        "cpu_seconds": result.cpu_seconds,
        "peak_memory_bytes": result.peak_memory_bytes,
    }


def to_usage(usage: Usage) -> wire.ResourceUsage:
    """What the job uses, for a heartbeat. `disk_bytes` is what it has written."""
    return wire.ResourceUsage(
        cpu_cores=usage.cpu_cores,
        memory_bytes=usage.memory_bytes,
        disk_bytes=usage.disk_written_bytes,
        custom_usage={
            "disk_read_bytes": usage.disk_read_bytes,
            "network_received_bytes": usage.network_received_bytes,
            "network_sent_bytes": usage.network_sent_bytes,
        },
    )


def registration(
    settings: Settings, machine: Machine, *, version: str, limits: str, session_id: str, started_at: datetime
) -> wire.RegisterWorkerRequest:
    """Who we are, on what machine, and how we prove it."""
    return wire.RegisterWorkerRequest(
        auth_token=settings.otp,
        session_id=session_id,
        worker_info=wire.WorkerInfo(
            worker_id=wire.WorkerId(value=settings.worker_id),
            name=settings.name or machine.hostname,
            version=version,
            hostname=machine.hostname,
            ip_address=machine.address,
            os_info=machine.system,
            architecture=machine.architecture,
            capacity=wire.ResourceCapacity(
                cpu_cores=machine.cpu_cores,
                memory_bytes=machine.memory_bytes,
                disk_bytes=machine.disk_bytes,
            ),
            capabilities=["shell", "script"],
            labels={
                "hodei.limits": limits,
                "hostname": machine.hostname,
                "os": machine.system.split()[0].lower(),
                "arch": machine.architecture,
            },
            start_time=started_at,
        ),
    )
