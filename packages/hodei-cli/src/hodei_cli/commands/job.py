"""`hodei job`: queue, get, list, timeline, cancel, retry, watch."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hodei_cli import references
from hodei_cli.completing import any_job, ended_job, live_job
from hodei_cli.errors import CliError
from hodei_cli.exits import Exit
from hodei_cli.groups import group
from hodei_cli.options import current, single
from hodei_cli.parse import DURATION, PAIR
from hodei_cli.render import JOBS, show_list, show_next, show_one
from hodei_cli.submission import OPTIONS_END_AT_COMMAND, definition, job_options, owner
from hodei_cli.tables import Column, text_of
from hodei_cli.views import OVER, STATES, job_record, job_row, row_of, timeline_row

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from hodei_proto.wire.hodei import GetJobResponse, JobDefinition, QueueJobResponse

    from hodei_cli.session import Session

T = TypeVar("T")

SHORTEST = timedelta(milliseconds=200)
NO_JOBS = "No jobs yet. Try: hodei run -- echo hi"
NONE_SUCH = "No job matches."


TIMELINE = [Column("at", "AT"), Column("event", "EVENT"), Column("what", "WHAT", elastic=True)]


@group()
def job() -> None:
    """Queue jobs, look at them, cancel and retry them.

    \b
    Examples:
      hodei job list
      hodei job get @last
    """


@job.command(context_settings=OPTIONS_END_AT_COMMAND)
@job_options
def queue(**options: Any) -> None:
    """Queue a job and print its id, without waiting for it.

    \b
    Examples:
      hodei job queue -- ./nightly --full
      hodei job queue --priority high --timeout 1h --shell 'make && make test'
      hodei job queue --key 2026-05-01 -- ./report      # twice the same key is one job
    """
    from hodei_cli.session import connected

    wanted = definition(options)
    with connected() as session:
        queue_and_show(session, wanted, owner(options))


@job.command()
@click.argument("job_id", shell_complete=any_job)
def get(job_id: str) -> None:
    """Show everything about one job, also why it waits and how it ended.

    A job is named by its id, by the beginning or the end of it (four digits or more), by its name, or as
    @last: your newest one. Where several may be meant they are listed, and nothing is done.

    \b
    Examples:
      hodei job get 0192f3c4-1a5b-7c3d-8e9f-0a1b2c3d4e5f
      hodei job get 2c3d4e5f                  # the end of the id, as lists show it
      hodei job get nightly
      hodei job get @last --output json
    """
    from hodei_cli.session import connected

    with connected() as session:
        response = _read(session, references.job(session, job_id))
    show_one(job_record(response), current().output)


@job.command()
@click.argument("job_id", shell_complete=any_job)
def timeline(job_id: str) -> None:
    """Show what has happened to a job, in order: also how a worker is made for it while it waits.

    \b
    Examples:
      hodei job timeline JOB_ID
      hodei job timeline @last --output json
    """
    from hodei_grpc.methods import AuditService
    from hodei_proto.wire.hodei import GetAuditLogsByCorrelationRequest

    from hodei_cli.session import connected

    with connected() as session:
        id = references.job(session, job_id)
        _read(session, id)  # or an unknown job would have an empty timeline
        request = GetAuditLogsByCorrelationRequest(correlation_id=id)
        entries = session.call(AuditService.get_audit_logs_by_correlation, request).logs
    rows = [timeline_row(each) for each in entries]
    show_list(rows, TIMELINE, current().output, "Nothing is recorded of it any more.")


@job.command("list")
@click.option(
    "--state",
    "states",
    type=click.Choice(sorted(set(STATES)), case_sensitive=False),
    multiple=True,
    help="Only in this state; several may be given.",
)
@click.option(
    "--search", metavar="TEXT", multiple=True, callback=single, help="Only with this text in name or id."
)
@click.option("--by", metavar="OWNER", multiple=True, callback=single, help="Only what this owner queued.")
@click.option("--limit", type=click.IntRange(1), default=20, help="At most so many, the newest first. [20]")
def list_jobs(states: tuple[str, ...], search: str, by: str, limit: int) -> None:
    """List jobs, the newest first.

    \b
    Examples:
      hodei job list
      hodei job list --state failed --state timeout --limit 100
      hodei job list --search nightly --output json
    """
    from hodei_cli.session import connected

    with connected() as session:
        rows = [job_row(each) for each in _pages(session, states, search, by, limit)]
    show_list(rows, JOBS, current().output, NONE_SUCH if states or search or by else NO_JOBS)


@job.command()
@click.argument("job_id", nargs=-1, required=True, shell_complete=live_job)
@click.option("--reason", default="", help="Why, for those who read it later.")
def cancel(job_id: tuple[str, ...], reason: str) -> None:
    """Stop jobs, queued or running. Cancelling twice is no error.

    \b
    Examples:
      hodei job cancel JOB_ID
      hodei job cancel --reason 'wrong branch' JOB_ID ANOTHER_ID
    """
    from hodei_grpc.methods import JobExecutionService
    from hodei_proto.wire.hodei import CancelJobRequest, JobId

    from hodei_cli.session import connected

    with connected() as session:
        for each in [references.job(session, text) for text in job_id]:
            request = CancelJobRequest(job_id=JobId(value=each), reason=reason)
            answer = session.call(JobExecutionService.cancel_job, request)
            record = {"id": each, "message": answer.message or None, "cancelled_at": answer.cancelled_at}
            show_next(record, current().output, f"{each}  {answer.message or 'cancelled'}")


@job.command()
@click.argument("job_id", shell_complete=ended_job)
@click.option(
    "-e", "--env", type=PAIR, metavar="NAME=VALUE", multiple=True, help="Set or replace a variable."
)
def retry(job_id: str, env: tuple[tuple[str, str], ...]) -> None:
    """Run an ended job again, as a new job that is linked to it. A held job goes back to the queue.

    \b
    Examples:
      hodei job retry JOB_ID
      hodei job retry -e DEBUG=1 JOB_ID
    """
    from hodei_grpc.methods import JobExecutionService
    from hodei_proto.wire.hodei import JobId, RetryJobRequest

    from hodei_cli.session import connected

    with connected() as session:
        id = references.job(session, job_id)
        request = RetryJobRequest(job_id=JobId(value=id), environment=dict(env))
        _show_queued(session.call(JobExecutionService.retry_job, request))


@job.command()
@click.argument("job_id", required=False, shell_complete=any_job)
@click.option("--by", metavar="OWNER", default="", help="Without JOB_ID: only what this owner queued.")
@click.option("--every", type=DURATION, default="1s", metavar="DURATION", help="How often to look. [1s]")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, help="At most so many in each state. [50]")
def watch(job_id: str | None, by: str, every: timedelta, limit: int) -> int:
    """Watch all jobs, or print each move of one until it ends.

    All jobs are a table that is drawn anew, and elsewhere than on a terminal a line for each change; Ctrl-C
    leaves. Of one job the exit status is 0 if it succeeded, else 1.

    \b
    Examples:
      hodei job watch
      hodei job watch --by ana --output json  # a line of JSON for each change
      hodei job watch @last
      hodei job watch JOB_ID --output json    # a line of JSON for each move
    """
    if job_id is None:
        _watch_all(by, every, limit)
        return Exit.OK
    return _watch_one(job_id)


def _watch_all(by: str, every: timedelta, limit: int) -> None:
    from hodei_cli.attachment import Fixed, Patience, patiently, say
    from hodei_cli.job_board import KEPT, Board
    from hodei_cli.job_board import watch as watch_board
    from hodei_cli.session import connected

    def patient(look: Callable[[], T]) -> T:
        patience = Patience(say, "jobs go on", "hodei job watch")
        return patiently(Fixed(session), patience, look, lambda: None)

    with connected() as session:
        watch_board(
            Board(
                lambda states: patient(
                    lambda: [
                        job_row(each) for each in _pages(session, states, "", by, limit if states else KEPT)
                    ]
                ),
                lambda id: row_of(job_record(patient(lambda: _read(session, id)))),
            ),
            max(every, SHORTEST),
        )


def _watch_one(job_id: str) -> int:
    from hodei_grpc.methods import JobExecutionService
    from hodei_proto.wire.hodei import GetJobRequest, JobId

    from hodei_cli.attachment import Fixed, Patience, patiently, say
    from hodei_cli.errors import NoServer
    from hodei_cli.pending import PendingLine
    from hodei_cli.session import connected

    seen: dict[str, Any] = {}

    def once() -> None:
        nonlocal seen
        for response in session.stream(JobExecutionService.watch_job, request):
            record = job_record(response)
            pending.clear()
            if record != seen:  # else said again after a broken stream
                show_next(record, current().output, _move(record))
            seen = record
        if seen.get("state") not in OVER:  # a server that leaves
            raise NoServer(session.server.address)

    with connected() as session, ExitStack() as stack:
        id = references.job(session, job_id)
        request = GetJobRequest(job_id=JobId(value=id))
        pending = stack.enter_context(PendingLine(lambda: _read(session, id)))
        patience = Patience(say, "the job goes on", f"hodei job watch {id}")
        patiently(Fixed(session), patience, once, lambda: seen)
    return Exit.OK if seen["state"] == "SUCCEEDED" else Exit.FAILED


def submit(session: Session, job: JobDefinition, queued_by: str) -> QueueJobResponse:
    """Queue the job and return the server's answer."""
    from hodei_grpc.methods import JobExecutionService
    from hodei_proto.wire.hodei import QueueJobRequest

    request = QueueJobRequest(job_definition=job, queued_by=queued_by)
    return session.call(JobExecutionService.queue_job, request)


