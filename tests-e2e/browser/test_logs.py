"""The log viewer: a million lines, and a server that is killed while it is watched."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MILLION = 1_000_000
LINE = 20  # pixels
PRINTING = 'awk \'BEGIN { for (n = 1; n <= 1000000; n++) print (n % 1000 ? "line " : "needle ") n }\''
TICKING = """n=0
while [ ! -e {flag} ]; do n=$((n + 1)); echo "tick $n"; sleep 0.05; done
echo "done after $n"
"""


def lines(page: Page) -> dict[int, str]:
    """The lines in the document, by their number."""
    found: list[list[Any]] = page.locator("[data-line]").evaluate_all(
        "rows => rows.map(row => [Number(row.dataset.line), row.lastElementChild.textContent])"
    )
    return {int(number): str(text) for number, text in found}


def seen(page: Page, line: int) -> Any:
    """That line, when it is in view."""
    return page.locator(f"[data-line='{line}']")


def text_of(n: int) -> str:
    """What the printing job wrote as its n-th line."""
    return f"{'line' if n % 1000 else 'needle'} {n}"


@pytest.fixture(scope="module")
def million(server: Any) -> str:
    """A job that has printed a million lines."""
    id = server.queue(PRINTING, name="million")
    assert server.wait(id)["state"] == "SUCCEEDED"
    return str(id)


def test_a_million_lines_are_scrolled_searched_and_filtered(open_page: Any, million: str) -> None:
    page = open_page(f"/jobs/{million}/logs")
    expect(page.get_by_text("1,000,000 lines")).to_be_visible()
    expect(seen(page, MILLION)).to_be_in_viewport()
    log = page.get_by_role("log")
    log.focus()
    for top, line in (("0", 1), ("area.scrollHeight / 2", None), ("area.scrollHeight", MILLION)):
        log.evaluate(f"area => {{ area.scrollTop = {top}; }}")
        if line is not None:
            expect(seen(page, line)).to_be_in_viewport()
        expect(page.locator("[data-line]").first).to_be_visible()
        shown = lines(page)
        assert len(shown) < 500, "only what is in view is in the document"
        assert shown == {number: text_of(number) for number in shown}
    page.get_by_label("Search the output").fill("needle")
    counted = page.get_by_role("status").filter(has_text=re.compile("^1,000$"))
    expect(counted).to_be_visible(timeout=150_000)
    page.get_by_label("Search the output").press("Enter")
    expect(page.get_by_role("status").filter(has_text="of 1,000")).to_be_visible()
    expect(page.locator("mark").first).to_have_text("needle")
    page.get_by_role("button", name="Show matching lines only").click()
    expect(page.get_by_text("1,000 of 1,000,000 shown")).to_be_visible()
    assert set(lines(page)) <= set(range(1000, MILLION + 1, 1000))


def test_a_link_to_a_line_leads_to_it(open_page: Any, million: str) -> None:
    page = open_page(f"/jobs/{million}/logs")
    expect(seen(page, MILLION)).to_be_in_viewport()
    seen(page, MILLION).get_by_role("link").click()
    expect(page).to_have_url(re.compile("#"))
    address = page.url.replace("1000000", "654321")
    other = open_page(address)
    expect(seen(other, 654_321)).to_be_in_viewport()
    expect(seen(other, 654_321)).to_contain_text("line 654321")


def test_a_server_that_is_killed_and_comes_back_loses_nothing_and_tells_nothing_twice(
    open_page: Any, server: Any, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    id = server.queue(script={"interpreter": "sh", "content": TICKING.format(flag=flag), "strict": False})
    page = open_page(f"/jobs/{id}/logs")
    expect(seen(page, 20)).to_be_visible()
    (process,) = server.machine.servers()
    page.watched.away = True
    process.send_signal(signal.SIGKILL)
    process.wait()
    banner = page.get_by_text("Reconnecting to the server…", exact=False)
    expect(banner).to_be_visible()
    last = max(lines(page))
    server.start_again()
    expect(banner).to_be_hidden(timeout=60_000)
    newest = "Number([...document.querySelectorAll('[data-line]')].at(-1).dataset.line)"
    page.wait_for_function(f"last => {newest} > last + 20", arg=last)
    page.watched.away = False
    flag.touch()
    expect(page.get_by_text("Complete", exact=True)).to_be_visible(timeout=60_000)
    total = int(re.findall(r"done after (\d+)", page.get_by_role("log").inner_text())[0])
    found: dict[int, str] = {}
    while len(found) < total + 1:
        # a line further down than those seen; a row of the list is LINE pixels high
        page.get_by_role("log").evaluate(f"area => {{ area.scrollTop = {len(found) * LINE}; }}")
        expect(seen(page, len(found) + 1)).to_be_visible()
        found |= lines(page)
    assert found == {n: f"tick {n}" for n in range(1, total + 1)} | {total + 1: f"done after {total}"}
