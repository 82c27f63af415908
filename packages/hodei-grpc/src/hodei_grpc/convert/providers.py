"""Providers, on the wire of both packages."""

from typing import Any

from hodei_domain.kernel.checks import check_text
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import ProviderId, parse_provider_id
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.provider import Provider, ProviderStatus, ProviderType
from hodei_proto.wire.hodei import providers as wire

from hodei_grpc.convert.pools import from_pool, from_rules

MIB = 1024 * 1024
LONGEST_NAME = 128

TYPES = {kind: wire.ProviderType[kind.value] for kind in ProviderType}
STATUSES = {status: wire.ProviderStatus[status.value] for status in ProviderStatus}
_TYPES_BACK = {number: kind for kind, number in TYPES.items()}
_STATUSES_BACK = {number: status for status, number in STATUSES.items()}
_CONFIGS = {
    "docker": wire.DockerConfig,
    "kubernetes": wire.KubernetesConfig,
    "lambda_": wire.LambdaConfig,
    "ec2": wire.Ec2Config,
}


def to_type(number: wire.ProviderType, field: str = "provider_type") -> ProviderType:
    """The kind of a provider. Raise InvalidInput for none and for unknown ones."""
    kind = _TYPES_BACK.get(number)
    if kind is None:
        raise InvalidInput("is no type of provider", field=field)
    return kind


def to_status(number: wire.ProviderStatus, field: str = "status") -> ProviderStatus:
    """The status of a provider. Raise InvalidInput for none and for unknown ones."""
    status = _STATUSES_BACK.get(number)
    if status is None:
        raise InvalidInput("is no status of a provider", field=field)
    return status


def to_ref(text: str, field: str = "provider_id") -> ProviderId | str:
    """A provider's id, or else its name. Raise InvalidInput if it is empty or no name could be like it."""
    if not text:
        raise InvalidInput("is missing", field=field)
    check_text(text, field, LONGEST_NAME)
    try:
        return parse_provider_id(text)
    except InvalidInput:
        return text


def to_config(told: wire.ProviderTypeConfig | None) -> dict[str, Any]:
    """What a plugin is configured with: the fields that were set, under the name of their kind."""
    for name in _CONFIGS:
        config = getattr(told, name, None)
        if config is not None:
            told_fields = {key: value for key, value in vars(config).items() if value and key[0] != "_"}
            return {name.rstrip("_"): told_fields}
    return {}


def from_config(config: dict[str, Any]) -> wire.ProviderTypeConfig | None:
    """Back from to_config()."""
    for name, message in _CONFIGS.items():
        document = config.get(name.rstrip("_"))
        if isinstance(document, dict):
            return wire.ProviderTypeConfig(**{name: message(**document)})
    return None


def to_placement(told: wire.ProviderConfig | wire.RegisterProviderRequest) -> dict[str, Any]:
    """Where it is and what it costs, as far as that was said."""
    said = {
        "region": told.region,
        "labels": None if told.labels is None else dict(told.labels.labels),
        "cost_per_hour": told.cost_per_hour,
    }
    return {name: value for name, value in said.items() if value is not None}


def from_provider(provider: Provider, active_workers: int = 0) -> wire.ProviderConfig:
    """A provider, as clients of `hodei.providers` see it."""
    return wire.ProviderConfig(
        id=str(provider.id),
        name=provider.name,
        provider_type=TYPES[provider.type],
        status=STATUSES[provider.shown_status],
        priority=provider.priority,
        max_workers=provider.max_workers,
        active_workers=active_workers,
        capabilities=_capabilities(provider.offered),
        type_config=from_config(dict(provider.config)),
        tags=list(provider.tags),
        metadata=dict(provider.metadata),
        created_at=provider.created_at.isoformat(),
        updated_at=provider.updated_at.isoformat(),
        pool=from_rules(provider.pool),
        pools=[from_pool(pool) for pool in provider.pools],
        region=provider.region or None,
        labels=wire.ProviderLabels(labels=dict(provider.labels)) if provider.labels else None,
        cost_per_hour=provider.cost_per_hour,
    )


def _capabilities(can: Capabilities) -> wire.ProviderCapabilities:
    most = can.max_resources
    longest = can.max_execution
    return wire.ProviderCapabilities(
        max_resources=wire.ResourceLimits(
            max_cpu_cores=most.cpu_cores,
            max_memory_bytes=most.memory_mib * MIB,
            max_disk_bytes=most.storage_mib * MIB,
            max_gpu_count=most.gpu,
        ),
        gpu_support=can.gpu,
        gpu_types=sorted(can.gpu_types),
        architectures=sorted(can.architectures),
        regions=sorted(can.regions),
        max_execution_time_seconds=None if longest is None else int(longest.total_seconds()),
    )
