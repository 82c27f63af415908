"""List the images that need not be fetched."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from attrs import frozen
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.providers.provider import Provider

from hodei_application.ports import UnitOfWork
from hodei_application.scheduling.landscape import Landscape

log = logging.getLogger("hodei.providers")

PATIENCE = timedelta(seconds=3)


@frozen
class Pulled:
    """An image that a provider, by name, has."""

    provider: str
    image: str


@frozen
class ListImages:
    """What all providers have that are served here, by provider and name. One that does not answer is left
    out: the list is a help for typing.
    """

    begin: UnitOfWork
    landscape: Landscape

    async def __call__(self) -> list[Pulled]:
        async with self.begin() as tx:
            self.landscape.learn(await tx.providers.list_all())
        found = await asyncio.gather(*(self._of(provider) for provider in self.landscape if provider.enabled))
        return [image for images in found for image in images]

    async def _of(self, provider: Provider) -> list[Pulled]:
        plugin = self.landscape.plugin(provider.id)
        if plugin is None or plugin.images is None:
            return []
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                return [Pulled(provider.name, image) for image in await plugin.images.list_images()]
        except (HodeiError, TimeoutError) as error:
            log.debug("The images of provider %s are not known: %s", provider.name, error)
            return []
