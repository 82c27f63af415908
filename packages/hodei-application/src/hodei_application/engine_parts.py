"""Puts the engine together: loops and what they drive. Pure wiring."""

from __future__ import annotations

from datetime import timedelta

from hodei_application.engine import Engine
from hodei_application.intake import Intake
from hodei_application.jobs.forget_history import History
from hodei_application.jobs.ledger import Arrival
from hodei_application.jobs.report_attempt import RecordReports
from hodei_application.jobs.watch_job import RefreshWatched
from hodei_application.jobs.why_pending import WhyPending
from hodei_application.metrics.bound_metrics import BoundMetrics
from hodei_application.metrics.record_metrics import RecordMetrics
from hodei_application.parts import Parts
from hodei_application.providers.check_provider import CheckProvider
from hodei_application.scheduling.creator import Creator
from hodei_application.scheduling.destroyer import Destroyer
from hodei_application.scheduling.forsaken import Forsaken
from hodei_application.scheduling.janitor import Inventory, Janitor
from hodei_application.scheduling.keeper import Keeper
from hodei_application.scheduling.keeping import Keeping
from hodei_application.scheduling.last_words import LastWords
from hodei_application.scheduling.leader import Leader
from hodei_application.scheduling.leadership import Leadership
from hodei_application.scheduling.presence import PresenceCheck
from hodei_application.scheduling.provisioner import Provisioner
from hodei_application.scheduling.reaper import Reaper
from hodei_application.scheduling.retention import Retention
from hodei_application.scheduling.starts_elsewhere import StartsElsewhere
from hodei_application.scheduling.timekeeper import Timekeeper
from hodei_application.workers.heartbeat import FlushHeartbeats, RenewLeases
from hodei_application.workers.other_servers import OtherServers
from hodei_application.workers.redeliver import Redeliver
from hodei_application.workers.resend_wishes import ResendWishes
from hodei_application.workers.spread_workers import SpreadWorkers

WRITING = timedelta(seconds=2)
"""Beyond the suspicion time, until a replica that lives has written for sure whom it has heard."""


def engine_of(parts: Parts) -> Engine:
    """Everything of a control plane that acts by itself."""
    outside, policy = parts.outside, parts.policy
    reaper = _reaper(parts)
    intake = _intake(parts)
    destroyer = Destroyer(
        begin=outside.begin,
        now=outside.now,
        monotonic=outside.monotonic,
        deeds=parts.deeds,
        landscape=parts.landscape,
        connected=parts.connected,
        signals=parts.signals,
        grace=policy.destroy_grace,
    )
    presence = PresenceCheck(
        now=outside.now,
        deeds=parts.deeds,
        landscape=parts.landscape,
        backoffs=parts.backoffs,
        provisionings=parts.provisionings,
        reaper=reaper,
        last_words=LastWords(now=outside.now, landscape=parts.landscape, intake=intake),
        silence=policy.suspicion + WRITING,
    )
    inventory = Inventory(
        begin=outside.begin,
        now=outside.now,
        landscape=parts.landscape,
        presence=presence,
        destroyer=destroyer,
        identity=parts.identity,
        monotonic=outside.monotonic,
    )
    leader = Leader(
        begin=outside.begin,
        now=outside.now,
        monotonic=outside.monotonic,
        clock=parts.clock,
        leadership=Leadership(
            holder=outside.replica,
            monotonic=outside.monotonic,
            outage=parts.outage,
            clock=parts.clock,
            lease=policy.lease,
            has_died=outside.has_died,
            unheard_at=lambda: parts.connected.unwritten_at,
        ),
        connected=parts.connected,
        keeping=Keeping(
            holder=outside.replica,
            monotonic=outside.monotonic,
            has_died=outside.has_died,
            landscape=parts.landscape,
        ),
        landscape=parts.landscape,
        config=parts.config,
        provisioner=_provisioner(parts),
        elsewhere=StartsElsewhere(parts.landscape, parts.backoffs),
        keeper=Keeper(
            monotonic=outside.monotonic,
            landscape=parts.landscape,
            creator=_creator(parts),
            destroyer=destroyer,
            presence=presence,
            sightings=parts.sightings,
            provisionings=parts.provisionings,
            janitor=_janitor(parts, inventory),
            deeds=parts.deeds,
        ),
        reaper=reaper,
        forsaken=Forsaken(
            now=outside.now,
            monotonic=outside.monotonic,
            landscape=parts.landscape,
            change=parts.provider_change,
            reaper=reaper,
            destroyer=destroyer,
        ),
        timekeeper=_timekeeper(parts, reaper),
        dispatcher=parts.dispatcher,
        signals=parts.signals,
    )
    parts.moves.heard_by.append(leader.heard)
    leadership = leader.leadership
    parts.instruments.leader.read = lambda: [((), float(leadership.epoch is not None))]
    renew = RenewLeases(begin=outside.begin, connected=parts.connected, lease=policy.lease)
    return Engine(
        outside=outside,
        policy=policy,
        signals=parts.signals,
        outage=parts.outage,
        clock=parts.clock,
        identity=parts.identity,
        landscape=parts.landscape,
        config=parts.config,
        connected=parts.connected,
        intake=intake,
        dispatcher=parts.dispatcher,
        leader=leader,
        reaper=reaper,
        destroyer=destroyer,
        inventory=inventory,
        sightings=parts.sightings,
        renew=renew,
        flush=FlushHeartbeats(begin=outside.begin, now=outside.now, connected=parts.connected, renew=renew),
        metrics=RecordMetrics(
            begin=outside.begin, tallies=parts.tallies, usage=parts.usage, instruments=parts.instruments
        ),
        wishes=ResendWishes(
            begin=outside.begin,
            now=outside.now,
            connected=parts.connected,
            redeliver=Redeliver(begin=outside.begin, connected=parts.connected),
        ),
        spread=SpreadWorkers(
            monotonic=outside.monotonic,
            connected=parts.connected,
            others=OtherServers(outside.replica, outside.monotonic, parts.connected),
            tell_others=parts.signals.tell_others,
        ),
        refresh=RefreshWatched(outside.begin, parts.moves, parts.connected, outside.is_alone),
        feed=parts.feed,
        deeds=parts.deeds,
    )


