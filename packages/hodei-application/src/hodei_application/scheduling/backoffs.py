"""When a provider may be asked again for a class that it could not make a worker for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from attrs import define, field, frozen
from hodei_domain.kernel.ids import ProviderId

from hodei_application.ports import Jitter

FIRST = timedelta(seconds=1)
LONGEST = timedelta(minutes=2)
ANY_CLASS = ""
_WARM = "warm "

ROOM = 10_000
"""Classes that are remembered; beyond it those whose wait is over are forgotten, and begin anew."""


@frozen
class Failure:
    """How often in a row, when it may be tried again, and what was wrong last."""

    count: int
    retry_at: datetime
    why: str


@define(eq=False)
class Backoffs:
    """Failures in a row, for each provider and class: one broken image must not hold up a provider's other
    classes.

    Failures of the engine itself count for all classes (ANY_CLASS).
    """

    jitter: Jitter
    _failures: dict[tuple[ProviderId, str], Failure] = field(factory=dict, init=False)

    def failed(self, provider_id: ProviderId, demand_key: str, at: datetime, why: str = "") -> datetime:
        """Count a failure; when to try again. `why` is for people who wait."""
        before = self._failures.get((provider_id, demand_key))
        count = before.count if before is not None else 0
        pause = min(FIRST * 2 ** min(count, 16), LONGEST)
        retry_at = at + timedelta(seconds=pause.total_seconds() * (0.75 + 0.5 * self.jitter()))
        self._failures[provider_id, demand_key] = Failure(count + 1, retry_at, why)
        if len(self._failures) > ROOM:
            self._failures = {key: kept for key, kept in self._failures.items() if kept.retry_at > at}
        return retry_at

    def refused(self, provider_id: ProviderId, demand_key: str, at: datetime) -> None:
        """No worker can be made for this class: its jobs end with the reason, and each new one is a new try,
        but idle workers of it are not tried for at every turn.
        """
        self.failed(provider_id, _WARM + demand_key, at)

    def worked(self, provider_id: ProviderId, demand_key: str) -> None:
        """Forget the failures: it works again."""
        self._failures.pop((provider_id, demand_key), None)
        self._failures.pop((provider_id, _WARM + demand_key), None)
        self._failures.pop((provider_id, ANY_CLASS), None)

    def retry_at(
        self, providers: Iterable[ProviderId], demand_key: str, *, warm: bool = False
    ) -> dict[ProviderId, datetime]:
        """For each provider that must be left alone for this class, until when; `warm`: for workers that no
        job waits for.
        """
        keys = (demand_key, ANY_CLASS, *((_WARM + demand_key,) if warm else ()))
        found: dict[ProviderId, datetime] = {}
        for provider_id in providers:
            times = [
                self._failures[key].retry_at
                for key in ((provider_id, key) for key in keys)
                if key in self._failures
            ]
            if times:
                found[provider_id] = max(times)
        return found

    def why(self, providers: Iterable[ProviderId], demand_key: str) -> dict[ProviderId, str]:
        """What was wrong last with each provider that has not made a worker for this class since."""
        found: dict[ProviderId, str] = {}
        for provider_id in providers:
            kept = (self._failures.get((provider_id, key)) for key in (demand_key, ANY_CLASS))
            known = [failure for failure in kept if failure is not None and failure.why]
            if known:
                found[provider_id] = max(known, key=lambda failure: failure.retry_at).why
        return found

    def next_retry(self, now: datetime) -> timedelta | None:
        """How long until the next provider may be asked again."""
        waits = [each.retry_at - now for each in self._failures.values() if each.retry_at > now]
        return min(waits, default=None)
