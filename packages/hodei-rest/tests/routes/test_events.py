"""Events as they happen, over the wire."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

PATH = "/api/v1/events"
STREAM = {"accept": "text/event-stream"}


@asynccontextmanager
async def following(rest: Any, last: str = "", **asked: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """Events as they come: what stands in their lines, with the data read."""
    headers = STREAM | ({"last-event-id": last} if last else {})
    async with rest.client.stream("GET", PATH, headers=headers, params=asked) as answer:
        assert answer.status_code == 200
        yield events(answer)


async def events(answer: Any) -> AsyncIterator[dict[str, Any]]:
    found: dict[str, Any] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            found[name] = json.loads(value) if name == "data" else value
        else:
            yield found
            found = {}


async def test_events_are_told_as_they_are_written_and_resumed_by_their_id(rest: Any) -> None:
    feed = rest.world.control.engine.feed
    async with following(rest) as told:
        hello = await anext(told)
        assert (hello["event"], hello["data"]) == ("hello", {"missed": False})
        first, second = await rest.world.submit(), await rest.world.submit()
        await feed.step()
        one = await anext(told)
        assert (one["event"], one["data"]["correlation_id"]) == ("JobCreated", str(first.id))
    for last, jobs in ((one["id"], [second]), (hello["id"], [first, second])):
        async with following(rest, last) as told:
            assert (await anext(told))["data"] == {"missed": False}
            assert [(await anext(told))["data"]["correlation_id"] for _ in jobs] == [str(j.id) for j in jobs]


async def test_only_events_of_one_job_are_told_where_it_is_named(rest: Any) -> None:
    jobs = [await rest.world.submit() for _ in range(2)]
    async with following(rest, job=str(jobs[1].id)) as told:
        await anext(told)
        for job in jobs:
            await rest.world.control.cancel_job(job.id)
        await rest.world.control.engine.feed.step()
        assert (await anext(told))["data"]["correlation_id"] == str(jobs[1].id)


async def test_an_id_of_somewhere_else_means_that_events_were_missed(rest: Any) -> None:
    async with following(rest, "2026-05-01T00:00:00+00:00/0193") as told:
        assert (await anext(told))["data"] == {"missed": True}


async def test_the_stream_ends_where_the_store_is_away_and_can_be_asked_for_again(rest: Any) -> None:
    rest.world.store.fail_commits(1)
    async with following(rest) as told:
        assert [event async for event in told] == []
    async with following(rest) as told:
        assert (await anext(told))["data"] == {"missed": False}
