"""`hodei audit`: list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from hodei_cli.groups import group
from hodei_cli.options import current
from hodei_cli.parse import Parsed
from hodei_cli.render import Column, show_list
from hodei_cli.views import audit_row, since

if TYPE_CHECKING:
    from hodei_cli.session import Session

COLUMNS = [
    Column("at", "AT"),
    Column("event", "EVENT"),
    Column("actor", "ACTOR", elastic=True),
    Column("about", "ABOUT"),
    Column("payload", "WHAT", elastic=True),
]
MOMENT = Parsed("moment", lambda text: since(text, datetime.now(UTC)))


@group()
def audit() -> None:
    """Read what happened, when, and who did it.

    \b
    Examples:
      hodei audit list --since 1h
    """


@audit.command("list")
@click.argument("about", required=False)
@click.option("--type", "event", metavar="EVENT", help="Only this event: JobCreated, WorkerRegistered, …")
@click.option("--actor", help="Only what this one did.")
@click.option(
    "--since", "start", type=MOMENT, help="From this moment: 2h (ago), 2026-05-01, 2026-05-01T12:30."
)
@click.option("--until", "end", type=MOMENT, help="Up to this moment.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, help="At most so many. [50]")
def list_records(
    about: str | None,
    event: str | None,
    actor: str | None,
    start: datetime | None,
    end: datetime | None,
    limit: int,
) -> None:
    """List what happened, the newest first; of one job or worker (ABOUT, its id) in order.

    \b
    Examples:
      hodei audit list
      hodei audit list JOB_ID
      hodei audit list --type JobCreated --since 1h --output json
    """
    from hodei_cli.session import connected

    with connected() as session:
        rows = _of(session, about) if about else _all(session, event, actor, start, end, limit)
    if about:
        rows = [row for row in rows if event in (None, row["event"])][:limit]
    show_list(rows, COLUMNS, current().output, "Nothing happened.")


def _of(session: Session, about: str) -> list[dict[str, Any]]:
    from hodei_grpc.methods import AuditService
    from hodei_proto.wire.hodei import GetAuditLogsByCorrelationRequest

    request = GetAuditLogsByCorrelationRequest(correlation_id=about)
    answer = session.call(AuditService.get_audit_logs_by_correlation, request)
    return [audit_row(each) for each in answer.logs]


def _all(
    session: Session,
    event: str | None,
    actor: str | None,
    start: datetime | None,
    end: datetime | None,
    limit: int,
) -> list[dict[str, Any]]:
    from hodei_grpc.methods import AuditService
    from hodei_proto.wire.hodei import GetAuditLogsRequest

    request = GetAuditLogsRequest(event_type=event, actor=actor, start_time=start, end_time=end, limit=limit)
    return [audit_row(each) for each in session.call(AuditService.get_audit_logs, request).logs]
