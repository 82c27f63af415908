"""Which bundle is found: shipped, kept, or built, and what is said when there is none."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hodei_agent_bundle import Bundle, BundleUnavailable, find_bundle, finding, sources
from hodei_agent_bundle.__main__ import main
from hodei_agent_bundle.bundle import host_architecture
from hodei_agent_bundle.cache import KEPT, Cache
from hodei_agent_bundle.shipped import read_shipped, ship

HOST = host_architecture()
OTHER = {"amd64": "arm64", "arm64": "amd64"}[HOST]


def maker(content: str) -> Callable[[Path], Bundle]:
    """Makes a small file instead of a bundle."""

    def make(directory: Path) -> Bundle:
        archive = directory / f"agent-{HOST}-{content}.tar"
        archive.write_text(content)
        return Bundle(digest=content, architecture=HOST, archive=archive, size=len(content))

    return make


def never(directory: Path) -> Bundle:
    raise AssertionError("it was there already")


@pytest.fixture
def unshipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "read_shipped", lambda architecture: None)


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], Bundle]:
    """Ships a bundle for an architecture, as if it had been built from an agent of that key."""
    directory = tmp_path / "shipped"
    monkeypatch.setattr(finding, "read_shipped", lambda architecture: read_shipped(architecture, directory))

    def put(architecture: str, agent: str) -> Bundle:
        archive = tmp_path / "made"
        archive.write_text("bundle")
        bundle = Bundle(digest="0" * 16, architecture=architecture, archive=archive, size=6)
        ship(bundle, agent, directory)
        found = read_shipped(architecture, directory)
        assert found is not None
        return found[0]

    return put


# -- the cache --------------------------------------------------------------------------------------


def test_what_was_built_is_found_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "a/b")
    built = cache.get(HOST, "key", maker("one"))
    assert cache.get(HOST, "key", never) == built
    assert built.archive.read_text() == "one"


def test_another_key_is_built_anew(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.get(HOST, "key", maker("one")).digest == "one"
    assert cache.get(HOST, "other", maker("two")).digest == "two"
    assert cache.get(HOST, "key", never).digest == "one"


def test_a_file_that_was_cut_short_is_built_anew(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.get(HOST, "key", maker("one")).archive.write_text("on")
    assert cache.get(HOST, "key", maker("one")).archive.read_text() == "one"


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"digest": "one"}', "\0"])
def test_a_note_that_makes_no_sense_is_written_anew(tmp_path: Path, note: str) -> None:
    cache = Cache(tmp_path)
    cache.get(HOST, "key", maker("one"))
    (tmp_path / f"key-{HOST}-key.json").write_text(note)
    assert cache.get(HOST, "key", maker("one")).digest == "one"
    assert cache.get(HOST, "key", never).digest == "one"


def test_the_ones_used_last_are_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for number in range(KEPT + 2):
        bundle = cache.get(HOST, f"key{number}", maker(f"content{number}"))
        for file in (bundle.archive, tmp_path / f"key-{HOST}-key{number}.json"):
            os.utime(file, (number, number))
        cache.get(HOST, "key0", never if number else maker("content0"))
    archives = sorted(path.name for path in tmp_path.glob("*.tar"))
    assert archives == sorted(f"agent-{HOST}-content{number}.tar" for number in (0, 3, 4))


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BundleUnavailable, match=f"cannot be kept in {tmp_path}/file/cache"):
        Cache(tmp_path / "file/cache").get(HOST, "key", never)


def test_of_many_processes_one_builds(tmp_path: Path) -> None:
    program = f"""
import os, time
from pathlib import Path
from hodei_agent_bundle.bundle import Bundle
from hodei_agent_bundle.cache import Cache
def make(directory):
    with open(directory / "builds", "a") as file:
        file.write("x")
    archive = directory / "agent-{HOST}-one.tar"
    archive.write_text("one")
    return Bundle(digest="one", architecture="{HOST}", archive=archive, size=3)
