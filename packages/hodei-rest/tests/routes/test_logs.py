"""Output over HTTP: pages, files, streams."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets
from attrs import evolve
from hodei_application.jobs.reports import LogsArrived
from hodei_application.testing.world import World
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.logs.chunk import STDERR, Run, pack_runs
from hodei_rest.service import Limits, RestService

WITHIN = 30


async def say(agent: Any, *lines: str, stderr: bool = False) -> None:
    """What one read of a pipe of the running job brings."""
    chunk = agent.chunk(agent.jobs[-1], "".join(f"{line}\n" for line in lines).encode())
    runs = pack_runs([Run(STDERR if stderr else 0, chunk.lines, 0, len(chunk.data))])
    await agent.say(LogsArrived(evolve(chunk, runs=runs)))


class Talker:
    """A job whose output a test writes."""

    def __init__(self, rest: Any, agent: Any, job: Any) -> None:
        self.rest, self.agent, self.id = rest, agent, job.id

    async def says(self, *lines: str, stderr: bool = False) -> None:
        await say(self.agent, *lines, stderr=stderr)

    async def ends(self) -> None:
        await self.agent.finish(self.agent.jobs[-1], JobResult(reason=Reason.EXIT, exit_code=0))

    async def page(self, query: str = "") -> dict[str, Any]:
        answer = await self.rest.client.get(f"/api/v1/jobs/{self.id}/logs?{query}")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def events(self, **headers: str) -> AsyncIterator[tuple[str, str, Any]]:
        headers = {"accept": "text/event-stream"} | {k.replace("_", "-"): v for k, v in headers.items()}
        path = f"/api/v1/jobs/{self.id}/logs"
        async with self.rest.client.stream("GET", path, headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            told: dict[str, str] = {}
            async for line in answer.aiter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    told[name] = value
                elif "event" in told:
                    yield told["event"], told.get("id", ""), json.loads(told["data"])
                    told = {}


@pytest.fixture
async def talker(rest: Any) -> Talker:
    agent = await rest.world.add_worker()
    return Talker(rest, agent, await rest.world.running(agent))


def texts(page: dict[str, Any]) -> list[str]:
    return [line["text"] for line in page["lines"]]


async def test_pages_go_forwards_and_backwards_over_every_line_once(talker: Talker) -> None:
    for number in range(0, 40, 8):
        await talker.says(*map(str, range(number, number + 8)))
    every = [str(number) for number in range(40)]
    forwards, after = [], 0
    while True:
        page = await talker.page(f"after={after}&limit=7")
        forwards += texts(page)
        after = page["next_after"]
        if not page["has_more"]:
            break
    assert forwards == every
    page = await talker.page("tail=7")
    backwards = texts(page)
    while page["has_more"]:
        page = await talker.page(f"before={page['first']}&limit=7")
        backwards = texts(page) + backwards
    assert backwards == every
    assert page["last_sequence"] == 40
    assert [line["sequence"] for line in page["lines"]] == list(range(1, len(page["lines"]) + 1))


async def test_lines_are_found_by_stream_level_and_text(talker: Talker) -> None:
    await talker.says("all is well", "ERROR: it burns")
    await talker.says("warning: hot", stderr=True)
    assert texts(await talker.page("stream=stderr")) == ["warning: hot"]
    assert texts(await talker.page("level=error")) == ["ERROR: it burns"]
    assert texts(await talker.page("search=IT BURNS")) == ["ERROR: it burns"]
    assert texts(await talker.page("search=burns&tail=5")) == ["ERROR: it burns"]
    (line,) = (await talker.page("stream=stderr"))["lines"]
    assert (line["stream"], line["level"], line["sequence"]) == ("stderr", "WARN", 3)


async def test_an_attempt_that_never_was_is_refused(talker: Talker) -> None:
    answer = await talker.rest.client.get(f"/api/v1/jobs/{talker.id}/logs?attempt=7")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "attempt")


async def test_a_download_has_the_exact_bytes_of_both_streams_or_of_one(talker: Talker) -> None:
    await talker.says("one", "zwei ö")
    await talker.says("three", stderr=True)
    path = f"/api/v1/jobs/{talker.id}/logs/download"
    answer = await talker.rest.client.get(path)
    assert answer.content == "one\nzwei ö\nthree\n".encode()
    assert answer.headers["content-disposition"] == f'attachment; filename="{talker.id}.log"'
    assert (await talker.rest.client.get(f"{path}?stream=stderr")).content == b"three\n"


async def test_events_bring_history_then_live_lines_then_the_end(talker: Talker) -> None:
    await talker.says("before")
    seen: list[tuple[str, str, Any]] = []
    async for event in talker.events():
        seen.append(event)
        if event[0] == "lines" and event[2]["lines"] == ["before"]:
            await talker.says("after")
        if event[0] == "lines" and event[2]["lines"] == ["after"]:
            await talker.ends()
    assert [(name, place) for name, place, _ in seen] == [
        ("attempt", ""),
        ("lines", "1:1"),
        ("lines", "1:2"),
        ("end", ""),
    ]
    assert seen[-1][2]["state"] == "SUCCEEDED"


async def test_who_was_cut_off_goes_on_without_a_line_lost_or_twice(talker: Talker) -> None:
    read: list[str] = []
    place = ""
    total, cut = 50, 3
    for number in range(total):
        await talker.says(f"{number} a", f"{number} b")
    await talker.ends()
    for _ in range(2 * total):
        events = 0
        async for name, id, told in talker.events(**({"last_event_id": place} if place else {})):
            if name == "end":
                assert read == [f"{number} {part}" for number in range(total) for part in "ab"]
                return
            if name == "lines":
                read += told["lines"]
                place = id
                events += 1
                if events == cut:
                    break  # the connection breaks here
    raise AssertionError("it never ended")


async def test_a_place_in_the_middle_of_a_chunk_is_honoured(talker: Talker) -> None:
    await talker.says(*"abcdef")
    await talker.ends()
    lines = [told["lines"] async for name, _, told in talker.events(last_event_id="1:4") if name == "lines"]
    assert lines == [["e", "f"]]


@pytest.mark.parametrize("place", ["x", "1", "0:1", "1:-1", "1:99999999999999999999"])
async def test_a_place_that_is_none_is_refused(talker: Talker, place: str) -> None:
    headers = {"accept": "text/event-stream", "last-event-id": place}
    answer = await talker.rest.client.get(f"/api/v1/jobs/{talker.id}/logs", headers=headers)
    assert answer.status_code == 422


def live(talker: Talker, query: str = "") -> Any:
    url = f"ws://{talker.rest.service.address}/api/v1/jobs/{talker.id}/logs/live?{query}"
    return websockets.connect(url, proxy=None)


async def test_a_websocket_brings_the_same_and_resumes(talker: Talker) -> None:
    await talker.says("one", "two")
    async with asyncio.timeout(WITHIN), live(talker, "from=1:1") as socket:
        assert json.loads(await socket.recv()) == {"type": "attempt", "attempt": 1}
        told = json.loads(await socket.recv())
        assert (told["type"], told["first"], told["lines"]) == ("lines", 2, ["two"])
        await talker.says("three", stderr=True)
        told = json.loads(await socket.recv())
        assert (told["lines"], told["stderr"]) == (["three"], [0])
        await talker.ends()
        assert json.loads(await socket.recv()) == {"type": "end", "state": "SUCCEEDED"}
        await socket.wait_closed()
    assert socket.close_code == 1000


async def test_a_websocket_of_no_job_says_why_it_closes(rest: Any) -> None:
    url = f"ws://{rest.service.address}/api/v1/jobs/00000000-0000-7000-8000-000000000000/logs/live"
    async with websockets.connect(url, proxy=None) as socket:
        assert json.loads(await socket.recv())["code"] == "job.not-found"
        await socket.wait_closed()
    assert (socket.close_code, socket.close_reason) == (4000, "job.not-found")


async def test_a_websocket_of_another_sites_page_is_refused_before_it_opens(
    talker: Talker, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"ws://{talker.rest.service.address}/api/v1/jobs/{talker.id}/logs/live"
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with websockets.connect(url, proxy=None, origin="http://evil.example"):  # type: ignore[arg-type]
            pass
    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body)["code"] == "origin-not-allowed"
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_streams_end_at_once_when_the_server_stops() -> None:
    world = World(time_runs=True)
    agent = await world.add_worker()
    job = await world.running(agent)
    service = RestService.bind("127.0.0.1", 0, Limits(token=None))
    url = f"ws://{service.address}/api/v1/jobs/{job.id}/logs/live"
    try:
        async with asyncio.timeout(WITHIN):
            async with service.serving(world.control):
                socket = await websockets.connect(url, proxy=None)
                await say(agent, "hello")
                await socket.recv()
            await socket.wait_closed()
    finally:
        service.close()
    assert socket.close_code == 1001


async def test_who_reads_slowly_holds_nobody_up_and_misses_nothing(rest: Any) -> None:
    """A reader that takes nothing for a while: its socket is full, its room in memory too."""
    agent = await rest.world.add_worker()
    job = await rest.world.running(agent)
    talker = Talker(rest, agent, job)
    url = f"ws://{rest.service.address}/api/v1/jobs/{job.id}/logs/live"
    chunks, lines = 120, 2000  # 24 MB: six times the room that a reader has
    async with (
        asyncio.timeout(WITHIN),
        websockets.connect(url, proxy=None, max_queue=1, max_size=2**21) as socket,
    ):
        await talker.says("first")
        for _ in range(2):  # the attempt, the first line; from here on nothing is read
            await socket.recv()
        for number in range(chunks):
            await talker.says(*(f"{number * lines + line:099d}" for line in range(lines)))
        await talker.ends()
        expected = 2
        async for frame in socket:
            told = json.loads(frame)
            assert len(frame) <= 1024 * 1024
            if told["type"] == "lines":
                assert told["first"] == expected
                assert told["lines"][0] == f"{expected - 2:099d}"
                expected += len(told["lines"])
    assert expected - 2 == chunks * lines
    assert told["type"] == "end"
