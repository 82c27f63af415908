"""`hodei run`."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from hodei_cli.errors import NoServer
from hodei_cli.exits import Exit
from hodei_cli.groups import command
from hodei_cli.options import current
from hodei_cli.submission import OPTIONS_END_AT_COMMAND, definition, job_options, owner

if TYPE_CHECKING:
    from hodei_proto.wire.hodei import JobDefinition

    from hodei_cli.private import PrivateServer
    from hodei_cli.session import Session

# A server that was found may be about to leave, when another `hodei run` had started it for itself.
TRIES = 20
PAUSE_SECONDS = 0.25


@command(context_settings=OPTIONS_END_AT_COMMAND)
@job_options
@click.option(
    "-d", "--detach", is_flag=True, help="Queue it, print its id, and leave. Needs a server that stays."
)
def run(detach: bool, **options: Any) -> int:
    """Run a command and follow it to its end.

    The output is the command's own, byte for byte, and so is the exit status: 128 and more for a signal, 124
    after a timeout. Ctrl-C cancels the job; a second one leaves it.

    Where no server runs, one is started for the time of the command. On a server of this machine the command
    starts in the directory you are in.

    \b
    Examples:
      hodei run -- echo hello
      hodei run -- make -j4 test
      hodei run --shell 'make && make test'
      hodei run --script deploy.py --interpreter python
      hodei run --timeout 5m --retry 2 -e DEBUG=1 -- ./nightly
      cat rows.csv | hodei run --stdin -- sort -u
      hodei run --detach --name backup -- ./backup
    """
    job = definition(options)
    if detach:
        return _detached(job, options)
    with ExitStack() as stack:
        session, private, job_id = _submitted(stack, job, options)
        return _followed(session, private, job_id)


def _detached(job: JobDefinition, options: dict[str, Any]) -> int:
    from hodei_cli.commands.job import queue_and_show
    from hodei_cli.session import connected

    with connected() as session:
        queue_and_show(session, job, owner(options))
    return Exit.OK


def _submitted(
    stack: ExitStack, job: JobDefinition, options: dict[str, Any]
) -> tuple[Session, PrivateServer | None, str]:
    """Find or start a server and give it the job, once. `stack` gets what must be closed afterwards."""
    from hodei_proto.wire.hodei import JobId

    from hodei_cli.commands.job import submit
    from hodei_cli.private import found_or_started
    from hodei_cli.session import Session

    # An id of our own: the same job however often it is sent, and the private server knows it beforehand.
    id = _new_id()
    job.job_id = JobId(value=id)
    for tries in range(1, TRIES + 1):
        with ExitStack() as trial:
            server, private = trial.enter_context(found_or_started(current()))
            session = trial.enter_context(Session(server))
            job.working_dir = directory(
                options["workdir"] or "", on_this_machine=server.here and not job.image
            )
            if private is not None:
                private.own(id)
            try:
                answer = submit(session, job, owner(options))
            except NoServer:
                if private is not None or current().server or tries == TRIES:
                    raise
            else:
                stack.push(trial.pop_all())
                return session, private, answer.job_id.value if answer.job_id else id
        threading.Event().wait(PAUSE_SECONDS)
    raise AssertionError("the last try returns or raises")


def directory(asked: str, *, on_this_machine: bool) -> str:
    """Where the job starts: where it was asked for, seen from here if that is a place of this machine."""
    return os.path.abspath(asked) if on_this_machine else asked


def _new_id() -> str:
    import secrets
    import time

    from hodei_domain.kernel.ids import uuid7

    return str(uuid7(time.time_ns() // 1_000_000, secrets.randbits(74)))


def _followed(session: Session, private: PrivateServer | None, job_id: str) -> int:
    from hodei_cli.following import Following

    if private is None:
        return Following(session, job_id).to_the_end()
    try:
        return Following(session, job_id, server_lives=private.lives).to_the_end()
    except NoServer:
        raise private.failure() from None
