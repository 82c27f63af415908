"""What the running job uses: from its control group, else from its processes."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass

from hodei_worker.attempt import Attempt
from hodei_worker.tree import Proc

CACHE_SECONDS = 35.0  # a look at the whole process table for each heartbeat would cost more than it tells


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Of the job alone, not of the agent. Disk and network are bytes since the job started."""

    cpu_cores: float = 0.0  # on average since the look before
    memory_bytes: int = 0
    disk_read_bytes: int = 0
    disk_written_bytes: int = 0
    network_received_bytes: int = 0
    network_sent_bytes: int = 0


class UsageMeter:
    """Measures one attempt at a time, no more often than every `cache_seconds`."""

    def __init__(self, cache_seconds: float = CACHE_SECONDS) -> None:
        self._cache_seconds = cache_seconds
        self._attempt: Attempt | None = None
        self._usage = Usage()
        self._looked_at = 0.0
        self._cpu_seconds = 0.0
        self._network_before = (0, 0)

    def begin(self, attempt: Attempt) -> None:
        """An attempt has started: what it uses is counted from now."""
        self._attempt = attempt
        self._usage = Usage()
        self._looked_at = time.monotonic() - self._cache_seconds  # the first look need not wait
        self._began_at = time.monotonic()
        self._cpu_seconds = 0.0
        self._network_before = _network(attempt.process.pid) if attempt.process else (0, 0)

    def usage(self, attempt: Attempt, newest: bool = False) -> Usage:
        """What the attempt uses, as of the last look, which is at most `cache_seconds` old; or as of now."""
        if attempt is not self._attempt or attempt.process is None:
            return Usage()
        if newest or time.monotonic() - self._looked_at >= self._cache_seconds:
            self._look(attempt)
        return self._usage

    def _look(self, attempt: Attempt) -> None:
        assert attempt.process is not None
        members = attempt.process.members()
        now = time.monotonic()
        group = attempt.confinement.used() if attempt.confinement else None
        cpu = group.cpu_seconds if group and group.cpu_seconds else sum(p.cpu_seconds for p in members)
        memory = (
            group.memory_bytes if group and group.memory_bytes else sum(p.resident_bytes for p in members)
        )
        attempt.note_memory(memory)
        read, written = _disk(members)
        received, sent = _network(attempt.process.pid)
        since = max(self._looked_at, self._began_at)
        self._usage = Usage(
            # A process that ended takes its seconds along unless its parent waited for it: never less than
            # nothing.
            cpu_cores=max(0.0, cpu - self._cpu_seconds) / max(now - since, 0.001),
            memory_bytes=memory,
            disk_read_bytes=read,
            disk_written_bytes=written,
            network_received_bytes=max(0, received - self._network_before[0]),
            network_sent_bytes=max(0, sent - self._network_before[1]),
        )
        self._looked_at, self._cpu_seconds = now, cpu


def _disk(members: list[Proc]) -> tuple[int, int]:
    """Bytes that living processes, and the children they waited for, had fetched from and sent to storage."""
    read = written = 0
    for proc in members:
        with suppress(OSError, ValueError, KeyError):
            fields = dict(line.split(b": ") for line in _read(f"/proc/{proc.pid}/io").splitlines())
            read += int(fields[b"read_bytes"])
            written += int(fields[b"write_bytes"])
    return read, written


def _network(pid: int) -> tuple[int, int]:
    """Bytes received and sent in the process's network namespace, loopback left out.

    A namespace has one count for all: where the job shares it with others (a worker that is a plain process),
    their traffic is in it too.
    """
    received = sent = 0
    with suppress(OSError, ValueError, IndexError):
        for line in _read(f"/proc/{pid}/net/dev").splitlines()[2:]:
            name, _, numbers = line.partition(b":")
            if name.strip() != b"lo":
                fields = numbers.split()
                received += int(fields[0])
                sent += int(fields[8])
    return received, sent


def _read(path: str) -> bytes:
    """A small file of /proc, without the layers that `open` puts around it: this is on every job's way."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 65536)
    finally:
        os.close(fd)
