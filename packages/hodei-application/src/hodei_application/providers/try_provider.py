"""Try a provider out before it is saved."""

from __future__ import annotations

from attrs import field, frozen
from hodei_domain.kernel.errors import InvalidInput, Kind, Unavailable
from hodei_domain.kernel.ids import ProviderId
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.records import Health

from hodei_application.ports import Clock, NewId, Trial
from hodei_application.providers.probe import probe
from hodei_application.providers.register_provider import NewProvider


class NoTrial(Unavailable):
    """Nobody here can try that out."""

    kind, code = Kind.UNAVAILABLE, "provider.no-trial"


@frozen
class Tried:
    """What the provider said, and what it can give if it answered."""

    health: Health
    capabilities: Capabilities | None = field(default=None)


@frozen(kw_only=True)
class TryProvider:
    """Ask a provider how it does with these settings; nothing is kept. Raises InvalidInput, NoTrial."""

    now: Clock
    new_id: NewId
    trial: Trial | None

    async def __call__(self, new: NewProvider) -> Tried:
        provider = new.registered(ProviderId(self.new_id()), self.now()).after
        if self.trial is None:
            raise NoTrial("this server makes no workers and cannot try a provider out; ask one that does")
        async with self.trial(provider) as plugin:
            if plugin is None:
                raise InvalidInput(f"this server cannot use providers of the type {new.type}", field="type")
            health = await probe(plugin.health.check_health)
            return Tried(health, plugin.capabilities if health.healthy else None)
