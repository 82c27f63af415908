from datetime import UTC, datetime, timedelta

from hodei_application.scheduling.hot_classes import HotClasses
from hodei_domain.kernel.demand import DemandClass

T0 = datetime(2025, 1, 1, tzinfo=UTC)
A, B = DemandClass(image="a"), DemandClass(image="b")


def test_a_class_is_hot_until_a_claim_finds_nothing_more() -> None:
    hot = HotClasses()
    hot.learn(A)
    assert list(hot) == [A]
    hot.exhausted([A.key, B.key], hot.generation)
    assert not hot


def test_what_was_queued_after_a_claim_began_stays_hot() -> None:
    hot = HotClasses()
    hot.learn(A)
    began = hot.generation
    hot.learn(A)
    hot.exhausted([A.key], began)
    assert list(hot) == [A]


def test_a_look_at_the_queue_replaces_what_was_believed_and_keeps_what_is_newer() -> None:
    hot = HotClasses()
    hot.learn(A)
    began = hot.generation
    hot.learn(B)
    hot.replace([], began)
    assert list(hot) == [B]


def test_a_delayed_class_becomes_hot_when_it_is_due() -> None:
    hot = HotClasses()
    hot.learn_later(A, T0 + timedelta(seconds=5))
    hot.learn_later(B, T0 + timedelta(seconds=9))
    assert hot.ripen(T0) == timedelta(seconds=5)
    assert not hot
    assert hot.ripen(T0 + timedelta(seconds=5)) == timedelta(seconds=4)
    assert list(hot) == [A]
    assert hot.ripen(T0 + timedelta(seconds=9)) is None
