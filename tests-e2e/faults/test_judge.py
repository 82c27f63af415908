"""The judge itself: each kind of broken promise is seen in a record that was spoiled by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from faults.history import History, Reading
from faults.jobs import Wish
from faults.judge import judge
from faults.record import AttemptRow, Chunk, JobRow, Record, Trace

JOB, WORKER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
KEY = (JOB, 1)
TEXT = b"1 77 1\n1 77 2\n"


def move(old: str, new: str, attempt: int = 1) -> tuple[str, dict[str, object]]:
    return "JobStatusChanged", {"attempt": attempt, "old_state": old, "new_state": new}


def kept() -> Record:
    """One job that went as it should."""
    history = History(began=0)
    history.wishes.append(Wish(1, "counts", lines=2, pause=0, id=JOB, copies=2, sent=2, told=[JOB, JOB]))
    history.readings.append(Reading(JOB, [(1, 0, 2, TEXT)], ended=True))
    record = Record(history)
    record.jobs[JOB] = JobRow(JOB, "SUCCEEDED", 1, False, "exit", 0, 1.0, 3.0)
    record.attempts[KEY] = AttemptRow(JOB, 1, WORKER, "exit", 0, 2.0, 3.0)
    record.chunks[KEY] = [Chunk(0, 2, 0, len(TEXT), 0, TEXT, False)]
    record.traces[KEY] = [Trace(77, 2.0, 3.0)]
    assigned = ("JobAssigned", {"attempt": 1, "worker_id": WORKER})
    record.events[JOB] = [assigned, move("SCHEDULED", "RUNNING"), move("RUNNING", "SUCCEEDED")]
    return record


def forget(record: Record) -> None:
    del record.jobs[JOB]


def never_end(record: Record) -> None:
    record.jobs[JOB] = replace(record.jobs[JOB], state="RUNNING", completed_at=None)


def end_twice(record: Record) -> None:
    record.events[JOB].append(move("SUCCEEDED", "FAILED"))


def change_the_exit_code(record: Record) -> None:
    record.jobs[JOB] = replace(record.jobs[JOB], exit_code=1)


def say_that_it_exited(record: Record) -> None:
    record.traces[KEY] = [Trace(77, 2.0, None)]


def give_it_away_twice(record: Record) -> None:
    record.events[JOB].insert(1, ("JobAssigned", {"attempt": 2, "worker_id": WORKER}))


def run_it_twice(record: Record) -> None:
    record.traces[KEY].append(Trace(78, 2.0, None))


def lose_output(record: Record) -> None:
    record.chunks[KEY] = [Chunk(0, 1, 0, 7, 0, TEXT[:7], False)]


def repeat_output(record: Record) -> None:
    record.chunks[KEY] *= 2


def mix_output_up(record: Record) -> None:
    record.chunks[KEY] = [Chunk(0, 2, 0, len(TEXT), 0, TEXT.replace(b"77", b"78"), False)]


def read_too_little(record: Record) -> None:
    record.history.readings[0].chunks = [(1, 0, 1, TEXT[:7])]


def read_twice(record: Record) -> None:
    record.history.readings[0].chunks *= 2


def ignore_a_cancel(record: Record) -> None:
    record.history.wishes[0].cancelled_at = 2.0
    record.jobs[JOB] = replace(record.jobs[JOB], completed_at=90.0)


def end_at_three_by_itself(record: Record) -> None:
    for number in (2, 3, 4):
        record.attempts[JOB, number] = replace(record.attempts[KEY], number=number)


def make_two_jobs_of_it(record: Record) -> None:
    record.history.wishes[0].told[1] = WORKER


def lose_a_worker(record: Record) -> None:
    record.attempts[KEY] = replace(record.attempts[KEY], reason="worker-lost", document='{"message": "x"}')


def kill_the_process(record: Record) -> None:
    record.attempts[KEY] = replace(record.attempts[KEY], reason="signal")


def test_what_went_as_it_should_breaks_no_promise() -> None:
    assert judge(kept()) == []


@pytest.mark.parametrize(
    ("promise", "spoil"),
    [
        ("P1", forget),
        ("P1", never_end),
        ("P2", end_twice),
        ("P2", change_the_exit_code),
        ("P2", say_that_it_exited),
        ("P3", give_it_away_twice),
        ("P3", run_it_twice),
        ("P4", lose_output),
        ("P4", repeat_output),
        ("P4", mix_output_up),
        ("P4", read_too_little),
        ("P4", read_twice),
        ("P5", ignore_a_cancel),
        ("P6", end_at_three_by_itself),
        ("P7", make_two_jobs_of_it),
        ("P8", lose_a_worker),
        ("P8", kill_the_process),
    ],
)
def test_a_broken_promise_is_seen(promise: str, spoil: Callable[[Record], None]) -> None:
    record = kept()
    spoil(record)
    assert promise in {text.split(":")[0] for text in judge(record)}


def test_a_worker_that_was_killed_may_lose_its_job() -> None:
    record = kept()
    lose_a_worker(record)
    record.chunks[KEY].append(Chunk(2, 1, len(TEXT), 5, 0, b"", True))
    record.history.hurt.add(WORKER)
    assert [text for text in judge(record) if text.startswith("P8")] == []