input()
print(Cache(Path({str(tmp_path)!r})).get("{HOST}", "key", make).archive.read_text())
"""
    several = [
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in several:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0] for process in several] == ["one\n"] * 4
    assert (tmp_path / "builds").read_text() == "x"


# -- finding ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unshipped")
def test_it_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = find_bundle(HOST, tmp_path)
    monkeypatch.setattr(finding, "build_archive", never)
    assert find_bundle(HOST, tmp_path) == built
    assert built.archive.parent == tmp_path


def test_a_change_of_the_agents_sources_is_another_bundle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = sources.build_key()
    assert sources.build_key() == before
    package = tmp_path / "hodei_worker"
    package.mkdir()
    (package / "main.py").write_text("# changed")
    directory = sources._directory_of
    monkeypatch.setattr(
        sources, "_directory_of", lambda name: package if name == "hodei_worker" else directory(name)
    )
    assert sources.build_key() != before


def test_the_shipped_one_is_taken_if_it_is_of_the_installed_agent(
    shipped: Callable[[str, str], Bundle], tmp_path: Path
) -> None:
    for architecture in (HOST, OTHER):
        mine = shipped(architecture, sources.agent_key())
        assert find_bundle(architecture, tmp_path) == mine


def test_the_shipped_one_is_taken_where_no_agent_is_installed(
    shipped: Callable[[str, str], Bundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = shipped(OTHER, "whatever")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "hodei_worker" else find(name)
    )
    assert find_bundle(OTHER, tmp_path) == mine


def test_a_shipped_one_of_another_agent_is_not_taken(
    shipped: Callable[[str, str], Bundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped(HOST, "another")
    shipped(OTHER, "another")
    monkeypatch.setattr(finding, "build_archive", lambda _, directory: maker("built")(directory))
    assert find_bundle(HOST, tmp_path / "cache").digest == "built"
    with pytest.raises(
        BundleUnavailable, match=f"for {OTHER} is of another version .*--architecture {OTHER}"
    ):
        find_bundle(OTHER, tmp_path / "cache")


@pytest.mark.usefixtures("unshipped")
def test_another_architecture_says_how_it_is_built(tmp_path: Path) -> None:
    with pytest.raises(BundleUnavailable, match=f"python -m hodei_agent_bundle build --architecture {OTHER}"):
        find_bundle(OTHER, tmp_path)


def test_an_architecture_without_bundles_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(BundleUnavailable, match="no agent bundle for s390x, only for amd64, arm64"):
        find_bundle("s390x", tmp_path)


@pytest.mark.usefixtures("unshipped")
def test_without_the_agent_none_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "hodei_worker" else find(name)
    )
    with pytest.raises(BundleUnavailable, match="hodei-worker is not installed"):
        find_bundle(HOST, tmp_path)


@pytest.mark.usefixtures("unshipped")
def test_an_agent_that_cannot_be_imported_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_agent_bundle.discovery.PACKAGES", ("hodei_worker", "hodei_proto"))
    with pytest.raises(BundleUnavailable, match="cannot be built: ModuleNotFoundError: No module named"):
        find_bundle(HOST, tmp_path)
    assert not list(tmp_path.glob("agent-*"))


# -- the command line -------------------------------------------------------------------------------


def test_it_is_built_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "agent.tar"
    assert main(["build", "--output", str(output)]) == 0
    assert capsys.readouterr().out.startswith(f"{output}: {HOST}, ")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--output", str(tmp_path / "no/agent.tar")]) == 69
    assert (
        capsys.readouterr().err
        == f"hodei-agent-bundle: {tmp_path}/no/agent.tar cannot be written: No such file or directory\n"
    )


def test_wrong_words_are_a_usage_error() -> None:
    for words in ([], ["build", "--architecture", "vax"]):
        with pytest.raises(SystemExit):
            main(words)


def test_a_shipped_one_that_was_cut_short_is_none(tmp_path: Path) -> None:
    archive = tmp_path / "made"
    archive.write_text("bundle")
    bundle = Bundle(digest="0" * 16, architecture=HOST, archive=archive, size=6)
    ship(bundle, "agent", tmp_path / "shipped")
    note = tmp_path / f"shipped/agent-{HOST}.json"
    assert json.loads(note.read_text()) == {"digest": "0" * 16, "size": 6, "agent": "agent"}
    (tmp_path / f"shipped/agent-{HOST}.tar").write_text("b")
    assert read_shipped(HOST, tmp_path / "shipped") is None
