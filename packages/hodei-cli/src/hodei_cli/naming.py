"""What the wire calls a field, as the person at the terminal knows it: an option, or an argument."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

# By a word of a field's path. Several where commands differ, the one that was used first; none where what
# follows in the path says more. A word that is not here is a parameter's own name.
PARAMETERS: dict[str, tuple[str, ...]] = {
    "architecture": ("arch",),
    "arguments": ("command",),
    "cleanup_timeout": ("grace",),
    "command": ("command", "shell"),
    "constraints": ("require",),
    "content": ("script",),
    "correlation_id": ("about",),
    "cpu_cores": ("cpu",),
    "disk_bytes": ("disk",),
    "end_time": ("end",),
    "environment": ("env",),
    "event_type": ("event",),
    "event_types": ("event",),
    "execution_timeout": ("timeout",),
    "gpu_count": ("gpu",),
    "idempotency_key": ("key",),
    "labels": ("label",),
    "max_attempts": ("retry",),
    "memory_bytes": ("memory",),
    "name_or_id": ("name",),
    "no_output_timeout": ("silence_timeout",),
    "provider_id": ("name",),
    "queued_by": ("queued_by", "by"),
    "reference": ("job_id",),
    "retry": (),
    "script": (),
    "search_term": ("search",),
    "since_sequence": ("since",),
    "start_time": ("start",),
    "state": ("states",),
    "states": ("states",),
    "status": ("states",),
    "statuses": ("states",),
    "tags": ("tag",),
    "tail_lines": ("tail",),
    "timeout": (),
    "working_dir": ("workdir",),
}


@contextmanager
def in_terms_of(ctx: click.Context) -> Iterator[None]:
    """Refusals of a server within are told in the words of this command's line."""
    try:
        yield
    except Exception as error:
        client = sys.modules.get("hodei_grpc.client")  # there if the command has called a server
        if client is None or not isinstance(error, client.CallFailed):
            raise
        name = parameter_of(error.field, ctx)
        if name is None:
            raise
        message = error.message.replace(f"{error.field}: ", f"{name}: ", 1)
        raise client.CallFailed(error.status, message, error.code, name) from error


def parameter_of(field: str, ctx: click.Context) -> str | None:
    """The option or argument that a field on the wire was made from; None if it was made from none."""
    own = {param.name: param for param in ctx.command.params}
    for word in re.sub(r"\[\d+\]", "", field).split("."):
        known = [name for name in PARAMETERS.get(word, (word,)) if name in own]
        if known:
            return _shown(own[next((name for name in known if ctx.params.get(name)), known[0])])
    return None


def _shown(param: click.Parameter) -> str:
    return max(param.opts, key=len) if isinstance(param, click.Option) else (param.name or "").upper()
