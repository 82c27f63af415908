"""What the agent reads of the container around it, from control groups as Docker shows them."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hodei_worker import cgroups
from hodei_worker.container import OURS_BYTES, Container, ContainerLimits, first_to_go
from hodei_worker.limits import Limiter
from hodei_worker.order import Asked, Shell

MIB = 2**20
MACHINE = 8 * 1024 * MIB


def version_1(tmp_path: Path, limit: int) -> Path:
    """Docker's default there: the host's paths in /proc, and mounts that show our part only."""
    group = tmp_path / "memory"
    group.mkdir()
    (group / "memory.limit_in_bytes").write_text(f"{limit}\n")
    (group / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    mount = f"81 77 0:32 /docker/abc {group} ro,nosuid - cgroup cgroup rw,memory\n"
    return system(tmp_path, "4:memory:/docker/abc\n0::/docker/abc\n", mount)


def version_2(tmp_path: Path, limit: str) -> Path:
    """A namespace of our own, whose top the mount shows."""
    group = tmp_path / "cg"
    group.mkdir()
    (group / "memory.max").write_text(f"{limit}\n")
    (group / "memory.events").write_text("low 0\nhigh 0\nmax 9\noom 1\noom_kill 0\n")
    return system(tmp_path, "0::/\n", f"30 23 0:26 / {group} ro - cgroup2 cgroup rw\n")


def system(tmp_path: Path, cgroup: str, mountinfo: str) -> Path:
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(cgroup)
    (proc / "mountinfo").write_text(mountinfo)
    return proc


def found(proc: Path) -> Container:
    return Container(cgroups.find_own("memory", proc), MACHINE)


def test_the_limit_and_the_kills_of_version_1(tmp_path: Path) -> None:
    container = found(version_1(tmp_path, 128 * MIB))
    assert (container.memory_bytes, container.oom_kills()) == (128 * MIB, 0)
    (tmp_path / "memory/memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert container.oom_kills() == 2


def test_the_limit_and_the_kills_of_version_2(tmp_path: Path) -> None:
    container = found(version_2(tmp_path, str(128 * MIB)))
    assert (container.memory_bytes, container.oom_kills()) == (128 * MIB, 0)
    (tmp_path / "cg/memory.events").write_text("oom 1\noom_kill 3\noom_group_kill 0\n")
    assert container.oom_kills() == 3


def test_no_limit_is_said_in_two_ways(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    assert found(version_1(tmp_path / "1", 9223372036854771712)).memory_bytes == 0
    assert found(version_2(tmp_path / "2", "max")).memory_bytes == 0


def test_an_image_in_which_no_groups_can_be_seen_has_no_limit(tmp_path: Path) -> None:
    container = found(system(tmp_path, "", ""))
    assert (container.memory_bytes, container.oom_kills()) == (0, 0)
    assert found(tmp_path / "nothing").memory_bytes == 0


def test_only_kills_since_the_attempt_began_are_its_own(tmp_path: Path) -> None:
    container = found(version_2(tmp_path, "max"))
    (tmp_path / "cg/memory.events").write_text("oom_kill 3\n")
    limits = ContainerLimits(Asked(), container)
    assert not limits.oom_killed()
    (tmp_path / "cg/memory.events").write_text("oom_kill 4\n")
    assert limits.oom_killed()


def test_what_limits_a_job_is_told_in_words(tmp_path: Path) -> None:
    limited = found(version_2(tmp_path, str(160 * MIB)))
    assert Limiter(container=limited).label == "container"
    assert Limiter(container=limited).confine(Asked(memory_bytes=96 * MIB)).text == (
        "the container's: memory 96 MiB beside the agent's share"
    )
    (tmp_path / "large").mkdir()
    large = found(version_2(tmp_path / "large", str(960 * MIB)))
    assert Limiter(container=large).confine(Asked(memory_bytes=96 * MIB)).text == (
        "the container's: memory 960 MiB with the agent; memory 96 MiB, watched by the agent"
    )
    unlimited = Limiter(container=found(tmp_path / "nothing"))
    assert unlimited.label == "container"
    assert unlimited.confine(Asked()).text == "the container's: no limit on memory"


async def test_a_killed_job_of_a_container_is_oom_with_its_limit_in_words(bench: Any, tmp_path: Path) -> None:
    """The kernel's part is played by the job itself."""
    container = found(version_2(tmp_path, str(160 * MIB)))
    events = tmp_path / "cg/memory.events"
    bench.host = replace(bench.host, limiter=Limiter(container=container))
    killed = f"echo oom_kill 1 > {events}; kill -9 $$"
    outcome, _ = await bench.run(killed, asked=Asked(memory_bytes=96 * MIB))
    assert (outcome.reason, outcome.signal) == ("oom", 9)
    assert outcome.message == "used more than its 96 MiB of memory"
    outcome, _ = await bench.run("kill -9 $$")
    assert outcome.reason == "signal"


