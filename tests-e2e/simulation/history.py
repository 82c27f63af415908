"""What happened, as it could be seen from outside. The judge reads this and the final state, nothing else."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, int]
"""A job's id and the number of an attempt."""


@dataclass
class Ran:
    """A job's process: the truth about it, which only the world knows."""

    pid: int
    job: str
    attempt: int
    worker: str
    began: float
    ended: float | None = None
    exit_code: int | None = None  # what it exited with by itself
    wrote: bytearray = field(default_factory=bytearray)

    @property
    def key(self) -> Key:
        """Which attempt it is."""
        return (self.job, self.attempt)


@dataclass
class Asked:
    """A submission as a client sent it, perhaps many times, and the jobs that it was told of."""

    name: str
    by_id: str | None
    by_key: str | None
    spec: Any
    sent: int = 0
    told: list[str] = field(default_factory=list)  # job ids, one for each acknowledgement


@dataclass
class Event:
    """An event as the store committed it."""

    at: float
    type: str
    job: str
    payload: Any


class History:
    """Grows while a seed runs. `digest` is equal for equal histories."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.digest = 0
        self.lines: list[tuple[float, str]] = []
        self.keep = False
        self.on = True
        self.ran: list[Ran] = []
        self.asked: list[Asked] = []
        self.cancelled: dict[str, float] = {}  # job: when its cancel was acknowledged
        self.released: dict[str, int] = {}  # job: how often a client released it
        self.stood_still: set[str] = set()  # workers whose agent did for a while
        self.accepted: list[tuple[float, str, Key]] = []  # ends that a worker was told are accepted
        self.events: list[Event] = []
        self.kept: list[tuple[float, Key]] = []  # when output of which attempt was stored
        self.read: dict[str, list[tuple[int, int, bytes]]] = {}  # reader: (attempt, sequence, line)
        self.readers: dict[str, tuple[str, bool]] = {}  # reader: its job, and whether it came to the end
        self.watched: dict[
            str, tuple[str, list[tuple[int, str]]]
        ] = {}  # watcher: its job, versions and states
        self.faults: list[tuple[float, str]] = []
        self.clock_steps: list[tuple[float, float]] = []  # when, and by how much, the store's clock was set
        self.problems: list[str] = []  # what must never happen, whoever noticed it

    @property
    def now(self) -> float:
        """Virtual seconds."""
        return self._clock()

    def note(self, text: str) -> None:
        """One more line of what happened."""
        if not self.on:
            return
        line = f"{self.now:.6f} {text}"
        self.digest = zlib.crc32(line.encode(), self.digest)
        if self.keep:
            self.lines.append((self.now, text))

    def fault(self, text: str) -> None:
        """Something was broken, or mended."""
        if self.on:
            self.faults.append((self.now, text))
            self.note(f"FAULT {text}")

    def problem(self, text: str) -> None:
        """Something that must never happen."""
        if self.on:
            self.problems.append(f"{self.now:.3f} {text}")
            self.note(f"PROBLEM {text}")
