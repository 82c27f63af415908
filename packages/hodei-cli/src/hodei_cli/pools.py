"""What the options of `hodei provider set` change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hodei_proto.wire.hodei.providers import (
    Pool,
    PoolResources,
    PoolRules,
    ProviderConfig,
    ProviderLabels,
)

from hodei_cli.errors import UsageProblem
from hodei_cli.views import RULES


def changed(present: ProviderConfig, options: Mapping[str, Any]) -> ProviderConfig:
    """What to send for the provider to be as the options say. Raise UsageProblem if they say nothing."""
    resources = _resources(options)
    whole = options["image"] is None and resources is None
    given = {name: options[name] for name in RULES if options[name] is not None}
    unset = {name.replace("-", "_") for name in options["unset"]}
    placed = _placement(present, options)
    if not (given or unset or placed or options["reset"] or options["priority"] is not None):
        raise UsageProblem("there is nothing to change", "hodei provider set docker --max-workers 20")
    # Clients send the priority always; the rest of what is left empty stays as it is.
    asked = ProviderConfig(id=present.id, priority=present.priority, **placed)
    if options["priority"] is not None:
        asked.priority = options["priority"]
    if whole:
        asked.max_workers = _own_limit(given)
        if given or unset or options["reset"]:
            asked.pool = _rules(present.pool, given, unset, reset=options["reset"])
    elif given or unset or options["reset"]:
        pool = Pool(image=options["image"] or "", resources=resources)
        known = next((each.rules for each in present.pools if _same(each, pool)), None)
        pool.rules = _rules(known, given, unset, reset=options["reset"])
        asked.pools = [pool]
    return asked


def _placement(present: ProviderConfig, options: Mapping[str, Any]) -> dict[str, Any]:
    """Where it is and what it costs, as far as the options say."""
    placed = {"region": options["region"], "cost_per_hour": options["cost"]}
    if options["label"]:
        labels = {**(present.labels.labels if present.labels else {}), **dict(options["label"])}
        placed["labels"] = ProviderLabels(labels={name: value for name, value in labels.items() if value})
    return {name: value for name, value in placed.items() if value is not None}


def _own_limit(given: dict[str, Any]) -> int:
    """The provider's own limit, taken out of the rules: for all pools together it is what people mean."""
    limit = given.pop("max_workers", None)
    if limit == 0:
        raise UsageProblem(
            "--max-workers 0: to make no workers there, disable it", "hodei provider disable NAME"
        )
    return limit or 0


def _rules(present: PoolRules | None, given: Mapping[str, Any], unset: set[str], *, reset: bool) -> PoolRules:
    known: dict[str, Any] = {}
    if present is not None and not reset:
        known = {name: getattr(present, name) for name in RULES if name not in unset}
    return PoolRules(**{**known, **given})


def _resources(options: Mapping[str, Any]) -> PoolResources | None:
    asked = {"cpu_cores": options["cpu"], "memory_bytes": options["memory"]}
    given = {name: value for name, value in asked.items() if value is not None}
    return PoolResources(**given) if given else None


def _same(one: Pool, other: Pool) -> bool:
    return one.image == other.image and (one.resources or PoolResources()) == (
        other.resources or PoolResources()
    )
