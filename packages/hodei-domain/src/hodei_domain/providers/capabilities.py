"""What a provider can give to a job."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from attrs import field, frozen

from hodei_domain.kernel.checks import check_labels, check_texts, lasting, one_of
from hodei_domain.kernel.values import UNASKED, Resources, architecture_name, copied


def _names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(names)


def _architectures(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(architecture_name, names))


def _check_names(_: Any, attribute: Any, names: frozenset[str]) -> None:
    check_texts(sorted(names), attribute.name, 128, 256)


def _check_labels(_: Any, attribute: Any, labels: Mapping[str, str]) -> None:
    check_labels(labels, attribute.name)


@frozen(kw_only=True)
class Capabilities:
    """The most for one job, and what kinds.

    0, "" and empty sets are without limit; `gpu`, `images` and `regions` must be said.

    `images`: whether it runs a job in an image of the user's choice.
    """

    max_resources: Resources = field(default=UNASKED, validator=one_of(Resources))
    gpu: bool = False
    gpu_types: frozenset[str] = field(default=frozenset(), converter=_names, validator=_check_names)
    architectures: frozenset[str] = field(
        default=frozenset(), converter=_architectures, validator=_check_names
    )
    images: bool = False
    regions: frozenset[str] = field(default=frozenset(), converter=_names, validator=_check_names)
    labels: Mapping[str, str] = field(factory=dict, converter=copied, validator=_check_labels)
    max_execution: timedelta | None = field(default=None, validator=lasting(timedelta(days=3660)))

    @property
    def region(self) -> str:
        """Where all its workers are, "" if it has no region, or several."""
        return next(iter(self.regions)) if len(self.regions) == 1 else ""

    def to_json(self) -> dict[str, Any]:
        """All fields, ready for JSON; the duration in seconds."""
        return {
            "max_resources": self.max_resources.to_json(),
            "gpu": self.gpu,
            "gpu_types": sorted(self.gpu_types),
            "architectures": sorted(self.architectures),
            "images": self.images,
            "regions": sorted(self.regions),
            "labels": dict(self.labels),
            "max_execution": None if self.max_execution is None else self.max_execution.total_seconds(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Capabilities":
        """Back from to_json(). Fields that are absent take their default. Raises InvalidInput."""
        fields = dict(document)
        if "max_resources" in fields:
            fields["max_resources"] = Resources.from_json(fields["max_resources"])
        if fields.get("max_execution") is not None:
            fields["max_execution"] = timedelta(seconds=fields["max_execution"])
        return cls(**fields)
