"""`hodei scheduler`: queue-status, workers, config."""

from __future__ import annotations

from datetime import timedelta

import click

from hodei_cli.errors import UsageProblem
from hodei_cli.groups import group
from hodei_cli.options import current
from hodei_cli.parse import DURATION
from hodei_cli.render import show_list, show_one
from hodei_cli.tables import Column
from hodei_cli.views import available_row, queue_record

WORKER_STRATEGIES = ("FirstAvailable", "LeastLoaded", "RoundRobin", "MostCapacity", "Affinity")
PROVIDER_STRATEGIES = (
    "FirstAvailable",
    "LowestCost",
    "FastestStartup",
    "MostCapacity",
    "RoundRobin",
    "Healthiest",
)
COLUMNS = [
    Column("id", "ID"),
    Column("status", "STATUS"),
    Column("score", "SCORE", rank=1),
    Column("why", "WHY", elastic=True),
    Column("last_heartbeat", "SEEN", rank=2),
]


@group()
def scheduler() -> None:
    """Look at the queue and choose how work is placed.

    \b
    Examples:
      hodei scheduler queue-status
      hodei scheduler config --worker-strategy LeastLoaded
    """


@scheduler.command("queue-status")
def queue_status() -> None:
    """Show how many jobs wait, run and have ended.

    \b
    Examples:
      hodei scheduler queue-status
      hodei scheduler queue-status --output json
    """
    from hodei_grpc.methods import SchedulerService
    from hodei_proto.wire.hodei import GetQueueStatusRequest

    from hodei_cli.session import connected

    with connected() as session:
        answer = session.call(
            SchedulerService.get_queue_status, GetQueueStatusRequest(scheduler_name="default")
        )
    if answer.status is not None:
        show_one(queue_record(answer.status), current().output)


@scheduler.command()
def workers() -> None:
    """List the workers that could take a job now.

    \b
    Examples:
      hodei scheduler workers
    """
    from hodei_grpc.methods import SchedulerService
    from hodei_proto.wire.hodei import GetAvailableWorkersRequest

    from hodei_cli.session import connected

    request = GetAvailableWorkersRequest(scheduler_name="default")
    with connected() as session:
        answer = session.call(SchedulerService.get_available_workers, request)
    rows = [available_row(each) for each in answer.workers]
    show_list(rows, COLUMNS, current().output, "No worker is free. They come when there are jobs.")


@scheduler.command()
@click.option("--worker-strategy", type=click.Choice(WORKER_STRATEGIES), help="How a job's worker is chosen.")
@click.option(
    "--provider-strategy", type=click.Choice(PROVIDER_STRATEGIES), help="Where a new worker is created."
)
@click.option(
    "--requeue-delay", type=DURATION, help="How long a job that came back waits before it is offered again."
)
def config(
    worker_strategy: str | None, provider_strategy: str | None, requeue_delay: timedelta | None
) -> None:
    """Change how work is placed, on all replicas, from the next decision on.

    \b
    Examples:
      hodei scheduler config --worker-strategy LeastLoaded
      hodei scheduler config --provider-strategy LowestCost --requeue-delay 5s
    """
    from hodei_grpc.methods import SchedulerService
    from hodei_proto.wire.hodei import ConfigureSchedulerRequest, SchedulerConfig

    from hodei_cli.session import connected

    plugins = {"worker_strategy": worker_strategy, "provider_strategy": provider_strategy}
    chosen = {key: value for key, value in plugins.items() if value}
    if not chosen and requeue_delay is None:
        raise UsageProblem("nothing to change", "hodei scheduler config --help lists what can be changed")
    wanted = SchedulerConfig(scheduler_name="default", plugin_config=chosen, requeue_delay=requeue_delay)
    with connected() as session:
        answer = session.call(SchedulerService.configure_scheduler, ConfigureSchedulerRequest(config=wanted))
    record = {**chosen, "requeue_delay": requeue_delay, "message": answer.message or None}
    show_one({**record, "configured_at": answer.configured_at}, current().output)
