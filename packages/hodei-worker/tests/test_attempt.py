"""Attempts with real processes, from the order to the outcome."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from hodei_worker.attempt import Attempt
from hodei_worker.order import NotStarted, Script, Shell


async def test_a_command_line_runs_through_a_shell(bench: Any) -> None:
    outcome, output = await bench.run("echo one; echo two >&2; exit 3")
    assert (outcome.reason, outcome.exit_code, outcome.success) == ("exit", 3, False)
    assert (output.stdout, output.stderr) == (b"one\n", b"two\n")


async def test_arguments_are_passed_as_they_are(bench: Any) -> None:
    arguments = ("%s|", "a b", "$HOME", "'quoted'", "", "ünï")
    outcome, output = await bench.run(Shell("printf", arguments))
    assert outcome.success
    assert output.stdout.decode() == "a b|$HOME|'quoted'||ünï|"


async def test_a_missing_program_is_127_and_says_so(bench: Any) -> None:
    attempt, _, _ = bench.prepare(Shell("no-such-program", ("x",)))
    with pytest.raises(NotStarted, match="no-such-program") as caught:
        attempt.start()
    outcome = caught.value.outcome
    assert (outcome.reason, outcome.exit_code, outcome.started) == ("command-not-found", 127, False)


async def test_a_command_that_the_shell_does_not_find_has_the_same_reason(bench: Any) -> None:
    outcome, output = await bench.run("no-such-program x")
    assert (outcome.reason, outcome.exit_code) == ("command-not-found", 127)
    assert b"no-such-program" in output.stderr


async def test_a_file_without_the_executable_bit_is_126(bench: Any, tmp_path: Path) -> None:
    file = tmp_path / "plain"
    file.write_text("text")
    attempt, _, _ = bench.prepare(Shell(str(file), ("x",)))
    with pytest.raises(NotStarted) as caught:
        attempt.start()
    assert (caught.value.reason, caught.value.exit_code) == ("not-executable", 126)


async def test_a_script_whose_interpreter_is_missing_says_what_is_missing(bench: Any, tmp_path: Path) -> None:
    file = tmp_path / "tool"
    file.write_text("#!/no/such/interpreter\n")
    file.chmod(0o755)
    attempt, _, _ = bench.prepare(Shell(str(file), ("x",)))
    with pytest.raises(NotStarted, match="interpreter"):
        attempt.start()


async def test_a_missing_working_directory_is_named(bench: Any) -> None:
    attempt, _, _ = bench.prepare("true", working_dir="/no/such/place")
    with pytest.raises(NotStarted, match="/no/such/place") as caught:
        attempt.start()
    assert caught.value.reason == "working-dir"


async def test_without_a_working_directory_a_job_gets_an_empty_private_one(bench: Any) -> None:
    _, output = await bench.run("ls -A; stat -c %a .; touch left; mkdir -m 0500 -p deep/er; pwd")
    *listed, mode, place = output.stdout.decode().splitlines()
    assert (listed, mode) == ([], "700")
    assert not Path(place).exists()


async def test_the_working_directory_is_where_the_job_starts(bench: Any, tmp_path: Path) -> None:
    _, output = await bench.run("pwd -P", working_dir=str(tmp_path))
    assert output.stdout.decode().strip() == os.path.realpath(tmp_path)


async def test_an_argument_too_long_for_the_kernel_is_named_with_the_limit(bench: Any) -> None:
    attempt, _, _ = bench.prepare(Shell("echo", ("short", "x" * 3_000_000)))
    limit = 32 * os.sysconf("SC_PAGESIZE") - 1
    with pytest.raises(
        NotStarted, match=f"argument 2 has 3000000 bytes and this machine takes {limit} in one"
    ):
        attempt.start()


async def test_arguments_too_long_together_are_told_with_the_limit(bench: Any) -> None:
    attempt, _, _ = bench.prepare(Shell("echo", ("x" * 100_000,) * 80))
    with pytest.raises(NotStarted, match=f"together and this machine takes {os.sysconf('SC_ARG_MAX')} "):
        attempt.start()


async def test_arguments_are_taken_up_to_what_the_machine_takes(bench: Any) -> None:
    room = os.sysconf("SC_ARG_MAX") - 100_000
    texts = ["x" * 100_000] * (room // 100_009)
    _, output = await bench.run(Shell("sh", ("-c", 'echo "$#"', "sh", *texts)))
    assert int(output.stdout) == len(texts) > 10


async def test_a_nul_byte_in_an_argument_does_not_break_the_agent(bench: Any) -> None:
    attempt, _, _ = bench.prepare(Shell("echo", ("a\0b",)))
    with pytest.raises(NotStarted, match="null byte"):
        attempt.start()


async def test_a_refused_start_leaves_no_descriptor_open(bench: Any) -> None:
    bench.host.scratch.make()  # its lock stays open
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        attempt, _, _ = bench.prepare(Shell("no-such-program", ("x",)), stdin="text")
        with pytest.raises(NotStarted):
            attempt.start()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_a_finished_attempt_leaves_no_descriptor_open(bench: Any) -> None:
    await bench.run("echo warm-up")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        await bench.run("cat", stdin="text")
    assert len(os.listdir("/proc/self/fd")) == before


async def test_a_job_inherits_no_descriptor_but_its_three(bench: Any) -> None:
    program = "import os; print(sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1])"
    _, output = await bench.run(Shell(sys.executable, ("-Ic", program)))
    assert output.stdout == b"[0, 1, 2]\n"


async def test_the_given_stdin_arrives_whole(bench: Any) -> None:
    _, output = await bench.run("wc -c", stdin="ü" * 1_000_000)
    assert int(output.stdout) == 2_000_000


async def test_without_stdin_the_job_reads_nothing(bench: Any) -> None:
    _, output = await bench.run("cat; echo end")
    assert output.stdout == b"end\n"


async def test_a_signal_is_told_apart_from_an_exit_code(bench: Any) -> None:
    outcome, _ = await bench.run("kill -SEGV $$")
    assert (outcome.reason, outcome.signal, outcome.exit_code) == ("signal", signal.SIGSEGV, 139)
    assert "SIGSEGV" in outcome.message


async def test_a_job_has_the_usual_signals_back(bench: Any) -> None:
    # Bit 31 is signal 32, which belongs to the C library and may have been ignored by our own caller.
    masks = "grep -E 'Sig(Ign|Blk)' /proc/self/status"
    outcome, _ = await bench.run(f"{masks} | grep -qvE '00000000[08]0000000$'")
    assert outcome.exit_code == 1  # nothing but zeros: Python's own ignored SIGPIPE is not handed down


async def test_a_job_is_the_leader_of_its_own_session(bench: Any) -> None:
    _, output = await bench.run('ps -o pid=,sid=,pgid= -p "$$"')
    assert len(set(output.stdout.split())) == 1


async def test_the_process_time_of_a_job_is_counted_orphans_included(bench: Any) -> None:
    burn = f"{sys.executable} -Ic 'sum(range(8_000_000))'"
    outcome, _ = await bench.run(f"( {burn} & ); sleep 0.3; {burn}")
    one, _ = await bench.run(burn)
    assert outcome.cpu_seconds > 1.4 * one.cpu_seconds > 0


# -- ends -------------------------------------------------------------------------------------------


def stop_soon(reason: str = "cancelled", grace: float | None = None) -> Any:
    """Stop the attempt as soon as its job has written something."""

    def during(attempt: Attempt) -> None:
        inner = attempt.spool.on_append

        def once() -> None:
            attempt.spool.on_append = inner
            inner()
            attempt.stop(reason, "asked", grace)

        attempt.spool.on_append = once

    return during


def alive(marker: str) -> list[int]:
    """Pids of living processes whose arguments hold the marker."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != os.getpid():
            try:
                arguments = Path(f"/proc/{name}/cmdline").read_bytes()
                state = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if marker.encode() in arguments and state != "Z":
                found.append(int(name))
    return found


