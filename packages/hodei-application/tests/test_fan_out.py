import asyncio
from datetime import timedelta

from hodei_application.fan_out import FanOut


def test_a_subscriber_gets_what_is_published_under_its_key_in_order() -> None:
    hub = FanOut[str, int](room=10)
    with hub.subscribe("a") as subscriber:
        hub.publish("a", 1)
        hub.publish("b", 2)
        hub.publish("a", 3)
        assert subscriber.take() == ([1, 3], False)
        assert subscriber.take() == ([], False)


def test_a_slow_subscriber_is_told_that_it_missed_something_and_holds_nothing() -> None:
    hub = FanOut[str, str](room=5)
    with hub.subscribe("a") as slow:
        for _ in range(1000):
            hub.publish("a", "x", weight=2)
        assert slow.take() == ([], True)


def test_a_slow_subscriber_does_not_disturb_a_quick_one() -> None:
    hub = FanOut[str, int](room=3)
    with hub.subscribe("a") as slow, hub.subscribe("a") as quick:
        got = []
        for n in range(10):
            hub.publish("a", n)
            got += quick.take()[0]
        assert got == list(range(10))
        assert slow.take() == ([], True)


def test_after_it_was_told_it_hears_everything_again() -> None:
    hub = FanOut[str, int](room=1)
    with hub.subscribe("a") as subscriber:
        hub.publish("a", 1)
        hub.publish("a", 2)
        subscriber.take()
        hub.publish("a", 3)
        assert subscriber.take() == ([3], False)


def test_who_left_is_forgotten() -> None:
    hub = FanOut[str, int](room=1)
    with hub.subscribe("a"):
        with hub.subscribe("a"):
            pass
        assert hub.keys() == ["a"]
    assert hub.keys() == []


async def test_waiting_ends_with_the_next_item_or_with_the_time() -> None:
    hub = FanOut[str, int](room=1)
    with hub.subscribe("a") as subscriber:
        waiting = asyncio.create_task(subscriber.wait())
        await asyncio.sleep(0)
        hub.publish("a", 1)
        assert await waiting is True
        assert await subscriber.wait(timedelta(0)) is False
