"""Workers by id."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, LiteralString

from attrs import frozen
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.workers.errors import WorkerChangedMeanwhile, WorkerNotFound
from hodei_domain.workers.ports import WorkerFilter
from hodei_domain.workers.worker import Worker

from hodei_infrastructure.postgres.documents import to_json
from hodei_infrastructure.postgres.events import INSERT_EVENTS, event_rows
from hodei_infrastructure.postgres.session import Row, Session
from hodei_infrastructure.postgres.worker_rows import CREATION, MOVING, ROW_COLUMNS, WORKER, row_of, worker_of

_SET = ", ".join(f"{column} = d.{column}" for column in MOVING.split(", "))

# As for jobs: one statement for any number of workers, new and known.
_SAVE = f"""
WITH d AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(workers)s::json) AS d ({ROW_COLUMNS})
), created AS (
    INSERT INTO workers ({CREATION}, {MOVING}) SELECT {CREATION}, {MOVING} FROM d WHERE base = 0
    ON CONFLICT DO NOTHING RETURNING id
), moved AS (
    UPDATE workers SET {_SET} FROM d
    WHERE d.base > 0 AND workers.id = d.id AND workers.version = d.base RETURNING workers.id
), recorded AS (
    {INSERT_EVENTS}
)
SELECT (SELECT count(*) FROM created) + (SELECT count(*) FROM moved)
"""
_FIND = f"SELECT {WORKER} FROM workers WHERE id = ANY(%s)"
_LOCK = f"SELECT {WORKER} FROM workers WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
_LIVE = f"SELECT {WORKER} FROM workers WHERE ended_at IS NULL ORDER BY created_at, id"
# In the order of the ids, as everything else that locks several workers.
_BEAT = """
UPDATE workers SET last_heartbeat = now() WHERE id IN (
    SELECT id FROM workers WHERE id = ANY(%s) ORDER BY id FOR UPDATE)
"""


@frozen
class PostgresWorkerStore:
    """WorkerStore. Live workers are few; those that ended are out of the index by which these are found."""

    _session: Session

    async def get(self, id: WorkerId) -> Worker:
        """See WorkerStore."""
        found = await self.find([id])
        if id not in found:
            raise WorkerNotFound(f"there is no worker {id}")
        return found[id]

    async def find(self, ids: Collection[WorkerId]) -> dict[WorkerId, Worker]:
        """See WorkerStore."""
        return _by_id(await self._session.rows(_FIND, (list(ids),))) if ids else {}

    async def lock(self, ids: Collection[WorkerId]) -> dict[WorkerId, Worker]:
        """See WorkerStore."""
        return _by_id(await self._session.rows(_LOCK, (list(ids),))) if ids else {}

    async def save(self, changes: Sequence[Change[Worker]]) -> None:
        """See WorkerStore. A row that somebody deleted counts as changed meanwhile."""
        moved = sorted((change for change in changes if not change.is_same), key=lambda c: c.after.id)
        if not moved:
            return
        parameters = {
            "workers": to_json([row_of(change) for change in moved]).decode(),
            "events": to_json(event_rows(event for change in moved for event in change.events)).decode(),
        }
        if await self._session.value(_SAVE, parameters) < len(moved):
            what = f"worker {moved[0].after.id}" if len(moved) == 1 else f"one of {len(moved)} workers"
            raise self._session.refuse(WorkerChangedMeanwhile(f"{what} changed meanwhile"))

    async def live(self) -> list[Worker]:
        """See WorkerStore."""
        return [worker_of(row) for row in await self._session.rows(_LIVE)]

    async def list_workers(self, filter: WorkerFilter) -> list[Worker]:
        """See WorkerStore."""
        where: LiteralString = "true"
        asked: dict[str, Any] = {"limit": filter.limit, "provider": filter.provider_id}
        if filter.states:
            where += " AND state = ANY(%(states)s)"
            asked["states"] = [state.value for state in filter.states]
        elif not filter.include_ended:
            where += " AND ended_at IS NULL"
        if filter.provider_id is not None:
            where += " AND provider_id = %(provider)s"
        rows = await self._session.rows(
            f"SELECT {WORKER} FROM workers WHERE {where} ORDER BY created_at DESC, id DESC LIMIT %(limit)s",
            asked,
        )
        return [worker_of(row) for row in rows]

    async def record_heartbeats(self, ids: Collection[WorkerId]) -> None:
        """See WorkerStore."""
        if ids:
            await self._session.run(_BEAT, (list(ids),))


def _by_id(rows: Sequence[Row]) -> dict[WorkerId, Worker]:
    workers = (worker_of(row) for row in rows)
    return {worker.id: worker for worker in workers}
