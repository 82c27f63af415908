"""What a bundle is made of, and that it needs nothing else."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from hodei_agent_bundle import Bundle, BundleUnavailable, ingredients
from hodei_agent_bundle.archive import digest_of
from hodei_agent_bundle.assembly import LAUNCH, check_closed
from hodei_agent_bundle.build import build_archive
from hodei_agent_bundle.bundle import host_architecture
from hodei_agent_bundle.discovery import PACKAGES, WITHOUT
from hodei_agent_bundle.elf import is_elf, read_elf
from hodei_agent_bundle.ingredients import of_this_machine
from hodei_agent_bundle.testing import unpack

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
# An agent that says what a program which it starts sees.
TELL = """
import subprocess
def main():
    print(subprocess.check_output(["/usr/bin/env", "-0"], text=True))
"""


@pytest.fixture
def mounted(agent_bundle: Bundle, tmp_path: Path) -> Path:
    """The archive unpacked, as a volume would be."""
    return unpack(agent_bundle, tmp_path)


def start(
    bundle: Bundle, mount: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [*bundle.command(str(mount)), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)


def interpreter(bundle: Bundle, mount: Path) -> list[str]:
    """The command without the agent."""
    return list(bundle.command(str(mount))[:-1])


def test_it_starts_wherever_it_lies(agent_bundle: Bundle, mounted: Path) -> None:
    elsewhere = mounted.rename(mounted.with_name("a place with spaces"))
    done = start(agent_bundle, elsewhere, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hodei-worker 0.1.0\n", "")


def test_it_is_not_mounted_at_the_root(agent_bundle: Bundle) -> None:
    for mount in ("/", "", "hodei"):
        with pytest.raises(ValueError, match="absolute path"):
            agent_bundle.command(mount)


def test_every_file_it_opens_is_its_own(agent_bundle: Bundle, mounted: Path) -> None:
    """What the process has mapped and imported lies in the bundle; of the kernel's there may be more."""
    program = (
        "import sys, hodei_worker.main, json;"
        "maps = {line.split(maxsplit=5)[5].strip() for line in open('/proc/self/maps') if '/' in line};"
        "files = {m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)};"
        "print(json.dumps([sorted(maps), sorted(files), sys.path, sys.prefix]))"
    )
    done = subprocess.run(
        [*interpreter(agent_bundle, mounted), "-c", program], capture_output=True, env={}, check=True
    )
    maps, files, path, prefix = json.loads(done.stdout)
    assert prefix == str(mounted)
    for name in [*maps, *files, *path]:
        # The C library takes the locale's tables where it finds them, and does without where it does not.
        assert name.startswith((str(mounted), "/dev/", "/usr/lib/locale/")) or "gconv" in name, name


@pytest.mark.parametrize("given", [{"PATH": "/x"}, {"LC_CTYPE": "de_DE"}, {"LC_ALL": "C"}, {}])
def test_nothing_of_it_reaches_the_environment_of_a_job(
    agent_bundle: Bundle, mounted: Path, given: dict[str, str]
) -> None:
    """Python itself would add LC_CTYPE where the locale is C."""
    (mounted / "lib" / PYTHON / "hodei_worker/main.pyc").unlink()
    (mounted / "lib" / PYTHON / "hodei_worker/main.py").write_text(TELL)
    done = start(agent_bundle, mounted, **given)
    told = done.stdout.strip("\0\n").split("\0") if done.stdout.strip() else []
    assert dict(each.split("=", 1) for each in told) == given


