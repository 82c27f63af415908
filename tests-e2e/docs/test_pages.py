"""The pages: every example runs and prints what it promises, links lead somewhere, translations agree.

A page says what the tests need to know about an example in a comment before it: `background` is a server that
stays while the later examples run, `grpcurl` needs that program, `docker` an engine, `long` takes minutes and
is not run here.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
MARK = r"(?:<!-- example: (?P<mark>\w+) -->\n\n)?"
FENCE = re.compile(rf"^{MARK}```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
RUN = ("README.md", "docs/quick-start.md")
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "changes/*.md")
    for path in ROOT.glob(pattern)
)
PATIENCE_SECONDS = 300.0
DEBIAN = "hodei-test/debian:12"


class Example(NamedTuple):
    """Commands, how they are to be run, and what they promise to print (None: nothing is promised)."""

    commands: str
    mark: str
    output: str | None


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def examples(page: str) -> list[Example]:
    """The `sh` blocks; a `text` block that follows at once is the output of the one before."""
    found: list[Example] = []
    text, end = text_of(page), -1
    for match in FENCE.finditer(text):
        if match["kind"] == "sh":
            found.append(Example(match["body"], match["mark"] or "", None))
        elif match["kind"] == "text" and found and not text[end : match.start()].strip():
            found[-1] = found[-1]._replace(output=match["body"])
        end = match.end()
    return found


def without_blocks(page: str) -> str:
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.M | re.S)


def headings(page: str) -> list[str]:
    return re.findall(r"^#+ .*$", without_blocks(page), re.M)


def links(page: str) -> Iterator[str]:
    """Where the links lead that stay in the repository."""
    return (each for each in LINK.findall(without_blocks(page)) if "://" not in each)


def anchors(page: str) -> set[str]:
    """The names by which links reach the headings of a page."""
    plain = (re.sub(r"[^\w\- ]", "", each.lstrip("# ").lower()) for each in headings(page))
    return {each.strip().replace(" ", "-") for each in plain}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_pages_and_headings_that_are_there(page: str) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page}: {link}"
        if anchor:
            assert anchor in anchors(target.resolve().relative_to(ROOT).as_posix()), f"{page}: {link}"


def test_the_spanish_page_has_the_same_parts_commands_and_links() -> None:
    def level(heading: str) -> int:
        return len(list(takewhile("#".__eq__, heading)))

    assert list(map(level, headings("README_ES.md"))) == list(map(level, headings("README.md")))
    assert examples("README_ES.md") == examples("README.md")
    ours = [each for each in links("README.md") if not each.startswith("#") and each != "README_ES.md"]
    theirs = [each for each in links("README_ES.md") if not each.startswith("#") and each != "README.md"]
    assert theirs == ours


def test_the_first_commands_of_the_readme_are_the_promised_ones() -> None:
    first, second, *_ = examples("README.md")
    assert first.commands == './hodei run -- echo "Hello from Hodei!"\n'
    assert second.commands == "./test.sh\n"


def test_generated_pages_are_what_the_code_gives() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "generate-docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_example_is_marked_with_a_word_that_is_known() -> None:
    assert {each.mark for page in PAGES for each in examples(page)} <= {
        *("", "background", "grpcurl", "docker", "long")
    }


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_every_example_runs_and_prints_what_it_promises(page: str, machine: Any, tmp_path: Path) -> None:
    before = list(takewhile(lambda each: each.mark != "background", examples(page)))
    after = examples(page)[len(before) :]
    run_in_one_shell([each for each in before if not each.mark], machine, tmp_path)
    if after:
        machine.up()
        run_in_one_shell([each for each in after if not each.mark], machine, tmp_path)


@pytest.mark.e2e
@pytest.mark.slow
def test_the_examples_for_a_foreign_client_run(machine: Any, grpcurl: str, tmp_path: Path) -> None:
    address = machine.up()
    found = [each for page in RUN for each in examples(page) if each.mark == "grpcurl"]
    assert found
    here = {"localhost:50051": address, "grpcurl ": f"{grpcurl} "}

    def placed(commands: str) -> str:
        for word, ours in here.items():
            commands = commands.replace(word, ours)
        return commands

    run_in_one_shell([each._replace(commands=placed(each.commands)) for each in found], machine, tmp_path)


@pytest.mark.e2e
@pytest.mark.slow
def test_the_examples_with_images_run(machine: Any, need_images: Callable[..., None], tmp_path: Path) -> None:
    """In an image that is here already: the one on the page would have to be pulled."""
    need_images(DEBIAN)
    machine.up(HODEI_DOCKER_ENABLED="1")
    found = [each for page in RUN for each in examples(page) if each.mark == "docker"]
    assert found
    here = [each._replace(commands=each.commands.replace("alpine:3.20", DEBIAN)) for each in found]
    run_in_one_shell(here, machine, tmp_path)


def run_in_one_shell(chosen: Sequence[Example], machine: Any, place: Path) -> None:
    """Run the examples one after the other, so that a variable of one is there for the next."""
    lines = ["set -eu"]
    for number, each in enumerate(chosen):
        lines += [f"echo 'example: '{number} >&2", f"{{\n{each.commands}}} > {place}/out.{number}"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=ROOT,
        env=machine.environment(),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for number, each in enumerate(chosen):
        if each.output is not None:
            assert (place / f"out.{number}").read_text() == each.output, each.commands
