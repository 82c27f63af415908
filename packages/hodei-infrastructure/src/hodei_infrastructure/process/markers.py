"""Marker files: what a server that was restarted needs to know about the agents it finds."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import mkstemp
from uuid import UUID

from attrs import evolve, field, frozen
from hodei_domain.kernel.ids import WorkerId

from hodei_infrastructure.process import proc


@frozen(kw_only=True)
class Marker:
    """One worker of ours on this machine. Without a pid it is an intent: the process may or may not exist."""

    worker_id: WorkerId
    created_at: datetime
    expires_at: datetime | None = None
    database: str = ""  # the id of the one that knows it; markers of older servers have none
    boot: str = field(factory=proc.boot_id)
    pid: int | None = None
    start: int | None = None  # ticks since boot; tells the agent from a later process with its pid
    exit_code: int | None = None  # negative: the signal that ended it

    def started(self, entry: proc.Entry) -> Marker:
        """The same worker, now with its process."""
        return evolve(self, pid=entry.pid, start=entry.start)

    def ended(self, exit_code: int | None) -> Marker:
        """The same worker, its process gone."""
        return evolve(self, exit_code=exit_code)

    def find(self) -> proc.Entry | None:
        """The agent's process if it is still there (perhaps as a zombie), never another one with its pid."""
        if self.pid is None or self.boot != proc.boot_id():
            return None
        entry = proc.look_at(self.pid)
        return entry if entry is not None and entry.start == self.start else None


@frozen
class MarkerFiles:
    """The markers in one directory, one file each, written so that a reader never sees half of one."""

    directory: Path

    def path(self, worker_id: WorkerId, suffix: str = ".json") -> Path:
        """The file of a worker with this suffix."""
        return self.directory / f"{worker_id}{suffix}"

    def write(self, marker: Marker) -> None:
        """Write or replace. Raise OSError if the disk does not take it."""
        whole = self.path(marker.worker_id)
        # A name of our own: another server on this data directory may write the same marker just now.
        fd, part = mkstemp(dir=self.directory, prefix=f"{marker.worker_id}.", suffix=".part")
        with os.fdopen(fd, "w") as file:
            file.write(json.dumps(_as_json(marker)))
        os.replace(part, whole)

    def read(self, worker_id: WorkerId) -> Marker | None:
        """The marker of this worker, or None. A file that is no marker counts as none."""
        try:
            return _from_json(json.loads(self.path(worker_id).read_text()))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remove(self, worker_id: WorkerId) -> None:
        """Forget the worker; the marker goes last, because what it names must be gone first."""
        self.path(worker_id).unlink(missing_ok=True)

    def all(self) -> Iterator[Marker]:
        """Every marker, oldest name first."""
        for path in sorted(self.directory.glob("*.json")):
            try:
                marker = self.read(WorkerId(UUID(path.stem)))
            except ValueError:
                continue
            if marker is not None:
                yield marker


def _as_json(marker: Marker) -> dict[str, object]:
    return {
        "worker_id": str(marker.worker_id),
        "created_at": marker.created_at.isoformat(),
        "expires_at": marker.expires_at.isoformat() if marker.expires_at else None,
        "database": marker.database,
        "boot": marker.boot,
        "pid": marker.pid,
        "start": marker.start,
        "exit_code": marker.exit_code,
    }


def _from_json(data: dict[str, str | int | None]) -> Marker:
    expires_at, exit_code = data["expires_at"], data["exit_code"]
    return Marker(
        worker_id=WorkerId(UUID(str(data["worker_id"]))),
        created_at=datetime.fromisoformat(str(data["created_at"])),
        expires_at=datetime.fromisoformat(str(expires_at)) if expires_at else None,
        database=str(data.get("database") or ""),
        boot=str(data["boot"]),
        pid=int(data["pid"]) if data["pid"] is not None else None,
        start=int(data["start"]) if data["start"] is not None else None,
        exit_code=int(exit_code) if exit_code is not None else None,
    )
