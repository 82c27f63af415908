"""Heartbeats come more often while somebody watches."""

import asyncio

import pytest
from hodei_worker.watch import LONGEST_SECONDS, SHORTEST_SECONDS, Watch

WITHIN = 20.0


async def test_who_begins_to_watch_wakes_whoever_sleeps() -> None:
    watch = Watch()
    sleeping = asyncio.create_task(watch.sleep(3600))
    await asyncio.sleep(0)
    watch.ask(1.0, 15.0)
    await asyncio.wait_for(sleeping, WITHIN)
    assert watch.is_on


async def test_while_somebody_watches_the_shorter_time_counts_and_asking_again_wakes_nobody() -> None:
    watch = Watch()
    watch.ask(SHORTEST_SECONDS, 15.0)
    await watch.sleep(3600)  # what woke it was the first word
    sleeping = asyncio.create_task(watch.sleep(3600))
    await asyncio.sleep(0)
    watch.ask(SHORTEST_SECONDS, 15.0)
    assert not sleeping.done()
    await asyncio.wait_for(sleeping, WITHIN)


async def test_it_is_over_by_itself_and_no_server_can_ask_for_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("hodei_worker.watch.time.monotonic", lambda: now)
    watch = Watch()
    assert not watch.is_on
    watch.ask(0.0, 1e9)
    assert watch.is_on
    now += LONGEST_SECONDS
    assert not watch.is_on
    watch.ask(1.0, -5.0)
    assert not watch.is_on
