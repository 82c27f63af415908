"""A job that wants to be more than text: name, labels, environment and output are HTML, escapes and marks."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TURN = "\u202e"  # what follows reads from right to left
IMAGE = "<img src=x onerror=\"window.hacked='image'\">"
SCRIPT = "</script><script>window.hacked='script'</script>"
FRAME = "<iframe srcdoc=\"<script>parent.hacked='frame'</script>\"></iframe>"
LINK = "<a href=\"javascript:window.hacked='link'\">click</a>"
NAME = f"{IMAGE}invoice{TURN}gpj.exe"
# Escapes: colours, a title for the window, a link, a cleared screen, a bell; turned and hidden text
OUTPUT = r"""printf '\033[31mred\033[0m \033]0;owned\007'
printf '\033]8;;javascript:alert(1)\033\\link\033]8;;\033\\ \033[2J\a\n'
printf 'left \342\200\256 thgir \342\201\247 hidden \342\200\213 space\n'
printf '%s\n' "$MARKUP" "$FRAMED"
exit 7
"""


def is_only_text(page: Page) -> None:
    """Nothing of the job became a part of the page."""
    assert page.evaluate("window.hacked") is None
    assert page.title().endswith("Hodei")
    assert "owned" not in page.title()
    assert TURN not in page.title()
    found = page.evaluate(
        """() => [...document.querySelectorAll("main *")]
            .filter(it => it.matches("img, iframe, script, object, embed, style, a[href^='javascript' i]")
                || [...it.attributes].some(({name}) => name.startsWith("on")))
            .map(it => it.outerHTML.slice(0, 200))"""
    )
    assert found == []


@pytest.fixture(scope="module")
def hostile(server: Any) -> str:
    """The job, after its end."""
    id = server.queue(
        script={"interpreter": "sh", "content": OUTPUT, "strict": False},
        name=NAME,
        description=f"{SCRIPT}{TURN}",
        labels={"team": FRAME, "markup": f"{LINK}{TURN}"},
        tags=[IMAGE],
        env={"MARKUP": f"{IMAGE}{SCRIPT}", "FRAMED": f"{FRAME}{LINK}{TURN}"},
    )
    assert server.wait(id)["exit_code"] == 7
    return str(id)


@pytest.mark.parametrize("path", ["/", "/jobs", "/jobs/{id}", "/jobs/{id}?tab=config", "/jobs/new?from={id}"])
def test_a_hostile_job_is_only_text(path: str, open_page: Any, hostile: str) -> None:
    page = open_page(path.format(id=hostile))
    expect(page.get_by_text("invoice", exact=False).first).to_be_visible()
    is_only_text(page)


def test_a_hostile_environment_is_only_text(open_page: Any, hostile: str) -> None:
    page = open_page(f"/jobs/{hostile}?tab=config")
    for button in page.get_by_role("button", name="Show values").all():
        button.click()
    expect(page.get_by_text("onerror", exact=False).first).to_be_visible()
    is_only_text(page)


def test_a_hostile_log_is_only_text_with_its_marks_shown(open_page: Any, hostile: str, keep: Any) -> None:
    page = open_page(f"/jobs/{hostile}/logs")
    log = page.get_by_role("log")
    expect(log).to_contain_text("red link")
    expect(log).to_contain_text(IMAGE)
    text = log.inner_text()
    assert not set(text) & {TURN, "\u2067", "\x1b", "\x07"}, "what turns or hides text is shown as a sign"
    assert "left" in text
    is_only_text(page)
    keep(page, "hostile-logs")


def test_a_hostile_record_is_only_text_with_its_marks_shown(open_page: Any, hostile: str) -> None:
    page = open_page(f"/audit?type=JobCreated&correlation_id={hostile}")
    page.get_by_role("button", name="Show everything about JobCreated").click()
    payload = page.get_by_label("Everything it says")
    expect(payload).to_contain_text("invoice⟨U+202E⟩gpj.exe")
    assert TURN not in page.locator("main").inner_text()
    is_only_text(page)


@pytest.mark.parametrize("path", ["/", "/jobs", "/jobs/{id}"])
def test_a_name_cannot_turn_around_what_stands_beside_it(path: str, open_page: Any, hostile: str) -> None:
    page = open_page(path.format(id=hostile))
    expect(page.get_by_text("invoice", exact=False).first).to_be_visible()
    assert TURN not in page.locator("main").inner_text()
