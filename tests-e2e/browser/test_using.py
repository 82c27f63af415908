"""What people do in the dashboard: watch, queue, cancel, find, switch; in their language, by their keys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PHONE = {"width": 390, "height": 844}
UNTIL = "while [ ! -e {flag} ]; do sleep 0.05; done"


def row(page: Page, name: str) -> Any:
    """A job's row in the list."""
    return page.get_by_role("row").filter(has_text=name)


def state(page: Page) -> Any:
    """The state beside a page's title."""
    return page.locator("main header").first


@pytest.fixture(scope="module", autouse=True)
def past(server: Any) -> dict[str, str]:
    """A job that ended well and one that did not."""
    good, bad = server.queue("echo fine", name="good-one"), server.queue("exit 4", name="bad-one")
    server.wait(good), server.wait(bad)
    return {"good": good, "bad": bad}


def test_a_job_that_is_queued_elsewhere_appears_and_changes_without_a_reload(
    open_page: Any, server: Any, tmp_path: Path
) -> None:
    listed, overview = open_page("/jobs"), open_page("/")
    before = server.call("/queue")["by_state"]["SUCCEEDED"]
    tile = overview.get_by_role("link", name=re.compile("^Succeeded"))
    expect(tile).to_contain_text(str(before))
    for page in (listed, overview):
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        page.evaluate("window.stays = true")
    flag = tmp_path / "flag"
    server.queue(UNTIL.format(flag=flag), name="from-elsewhere")
    expect(row(listed, "from-elsewhere")).to_contain_text("Running")
    expect(overview.get_by_role("listitem").filter(has_text="from-elsewhere")).to_contain_text("Running")
    flag.touch()
    expect(row(listed, "from-elsewhere")).to_contain_text("Succeeded")
    expect(overview.get_by_role("listitem").filter(has_text="from-elsewhere")).to_contain_text("Succeeded")
    expect(tile).to_contain_text(str(before + 1))
    assert listed.evaluate("window.stays")
    assert overview.evaluate("window.stays")


def test_a_job_is_made_in_the_form_cancelled_run_again_and_cloned(open_page: Any, server: Any) -> None:
    page = open_page("/")
    page.get_by_role("link", name="New job").click()
    page.get_by_label("Job name").fill("by-hand")
    page.get_by_label("Command", exact=True).fill('echo "hello $WHO"; sleep 300')
    page.get_by_role("button", name="Add variable").click()
    page.get_by_label("Name of variable 1").fill("WHO")
    page.get_by_label("Value of variable 1").fill("world")
    page.get_by_role("button", name="Schedule Job").click()
    page.wait_for_url(re.compile("/jobs/[0-9a-f-]{36}$"))
    first = page.url.rpartition("/")[2]
    expect(state(page)).to_contain_text("Running")
    expect(page.get_by_text("hello world")).to_be_visible()
    page.get_by_role("button", name="Cancel job").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel job").click()
    expect(state(page)).to_contain_text("Cancelled")
    page.get_by_role("button", name="Run again").click()
    page.wait_for_url(lambda url: first not in url)
    again = page.url.rpartition("/")[2]
    assert server.job(again)["rerun_of"] == first
    server.call(f"/jobs/{again}/cancel", {})
    page.get_by_role("link", name="Clone").click()
    expect(page.get_by_label("Command", exact=True)).to_have_value('echo "hello $WHO"; sleep 300')
    page.get_by_text("Python script", exact=True).click()
    page.get_by_label("Script content").fill("import os\nprint('python says', os.environ['WHO'])\n")
    page.get_by_role("button", name="Schedule Job").click()
    expect(state(page)).to_contain_text("Succeeded")
    expect(page.get_by_text("python says world")).to_be_visible()


def test_several_jobs_are_cancelled_at_once(open_page: Any, server: Any) -> None:
    for n in (1, 2):
        server.queue("sleep 300", name=f"crowd-{n}")
    page = open_page("/jobs?name=crowd-")
    for n in (1, 2):
        row(page, f"crowd-{n}").get_by_role("checkbox").check()
    page.get_by_role("region", name="2 jobs selected").get_by_role("button", name="Cancel 2 jobs").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel 2 jobs").click()
    for n in (1, 2):
        expect(row(page, f"crowd-{n}")).to_contain_text("Cancelled")
    expect(page.get_by_role("region", name="2 jobs selected")).to_be_hidden()


