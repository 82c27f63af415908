"""The jobs of the load: each leaves a trace of its process, counts lines, and ends as it was told to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from hodei_proto.wire import hodei

SCRIPT = r"""
me=$FAULTS_TRUTH/$HODEI_JOB_ID.$HODEI_ATTEMPT.$$
: > "$me.began"
i=0
while [ $i -lt $FAULTS_LINES ]; do i=$((i + 1)); echo "$HODEI_ATTEMPT $$ $i"; sleep $FAULTS_PAUSE; done
: > "$me.ended"
exit $FAULTS_CODE
"""
FOR_EVER = 3600  # lines; of a job that is to be cancelled, or to run into its clock

SHAPES = ("counts", "counts", "counts", "long", "fails", "retries", "cancelled", "clocked", "strict", "keyed")


@dataclass
class Wish:
    """A job as a client wants it, and what the client was told. Times are seconds of time.time()."""

    number: int
    shape: str
    lines: int
    pause: float
    code: int = 0
    id: str = ""
    key: str = ""
    copies: int = 1  # how often it is submitted, at the same time
    sent: int = 0
    told: list[str] = field(default_factory=list)
    cancel_after: float | None = None
    cancelled_at: float | None = None  # when the cancel was acknowledged
    clock: float | None = None  # seconds that it may run

    @property
    def safe(self) -> bool:
        """Whether it may be sent again and is the same job."""
        return bool(self.id or self.key)

    def expected(self, attempt: int, pid: int) -> bytes:
        """All that its process prints."""
        return b"".join(b"%d %d %d\n" % (attempt, pid, n) for n in range(1, self.lines + 1))

    def definition(self, truth: Path) -> hodei.JobDefinition:
        """For the wire."""
        made = hodei.JobDefinition(
            name=f"{self.shape}-{self.number}",
            command="/bin/sh",
            arguments=["-c", SCRIPT],
            environment={
                "FAULTS_TRUTH": str(truth),
                "FAULTS_LINES": str(self.lines),
                "FAULTS_PAUSE": str(self.pause),
                "FAULTS_CODE": str(self.code),
            },
            idempotency_key=self.key,
        )
        if self.id:
            made.job_id = hodei.JobId(value=self.id)
        if self.shape == "retries":
            made.retry = hodei.RetryPolicy(
                max_attempts=3, on_exit_codes=[self.code], initial_backoff=timedelta(milliseconds=200)
            )
        if self.shape == "strict":
            made.on_worker_lost = hodei.WorkerLostPolicy.FAIL
        if self.clock is not None:
            made.timeout = hodei.TimeoutConfig(execution_timeout=timedelta(seconds=self.clock))
        return made


def wish(number: int, random: Random, shapes: tuple[str, ...] = SHAPES, scale: float = 1.0) -> Wish:
    """One of the shapes. `scale` makes all of them shorter or longer."""
    shape = random.choice(shapes)
    made = Wish(number, shape, lines=random.randint(1, 20), pause=0.03 * scale)
    if random.random() < 0.8:
        made.id = str(UUID(int=random.getrandbits(128), version=4))
        made.copies = random.choice((1, 1, 2, 3))
    match shape:
        case "long":
            made.lines, made.pause = 60, 0.1 * scale
        case "fails" | "retries":
            made.code = random.choice((1, 3, 7))
        case "cancelled":
            made.lines, made.pause = FOR_EVER, 0.2
            made.cancel_after = random.uniform(0, 4 * scale)
        case "clocked":
            made.lines, made.pause, made.clock = FOR_EVER, 0.2, round(random.uniform(0.5, 2), 1)
        case "keyed":
            made.id, made.key, made.copies = "", f"key-{random.getrandbits(64):x}", random.choice((2, 3))
    return made