@pytest.fixture
def marker(tmp_path: Path) -> str:
    """A word no other process has among its arguments: an odd number of seconds for `sleep`."""
    return f"987.{abs(hash(str(tmp_path))) % 10**9}"


async def test_stopping_reaches_grandchildren(bench: Any, marker: str) -> None:
    job = f"sh -c 'sleep {marker} & sleep {marker}' & echo up; wait"
    outcome, _ = await bench.run(job, during=stop_soon())
    assert outcome.reason == "cancelled"
    assert alive(marker) == []


async def test_stopping_reaches_other_process_groups_of_the_session(bench: Any, marker: str) -> None:
    job = f"set -m; sleep {marker} & set +m; echo up; wait"
    await bench.run(Shell("bash", ("-c", job)), during=stop_soon())
    assert alive(marker) == []


async def test_stopping_reaches_a_daemon_that_left_the_session(bench: Any, marker: str) -> None:
    job = f"setsid sh -c 'sleep {marker} >/dev/null 2>&1 &' ; echo up; sleep {marker}"
    outcome, _ = await bench.run(job, during=stop_soon())
    assert outcome.reason == "cancelled"
    assert alive(marker) == []


async def test_a_daemon_does_not_outlive_a_job_that_ended_by_itself(bench: Any, marker: str) -> None:
    outcome, output = await bench.run(f"setsid sh -c 'sleep {marker} >/dev/null 2>&1 &' ; echo done")
    assert outcome.success
    assert output.stdout == b"done\n"
    assert alive(marker) == []


