"""Limits as this machine enforces them, and what is said about them."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hodei_worker import cgroups, confinement
from hodei_worker.confinement import Used
from hodei_worker.group import Group
from hodei_worker.limits import Limiter
from hodei_worker.order import Asked, NotStarted, Script, Shell
from hodei_worker.settings import DISK_NOT_HELD

MIB = 2**20
HUNGRY = "x = bytearray(300 * 2**20); print(len(x))"


@pytest.fixture
def grouped(bench: Any) -> Any:
    """A bench with control groups; skips where none can be made."""
    limiter = Limiter.discover()
    if limiter.label == "rlimit":
        if "cgroups" in os.environ.get("HODEI_REQUIRE", ""):
            pytest.fail("no control groups can be made here")
        pytest.skip("no control groups can be made here")
    bench.host = replace(bench.host, limiter=limiter)
    return bench


def own_groups(bench: Any) -> list[Path]:
    places = bench.host.limiter._places
    return [group for parent in places.parents.values() for group in parent.glob(f"hodei-{os.getpid()}-*")]


async def test_a_job_over_its_memory_ends_with_reason_oom(grouped: Any) -> None:
    hungry = Shell(sys.executable, ("-Ic", HUNGRY))
    outcome, output = await grouped.run(hungry, asked=Asked(memory_bytes=64 * MIB))
    assert (outcome.reason, outcome.success) == ("oom", False)
    assert "64 MiB" in outcome.message
    assert output.stdout == b""


async def test_a_shell_whose_child_ran_out_of_memory_says_oom_too(grouped: Any) -> None:
    outcome, _ = await grouped.run(f"{sys.executable} -Ic '{HUNGRY}'", asked=Asked(memory_bytes=64 * MIB))
    assert outcome.reason == "oom"


async def test_within_its_memory_a_job_succeeds_and_its_peak_is_known(grouped: Any) -> None:
    program = "x = b'x' * (30 * 2**20); print('fine')"
    outcome, output = await grouped.run(
        Shell(sys.executable, ("-Ic", program)), asked=Asked(memory_bytes=200 * MIB)
    )
    assert outcome.success
    assert output.stdout == b"fine\n"
    assert 30 * MIB < outcome.peak_memory_bytes < 200 * MIB


async def test_all_a_job_starts_is_inside_from_its_first_instruction(grouped: Any) -> None:
    _, output = await grouped.run(
        "cat /proc/self/cgroup; (cat /proc/self/cgroup) &", asked=Asked(memory_bytes=64 * MIB, cpu_cores=1)
    )
    mine = f"/hodei-{os.getpid()}-".encode()
    controllers = 1 if grouped.host.limiter.label == "cgroup-v2" else 3
    assert output.stdout.count(mine) >= 2 * controllers


async def test_processors_are_limited(grouped: Any) -> None:
    spin = "import time; end = time.monotonic() + 1\nwhile time.monotonic() < end: pass"
    outcome, _ = await grouped.run(Shell(sys.executable, ("-Ic", spin)), asked=Asked(cpu_cores=0.2))
    assert 0 < outcome.cpu_seconds < 0.6


async def test_the_group_is_gone_when_the_job_is(grouped: Any) -> None:
    await grouped.run("sleep 60 & exit 0", asked=Asked(memory_bytes=64 * MIB))
    assert own_groups(grouped) == []


async def test_a_missing_program_is_reported_in_our_words_inside_a_group_too(grouped: Any) -> None:
    attempt, _, _ = grouped.prepare(Shell("no-such-program", ("x",)), asked=Asked(memory_bytes=64 * MIB))
    with pytest.raises(NotStarted) as caught:
        attempt.start()
    assert (caught.value.reason, caught.value.exit_code) == ("command-not-found", 127)
    assert own_groups(grouped) == []


async def test_arguments_pass_the_group_unchanged(grouped: Any) -> None:
    arguments = ("%s|", "a b", "$1", "'", '"', "", "-n")
    _, output = await grouped.run(Shell("printf", arguments), asked=Asked(cpu_cores=1))
    assert output.stdout == b"a b|$1|'|\"||-n|"


async def test_scripts_and_exit_codes_pass_the_group_unchanged(grouped: Any) -> None:
    outcome, _ = await grouped.run(Script("bash", "exit 42\n"), asked=Asked(cpu_cores=1))
    assert outcome.exit_code == 42


async def test_an_image_without_a_shell_is_limited_from_outside(
    grouped: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confinement, "SHELL", "/no/such/shell")
    hungry = Shell(sys.executable, ("-Ic", "import time; time.sleep(0.2); " + HUNGRY))
    outcome, _ = await grouped.run(hungry, asked=Asked(memory_bytes=64 * MIB))
    assert outcome.reason == "oom"


async def test_without_groups_the_agent_watches_the_memory_itself(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_worker.clocks.MEMORY_PERIOD", 0.05)
    hungry = Shell(sys.executable, ("-Ic", "x = b'x' * (100 * 2**20); import time; time.sleep(60)"))
    outcome, _ = await bench.run(hungry, asked=Asked(memory_bytes=64 * MIB))
    assert outcome.reason == "oom"


async def test_memory_that_processes_share_is_counted_once(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_worker.clocks.MEMORY_PERIOD", 0.02)
    program = "import os, time; x = b'x' * (30 * 2**20); [os.fork() for _ in range(2)]; time.sleep(0.5)"
    outcome, _ = await bench.run(Shell(sys.executable, ("-Ic", program)), asked=Asked(memory_bytes=80 * MIB))
    assert outcome.success


async def test_without_groups_a_sudden_hunger_hits_the_limit_of_the_process(bench: Any) -> None:
    outcome, output = await bench.run(
        Shell(sys.executable, ("-Ic", HUNGRY)), asked=Asked(memory_bytes=64 * MIB)
    )
    assert not outcome.success
    assert b"MemoryError" in output.stderr or outcome.reason == "oom"


async def test_a_group_that_cannot_be_made_does_not_stop_the_job(bench: Any, tmp_path: Path) -> None:
    nowhere = dict.fromkeys(cgroups.CONTROLLERS, tmp_path / "missing")
    bench.host = replace(bench.host, limiter=Limiter(cgroups.Places(1, nowhere)))
    outcome, _ = await bench.run("true", asked=Asked(cpu_cores=1))
    assert outcome.success


def test_a_job_that_asked_for_nothing_is_not_limited_and_needs_no_group(tmp_path: Path) -> None:
    there = dict.fromkeys(cgroups.CONTROLLERS, tmp_path)
    confinement = Limiter(cgroups.Places(2, there)).confine(Asked())
    assert (confinement.text, confinement.counts) == ("none asked", False)
    assert list(tmp_path.iterdir()) == []


SHORT = Shell(sys.executable, ("-Ic", "x = b'x' * (30 * 2**20)"))


async def test_what_a_short_job_used_is_counted_although_it_asked_for_nothing(grouped: Any) -> None:
    outcome, _ = await grouped.run(SHORT)
    assert outcome.success
    assert 30 * MIB < outcome.peak_memory_bytes < 60 * MIB
    assert outcome.cpu_seconds > 0
    assert own_groups(grouped) == []


async def test_without_groups_the_peak_of_a_short_job_is_looked_at(bench: Any) -> None:
    for command in ("true", "sleep 0.3"):
        outcome, _ = await bench.run(command)
        assert 0 < outcome.peak_memory_bytes < 16 * MIB


async def test_disk_space_that_nobody_holds_is_said_not_to_be_held(bench: Any) -> None:
    for asked, words in (
        (Asked(storage_bytes=5 * MIB), "disk 5 MiB not held: a process writes wherever its user may"),
        (Asked(cpu_cores=1, storage_bytes=MIB), "no cgroup here: cpu not limited; disk 1 MiB not held: "),
        (Asked(), "none asked"),
    ):
        bench.host = replace(bench.host, disk=DISK_NOT_HELD)
        attempt, _, _ = bench.prepare("true", asked=asked)
        assert attempt.start().limits.startswith(words)
        assert (await attempt.run()).success


def test_each_means_says_what_it_enforces() -> None:
    assert "watched by the agent" in Limiter().confine(Asked(memory_bytes=MIB)).text
    assert "cpu not limited" in Limiter().confine(Asked(cpu_cores=1)).text


def test_version_2_gets_its_limits_in_its_own_files(tmp_path: Path) -> None:
    """As the kernel's cgroup-v2 document has them; machines of version 1 cannot try it."""
    group = Group(cgroups.Places(2, dict.fromkeys(cgroups.CONTROLLERS, tmp_path)), "hodei-1-1")
    made = tmp_path / "hodei-1-1"
    group.make(Asked(memory_bytes=64 * MIB, cpu_cores=0.5))
    assert (made / "memory.max").read_text() == str(64 * MIB)
    assert (made / "cpu.max").read_text() == "50000 100000"
    assert int((made / "pids.max").read_text()) > 1000
    (made / "memory.events").write_text("low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 0\n")
    (made / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n")
    (made / "memory.current").write_text("1000\n")
    (made / "memory.peak").write_text("2000\n")
    (made / "cgroup.kill").write_text("")
    assert group.oom_killed()
    assert group.used() == Used(1.5, 1000, 2000)
    group.kill()
    assert (made / "cgroup.kill").read_text() == "1"


# -- finding the places -----------------------------------------------------------------------------


def system(tmp_path: Path, cgroup: str, mountinfo: str) -> Path:
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(cgroup)
    (proc / "mountinfo").write_text(mountinfo)
    return proc


def test_version_2_is_found_below_the_mount(tmp_path: Path) -> None:
    own = tmp_path / "cg/user.slice/agent"
    own.mkdir(parents=True)
    (own / "cgroup.controllers").write_text("cpu io memory pids\n")
    mount = f"30 23 0:26 / {tmp_path}/cg rw - cgroup2 cgroup2 rw\n"
    places = cgroups.find_places(system(tmp_path, "0::/user.slice/agent\n", mount))
    assert places == cgroups.Places(2, dict.fromkeys(cgroups.CONTROLLERS, own))


def test_version_2_without_the_controllers_is_of_no_use(tmp_path: Path) -> None:
    (tmp_path / "cg").mkdir()
    (tmp_path / "cg/cgroup.controllers").write_text("\n")
    mount = f"30 23 0:26 / {tmp_path}/cg rw - cgroup2 cgroup2 rw\n"
    assert cgroups.find_places(system(tmp_path, "0::/\n", mount)) is None


def test_in_a_container_the_mount_shows_only_our_part(tmp_path: Path) -> None:
    lines = []
    for controller in cgroups.CONTROLLERS:
        (tmp_path / controller).mkdir()
        lines.append(f"1 1 0:1 /docker/abc {tmp_path}/{controller} rw - cgroup cgroup rw,{controller}\n")
    own = "".join(f"{n}:{name}:/docker/abc\n" for n, name in enumerate(cgroups.CONTROLLERS))
    places = cgroups.find_places(system(tmp_path, own, "".join(lines)))
    assert places == cgroups.Places(1, {name: tmp_path / name for name in cgroups.CONTROLLERS})


def test_a_machine_without_groups_is_told_from_one_with(tmp_path: Path) -> None:
    assert cgroups.find_places(tmp_path / "nothing") is None


def test_groups_of_dead_agents_are_swept_and_those_of_living_ones_are_not(tmp_path: Path) -> None:
    dead, living = tmp_path / "hodei-999999999-1", tmp_path / f"hodei-{os.getpid()}-1"
    dead.mkdir()
    living.mkdir()
    cgroups.sweep(cgroups.Places(2, {"memory": tmp_path}))
    assert (dead.exists(), living.exists()) == (False, True)
