"""The hash over all that the dashboard is built from: beside the built files it says what they are of."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
BUILT = ROOT / "packages/hodei-rest/src/hodei_rest/web"

_SINGLE = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")
_FOLDERS = ("public", "src")


def sources() -> Iterator[Path]:
    """All files that a build reads, in a steady order."""
    yield from (WEB / name for name in _SINGLE)
    for folder in _FOLDERS:
        yield from sorted(path for path in (WEB / folder).rglob("*") if path.is_file())


def source_hash() -> str:
    """SHA-256 over names and contents, in hexadecimal."""
    total = hashlib.sha256()
    for path in sources():
        content = path.read_bytes()
        total.update(f"{path.relative_to(WEB).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


if __name__ == "__main__":
    sys.stdout.write(source_hash() + "\n")
