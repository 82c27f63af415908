"""`hodei audit`: list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from hodei_cli import references
from hodei_cli.completing import any_job
from hodei_cli.groups import group
from hodei_cli.options import current, single
from hodei_cli.parse import Parsed
from hodei_cli.render import show_list
from hodei_cli.tables import Column
from hodei_cli.views import audit_row, since

if TYPE_CHECKING:
    from hodei_cli.session import Session

COLUMNS = [
    Column("at", "AT"),
    Column("event", "EVENT"),
    Column("actor", "ACTOR", elastic=True, rank=1),
    Column("about", "ABOUT", elastic=True),
    Column("payload", "WHAT", elastic=True),
]
INSTANT = timedelta(microseconds=1)
PAGE = 1000  # as many as a server gives at once
MOMENT = Parsed("moment", lambda text: since(text, datetime.now(UTC)))


@group()
def audit() -> None:
    """Read what happened, when, and who did it.

    \b
    Examples:
      hodei audit list --since 1h
    """


@audit.command("list")
@click.argument("about", required=False, shell_complete=any_job)
@click.option(
    "--type",
    "event",
    metavar="EVENT",
    multiple=True,
    help="Only this event: JobCreated, WorkerRegistered, …; several may be given.",
)
@click.option("--actor", multiple=True, callback=single, help="Only what this one did.")
@click.option(
    "--since", "start", type=MOMENT, help="From this moment: 2h (ago), 2026-05-01, 2026-05-01T12:30."
)
@click.option("--until", "end", type=MOMENT, help="Up to this moment.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, help="At most so many. [50]")
def list_records(
    about: str | None,
    event: tuple[str, ...],
    actor: str,
    start: datetime | None,
    end: datetime | None,
    limit: int,
) -> None:
    """List what happened, the newest first; of one thing in order: ABOUT is a job, a worker, a provider or
    a correlation id.

    \b
    Examples:
      hodei audit list
      hodei audit list @last                  # what happened to your newest job
      hodei audit list --type JobCreated --type JobAssigned --since 1h --output json
    """
    from hodei_cli.session import connected

    with connected() as session:
        if about:
            story = _of(session, about) or _of(session, references.anything(session, about))
            rows = [each for each in story if _matches(each, event, actor, start, end)][:limit]
        else:
            rows = _all(session, event, actor, start, end, limit)
    shown = rows if current().structured else [{**row, "payload": _told(row)} for row in rows]
    show_list(shown, COLUMNS, current().output, "Nothing happened.")


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """What its payload says that the rest of the line does not."""
    return {key: value for key, value in row["payload"].items() if value != row["about"]}


def _of(session: Session, about: str) -> list[dict[str, Any]]:
    from hodei_grpc.methods import AuditService
    from hodei_proto.wire.hodei import GetAuditLogsByCorrelationRequest

    request = GetAuditLogsByCorrelationRequest(correlation_id=about)
    answer = session.call(AuditService.get_audit_logs_by_correlation, request)
    return [audit_row(each) for each in answer.logs]


def _matches(
    row: dict[str, Any], event: tuple[str, ...], actor: str, start: datetime | None, end: datetime | None
) -> bool:
    return (
        (not event or row["event"] in event)
        and (not actor or row["actor"] == actor)
        and (start is None or row["at"] >= start)
        and (end is None or row["at"] < end)
    )


def _all(
    session: Session,
    event: tuple[str, ...],
    actor: str,
    start: datetime | None,
    end: datetime | None,
    limit: int,
) -> list[dict[str, Any]]:
    from hodei_grpc.methods import AuditService
    from hodei_proto.wire.hodei import GetAuditLogsRequest

    found: list[dict[str, Any]] = []
    more = True
    while more and len(found) < limit:
        request = GetAuditLogsRequest(
            event_type=event[0] if len(event) == 1 else None,  # so that older servers know it
            event_types=list(event) if len(event) > 1 else [],
            actor=actor or None,
            start_time=start,
            end_time=end,
            limit=min(limit - len(found), PAGE),
            offset=len(found),
        )
        answer = session.call(AuditService.get_audit_logs, request)
        found += [audit_row(each) for each in answer.logs]
        if end is None and answer.logs and answer.logs[0].occurred_at is not None:
            end = answer.logs[0].occurred_at + INSTANT  # what happens meanwhile must not shift the next page
        more = answer.has_more and bool(answer.logs)
    return found
