"""Reading the process table: pure on made tables, and once on the real one."""

from __future__ import annotations

import os

from hodei_infrastructure.process.proc import Entry, family, look_at, parse_stat, running


def entry(pid: int, parent: int, session: int, start: int = 1) -> Entry:
    return Entry(
        pid=pid, parent=parent, session=session, start=start, cpu_seconds=0, memory_bytes=0, ended=False
    )


def table(*entries: Entry) -> dict[int, Entry]:
    return {each.pid: each for each in entries}


def test_a_name_may_hold_blanks_and_parentheses() -> None:
    rest = " ".join(str(number) for number in range(4, 53))
    parsed = parse_stat(f"42 (a) b (c)) S {rest}")
    assert (parsed.pid, parsed.parent, parsed.session, parsed.start) == (42, 4, 6, 22)
    assert not parsed.ended
    assert parse_stat(f"42 (x) Z {rest}").ended


def test_we_are_in_the_table_and_the_dead_are_not() -> None:
    me = look_at(os.getpid())
    assert me is not None
    assert me.parent == os.getppid()
    assert running()[os.getpid()].start == me.start
    assert look_at(2**22 + 1) is None


def test_a_family_is_descendants_and_their_sessions() -> None:
    processes = table(
        entry(10, 1, 10),  # agent
        entry(11, 10, 11),  # job, a session of its own
        entry(12, 11, 11),
        entry(13, 1, 11),  # daemonised: parent gone, session kept
        entry(20, 1, 20),  # somebody else
        entry(21, 20, 20),
    )
    assert set(family(processes, {10: 1})) == {10, 11, 12, 13}


def test_the_session_of_a_root_that_is_gone_counts() -> None:
    assert set(family(table(entry(12, 1, 10)), {10: 1})) == {12}


def test_a_number_that_was_given_away_counts_no_more() -> None:
    processes = table(entry(10, 1, 10, start=99), entry(11, 10, 10, start=100))
    assert family(processes, {10: 1}) == {}
