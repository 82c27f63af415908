"""`hodei worker`: list, get, logs, drain, terminate."""

from __future__ import annotations

import sys
from datetime import timedelta

import click

from hodei_cli import references
from hodei_cli.completing import any_worker
from hodei_cli.groups import group
from hodei_cli.options import current, single
from hodei_cli.parse import DURATION
from hodei_cli.render import show_lines, show_list, show_one
from hodei_cli.tables import Column
from hodei_cli.views import worker_row

STATES = ("CREATING", "CONNECTING", "READY", "BUSY", "DRAINING", "TERMINATING", "TERMINATED")
COLUMNS = [
    Column("id", "ID"),
    Column("state", "STATE"),
    Column("provider", "PROVIDER", elastic=True),
    Column("image", "IMAGE", elastic=True, rank=2),
    Column("hostname", "HOST", elastic=True, rank=5),
    Column("job", "JOB", rank=1),
    Column("jobs_done", "DONE", rank=4),
    Column("created_at", "CREATED", rank=6),
    Column("last_heartbeat", "SEEN", rank=3),
]


@group()
def worker() -> None:
    """Look at workers, drain and end them.

    \b
    Examples:
      hodei worker list
      hodei worker drain WORKER_ID --deadline 10m
    """


@worker.command("list")
@click.option(
    "--state",
    "states",
    type=click.Choice(STATES, case_sensitive=False),
    multiple=True,
    help="Only in this state; several may be given.",
)
@click.option(
    "--provider", metavar="NAME", multiple=True, callback=single, help="Only of this provider, by name or id."
)
@click.option("--all", "ended", is_flag=True, help="Also those that are gone.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, help="At most so many. [100]")
def list_workers(states: tuple[str, ...], provider: str, ended: bool, limit: int) -> None:
    """List workers, the newest first.

    \b
    Examples:
      hodei worker list
      hodei worker list --state busy --state draining
      hodei worker list --all --output json
    """
    from hodei_grpc.methods import WorkerService
    from hodei_proto.wire.hodei import ListWorkersRequest

    from hodei_cli.session import connected

    request = ListWorkersRequest(
        state=states[0].upper() if len(states) == 1 else "",  # so that older servers know it
        states=[state.upper() for state in states] if len(states) > 1 else [],
        provider=provider,
        limit=limit,
        include_ended=ended,
    )
    with connected() as session:
        rows = [worker_row(each) for each in session.call(WorkerService.list_workers, request).workers]
    empty = "No worker matches." if states or provider else "No workers. They come when there are jobs."
    show_list(rows, COLUMNS, current().output, empty)


@worker.command()
@click.argument("worker_id", shell_complete=any_worker)
def get(worker_id: str) -> None:
    """Show everything about one worker.

    A worker is named by its id, or by the beginning or the end of it, as lists show it.

    \b
    Examples:
      hodei worker get WORKER_ID
      hodei worker get 2c3d4e5f --output json
    """
    from hodei_grpc.methods import WorkerService
    from hodei_proto.wire.hodei import GetWorkerRequest

    from hodei_cli.session import connected

    with connected() as session:
        request = GetWorkerRequest(worker_id=references.worker(session, worker_id))
        answer = session.call(WorkerService.get_worker, request)
    if answer.worker is not None:
        show_one(worker_row(answer.worker), current().output)


@worker.command()
@click.argument("worker_id", shell_complete=any_worker)
@click.option("--deadline", type=DURATION, help="End its job after so long. [as its pool says, else 10m]")
@click.option("--reason", default="", help="Why, for those who read it later.")
def drain(worker_id: str, deadline: timedelta | None, reason: str) -> None:
    """Give a worker no more work, and remove it when it is free.

    \b
    Examples:
      hodei worker drain WORKER_ID
      hodei worker drain WORKER_ID --deadline 10m --reason 'new kernel'
    """
    from hodei_grpc.methods import WorkerService
    from hodei_proto.wire.hodei import DrainWorkerRequest

    from hodei_cli.session import connected

    with connected() as session:
        id = references.worker(session, worker_id)
        request = DrainWorkerRequest(worker_id=id, deadline=deadline, reason=reason)
        answer = session.call(WorkerService.drain_worker, request)
    if answer.worker is not None:
        show_one(worker_row(answer.worker), current().output)


@worker.command()
@click.argument("worker_id", shell_complete=any_worker)
@click.option("--reason", default="", help="Why, for those who read it later.")
def terminate(worker_id: str, reason: str) -> None:
    """Destroy a worker at once. The job it runs is lost: tried again, unless the job says otherwise.

    \b
    Examples:
      hodei worker terminate WORKER_ID
      hodei worker terminate WORKER_ID --reason 'it hangs'
    """
    from hodei_grpc.methods import WorkerService
    from hodei_proto.wire.hodei import TerminateWorkerRequest

    from hodei_cli.session import connected

    with connected() as session:
        id = references.worker(session, worker_id)
        request = TerminateWorkerRequest(worker_id=id, reason=reason)
        answer = session.call(WorkerService.terminate_worker, request)
    if answer.worker is not None:
        show_one(worker_row(answer.worker) | {"lost_job": answer.lost_job_id or None}, current().output)


@worker.command()
@click.argument("worker_id", shell_complete=any_worker)
@click.option("--tail", type=click.IntRange(1, 10_000), default=100, help="At most so many lines. [100]")
def logs(worker_id: str, tail: int) -> None:
    """Print what a worker's agent wrote, to find out why it did not come or went away.

    The output of jobs is not among it: that is `hodei logs`.

    \b
    Examples:
      hodei worker logs WORKER_ID
      hodei worker logs WORKER_ID --tail 20
    """
    from hodei_grpc.methods import WorkerService
    from hodei_proto.wire.hodei import GetWorkerLogsRequest

    from hodei_cli.session import connected

    with connected() as session:
        id = references.worker(session, worker_id)
        request = GetWorkerLogsRequest(worker_id=id, tail_lines=tail)
        answer = session.call(WorkerService.get_worker_logs, request)
    show_lines(answer.lines, current().output, "Its agent wrote nothing, or what it wrote is gone.")
    if answer.truncated:
        print("hodei: there was more than an answer holds; the oldest lines are missing", file=sys.stderr)