def test_what_is_wrong_in_the_form_is_said_at_its_field(open_page: Any) -> None:
    page = open_page("/jobs/new")
    page.get_by_label("Memory (MiB)").fill("lots")
    page.get_by_role("button", name="Schedule Job").click()
    expect(page.get_by_label("Command", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Memory (MiB)")).to_have_attribute("aria-invalid", "true")
    assert page.url.endswith("/jobs/new")


def test_filters_of_jobs_are_in_the_address_and_come_back_with_it(open_page: Any) -> None:
    page = open_page("/jobs")
    page.get_by_role("group", name="State").get_by_role("button", name="Failed").click()
    expect(page).to_have_url(re.compile("state=FAILED"))
    expect(row(page, "bad-one")).to_be_visible()
    expect(row(page, "good-one")).to_have_count(0)
    page.get_by_label("Search by name or id").fill("nobody")
    expect(page).to_have_url(re.compile("name=nobody"))
    expect(page.get_by_text("No job passes these filters")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Search by name or id")).to_have_value("nobody")
    page.get_by_role("button", name="Clear filters").first.click()
    expect(row(page, "good-one")).to_be_visible()
    expect(page).to_have_url(re.compile("/jobs$"))


def test_the_trail_is_filtered_by_what_happened_and_to_what(open_page: Any, past: dict[str, str]) -> None:
    page = open_page(f"/audit?correlation_id={past['bad']}")
    events = page.locator("main li")
    expect(events.filter(has_text="JobCreated")).to_have_count(1)
    page.get_by_label("Event", exact=True).select_option("JobAssigned")
    expect(page).to_have_url(re.compile("type=JobAssigned"))
    expect(events).to_have_count(1)
    page.get_by_role("button", name="Show everything about JobAssigned").click()
    expect(page.get_by_label("Everything it says")).to_contain_text(past["bad"])
    events.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("bad-one")


def test_everything_can_be_done_with_the_keyboard(open_page: Any, past: dict[str, str]) -> None:
    page = open_page("/jobs?name=bad-one")
    expect(row(page, "bad-one")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Search by name or id")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("j")
    expect(row(page, "bad-one")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/jobs/{past['bad']}")
    page.get_by_role("tab", name="Overview").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Config")).to_have_attribute("aria-selected", "true")
    page.goto("/providers")
    page.get_by_role("button", name="Disable").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Disable")).to_be_focused()


def test_a_provider_is_switched_off_and_on_after_a_question(open_page: Any, server: Any) -> None:
    page = open_page("/providers/process")
    page.get_by_role("button", name="Disable").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(state(page)).to_contain_text("Disabled")
    assert server.call("/providers/process")["enabled"] is False
    page.get_by_role("button", name="Enable").click()
    page.get_by_role("dialog").get_by_role("button", name="Enable").click()
    expect(state(page)).to_contain_text("Healthy")
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("process answers: ").first).to_be_visible()


def test_a_provider_is_configured_unless_somebody_else_did_meanwhile(open_page: Any, server: Any) -> None:
    page = open_page("/providers/process?tab=config", refused=(412,))
    idle = page.get_by_label("Idle for at most (s)")
    idle.fill("soon")
    page.get_by_role("button", name="Save").click()
    expect(idle).to_have_attribute("aria-invalid", "true")
    idle.fill("90")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("process is saved").first).to_be_visible()
    assert server.call("/providers/process")["pool"]["idle_ttl_ms"] == 90_000
    idle.fill("91")
    server.call("/providers/process", {"priority": 3}, "PATCH")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Somebody else changed it meanwhile.", exact=False)).to_be_visible()
    page.get_by_role("button", name="Load the new state").click()
    expect(page.get_by_label("Priority")).to_have_value("3")


def test_a_provider_is_tried_before_it_is_kept(open_page: Any, server: Any) -> None:
    page = open_page("/providers/new", refused=(409, 422))
    page.get_by_label("Name", exact=True).fill("process")
    page.get_by_label("Engine").fill("nonsense")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_label("Engine")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Engine").fill("unix:///no/such/docker.sock")
    page.get_by_role("button", name="Save provider").click()
    expect(page.get_by_text("It does not answer as it should")).to_be_visible()
    assert [each["name"] for each in server.call("/providers")] == ["process"]
    page.get_by_role("button", name="Save it all the same").click()
    expect(page.get_by_label("Name", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Name", exact=True).fill("elsewhere")
    page.get_by_role("button", name="Test connection").click()
    page.get_by_role("button", name="Save it all the same").click()
    page.wait_for_url("**/providers/elsewhere")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/providers")
    expect(page.get_by_role("link", name="elsewhere")).to_have_count(0)


def test_a_worker_is_watched_and_ended(open_page: Any, server: Any) -> None:
    id = server.queue("sleep 300", name="long-one")
    page = open_page("/workers?state=BUSY")
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    expect(state(page)).to_contain_text("Busy")
    expect(page.get_by_role("region", name="What its agent says")).to_contain_text("Registered as worker")
    # Usage comes with a heartbeat, some seconds apart.
    expect(page.get_by_role("meter", name="CPU")).to_be_visible(timeout=40_000)
    page.get_by_role("button", name="Terminate").click()
    expect(page.get_by_role("dialog")).to_contain_text("It runs a job now.")
    page.get_by_role("dialog").get_by_role("button", name="Terminate").click()
    expect(state(page)).to_contain_text("Terminated")
    server.call(f"/jobs/{id}/cancel", {})


def test_a_page_that_asks_for_what_is_not_there_says_so_in_words(open_page: Any) -> None:
    page = open_page("/workers/01a20d54-0000-7000-8000-000000000000", refused=(404,))
    expect(page.get_by_role("alert")).to_contain_text("there is no worker")


def test_the_pages_speak_spanish_when_asked_to(open_page: Any) -> None:
    page = open_page("/")
    page.get_by_role("button", name="Español").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Resumen")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    titles = {"/jobs": "Jobs", "/metrics": "Métricas", "/audit": "Auditoría", "/jobs/new": "Nuevo job"}
    for path, title in titles.items():
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.get_by_role("button", name="Programar job")).to_be_visible()


def test_a_spanish_browser_is_spoken_to_in_spanish(open_page: Any) -> None:
    page = open_page("/", locale="es-ES")
    expect(page.get_by_role("heading", level=1)).to_have_text("Resumen")


def test_a_phone_has_its_navigation_at_the_bottom(open_page: Any) -> None:
    page = open_page("/", PHONE, has_touch=True, is_mobile=True)
    bar = page.get_by_role("navigation", name="Main")
    expect(bar).to_have_count(1)
    box = bar.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] == PHONE["height"]
    bar.get_by_role("link", name="Jobs").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    bar.get_by_role("button", name="More").tap()
    page.get_by_role("dialog").get_by_role("link", name="Metrics").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Metrics")
    expect(page.get_by_role("dialog")).to_have_count(0)
