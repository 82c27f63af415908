from datetime import UTC, datetime
from uuid import UUID

from hodei_application.jobs.reports import LogsArrived
from hodei_application.logs.known_ends import KnownEnds
from hodei_application.logs.legacy_log import LegacyLog
from hodei_application.testing import World
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import check_chunk, entries

J1 = JobId(UUID(int=1))
T0 = datetime(2025, 1, 1, tzinfo=UTC)


def test_chunks_are_counted_on() -> None:
    log = LegacyLog(J1, 2)
    chunks = [log.chunk(data, stderr=data == b"b\nc", at=T0) for data in (b"a\n", b"b\nc", b"d\n")]
    for chunk in chunks:
        check_chunk(chunk)
    assert [(c.first_sequence, c.lines, c.first_offset) for c in chunks] == [(0, 1, 0), (1, 2, 2), (3, 1, 5)]
    told = [(e.data, e.stderr, e.partial) for chunk in chunks for e in entries(chunk)]
    assert told == [
        (b"a", False, False),
        (b"b", True, False),
        (b"c", True, True),
        (b"d", False, False),
    ]


async def test_what_an_old_worker_sends_is_stored_like_any_output(world: World) -> None:
    agent = await world.add_worker(is_legacy=True)
    job = await world.running(agent)
    log = world.control.legacy_log(agent.link, job.id)
    assert log is not None
    for data in (b"one\n", b"two\n"):
        await agent.say(LogsArrived(log.chunk(data, stderr=False, at=world.clock())))
    async with world.store.begin() as tx:
        stored = await tx.logs.read(job.id, 0, 10)
    assert b"".join(chunk.data for chunk in stored) == b"one\ntwo\n"


async def test_only_what_a_worker_runs_is_counted_for_it(world: World) -> None:
    agent = await world.add_worker(is_legacy=True)
    assert world.control.legacy_log(agent.link, J1) is None
    job = await world.running(agent)
    assert world.control.legacy_log(agent.link, J1) is None
    stranger = await world.add_worker(is_legacy=True)
    assert world.control.legacy_log(stranger.link, job.id) is None
    await agent.disconnect()
    assert world.control.legacy_log(agent.link, job.id) is None


def test_known_ends_are_bounded() -> None:
    ends = KnownEnds(room=2)
    for attempt in range(1, 5):
        ends.learn((J1, attempt), attempt * 10)
    assert [ends.get((J1, attempt)) for attempt in range(1, 5)] == [0, 0, 30, 40]
