"""How an attempt ended."""

from enum import StrEnum

from attrs import field, frozen

from hodei_domain.kernel.converters import paragraph, words


class Reason(StrEnum):
    """Why an attempt or a job ended.

    A result may carry a reason that is not listed here (a provider's own).
    """

    EXIT = "exit"
    SIGNAL = "signal"
    OOM = "oom"
    TIMEOUT_QUEUE = "timeout:queue"
    TIMEOUT_EXECUTION = "timeout:execution"
    TIMEOUT_NO_OUTPUT = "timeout:no-output"
    TIMEOUT_TOTAL = "timeout:total"
    CANCELLED = "cancelled"
    WORKER_LOST = "worker-lost"
    GIVEN_BACK = "given-back"  # the attempt never started; the job went back to the queue
    PROVISIONING = "provisioning"
    IMAGE_PULL = "image-pull"
    IMAGE_ARCHITECTURE = "image-architecture"  # made for other machines than the provider has
    IMAGE_START = "image-start"  # no container of it can start, whatever the job's command
    COMMAND_NOT_FOUND = "command-not-found"
    NOT_EXECUTABLE = "not-executable"
    WORKING_DIR = "working-dir"
    SPAWN = "spawn"
    INPUT_LOST = "input-lost"  # the sender of its live input was not heard of any more
    DISK_FULL = "disk-full"
    UNDELIVERABLE = "undeliverable"  # it could not be brought to a worker, again and again
    UNRECORDED = "unrecorded"  # what the worker reported of it could not be stored
    REPORTED = "reported"  # a client said so through the attempt RPCs


TIMEOUT_PREFIX = "timeout:"


@frozen(kw_only=True)
class JobResult:
    """What is known of an end.

    `exit_code` and `signal` are the process's; None where it never ran or was never asked. Long texts are
    cut: they stand in each answer about the job, in its attempts and in its events.
    """

    reason: str = field(converter=words)
    exit_code: int | None = None
    signal: int | None = None
    message: str = field(default="", converter=paragraph)
    cpu_seconds: float | None = None
    peak_memory_mib: int | None = None

    @property
    def is_success(self) -> bool:
        """The process ended by itself with exit code 0."""
        return self.reason == Reason.EXIT and self.exit_code == 0 and self.signal is None

    @property
    def is_timeout(self) -> bool:
        """A clock ran out."""
        return self.reason.startswith(TIMEOUT_PREFIX)
