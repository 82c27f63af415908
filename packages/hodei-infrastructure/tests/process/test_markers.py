"""Markers of workers, which two servers on one data directory may write at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from hodei_domain.kernel.ids import WorkerId
from hodei_infrastructure.process.markers import Marker, MarkerFiles

WORKER = WorkerId(UUID(int=1))


def test_two_servers_may_write_the_same_marker_at_once(tmp_path: Path) -> None:
    marker = Marker(worker_id=WORKER, created_at=datetime(2025, 1, 1, tzinfo=UTC), pid=1, start=1)

    def write(server: int) -> None:
        for exit_code in range(300):
            MarkerFiles(tmp_path).write(marker.ended(exit_code + server))

    with ThreadPoolExecutor(4) as servers:
        list(servers.map(write, range(4)))
    assert MarkerFiles(tmp_path).read(WORKER) is not None
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]