async def test_where_the_container_limits_nothing_each_process_is_limited(bench: Any, tmp_path: Path) -> None:
    container = found(tmp_path / "nothing")
    bench.host = replace(bench.host, limiter=Limiter(container=container))
    told = "import time, resource; time.sleep(0.3); print(resource.getrlimit(resource.RLIMIT_DATA)[0])"
    _, output = await bench.run(Shell(sys.executable, ("-Ic", told)), asked=Asked(memory_bytes=64 * MIB))
    assert output.stdout == b"%d\n" % (128 * MIB)


async def test_a_job_in_an_image_goes_before_the_agent_with_all_it_forks(bench: Any) -> None:
    own = Path("/proc/self/oom_score_adj").read_text()
    bench.host = replace(bench.host, in_image=True)
    _, output = await bench.run("cat /proc/self/oom_score_adj; (cat /proc/self/oom_score_adj)")
    assert output.stdout == b"1000\n1000\n"
    assert Path("/proc/self/oom_score_adj").read_text() == own


def test_an_agent_that_may_not_change_its_score_starts_jobs_all_the_same(tmp_path: Path) -> None:
    with first_to_go(tmp_path / "missing"):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("failure", [OSError, KeyboardInterrupt])
def test_the_score_is_put_back_whatever_happens(tmp_path: Path, failure: type[BaseException]) -> None:
    score = tmp_path / "score"
    score.write_text("17\n")
    seen = []

    def fail() -> None:
        seen.append(score.read_text())
        raise failure

    with pytest.raises(failure), first_to_go(score):
        fail()
    assert seen == ["1000"]
    assert score.read_text() == "17\n"


def test_the_agent_holds_what_is_neither_the_job_s_nor_needed(tmp_path: Path) -> None:
    container = found(version_2(tmp_path, str(160 * MIB)))
    group = tmp_path / "cg"
    (group / "memory.current").write_text(f"{30 * MIB}\n")
    (group / "memory.stat").write_text(f"anon 1\ninactive_file {4 * MIB}\nactive_file {6 * MIB}\n")
    assert container.in_use() == 20 * MIB
    assert container.leave(96 * MIB)
    assert container._ballast.bytes == (160 - 96 - 20 - OURS_BYTES // MIB) * MIB
    (group / "memory.current").write_text(f"{30 * MIB + container._ballast.bytes}\n")
    assert container.leave(96 * MIB)  # the same again
    assert container._ballast.bytes == (160 - 96 - 20 - OURS_BYTES // MIB) * MIB
    assert not container.leave(0)
    assert container._ballast.bytes == 0


def test_the_peak_of_a_job_is_what_the_container_held_more_than_ever(tmp_path: Path) -> None:
    container = found(version_2(tmp_path, "max"))
    group = tmp_path / "cg"
    (group / "memory.current").write_text(f"{20 * MIB}\n")
    (group / "memory.peak").write_text(f"{25 * MIB}\n")
    limits = ContainerLimits(Asked(), container)
    assert limits.used().peak_memory_bytes == 0  # it may have used less than what was there before
    (group / "memory.peak").write_text(f"{70 * MIB}\n")
    assert limits.used().peak_memory_bytes == 50 * MIB
