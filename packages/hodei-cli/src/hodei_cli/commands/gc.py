"""`hodei gc`."""

from __future__ import annotations

import sys

import click

from hodei_cli.exits import Exit
from hodei_cli.groups import command
from hodei_cli.options import current
from hodei_cli.render import show_list
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
@click.option("--dry-run", is_flag=True, help="Only say what would be destroyed.")
def gc(dry_run: bool) -> int:
    """Destroy what providers have and nobody wants.

    That is what this installation made and what belongs to no worker that it knows. The server does so by
    itself, when it starts and every minute; what nobody knows at all it leaves alone for 15 minutes, since a
    backup may have been restored by mistake. This command does not wait. What belongs to another database is
    listed, and stays.

    \b
    Examples:
      hodei gc --dry-run
      hodei gc
    """
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
