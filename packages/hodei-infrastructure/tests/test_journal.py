"""The journal: one line per record in each of three forms."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hodei_infrastructure.journal import JournalHandler, open_journal


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    level = root.level
    yield stream
    for handler in list(root.handlers):
        if isinstance(handler, JournalHandler):
            root.removeHandler(handler)
    root.setLevel(level)
    logging.getLogger("hodei").setLevel(logging.NOTSET)
    logging.captureWarnings(False)


def test_logfmt_quotes_what_needs_it(stream: io.StringIO) -> None:
    open_journal("info", "logfmt", stream)
    logging.getLogger("hodei.workers").info("worker %s", "released", extra={"worker": "w1", "why": 'a "b"'})
    line = stream.getvalue()
    assert line.startswith("at=")
    assert line.endswith(
        'level=info logger=hodei.workers event="worker released" worker=w1 why="a \\"b\\""\n'
    )


def test_json_is_one_object_on_one_line(stream: io.StringIO) -> None:
    open_journal("info", "json", stream)
    logging.getLogger("hodei").warning("two\nlines", extra={"n": 3, "odd": object})
    (line,) = stream.getvalue().splitlines()
    said = json.loads(line)
    assert (said["event"], said["n"], said["level"]) == ("two\nlines", 3, "warning")


def test_console_keeps_a_message_on_one_line(stream: io.StringIO) -> None:
    open_journal("info", "console", stream)
    logging.getLogger("hodei").info("forged\n12:00 INFO all is well", extra={"k": "v"})
    (line,) = stream.getvalue().splitlines()
    assert "forged\\n12:00" in line
    assert line.endswith(" k=v")


@pytest.mark.parametrize("form", ["console", "logfmt", "json"])
def test_an_error_brings_its_trace(stream: io.StringIO, form: str) -> None:
    open_journal("info", form, stream)
    try:
        raise ValueError("spilt milk")
    except ValueError:
        logging.getLogger("hodei").exception("it broke")
    assert "spilt milk" in stream.getvalue()
    assert "Traceback" in stream.getvalue()


def test_the_level_is_ours_alone(stream: io.StringIO) -> None:
    open_journal("debug", "console", stream)
    logging.getLogger("hodei.logs").debug("ours")
    logging.getLogger("library").info("theirs")
    assert "ours" in stream.getvalue()
    assert "theirs" not in stream.getvalue()


def test_opening_twice_writes_each_record_once(stream: io.StringIO) -> None:
    open_journal("info", "console", io.StringIO())
    open_journal("info", "console", stream)
    logging.getLogger("hodei").info("once")
    assert stream.getvalue().count("once") == 1


def test_a_closed_stream_is_no_reason_to_fail(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    open_journal("info", "console", stream)
    stream.close()
    logging.getLogger("hodei").info("into the void")
    assert capsys.readouterr().err == ""
