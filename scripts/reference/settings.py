"""docs/reference/settings.md: the variables a server reads, from the record that holds them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from attrs import NOTHING, fields
from hodei_infrastructure.settings import Settings

from reference.markdown import code, table
from reference.words import AGENT, CLIENT, SETTINGS


def page() -> str:
    """The page."""
    known = {each.name: each for each in fields(Settings) if each.name != "without_effect"}
    if set(known) != set(SETTINGS):
        raise LookupError(f"scripts/reference/words.py: SETTINGS for {sorted(set(known) ^ set(SETTINGS))}")
    rows = ([_names(each), _default(each), SETTINGS[name]] for name, each in known.items())
    return f"""\
# Settings

A server takes its settings from environment variables. It reads them once, at its start, and reports
every problem at once with the variable's name. A variable that begins with `HODEI_` and that nobody knows
is an error, so a mistyped name does not go unnoticed.

Durations are seconds as a plain number, or a number with a unit: `500ms`, `30s`, `5m`, `2h`, `90d`. For yes
and no write `1` and `0`.

## Server

{table(["Variable", "Default", "Meaning"], rows)}

## Command line

{table(["Variable", "Meaning"], ([code(name), words] for name, words in CLIENT.items()))}

## Worker

A provider gives a worker these. You need them only to start one by hand.

{table(["Variable", "Meaning"], ([_either(name), words] for name, words in AGENT.items()))}
"""


def _names(setting: Any) -> str:
    return _either(setting.metadata.get("names", "HODEI_DATA_DIR"))


def _either(names: str) -> str:
    return " or ".join(code(name) for name in names.split())


def _default(setting: Any) -> str:
    value = setting.default
    if value is NOTHING or value is None:
        return ""
    if isinstance(value, bool):
        return code(str(int(value)))
    return code(_duration(value) if isinstance(value, timedelta) else str(value))


def _duration(value: timedelta) -> str:
    seconds = value.total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"
