"""Seeds that found something, and what. A change of the simulation itself makes other stories of them."""

from __future__ import annotations

CORPUS: dict[int, str] = {}
