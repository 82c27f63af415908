"""hodei.providers.ProviderManagementService."""

from typing import Any

from attrs import frozen
from hodei_application.control_plane import ControlPlane
from hodei_application.providers.find_provider import ProviderView
from hodei_application.providers.register_provider import NewProvider
from hodei_domain.kernel.errors import InvalidInput, NotFound
from hodei_proto.wire.hodei import providers as wire

from hodei_grpc.convert import providers as convert
from hodei_grpc.convert.pools import to_pools, to_rules
from hodei_grpc.convert.submissions import wire_names
from hodei_grpc.servicers import Context


@frozen
class Providers:
    """Where workers may be made. Each provider may be named by its id or its name."""

    _control: ControlPlane

    async def register_provider(
        self, request: wire.RegisterProviderRequest, context: Context
    ) -> wire.RegisterProviderResponse:
        """A new provider."""
        with wire_names():
            provider = await self._control.register_provider(
                NewProvider(
                    name=request.name,
                    type=convert.to_type(request.provider_type),
                    config=convert.to_config(request.type_config),
                    priority=request.priority or 0,
                    max_workers=10 if request.max_workers is None else request.max_workers,
                    tags=tuple(request.tags),
                    metadata=dict(request.metadata),
                    pool=to_rules(request.pool),
                    pools=to_pools(request.pools),
                    **convert.to_placement(request),
                )
            )
        return wire.RegisterProviderResponse(provider=convert.from_provider(provider))

    async def get_provider(
        self, request: wire.GetProviderRequest, context: Context
    ) -> wire.GetProviderResponse:
        """One provider."""
        found = await self._control.get_provider(convert.to_ref(request.provider_id))
        return wire.GetProviderResponse(provider=_config(found))

    async def get_provider_by_name(
        self, request: wire.GetProviderByNameRequest, context: Context
    ) -> wire.GetProviderResponse:
        """One provider; no provider in the answer if none has that name."""
        try:
            found = await self._control.get_provider(convert.to_ref(request.name, "name"))
        except NotFound:
            return wire.GetProviderResponse()
        return wire.GetProviderResponse(provider=_config(found))

    async def list_providers(
        self, request: wire.ListProvidersRequest, context: Context
    ) -> wire.ListProvidersResponse:
        """All that match, by name."""
        found = await self._control.list_providers(
            type=None if request.provider_type is None else convert.to_type(request.provider_type),
            status=None if request.status is None else convert.to_status(request.status),
            only_with_capacity=bool(request.only_with_capacity),
        )
        return wire.ListProvidersResponse(providers=[_config(each) for each in found])

    async def update_provider(
        self, request: wire.UpdateProviderRequest, context: Context
    ) -> wire.UpdateProviderResponse:
        """Make the provider as it is said here. Its type cannot change."""
        told = request.provider
        if told is None:
            raise InvalidInput("is missing", field="provider")
        ref = convert.to_ref(told.id or told.name, "provider.id")
        with wire_names("provider"):
            settings = _settings(told)
            if "config" in settings:  # what the wire does not name, such as whose machine it is, stays
                known = (await self._control.get_provider(ref)).provider.config
                settings["config"] = {**known, **settings["config"]}
            provider = await self._control.update_provider(ref, settings)
        return wire.UpdateProviderResponse(provider=_config(await self._control.get_provider(provider.id)))

    async def delete_provider(
        self, request: wire.DeleteProviderRequest, context: Context
    ) -> wire.DeleteProviderResponse:
        """Forget a provider that has no workers."""
        await self._control.delete_provider(convert.to_ref(request.provider_id))
        return wire.DeleteProviderResponse(success=True)

    async def enable_provider(
        self, request: wire.EnableProviderRequest, context: Context
    ) -> wire.EnableProviderResponse:
        """Workers may be made there again."""
        provider = await self._control.enable_provider(convert.to_ref(request.provider_id))
        return wire.EnableProviderResponse(provider=_config(await self._control.get_provider(provider.id)))

    async def disable_provider(
        self, request: wire.DisableProviderRequest, context: Context
    ) -> wire.DisableProviderResponse:
        """It gets no jobs: idle workers go at once, busy ones after their jobs."""
        provider = await self._control.disable_provider(convert.to_ref(request.provider_id))
        return wire.DisableProviderResponse(provider=_config(await self._control.get_provider(provider.id)))

    async def get_provider_stats(
        self, request: wire.GetProviderStatsRequest, context: Context
    ) -> wire.GetProviderStatsResponse:
        """Sums over all providers."""
        told = await self._control.provider_stats()
        return wire.GetProviderStatsResponse(
            total_providers=told.total,
            enabled_providers=told.enabled,
            providers_with_capacity=told.with_capacity,
            total_max_workers=told.max_workers,
            total_active_workers=told.active_workers,
            utilization_percent=told.utilization_percent,
        )


def _config(found: ProviderView) -> wire.ProviderConfig:
    return convert.from_provider(found.provider, found.active_workers)


def _settings(told: wire.ProviderConfig) -> dict[str, Any]:
    """Clients send the whole provider back; what they left empty is not changed, except the priority."""
    settings: dict[str, Any] = {"priority": told.priority}
    if told.status is not wire.ProviderStatus.UNSPECIFIED:
        settings["status"] = convert.to_status(told.status)
    given = {
        "name": told.name,
        "max_workers": told.max_workers,
        "tags": tuple(told.tags),
        "metadata": dict(told.metadata),
        "config": convert.to_config(told.type_config),
    }
    if told.pool is not None:
        settings["pool"] = to_rules(told.pool)
    if told.pools:
        settings["pools"] = to_pools(told.pools)
    settings |= convert.to_placement(told)
    return settings | {name: value for name, value in given.items() if value}