def test_nothing_of_the_environment_reaches_it(agent_bundle: Bundle, mounted: Path, tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('not ours')")
    done = start(
        agent_bundle,
        mounted,
        "--version",
        PYTHONPATH=str(tmp_path),
        PYTHONHOME="/nowhere",
        LD_LIBRARY_PATH="/nowhere",
        PYTHONINSPECT="1",
    )
    assert (done.returncode, done.stdout) == (0, "hodei-worker 0.1.0\n")


def test_no_module_that_the_agent_imports_late_is_missing(agent_bundle: Bundle, mounted: Path) -> None:
    spec = importlib.util.find_spec("hodei_worker")
    assert spec is not None
    assert spec.submodule_search_locations
    late = set()
    for source in Path(spec.submodule_search_locations[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import):
                late |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                late.add(str(node.module))
    program = f"import importlib; [importlib.import_module(n) for n in {sorted(late - set(WITHOUT))}]"
    # Threads for the executor, host names, and what is said of an error.
    program += (
        "; import asyncio, traceback; asyncio.run(asyncio.to_thread(print, 'thread'))"
        "; import socket; socket.getaddrinfo('localhost', 80); 'x'.encode('idna')"
    )
    done = subprocess.run(
        [*interpreter(agent_bundle, mounted), "-c", program],
        capture_output=True,
        text=True,
        env={},
        check=False,
    )
    assert (done.stdout, done.stderr) == ("thread\n", "")


def test_no_path_of_the_machine_it_was_built_on_is_in_what_was_compiled(mounted: Path) -> None:
    ours = [path for path in (sys.prefix, sys.base_prefix, str(Path(__file__).parents[3])) if path != "/usr"]
    for file in mounted.rglob("*.pyc"):
        content = file.read_bytes()
        assert not [path for path in ours if path.encode() in content], file


def test_the_archive_belongs_to_root_and_is_sorted(agent_bundle: Bundle) -> None:
    with tarfile.open(agent_bundle.archive) as tar:
        entries = tar.getmembers()
    names = [entry.name.split("/") for entry in entries]
    assert names == sorted(names)
    assert {(entry.uid, entry.gid, entry.uname, entry.mtime) for entry in entries} == {(0, 0, "", 0)}
    assert {entry.mode for entry in entries} == {0o755, 0o644}
    assert all(entry.isfile() or entry.isdir() for entry in entries)
    assert not [entry.name for entry in entries if entry.name.startswith(("/", "."))]
    by_name = {entry.name: entry.mode for entry in entries}
    assert by_name["bin/python3"] == 0o755
    assert by_name["agent.pyc"] == 0o644


def test_a_bundle_says_what_it_is(agent_bundle: Bundle) -> None:
    assert agent_bundle.architecture == host_architecture()
    assert agent_bundle.size == agent_bundle.archive.stat().st_size
    assert agent_bundle.digest == digest_of(agent_bundle.archive)
    assert len(agent_bundle.digest) == 16


def test_the_same_things_give_the_same_archive(agent_bundle: Bundle, tmp_path: Path) -> None:
    assert build_archive(of_this_machine(), tmp_path).digest == agent_bundle.digest
    assert [path.name for path in tmp_path.iterdir()] == [
        f"agent-{agent_bundle.architecture}-{agent_bundle.digest}.tar"
    ]


def test_without_strip_it_is_larger_and_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agent_bundle: Bundle
) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "strip" else which(name))
    assert build_archive(of_this_machine(), tmp_path).size >= agent_bundle.size


def test_only_what_the_agent_depends_on_is_in_it(agent_bundle: Bundle) -> None:
    with tarfile.open(agent_bundle.archive) as tar:
        names = {Path(name).parts[2] for name in tar.getnames() if len(Path(name).parts) > 2}
    foreign = {
        top
        for top in (name.split(".")[0].split("-")[0] for name in names)
        if top not in sys.stdlib_module_names and top not in PACKAGES and not top.startswith("_sysconfigdata")
    }
    assert foreign == {"lib"}  # lib-dynload


def test_a_signal_before_the_agent_is_there_ends_it_also_as_process_1() -> None:
    """A handler, which process 1 needs, ends it with a code and not by the signal itself."""
    program = f"""
import os, runpy, signal, sys, types
agent = types.ModuleType("hodei_worker.main")
agent.main = lambda: os.kill(os.getpid(), signal.SIGTERM) or signal.pause()
sys.modules |= {{"hodei_worker": types.ModuleType("hodei_worker"), "hodei_worker.main": agent}}
runpy.run_path({str(LAUNCH)!r}, run_name="__main__")
"""
    assert subprocess.run([sys.executable, "-I", "-c", program], timeout=60, check=False).returncode == 143


def test_all_libraries_are_there_and_a_missing_one_is_named(mounted: Path) -> None:
    check_closed(mounted, host_architecture())
    (mounted / "lib/libstdc++.so.6").unlink()
    with pytest.raises(BundleUnavailable, match=r"needs libstdc\+\+\.so\.6, which is not in it"):
        check_closed(mounted, host_architecture())


def test_files_for_another_architecture_are_refused(mounted: Path) -> None:
    other = {"amd64": "arm64", "arm64": "amd64"}[host_architecture()]
    with pytest.raises(BundleUnavailable, match=f"is not for {other}"):
        check_closed(mounted, other)


def test_a_program_is_read_as_the_loader_reads_it() -> None:
    found = read_elf(Path(os.path.realpath(sys.executable)))
    assert found.architecture == host_architecture()
    assert Path(found.loader).exists()
    assert "libc.so.6" in found.needed or any(name.startswith("libpython") for name in found.needed)


@pytest.mark.parametrize(
    "content", [b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01" + b"\0" * 90, b"\x7fELF\x02\x01" + b"\xff" * 90]
)
def test_what_is_no_program_is_told_so(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    assert is_elf(file) == content.startswith(b"\x7fELF")
    with pytest.raises(ValueError, match=r"no 64-bit|damaged"):
        read_elf(file)


# -- machines that build none ---------------------------------------------------------------------------


def test_another_system_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(BundleUnavailable, match="only be built on Linux"):
        of_this_machine()


def test_another_c_library_is_told_so(monkeypatch: pytest.MonkeyPatch, agent_bundle: Bundle) -> None:
    musl = read_elf(Path(os.path.realpath(sys.executable)))
    monkeypatch.setattr(
        ingredients,
        "read_elf",
        lambda path: type(musl)(musl.architecture, "/lib/ld-musl-x86_64.so.1", (), False),
    )
    with pytest.raises(BundleUnavailable, match=r"another C library than glibc.*ld-musl-x86_64\.so\.1"):
        of_this_machine()


def test_a_processor_without_bundles_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(BundleUnavailable, match="no agent bundle for riscv64, only for amd64, arm64"):
        of_this_machine()
