"""Commands of the control plane to an agent."""

from datetime import timedelta

from hodei_application.workers import commands as c
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.spec import Command, Script
from hodei_proto.wire import hodei as wire

MIB = 1024 * 1024
PROTOCOL = 1
# Existing workers take a timeout of 0 for "at once"; this is longer than any job may run.
_FOREVER_MS = 367 * 86_400_000
_ACTIONS = {
    c.Action.CONTINUE: wire.AttemptAction.CONTINUE,
    c.Action.STOP: wire.AttemptAction.STOP,
    c.Action.DONE: wire.AttemptAction.DONE,
}


def milliseconds(span: timedelta | None) -> int:
    """Whole milliseconds, at least one; 0 for None."""
    return max(1, round(span.total_seconds() * 1000)) if span is not None else 0


def to_message(command: c.Command, worker_id: str) -> wire.ServerMessage:
    """A command as our agents take it."""
    match command:
        case c.RunAttempt(job, start_dir):
            return wire.ServerMessage(run_job=to_run(job, worker_id, start_dir))
        case c.LogAck():
            return wire.ServerMessage(log_ack=_log_ack(command))
        case c.ResultAck():
            return wire.ServerMessage(result_ack=_result_ack(command))
        case c.CancelAttempt():
            return wire.ServerMessage(cancel=to_cancel(command))
        case c.StopAttempt():
            return wire.ServerMessage(stop=_stop(command))
        case c.SendInput(job_id, attempt, offset, data, end):
            piece = wire.InputChunk(job_id=str(job_id), attempt=attempt, offset=offset, data=data, end=end)
            return wire.ServerMessage(input=piece)
        case c.DrainWorker(deadline, reason):
            return wire.ServerMessage(
                drain=wire.DrainWorker(deadline_ms=milliseconds(deadline), reason=reason)
            )
        case c.MoveWorker(server_id):
            return wire.ServerMessage(move=wire.MoveWorker(server_id=server_id))
        case c.WatchUsage(interval, lasts):
            watch = wire.WatchUsage(interval_ms=milliseconds(interval), lasts_ms=milliseconds(lasts))
            return wire.ServerMessage(watch_usage=watch)
        case c.Welcome():
            return wire.ServerMessage(welcome=_welcome(command))


def to_legacy_message(command: c.Command) -> wire.ServerMessage | None:
    """A command as existing workers take it; None for what they would not understand."""
    match command:
        case c.RunAttempt(job, start_dir):
            return wire.ServerMessage(run_job=to_legacy_run(job, start_dir))
        case c.CancelAttempt():
            return wire.ServerMessage(cancel=to_cancel(command))
        case c.StopAttempt(job_id):
            return wire.ServerMessage(cancel=wire.CancelJobCommand(job_id=str(job_id), force=True))
        case _:
            return None


def to_run(job: Job, worker_id: str, start_dir: str = "") -> wire.RunJobCommand:
    """The present attempt of a job."""
    spec = job.spec
    return wire.RunJobCommand(
        job_id=str(job.id),
        command=_command(spec.command),
        env=dict(spec.environment),
        timeout_ms=milliseconds(spec.clocks.execution),
        working_dir=start_dir,
        stdin=spec.stdin,
        live_input=spec.live_input,
        attempt=job.attempt,
        job_name=spec.name,
        grace_ms=milliseconds(spec.clocks.grace),
        no_output_timeout_ms=milliseconds(spec.clocks.no_output),
        cpu_cores=spec.resources.cpu_cores,
        memory_bytes=spec.resources.memory_mib * MIB,
        drop_logs=spec.drop_logs,
        storage_bytes=spec.resources.storage_mib * MIB,
        worker_id=worker_id,
        entrypoint=spec.entrypoint,
    )


def to_legacy_run(job: Job, start_dir: str = "") -> wire.RunJobCommand:
    """The present attempt for a worker that has no shell of its own, needs a directory and a timeout."""
    spec = job.spec
    command = _command(spec.command)
    if command.shell is not None and not command.shell.args:
        command = wire.CommandSpec(shell=wire.ShellCommand(cmd="/bin/sh", args=["-c", command.shell.cmd]))
    return wire.RunJobCommand(
        job_id=str(job.id),
        command=command,
        env=dict(spec.environment),
        timeout_ms=max(1000, milliseconds(spec.clocks.execution) or _FOREVER_MS),
        working_dir=start_dir or "/tmp",  # noqa: S108  (it must exist everywhere)
        stdin=spec.stdin,
    )


def _command(command: Command) -> wire.CommandSpec:
    if isinstance(command, Script):
        script = wire.ScriptCommand(
            interpreter=command.interpreter, content=command.content, not_strict=not command.strict
        )
        return wire.CommandSpec(script=script)
    return wire.CommandSpec(shell=wire.ShellCommand(cmd=command.command, args=list(command.arguments)))


def to_cancel(command: c.CancelAttempt) -> wire.CancelJobCommand:
    """Stop an attempt; without grace it is forced."""
    return wire.CancelJobCommand(
        job_id=str(command.job_id),
        force=not command.grace,
        attempt=command.attempt,
        grace_ms=milliseconds(command.grace) if command.grace else 0,
        reason=command.reason,
    )


def _stop(command: c.StopAttempt) -> wire.StopAttempt:
    return wire.StopAttempt(job_id=str(command.job_id), attempt=command.attempt, reason=command.reason)


def _log_ack(command: c.LogAck) -> wire.LogAck:
    return wire.LogAck(
        job_id=str(command.job_id), attempt=command.attempt, next_sequence=command.next_sequence
    )


def _result_ack(command: c.ResultAck) -> wire.ResultAck:
    return wire.ResultAck(
        job_id=str(command.job_id),
        attempt=command.attempt,
        accepted=command.accepted,
        message=command.message,
    )


def _welcome(command: c.Welcome) -> wire.Welcome:
    return wire.Welcome(
        answers=[
            wire.AttemptAnswer(
                job_id=str(each.job_id),
                attempt=each.attempt,
                action=_ACTIONS[each.action],
                next_sequence=each.next_sequence,
            )
            for each in command.answers
        ],
        heartbeat_interval_ms=milliseconds(command.heartbeat_interval),
        lease_ms=milliseconds(command.lease),
        protocol=PROTOCOL,
    )


def heartbeat_ack(lease_left: timedelta) -> wire.ServerMessage:
    """What all workers wait for after each heartbeat; ours learn how long their lease will last."""
    ack = wire.AckMessage(
        message_id="heartbeat", success=True, lease_ms=milliseconds(max(lease_left, timedelta(0)))
    )
    return wire.ServerMessage(ack=ack)
