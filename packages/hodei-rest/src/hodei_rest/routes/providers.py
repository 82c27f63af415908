"""Providers: where workers are made."""

from __future__ import annotations

from typing import Annotated, Any

from hodei_domain.kernel.errors import ChangedMeanwhile
from hodei_domain.providers.provider import Provider, ProviderStatus, ProviderType
from hodei_domain.workers.ports import WorkerFilter
from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.params import FromQuery, HeaderParameter, JSONBody, QueryParameter

from hodei_rest.answers import answer, etag_of_content, matches
from hodei_rest.convert.provider_types import TYPES
from hodei_rest.convert.providers import (
    about,
    from_capabilities,
    from_health,
    from_provider,
    to_new,
    to_ref,
    to_settings,
)
from hodei_rest.desk import Desk, Named, TheDesk
from hodei_rest.schemas import providers as schema

Asked = Request[Any, Any, Any]


class Providers(Controller):
    """Where workers are made. Each may be named by its id or its name."""

    path = "/api/v1/providers"
    tags = ("Providers",)

    @get(summary="List providers by name")
    async def list_all(
        self,
        request: Asked,
        desk: TheDesk,
        kind: Annotated[schema.TypeName | None, QueryParameter(name="type")] = None,
        status: FromQuery[schema.StatusName | None] = None,
    ) -> Response[list[schema.Provider]]:
        """All that match."""
        views = await desk.control.list_providers(
            type=None if kind is None else ProviderType(kind),
            status=None if status is None else ProviderStatus(status),
        )
        workers = await desk.control.list_workers(WorkerFilter(limit=10_000))
        return answer(
            request,
            [
                from_provider(
                    view.provider,
                    [w.worker for w in workers if w.worker.provider_id == view.provider.id],
                    desk.control.provider_price(view.provider),
                )
                for view in views
            ],
        )

    @post(summary="Register a provider", status_code=201)
    async def register(
        self, request: Asked, desk: TheDesk, data: JSONBody[schema.NewProvider]
    ) -> Response[schema.Provider]:
        """Its settings are checked; whether it answers is seen by its health, or tried before."""
        with about(ProviderType(data.type)):
            provider = await desk.control.register_provider(to_new(data))
        return answer(
            request,
            await _shown(desk, provider),
            status=201,
            headers={"Location": f"/api/v1/providers/{provider.id}"},
        )

    @post("/test", summary="Try a provider out", status_code=200)
    async def test(
        self, request: Asked, desk: TheDesk, data: JSONBody[schema.NewProvider]
    ) -> Response[schema.ConnectionTest]:
        """Ask it how it does with these settings; nothing is saved."""
        with about(ProviderType(data.type)):
            tried = await desk.control.try_provider(to_new(data))
        return answer(
            request,
            schema.ConnectionTest(
                healthy=tried.health.healthy,
                message=tried.health.message,
                details=dict(tried.health.details),
                capabilities=None if tried.capabilities is None else from_capabilities(tried.capabilities),
            ),
        )

    @get("/{provider:str}", summary="Show a provider")
    async def show(self, request: Asked, desk: TheDesk, provider: Named) -> Response[schema.Provider]:
        """Everything known of it."""
        view = await desk.control.get_provider(to_ref(provider))
        return answer(request, await _shown(desk, view.provider))

    @patch("/{provider:str}", summary="Change a provider")
    async def change(
        self,
        request: Asked,
        desk: TheDesk,
        provider: Named,
        data: JSONBody[schema.ProviderChanges],
        if_match: Annotated[
            str | None, HeaderParameter(name="If-Match", description="The ETag it was shown with")
        ] = None,
    ) -> Response[schema.Provider]:
        """With If-Match only if nobody changed it since it was shown, else 412."""
        known = (await desk.control.get_provider(to_ref(provider))).provider
        if if_match is not None and not matches(if_match, etag_of_content(await _shown(desk, known))):
            raise ChangedSinceShown(f"provider {known.name} is not as it was shown: read it again")
        with about(known.type):
            settings = to_settings(data, known)
            after = await desk.control.update_provider(known.id, settings)
        return answer(request, await _shown(desk, after))

    @delete("/{provider:str}", summary="Forget a provider", status_code=204)
    async def remove(self, desk: TheDesk, provider: Named) -> None:
        """Only one that has no workers."""
        await desk.control.delete_provider(to_ref(provider))

    @post("/{provider:str}/enable", summary="Enable a provider", status_code=200)
    async def enable(self, request: Asked, desk: TheDesk, provider: Named) -> Response[schema.Provider]:
        """Workers may be made there again."""
        after = await desk.control.enable_provider(to_ref(provider))
        return answer(request, await _shown(desk, after))

    @post("/{provider:str}/disable", summary="Disable a provider", status_code=200)
    async def disable(self, request: Asked, desk: TheDesk, provider: Named) -> Response[schema.Provider]:
        """It gets no jobs: idle workers go at once, busy ones after their jobs."""
        after = await desk.control.disable_provider(to_ref(provider))
        return answer(request, await _shown(desk, after))

    @get("/{provider:str}/health", summary="Ask a provider how it does")
    async def health(self, request: Asked, desk: TheDesk, provider: Named) -> Response[schema.ProviderHealth]:
        """It is asked now."""
        found = await desk.control.provider_health(to_ref(provider))
        told = from_health(found.provider)
        told.healthy, told.reason, told.checked_at = found.healthy, found.message, found.checked_at
        return answer(request, told)


class ProviderTypes(Controller):
    """Types of providers."""

    path = "/api/v1/provider-types"
    tags = ("Providers",)

    @get(summary="List types of providers")
    async def list_all(self, request: Asked) -> Response[list[schema.ProviderTypeInfo]]:
        """What a form may ask for, by type."""
        return answer(request, TYPES)


class ChangedSinceShown(ChangedMeanwhile):
    """It is not as the caller has seen it."""

    code = "changed-since-shown"
    http_status = 412


async def _shown(desk: Desk, provider: Provider) -> schema.Provider:
    views = await desk.control.list_workers(WorkerFilter(provider_id=provider.id, limit=10_000))
    return from_provider(provider, [view.worker for view in views], desk.control.provider_price(provider))
