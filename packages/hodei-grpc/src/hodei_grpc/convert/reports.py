"""What agents say about attempts, ours and existing ones."""

from collections.abc import Sequence

from attrs import define
from hodei_application.jobs.reports import AttemptEnded, AttemptStarted
from hodei_application.jobs.write_input import InputState
from hodei_application.workers.hello import Attempted, Hello
from hodei_application.workers.usage import Usage
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.kernel.ids import JobId, WorkerId, parse_job_id
from hodei_proto.wire import hodei as wire

MIB = 1024 * 1024


def to_hello(told: wire.WorkerHello, worker_id: WorkerId) -> Hello:
    """What a worker brings along."""
    return Hello(
        worker_id=worker_id,
        running=tuple(map(_attempted, told.running)),
        finished=tuple(map(_attempted, told.finished)),
    )


LIVE_INPUT = "live-input"


def takes_input(first: wire.WorkerMessage) -> bool:
    """Whether a worker that begins its stream so can be sent the input of a job."""
    return first.hello is not None and LIVE_INPUT in first.hello.features


def to_input_state(told: wire.InputAck) -> tuple[JobId, InputState]:
    """How much of its input an attempt has taken."""
    return parse_job_id(told.job_id, "input_ack.job_id"), InputState(told.attempt, told.offset, told.closed)


def _attempted(told: wire.RunningAttempt) -> Attempted:
    return Attempted(parse_job_id(told.job_id, "hello.job_id"), told.attempt, told.next_sequence)


def to_usage(told: wire.ResourceUsage | None, running: Sequence[str] = ()) -> Usage | None:
    """What a heartbeat says of the one job that runs. `cpu_cores` is cores in use, from 0 up."""
    if told is None:
        return None
    more = told.custom_usage
    return Usage(
        cpu_percent=max(told.cpu_cores, 0.0) * 100,
        memory_bytes=_bytes(told.memory_bytes),
        disk_read_bytes=_bytes(more.get("disk_read_bytes", 0)),
        disk_written_bytes=_bytes(told.disk_bytes),
        network_received_bytes=_bytes(more.get("network_received_bytes", 0)),
        network_sent_bytes=_bytes(more.get("network_sent_bytes", 0)),
        gpu=told.gpu_count,
        job_id=parse_job_id(running[0], "heartbeat.running_job_ids") if len(running) == 1 else None,
    )


def _bytes(told: int) -> int:
    return max(told, 0)


def stats_to_usage(told: wire.ResourceUsageMessage) -> Usage:
    """The same from a message of its own."""
    return Usage(
        cpu_percent=max(told.cpu_percent, 0.0),
        memory_bytes=_bytes(told.memory_bytes),
        disk_written_bytes=_bytes(told.disk_bytes),
    )


def to_started(told: wire.JobStarted) -> AttemptStarted:
    """An attempt's process runs."""
    return AttemptStarted(
        parse_job_id(told.job_id, "started.job_id"), told.attempt, told.pid or None, told.limits
    )


def to_ended(told: wire.JobResultMessage) -> AttemptEnded:
    """An attempt ended, as our agents tell it."""
    exited = told.signal == 0 and told.exit_code >= 0  # 126 and 127 without a process too, as in a shell
    reason = told.reason or (Reason.SIGNAL if told.signal else Reason.EXIT)
    return AttemptEnded(
        parse_job_id(told.job_id, "result.job_id"),
        told.attempt,
        JobResult(
            reason=reason,
            exit_code=told.exit_code if exited else None,
            signal=told.signal or None,
            message=told.error_message,
            cpu_seconds=told.cpu_seconds if told.started else None,
            peak_memory_mib=-(-told.peak_memory_bytes // MIB) if told.peak_memory_bytes else None,
        ),
        next_sequence=told.next_sequence,
        started=told.started,
    )


def to_legacy_result(told: wire.JobResultMessage) -> JobResult:
    """How an attempt ended, as existing workers tell it: much is a text beside exit code -1."""
    text = told.error_message
    if told.success or told.exit_code >= 0:
        return JobResult(reason=Reason.EXIT, exit_code=0 if told.success else told.exit_code, message=text)
    lower = text.lower()
    if "timeout" in lower or "timed out" in lower:
        return JobResult(reason=Reason.TIMEOUT_EXECUTION, message=text)
    if "no such file" in lower or "not found" in lower:
        return JobResult(reason=Reason.COMMAND_NOT_FOUND, message=text)
    return JobResult(reason=Reason.EXIT, exit_code=told.exit_code, message=text)


@define
class LegacyText:
    """Bytes of the output of an existing worker.

    One kind of these workers reads lines and cuts their ends off, the other passes on what it read, ends
    included. Nothing says which it is, so the first line end that is seen decides.
    """

    whole: bool = False  # line ends come along

    def read(self, told: wire.LogEntry) -> bytes:
        """What the job wrote, as far as the worker told."""
        self.whole = self.whole or "\n" in told.line
        return (told.line if self.whole else told.line + "\n").encode("utf-8", "replace")
