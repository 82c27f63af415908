"""What the loops need from a store: who leads, and settings that all replicas share."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol


class LeaderStore(Protocol):
    """Leases by name, by the store's clock, each with an epoch that rises with every change of hands.

    One that would last for more than twice the `ttl` asked with is void, as if it had run out: the store's
    clock was set back since it was taken.
    """

    async def acquire(self, name: str, holder: str, ttl: timedelta) -> int | None:
        """Take or keep the lease for `ttl` from now; the epoch if it is ours, None if another holds it.

        Keeping it leaves the epoch as it is; a free one, run out or given up, is taken with a higher one. Of
        two that race for a free one, one gets it.
        """
        ...

    async def acquire_all(self, names: Sequence[str], holder: str, ttl: timedelta) -> Mapping[str, int]:
        """The same for several at once; the epochs of those that are ours, by name."""
        ...

    async def holder(self, name: str) -> str | None:
        """Who holds the lease, which may have run out; None if nobody ever did."""
        ...

    async def holders(self, ttl: timedelta) -> Mapping[str, str]:
        """Who holds which lease at present, by name of the lease."""
        ...

    async def release(self, name: str, holder: str) -> None:
        """Give it up so that another need not wait. Not an error if it is not ours."""
        ...


class SettingsStore(Protocol):
    """JSON documents by name."""

    async def get(self, name: str) -> Any | None:
        """The document, None if there is none."""
        ...

    async def put(self, name: str, document: Any) -> None:
        """Keep it in place of the former one."""
        ...

    async def put_if_absent(self, name: str, document: Any) -> Any:
        """Keep it unless there is one; the one that is kept. Of several that race all get the same."""
        ...
