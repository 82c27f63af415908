"""However often and wherever the stream is cut: what the server stores is exactly what the job wrote."""

from __future__ import annotations

import asyncio
import tempfile
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hodei_proto.wire import hodei as wire
from hodei_worker import convert
from hodei_worker.gathering import Gathering
from hodei_worker.journal import Journal, Shelf
from hodei_worker.order import Key, Outcome
from hodei_worker.outbox import Holding, Outbox
from hodei_worker.scratch import Scratch
from hodei_worker.spool import Spool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KEY = Key("job-1", 1)


class Server:
    """Stores what continues what it has, and nothing else; an oracle that shares no line with the product."""

    def __init__(self) -> None:
        self.log = b""
        self.entries = 0
        self.ends: list[int] = []
        self.duplicates = 0

    def take(self, message: wire.WorkerMessage) -> None:
        if message.log_chunk is not None:
            self._take_chunk(message.log_chunk)
        elif message.result is not None and not self.ends and message.result.next_sequence == self.entries:
            self.ends.append(message.result.exit_code)

    def _take_chunk(self, chunk: wire.LogChunk) -> None:
        if chunk.first_sequence + chunk.lines <= self.entries:
            self.duplicates += 1
            return
        assert chunk.first_sequence == self.entries, "a hole, or half a chunk that was there before"
        assert chunk.first_offset == len(self.log)
        self.log += chunk.data
        self.entries += chunk.lines


class Line:
    """A stream in both directions, cut anywhere: what is under way is lost."""

    def __init__(self, server: Server, outbox: Outbox, holding: Holding) -> None:
        self.server, self.outbox, self.holding = server, outbox, holding
        self.under_way: deque[wire.WorkerMessage] = deque()

    def send(self, count: int) -> None:
        for _ in range(count):
            message = self.outbox._next()
            if message is None:
                return
            self.under_way.append(message)

    def arrive(self, count: int) -> None:
        for _ in range(min(count, len(self.under_way))):
            self.server.take(self.under_way.popleft())

    def cut(self) -> None:
        self.under_way.clear()
        self.outbox.interrupt()

    def come_back(self) -> None:
        self.holding.resume(self.server.entries)


STEP = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 40)),
    st.tuples(st.just("send"), st.integers(1, 6)),
    st.tuples(st.just("arrive"), st.integers(1, 6)),
    st.tuples(st.just("ack"), st.just(0)),
    st.tuples(st.just("look"), st.just(0)),
    st.tuples(st.just("cut"), st.just(0)),
    st.tuples(st.just("come back"), st.just(0)),
    st.tuples(st.just("end"), st.just(0)),
)


@pytest.mark.parametrize("segment", [700, 1 << 20])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=80))
def test_the_stored_log_is_what_the_job_wrote_and_the_end_is_recorded_once(
    segment: int, steps: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_worker.journal.SEGMENT_BYTES", segment)
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(play(Path(place), steps))


async def play(place: Path, steps: list[tuple[str, int]]) -> None:
    scratch = Scratch(place / "scratch")
    outbox, server, written = Outbox(), Server(), Gathering()
    holding = outbox.hold(KEY, Spool(600, Journal(Shelf(scratch))))
    line, text = Line(server, outbox, holding), b""
    for what, count in [*steps, ("cut", 0), ("come back", 0), ("end", 0)]:
        match what:
            case "write" if holding.result is None and not holding.spool.full:
                for number in range(count):
                    data = b"%d of %d\n" % (number, len(text))
                    written.add(0, 1, data)
                    text += data
                chunk = written.seal()
                assert chunk is not None
                holding.spool.append(chunk)
            case "send":
                line.send(count)
            case "arrive":
                line.arrive(count)
            case "ack":
                holding.spool.acknowledge(server.entries)
            case "look":
                holding.save_aged()
            case "cut":
                line.cut()
            case "come back" if not holding.resumed:
                line.come_back()
            case "end" if holding.result is None:
                outcome = Outcome(reason="exit", exit_code=3)
                holding.result = convert.from_outcome(
                    KEY,
                    outcome,
                    at=datetime.now(UTC),
                    next_sequence=written.next_sequence - holding.spool.lost_entries,
                    log_bytes=written.next_offset,
                )
    if not holding.resumed:
        line.come_back()
    while (message := outbox._next()) is not None:
        line.server.take(message)
    assert (server.log, server.ends) == (text, [3])
    outbox.drop(KEY)
    assert list(scratch.base.glob("agent-*/spool/*")) == []
    outbox.close()
    scratch.close()
