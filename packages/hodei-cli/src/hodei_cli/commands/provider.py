"""`hodei provider`: list, get, enable, disable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hodei_cli.errors import CliError
from hodei_cli.exits import Exit
from hodei_cli.groups import group
from hodei_cli.options import current
from hodei_cli.render import Column, show_list, show_one
from hodei_cli.views import provider_row

if TYPE_CHECKING:
    from hodei_cli.session import Session

COLUMNS = [
    Column("name", "NAME"),
    Column("type", "TYPE"),
    Column("status", "STATUS"),
    Column("enabled", "ENABLED"),
    Column("active_workers", "WORKERS"),
    Column("max_workers", "AT MOST"),
    Column("id", "ID"),
]


@group()
def provider() -> None:
    """Look at where workers come from, and switch it.

    \b
    Examples:
      hodei provider list
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
        rows = _all(session)
    show_list(rows, COLUMNS, current().output, "No providers: nothing can run here.")


@provider.command()
@click.argument("name")
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
        record = _one(session, name)
        request = GetProviderHealthRequest(name_or_id=record["id"])
        health = session.call(ProviderManagementService.get_provider_health, request)
    record |= {
        "status": health.status,
        "healthy": health.healthy,
        "message": health.message or None,
        "checked_at": health.checked_at,
    }
    show_one(record, current().output)


@provider.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let a provider get new workers.

    \b
    Examples:
      hodei provider enable local
    """
    from hodei_grpc.methods import ProviderManagementService
    from hodei_proto.wire.hodei.providers import EnableProviderRequest

    from hodei_cli.session import connected

    with connected() as session:
        request = EnableProviderRequest(provider_id=_one(session, name)["id"])
        session.call(ProviderManagementService.enable_provider, request)
        show_one(_one(session, name), current().output)


@provider.command()
@click.argument("name")
def disable(name: str) -> None:
    """Let a provider get no new workers. Those it has finish their jobs.

    \b
    Examples:
      hodei provider disable local
    """
    from hodei_grpc.methods import ProviderManagementService
    from hodei_proto.wire.hodei.providers import DisableProviderRequest

    from hodei_cli.session import connected

    with connected() as session:
        request = DisableProviderRequest(provider_id=_one(session, name)["id"])
        session.call(ProviderManagementService.disable_provider, request)
        show_one(_one(session, name), current().output)


def _all(session: Session) -> list[dict[str, Any]]:
    from hodei_grpc.methods import ProviderManagementService
    from hodei_proto.wire.hodei import ListProvidersRequest

    answer = session.call(ProviderManagementService.list_providers, ListProvidersRequest())
    return [provider_row(each) for each in answer.providers]


def _one(session: Session, name: str) -> dict[str, Any]:
    rows = _all(session)
    for row in rows:
        if name in (row["name"], row["id"]):
            return row
    known = ", ".join(row["name"] for row in rows)
    raise CliError(f"there is no provider {name!r}", Exit.NOT_FOUND, f"There are: {known or 'none'}")
