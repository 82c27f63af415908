"""The way to a worker: in order, bounded, and closed once."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from hodei_application.workers import commands as c
from hodei_application.workers.link import LinkClosed, Undeliverable
from hodei_domain.jobs.order import LARGEST_ORDER, MIB
from hodei_domain.jobs.spec import Script
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.testing.making import T0, submission
from hodei_grpc.convert.runs import heartbeat_ack
from hodei_grpc.services.link import ROOM, StreamLink

J1 = JobId(UUID(int=1))
W1 = WorkerId(UUID(int=2))


def link(*, is_legacy: bool = False) -> StreamLink:
    return StreamLink(W1, is_legacy)


async def test_messages_come_in_the_order_of_their_commands() -> None:
    stream = link()
    for number in range(3):
        stream.send(c.LogAck(J1, 1, number))
    stream.answer(heartbeat_ack(timedelta(seconds=45)))
    stream.close("enough")
    told = [message async for message in stream.messages()]
    assert [message.log_ack.next_sequence for message in told if message.log_ack] == [0, 1, 2]
    assert told[-1] == heartbeat_ack(timedelta(seconds=45))


async def test_what_waits_is_sent_before_the_end_and_nothing_after() -> None:
    stream = link()
    stream.send(c.LogAck(J1, 1, 7))
    stream.close("first")
    stream.close("second")
    with pytest.raises(LinkClosed, match="first"):
        stream.send(c.LogAck(J1, 1, 8))
    stream.answer(heartbeat_ack(timedelta(seconds=45)))
    assert len([message async for message in stream.messages()]) == 1


async def test_an_existing_worker_is_passed_over_what_it_does_not_know() -> None:
    stream = link(is_legacy=True)
    stream.send(c.LogAck(J1, 1, 7))
    stream.send(c.StopAttempt(J1, 1, "superseded"))
    stream.close("")
    (told,) = [message async for message in stream.messages()]
    assert told.cancel is not None


async def test_who_reads_nothing_loses_the_stream() -> None:
    stream = link()
    for number in range(ROOM):
        stream.send(c.LogAck(J1, 1, number))
    with pytest.raises(LinkClosed, match="does not read"):
        stream.send(c.LogAck(J1, 1, 0))
    with pytest.raises(LinkClosed):
        stream.send(c.LogAck(J1, 1, 0))


def order(size: int) -> c.RunAttempt:
    job = submission(command=Script("sh", "#" * size)).after
    return c.RunAttempt(job.assign(W1, at=T0).after)


async def test_an_order_that_would_break_the_stream_is_not_put_on_it() -> None:
    stream = link()
    with pytest.raises(Undeliverable, match="takes no more than 16777216") as refused:
        stream.send(order(16 * MIB))
    assert not refused.value.again
    stream.send(order(LARGEST_ORDER - 4096))
    stream.close("")
    assert len([message async for message in stream.messages()]) == 1


async def test_an_existing_worker_takes_less_and_another_may_take_more() -> None:
    with pytest.raises(Undeliverable, match="old worker takes no more than 4194304") as refused:
        link(is_legacy=True).send(order(4 * MIB))
    assert refused.value.again


async def test_an_order_that_cannot_be_written_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StreamLink, "_message", lambda *_: 1 / 0)
    with pytest.raises(Undeliverable, match="cannot be written") as refused:
        link().send(order(10))
    assert not refused.value.again
