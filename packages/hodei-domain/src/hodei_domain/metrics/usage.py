"""What an attempt used at a time."""

from datetime import datetime, timedelta
from uuid import UUID

from attrs import frozen

from hodei_domain.kernel.ids import JobId, WorkerId

NO_JOB = JobId(UUID(int=0))
"""Stands for the job where a worker tells of its machine and holds none."""

AS_IT_CAME = timedelta(0)
FOLDS = (
    (AS_IT_CAME, timedelta(minutes=1), timedelta(hours=1)),
    (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=24)),
)
"""Samples of the first width become one of the second for each attempt once they are as old as the third."""


@frozen(kw_only=True)
class UsageSample:
    """As its worker told it, or the mean of the `samples` in the `width` from `at` on.

    Disk and network are bytes since the attempt started, so in a mean they are those of the last sample.
    """

    worker_id: WorkerId
    at: datetime
    job_id: JobId = NO_JOB
    attempt: int = 0
    width: timedelta = AS_IT_CAME
    samples: int = 1
    cpu_cores: float = 0.0
    cpu_cores_max: float = 0.0
    memory_bytes: int = 0
    memory_bytes_max: int = 0
    disk_read_bytes: int = 0
    disk_written_bytes: int = 0
    network_received_bytes: int = 0
    network_sent_bytes: int = 0


@frozen(kw_only=True)
class UsageFilter:
    """Whose samples: of a worker, of a job, or of one of its attempts; in a time, both ends optional."""

    worker_id: WorkerId | None = None
    job_id: JobId | None = None
    attempt: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 2000
