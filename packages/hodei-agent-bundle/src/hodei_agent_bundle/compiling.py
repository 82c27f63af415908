"""Compiles sources. A script for a fresh interpreter.

What marshal writes depends on which constants the process shares with others: only an interpreter that has
done nothing else gives the same bytes twice.

Standard input: a list of [source, target, the name that tracebacks show].
"""

from __future__ import annotations

import json
import py_compile
import sys


def main() -> None:
    for source, target, shown in json.load(sys.stdin):
        py_compile.compile(
            source,
            target,
            dfile=shown,
            doraise=True,
            optimize=2,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


if __name__ == "__main__":
    main()
