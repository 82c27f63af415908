"""What is said about the machine."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.machine import children, cpu_model, cpu_seconds, describe, file_system, resident_mib


def test_a_description_names_what_a_figure_depends_on(tmp_path: Path) -> None:
    assert set(describe(tmp_path)) == {"processor", "memory", "kernel", "python", "load", "files"}


def test_the_model_is_the_one_the_kernel_names(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n")
    assert cpu_model(tmp_path / "cpuinfo") == "Some CPU @ 2 GHz"
    assert cpu_model(tmp_path / "missing") == os.uname().machine


def test_the_file_system_is_that_of_the_longest_mount_point(tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text("a / ext4 rw 0 0\nb /data xfs rw 0 0\nc /database tmpfs rw 0 0\n")
    assert file_system(Path("/data/pg"), tmp_path / "mounts") == "xfs"
    assert file_system(Path("/dataless"), tmp_path / "mounts") == "ext4"


def test_processes_below_a_process_are_found_and_weighed() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in children(os.getpid())
        assert resident_mib(child.pid) > 0
        assert cpu_seconds(child.pid) >= 0
        assert child.stdin is not None
        child.stdin.close()
    assert child.pid not in children(os.getpid())
