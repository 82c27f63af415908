"""What a shell offers where an id or a name is wanted: quickly, a few, and in silence where there is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from hodei_cli.tables import is_id, printable, short_id
from hodei_cli.views import OVER

if TYPE_CHECKING:
    from hodei_cli.session import Session

MOST = 50
_PLAIN = re.compile(r"[\w.@+/-]{1,64}")  # what no shell needs quoted
SECONDS = 1.0  # for each answer; a shell that hangs is worse than one that offers nothing
LIVE = frozenset({"PENDING", "SCHEDULED", "RUNNING"})

Offer = tuple[str, str]
"""What may be typed, and what is said of it."""
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _offering(offers: Callable[[Session], Iterable[Offer]]) -> Complete:
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            with ctx.scope(cleanup=False), _briefly_connected() as session:
                found = dict(offers(session))
        except Exception:  # whatever it is, a person who presses Tab has not asked for it
            return []
        begun = [(text, told) for text, told in found.items() if text.startswith(incomplete)]
        if not incomplete:  # whole ids begin alike: only who types one wants them
            begun = [(text, told) for text, told in begun if not is_id(text)]
        return [CompletionItem(text, help=told) for text, told in begun[:MOST]]

    return complete


def _briefly_connected() -> Session:
    from hodei_cli.options import current
    from hodei_cli.server import find
    from hodei_cli.session import Session

    server = find(current())
    if server is None:
        raise LookupError("there is no server")
    return Session(server, answer_seconds=SECONDS)


def _jobs(states: frozenset[str]) -> Callable[[Session], Iterator[Offer]]:
    def offers(session: Session) -> Iterator[Offer]:
        from hodei_grpc.methods import JobExecutionService
        from hodei_proto.wire.hodei import ListJobsRequest

        listed = session.call(JobExecutionService.list_jobs, ListJobsRequest(limit=4 * MOST)).jobs
        jobs = [each for each in listed if each.state in states]
        if listed:
            yield "@last", "your newest job"
        for job in jobs[:MOST]:
            id = job.job_id.value if job.job_id else ""
            yield short_id(id), f"{printable(job.name)} {job.state}"
        names = [job.name for job in jobs]
        for job in jobs:
            if names.count(job.name) == 1 and _PLAIN.fullmatch(job.name):
                yield job.name, job.state
        for job in jobs:
            id = job.job_id.value if job.job_id else ""
            yield id, f"{printable(job.name)} {job.state}"

    return offers


def _workers(session: Session) -> Iterator[Offer]:
    from hodei_cli.references import workers

    rows: list[Any] = workers(session, ended=False, limit=MOST)
    for shown in (short_id, str):
        for row in rows:
            yield shown(row["id"]), f"{row['state']} {printable(row['provider'] or '')}"


def _providers(session: Session) -> Iterator[Offer]:
    from hodei_cli.references import providers

    for row in providers(session):
        yield row["name"], row["status"]


any_job = _offering(_jobs(LIVE | OVER))
live_job = _offering(_jobs(LIVE))
ended_job = _offering(_jobs(OVER))
any_worker = _offering(_workers)
any_provider = _offering(_providers)
