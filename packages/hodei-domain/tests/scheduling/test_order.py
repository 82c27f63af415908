from hodei_domain.jobs.spec import Priority
from hodei_domain.scheduling.order import FairOrder, next_turn
from hypothesis import given
from hypothesis import strategies as st

NORMAL, HIGH = Priority.NORMAL, Priority.HIGH


def test_a_new_owner_starts_where_the_queue_is() -> None:
    assert next_turn(None, 7) == 7
    assert next_turn(3, 7) == 7
    assert next_turn(7, 7) == 8
    assert next_turn(9, 7) == 10


def test_a_thousand_jobs_of_one_owner_do_not_hold_back_anothers_first() -> None:
    order = FairOrder()
    greedy = [order.give("ana", NORMAL) for _ in range(1000)]
    assert greedy == list(range(1000))
    for turn in greedy[:5]:
        order.reach(NORMAL, turn)
    assert order.give("bo", NORMAL) == 4, "only the one that is being served and its twins are before it"


def test_priorities_have_turns_of_their_own() -> None:
    order = FairOrder()
    assert [order.give("ana", NORMAL), order.give("ana", HIGH), order.give("ana", NORMAL)] == [0, 0, 1]


def test_the_queue_never_goes_back() -> None:
    order = FairOrder()
    order.reach(NORMAL, 9)
    order.reach(NORMAL, 3)
    assert order.give("ana", NORMAL) == 9


def test_owners_that_were_overtaken_are_forgotten_without_a_difference() -> None:
    order = FairOrder()
    order.give("ana", NORMAL)
    for _ in range(3):
        order.give("bo", NORMAL)
    order.reach(NORMAL, 2)
    order.forget()
    assert len(order) == 1
    assert (order.give("ana", NORMAL), order.give("bo", NORMAL)) == (2, 3)


def test_what_the_store_knows_is_taken_over() -> None:
    order = FairOrder()
    order.give("bo", NORMAL)
    order.learn({("ana", NORMAL): 8, ("bo", NORMAL): 0}, {NORMAL: 5})
    assert (order.give("ana", NORMAL), order.give("bo", NORMAL), order.give("cy", NORMAL)) == (9, 5, 5)


@given(st.lists(st.sampled_from(["give ana", "give bo", "give cy", "serve"]), max_size=80))
def test_whoever_waits_is_served_after_a_bounded_number_of_others(steps: list[str]) -> None:
    """No starvation: between a job's arrival and its service each other owner is served at most once per
    earlier own job, plus one.
    """
    order, queue, served = FairOrder(), [], []
    owed: dict[int, dict[str, int]] = {}
    for number, step in enumerate(steps):
        if step == "serve":
            if queue:
                turn, arrival, owner = min(queue)
                queue.remove((turn, arrival, owner))
                order.reach(NORMAL, turn)
                served.append((arrival, owner))
            continue
        owner = step.split()[1]
        own_before = sum(1 for _, _, other in queue if other == owner)
        queue.append((order.give(owner, NORMAL), number, owner))
        owed[number] = {"before": own_before, "served": len(served)}
    for position, (arrival, owner) in enumerate(served):
        between = [other for _, other in served[owed[arrival]["served"] : position] if other != owner]
        for other in set(between):
            assert between.count(other) <= owed[arrival]["before"] + 2
