"""What every benchmark can be told on its command line, and what it does with its report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from attrs import frozen

from benchmarks.figures import Report, as_json, print_report


@frozen(kw_only=True)
class Options:
    """None means: as the benchmark sees fit."""

    count: int | None = None
    seconds: float | None = None
    rate: float | None = None
    repeat: int = 1
    workers: int = 2
    peers: bool = True
    limits: bool = True
    json: bool = False
    check: bool = False
    database_url: str | None = None


def parser(name: str, purpose: str) -> argparse.ArgumentParser:
    """The options that all benchmarks share."""
    found = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=purpose)
    found.add_argument("--count", type=_some, help="how many jobs, calls or lines to measure")
    found.add_argument("--seconds", type=float, help="how long to measure, where time is the measure")
    found.add_argument("--rate", type=float, help="calls a second, where the rate is given")
    found.add_argument("--repeat", type=_some, default=1, help="measure so often; a rate is then the median")
    found.add_argument("--workers", type=_some, default=2, help="warm workers (default: %(default)s)")
    found.add_argument("--no-peers", dest="peers", action="store_false", help="leave the peers out")
    found.add_argument("--no-limits", dest="limits", action="store_false", help="leave the limits out")
    found.add_argument("--json", action="store_true", help="print the report as JSON")
    found.add_argument("--check", action="store_true", help="exit with 1 when a bar is missed")
    found.add_argument(
        "--database-url",
        metavar="URL",
        help="a Postgres to use instead of a private one; the benchmark makes and drops databases in it",
    )
    return found


def options(source: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> Options:
    """Read the command line, or end the program with what is wrong with it."""
    return Options(**vars(source.parse_args(arguments)))


def emit(report: Report, chosen: Options) -> None:
    """Print the report as the options want it. Exit with 1 if they ask for a check and a bar was missed."""
    if chosen.json:
        print(as_json(report), flush=True)
    else:
        print_report(report)
    if chosen.check and report.missed:
        print("\n".join(("bars missed:", *(f"  {each}" for each in report.missed))), file=sys.stderr)
        sys.exit(1)


def _some(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value
