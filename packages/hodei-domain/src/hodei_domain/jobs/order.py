"""How large a job may be: what is accepted can be brought to a worker and read back over every interface."""

from collections.abc import Iterable, Mapping

from hodei_domain.jobs.spec import Command, JobSpec, Script
from hodei_domain.kernel.errors import InvalidInput

MIB = 1024 * 1024

LARGEST_MESSAGE = 16 * MIB
"""Bytes of one message on the wire. Servers and agents are built with it, and agents are not exchanged at
once: it cannot grow from one release to the next.
"""

BESIDE = MIB
"""Bytes of that message which are kept for what the platform says beside the order: ids, clocks, attempts."""

LARGEST_ORDER = LARGEST_MESSAGE - BESIDE

_ENTRY = 16  # bytes on the wire around an entry of a list or a map: tags and lengths
_FIXED = 512  # numbers, clocks, retry rules


def order_parts(spec: JobSpec) -> Mapping[str, int]:
    """Bytes on the wire, or a few more, by the field that takes them."""
    return {
        **_command_parts(spec.command),
        "environment": _size(*spec.environment, *spec.environment.values()),
        "stdin": _size(spec.stdin or ""),
        "labels": _size(*spec.labels, *spec.labels.values()),
        "tags": _size(*spec.tags),
        "constraints": sum(_size(each.key, *each.values) for each in spec.constraints),
        "description": _size(spec.description),
        "name": _FIXED + _size(spec.name, spec.image, spec.working_dir, spec.provider, spec.region),
    }


def _command_parts(command: Command) -> dict[str, int]:
    if isinstance(command, Script):
        return {"script": _size(command.interpreter, command.content)}
    return {"command": _size(command.command), "arguments": _size(*command.arguments)}


def check_order(spec: JobSpec) -> None:
    """Refuse a job that is too large as a whole. The field of the refusal is the largest part.

    Not a part of JobSpec itself: what an older release accepted must still be read from the store.
    """
    parts = order_parts(spec)
    whole = sum(parts.values())
    if whole <= LARGEST_ORDER:
        return
    large = sorted((name for name, size in parts.items() if size > BESIDE), key=lambda name: -parts[name])
    told = ", ".join(f"{name} {_mib(parts[name])}" for name in large)
    raise InvalidInput(
        f"the job is {_mib(whole)} long ({told}); a job may be {_mib(LARGEST_ORDER)} long in all, "
        "so let it fetch what is large",
        field=large[0],
    )


def _size(*texts: str) -> int:
    return sum(_ENTRY + (len(text) if text.isascii() else len(text.encode())) for text in texts)


def _mib(size: int) -> str:
    return f"{size / MIB:.2f} MiB"


def newest_that_fit(sizes: Iterable[int], room: int = BESIDE // 2) -> int:
    """How many of these, from the first on, fit into a part of what is kept beside the order."""
    count = 0
    for size in sizes:
        room -= size
        if room < 0:
            break
        count += 1
    return count
