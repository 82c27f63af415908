"""The loop of rounds: the one replica that leads plans and judges, each acts at the providers it sees to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from attrs import define, field, frozen
from hodei_domain.jobs.clocks import next_deadline
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.views import LostAttempt, Overdue, WaitingClass
from hodei_domain.kernel.errors import StoreBusy
from hodei_domain.workers.worker import GOING, STARTING, Worker

from hodei_application.ports import Clock, UnitOfWork
from hodei_application.scheduling.dispatcher import Dispatcher
from hodei_application.scheduling.forsaken import Forsaken
from hodei_application.scheduling.keeper import Keeper
from hodei_application.scheduling.keeping import Keeping
from hodei_application.scheduling.landscape import Landscape
from hodei_application.scheduling.leadership import Leadership
from hodei_application.scheduling.live_config import LiveConfig
from hodei_application.scheduling.provisioner import NOTHING, Provisioned, Provisioner
from hodei_application.scheduling.reaper import Reaper
from hodei_application.scheduling.starts_elsewhere import StartsElsewhere
from hodei_application.scheduling.timekeeper import Timekeeper
from hodei_application.signals import CLEANUP, Signals
from hodei_application.store_clock import StoreClock
from hodei_application.workers.connected import ConnectedWorkers

URGENT = timedelta(seconds=2)
"""Between full rounds while workers start, go or are suspect."""

ACTIVE = timedelta(seconds=5)
"""Between full rounds while jobs wait or run."""

QUIET = timedelta(seconds=10)
"""Between full rounds when nothing happens; the lease of the leader (20 s) outlasts it."""

SOON = timedelta(seconds=20)
"""Another replica that leads looks at all clocks every 12.5 s at the latest, and is told of those that run
out before.
"""

SETTINGS_EVERY = 60.0
"""Seconds between reading what other replicas may have set, where no hint told of it."""

SETTINGS_LOCKED_AGAIN = 5.0
"""Seconds until they are read again where their tables were locked: each try may wait for long."""

PLAN_AGAIN = 0.05
PLAN_IN_VAIN_AGAIN = 1.0
"""Seconds until the next round at the earliest; the longer one while only classes wait that the last round
could not serve and nothing has changed since. Ten times the shorter of the last two rounds at least, so
that rounds do not take more than a tenth of a core, and a single slow one (the first, mostly) makes nobody
wait; but no longer than PLAN_AT_LATEST, because rounds that took half a minute (the store was slow, or we
were stopped) would else be the last for five.
"""

PLAN_AT_LATEST = 2.0

COUNTED = 1000
"""Waiting jobs of a class that are counted; no round makes more workers."""


@frozen
class Survey:
    """What one transaction found, and the intents that it wrote; of a replica that does not lead only the
    workers, if it sees to any provider.
    """

    leads: bool
    live: Sequence[Worker]
    waiting: Sequence[WaitingClass] = ()
    lost: Sequence[LostAttempt] = ()
    overdue: Sequence[Overdue] = ()
    next_overdue: datetime | None = None
    provisioned: Provisioned = NOTHING


@define(eq=False, kw_only=True)
class Leader:
    """Surveys, plans and writes the intents in one transaction that also renews the leases; then lets others
    act on it. A replica that does not lead only acts, where it is a provider's keeper.

    A full round looks at everything; a round that only demand woke looks at what waits and who could serve
    it. Rounds are paced: a storm of wake-ups makes no storm of queries.
    """

    begin: UnitOfWork
    now: Clock
    monotonic: Callable[[], float]
    clock: StoreClock
    leadership: Leadership
    connected: ConnectedWorkers
    keeping: Keeping
    landscape: Landscape
    config: LiveConfig
    provisioner: Provisioner
    elsewhere: StartsElsewhere
    keeper: Keeper
    reaper: Reaper
    forsaken: Forsaken
    timekeeper: Timekeeper
    dispatcher: Dispatcher
    signals: Signals
    _may_run_at: float = field(default=float("-inf"), init=False)
    _took: float = field(default=0.0, init=False)  # by the last round, in seconds
    _full_at: float = field(default=float("-inf"), init=False)
    _settings_at: float = field(default=float("-inf"), init=False)
    _deadline: datetime | None = field(default=None, init=False)
    _in_vain: frozenset[str] = field(default=frozenset(), init=False)

    def heard(self, job: Job) -> None:
        """A job moved here: look at it when its clock runs out, not just at the next full round. Another
        replica that leads is told if that is soon; else it will have seen it by then.
        """
        clocks = job.spec.clocks
        if clocks.queue is None and clocks.total is None and job.cancel_wish is None:
            return
        deadline = next_deadline(job)
        if deadline is None:
            return
        if self.leadership.epoch is None and deadline.at - self.now() <= SOON:
            self.signals.tell_others(CLEANUP)
        self._learn_deadline(deadline.at)

    def _learn_deadline(self, at: datetime | None) -> None:
        if at is not None and (self._deadline is None or at < self._deadline):
            self._deadline = at
            self.signals.leader()

    async def step(self) -> timedelta | None:
        """One round, if one is due; how long until the next."""
        begun = self.monotonic()
        full = self.signals.wants_cleanup or begun >= self._full_at or self._is_deadline_past()
        if not full and not self.signals.wants_workers:
            return self._pause()
        due = self._may_run_at + (0.0 if full or self._may_help() else PLAN_IN_VAIN_AGAIN)
        if begun < due:
            return timedelta(seconds=due - begun)
        self.signals.wants_workers = self.signals.has_room = False
        if full:
            self.signals.wants_cleanup = False
            self._deadline = None  # the survey finds the next one
        generation = self.dispatcher.hot.generation
        try:
            survey = await self._survey(full)
        except Exception:
            self.signals.room()  # nothing was done about what woke us
            self.signals.wants_cleanup = self.signals.wants_cleanup or full
            raise
        if survey.leads:
            self.dispatcher.believe(survey.waiting, generation)
        await self._act(survey, full)
        self._pace(survey, begun, full)
        return self._pause()

    async def _survey(self, full: bool) -> Survey:
        await self._renew_settings()
        async with self.begin() as tx:
            if full and self.clock.is_due:
                await self.clock.look(tx)
            leads = await self.leadership.renew(tx)
            if await self.keeping.renew(tx):
                self.keeper.clean_soon()
            if not leads:
                return Survey(False, await tx.workers.live() if self.landscape.kept else [])
            waiting = await tx.queue.waiting(COUNTED)
            live = await tx.workers.live() if full or waiting or self.provisioner.terms.keep_any() else []
            with self.connected.writing_leases():
                lost = await tx.leases.expired(COUNTED) if full else []
            if lost:
                await self.clock.look(tx)  # they may be over only because it was set
            overdue = await tx.clocks.overdue(self.now()) if full else []
            following = (
                await tx.clocks.next_overdue(self.now()) if full and (waiting or _any_busy(live)) else None
            )
            if full or waiting:
                self.elsewhere.look(live, self.now())
            provisioned = await self.provisioner.plan(tx, waiting, live)
        return Survey(True, live, waiting, lost, overdue, following, provisioned)

    async def _renew_settings(self) -> None:
        """What changed through other replicas: settings, and what is known of providers. Where their tables
        are locked the round goes on with what is known.
        """
        if not self.signals.wants_settings and self.monotonic() < self._settings_at:
            return
        self.signals.wants_settings = False
        try:
            async with self.begin() as tx:
                providers = await tx.providers.list_all()
                await self.config.load(tx)
        except StoreBusy:
            self._settings_at = self.monotonic() + SETTINGS_LOCKED_AGAIN
            return
        except Exception:
            self.signals.wants_settings = True
            raise
        self.landscape.learn(providers)
        self._settings_at = self.monotonic() + SETTINGS_EVERY

    async def _act(self, survey: Survey, full: bool) -> None:
        provisioned = survey.provisioned
        self.elsewhere.intend(provisioned.workers)
        if not self.keeper.intend(provisioned.workers):
            self.signals.tell_others(CLEANUP)
        everyone = [*survey.live, *provisioned.workers]
        self.keeper.pursue(everyone, leads=survey.leads)
        self.elsewhere.forgive(each.worker for each in provisioned.given_up)
        await self.reaper.give_up(provisioned.given_up)
        if full or not survey.leads:
            self.keeper.inspect(everyone, leads=survey.leads)
        if full and survey.leads:
            self._learn_deadline(survey.next_overdue)
            await self._judge(survey)

    async def _judge(self, survey: Survey) -> None:
        may_judge = self.leadership.may_judge
        lost = survey.lost if may_judge else []
        deeds: list[Callable[[], Awaitable[None]]] = [
            lambda: self.reaper.lose(lost),
            lambda: self.reaper.judge(survey.live, may_judge=may_judge),
            lambda: self.forsaken.see_to(survey.live),
            lambda: self.timekeeper.enforce(survey.overdue),
        ]
        busy: StoreBusy | None = None
        for deed in deeds:
            try:
                await deed()
            except StoreBusy as error:  # the others may need other tables
                busy = error
        if busy is not None:
            raise busy

    def _pace(self, survey: Survey, begun: float, full: bool) -> None:
        now = self.monotonic()
        self._in_vain = survey.provisioned.unserved
        took = now - begun
        self._may_run_at = now + min(max(PLAN_AGAIN, 10 * min(took, self._took)), PLAN_AT_LATEST)
        self._took = took
        if full:
            self._full_at = now + self._interval(survey).total_seconds()

    def _interval(self, survey: Survey) -> timedelta:
        if any(self._is_in_flux(worker) for worker in (*survey.live, *survey.provisioned.workers)):
            return URGENT
        if not survey.leads:
            return ACTIVE  # the leader may be gone
        return ACTIVE if _any_busy(survey.live) or survey.waiting or survey.overdue else QUIET

    def _is_in_flux(self, worker: Worker) -> bool:
        by_hand_away = worker.provider_id is None and not worker.connected
        return worker.state in STARTING or worker.state in GOING or not (worker.connected or by_hand_away)

    def _may_help(self) -> bool:
        """Whether a round might do what the last one could not."""
        if self.leadership.epoch is None:
            return False
        hot = self.dispatcher.hot
        return self.signals.has_room or not hot or any(d.key not in self._in_vain for d in hot)

    def _is_deadline_past(self) -> bool:
        return self._deadline is not None and self.now() >= self._deadline

    def _pause(self) -> timedelta:
        pause = timedelta(seconds=max(0.0, self._full_at - self.monotonic()))
        if self._deadline is not None:
            pause = min(pause, max(timedelta(0), self._deadline - self.now()))
        retry = self.provisioner.backoffs.next_retry(self.now())
        return pause if retry is None else min(pause, retry)


def _any_busy(live: Sequence[Worker]) -> bool:
    return any(worker.job_id is not None for worker in live)
