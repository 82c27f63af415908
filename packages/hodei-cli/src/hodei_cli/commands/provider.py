"""`hodei provider`: list, get, set, enable, disable, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hodei_cli import references
from hodei_cli.completing import any_provider
from hodei_cli.groups import group
from hodei_cli.options import current
from hodei_cli.parse import DURATION, PAIR, SIZE
from hodei_cli.render import show_list, show_next, show_one
from hodei_cli.tables import Column
from hodei_cli.views import RULES, pools_record

if TYPE_CHECKING:
    from hodei_proto.wire.hodei.providers import ProviderConfig

    from hodei_cli.session import Session

RULE_NAMES = [name.replace("_", "-") for name in RULES]
COLUMNS = [
    Column("name", "NAME", elastic=True),
    Column("type", "TYPE", rank=4),
    Column("status", "STATUS"),
    Column("enabled", "ENABLED", rank=2),
    Column("active_workers", "WORKERS", rank=1),
    Column("max_workers", "AT MOST", rank=3),
    Column("id", "ID", rank=5),
    Column("message", "MESSAGE", elastic=True, rank=6),
]


@group()
def provider() -> None:
    """Look at where workers come from, and steer it.

    \b
    Examples:
      hodei provider list
      hodei provider set docker --max-workers 20
      hodei provider disable local
    """


@provider.command("list")
def list_providers() -> None:
    """List the providers.

    \b
    Examples:
      hodei provider list
      hodei provider list --output yaml
    """
    from hodei_cli.session import connected

    with connected() as session:
        rows = references.providers(session)
    show_list(rows, COLUMNS, current().output, "No providers: nothing can run here.")


@provider.command()
@click.argument("name", shell_complete=any_provider)
def get(name: str) -> None:
    """Show one provider, by name or id, and ask how it is.

    \b
    Examples:
      hodei provider get local
    """
    from hodei_grpc.methods import ProviderManagementService
    from hodei_proto.wire.hodei import GetProviderHealthRequest

    from hodei_cli.session import connected

    with connected() as session:
        record = references.provider(session, name)
        pools = pools_record(_config(session, record["id"]))
        request = GetProviderHealthRequest(name_or_id=record["id"])
        health = session.call(ProviderManagementService.get_provider_health, request)
    record |= {
        "status": health.status,
        "healthy": health.healthy,
        "message": health.message or None,
        "checked_at": health.checked_at,
    }
    record |= pools
    show_one(record, current().output)


@provider.command("set")
@click.argument("name", shell_complete=any_provider)
@click.option("--max-workers", type=click.IntRange(0, 100_000), help="Most workers at a time.")
@click.option("--min-idle", type=click.IntRange(0, 10_000), help="Workers that are kept ready without a job.")
@click.option("--idle-ttl", type=DURATION, help="How long a worker beyond these may be idle.")
@click.option("--max-lifetime", type=DURATION, help="How long a worker serves before it is replaced.")
@click.option(
    "--max-jobs",
    type=click.IntRange(0, 1_000_000_000),
    help="How many jobs a worker serves; 0 is without limit, 1 is a worker for each job.",
)
@click.option("--drain-within", type=DURATION, help="How long the job of a worker that must go may run.")
@click.option("--image", help="Only for workers of this image; '' is the provider's default.")
@click.option(
    "--cpu", type=click.FloatRange(0, min_open=True), help="Only for jobs that ask for just so much."
)
@click.option("--memory", type=SIZE, help="Only for jobs that ask for just so much.")
@click.option("--priority", type=int, help="Providers with a higher one are asked first.")
@click.option("--region", metavar="NAME", help="Where all its workers are; '' is nowhere that has a name.")
@click.option(
    "--label",
    type=PAIR,
    metavar="NAME=VALUE",
    multiple=True,
    help="Jobs may --require it; NAME= drops it.",
)
@click.option(
    "--cost", type=click.FloatRange(0, 1e9), help="Of a worker for an hour, for budgets and LowestCost."
)
@click.option("--unset", type=click.Choice(RULE_NAMES), multiple=True, help="Have no rule of this name.")
@click.option("--reset", is_flag=True, help="First drop all rules of the pool.")
def set_provider(name: str, **options: Any) -> None:
    """Change a provider's limits and the rules of its pools of workers.

    A pool are the workers of one image. Without --image the rules are for each pool of the provider;
    --max-workers alone is the provider's own limit then, and --min-idle keeps workers of the default image.

    \b
    Examples:
      hodei provider set docker --max-workers 20 --idle-ttl 2m
      hodei provider set docker --image python:3.11 --min-idle 2 --max-jobs 50
      hodei provider set docker --image python:3.11 --unset min-idle
      hodei provider set docker --image python:3.11 --reset
      hodei provider set docker --region eu --label disk=ssd --cost 0.05
    """
    from hodei_grpc.methods import ProviderManagementService
    from hodei_proto.wire.hodei.providers import UpdateProviderRequest

    from hodei_cli.pools import changed
    from hodei_cli.session import connected

    with connected() as session:
        present = _config(session, references.provider(session, name)["id"])
        request = UpdateProviderRequest(provider=changed(present, options))
        answer = session.call(ProviderManagementService.update_provider, request)
        record = references.provider(session, present.id)
    if answer.provider is not None:
        record |= pools_record(answer.provider)
    show_one(record, current().output)


@provider.command()
@click.argument("name", shell_complete=any_provider)
def enable(name: str) -> None:
    """Let a provider get jobs and workers again.

    \b
    Examples:
      hodei provider enable local
    """
    from hodei_grpc.methods import ProviderManagementService
    from hodei_proto.wire.hodei.providers import EnableProviderRequest

    from hodei_cli.session import connected

    with connected() as session:
        id = references.provider(session, name)["id"]
        session.call(ProviderManagementService.enable_provider, EnableProviderRequest(provider_id=id))
        show_one(references.provider(session, id), current().output)


@provider.command()
@click.argument("name", shell_complete=any_provider)
def disable(name: str) -> None:
    """Let a provider get no jobs. Its idle workers go at once, busy ones after their jobs.

    \b
    Examples:
      hodei provider disable local
    """
    from hodei_grpc.methods import ProviderManagementService
    from hodei_proto.wire.hodei.providers import DisableProviderRequest

    from hodei_cli.session import connected

    with connected() as session:
        id = references.provider(session, name)["id"]
        session.call(ProviderManagementService.disable_provider, DisableProviderRequest(provider_id=id))
        show_one(references.provider(session, id), current().output)


@provider.command()
@click.argument("name", shell_complete=any_provider)
def delete(name: str) -> None:
    """Forget a provider that has no workers: that of a machine which will not return, for instance.

    One of a machine whose server runs comes back when that server starts; disable it instead.

    \b
    Examples:
      hodei provider delete process-two
    """
    from hodei_grpc.methods import ProviderManagementService
    from hodei_proto.wire.hodei.providers import DeleteProviderRequest

    from hodei_cli.session import connected

    with connected() as session:
        found = references.provider(session, name)
        request = DeleteProviderRequest(provider_id=found["id"])
        session.call(ProviderManagementService.delete_provider, request)
    show_next({"id": found["id"], "name": found["name"]}, current().output, f"{found['name']}  forgotten")


def _config(session: Session, name: str) -> ProviderConfig:
    from hodei_grpc.methods import ProviderManagementService
    from hodei_proto.wire.hodei.providers import GetProviderRequest

    request = GetProviderRequest(provider_id=name)
    found = session.call(ProviderManagementService.get_provider, request).provider
    assert found is not None  # or the call was refused
    return found
