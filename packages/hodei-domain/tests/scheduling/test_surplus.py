"""Who makes way for whom."""

from typing import Any
from uuid import UUID

from attrs import evolve
from hodei_domain.kernel.demand import ANY, DemandClass
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.providers.pools import PoolKey
from hodei_domain.scheduling.offers import ProviderOffer
from hodei_domain.scheduling.provision import Unserved
from hodei_domain.scheduling.surplus import UNWANTED_AFTER, Member, give_up
from hodei_domain.testing.making import SECOND, T0
from hodei_domain.workers.worker import Worker, WorkerState

DOCKER = ProviderId(UUID(int=1))
OTHER = ProviderId(UUID(int=2))
A = DemandClass(image="a")
B = DemandClass(image="b")
C = DemandClass(image="c")
NOW = T0 + 60 * SECOND


def key(demand: DemandClass) -> PoolKey:
    return (demand.image, demand.resources)


def member(
    number: int,
    state: WorkerState = WorkerState.READY,
    demand: DemandClass = A,
    at: ProviderId = DOCKER,
    **fields: Any,
) -> Member:
    worker = Worker.provision(WorkerId(UUID(int=number)), at=T0, demand=demand, provider_id=at).after
    idle_since = T0 + number * SECOND if state is WorkerState.READY else None
    return Member(evolve(worker, state=state, idle_since=idle_since, **fields), at, key(demand))


def full(demand: DemandClass = B, **fields: Any) -> ProviderOffer:
    limits = {"max_workers": 5, "live_workers": 5, **fields}
    return ProviderOffer(provider_id=DOCKER, name="docker", pool=key(demand), **limits)


def unserved(count: int, *offers: ProviderOffer, demand: DemandClass = B, starving: bool = False) -> Unserved:
    return Unserved(demand=demand, count=count, reasons={}, full=offers, starving=starving)


def gone(
    members: list[Member], *entries: Unserved, needed: frozenset[WorkerId] = frozenset()
) -> list[tuple[int, bool]]:
    found = give_up(members, entries, needed, now=NOW)
    return [(each.worker.id.int, each.drain) for each in found]


IDLE = [member(number) for number in (3, 1, 2)]


def test_those_that_rules_keep_make_way_last() -> None:
    warm = frozenset({IDLE[1].worker.id, IDLE[2].worker.id})
    found = give_up(IDLE, [unserved(2, full())], frozenset(), warm, now=NOW)
    assert [each.worker.id.int for each in found] == [3, 1]


def test_one_in_the_making_that_rules_want_is_not_given_up() -> None:
    coming = member(1, WorkerState.CREATING)
    assert give_up([coming], [], frozenset(), frozenset({coming.worker.id}), now=NOW) == []


def test_the_longest_idle_makes_way_one_for_each_job() -> None:
    assert gone(IDLE, unserved(2, full())) == [(1, False), (2, False)]
    assert gone(IDLE, unserved(9, full())) == [(1, False), (2, False), (3, False)]


def test_nobody_makes_way_where_there_is_no_need() -> None:
    assert gone(IDLE) == []
    assert gone(IDLE, unserved(2)) == []


def test_those_that_are_needed_stay() -> None:
    assert gone(IDLE, unserved(3, full()), needed=frozenset({IDLE[1].worker.id})) == [(2, False), (3, False)]


def test_those_that_go_already_count() -> None:
    leaving = member(9, WorkerState.TERMINATING)
    assert gone([*IDLE, leaving], unserved(1, full())) == []
    assert gone([*IDLE, leaving], unserved(1, full()), unserved(1, full(C), demand=C)) == [(1, False)]


def test_workers_elsewhere_do_not_help() -> None:
    assert gone([member(1, at=OTHER), member(2, WorkerState.BUSY)], unserved(1, full())) == []


def test_of_a_full_pool_only_its_own_workers_help() -> None:
    members = [member(1), member(2, demand=B)]
    assert gone(members, unserved(2, full(pool_max=1, pool_live=1))) == [(2, False)]
    assert gone(members, unserved(2, full(pool_max=2, pool_live=1))) == [(1, False), (2, False)]


def test_a_worker_in_the_making_that_nobody_needs_is_given_up() -> None:
    pulling = member(1, WorkerState.CREATING)
    [found] = give_up([pulling], [], frozenset(), now=NOW)
    assert (found.worker, found.drain, found.why) == (pulling.worker, False, "no job waits for it any more")
    assert gone([pulling], needed=frozenset({pulling.worker.id})) == []


def test_one_that_comes_in_a_moment_is_let_come() -> None:
    young = evolve(member(1, WorkerState.CREATING).worker, created_at=NOW - UNWANTED_AFTER + SECOND)
    assert give_up([Member(young, DOCKER, key(A))], [], frozenset(), now=NOW) == []
    assert gone([member(1, WorkerState.CONNECTING)]) == []


BUSY = [member(1, WorkerState.BUSY), member(2, WorkerState.BUSY), member(3, WorkerState.BUSY, C)]


def test_who_starves_gets_the_place_of_a_busy_worker_of_the_class_that_has_the_most() -> None:
    assert gone(BUSY, unserved(7, full(), starving=True)) == [(1, True)]
    assert gone(BUSY, unserved(7, full())) == []


def test_one_is_drained_for_each_class_that_starves_and_no_more() -> None:
    entries = [unserved(7, full(), starving=True), unserved(7, full(ANY), demand=ANY, starving=True)]
    assert gone(BUSY, *entries) == [(1, True), (2, True)]
    draining = member(9, WorkerState.DRAINING)
    assert gone([*BUSY, draining], *entries) == [(1, True)]
    assert gone([*BUSY, draining], *entries[:1]) == []


def test_nobody_is_drained_while_an_idle_one_can_go_or_the_pool_is_full() -> None:
    assert gone([*BUSY, member(4)], unserved(7, full(), starving=True)) == [(4, False)]
    assert gone(BUSY, unserved(7, full(pool_max=1, pool_live=1), starving=True)) == []
