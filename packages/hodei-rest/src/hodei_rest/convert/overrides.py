"""A spec with some of its fields changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from hodei_domain.jobs import spec as domain
from hodei_domain.kernel.errors import InvalidInput

from hodei_rest.convert.specs import from_spec, to_spec
from hodei_rest.problems import of_body
from hodei_rest.schemas import jobs as schema


def with_overrides(spec: domain.JobSpec, overrides: Mapping[str, Any]) -> domain.JobSpec:
    """The spec with these fields in place of its own; `env` and `labels` are added to the old.

    Raise InvalidInput, its field being the path in the request.
    """
    if not overrides:
        return spec
    fields: dict[str, Any] = msgspec.to_builtins(from_spec(spec))
    for name, new in overrides.items():
        adds = name in ("env", "labels") and isinstance(new, dict)
        fields[name] = {**fields[name], **new} if adds else new
    if "script" in overrides and "command" not in overrides:
        fields["command"] = None
    if "command" in overrides and "script" not in overrides:
        fields["script"] = None
    if "timeout_ms" in overrides and "timeouts" not in overrides:
        fields["timeouts"]["execution_ms"] = fields["timeout_ms"]
    if "timeouts" in overrides and "timeout_ms" not in overrides:
        fields["timeout_ms"] = None
    try:
        return to_spec(msgspec.convert(fields, schema.JobSpec))
    except msgspec.ValidationError as error:
        told = of_body(error).errors[0]
        raise InvalidInput(told.message, field=f"overrides.{told.field}") from None
    except InvalidInput as refusal:
        raise refusal.renamed(lambda field: "overrides." + field.removeprefix("spec.")) from None
