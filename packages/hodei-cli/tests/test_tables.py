"""Tables in 80 columns: no line wraps, and what matters most stays."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hodei_cli.commands import audit, gc, job, provider, scheduler, top, worker
from hodei_cli.render import JOBS
from hodei_cli.tables import Column, len_shown, short_id, table

ID = "01a231f6-c9d0-7933-9258-e18e9b6424c6"
OLD, NOW = datetime(2025, 5, 1, 12, 30, tzinfo=UTC), datetime.now(UTC)
FULL: dict[str, Any] = {
    "id": ID,
    "worker": ID,
    "about": ID,
    "name": "a-rather-long-name-of-a-nightly-job-that-builds-everything",
    "state": "CANCELLED",
    "status": "UNHEALTHY",
    "presence": "running",
    "exit_code": 137,
    "reason": "timeout:execution",
    "queued_by": "continuous-integration",
    "created_at": OLD,
    "started_at": OLD,
    "last_heartbeat": OLD,
    "at": OLD,
    "duration": timedelta(hours=3),
    "took": timedelta(hours=3),
    "provider": "docker-in-the-basement",
    "type": "BARE_METAL",
    "enabled": True,
    "active_workers": 1000,
    "max_workers": 1000,
    "image": "registry.example.com:5000/team/python:3.11-slim",
    "hostname": "ip-10-0-0-1.eu-west-1.compute.internal",
    "job": ID,
    "job_name": "nightly build of everything",
    "jobs_done": 12345,
    "cpu": "1600 %",
    "memory": "1.5 GiB",
    "disk": "1023 MiB",
    "network": "1023 MiB",
    "score": 0.123456,
    "why": ["it is idle", "it has the image", "it is the least loaded one"],
    "event": "ProviderHealthChanged",
    "actor": "continuous-integration",
    "payload": {"job_id": ID, "new_state": "RUNNING"},
    "what": "attempt 1, worker " + ID,
    "removed": True,
}
TABLES = {
    "job list": JOBS,
    "job timeline": job.TIMELINE,
    "worker list": worker.COLUMNS,
    "provider list": provider.COLUMNS,
    "scheduler workers": scheduler.COLUMNS,
    "audit list": audit.COLUMNS,
    "gc": gc.COLUMNS,
    "top": top.WORKERS,
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("width", [80, 60])
def test_no_table_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = table([FULL], TABLES[name], width)
    assert max(map(len_shown, lines)) <= width, lines


@pytest.mark.parametrize("name", TABLES)
def test_where_there_is_room_everything_is_shown_in_full(name: str) -> None:
    columns = TABLES[name]
    for wide in (None, 1000):
        title, row = table([FULL], columns, wide)
        assert all(column.title in title for column in columns)
        assert "…" not in row
        assert ID in row or name == "provider list"


def test_a_list_of_jobs_has_id_name_state_and_times_in_eighty_columns() -> None:
    recent = {**FULL, "created_at": NOW, "name": "nightly"}
    title, row = table([recent], JOBS, 80)
    assert title.split()[:3] == ["ID", "NAME", "STATE"]
    assert {"CREATED", "TOOK", "EXIT"} <= {*title.split()}
    assert row.split()[:3] == ["9b6424c6", "nightly", "CANCELLED"]
    assert NOW.astimezone().strftime("%H:%M:%S") in row


def test_first_of_all_ids_are_shortened_then_times() -> None:
    columns = [Column("id", "ID"), Column("created_at", "CREATED")]
    full, ids, times = (table([FULL], columns, width)[1] for width in (57, 56, 28))
    assert full == f"{ID}  {OLD.astimezone():%Y-%m-%d %H:%M:%S}"
    assert ids == f"9b6424c6  {OLD.astimezone():%Y-%m-%d %H:%M:%S}"
    assert times == f"9b6424c6  {OLD.astimezone():%m-%d %H:%M}"


def test_columns_go_without_a_value_first_then_by_rank() -> None:
    columns = [Column("a", "A"), Column("b", "BBBB", rank=1), Column("c", "CCCC", rank=2)]
    assert table([{"a": "1", "b": "", "c": "2"}], columns, 8)[0] == "A  CCCC"
    assert table([{"a": "1", "b": "3", "c": "2"}], columns, 8)[0] == "A  BBBB"


def test_only_what_is_an_id_is_shortened() -> None:
    assert short_id(ID) == "9b6424c6"
    assert short_id("a-correlation-id-of-somebody-else-01") == "a-correlation-id-of-somebody-else-01"
