"""What was done and told, beside what the platform itself keeps."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from faults.jobs import Wish


@dataclass
class Reading:
    """What who followed a job's output was sent: (attempt, first sequence, lines, bytes of the job)."""

    job: str
    chunks: list[tuple[int, int, int, bytes]] = field(default_factory=list)
    ended: bool = False  # the server said that this was all

    @property
    def since(self) -> int:
        """Where to go on."""
        if not self.chunks:
            return 0
        attempt, first, lines, _ = self.chunks[-1]
        return (attempt - 1) * 2**40 + first + lines


@dataclass
class History:
    """Grows while the system runs."""

    began: float = field(default_factory=time.time)
    wishes: list[Wish] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # what must never happen, whoever noticed it
    faults: list[str] = field(default_factory=list)
    hurt: set[str] = field(default_factory=set)  # workers whose jobs may have been lost by a fault
    outages: list[tuple[float, float]] = field(default_factory=list)
    mended_at: float = 0.0
    database_ahead: float = 0.0  # seconds by which its clock was ahead at most, and so what it keeps

    def fault(self, text: str) -> None:
        """Something was broken, or mended."""
        self.faults.append(f"{time.time() - self.began:6.1f} s  {text}")

    def by_job(self) -> dict[str, Wish]:
        """Who wanted each job that is known."""
        return {job: wish for wish in self.wishes for job in wish.told}
