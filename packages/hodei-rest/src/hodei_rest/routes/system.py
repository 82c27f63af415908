"""The installation."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, Response, get

from hodei_rest.answers import answer
from hodei_rest.convert.overview import from_overview
from hodei_rest.desk import TheDesk
from hodei_rest.schemas import platform as schema

Asked = Request[Any, Any, Any]


class System(Controller):
    """The installation."""

    path = "/api/v1"
    tags = ("System",)

    @get("/system", summary="Show the installation at a glance")
    async def show(self, request: Asked, desk: TheDesk) -> Response[schema.System]:
        """Also while the database does not answer: then it says so."""
        seen = await desk.control.look_around()
        return answer(request, from_overview(seen, dev_mode=desk.token is None))

    @get("/images", summary="List images that are there already")
    async def images(self, request: Asked, desk: TheDesk) -> Response[list[schema.ImageOffer]]:
        """Images that providers need not pull, of providers that answer."""
        found = await desk.control.images()
        return answer(
            request, [schema.ImageOffer(provider=each.provider, image=each.image) for each in found]
        )
