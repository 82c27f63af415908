"""`hodei run` with nothing else running: it brings its own platform and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bounded import next_line

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

Wait = Callable[[Iterable[int]], None]

# Prints its own process id and a child's, and stays.
TREE = "sleep 1000 & echo $$ $!; wait"
ALL_BYTES = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 4000)"


def pids(process: subprocess.Popen[bytes]) -> list[int]:
    """What TREE prints."""
    return [int(word) for word in next_line(process.stdout).split()]


def test_hello_is_printed_and_the_exit_status_is_0(machine: Any) -> None:
    done = machine.run("run", "--", "echo", "hello", "two  words", "$HOME")
    assert done == (0, b"hello two  words $HOME\n", b"")


def test_nothing_is_left_behind(machine: Any, wait_for_the_end: Wait) -> None:
    assert machine.run("run", "--", "true").status == 0
    wait_for_the_end(machine.processes())
    assert not (machine.place / "server.json").exists()


def test_the_exit_status_of_the_job_passes_on(machine: Any) -> None:
    done = machine.run("run", "--shell", "echo oops >&2; exit 7")
    assert done == (7, b"", b"oops\n")


def test_a_timeout_ends_the_whole_tree_with_124(machine: Any, wait_for_the_end: Wait) -> None:
    process = machine.start("run", "--timeout", "1s", "--shell", TREE)
    tree = pids(process)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 124
    assert b"timeout:execution" in err
    wait_for_the_end(tree)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_the_job_and_its_tree(
    number: int, status: int, machine: Any, wait_for_the_end: Wait
) -> None:
    process = machine.start("run", "--grace", "2s", "--shell", TREE)
    tree = pids(process)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == status
    wait_for_the_end(tree)
    wait_for_the_end(machine.processes())


def test_a_killed_command_leaves_nothing(machine: Any, wait_for_the_end: Wait) -> None:
    process = machine.start("run", "--grace", "1s", "--shell", TREE)
    tree = pids(process)
    platform = machine.processes()
    assert platform
    process.kill()
    process.communicate(timeout=60)
    wait_for_the_end([*tree, *platform])


def test_two_at_once_share_one_data_directory(machine: Any) -> None:
    first = machine.start("run", "--shell", "echo one; sleep 1; echo end")
    second = machine.start("run", "--", "echo", "two")
    assert second.communicate(timeout=60) == (b"two\n", b"")
    assert first.communicate(timeout=60) == (b"one\nend\n", b"")
    assert (first.returncode, second.returncode) == (0, 0)


def test_who_is_done_does_not_wait_for_the_others(machine: Any) -> None:
    first = machine.start("run", "--shell", "echo here; sleep 1; echo end")
    assert next_line(first.stdout) == b"here\n"
    second = machine.start("run", "--shell", "echo also; sleep 1000")
    assert next_line(second.stdout) == b"also\n"
    first.communicate(timeout=60)  # its server stays for the second one's job
    assert second.poll() is None
    second.send_signal(signal.SIGINT)
    assert second.communicate(timeout=60)[0] == b""
    assert second.returncode == 130


def test_many_that_come_and_go_share_what_is_there_and_each_works(machine: Any) -> None:
    def several(name: int) -> list[Any]:
        return [machine.run("run", "--", "echo", f"{name}.{n}") for n in range(4)]

    with ThreadPoolExecutor(3) as users:
        runs = [each for found in users.map(several, range(3)) for each in found]
    assert runs == [(0, f"{name}.{n}\n".encode(), b"") for name in range(3) for n in range(4)]


def test_one_after_the_other_each_works(machine: Any) -> None:
    for word in ("one", "two", "three"):
        assert machine.run("run", "--", "echo", word) == (0, f"{word}\n".encode(), b"")


def test_a_line_of_ten_megabytes_arrives_whole(machine: Any) -> None:
    done = machine.run("run", "--", sys.executable, "-c", "print('x' * 10_000_000)")
    assert done.status == 0
    assert done.out == b"x" * 10_000_000 + b"\n"


def test_binary_output_arrives_as_it_was_written(machine: Any) -> None:
    done = machine.run("run", "--", sys.executable, "-c", ALL_BYTES)
    assert done == (0, bytes(range(256)) * 4000, b"")


def test_the_job_starts_where_the_caller_is(machine: Any, tmp_path: Path) -> None:
    here = tmp_path / "some where"
    here.mkdir()
    assert machine.run("run", "--", "pwd", cwd=here).out == f"{here}\n".encode()


def test_input_environment_and_scripts_reach_the_job(machine: Any, tmp_path: Path) -> None:
    script = tmp_path / "greet.sh"
    script.write_text('#!/bin/sh\nread name\necho "$GREETING $name, job $HODEI_JOB_NAME"\n')
    done = machine.run("run", "--stdin", "-e", "GREETING=hello", "--script", str(script), stdin=b"ana\n")
    assert done == (0, b"hello ana, job greet.sh\n", b"")


def test_a_failure_is_tried_again_and_told(machine: Any, tmp_path: Path) -> None:
    line = f"test -e {tmp_path}/second || {{ touch {tmp_path}/second; echo first; exit 1; }}; echo second"
    done = machine.run("run", "--retry", "1", "--shell", line)
    assert done == (0, b"first\nsecond\n", b"hodei: attempt 2\n")


def test_a_program_that_is_not_there_is_127(machine: Any) -> None:
    done = machine.run("run", "--", "no-such-program", "x")
    assert done.status == 127
    assert b"no-such-program" in done.err


def test_a_signal_that_ends_the_job_is_128_and_more(machine: Any) -> None:
    done = machine.run("run", "--shell", "kill -SEGV $$")
    assert done.status == 139


def test_a_reader_who_leaves_ends_the_job(machine: Any, wait_for_the_end: Wait) -> None:
    process = machine.start("run", "--shell", "echo $$; exec yes")
    job = pids(process)
    process.stdout.close()
    process.stdout = None  # communicate() would read on
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGPIPE
    wait_for_the_end(job)


def test_other_commands_say_that_no_server_runs(machine: Any) -> None:
    done = machine.run("job", "list", "--server", "127.0.0.1:1")
    assert done == (69, b"", b"hodei: no Hodei server at 127.0.0.1:1; start one with: hodei up\n")


def test_a_pipe_reaches_the_job_byte_for_byte_and_ends(machine: Any) -> None:
    every_byte = bytes(range(256)) * 20_000  # more than the sender keeps
    assert machine.run("run", "--", "cat", stdin=every_byte) == (0, every_byte, b"")


def test_without_a_pipe_the_input_is_empty_and_a_file_is_passed_on(machine: Any, tmp_path: Path) -> None:
    assert machine.run("run", "--", "cat") == (0, b"", b"")
    assert machine.run("run", "--no-input", "--", "cat", stdin=b"unread") == (0, b"", b"")
    (tmp_path / "rows").write_bytes(b"b\na\n")
    with open(tmp_path / "rows", "rb") as rows:
        process = machine.start("run", "--", "sort", stdin=rows.fileno())
        assert process.communicate(timeout=60) == (b"a\nb\n", b"")


def test_a_pipe_is_passed_on_as_it_is_written(machine: Any) -> None:
    process = machine.start("run", "--", "cat", stdin=subprocess.PIPE)
    for line in (b"one\n", b"two\n"):
        process.stdin.write(line)
        process.stdin.flush()
        assert next_line(process.stdout) == line
    assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == 0


def test_a_job_that_has_enough_ends_whoever_goes_on_writing(machine: Any) -> None:
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as source:
        assert source.stdout is not None
        process = machine.start("run", "--", "head", "-n", "1", stdin=source.stdout.fileno())
        source.stdout.close()
        assert process.communicate(timeout=60) == (b"y\n", b"")
        assert source.wait(60) == -signal.SIGPIPE
    assert process.returncode == 0


def test_a_job_whose_input_is_not_kept_says_so_when_it_is_to_run_again(machine: Any) -> None:
    machine.up()
    assert machine.run("run", "--", "cat", stdin=b"x").out == b"x"
    (job,) = json.loads(machine.run("job", "list", "--output", "json").out)
    done = machine.run("job", "retry", job["id"])
    assert (done.status, b"nothing of that was kept" in done.err) == (65, True)


def test_what_a_detached_job_is_not_given_is_told(machine: Any) -> None:
    machine.up()
    done = machine.run("run", "--detach", "--", "cat", stdin=b"x")
    assert done.status == 0
    assert b"--stdin stores it with the job" in done.err


def test_an_input_goes_on_over_a_restart_of_the_server(machine: Any) -> None:
    address = machine.up()
    (server,) = machine.servers()
    process = machine.start("run", "--", "cat", stdin=subprocess.PIPE)
    process.stdin.write(b"before\n")
    process.stdin.flush()
    assert next_line(process.stdout) == b"before\n"
    server.kill()
    server.wait()
    process.stdin.write(b"meanwhile\n")
    process.stdin.flush()
    machine.up("--port", address.rpartition(":")[2])
    process.stdin.write(b"after\n")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, b"meanwhile\nafter\n"), err
