import pytest
from hodei_domain.logs.level import Level, level_of


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (b"2025-01-01 12:00:00 ERROR it broke", Level.ERROR),
        (b"[error] it broke", Level.ERROR),
        (b"error: it broke", Level.ERROR),
        (b"ERR it broke", Level.ERROR),
        (b"FATAL: it broke", Level.ERROR),
        (b'{"level":"error","msg":"info"}', Level.ERROR),
        (b"level=critical msg=x", Level.ERROR),
        (b"<crit> x", Level.ERROR),
        (b"\x1b[1;31mERROR\x1b[0m coloured", Level.ERROR),
        (b"\x1b[33mwarning\x1b[0m: coloured", Level.WARN),
        (b"Warning: old", Level.WARN),
        (b"WARN  [main] old", Level.WARN),
        (b'{"severity": "WARNING"}', Level.WARN),
        (b"12:00 INFO started", Level.INFO),
        (b"[notice] started", Level.INFO),
        (b"DEBUG x=1", Level.DEBUG),
        (b"(trace) x=1", Level.DEBUG),
        (b"INFO: retrying after ERROR", Level.INFO),
        (b"[warn] an ERROR was handled", Level.WARN),
        (b"no errors were found", Level.NONE),
        (b"there was an error somewhere", Level.NONE),
        (b"INFORMATION desk", Level.NONE),
        (b"TERRORS", Level.NONE),
        (b"", Level.NONE),
        (b"\xff\xfe ERROR", Level.ERROR),
        (b"x" * 256 + b" ERROR", Level.NONE),
    ],
)
def test_a_level_is_recognised_where_programs_write_it(line: bytes, level: Level) -> None:
    assert level_of(line) is level
