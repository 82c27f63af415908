"""What people type for a job, a worker or a provider: an id, a part of it, a name, `@last`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hodei_cli.errors import CliError
from hodei_cli.exits import Exit
from hodei_cli.submission import owner
from hodei_cli.tables import Column, is_id, table
from hodei_cli.views import Record, job_row, provider_row, worker_row

if TYPE_CHECKING:
    from hodei_cli.session import Session

SHORTEST = 4  # digits of an id; fewer say nothing
MOST_WORKERS = 10_000
SHOWN = 20
_AGED = [Column("id", "ID"), Column("name", "NAME"), Column("state", "STATE"), Column("age", "AGE")]


def job(session: Session, text: str) -> str:
    """The id of the job that is meant. Raise CliError, with the candidates, if several may be."""
    if is_id(text):
        return text
    from grpc import StatusCode
    from hodei_grpc.client import CallFailed
    from hodei_grpc.methods import JobExecutionService
    from hodei_proto.wire.hodei import ResolveJobRequest

    request = ResolveJobRequest(reference=text, queued_by=owner({"queued_by": ""}))
    try:
        found = session.call(JobExecutionService.resolve_job, request).candidates
    except CallFailed as failure:
        if failure.status is StatusCode.UNIMPLEMENTED:  # an older server knows whole ids alone
            return text
        raise
    return _only("jobs", text, [job_row(each) for each in found])


def worker(session: Session, text: str) -> str:
    """The id of the worker that is meant, one that lives before one that is gone. Raise CliError."""
    if is_id(text):
        return text
    for ended in (False, True):
        found = [row for row in workers(session, ended=ended) if _is_part(text, row["id"])]
        if found:
            return _only("workers", text, [{**row, "name": row["hostname"]} for row in found])
    raise CliError(f"no worker has an id that is, begins or ends with {text!r}", Exit.NOT_FOUND)


def provider(session: Session, text: str) -> Record:
    """The provider that is meant, by its name before an id. Raise CliError."""
    rows = providers(session)
    found = [row for row in rows if row["name"] == text] or [r for r in rows if _is_part(text, r["id"])]
    if not found:
        known = ", ".join(row["name"] for row in rows) or "none"
        raise CliError(f"there is no provider {text!r}", Exit.NOT_FOUND, f"There are: {known}")
    id = _only("providers", text, [{**row, "state": row["status"]} for row in found])
    return next(row for row in found if row["id"] == id)


def workers(session: Session, *, ended: bool, limit: int = MOST_WORKERS) -> list[Record]:
    """All workers, also those that are gone where `ended` asks for them."""
    from hodei_grpc.methods import WorkerService
    from hodei_proto.wire.hodei import ListWorkersRequest

    request = ListWorkersRequest(limit=limit, include_ended=ended)
    return [worker_row(each) for each in session.call(WorkerService.list_workers, request).workers]


def providers(session: Session) -> list[Record]:
    """All providers."""
    from hodei_grpc.methods import ProviderManagementService
    from hodei_proto.wire.hodei import ListProvidersRequest

    answer = session.call(ProviderManagementService.list_providers, ListProvidersRequest())
    return [provider_row(each) for each in answer.providers]


def anything(session: Session, text: str) -> str:
    """The id of a job, worker or provider; the text itself if it is none of these: somebody's own id."""
    kinds: Iterable[Callable[[], str]] = (
        lambda: job(session, text),
        lambda: worker(session, text),
        lambda: str(provider(session, text)["id"]),
    )
    for find in kinds:
        try:
            return find()
        except Exception as error:
            if not is_nothing(error):
                raise
    return text


def is_nothing(error: Exception) -> bool:
    """Whether that says that nothing of the kind is there."""
    status = getattr(getattr(error, "status", None), "name", "")
    return status in ("NOT_FOUND", "INVALID_ARGUMENT") or getattr(error, "exit", None) == Exit.NOT_FOUND


def _is_part(text: str, id: str) -> bool:
    asked, digits = text.lower().replace("-", ""), id.replace("-", "")
    return text == id or (len(asked) >= SHORTEST and (digits.startswith(asked) or digits.endswith(asked)))


def _only(kind: str, text: str, rows: Sequence[Record]) -> str:
    if len(rows) == 1:
        return str(rows[0]["id"])
    now = datetime.now(UTC)
    aged = [{**row, "age": _age(row.get("created_at"), now)} for row in rows[:SHOWN]]
    more = [f"… and {len(rows) - SHOWN} more"] if len(rows) > SHOWN else []
    raise CliError(
        f"{text!r} may be any of several {kind}; say which by more of the id",
        Exit.CONFLICT,
        *table(aged, _AGED, None),
        *more,
    )


def _age(at: Any, now: datetime) -> Any:
    return None if at is None else max(now - at, now - now)
