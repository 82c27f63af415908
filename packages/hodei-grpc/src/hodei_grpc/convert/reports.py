"""What agents say about attempts, ours and existing ones."""

from attrs import define
from hodei_application.jobs.reports import AttemptEnded, AttemptStarted
from hodei_application.workers.hello import Attempted, Hello
from hodei_application.workers.usage import Usage
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.kernel.ids import WorkerId, parse_job_id
from hodei_proto.wire import hodei as wire

MIB = 1024 * 1024


def to_hello(told: wire.WorkerHello, worker_id: WorkerId) -> Hello:
    """What a worker brings along."""
    return Hello(
        worker_id=worker_id,
        running=tuple(map(_attempted, told.running)),
        finished=tuple(map(_attempted, told.finished)),
    )


def _attempted(told: wire.RunningAttempt) -> Attempted:
    return Attempted(parse_job_id(told.job_id, "hello.job_id"), told.attempt, told.next_sequence)


def to_usage(told: wire.ResourceUsage | None) -> Usage | None:
    """What a heartbeat says of the machine. `cpu_cores` is cores in use, from 0 up."""
    if told is None:
        return None
    return Usage(
        cpu_percent=told.cpu_cores * 100,
        memory_mib=told.memory_bytes // MIB,
        disk_mib=told.disk_bytes // MIB,
        gpu=told.gpu_count,
    )


def stats_to_usage(told: wire.ResourceUsageMessage) -> Usage:
    """The same from a message of its own."""
    return Usage(
        cpu_percent=told.cpu_percent,
        memory_mib=told.memory_bytes // MIB,
        disk_mib=told.disk_bytes // MIB,
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