async def test_a_job_that_ignores_term_is_killed_after_its_grace(bench: Any, marker: str) -> None:
    job = f"trap '' TERM; echo up; while :; do sleep {marker}; done"
    outcome, _ = await bench.run(job, during=stop_soon(grace=0.2))
    assert (outcome.reason, outcome.signal) == ("cancelled", signal.SIGKILL)
    assert alive(marker) == []


async def test_a_grandchild_that_ignores_term_is_killed_although_its_parent_ended(
    bench: Any, marker: str
) -> None:
    job = f"sh -c 'trap \"\" TERM; echo up; exec sleep {marker}' & wait"
    outcome, _ = await bench.run(job, during=stop_soon(grace=0.2))
    assert outcome.reason == "cancelled"
    assert alive(marker) == []


async def test_a_job_may_use_its_grace_to_tidy_up(bench: Any) -> None:
    job = "trap 'echo tidied; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    outcome, output = await bench.run(job, during=stop_soon(grace=30))
    assert (outcome.reason, outcome.exit_code, outcome.success) == ("cancelled", 0, False)
    assert output.stdout == b"up\ntidied\n"


async def test_a_stopped_job_is_woken_to_hear_that_it_must_end(bench: Any) -> None:
    outcome, _ = await bench.run("echo up; kill -STOP $$", during=stop_soon(grace=30))
    assert (outcome.reason, outcome.signal) == ("cancelled", signal.SIGTERM)


async def test_the_first_reason_for_an_end_stands(bench: Any) -> None:
    def twice(attempt: Attempt) -> None:
        attempt.stop("timeout:execution", "first", 30)
        attempt.stop("cancelled", "second", 0)

    outcome, _ = await bench.run("trap '' TERM; sleep 30", during=twice)
    assert (outcome.reason, outcome.message) == ("timeout:execution", "first")


async def test_a_job_over_its_time_ends_as_timeout(bench: Any, marker: str) -> None:
    outcome, _ = await bench.run(f"sleep {marker}", execution_timeout=0.1)
    assert outcome.reason == "timeout:execution"
    assert "0.1 s" in outcome.message


async def test_a_silent_job_ends_as_timeout(bench: Any, marker: str) -> None:
    job = f"for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done; sleep {marker}"
    outcome, output = await bench.run(job, no_output_timeout=0.4)
    assert outcome.reason == "timeout:no-output"
    assert output.stdout == b"1\n2\n3\n4\n5\n6\n"


