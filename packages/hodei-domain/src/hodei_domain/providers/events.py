"""What happens to providers. The correlation id is the provider's."""

from typing import Any

from attrs import frozen

from hodei_domain.kernel.events import SYSTEM, Event


@frozen(kw_only=True)
class ProviderEvent(Event):
    """Something that happened to the provider of this name."""

    name: str

    def payload(self) -> dict[str, Any]:
        return {"provider_id": self.correlation_id, "name": self.name}


@frozen(kw_only=True)
class ProviderRegistered(ProviderEvent):
    """A provider is known from now on."""

    provider_type: str

    def payload(self) -> dict[str, Any]:
        return {**super().payload(), "type": self.provider_type}


@frozen(kw_only=True)
class ProviderUpdated(ProviderEvent):
    """These fields changed; their values are not told, a configuration may hold credentials."""

    fields: tuple[str, ...]

    def payload(self) -> dict[str, Any]:
        return {**super().payload(), "fields": list(self.fields)}


@frozen(kw_only=True)
class ProviderHealthChanged(ProviderEvent):
    """Its status changed by what a probe or a failing call showed."""

    actor: str | None = SYSTEM
    old_status: str
    new_status: str
    message: str

    def payload(self) -> dict[str, Any]:
        return {
            **super().payload(),
            "old_status": self.old_status,
            "new_status": self.new_status,
            "message": self.message,
        }


@frozen(kw_only=True)
class ProviderRecovered(ProviderHealthChanged):
    """It works again."""


@frozen(kw_only=True)
class ProviderRemoved(ProviderEvent):
    """The provider is forgotten."""
