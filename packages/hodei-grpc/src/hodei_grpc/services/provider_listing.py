"""hodei.ProviderManagementService: providers in plain words, and the calls of `hodei.providers` again."""

from collections.abc import Container

from attrs import frozen
from hodei_application.control_plane import ControlPlane
from hodei_application.jobs.forget_history import Bounds
from hodei_application.scheduling.janitor import Orphan
from hodei_domain.kernel.errors import renaming
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.providers.provider import Provider
from hodei_proto.wire import hodei as wire
from hodei_proto.wire.hodei import providers

from hodei_grpc.convert.providers import to_ref
from hodei_grpc.servicers import Context
from hodei_grpc.services.providers import Providers

_BOUNDS = {"age": "older_than", "jobs": "keep_jobs"}


@frozen
class ProviderListing:
    """Providers as short lines; everything else is passed on."""

    _control: ControlPlane
    _providers: Providers

    async def list_providers(
        self, request: wire.ListProvidersRequest, context: Context
    ) -> wire.ListProvidersResponse:
        """All providers, by name."""
        found = await self._control.list_providers()
        return wire.ListProvidersResponse(
            providers=[_listing(each.provider, each.active_workers) for each in found]
        )

    async def get_provider_health(
        self, request: wire.GetProviderHealthRequest, context: Context
    ) -> wire.GetProviderHealthResponse:
        """Probe a provider now."""
        told = await self._control.provider_health(to_ref(request.name_or_id, "name_or_id"))
        return wire.GetProviderHealthResponse(
            name=told.provider.name,
            healthy=told.healthy,
            status=told.provider.shown_status.value,
            message=told.message,
            checked_at=told.checked_at,
        )

    async def collect_garbage(
        self, request: wire.CollectGarbageRequest, context: Context
    ) -> wire.CollectGarbageResponse:
        """What exists and nobody wants; destroyed unless it is a dry run."""
        found = await self._control.collect_garbage(dry_run=request.dry_run)
        return wire.CollectGarbageResponse(
            orphans=[_orphan(each, found.removed) for each in found.orphans],
            unreached=[
                wire.UnreachedProvider(provider=name, message=message) for name, message in found.unreached
            ],
        )

    async def forget_history(
        self, request: wire.ForgetHistoryRequest, context: Context
    ) -> wire.ForgetHistoryResponse:
        """Forget what has ended, or say what would go."""
        with renaming(lambda field: _BOUNDS.get(field, field)):
            bounds = Bounds(age=request.older_than, jobs=request.keep_jobs)
            told = await self._control.forget_history(bounds, dry_run=request.dry_run)
        return wire.ForgetHistoryResponse(
            jobs=told.held.jobs,
            workers=told.held.workers,
            output_bytes=told.held.output_bytes,
            more=told.more,
        )

    async def register_provider(
        self, request: providers.RegisterProviderRequest, context: Context
    ) -> providers.RegisterProviderResponse:
        """As in `hodei.providers`."""
        return await self._providers.register_provider(request, context)

    async def get_provider(
        self, request: providers.GetProviderRequest, context: Context
    ) -> providers.GetProviderResponse:
        """As in `hodei.providers`."""
        return await self._providers.get_provider(request, context)

    async def get_provider_by_name(
        self, request: providers.GetProviderByNameRequest, context: Context
    ) -> providers.GetProviderResponse:
        """As in `hodei.providers`."""
        return await self._providers.get_provider_by_name(request, context)

    async def update_provider(
        self, request: providers.UpdateProviderRequest, context: Context
    ) -> providers.UpdateProviderResponse:
        """As in `hodei.providers`."""
        return await self._providers.update_provider(request, context)

    async def delete_provider(
        self, request: providers.DeleteProviderRequest, context: Context
    ) -> providers.DeleteProviderResponse:
        """As in `hodei.providers`."""
        return await self._providers.delete_provider(request, context)

    async def enable_provider(
        self, request: providers.EnableProviderRequest, context: Context
    ) -> providers.EnableProviderResponse:
        """As in `hodei.providers`."""
        return await self._providers.enable_provider(request, context)

    async def disable_provider(
        self, request: providers.DisableProviderRequest, context: Context
    ) -> providers.DisableProviderResponse:
        """As in `hodei.providers`."""
        return await self._providers.disable_provider(request, context)

    async def get_provider_stats(
        self, request: providers.GetProviderStatsRequest, context: Context
    ) -> providers.GetProviderStatsResponse:
        """As in `hodei.providers`."""
        return await self._providers.get_provider_stats(request, context)


def _orphan(orphan: Orphan, removed: Container[WorkerId]) -> wire.Orphan:
    found = orphan.worker
    return wire.Orphan(
        provider=orphan.provider,
        worker_id=str(found.worker_id),
        why=orphan.why,
        started_at=found.started_at,
        expires_at=found.expires_at,
        presence=found.presence.state.value,
        removed=found.worker_id in removed,
        foreign=orphan.foreign,
    )


def _listing(provider: Provider, active_workers: int) -> wire.ProviderListing:
    return wire.ProviderListing(
        name=provider.name,
        type=provider.type.value,
        enabled=provider.enabled and not provider.switched_off,
        id=str(provider.id),
        status=provider.shown_status.value,
        max_workers=provider.max_workers,
        active_workers=active_workers,
        message=provider.note,
    )
