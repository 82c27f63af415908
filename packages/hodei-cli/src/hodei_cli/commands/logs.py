"""`hodei logs`: get, follow."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING

import click

from hodei_cli import references
from hodei_cli.chunks import missing
from hodei_cli.completing import any_job
from hodei_cli.groups import group
from hodei_cli.options import current, single
from hodei_cli.render import show_list, show_next
from hodei_cli.terminal import colours_on, paint
from hodei_cli.views import log_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hodei_proto.wire.hodei import JobLogEntry, LogChunk

    from hodei_cli.session import Session

LEVELS = ("INFO", "WARN", "ERROR")
LEVEL_COLOURS = {"WARN": "yellow", "ERROR": "red"}


@group()
def logs() -> None:
    """Read or follow what a job wrote.

    \b
    Examples:
      hodei logs follow @last
      hodei logs get JOB_ID --level error
    """


@logs.command()
@click.argument("job_id", shell_complete=any_job)
@click.option(
    "--level", type=click.Choice(LEVELS, case_sensitive=False), help="This level and the ones above."
)
@click.option(
    "--search", metavar="TEXT", multiple=True, callback=single, help="Only lines with this text, in any case."
)
@click.option(
    "--since", type=click.IntRange(0), default=0, metavar="N", help="Only lines behind this sequence number."
)
@click.option("--limit", type=click.IntRange(1), help="At most so many lines, from the beginning.")
@click.option("-t", "--timestamps", is_flag=True, help="Put the time in front of each line.")
def get(job_id: str, level: str | None, search: str, since: int, limit: int | None, timestamps: bool) -> None:
    """Print what a job has written until now, both streams in the order in which they came.

    Without options that look at lines it is byte for byte what the job wrote.

    \b
    Examples:
      hodei logs get JOB_ID
      hodei logs get JOB_ID > output.bin
      hodei logs get JOB_ID --level error --timestamps
      hodei logs get JOB_ID --search 'took' --output json
    """
    from hodei_cli.session import connected
    from hodei_cli.stored_logs import chunks, lines, matching_lines

    by_line = current().structured or timestamps or limit is not None or colours_on(sys.stdout)
    with connected() as session:
        job_id = references.job(session, job_id)
        if level or search:
            found = matching_lines(session, job_id, since, (level or "").upper(), search, limit)
        elif by_line:
            found = islice(lines(session, job_id, since), limit)
        else:
            _print_bytes(chunks(session, job_id, since))
            return
        if current().structured:
            show_list([log_row(each) for each in found], [], current().output, "")
            return
        for entry in found:
            _print(entry, timestamps)


@logs.command()
@click.argument("job_id", shell_complete=any_job)
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Begin with the last N lines. [all]")
def follow(job_id: str, tail: int | None) -> None:
    """Print a job's output, byte for byte, and what comes, until the job has ended.

    Its errors go to stderr, as they would if you had run it yourself. Ctrl-C leaves; the job goes on.

    \b
    Examples:
      hodei logs follow JOB_ID
      hodei logs follow --tail 100 @last
      hodei logs follow JOB_ID > output.bin
      hodei logs follow JOB_ID --output json    # a line of JSON for each line
    """
    from hodei_cli.attachment import Fixed
    from hodei_cli.following import Following
    from hodei_cli.session import connected

    with connected() as session:
        job_id = references.job(session, job_id)
        if current().structured:
            _follow_records(session, job_id, tail)
        else:
            Following(Fixed(session), job_id, tail_lines=tail).print_output()


def _follow_records(session: Session, job_id: str, tail: int | None) -> None:
    from hodei_grpc.methods import LogStreamService
    from hodei_proto.wire.hodei import SubscribeLogsRequest

    from hodei_cli.attachment import Fixed, Patience, patiently, say

    seen = 0

    def once() -> None:
        nonlocal seen
        request = SubscribeLogsRequest(
            job_id=job_id,
            include_history=tail is None or bool(seen),
            tail_lines=0 if seen else tail or 0,
            since_sequence=seen,
        )
        for entry in session.stream(LogStreamService.subscribe_logs, request):
            show_next(log_row(entry), current().output, "")
            seen = max(seen, entry.sequence)

    patience = Patience(say, "the job goes on", f"hodei logs follow {job_id}")
    patiently(Fixed(session), patience, once, lambda: seen)


def _print_bytes(chunks: Iterator[LogChunk]) -> None:
    from hodei_cli.chunks import unseen, write_all

    for chunk in chunks:
        for piece in unseen(chunk, 0):
            if piece.gap:
                _tell_gap(piece.gap, piece.removed)
            write_all(sys.stdout.fileno(), piece.data)


def _tell_gap(count: int, removed: bool) -> None:
    click.echo(f"hodei: {missing(count, removed)}", err=True)


def _print(entry: JobLogEntry, timestamps: bool) -> None:
    if entry.gap_bytes:
        _tell_gap(entry.gap_bytes, entry.removed)
        return
    at = (
        entry.timestamp.astimezone().isoformat(" ", "milliseconds") + "  "
        if timestamps and entry.timestamp
        else ""
    )
    sys.stdout.write(
        at + paint(entry.line, LEVEL_COLOURS.get(entry.level), sys.stdout) + ("" if entry.partial else "\n")
    )
