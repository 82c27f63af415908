"""What the server refuses is told with the option that it was given by, never with the wire's name."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hodei_cli.exits import Exit
from hodei_cli.main import run
from hodei_proto.wire import hodei

pytestmark = [pytest.mark.e2e]

LONG, HUGE = "x" * 300, "x" * 5000
UUID = "01920000-0000-7000-8000-000000000000"

# By command: what is typed, and what the refusal is to name.
REFUSED = {
    "job queue": [
        (("--name", LONG), "--name"),
        (("--description", HUGE * 20), "--description"),
        (("--env", f"A={'x' * 3_000_000}"), "--env"),
        (("--label", f"{LONG}=1"), "--label"),
        (("--label", f"image={HUGE}"), "--label"),
        (("--tag", LONG), "--tag"),
        (("--image", HUGE), "--image"),
        (("--cpu", "100000000"), "--cpu"),
        (("--memory", "9000000T"), "--memory"),
        (("--memory", "99999999T"), "--memory"),
        (("--disk", "9000000T"), "--disk"),
        (("--disk", "99999999T"), "--disk"),
        (("--gpu", "1000000"), "--gpu"),
        (("--arch", LONG), "--arch"),
        (("--provider", LONG), "--provider"),
        (("--region", LONG), "--region"),
        (("--require", f"{LONG}=1"), "--require"),
        (("--timeout", "9999d"), "--timeout"),
        (("--queue-timeout", "9999d"), "--queue-timeout"),
        (("--silence-timeout", "9999d"), "--silence-timeout"),
        (("--total-timeout", "9999d"), "--total-timeout"),
        (("--grace", "9999d"), "--grace"),
        (("--retry", "1000"), "--retry"),
        (("--workdir", HUGE), "--workdir"),
        (("--queued-by", LONG), "--queued-by"),
        (("--key", LONG), "--key"),
    ],
    "job list": [(("--search", LONG), "--search"), (("--by", LONG), "--by")],
    "logs get": [((UUID, "--search", HUGE), "--search")],
    "audit list": [
        ((LONG,), "ABOUT"),
        (("--type", LONG), "--type"),
        (("--type", "JobCreated", "--type", LONG), "--type"),
        (("--actor", LONG), "--actor"),
    ],
    "worker list": [(("--provider", LONG), "--provider")],
    "provider set process": [
        (("--idle-ttl", "9999d"), "--idle-ttl"),
        (("--max-lifetime", "9999d"), "--max-lifetime"),
        (("--drain-within", "9999d"), "--drain-within"),
        (("--image", HUGE, "--max-jobs", "1"), "--image"),
        (("--cpu", "100000000", "--max-jobs", "1"), "--cpu"),
        (("--memory", "9000000T", "--max-jobs", "1"), "--memory"),
        (("--priority", "2000000000"), "--priority"),
    ],
    "scheduler config": [(("--requeue-delay", "9999d"), "--requeue-delay")],
}
CASES = [(command, *case) for command, cases in REFUSED.items() for case in cases]
TAKES_A_COMMAND = {"job queue"}
WIRE_NAMES = {
    name
    for message in vars(hodei).values()
    if isinstance(message, type) and hasattr(message, "__dataclass_fields__")
    for name in message.__dataclass_fields__
    if "_" in name
}


@pytest.mark.parametrize(
    ("command", "typed", "named"), CASES, ids=[f"{c} {' '.join(t)[:30]}" for c, t, _ in CASES]
)
def test_a_refusal_names_the_option(
    platform: Any,
    command: str,
    typed: tuple[str, ...],
    named: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HODEI_SERVER", platform.address)
    monkeypatch.setenv("HODEI_TOKEN", platform.token)
    job = ("--", "true") if command in TAKES_A_COMMAND else ()
    assert run([*command.split(), *typed, *job]) in (Exit.USAGE, Exit.NOT_FOUND)
    said = capsys.readouterr().err.splitlines()[0]
    assert re.search(rf"{named}['\": ]", said), said
    assert not WIRE_NAMES & set(re.findall(r"\w+", said)), said
    assert "." not in said.partition(named)[0], said
