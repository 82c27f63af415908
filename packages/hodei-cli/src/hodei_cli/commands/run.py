"""`hodei run`."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import click

from hodei_cli.exits import Exit
from hodei_cli.groups import command
from hodei_cli.options import current
from hodei_cli.submission import OPTIONS_END_AT_COMMAND, definition, job_options, owner
from hodei_cli.terminal import note

if TYPE_CHECKING:
    from hodei_proto.wire.hodei import JobDefinition

    from hodei_cli.session import Session


@command(context_settings=OPTIONS_END_AT_COMMAND)
@job_options
@click.option(
    "-d", "--detach", is_flag=True, help="Queue it, print its id, and leave. Needs a server that stays."
)
@click.option("-n", "--no-input", is_flag=True, help="Give the job an empty input, whatever is on yours.")
def run(detach: bool, no_input: bool, **options: Any) -> int:
    """Run a command and follow it to its end.

    The output is the command's own, byte for byte, and so is the exit status: 128 and more for a signal, 124
    after a timeout. Ctrl-C cancels the job; a second one leaves it.

    A pipe or a file on your standard input is passed on as it comes: bytes, no faster than the job reads
    them, to the end of the file. At a terminal the job's input is empty.

    Where no server runs, one is started for the time of the command. On this machine the command
    starts in the directory you are in; in a container, or elsewhere, in one of its own.

    \b
    Examples:
      hodei run -- echo hello
      hodei run -- make -j4 test
      hodei run --shell 'make && make test'
      hodei run --script deploy.py --interpreter python
      hodei run --timeout 5m --retry 2 -e DEBUG=1 -- ./nightly
      tar c . | hodei run --image alpine -- tar tv
      hodei run -- sort -u < rows.csv
      hodei run --detach --name backup -- ./backup
    """
    from hodei_cli.live_input import has_bytes, has_input

    job = definition(options)
    takes_input = not (no_input or options["stdin"] or options["script"] == "-")
    if detach:
        if takes_input and has_bytes():
            note("hodei: what is on your standard input is not passed on: --stdin stores it with the job")
        return _detached(job, options)
    job.live_input = takes_input and has_input()
    return _followed(job, options)


def _detached(job: JobDefinition, options: dict[str, Any]) -> int:
    from hodei_cli.commands.job import queue_and_show
    from hodei_cli.session import connected

    with connected() as session:
        queue_and_show(session, job, owner(options))
    return Exit.OK


def _followed(job: JobDefinition, options: dict[str, Any]) -> int:
    from hodei_proto.wire.hodei import JobId

    from hodei_cli.attachment import Attachment
    from hodei_cli.commands.job import submit
    from hodei_cli.following import Following

    # An id of our own: the same job however often it is sent, and the private server knows it beforehand.
    id = _new_id()
    job.job_id = JobId(value=id)

    def give(session: Session) -> str:
        job.submit_dir, job.submit_host = submitted_from() if session.server.here else ("", "")
        answer = submit(session, job, owner(options))
        return answer.job_id.value if answer.job_id else id

    with Attachment(current(), id, give) as attachment:
        following = Following(attachment, attachment.job_id, sends_input=job.live_input)
        return following.to_the_end()


def submitted_from() -> tuple[str, str]:
    """The directory that the caller is in, and his machine; nothing if that directory is gone."""
    try:
        return os.getcwd(), socket.gethostname()
    except FileNotFoundError:
        return "", ""


def _new_id() -> str:
    import secrets
    import time

    from hodei_domain.kernel.ids import uuid7

    return str(uuid7(time.time_ns() // 1_000_000, secrets.randbits(74)))
