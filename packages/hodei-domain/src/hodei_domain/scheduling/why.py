"""Why a job waits, per provider, in words for people."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from attrs import frozen

from hodei_domain.jobs.job import Job, JobState
from hodei_domain.scheduling.eligible import honour, provider_cannot, provider_is_closed
from hodei_domain.scheduling.offers import ProviderOffer


@frozen
class PendingReason:
    """One provider's part in why a job waits; `provider` is "" for what no provider has a part in."""

    provider: str
    reason: str


def why_pending(
    job: Job, providers: Sequence[ProviderOffer], *, starting: Iterable[tuple[str, str]] = (), now: datetime
) -> list[PendingReason]:
    """Why this job is not assigned yet; nothing for one that is not PENDING.

    `starting`: provider and stage ("pulling alpine:3.20", "starting") of each worker on its way for the job's
    class.
    """
    if job.state is not JobState.PENDING:
        return []
    if job.held:
        return [PendingReason("", "held after its worker was lost: retry releases it, cancel ends it")]
    if job.not_before is not None and now < job.not_before:
        wait = (job.not_before - now).total_seconds()
        return [
            PendingReason(
                "", f"attempt {job.attempt + 1} starts in {wait:.0f} s, after {job.failures} failures"
            )
        ]
    if not providers:
        return [PendingReason("", "there is no provider: register one, or start a worker by hand")]
    return _by_provider(job, providers, dict(starting), now)


def _by_provider(
    job: Job, providers: Sequence[ProviderOffer], starting: dict[str, str], now: datetime
) -> list[PendingReason]:
    wanted = honour(job.demand, providers)
    reasons = []
    for offer in sorted(providers, key=lambda offer: offer.name):
        cannot = provider_cannot(wanted, offer)
        reason = (
            cannot or starting.get(offer.name) or provider_is_closed(offer, now) or "waiting for a worker"
        )
        reasons.append(PendingReason(offer.name, reason))
    if all(provider_cannot(wanted, offer) for offer in providers):
        reasons.insert(0, PendingReason("", f"no provider can serve it: {wanted}"))
    return reasons
