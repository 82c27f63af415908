"""`hodei gc`."""

from __future__ import annotations

import sys
from datetime import timedelta

import click

from hodei_cli.errors import UsageProblem
from hodei_cli.exits import Exit
from hodei_cli.groups import command
from hodei_cli.options import current
from hodei_cli.parse import DURATION
from hodei_cli.render import show_list, show_one
from hodei_cli.tables import Column
from hodei_cli.views import orphan_row

COLUMNS = [
    Column("provider", "PROVIDER", elastic=True),
    Column("worker", "WORKER", elastic=True),
    Column("presence", "IS", rank=2),
    Column("started_at", "STARTED", rank=1),
    Column("why", "WHY", elastic=True),
    Column("removed", "REMOVED"),
]


@command()
@click.option("--dry-run", is_flag=True, help="Only say what would be destroyed, or forgotten.")
@click.option("--history", is_flag=True, help="Forget jobs and workers that have ended instead.")
@click.option("--older-than", type=DURATION, help="Of the history: what ended longer ago.")
@click.option(
    "--keep", type=click.IntRange(0), metavar="N", help="Of the history: all jobs but the last N to end."
)
def gc(dry_run: bool, history: bool, older_than: timedelta | None, keep: int | None) -> int:
    """Destroy what providers have and nobody wants.

    That is what this installation made and what belongs to no worker that it knows. The server does so by
    itself, when it starts and every minute; what nobody knows at all it leaves alone for 15 minutes, since a
    backup may have been restored by mistake. This command does not wait. What belongs to another database is
    listed, and stays.

    With --history it forgets jobs that are over instead, with their output and everything else of theirs but
    the audit trail, and workers that are gone; without --older-than and --keep by what the server is set to
    keep (HODEI_HISTORY_RETENTION, HODEI_HISTORY_MAX_JOBS).

    \b
    Examples:
      hodei gc --dry-run
      hodei gc
      hodei gc --history --older-than 90d --dry-run
      hodei gc --history --keep 100000
    """
    if history:
        return _forget(dry_run, older_than, keep)
    if older_than is not None or keep is not None:
        raise UsageProblem("--older-than and --keep are about the --history")
    from hodei_grpc.methods import ProviderManagementService
    from hodei_proto.wire.hodei import CollectGarbageRequest

    from hodei_cli.session import connected

    with connected() as session:
        request = CollectGarbageRequest(dry_run=dry_run)
        answer = session.call(ProviderManagementService.collect_garbage, request)
    rows = [orphan_row(each) for each in answer.orphans]
    show_list(rows, COLUMNS, current().output, "Nothing is left over.")
    for each in answer.unreached:
        print(f"hodei: provider {each.provider} could not be looked through: {each.message}", file=sys.stderr)
    left = not dry_run and any(not each.removed and not each.foreign for each in answer.orphans)
    return Exit.UNAVAILABLE if answer.unreached or left else Exit.OK


def _forget(dry_run: bool, older_than: timedelta | None, keep: int | None) -> int:
    from hodei_grpc.methods import ProviderManagementService
    from hodei_proto.wire.hodei import ForgetHistoryRequest

    from hodei_cli.session import connected

    request = ForgetHistoryRequest(older_than=older_than, keep_jobs=keep, dry_run=dry_run)
    gone = {"jobs": 0, "workers": 0}
    with connected() as session:
        more = True
        while more:
            answer = session.call(ProviderManagementService.forget_history, request)
            gone = {"jobs": gone["jobs"] + answer.jobs, "workers": gone["workers"] + answer.workers}
            more = answer.more
    if current().structured:
        show_one({**gone, "dry_run": dry_run}, current().output)
        return Exit.OK
    what = f"{gone['jobs']} jobs and {gone['workers']} workers"
    print(f"{what} would be forgotten." if dry_run else f"{what} are forgotten.")
    return Exit.OK
