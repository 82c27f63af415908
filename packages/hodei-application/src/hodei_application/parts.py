"""What use cases and loops share, each made once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from attrs import evolve, frozen
from hodei_domain.jobs.state import OVER
from hodei_domain.scheduling.order import FairOrder

from hodei_application.audit.audit_feed import AuditFeed
from hodei_application.deeds import Deeds
from hodei_application.identity import Identity
from hodei_application.jobs.attempt_door import AttemptDoor
from hodei_application.jobs.moves import Moves
from hodei_application.jobs.spoiled_reports import SpoiledReports
from hodei_application.jobs.submit_job import Turns
from hodei_application.logs.known_ends import KnownEnds
from hodei_application.logs.log_hub import LogHub
from hodei_application.metrics.instruments import Labels
from hodei_application.metrics.job_times import JobTimes
from hodei_application.metrics.replica import Instruments
from hodei_application.metrics.tallies import Tallies
from hodei_application.metrics.usage_intake import UsageIntake
from hodei_application.outage import Outage, Watched
from hodei_application.policy import Outside, Policy
from hodei_application.providers.provider_change import ProviderChange
from hodei_application.scheduling.backoffs import Backoffs
from hodei_application.scheduling.dispatcher import Dispatcher
from hodei_application.scheduling.kinds import Kinds
from hodei_application.scheduling.landscape import Landscape
from hodei_application.scheduling.live_config import LiveConfig
from hodei_application.scheduling.pool_terms import PoolTerms
from hodei_application.scheduling.presence import Sightings
from hodei_application.scheduling.provisionings import Provisionings
from hodei_application.signals import Signals
from hodei_application.store_clock import StoreClock
from hodei_application.workers.connected import ConnectedWorkers
from hodei_application.workers.release import Release

ALIVE = ("READY", "BUSY", "DRAINING")
"""States in which a worker may have a stream; told of also where there is none."""


@frozen(kw_only=True)
class Parts:
    """The memory of one replica: hubs, caches, wake-ups. Nothing in it is the only copy of anything."""

    outside: Outside
    policy: Policy
    signals: Signals
    outage: Outage
    clock: StoreClock
    identity: Identity
    config: LiveConfig
    landscape: Landscape
    terms: PoolTerms
    kinds: Kinds
    connected: ConnectedWorkers
    logs: LogHub
    ends: KnownEnds
    moves: Moves
    turns: Turns
    backoffs: Backoffs
    provisionings: Provisionings
    sightings: Sightings
    release: Release
    provider_change: ProviderChange
    dispatcher: Dispatcher
    deeds: Deeds
    door: AttemptDoor
    feed: AuditFeed
    troubles: SpoiledReports
    instruments: Instruments
    tallies: Tallies
    usage: UsageIntake

    def batch_sizes(self, kind: str) -> Callable[[int], None]:
        """Counts how many items of a kind are committed together."""
        observe = self.instruments.batch_size.observe
        return lambda size: observe(size, kind)

    @classmethod
    def of(cls, outside: Outside, policy: Policy) -> Parts:
        """Make them all."""
        signals = Signals(outside.hint, outside.is_alone)
        outage = Outage(outside.monotonic, signals.wish, signals.doubt)
        clock = StoreClock(outside.now, outside.monotonic)
        outside = evolve(outside, begin=Watched(outside.begin, outage), now=clock)
        config = LiveConfig.of(policy.scheduler)
        landscape = Landscape(outside.plugins, others_serve=not policy.serves_workers)
        kinds = Kinds(landscape)
        terms = PoolTerms(landscape, config)
        connected = ConnectedWorkers(outside.monotonic, policy.suspicion)
        logs = LogHub(signals.watch)
        moves = Moves(logs)
        moves.heard_by.append(connected.hear)
        instruments, tallies = Instruments(), Tallies()
        moves.heard_by.append(
            JobTimes(tallies=tallies, instruments=instruments, connected=connected, landscape=landscape)
        )
        _connect_gauges(instruments, connected, outage)
        moves.heard_by.extend(outside.hears)
        order = FairOrder()
        provisionings = Provisionings(begin=outside.begin, now=outside.now, landscape=landscape, kinds=kinds)
        release, deeds = Release(terms), Deeds()
        dispatcher = Dispatcher(
            begin=outside.begin,
            now=outside.now,
            monotonic=outside.monotonic,
            poll=policy.poll,
            connected=connected,
            kinds=kinds,
            config=config,
            terms=terms,
            turns=order,
            moves=moves,
            signals=signals,
        )
        door = AttemptDoor(
            begin=outside.begin,
            now=outside.now,
            connected=connected,
            release=release,
            moves=moves,
            dispatcher=dispatcher,
            signals=signals,
        )
        return cls(
            outside=outside,
            policy=policy,
            signals=signals,
            outage=outage,
            clock=clock,
            identity=Identity(outside.new_id),
            config=config,
            landscape=landscape,
            terms=terms,
            kinds=kinds,
            connected=connected,
            logs=logs,
            ends=KnownEnds(),
            moves=moves,
            turns=Turns(order),
            backoffs=Backoffs(outside.jitter),
            provisionings=provisionings,
            sightings=Sightings(
                landscape=landscape, provisionings=provisionings, signals=signals, jitter=outside.jitter
            ),
            release=release,
            provider_change=ProviderChange(outside.begin, landscape, signals),
            dispatcher=dispatcher,
            deeds=deeds,
            door=door,
            feed=AuditFeed(outside.begin, outside.now),
            troubles=SpoiledReports(connected=connected, door=door, deeds=deeds, monotonic=outside.monotonic),
            instruments=instruments,
            tallies=tallies,
            usage=UsageIntake(
                now=outside.now, monotonic=outside.monotonic, connected=connected, landscape=landscape
            ),
        )


def _connect_gauges(instruments: Instruments, connected: ConnectedWorkers, outage: Outage) -> None:
    def by_state() -> list[tuple[Labels, float]]:
        counts = Counter(connection.worker.state.value for connection in connected)
        return [((state,), float(counts[state])) for state in ALIVE]

    for state in sorted(OVER):  # a rate needs to see the zero
        instruments.jobs_ended.add(0.0, state.value)
    instruments.workers_connected.read = by_state
    instruments.database_up.read = lambda: [((), float(not outage.present))]