async def test_a_process_that_keeps_the_pipe_cannot_keep_the_job(
    bench: Any, marker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_worker.attempt.DRAIN_SECONDS", 0.2)
    outcome, output = await bench.run(f"echo out; trap '' TERM; sleep {marker} &")
    assert outcome.success
    assert output.stdout == b"out\n"
    assert alive(marker) == []


async def test_what_a_grandchild_writes_after_the_leader_ended_is_kept(bench: Any) -> None:
    outcome, output = await bench.run("(sleep 0.3; echo late) & echo early")
    assert outcome.success
    assert output.stdout == b"early\nlate\n"


async def test_zombies_of_a_running_job_are_collected(bench: Any) -> None:
    job = 'for i in 1 2 3 4 5; do (true &); done; sleep 0.3; ps -eo ppid=,stat= | grep -c "^ *$PPID .*Z"'
    _, output = await bench.run(job)
    assert int(output.stdout) == 0


# -- scripts ----------------------------------------------------------------------------------------


def leftovers(bench: Any) -> list[Path]:
    """What is left in any attempt's private directory; as it was made it may wait for the next one."""
    base: Path = bench.host.scratch.base
    return [path for path in base.glob("agent-*/job-*/**/*") if path.name != "work"]


async def test_a_bash_script_is_strict_and_a_sh_script_is_not(bench: Any) -> None:
    text = "false\necho reached\n"
    strict, _ = await bench.run(Script("bash", text))
    loose, _ = await bench.run(Script("bash", text, strict=False))
    plain, _ = await bench.run(Script("sh", text))
    assert [strict.exit_code, loose.exit_code, plain.exit_code] == [1, 0, 0]


async def test_strict_means_pipes_and_unset_variables_too(bench: Any) -> None:
    pipe, _ = await bench.run(Script("/bin/bash", "false | true\n"))
    unset, _ = await bench.run(Script("bash", 'echo "$NOT_SET_ANYWHERE"\n'))
    assert pipe.exit_code == 1
    assert unset.exit_code != 0


async def test_a_strict_script_keeps_its_line_numbers(bench: Any) -> None:
    _, output = await bench.run(Script("bash", "#!/bin/bash\necho $LINENO\n"))
    assert output.stdout == b"2\n"


@pytest.mark.parametrize("interpreter", ["python3", sys.executable, "/usr/bin/env python3"])
async def test_an_interpreter_may_be_a_name_a_path_or_a_line(bench: Any, interpreter: str) -> None:
    outcome, output = await bench.run(Script(interpreter, "import sys; print('py', len(sys.argv))\n"))
    assert outcome.success
    assert output.stdout == b"py 1\n"


async def test_a_script_without_interpreter_follows_its_first_line(bench: Any) -> None:
    _, output = await bench.run(Script("", "#!/usr/bin/env python3\nprint('by shebang')\n"))
    assert output.stdout == b"by shebang\n"


async def test_an_unknown_interpreter_is_127(bench: Any) -> None:
    attempt, _, _ = bench.prepare(Script("no-such-interpreter", "x"))
    with pytest.raises(NotStarted) as caught:
        attempt.start()
    assert (caught.value.reason, caught.value.exit_code) == ("command-not-found", 127)
    assert leftovers(bench) == []


async def test_only_the_owner_can_see_a_script(bench: Any) -> None:
    _, output = await bench.run(Script("sh", 'stat -c %a "$0" "$(dirname "$0")"'))
    assert output.stdout == b"700\n700\n"


async def test_a_script_is_removed_after_its_end(bench: Any) -> None:
    await bench.run(Script("sh", 'touch "$(dirname "$0")/beside"; mkdir -p "$(dirname "$0")/a/b"'))
    assert leftovers(bench) == []


async def test_a_script_is_removed_after_a_kill(bench: Any, marker: str) -> None:
    script = Script("sh", f"trap '' TERM\necho up\nsleep {marker}\n")
    outcome, _ = await bench.run(script, during=stop_soon(grace=0))
    assert outcome.signal == signal.SIGKILL
    assert leftovers(bench) == []


async def test_what_one_job_leaves_the_next_does_not_find(bench: Any) -> None:
    for job in (
        "touch left",
        "mkdir -p a/b && chmod 0 a",
        "chmod 0777 .",
        "touch ../beside",
        "rmdir ../work",
    ):
        await bench.run(job)
        _, output = await bench.run("ls -A . ..; stat -c %a . ..; rm -rf left")
        assert output.stdout == b".:\n\n..:\nwork\n700\n700\n"


async def test_a_script_of_ten_megabytes_runs(bench: Any) -> None:
    outcome, output = await bench.run(Script("sh", "# filler\n" * 1_200_000 + "echo end\n"))
    assert outcome.success
    assert output.stdout == b"end\n"


# -- environment ------------------------------------------------------------------------------------


async def test_a_job_sees_a_clean_environment_and_who_it_is(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HODEI_OTP_TOKEN", "top-secret")
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    _, output = await bench.run(
        Shell("env", ("-0",)), environment={"GREETING": "hi", "EMPTY": "", "PATH": os.defpath}
    )
    seen = dict(pair.split("=", 1) for pair in output.stdout.decode().split("\0")[:-1])
    assert set(seen) == {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "GREETING", "EMPTY"),
        *("HODEI_JOB_ID", "HODEI_JOB_NAME", "HODEI_ATTEMPT", "HODEI_WORKER_ID"),
    }
    assert (seen["PATH"], seen["GREETING"], seen["EMPTY"]) == (os.defpath, "hi", "")
    assert (seen["HODEI_JOB_ID"], seen["HODEI_ATTEMPT"], seen["HODEI_WORKER_ID"]) == (
        "job-1",
        "1",
        "worker-1",
    )


async def test_many_attempts_in_a_row_leave_no_task_behind(bench: Any) -> None:
    for _ in range(20):
        outcome, _ = await bench.run("true")
        assert outcome.success
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_killed_one_job_leaves_the_next_alone(bench: Any) -> None:
    outcome, _ = await bench.run("sleep 60", during=lambda attempt: attempt.stop("cancelled", "", 0.0))
    assert outcome.reason == "cancelled"
    outcome, output = await bench.run("sleep 0.2; echo well")
    assert (outcome.reason, output.stdout) == ("exit", b"well\n")
