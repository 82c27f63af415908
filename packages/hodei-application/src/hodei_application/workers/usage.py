"""What a worker's machine uses."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class Usage:
    """As its last heartbeat said: of the machine, jobs included."""

    cpu_percent: float = 0.0
    memory_mib: int = 0
    disk_mib: int = 0
    gpu: int = 0
