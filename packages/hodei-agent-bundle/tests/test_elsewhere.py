"""A bundle for another architecture, none of which can run here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hodei_agent_bundle import Bundle, BundleUnavailable, debian, elsewhere
from hodei_agent_bundle.archive import digest_of
from hodei_agent_bundle.assembly import check_closed
from hodei_agent_bundle.build import build_archive
from hodei_agent_bundle.bundle import host_architecture
from hodei_agent_bundle.completion import complete
from hodei_agent_bundle.discovery import Found, Module
from hodei_agent_bundle.elf import is_elf, read_elf
from hodei_agent_bundle.elsewhere import _moved, _of_library, of_another_machine
from hodei_agent_bundle.testing import unpack

OTHER = {"amd64": "arm64", "arm64": "amd64"}[host_architecture()]
MACHINE = {"arm64": "aarch64", "amd64": "x86_64"}[OTHER]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Built from what Debian and the package index have; skips where they cannot be reached."""
    scratch = tmp_path_factory.mktemp("other")
    try:
        return build_archive(of_another_machine(OTHER, scratch), scratch)
    except BundleUnavailable as e:
        if "debian" in os.environ.get("HODEI_REQUIRE", "").split(","):
            pytest.fail(f"HODEI_REQUIRE names debian, and {e}")
        pytest.skip(str(e))


@pytest.fixture
def mounted(other: Bundle, tmp_path: Path) -> Path:
    return unpack(other, tmp_path)


def test_all_of_it_is_for_that_architecture_and_complete(mounted: Path) -> None:
    check_closed(mounted, OTHER)
    programs = [path for path in mounted.rglob("*") if path.is_file() and is_elf(path)]
    assert {read_elf(path).architecture for path in programs} == {OTHER}
    assert {path.name for path in programs} >= {"python3", "libc.so.6", "libstdc++.so.6"}
    assert any(path.name.startswith("cygrpc.") for path in programs)


def test_it_says_for_which_it_is(other: Bundle) -> None:
    assert (other.architecture, other.digest) == (OTHER, digest_of(other.archive))
    assert f"ld-linux-{MACHINE.replace('_', '-')}.so" in other.command("/hodei")[0]


def test_it_starts_where_that_machine_is_emulated(other: Bundle, mounted: Path) -> None:
    emulator = shutil.which(f"qemu-{MACHINE}-static") or shutil.which(f"qemu-{MACHINE}")
    if emulator is None:
        pytest.skip(f"there is no qemu-{MACHINE} on PATH")
    command = [emulator, *other.command(str(mounted)), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, "hodei-worker 0.1.0\n")


def test_a_python_that_debian_has_not_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    with pytest.raises(BundleUnavailable, match=r"Debian, which has 3\.11, 3\.13: .* instead of 3\.99"):
        debian.release()


def test_a_machine_without_debians_tools_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(BundleUnavailable, match="apt-get is needed"):
        debian.unpack(["libc6"], OTHER, tmp_path)


def test_the_last_words_of_a_tool_are_told(tmp_path: Path) -> None:
    with pytest.raises(BundleUnavailable, match="sh failed: no such mirror"):
        debian._run(["sh", "-c", "echo trying >&2; echo no such mirror >&2; exit 100"], tmp_path)


# -- modules as the other Python has them ---------------------------------------------------------------


@pytest.fixture
def library(tmp_path: Path) -> Path:
    library = tmp_path / "usr/lib/python"
    (library / "lib-dynload").mkdir(parents=True)
    (library / "json").mkdir()
    for name in ("json/__init__.py", "json/decoder.py", "os.py"):
        (library / name).touch()
    for name in ("_json", "_asyncio"):
        (library / f"lib-dynload/{name}.cpython-311-aarch64-linux-gnu.so").touch()
    return library


def moved(
    library: Path, *modules: Module, built_in: tuple[str, ...] = (), inside: bytes = b""
) -> dict[str, Path]:
    interpreter = library.parent / "interpreter"
    interpreter.write_bytes(inside)
    found = Found(modules, built_in)
    return {module.name: module.origin for module in _moved(found, library, {}, interpreter)}


def ours(name: str, suffix: str = ".py") -> Module:
    return Module(name, Path(f"/here/{name}{suffix}"), package=False)


def test_the_library_is_the_other_pythons(library: Path) -> None:
    assert moved(library, ours("os"), ours("json"), ours("json.decoder"), ours("_json", ".so")) == {
        "os": library / "os.py",
        "json": library / "json/__init__.py",
        "json.decoder": library / "json/decoder.py",
        "_json": library / "lib-dynload/_json.cpython-311-aarch64-linux-gnu.so",
    }


def test_what_is_built_into_the_other_python_needs_no_file(library: Path) -> None:
    assert moved(library, ours("_struct", ".so"), inside=b"...PyInit__struct...") == {}


def test_what_is_built_in_here_is_a_file_there(library: Path) -> None:
    assert list(moved(library, built_in=("_asyncio", "sys"))) == ["_asyncio"]


def test_what_the_other_python_has_not_is_named(library: Path) -> None:
    with pytest.raises(BundleUnavailable, match="_struct is not in the other machine's Python"):
        moved(library, ours("_struct", ".so"))


def test_packages_of_python_alone_are_the_same_everywhere(library: Path) -> None:
    assert moved(library, ours("hodei_worker")) == {"hodei_worker": Path("/here/hodei_worker.py")}


def test_a_compiled_package_from_nowhere_is_named(library: Path) -> None:
    assert "betterproto2" not in elsewhere.COMPILED
    with pytest.raises(BundleUnavailable, match="betterproto2 is compiled"):
        moved(library, ours("betterproto2", ".so"))


def test_what_another_release_imports_besides_is_added(library: Path) -> None:
    (library / "json/decoder.py").write_text(
        "from . import tool\nimport extra.deep\nimport ssl\n"
        "try:\n    import optional\nexcept ImportError:\n    pass\n"
        "def f():\n    import late\n"
    )
    (library / "extra").mkdir()
    for name in ("json/tool.py", "extra/__init__.py", "extra/deep.py", "ssl.py", "optional.py", "late.py"):
        (library / name).touch()
    decoder = Module("json.decoder", library / "json/decoder.py", package=False)
    names = {module.name for module in complete([decoder], lambda name: _of_library(name, library))}
    assert names == {"json", "json.decoder", "json.tool", "extra", "extra.deep"}
