"""Why a job waits, per provider, in words for people."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from attrs import frozen

from hodei_domain.jobs.job import Job, JobState
from hodei_domain.jobs.timeline import PULLING
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.scheduling.eligible import honour, provider_cannot, provider_is_closed
from hodei_domain.scheduling.offers import ProviderOffer


@frozen
class PendingReason:
    """One provider's part in why a job waits; `provider` is "" for what no provider has a part in.

    `lasting`: nothing that runs by itself will change that; somebody has to. `slow`: an image is fetched, or
    the last try failed; other waits are over in a moment, or when others have ended.
    """

    provider: str
    reason: str
    lasting: bool = False
    slow: bool = False


def in_words(reasons: Iterable[PendingReason]) -> str:
    """All of them in one line."""
    return "; ".join(": ".join(filter(None, (each.provider, each.reason))) for each in reasons)


def why_pending(
    job: Job,
    providers: Sequence[ProviderOffer],
    *,
    starting: Iterable[tuple[str, str]] = (),
    able: int = 0,
    now: datetime,
) -> list[PendingReason]:
    """Why this job is not assigned yet; nothing for one that is not PENDING.

    `starting`: provider and stage ("pulling alpine:3.20", "starting") of each worker on its way for the job's
    class. `able`: how many workers there are that could run it, busy now or out of reach.
    """
    if job.state is not JobState.PENDING:
        return []
    if job.held:
        return [PendingReason("", "held after its worker was lost: retry releases it, cancel ends it", True)]
    if job.not_before is not None and now < job.not_before:
        wait = (job.not_before - now).total_seconds()
        return [
            PendingReason(
                "", f"attempt {job.attempt + 1} starts in {wait:.0f} s, after {job.failures} failures"
            )
        ]
    if not providers and not able:
        none = "there is no provider: register one, or start a worker by hand"
        return [PendingReason("", none, lasting=True)]
    return _by_provider(job, providers, dict(starting), able, now)


def _by_provider(
    job: Job, providers: Sequence[ProviderOffer], starting: dict[str, str], able: int, now: datetime
) -> list[PendingReason]:
    wanted = honour(job.demand, providers)
    by_name = sorted(providers, key=lambda offer: offer.name)
    reasons = [_part_of(offer, wanted, starting.get(offer.name), now) for offer in by_name]
    if all(provider_cannot(wanted, offer) or offer.out_of_use for offer in providers):
        reasons.insert(0, _summary(wanted, able))
    return reasons


def _part_of(offer: ProviderOffer, wanted: DemandClass, stage: str | None, now: datetime) -> PendingReason:
    cannot = provider_cannot(wanted, offer)
    if cannot:
        return PendingReason(offer.name, cannot)
    reason = _again(stage, offer) or provider_is_closed(offer, now) or "waiting for a worker"
    slow = bool(offer.trouble) or (stage or "").startswith(PULLING)
    return PendingReason(offer.name, reason, slow=slow)


def _again(stage: str | None, offer: ProviderOffer) -> str | None:
    """The stage of a worker on its way, and what was wrong with the one before."""
    if stage is None or not offer.trouble:
        return stage
    return f"{stage}, after a failure: {offer.trouble}"


def _summary(wanted: DemandClass, able: int) -> PendingReason:
    """What holds where no provider can make a worker for it as things are."""
    if able:
        workers = "a worker that could run it is" if able == 1 else f"{able} workers that could run it are"
        return PendingReason("", f"{workers} there, and not free")
    return PendingReason("", f"no provider can serve it, and it waits until one can: {wanted}", lasting=True)
