"""What a worker says it uses."""

from __future__ import annotations

from attrs import frozen
from hodei_domain.kernel.ids import JobId

MIB = 1024 * 1024


@frozen(kw_only=True)
class Usage:
    """As its last heartbeat said: of the job that it runs (`job_id`), or of its machine where older workers
    do not say of what. Disk and network are bytes since the job started.
    """

    cpu_percent: float = 0.0  # 100 is one core
    memory_bytes: int = 0
    disk_read_bytes: int = 0
    disk_written_bytes: int = 0
    network_received_bytes: int = 0
    network_sent_bytes: int = 0
    gpu: int = 0
    job_id: JobId | None = None

    @property
    def cpu_cores(self) -> float:
        """Cores in use."""
        return self.cpu_percent / 100

    @property
    def memory_mib(self) -> int:
        """Whole MiB in use."""
        return self.memory_bytes // MIB
