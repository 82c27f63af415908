"""Machine facts: what counts is what the kernel grants, not what is built in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hodei_infrastructure.machine import look_at_machine

MEMINFO = "MemTotal:       16777216 kB\nMemFree: 1 kB\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "proc/meminfo", MEMINFO)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def test_without_limits_the_affinity_mask_and_the_memory_of_the_machine_count(root: Path) -> None:
    machine = look_at_machine(root, root)
    assert machine.cpu_cores == len(os.sched_getaffinity(0))
    assert machine.memory_mib == 16384


def test_cgroup_v2_limits_of_a_parent_count(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/outer/inner")
    write(root / "sys/fs/cgroup/outer/cpu.max", "50000 100000")
    write(root / "sys/fs/cgroup/outer/inner/cpu.max", "max 100000")
    write(root / "sys/fs/cgroup/outer/memory.max", str(512 * 2**20))
    write(root / "sys/fs/cgroup/outer/inner/memory.max", "max")
    machine = look_at_machine(root, root)
    assert (machine.cpu_cores, machine.memory_mib) == (0.5, 512)


def test_cgroup_v1_limits_count_and_its_word_for_none_does_not(root: Path) -> None:
    write(root / "proc/self/cgroup", "4:cpu,cpuacct:/me\n3:memory:/me")
    write(root / "sys/fs/cgroup/cpu/me/cpu.cfs_quota_us", "25000")
    write(root / "sys/fs/cgroup/cpu/me/cpu.cfs_period_us", "100000")
    write(root / "sys/fs/cgroup/memory/me/memory.limit_in_bytes", str(2**63 - 4096))
    machine = look_at_machine(root, root)
    assert (machine.cpu_cores, machine.memory_mib) == (0.25, 16384)


def test_the_disk_of_a_directory_that_does_not_exist_yet_is_its_parents(root: Path) -> None:
    assert look_at_machine(root / "not" / "yet", root).disk_mib > 0
