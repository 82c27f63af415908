"""What a replica does at the providers that it sees to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from attrs import define, field
from hodei_domain.workers.worker import Worker, WorkerState

from hodei_application.deeds import Deeds
from hodei_application.scheduling.creator import Creator
from hodei_application.scheduling.destroyer import Destroyer
from hodei_application.scheduling.janitor import Janitor
from hodei_application.scheduling.landscape import Landscape
from hodei_application.scheduling.presence import PresenceCheck, Sightings
from hodei_application.scheduling.provisionings import Provisionings

CLEAN_EVERY = 60.0
PROBE_EVERY = 15.0
"""Seconds between cleaning up, and between probes of providers that were ill."""


@define(eq=False, kw_only=True)
class Keeper:
    """Acts on the rows of workers: has them made and destroyed, asks about silent ones, cleans up. It only
    sees those of providers whose lease this replica holds.
    """

    monotonic: Callable[[], float]
    landscape: Landscape
    creator: Creator
    destroyer: Destroyer
    presence: PresenceCheck
    sightings: Sightings
    provisionings: Provisionings
    janitor: Janitor
    deeds: Deeds
    _clean_at: float = field(default=float("-inf"), init=False)
    _probe_at: float = field(default=float("-inf"), init=False)

    def intend(self, workers: Iterable[Worker]) -> bool:
        """These were just written by this process; whether all of them are made here."""
        intended = list(workers)
        mine = [worker for worker in intended if self.landscape.keeps(worker.provider_id)]
        self.creator.intend(mine)
        return len(mine) == len(intended)

    def pursue(self, workers: Iterable[Worker], *, leads: bool) -> None:
        """See to it that they are made, or destroyed. Those that no provider made are the leader's."""
        for worker in workers:
            if not (self.landscape.keeps(worker.provider_id) or (leads and worker.provider_id is None)):
                continue
            if worker.state is WorkerState.CREATING:
                self.creator.pursue(worker)
            elif worker.state is WorkerState.TERMINATING:
                self.destroyer.pursue(worker)
        self.sightings.listen()

    def inspect(self, live: Sequence[Worker], *, leads: bool) -> None:
        """Ask about those that are not heard, and clean up now and then."""
        mine = [worker for worker in live if self.landscape.keeps(worker.provider_id)]
        self.provisionings.keep(live if leads else mine)
        self.presence.ask(mine)
        self._start_slow_rounds(leads)

    def clean_soon(self) -> None:
        """Look through a provider that another replica saw to until now."""
        self._clean_at = self._probe_at = float("-inf")

    def _start_slow_rounds(self, leads: bool) -> None:
        now = self.monotonic()
        kept = [provider for provider in self.landscape if self.landscape.keeps(provider.id)]
        if now >= self._clean_at:
            self._clean_at = now + CLEAN_EVERY
            self.deeds.start("clean", lambda: self.janitor.clean(kept, everything=leads))
        if now >= self._probe_at:
            self._probe_at = now + PROBE_EVERY
            self.deeds.start("probe", lambda: self.janitor.probe(kept))
