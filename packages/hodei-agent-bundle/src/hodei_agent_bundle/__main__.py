"""`python -m hodei_agent_bundle`: build a bundle by hand."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hodei_agent_bundle.build import build_archive
from hodei_agent_bundle.bundle import LOADERS, Bundle, BundleUnavailable, host_architecture
from hodei_agent_bundle.elsewhere import of_another_machine
from hodei_agent_bundle.ingredients import Ingredients, of_this_machine
from hodei_agent_bundle.shipped import ship
from hodei_agent_bundle.sources import agent_key

OK, UNAVAILABLE = 0, 69  # sysexits.h


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; return a code of sysexits.h."""
    given = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="hodei-agent-bundle-") as scratch:
            bundle = build_archive(_ingredients(given.architecture, Path(scratch)), Path(scratch))
            place = _deliver(bundle, given.output)
    except BundleUnavailable as e:
        print(f"hodei-agent-bundle: {e}", file=sys.stderr)
        return UNAVAILABLE
    print(f"{place}: {bundle.architecture}, {bundle.size / 2**20:.1f} MiB, {bundle.digest}")
    return OK


def _ingredients(architecture: str, scratch: Path) -> Ingredients:
    if architecture == host_architecture():
        return of_this_machine()
    return of_another_machine(architecture, scratch)


def _deliver(bundle: Bundle, output: Path | None) -> Path:
    if output is None:
        return ship(bundle, agent_key())
    try:
        shutil.copyfile(bundle.archive, output)
    except OSError as e:
        raise BundleUnavailable(f"{output} cannot be written: {e.strerror or e}") from e
    return output


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hodei_agent_bundle",
        description="Pack the agent so that it starts in any Linux image.",
    )
    build = parser.add_subparsers(required=True, metavar="build").add_parser(
        "build",
        help="build a bundle",
        description="Build a bundle from the running Python and the installed agent.",
    )
    build.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="write the archive there, not to where the wheel takes it from",
    )
    build.add_argument(
        "--architecture",
        choices=sorted(LOADERS),
        default=host_architecture(),
        help="for which (this machine's)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