def queue_and_show(session: Session, job: JobDefinition, queued_by: str) -> None:
    """Queue the job and print its id; say why it waits if somebody has to see to that."""
    from hodei_grpc.client import CallFailed

    from hodei_cli.pending import say_if_lasting

    answer = submit(session, job, queued_by)
    _show_queued(answer)
    if answer.job_id:
        with suppress(CliError, CallFailed):  # it is queued, whatever becomes of this
            say_if_lasting(_read(session, answer.job_id.value))


def _read(session: Session, job_id: str) -> GetJobResponse:
    from hodei_grpc.methods import JobExecutionService
    from hodei_proto.wire.hodei import GetJobRequest, JobId

    return session.call(JobExecutionService.get_job, GetJobRequest(job_id=JobId(value=job_id)))


def _show_queued(answer: QueueJobResponse) -> None:
    id = answer.job_id.value if answer.job_id else ""
    if current().structured:
        show_one({"id": id, "duplicate": answer.duplicate, "queued_at": answer.queued_at}, current().output)
    else:
        print(id)  # alone, so that a shell can take it: id=$(hodei job queue …)


def _pages(session: Session, states: Collection[str], search: str, by: str, limit: int) -> list[Any]:
    from hodei_grpc.methods import JobExecutionService
    from hodei_proto.wire.hodei import JobStatus, ListJobsRequest

    wanted = [JobStatus(STATES.index(state.upper())) for state in states]
    found: list[Any] = []
    cursor = ""
    while len(found) < limit:
        request = ListJobsRequest(
            limit=min(limit - len(found), 1000),
            status=wanted[0] if len(wanted) == 1 else None,  # so that older servers know it
            statuses=wanted if len(wanted) > 1 else [],
            search_term=search or None,
            cursor=cursor,
            queued_by=by,
        )
        answer = session.call(JobExecutionService.list_jobs, request)
        found += answer.jobs
        cursor = answer.next_cursor
        if not cursor:
            break
    return found


def _move(record: dict[str, Any]) -> str:
    state, last = record["state"], (record["attempts"] or [{}])[-1]
    end = record["completed_at"] if state in OVER else None
    moved = {"PENDING": last.get("ended_at"), "SCHEDULED": last.get("assigned_at")}.get(state)
    at = end or moved or record["started_at"] or record["created_at"]
    why = record["message"] or record["reason"] or text_of(record["waiting_for"])
    if state == "PENDING" and moved:  # what became of the attempt before, and then why it waits
        ended = f"attempt {last['attempt']}: {last['message'] or last['reason'] or last['state']}"
        why = "; ".join(filter(None, (ended, why)))
    worker = f"on {record['worker']}" if record["worker"] and not end and state != "PENDING" else ""
    return "  ".join(filter(None, (text_of(at), record["state"], worker, why)))