def _reaper(parts: Parts) -> Reaper:
    return Reaper(
        begin=parts.outside.begin,
        now=parts.outside.now,
        connected=parts.connected,
        terms=parts.terms,
        backoffs=parts.backoffs,
        provisionings=parts.provisionings,
        moves=parts.moves,
        logs=parts.logs,
        dispatcher=parts.dispatcher,
        signals=parts.signals,
        verdict=parts.policy.lease,
        instruments=parts.instruments,
    )


def _timekeeper(parts: Parts, reaper: Reaper) -> Timekeeper:
    return Timekeeper(
        begin=parts.outside.begin,
        now=parts.outside.now,
        monotonic=parts.outside.monotonic,
        connected=parts.connected,
        moves=parts.moves,
        reaper=reaper,
        signals=parts.signals,
        bound=parts.policy.cancel_bound,
        why_pending=why_pending(parts),
    )


def why_pending(parts: Parts) -> WhyPending:
    """Used by the timekeeper and by whoever asks."""
    return WhyPending(
        begin=parts.outside.begin,
        now=parts.outside.now,
        landscape=parts.landscape,
        terms=parts.terms,
        kinds=parts.kinds,
        backoffs=parts.backoffs,
        sightings=parts.sightings,
    )


def _provisioner(parts: Parts) -> Provisioner:
    return Provisioner(
        now=parts.outside.now,
        new_id=parts.outside.new_id,
        landscape=parts.landscape,
        config=parts.config,
        terms=parts.terms,
        backoffs=parts.backoffs,
        provisionings=parts.provisionings,
        enabled=parts.policy.provisioning,
    )


def _creator(parts: Parts) -> Creator:
    return Creator(
        begin=parts.outside.begin,
        now=parts.outside.now,
        secrets=parts.outside.secrets,
        server_address=parts.outside.server_address,
        deeds=parts.deeds,
        landscape=parts.landscape,
        kinds=parts.kinds,
        config=parts.config,
        backoffs=parts.backoffs,
        provisionings=parts.provisionings,
        providers=parts.provider_change,
        moves=parts.moves,
        signals=parts.signals,
        identity=parts.identity,
        otp_ttl=parts.policy.otp_ttl,
    )


def _janitor(parts: Parts, inventory: Inventory) -> Janitor:
    return Janitor(
        begin=parts.outside.begin,
        now=parts.outside.now,
        landscape=parts.landscape,
        config=parts.config,
        inventory=inventory,
        check=check_provider(parts),
        bound_metrics=BoundMetrics(
            begin=parts.outside.begin,
            now=parts.outside.now,
            retention=parts.policy.metrics_retention,
            usage_retention=parts.policy.usage_retention,
        ),
        retention=Retention(
            begin=parts.outside.begin,
            now=parts.outside.now,
            monotonic=parts.outside.monotonic,
            terms=parts.policy.retention,
            history=History(begin=parts.outside.begin, now=parts.outside.now),
        ),
    )


def check_provider(parts: Parts) -> CheckProvider:
    """Used by the janitor and by whoever asks."""
    return CheckProvider(
        begin=parts.outside.begin,
        now=parts.outside.now,
        landscape=parts.landscape,
        change=parts.provider_change,
    )


def _intake(parts: Parts) -> Intake[Arrival]:
    record = RecordReports(
        begin=parts.outside.begin,
        now=parts.outside.now,
        jitter=parts.outside.jitter,
        config=parts.config,
        connected=parts.connected,
        release=parts.release,
        ends=parts.ends,
        moves=parts.moves,
        logs=parts.logs,
        dispatcher=parts.dispatcher,
        signals=parts.signals,
        troubles=parts.troubles,
        instruments=parts.instruments,
    )
    return Intake(record, record.spoiled, parts.outside.jitter, counted=parts.batch_sizes("reports"))
