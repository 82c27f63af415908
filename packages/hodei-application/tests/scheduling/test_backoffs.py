from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hodei_application.scheduling.backoffs import ANY_CLASS, FIRST, LONGEST, Backoffs
from hodei_domain.kernel.ids import ProviderId

T0 = datetime(2025, 1, 1, tzinfo=UTC)
P1, P2 = ProviderId(UUID(int=1)), ProviderId(UUID(int=2))


def test_waits_grow_with_each_failure_up_to_a_bound() -> None:
    backoffs = Backoffs(lambda: 0.5)
    waits = [backoffs.failed(P1, "a", T0) - T0 for _ in range(20)]
    assert waits[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert waits[-1] == LONGEST


def test_a_class_does_not_hold_up_another_but_a_broken_engine_holds_up_all() -> None:
    backoffs = Backoffs(lambda: 0.5)
    backoffs.failed(P1, "a", T0)
    assert backoffs.retry_at([P1, P2], "a") == {P1: T0 + FIRST}
    assert backoffs.retry_at([P1, P2], "b") == {}
    backoffs.failed(P1, ANY_CLASS, T0)
    assert backoffs.retry_at([P1, P2], "b") == {P1: T0 + FIRST}
    backoffs.worked(P1, "a")
    assert backoffs.retry_at([P1], "a") == {}


def test_the_next_try_is_known() -> None:
    backoffs = Backoffs(lambda: 0.5)
    assert backoffs.next_retry(T0) is None
    backoffs.failed(P1, "a", T0)
    assert backoffs.next_retry(T0) == FIRST
    assert backoffs.next_retry(T0 + timedelta(hours=1)) is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hodei_application.scheduling.backoffs.ROOM", 3)
    backoffs = Backoffs(lambda: 0.5)
    for number in range(10):
        backoffs.failed(P1, str(number), T0 + timedelta(hours=number))
    assert len(backoffs._failures) <= 4
